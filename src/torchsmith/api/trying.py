"""Plans of one data set, trained for the same steps and compared on the val part."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import hypot, sqrt
from time import perf_counter
from typing import NamedTuple

import numpy as np
from torch import nn

from torchsmith.api.carrying import torch_threads
from torchsmith.api.evaluating import true_targets
from torchsmith.api.origin import Origin
from torchsmith.api.run import Run
from torchsmith.core.errors import Diverged, TrainError
from torchsmith.core.vocabulary import Metric
from torchsmith.data.data import Data
from torchsmith.evaluate.evaluation import Score
from torchsmith.metrics.intervals import difference
from torchsmith.metrics.normal import Z95
from torchsmith.metrics.resamples import Resamples
from torchsmith.metrics.score import score
from torchsmith.plan.plan import Plan
from torchsmith.plan.settings import differences
from torchsmith.train.engines.choose import choose_engine
from torchsmith.train.history import EpochRecord
from torchsmith.train.loop import evaluate_loss, fit
from torchsmith.train.model import finish_outputs
from torchsmith.train.session import Session
from torchsmith.train.setup import Setup, set_up, set_up_beside
from torchsmith.train.watch import TrainingObserver

STUDENT = {1: 12.7, 2: 4.3, 3: 3.18, 4: 2.78}
"""97.5 % points of Student's t by degrees of freedom, for a few seeds."""

SAME_WEIGHTS = ("training.engine", "training.threads", "calibration", "robustness")
"""Settings that do not change which weights a training ends with."""

BESIDE = ("optimizer", "schedule", "init", "averaging", "training", "stopping")
"""Sections that may differ where prepared data and loss are shared."""


@dataclass(frozen=True)
class Attempt:
    """One training of a contest.

    Attributes:
        outputs: On the val part, `(N, K)` probabilities or `(N,)` values in the
            target's own units, of the weights that the plan keeps; None where training
            failed.
        epochs: That were trained.
        seconds: That it took.
        failure: Why there are no outputs, in a sentence.
    """

    outputs: np.ndarray | None
    epochs: int
    seconds: float
    failure: str = ""


class Gain(NamedTuple):
    """By how much trainings are better than others; positive is better.

    Attributes:
        score: In the metric's units, with its 95 % interval.
        error: Its standard error.
    """

    score: Score
    error: float


class Contest:
    """Trains plans of the same data, and compares them on the same val part.

    Args:
        plan: With which others are compared; its split and its metric count.
        data: All examples.
        run: Whose newest checkpoint may be a place to begin at.

    Attributes:
        num_val: Examples on which plans are compared.
        origin: That place, where the run did not come to its end.
        known: The training of the plan that the run itself was; None where it did not
            come to its end, or where the plan trains something else.

    Raises:
        DataError: The data cannot be split or prepared as planned.
        PlanError: The network does not fit the data.
        TrainError: There is no val part.
    """

    def __init__(self, plan: Plan, data: Data, run: Run) -> None:
        self._plan = plan
        self._data = data
        self._setup = set_up(plan, data)
        val = self._setup.parts.val
        if not len(val):
            raise TrainError(
                "remedies are compared on the val part, and this run has none; train "
                "with one: --set split.val=0.15"
            )
        self.num_val = len(val)
        self._targets = true_targets(self._setup.preparation, data, val)
        self._resamples = Resamples(len(val), plan.training.seed)
        self._constant = _constant(self._setup, plan, data)
        self.origin = Origin.of(run, self._setup, plan)
        self.known = self._of_run(run)

    @property
    def metric(self) -> Metric:
        """By which plans are compared."""
        return self._plan.problem.metric

    def train(
        self,
        plan: Plan,
        *,
        seed: int,
        epochs: int,
        seconds: float,
        observer: TrainingObserver,
        origin: Origin | None = None,
    ) -> Attempt:
        """Train a plan, or only begin to, and predict for the val part.

        Args:
            plan: With the same split.
            seed: Instead of its own.
            epochs: So many, at most to the end of the plan; the schedule goes as
                planned for the whole length.
            seconds: That it may take; what takes longer counts as failed.
            observer: Is told about each epoch.
            origin: Where to begin; the start where not given.

        Raises:
            Interrupted: The person asked to stop.
        """
        begin, history = perf_counter(), _History(observer)
        seeded = plan.training.model_copy(update={"seed": seed})
        plan = plan.model_copy(update={"training": seeded})
        try:
            with torch_threads(plan.training.threads):
                outputs = self._train(plan, epochs, seconds, history, origin)
        except Diverged:
            failure = f"diverges in epoch {len(history.records) + 1}"
        except (ValueError, RuntimeError) as error:  # PyTorch's own ones, too
            failure = (str(error).splitlines() or [type(error).__name__])[0]
        else:
            if np.isfinite(outputs).all():
                seconds = perf_counter() - begin
                return Attempt(outputs, len(history.records), seconds)
            failure = "its outputs are no finite numbers"
        return Attempt(None, len(history.records), perf_counter() - begin, failure)

    def score(self, attempt: Attempt) -> float | None:
        """Return the metric on val; None where training failed."""
        if attempt.outputs is None:
            return None
        return score(self.metric, self._targets, attempt.outputs)

    @property
    def finer(self) -> Metric | None:
        """What tells plans apart that are right as often; None where nothing does."""
        is_finer = self._plan.problem.task != "regression" and self.metric != "log_loss"
        return "log_loss" if is_finer else None

    def gain(
        self,
        ours: Sequence[Attempt],
        theirs: Sequence[Attempt],
        metric: Metric | None = None,
    ) -> Gain:
        """Return by how much trainings are better than others.

        The interval holds that other examples, and other seeds, would give other
        numbers. What failed counts as the best constant answer.

        Args:
            ours: One for each seed.
            theirs: Of the same seeds.
            metric: By which; that of the plan where not given.
        """
        each = [
            difference(
                metric or self.metric,
                self._targets,
                self._outputs(mine),
                self._outputs(other),
                self._resamples,
            )
            for mine, other in zip(ours, theirs, strict=True)
        ]
        values = np.array([one.value for one in each])
        value = float(values.mean())
        low = value - float(np.mean([one.low for one in each]))
        high = float(np.mean([one.high for one in each])) - value
        error = 0.0
        if len(each) > 1:
            error = float(values.std(ddof=1)) / sqrt(len(each))
        spread = STUDENT.get(len(each) - 1, Z95) * error
        score = Score(
            value=value,
            low=value - hypot(low, spread),
            high=value + hypot(high, spread),
        )
        return Gain(score, hypot((low + high) / (2 * Z95), error))

    def _of_run(self, run: Run) -> Attempt | None:
        changed = differences(self._plan, run.plan)
        if self._setup.job.val is None or not run.folder.outcome.is_file():
            return None
        if not all(path.startswith(SAME_WEIGHTS) for path in changed):
            return None
        try:
            network = run.network.to(self._setup.job.device)
        except TrainError:  # it is damaged, and trained again
            return None
        outputs = self._on_val(self._plan, self._setup, network)
        seconds = sum(record.seconds for record in run.history)
        return Attempt(outputs, len(run.history), seconds)

    def _on_val(self, plan: Plan, setup: Setup, network: nn.Module) -> np.ndarray:
        if setup.job.val is None:
            raise AssertionError(plan.split)
        _, outputs, _ = evaluate_loss(setup.job, network, setup.job.val)
        return finish_outputs(plan.problem, plan.loss, setup.preparation, outputs)

    def _outputs(self, attempt: Attempt) -> np.ndarray:
        return self._constant if attempt.outputs is None else attempt.outputs

    def _train(
        self,
        plan: Plan,
        epochs: int,
        seconds: float,
        history: "_History",
        origin: Origin | None,
    ) -> np.ndarray:
        setup = self._set_up(plan)
        state = setup.state
        if origin is not None:
            origin.put_into(state)
        end = min(state.epoch + epochs, plan.training.epochs)
        shorter = plan.training.model_copy(update={"epochs": end, "seconds": seconds})
        job = replace(setup.job, training=shorter)
        engine = choose_engine(job, state)
        fit(job, state, Session(job, observers=[history]), engine.train_epoch)
        if state.ending == "seconds":
            raise TrainError(f"takes longer than {seconds:.0f} s")
        return self._on_val(plan, setup, state.network)

    def _set_up(self, plan: Plan) -> Setup:
        changed = {path.partition(".")[0] for path in differences(plan, self._plan)}
        if changed.issubset(BESIDE):
            return set_up_beside(self._setup, plan)
        return set_up(plan, self._data, self._setup.parts)


class _History(TrainingObserver):
    """Keeps the records of one training, and passes each on."""

    def __init__(self, observer: TrainingObserver) -> None:
        self._observer = observer
        self.records: list[EpochRecord] = []

    def on_epoch_end(self, record: EpochRecord) -> None:
        self.records.append(record)
        self._observer.on_epoch_end(record)


def _constant(setup: Setup, plan: Plan, data: Data) -> np.ndarray:
    """Return the best answer that does not look at the input, for each val example."""
    train, num_val = setup.parts.train, len(setup.parts.val)
    targets = true_targets(setup.preparation, data, train)
    if plan.problem.task == "regression":
        return np.full(num_val, targets.mean())
    counts = np.bincount(targets, minlength=len(plan.problem.classes))
    return np.tile(counts / counts.sum(), (num_val, 1))
