"""PyTorch's library, linked by a second core while the first one reads data."""

import ctypes
import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from threading import Event, Thread

_LIBRARIES = (
    ("libtorch_global_deps.so", os.RTLD_NOW | os.RTLD_GLOBAL),
    ("libtorch_cpu.so", os.RTLD_NOW),
)
"""In the order in which `import torch` loads them, with the same flags."""


PROCESS_IS_OURS = Event()
"""Set by the command line: no program of a person's holds anything in the process."""


def let_threads_sleep() -> None:
    """Have threads of OpenMP sleep soon; read when PyTorch's library is loaded.

    Threads that wait for each other spin, which starves them where another process
    wants a core; some 50 us are enough between two small layers.
    """
    os.environ.setdefault("GOMP_SPINCOUNT", "30000")


@contextmanager
def without_collection() -> Iterator[None]:
    """Import without looking for garbage: what is imported stays.

    Python would go again and again through all that was imported already, which is a
    tenth of the import of PyTorch. Where the process is ours, what this brings in is
    left out of later searches too: each through all of it takes a tenth of a second.
    """
    was_enabled, is_first = gc.isenabled(), "torch" not in sys.modules
    gc.disable()
    try:
        yield
    finally:
        if is_first and PROCESS_IS_OURS.is_set():
            gc.freeze()
        if was_enabled:
            gc.enable()


def load_beside() -> None:
    """Begin to load PyTorch's library; `import torch` then finds it there.

    Linking it is a fifth of that import, and no Python: a call through ctypes lets
    Python go on meanwhile, as an import does not. Nothing happens where PyTorch is
    imported already, or has no such files; what cannot be loaded is left to the import,
    which says why. A process that ends before waits for it.

    It is for what reads and computes: an import of any library, be it as small as that
    of `fcntl`, waits until this one is linked.
    """
    let_threads_sleep()
    spec = None if "torch" in sys.modules else find_spec("torch")
    if spec is not None and spec.origin is not None:
        folder = Path(spec.origin).parent / "lib"
        if all((folder / name).is_file() for name, _ in _LIBRARIES):
            Thread(target=_load, args=(folder,)).start()


def _load(folder: Path) -> None:
    load = ctypes.CDLL(None).dlopen
    load.restype = ctypes.c_void_p
    for name, flags in _LIBRARIES:
        if not load(os.fsencode(folder / name), flags):
            return
