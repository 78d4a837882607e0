"""Reads the script where running it cannot tell which line is meant."""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

from torchsmith.doctor.script.places import Place

Loop = ast.For | ast.While | ast.AsyncFor
Function = ast.FunctionDef | ast.AsyncFunctionDef


class Reading:
    """The syntax of one file.

    Args:
        file: Absolute.
    """

    def __init__(self, file: str) -> None:
        self.file = file
        self.tree = ast.parse(Path(file).read_bytes(), file)
        self._parents: dict[ast.AST, ast.AST] = {}
        for node in ast.walk(self.tree):
            for child in ast.iter_child_nodes(node):
                self._parents[child] = node

    def place(self, node: ast.expr | ast.stmt) -> Place:
        """Return the line on which a node begins."""
        return Place(self.file, node.lineno)

    def above(self, node: ast.AST) -> Iterator[ast.AST]:
        """Give what a node stands in, the innermost first."""
        while node in self._parents:
            node = self._parents[node]
            yield node

    def statement(self, line: int) -> ast.stmt | None:
        """Return the smallest statement that a line belongs to."""
        found = [
            node
            for node in ast.walk(self.tree)
            if isinstance(node, ast.stmt)
            and node.lineno <= line <= (node.end_lineno or node.lineno)
        ]
        return min(found, key=_extent, default=None)

    def loops(self, line: int) -> list[Loop]:
        """Return the loops around a line, the innermost first."""
        statement = self.statement(line)
        if statement is None:
            return []
        return [node for node in self.above(statement) if isinstance(node, Loop)]

    def function(self, line: int) -> Function | None:
        """Return the function that a line stands in."""
        statement = self.statement(line)
        around = [] if statement is None else [statement, *self.above(statement)]
        return next((node for node in around if isinstance(node, Function)), None)

    def functions(self, name: str) -> list[Function]:
        """Return functions and methods of a name."""
        every = (n for n in ast.walk(self.tree) if isinstance(n, Function))
        return [node for node in every if node.name == name]

    def assignments(self, within: ast.AST) -> Iterator[tuple[str, ast.expr, ast.stmt]]:
        """Give name, value and statement of each assignment to a plain name.

        In `a, b = c, d` each name has its own value; in `a, b = f()` both have one.
        """
        for node in ast.walk(within):
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    yield from _named(target, node.value, node)
            elif isinstance(node, ast.AnnAssign) and node.value is not None:
                yield from _named(node.target, node.value, node)


class Sources:
    """The person's files: the script, and the modules beside it that it imports.

    Args:
        files: Absolute, the script first.
    """

    def __init__(self, files: Iterable[str]) -> None:
        self._readings = {file: Reading(file) for file in files}

    def __iter__(self) -> Iterator[Reading]:
        """Give each file, the script first."""
        return iter(self._readings.values())

    def at(self, place: Place | None) -> Reading | None:
        """Return the file of a line; None where it was not read."""
        return None if place is None else self._readings.get(place.file)


def names_in(node: ast.AST) -> set[str]:
    """Return every plain name that a node reads or writes."""
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}


def last_name(node: ast.AST) -> str:
    """Return `c` of `a.b.c`, of `c(…)` and of `c[…]`; empty where there is none."""
    if isinstance(node, ast.Call):
        return last_name(node.func)
    if isinstance(node, ast.Subscript):
        return last_name(node.value)
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def slices_in(node: ast.AST) -> list[tuple[ast.Subscript, ast.Slice]]:
    """Return subscripts whose first dimension is cut by `start:stop`."""
    found = []
    for inner in ast.walk(node):
        if isinstance(inner, ast.Subscript):
            index = inner.slice
            first = (
                index.elts[0] if isinstance(index, ast.Tuple) and index.elts else index
            )
            if isinstance(first, ast.Slice):
                found.append((inner, first))
    return found


def _named(
    target: ast.expr, value: ast.expr, statement: ast.stmt
) -> Iterator[tuple[str, ast.expr, ast.stmt]]:
    if isinstance(target, ast.Name):
        yield target.id, value, statement
    elif isinstance(target, ast.Tuple | ast.List):
        values = value.elts if isinstance(value, ast.Tuple | ast.List) else []
        for number, part in enumerate(target.elts):
            own = values[number] if len(values) == len(target.elts) else value
            yield from _named(part, own, statement)


def _extent(node: ast.stmt) -> tuple[int, int]:
    return (node.end_lineno or node.lineno) - node.lineno, -node.lineno
