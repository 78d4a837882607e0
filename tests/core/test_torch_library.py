"""PyTorch's library is loaded beside Python, and never in the way of PyTorch."""

import gc
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from torchsmith.core import torch_library

BEFORE = """
import sys, threading
from pathlib import Path
from torchsmith.core.torch_library import load_beside
load_beside()
for thread in threading.enumerate():
    if thread is not threading.main_thread():
        thread.join()
assert "torch" not in sys.modules
print("libtorch_cpu.so" in Path("/proc/self/maps").read_text())
"""


def run(code):
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    return done.stdout.split()


@pytest.mark.skipif(sys.platform != "linux", reason="the files of Linux")
def test_the_library_is_there_before_pytorch_is_imported():
    work = "import torch; print(torch.ones(2, 3) @ torch.ones(3, 1))"
    assert run(f"{BEFORE}{work}")[:2] == ["True", "tensor([[3.],"]


def test_a_program_may_end_while_the_library_is_being_loaded():
    load = "from torchsmith.core.torch_library import load_beside; load_beside()"
    assert run(f"{load}; print('done')") == ["done"]


def no_threads(monkeypatch):
    def refuse(**_):
        raise AssertionError("a thread was begun")

    monkeypatch.setattr(torch_library, "Thread", refuse)


def test_nothing_happens_where_pytorch_is_imported_already(monkeypatch):
    no_threads(monkeypatch)
    monkeypatch.setitem(sys.modules, "torch", object())
    torch_library.load_beside()


@pytest.mark.parametrize("origin", ["torch/__init__.py", None])
def test_nothing_happens_where_there_is_no_such_file(monkeypatch, tmp_path, origin):
    spec = type("Spec", (), {"origin": origin and str(tmp_path / origin)})()
    no_threads(monkeypatch)
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    monkeypatch.setattr(torch_library, "find_spec", lambda _: spec)
    torch_library.load_beside()


def test_what_cannot_be_loaded_is_left_to_the_import(tmp_path: Path):
    for name, _ in torch_library._LIBRARIES:
        (tmp_path / name).write_bytes(b"no library")
    torch_library._load(tmp_path)


def fail_to_import():
    with torch_library.without_collection():
        raise ImportError(f"collecting: {gc.isenabled()}")


@pytest.mark.parametrize("enabled", [True, False])
def test_garbage_is_collected_again_after_an_import_that_fails(enabled):
    before = gc.isenabled()
    (gc.enable if enabled else gc.disable)()
    try:
        with pytest.raises(ImportError, match="collecting: False"):
            fail_to_import()
        assert gc.isenabled() is enabled
    finally:
        (gc.enable if before else gc.disable)()


def test_what_the_first_import_brings_is_left_out_of_later_collections():
    code = """
import gc
from torchsmith.core.torch_library import PROCESS_IS_OURS, without_collection
PROCESS_IS_OURS.set()
with without_collection():
    import torch
print(gc.get_freeze_count() > 100_000)
"""
    assert run(code) == ["True"]


def test_what_a_program_holds_is_left_to_its_collections():
    code = """
import gc
from torchsmith.core.torch_library import without_collection
before = gc.get_freeze_count()
with without_collection():
    import torch
print(gc.get_freeze_count() - before)
"""
    assert run(code) == ["0"]


def test_garbage_of_a_session_that_has_pytorch_is_still_collected():
    frozen = gc.get_freeze_count()
    assert sys.modules["torch"] is torch
    with torch_library.without_collection():
        pass
    assert gc.get_freeze_count() == frozen
