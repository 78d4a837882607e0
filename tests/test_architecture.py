"""What must stay true of the code as a whole."""

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from scripts.planted import DEFECTS

import torchsmith

REPOSITORY = Path(__file__).resolve().parents[1]
SOURCE = REPOSITORY / "src" / "torchsmith"
FILES = sorted(SOURCE.rglob("*.py"))
MAX_LINES = 400
MAX_NAMES = 20

WRITERS = {
    "torch.save",
    "torch.load",
    "np.save",
    "np.savez",
    "np.savez_compressed",
    "numpy.save",
    "numpy.savez",
    "yaml.load",
    "shutil.move",
    "eval",
    "exec",
}
"""Calls that lose data, run code, or leave half-written files."""

METHODS = {"extractall", "write_text", "write_bytes"}
MODULES = {"pickle", "cPickle", "dill", "joblib", "shelve", "marshal", "cloudpickle"}


def test_the_source_is_found():
    assert len(FILES) > 20


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(SOURCE)))
def test_a_file_is_short_enough_to_read(file):
    assert len(file.read_text("utf-8").splitlines()) <= MAX_LINES


def heavy_modules_after(code):
    """Which of these are loaded once the code has run in a fresh interpreter."""
    heavy = ["torch", "sklearn", "pydantic", "numpy", "pandas", "duckdb", "PIL", "rich"]
    report = f"import json, sys; json.dump([m for m in {heavy} if m in sys.modules]"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{report}, sys.stderr)"],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=True,
    )
    return json.loads(done.stderr)


def test_importing_torchsmith_imports_nothing_heavy():
    assert heavy_modules_after("import torchsmith") == []


@pytest.mark.parametrize("arguments", [["--help"], ["train", "--help"], ["--version"]])
def test_help_imports_nothing_heavy(arguments):
    code = f"""
from torchsmith.cli.main import cli
cli({arguments}, standalone_mode=False)
"""
    assert heavy_modules_after(code) == []


def test_inspecting_and_planning_do_without_torch():
    assert "torch" not in heavy_modules_after("import torchsmith.api")


@pytest.mark.parametrize("package", ["core", "data", "inspect", "plan"])
def test_a_package_before_training_does_not_import_torch(package):
    modules = [
        ".".join(("torchsmith", *file.relative_to(SOURCE).with_suffix("").parts))
        for file in sorted((SOURCE / package).rglob("*.py"))
        if file.name != "__init__.py"
    ]
    code = f"""
from importlib import import_module
for name in {modules}:
    import_module(name)
"""
    assert not {"torch", "sklearn"} & set(heavy_modules_after(code))


def test_the_public_names_are_few_sorted_and_there():
    assert torchsmith.__all__ == sorted(torchsmith.__all__)
    assert len(torchsmith.__all__) <= MAX_NAMES
    for name in torchsmith.__all__:
        assert getattr(torchsmith, name) is not None
    assert dir(torchsmith) == torchsmith.__all__


def test_a_public_name_is_documented():
    for name in torchsmith.__all__:
        doc = getattr(torchsmith, name).__doc__ or ""
        assert len(doc.strip()) > 20, name


def test_a_public_name_stays_a_name_when_the_package_of_that_name_is_imported():
    code = """
import torchsmith.plan.layers, torchsmith.train.watch, torchsmith.inspect.inspection
import torchsmith
assert callable(torchsmith.plan) and callable(torchsmith.train)
assert callable(torchsmith.inspect) and callable(torchsmith.evaluate)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'trian'"):
        _ = torchsmith.trian


def dotted(node):
    """`np.save` of the expression that is called, or an empty string."""
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ".".join(["?", *reversed(parts)]) if parts else ""
    return ".".join([node.id, *reversed(parts)])


def opens_for_writing(call):
    """Whether a call of `open` has a mode that writes."""
    name = dotted(call.func)
    if name.rpartition(".")[2] not in {"open", "fdopen"}:
        return False
    values = [*call.args, *(k.value for k in call.keywords if k.arg == "mode")]
    modes = [v.value for v in values if isinstance(v, ast.Constant)]
    return any(
        isinstance(mode, str) and len(mode) <= 4 and set(mode) & set("wax+")
        for mode in modes
    )


def forbidden(tree):
    """Calls and imports that only `core/files.py` may have, with their lines."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [alias.name for alias in node.names]
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module]
            for name in names:
                if name.partition(".")[0] in MODULES:
                    yield node.lineno, f"import {name}"
        elif isinstance(node, ast.Call):
            name = dotted(node.func)
            if name in WRITERS or name.rpartition(".")[2] in METHODS:
                yield node.lineno, name
            elif opens_for_writing(node):
                yield node.lineno, "open for writing"


@pytest.mark.parametrize(
    "code",
    [
        "open(p, 'w')",
        "open(p, mode='ab')",
        "p.open('r+')",
        "Path(p).open('xb')",
        "torch.save(x, p)",
        "torch.load(p)",
        "np.save(p, x)",
        "import pickle",
        "from joblib import load",
        "eval(x)",
        "exec(x)",
        "shutil.move(a, b)",
        "archive.extractall(p)",
        "Path(p).write_text(x)",
    ],
)
def test_the_search_for_forbidden_calls_finds(code):
    assert list(forbidden(ast.parse(code)))


@pytest.mark.parametrize(
    "code", ["open(p)", "p.open('rb')", "network.eval()", "load(p)", "x.save(p)"]
)
def test_the_search_for_forbidden_calls_spares(code):
    assert not list(forbidden(ast.parse(code)))


MAY_OPEN_FOR_WRITING = {
    "core/run_folder.py",  # the lock, which is held open and holds no data
    "data/download.py",  # a part of a download, renamed when its checksum fits
}
MAY_RUN_CODE = {
    "doctor/script/child.py",  # the script that a person asks to be run, as Python does
}


def test_only_one_module_writes_files_and_none_runs_data_as_code():
    found = []
    for file in FILES:
        name = file.relative_to(SOURCE).as_posix()
        if name == "core/files.py":
            continue
        for line, what in forbidden(ast.parse(file.read_text("utf-8"))):
            opens = what == "open for writing" and name in MAY_OPEN_FOR_WRITING
            runs = what == "exec" and name in MAY_RUN_CODE
            if not opens and not runs:
                found.append(f"{name}:{line}: {what}")
    assert found == []


def test_packages_import_only_from_packages_to_their_right():
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from importlinter.cli import lint_imports_command as run; run()",
        ],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "COLUMNS": "100"},
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_constraints_are_exact_and_hold_all_that_is_needed():
    lines = (REPOSITORY / "constraints.txt").read_text("utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if not line.startswith("#"))
    assert pins["torch"] == "2.13.0"
    assert not [version for version in pins.values() if "+" in version]
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))
    needed = project["project"]["dependencies"]
    needed += project["project"]["optional-dependencies"]["dev"]
    names = {re.split("[>=<]", line)[0].lower() for line in needed}
    assert {re.sub("[_.]", "-", name) for name in names} - set(pins) == set()


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_a_defect_can_be_planted_where_it_is_said_to_be(defect):
    text = (SOURCE / defect.file).read_text("utf-8")
    assert text.count(defect.right) == 1
