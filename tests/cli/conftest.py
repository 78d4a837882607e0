"""A stand-in for `torchsmith.api`, which trains nothing and answers at once."""

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

import torchsmith
from torchsmith.api.run import Outcome
from torchsmith.cli.main import cli
from torchsmith.data.split import Split
from torchsmith.doctor.diagnosis import Diagnosis
from torchsmith.evaluate.evaluation import Evaluation, Score
from torchsmith.inspect.inspection import Finding, Inspection
from torchsmith.plan.plan import Source

EVALUATION = Evaluation(
    task="binary",
    metric="accuracy",
    classes=("no", "yes"),
    num_examples={"train": 80, "val": 10, "test": 10},
    scores={
        "val": {"accuracy": Score(value=0.8, low=0.5, high=0.95)},
        "test": {"accuracy": Score(value=0.9, low=0.6, high=0.98)},
    },
    verdict="Better than the constant guess beyond noise.",
)

INSPECTION = Inspection(
    source="titanic.csv",
    fingerprint="sha256:00",
    kind="table",
    num_examples=891,
    findings=(
        Finding(code="D1", severity="warning", message="Two columns are the same."),
    ),
)


class FakePredictions:
    """Predictions of three rows."""

    where = ("2", "3", "4")
    texts = ("yes", "no", "yes")
    kept: Mapping[str, tuple[str, ...]] = {}
    probabilities = np.array([[0.1, 0.9], [0.75, 0.25], [0.4, 0.6]])
    values = np.array([1.0, 0.0, 1.0])
    notes = ("column 'deck': 1 category not seen in training",)

    def write(self, path: Path) -> None:
        Path(path).write_text("prediction\n" + "\n".join(self.texts) + "\n")

    def to_dict(self) -> Mapping[str, object]:
        return {"predictions": list(self.texts), "notes": list(self.notes)}


class FakeRun:
    """A finished run that holds no network."""

    diagnosis = Diagnosis()

    def __init__(self, path: Path) -> None:
        self.path = path
        self.report_path = path / "report.html"
        self.folder = SimpleNamespace(plan=path / "plan.yaml")
        self.evaluation = EVALUATION
        self.inspection = INSPECTION
        self.plan = SimpleNamespace(
            data=Source(source="titanic.csv"),
            training=SimpleNamespace(epochs=10, seconds=60.0),
            stopping=SimpleNamespace(patience=7),
            split=Split(),
        )
        self.outcome = Outcome(stopped="", ending="epochs", seconds={"train": 20.0})

    def summary(self) -> Mapping[str, object]:
        score = {"value": 0.9, "low": 0.6, "high": float("nan")}
        return {"run": str(self.path), "metrics": {"test": {"accuracy": score}}}

    def predict(
        self, source: object, keep: tuple[str, ...], observer: Any
    ) -> FakePredictions:
        del keep
        observer.stage(f"Predicting {source}")
        return FakePredictions()

    def evaluate(self, source: object, observer: Any) -> Evaluation:
        observer.stage(f"Evaluating on {source}")
        return EVALUATION.model_copy(update={"verdict": f"On {source}."})

    def report(self, path: Path | None = None) -> Path:
        return path or self.report_path


class FakeExplanation:
    """A page that shows nothing."""

    numbers: Mapping[str, object] = {"title": "titanic"}

    def save(self, path: Path) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("<html></html>")
        return path


class FakeApi(ModuleType):
    """Answers as `torchsmith.api` does; `calls` holds what it was asked."""

    def __init__(self) -> None:
        super().__init__("torchsmith.api")
        # What is in the package itself can still be imported from it.
        self.__path__ = [str(Path(torchsmith.__file__).parent / "api")]
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.failure: BaseException | None = None
        self.rows: Sequence[object] = ()
        self.diagnosis = Diagnosis()

    def inspect(self, source: str, **given: Any) -> Inspection:
        self._called("inspect", source=source, **given)
        return INSPECTION

    def train(self, what: object = None, **given: Any) -> FakeRun:
        self._called("train", what=what, **given)
        return FakeRun(given["runs"] / "2026-11-20-1432-titanic")

    def load_run(self, path: object, runs: object = "runs") -> FakeRun:
        self._called("load_run", path=path, runs=runs)
        Path(str(path)).mkdir(parents=True, exist_ok=True)
        return FakeRun(Path(str(path)))

    def open_run(self, path: object, runs: object = "runs") -> FakeRun:
        return self.load_run(path, runs=runs)

    def doctor(self, what: object, **given: Any) -> Diagnosis:
        self._called("doctor", what=what, **given)
        return self.diagnosis

    def explain(self, what: object, **given: Any) -> FakeExplanation:
        path = what.path if isinstance(what, FakeRun) else what
        self._called("explain", what=path, **given)
        return FakeExplanation()

    def runs(self, folder: Path, observer: Any) -> Sequence[object]:
        del observer
        self._called("runs", folder=folder)
        return self.rows

    def compare(
        self, runs: Sequence[str], folder: Path, observer: Any
    ) -> Sequence[object]:
        self._called("compare", runs=list(runs), folder=folder, observer=observer)
        return self.rows

    def _called(self, name: str, /, **given: Any) -> None:
        if observer := given.pop("observer", None):
            observer.stage("Working")
        self.calls.append((name, given))
        if self.failure is not None:
            raise self.failure


@pytest.fixture
def fake_api(monkeypatch: pytest.MonkeyPatch) -> FakeApi:
    """`torchsmith.api` for the time of one test."""
    api = FakeApi()
    monkeypatch.setitem(sys.modules, "torchsmith.api", api)
    monkeypatch.setattr(torchsmith, "api", api, raising=False)
    return api


@pytest.fixture
def run_cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run the command line in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    return lambda *arguments: CliRunner().invoke(
        cli, [str(a) for a in arguments], prog_name="torchsmith"
    )
