"""What is wrong with a plan's values, in a person's words."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from torchsmith.core.spec import Spec, members
from torchsmith.core.vocabulary import Metric, Task, metric_hint, metrics_for
from torchsmith.data.split import Folds
from torchsmith.plan.layers import Layer
from torchsmith.plan.optimizers import Group
from torchsmith.plan.other_names import (
    MOST_LISTED,
    key_hint,
    key_names,
    spec_hint,
    spec_names,
    value_hint,
    why_not_here,
)
from torchsmith.plan.place import Place, follow, record_of, specs_of
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
_WHOLE = frozenset({"int_type", "int_parsing", "int_from_float"})
_BARE = {
    "a whole number": re.compile(r"\s*-?\d+\s*"),
    "a number": re.compile(r"\s*-?[\d.]+(e-?\d+)?\s*"),
    "true or false": re.compile("true|false"),
}
_NO_KEYS = frozenset({"dict_type", "model_type", "model_attributes_type"})
_NUMBERS = re.compile(r"\s*-?[\d.]+(\s*,\s*-?[\d.]+)*\s*")
_SINGULAR = {
    "others": "optimizer",
    "layers": "layer",
    "prepare": "step",
    "augment": "augmentation",
    "robustness": "change",
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


def validate(content: dict[str, Any]) -> Plan | list[Wrong]:
    """Make a plan of a document, or say all that is wrong with it.

    Texts are no numbers and true is not 1: what a person mistyped is not guessed.
    """
    try:
        return Plan.model_validate(_with_tuples(content), strict=True)
    except ValidationError as error:
        return list(_wrongs(error, content))


def _with_tuples(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, dict):
        return {key: _with_tuples(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return tuple(map(_with_tuples, value))
    return value


def _wrongs(error: ValidationError, content: dict[str, Any]) -> Iterator[Wrong]:
    """Say each thing once: a value that fits no member of a union is one mistake."""
    unions: dict[Path, list[tuple[ErrorDetails, Place]]] = {}
    details = error.errors()
    meant = {path for detail in details for path in _meant(detail)}
    for detail in details:
        place = follow(detail["loc"], content)
        if _follows_from_others(detail) or detail["loc"] in meant:
            continue
        if place.in_union:
            unions.setdefault(tuple(place.path), []).append((detail, place))
        else:
            yield _wrong(detail, place, content)
    for path, found in unions.items():
        if not any(other[: len(path)] == path != other for other in unions):
            # Dictionaries drop what is said twice and keep the order.
            wishes = list(dict.fromkeys(_wish_in_union(detail) for detail, _ in found))
            detail, place = found[0]
            if detail["type"] == "extra_forbidden":
                yield _wrong(detail, place, content)
                continue
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


def _meant(detail: ErrorDetails) -> Iterator[Path]:
    """Yield where a key that has another name here should stand; it is not missing."""
    if detail["type"] == "extra_forbidden":
        *above, key = detail["loc"]
        for name in key_names(str(key), _allowed_keys(tuple(above))):
            yield (*above, name)


def _wrong(detail: ErrorDetails, place: Place, content: dict[str, Any]) -> Wrong:
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
    got = _got(detail["input"], precisely=kind in _WHOLE)
    if kind == "literal_error" and place.annotation == Metric:
        return _at(place, f"unknown metric {got}{_metric_hint(detail, content)}")
    if kind == "literal_error":
        allowed = detail["ctx"]["expected"].replace("'", "").replace(" or ", ", ")
        near = value_hint(str(detail["input"]), allowed.split(", "))
        return _at(place, f"must be {wish(detail)}, got {got}{near}")
    if kind in _NO_KEYS and place.model is not None and issubclass(place.model, Spec):
        names = ", ".join(place.model.model_fields)
        what = f"takes its arguments by name ({names})" if names else "has no arguments"
        return _at(place, f"{what}, got {got}")
    return _at(place, f"must be {wish(detail)}, got {got}{_form_hint(detail, place)}")


def _form_hint(detail: ErrorDetails, place: Place) -> str:
    """Say how a value is written, where only its form is wrong."""
    kind, value = detail["type"], detail["input"]
    if kind == "string_type":
        return "; write it in quotes"
    bare = _BARE.get(_WANTED.get(kind, ""))
    if bare and isinstance(value, str) and bare.fullmatch(value):
        return f"; write {value.strip()} without quotes"
    # A list of any length may have one item; a pair may not.
    if kind == "tuple_type" and get_args(place.annotation)[1:] == (Ellipsis,):
        of_numbers = get_args(place.annotation)[0] is not str
        if of_numbers and isinstance(value, str) and _NUMBERS.fullmatch(value):
            return f"; write [{value.strip()}]"
        return "" if value is None else f"; write {flow([value])}"
    return ""


def _metric_hint(detail: ErrorDetails, content: dict[str, Any]) -> str:
    named = get_args(Metric)
    problem = content.get("problem")
    task = problem.get("task") if isinstance(problem, dict) else None
    tasks: dict[Any, Task] = {known: known for known in get_args(Task)}
    allowed = metrics_for(tasks[task]) if task in tasks else named
    name = str(detail["input"])
    near = metric_hint(name, allowed) or metric_hint(name, named)
    return near or f"; it can be {', '.join(allowed)}"


def _allowed_keys(above: Path) -> list[str]:
    """Return the keys that may stand below a path."""
    model = follow(above, {}).model
    if model is None:
        return []
    allowed = list(model.model_fields)
    if model is Plan:
        allowed.remove("reasons")
    if model is Group and (optimizer := follow(above[:-2], {}).model):
        # A group has the arguments of all optimizers; here only those of its own.
        own = ("params", *optimizer.model_fields)
        allowed = [name for name in allowed if name in own]
    return allowed


def _unknown_key(key: str, place: Place, loc: Path) -> Wrong:
    allowed = _allowed_keys(loc[:-1])
    owner = ".".join(place.shown[:-1])
    text = f"{owner}: " if owner else ""
    text += f"unknown key '{key}'"
    above = follow(loc[:-1], {}).model
    of_spec = above is not None and issubclass(above, Spec)
    elsewhere = _specs_with(key, loc) if of_spec else sections_with(key)
    hint = key_hint(key, allowed, elsewhere)
    if why := why_not_here(key, allowed, of_spec=of_spec):
        text += f"; {why}"
    elif not allowed:
        text += f"; it takes no arguments{_aside(elsewhere)}"
    elif len(allowed) > MOST_LISTED and (hint or elsewhere):
        text += hint or f"; {elsewhere}"
    else:
        text += f"{hint}; it takes {', '.join(allowed)}{_aside(elsewhere)}"
    return Wrong(tuple(place.path), at_key=True, text=text.replace("?;", "?"))


def _specs_with(key: str, loc: Path) -> str:
    """Say which other specs of the same set have an argument."""
    specs = specs_of(follow(loc[:-2], {}).annotation)
    having = [name for name, spec in specs.items() if key in spec.model_fields]
    more = ", …" if len(having) > 3 else ""
    return f"{key} is of {', '.join(having[:3])}{more}" if having else ""


def sections_with(key: str) -> str:
    """Say which sections of a plan have a key, or return nothing."""
    having = [
        name
        for name, field in Plan.model_fields.items()
        for models in [(record_of(field.annotation), *members(field.annotation))]
        if any(model and key in model.model_fields for model in models)
        and get_args(field.annotation)[1:] != (Ellipsis,)
    ]
    return f"{key} is of {' and '.join(having)}" if having else ""


def _aside(text: str) -> str:
    return f" ({text})" if text else ""


def _unknown_name(detail: ErrorDetails, place: Place) -> Wrong:
    allowed = list(specs_of(place.annotation))
    field = next(
        (str(item) for item in reversed(detail["loc"]) if isinstance(item, str)), ""
    )
    word = _SINGULAR.get(field, field)
    if detail["type"] == "union_tag_not_found":
        value = detail["input"]
        several = isinstance(value, dict) and len(value) > 1
        one = "one" if several else "an" if word[0] in "aeiou" else "a"
        text = f"must be the name of {one} {word}, alone or with its arguments"
        layers = "; layers stand in a Sequential: [...]" if field == "network" else ""
        return _at(place, f"{text}, got {_got(value)}{layers}")
    name = str(detail["ctx"]["tag"])
    hint = spec_hint(name, allowed, word)
    if field == "schedulers" and name == "SequentialLR":
        hint = "; one cannot stand in another: write its members here"
    elif field == "network" and (layer := spec_names(name, specs_of(Layer))):
        hint = f"; '{layer[0]}' is a layer: put it into a Sequential"
    return _at(place, f"unknown {word} '{name}'{hint}")


def wish(detail: ErrorDetails) -> str:
    """Say what a value must be, after "must be"."""
    kind, context = detail["type"], detail.get("ctx", {})
    if kind in _BOUNDS:
        name, words = _BOUNDS[kind]
        return f"{words} {flow(context[name])}"
    if kind == "literal_error":
        return str(context["expected"]).replace("'", "")
    if kind == "missing":
        last = detail["loc"][-1]
        of_list = isinstance(last, int)
        return "a longer list" if of_list else f"keys with values, one of them {last}"
    if kind == "too_short":
        return f"a list of at least {context['min_length']}"
    if kind == "too_long":
        return f"a list of at most {context['max_length']}"
    if context.get("class_name") == Folds.__name__:
        return "folds, such as {folds: 5}"
    return _WANTED.get(kind, detail["msg"])


def fault(detail: ErrorDetails) -> str:
    """Say what is wrong with a value, or that there is none, after its place."""
    if detail["type"] == "missing" and isinstance(detail["loc"][-1], str):
        return "is missing"
    return f"must be {wish(detail)}, got {detail['input']!r}"


def _wish_in_union(detail: ErrorDetails) -> str:
    if detail["type"] == "literal_error":
        return str(detail["ctx"]["expected"])  # in quotes, unlike what is described
    wished = wish(detail)
    return f"a number {wished}" if detail["type"] in _BOUNDS else wished


def _got(value: Any, *, precisely: bool = False) -> str:  # noqa: ANN401
    text = f"'{value}'" if isinstance(value, str) else flow(value)
    if precisely and isinstance(value, float):
        text = repr(value)  # 5.0 rather than 5
    return text if len(text) <= 60 else text[:57] + "…"


def _at(place: Place, text: str, *, at_key: bool = False) -> Wrong:
    return Wrong(tuple(place.path), at_key, f"{'.'.join(place.shown)}: {text}")
