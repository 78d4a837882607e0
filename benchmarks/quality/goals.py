"""What is to be reached, and whether it is."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.quality.cases import BUDGET, CASES, UCR
from benchmarks.quality.results import LESS_IS_BETTER, OURS, Results
from benchmarks.quality.rivals import RIVALS
from benchmarks.quality.scores import interval

SEEDS = 5
SLACK = 1.1
"""A run may take a tenth more than its budget."""


@dataclass(frozen=True)
class Verdict:
    """What a goal's numbers are.

    Attributes:
        measured: In words; empty where nothing is measured yet.
        reached: None where not all seeds, splits or folds are measured.
    """

    measured: str = ""
    reached: bool | None = None


def verdict(measured: str, runs: int, *, good: bool) -> Verdict:
    """Decide only when all seeds, splits or folds are measured."""
    return Verdict(measured, good if runs >= SEEDS else None)


@dataclass(frozen=True)
class Goal:
    """One bar.

    Attributes:
        title: Of what.
        bar: In words.
        judge: From what was measured to the verdict.
    """

    title: str
    bar: str
    judge: Callable[[Results], Verdict]


def shown(metric: str, value: float) -> str:
    """Write a score: shares in per cent, others as they are."""
    if math.isnan(value):
        return "-"
    if metric in {"rmse", "r2", "roc_auc", "log_loss"}:
        return f"{value:.4f}"
    return f"{100 * value:.2f} %"


def shown_interval(metric: str, values: Sequence[float]) -> str:
    """Write a mean with its interval."""
    mean, low, high = interval(values)
    if math.isnan(low):
        return f"{shown(metric, mean)} ({len(values)} only)"
    return f"{shown(metric, mean)} ({shown(metric, low)} to {shown(metric, high)})"


def reaches(case: str, metric: str, goal: float) -> Callable[[Results], Verdict]:
    """The mean over seeds is at least (at most, where less is better) a number."""

    def judge(results: Results) -> Verdict:
        values = [*results.values(case, metric).values()]
        if not values:
            return Verdict()
        mean = interval(values)[0]
        good = mean <= goal if metric in LESS_IS_BETTER else mean >= goal
        return verdict(shown_interval(metric, values), len(values), good=good)

    return judge


def mean_reaches(
    cases: Sequence[str], metric: str, goal: float
) -> Callable[[Results], Verdict]:
    """The mean of several cases, and over seeds, is at least a number."""

    def judge(results: Results) -> Verdict:
        found = [results.values(case, metric) for case in cases]
        seeds = set.intersection(*(set(one) for one in found))
        if not seeds:
            return Verdict()
        values = [sum(one[seed] for one in found) / len(found) for seed in seeds]
        good = interval(values)[0] >= goal
        return verdict(shown_interval(metric, values), len(values), good=good)

    return judge


def better_on_each(case: str, rival: str) -> Callable[[Results], Verdict]:
    """The score is better than a rival's on every split."""

    def judge(results: Results) -> Verdict:
        ahead = results.ahead(case, CASES[case].metric, rival)
        if not ahead:
            return Verdict()
        wins = sum(gap > 0 for gap in ahead)
        good = wins == len(ahead)
        return verdict(f"on {wins} of {len(ahead)}", len(ahead), good=good)

    return judge


def ahead_by(case: str, rival: str, points: float) -> Callable[[Results], Verdict]:
    """The mean of the paired differences is at least so many points (of 100)."""

    def judge(results: Results) -> Verdict:
        metric = CASES[case].metric
        ahead = results.ahead(case, metric, rival)
        if not ahead:
            return Verdict()
        mean = interval(ahead)[0]
        good = mean >= points / 100 if points else mean > 0
        told = f"ahead by {shown_interval(metric, ahead)}"
        return verdict(told, len(ahead), good=good)

    return judge


def not_worse(case: str) -> Callable[[Results], Verdict]:
    """The interval of the paired difference to the best rival reaches 0."""

    def judge(results: Results) -> Verdict:
        metric = CASES[case].metric
        rival = results.best_rival(case, metric, CASES[case].rivals)
        if rival is None:
            return Verdict()
        ahead = results.ahead(case, metric, rival)
        _, _, high = interval(ahead)
        told = f"ahead of {RIVALS[rival].title} by {shown_interval(metric, ahead)}"
        return verdict(told, len(ahead), good=high >= 0)

    return judge


def loses_at_most(case: str, twin: str, points: float) -> Callable[[Results], Verdict]:
    """The score is at most so many points (of 100) below that of a twin."""

    def judge(results: Results) -> Verdict:
        ours, theirs = (
            results.values(case, "accuracy"),
            results.values(twin, "accuracy"),
        )
        lost = [theirs[seed] - ours[seed] for seed in ours if seed in theirs]
        if not lost:
            return Verdict()
        told = shown_interval("accuracy", lost)
        good = interval(lost)[0] <= points / 100
        return verdict(f"loses {told}", len(lost), good=good)

    return judge


def takes_at_most(
    cases: Sequence[str], seconds: float, what: str = "total"
) -> Callable[[Results], Verdict]:
    """No run took longer."""

    def judge(results: Results) -> Verdict:
        taken = [
            answer["seconds"][what]
            for case in cases
            for answer in results.answers(case, OURS).values()
            if "seconds" in answer
        ]
        if not taken:
            return Verdict()
        runs = len(taken) // len(cases)
        told = f"at most {max(taken):.0f} s"
        return verdict(told, runs, good=max(taken) <= seconds)

    return judge


SEQUENCES = [name.lower() for name in UCR]
USUAL = [name for name, case in CASES.items() if case.budget == BUDGET]
CATBOOST, BEST = "CatBoost's default", "the best rival"

GOALS = (
    Goal("California housing, RMSE", "<= 0.430", reaches("california", "rmse", 0.430)),
    Goal(
        "California housing, the place recognised, RMSE",
        "<= 0.415",
        reaches("california", "rmse", 0.415),
    ),
    Goal(
        "California housing",
        f"better than {CATBOOST} on each split",
        better_on_each("california", "catboost"),
    ),
    Goal("Adult, accuracy", ">= 87.1 %", reaches("adult", "accuracy", 0.871)),
    Goal("Adult, AUC", ">= 0.926", reaches("adult", "roc_auc", 0.926)),
    Goal("Car evaluation, accuracy", ">= 99 %", reaches("car", "accuracy", 0.99)),
    Goal("Titanic, accuracy", ">= 82.5 %", reaches("titanic", "accuracy", 0.825)),
    Goal("red wine, RMSE", f"not worse than {BEST}", not_worse("wine-red")),
    Goal("white wine, RMSE", f"not worse than {BEST}", not_worse("wine-white")),
    Goal("Bank, AUC", f"not worse than {BEST}", not_worse("bank")),
    Goal("MNIST, accuracy", ">= 99.55 %", reaches("mnist", "accuracy", 0.9955)),
    Goal("MNIST, 15 s of training", ">= 99 %", reaches("mnist-15s", "accuracy", 0.99)),
    Goal("MNIST, its training", "<= 15 s", takes_at_most(["mnist-15s"], 15, "train")),
    Goal(
        "MNIST shifted, scaled, turned, cropped",
        ">= 98.5 % mean",
        reaches("mnist", "changed", 0.985),
    ),
    Goal(
        "MNIST, against no augmentation",
        "loses <= 0.05 points",
        loses_at_most("mnist", "mnist-still", 0.05),
    ),
    Goal(
        "CIFAR-10, 3,000 pictures",
        "better than a tuned pipeline of scikit-learn",
        ahead_by("cifar", "hog-svc", 0),
    ),
    Goal(
        "CIFAR-10, 3,000 pictures",
        "better than a plain ResNet-18 in the same time",
        ahead_by("cifar", "resnet18", 0),
    ),
    Goal(
        "five sets of UCR, mean accuracy",
        ">= 95.7 % (InceptionTime)",
        mean_reaches(SEQUENCES, "accuracy", 0.957),
    ),
    Goal("five sets of UCR, each", "<= 30 s", takes_at_most(SEQUENCES, 30)),
    Goal(
        "JapaneseVowels, accuracy",
        ">= 99 %",
        reaches("japanesevowels", "accuracy", 0.99),
    ),
    Goal("BasicMotions, accuracy", "100 %", reaches("basicmotions", "accuracy", 1.0)),
    Goal(
        "ECG5000, normal or not, accuracy",
        ">= 98.5 %",
        reaches("ecg5000", "accuracy", 0.985),
    ),
    Goal(
        "hmp by person, accuracy",
        "5 points ahead of 1-NN with time warping",
        ahead_by("hmp", "dtw", 5),
    ),
    Goal("ModelNet10, accuracy", ">= 90 %", reaches("modelnet10", "accuracy", 0.90)),
    Goal(
        "names, macro F1",
        "better than n-grams with a logistic regression",
        ahead_by("names", "ngrams", 0),
    ),
    Goal("calibration error, MNIST", "<= 1 %", reaches("mnist", "ece", 0.01)),
    Goal("calibration error, Adult", "<= 2 %", reaches("adult", "ece", 0.02)),
    Goal("calibration error, Bank", "<= 2 %", reaches("bank", "ece", 0.02)),
    Goal(
        f"runs with {BUDGET:.0f} s",
        f"<= {SLACK * BUDGET:.0f} s",
        takes_at_most(USUAL, SLACK * BUDGET),
    ),
)
"""In the order of the page."""
