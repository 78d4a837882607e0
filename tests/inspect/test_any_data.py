import re
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.inspect.build import table
from torchsmith.core.vocabulary import NOUNS
from torchsmith.inspect.codes import CHECKS
from torchsmith.inspect.examine import inspect
from torchsmith.inspect.inspection import Inspection

ROOT = Path(__file__).resolve().parents[2]

numbers = st.one_of(st.none(), st.floats(allow_nan=False), st.integers(-5, 5))
texts = st.one_of(st.none(), st.sampled_from(["a", "b", "", "긴 글", "x" * 50]))


@st.composite
def tables(draw):
    num = draw(st.integers(1, 60))
    rows = {"min_size": num, "max_size": num}
    kinds = (numbers, texts, st.booleans())
    columns = {
        f"c{i}": draw(st.lists(draw(st.sampled_from(kinds)), **rows))
        for i in range(draw(st.integers(1, 4)))
    }
    target = draw(st.lists(draw(st.sampled_from(kinds)), **rows))
    parts = draw(st.none() | st.lists(st.sampled_from([-1, 0, 1, 2]), **rows))
    return table(columns, target, given=parts)


def arrays(data):
    columns = [*data.inputs.columns.values(), data.target]
    return [column.values for column in columns]


@settings(max_examples=60, deadline=None)
@given(tables())
def test_inspecting_never_fails_and_never_changes_data(data):
    before = deepcopy(arrays(data))
    inspection = inspect(data)
    for old, new in zip(before, arrays(data), strict=True):
        np.testing.assert_array_equal(old, new)
    again = Inspection.model_validate_json(inspection.model_dump_json())
    assert again == inspection
    ranks = [
        ["error", "warning", "note"].index(f.severity) for f in inspection.findings
    ]
    assert ranks == sorted(ranks)


@settings(max_examples=20, deadline=None)
@given(tables())
def test_inspecting_twice_finds_the_same(data):
    assert inspect(data) == inspect(data)


@pytest.mark.parametrize("kind", NOUNS)
def test_no_code_is_checked_twice_for_one_kind_of_data(kind):
    checked = [c for check in CHECKS if check.kind in (None, kind) for c in check.codes]
    assert len(checked) == len({*checked})


def test_every_code_is_checked_and_explained():
    checked = {code for check in CHECKS for code in check.codes}
    sources = "".join(
        path.read_text() for path in (ROOT / "src/torchsmith/inspect").glob("*.py")
    )
    used = set(re.findall(r'code="(D\d+)"', sources))
    explained = re.findall(
        r"^\| (D\d+) \|", (ROOT / "docs/findings.md").read_text(), re.MULTILINE
    )
    assert sorted(checked) == sorted(used) == sorted(explained)
