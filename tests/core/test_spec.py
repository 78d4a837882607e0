"""A choice is written as in PyTorch, and comes back as it was."""

from typing import Annotated

import pytest
from pydantic import TypeAdapter, ValidationError

from torchsmith.core.spec import OneOf, Spec, members


class Plain(Spec):
    """No arguments."""


class Wide(Spec):
    """A main argument and another."""

    main = "width"
    width: int
    bias: bool = True


Choice = Annotated[Plain | Wide, OneOf()]
ADAPTER = TypeAdapter(Choice)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("Plain", Plain()),
        ({"Plain": None}, Plain()),
        ({"Plain": {}}, Plain()),
        ({"Wide": 5}, Wide(width=5)),
        ({"Wide": {"width": 5}}, Wide(width=5)),
        ({"Wide": {"width": 5, "bias": False}}, Wide(width=5, bias=False)),
        (Wide(width=3), Wide(width=3)),
    ],
)
def test_a_choice_may_be_written_short_or_long(written, meant):
    assert ADAPTER.validate_python(written) == meant


@pytest.mark.parametrize(
    ("spec", "written"),
    [
        (Plain(), "Plain"),
        (Wide(width=5), {"Wide": 5}),
        (Wide(width=5, bias=True), {"Wide": {"width": 5, "bias": True}}),
    ],
)
def test_a_choice_is_written_as_short_as_what_was_chosen(spec, written):
    assert ADAPTER.dump_python(spec, mode="json") == written


@pytest.mark.parametrize(
    ("written", "place"),
    [
        ("Nothing", ()),
        ({"Plain": None, "Wide": 3}, ()),
        ({"Wide": {"widht": 5}}, ("Wide", "width")),
        ({"Wide": {"width": 5, "bais": 1}}, ("Wide", "bais")),
        ({"Wide": "many"}, ("Wide", "width")),
        ("Wide", ("Wide", "width")),
    ],
)
def test_what_is_wrong_is_placed_within_its_choice(written, place):
    with pytest.raises(ValidationError) as caught:
        ADAPTER.validate_python(written)
    assert place in [error["loc"] for error in caught.value.errors()]


def test_members_of_nested_unions_are_found():
    assert members(Choice) == (Plain, Wide)
    assert members(Choice | None) == (Plain, Wide)


def test_the_schema_offers_every_form():
    text = str(ADAPTER.json_schema())
    assert "'const': 'Plain'" in text
    assert "'Wide'" in text
