"""A script finds the words of texts that its run found."""

import numpy as np
import pytest

from tests.eject.test_eject import train, verified

TITLES = ["Mr.", "Mrs.", "Dr."]
NET = {"TabularMLP": {"hidden": [8], "bins": 4}}


def notes(folder, columns=("name", "cabin", "age"), gaps=()):
    """Passengers, of whom the title tells much and the cabin may be unknown."""
    draws = np.random.default_rng(0)
    lines = [",".join([*columns, "alive"])]
    for i in range(240):
        title = int(draws.integers(3))
        cells = {
            "name": f"{TITLES[title]} N{i}",
            "cabin": "" if i % 3 in gaps else f"{'ABC'[i % 3]}{i // 6}",
            "note": f"{('red', 'blue')[i % 2]} one {i}",
            "kind": "uvw"[i % 3],
            "age": str(20 + i % 50),
        }
        alive = "yes" if title == 1 or draws.random() < 0.2 else "no"
        lines.append(",".join([*(cells[c] for c in columns), alive]))
    path = folder / "notes.csv"
    path.write_text("\n".join(lines), "utf-8")
    return path


@pytest.mark.parametrize("gaps", [(), (1,)])
def test_words_and_gaps_are_found_as_in_the_run(tmp_path, gaps):
    source = notes(tmp_path, gaps=gaps)
    found = train(str(source), tmp_path, "alive", network=NET)
    roles = found.plan.data.columns
    assert (roles["name"], roles["cabin"]) == ("text", "text")
    code = verified(found, tmp_path / "train.py")
    assert 'TEXTS = ["name", "cabin"]' in code
    assert ("cabin is missing" in found.model.preparation.feature_names) == bool(gaps)
    named = {one.column for one in found.evaluation.importance}
    assert named == {"name", "cabin", "age"}


def test_a_word_that_matters_is_learned_and_used(tmp_path):
    source = notes(tmp_path)
    found = train(str(source), tmp_path, "alive", network=NET, training__epochs=20)
    new = tmp_path / "new.csv"
    new.write_text("name,cabin,age\nMrs. X,A1,30\nMr. X,A1,30\n", "utf-8")
    assert found.predict(new).texts == ["yes", "no"]


@pytest.mark.parametrize("columns", [("name", "note"), ("name", "note", "kind")])
def test_texts_without_numbers_keep_all_their_words(tmp_path, columns):
    source = notes(tmp_path, columns)
    found = train(str(source), tmp_path, "alive", network=NET)
    assert found.plan.data.columns["note"] == "text"
    verified(found, tmp_path / "train.py")


def test_a_text_longer_than_csv_reads_by_itself_is_read_by_the_script(tmp_path):
    source = notes(tmp_path, ("name", "note"))
    text = source.read_text("utf-8").replace("red one 8,", "red one 8" * 20_000 + ",")
    source.write_text(text, "utf-8")
    found = train(str(source), tmp_path, "alive", network=NET)
    code = verified(found, tmp_path / "train.py")
    assert "csv.field_size_limit(180_000)" in code


def test_copies_with_other_notes_stay_in_one_part(tmp_path):
    source = notes(tmp_path, ("name", "kind", "age"))
    asked = {"split__keep_together": True}
    found = train(str(source), tmp_path, "alive", network=NET, **asked)
    code = verified(found, tmp_path / "train.py")
    assert "number_sets({n: c for n, c in table.items() if n not in TEXTS})" in code


def test_a_text_that_training_never_has_adds_nothing(tmp_path):
    draws = np.random.default_rng(0)
    lines = ["day,x,comment,y"]
    for i in range(200):
        day, x = np.datetime64("2024-01-01") + i, draws.normal()
        comment = f"fixed leak no. {i}" if i >= 160 else ""
        lines.append(f"{day},{x:.3f},{comment},{2 * x:.3f}")
    path = tmp_path / "days.csv"
    path.write_text("\n".join(lines), "utf-8")
    found = train(str(path), tmp_path, "y", network=NET, split__time="day")
    assert found.plan.data.columns["comment"] == "text"
    names = found.model.preparation.feature_names
    assert not any(name.startswith("comment") for name in names)
    verified(found, tmp_path / "train.py")
