"""The recipes, in the order in which they teach.

To add one:

- a plan: its YAML file in `plans/`, with reasons as comments;
- a study: its YAML file in `studies/`, as `study.py` describes;
- a lesson: its module in `lessons/` (`sine-cubic` is `sine_cubic.py`), as `lesson.py`
  describes;

then one line in `ENTRIES`, and its pages `docs/recipes/NAME.md` and `NAME.ko.md`.
"""

from dataclasses import dataclass
from importlib.resources import files
from typing import Literal, assert_never

from torchsmith.core.errors import PlanError, nearest
from torchsmith.plan.file import parse_plan
from torchsmith.plan.plan import Plan
from torchsmith.recipes.lesson import Lesson
from torchsmith.recipes.study import Study, parse_study

Recipe = Plan | Study | Lesson


@dataclass(frozen=True)
class Entry:
    """One recipe of the catalogue.

    Attributes:
        name: What it is run by.
        kind: What it is.
        about: What it teaches, in one line.
        time: About how long it takes on two cores.
    """

    name: str
    kind: Literal["plan", "study", "lesson"]
    about: str
    time: str


ENTRIES: tuple[Entry, ...] = (
    Entry("autograd-basics", "lesson", "gradients through small expressions", "1 s"),
    Entry("sine-cubic", "lesson", "a cubic fitted to a sine, by hand to optim", "2 s"),
    Entry("california-mlp", "plan", "house prices: scaling, shapes, a test", "1 min"),
    Entry("mnist-ladder", "lesson", "one network, from tensors to DataLoader", "10 s"),
    Entry("mnist-csv-sigmoid", "study", "a first network, improved in 4 ways", "8 min"),
    Entry("mnist-mlp-64", "plan", "digits: train, save, load, evaluate", "1 min"),
    Entry("mnist-mlp-500", "plan", "weights as pictures, and the crop test", "1 min"),
    Entry("mnist-cnn", "study", "convolutions, and what augmentation is for", "3 min"),
    Entry("car-embeddings", "plan", "words as embeddings, four classes", "20 s"),
    Entry("activations", "study", "nine functions in a deep network", "1 min"),
    Entry("losses", "study", "eight ways to say how wrong an answer is", "1 min"),
    Entry("optimizers", "study", "nine ways from a gradient to a step", "1 min"),
    Entry("lr-schedules", "study", "ten ways to lower the learning rate", "1 min"),
    Entry("normalisation", "study", "a deep network that learns, or does not", "1 min"),
)

NAMES: tuple[str, ...] = tuple(entry.name for entry in ENTRIES)


def recipe(name: str) -> Recipe:
    """Return a recipe by its name; `_` counts as `-`.

    Raises:
        PlanError: There is no such recipe; near names are offered.

    >>> recipe("mnist-mlp-64").training.epochs
    20
    """
    entry, text = entry_named(name), recipe_text(name)
    match entry.kind:
        case "plan":
            return parse_plan(text, entry.name)
        case "study":
            return parse_study(text, entry.name)
        case "lesson":
            return Lesson(entry.name, text)
        case _:
            assert_never(entry.kind)


def recipe_text(name: str) -> str:
    """Return a recipe's file as it is: YAML, or a program.

    Raises:
        PlanError: There is no such recipe; near names are offered.
    """
    entry = entry_named(name)
    match entry.kind:
        case "plan":
            path = f"plans/{entry.name}.yaml"
        case "study":
            path = f"studies/{entry.name}.yaml"
        case "lesson":
            path = f"lessons/{entry.name.replace('-', '_')}.py"
        case _:
            assert_never(entry.kind)
    return files("torchsmith.recipes").joinpath(path).read_text("utf-8")


def entry_named(name: str) -> Entry:
    """Return a recipe's line of the catalogue; `_` counts as `-`.

    Raises:
        PlanError: There is no such recipe; near names are offered.
    """
    plain = name.lower().replace("_", "-")
    for entry in ENTRIES:
        if entry.name == plain:
            return entry
    near = nearest(plain, NAMES) or f"; there are {', '.join(NAMES)}"
    raise PlanError(f"no recipe '{name}'{near}")
