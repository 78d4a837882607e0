"""Changing a plan by dotted paths, and saying what was changed."""

from collections.abc import Mapping
from typing import Any

from torchsmith.core.errors import PlanError
from torchsmith.core.record import Record
from torchsmith.core.spec import Spec
from torchsmith.data.split import Folds
from torchsmith.data.steps import (
    EncodeCategories,
    EncodeValues,
    Step,
    named_columns,
)
from torchsmith.inspect.inspection import Inspection
from torchsmith.plan.check import check, takes_codes
from torchsmith.plan.other_names import key_hint, why_not_here
from torchsmith.plan.place import fields_at, follow, specs_of
from torchsmith.plan.plan import Plan
from torchsmith.plan.text import document, flow, resolve
from torchsmith.plan.wrong import sections_with, validate
from torchsmith.plan.yaml import Path, parse_setting

REASON = "set with --set"
CHOSEN = "auto: "
"""How the reasons begin of what a run chose as it began."""

THIRD = "a third of the epochs: the schedule's low rates at the end often still help"
"""Why a plan has the patience that was chosen for it."""

THE_BEST = "the best epoch's weights are kept"
LOW_RATES = "the low rates at the end help most"
THE_LAST = (
    "averaged weights are steady, and best when the rate has come down; which epoch "
    "has the lowest val loss is chance beside that"
)
"""Why a plan keeps the best epoch's weights, or trains to the end and keeps these."""

_LEFT_OPEN = {"engine": "auto", "threads": 0}
"""What of `training` a run chooses, and how a plan leaves it open."""

_NOT_COMPARED = frozenset({"version", "reasons", "sized_for"})


def asked_settings(settings: object) -> Mapping[str, object]:
    """Return settings as a mapping, empty where there are none.

    Raises:
        PlanError: They are no mapping.
    """
    if settings is None:
        return {}
    if not isinstance(settings, Mapping):
        raise PlanError(
            "settings: expected a mapping of paths to values, such as "
            f"{{'training.epochs': 3}}, got a {type(settings).__name__}"
        )
    return settings


def set_values(plan: Plan, settings: Mapping[str, object]) -> Plan:
    """Return the plan with some values changed, such as `{"optimizer.lr": "0.1"}`.

    A patience that was chosen for the epochs follows them. Where the last weights were
    to be kept because they are averaged, the best epoch's are once they are not, and
    where something else is said of `stopping`. A column that is no number any more
    leaves the steps that name it, and a network that takes no codes gets
    0/1 columns of categories, and no codes of exact values.

    Args:
        plan: The plan to start from.
        settings: Values by dotted path. Texts are read as YAML. The name of a layer,
            an optimizer and the like may be left out of a path, and an item of a list
            is called by its place or its name.

    Raises:
        PlanError: A path that does not exist, or values that cannot work.
    """
    epochs, roles = plan.training.epochs, plan.data.columns
    for dotted, value in settings.items():
        plan = _set(plan, dotted, value)
    now = plan.training.epochs
    if now != epochs and plan.reasons.get("stopping.patience") == THIRD:
        stopping = plan.stopping.model_copy(update={"patience": patience_for(now)})
        plan = plan.model_copy(update={"stopping": stopping})
    of_stopping = any(dotted.startswith("stopping.") for dotted in settings)
    if plan.averaging is None or of_stopping:
        plan = _for_the_best(plan)
    if roles != plan.data.columns:
        now_numbers = {name for name, r in plan.data.columns.items() if r == "number"}
        were_numbers = {name for name, role in roles.items() if role == "number"}
        plan = _without_columns(plan, were_numbers - now_numbers)
    sections = {dotted.partition(".")[0] for dotted in settings}
    if "network" in sections and "prepare" not in sections and not takes_codes(plan):
        plan = _without_codes(plan)
    check(plan)
    return plan


def asked_splits(settings: Mapping[str, object]) -> list[str]:
    """Return by what settings divide the rows; not all of these can be combined."""
    names = ("time", "group", "stratify", "keep_together")
    asked = [name for name in names if _setting(settings, f"split.{name}")]
    val = _setting(settings, "split.val")
    folds = isinstance(val, Folds | dict) or "split.val.folds" in settings
    return [*asked, "folds"] if folds else asked


def as_divided(inspection: Inspection, settings: Mapping[str, object]) -> Inspection:
    """Return the facts without the time or the group that settings switch off."""
    off = {
        name: None
        for name in ("time", "group")
        if _setting(settings, f"split.{name}", name) is None
    }
    return inspection.model_copy(update=off)


def _setting(
    settings: Mapping[str, object], path: str, otherwise: object = None
) -> object:
    return parse_setting(path, settings.get(path, otherwise))


def _for_the_best(plan: Plan) -> Plan:
    """Return a plan that keeps the best epoch, if it was chosen not to."""
    if plan.reasons.get("stopping.restore_best") != THE_LAST:
        return plan
    reasons = plan.reasons | {"stopping.restore_best": THE_BEST}
    stopping = plan.stopping.model_copy(update={"restore_best": True})
    return plan.model_copy(update={"stopping": stopping, "reasons": reasons})


def _without_columns(plan: Plan, lost: set[str]) -> Plan:
    """Return a plan whose steps name none of these columns."""
    steps: list[Step | None] = []
    for step in plan.prepare:
        named = named_columns(step).values()
        kept = tuple(name for name in named if name not in lost)
        if len(kept) == len(named):
            steps.append(step)
        elif kept and isinstance(step, EncodeValues):
            steps.append(step.model_copy(update={"columns": kept}))
        else:
            steps.append(None)
    return _with_steps(plan, steps)


def _without_codes(plan: Plan) -> Plan:
    """Return a plan that gives its network no codes."""
    steps: list[Step | None] = []
    reasons: dict[str, str] = {}
    for step in plan.prepare:
        match step:
            case EncodeValues():
                steps.append(None)
            case EncodeCategories(encoding="codes"):
                place = sum(kept is not None for kept in steps)
                name = plan.network.spec_name()
                reasons[f"prepare.{place}"] = f"0/1 columns: {name} takes no codes"
                steps.append(step.model_copy(update={"encoding": "one_hot"}))
            case _:
                steps.append(step)
    plan = _with_steps(plan, steps)
    return plan.model_copy(update={"reasons": plan.reasons | reasons})


def _with_steps(plan: Plan, steps: list[Step | None]) -> Plan:
    """Return a plan with a step in place of each; None takes it out."""
    reasons = {
        path: text
        for path, text in plan.reasons.items()
        if not path.startswith("prepare.")
    }
    kept: list[Step] = []
    for place, step in enumerate(steps):
        if step is None:
            continue
        old, new = f"prepare.{place}", f"prepare.{len(kept)}"
        for path, text in plan.reasons.items():
            if step is plan.prepare[place] and f"{path}.".startswith(f"{old}."):
                reasons[new + path.removeprefix(old)] = text
        kept.append(step)
    return plan.model_copy(update={"prepare": tuple(kept), "reasons": reasons})


def patience_for(epochs: int) -> int:
    """Return how many epochs without improvement a plan of so many waits for."""
    return max(5, epochs // 3)


def _set(plan: Plan, dotted: str, value: object) -> Plan:
    content = _explicit(plan)
    path = _find(content, dotted)
    holder = parent = content
    for step in path[:-1]:
        holder, parent = parent, parent[step]
    if not isinstance(parent, dict | list):
        parent = holder[path[-2]] = {}  # `val: 0.15` becomes `val: {folds: 5}`
    chosen = parse_setting(dotted, value)
    name = dotted.rpartition(".")[2]
    # `prepare.ToFloat` names the item of the list, and sets its main argument.
    by_name = isinstance(parent, list) and not name.isdecimal()
    parent[path[-1]] = {name: chosen} if by_name else chosen
    found = validate(content)
    if not isinstance(found, Plan):
        raise PlanError("\n".join(wrong.text for wrong in found))
    old = document(plan)
    there, left = resolve(old, dotted)
    replaced = _line(there)
    kept = {
        other: text
        for other, text in plan.reasons.items()
        if left or resolve(old, other)[0][: len(replaced)] != replaced
    }
    written = _line(resolve(document(found), dotted)[0])
    reasons = {**kept, ".".join(map(str, written)): REASON}
    return found.model_copy(update={"reasons": reasons})


def _line(path: Path) -> Path:
    """Return the path whose line in the file holds a path: `- Linear: 3` is one."""
    return path[:-1] if len(path) > 1 and isinstance(path[-2], int) else path


def differences(plan: Plan, default: Plan) -> dict[str, tuple[str, str]]:
    """Return what differs between two plans: by dotted path, both values as YAML."""
    found: dict[str, tuple[str, str]] = {}
    for name in Plan.model_fields:
        if name not in _NOT_COMPARED:
            _compare(getattr(plan, name), getattr(default, name), name, found)
    return found


def take_choices(plan: Plan, chosen: Plan) -> Plan:
    """Return a plan with what it leaves open as a run of it chose it.

    Args:
        plan: May say `engine: auto` and `threads: 0`.
        chosen: The plan of a run.
    """
    values, reasons = {}, {}
    for name, left_open in _LEFT_OPEN.items():
        reason = chosen.reasons.get(f"training.{name}", "")
        if reason.startswith(CHOSEN) and getattr(plan.training, name) == left_open:
            values[name] = getattr(chosen.training, name)
            reasons[f"training.{name}"] = reason
    if not values:
        return plan
    training = plan.training.model_copy(update=values)
    update = {"training": training, "reasons": {**plan.reasons, **reasons}}
    return plan.model_copy(update=update)


def plan_schema() -> dict[str, Any]:
    """Return the JSON Schema of plan files, for editors and forms."""
    schema = Plan.model_json_schema()
    del schema["properties"]["reasons"]
    return schema


def _find(content: dict[str, Any], dotted: str) -> Path:
    """Return the path of a value that is there, or that may be added."""
    path, left = resolve(content, dotted)
    if not left and path:
        return path
    value: Any = content
    for step in path:
        value = value[step]
    _refuse_another_name(dotted, path, left, content, value)
    allowed = fields_at(path, content)
    if not allowed and isinstance(value, dict):
        # The one name of a spec was left out, and its argument is not written yet.
        if len(value) == 1 and fields_at((*path, *value), content):
            path = (*path, *value)
            allowed = fields_at(path, content)
        else:
            allowed = tuple(value)
    if left in allowed and left != "reasons":
        return (*path, left)
    where = ".".join(map(str, path)) or "the plan"
    if isinstance(value, list):
        allowed = tuple(str(place) for place in range(len(value)))
    raise PlanError(f"{dotted}: {where} has no '{left}'{_hint(path, left, allowed)}")


def _refuse_another_name(
    dotted: str,
    path: Path,
    left: str,
    content: dict[str, Any],
    value: Any,  # noqa: ANN401
) -> None:
    """Refuse an argument of an optimizer and the like that the plan does not take.

    Raises:
        PlanError: Says which one it takes, and how to take the other.
    """
    name, _, argument = left.partition(".")
    if not path or name not in specs_of(follow(path, content).annotation):
        return
    where = ".".join(map(str, path))
    taken = next(iter(value)) if isinstance(value, dict) and value else value
    if isinstance(taken, str):
        whole = f"{{{argument}: VALUE}}" if argument else "VALUE"
        raise PlanError(
            f"{dotted}: {where} of the plan is {taken}; take {name} with "
            f"{where}={name}, or with arguments, such as {where}='{{{name}: {whole}}}'"
        )


def _hint(path: Path, left: str, allowed: tuple[str, ...]) -> str:
    """Say what may be set instead, as the end of a message."""
    where = ".".join(map(str, path))
    names = [name for name in allowed if name not in ("version", "reasons")]
    if why := why_not_here(left, names, of_spec=False):
        return f"; {why}"
    if near := key_hint(left, names) or key_hint(left.partition(".")[0], names):
        return near
    if not path and (elsewhere := sections_with(left)):
        return f"; {elsewhere}"
    if not names and path:
        spec, dot, _ = left.partition(".")
        value = f"{{{spec}: {{...}}}}" if dot else "VALUE"
        return f"; it is set as a whole, such as {where}={value}"
    return f"; it has {', '.join(names)}" if names else ""


def _explicit(value: Any) -> Any:  # noqa: ANN401
    """Return dictionaries and lists in which specs stand with all chosen arguments."""
    if isinstance(value, Spec):
        chosen = [f for f in type(value).model_fields if f in value.model_fields_set]
        arguments = {name: _explicit(getattr(value, name)) for name in chosen}
        return {value.spec_name(): arguments}
    if isinstance(value, Record):
        return {
            name: _explicit(getattr(value, name))
            for name in type(value).model_fields
            if name not in ("version", "reasons")
        }
    if isinstance(value, dict):
        return {key: _explicit(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [_explicit(item) for item in value]
    return value


def _compare(
    ours: Any,  # noqa: ANN401
    theirs: Any,  # noqa: ANN401
    path: str,
    found: dict[str, tuple[str, str]],
) -> None:
    if ours == theirs:
        return
    if isinstance(ours, Record) and type(ours) is type(theirs):
        base = f"{path}.{ours.spec_name()}" if isinstance(ours, Spec) else path
        for name, field in type(ours).model_fields.items():
            pair = getattr(ours, name), getattr(theirs, name)
            # Layers stand right below `Sequential`, as in the file.
            layers = isinstance(pair[0], tuple) and specs_of(field.annotation)
            short = isinstance(ours, Spec) and name == ours.main and layers
            _compare(*pair, base if short else f"{base}.{name}", found)
    elif isinstance(ours, dict) and isinstance(theirs, dict):
        for key in dict.fromkeys((*ours, *theirs)):
            _compare(ours.get(key), theirs.get(key), f"{path}.{key}", found)
    elif _same_specs(ours, theirs):
        for place, pair in enumerate(zip(ours, theirs, strict=True)):
            _compare(*pair, f"{path}.{place}", found)
    else:
        found[path] = (_short(ours), _short(theirs))


def _same_specs(ours: Any, theirs: Any) -> bool:  # noqa: ANN401
    return (
        isinstance(ours, tuple)
        and isinstance(theirs, tuple)
        and [type(item) for item in ours] == [type(item) for item in theirs]
        and all(isinstance(item, Spec) for item in ours)
    )


def _short(value: Any) -> str:  # noqa: ANN401
    return flow(_dumped(value))


def _dumped(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, Record):
        return value.model_dump(mode="json")
    return [_dumped(item) for item in value] if isinstance(value, tuple) else value
