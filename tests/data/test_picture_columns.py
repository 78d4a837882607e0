"""Tables of which a column names picture files."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

import torchsmith as ts
from torchsmith.core.errors import DataError, PlanError
from torchsmith.data.picture_columns import file_of
from torchsmith.evaluate.shown import DIM

NET = {"PictureTableNet": {"channels": [4, 8], "features": 4, "hidden": [16]}}
QUICK = {
    "training.epochs": 12,
    "training.threads": 1,
    "doctor.examine": False,
    "network": NET,
    "prepare.Resize": {"height": 8, "width": 8},
}


def shop(folder, num=80, *, mode="L"):
    """A table whose price is the brightness of a picture, and what a column adds."""
    random = np.random.default_rng(0)
    (folder / "shots").mkdir(parents=True)
    lines = ["photo,extra,price"]
    for row in range(num):
        bright, extra = random.integers(0, 250), random.integers(0, 3)
        size = (9 + row % 3, 8)
        Image.new(mode, size, int(bright)).save(folder / f"shots/{row}.png")
        lines.append(f"shots/{row}.png,{extra},{bright / 10 + 5 * extra:.2f}")
    (folder / "shop.csv").write_text("\n".join(lines) + "\n")
    return folder / "shop.csv"


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return shop(tmp_path_factory.mktemp("shop"))


@pytest.fixture(scope="module")
def run(source, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    return ts.train(source, target="price", settings=QUICK, runs=folder)


def test_a_column_that_names_pictures_is_recognised_and_planned_for(source):
    column = ts.inspect(source, target="price").columns[0]
    assert (column.name, column.role) == ("photo", "picture")
    assert "80 picture files, such as shots/0.png" in column.reason
    plan = ts.plan(source, target="price")
    assert plan.network.spec_name() == "PictureTableNet"
    assert "1 column of pictures beside the others" in plan.reasons["network"]


def test_names_of_files_that_are_not_there_are_set_aside_with_a_warning(tmp_path):
    lines = ["photo,extra,price", *(f"no{i}.png,{i % 5},{i}" for i in range(60))]
    (tmp_path / "shop.csv").write_text("\n".join(lines) + "\n")
    found = ts.inspect(tmp_path / "shop.csv", target="price")
    assert found.columns[0].role == "ignore"
    (warning,) = (f for f in found.findings if f.code == "D38")
    assert warning.severity == "warning"
    assert "60 of 60 are not there" in warning.message
    assert warning.evidence == f"first: {tmp_path / 'no0.png'}"
    ignored = {"data.columns.photo": "ignore"}
    found = ts.inspect(tmp_path / "shop.csv", target="price", settings=ignored)
    assert "D38" not in {f.code for f in found.findings}


def test_rows_without_their_picture_are_told_before_a_plan_is_made(tmp_path):
    source = shop(tmp_path)
    text = source.read_text().replace("shots/1.png", "")
    source.write_text(text.replace("shots/5.png", "shots/x.png"))
    told = [f for f in ts.inspect(source, target="price").findings if f.code == "D38"]
    assert [(f.severity, f.where) for f in told] == [
        ("error", "column 'photo', line 3"),
        ("error", "column 'photo', line 7"),
    ]
    assert told[0].message == "1 row names no picture in 'photo'."
    assert told[1].evidence == f"first: {tmp_path / 'shots' / 'x.png'}"
    with pytest.raises(DataError, match=r"1 row names no picture.*line 3"):
        ts.plan(source, target="price")
    plan = ts.plan(source, target="price", settings={"data.columns.photo": "ignore"})
    assert plan.network.spec_name() == "TabularMLP"


def gallery(folder):
    """A table of pictures of which some are not as the others are."""
    source = shop(folder, mode="RGB")
    random = np.random.default_rng(1)
    for row in range(80):
        pixels = random.integers(0, 255, (16, 16, 3), np.uint8)
        picture = Image.fromarray(pixels)
        match row:
            case 3 | 9:
                picture = picture.convert("L")
            case 12:
                picture.putalpha(250)
            case 20:
                picture = picture.resize((24, 10))
            case 25:
                picture = Image.new("RGB", (16, 16), "red")
        path = folder / f"shots/{row}.png"
        picture.save(path, "JPEG" if row == 33 else "PNG")
    with source.open("a") as file:
        file.write("shots/3.png,1,20\nshots/33.png,1,20\n")
    return source


def test_pictures_of_a_column_are_looked_at_as_those_of_a_folder(tmp_path):
    found = ts.inspect(gallery(tmp_path), target="price").findings
    at = "column 'photo', "
    grey = "'photo': grey read as colour, as other pictures are in 3 values"
    assert {(f.code, f.where): f.message for f in found if f.code != "D25"} == {
        ("D13", f"{at}shots/25.png (line 27)"): "1 picture of 80 shows one even area "
        "only.",
        ("D17", f"{at}line 14"): "'photo': alpha laid over white in 1 value (first: "
        "'shots/12.png').",
        ("D17", f"{at}lines 5, 11, 82"): f"{grey} (first: 'shots/3.png').",
        ("D33", f"{at}line 35, file shots/33.png"): "1 file is JPEG although the file "
        "name ends in .png.",
        ("D34", "column 'photo'"): "The pictures have different sizes, from 10 x 16 to "
        "16 x 24 pixels (least and most height and width).",
    }
    (sizes,) = (f.evidence for f in found if f.code == "D34")
    assert "smallest: shots/20.png (line 22)" in sizes


def test_a_damaged_picture_of_a_column_is_an_error_of_inspection(tmp_path):
    source = gallery(tmp_path)
    damaged = tmp_path / "shots" / "3.png"
    damaged.write_bytes(damaged.read_bytes()[:100])
    found = ts.inspect(source, target="price").findings
    (error,) = (f for f in found if f.severity == "error")
    assert error.code == "D38"
    assert error.message == "2 rows name a picture that cannot be decoded in 'photo'."
    assert error.where == "column 'photo', lines 5, 82"
    assert error.evidence.startswith(f"first: {damaged}: ")
    ignored = {"data.columns.photo": "ignore"}
    found = ts.inspect(source, target="price", settings=ignored).findings
    assert {f.code for f in found}.isdisjoint({"D13", "D17", "D33", "D34", "D38"})


def test_names_with_backslashes_find_their_pictures(run, tmp_path):
    source = shop(tmp_path / "elsewhere", 40)
    plain = run.predict(source).values
    source.write_text(source.read_text().replace("shots/", "shots\\"))
    assert ts.inspect(source, target="price").columns[0].role == "picture"
    assert run.predict(source).values.tolist() == plain.tolist()


def test_a_name_finds_its_picture_however_its_letters_are_composed(tmp_path):
    there = tmp_path / "\u1112\u1161\u11ab.png"
    there.touch()
    assert file_of(tmp_path, "\ud55c.png") == there
    assert file_of(tmp_path, "\uae00.png") == tmp_path / "\uae00.png"


def test_pictures_and_columns_are_learned_from_together(run):
    assert run.plan.network.spec_name() == "PictureTableNet"
    assert run.model.preparation.pictures == ((1, 8, 8),)  # stored as grey
    importance = {i.column: i.drop.value for i in run.evaluation.importance}
    assert importance["photo"] > 0
    assert importance["extra"] > 0


def test_a_report_shows_the_pictures_of_the_worst_rows_and_of_training(run, source):
    lines = source.read_text().splitlines()
    evaluation = run.evaluation
    for found in (*evaluation.mistakes, *evaluation.samples):
        photo, extra, _ = lines[int(found.where.removeprefix("line ")) - 1].split(",")
        assert found.row == {"photo": photo, "extra": extra}
        stored = pixels(source.parent / photo)
        assert np.array_equal(shown(found), stored) or stored.max() <= DIM
    assert len(evaluation.samples) == 6
    html = run.report_path.read_text()
    assert html.count('alt="picture of line') == len(evaluation.mistakes)


def pixels(file):
    with Image.open(file) as picture:
        return np.asarray(picture)


def shown(one):
    return pixels(io.BytesIO(base64.b64decode(one.picture)))


def test_a_score_on_other_rows_shows_their_pictures(run, tmp_path):
    new = shop(tmp_path / "elsewhere", 5)
    Image.new("L", (9, 8), 99).save(new.parent / "shots" / "0.png")
    mistakes = {one.where: one for one in run.evaluate(new).mistakes}
    assert (shown(mistakes["line 2"]) == 99).all()


def test_a_table_elsewhere_names_pictures_from_its_own_folder(run, tmp_path):
    new = shop(tmp_path / "elsewhere", 5)
    found = run.predict(new)
    assert len(found.values) == 5


def test_a_picture_that_is_not_there_is_named_with_its_line(run, tmp_path):
    new = shop(tmp_path / "elsewhere", 5)
    (new.parent / "shots" / "3.png").unlink()
    with pytest.raises(
        DataError,
        match=r"shop\.csv: column 'photo': 1 of 5 rows name a picture .*line 5",
    ):
        run.predict(new)


def test_a_damaged_picture_is_named_with_its_line(run, tmp_path):
    new = shop(tmp_path / "elsewhere", 5)
    (new.parent / "shots" / "3.png").write_bytes(b"xx")
    with pytest.raises(
        DataError, match=r"1 of 5 rows name a picture .* decoded \(line 5; first: "
    ):
        run.predict(new)


def test_a_row_without_a_picture_is_named_with_its_line(run, tmp_path):
    new = shop(tmp_path / "elsewhere", 5)
    new.write_text(new.read_text().replace("shots/1.png,", ",", 1))
    with pytest.raises(
        DataError, match=r"shop\.csv: .* 1 of 5 rows name no picture \(line 3"
    ):
        run.predict(new)


def test_colour_is_kept_where_any_picture_has_it(tmp_path):
    source = shop(tmp_path, 40)
    Image.new("RGB", (8, 8), "red").save(tmp_path / "shots" / "0.png")
    settings = {**QUICK, "training.epochs": 1}
    colour = ts.train(source, target="price", settings=settings, runs=tmp_path)
    channels = {shape[0] for shape in colour.model.preparation.pictures}
    in_train = 0 in colour_rows(colour)
    assert channels == ({3} if in_train else {1})


def colour_rows(run):
    """Rows of the training part: their statistics decide."""
    from torchsmith.api.planning import load_planned
    from torchsmith.data.split import split_rows

    return split_rows(load_planned(run.plan), run.plan.split).train


def test_pictures_without_a_size_are_refused_with_what_to_add(source, tmp_path):
    settings = {**QUICK, "prepare": ["QuantileScale", "StandardizeTarget"]}
    del settings["prepare.Resize"]
    with pytest.raises(PlanError, match="add a Resize step"):
        ts.train(source, target="price", settings=settings, runs=tmp_path)


def test_a_network_for_pictures_refuses_a_table_without_them(tmp_path):
    settings = {"network": NET, "training.epochs": 1}
    with pytest.raises(PlanError, match="there is none: use TabularMLP"):
        ts.train("iris", settings=settings, runs=tmp_path)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda path: path.unlink(), r"1 row names a picture that is not there"),
        (
            lambda path: path.write_bytes(b"\x89PNG\r\n"),
            r"cannot be decoded in 'photo'.*line 5; first: .*shots.3\.png: ",
        ),
    ],
)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_picture_of_any_part_that_cannot_be_read_is_told_before_training(
    spoil, words, seed, tmp_path
):
    source = shop(tmp_path / "data")
    spoil(tmp_path / "data/shots/3.png")
    with pytest.raises(DataError, match=words):
        ts.train(
            source,
            target="price",
            settings={**QUICK, "split.seed": seed},
            runs=tmp_path / "runs",
        )
    assert not list((tmp_path / "runs").glob("*/checkpoints/*"))
