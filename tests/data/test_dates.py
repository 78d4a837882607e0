"""Dates and times written as text."""

import pytest

from torchsmith.data.dates import _DAYS, _TIMES, find_date_formats, parse_dates

FIELDS = {"%Y": "2024", "%m": "7", "%d": "25", "%b": "Jul", "%H": "9"}
SHORT = {"%M": "05", "%S": "09", "%f": "5"}


@pytest.mark.parametrize("day", _DAYS)
def test_a_date_of_every_form_is_found(day):
    for time in _TIMES:
        shown = day + time
        for field, text in (FIELDS | SHORT).items():
            shown = shown.replace(field, text)
        assert day + time in find_date_formats([shown])
        assert parse_dates([shown], day + time)[1].all()


@pytest.mark.parametrize("text", ["8.3252", "-122.23", "1e-5", "37.88", "a-b-c", "12"])
def test_a_number_or_a_word_is_no_date(text):
    assert not find_date_formats([text])
