"""Python source is laid out as tools do it."""

import pytest

from torchsmith.eject.code import WIDTH, literal


@pytest.mark.parametrize("length", range(55, 66))
def test_a_line_leaves_room_for_the_comma_after_it(length):
    item = {"name": "x" * length, "next": 1}
    for value in ([item, item], {"a": item, "b": [item]}):
        assert max(map(len, literal(value).splitlines())) <= WIDTH
