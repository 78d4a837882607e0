"""Faults in the middle of a save, and bytes that change afterwards."""

import os
import random
import shutil
import subprocess
import tempfile
from contextlib import suppress
from functools import partial
from pathlib import Path

from benchmarks.reliability.figures import Figure, Part, Progress, in_parallel
from tests.reliability.faults import (
    CHANGES,
    ERRORS,
    OPERATIONS,
    SIMPLE,
    calls_of,
    faults,
    prepare,
    problem_after,
    save_step,
    strace_missing,
)
from tests.reliability.matrix import build

from torchsmith.core.errors import TrainError
from torchsmith.core.files import damage
from torchsmith.core.run_folder import RunFolder

FULL_DISKS = 60
NAMES = {
    "checkpoint": "a checkpoint over two older ones",
    "model": "a model over an older one",
    "run": "a new run folder",
}


def injected(template: Path, into: Path, case: tuple[str, str, str]) -> list[str]:
    """Hit each call of a kind in turn; return what was wrong after each, or ''."""
    operation, call, what = case
    return [
        problem and f"{operation}: {call} number {number}, {what}: {problem}"
        for number, fault, left in faults(operation, template, into, call, what)
        for problem in [problem_after(operation, fault, left)]
    ]


def system_calls(part: Part, size: float, template: Path, into: Path) -> None:
    """Kill at every system call, and fail every one that can fail."""
    every = {op: calls_of(op, template, into / f"calls-{op}") for op in OPERATIONS}
    calls = {op: found if size >= 1 else CHANGES for op, found in every.items()}
    kills = [(op, call, "signal=KILL") for op in OPERATIONS for call in calls[op]]
    errors = [
        (op, call, f"error={error}")
        for op in OPERATIONS
        for call, found in ERRORS.items()
        for error in (found if size >= 1 else found[:1])
        if call in every[op]
    ]
    for title, cases in (("killed at", kills), ("an error from", errors)):
        answers = in_parallel(
            f"calls, {title}", cases, partial(injected, template, into)
        )
        for operation in OPERATIONS:
            found = [p for case, ps in answers if case[0] == operation for p in ps]
            part.figures.append(
                Figure.count(
                    f"{title} every system call of {NAMES[operation]}: what was there "
                    "before or what is new is whole, and the next save works",
                    sum(not problem for problem in found),
                    len(found),
                )
            )
            part.notes += [problem for problem in found if problem]
    if size < 1:
        part.notes.append("only the calls that change the disk; --size 1 hits all")


def full_disks(part: Part, count: int, into: Path) -> None:
    """Save onto a disk with 0, 1, … kilobytes left."""
    what = "a disk with too little room: refused, with path and free bytes"
    disk = into / "disk"
    disk.mkdir()
    done = _system("mount", "-t", "tmpfs", "-o", "size=4M", "tmpfs", str(disk))
    if done:
        part.figures.append(Figure.skipped(what, f"mount says {done}"))
        return
    try:
        prepare(disk)
        good, refused, progress = 0, 0, Progress("full disks", count)
        for number in range(count):
            problem, was_refused = _save_on_a_full_disk(disk, number * 1024)
            good += not problem
            refused += was_refused
            part.notes += [f"{number} kB left: {problem}"] if problem else []
            progress.step()
        part.figures.append(Figure.count(what, good, count))
        part.notes.append(f"of {count} such saves, {refused} had too little room")
        _system("mount", "-o", "remount,ro", str(disk))
        part.figures.append(_read_only(disk))
    finally:
        _system("umount", "--lazy", str(disk))


def _save_on_a_full_disk(disk: Path, left: int) -> tuple[str, bool]:
    run, filler = RunFolder(disk / "job"), disk / "filler"
    statistics = os.statvfs(disk)
    free = statistics.f_bavail * statistics.f_frsize
    filler.write_bytes(b"x" * max(free - left, 0))
    before, _ = run.newest_checkpoint()
    step = int(before.name[:8]) + 1 if before else 0
    message = ""
    try:
        save_step(run, step)
    except TrainError as error:
        message = str(error)
    newest, problems = run.newest_checkpoint()
    filler.unlink()
    if problems or newest is None:
        return f"no whole checkpoint: {problems}", bool(message)
    if message and (str(disk) not in message or "bytes free" not in message):
        return f"the message is {message}", True
    if newest != before and message:
        return "refused, yet there", True
    if newest == before and not message:
        return "said to be saved, and not there", False
    left_over = [p.name for p in run.path.rglob("*.tmp-*")]
    return (f"left behind: {left_over}" if left_over else ""), bool(message)


def _read_only(disk: Path) -> Figure:
    what = "a read-only disk: refused, and the checkpoint before loads"
    run = RunFolder(disk / "job")
    before, _ = run.newest_checkpoint()
    good = 0
    for attempt in (lambda: save_step(run, 99), lambda: run.locked().__enter__()):
        with suppress(TrainError):
            attempt()
            continue
        newest, problems = run.newest_checkpoint()
        if newest == before is not None and not problems:
            _, state = build(SIMPLE)
            state.load(newest)
            good += 1
    return Figure.count(what, good, 2)


def flipped_bytes(part: Part, size: float, seed: int, template: Path) -> None:
    """Change each byte of a checkpoint and of a model, and cut each file anywhere."""
    chance = random.Random(seed)
    run = RunFolder(template / "job")
    newest, _ = run.newest_checkpoint()
    if newest is None:
        raise RuntimeError("the prepared run has no checkpoint")
    step = max(1, round(1 / max(size, 0.01)))
    for folder, name in ((newest, "a checkpoint"), (run.model, "a model")):
        files = [p for p in sorted(folder.iterdir()) if p.is_file()]
        total = sum(p.stat().st_size // step + 1 for p in files)
        progress = Progress(f"bytes of {name}", total)
        found = tried = 0
        for path in files:
            whole = path.read_bytes()
            for place in range(0, len(whole), step):
                content = bytearray(whole)
                content[place] ^= chance.randrange(1, 256)
                for changed in (content, whole[:place]):
                    path.write_bytes(changed)
                    tried += 1
                    found += bool(damage(folder))
                progress.step()
            path.write_bytes(whole)
        part.figures.append(
            Figure.count(f"{name}: changed bytes and cut files noticed", found, tried)
        )


def _system(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stderr.strip() if done.returncode else ""


def measure(size: float, seed: int) -> Part:
    """Hit every system call of a save; fill disks; change bytes."""
    part = Part(
        "A save that is hit by a fault",
        "A process saves under `strace`, which kills it at the first system call, then "
        "at the second, and so on through all of them; then each call that can fail "
        "does (EIO, ENOSPC, EDQUOT, EROFS), one at a time. After each fault the newest "
        "checkpoint is verified and loaded, an error must name the path and the free "
        "bytes and leave nothing behind, and a save in the same place must work. "
        "Then saves onto a tmpfs of 4 MB with 0, 1, 2, … kB left, a read-only disk, "
        "and one byte changed or cut at each place.",
    )
    with tempfile.TemporaryDirectory() as temporary:
        template, into = Path(temporary) / "template", Path(temporary) / "faults"
        template.mkdir()
        into.mkdir()
        prepare(template)
        if why := strace_missing():
            part.figures.append(Figure.skipped("faults at every system call", why))
        else:
            system_calls(part, size, template, into)
        full_disks(part, max(6, round(FULL_DISKS * size)), into)
        flipped_bytes(part, size, seed, template)
        shutil.rmtree(into, ignore_errors=True)
    return part
