"""Python source as a careful person writes it: literals, calls, lines that fit."""

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from inspect import Parameter, signature
from textwrap import fill, indent
from typing import Any

WIDTH = 88
INDENT = "    "

STANDARD = {
    "copy": "import copy",
    "re": "import re",
    "csv": "import csv",
    "gzip": "import gzip",
    "math": "import math",
    "cos": "from math import cos",
    "exp": "from math import exp",
    "floor": "from math import floor",
    "log": "from math import log",
    "pi": "from math import pi",
    "sin": "from math import sin",
    "sqrt": "from math import sqrt",
    "combinations": "from itertools import combinations",
    "Counter": "from collections import Counter",
    "datetime": "from datetime import datetime",
    "fnmatchcase": "from fnmatch import fnmatchcase",
    "blake2b": "from hashlib import blake2b",
    "Path": "from pathlib import Path",
    "os": "import os",
    "unicodedata": "import unicodedata",
}
INSTALLED = {
    "duckdb": "import duckdb",
    "nibabel": "import nibabel",
    "np": "import numpy as np",
    "torch": "import torch",
    "Image": "from PIL import Image",
    "cKDTree": "from scipy.spatial import cKDTree",
    "ImageOps": "from PIL import ImageOps",
    "minimize_scalar": "from scipy.optimize import minimize_scalar",
    "load_breast_cancer": "from sklearn.datasets import load_breast_cancer",
    "load_diabetes": "from sklearn.datasets import load_diabetes",
    "load_digits": "from sklearn.datasets import load_digits",
    "load_iris": "from sklearn.datasets import load_iris",
    "load_wine": "from sklearn.datasets import load_wine",
    "Tensor": "from torch import Tensor",
    "nn": "from torch import nn",
    "Dataset": "from torch.utils.data import Dataset",
}
"""What each name of a script is imported by."""


@dataclass(frozen=True)
class Section:
    """A part of a script, in the order of a textbook.

    Attributes:
        title: Such as `"Read the data"`.
        about: What the part does and why, in a sentence or two.
        code: Definitions, as they stand in the script.
        steps: The lines of `main` that belong to the part.
        constants: What the part needs at the top of the script.
    """

    title: str
    about: str
    code: str
    steps: tuple[str, ...] = ()
    constants: tuple[str, ...] = ()


def literal(value: object, depth: int = 0, before: str = "", after: str = "") -> str:
    """Write a value as source, between what stands before and after it.

    Args:
        value: Plain data: texts, numbers, and sequences and mappings of these.
        depth: How deep the statement is indented.
        before: Such as `"CLASSES = "`.
        after: Such as `","`.
    """
    if isinstance(value, str):
        return f"{before}{quoted(value)}{after}"
    if isinstance(value, Mapping):
        items = [_item(v, depth, f"{literal(k)}: ") for k, v in value.items()]
        return bracketed(f"{before}{{", items, f"}}{after}", depth)
    if isinstance(value, tuple) and len(value) == 1:
        return f"{before}({literal(value[0])},){after}"
    if isinstance(value, (list, tuple)):
        left, right = "[]" if isinstance(value, list) else "()"
        items = [_item(item, depth) for item in value]
        return bracketed(before + left, items, right + after, depth)
    return f"{before}{value!r}{after}"


def short(number: float) -> float:
    """Return a whole number as an `int`, which is written without a point.

    >>> short(2.0), short(0.123456789)
    (2, 0.123456789)
    """
    return int(number) if float(number).is_integer() else number


def _item(value: object, depth: int, before: str = "") -> str:
    """Write a value that leaves room for the comma after it."""
    return literal(value, depth + 1, before, ",")[:-1]


def quoted(text: str) -> str:
    """Write a text between double quotes where that needs no backslash.

    >>> print(quoted("sepal"))
    "sepal"
    """
    plain = repr(text)
    return plain if '"' in text or plain[0] == '"' else f'"{plain[1:-1]}"'


def constant(name: str, value: object, comment: str = "") -> str:
    """Write `NAME = value`, with a comment above where it does not fit beside.

    >>> print(constant("EPOCHS", 3, "passes over the training part"))
    EPOCHS = 3  # passes over the training part
    """
    text = literal(value, 0, f"{name} = ")
    if len(text) > WIDTH and isinstance(value, str) and len(quoted(value)) <= WIDTH - 4:
        text = f"{name} = (\n{INDENT}{quoted(value)}\n)"
    if not comment:
        return text
    comment = one_line(comment)
    if "\n" in text or len(text) + 3 + len(comment) > WIDTH:
        return f"{_wrapped(comment, 0)}\n{text}"
    return f"{text}  # {comment}"


def bracketed(before: str, items: Sequence[str], after: str, depth: int = 0) -> str:
    """Write items between brackets, one a line where they do not fit into one.

    Args:
        before: Ends in the opening bracket.
        items: Without commas; already laid out for `depth + 1`.
        after: Begins with the closing bracket.
        depth: How deep the statement is indented.
    """
    line = f"{before}{', '.join(items)}{after}"
    if "\n" not in line and len(INDENT) * depth + len(line) <= WIDTH:
        return line
    lines = "".join(f"{item},\n" for item in items)
    return f"{before}\n{indent(lines, INDENT)}{after}"


def call(
    name: str, arguments: Mapping[str, object], depth: int = 0, before: str = ""
) -> str:
    """Write a call with named arguments; a `Raw` stands as it is.

    Args:
        name: What is called.
        arguments: By name; those with an empty name, or a number, stand without.
        depth: How deep the statement is indented.
        before: Such as `"optimizer = "`.
    """
    items = [
        _item(value, depth, f"{key}=" if key.isidentifier() else "")
        for key, value in arguments.items()
    ]
    return bracketed(f"{before}{name}(", items, ")", depth)


class Raw:
    """Source that stands in a call as it is."""

    def __init__(self, source: str) -> None:
        self.source = source

    def __repr__(self) -> str:
        return self.source


def chosen(function: Any, arguments: Mapping[str, object]) -> dict[str, object]:  # noqa: ANN401
    """Return the arguments that are not what the function takes by default.

    Those without a default come first, under numbers, because they stand unnamed.
    """
    parameters = signature(function).parameters
    required = [n for n, p in parameters.items() if p.default is Parameter.empty]
    given = {n: v for n, v in arguments.items() if n in required or n not in parameters}
    own = {
        name: value
        for name, value in arguments.items()
        if name not in given and value != parameters[name].default
    }
    return {str(place): value for place, value in enumerate(given.values())} | own


def one_line(text: str) -> str:
    r"""Make text from the data fit for a comment: a line break there would end it.

    >>> one_line("width\n(in cm)")
    'width (in cm)'
    """
    return "".join(sign if sign.isprintable() else " " for sign in text)


def docstring(text: str, depth: int = 1) -> str:
    """Write a docstring that is wrapped, its first line alone where there are more."""
    width = WIDTH - len(INDENT) * depth
    first, _, rest = text.partition("\n")
    first = one_line(first)
    if rest:
        parts = rest.strip("\n").split("\n")
        body = "\n".join(fill(one_line(part), width) for part in parts)
        first = f"{first}\n\n{body}\n"
    # Names of columns and files stand in it, with whatever characters they have.
    plain = first.replace("\\", "\\\\")
    plain = re.sub(r'"""|"\Z', lambda quotes: quotes[0].replace('"', '\\"'), plain)
    return f'"""{plain}"""'


def comment(text: str, depth: int = 0) -> str:
    """Write a comment on lines of its own."""
    return _wrapped(text, depth)


def _wrapped(text: str, depth: int) -> str:
    return fill(
        one_line(text),
        WIDTH - len(INDENT) * depth,
        initial_indent="# ",
        subsequent_indent="# ",
        break_on_hyphens=False,
        break_long_words=False,
    )


def function(head: str, about: str, body: Sequence[str], decorator: str = "") -> str:
    """Write a function.

    Args:
        head: Name and arguments: `"read()"`.
        about: Its docstring.
        body: Its statements.
        decorator: Such as `"@torch.no_grad()"`.
    """
    lines = "\n".join([docstring(about), *body])
    over = f"{decorator}\n" if decorator else ""
    return f"{over}def {head}:\n{indent(lines, INDENT)}"


def block(head: str, body: Sequence[str]) -> str:
    """Write a compound statement: `for …:` and what is indented below."""
    lines = "\n".join(body)
    return f"{head}\n{indent(lines, INDENT)}"


def joined(parts: Sequence[str]) -> str:
    """Put definitions one after the other, two empty lines between them."""
    return "\n\n\n".join(part for part in parts if part)


def imports(code: str) -> str:
    """Return the imports that a script needs, by the names that it uses."""
    used = {node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)}
    groups = [
        [line for name, line in known.items() if name in used]
        for known in (STANDARD, INSTALLED)
    ]
    return "\n\n".join("\n".join(_sorted(lines)) for lines in groups if lines)


def _sorted(lines: Sequence[str]) -> list[str]:
    """Order imports as tools do, names of one module on one line."""
    merged: dict[str, list[str]] = {}
    for line in lines:
        module, _, name = line.partition(" import ")
        merged.setdefault(module, []).append(name)
    whole = [
        f"{module} import {', '.join(sorted(names))}" if names != [""] else module
        for module, names in merged.items()
    ]
    return sorted(whole, key=lambda line: (line.startswith("from"), line.lower()))


def class_source(
    name: str, about: str, arguments: str, init: list[str], item: list[str]
) -> str:
    """Write a `Dataset`.

    Args:
        name: Of the class.
        about: Its docstring.
        arguments: Of `__init__`.
        init: The lines of `__init__`.
        item: The lines of `__getitem__`, which takes one number or many.
    """
    methods = [
        docstring(about),
        "",
        block(f"def __init__(self, {arguments}):", init),
        "",
        block("def __len__(self):", ["return len(self.targets)"]),
        "",
        block("def __getitem__(self, rows):", item),
    ]
    return block(f"class {name}(Dataset):", methods).replace("\n    \n", "\n\n")
