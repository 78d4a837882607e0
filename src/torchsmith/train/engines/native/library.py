"""From the C++ source to a library that is loaded; compiled at first use.

`torch.compile` would need no code of ours, but was measured as not worth it: 28 s for
the first ten steps in one graph, and then 2.6 to 3 times the time for small networks.
Nor was a compiler as a Python package: `ziglang` first builds its C++ library, 75 s.
"""

import ctypes
import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from torchsmith.core.errors import TrainError
from torchsmith.core.files import write_atomic
from torchsmith.train.engines.engine import Unsupported
from torchsmith.train.engines.native.structures import declare

COMPILERS = ("c++", "g++", "clang++")
CACHE = "TORCHSMITH_CACHE"
"""The variable that names the folder of compiled libraries."""

_HERE = Path(__file__).parent
_SECONDS = 120.0
_CPU = "-mcpu=native" if platform.machine() in ("arm64", "aarch64") else "-march=native"
_FLAGS = (
    *("-std=c++17", _CPU, "-fno-math-errno", "-fno-trapping-math"),
    *("-ffp-contract=off",),
    *("-shared", "-fPIC", "-pthread"),
)


@dataclass(frozen=True)
class Source:
    """What a library is compiled from.

    Attributes:
        files: The last is compiled; it includes the others.
        flags: Beside those of all.
        declare: Tells ctypes what the functions take and give.
    """

    files: tuple[str, ...]
    flags: tuple[str, ...]
    declare: Callable[[ctypes.CDLL], ctypes.CDLL]


TRAINING = Source(
    ("matmul.h", "pointwise.h", "train.cpp"), ("-O2", "-ftree-vectorize"), declare
)


def load_library(
    tell: Callable[[str], None] | None = None, source: Source = TRAINING
) -> ctypes.CDLL:
    """Return a library, from the cache or compiled now.

    Args:
        tell: Is given a line before something that takes seconds.
        source: What it is compiled from.

    Raises:
        Unsupported: There is no C++ compiler, or it fails; says what to do.
    """
    compiler = find_compiler()
    folder = cache_folder()
    key = _key(compiler, source)
    for path in folder.glob(f"{key}-*.so"):
        if path.stem.removeprefix(f"{key}-") == _digest_of(path):
            return _load(path, source)
    if tell is not None:
        tell("compiling the native engine, once for this machine")
    content = _compile(compiler, source)
    path = folder / f"{key}-{_digest(content)}.so"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomic(path, content)
    except (OSError, TrainError) as error:
        raise Unsupported(
            f"the compiled library cannot be kept in {folder} ({error}); set {CACHE} "
            "to a folder that can be written"
        ) from error
    return _load(path, source)


def _load(path: Path, source: Source) -> ctypes.CDLL:
    try:
        return source.declare(ctypes.CDLL(str(path)))
    except OSError as error:  # such as a folder from which nothing may be executed
        raise Unsupported(
            f"the compiled library cannot be loaded ({error}); set {CACHE} to a folder "
            "from which programs may run"
        ) from error


def cache_folder() -> Path:
    """Return where compiled libraries are kept, for all runs of this person."""
    if named := os.environ.get(CACHE):
        return Path(named) / "native"
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "torchsmith" / "native"


def find_compiler() -> list[str]:
    """Return the command of the C++ compiler: `CXX`, or the system's.

    Raises:
        Unsupported: There is none, or not the one that `CXX` names; says what to do.
    """
    if asked := os.environ.get("CXX", "").strip():
        return _named_compiler(asked)
    for name in COMPILERS:
        if path := shutil.which(name):
            return [path]
    raise Unsupported(
        f"it needs a C++ compiler, and there is none ({', '.join(COMPILERS)}); install "
        "g++ or clang with your system's packages"
    )


def _named_compiler(asked: str) -> list[str]:
    try:
        name, *options = shlex.split(asked)
    except ValueError as error:
        raise Unsupported(f"CXX is {asked!r}, which is no command ({error})") from error
    if path := shutil.which(name):
        return [path, *options]
    raise Unsupported(
        f"CXX names the compiler {name!r}, which is not there; set CXX to one that is, "
        f"or unset it for the system's ({', '.join(COMPILERS)})"
    )


def _compile(compiler: list[str], source: Source) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "native.so"
        flags = (*_FLAGS, *source.flags)
        command = [*compiler, *flags, str(_HERE / source.files[-1]), "-o", str(output)]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=_SECONDS, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Unsupported(f"the compiler failed: {error}") from error
        if done.returncode or not output.is_file():
            nothing = f"exit code {done.returncode}, and no library"
            said = (done.stderr.strip() or nothing).splitlines()
            errors = [line for line in said if "error" in line] or said
            raise Unsupported(f"the compiler {compiler[0]} failed: {errors[0]}")
        return output.read_bytes()


def _key(compiler: list[str], source: Source) -> str:
    """Name all that decides about the library's code, without starting the compiler."""
    binary = Path(compiler[0]).resolve()
    stat = binary.stat()
    parts = [*compiler, *_FLAGS, *source.flags]
    parts += [str(binary), str(stat.st_size), str(stat.st_mtime_ns), _processor()]
    parts += [(_HERE / name).read_text("utf-8") for name in source.files]
    return _digest("\0".join(parts).encode())[:16]


def _processor() -> str:
    """Return what `native` means here: the processor's name and what it can do."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:  # not on Linux
        return f"{platform.machine()} {platform.processor()}"
    kinds = ("vendor_id", "cpu family", "model", "flags", "Features", "CPU")
    return "\n".join(dict.fromkeys(line for line in lines if line.startswith(kinds)))


def _digest_of(path: Path) -> str:
    """Return the digest of a file, or nothing where it cannot be read."""
    try:
        return _digest(path.read_bytes())
    except OSError:
        return ""


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
