"""Remedies are changes that the plan can take."""

import numpy as np
import pytest

import torchsmith
from torchsmith.doctor.catalogue import CATALOGUE
from torchsmith.doctor.remedies import (
    combined,
    in_words,
    remedies,
    scaled_rate,
    stronger,
    with_reason,
)
from torchsmith.doctor.usual import SECTIONS, as_usual
from torchsmith.inspect.inspection import Finding
from torchsmith.plan.settings import differences, set_values
from torchsmith.plan.text import plan_text

LAYERS = {"Sequential": [{"Linear": 8}, "ReLU", {"Linear": 3}]}
SGD = {"network": LAYERS, "optimizer": {"SGD": {"lr": 8}}, "schedule": None}


@pytest.fixture(scope="module")
def default():
    """Hold what these tests compute with; a default may become another."""
    adam = {"AdamW": {"lr": 0.002, "weight_decay": 0.0003}}
    return torchsmith.plan("iris", settings={"optimizer": adam, "training.epochs": 100})


@pytest.fixture(scope="module")
def plan(default):
    return set_values(default, SGD)


def found(code, changes=None, severity="error"):
    return Finding(
        code=code, severity=severity, message="It is wrong.", changes=changes or {}
    )


def changes_of(plan, default, *findings):
    return [
        dict(remedy.changes) for remedy in remedies(findings, plan, default).contested
    ]


def test_a_findings_own_changes_come_first(plan, default):
    first, *others = changes_of(plan, default, found("P1", {"optimizer.lr": 0.5}))
    assert first == {"optimizer.lr": 0.5}
    assert others == [
        {
            "optimizer": {"AdamW": {"lr": 0.002, "weight_decay": 0.0003}},
            "schedule": {"OneCycleLR": {"pct_start": 0.05, "cycle_momentum": False}},
        }
    ]


def test_the_likely_cause_is_remedied_before_what_it_brings_about(plan, default):
    symptom = found("T4", {"training.clip_grad_norm": 2.0})
    first, second, *_ = changes_of(plan, default, symptom, found("P1"))
    assert first == {"optimizer.lr": 1.6}
    assert second == {"training.clip_grad_norm": 2.0}


def test_equal_remedies_are_one_with_all_codes(plan, default):
    both = [found("P1", {"optimizer.lr": 1.6}), found("T4", {"optimizer.SGD.lr": 1.6})]
    made = remedies(both, plan, default).contested
    assert made[0].codes == ("P1", "T4")
    assert sum("optimizer.SGD.lr" in remedy.changes for remedy in made) == 0


def test_notes_ask_for_nothing_and_no_remedy_changes_nothing(plan, default):
    note = found("P1", {"optimizer.lr": 1}, "note")
    same = found("C12", {"optimizer.lr": 8})
    assert changes_of(plan, default, note, same) == []


def test_what_changes_the_measure_needs_no_contest(plan, default):
    shared = found("D8", {"split.stratify": False})
    made = remedies([shared], plan, default)
    assert [remedy.codes for remedy in made.settled] == [("D8",)]
    assert made.contested == ()


def test_what_only_the_person_knows_is_left_to_the_person(plan, default):
    leak = {"data.columns.petal width (cm)": "ignore"}
    unknown = "'petal width (cm)' is not known when a prediction is needed"
    asking = found("D10", leak).model_copy(update={"only_if": unknown})
    made = remedies([asking], plan, default)
    assert (made.settled, made.contested) == ((), ())
    assert made.left_out == (
        f"D10: only you know; if {unknown}: "
        "--set 'data.columns.petal width (cm)=ignore'",
    )
    done = set_values(plan, leak)
    assert remedies([asking], done, default).left_out == ()


def test_what_no_plan_can_say_and_what_does_not_fit_is_left_out(plan, default):
    wrong = found("P7", {"network.TabularMLP.dropout": 0.1})
    made = remedies([found("C7"), wrong], plan, default)
    assert made.left_out[0] == "C7: no setting of a plan changes this"
    assert made.left_out[1].startswith("P7: the remedy does not fit this plan (")


def test_two_remedies_are_combined_unless_they_contradict_each_other(plan, default):
    rate, clip, other = (
        remedies([finding], plan, default).contested[0]
        for finding in (
            found("P1", {"optimizer.lr": 0.5}),
            found("T2", {"training.clip_grad_norm": 2.0}),
            found("P2", {"optimizer.lr": 80}),
        )
    )
    both = combined(rate, clip, plan)
    assert both.codes == ("P1", "T2")
    assert (both.plan.optimizer.lr, both.plan.training.clip_grad_norm) == (0.5, 2.0)
    assert combined(rate, other, plan) is None


def test_a_stronger_dose_changes_by_the_same_factor_once_more(plan, default):
    first = remedies([found("T1")], plan, default).contested[0]
    second = stronger(first, plan)
    third = stronger(second, first.plan)
    rates = [one.plan.optimizer.lr for one in (first, second, third)]
    assert rates == [1.6, 0.32, 0.064]
    assert third.changes == {"optimizer.lr": 0.064}
    assert third.plan.training.clip_grad_norm == plan.training.clip_grad_norm


def test_whole_numbers_stay_whole_and_what_cannot_be_is_no_dose(plan, default):
    longer = remedies([found("P3", {"training.epochs": 200})], plan, default)
    assert stronger(longer.contested[0], plan).plan.training.epochs == 400
    fixed = remedies([found("P13", {"optimizer.lr": 0.5})], plan, default)
    assert stronger(fixed.contested[0], plan) is None


@pytest.mark.parametrize(
    ("place", "rates"),
    [
        (
            {"optimizer.groups": [{"params": "*.bias", "lr": 0.2}, {"params": "*"}]},
            {"optimizer.lr": 0.001, "optimizer.groups.0.lr": 0.1},
        ),
        (
            {"schedule": {"OneCycleLR": {"max_lr": 0.4}}},
            {"optimizer.lr": 0.001, "schedule.max_lr": 0.2},
        ),
        (
            {"optimizer": {"Muon": {"lr": 0.02, "others": {"AdamW": {"lr": 0.006}}}}},
            {"optimizer.lr": 0.01, "optimizer.others.lr": 0.003},
        ),
    ],
)
def test_the_learning_rate_is_found_wherever_a_plan_has_one(place, rates, default):
    changed = set_values(default, place)
    assert scaled_rate(changed, 0.5) == rates
    assert len(differences(set_values(changed, rates), changed)) == len(rates)


def test_the_mended_plan_says_why_beside_each_change(plan):
    changes = {"optimizer.lr": 0.5, "training.clip_grad_norm": 2}
    mended = with_reason(plan, changes, "P1: it was too high")
    lines = plan_text(mended).splitlines()
    rate = next(line for line in lines if "lr: 0.5" in line)
    assert rate.endswith("# P1: it was too high")
    clipped = next(line for line in lines if "clip_grad_norm" in line)
    assert clipped.endswith("# for the same reason")
    # What the person had set keeps its reason.
    assert mended.reasons["network"] == plan.reasons["network"]


def test_a_section_that_is_removed_is_told_beside_the_network(plan):
    sick = set_values(plan, {"init": ["zeros_"]})
    mended = with_reason(sick, {"init": []}, "C10: all weights are equal")
    assert mended.init == ()
    assert "no init: C10: all weights are equal" in plan_text(mended)


def test_changes_are_told_on_one_short_line(plan):
    changed = set_values(plan, {"optimizer.lr": 0.5, "network": {"MLP": [4] * 30}})
    said = in_words(changed, plan)
    assert "optimizer.SGD.lr 8 → 0.5" in said
    assert len(said) < 200


def test_every_code_with_a_place_in_the_plan_is_in_the_catalogue():
    assert {disease.code for disease in CATALOGUE}.issuperset(SECTIONS)


@pytest.mark.parametrize("code", sorted(SECTIONS))
def test_what_torchsmith_would_do_can_be_set_for_every_code(code, plan, default):
    for remedy in remedies([found(code)], plan, default).contested:
        assert set_values(plan, remedy.changes).network is not None


def test_more_epochs_are_no_remedy_beside_that_of_their_cause(plan, default):
    short = found("P3", {"training.epochs": 80})
    assert {"training.epochs": 80} in changes_of(plan, default, short)
    both = remedies([short, found("P2", {"optimizer.lr": 4})], plan, default)
    assert "P3: follows from P2, mended first" in both.left_out
    assert not any("training.epochs" in each.changes for each in both.contested)


def test_more_epochs_stay_where_nothing_mends_their_cause(plan, default):
    short = found("P3", {"training.epochs": 80})
    for cause in (found("D25"), found("P4", {"training.batch_size": 8})):
        assert {"training.epochs": 80} in changes_of(plan, default, short, cause)
    patient = found("P3", {"stopping.patience": 20, "stopping.min_delta": 0.0})
    given = changes_of(plan, default, patient, found("P2", {"optimizer.lr": 4}))
    assert dict(patient.changes) in given


def test_a_wider_network_is_made_wider_once_more(plan, default):
    first, *_ = (
        one
        for one in remedies([found("P11")], plan, default).contested
        if one.repair is not None
    )
    second = stronger(first, plan)
    assert plan_text(first.plan).count("Linear: 32") == 1
    assert plan_text(second.plan).count("Linear: 128") == 1


def test_what_the_default_sets_for_parts_of_its_own_network_is_left_out(plan, default):
    members = {"optimizer.groups": [{"params": "members.*", "lr": 0.1}]}
    grouped = set_values(default, members)
    changes, _ = as_usual(plan, grouped, "optimizer")
    assert "groups" not in changes["optimizer"]["AdamW"]
    changes, _ = as_usual(plan, grouped, "network optimizer")
    assert changes["optimizer"]["AdamW"]["groups"]


def test_a_network_that_reads_computed_features_is_taken_without_them():
    steps = np.random.default_rng(0).normal(size=(60, 1, 24)).astype(np.float32)
    data = (steps, np.arange(60) % 2)
    network = {"SequenceNet": "Transformer"}
    kind = {"data.kind": "sequences", "prepare": ["Standardize"], "network": network}
    ours = torchsmith.plan(data, settings=kind)
    features = {"RandomConvolutions": {"num_features": 168, "keep_steps": True}}
    both = {"SequenceNet": {"body": "GRU", "features": True}}
    given = {"prepare": ["Standardize", features], "network": both}
    theirs = set_values(ours, given)
    _, changed = as_usual(ours, theirs, "network")
    assert not changed.network.features
    assert as_usual(ours, theirs, "prepare network")[1].network.features


def test_all_of_the_default_is_worth_a_trial_unless_what_was_found_lies_elsewhere(
    plan, default
):
    whole = remedies([], plan, default).whole
    assert not differences(
        whole.plan.model_copy(update={"calibration": default.calibration}), default
    )
    assert remedies([], default, default).whole is None
    assert remedies([found("C7")], plan, default).whole is None
    made = remedies([found("P1"), found("Q1", severity="warning")], plan, default)
    assert made.whole.codes == ("P1", "Q1")
    assert made.whole.is_whole


def test_only_what_an_error_itself_names_is_sure(plan, default):
    rate = {"optimizer.lr": 0.5}
    first, *others = remedies([found("P1", rate)], plan, default).contested
    assert first.is_sure
    assert not any(one.is_sure for one in others)
    warned = remedies([found("P1", rate, "warning")], plan, default)
    assert not warned.contested[0].is_sure
