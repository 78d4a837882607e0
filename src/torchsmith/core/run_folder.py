"""The run folder: the only place that knows its file names.

```
runs/2026-11-20-1432-mnist/
  plan.yaml  inspection.json  environment.json        what was asked, of what, on what
  default.yaml                                        what Torchsmith had chosen
  metrics.jsonl  tensorboard/                         as it went
  snapshots/epoch-00001.safetensors                   the first layer's weights then
  checkpoints/00000600/{state.safetensors,state.json,manifest.json}
  model/{network.safetensors,model.json,manifest.json}
  signals.jsonl  diagnosis.json                       what the doctor saw, and says
  mended.yaml                                         the plan with its remedies
  evaluation.json  outcome.json  report.html          what came out

runs/2026-11-20-1440-optimizers/
  study.yaml  environment.json                        one plan and its variants
  runs/Adam-seed0/                                    a run of a plan for each member
  study.json  report.html  figures/                   what came out

runs/2026-11-20-1450-sine-cubic/
  lesson.json  lesson.py  environment.json            what came out, and the program
  report.html  figures/
```
"""

import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Literal

from torchsmith.core.commands import command
from torchsmith.core.errors import DataError, TrainError
from torchsmith.core.files import (
    MANIFEST,
    committed_folder,
    damage,
    make_folder,
    sync_folder,
    write_atomic,
    write_failed,
)
from torchsmith.core.lock import held, other_holder
from torchsmith.core.no_run import no_run, require_name
from torchsmith.core.slugs import named_after, run_slug

KEPT_CHECKPOINTS = 2
STALE_SECONDS = 3600.0
"""Making a run folder takes milliseconds; one that is so old was left by a crash."""
MINUTE = "%Y-%m-%d-%H%M"

FolderKind = Literal["plan", "fit", "study", "lesson"]
"""Of what a run folder is: of a plan, a person's own module, a study or a lesson."""

FIRST_FILES: Mapping[str, FolderKind] = {
    "plan.yaml": "plan",
    "fit.json": "fit",
    "study.yaml": "study",
    "lesson.json": "lesson",
}
"""The file that each kind of run begins with."""

_DATED = re.compile(r"\d{4}-\d\d-\d\d-\d{4}")
_CHECKPOINT = re.compile(r"[0-9]{8,}(-[0-9]+)?")
_SNAPSHOT = re.compile(r"epoch-([0-9]{5,})\.safetensors")


class RunFolder:
    """Where the files of one run lie, and how they are written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.plan = path / "plan.yaml"
        self.default_plan = path / "default.yaml"
        self.fit = path / "fit.json"
        self.study = path / "study.yaml"
        self.members = path / "runs"
        self.study_results = path / "study.json"
        self.lesson = path / "lesson.json"
        self.program = path / "lesson.py"
        self.figures = path / "figures"
        self.inspection = path / "inspection.json"
        self.environment = path / "environment.json"
        self.metrics = path / "metrics.jsonl"
        self.tensorboard = path / "tensorboard"
        self.snapshots = path / "snapshots"
        self.checkpoints = path / "checkpoints"
        self.model = path / "model"
        self.evaluation = path / "evaluation.json"
        self.outcome = path / "outcome.json"
        self.signals = path / "signals.jsonl"
        self.diagnosis = path / "diagnosis.json"
        self.mended = path / "mended.yaml"
        self.report = path / "report.html"
        self._damaged: list[Path] = []

    @property
    def name(self) -> str:
        """The folder's own name."""
        return self.path.name

    @property
    def begun(self) -> float:
        """When the run began, as `time.time`; what is written later does not count."""
        first = self.environment if self.environment.exists() else self.path
        return first.stat().st_mtime

    @property
    def kind(self) -> FolderKind:
        """Of what this is a run folder.

        Raises:
            DataError: It is none.
        """
        kind = kind_of(self.path)
        if kind is None:
            raise DataError(
                f"{self.path}: is no run folder; list them with: {command('runs')}"
            )
        return kind

    @property
    def go_on(self) -> str:
        """The command, or the call, with which an interrupted run is resumed."""
        if self.fit.is_file():
            return f"torchsmith.fit(…, resume={str(self.path)!r})"
        return command("train", "--resume", self.path)

    @property
    def way_on(self) -> str:
        """What to do about a run that is not at its end."""
        if holder := other_holder(self.path):
            return f"it is being trained by {holder}; wait until that ends"
        return f"go on with: {self.go_on}"

    @classmethod
    def create(cls, runs: Path, name: str, files: Mapping[str, str]) -> "RunFolder":
        """Make a new run folder, in one step, with its first files.

        Args:
            runs: The folder of all runs; made where it is missing.
            name: What it is about, or its source; date and time are put before it.
            files: Name and content, one of `FIRST_FILES` among them; a name may lie
                in a folder, such as `figures/loss.svg`.

        Raises:
            TrainError: The folder cannot be written.
        """
        stem = f"{datetime.now().astimezone():{MINUTE}}-{run_slug(named_after(name))}"
        try:
            make_folder(runs)
            _remove_stale(runs)
            for number in range(1, 10_000):
                path = runs / (stem if number == 1 else f"{stem}-{number}")
                if _make(path, files):
                    return cls(path)
        except OSError as error:
            raise write_failed(runs, error) from error
        raise TrainError(f"{runs}: too many runs named {stem}; choose another --name")

    @classmethod
    def create_member(
        cls, study: "RunFolder", name: str, files: Mapping[str, str]
    ) -> "RunFolder":
        """Make the run folder of a study's member, in one step; its name is exact.

        This process must hold the study: what another left half-made is removed.

        Raises:
            TrainError: The folder cannot be written, or is there already.
        """
        path = study.members / name
        try:
            make_folder(study.members)
            shutil.rmtree(path.with_name(f".{name}.new"), ignore_errors=True)
            made = _make(path, files)
        except OSError as error:
            raise write_failed(path, error) from error
        if not made:
            raise TrainError(f"{path}: is there already, and is no run; remove it")
        return cls(path)

    @classmethod
    def find(cls, run: str | Path, runs: Path) -> "RunFolder":
        """Find a run by path, by name (with its date or without), or by `last`.

        Raises:
            DataError: There is no such run, or several; their names are offered.
        """
        require_name(run)
        names = run_names(runs)
        if str(run) == "last":
            if not names:
                raise DataError(
                    f"there is no run in {runs}; "
                    "start one with: torchsmith train SOURCE"
                )
            return cls(runs / names[-1])
        for path in (Path(run), runs / run):
            if is_run(path):
                return cls(path)
        if found := runs_called(str(run), runs):
            if len(found) == 1:
                return cls(runs / found[0])
            raise DataError(
                f"{len(found)} runs are called {run}: {', '.join(found)}; name one"
            )
        raise no_run(run, names, runs)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder for this process alone; freed even by kill -9.

        Raises:
            TrainError: Another process holds it, or the folder is read-only.
        """
        with held(self.path):
            self._sweep()
            yield

    def save_checkpoint(self, step: int, fill: Callable[[Path], None]) -> Path:
        """Commit a checkpoint under a new name, then keep it and the one before.

        Nothing that is whole is removed or replaced before the new one is there.

        Args:
            step: Optimizer steps done.
            fill: Writes the files into the folder that it is given.

        Raises:
            TrainError: The disk is full, read-only, or failed.
        """
        try:
            return self._save_checkpoint(step, fill)
        except OSError as error:
            raise write_failed(self.checkpoints, error) from error

    def _save_checkpoint(self, step: int, fill: Callable[[Path], None]) -> Path:
        same = [_position(p)[1] for p in self._checkpoints() if _position(p)[0] == step]
        again = f"-{max(same) + 1}" if same else ""
        path = self.checkpoints / f"{step:08d}{again}"
        with committed_folder(path) as temporary:
            fill(temporary)
        # Training went on from a whole checkpoint: those after this one are damaged.
        whole = [
            other
            for other in self._checkpoints()
            if other not in self._damaged and _position(other) <= _position(path)
        ]
        for other in self._checkpoints():
            if other not in whole[-KEPT_CHECKPOINTS:]:
                shutil.rmtree(other, ignore_errors=True)
        return path

    def newest_checkpoint(self) -> tuple[Path | None, list[str]]:
        """Return the newest checkpoint that verifies, and what ails newer ones.

        Raises:
            TrainError: The folder of checkpoints cannot be read.
        """
        problems: list[str] = []
        try:
            checkpoints = self._checkpoints()
        except OSError as error:
            raise TrainError(
                f"{self.checkpoints}: cannot be read ({error.strerror or error}); "
                "check its permissions and the disk, then go on with: " + self.go_on
            ) from error
        for path in reversed(checkpoints):
            problem = damage(path)
            if not problem:
                return path, problems
            self._damaged.append(path)
            problems.append(f"checkpoint {path.name} is damaged: {problem}")
        return None, problems

    def snapshot(self, epoch: int) -> Path:
        """Return where the first layer's weights after an epoch are."""
        return self.snapshots / f"epoch-{epoch:05d}.safetensors"

    def snapshot_files(self) -> dict[int, Path]:
        """Return the snapshots that are there, by epoch, the first first."""
        found = self.snapshots.iterdir() if self.snapshots.is_dir() else ()
        named = ((_SNAPSHOT.fullmatch(path.name), path) for path in found)
        return dict(sorted((int(name[1]), path) for name, path in named if name))

    def save_model(self, fill: Callable[[Path], None]) -> None:
        """Commit the folder with the best weights and the fitted preparation."""
        with committed_folder(self.model, replaces=True) as temporary:
            fill(temporary)

    def check_model(self) -> None:
        """Refuse a model that is missing or damaged.

        Raises:
            TrainError: Says which file, and what to do.
        """
        if not (self.model / MANIFEST).is_file():
            raise TrainError(f"{self.path}: this run has no model yet; {self.way_on}")
        problem = damage(self.model)
        if problem:
            raise TrainError(
                f"{self.model}: the model is damaged ({problem}); restore it from a "
                f"copy, or make it again: {self.go_on}"
            )

    def _checkpoints(self) -> list[Path]:
        if not self.checkpoints.is_dir():
            return []
        found = (p for p in self.checkpoints.iterdir() if _CHECKPOINT.fullmatch(p.name))
        return sorted(found, key=_position)

    def _sweep(self) -> None:
        """Remove what a killed process left half-written; we hold the lock."""
        try:
            for path in list(self.path.rglob("*.tmp-*")):
                if path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink(missing_ok=True)
        except OSError as error:
            raise write_failed(self.path, error) from error


def kind_of(path: Path) -> FolderKind | None:
    """Return of what a folder is the run folder, or None."""
    found = (kind for file, kind in FIRST_FILES.items() if (path / file).is_file())
    return next(found, None)


def is_run(path: Path) -> bool:
    """Whether a folder is a run: of a plan, of `fit`, of a study or of a lesson."""
    return kind_of(path) is not None


def run_names(runs: Path) -> list[str]:
    """Return the names of the runs in a folder, the oldest first."""
    if not runs.is_dir():
        return []
    found = [p for p in runs.iterdir() if not p.name.startswith(".") and is_run(p)]
    return [p.name for p in sorted(found, key=_started)]


def runs_called(name: str, runs: Path) -> list[str]:
    """Return the names of the runs that are called so, date and time left out."""
    called = re.compile(rf"{_DATED.pattern}-{re.escape(run_slug(name))}(-\d+)?")
    return [dated for dated in run_names(runs) if called.fullmatch(dated)]


def _started(path: Path) -> tuple[str, float, str]:
    """Return when a run began, to sort by."""
    written = RunFolder(path).begun
    minute = f"{datetime.fromtimestamp(written).astimezone():{MINUTE}}"
    named = _DATED.match(path.name)
    return named.group() if named else minute, written, path.name


def _make(path: Path, files: Mapping[str, str]) -> bool:
    """Make a run folder in one step; False where the name is taken."""
    # The temporary folder takes the name first, so that two runs that start in the
    # same minute cannot both have it.
    temporary = path.with_name(f".{path.name}.new")
    try:
        temporary.mkdir()
    except FileExistsError:
        return False
    try:
        if path.exists():
            temporary.rmdir()
            return False
        for file, content in files.items():
            (temporary / file).parent.mkdir(exist_ok=True)
            write_atomic(temporary / file, content)
        if kind_of(temporary) in ("plan", "fit"):
            (temporary / "checkpoints").mkdir()
        sync_folder(temporary)
        temporary.rename(path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    sync_folder(path.parent)
    return True


def _remove_stale(runs: Path) -> None:
    """Remove what was left by processes that were killed while they made a run."""
    for path in runs.glob(".*.new"):
        with suppress(FileNotFoundError):  # another process may do the same
            if time.time() - path.stat().st_mtime > STALE_SECONDS:
                shutil.rmtree(path, ignore_errors=True)


def _position(checkpoint: Path) -> tuple[int, int]:
    """Return a checkpoint's step, and which of those at this step it is."""
    step, _, number = checkpoint.name.partition("-")
    return int(step), int(number or 1)
