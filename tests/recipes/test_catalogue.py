"""The list of recipes, and that each can be run."""

import pytest

from torchsmith.core.errors import PlanError
from torchsmith.data.catalog import entry_named as set_named
from torchsmith.plan.check import check
from torchsmith.plan.plan import Plan
from torchsmith.recipes.catalogue import ENTRIES, NAMES, recipe, recipe_text
from torchsmith.recipes.lesson import Lesson
from torchsmith.recipes.study import Study, members, parse_study, study_text


def test_names_are_distinct_and_lines_are_short():
    assert len(set(NAMES)) == len(NAMES)
    for entry in ENTRIES:
        assert 10 <= len(entry.about) <= 60, entry
        assert entry.time.split()[1] in ("s", "min"), entry


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_every_recipe_is_what_its_line_says_and_can_be_carried_out(entry):
    found = recipe(entry.name)
    match found:
        case Plan():
            assert entry.kind == "plan"
            check(found)
            assert set_named(found.data.source)
        case Study():
            assert entry.kind == "study"
            assert len(members(found)) == len(found.variants) * len(found.seeds)
            assert set_named(found.base.data.source)
            assert set(found.about) == set(found.variants), "say what each variant is"
            assert parse_study(study_text(found)) == found
        case Lesson():
            assert entry.kind == "lesson"
            assert found.title.endswith(".")
            assert len(found.text) > 100
            assert found.settings


@pytest.mark.parametrize("name", [e.name for e in ENTRIES if e.kind != "lesson"])
def test_a_plan_teaches_in_its_comments(name):
    assert recipe_text(name).count("# ") >= 5


def test_an_unknown_recipe_is_refused_with_a_near_name():
    with pytest.raises(PlanError, match="no recipe 'optimisers'; did you mean 'opti"):
        recipe("optimisers")
    with pytest.raises(PlanError, match=r"no recipe 'xxxx'; there are .*sine-cubic"):
        recipe("xxxx")


def test_an_underscore_counts_as_a_hyphen():
    assert recipe("Sine_Cubic").name == "sine-cubic"
