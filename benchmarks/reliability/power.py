"""The power fails: what a disk holds at that instant is all that is left.

An ext4 disk lies in a file. While a process saves on it, the process is stopped and the
file is copied: what the kernel had not yet written to the disk is not in the copy. The
copy is mounted and looked at.
"""

import filecmp
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.reliability.figures import Figure, Part, Progress
from benchmarks.reliability.jobs import (
    outcome_of,
    prepare,
    run,
    run_of,
    share_plan,
    work,
)
from benchmarks.reliability.kills import whole_run
from tests.processes import PROCESSES
from tests.reliability.faults import SIMPLE, save_step
from tests.reliability.faults import prepare as prepare_saves
from tests.reliability.matrix import build

from torchsmith.core.run_folder import RunFolder, run_names

CUTS_OF_SAVES, CUTS_OF_RUNS, CUTS_OF_CONTROL = 150, 50, 10
CUTS_PER_DISK = 10
MEBIBYTES = 64


def impossible() -> str:
    """Say why no disk can be cut off here, or return an empty string."""
    if os.geteuid():
        return "only root can mount a disk"
    for tool in ("mkfs.ext4", "mount"):
        if shutil.which(tool, path=f"{os.environ['PATH']}:/sbin:/usr/sbin") is None:
            return f"there is no {tool}"
    try:
        with tempfile.TemporaryDirectory() as folder, Disk(Path(folder)).mounted():
            return ""
    except subprocess.CalledProcessError as error:
        return f"{' '.join(error.cmd)}: {error.stderr.strip()}"


@dataclass(frozen=True)
class Disk:
    """An ext4 file system in a file; both lie in a folder."""

    folder: Path

    @property
    def file(self) -> Path:
        """What the disk holds."""
        return self.folder / "disk.img"

    @contextmanager
    def mounted(self, file: Path | None = None) -> Iterator[Path]:
        """Mount it, or a copy of it; it is made where there is none."""
        file = file or self.file
        if not file.exists():
            with file.open("wb") as made:
                made.truncate(MEBIBYTES * 2**20)
            system("mkfs.ext4", "-q", "-F", str(file))
        place = file.with_suffix(".mounted")
        place.mkdir(exist_ok=True)
        system("mount", "-o", "loop", str(file), str(place))
        try:
            yield place
        finally:
            system("umount", str(place))

    def cut(self, number: int) -> Path:
        """Copy what the disk holds now; no write comes between."""
        copy, again = (self.folder / f"cut-{number}{end}" for end in (".img", ".twice"))
        while True:
            system("cp", "--sparse=always", str(self.file), str(copy))
            system("cp", "--sparse=always", str(self.file), str(again))
            if filecmp.cmp(copy, again, shallow=False):
                again.unlink()
                return copy


def system(*command: str) -> None:
    """Run a command; an error says what it printed."""
    path = f"{os.environ['PATH']}:/sbin:/usr/sbin"
    environment = os.environ | {"PATH": path}
    subprocess.run(command, capture_output=True, text=True, check=True, env=environment)


def stop(pid: int) -> None:
    """Stop a process, and wait until it stands."""
    os.kill(pid, signal.SIGSTOP)
    while ") T" not in Path(f"/proc/{pid}/stat").read_text():
        time.sleep(0.001)


def save_on_and_on(folder: Path, said, *, syncs: bool) -> None:
    """Save steps 10, 11, 12, …; say which is saved."""
    if not syncs:
        os.fsync = lambda descriptor: None  # noqa: ARG005
    run = RunFolder(folder / "job")
    for step in range(10, 100_000):
        save_step(run, step)
        os.write(said.fileno(), f"{step}\n".encode())


def cuts_of_saves(root: Path, count: int, chance: random.Random, *, syncs: bool):
    """Cut the power of a process that saves on and on; yield what was lost of it."""
    for first in range(0, count, CUTS_PER_DISK):
        disk = Disk(root / f"saves-{syncs}-{first}")
        disk.folder.mkdir()
        with disk.mounted() as place:
            prepare_saves(place)
            os.sync()
            hears, says = PROCESSES.Pipe(duplex=False)
            writer = PROCESSES.Process(
                target=save_on_and_on, args=(place, says), kwargs={"syncs": syncs}
            )
            writer.start()
            says.close()
            hears.poll(None)
            saved = 0
            copies = []
            for number in range(first, min(first + CUTS_PER_DISK, count)):
                time.sleep(chance.uniform(0.02, 0.3))
                stop(writer.pid)
                if hears.poll():
                    saved = int(os.read(hears.fileno(), 10**6).split()[-1])
                copies.append((disk.cut(number), saved))
                os.kill(writer.pid, signal.SIGCONT)
            writer.kill()
            writer.join()
        for copy, said in copies:
            with disk.mounted(copy) as place:
                yield lost(place, said)
            copy.unlink()
        shutil.rmtree(disk.folder)


def lost(place: Path, said: int) -> str:
    """Say what of a step that was said to be saved is gone, or return ''."""
    newest, problems = RunFolder(place / "job").newest_checkpoint()
    if newest is None:
        return f"nothing can be read: {problems}"
    if int(newest.name) < said:
        return f"step {said} was said to be saved, but {newest.name} is the newest"
    if problems:
        return f"damaged: {problems}"
    _, state = build(SIMPLE)
    state.load(newest)
    right = state.lr == state.step / 10 and state.step == int(newest.name)
    return "" if right else f"{newest.name} has the content of another step"


def train_and_say(kind: str, folder: Path, says) -> None:
    """Do a whole run, and say when it is done."""
    work(kind, folder)
    os.write(says.fileno(), b"done")
    signal.pause()


def cut_of_a_run(root: Path, number: int, instant: float | None) -> tuple[str, str]:
    """Cut the power of a run at an instant, or as soon as it says that it is done.

    Returns:
        When that was, and what is wrong with the run that goes on on the copy, or ''.
    """
    disk = Disk(root / f"run-{number}")
    disk.folder.mkdir()
    with disk.mounted() as place:
        prepare("table", place / "work")
        share_plan("table", root / "table", place / "work")
        os.sync()
        hears, says = PROCESSES.Pipe(duplex=False)
        writer = PROCESSES.Process(
            target=train_and_say, args=("table", place / "work", says)
        )
        writer.start()
        says.close()
        done = hears.poll(instant) and bool(os.read(hears.fileno(), 10))
        stop(writer.pid)
        copy = disk.cut(number)
        writer.kill()
        writer.join()
    with disk.mounted(copy) as place:
        problem = wrong_after_cut(root, place / "work", done=done)
    shutil.rmtree(disk.folder)
    return ("when it was done" if done else "before it was done"), problem


def wrong_after_cut(root: Path, folder: Path, *, done: bool) -> str:
    """Say what is wrong with a run after the power was cut, or return ''."""
    expected = outcome_of(run_of(root / "table"))
    found = run_names(folder / "runs")
    if done and (not found or outcome_of(run_of(folder)) != expected):
        return "a run that was said to be done is not whole"
    if run("table", folder):
        return f"cannot go on: {(folder / 'output.txt').read_text()[-300:]}"
    return "" if outcome_of(run_of(folder)) == expected else "ends with other bits"


def measure(size: float, seed: int) -> Part:
    """Cut the power `size` times 150 times in saves, 50 times in whole runs."""
    chance = random.Random(seed)
    part = Part(
        "Power cuts",
        f"An ext4 disk of {MEBIBYTES} MB in a file, mounted through a loop device. A "
        "process saves on it without a pause and says each step that is saved; at a "
        "random instant it is stopped, and the file is copied (twice, until both are "
        "the same): what the disk holds, without the pages that the kernel still has. "
        "The copy is mounted, its newest checkpoint verified and loaded. The same with "
        "whole runs of a table, every third cut as soon as the run says that it is "
        "done; all go on on the copy to their end. As a control, saves whose syncs do "
        "nothing.",
    )
    if why := impossible():
        part.figures.append(Figure.skipped("acknowledged saves lost", why))
        return part
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        for syncs, whole in ((True, CUTS_OF_SAVES), (False, CUTS_OF_CONTROL)):
            count = max(3, round(whole * size))
            progress, problems = Progress("cuts of saves", count), []
            for problem in cuts_of_saves(root, count, chance, syncs=syncs):
                problems.append(problem)
                progress.step()
            bad = [problem for problem in problems if problem]
            if syncs:
                what = "acknowledged saves lost, or nothing readable, after a cut"
                measured = f"{len(bad)} of {count}"
                part.figures.append(Figure(what, measured, "0", not bad))
                part.notes += bad
            else:
                what = "the same without syncs, to show that the cuts are real"
                part.figures.append(Figure(what, f"{len(bad)} of {count}"))
        cuts_of_runs(part, root, max(3, round(CUTS_OF_RUNS * size)), chance)
    return part


def cuts_of_runs(part: Part, root: Path, count: int, chance: random.Random) -> None:
    """Cut the power of whole runs."""
    seconds, progress = whole_run("table", root / "table"), Progress("runs", count)
    when: Counter[str] = Counter()
    good = 0
    for number in range(count):
        instant = None if number % 3 == 0 else chance.uniform(0, seconds)
        stage, problem = cut_of_a_run(root, number, instant)
        when[stage] += 1
        good += not problem
        part.notes += [f"cut {stage}: {problem}"] if problem else []
        progress.step()
    what = "runs that go on after a cut and end equal"
    part.figures.append(Figure.count(what, good, count))
    part.notes += [f"runs cut {stage}: {n}" for stage, n in when.most_common()]
