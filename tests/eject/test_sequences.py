"""Runs on sequences as scripts: rows, `.ts` files, texts, and windows of a table."""

from pathlib import Path

import numpy as np
import pytest

import torchsmith as ts
from torchsmith.core.errors import PlanError
from torchsmith.eject.script import script_of

from .scripts import hold_to_run, trained

GRU = {"SequenceNet": {"body": {"GRU": {"width": 3, "depth": 2, "dropout": 0.3}}}}
ATTENTION = {"Transformer": {"width": 8, "depth": 1, "num_heads": 2}}
INCEPTION = {"Inception": {"width": 2, "depth": 3, "kernel_sizes": [3, 5]}}
QUICK = {
    "training.epochs": 2,
    "training.threads": 0,  # as many as the test itself
    "optimizer": {"Adam": {"lr": 0.01}},
    "schedule": None,
    "averaging": None,
}


@pytest.fixture(autouse=True)
def _in_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where sources have short names


def plan_of(source, target=None, **settings):
    source = str(source.relative_to(Path.cwd()))
    return ts.plan(source, target=target, settings={**QUICK, **settings})


def rows(num, length, seed):
    """Labels and waves of two frequencies."""
    random = np.random.default_rng(seed)
    labels = np.arange(num) % 2
    steps = np.linspace(0, 6, length)
    waves = np.sin(steps * (1 + labels[:, None]) + random.uniform(0, 6, (num, 1)))
    return labels, waves + 0.1 * random.normal(size=waves.shape)


def write_rows(path, labels, waves, ends=None):
    lines = []
    for place, (label, wave) in enumerate(zip(labels, waves, strict=True)):
        cells = [f"{value:.4f}" for value in wave]
        if ends is not None:
            cells[ends[place] :] = ["NaN"] * (len(cells) - ends[place])
        lines.append("\t".join([str(label), *cells]))
    path.write_text("\n".join(lines) + "\n")


def archive(folder, *, ragged=False):
    ends = 14 + np.arange(40) % 9 if ragged else None
    for part, seed in (("TRAIN", 0), ("TEST", 1)):
        write_rows(folder / f"Waves_{part}.tsv", *rows(40, 24, seed), ends)
    return folder / "Waves_TRAIN.tsv"


@pytest.mark.parametrize("ridge", [False, True])
def test_rows_with_features_beside_a_body_end_with_the_same_weights(tmp_path, ridge):
    net = {"SequenceNet": {"body": INCEPTION, "features": True, "dropout": 0.2}}
    features = {"num_features": 168, "groups": 4 * ridge, "ridge": ridge}
    steps = ["Standardize", {"RandomConvolutions": features}]
    plan = plan_of(archive(tmp_path), network=net, prepare=steps)
    code = hold_to_run(plan, tmp_path)
    assert "class BatchNorm" not in code  # all have one length
    assert "def random_convolutions(sequences, train):" in code


def test_features_alone_of_several_lengths_end_with_the_same_weights(tmp_path):
    net = {"SequenceNet": {"body": None, "features": True}}
    features = {"num_features": 168, "groups": 4, "keep_steps": False, "seed": 5}
    steps = ["Standardize", {"RandomConvolutions": features}]
    source = archive(tmp_path, ragged=True)
    code = hold_to_run(plan_of(source, network=net, prepare=steps), tmp_path)
    assert "def padded(" not in code


@pytest.mark.parametrize(
    ("body", "settings"),
    [
        (INCEPTION, {}),
        (INCEPTION, {"averaging": {"SWA": {"start": 0.0}}}),
        (ATTENTION, {}),
        (ATTENTION, {"training.precision": "bfloat16"}),
    ],
)
def test_a_body_on_several_lengths_ends_with_the_same_weights(tmp_path, body, settings):
    net = {"SequenceNet": {"body": body}}
    source = archive(tmp_path, ragged=True)
    plan = plan_of(source, network=net, prepare=["Standardize"], **settings)
    assert "The last channel is 1 where there is a step" in hold_to_run(plan, tmp_path)


def test_channels_with_gaps_in_a_ts_file_end_with_the_same_weights(tmp_path):
    random = np.random.default_rng(0)
    lines = ["@problemName walks", "@univariate false", "@classLabel true a b", "@data"]
    for number in range(60):
        walk = random.normal(size=(2, 5 + number % 4)).cumsum(axis=1).round(3)
        cells = [[str(value) for value in channel] for channel in walk]
        cells[number % 2][1] = "?"
        channels = [",".join(channel) for channel in cells]
        lines.append(":".join([*channels, "ab"[number % 2]]))
    (tmp_path / "walks.ts").write_text("\n".join(lines))
    plan = plan_of(
        tmp_path / "walks.ts", network=GRU, prepare=["Interpolate", "Standardize"]
    )
    code = hold_to_run(plan, tmp_path)
    assert "def number(cell):" in code
    assert "fill(sequences, train)" in code
    net = {"SequenceNet": {"body": None, "features": True}}
    features = {"num_features": 168, "groups": 4, "ridge": True, "keep_steps": False}
    prepare = ["Interpolate", "Standardize", {"RandomConvolutions": features}]
    plan = plan_of(tmp_path / "walks.ts", network=net, prepare=prepare)
    assert "competition(sequences, train)]" in hold_to_run(plan, tmp_path)


def test_quantities_of_a_ts_file_end_with_the_same_weights(tmp_path):
    labels, waves = rows(50, 12, 3)
    lines = ["@targetLabel true", "@data"]
    for label, wave in zip(labels, waves.round(3), strict=True):
        lines.append(f"{','.join(map(str, wave))}:{label + wave[0]:.3f}")
    (tmp_path / "heights.ts").write_text("\n".join(lines))
    prepare = ["Standardize", "StandardizeTarget"]
    plan = plan_of(tmp_path / "heights.ts", network=GRU, prepare=prepare)
    assert plan.problem.task == "regression"
    assert "targets = np.array([float(label)" in hold_to_run(plan, tmp_path)
    net = {"SequenceNet": {"body": None, "features": True}}
    ridge = {"num_features": 168, "ridge": True, "keep_steps": False}
    prepare.insert(1, {"RandomConvolutions": ridge})
    plan = plan_of(tmp_path / "heights.ts", network=net, prepare=prepare)
    code = hold_to_run(plan, tmp_path)
    assert "ridge(random_convolutions(" in code
    assert "answers" not in code  # only the scale of classes needs them


def test_texts_end_with_the_same_weights(tmp_path):
    folder = tmp_path / "words"
    folder.mkdir()
    random = np.random.default_rng(0)
    for name, letters in (("Åland", "abcde"), ("south", "cdefgé")):
        words = ["".join(random.choice([*letters], 3 + i % 4)) for i in range(40)]
        (folder / f"{name}.txt").write_text("\n".join(words) + "\n\n", "utf-8")
    code = hold_to_run(plan_of(folder, network=GRU, prepare=[]), tmp_path)
    assert "def encode(sequences, train):" in code
    gru = GRU["SequenceNet"]["body"]
    for body, steps in ((gru, True), (None, False), (None, True)):
        net = {"SequenceNet": {"body": body, "features": True}}
        ngrams = {"NGrams": {"num_features": 30, "longest": 3, "keep_steps": steps}}
        plan = plan_of(folder, network=net, prepare=[ngrams])
        assert "n_grams(sequences, train)" in hold_to_run(plan, tmp_path)


def forecast(path, days, gone=()):
    """Write a table with a value for each of these days, empty on some."""
    lines = ["day,heat,rain"]
    for day in days:
        heat = "" if day in gone else f"{20 + 9 * np.sin(day / 7):.3f}"
        date = np.datetime64("2020-01-01") + int(day)
        lines.append(f"{date},{heat},{day % 3}")
    path.write_text("\n".join(lines) + "\n")
    return path


def test_the_default_of_a_forecast_ends_with_the_same_weights(tmp_path):
    source = forecast(tmp_path / "days.csv", range(90))
    plan = plan_of(source, "heat", **{"data.time": "day", "data.window": 5})
    assert "self.skip(steps.flatten(1))" in hold_to_run(plan, tmp_path)


def test_windows_of_a_table_in_time_end_with_the_same_weights(tmp_path):
    days = [*range(60), *range(70, 150)]  # no window reaches over the jump
    source = forecast(tmp_path / "days.csv", days, gone={20, 21, 100})
    plan = plan_of(
        source,
        "heat",
        network=GRU,
        prepare=["Interpolate", "Standardize", "StandardizeTarget"],
        **{"data.time": "day", "data.window": 5, "data.drop_missing_target": True},
    )
    code = hold_to_run(plan, tmp_path)
    assert "No window reaches over a jump in time." in code
    assert "begins = begins[~np.isnan(answers[begins + WINDOW])]" in code


@pytest.mark.parametrize("kind", ["decimals", "months", "business days"])
def test_windows_of_uneven_steps_end_with_the_same_weights(tmp_path, kind):
    places = np.array([*range(60), *range(70, 150)])
    if kind == "months":
        times = (np.datetime64("2000-01") + places).astype("datetime64[D]").tolist()
    elif kind == "business days":
        times = np.busday_offset("2000-01-03", places + 40 * (places >= 70)).tolist()
    else:
        times = [f"{place * 0.01:.2f}" for place in places]
    rows = [f"{t},{np.sin(i / 7):.3f}" for t, i in zip(times, places, strict=True)]
    source = tmp_path / "times.csv"
    source.write_text("\n".join(["t,heat", *rows]) + "\n")
    plan = plan_of(
        source,
        "heat",
        network=GRU,
        prepare=["Standardize", "StandardizeTarget"],
        **{"data.time": "t", "data.window": 5},
    )
    code = hold_to_run(plan, tmp_path)
    assert "No window reaches over a jump in time." in code


def test_windows_of_several_series_end_with_the_same_weights(tmp_path):
    lines = ["town,day,heat"]
    for code, town in enumerate(("b", "a", "ç")):
        days = [*range(40 + code), *range(50, 80 + code)]
        lines += [f"{town},{day},{np.sin(code + day / 3):.3f}" for day in days]
    (tmp_path / "towns.csv").write_text("\n".join(lines) + "\n", "utf-8")
    plan = plan_of(
        tmp_path / "towns.csv",
        "heat",
        network=GRU,
        prepare=["Standardize", "StandardizeTarget"],
        **{"data.id": "town", "data.time": "day", "data.window": 4},
    )
    code = hold_to_run(plan, tmp_path)
    assert "over a jump in time, nor from one series to the next." in code


def test_windows_in_any_part_end_with_the_same_weights(tmp_path):
    source = forecast(tmp_path / "days.csv", range(90))
    plan = plan_of(
        source,
        "heat",
        network=GRU,
        prepare=["Standardize", "StandardizeTarget"],
        **{"data.time": "day", "data.window": 5, "split.time": None},
    )
    assert "sequences, targets = windows(read())" in hold_to_run(plan, tmp_path)


def test_windows_that_repeat_are_left_out_as_in_the_run(tmp_path):
    days = [*range(100), *range(10, 60)]  # the last windows are as some of training
    lines = ["day,heat", *(f"{i},{np.sin(day):.3f}" for i, day in enumerate(days))]
    (tmp_path / "weeks.csv").write_text("\n".join(lines) + "\n")
    plan = plan_of(
        tmp_path / "weeks.csv",
        "heat",
        network=GRU,
        prepare=["Standardize", "StandardizeTarget"],
        **{"data.time": "day", "data.window": 4},
        **{"split.drop_shared": True},
    )
    code = hold_to_run(plan, tmp_path)
    assert "train, val, test = without_shared(sets, train, val, test)" in code


def test_windows_of_classes_end_with_the_same_weights(tmp_path):
    lines = ["day,floor", *(f"{day},{2 * (day % 7 > 4) - 1}" for day in range(150))]
    (tmp_path / "lift.csv").write_text("\n".join(lines) + "\n")
    windows = {"data.time": "day", "data.window": 4}
    source = tmp_path / "lift.csv"
    plan = plan_of(source, "floor", network=GRU, prepare=["Standardize"], **windows)
    assert plan.problem.classes == ("-1", "1")
    assert "codes = {-1.0: 0, 1.0: 1}" in hold_to_run(plan, tmp_path)


def write_long(path, *, mark=",", gone=()):
    """Write a table with a row for each step of 48 recordings of 12 riders."""
    lines = [mark.join(["ride", "t", "x", "up", "rider", "day", "kind"])]
    for ride in range(48):
        random = np.random.default_rng(ride)
        kind = "" if ride in gone else ("trot", "paß")[ride % 2]
        day = np.datetime64("2024-02-01") + ride // 4
        known = [f"rider {ride % 12}", str(day), kind]
        for step in range(6 + ride % 5):
            height = random.normal(ride % 2)
            cells = [
                f"{ride + 1}",
                f"{step}",
                f"{height:.3f}".replace(".", "," * (mark == ";") or "."),
            ]
            lines.append(mark.join([*cells, ("no", "yes")[step * ride % 2], *known]))
    path.write_text("\n".join(lines) + "\n", "utf-8-sig")
    return path


LONG = {"data.id": "ride", "data.time": "t", "network": GRU, "prepare": ["Standardize"]}


def test_rows_of_an_id_end_with_the_same_weights(tmp_path):
    source = write_long(tmp_path / "rides.csv", gone={3, 20})
    plan = plan_of(
        source,
        "kind",
        **LONG,
        **{"split.group": "rider", "split.stratify": False},
        **{"data.drop_missing_target": True},
    )
    code = hold_to_run(plan, tmp_path)
    assert 'known = labels != ""  # only sequences with a target' in code
    assert 'groups = table["rider"][begins]' in code


def test_rows_of_an_id_with_commas_by_time_end_with_the_same_weights(tmp_path):
    source = write_long(tmp_path / "rides.csv", mark=";")
    by_time = {"split.time": "day", "split.stratify": False}
    plan = plan_of(source, "kind", **LONG, **by_time)
    code = hold_to_run(plan, tmp_path)
    assert 'times = table["day"][begins]' in code


def test_rows_of_an_id_in_parquet_end_with_the_same_weights(tmp_path):
    duckdb = pytest.importorskip("duckdb")
    source = write_long(tmp_path / "rides.csv")
    made = duckdb.read_csv(str(source)).project("*, ride * 0.5 AS height")
    made.write_parquet(str(tmp_path / "rides.parquet"))
    prepare = ["Standardize", "StandardizeTarget"]
    plan = plan_of(tmp_path / "rides.parquet", "height", **LONG | {"prepare": prepare})
    assert plan.problem.task == "regression"
    assert "labels = columns[TARGET][begins]" in hold_to_run(plan, tmp_path)


@pytest.mark.parametrize("ragged", [False, True])
def test_a_table_with_a_row_for_each_sequence_ends_with_the_same_weights(
    tmp_path, ragged
):
    labels, waves = rows(60, 20, 0)
    lines = [";".join(["rider", *(f"s{step}" for step in range(20)), "kind"])]
    for place, (label, wave) in enumerate(zip(labels, waves, strict=True)):
        cells = [f"{value:.3f}".replace(".", ",") for value in wave]
        cells[20 - ragged * (place % 4) :] = [""] * (ragged * (place % 4))
        kind = "" if ragged and place == 7 else ("a", "ß")[label]
        lines.append(";".join([f"né {place % 12}", *cells, kind]))
    (tmp_path / "rides.csv").write_text("\n".join(lines) + "\n", "cp1252")
    plan = plan_of(
        tmp_path / "rides.csv",
        "kind",
        network=GRU,
        prepare=["Standardize"],
        **{"data.kind": "sequences", "data.drop_missing_target": ragged},
        **({} if ragged else {"split.group": "rider", "split.stratify": False}),
    )
    code = hold_to_run(plan, tmp_path)
    assert ("lengths = [np.flatnonzero(" in code) == ragged
    assert ('groups = table["rider"]' in code) != ragged


def test_a_row_for_each_sequence_without_header_ends_with_the_same_weights(tmp_path):
    labels, waves = rows(60, 9, 0)
    heights = (labels + waves[:, 0]).round(3)
    lines = [
        ",".join([*(f"{value:.3f}" for value in wave), str(height), "x"])
        for height, wave in zip(heights, waves, strict=True)
    ]
    (tmp_path / "waves.csv").write_text("\n".join(lines) + "\n")
    plan = plan_of(
        tmp_path / "waves.csv",
        "column_10",
        network=GRU,
        prepare=["Standardize", "StandardizeTarget"],
        **{"data.kind": "sequences"},
    )
    assert plan.problem.task == "regression"
    assert "STEPS = [" in hold_to_run(plan, tmp_path)


def test_arrays_of_several_lengths_by_group_end_with_the_same_weights(tmp_path):
    labels, waves = rows(60, 20, 0)
    lengths = 8 + np.arange(60) % 13
    steps = np.concatenate([w[:n] for w, n in zip(waves, lengths, strict=True)])
    values = np.asfortranarray(np.stack([steps, steps**2], axis=1), np.float32)
    values[3, 0] = np.nan
    names = np.array([b"\xc3\xa9t\xc3\xa9", b"hiver"])
    np.savez(
        tmp_path / "waves.npz",
        values=values,
        lengths=lengths,
        y=names[labels],
        rider=np.repeat([f"né {number}".encode() for number in range(12)], 5),
    )
    plan = plan_of(
        tmp_path / "waves.npz",
        network=GRU,
        prepare=["Interpolate", "Standardize"],
        **{"split.group": "rider", "split.stratify": False},
    )
    code = hold_to_run(plan, tmp_path)
    assert 'groups = np.char.decode(arrays["rider"], "utf-8")' in code


def test_padded_arrays_in_parts_end_with_the_same_weights(tmp_path):
    arrays = {}
    for part, length, seed in (("train", 20, 0), ("test", 24, 1)):
        labels, waves = rows(40, length, seed)
        arrays[f"sequences_{part}"] = np.stack([waves, waves**2], axis=1)
        arrays[f"lengths_{part}"] = length - np.arange(40) % 5
        arrays[f"y_{part}"] = labels
    np.savez(tmp_path / "waves.npz", **arrays)
    plan = plan_of(tmp_path / "waves.npz", network=GRU, prepare=["Standardize"])
    code = hold_to_run(plan, tmp_path)
    assert "is_test = np.arange(len(targets)) >= 40" in code
    del arrays["lengths_test"]
    np.savez(tmp_path / "waves.npz", **arrays)
    plan = plan_of(tmp_path / "waves.npz", network=GRU, prepare=["Standardize"])
    with pytest.raises(PlanError, match=r"its parts are stored in several ways"):
        script_of(trained(plan))


@pytest.mark.parametrize("channels", [0, 2])
def test_arrays_of_one_length_end_with_the_same_weights(tmp_path, channels):
    labels, waves = rows(60, 20, 0)
    if channels:
        waves = np.stack([waves] * channels, axis=1).astype(np.float32)
    heights = labels + waves.reshape(60, -1)[:, 0]
    np.savez(tmp_path / "waves.npz", sequences=waves, y=heights.astype(np.float32))
    prepare = ["Standardize", "StandardizeTarget"]
    plan = plan_of(tmp_path / "waves.npz", network=GRU, prepare=prepare)
    assert plan.problem.task == "regression"
    assert "def steps_of(values):" in hold_to_run(plan, tmp_path)
