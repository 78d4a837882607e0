"""The likely cause stands first."""

from graphlib import TopologicalSorter
from itertools import permutations, product

import pytest

from torchsmith.doctor.catalogue import CATALOGUE
from torchsmith.doctor.rank import BRINGS_ABOUT, causes_of, ranked
from torchsmith.inspect.codes import CHECKS
from torchsmith.inspect.inspection import Finding


def found(code, severity="error", where="", moment="before"):
    return Finding(
        code=code,
        severity=severity,
        message=f"{code} is there",
        where=where,
        moment=moment,
    )


def codes(*findings):
    return [finding.code for finding in ranked(findings)]


def test_errors_stand_before_warnings_before_notes():
    note, warning, error = found("D2", "note"), found("Q3", "warning"), found("T4")
    assert codes(note, warning, error) == ["T4", "Q3", "D2"]


@pytest.mark.parametrize(
    "expected",
    [
        ("P1", "T1"),
        ("D3", "P1", "T4", "Q1"),
        ("C10", "T3", "T6"),
        ("P13", "P2", "T6"),
        ("D15", "D11", "Q1"),
        ("C7", "D15", "Q1"),
        ("P4", "C6"),
        ("D13", "D12"),
        ("D5", "D25", "D24"),
        ("D25", "P4", "P3"),
        ("D10", "Q6"),
        ("C10", "C3", "Q1"),
        ("T8", "Q4"),
        ("T3", "C9", "Q1"),
        ("T2", "P3", "Q1"),
    ],
)
def test_causes_stand_before_what_they_bring_about(expected):
    for order in permutations(expected):
        assert codes(*map(found, order)) == list(expected)


def test_rare_classes_explain_that_nothing_was_learned_but_not_a_mixed_up_pairing():
    rare = found("D5", "warning")
    assert codes(found("D15", moment="during"), rare) == ["D5", "D15"]
    assert codes(found("D15", moment="before"), rare) == ["D15", "D5"]


def test_a_warning_that_explains_an_error_stands_before_it():
    cause, error = found("P1", "warning"), found("T1", "error")
    assert codes(error, found("D5", "warning"), cause) == ["P1", "T1", "D5"]


def test_a_note_explains_nothing():
    assert codes(found("D3", "note"), found("P1")) == ["P1", "D3"]


def test_what_is_known_of_a_chain_in_between_counts():
    chain = [found("T6"), found("C9"), found("T4"), found("P1")]
    assert causes_of(chain[0], chain) == (chain[1], chain[2], chain[3])
    assert causes_of(chain[3], chain) == ()


def test_of_two_causes_the_one_that_explains_more_stands_first():
    assert codes(found("D11"), found("P1"), found("T1"), found("T4"))[0] == "P1"


def test_warnings_about_the_data_give_way_to_one_about_the_plan():
    assert codes(found("D25", "warning"), found("P7", "warning")) == ["P7", "D25"]


def test_a_finding_is_told_once_as_severely_as_it_was_found():
    mild, severe = found("P1", "warning", "optimizer.lr"), found("P1", "error")
    same = severe.model_copy(update={"where": "optimizer.lr"})
    assert ranked([mild, same, mild]) == (same,)
    assert len(ranked([mild, severe])) == 2


@pytest.mark.parametrize("moment", ["during", "after"])
def test_statistics_that_a_rate_unsettles_follow_from_it(moment):
    assert codes(found("C6", moment=moment), found("P1")) == ["P1", "C6"]


def test_a_momentum_that_the_plan_sets_follows_from_no_rate():
    assert codes(found("P1", "warning"), found("C6", moment="before"))[0] == "C6"


def test_a_rate_is_not_to_blame_for_a_decay_that_is_itself_far_too_strong():
    rate = found("P1", "warning")
    assert codes(rate, found("P7", "error")) == ["P7", "P1"]
    assert codes(found("P7", "warning"), rate) == ["P1", "P7"]


def test_a_narrow_layer_that_the_plan_names_explains_its_dead_units():
    narrow = found("P11", where="network.MLP.hidden", moment="after")
    follow = found("T4", where="3", moment="during"), found("P12", "warning"), narrow
    assert codes(*follow)[0] == "P11"
    assert causes_of(found("T4"), [found("P11"), found("T4")]) == ()


def test_who_learned_nothing_disagrees_with_right_labels():
    answered = found("D11", "warning", moment="after")
    assert codes(answered, found("P3", "error", moment="after")) == ["P3", "D11"]
    assert causes_of(answered, [answered, found("P1")]) == (found("P1"),)


def test_labels_that_no_rival_has_learned_either_explain_a_loss_that_still_falls():
    answered = found("D11", "warning", moment="after")
    assert codes(found("P3", "warning", moment="after"), answered) == ["D11", "P3"]


def test_what_neighbours_say_of_labels_does_not_follow_from_the_training():
    told = found("D11", moment="before")
    assert causes_of(told, [told, found("P3", moment="after")]) == ()


def test_what_is_found_again_was_found_when_it_was_found_first():
    before, after = found("P11", "warning"), found("P11", "error", moment="after")
    (kept,) = ranked([before, after])
    assert (kept.severity, kept.moment) == ("error", "before")


def test_nothing_brings_itself_about_and_every_code_is_in_the_catalogue():
    names = {*BRINGS_ABOUT, *" ".join(BRINGS_ABOUT.values()).split()}
    known = {disease.code for disease in CATALOGUE}
    known |= {code for check in CHECKS for code in check.codes}
    assert known >= {name.partition(".")[0] for name in names}
    marked = {name.partition(".")[0] for name in names if "." in name} | {"D11"}
    every = [
        found(code, *rest)
        for code in {name.partition(".")[0] for name in names}
        for rest in (
            product(
                ("error", "warning"), ("", "network.x"), ("before", "during", "after")
            )
            if code in marked
            else [("error",), ("warning",)]
        )
    ]
    table = {
        place: {
            other
            for other, cause in enumerate(every)
            if other != place and causes_of(effect, [effect, cause])
        }
        for place, effect in enumerate(every)
    }
    TopologicalSorter(table).prepare()  # raises where there is a circle
