"""The plan line by line, each line beside its reason."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from torchsmith.plan.plan import Plan
from torchsmith.plan.text import document, flow, resolve

_FLOW_WIDTH = 60
_Path = tuple[str | int, ...]


@dataclass(frozen=True)
class PlanLine:
    """One line of the plan.

    Attributes:
        path: Where its value stands, such as `("training", "epochs")`.
        indent: How deep it stands, in levels.
        key: `epochs: ` or `- `.
        value: As YAML.
        reason: Why the value is what it is.
        changed: Whether the person changed it.
        default: What Torchsmith had chosen, where the person changed it.
    """

    path: _Path
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
        changed: For a dotted path that the person changed, what the default was.
    """
    content = document(plan)
    reasons = _placed(plan.reasons, content)
    defaults = _placed(changed, content)
    spoken = {*reasons, *defaults}
    return [
        replace(
            line,
            reason=reasons.get(line.path, ""),
            changed=line.path in defaults,
            default=defaults.get(line.path, ""),
        )
        for key, value in content.items()
        for line in _entry(f"{flow(key)}: ", value, (key,), 0, spoken)
    ]


def _placed(told: Mapping[str, str], content: dict[str, Any]) -> dict[_Path, str]:
    """Move what is said about a dotted path to the deepest part that is there."""
    placed: defaultdict[_Path, list[str]] = defaultdict(list)
    for dotted, text in told.items():
        path, left = resolve(content, dotted)
        path = _name_of(content, path)
        placed[path].append(f"{left}: {text}" if left else text)
    return {path: "; ".join(texts) for path, texts in placed.items() if path}


def _name_of(content: Any, path: _Path) -> _Path:  # noqa: ANN401
    """Turn the path of a list's item into that of its name, where it has one."""
    for step in path:
        content = content[step]
    in_list = bool(path) and isinstance(path[-1], int)
    if in_list and isinstance(content, dict) and len(content) == 1:
        return (*path, *content)
    return path


def _entry(
    key: str,
    value: Any,  # noqa: ANN401
    path: _Path,
    indent: int,
    spoken: Iterable[_Path],
) -> Iterator[PlanLine]:
    if _on_one_line(value, path, spoken):
        yield PlanLine(path, indent, key, flow(value))
        return
    yield PlanLine(path, indent, key, "")
    for step, inner in value.items() if isinstance(value, dict) else enumerate(value):
        below, label = (*path, step), f"{flow(step)}: "
        if isinstance(value, list):
            label = "- "
            if isinstance(inner, dict) and len(inner) == 1:
                ((name, inner),) = inner.items()
                below, label = (*below, name), f"- {flow(name)}: "
        yield from _entry(label, inner, below, indent + 1, spoken)


def _on_one_line(value: Any, path: _Path, spoken: Iterable[_Path]) -> bool:  # noqa: ANN401
    if not isinstance(value, dict | list) or not value:
        return True
    if any(len(other) > len(path) and other[: len(path)] == path for other in spoken):
        return False
    if isinstance(value, list):
        return not any(isinstance(item, dict | list) for item in value) and (
            len(path) > 1
        )
    return len(flow(value)) <= _FLOW_WIDTH and (len(path) > 1 or len(value) == 1)
