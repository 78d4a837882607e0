"""Dates and times written as text."""

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from torchsmith.data.dates import (
    _DAYS,
    _MONTHLY,
    _TIMES,
    find_date_formats,
    has_offset,
    looks_like_date,
    parse_dates,
)

FIELDS = {"%Y": "2024", "%m": "7", "%d": "25", "%b": "Jul", "%B": "July", "%H": "9"}
FIELDS |= {"%I": "9", "%y": "24"}
SHORT = {"%M": "05", "%S": "09", "%f": "5", "%p": "AM", "%z": "+02:00"}
SECONDS = st.integers(-70 * 365 * 86_400, 130 * 365 * 86_400)  # since 1970
OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda m: timezone(timedelta(minutes=m)))


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


@pytest.mark.parametrize("day", [*_DAYS, *_MONTHLY])
@settings(max_examples=20)
@given(seconds=SECONDS, time=st.sampled_from(_TIMES), zone=OFFSETS)
def test_a_date_is_read_as_python_reads_it(day, seconds, time, zone):
    form = day + time * (day in _DAYS)
    moment = datetime.fromtimestamp(seconds, zone if "%z" in form else UTC)
    if "%y" in form:
        moment = moment.replace(year=1969 + moment.year % 71, day=1)
    text = moment.strftime(form)

    [value], [fits] = parse_dates([text], form)

    if "%z" not in form:
        text, form = text + "Z", form + "%z"
    assert fits
    there = datetime.strptime(text, form)  # noqa: DTZ007 -- the form has an offset
    assert value.astype(np.int64) == there.timestamp()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2021-09-15T02:00:00+02:00", "2021-09-15T00:00:00"),
        ("2021-09-15T02:00:00+0200", "2021-09-15T00:00:00"),
        ("2021-09-15 02:00:00-09:30", "2021-09-15T11:30:00"),
        ("2021-09-15T02:00:00Z", "2021-09-15T02:00:00"),
        ("2021-09-15 02:00:00 UTC", "2021-09-15T02:00:00"),
        ("1960-02", "1960-02-01"),
        ("Feb 1960", "1960-02-01"),
        ("13/01/2019 12:30 AM", "2019-01-13T00:30:00"),
        ("13/01/2019 12:30 pm", "2019-01-13T12:30:00"),
        ("1/13/2019, 9:30:05 PM", "2019-01-13T21:30:05"),
        ("Jan 01, 2020", "2020-01-01"),
        ("01-Jan-19", "2019-01-01"),
        ("01-Jan-69", "1969-01-01"),
        ("1 January 2020", "2020-01-01"),
        ("march 3, 2020", "2020-03-03"),
    ],
)
def test_a_common_form_is_read(text, expected):
    forms = find_date_formats([text])
    assert len(forms) == 1
    assert parse_dates([text], forms[0])[0][0] == np.datetime64(expected)


@pytest.mark.parametrize(
    "texts",
    [
        ["2021-09-15T02:00:00+02:99"],
        ["2021-09-15T02:00:00+24:00"],
        ["2021-09-15 13:00 PM"],
        ["2021-09-15 0:30 AM"],
        ["2019-1", "2019-2"],  # terms
        ["2010-11", "2011-12"],  # seasons
        ["0019-01", "0019-02"],
        ["1 Mai 2020"],
        ["01-Jan-45", "01-Jan-99"],  # of which century?
        ["2021-09-15T02:00:00+02:00", "2021-09-15T02:00:00"],
        ["Jan 2020", "Sept 2020"],
    ],
)
def test_what_may_mean_something_else_is_no_date(texts):
    assert not find_date_formats(texts)


def test_may_is_a_full_name_among_others_and_no_second_form():
    assert find_date_formats(["1 May 2020"]) == ("%d %b %Y",)
    assert find_date_formats(["1 May 2020", "1 June 2020"]) == ("%d %B %Y",)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2021-09-15T02:00:00+02:00", True),
        ("2021-09-15 02:00:00.5 -0930", True),
        ("2021-09-15T02:00:00+00:00", False),
        ("2021-09-15T02:00:00Z", False),
        ("2021-09-15", False),
    ],
)
def test_an_offset_is_told_where_it_moves_the_time(text, found):
    assert has_offset(text) is found


@pytest.mark.parametrize(
    "text",
    [
        *("01/02/20", "9/15/21 2:00 AM", "15-09-21", "2021.9.31", "31.12.2021 7 Uhr"),
        *("Sept 3, 2020", "Wed, 15 Sep 2021 02:00:00 GMT", "3rd of May 2020"),
        *("2020Q1", "2020-W05", "1960M01", "20210915 02:00", "15Sep2021"),
    ],
)
def test_a_date_of_another_form_is_told_from_a_text(text):
    assert looks_like_date(text)
    assert not find_date_formats([text])


@pytest.mark.parametrize(
    "text",
    [
        *("1.2.13", "192.168.1.1", "123-45-6789", "010-12-3456", "5-10", "C85", "MAR"),
        *("may 3", "Jan Steen 1650", "June 4 apples 2020", "Version 2020-01", "", "12"),
    ],
)
def test_a_text_does_not_look_like_a_date(text):
    assert not looks_like_date(text)
