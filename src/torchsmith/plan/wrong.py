"""What is wrong with a plan's values, in a person's words."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from torchsmith.core.errors import nearest
from torchsmith.core.record import Record
from torchsmith.core.spec import Spec, members
from torchsmith.core.vocabulary import Metric, metric_hint
from torchsmith.plan.plan import Plan
from torchsmith.plan.text import flow
from torchsmith.plan.yaml import Path

_WANTED = {
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "string_type": "a text",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "keys with values",
    "model_type": "keys with values",
    "model_attributes_type": "keys with values",
}
_BOUNDS = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}
_SINGULAR = {
    "others": "optimizer",
    "layers": "layer",
    "prepare": "step",
    "init": "initialiser",
    "schedulers": "schedule",
}


@dataclass(frozen=True)
class Wrong:
    """One thing that is wrong.

    Attributes:
        path: The deepest part of the document that is there.
        at_key: Whether the key is wrong rather than its value.
        text: The dotted path and what is wrong.
    """

    path: Path
    at_key: bool
    text: str


@dataclass
class _Place:
    """Where an error of pydantic is, in the document and in the models."""

    path: list[str | int]
    shown: list[str]
    model: type[Record] | None
    annotation: Any
    in_union: bool = False


def validate(content: dict[str, Any]) -> Plan | list[Wrong]:
    """Make a plan of a document, or say all that is wrong with it.

    Texts are no numbers and true is not 1: what a person mistyped is not guessed.
    """
    try:
        return Plan.model_validate(_with_tuples(content), strict=True)
    except ValidationError as error:
        return list(_wrongs(error, content))


def fields_at(path: Path, content: dict[str, Any]) -> tuple[str, ...]:
    """Return the names of the fields that may stand at a path of a document."""
    model = _follow(path, content).model
    return tuple(model.model_fields) if model else ()


def specs_of(annotation: Any) -> dict[str, type[Spec]]:  # noqa: ANN401
    """Return the specs that an annotation allows, by name."""
    return {spec.spec_name(): spec for spec in members(annotation)}


def _with_tuples(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, dict):
        return {key: _with_tuples(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return tuple(map(_with_tuples, value))
    return value


def _follow(loc: Path, content: Any) -> _Place:  # noqa: ANN401
    place = _Place([], [], Plan, None)
    node = content
    for number, item in enumerate(loc, start=1):
        specs = specs_of(place.annotation)
        there = (isinstance(node, dict) and item in node) or (
            isinstance(node, list | tuple)
            and isinstance(item, int)
            and item < len(node)
        )
        known = True
        if isinstance(item, int):
            place.model = _record_of(place.annotation)
        elif place.model is not None and item in place.model.model_fields:
            place.annotation = place.model.model_fields[item].annotation
            place.model = _record_of(place.annotation)
            # The main argument is not written in the short form.
            known = there or number == len(loc)
        elif item in specs:
            place.model, place.annotation = specs[item], None
        elif there:
            place.model = None
        else:
            place.in_union = True
            known = False
        if known:
            place.shown.append(str(item))
        if there:
            place.path.append(item)
            node = node[item]
    return place


def _record_of(annotation: Any) -> type[Record] | None:  # noqa: ANN401
    for candidate in (annotation, *get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, Record):
            return None if issubclass(candidate, Spec) else candidate
    return None


def _wrongs(error: ValidationError, content: dict[str, Any]) -> Iterator[Wrong]:
    """Say each thing once: a value that fits no member of a union is one mistake."""
    unions: dict[Path, list[tuple[ErrorDetails, _Place]]] = {}
    for detail in error.errors():
        place = _follow(detail["loc"], content)
        if _follows_from_others(detail):
            continue
        if place.in_union:
            unions.setdefault(tuple(place.path), []).append((detail, place))
        else:
            yield _wrong(detail, place)
    for path, found in unions.items():
        if not any(other[: len(path)] == path != other for other in unions):
            # Dictionaries drop what is said twice and keep the order.
            wishes = list(dict.fromkeys(_wish_in_union(detail) for detail, _ in found))
            detail, place = found[0]
            got = _got(detail["input"])
            yield _at(place, f"must be {' or '.join(wishes)}, got {got}")


def _follows_from_others(detail: ErrorDetails) -> bool:
    """Whether a list is too short only because its items were refused."""
    context = detail.get("ctx", {})
    found = detail["input"]
    return (
        detail["type"] == "too_short"
        and isinstance(found, list | tuple)
        and len(found) >= context["min_length"]
    )


def _wrong(detail: ErrorDetails, place: _Place) -> Wrong:
    kind, last = detail["type"], detail["loc"][-1]
    if kind == "extra_forbidden":
        return _unknown_key(str(last), place, detail["loc"])
    if kind == "missing" and isinstance(last, int):
        place.shown.pop()
        return _at(place, f"has too few items: item {last + 1} is missing")
    if kind == "missing":
        return _at(place, "is missing", at_key=True)
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        return _unknown_name(detail, place)
    if kind == "value_error":
        return _at(place, str(detail["ctx"]["error"]))
    got = _got(detail["input"])
    if kind == "literal_error" and place.annotation == Metric:
        named = get_args(Metric)
        near = metric_hint(str(detail["input"]), named)
        listed = near or f"; it can be {', '.join(named)}"
        return _at(place, f"unknown metric {got}{listed}")
    if kind == "literal_error":
        allowed = detail["ctx"]["expected"].replace("'", "").replace(" or ", ", ")
        near = nearest(str(detail["input"]), allowed.split(", "))
        return _at(place, f"must be {_wish(detail)}, got {got}{near}")
    hint = "; write it in quotes" if kind == "string_type" else ""
    return _at(place, f"must be {_wish(detail)}, got {got}{hint}")


def _unknown_key(key: str, place: _Place, loc: Path) -> Wrong:
    above = _follow(loc[:-1], {}).model
    allowed = list(above.model_fields) if above else []
    if above is Plan:
        allowed = [name for name in allowed if name != "reasons"]
    names = ", ".join(allowed)
    what = f"it takes {names}" if allowed else "it takes no arguments"
    owner = ".".join(place.shown[:-1])
    text = f"{owner}: " if owner else ""
    text += f"unknown key '{key}'{nearest(key, allowed)}; {what}"
    return Wrong(tuple(place.path), at_key=True, text=text.replace("?;", "?"))


def _unknown_name(detail: ErrorDetails, place: _Place) -> Wrong:
    allowed = list(specs_of(place.annotation))
    field = next(
        (str(item) for item in reversed(detail["loc"]) if isinstance(item, str)), ""
    )
    word = _SINGULAR.get(field, field)
    if detail["type"] == "union_tag_not_found":
        got = _got(detail["input"])
        text = f"must be the name of a {word}, alone or with its arguments, got {got}"
        return _at(place, text)
    name = str(detail["ctx"]["tag"])
    near = nearest(name, allowed)
    listed = near or f"; it can be {', '.join(allowed)}"
    return _at(place, f"unknown {word} '{name}'{listed}")


def _wish(detail: ErrorDetails) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind in _BOUNDS:
        name, words = _BOUNDS[kind]
        return f"{words} {flow(context[name])}"
    if kind == "literal_error":
        return str(context["expected"]).replace("'", "")
    if kind == "too_short":
        return f"a list of at least {context['min_length']}"
    if kind == "too_long":
        return f"a list of at most {context['max_length']}"
    return _WANTED.get(kind, detail["msg"])


def _wish_in_union(detail: ErrorDetails) -> str:
    wish = _wish(detail)
    return f"a number {wish}" if detail["type"] in _BOUNDS else wish


def _got(value: Any) -> str:  # noqa: ANN401
    text = f"'{value}'" if isinstance(value, str) else flow(value)
    return text if len(text) <= 60 else text[:57] + "…"


def _at(place: _Place, text: str, *, at_key: bool = False) -> Wrong:
    return Wrong(tuple(place.path), at_key, f"{'.'.join(place.shown)}: {text}")
