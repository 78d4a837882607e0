"""Where something stands: in the document of a plan, and in the models."""

from dataclasses import dataclass
from typing import Any, get_args

from torchsmith.core.record import Record
from torchsmith.core.spec import Spec, members
from torchsmith.plan.plan import Plan
from torchsmith.plan.yaml import Path


@dataclass
class Place:
    """A place in the document and in the models.

    Attributes:
        path: The deepest part of the document that is there.
        shown: The dotted path, as it is shown.
        model: What stands there, if it is a record.
        annotation: The type of what stands there.
        in_union: Whether the location went on into a member of a union.
    """

    path: list[str | int]
    shown: list[str]
    model: type[Record] | None
    annotation: Any
    in_union: bool = False


def fields_at(path: Path, content: dict[str, Any]) -> tuple[str, ...]:
    """Return the names of the fields that may stand at a path of a document."""
    model = follow(path, content).model
    return tuple(model.model_fields) if model else ()


def specs_of(annotation: Any) -> dict[str, type[Spec]]:  # noqa: ANN401
    """Return the specs that an annotation allows, by name."""
    return {spec.spec_name(): spec for spec in members(annotation)}


def follow(loc: Path, content: Any) -> Place:  # noqa: ANN401
    """Go along a location, as pydantic gives it, through a document and the models."""
    place = Place([], [], Plan, None)
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
            place.model = record_of(place.annotation)
        elif place.model is not None and item in place.model.model_fields:
            place.annotation = place.model.model_fields[item].annotation
            place.model = record_of(place.annotation)
            # The main argument is not written in the short form.
            known = there or number == len(loc) or _is_branch(loc[number], node)
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


def _is_branch(item: str | int, node: Any) -> bool:  # noqa: ANN401
    """Whether an item of a location is a member of a union, no part of the document."""
    return isinstance(item, str) and not (isinstance(node, dict) and item in node)


def record_of(annotation: Any) -> type[Record] | None:  # noqa: ANN401
    """Return the record (no spec) that an annotation allows."""
    for candidate in (annotation, *get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, Record):
            return None if issubclass(candidate, Spec) else candidate
    return None
