"""The library of the native engine: compiled once, checked each time, or refused."""

import os
import shutil
from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import nn

import torchsmith as ts
from tests.processes import PROCESSES
from tests.train.compiled_jobs import classes, job_of, state_of
from torchsmith.core.errors import PlanError
from torchsmith.train.engines import compiled
from torchsmith.train.engines.choose import choose_engine
from torchsmith.train.engines.compiled import compile_engine
from torchsmith.train.engines.engine import Unsupported
from torchsmith.train.engines.native import library
from torchsmith.train.engines.native.library import (
    cache_folder,
    find_compiler,
    load_library,
)
from torchsmith.train.watch import TrainingObserver

SECONDS = 60


@pytest.fixture(autouse=True)
def _empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCHSMITH_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def compiler():
    try:
        return find_compiler()
    except Unsupported as missing:
        pytest.skip(str(missing))


@pytest.fixture
def quick(compiler, monkeypatch):
    """Compile the engine without optimising: a second rather than several."""
    source = replace(library.TRAINING, flags=())
    load = partial(load_library, source=source)
    monkeypatch.setattr(compiled, "load_library", load)


def tiny_source(folder):
    """What compiles in no time; `_HERE` must be its folder."""
    code = 'extern "C" int torchsmith_lanes() { return 8; }\n'
    (folder / "tiny.cpp").write_text(code)
    return library.Source(("tiny.cpp",), (), lambda loaded: loaded)


@pytest.fixture
def tiny(compiler, monkeypatch, tmp_path):
    """A library of one function: what is in it does not matter to the cache."""
    monkeypatch.setattr(library, "_HERE", tmp_path)
    return tiny_source(tmp_path)


def test_the_library_is_compiled_once_and_then_found(tiny):
    told = []
    load_library(told.append, tiny)
    load_library(told.append, tiny)
    assert told == ["compiling the native engine, once for this machine"]
    assert len(list(cache_folder().iterdir())) == 1


def test_a_person_is_told_before_the_engine_of_a_plan_is_compiled(quick):
    job = job_of(classes(), nn.CrossEntropyLoss(), engine="compiled")
    state, told = state_of(job, nn.Sequential(nn.Linear(13, 5))), []
    choose_engine(job, state, told.append)
    assert told == ["compiling the native engine, once for this machine"]


def test_a_person_is_told_that_fit_compiles(quick):
    told = []

    class Watcher(TrainingObserver):
        def note(self, text):
            told.append(text)

    examples = torch.ones(8, 13), torch.arange(8) % 5
    given = {"epochs": 1, "engine": "compiled", "runs": None, "observer": Watcher()}
    given["doctor"] = {"examine": False}
    ts.fit(nn.Sequential(nn.Linear(13, 5)), examples, loss="CrossEntropyLoss", **given)
    assert told == ["compiling the native engine, once for this machine"]


def test_a_damaged_library_is_compiled_again(tiny):
    load_library(source=tiny)
    [path] = cache_folder().iterdir()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.unlink()  # the loaded file must not change under this process
    path.write_bytes(content)
    told = []
    assert load_library(told.append, tiny).torchsmith_lanes() > 0
    assert len(told) == 1
    load_library(told.append, tiny)
    assert len(told) == 1


def test_a_library_that_cannot_be_read_is_compiled_again(tiny, monkeypatch):
    load_library(source=tiny)
    [path] = cache_folder().iterdir()
    reads = type(path).read_bytes

    def refuse(self):
        if self == path:
            raise PermissionError(13, "Permission denied")
        return reads(self)

    told = []
    with monkeypatch.context() as patch:
        patch.setattr(type(path), "read_bytes", refuse)
        load_library(told.append, tiny)
    assert told == ["compiling the native engine, once for this machine"]


def test_a_folder_that_runs_no_programs_is_named(tiny, monkeypatch):
    def refuse(path):
        raise OSError(f"{path}: failed to map segment")

    monkeypatch.setattr(library.ctypes, "CDLL", refuse)
    with pytest.raises(Unsupported, match=r"cannot be loaded .*TORCHSMITH_CACHE"):
        load_library(source=tiny)


def test_another_compiler_flag_or_processor_has_a_library_of_its_own(tiny, monkeypatch):
    load_library(source=tiny)
    monkeypatch.setattr(library, "_processor", lambda: "another")
    told = []
    load_library(told.append, tiny)
    assert len(told) == 1


def load_at_once(folder, barrier, answers):
    os.environ["TORCHSMITH_CACHE"] = str(folder / "cache")
    library._HERE = folder
    source = tiny_source(folder)
    barrier.wait(SECONDS)
    answers.put(load_library(source=source).torchsmith_lanes())


def test_two_processes_that_compile_at_once_both_have_a_library(compiler, tmp_path):
    barrier, answers = PROCESSES.Barrier(2), PROCESSES.Queue()
    processes = [
        PROCESSES.Process(target=load_at_once, args=(tmp_path, barrier, answers))
        for _ in range(2)
    ]
    for process in processes:
        process.start()
    assert [answers.get(timeout=SECONDS) for _ in processes] == [8, 8]
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]


def test_without_a_compiler_it_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    job = job_of(classes(), nn.CrossEntropyLoss())
    state = state_of(job, nn.Sequential(nn.Linear(13, 5)))
    with pytest.raises(Unsupported, match="install g\\+\\+ or clang"):
        compile_engine(job, state)
    named = job.training.model_copy(update={"engine": "compiled"})
    object.__setattr__(job, "training", named)
    with pytest.raises(PlanError, match="needs a C\\+\\+ compiler, and there is none"):
        choose_engine(job, state)


def test_a_compiler_that_fails_is_quoted(monkeypatch, tmp_path, compiler):
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\necho 'line 3: error: no such header' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("CXX", str(broken))
    with pytest.raises(Unsupported, match="broken failed: line 3: error: no such"):
        load_library()


@pytest.mark.parametrize(
    ("named", "says"),
    [
        (
            "no-such-compiler -O2",
            "CXX names the compiler 'no-such-compiler', which is not",
        ),
        ("'/no folder/g++'", "CXX names the compiler '/no folder/g\\+\\+'"),
        ('g++ "', "which is no command \\(No closing quotation\\)"),
    ],
)
def test_a_named_compiler_that_is_not_there_is_not_replaced(monkeypatch, named, says):
    monkeypatch.setenv("CXX", named)
    with pytest.raises(Unsupported, match=says):
        find_compiler()


def test_a_compiler_can_be_named_with_options(tiny, monkeypatch, compiler):
    monkeypatch.setenv("CXX", f"{compiler[0]} -DNAMED")
    assert find_compiler() == [shutil.which(compiler[0]), "-DNAMED"]
    assert load_library(source=tiny).torchsmith_lanes() > 0


def test_a_cache_that_cannot_be_written_is_named(tiny, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TORCHSMITH_CACHE", str(tmp_path / "file"))
    with pytest.raises(Unsupported, match="set TORCHSMITH_CACHE to a folder"):
        load_library(source=tiny)
