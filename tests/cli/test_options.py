import click
import pytest

from torchsmith.cli.options import Seconds, Setting, WholeNumber, collect_settings
from torchsmith.core.errors import PlanError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        *(("60", 60), ("60s", 60), ("5m", 300), ("5 min", 300)),
        *(("1h", 3600), ("1.5h", 5400), (".5m", 30)),
    ],
)
def test_a_length_of_time_becomes_seconds(text, seconds):
    assert Seconds().convert(text, None, None) == seconds


@pytest.mark.parametrize("text", ["", "soon", "0", "-5", "5 d", "1e3", "nan", "5m3s"])
def test_what_is_no_length_of_time_is_refused(text):
    with pytest.raises(click.BadParameter, match="is not a length of time"):
        Seconds().convert(text, None, None)


def test_what_is_no_whole_number_is_refused_in_plain_words():
    with pytest.raises(click.BadParameter, match="'three' is not a valid whole number"):
        WholeNumber(min=1).convert("three", None, None)


@pytest.mark.parametrize(
    ("text", "setting"),
    [
        ("training.epochs=3", ("training.epochs", "3")),
        ("network={MLP: [64, 32]}", ("network", "{MLP: [64, 32]}")),
        ("schedule=", ("schedule", "")),
        ("problem.target=a=b", ("problem.target", "a=b")),
        (
            "data.columns.median income = ignore",
            ("data.columns.median income", "ignore"),
        ),
    ],
)
def test_a_setting_is_a_key_and_the_text_of_its_value(text, setting):
    assert Setting().convert(text, None, None) == setting


@pytest.mark.parametrize("text", ["", "epochs", "=3", " =3"])
def test_what_is_no_setting_is_refused(text):
    with pytest.raises(click.BadParameter, match="is not KEY=VALUE"):
        Setting().convert(text, None, None)


def test_the_same_value_given_twice_is_fine():
    pairs = (("training.epochs", "3"),)
    assert collect_settings(pairs, epochs=3) == {"training.epochs": 3}


def test_two_values_for_one_key_are_refused():
    with pytest.raises(
        PlanError, match=r"training\.seed is given twice, as 1 and as 2"
    ):
        collect_settings((("training.seed", "1"),), seed=2)
