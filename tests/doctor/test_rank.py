"""The likely cause stands first."""

from graphlib import TopologicalSorter
from itertools import permutations

import pytest

from torchsmith.doctor.catalogue import CATALOGUE
from torchsmith.doctor.rank import BRINGS_ABOUT, causes_of, ranked
from torchsmith.inspect.inspection import Finding


def found(code, severity="error", where=""):
    return Finding(
        code=code, severity=severity, message=f"{code} is there", where=where
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
        ("P7", "C6"),
        ("D10", "Q6"),
        ("T8", "Q4"),
        ("T3", "C9", "Q1"),
        ("T2", "P3", "Q1"),
    ],
)
def test_causes_stand_before_what_they_bring_about(expected):
    for order in permutations(expected):
        assert codes(*map(found, order)) == list(expected)


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


def test_nothing_brings_itself_about_and_every_code_is_in_the_catalogue():
    table = {cause: effects.split() for cause, effects in BRINGS_ABOUT.items()}
    TopologicalSorter(table).prepare()  # raises where there is a circle
    known = {disease.code for disease in CATALOGUE}
    assert known.issuperset(table)
    assert known.issuperset(code for effects in table.values() for code in effects)
