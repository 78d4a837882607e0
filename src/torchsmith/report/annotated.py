"""The plan line by line, each line beside its reason."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from torchsmith.plan.plan import Plan

_PLAIN = re.compile(r"[^\W\d][\w ./()²°€$%-]*(?<! )")
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off"})
_FLOW_WIDTH = 60


@dataclass(frozen=True)
class PlanLine:
    """One line of the plan.

    Attributes:
        path: The dotted path of its value, such as `training.epochs`.
        indent: How deep it stands.
        key: `epochs: ` or `- `; empty for neither.
        value: As YAML.
        reason: Why the value is what it is.
        changed: Whether the person changed it.
        default: What Torchsmith had chosen, where the person changed it.
    """

    path: str
    indent: int
    key: str
    value: str
    reason: str = ""
    changed: bool = False
    default: str = ""


def plan_lines(plan: Plan, changed: Mapping[str, str]) -> list[PlanLine]:
    """Write a plan as lines of YAML with their reasons.

    Args:
        plan: The plan.
        changed: For a dotted path that the person changed, what the default was. A path
            inside a line, such as `optimizer.Adam.lr`, marks that line.
    """
    dump = plan.model_dump(mode="json", exclude={"reasons"})
    lines = [line for key, value in dump.items() for line in _entry(key, value, key, 0)]
    places = {line.path: i for i, line in enumerate(lines)}
    for path, reason in plan.reasons.items():
        at = _place(path, places)
        if at is not None:
            joined = f"{lines[at].reason}; {reason}" if lines[at].reason else reason
            lines[at] = replace(lines[at], reason=joined)
    for path, default in changed.items():
        at = _place(path, places)
        if at is not None:
            name = path.removeprefix(lines[at].path).lstrip(".")
            told = f"{name}: {default}" if name else default
            joined = f"{lines[at].default}; {told}" if lines[at].changed else told
            lines[at] = replace(lines[at], changed=True, default=joined)
    return lines


def _entry(key: str, value: Any, path: str, indent: int) -> Iterator[PlanLine]:  # noqa: ANN401
    name = f"{key if key == '-' else _scalar(key) + ':'} "
    if not value or not isinstance(value, dict | list) or _fits(value, indent):
        yield PlanLine(path, indent, name, _flow(value))
        return
    if key == "-" and isinstance(value, dict) and len(value) == 1:
        ((only, inner),) = value.items()
        yield PlanLine(path, indent, f"- {_scalar(only)}: ", "")
        yield from _children(inner, f"{path}.{only}", indent + 2)
        return
    yield PlanLine(path, indent, name, "")
    yield from _children(value, path, indent + 1)


def _children(value: Any, path: str, indent: int) -> Iterator[PlanLine]:  # noqa: ANN401
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _entry(str(key), inner, f"{path}.{key}", indent)
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from _entry("-", inner, f"{path}.{i}", indent)
    else:
        yield PlanLine(path, indent, "", _flow(value))


def _fits(value: Any, indent: int) -> bool:  # noqa: ANN401
    """Sections stand as blocks, lists of plain values and small choices on one line."""
    if isinstance(value, list):
        return indent > 0 and not any(isinstance(inner, dict | list) for inner in value)
    return (indent > 0 or len(value) == 1) and len(_flow(value)) <= _FLOW_WIDTH


def _flow(value: Any) -> str:  # noqa: ANN401
    if isinstance(value, dict):
        pairs = (f"{_scalar(key)}: {_flow(inner)}" for key, inner in value.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flow(inner) for inner in value) + "]"
    return _scalar(value)


def _scalar(value: Any) -> str:  # noqa: ANN401
    if not isinstance(value, str):
        return json.dumps(value)
    if _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    return json.dumps(value, ensure_ascii=False)


def _place(path: str, places: Mapping[str, int]) -> int | None:
    while path:
        if path in places:
            return places[path]
        path = path.rpartition(".")[0]
    return None
