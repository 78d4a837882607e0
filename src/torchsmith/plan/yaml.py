"""YAML with positions: what stands where in a plan file, and the comments on it.

YAML 1.2: `1e-3` is a number and `no` is text. Anchors, aliases and tags are refused, so
that a small file cannot become a large value.
"""

import math
import re
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError
from ruamel.yaml.tokens import (
    AliasToken,
    AnchorToken,
    BlockEndToken,
    BlockMappingStartToken,
    BlockSequenceStartToken,
    DirectiveToken,
    FlowMappingEndToken,
    FlowMappingStartToken,
    FlowSequenceEndToken,
    FlowSequenceStartToken,
    TagToken,
)

from torchsmith.core.errors import PlanError

MAX_BYTES = 1_000_000
MAX_DEPTH = 30

Path = tuple[str | int, ...]
"""Keys and places from the top of a document to a value."""

_HEADING = re.compile("torchsmith plan, version|yaml-language-server:")

_REFUSED = {
    AliasToken: "an alias (*name)",
    AnchorToken: "an anchor (&name)",
    TagToken: "a tag (!name)",
    DirectiveToken: "a directive (%NAME)",
}
_OPENING = (
    BlockMappingStartToken,
    BlockSequenceStartToken,
    FlowMappingStartToken,
    FlowSequenceStartToken,
)
_CLOSING = (BlockEndToken, FlowMappingEndToken, FlowSequenceEndToken)


@dataclass(frozen=True)
class Position:
    """Line and column of a file; 1 is the first."""

    line: int
    column: int


Spans = list[tuple[Position, Position]]
"""From the first character of each scalar to the one after its last."""


@dataclass(frozen=True)
class Problem:
    """What is wrong at one position."""

    position: Position
    text: str


class NotYaml(Exception):  # noqa: N818 -- caught where the file is named
    """The text is not YAML as it is used here."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.text)
        self.problem = problem


@dataclass
class Document:
    """A value, and where its parts stand.

    Attributes:
        value: Dictionaries, lists and scalars.
        keys: Where the key, or the item of a list, of each path stands.
        values: Where the value of each path stands.
        comments: What the comments say that stand on the line of a path, or above it.
        problems: Keys that stand twice, and numbers that are not finite.
    """

    value: Any = None
    keys: dict[Path, Position] = field(default_factory=dict)
    values: dict[Path, Position] = field(default_factory=dict)
    comments: dict[Path, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def parse(text: str) -> Document:
    """Read one YAML document.

    Raises:
        NotYaml: The text is no YAML, or uses what a plan does not need.
    """
    yaml = YAML(typ="safe", pure=True)
    try:
        _refuse(yaml, text)
        root = yaml.compose(text)
    except MarkedYAMLError as error:
        raise NotYaml(_syntax_problem(error, text)) from error
    except ReaderError as error:
        position = _position_at(text, error.position)
        what = f"the character U+{ord(text[error.position]):04X} is no text; remove it"
        raise NotYaml(Problem(position, f"not YAML: {what}")) from error
    except YAMLError as error:
        what = str(error).splitlines()[0]
        raise NotYaml(Problem(Position(1, 1), f"not YAML: {what}")) from error
    document = Document()
    if root is None:
        return document
    spans: Spans = []
    document.value = _walk(root, (), document, spans)
    _read_comments(text, document, spans)
    return document


def parse_value(text: str) -> Any:  # noqa: ANN401
    """Read one value, such as `3`, `SGD` or `[16, 32]`; what is no YAML stays text.

    Raises:
        PlanError: It begins as a list or a mapping does, and is none; says why.
    """
    try:
        document = parse(text)
    except NotYaml as error:
        if text.lstrip().startswith(("{", "[")):
            raise PlanError(
                f"{text}: {error.problem.text}; close each bracket, and put a text "
                "that begins with one into quotes"
            ) from error
        return text
    return document.value


def parse_setting(path: str, value: object) -> Any:  # noqa: ANN401
    """Return what a path of a plan is set to, of which a text is read as YAML.

    A number of NumPy becomes one of Python.

    Raises:
        PlanError: The text begins as a list or a mapping does, and is none.
    """
    if not isinstance(value, bool) and isinstance(value, Real):
        return int(value) if isinstance(value, Integral) else float(value)
    try:
        return parse_value(value) if isinstance(value, str) else value
    except PlanError as error:
        raise PlanError(f"{path}: {error}") from error


def _refuse(yaml: YAML, text: str) -> None:
    depth = 0
    for token in yaml.scan(text):
        position = _position(token.start_mark)
        if type(token) in _REFUSED:
            what = f"{_REFUSED[type(token)]} is not allowed in a plan; write the value"
            raise NotYaml(Problem(position, what))
        depth += isinstance(token, _OPENING) - isinstance(token, _CLOSING)
        if depth > MAX_DEPTH:
            raise NotYaml(Problem(position, f"nested more than {MAX_DEPTH} deep"))


def _syntax_problem(error: MarkedYAMLError, text: str) -> Problem:
    mark = error.problem_mark or error.context_mark
    position = _position(mark) if mark else Position(1, 1)
    lines = text.split("\n")
    line = lines[position.line - 1] if position.line <= len(lines) else ""
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return Problem(position, "a tab in the indentation; use spaces")
    what = error.problem or "cannot be read"
    if error.context:
        what = f"{what} {error.context}"
    return Problem(position, f"not YAML: {what}")


def _position_at(text: str, place: int) -> Position:
    before = text[:place]
    return Position(before.count("\n") + 1, place - before.rfind("\n"))


def _position(mark: Any) -> Position:  # noqa: ANN401
    return Position(mark.line + 1, mark.column + 1)


def _walk(
    node: Node,
    path: Path,
    document: Document,
    spans: Spans,
) -> Any:  # noqa: ANN401
    start = _position(node.start_mark)
    document.values[path] = start
    document.keys.setdefault(path, start)
    match node:
        case MappingNode():
            found: dict[str, Any] = {}
            for key, value in node.value:
                position = _position(key.start_mark)
                if not isinstance(key, ScalarNode):
                    document.problems.append(Problem(position, "a key must be a text"))
                    continue
                spans.append((position, _position(key.end_mark)))
                if key.value in found:
                    text = f"'{key.value}' stands twice; keep one"
                    document.problems.append(Problem(position, text))
                    continue
                below = (*path, str(key.value))
                document.keys[below] = position
                found[key.value] = _walk(value, below, document, spans)
            return found
        case SequenceNode():
            return [
                _walk(item, (*path, place), document, spans)
                for place, item in enumerate(node.value)
            ]
        case ScalarNode():
            spans.append((start, _position(node.end_mark)))
            return _scalar(node, start, document)
        case _:
            raise AssertionError(node)


def _scalar(node: ScalarNode, start: Position, document: Document) -> Any:  # noqa: ANN401
    kind = str(node.tag).rpartition(":")[2]
    text = str(node.value)
    if kind == "null":
        return None
    if kind == "bool":
        return text.lower() == "true"
    if kind not in ("int", "float"):
        return text
    try:
        number = _number(text, kind)
    except ValueError:  # YAML calls a sign or a "0x" without digits a number
        return text
    if isinstance(number, float) and not math.isfinite(number):
        document.problems.append(Problem(start, f"must be a finite number, got {text}"))
    return number


def _number(text: str, kind: str) -> int | float | str:
    digits = text.replace("_", "").lower()
    if kind == "float":
        return float(re.sub(r"\.(inf|nan)", r"\1", digits))
    if len(digits) > 30:  # no number of a plan is so long
        return text
    base = {"0x": 16, "0o": 8, "0b": 2}.get(digits.lstrip("+-")[:2], 10)
    return int(digits, base)


def _read_comments(text: str, document: Document, spans: Spans) -> None:
    """Give each comment to the first path on its line, or else on the next lines."""
    owners: dict[int, Path] = {}
    for path, position in document.keys.items():
        known = owners.get(position.line)
        if path and (known is None or position.column < document.keys[known].column):
            owners[position.line] = path
    said: dict[Path, list[str]] = {}
    above: list[str] = []
    for number, (code, comment) in enumerate(_comments(text, spans), start=1):
        if comment and not code:
            if not _HEADING.match(comment):
                above.append(comment)
        elif number in owners:
            texts = [*above, comment] if comment else above
            said.setdefault(owners[number], []).extend(texts)
            above = []
    document.comments = {path: " ".join(texts) for path, texts in said.items() if texts}


def _comments(text: str, spans: Spans) -> list[tuple[bool, str]]:
    """Return for each line whether something stands on it, and its comment."""
    lines = text.split("\n")
    # Blank out scalars, so that the first '#' left on a line begins a comment.
    for start, end in spans:
        for number in range(start.line, min(end.line, len(lines)) + 1):
            line = lines[number - 1]
            first = start.column - 1 if number == start.line else 0
            last = end.column - 1 if number == end.line else len(line)
            lines[number - 1] = line[:first] + "x" * (last - first) + line[last:]
    found = []
    for line in lines:
        code, mark, comment = line.partition("#")
        found.append((bool(code.strip()), comment.strip() if mark else ""))
    return found
