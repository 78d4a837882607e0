"""Ctrl-C and SIGTERM at random instants: saved, and gone."""

import os
import random
import shutil
import signal
import statistics
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.reliability.figures import Figure, Part, in_parallel
from benchmarks.reliability.jobs import prepare, run_of, save_often
from tests.processes import PROCESSES
from tests.reliability.jobs import command_line

from torchsmith.core.run_folder import RunFolder

SIGNALS = 200
MOST_SECONDS, MOST_SECONDS_OF_A_SECOND = 5.0, 0.5
ENDLESS = (
    *("train", "table.csv", "--target", "value", "--epochs", "100000"),
    *("--set", "stopping.patience=0", "--set", "training.engine=eager"),
)


@dataclass(frozen=True)
class Answer:
    """What came of a signal.

    Attributes:
        seconds: From the last signal until the process was gone.
        problem: What was wrong, or empty.
        came: Whether the last signal found the process there.
    """

    seconds: float
    problem: str
    came: bool = True


def endless(folder: Path, output) -> None:
    """Train without an end, saving at a stress rate."""
    save_often()
    command_line(folder, ENDLESS, output)


def interrupt(root: Path, case: tuple) -> Answer:
    """Send a signal, or two, at an instant of a training; say what came of it."""
    number, kind, instant, second = case
    folder = root / str(number)
    prepare("table", folder)
    lines, output = PROCESSES.Pipe(duplex=False)
    process = PROCESSES.Process(target=endless, args=(folder, output))
    process.start()
    output.close()
    begun = time.monotonic()
    while not list((folder / "runs").glob("*/metrics.jsonl")):
        if time.monotonic() - begun > 120:
            process.kill()
            return Answer(0.0, "training did not begin")
        time.sleep(0.01)
    time.sleep(instant)
    sent, came = time.monotonic(), True
    os.kill(process.pid, kind)
    if second is not None:
        time.sleep(second)
        sent = time.monotonic()
        came = process.is_alive()
        os.kill(process.pid, kind) if came else None
    # A pipe that nobody reads would hold the process back.
    text = b""
    while part := os.read(lines.fileno(), 65536):
        text += part
    process.join()
    seconds = time.monotonic() - sent
    problem = wrong_with(folder, process.exitcode, text.decode(), once=second is None)
    shutil.rmtree(folder)
    return Answer(seconds, problem, came)


def wrong_with(folder: Path, code: int | None, text: str, *, once: bool) -> str:
    """Say what is wrong after a signal, or return ''."""
    newest, problems = RunFolder(run_of(folder)).newest_checkpoint()
    if problems:
        return f"damaged: {problems}"
    if "Traceback" in text:
        return f"a traceback: {text[-300:]}"
    if not once:
        return "" if code in (130, 143) else f"exit code {code}: {text[-200:]}"
    said = [line for line in text.splitlines() if line.startswith("interrupted")]
    if code != 130 or not said:
        return f"exit code {code}: {text[-200:]}"
    if newest is None or f"at step {int(newest.name[:8])}" not in said[0]:
        return f"{said[0]}, but the newest checkpoint is {newest}"
    return ""


def measure(size: float, seed: int) -> Part:
    """Send `size` times 200 signals, and as many pairs."""
    chance = random.Random(seed)
    part = Part(
        "Ctrl-C and SIGTERM",
        "`torchsmith train` of a table without an end, saving every 20 ms, gets SIGINT "
        "or SIGTERM at a random instant of its first second of training. Right: exit "
        "code 130, one line that names the step, and a whole checkpoint of this very "
        "step, so that no step is lost. Then the same with a second signal up to 10 ms "
        "after the first: gone at once, with the checkpoint before whole.",
    )
    count = max(2, round(SIGNALS * size))
    with tempfile.TemporaryDirectory() as temporary:
        for twice, most in ((False, MOST_SECONDS), (True, MOST_SECONDS_OF_A_SECOND)):
            cases = [
                (
                    f"{number}-{twice}",
                    (signal.SIGINT, signal.SIGTERM)[number % 2],
                    chance.uniform(0, 1),
                    chance.uniform(0, 0.01) if twice else None,
                )
                for number in range(count)
            ]
            what = "pairs of signals" if twice else "signals"
            answers = in_parallel(what, cases, partial(interrupt, Path(temporary)))
            found = [answer for _, answer in answers if answer.came]
            good = sum(not answer.problem for answer in found)
            title = "a second signal leaves at once" if twice else "saved, and gone"
            part.figures.append(Figure.count(title, good, len(found)))
            times = sorted(answer.seconds for answer in found)
            middle, last = statistics.median(times), times[-1]
            part.figures.append(
                Figure(
                    f"seconds from the {'second ' if twice else ''}signal to the end",
                    f"median {middle:.3f}, longest {last:.3f}",
                    f"at most {most:g}",
                    last <= most,
                )
            )
            if twice:
                gone = len(answers) - len(found)
                part.notes.append(f"{gone} second signals came after the end")
            part.notes += [answer.problem for answer in found if answer.problem]
    return part
