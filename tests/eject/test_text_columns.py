"""A script finds the words of texts that its run found."""

import numpy as np
import pytest

from tests.eject.test_eject import train, verified

TITLES = ["Mr.", "Mrs.", "Dr."]
NET = {"TabularMLP": {"hidden": [8], "bins": 4}}


def notes(folder, gaps=()):
    """Passengers, some of whose cabins are not known."""
    draws = np.random.default_rng(0)
    lines = ["name,cabin,age,alive"]
    for i in range(240):
        title = int(draws.integers(3))
        cabin = "" if i % 3 in gaps else f"{'ABC'[i % 3]}{i // 6}"
        alive = "yes" if title == 1 or draws.random() < 0.2 else "no"
        lines.append(f'"{TITLES[title]} N{i}",{cabin},{20 + i % 50},{alive}')
    path = folder / "notes.csv"
    path.write_text("\n".join(lines), "utf-8")
    return path


@pytest.mark.parametrize("gaps", [(), (1,)])
def test_words_and_gaps_are_found_as_in_the_run(tmp_path, gaps):
    source = notes(tmp_path, gaps)
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
