"""A run: what was asked, what happened, what came out, and what it can do."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, assert_never

from pydantic import Field, ValidationError

from torchsmith.api.opened import Opened
from torchsmith.api.planning import Source
from torchsmith.api.predictions import Predictions
from torchsmith.api.surroundings import as_planned
from torchsmith.core.environment import read_environment
from torchsmith.core.errors import DataError, TrainError
from torchsmith.core.observer import QUIET, Observer
from torchsmith.core.record import Record
from torchsmith.core.run_folder import RunFolder, run_names
from torchsmith.core.vocabulary import Ending
from torchsmith.doctor.diagnosis import Diagnosis
from torchsmith.evaluate.evaluation import Evaluation
from torchsmith.evaluate.outlook import longer
from torchsmith.inspect.inspection import Inspection
from torchsmith.plan.file import read_plan
from torchsmith.plan.plan import Plan
from torchsmith.train.ending import ending_of
from torchsmith.train.history import EpochRecord
from torchsmith.train.watch import TrainingObserver

if TYPE_CHECKING:
    from torch import nn

    from torchsmith.api.ejecting import Ejected
    from torchsmith.api.mended import Mended
    from torchsmith.train.model import Model
    from torchsmith.train.snapshots import Snapshots


_R = TypeVar("_R", bound=Record)

_SILENT = TrainingObserver()


class Outcome(Record):
    """How a run ended, written as `outcome.json`.

    Attributes:
        stopped: Why training ended, as a sentence.
        ending: The same, to be compared with; an older version wrote the sentence only.
        seconds: `total` and `train`.
        notes: What the person was told, such as a damaged checkpoint.
        outlook: What more time would likely bring, in a sentence or two.
    """

    stopped: str
    ending: Ending = Field(default_factory=lambda given: ending_of(given["stopped"]))
    seconds: dict[str, float]
    notes: tuple[str, ...] = ()
    outlook: str = ""

    def longer(self, plan: Plan, file: Path) -> str:
        """Return the command that trains for longer; empty where it would not help.

        Args:
            plan: Of the run.
            file: That holds the plan.
        """
        seconds = self.seconds.get("train", 0.0)
        return longer(self.outlook, plan, file, self.ending, seconds)


class Run(Opened):
    """A run folder, opened.

    Attributes:
        path: The folder.
        folder: Its files.
        plan: What was asked, with its reasons.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        _require_plan(self.folder)
        self.plan: Plan = read_plan(self.folder.plan)

    @cached_property
    def model(self) -> "Model":
        """The network with its best weights, and the fitted preparation.

        Raises:
            TrainError: The model is not there yet, or damaged.
        """
        from torchsmith.train.model import Model

        self.folder.check_model()
        with as_planned():
            return Model.load(self.folder.model)

    @property
    def network(self) -> "nn.Module":
        """The trained `torch.nn.Module`, in eval mode."""
        return self.model.network

    @cached_property
    def inspection(self) -> Inspection:
        """What was found out about the data."""
        return _read(
            Inspection,
            self.folder.inspection,
            lambda: f"restore it from a copy, or {self.folder.way_on}",
        )

    @cached_property
    def evaluation(self) -> Evaluation:
        """Scores with intervals, beside simple rivals.

        Raises:
            TrainError: The run has not been evaluated yet; says how to go on.
        """
        return _read(Evaluation, self.folder.evaluation, lambda: self.folder.way_on)

    @cached_property
    def outcome(self) -> Outcome:
        """How the run ended."""
        return _read(Outcome, self.folder.outcome, lambda: self.folder.way_on)

    @cached_property
    def diagnosis(self) -> Diagnosis:
        """What the doctor says; nothing where the plan did not ask it.

        Raises:
            TrainError: The file is damaged.
        """
        from torchsmith.api.doctoring import read_diagnosis

        return read_diagnosis(self.folder) or Diagnosis()

    @cached_property
    def history(self) -> tuple[EpochRecord, ...]:
        """What is known after each epoch."""
        return tuple(read_history(self.folder.metrics))

    @cached_property
    def snapshots(self) -> "Snapshots":
        """The first layer's weights over time, an array for each epoch; 0 is before.

        At most 256 rows, and fewer of a large layer; `snapshots.parameter` names it.

        Raises:
            TrainError: A file is damaged.
        """
        from torchsmith.train.snapshots import Snapshots

        return Snapshots.read(self.folder)

    @cached_property
    def environment(self) -> Mapping[str, str]:
        """On what the run was made; empty where that cannot be read."""
        return read_environment(self.folder.environment)

    @property
    def seconds(self) -> Mapping[str, float]:
        """`total` and `train`."""
        return self.outcome.seconds

    def predict(
        self,
        source: Source,
        *,
        keep: str | Sequence[str] = (),
        observer: Observer = QUIET,
    ) -> Predictions:
        """Predict for new data with the preparation that was fitted in training.

        Args:
            source: A file, a folder of pictures, a data frame, rows as mappings, or
                arrays; for sequences also a list of arrays `(C, L)` or of texts.
                Columns may stand in any order; extra ones are ignored.
            keep: A column of a table, or several, such as an id, to copy beside the
                predictions.
            observer: Is told what is going on.

        Raises:
            DataError: A column is missing, or a value cannot be read; says where.
        """
        from torchsmith.api.using import predict_with

        skip = self.plan.data.skip_damaged
        return predict_with(self.model, source, observer, keep, skip_damaged=skip)

    def evaluate(self, source: Source, *, observer: Observer = QUIET) -> Evaluation:
        """Score the network on other data with known targets, without rivals.

        Examples whose target is missing are not scored, and a note counts them.

        Raises:
            DataError: The data cannot be read, or its targets are not there.
        """
        from torchsmith.api.using import evaluate_with

        skip = self.plan.data.skip_damaged
        return evaluate_with(self.model, source, observer, skip_damaged=skip)

    def _report_html(self) -> str:
        from torchsmith.api.reporting import report_html

        return report_html(self)

    def eject(
        self,
        path: str | Path = "train.py",
        *,
        verify: bool = False,
        observer: Observer = QUIET,
    ) -> "Ejected":
        """Write the run as one script of plain PyTorch that gives the same weights.

        Args:
            path: The file; one that ends in `.ipynb` becomes a notebook.
            verify: Run it, and compare its weights and scores with the run's.
            observer: Is told what is going on, and each line that the script prints.

        Raises:
            DataError: The run's data is not there any more, or has changed.
            PlanError: The run cannot be written down in plain PyTorch.
        """
        from torchsmith.api.ejecting import eject

        return eject(self, path, verify=verify, observer=observer)

    def fix(
        self, *, train: bool = False, observer: TrainingObserver = _SILENT
    ) -> "Mended":
        """Try what the doctor recommends beside the run's own plan; keep what wins.

        Args:
            train: Train the mended plan, too, into a run folder beside this one.
            observer: Is told how it goes, and how long it will take.

        Raises:
            DataError: The run's data is not there any more, or has changed.
            TrainError: There is no val part to compare on, or the folder is read-only.
        """
        from torchsmith.api.remedying import fix

        return fix(self, observer, train=train)

    def summary(self) -> dict[str, object]:
        """Return what `train --json` prints."""
        evaluation = self.evaluation
        return {
            "run": str(self.path),
            "task": evaluation.task,
            "verdict": evaluation.verdict,
            "metrics": {
                part: {name: score.model_dump() for name, score in scores.items()}
                for part, scores in evaluation.scores.items()
            },
            "baselines": {
                rival.name: {name: score.value for name, score in rival.scores.items()}
                for rival in evaluation.rivals
            },
            "calibration": _calibration(evaluation),
            **_coverage(evaluation),
            "seconds": {
                **self.outcome.seconds,
                "epochs": [record.seconds for record in self.history],
            },
            "report": str(self.report_path),
            "stopped": self.outcome.stopped,
            "ending": self.outcome.ending,
            "outlook": self.outcome.outlook,
        }


def _calibration(evaluation: Evaluation) -> dict[str, object] | None:
    """Return the temperature and the calibration error without its diagram."""
    if evaluation.calibration is None:
        return None
    return evaluation.calibration.model_dump(exclude={"bins", "bins_before"})


def _coverage(evaluation: Evaluation) -> dict[str, object]:
    """Return what the intervals around predictions promise and hold, if there are."""
    found = evaluation.coverage
    return {} if found is None else {"coverage": found.model_dump()}


def _require_plan(folder: RunFolder) -> None:
    """Refuse a folder that is no run of a plan.

    Raises:
        DataError: Says what it is, and what to name instead.
    """
    path = folder.path
    match folder.kind:
        case "plan":
            return
        case "fit":
            raise DataError(
                f"{path}: holds your own module, trained by torchsmith.fit; load its "
                "weights with: module.load_state_dict(safetensors.torch.load_file("
                f"{str(folder.model / 'network.safetensors')!r}))"
            )
        case "study":
            names = run_names(folder.members)
            raise DataError(
                f"{path}: is a study of {len(names)} runs; name one of them, such as "
                f"{folder.members / names[0] if names else folder.members}"
            )
        case "lesson":
            raise DataError(
                f"{path}: is a lesson, which keeps no network; its program is "
                f"{folder.program}"
            )
        case _:
            assert_never(folder.kind)


def read_history(path: Path) -> list[EpochRecord]:
    """Read `metrics.jsonl`; what follows a damaged line is left out."""
    if not path.is_file():
        return []
    records: list[EpochRecord] = []
    for line in path.read_bytes().splitlines():
        try:
            records.append(EpochRecord.model_validate_json(line))
        except ValidationError:
            break
    return records


def load_run(run: str | Path | Run = "last", *, runs: str | Path = "runs") -> Run:
    """Open a run by path, by name, or the newest by `"last"`; an open one is itself.

    Raises:
        DataError: There is no such run; near names are offered.
    """
    if isinstance(run, Run):
        return run
    return Run(RunFolder.find(run, Path(runs)).path)


def _read(model: type[_R], path: Path, remedy: Callable[[], str]) -> _R:
    try:
        return model.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise TrainError(
            f"{path}: is not there: the run did not get so far; {remedy()}"
        ) from error
    except ValidationError as error:
        raise TrainError(
            f"{path}: is damaged ({error.errors()[0]['msg']}); {remedy()}"
        ) from error
