"""Run every check of this repository: format, lint, types, layers, tests.

    python scripts/check.py              all of them
    python scripts/check.py lint types   only these

Exit code 0 when all pass. Further arguments go to pytest after `--`:

    python scripts/check.py tests -- tests/cli -k resume
"""

import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHON = sys.executable
PATHS = [p for p in ("src", "tests", "scripts", "benchmarks") if (ROOT / p).is_dir()]

CHECKS: dict[str, list[str]] = {
    "format": [PYTHON, "-m", "ruff", "format", "--check", *PATHS],
    "lint": [PYTHON, "-m", "ruff", "check", *PATHS],
    "types": [PYTHON, "-m", "mypy"],
    "layers": [
        PYTHON,
        "-c",
        "from importlinter.cli import lint_imports_command as run; run()",
    ],
    "tests": [
        *(PYTHON, "-m", "pytest", "-q", "-n", "2", "-m", "not slow"),
        *("--doctest-modules", "src", "tests"),
    ],
}


def main(arguments: list[str]) -> int:
    """Run the named checks, or all; return the exit code."""
    names, extra = arguments, []
    if "--" in arguments:
        cut = arguments.index("--")
        names, extra = arguments[:cut], arguments[cut + 1 :]
    if unknown := [name for name in names if name not in CHECKS]:
        print(f"error: no check {unknown[0]!r}; there are {', '.join(CHECKS)}")
        return 2
    results = {name: _run(name, extra) for name in names or CHECKS}
    print()
    for name, (passed, seconds) in results.items():
        print(f"{'passed' if passed else 'FAILED'}  {name:<7} {seconds:6.1f} s")
    return 0 if all(passed for passed, _ in results.values()) else 1


def _run(name: str, extra: list[str]) -> tuple[bool, float]:
    command = CHECKS[name]
    if name == "tests" and extra:
        command = command[: command.index("--doctest-modules")] + extra
    shown = shlex.join(["python", *command[1:]])
    print(f"\n== {name}: {shown}", flush=True)
    begun = time.monotonic()
    # Two test processes on two cores: more threads only wait for each other, and where
    # a test asks for them, they must not spin while they wait.
    settings = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive", **os.environ}
    done = subprocess.run(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, check=False, env=settings
    )
    return done.returncode == 0, time.monotonic() - begun


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
