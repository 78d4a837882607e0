"""Wrong and odd input, through the command line: one line, nothing left behind."""

import bz2
import gzip
import json
import lzma
import os
import re
import subprocess
from contextlib import chdir

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from torchsmith.cli.main import cli

TRAIN = ("--epochs", "1", "--quiet")


def run(folder, *arguments):
    with chdir(folder):
        return CliRunner().invoke(
            cli, [str(each) for each in arguments], prog_name="torchsmith"
        )


def csv_text(num_rows=60, targets=("k0", "k1", "k2"), head="a,b,c,y"):
    """Two numbers and a category; the target is told by its cycle."""
    lines = [head]
    for row in range(num_rows):
        place = row % len(targets)
        noise = row * 37 % 101 / 100
        values = (
            2 * place + noise,
            5 - place + noise / 3,
            ("red", "blue")[row // 2 % 2],
        )
        lines.append(",".join(map(str, (*values, targets[place]))))
    return "\n".join(lines) + "\n"


def draw(path, size=(9, 8), colour=False):
    path.parent.mkdir(parents=True, exist_ok=True)
    seed = sum(path.as_posix()[-20:].encode())
    shape = (size[1], size[0], 3) if colour else (size[1], size[0])
    pixels = np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
    Image.fromarray(pixels).save(path, "PNG")


def refusal(result):
    """The one line of a refused command."""
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    [line] = result.stderr.splitlines()
    assert line.startswith("error: ")
    return line


@pytest.fixture
def table(tmp_path):
    (tmp_path / "table.csv").write_text(csv_text())
    return tmp_path


@pytest.fixture
def photos(tmp_path):
    for label in ("cat", "dog"):
        for number in range(12):
            draw(tmp_path / "photos" / label / f"{number}.png")
    return tmp_path


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with a run on a table."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "table.csv").write_text(csv_text())
    done = run(folder, "train", "table.csv", "--target", "y", *TRAIN)
    assert done.exit_code == 0, done.output
    return folder


@pytest.fixture(scope="module")
def trained_on_photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    for label in ("cat", "dog"):
        for number in range(12):
            draw(folder / "photos" / label / f"{number}.png")
    done = run(folder, "train", "photos", *TRAIN)
    assert done.exit_code == 0, done.output
    return folder


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("a,b,y\n", "a header (3 columns) but no rows"),
        ("a,b,y\n1,2,x\n1,2,3,x\n1,2,z\n", "line 3 has 4"),
        ("a,a,y\n1,2,x\n", "'a' (columns 1, 2)"),
        ('a,b,y\n1,"2,x\n3,4,z\n', "line 2 is not closed"),
        ("\0\1\2" * 20, "NUL character"),
        ("a,y\n1,\n2,\n3,\n", "'y' is missing in every row, so there is nothing"),
        (csv_text(targets=("k",)), "holds only the value 'k', so there is nothing"),
        (csv_text(30, ("k0", "k1")) + "1,2,red,odd\n", "'odd' of 'y' has one example"),
        (csv_text(5), "3 different texts in 5 rows"),
        (csv_text(30) + "inf,2,red,k0\n", "'a' has 1 infinite value"),
        (csv_text(40) + ",,red,\n" * 4, "is missing in 4 of 44 rows (lines 42,"),
        ("y\n" + "1.5\n2.5\n" * 10, "no column besides the target"),
    ],
)
def test_a_table_that_cannot_be_learned_from_is_refused(tmp_path, content, words):
    (tmp_path / "table.csv").write_text(content)
    line = refusal(run(tmp_path, "train", "table.csv", "--target", "y", *TRAIN))
    assert words in line
    assert "table.csv" in line
    assert [path.name for path in tmp_path.iterdir()] == ["table.csv"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["tabel.csv", "--target", "y"], "did you mean 'table.csv'?"),
        (
            ["table.csv", "--target", "Y"],
            "did you mean 'y'? the columns are: a, b, c, y",
        ),
        (
            ["table.csv"],
            "name it with --target (target=… in Python); there are: a, b, c, y",
        ),
        (["mnsit"], "did you mean 'mnist'?"),
        (["foobar"], "the known sets are digits, iris"),
        (["-"], "/dev/stdin will do"),
        (["https://host/table.csv"], "is an address; download the file first"),
        (["plna.yaml"], "no such plan: plna.yaml"),
        (["table.csv", "--target", "y", "--runs", "table.csv/x"], "table.csv/x"),
    ],
)
def test_a_source_or_target_that_is_not_there_is_refused(table, arguments, words):
    result = run(table, "train", *arguments, *TRAIN)
    assert result.exit_code in (1, 2)
    [line] = result.stderr.splitlines()
    assert words in line
    assert [path.name for path in table.iterdir()] == ["table.csv"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a.zip", "an archive; unpack it and give what it held, a table or a folder"),
        ("a.xlsx", "a workbook; save the sheet as CSV"),
        ("a.pkl", "a pickle"),
        ("a.parquet", "not a Parquet file"),
        ("plan.yaml", "torchsmith train FILE"),
        ("train.py", "torchsmith doctor FILE.py watches the first steps"),
        ("spaces.csv", "entirely y, one alone: put a comma"),
    ],
)
def test_a_file_that_is_no_data_says_what_it_is(tmp_path, name, words):
    (tmp_path / name).write_bytes(b"something else entirely y\n1 2 3 x\n")
    assert words in refusal(run(tmp_path, "plan", name, "--target", "y", "--quiet"))


def test_a_web_page_in_place_of_a_table_is_named(tmp_path):
    (tmp_path / "a.csv").write_text("\n<!DOCTYPE html>\n<p>one, two</p>\n")
    line = refusal(run(tmp_path, "plan", "a.csv", "--target", "y", "--quiet"))
    assert "a.csv is a web page, not a table; download the file itself" in line


@pytest.mark.parametrize("packing", [bz2, lzma])
def test_a_table_that_is_packed_other_than_with_gzip_says_to_unpack_it(
    trained, packing
):
    packed = trained / "packed.csv"
    packed.write_bytes(packing.compress(csv_text().encode()))
    for command in (["plan", packed, "--target", "y"], ["predict", "last", packed]):
        assert "unpack it" in refusal(run(trained, *command, "--quiet"))


def test_folders_without_pictures_are_refused(tmp_path):
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "a.csv").write_text(csv_text())
    line = refusal(run(tmp_path, "train", "tables", *TRAIN))
    assert line.endswith("tables: is a folder of one file; give it: tables/a.csv")
    (tmp_path / "empty").mkdir()
    assert "an empty folder" in refusal(run(tmp_path, "train", "empty", *TRAIN))
    (tmp_path / "texts" / "x").mkdir(parents=True)
    line = refusal(run(tmp_path, "train", "texts", *TRAIN))
    assert "none of its 1 subfolders holds a picture" in line
    (tmp_path / "texts" / "x" / "a.txt").write_text("a\n")
    line = refusal(run(tmp_path, "train", "texts", *TRAIN))
    assert line.endswith(
        "texts stand in one folder without subfolders, a .txt for each class"
    )


def test_pictures_without_classes_say_how_to_label_them(tmp_path):
    for number in range(3):
        draw(tmp_path / "flat" / f"{number}.png")
    line = refusal(run(tmp_path, "train", "flat", *TRAIN))
    assert "put the pictures of each class into a folder of its own" in line


def test_a_damaged_picture_is_named_and_left_out_only_on_demand(photos):
    good = (photos / "photos" / "dog" / "1.png").read_bytes()
    (photos / "photos" / "dog" / "bad.png").write_bytes(good[: len(good) // 2])
    line = refusal(run(photos, "train", "photos", *TRAIN))
    assert "1 of 25 pictures cannot be decoded: dog/bad.png" in line
    assert not (photos / "runs").exists()
    asked = ("--set", "data.skip_damaged=true")
    done = run(photos, "train", "photos", *TRAIN, *asked)
    assert done.exit_code == 0, done.output


def test_an_empty_class_and_a_lonely_picture_are_named(photos):
    (photos / "photos" / "bird").mkdir()
    assert "class folder bird" in refusal(run(photos, "train", "photos", *TRAIN))
    draw(photos / "photos" / "bird" / "only.png")
    line = refusal(run(photos, "train", "photos", *TRAIN))
    assert "'bird' of 'label' has one example" in line
    assert "bird/only.png" in line


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("training.epoch=3", "did you mean 'epochs'?"),
        ("training.epochs=many", "training.epochs: must be a whole number"),
        ("training.device=cuda", "there is no 'cuda' on this machine"),
        ("training.device=gpu", "got 'gpu'; write 'cuda' or 'mps'"),
        ("split.test=20", "must be 'given' or a number less than 1, got 20"),
        ("optimiser.AdamW.lr=0.1", "did you mean 'optimizer'?"),
        ("split.val=given", "does not come with a val part"),
        ("prepare=[Standardize]", "there is no EncodeCategories step; add one"),
        ("data.columns.a=nummer", "did you mean 'number'?"),
        ("data.columns.zz=ignore", "data.columns.zz: table.csv: no column 'zz'"),
        ("data.columns={a: ignore}", "data.columns.NAME=VALUE"),
        ("data.source=other.csv", "name the source itself"),
        ("data.skip_damaged=yes", "must be one of true, false, got 'yes'"),
        ("problem.target=a", "with --target"),
        ("problem.task=clustering", "must be one of binary, multiclass, regression"),
    ],
)
def test_what_cannot_be_set_up_leaves_no_run_folder(table, monkeypatch, setting, words):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    result = run(table, "train", "table.csv", "-t", "y", "--set", setting, "--quiet")
    assert words in refusal(result)
    assert not (table / "runs").exists()


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("split.time=c", "column 'c' holds text; only dates and numbers have an order"),
        ("split.val=given", "does not come with a val part"),
        ("prepare=[EncodeCategories, RandomConvolutions]", "RandomConvolutions"),
        ("network={Sequential: [{Conv2d: 8}, {Linear: 3}]}", "Conv2d takes (C, H, W)"),
    ],
)
def test_no_plan_is_written_that_could_not_be_trained(table, setting, words):
    result = run(table, "plan", "table.csv", "-t", "y", "--set", setting, "--quiet")
    assert words in refusal(result)


def test_a_mistyped_column_of_a_plan_is_told_with_its_line(table):
    run(table, "plan", "table.csv", "-t", "y", "-o", "plan.yaml")
    text = (table / "plan.yaml").read_text()
    (table / "plan.yaml").write_text(text.replace("    a: number", "    aa: number"))
    place = text[: text.index("    a: number")].count("\n") + 1
    for asked in ("train", "doctor"):
        line = refusal(run(table, asked, "plan.yaml", "--quiet"))
        assert (
            f"plan.yaml:{place}:9: data.columns.aa: table.csv: no column 'aa'" in line
        )


@pytest.mark.parametrize("network", ["{MLP: [8]}", "{Sequential: [{Linear: 3}]}"])
def test_categories_become_columns_for_networks_without_embeddings(table, network):
    asked = ("--epochs", "1", "--set", f"network={network}", "--quiet")
    done = run(table, "train", "table.csv", "-t", "y", *asked)
    assert done.exit_code == 0, done.output
    [folder] = (table / "runs").iterdir()
    assert "EncodeCategories: one_hot" in (folder / "plan.yaml").read_text()


def test_the_name_of_a_run_is_no_path(table):
    line = refusal(run(table, "train", "table.csv", "-t", "y", "--name", "a/b"))
    assert "name: 'a/b' has a '/'" in line
    assert "--runs" in line
    assert not (table / "runs").exists()


def test_a_set_that_lacks_inputs_is_refused_by_their_names(trained):
    line = refusal(run(trained, "predict", "last", "iris"))
    assert "iris: no columns 'a', 'b'" in line
    assert "'y'" not in line


def test_a_plan_refuses_data_that_changed(table):
    assert run(table, "plan", "table.csv", "-t", "y", "-o", "p.yaml").exit_code == 0
    (table / "table.csv").write_text(csv_text(61))
    line = refusal(run(table, "train", "p.yaml", *TRAIN))
    assert "not what the plan was made for" in line
    assert not (table / "runs").exists()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("AdamW", "AdmaW", "did you mean 'AdamW'"),
        ("batch_size: 32", "batch_size: 32.5", "must be a whole number, got 32.5"),
        ("loss: CrossEntropyLoss", "loss: BCELoss", "BCELoss takes probabilities"),
        ("monitor: val_loss", "monitor: val_los", "did you mean 'val_loss'"),
        ("OneCycleLR: {pct_start", "StepLR: {T_max", "T_max"),
        ("metric: accuracy", "metric: rmse", "does not fit multiclass"),
    ],
)
def test_a_wrong_plan_is_refused_at_its_line(table, old, new, words):
    text = run(table, "plan", "table.csv", "-t", "y", "--quiet").stdout
    assert old in text
    (table / "p.yaml").write_text(text.replace(old, new, 1))
    result = run(table, "train", "p.yaml", *TRAIN)
    assert result.exit_code == 2
    number = 1 + text[: text.index(old)].count("\n")
    assert f"p.yaml:{number}:" in result.stderr
    assert words in result.stderr
    assert not (table / "runs").exists()


def test_few_rows_without_a_target_are_left_out_and_the_plan_says_so(tmp_path):
    (tmp_path / "table.csv").write_text(csv_text(97) + "1,2,red,\n" * 3)
    done = run(tmp_path, "plan", "table.csv", "-t", "y", "--quiet")
    assert "drop_missing_target: true  # 3 rows have no target" in done.stdout


def test_many_rows_without_a_target_are_refused_and_the_file_is_read_once(tmp_path):
    (tmp_path / "t.csv").write_text(csv_text(targets=("k0", "k1", "")))
    result = run(tmp_path, "plan", "t.csv", "--target", "y")
    *progress, line = result.stderr.splitlines()
    assert "target 'y' is missing in 20 of 60 rows" in line
    assert progress == ["Reading t.csv"]


def test_a_column_spoiled_by_a_few_texts_is_a_warning(tmp_path):
    rows = [f"{'n/k' if i in (5, 9) else i},{i * 2 % 7},k{i % 2}" for i in range(80)]
    (tmp_path / "table.csv").write_text("\n".join(["a,b,y", *rows]))
    done = run(tmp_path, "inspect", "table.csv", "-t", "y", "--json")
    [found] = [f for f in json.loads(done.stdout)["findings"] if f["code"] == "D17"]
    assert found["severity"] == "warning"
    assert "2 of 80 values are not numbers" in found["message"]
    assert found["where"] == "column 'a', lines 7, 11"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("utf16.csv", csv_text().replace("\n", "\r\n").encode("utf-16")),
        ("semicolon.csv", csv_text().replace(",", ";").replace(".", ",").encode()),
        ("tab.tsv", csv_text().replace(",", "\t").encode()),
        ("packed.csv.gz", gzip.compress(csv_text().encode(), mtime=0)),
        ("한글 자료.csv", csv_text(head="나이,키,색,y").encode("cp949")),
        ("bom.csv", csv_text().encode("utf-8-sig")),
        ("old mac.csv", csv_text().replace("\n", "\r").encode()),
        ("truth.csv", csv_text(targets=("False", "True")).encode()),
        ("digits.csv", csv_text(targets=("0", "1")).encode()),
        ("twelve.csv", csv_text(12).encode()),
        ("few.csv", (csv_text(40) + "1,2,red,rare\n" * 2).encode()),
    ],
)
def test_odd_but_sound_tables_train(tmp_path, name, content):
    (tmp_path / "my data").mkdir()
    (tmp_path / "my data" / name).write_bytes(content)
    done = run(tmp_path, "train", f"my data/{name}", "-t", "y", *TRAIN)
    assert done.exit_code == 0, done.output
    assert (tmp_path / done.stdout.strip() / "report.html").is_file()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("c,a\nred,1\n", "no column 'b'"),
        (
            "c,b,a\nred,five,1\nred,4,1\n",
            "1 of 2 values are not numbers (first: 'five'",
        ),
        ("c,b,a\nred,inf,1\n", "1 of 1 values are infinite (line 2)"),
        ("c,b,a\n", "no rows"),
        ("", "is empty"),
    ],
)
def test_rows_that_cannot_be_predicted_are_refused(trained, tmp_path, content, words):
    new = tmp_path / "new.csv"
    new.write_text(content)
    assert words in refusal(run(trained, "predict", "last", new, "--quiet"))


def test_predictions_stand_beside_their_lines_with_a_probability_for_each_class(
    trained, tmp_path
):
    rows = 'x,red,5,0.5\n\nx,"sea\ngreen",4,2.5\n'
    (tmp_path / "new.csv").write_text("extra,c,b,a\n" + rows)
    done = run(trained, "predict", "last", tmp_path / "new.csv")
    assert [line.split("\t")[0] for line in done.stdout.splitlines()] == ["2", "4"]
    assert "not used by the network: column extra" in done.stderr
    assert "column 'c': 1 value: category that" in done.stderr
    assert "(first: 'sea green', line 4)" in done.stderr
    out = tmp_path / "out.csv"
    arguments = ("predict", "last", tmp_path / "new.csv", "-o", out, "--quiet")
    assert run(trained, *arguments).exit_code == 0
    header, first, _ = out.read_text().splitlines()
    assert header == "example,y,probability of k0,probability of k1,probability of k2"
    assert first.startswith("2,k")
    assert sum(map(float, first.split(",")[2:])) == pytest.approx(1, abs=1e-5)
    assert "add --force" in refusal(run(trained, *arguments))
    assert run(trained, *arguments, "--force").exit_code == 0


def test_a_column_such_as_an_id_is_copied_beside_the_predictions(trained, tmp_path):
    (tmp_path / "new.csv").write_text("b,id,c,a,y\n5,007,red,0.5,k1\n4,,blue,2.5,\n")
    out = tmp_path / "out.csv"
    command = ("predict", "last", tmp_path / "new.csv", "-o", out)
    done = run(trained, *command)
    assert "column id; --keep COLUMN copies one beside the predictions" in done.stderr
    assert run(trained, *command, "--force", "--keep", "id").exit_code == 0
    header, first, second = out.read_text().splitlines()
    assert header.startswith("example,id,y,probability of k0")
    assert first.startswith("2,007,k")
    assert second.startswith("3,,k")
    shown = run(trained, *command[:3], "--keep", "id").stdout.splitlines()
    assert [line.split("\t")[:2] for line in shown] == [["2", "007"], ["3", ""]]
    words = "keep: 'y' is what a column of the predictions is called"
    assert words in refusal(run(trained, *command, "--force", "--keep", "y", "-q"))
    words = "no column 'di'; the columns are: b, id, c, a, y"
    assert words in refusal(run(trained, *command, "--force", "--keep", "di", "-q"))


def test_a_pipe_is_predicted_for_and_gives_no_column_to_keep(trained):
    pipe = trained / "pipe"
    os.mkfifo(pipe)
    feed = ["sh", "-c", "exec cat table.csv > pipe"]
    for arguments, code in (([], 0), (["--keep", "a"], 2)):
        with subprocess.Popen(feed, cwd=trained) as feeding:
            result = run(trained, "predict", "last", pipe, "--quiet", *arguments)
            feeding.kill()  # which would wait for ever where nobody reads
        assert result.exit_code == code, result.output
    assert "a pipe gives its rows only once" in result.stderr


def test_rows_without_a_target_are_counted_and_not_scored(trained, tmp_path):
    rows = csv_text(12)
    (tmp_path / "new.csv").write_text(rows + "1,2,red,\n3,4,blue,\n")
    (tmp_path / "known.csv").write_text(rows)
    (tmp_path / "none.csv").write_text("a,b,c,y\n1,2,red,\n")

    def scored(name):
        return run(trained, "evaluate", "last", "--on", tmp_path / name, "--json")

    found, known = (json.loads(scored(n).stdout) for n in ("new.csv", "known.csv"))
    note = "2 rows without a value of 'y' not scored (lines 14, 15)."
    assert [text for text in found["notes"] if text != note] == known["notes"]
    assert note in found["notes"]
    assert found["scores"] == known["scores"]
    assert "no value of the target 'y' is known" in scored("none.csv").stderr


def test_an_output_that_cannot_be_written_is_refused_before_the_work(trained):
    new = trained / "table.csv"
    for command in (["predict", "last", new], ["report", "last"], ["plan", new]):
        line = refusal(run(trained, *command, "-o", "-", "--quiet"))
        assert "leave -o out" in line
        assert not (trained / "-").exists()
    for command in (["predict", "last", new], ["report", "last"], ["plan", new]):
        line = refusal(run(trained, *command, "-o", "no-such-folder/x", "--quiet"))
        assert "there is no folder no-such-folder" in line


@pytest.mark.parametrize(
    ("command", "name", "ending"),
    [
        ("predict", "p.xlsx", ".csv"),
        ("predict", "p.Parquet", ".csv"),
        ("predict", "p.csv.gz", ".csv"),
        ("report", "r.pdf", ".html"),
        ("explain", "e.png", ".html"),
        ("eject", "train.md", ".py"),
        ("plan", "plan.json", ".yaml"),
    ],
)
def test_no_file_gets_the_name_of_another_format(trained, command, name, ending):
    words = {"predict": ["last", "table.csv"], "plan": ["table.csv"]}
    given = words.get(command, ["last"])
    line = refusal(run(trained, command, *given, "-o", name, "--quiet"))
    assert line.endswith(f"give a name that ends in {ending}")
    assert not (trained / name).exists()


def test_a_table_and_pictures_are_not_mixed_up(trained, trained_on_photos):
    table, photos = trained / "table.csv", trained_on_photos / "photos"
    line = refusal(run(trained_on_photos, "predict", "last", table, "--quiet"))
    assert line.endswith("holds a table; the network needs images")
    line = refusal(run(trained, "predict", "last", photos, "--quiet"))
    assert line.endswith("holds images; the network needs a table")


def test_pictures_that_are_too_few_to_calibrate_are_not_called_rows(trained_on_photos):
    told = run(trained_on_photos, "evaluate", "last").output
    assert re.search(r"\d val pictures\s+are\s+too\s+few\s+to\s+fit", told)


def test_pictures_of_other_kinds_are_predicted_and_counted(trained_on_photos, tmp_path):
    draw(tmp_path / "new" / "large.png", (30, 20))
    draw(tmp_path / "new" / "colour.png", colour=True)
    done = run(trained_on_photos, "predict", "last", tmp_path / "new")
    assert done.exit_code == 0, done.output
    assert [line.split("\t")[0] for line in done.stdout.splitlines()] == [
        "colour.png",
        "large.png",
    ]
    assert "1 picture: resized to 8 x 9" in done.stderr
    assert "2 pictures: turned into grey" in done.stderr
    np.save(tmp_path / "new.npy", np.zeros((3, 8, 9), np.uint8))
    done = run(trained_on_photos, "predict", "last", tmp_path / "new.npy", "--json")
    assert len(json.loads(done.stdout)["predictions"]) == 3


def test_a_resumed_run_refuses_another_source_or_target(trained):
    (trained / "other.csv").write_text(csv_text(num_rows=61))
    line = refusal(run(trained, "train", "other.csv", "--resume", "last", "--quiet"))
    assert "was made of 'table.csv'" in line
    asked = ("train", "table.csv", "--target", "a", "--resume", "last", "--quiet")
    assert "the target 'y'" in refusal(run(trained, *asked))
    assert run(trained, "train", "table.csv", "--resume", "last", "-q").exit_code == 0


def test_resuming_nothing_says_how_to_start(tmp_path):
    line = refusal(run(tmp_path, "train", "--resume", "--quiet"))
    assert "torchsmith train SOURCE" in line
    line = refusal(run(tmp_path, "train", "--resume", "nope", "--quiet"))
    assert "no run at nope" in line


def test_json_is_one_object_or_nothing(trained):
    for command in (["evaluate", "last"], ["runs"], ["predict", "last", "table.csv"]):
        assert isinstance(json.loads(run(trained, *command, "--json").stdout), dict)
    assert run(trained, "predict", "last", "nothing.csv", "--json").stdout == ""
