"""A lesson: a plain PyTorch program that teaches, run with settings.

A lesson is a module of `recipes/lessons` that needs nothing of Torchsmith: the standard
library, NumPy and PyTorch. It holds one function of the lesson's name with keyword
parameters and their defaults, and returns what it found as a plain dictionary, the
fields of `LessonResult`. It says line by line what it finds with `tell`, which prints
when the program runs on its own:

```
def sine_cubic(*, points=1000, steps=2000, lr=1e-6, seed=0, tell=print): ...
```

A lesson that reads a set names it, `DATA = "mnist"`, and takes a parameter `folder`:
where the files of that set lie.
"""

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from math import isfinite
from typing import Any

from pydantic import ValidationError

from torchsmith.core.errors import PlanError, nearest
from torchsmith.core.record import Record
from torchsmith.core.seeds import LARGEST_SEED
from torchsmith.plan.yaml import parse_setting

Value = int | float | str | bool
"""What a setting of a lesson may be."""

_NOT_SET = ("tell", "folder")
_ABOVE_ZERO = ("lr", "h")
_CALLED = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}

_ENDING = """

def text(value: object) -> str:
    # Six digits are enough to read.
    return f"{value:.6g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    found = {call}
    print()
    for name, value in found["numbers"].items():
        print(f"{name}: {text(value)}")
    for title, rows in found["tables"].items():
        print(f"\\n{title}")
        columns = [[name, *(text(row[name]) for row in rows)] for name in rows[0]]
        widths = [max(map(len, column)) for column in columns]
        for line in zip(*columns):
            print("  ".join(cell.rjust(width) for cell, width in zip(line, widths)))
"""


class Figure(Record):
    """One chart of a lesson.

    Attributes:
        x: What stands below the axis.
        lines: By name, pairs of x and y.
    """

    x: str
    lines: dict[str, tuple[tuple[float, float], ...]]


class Expression(Record):
    """An expression whose autograd graph is drawn.

    Attributes:
        function: Of the program: from leaves by name to the result.
        values: Of each leaf.
    """

    function: str
    values: dict[str, float]


class LessonResult(Record):
    """What a lesson found.

    Attributes:
        numbers: Single values by name.
        graphs: Expressions by title, drawn with every value and gradient.
        tables: By title, rows of values by column.
        figures: By title.
    """

    numbers: dict[str, Value] = {}
    graphs: dict[str, Expression] = {}
    tables: dict[str, tuple[dict[str, Value], ...]] = {}
    figures: dict[str, Figure] = {}


class LessonRecord(Record):
    """A lesson that was run, written as `lesson.json`.

    Attributes:
        lesson: Its name.
        title: The first line of the program's text.
        text: What the program says about itself, after its first line.
        settings: All of them, also those that nobody changed.
        result: What it found.
        seconds: That it took.
    """

    lesson: str
    title: str
    text: str
    settings: dict[str, Value]
    result: LessonResult
    seconds: float


@dataclass(frozen=True)
class Lesson:
    """A lesson of the catalogue.

    Attributes:
        name: Such as `sine-cubic`.
        source: The program's text.
    """

    name: str
    source: str

    @property
    def function(self) -> str:
        """The name of its function."""
        return self.name.replace("-", "_")

    @property
    def title(self) -> str:
        """The first line of the program's text."""
        return self._said[0]

    @property
    def text(self) -> str:
        """What the program says about itself, after its first line."""
        return self._said[1]

    @cached_property
    def settings(self) -> Mapping[str, Value]:
        """The settings and their defaults, read without running the program."""
        parameters = _function(self._tree, self.function).args
        return {
            parameter.arg: _value(default)
            for parameter, default in zip(
                parameters.kwonlyargs, parameters.kw_defaults, strict=True
            )
            if parameter.arg not in _NOT_SET and default is not None
        }

    @cached_property
    def data(self) -> str:
        """The set that it reads, or an empty text."""
        for node in self._tree.body:
            match node:
                case ast.Assign(targets=[ast.Name(id="DATA")], value=value):
                    return str(ast.literal_eval(value))
        return ""

    @cached_property
    def _tree(self) -> ast.Module:
        return ast.parse(self.source)

    @property
    def _said(self) -> tuple[str, str]:
        first, _, rest = (ast.get_docstring(self._tree) or self.name).partition("\n")
        return first, rest.strip()

    def choose(self, given: Mapping[str, object]) -> dict[str, Value]:
        """Return all settings, some of them as given.

        Args:
            given: Values by name; texts are read as YAML. The plan's name of a shared
                setting, such as `training.seed`, is understood.

        Raises:
            PlanError: There is no such setting, or its value does not fit.
        """
        chosen = dict(self.settings)
        for path, value in given.items():
            name = path.removeprefix("training.")
            if name not in chosen:
                near = nearest(name, chosen) or f"; it has {', '.join(chosen)}"
                lesson = f"the lesson {self.name}"
                raise PlanError(f"{name}: {lesson} has no such setting{near}")
            read = parse_setting(name, value)
            chosen[name] = _fitting(name, read, chosen[name])
        return chosen

    def program(self, settings: Mapping[str, Value], folder: str = "") -> str:
        """Return the program as a script that runs with these settings.

        It prints what `tell` is told, and at the end the numbers and the tables.

        Args:
            settings: All of them.
            folder: Where the set that it reads lies, where it reads one.
        """
        given = dict(settings) | ({"folder": folder} if folder else {})
        arguments = [f"        {name}={value!r},\n" for name, value in given.items()]
        call = f"{self.function}(\n{''.join(arguments)}    )"
        return f"{self.source.rstrip()}\n{_ENDING.replace('{call}', call)}"

    def function_named(self, name: str) -> Callable[..., Any]:
        """Return a function of the program, which is imported for it."""
        module = import_module(f"torchsmith.recipes.lessons.{self.function}")
        function: Callable[..., Any] = getattr(module, name)
        return function

    def run(
        self,
        settings: Mapping[str, Value],
        tell: Callable[[str], object],
        folder: str = "",
    ) -> LessonResult:
        """Run the program.

        Args:
            settings: All of them.
            tell: Is told what the program finds, line by line.
            folder: Where the set that it reads lies, where it reads one.
        """
        function = self.function_named(self.function)
        given: dict[str, object] = {"folder": folder} if folder else {}
        return LessonResult.model_validate(function(**settings, **given, tell=tell))


def read_lesson_record(text: str | bytes, where: str) -> LessonRecord:
    """Read `lesson.json`.

    Raises:
        PlanError: It is damaged.
    """
    try:
        return LessonRecord.model_validate_json(text)
    except ValidationError as error:
        raise PlanError(
            f"{where}: is damaged ({error.errors()[0]['msg']}); run the lesson again"
        ) from error


def _function(tree: ast.Module, name: str) -> ast.FunctionDef:
    return next(
        node
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.name == name
    )


def _value(node: ast.expr) -> Value:
    value: Value = ast.literal_eval(node)
    return value


def _fitting(name: str, value: object, default: Value) -> Value:
    """Return a value of the default's kind.

    Raises:
        PlanError: It is of another kind, or too small.
    """
    if isinstance(default, float) and type(value) is int:
        value = float(value)
    match value:
        case bool() | str() if type(value) is type(default):
            return value
        case int() if type(value) is type(default) is int:
            lowest = 0 if name == "seed" else 1
            if value < lowest:
                raise PlanError(f"{name}: must be at least {lowest}, got {value}")
            if name == "seed" and value > LARGEST_SEED:
                raise PlanError(f"seed: must be at most {LARGEST_SEED}, got {value}")
            return value
        case float() if isinstance(default, float):
            if not isfinite(value):
                raise PlanError(f"{name}: must be finite, got {value}")
            if name in _ABOVE_ZERO and value <= 0:
                raise PlanError(f"{name}: must be above 0, got {value}")
            return value
        case _:
            kind = _CALLED[type(default)]
            raise PlanError(f"{name}: must be {kind}, got {value!r}")
