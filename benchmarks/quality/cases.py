"""The cases: which data, divided how, against whom.

All of them train the default plan. What settings they give is how to divide, the seed,
what the protocol leaves out of the inputs, and that marks are numbers.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from benchmarks.quality import sources
from benchmarks.quality.sources import DATA, Task

BUDGET = 180.0
TABLES = ("hgb", "catboost", "lightgbm", "realmlp", "tabm")
UCR = (
    "GunPoint",
    "ItalyPowerDemand",
    "SyntheticControl",
    "SwedishLeaf",
    "PhalangesOutlinesCorrect",
)


@dataclass(frozen=True)
class Case:
    """A set with its protocol.

    Attributes:
        title: For the page.
        metric: The score that stands first.
        protocol: In words, for the page.
        task: From the seed to what is trained.
        rivals: Names of `RIVALS`.
        folder: Of `TORCHSMITH_DATA`, without which it cannot be measured.
        budget: Seconds.
        changed: Whether the network is also asked about the changed digits.
    """

    title: str
    metric: str
    protocol: str
    task: Callable[[int], Task]
    rivals: tuple[str, ...]
    folder: str
    budget: float = BUDGET
    changed: bool = False

    @property
    def is_here(self) -> bool:
        """Whether the data is there."""
        return (DATA / self.folder).exists()


SPLITS = "five random splits, 64 / 16 / 20 %"
TESTS = "five random tests of 20 %"
FOLDS = "five folds with the same shares of classes"
GIVEN = "the given parts, five seeds"


def _california(seed: int) -> Task:
    return sources.random_split(sources.california(), seed)


def _adult(seed: int) -> Task:
    return sources.seeded(sources.adult(), seed)


def _bank(seed: int) -> Task:
    left_out = {"data.columns.duration": "ignore"}
    return sources.random_test(sources.bank(), seed, **left_out)


def _wine(colour: str, seed: int) -> Task:
    numbers = {"problem.task": "regression"}
    return sources.random_test(sources.wine(colour), seed, **numbers)


def _car(seed: int) -> Task:
    return sources.fold(sources.car(), seed)


def _titanic(seed: int) -> Task:
    return sources.fold(sources.titanic(), seed)


def _mnist(seed: int, **settings: object) -> Task:
    return sources.seeded(sources.mnist(), seed, **settings)


def _cifar(seed: int) -> Task:
    return sources.seeded(sources.cifar(), seed)


def _ucr(name: str, seed: int) -> Task:
    return sources.seeded(sources.ucr(name), seed)


def _ecg5000(seed: int) -> Task:
    return sources.seeded(sources.ecg5000(), seed)


def _hmp(seed: int) -> Task:
    by_person = {"split.group": "subjects"}
    return sources.random_split(sources.hmp(), seed, **by_person)


def _names(seed: int) -> Task:
    asked = {"problem.metric": "f1_macro"}
    return sources.random_test(sources.names(), seed, **asked)


def _modelnet10(seed: int) -> Task:
    return sources.with_seed(sources.modelnet10(), seed)


CASES: dict[str, Case] = {
    "california": Case(
        "California housing",
        "rmse",
        SPLITS,
        _california,
        ("hgb", "catboost", "catboost-stopped", "lightgbm", "realmlp", "tabm"),
        "california",
    ),
    "adult": Case("Adult", "accuracy", GIVEN, _adult, TABLES, "adult"),
    "car": Case("Car evaluation", "accuracy", FOLDS, _car, TABLES, "car"),
    "titanic": Case("Titanic", "accuracy", FOLDS, _titanic, TABLES, "titanic"),
    "wine-red": Case(
        "red wine quality",
        "rmse",
        f"{TESTS}; the mark is taken as a number",
        partial(_wine, "red"),
        TABLES,
        "wine",
    ),
    "wine-white": Case(
        "white wine quality",
        "rmse",
        f"{TESTS}; the mark is taken as a number",
        partial(_wine, "white"),
        TABLES,
        "wine",
    ),
    "bank": Case("Bank", "roc_auc", f"{TESTS}; no `duration`", _bank, TABLES, "bank"),
    "mnist": Case("MNIST", "accuracy", GIVEN, _mnist, ("hgb",), "mnist", changed=True),
    "mnist-15s": Case(
        "MNIST, 20 s in all", "accuracy", GIVEN, _mnist, (), "mnist", budget=20
    ),
    "mnist-still": Case(
        "MNIST, no augmentation",
        "accuracy",
        f"{GIVEN}; `augment: []`, the twin of the default plan",
        partial(_mnist, augment=[]),
        (),
        "mnist",
        changed=True,
    ),
    "cifar": Case(
        "CIFAR-10, 3,000 pictures",
        "accuracy",
        GIVEN,
        _cifar,
        ("hog-svc", "resnet18"),
        "cifar10_small",
    ),
    **{
        name.lower(): Case(
            name,
            "accuracy",
            GIVEN,
            partial(_ucr, name),
            ("dtw", "hgb"),
            f"ucr/{name}",
            budget=30,
        )
        for name in UCR
    },
    "japanesevowels": Case(
        "JapaneseVowels",
        "accuracy",
        GIVEN,
        partial(_ucr, "JapaneseVowels"),
        ("dtw",),
        "ucr/JapaneseVowels",
    ),
    "basicmotions": Case(
        "BasicMotions",
        "accuracy",
        GIVEN,
        partial(_ucr, "BasicMotions"),
        ("dtw", "hgb"),
        "ucr/BasicMotions",
    ),
    "ecg5000": Case(
        "ECG5000, normal or not",
        "accuracy",
        GIVEN,
        _ecg5000,
        ("dtw", "hgb"),
        "ecg5000",
    ),
    "hmp": Case(
        "hmp",
        "accuracy",
        f"{SPLITS}, of people: nobody is in two parts",
        _hmp,
        ("dtw",),
        "hmp",
    ),
    "modelnet10": Case(
        "ModelNet10",
        "accuracy",
        f"{GIVEN}, without training volumes that are also in the test part",
        _modelnet10,
        ("hgb",),
        "modelnet10",
    ),
    "names": Case(
        "names",
        "macro_f1",
        f"{TESTS}; the metric that is asked for is the macro F1",
        _names,
        ("ngrams",),
        "names",
    ),
}
"""By the name that the command line takes."""
