"""What `benchmarks/engines.py` measured, as tables."""

import os
import platform
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks.contest import has_bf16
from benchmarks.peers.contenders import CONTENDERS
from benchmarks.peers.work import JOBS

PACKAGES = (
    "torch",
    "lightning",
    "keras",
    "jax",
    "skorch",
    "fastai",
    "accelerate",
    "scikit-learn",
)
PEERS = ("keras-jax", "keras-torch", "lightning", "skorch", "fastai", "accelerate")
FRAMEWORKS = (*PEERS, "sklearn")


def machine() -> dict[str, Any]:
    """Return what the figures were measured on."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "-"
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "cores": os.cpu_count(),
        "vectors": vectors(),
        "bf16": has_bf16(),
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 1),
        "packages": found,
    }


def vectors() -> str:
    """Return the widest vectors of the processor."""
    try:
        flags = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.machine()
    return next((f for f in ("avx512f", "avx2") if f in flags), platform.machine())


def tables(kept: dict[str, Any]) -> str:
    """Return the section of the results."""
    return "\n".join([*_introduction(kept["machine"]), *_parts(kept)])


def _introduction(machine: dict[str, Any]) -> Iterator[str]:
    packages = ", ".join(f"{n} {v}" for n, v in machine["packages"].items() if v != "-")
    yield "## Engines and peers"
    yield ""
    yield (
        f"`make bench`, {machine['date']}: {machine['cores']} cores, "
        f"{machine['vectors']}, "
        f"{'with' if machine['bf16'] else 'no'} instructions for bfloat16; Python "
        f"{machine['python']}; {packages}. Load of the machine as it began: "
        f"{machine['load']}."
    )
    yield ""
    yield (
        "Each contender has a process of its own; they train an epoch each in turns, "
        "never two at once. Seconds are the median epoch after the warm-up; *times "
        "faster* is against the best loop by hand of the same run (index batches, "
        "fused Adam, denormals flushed). Peers use as many threads as that loop is "
        "fastest with, JAX all. Loss and accuracy are of the test part, for California "
        "of the training part, after as many epochs of each. The floor computes only "
        "the matrix products, or the convolutions, with PyTorch."
    )
    yield ""


def _parts(kept: dict[str, Any]) -> Iterator[str]:
    if epochs := kept.get("epochs"):
        yield from _summary(epochs)
        for job, found in epochs.items():
            yield from _epochs(job, found)
    if whole := kept.get("whole"):
        yield from _whole(whole)
    if overhead := kept.get("overhead"):
        yield from _overhead(overhead)
    if start := kept.get("start"):
        yield from _start(start)


def _summary(epochs: dict[str, Any]) -> Iterator[str]:
    yield "### Seconds for an epoch"
    yield ""
    rows = []
    for job, found in epochs.items():
        ours = _best(found, [n for n in CONTENDERS if n.startswith("torchsmith")])
        groups = {
            "base": [n for n in CONTENDERS if n.startswith("eager")],
            "peer": FRAMEWORKS,
            "jax": ["jax-scan"],
            "floor": [n for n in CONTENDERS if n.startswith("floor")],
        }
        best = {name: _best(found, names) for name, names in groups.items()}
        auto = found.get("torchsmith", {})
        rows.append(
            [
                job,
                _seconds(best["base"]),
                f"{_seconds(best['peer'])} {_title(best['peer'])}",
                _seconds(best["jax"]),
                _seconds(best["floor"]),
                f"{_seconds(auto)} {auto.get('notes', '')}",
                f"{_seconds(ours)} {_title(ours)}",
                _ratio(best["base"], ours),
                _ratio(best["jax"], ours),
                _ratio(ours, best["floor"]),
            ]
        )
    yield from _table(
        [
            "job",
            "loop by hand",
            "best framework",
            "JAX scan",
            "floor",
            "Torchsmith `auto`",
            "Torchsmith's best",
            "loop / best",
            "JAX / best",
            "best / floor",
        ],
        rows,
    )


def _epochs(job: str, found: dict[str, Any]) -> Iterator[str]:
    yield f"### {job}: {JOBS[job].title}"
    yield ""
    rows = []
    for name, contender in CONTENDERS.items():
        values = found.get(name)
        if values is None:
            continue
        title = contender.title
        if notes := values.get("notes"):
            title += f" ({notes})"
        if "why_not" in values:
            rows.append([title, values["why_not"], "", "", "", ""])
            continue
        rows.append(
            [
                title,
                _seconds(values),
                f"{values['times_faster']:.2f}",
                _number(values["loss"], ".3f"),
                _number(values["accuracy"], ".3f"),
                f"{values['peak_mb']:,}",
            ]
        )
    heads = ["contender", "seconds", "times faster", "loss", "accuracy", "peak MB"]
    yield from _table(heads, rows)


def _whole(whole: dict[str, Any]) -> Iterator[str]:
    yield "### Whole job: 3 epochs, from the start of a process to the saved network"
    yield ""
    yield (
        "Torchsmith also validates after each epoch; its command then scores the "
        "network with intervals, trains simple rivals and writes a report: *its whole "
        "command*. *The first time* is that of a machine on which nothing is compiled "
        "yet. Seconds, medians of 3, of S7 and CNN of one; CNN with 3,200 images."
    )
    yield ""
    names = [n for n in CONTENDERS if any(n in found for found in whole.values())]
    rows = []
    for name in names:
        each = [found.get(name, {}) for found in whole.values()]
        rows.append(
            [CONTENDERS[name].title, *(_number(e.get("saved"), ".2f") for e in each)]
        )
        if name == "torchsmith":
            for key, title in (
                ("first_time", "… the first time"),
                ("whole", "… its whole command"),
            ):
                rows.append([title, *(_number(e.get(key), ".2f") for e in each)])
    yield from _table(["contender", *whole], rows)


def _overhead(overhead: dict[str, Any]) -> Iterator[str]:
    yield "### What progress, metrics, TensorBoard and checkpoints cost"
    yield ""
    yield (
        "Torchsmith with all that a run records, beside the same without, in blocks by "
        "turns. *Median* is of the blocks, *total* of all: with the checkpoints, which "
        "are twice as frequent as in a run, as each trains half of the time only."
    )
    yield ""
    rows = []
    for job, values in overhead.items():
        if "why_not" in values:
            rows.append([job, values["why_not"], "", "", ""])
            continue
        rows.append(
            [
                f"{job} ({values['notes']})" if "notes" in values else job,
                f"{values['epoch'] * 1e3:,.1f}",
                f"{values['epochs']:,}",
                f"{values['median']:+.1%}",
                f"{values['total']:+.1%}",
            ]
        )
    yield from _table(["job", "ms for an epoch", "epochs", "median", "total"], rows)


def _start(start: dict[str, Any]) -> Iterator[str]:
    yield "### From `torchsmith train PLAN` to the first optimizer step"
    yield ""
    base = start["import torch"]
    rows = [["`import torch`", f"{base:.2f}", "1.00"]]
    rows += [
        [JOBS[job].title, f"{start[job]:.2f}", f"{start[job] / base:.2f}"]
        for job in JOBS
        if job in start
    ]
    yield from _table(["", "seconds", "times the import"], rows)


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield "|---" * len(heads) + "|"
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""


def _best(found: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Return the fastest of those that ran, with its name."""
    ran = [{"name": n, **found[n]} for n in names if "seconds" in found.get(n, {})]
    return min(ran, key=lambda values: values["seconds"], default={})


def _title(values: dict[str, Any]) -> str:
    return CONTENDERS[values["name"]].title if values else ""


def _seconds(values: dict[str, Any]) -> str:
    return f"{values['seconds']:.3g}" if "seconds" in values else "-"


def _ratio(above: dict[str, Any], below: dict[str, Any]) -> str:
    if "seconds" not in above or "seconds" not in below:
        return "-"
    return f"{above['seconds'] / below['seconds']:.2f}"


def _number(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)
