"""A trained run on other files, from Python."""

import re
import shutil

import numpy as np
import pytest
from PIL import Image

import torchsmith as ts
from torchsmith.core.errors import DataError
from torchsmith.train.watch import TrainingObserver

ROWS = 40


def _numbers():
    noise = np.arange(ROWS * 3).reshape(ROWS, 3) * 37 % 101 / 100
    noise[:, 1] = 1  # says nothing, so it is no input
    return noise, np.arange(ROWS) % 2


@pytest.fixture(scope="module")
def arrays(tmp_path_factory):
    folder = tmp_path_factory.mktemp("arrays")
    inputs, labels = _numbers()
    np.savez(folder / "table.npz", x=inputs, y=labels)
    np.save(folder / "table.npy", inputs)
    settings = {"training.epochs": 2}
    return ts.train(folder / "table.npz", runs=folder / "runs", settings=settings)


def test_a_table_of_arrays_is_predicted_and_scored_from_files(arrays):
    folder = arrays.path.parents[1]
    expected = arrays.predict(ts.load(folder / "table.npz")).probabilities
    for name in ("table.npz", "table.npy"):
        found = arrays.predict(folder / name)
        np.testing.assert_array_equal(found.probabilities, expected)
        assert found.where[0] == "1"
    assert arrays.evaluate(folder / "table.npz").num_examples["test"] == ROWS


def test_inputs_and_targets_in_memory_are_scored_as_they_are_trained_on(arrays):
    expected = arrays.evaluate(arrays.path.parents[1] / "table.npz").scores
    inputs, labels = _numbers()
    named = {f"x{i}": inputs[:, i] for i in range(3)}
    assert arrays.evaluate((inputs[:, [0, 2]], labels)).scores == expected
    assert arrays.evaluate((named, labels.tolist())).scores == expected
    with pytest.raises(DataError, match="X: has 3 columns; expected 2: x0, x2"):
        arrays.evaluate((inputs, labels))
    with pytest.raises(DataError, match="columns differ in length: x0 40, x2 40, y 39"):
        arrays.evaluate((inputs[:, [0, 2]], labels[:-1]))


def test_files_of_arrays_that_do_not_fit_are_named(arrays, tmp_path):
    folder = arrays.path.parents[1]
    np.save(tmp_path / "narrow.npy", np.ones((5, 2)))
    with pytest.raises(DataError, match=r"narrow\.npy: no column 'x2'; the columns"):
        arrays.predict(tmp_path / "narrow.npy")
    with pytest.raises(DataError, match=r"an \.npy file has no labels"):
        arrays.evaluate(folder / "table.npy")
    with pytest.raises(DataError, match="a CSV or Parquet file"):
        arrays.predict(folder / "table.npz", keep=["x0"])


def test_how_many_examples_are_done_is_told(arrays, tmp_path):
    told = []

    class Heard(TrainingObserver):
        def stage(self, title, total=None):
            told.append((title, total))

        def advance(self, done):
            told.append(done)

    inputs, labels = (np.resize(each, (2500, *each.shape[1:])) for each in _numbers())
    np.savez(tmp_path / "many.npz", x=inputs, y=labels)
    arrays.predict(tmp_path / "many.npz", observer=Heard())
    assert told == [("Predicting 2,500 examples", 2500), 1024, 2048, 2500]
    told.clear()
    arrays.evaluate(tmp_path / "many.npz", observer=Heard())
    assert told == [("Evaluating on 2,500 examples", 2500), 1024, 2048, 2500]


def test_one_column_may_be_kept_by_its_name(arrays):
    rows = {f"x{i}": [0.1, 0.9] for i in range(3)} | {"id": ["a7", "b8"]}
    assert arrays.predict(rows, keep="id").kept == {"id": ("a7", "b8")}
    with pytest.raises(DataError, match="no column 'ids'; did you mean 'id'"):
        arrays.predict(rows, keep="ids")


@pytest.fixture(scope="module")
def numbers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("numbers")
    inputs, _ = _numbers()
    lines = [f"{a},{b},{a + b / 2}" for a, _, b in inputs.tolist()]
    (folder / "train.csv").write_text("\n".join(["a,b,y", *lines]))
    settings = {"training.epochs": 2}
    return ts.train(
        folder / "train.csv", target="y", runs=folder / "runs", settings=settings
    )


def test_what_stands_in_the_target_does_not_matter_to_predictions(numbers, tmp_path):
    expected = numbers.predict({"a": [0.1, 0.2], "b": [0.3, 0.4]})
    rows = [("0.1,0.3", "?"), ("0.2,0.4", "to come")]
    lines = ["a,b,y", *(f"{inputs},{target}" for inputs, target in rows)]
    (tmp_path / "new.csv").write_text("\n".join(lines))
    held = {"a": [0.1, 0.2], "b": [0.3, 0.4], "y": ["?", "?"]}
    for source in (tmp_path / "new.csv", held):
        found = numbers.predict(source)
        np.testing.assert_array_equal(found.values, expected.values)
        assert found.notes == expected.notes
    with pytest.raises(DataError, match="column 'y': 1 of 2 values are not numbers"):
        numbers.evaluate(tmp_path / "new.csv")


def test_a_number_in_a_form_that_training_had_not_is_read_and_told(numbers, tmp_path):
    expected = numbers.predict({"a": [1234.5, -2.0], "b": [0.3, 0.4]})
    (tmp_path / "new.csv").write_text('a,b\n"1,234.5",0.3\n(2),0.4\n')
    found = numbers.predict(tmp_path / "new.csv")
    np.testing.assert_array_equal(found.values, expected.values)
    assert found.notes[:2] == (
        "column 'a': 1 value: unlike others, thousands separator ',' removed (first: "
        "'1,234.5', line 2)",
        "column 'a': 1 value: unlike others, brackets read as a minus sign (first: "
        "'(2)', line 3)",
    )


def test_a_marker_among_numbers_is_a_gap_also_where_training_had_none(
    numbers, tmp_path
):
    (tmp_path / "empty.csv").write_text("a,b\n,0.3\n0.2,0.4\n")
    expected = numbers.predict(tmp_path / "empty.csv")
    assert "column 'a': 1 value: missing" in expected.notes[0]
    for marker in ("NA", " ? ", "null"):
        (tmp_path / "marked.csv").write_text(f"a,b\n{marker},0.3\n0.2,0.4\n")
        found = numbers.predict(tmp_path / "marked.csv")
        np.testing.assert_array_equal(found.values, expected.values)
        assert found.notes == expected.notes
    (tmp_path / "marked.csv").write_text("a,b\nabsent,0.3\n0.2,0.4\n")
    with pytest.raises(DataError, match=r"1 of 2 .* \(first: 'absent', line 2\)"):
        numbers.predict(tmp_path / "marked.csv")


def test_what_training_did_not_have_is_told_of_scores_as_of_predictions(
    numbers, tmp_path
):
    (tmp_path / "far.csv").write_text("a,b,y\n90,0.3,1\n0.2,0.4,2\n,0.4,\n")
    notes = numbers.evaluate(tmp_path / "far.csv").notes
    [told] = [note for note in notes if "outside of the range" in note]
    assert told == (
        "column 'a': 1 value: outside of the range of the training part "
        "(first: '90', line 2)."
    )
    assert not any("missing" in note for note in notes)  # of a row that is not scored


def test_places_in_data_in_memory_are_rows(numbers, tmp_path):
    held = {"a": [0.1, None, 0.5], "b": [0.3, 0.4, 0.6], "y": [1.0, 2.0, None]}
    found = numbers.predict(held)
    assert found.where == ("1", "2", "3")
    assert found.notes[0].endswith("(first: row 2)")
    scored = numbers.evaluate(held)
    assert "1 row without a value of 'y' not scored (row 3)." in scored.notes
    assert {mistake.where for mistake in scored.mistakes} == {"row 1", "row 2"}


def _draw(folder):
    for place, label in enumerate(("cat", "dog")):
        (folder / label).mkdir(parents=True)
        for number in range(6):
            pixels = np.random.default_rng(number).integers(0, 99, (8, 8), np.uint8)
            pixels[:, 4 * place : 4 * place + 4] += 150
            Image.fromarray(pixels).save(folder / label / f"{number}.png")
    return folder


def _damage(folder):
    whole = (folder / "dog" / "1.png").read_bytes()
    (folder / "dog" / "bad.png").write_bytes(whole[: len(whole) // 2])
    return folder


def test_damaged_pictures_are_left_out_where_the_plan_says_so(tmp_path):
    photos = _damage(_draw(tmp_path / "photos"))
    settings = {"training.epochs": 1, "data.skip_damaged": True}
    run = ts.train(photos, runs=tmp_path / "runs", settings=settings)
    found = run.predict(photos)
    assert len(found) == 12
    assert "dog/bad.png" not in found.where
    assert found.notes == ("damaged pictures left out: dog/bad.png",)
    scored = run.evaluate(photos)
    assert scored.num_examples["test"] == 12
    assert "damaged pictures left out: dog/bad.png." in scored.notes


def _small(shape):
    """Examples of `shape` with a mean each, and that as a number and as a text."""
    inputs = np.random.default_rng(0).normal(size=(60, *shape)).astype(np.float32)
    means = inputs.reshape(60, -1).mean(axis=1)
    return inputs, means, np.where(means > 0, "high", "low")


@pytest.mark.parametrize(
    ("shape", "kind"),
    [((6, 6), "images"), ((4, 4, 4), "volumes"), ((2, 9), "sequences")],
)
def test_texts_and_numbers_are_not_scored_against_each_other(tmp_path, shape, kind):
    inputs, numbers, texts = _small(shape)
    held = {"numbers.npz": numbers, "texts.npz": texts}
    for name, labels in held.items():
        np.savez(tmp_path / name, x=inputs, y=labels)
    settings = {"training.epochs": 1, "data.kind": kind}
    runs = {
        name: ts.train(tmp_path / name, runs=tmp_path / "runs", settings=settings)
        for name in held
    }
    noun = "picture" if kind == "images" else kind.removesuffix("s")
    says = f"texts.npz: the target 'label' holds texts .*give a number for each {noun}"
    with pytest.raises(DataError, match=says):
        runs["numbers.npz"].evaluate(tmp_path / "texts.npz")
    says = rf"numbers.npz: the target .* holds numbers .* classes (high|low), .*{noun}"
    with pytest.raises(DataError, match=says):
        runs["texts.npz"].evaluate(tmp_path / "numbers.npz")


def _loose(folder):
    for name in ("a", "b"):
        shutil.copy(folder / "dog" / "1.png", folder / f"{name}.png")
    (folder / "note.txt").write_bytes(b"")
    return folder


def test_all_pictures_of_a_folder_are_predicted_wherever_they_lie(tmp_path):
    photos, told = _loose(_draw(tmp_path / "photos")), []
    settings = {"training.epochs": 1}
    run = ts.train(
        photos, runs=tmp_path / "runs", settings=settings, observer=told.append
    )
    loose = "pictures outside class folders left out (2, first: "
    assert any(loose in line for line in told)
    file = f"files that are no pictures left out (first: '{photos / 'note.txt'}')"
    assert any(file in line for line in told)
    found = run.predict(photos)
    assert len(found) == 14
    assert found.where[:3] == ("a.png", "b.png", "cat/0.png")
    assert found.notes == (file,)
    scored = run.evaluate(photos)
    assert scored.num_examples["test"] == 12
    assert f"{file}." in scored.notes
    assert any(note.startswith(loose) for note in scored.notes)


def test_a_class_that_only_the_test_folder_has_is_named_and_scored(tmp_path):
    photos = _draw(tmp_path / "photos")
    for label in ("cat", "dog"):
        shutil.copytree(photos / label, tmp_path / "apart" / "train" / label)
    for label, name in (("cat", "cat"), ("dog", "cow"), ("dog", "dog")):
        shutil.copytree(photos / label, tmp_path / "apart" / "test" / name)
    settings = {"training.epochs": 1, "split.drop_shared": False}
    run = ts.train(tmp_path / "apart", runs=tmp_path / "runs", settings=settings)
    (gap,) = (found for found in run.inspection.findings if found.code == "D6")
    assert gap.message == "The train part has no example of 'cow'."
    assert "test/cow/0.png, test/cow/1.png" in gap.where
    assert run.evaluation.num_examples["test"] == 18
    shutil.move(tmp_path / "apart" / "train" / "cat", tmp_path / "cat")
    assert run.evaluate(tmp_path / "apart").num_examples["test"] == 24
    shutil.move(tmp_path / "cat", tmp_path / "apart" / "train" / "cat")
    assert run.eject(tmp_path / "again.py").path.is_file()


@pytest.mark.parametrize("part", ["test", "val"])
def test_a_folder_called_as_a_part_is_predicted(tmp_path, part):
    photos = _draw(tmp_path / "photos")
    run = ts.train(photos, runs=tmp_path / "runs", settings={"training.epochs": 1})
    for inner in (part, f"{part}/cat"):
        new = tmp_path / inner.replace("/", "-")
        shutil.copytree(photos / "cat", new / inner)
        found = run.predict(new)
        assert found.where == tuple(f"{inner}/{n}.png" for n in range(6))
        np.testing.assert_array_equal(
            found.probabilities, run.predict(photos).probabilities[:6]
        )


def test_damaged_pictures_are_else_refused_with_advice_that_can_be_taken(tmp_path):
    photos = _draw(tmp_path / "photos")
    settings = {"training.epochs": 1}
    run = ts.train(photos, runs=tmp_path / "runs", settings=settings)
    _damage(photos)
    for use in (run.predict, run.evaluate):
        with pytest.raises(DataError, match=re.escape("dog/bad.png (")) as caught:
            use(photos)
        assert str(caught.value).endswith(". Replace or remove them")


@pytest.mark.parametrize(
    ("head", "settings"),
    [
        ("id,t,v,y", {"data.id": "id", "data.time": "t"}),
        ("a,b,c,y", {"data.kind": "sequences"}),
    ],
)
def test_sequences_are_predicted_whatever_stands_in_the_target(
    tmp_path, head, settings
):
    rows = [
        f"{row // 4},{row % 4},{row * 37 % 101 / 100},{row // 4 * 7 % 40 / 8}"
        for row in range(160)
    ]
    inputs = [row.rpartition(",")[0] for row in rows]
    texts = {
        "train": [head, *rows],
        "new": [head, *(f"{row},?" for row in inputs)],
        "bare": [head.removesuffix(",y"), *inputs],
    }
    for name, lines in texts.items():
        (tmp_path / f"{name}.csv").write_text("\n".join(lines))
    run = ts.train(
        tmp_path / "train.csv",
        target="y",
        settings={"training.epochs": 1, **settings},
        runs=tmp_path / "runs",
    )
    expected = run.predict(tmp_path / "bare.csv")
    found = run.predict(tmp_path / "new.csv")
    np.testing.assert_array_equal(found.values, expected.values)
    assert found.notes == expected.notes
    with pytest.raises(DataError, match="no value of the target 'y' is known"):
        run.evaluate(tmp_path / "new.csv")


@pytest.fixture(scope="module")
def iris(tmp_path_factory):
    """A run on a set that is known by name."""
    runs = tmp_path_factory.mktemp("runs")
    return ts.train("iris", runs=runs, settings={"training.epochs": 1})


def test_the_kind_of_a_source_is_looked_at_before_its_labels(iris, tmp_path):
    says = " holds images; the network needs a table"
    for source in ("digits", str(_draw(tmp_path / "photos"))):
        for use in (iris.predict, iris.evaluate):
            with pytest.raises(DataError, match=re.escape(source + says)):
                use(source)


def test_a_known_set_is_known_to_be_of_another_kind_whatever_was_learned(tmp_path):
    inputs, _, texts = _small((2, 9))
    np.savez(tmp_path / "waves.npz", x=inputs, y=texts)
    settings = {"training.epochs": 1, "data.kind": "sequences"}
    run = ts.train(tmp_path / "waves.npz", runs=tmp_path / "runs", settings=settings)
    for use in (run.predict, run.evaluate):
        with pytest.raises(DataError, match="digits holds images; the network needs"):
            use("digits")


def test_columns_of_a_known_set_are_kept_beside_its_predictions(iris, tmp_path):
    name = "sepal length (cm)"
    found = iris.predict("iris", keep=name)
    assert found.kept[name][:3] == ("5.1", "4.9", "4.7")
    with pytest.raises(DataError, match="iris: no column 'sepal'"):
        iris.predict("iris", keep="sepal")


def test_one_example_alone_is_refused_where_a_layer_compares_examples(tmp_path):
    rows = [f"{i * 37 % 101 / 100},{i % 2}" for i in range(60)]
    (tmp_path / "train.csv").write_text("\n".join(["x,y", *rows]))
    compared = {"BatchNorm1d": {"track_running_stats": False}}
    run = ts.train(
        tmp_path / "train.csv",
        target="y",
        runs=tmp_path,
        settings={
            "network": {"Sequential": [{"Linear": 4}, compared, {"Linear": 2}]},
            "training.epochs": 1,
        },
    )
    assert len(run.predict({"x": [0.5, 0.2]}).texts) == 2
    with pytest.raises(DataError, match="here is one alone; predict two or more"):
        run.predict({"x": [0.5]})
