"""What is left out of a part, or cut in it, is told and stands in the run's notes."""

import numpy as np

import torchsmith as ts
from tests.api.test_sequences import FAST, _waves, _write
from torchsmith.train.watch import TrainingObserver


class Listener(TrainingObserver):
    """Keeps the notes."""

    def __init__(self):
        self.notes = []

    def note(self, text):
        self.notes.append(text)


def train(folder, settings):
    told = Listener()
    run = ts.train(folder, settings=settings, runs=folder / "runs", observer=told)
    return run, told


def test_a_run_says_how_many_examples_drop_shared_left_out(tmp_path):
    values, labels = _waves(60)
    test_values, test_labels = _waves(20, seed=1)
    test_values[:3] = values[:3]
    _write(tmp_path / "Waves_TRAIN.tsv", values, labels)
    _write(tmp_path / "Waves_TEST.tsv", test_values, test_labels)
    settings = {**FAST, "prepare": "[Standardize]", "split.drop_shared": True}
    run, told = train(tmp_path, settings)
    found = [note for note in run.outcome.notes if "split.drop_shared" in note]
    assert sum(int(note.split(" left ")[1].split()[0]) for note in found) == 3
    assert all("sequence" in note for note in found)
    assert set(found) <= set(told.notes)
    assert found[0] in run.report_path.read_text()


def test_nothing_is_said_where_no_example_is_shared(tmp_path):
    _write(tmp_path / "Waves_TRAIN.tsv", *_waves(60))
    _write(tmp_path / "Waves_TEST.tsv", *_waves(20, seed=1))
    settings = {**FAST, "prepare": "[Standardize]", "split.drop_shared": True}
    assert not train(tmp_path, settings)[0].outcome.notes


def test_a_run_says_that_test_sequences_are_cut_to_the_length_of_training(tmp_path):
    _write(tmp_path / "Waves_TRAIN.tsv", *_waves(60))
    values, labels = _waves(20, seed=1)
    longer = np.concatenate([values, values[:, :4]], axis=1)
    _write(tmp_path / "Waves_TEST.tsv", longer, labels)
    run, told = train(tmp_path, {**FAST, "prepare": "[Standardize]"})
    (note,) = run.outcome.notes
    assert note.startswith("test part: 20 sequences: cut to its first 12 steps")
    assert note in told.notes


def test_windows_that_look_ahead_are_told(tmp_path):
    days = np.datetime64("2026-01-01") + np.arange(80)
    rows = [f"{day},{place % 7}" for place, day in enumerate(days)]
    path = tmp_path / "load.csv"
    path.write_text("\n".join(["day,load", *rows]) + "\n")
    settings = {
        **FAST,
        "data.time": "day",
        "data.window": 5,
        "prepare": "[Standardize]",
    }

    def notes(**changes):
        return ts.train(
            path,
            target="load",
            settings={**settings, **changes},
            runs=tmp_path / "runs",
        ).outcome.notes

    (note,) = notes(**{"split.time": None})
    assert note.endswith("which flatters the scores: set split.time: day")
    assert not notes()
    rows[20:27] = [row.split(",")[0] + "," for row in rows[20:27]]
    path.write_text("\n".join(["day,load", *rows]) + "\n")
    filled = {"data.drop_missing_target": True, "prepare": "[Interpolate, Standardize]"}
    assert notes(**filled) == (
        "3 windows left out for want of a known value (lines 22, 23, 24)",
        "5 rows left out: no target (lines 22, 23, 24, 25, 26)",
    )


def test_a_class_that_no_whole_group_can_bring_into_a_part_is_told(tmp_path):
    rows = [
        f"{i * 0.37 % 1:.3f},p{i // 4},{'rare' if i < 4 else 'abc'[i % 3]}"
        for i in range(60)
    ]
    path = tmp_path / "people.csv"
    path.write_text("\n".join(["x,who,y", *rows]))
    settings = {
        "split.group": "who",
        "network": {"MLP": {"hidden": [4]}},
        "training.epochs": 1,
    }
    run = ts.train(path, target="y", settings=settings, runs=tmp_path / "runs")
    assert run.plan.split.stratify
    notes = [note for note in run.outcome.notes if "split.group" in note]
    assert len(notes) == 2
    assert "has no example of 'rare': split.group divides no 'who', and 1 has" in str(
        notes
    )
