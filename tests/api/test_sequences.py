"""From files of sequences to predictions for new ones, in every form they come in."""

import numpy as np
import pytest

import torchsmith as ts

FAST = {
    "network": "{MLP: {hidden: [8]}}",
    "prepare": "[Interpolate, Standardize]",
    "optimizer": "{AdamW: {lr: 0.05}}",
    "schedule": None,
    "training.epochs": 4,
    "training.engine": "eager",
    "split.val": 0.25,
}
FAST_TABLE = {"training.epochs": 1, "split.val": 0.25}
LENGTH = 12


def _waves(count, seed=0):
    """Return `(N, L)` slow and fast waves, and which is which."""
    random = np.random.default_rng(seed)
    fast = np.arange(count) % 2
    steps = np.arange(LENGTH) * (1 + fast[:, None]) + random.uniform(0, 6, (count, 1))
    return np.sin(steps).astype(np.float32), fast


def _write(path, values, labels=None):
    rows = values.tolist()
    if labels is not None:
        rows = [[label, *row] for label, row in zip(labels.tolist(), rows, strict=True)]
    path.write_text("".join("\t".join(map(str, row)) + "\n" for row in rows))
    return path


@pytest.fixture(scope="module")
def waves(tmp_path_factory):
    folder = tmp_path_factory.mktemp("waves")
    _write(folder / "Waves_TRAIN.tsv", *_waves(60))
    _write(folder / "Waves_TEST.tsv", *_waves(20, seed=1))
    settings = {**FAST, "prepare": "[Standardize]"}
    return folder, ts.train(folder, settings=settings, runs=folder / "runs")


def test_the_same_sequences_in_every_form_give_the_same_prediction(waves):
    folder, run = waves
    values, labels = _waves(6, seed=2)
    np.save(folder / "new.npy", values)
    np.savez(folder / "new.npz", sequences=values[:, None], y=labels)
    lines = [",".join(map(str, row)) for row in values.tolist()]
    (folder / "new.ts").write_text("@classLabel false\n@data\n" + "\n".join(lines))
    expected = run.predict(values).probabilities
    for source in (
        _write(folder / "unlabelled.tsv", values),
        _write(folder / "labelled.tsv", values, labels),
        folder / "new.npy",
        folder / "new.npz",
        folder / "new.ts",
        values[:, None],
        [row[None] for row in values],
        list(values),
    ):
        predictions = run.predict(source)
        assert len(predictions) == 6
        assert np.array_equal(predictions.probabilities, expected)


def test_the_test_file_is_predicted_and_scored_by_itself(waves):
    folder, run = waves
    test = folder / "Waves_TEST.tsv"
    assert run.predict(test).where[0] == "line 1"
    assert len(run.predict(test)) == 20
    assert len(run.predict(folder / "Waves_TRAIN.tsv")) == 60
    again = run.evaluate(test)
    assert again.scores["test"]["accuracy"] == run.evaluation.scores["test"]["accuracy"]


def test_sequences_that_are_not_like_those_of_training_are_refused(waves):
    folder, run = waves
    with pytest.raises(ts.DataError, match="has 2 channels; the network needs 1"):
        run.predict(np.zeros((3, 2, LENGTH)))
    with pytest.raises(ts.DataError, match="holds texts; the network needs numbers"):
        run.predict(["ab", "c"])
    with pytest.raises(ts.DataError, match=r"1 values are missing.*sequence 1") as told:
        run.predict(np.array([[0.0] * LENGTH, [np.nan] + [0.0] * (LENGTH - 1)]))
    assert "Interpolate" in str(told.value)
    with pytest.raises(ts.DataError, match=r"no such file or folder.*Waves_TEST\.tsv"):
        run.predict(folder / "Wave_TEST.tsv")


def test_a_plan_of_sequences_reads_them_again_as_it_did(tmp_path):
    values, labels = _waves(40)
    path = tmp_path / "waves.npz"
    np.savez(path, x=values, y=labels)
    assert ts.load(path).kind == "table"
    plan = ts.plan(path, settings={"data.kind": "sequences", **FAST})
    assert plan.data.kind == "sequences"
    run = ts.train(plan, runs=tmp_path / "runs")
    assert run.predict(values[:2]).probabilities.shape == (2, 2)


def test_settings_say_how_to_read_and_nothing_else():
    values, labels = _waves(40)
    settings = {"data.kind": "sequences"}
    assert ts.load((values, labels), settings=settings).kind == "sequences"
    assert (
        ts.inspect((values, labels), settings=settings).sequences.max_length == LENGTH
    )
    with pytest.raises(ts.PlanError, match=r"data\.knd: .*did you mean 'data\.kind'"):
        ts.load((values, labels), settings={"data.knd": "sequences"})
    with pytest.raises(ts.PlanError, match=r"data\.window: must be a number of rows"):
        ts.load({"t": [1, 2]}, settings={"data.window": "a week"})


@pytest.fixture(scope="module")
def steps_run(tmp_path_factory):
    """A run on a table with a row for each step, split by the person."""
    folder = tmp_path_factory.mktemp("steps")
    values, labels = _waves(60)
    rows = ["recording,t,wave,subject,kind"]
    for place, (row, label) in enumerate(zip(values.tolist(), labels, strict=True)):
        known = f"p{place // 4},{'slow' if label == 0 else 'fast'}"
        rows += [f"r{place},{t},{x},{known}" for t, x in enumerate(row)]
    (folder / "steps.csv").write_text("\n".join(rows) + "\n")
    settings = {"data.id": "recording", "data.time": "t", **FAST}
    run = ts.train(
        folder / "steps.csv", target="kind", settings=settings, runs=folder / "runs"
    )
    return folder, run


def test_a_table_of_steps_is_split_by_the_person_and_predicted_by_its_ids(steps_run):
    folder, run = steps_run
    assert run.plan.split.group == "subject"
    assert (run.plan.data.id, run.plan.data.time) == ("recording", "t")
    values, _ = _waves(1, seed=3)
    new = folder / "new.csv"
    lines = [f"{x},{t},new" for t, x in enumerate(values[0].tolist())]
    new.write_text("\n".join(["wave,t,recording", *lines]))
    predictions = run.predict(new)
    assert predictions.where == ("new",)
    assert predictions.classes == ("fast", "slow")
    rows = [{"recording": "new", "t": t, "wave": x} for t, x in enumerate(values[0])]
    again = run.predict(rows)
    assert np.allclose(again.probabilities, predictions.probabilities, atol=1e-5)


def test_a_table_of_steps_that_lacks_a_channel_is_refused(steps_run):
    folder, run = steps_run
    wrong = folder / "wrong.csv"
    wrong.write_text("recording,t,wafe\na,0,1\na,1,2\n")
    with pytest.raises(ts.DataError, match="no column 'wave'; did you mean 'wafe'"):
        run.predict(wrong)
    wrong.write_text("recording,t,wave\na,0,1\na,1,2x\na,2,3x\n")
    with pytest.raises(ts.DataError, match=r"'wave'.*line"):
        run.predict(wrong)


def test_a_forecast_gives_the_value_after_each_window_and_after_the_last_row(tmp_path):
    days = np.datetime64("2026-01-01") + np.arange(120)
    heat = np.round(10 * np.sin(np.arange(120) / 5) + 20, 3)
    rows = [f"{day},{x}" for day, x in zip(days, heat.tolist(), strict=True)]
    path = tmp_path / "heat.csv"
    path.write_text("\n".join(["day,heat", *rows]) + "\n")
    settings = {**FAST, "data.time": "day", "data.window": 6}
    settings["prepare"] = "[Standardize, StandardizeTarget]"
    run = ts.train(path, target="heat", settings=settings, runs=tmp_path / "runs")
    assert run.plan.split.time == "day"
    last = run.evaluation.rivals[1]
    count = run.evaluation.num_examples["test"]
    steps = np.diff(heat)[-count:]
    assert last.name == "last"
    expected = float(np.sqrt(np.mean(steps**2)))
    assert last.scores["rmse"].value == pytest.approx(expected, abs=1e-5)
    course = run.evaluation.forecast
    assert (course.times[-1], course.num_rows) == ("2026-04-30", count)
    assert course.actual == tuple(heat[-count:].tolist())
    predictions = run.predict(path)
    assert course.predicted[-1] == pytest.approx(predictions.values[-2], abs=1e-4)
    assert len(predictions) == 120 - 6 + 1
    assert predictions.where[-1] == "2026-05-01"
    assert run.evaluate(path).num_examples["test"] == 120 - 6
    gap = [*rows[:60], f"{days[60]},"]
    (tmp_path / "gap.csv").write_text("\n".join(["day,heat", *gap]) + "\n")
    scored = run.evaluate(tmp_path / "gap.csv")
    assert scored.num_examples["test"] == 60 - 6
    assert "1 sequence without a value of 'heat' not scored (line 62)." in scored.notes
    (tmp_path / "jump.csv").write_text(
        "\n".join(["day,heat", *rows[:30], *rows[31:60]]) + "\n"
    )
    jumped = run.predict(tmp_path / "jump.csv")
    told = "'day' jumps here; no window reaches over it, so 6 rows have no prediction"
    assert len(jumped) == 59 - 6 + 1 - 5
    assert f"{told} (line 32)" in jumped.notes
    assert f"{told} (line 32)." in run.evaluate(tmp_path / "jump.csv").notes
    (tmp_path / "few.csv").write_text("\n".join(["day,heat", *rows[-6:]]) + "\n")
    last = run.predict(tmp_path / "few.csv")
    assert last.where == ("2026-05-01",)
    assert last.values[0] == pytest.approx(predictions.values[-1], abs=1e-4)


def test_texts_are_predicted_from_lists_and_files(tmp_path):
    for name, letters in (("vowels", "aeiou"), ("others", "bcdfg")):
        random = np.random.default_rng(0)
        words = ["".join(random.choice(list(letters), 4)) for _ in range(30)]
        (tmp_path / f"{name}.txt").write_text("\n".join(words))
    settings = {**FAST, "prepare": "[]"}
    run = ts.train(tmp_path, settings=settings, runs=tmp_path / "runs")
    new = tmp_path / "new" / "words.txt"
    new.parent.mkdir()
    new.write_text("aoui\nbfgd\n")
    predictions = run.predict(new)
    assert predictions.where == ("line 1", "line 2")
    listed = run.predict(["aoui", "bfgd"])
    assert np.array_equal(listed.probabilities, predictions.probabilities)
    assert not predictions.notes
    with pytest.raises(ts.DataError, match="has no labels; give a folder"):
        run.evaluate(new)
    one = tmp_path / "one" / "vowels.txt"
    one.parent.mkdir()
    one.write_text("aoui\nuuio\n")
    assert run.evaluate(one.parent).num_examples["test"] == 2
    assert run.predict(one.parent).where == ("vowels.txt line 1", "vowels.txt line 2")
    new.write_text("\naoui\n \nbfgd\n")
    gappy = run.predict(new)
    assert gappy.where == ("line 2", "line 4")
    assert gappy.notes == ("2 blank lines left out (words.txt): lines 1, 3",)


def test_blank_lines_among_rows_and_between_rows_of_a_table_are_told(tmp_path, waves):
    values, _ = _waves(2, seed=2)
    lines = ["\t".join(map(str, row)) for row in values.tolist()]
    (tmp_path / "new.tsv").write_text("\n".join([lines[0], "", lines[1], ""]))
    _, run = waves
    predictions = run.predict(tmp_path / "new.tsv")
    assert predictions.where == ("line 1", "line 3")
    assert predictions.notes == ("1 blank line left out (new.tsv): line 2",)
    table = ts.train("iris", settings=FAST_TABLE, runs=tmp_path / "runs")
    rows = ["5,3,1.5,0.2", "", "6,3,5,2"]
    names = ",".join(ts.load("iris").inputs.columns)
    (tmp_path / "new.csv").write_text("\n".join([names, *rows]) + "\n")
    assert table.predict(tmp_path / "new.csv").notes == (
        "1 blank line skipped: line 3",
    )


def test_rows_of_several_lengths_whose_label_is_no_class_are_doubted(tmp_path):
    values, labels = _waves(60)
    values[::3, -2:] = np.nan
    _write(tmp_path / "Waves_TRAIN.tsv", values, labels)
    run = ts.train(tmp_path, settings=FAST, runs=tmp_path / "runs")
    labelled = run.predict(_write(tmp_path / "new.tsv", values, labels))
    assert not labelled.notes
    (note,) = run.predict(_write(tmp_path / "new.tsv", values[:4])).notes
    assert "4 labels in" in note
    assert "none of the classes" in note
    np.savez(tmp_path / "new.npz", sequences=values[:4, :20], y=[7, 8, 9, 7])
    assert not run.predict(tmp_path / "new.npz").notes
