from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from torchsmith.core.errors import DataError, PlanError
from torchsmith.data.data import MISSING_TARGET, Series
from torchsmith.data.forecasting import windows_of_table
from torchsmith.data.load import load
from torchsmith.data.split import Split, split_rows
from torchsmith.data.tables import read_table

SERIES = Series(time="day", window=3)


def _write(folder, rows, header="day,x,y"):
    path = folder / "a.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def _days(days, values=None):
    values = values or [str(day + 0.5) for day in days]
    start = np.datetime64("2026-01-01")
    return [f"{start + day},{day},{y}" for day, y in zip(days, values, strict=True)]


def test_a_window_holds_the_rows_before_its_target(tmp_path):
    data = load(_write(tmp_path, _days(range(6))), target="y", series=SERIES)
    assert len(data) == 3
    assert data.inputs.channels == ("x", "y")
    assert data.inputs.at(0).tolist() == [[0, 0.5], [1, 1.5], [2, 2.5]]
    assert data.target.values.tolist() == [3.5, 4.5, 5.5]
    assert data.inputs.names == ("2026-01-04", "2026-01-05", "2026-01-06")
    assert data.inputs.columns["day"].texts()[0] == "2026-01-04"


def test_no_window_reaches_over_a_jump_in_time_or_from_one_id_to_the_next(tmp_path):
    days = [*range(25), *range(30, 55)]
    data = load(_write(tmp_path, _days(days)), target="y", series=SERIES)
    assert len(data) == 2 * 22
    for row in range(len(data)):
        assert np.diff(data.inputs.at(row)[:, 0]).tolist() == [1, 1]
        assert data.target.values[row] == data.inputs.at(row)[-1, 1] + 1
    (change,) = data.changes
    assert (change.column, change.count, change.lines) == ("day", 1, (27,))
    rows = [f"{who},{row}" for who in "ab" for row in _days(range(5))]
    path = _write(tmp_path, rows, "who,day,x,y")
    data = load(path, target="y", series=Series(id="who", time="day", window=3))
    assert data.inputs.names == tuple(f"{w} 2026-01-0{d}" for w in "ab" for d in (4, 5))


def _series(times, window=3):
    rows = [f"{time},{place}" for place, time in enumerate(times)]
    return lambda folder: load(
        _write(folder, rows, "t,y"), target="y", series=Series(time="t", window=window)
    )


def _local(start, num, minutes=60, zone="Europe/Berlin", form="%Y-%m-%d %H:%M"):
    first = datetime.fromisoformat(start).replace(tzinfo=UTC)
    moments = [first + timedelta(minutes=minutes * i) for i in range(num)]
    return [moment.astimezone(ZoneInfo(zone)).strftime(form) for moment in moments]


@pytest.mark.parametrize(
    ("start", "minutes", "zone", "words"),
    [
        ("2021-10-25", 60, "Europe/Berlin", "2021-10-31 02:00:00 repeats in 1 of"),
        ("2021-10-25", 30, "Europe/Berlin", "2021-10-31 02:00:00 goes back in 1 of"),
        ("2021-11-01", 15, "America/New_York", "2021-11-07 01:00:00 goes back in 1"),
        ("2021-04-01", 60, "Australia/Sydney", "2021-04-04 02:00:00 repeats in 1 of"),
    ],
)
def test_the_hour_that_repeats_in_autumn_is_told_as_such(
    tmp_path, start, minutes, zone, words
):
    times = _local(start, 700, minutes, zone)
    with pytest.raises(DataError, match=words) as caught:
        _series(times)(tmp_path)
    told = "; looks like the end of daylight saving: give UTC, or times with their "
    assert str(caught.value).endswith(told + "offset (+02:00)")
    aware = _local(start, 700, minutes, zone, "%Y-%m-%dT%H:%M:%S%z")
    assert len(_series(aware)(tmp_path)) == 697


@pytest.mark.parametrize("minutes", [60, 10])
def test_the_hour_that_is_skipped_in_spring_is_told_as_such(tmp_path, minutes):
    times = _local("2021-03-25", 900, minutes)
    data = _series(times)(tmp_path)
    (change,) = data.changes
    assert change.what == (
        "'t' jumps here; no window reaches over it, so 3 rows have no prediction; "
        "looks like the start of daylight saving: give UTC, or times with their offset "
        "(+02:00)"
    )
    with_hole = [*times[:40], *times[50:]]
    (change,) = _series(with_hole)(tmp_path).changes
    assert "; 1 of 2: looks like the start of daylight saving" in change.what


def test_hours_that_stand_newest_first_are_not_of_daylight_saving(tmp_path):
    times = _local("2021-03-25", 60, zone="UTC")[::-1]
    with pytest.raises(DataError, match="goes back in 59 of 60 rows") as caught:
        _series(times)(tmp_path)
    assert "daylight" not in str(caught.value)


@pytest.mark.parametrize("hour", [12, 2])
def test_an_hour_that_lacks_or_repeats_elsewhere_is_not_of_daylight_saving(
    tmp_path, hour
):
    times = _local("2021-03-25" if hour == 12 else "2021-06-25", 60, zone="UTC")
    place = 24 + hour
    (change,) = _series(times[:place] + times[place + 1 :])(tmp_path).changes
    assert "daylight" not in change.what
    with pytest.raises(DataError, match="; keep one row of each time, or"):
        _series(times[: place + 1] + times[place:])(tmp_path)


def _months(places, every=1):
    months = np.datetime64("2000-01") + every * np.array([*places])
    return [str(month.astype("datetime64[D]")) for month in months]


_WITH_GAP = [*range(20), *range(40, 60)]


@pytest.mark.parametrize(
    "times",
    [
        _WITH_GAP,
        [f"{place * 0.01:.2f}" for place in _WITH_GAP],
        [f"{1700000000 + place * 0.1:.1f}" for place in _WITH_GAP],
        [f"{place / 60:.3f}" for place in _WITH_GAP],
        _months(_WITH_GAP),
        _months(_WITH_GAP, every=3),
        _months(_WITH_GAP, every=12),
        _months([*range(20), *range(21, 41)]),
        [str(np.datetime64(day) - 1) for day in _months(_WITH_GAP)],
    ],
    ids=[
        "whole",
        "decimals",
        "seconds since 1970",
        "rounded decimals",
        "months",
        "quarters",
        "years",
        "one month missing",
        "ends of months",
    ],
)
def test_a_jump_is_seen_in_whatever_unit_time_is_written(tmp_path, times):
    data = _series(times)(tmp_path)
    assert len(data) == 2 * (20 - 3)
    (change,) = data.changes
    assert (change.what, change.lines) == (
        "'t' jumps here; no window reaches over it, so 3 rows have no prediction",
        (22,),
    )


@pytest.mark.parametrize(
    ("times", "steps", "lines"),
    [
        (np.cumsum(np.arange(40) % 3 + 1).tolist(), "2, longest 3", (4, 7, 10)),
        (
            [str(np.datetime64("2026-01-01") + i) for i in range(48) if i % 6],
            "1 day, longest 2 days",
            (7, 12, 17),
        ),
    ],
    ids=["no beat", "many gaps"],
)
def test_uneven_times_are_told_and_not_cut(tmp_path, times, steps, lines):
    data = _series(times)(tmp_path)
    assert len(data) == 37
    (change,) = data.changes
    told = f"steps of 't' are uneven (usual {steps}): windows count rows, not time"
    assert (change.what, change.lines[:3]) == (told, lines)


def _business_days(count, *holes):
    """Return business days with a holiday after each eighth week, and without holes."""
    start = np.datetime64("2024-01-01")
    days = start + np.arange(count)
    odd = np.arange(count) % 56 == 42
    for begin, end in holes:
        odd |= (days >= start + begin) & (days < start + end)
    return [str(day) for day in days[np.is_busday(days) & ~odd]]


@pytest.mark.parametrize("count", [30, 100, 700])
def test_weekends_and_holidays_stay_within_windows_and_a_real_hole_does_not(
    tmp_path, count
):
    whole = _business_days(count)
    data = _series(whole)(tmp_path)
    assert len(data) == len(whole) - 3
    (change,) = data.changes
    assert "are uneven" in change.what
    begin = count // 2
    times = _business_days(count + 63, (begin, begin + 63))
    data = _series(times)(tmp_path)
    assert len(data) == len(times) - 2 * 3
    jump, uneven = data.changes
    told = "'t' jumps here; no window reaches over it, so 3 rows have no prediction"
    steps = np.diff(np.array(times, "datetime64[D]")).astype(int)
    assert (jump.what, jump.lines) == (told, (int(steps.argmax()) + 3,))
    longest = np.delete(steps, steps.argmax()).max()
    assert f"(usual 1 day, longest {longest} days)" in uneven.what
    assert steps[uneven.lines[0] - 3] == longest


def test_a_hole_among_a_handful_of_rows_is_all_that_is_told(tmp_path):
    data = _series([1, 2, 3, 4, 95, 96, 97, 98])(tmp_path)
    assert len(data) == 2
    (change,) = data.changes
    assert (change.count, change.lines) == (1, (6,))


@pytest.mark.parametrize(
    ("times", "last"),
    [
        ([f"{place * 0.01:.2f}" for place in range(20)], "0.2"),
        (_months(range(20)), "after 2001-08-01"),
    ],
    ids=["decimals", "months"],
)
def test_the_value_after_the_last_row_is_called_by_its_time_where_it_is_known(
    tmp_path, times, last
):
    rows = [f"{time},{place}" for place, time in enumerate(times)]
    data = windows_of_table(
        read_table(_write(tmp_path, rows, "t,y")),
        Series(time="t", window=3),
        target="y",
        ahead=True,
    )
    assert data.inputs.names[-1] == last


def test_a_missing_target_is_refused_or_left_out_and_counted(tmp_path):
    path = _write(tmp_path, _days(range(8), ["1", "2", "3", "4", "", "6", "7", "8"]))
    with pytest.raises(DataError, match=r"target 'y' is missing in 1 rows \(line 6\)"):
        load(path, target="y", series=SERIES)
    data = load(path, target="y", series=SERIES, drop_missing_target=True)
    assert data.target.values.tolist() == [4, 6, 7, 8]
    assert np.isnan(data.inputs.at(1)[:, 1]).tolist() == [False, False, True]
    (change,) = data.changes
    assert (change.what, change.count, change.lines) == (MISSING_TARGET, 1, (6,))


def test_windows_without_any_value_are_left_out_and_counted(tmp_path):
    rows = [f"2026-01-{1 + d:02d},{'' if 3 <= d < 6 else d}" for d in range(12)]
    path = _write(tmp_path, rows, "day,y")
    data = load(path, target="y", series=SERIES, drop_missing_target=True)
    told = {change.what: (change.count, change.lines) for change in data.changes}
    assert told["window left out for want of a known value"] == (1, (5,))
    assert told[MISSING_TARGET] == (3, (5, 6, 7))
    assert len(data) == 12 - 3 - 1 - 3


def test_columns_that_are_no_channels_are_counted(tmp_path):
    rows = [f"{row},108,{'ab'[i % 2]}" for i, row in enumerate(_days(range(6)))]
    path = _write(tmp_path, rows, "day,x,y,place,word")
    data = load(path, target="y", series=SERIES)
    assert data.inputs.channels == ("x", "y")
    assert {change.column for change in data.changes} == {"place", "word"}


@pytest.mark.parametrize(
    ("days", "message"),
    [
        ([0, 1, 2, 2, 3, 4], r"2026-01-03 repeats in 1 of 6 rows \(line 5\)"),
        ([0, 2, 1, 3, 4, 5], r"2026-01-02 goes back in 1 of 6 rows \(line 4\)"),
        ([0, 1, 2], "3 rows, cut where the time jumps, hold no window of 3 rows"),
    ],
)
def test_times_that_make_no_windows_are_refused_with_their_line(
    tmp_path, days, message
):
    with pytest.raises(DataError, match=message):
        load(_write(tmp_path, _days(days)), target="y", series=SERIES)


def test_new_rows_without_a_window_are_told_to_be_more(tmp_path):
    rows = read_table(_write(tmp_path, _days([0, 1, 2])))
    told = "no window of 3 rows with a row after it; give more rows"
    with pytest.raises(DataError, match=told):
        windows_of_table(rows, SERIES, target="y", channels=["x", "y"])
    four = SERIES.model_copy(update={"window": 4})
    with pytest.raises(DataError, match="no window of 4 rows; give more rows"):
        windows_of_table(rows, four, target="y", channels=["x", "y"], ahead=True)


def test_infinite_values_are_counted_once_and_told_with_their_line(tmp_path):
    path = _write(tmp_path, _days(range(6), ["1", "2", "inf", "4", "1e39", "6"]))
    told = r"a\.csv, column 'y': 2 of 6 values are infinite .* \(lines 4, 6\)"
    for window in (1, 3):
        with pytest.raises(DataError, match=told):
            load(path, target="y", series=Series(time="day", window=window))


def test_missing_values_of_new_rows_are_counted_once(tmp_path):
    path = _write(tmp_path, _days(range(8), ["1", "2", "3", "", "5", "6", "7", ""]))
    rows = read_table(path)
    new = {"target": "y", "drop_missing_target": True, "channels": ["x", "y"]}
    told = r"a\.csv, column 'y': {} of 8 values are missing \({}\); fill them in"
    with pytest.raises(DataError, match=told.format(1, "line 5")):
        windows_of_table(rows, SERIES, **new, complete=True)
    with pytest.raises(DataError, match=told.format(2, "lines 5, 9")):
        windows_of_table(rows, SERIES, **new, complete=True, ahead=True)
    assert len(windows_of_table(rows, SERIES, **new, ahead=True)) == 6


@pytest.mark.parametrize("order", ["by shop", "by time", "untold"])
def test_several_series_without_an_id_are_told_apart(tmp_path, order):
    pairs = [(shop, minute) for shop in ("Bern", "Ulm") for minute in range(12)]
    if order == "by time":
        pairs.sort(key=lambda pair: pair[1])
    rows = [f"2026-01-01 00:{m:02}:00,{shop},{m * 7 % 5}" for shop, m in pairs]
    if order == "untold":
        rows = [row.replace("Bern", "").replace("Ulm", "") for row in rows]
    path = _write(tmp_path, rows, "t,shop,y")
    with pytest.raises(DataError) as error:
        load(path, target="y", series=Series(time="t", window=3))
    found, advice = str(error.value).split("; ", 1)
    assert ": 2026-01-01 00:00:00 " in found
    with pytest.raises(DataError) as error:
        windows_of_table(
            read_table(path), Series(time="t", window=3), target="y", channels=["y"]
        )
    assert "give each by itself" in str(error.value)
    assert "data." not in str(error.value)
    if order == "untold":
        assert "several series, name the column that tells them apart" in advice
    else:
        assert advice.startswith("if each 'shop' is a series of its own, set data.id")


def test_a_forecast_needs_a_time_and_a_target_of_numbers(tmp_path):
    path = _write(tmp_path, [f"{row},a" for row in _days(range(6))], "day,x,y,word")
    with pytest.raises(PlanError, match=r"data\.window: needs data\.time"):
        load(path, target="y", series=Series(window=3))
    with pytest.raises(PlanError, match=r"data\.window: name the column"):
        load(path, series=SERIES)
    told = r"target: .*a\.csv has no column 'words'; did you mean 'word'\? the columns"
    for series, kind in (
        (SERIES, None),
        (Series(id="word"), None),
        (None, "sequences"),
    ):
        with pytest.raises(PlanError, match=told):
            load(path, target="words", series=series, kind=kind)
    with pytest.raises(DataError, match="next value of numbers only"):
        load(path, target="word", series=SERIES)


def test_windows_that_do_not_fit_into_memory_are_refused(tmp_path, monkeypatch):
    path = _write(tmp_path, _days(range(50)))
    monkeypatch.setenv("TORCHSMITH_MEMORY", "2KB")
    with pytest.raises(DataError, match=r"set a smaller data\.window"):
        load(path, target="y", series=SERIES)
    with pytest.raises(DataError, match="available; give fewer rows"):
        windows_of_table(read_table(path), SERIES, target="y", channels=["y"])


@given(
    num_rows=st.integers(40, 80),
    window=st.integers(1, 30),
    test=st.floats(0.2, 0.4),
    val=st.floats(0.2, 0.4),
)
def test_every_window_is_in_the_part_of_its_target_and_may_reach_back(
    num_rows, window, test, val
):
    rows = {"t": list(range(num_rows)), "y": [t % 5 + 0.5 for t in range(num_rows)]}
    data = load(rows, target="y", series=Series(time="t", window=window))
    times = data.inputs.columns["t"].values
    parts = split_rows(data, Split(test=test, val=val, time="t"))
    together = np.concatenate([parts.train, parts.val, parts.test])
    assert times[together].tolist() == list(range(window, num_rows))
    # The first of a part is predicted from the targets of the part before it.
    before = data.inputs.take(parts.val[:1]).values.ravel()[::-1]
    count = min(window, len(parts.train))
    learned = data.target.values[parts.train][::-1][:count]
    assert before[:count].tolist() == learned.astype(np.float32).tolist()


def test_the_temperature_of_seoul_is_cut_where_its_days_are_missing(shared_data):
    path = shared_data / "korean" / "seoul_daily_temperature.csv"
    data = load(
        path,
        target="평균기온(℃)",
        series=Series(time="날짜", window=30),
        drop_missing_target=True,
    )
    told = {change.what: (change.count, change.lines[:3]) for change in data.changes}
    (jumps,) = (told[what] for what in told if "jumps here" in what)
    assert jumps == (3, (15734, 15978, 15703))  # the longest first
    assert (np.diff(data.inputs.starts) == 30).all()
    assert not np.isnan(data.target.values).any()


def test_windows_in_which_nothing_is_known_are_refused_by_their_channels(tmp_path):
    path = _write(tmp_path, _days(range(8), [""] * 8))
    table = read_table(path, roles={"y": "number"})
    with pytest.raises(DataError, match="no value of y is known in any window of 3"):
        windows_of_table(table, SERIES, target="y", channels=("y",))


def test_too_few_rows_to_predict_are_not_blamed_on_the_plan(tmp_path):
    path = _write(tmp_path, _days(range(2)))
    with pytest.raises(DataError, match="no window of 3 rows; give more rows") as found:
        windows_of_table(
            read_table(path), SERIES, target="y", channels=("x", "y"), ahead=True
        )
    assert "data.window" not in str(found.value)
