"""Whether the doctor names faults of code: `python -m benchmarks.doctor.code_faults`.

Rows go to `results.jsonl` at once, so that a stopped run goes on; `RESULTS.md` is
written from them. `--effects` measures what hurts: five trainings of each program.
"""

import argparse
import json
import os
import sys

from benchmarks.doctor.code_faults.faults import HERE, faults, programs
from benchmarks.doctor.code_faults.page import page
from benchmarks.doctor.code_faults.running import Worth, case_of, measure, worth
from benchmarks.doctor.rows import append, read

RESULTS, EFFECTS = HERE / "results.jsonl", HERE / "effects.json"
SEEDS = 5


def main(arguments: list[str]) -> int:
    """Run what has no row yet, and write the page; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.doctor.code_faults")
    parser.add_argument("names", nargs="*", help="faults; all where none is named")
    parser.add_argument("--ways", nargs="+", default=["fit", "script"])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--again", action="store_true", help="run what has a row, too")
    parser.add_argument("--effects", action="store_true", help="measure what hurts")
    asked = parser.parse_args(arguments)
    if unknown := set(asked.names) - set(faults()):
        parser.error(f"there is no fault {', '.join(map(repr, sorted(unknown)))}")
    if asked.effects:
        _measure_effects()
    done = {} if asked.again else read(RESULTS)
    for case in _cases(asked.names, asked.ways, asked.seeds):
        if case.key not in done:
            row = measure(case)
            append(RESULTS, row)
            codes = " ".join(f"{told.code}:{told.severity[0]}" for told in row.findings)
            print(f"{case.task:9} {case.fault:45} {codes or '-'} {row.ended[:60]}")
    text = page(read(RESULTS), read_effects())
    (HERE / "RESULTS.md").write_text(text, "utf-8")
    return 0


def _cases(names, ways, seeds):
    for seed in range(seeds):
        for way in ways:
            for program in programs() if not names else ():
                yield case_of(program, "", way, seed)
            for fault in faults().values():
                if way in fault.ways and (not names or fault.name in names):
                    yield case_of(fault.program, fault.name, way, seed)


def read_effects() -> dict[str, list[Worth]]:
    """Return what each program, and each fault, was worth with each seed."""
    if not EFFECTS.is_file():
        return {}
    kept = json.loads(EFFECTS.read_text("utf-8"))
    return {name: [Worth(*values) for values in rows] for name, rows in kept.items()}


def _measure_effects() -> None:
    """Train what has no effect yet; each is written at once."""
    kept = {
        name: [[w.score, w.reported, w.same_alone] for w in rows]
        for name, rows in read_effects().items()
    }
    sources = {name: (text, text) for name, text in programs().items()}
    for fault in faults().values():
        sources[fault.name] = fault.source, programs()[fault.program]
    for name, (source, healthy) in sources.items():
        for seed in range(len(kept.setdefault(name, [])), SEEDS):
            found = worth(source, healthy, seed)
            kept[name].append([found.score, found.reported, found.same_alone])
        lines = (f" {json.dumps(name)}: {json.dumps(v)}" for name, v in kept.items())
        EFFECTS.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")
        print(f"{name:45} {kept[name]}")


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(main(sys.argv[1:]))
