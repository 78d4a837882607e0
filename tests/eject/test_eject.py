"""A script gives the weights of its run, bit for bit, and reads as if hand-written."""

import json
import subprocess
import sys
from contextlib import chdir
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
from click.testing import CliRunner

import torchsmith as ts
from tests.eject.forked import forked_scripts
from torchsmith.api.ejecting import eject, open_ejectable
from torchsmith.cli.main import cli
from torchsmith.core.errors import DataError, PlanError
from torchsmith.eject.lessons import verify_lesson
from torchsmith.eject.notebook import code_of
from torchsmith.eject.verify import verify
from torchsmith.train.engines.engine import Unsupported
from torchsmith.train.engines.native.library import find_compiler

QUICK = {"training.epochs": 2, "training.threads": 1}
NET = {"TabularMLP": {"hidden": [8], "dropout": 0.1}}


def train(source, folder, target=None, **settings):
    dotted = {name.replace("__", "."): value for name, value in settings.items()}
    return ts.train(
        source, target=target, runs=folder / "runs", settings={**QUICK, **dotted}
    )


def verified(run, path):
    """Eject a run, hold the script to the style of tools, and run it."""
    with forked_scripts():
        ejected = eject(run, path, verify=True)
    hold_to_style(path)
    assert ejected.verification is not None
    assert ejected.verification.same, ejected.verification.text
    return path.read_text("utf-8")


def hold_to_style(path):
    for command in (["check", "--line-length=88"], ["format", "--check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--isolated", "--no-cache", path],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    lines = path.read_text("utf-8").splitlines()
    assert max(len(line) for line in lines if not line.startswith("DATA = ")) <= 88


@pytest.fixture(scope="module")
def iris(tmp_path_factory):
    """A folder with a run on iris."""
    folder = tmp_path_factory.mktemp("iris")
    train("iris", folder, network=NET)
    return folder


def run_here(folder, *arguments):
    with chdir(folder):
        return CliRunner().invoke(cli, list(arguments), prog_name="torchsmith")


def test_digits_end_with_the_same_weights_and_scores(tmp_path):
    code = verified(train("digits", tmp_path), tmp_path / "train.py")
    assert "class Pictures(Dataset):" in code
    assert "class Network(nn.Module):" in code


@pytest.mark.parametrize(
    ("file", "target", "rows"),
    [
        ("titanic/train.csv", "Survived", slice(1, None, 3)),
        ("car/car_evaluation.csv", "output", slice(1, None, 4)),
        ("korean/crime_in_seoul.csv", "절도 발생", slice(1, None)),
        ("california/california_housing.csv", "MedHouseVal", slice(2000, 2400)),
        ("korean/seoul_daily_temperature.csv", "평균기온(℃)", slice(2000, 2400)),
    ],
    ids=["titanic", "car", "crime", "california", "temperature"],
)
def test_a_table_ends_with_the_same_weights_and_scores(
    file, target, rows, tmp_path, shared_data: Path
):
    """A part of each file is enough."""
    lines = (shared_data / file).read_bytes().splitlines(keepends=True)
    source = tmp_path / "part.csv"
    source.write_bytes(b"".join(lines[:1] + lines[rows]))
    run = train(str(source), tmp_path, target)
    verified(run, tmp_path / "train.py")


def test_many_columns_alike_are_written_as_one(tmp_path):
    run = train("breast_cancer", tmp_path, network={"TabularMLP": {"members": 2}})
    code = verified(run, tmp_path / "train.py")
    assert "groups=[*[1] * 30]," in code


def test_pictures_in_folders_end_with_the_same_weights(tmp_path, shared_data: Path):
    net = {"ConvNet": {"channels": [4, 8], "pool": 2}}
    run = train(str(shared_data / "catdog"), tmp_path, network=net)
    verified(run, tmp_path / "train.py")


def test_parquet_is_read_with_its_types(tmp_path):
    import duckdb

    path = tmp_path / "made.parquet"
    duckdb.sql(
        "SELECT i % 7 + 0.5 AS length, CASE WHEN i % 5 = 0 THEN NULL ELSE i % 3 END AS"
        " width, ['red', 'blue'][1 + i % 2] AS colour, DATE '2020-01-01' + INTERVAL (i)"
        " DAY AS day, i % 4 = 0 AS tall, ['a', 'b'][1 + (i // 3) % 2] AS kind"
        " FROM range(120) AS made(i)"
    ).write_parquet(str(path))
    path = path.rename(tmp_path / "made [1].parquet")
    duckdb.sql("SELECT 1 AS other").write_parquet(str(tmp_path / "made 1.parquet"))
    run = train(str(path), tmp_path, "kind", network=NET)
    assert "duckdb.read_parquet" in verified(run, tmp_path / "train.py")


def test_a_table_with_dates_gaps_booleans_and_thousands(tmp_path):
    lines = ["day;price;old;colour;size"]
    for i in range(90):
        price = "" if i % 9 == 4 else f"{1000 + 37 * i % 900:,}".replace(",", ".")
        old = ["yes", "no", "no", ""][i % 4]
        colour = ["red", "blue", "?"][i % 3]
        lines.append(
            f"{i % 28 + 1:02}.0{i % 9 + 1}.2020;{price};{old}; {colour};{i % 17},5"
        )
    path = tmp_path / "made.csv"
    path.write_text("\n".join(lines), "utf-16")
    roles = {"day": "date", "price": "number", "old": "boolean", "colour": "category"}
    asked = {f"data__columns__{name}": role for name, role in roles.items()}
    run = train(str(path), tmp_path, "size", network=NET, **asked)
    code = verified(run, tmp_path / "train.py")
    assert 'delimiter=";"' in code
    assert "datetime.strptime" in code


def test_a_table_with_units_signs_and_minus_signs_of_typography(tmp_path):
    lines = ["weight,price,y"]
    for i in range(90):
        price = f"{'' if i % 9 == 4 else '$'}{37 * i % 900}.5"
        lines.append(f"{50 + i * 7 % 40} kg,{price},\u2212{i % 17}.25")
    path = tmp_path / "made.csv"
    path.write_text("\n".join(lines), "utf-8")
    asked = {"data__columns__price": "number"}
    run = train(str(path), tmp_path, "y", network=NET, **asked)
    code = verified(run, tmp_path / "train.py")
    assert '.replace("kg", "")' in code


@pytest.mark.parametrize("labels", [[1, 2], ["가".encode(), b"b"]])
def test_arrays_in_a_file_end_with_the_same_weights(tmp_path, labels):
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (80, 8, 8, 3), dtype=np.uint8)
    np.savez(tmp_path / "made.npz", x=pixels, y=np.array(labels * 40))
    net = {"ConvNet": {"channels": [4], "pool": 2}}
    run = train(str(tmp_path / "made.npz"), tmp_path, network=net)
    verified(run, tmp_path / "train.py")


def test_lines_of_pixels_end_with_the_same_weights(tmp_path):
    random = np.random.default_rng(0)
    cells = random.integers(0, 256, (60, 65))
    cells[:, 0] = np.arange(60) % 3
    np.savetxt(tmp_path / "made.csv", cells, "%d", delimiter=",")
    net = {"Sequential": ["Flatten", {"Linear": 3}]}
    run = train(str(tmp_path / "made.csv"), tmp_path, network=net)
    verified(run, tmp_path / "train.py")


def test_the_command_writes_a_script_and_proves_it(iris):
    done = run_here(iris, "eject", "last", "--verify", "--json")
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    assert answer["same"]
    assert "the same weights, bit for bit" in answer["verification"]
    assert "\nepoch   2/2" in done.stderr  # as the script prints it
    again = run_here(iris, "eject", "last")
    assert again.exit_code == 2
    assert "--force" in again.stderr
    assert run_here(iris, "eject", "last", "--force", "--quiet").stdout == "train.py\n"
    assert not (iris / "network.pt").exists()


def test_the_cells_of_a_notebook_end_with_the_same_weights(iris):
    done = run_here(iris, "eject", "last", "--notebook", "--verify")
    assert done.exit_code == 0, done.output
    assert "the same weights, bit for bit" in done.stdout
    text = (iris / "train.ipynb").read_text("utf-8")
    notebook = nbformat.reads(text, as_version=4)
    nbformat.validate(notebook)
    headings = [
        c.source.splitlines()[0] for c in notebook.cells if c.cell_type != "code"
    ]
    assert headings[1:3] == ["## 1. Constants", "## 2. Read the data"]
    compile(code_of(text), "cells", "exec")


def test_what_differs_is_told(iris):
    run = ts.load_run("last", runs=iris / "runs")
    path = iris / "other.py"
    eject(run, path)
    other = path.read_text("utf-8").replace("SEED = 0", "SEED = 1")
    path.write_text(other, "utf-8")
    found = verify(path, run.network.state_dict(), {"accuracy": 0.5}, print)
    assert not found.same
    assert "tensors differ, most of all" in found.text
    assert "accuracy is" in found.text


@pytest.fixture(scope="module")
def compiled_run(tmp_path_factory):
    """A run that was trained by native code."""
    try:
        find_compiler()
    except Unsupported as missing:
        pytest.skip(str(missing))
    network = {"MLP": {"hidden": [8]}}
    settings = {"network": network, "training__engine": "compiled"}
    return train("iris", tmp_path_factory.mktemp("compiled"), **settings)


def test_a_script_of_a_compiled_run_is_held_to_its_scores(compiled_run, tmp_path):
    ejected = eject(compiled_run, tmp_path / "train.py", verify=True)
    assert ejected.verification.same
    assert "trained by compiled, which rounds differently" in ejected.verification.text
    assert "scores lie within theirs" in ejected.verification.text
    head = " ".join((tmp_path / "train.py").read_text("utf-8").split())
    assert "it ends with scores within the run's intervals" in head


def test_a_script_that_learns_something_else_is_no_matter_of_rounding(
    compiled_run, tmp_path
):
    path = tmp_path / "other.py"
    eject(compiled_run, path)
    code = path.read_text("utf-8").replace("SEED = 0", "SEED = 1")
    path.write_text(code, "utf-8")
    weights = compiled_run.network.state_dict()
    found = verify(path, weights, {}, print, {"accuracy": (0.998, 0.999)})
    assert not found.same
    assert "outside of the run's 0.998 to 0.999" in found.text


def test_a_script_that_fails_is_told_with_its_last_line(iris):
    path = iris / "broken.py"
    path.write_text("def main():\n    raise ValueError('no such thing')\n", "utf-8")
    with pytest.raises(ts.TrainError, match="ValueError: no such thing"):
        verify(path, {}, {}, print)


def test_data_in_memory_is_refused_with_what_to_do(tmp_path):
    columns = {"a": [*range(60)], "b": [i % 3 for i in range(60)]}
    run = train({**columns, "y": [i % 2 for i in range(60)]}, tmp_path, "y")
    with pytest.raises(DataError, match="save the data to a file"):
        run.eject(tmp_path / "train.py")


def test_a_module_of_ones_own_is_refused_with_the_reason(tmp_path):
    data = torch.utils.data.TensorDataset(torch.randn(8, 2), torch.randn(8, 1))
    ts.fit(
        torch.nn.Linear(2, 1),
        data,
        loss=torch.nn.MSELoss(),
        epochs=1,
        runs=tmp_path,
    )
    with pytest.raises(PlanError, match="your own code is the script already"):
        open_ejectable("last", tmp_path)


def test_a_notebook_has_its_own_ending(iris):
    done = run_here(iris, "eject", "last", "--notebook", "-o", "train.txt")
    assert done.exit_code == 2
    assert ".ipynb" in done.stderr


def test_a_lesson_is_its_program_and_finds_the_same_again(tmp_path):
    settings = {"points": 20, "steps": 5}
    run = ts.train(recipe="sine-cubic", settings=settings, runs=tmp_path / "runs")
    done = run_here(tmp_path, "eject", "last", "-o", "sine.py", "--verify")
    assert done.exit_code == 0, done.output
    assert "it ran and found the same" in done.stdout
    assert (tmp_path / "sine.py").read_text("utf-8") == run.program
    with pytest.raises(PlanError, match="a lesson is a script, not a notebook"):
        run.eject(tmp_path / "sine.ipynb")


def test_what_a_lesson_finds_otherwise_is_told(tmp_path):
    settings = {"points": 20, "steps": 5}
    run = ts.train(recipe="sine-cubic", settings=settings, runs=tmp_path / "runs")
    program = run.program.replace("steps=5", "steps=6")
    (tmp_path / "sine.py").write_text(program, "utf-8")
    found = verify_lesson(tmp_path / "sine.py", run.results, print)
    assert not found.same
    assert "error after the last step is" in found.text


def test_a_study_names_how_to_eject_its_members(tmp_path):
    study = tmp_path / "runs" / "a-study"
    for name in ("2026-01-01-1200-a", "2026-01-01-1200-b"):
        (study / "runs" / name).mkdir(parents=True)
        (study / "runs" / name / "plan.yaml").touch()
    (study / "study.yaml").touch()
    done = run_here(tmp_path, "eject", "runs/a-study")
    assert done.exit_code != 0
    for name in ("a", "b"):
        member = f"runs/a-study/runs/2026-01-01-1200-{name}"
        assert f"\n  torchsmith eject {member}\n" in done.stderr
