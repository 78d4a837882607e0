"""Measure that nothing is lost.

    python -m benchmarks.reliability                    all parts
    python -m benchmarks.reliability kills --size 0.1   one part, a tenth of it

The parts are kills, saves, power, resume, repeats, signals, races and cost. What is
measured goes to `benchmarks/reliability/results.json`, and all of it to
`benchmarks/RELIABILITY.md`. Exits with 1 when something that was promised is not so.
"""

import argparse
import sys
import time
from importlib import import_module

from benchmarks.reliability.figures import keep

PARTS = ("kills", "saves", "power", "resume", "repeats", "signals", "races", "cost")


def main() -> int:
    """Measure; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.reliability",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--size", type=float, default=1.0, help="a share of a part")
    parser.add_argument("--seed", type=int, default=0, help="draws the instants")
    options = parser.parse_args()
    for name in options.parts:
        if name not in PARTS:
            parser.error(f"there is no part {name!r}; there are {', '.join(PARTS)}")
    failed = []
    for name in options.parts or PARTS:
        print(f"{name}:", file=sys.stderr, flush=True)
        begun = time.monotonic()
        part = import_module(f"benchmarks.reliability.{name}").measure(
            options.size, options.seed
        )
        keep(name, part, time.monotonic() - begun)
        for figure in part.figures:
            mark = {True: "ok", False: "NOT REACHED", None: ""}[figure.reached]
            print(f"  {figure.what}: {figure.measured} {mark}", flush=True)
            if figure.reached is False:
                failed.append(figure.what)
        for note in part.notes:
            print(f"    {note}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
