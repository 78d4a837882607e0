"""What the data calls its columns, classes and files never becomes code."""

import ast
import csv
import json

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import torchsmith as ts
from tests.eject.scripts import begun
from torchsmith.data.tables import read_table
from torchsmith.eject.code import comment, constant, docstring
from torchsmith.eject.notebook import code_of, notebook_of
from torchsmith.eject.script import script_of

BREAKS = "\n\r\t\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029\u202e\x01"
SIGNS = ["print(1)", "\n", "\r\n", '"""', "#", "\\", "{a}", ", ", *BREAKS, *"\"'=:%);"]
NAMES = st.lists(st.sampled_from(SIGNS), max_size=5).map("".join)


def write(folder, number, category, target, label):
    """A table whose column `category` has many categories, each in three rows."""
    path = folder / "made.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerow([f"n{number}n", f"c{category}c", f"t{target}t"])
        for row in range(60):
            kind = f"k{row % 20:02}{label}k"
            writer.writerow([row / 8, kind, f"{'uv'[row // 3 % 2]}{label}u"])
    return path


def scripts(path, *, grouped):
    """A script and a notebook of a network that nothing was trained of."""
    _, category, target = list(read_table(path).inputs.columns)
    quick = {"training.epochs": 1, "training.threads": 1}
    split = {"split.group": json.dumps(category)} if grouped else {}
    plan = ts.plan(str(path), target=target, settings={**quick, **split})
    subject, _ = begun(plan)
    return script_of(subject), code_of(notebook_of(subject))


def count_statements(code):
    return sum(isinstance(node, ast.stmt) for node in ast.walk(ast.parse(code)))


@pytest.fixture
def plain(tmp_path, grouped):
    """What is written where nothing has a strange name."""
    return scripts(write(tmp_path, "", "", "", ""), grouped=grouped)


@pytest.mark.parametrize("grouped", [False, True])
@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(number=NAMES, category=NAMES, target=NAMES, label=NAMES)
@example(*["\nprint(1)\n#"] * 4)
@example(*["\u2028print(1)\x1c#"] * 4)
@example(*['"""\nprint(1)\n"""'] * 4)
def test_no_name_adds_a_statement(
    tmp_path, grouped, plain, number, category, target, label
):
    path = write(tmp_path, number, category, target, label)
    found = scripts(path, grouped=grouped)
    for code, other in zip(found, plain, strict=True):
        assert count_statements(code) <= count_statements(other)


@given(NAMES)
def test_no_text_ends_a_comment_or_a_docstring(text):
    assert not ast.parse(comment(text)).body
    assert len(ast.parse(constant("A", 1, text)).body) == 1
    for shown in (text, f"First.\n{text}", f"{text}\nSecond."):
        (only,) = ast.parse(docstring(shown)).body
        assert isinstance(only, ast.Expr)
        assert isinstance(only.value, ast.Constant)
