"""The studies that compare one choice on one small network."""

import pytest

from torchsmith.data.load import load
from torchsmith.recipes.catalogue import ENTRIES, recipe
from torchsmith.recipes.study import members
from torchsmith.report.charts import COLOURS
from torchsmith.train.setup import set_up

STUDIES = {entry.name: recipe(entry.name) for entry in ENTRIES if entry.kind == "study"}
ON_DIGITS = {n: s for n, s in STUDIES.items() if s.base.data.source == "digits"}


@pytest.fixture(scope="module")
def digits():
    return load("digits")


def test_every_choice_is_compared():
    assert set(ON_DIGITS) == {
        "activations",
        "losses",
        "lr-schedules",
        "normalisation",
        "optimizers",
    }


@pytest.mark.parametrize("name", STUDIES)
def test_every_variant_has_a_colour_of_its_own(name):
    assert len(STUDIES[name].variants) <= len(COLOURS)


@pytest.mark.parametrize("name", ON_DIGITS)
def test_every_member_can_be_built(name, digits):
    study = ON_DIGITS[name]
    for member in members(study)[: len(study.variants)]:
        setup = set_up(member.plan, digits)
        assert setup.state.step == 0
        assert len(setup.parts.test) == 539


@pytest.mark.parametrize("name", ON_DIGITS)
def test_variants_differ_in_what_is_compared_and_in_nothing_else(name):
    compared = {
        "activations": {"network", "init"},
        "losses": {"loss", "network"},
        "lr-schedules": {"schedule"},
        "normalisation": {"network", "init"},
        "optimizers": {"optimizer"},
    }[name]
    for settings in ON_DIGITS[name].variants.values():
        assert {path.partition(".")[0] for path in settings} <= compared
