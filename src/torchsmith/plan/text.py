"""Writing a plan as YAML, with the reason for each value beside it."""

import re
import shlex
import textwrap
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from torchsmith.plan.doctor import Doctor
from torchsmith.plan.plan import Plan
from torchsmith.plan.yaml import Path

HEADING = "# torchsmith plan, version 1"
WIDTH = 100
FLOW_WIDTH = 72
LIST_WIDTH = 160

_PLAIN = re.compile(r"(?:[^\W\d]|\.{0,2}/)[\w./+%()-]*(?:[ :][\w./+%()-]+)*")
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_LEFT_OUT_WHERE_EMPTY = (
    "augment",
    "init",
    "averaging",
    "calibration",
    "robustness",
    "sized_for",
)
_SETTINGS_OF_SEQUENCES = ("kind", "id", "time", "window")
"""Of `data`, and written where they are set."""

_ALWAYS_BLOCK = frozenset(
    {"problem", "data", "prepare", "Sequential", "Residual", "layers"}
)

Reasons = Mapping[Path, str]


@dataclass(frozen=True)
class _Line:
    indent: int
    text: str
    reason: str = ""


def plan_text(plan: Plan) -> str:
    """Return the plan as YAML.

    Every value of `problem`, `data`, `split`, `training` and `stopping` is written, of
    layers, steps and the like those that were chosen. A reason stands at the end of its
    line, or above it where it is long.
    """
    content = document(plan)
    reasons = _placed(plan.reasons, content)
    lines = [HEADING]
    for name, value in content.items():
        lines += _aligned(_mapping({name: value}, (), 0, reasons))
    return "\n".join(lines) + "\n"


def document(plan: Plan) -> dict[str, Any]:
    """Return the plan as dictionaries, lists and scalars, as they stand in its file."""
    content = plan.model_dump(mode="json", exclude={"version", "reasons"})
    for name in _LEFT_OUT_WHERE_EMPTY:
        if not content[name]:
            del content[name]
    if plan.doctor == Doctor():
        del content["doctor"]
    source = content["data"]
    content["data"] = {
        name: value
        for name, value in source.items()
        if value or name not in _SETTINGS_OF_SEQUENCES
    }
    return content


def resolve(content: Any, dotted: str) -> tuple[Path, str]:  # noqa: ANN401
    """Find a dotted path in a document.

    A name may be left out where there is only one (`optimizer.lr`), and an item of a
    list may be called by its name (`prepare.ToFloat`) or its place.

    Returns:
        The path of the deepest part that is there, and what is left of the dotted path.
    """
    path: list[str | int] = []
    left = dotted
    while left:
        head, _, tail = left.partition(".")
        if isinstance(content, dict) and left in content:
            head, tail = left, ""
        step = _child(content, head)
        if step is None and path and isinstance(content, dict) and len(content) == 1:
            # The one name of a spec was left out.
            only, below = next(iter(content.items()))
            step = _child(below, head)
            if step is not None:
                path.append(only)
                content = below
        if step is None:
            break
        path.append(step)
        content = content[step]
        left = tail
    return tuple(path), left


def _child(content: Any, name: str) -> str | int | None:  # noqa: ANN401
    if isinstance(content, dict):
        return name if name in content else None
    return _item(content, name) if isinstance(content, list) else None


def _item(items: list[Any], name: str) -> int | None:
    if name.isdecimal():
        return int(name) if int(name) < len(items) else None
    named = [
        place
        for place, item in enumerate(items)
        if item == name or (isinstance(item, dict) and name in item)
    ]
    return named[0] if len(named) == 1 else None


def as_options(settings: Mapping[str, Any]) -> list[str]:
    """Return settings as options of a command.

    Args:
        settings: Values by dotted path.

    >>> as_options({"optimizer.lr": 0.1, "network": {"MLP": {"hidden": [8]}}})
    ['--set optimizer.lr=0.1', "--set 'network={MLP: {hidden: [8]}}'"]
    """
    pairs = (f"{key}={flow(value)}" for key, value in settings.items())
    return [f"--set {shlex.quote(pair)}" for pair in pairs]


def flow(value: Any) -> str:  # noqa: ANN401
    """Write a value on one line.

    >>> flow({"Adam": {"lr": 0.001}})
    '{Adam: {lr: 0.001}}'
    """
    if isinstance(value, dict):
        return "{" + ", ".join(f"{flow(k)}: {flow(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(flow, value)) + "]"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return _quoted(value) if isinstance(value, str) else repr(value)


def _quoted(text: str) -> str:
    if not text.isprintable():
        return '"' + "".join(map(_escaped, text)) + '"'
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    return "'" + text.replace("'", "''") + "'"


def _escaped(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _placed(reasons: Mapping[str, str], content: dict[str, Any]) -> dict[Path, str]:
    """Give each reason to a part that is written; several for one part are joined."""
    texts: dict[Path, list[str]] = defaultdict(list)
    for dotted, reason in reasons.items():
        path, _ = resolve(content, dotted)
        printable = "".join(c if c.isprintable() else " " for c in reason)
        text = " ".join(printable.split())
        if path and text:
            texts[path].append(text)
    return {path: "; ".join(found) for path, found in texts.items()}


def _is_flow(value: Any, path: Path, reasons: Reasons) -> bool:  # noqa: ANN401
    if not isinstance(value, dict | list) or not value:
        return True
    if path[-1] in _ALWAYS_BLOCK:
        return False
    if any(len(other) > len(path) and other[: len(path)] == path for other in reasons):
        return False
    return len(flow(value)) <= (FLOW_WIDTH if isinstance(value, dict) else LIST_WIDTH)


def _mapping(
    content: dict[str, Any], above: Path, indent: int, reasons: Reasons
) -> list[_Line]:
    lines = []
    for key, value in content.items():
        path = (*above, key)
        first = _Line(indent, f"{flow(key)}:", reasons.get(path, ""))
        lines += _entry(first, value, path, reasons)
    return lines


def _items(items: list[Any], above: Path, indent: int, reasons: Reasons) -> list[_Line]:
    lines = []
    for place, item in enumerate(items):
        path = (*above, place)
        reason = reasons.get(path, "")
        if isinstance(item, dict) and len(item) == 1:
            name, value = next(iter(item.items()))
            inner = reasons.get((*path, name), "")
            both = "; ".join(text for text in (reason, inner) if text)
            first = _Line(indent, f"- {flow(name)}:", both)
            lines += _entry(first, value, (*path, name), reasons)
        else:
            lines.append(_Line(indent, f"- {flow(item)}", reason))
    return lines


def _entry(
    first: _Line,
    value: Any,  # noqa: ANN401
    path: Path,
    reasons: Reasons,
) -> list[_Line]:
    """Return a line that ends in `:` with its value on it, or on lines below it."""
    if _is_flow(value, path, reasons):
        return [replace(first, text=f"{first.text} {flow(value)}")]
    # Below "- name:" the value stands deeper than the name, which begins after "- ".
    indent = first.indent + (4 if first.text.startswith("- ") else 2)
    if isinstance(value, list):
        return [first, *_items(value, path, indent, reasons)]
    return [first, *_mapping(value, path, indent, reasons)]


def _aligned(lines: list[_Line]) -> list[str]:
    """Put the reasons of a section beside its lines, in one column, or above them."""
    texts = [" " * line.indent + line.text for line in lines]
    widths = [
        len(text)
        for text, line in zip(texts, lines, strict=True)
        if line.reason and len(f"{text}  # {line.reason}") <= WIDTH
    ]
    column = max((width for width in widths if width <= WIDTH // 2), default=0)
    written = []
    for text, line in zip(texts, lines, strict=True):
        beside = f"{text:<{column}}  # {line.reason}"
        if len(beside) > WIDTH:
            beside = f"{text}  # {line.reason}"
        if not line.reason:
            written.append(text)
        elif len(beside) <= WIDTH:
            written.append(beside)
        else:
            written += textwrap.wrap(
                line.reason,
                WIDTH,
                initial_indent=" " * line.indent + "# ",
                subsequent_indent=" " * line.indent + "# ",
                break_long_words=False,
                break_on_hyphens=False,
            )
            written.append(text)
    return written
