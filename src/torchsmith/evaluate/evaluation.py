"""What evaluation finds out, written as `evaluation.json`."""

from math import isfinite
from typing import Literal

import numpy as np
from pydantic import Field

from torchsmith.core.errors import DataError
from torchsmith.core.record import Record
from torchsmith.core.vocabulary import METRIC_TITLES, Kind, Metric, Part, Task
from torchsmith.evaluate.rivals import Name
from torchsmith.evaluate.shown import Shown
from torchsmith.metrics.class_report import classification_report


class Score(Record):
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        """Return the value and its interval, such as `0.98 (0.97 to 0.99)`."""
        if not (isfinite(self.low) and isfinite(self.high)):
            return f"{self.value:.4g}"
        return f"{self.value:.4g} ({self.low:.4g} to {self.high:.4g})"


class Rival(Record):
    """A simple model, fitted on the same split.

    Attributes:
        name: `constant`, `last`, `linear`, `neighbors` or `trees`.
        title: What it is, such as `"gradient-boosted trees"`.
        scores: On the test part, by metric.
        difference: The network's main metric minus the rival's, paired over the test
            rows; its sign is turned so that positive means that the network is better;
            None where it has no interval, as for the largest error and a single row.
        num_fitted: Rows that it was fitted on.
        seconds: To fit and predict.
        note: What a reader must know, such as a subsample; or why it is missing.
    """

    name: Name
    title: str
    scores: dict[Metric, Score] = {}
    difference: Score | None = None
    num_fitted: int = 0
    seconds: float = 0.0
    note: str = ""


class ClassScores(Record):
    """Scores of one class on the test part; `support` is its number of rows."""

    name: str
    precision: float
    recall: float
    f1: float
    support: int


class Curve(Record):
    """How well the probability of a class sorts the test rows.

    Attributes:
        name: The class, against all others.
        share: Of the test rows that are of the class: the precision of chance.
        roc_auc: The area under the ROC curve; chance has 0.5.
        average_precision: The area under the steps of the other curve.
        roc: Share of other rows that are found, share of rows of the class that are
            found, from (0, 0) to (1, 1).
        precision_recall: Recall and precision, from recall 0 to 1.

    Both curves have at most 200 points; straight lines between them draw the curve.
    """

    name: str
    share: float
    roc_auc: float
    average_precision: float
    roc: tuple[tuple[float, float], ...]
    precision_recall: tuple[tuple[float, float], ...]


class Group(Record):
    """Test rows of one kind on which the network does worse than on all others.

    The error of a row is 1 where its class is wrong and 0 where it is right; for values
    it is the absolute error. Intervals hold for all groups that were looked at
    together.

    Attributes:
        column: Of the table; empty for a class.
        name: A class, a level of the column, or a range of its values.
        rows: How many.
        error: Their mean error.
        others: The mean error of all other rows.
        excess: By how much it is larger.
        rival: The rival with the smallest error on these rows, of those that do no
            worse than the network on all others; empty without one.
        rival_gain: By how much the rival's error on them is smaller.
        skill: How much of the error of the best constant answer for these rows is gone
            with the network, or with a rival that does better on them: 0 is chance, 1
            is perfect. Its interval holds for this group alone; None for a class, and
            where a constant is right.
        skill_others: The same of all other rows.
    """

    column: str
    name: str
    rows: int
    error: float
    others: float
    excess: Score
    rival: str = ""
    rival_gain: Score | None = None
    skill: Score | None = None
    skill_others: Score | None = None


class Mistake(Shown):
    """One of the test examples on which the network is worst.

    Attributes:
        where: The line of the file, the file name, or the row number.
        target: What is right, as text.
        prediction: What the network said, as text.
        probability: For classification, of the prediction; else None.
        loss: Its share in the test loss (regression: the absolute error).
        rivals: Those that say the same as the network, by title: where all do, the
            label may be what is wrong.
    """

    where: str
    target: str
    prediction: str
    probability: float | None
    loss: float
    rivals: tuple[str, ...] = ()


class Mixture(Record):
    """Rows of one class that the network takes for another, wherever they lie.

    Of val and test: the labels of neither were learned.

    Attributes:
        label: Their class.
        answer: What the network says.
        rows: How many.
        right: Rows of the class that it says, that it says so of.
        order: How often a row of the first kind looks more like its label than one of
            the second does, by the odds of the two classes: 0.5 where that is chance,
            1 where all lie nearest to the border. The interval holds for all pairs of
            classes that were looked at.
    """

    label: str
    answer: str
    rows: int
    right: int
    order: Score


class Sample(Shown):
    """One of the training examples that stand for a class, or for a value.

    Attributes:
        where: What the source calls it.
        target: Its class or its value, as text.
    """

    where: str
    target: str


class Importance(Record):
    """How much the main metric gets worse when a column is shuffled."""

    column: str
    drop: Score


class Residuals(Record):
    """Actual and predicted values of at most 2,000 test rows, in the target's units."""

    actual: tuple[float, ...]
    predicted: tuple[float, ...]


class Forecast(Record):
    """The course of the test part of a forecast: its latest rows, in order of time.

    Attributes:
        time: The column that orders the rows.
        dated: Whether it holds dates, else numbers.
        times: Of the predicted rows, as text; dates as in ISO 8601.
        actual: What came, in the target's units.
        predicted: What the network said, each from the rows before.
        num_rows: Test rows of the series, of which these are the latest.
        series: Which one, where there are several: the one with most test rows.
    """

    time: str
    dated: bool
    times: tuple[str, ...]
    actual: tuple[float, ...]
    predicted: tuple[float, ...]
    num_rows: int
    series: str = ""


class Robustness(Record):
    """Scores on the test part after each of its examples was changed.

    Attributes:
        change: As it stands in the plan, such as `{RandomCrop: 22}`.
        scores: By metric; the main metric stands first.
    """

    change: str
    scores: dict[Metric, Score]


class ReliabilityBin(Record):
    """Test rows whose predictions are about equally sure.

    Attributes:
        rows: How many.
        confidence: The mean probability of their predictions.
        right: The share of these that are right, with its interval.
    """

    rows: int
    confidence: float
    right: Score


class Calibration(Record):
    """Whether the predictions of a network are as often right as it says.

    Attributes:
        temperature: What the network's logits are divided by; 1 changes nothing.
        note: On what it was fitted, or why it is 1.
        error: The expected calibration error on the test part: how far, on average, the
            probability of a prediction is from the share of such that are right.
        error_before: The same with a temperature of 1, where it is another.
        bins: Of equal widths, for a reliability diagram.
        bins_before: The same with a temperature of 1, where it is another.
    """

    temperature: float = 1.0
    note: str = ""
    error: Score
    error_before: Score | None = None
    bins: tuple[ReliabilityBin, ...]
    bins_before: tuple[ReliabilityBin, ...] = ()


class Coverage(Record):
    """Whether the intervals around predicted numbers hold what they promise.

    Attributes:
        promised: The share of targets that shall lie within, over all rows there could
            be.
        half_width: How far the ends are from the prediction, in the target's units.
        found: The share of the test targets that lie within.
        note: On what the width was fitted.
    """

    promised: float
    half_width: float
    found: Score
    note: str = ""


class Evaluation(Record):
    """Scores of a network, beside simple rivals.

    Attributes:
        kind: What the examples are.
        num_examples: In each part.
        scores: For `val` and `test`, by metric; the main metric stands first. For
            `train`, of at most 2,000 of its rows, not augmented, in eval mode.
        robustness: Scores under changes of the test part that the plan asks for.
        rivals: On the same test part.
        verdict: One sentence: is the network better than its rivals beyond noise?
        per_class: For classification.
        confusion: For classification, `(K, K)` counts; row = target, column =
            prediction.
        curves: For at most ten classes; of two classes, that of the second.
        calibration: For classes, of 30 test rows or more.
        coverage: For regression with intervals around the predictions.
        residuals: For regression.
        forecast: Where the next value of a column is predicted.
        samples: Of the training part, what each class looks like, in the order of the
            classes; for regression, from low to high. None for tables without pictures.
        mistakes: The worst first.
        surest_wrong: For classes, the share of wrong answers in that half of the test
            rows of which the network is surest; None for fewer than 60 rows.
        surest_place: Where, on average, the labels of those wrong answers stand among
            the other classes, by the network's own probabilities: from 0, the most
            probable one, to 1; 0.5 is chance. None for fewer than four classes or than
            four wrong answers.
        mixture: The pair of classes whose confusions lie least at their border; None
            for two classes, and where no pair is confused often.
        groups: Of test rows that do worse than all others beyond noise.
        importance: For tables, the most important first.
        notes: What a reader must know, such as a class without test rows.
    """

    version: Literal[1] = 1
    task: Task
    metric: Metric
    classes: tuple[str, ...] = ()
    kind: Kind = "table"
    num_examples: dict[Part, int]
    scores: dict[Part, dict[Metric, Score]]
    robustness: tuple[Robustness, ...] = ()
    rivals: tuple[Rival, ...] = ()
    verdict: str = ""
    per_class: tuple[ClassScores, ...] = ()
    confusion: tuple[tuple[int, ...], ...] = ()
    curves: tuple[Curve, ...] = ()
    calibration: Calibration | None = None
    coverage: Coverage | None = Field(
        default=None, exclude_if=lambda coverage: coverage is None
    )
    residuals: Residuals | None = None
    forecast: Forecast | None = Field(
        default=None, exclude_if=lambda forecast: forecast is None
    )
    samples: tuple[Sample, ...] = ()
    mistakes: tuple[Mistake, ...] = ()
    surest_wrong: Score | None = None
    surest_place: Score | None = None
    mixture: Mixture | None = None
    groups: tuple[Group, ...] = ()
    importance: tuple[Importance, ...] = ()
    notes: tuple[str, ...] = ()

    def with_calibration(self, note: str, lacking: str = "") -> "Evaluation":
        """Return the same that says how it was calibrated, or why it was not.

        Args:
            note: Beside what shows whether the chances or intervals keep their word.
            lacking: Why there is no temperature or interval, for whoever reads scores.
        """
        changed: dict[str, object] = {}
        if lacking:
            what = "The probabilities are not calibrated"
            if self.task == "regression":
                what = "The predictions have no intervals"
            changed["notes"] = (*self.notes, f"{what}: {lacking}.")
        if note and self.coverage is not None:
            changed["coverage"] = self.coverage.model_copy(update={"note": note})
        if note and self.calibration is not None:
            changed["calibration"] = self.calibration.model_copy(update={"note": note})
        return self.model_copy(update=changed)

    def classification_report(self, digits: int = 2) -> str:
        """Return precision, recall and F1 of each class, as scikit-learn prints them.

        Args:
            digits: Decimals.

        Raises:
            DataError: The task has no classes.
        """
        if not self.confusion:
            raise DataError(
                f"classification_report is for classes; the task is {self.task}, whose "
                "scores are in evaluation.scores"
            )
        table = np.array(self.confusion)
        return classification_report(self.classes, table, digits)

    def __str__(self) -> str:
        """Return the test scores with their intervals, the rivals, and the verdict."""
        lines = [
            f"{METRIC_TITLES[metric]}: {score}"
            for metric, score in self.scores.get("test", {}).items()
        ]
        lines += [
            f"{rival.title}: {METRIC_TITLES[self.metric]} {rival.scores[self.metric]}"
            for rival in self.rivals
            if self.metric in rival.scores
        ]
        return "\n".join([*lines, *filter(None, [self.verdict, *self.notes])])
