"""A save in a process of its own, in which one system call kills it or fails.

`strace` stands between the process and the kernel: `inject=rename:signal=KILL:when=2`
kills at the second rename, before it is done; `inject=write:error=EIO:when=3` fails the
third write. With 1, 2, 3, … until nothing happens, every call has its turn.
"""

import os
import re
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.processes import PROCESSES
from tests.reliability.matrix import VALUES, Case, build
from torchsmith.core.errors import TrainError
from torchsmith.core.files import damage
from torchsmith.core.run_folder import RunFolder, run_names

CHANGES = ("openat", "write", "fsync", "rename", "mkdir", "unlink", "unlinkat", "rmdir")
"""The calls by which a save changes the disk; others are looked at in the long run."""
ERRORS = {
    "openat": ("EIO", "ENOSPC", "EROFS"),
    "write": ("EIO", "ENOSPC", "EDQUOT"),
    "fsync": ("EIO", "ENOSPC"),
    "close": ("EIO",),
    "rename": ("EIO", "ENOSPC"),
    "mkdir": ("EIO", "ENOSPC"),
    "read": ("EIO",),
}
"""What each call may fail with."""
OPERATIONS = ("checkpoint", "model", "run")
FILES = {"plan.yaml": "a: 1\n", "environment.json": "{}"}
SIMPLE = Case(**{name: values[0] for name, values in VALUES.items()})  # type: ignore[arg-type]


def strace_missing() -> str:
    """Say why system calls cannot be injected here, or return an empty string."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    done = subprocess.run(
        ["strace", "-e", "inject=fsync:error=EIO:when=1", "true"],
        capture_output=True,
        text=True,
        check=False,
    )
    return f"strace cannot trace here: {done.stderr.strip()}" if done.returncode else ""


def prepare(folder: Path) -> None:
    """Make a run with two checkpoints and a model, and one for a rehearsal."""
    _prepare(folder)
    _prepare(folder / "rehearsal")


def _prepare(folder: Path) -> None:
    run = RunFolder.create(folder, "job", FILES)
    for step in (5, 7):
        save_step(run, step)
    run.save_model(_model("old"))
    run.path.rename(folder / "job")


def save_step(run: RunFolder, step: int) -> None:
    """Commit a checkpoint whose content is a function of the step."""
    _, state = build(SIMPLE)
    state.step, state.lr = step, step / 10
    run.save_checkpoint(step, state.save)


def _model(word: str):
    def fill(path: Path) -> None:
        (path / "network.safetensors").write_bytes(word.encode() * 200)
        (path / "model.json").write_text(word)

    return fill


def operate(operation: str, folder: Path) -> None:
    """Do one of `OPERATIONS` in a folder that `prepare` made."""
    run = RunFolder(folder / "job")
    if operation == "checkpoint":
        save_step(run, 9)
    elif operation == "model":
        run.save_model(_model("new"))
    else:
        RunFolder.create(folder / "new" / "runs", "other", FILES)


def in_a_child(operation: str, folder: Path, ready, answer) -> None:
    """Wait for SIGUSR1, do the operation, and answer with a code and the error's text.

    Of the code that a process ends with, `multiprocessing` loses one now and then where
    threads of one process start others: whichever asks second is told 255.
    """
    operate(operation, folder / "rehearsal")  # imports what is imported at first use
    code, text = 0, ""
    answers = os.dup(answer.fileno())
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    ready.send(os.getpid())
    signal.sigwait([signal.SIGUSR1])
    try:
        operate(operation, folder)
    except TrainError as error:
        code, text = 3, str(error)
    except BaseException as error:  # noqa: BLE001 -- is reported as a failure
        code, text = 4, repr(error)
    os.writev(answers, [f"{code} {text}".encode()])  # not a write that counts
    os._exit(0)


@dataclass(frozen=True)
class Fault:
    """What came of an operation in which one call was hit.

    Attributes:
        code: -9 is killed, 0 that nothing went wrong, 3 an error of ours, 4 another.
        message: Of the error, or empty.
    """

    code: int
    message: str


def hit(operation: str, folder: Path, *options: str) -> Fault:
    """Do an operation in a process of its own, under `strace` with these options."""
    pid_in, pid_out = PROCESSES.Pipe(duplex=False)
    text_in, text_out = PROCESSES.Pipe(duplex=False)
    process = PROCESSES.Process(
        target=in_a_child, args=(operation, folder, pid_out, text_out)
    )
    process.start()
    pid_out.close()
    text_out.close()
    pid = pid_in.recv()
    with subprocess.Popen(
        ["strace", "-f", *options, "-p", str(pid)], stderr=subprocess.PIPE, text=True
    ) as tracer:
        assert tracer.stderr is not None
        assert "attached" in tracer.stderr.readline()
        os.kill(pid, signal.SIGUSR1)
        answer = os.read(text_in.fileno(), 4000).decode()
        process.join()
        tracer.communicate()
    pid_in.close()
    text_in.close()
    if not answer:
        to_be_killed = any("signal=KILL" in option for option in options)
        return Fault(-signal.SIGKILL if to_be_killed else 4, "it ended unasked")
    code, _, message = answer.partition(" ")
    return Fault(int(code), message)


def calls_of(operation: str, template: Path, folder: Path) -> Counter[str]:
    """Count the system calls that an operation makes, by name."""
    shutil.copytree(template, folder)
    log = folder / "calls.log"
    assert hit(operation, folder, "-o", str(log)).code == 0
    found = re.findall(r"^(?:\d+ +)?([a-z_0-9]+)\(", log.read_text(), re.MULTILINE)
    return Counter(found)


def faults(
    operation: str, template: Path, into: Path, call: str, what: str
) -> Iterator[tuple[int, Fault, Path]]:
    """Hit the first, second, … of a call, until an operation needs no more of them.

    Args:
        operation: One of `OPERATIONS`.
        template: What `prepare` made.
        into: Where copies of it go, one for each fault.
        call: The name of a system call.
        what: As `strace` takes it: `signal=KILL` or `error=EIO`.

    Yields:
        Which call was hit, what came of it, and the folder that is left.
    """
    for number in range(1, 2000):
        folder = into / f"{operation}-{call}-{what}-{number}"
        shutil.copytree(template, folder)
        inject = f"inject={call}:{what}:when={number}"
        done = hit(operation, folder, "-o", str(folder / "log"), "-e", inject)
        if "(INJECTED)" not in (folder / "log").read_text() and done.code == 0:
            shutil.rmtree(folder)
            return
        yield number, done, folder
        shutil.rmtree(folder)


def problem_after(operation: str, fault: Fault, folder: Path) -> str:
    """Say what is wrong after a fault, or return an empty string."""
    run = RunFolder(folder / "job")
    newest, problems = run.newest_checkpoint()
    if newest is None or problems:
        return f"no whole checkpoint: {problems}"
    wanted = {"00000007", "00000009"} if operation == "checkpoint" else {"00000007"}
    if newest.name not in wanted:
        return f"the newest checkpoint is {newest.name}"
    if operation == "checkpoint" and fault.code == 0 and newest.name != "00000009":
        return "a checkpoint that was said to be saved is not there"
    _, state = build(SIMPLE)
    state.load(newest)
    if state.lr != state.step / 10 or state.step != int(newest.name):
        return f"{newest.name} has the content of another step"
    if operation == "model" and run.model.exists() and damage(run.model):
        return f"the model is damaged: {damage(run.model)}"
    made = folder / "new" / "runs"
    for name in run_names(made) if operation == "run" else ():
        if any((made / name / n).read_text() != text for n, text in FILES.items()):
            return f"the new run {name} is not whole"
    return problem_with_answer(fault, folder) or problem_with_next(operation, folder)


def problem_with_answer(fault: Fault, folder: Path) -> str:
    """Say what is wrong with what the person is told, or return an empty string."""
    if fault.code in (0, -signal.SIGKILL):
        return ""
    if fault.code != 3:
        return f"not an error of ours: {fault.message}"
    if str(folder) not in fault.message or "bytes free" not in fault.message:
        return f"the message names no path or no free bytes: {fault.message}"
    left = [p.name for p in folder.rglob("*.tmp-*")] + [
        p.name for p in folder.rglob(".*.new")
    ]
    return f"left behind: {left}" if left else ""


def problem_with_next(operation: str, folder: Path) -> str:
    """Try again after a fault; say what is wrong then, or return an empty string."""
    run = RunFolder(folder / "job")
    with run.locked():
        if left := [p.name for p in run.path.rglob("*.tmp-*")]:
            return f"not swept: {left}"
        operate(operation, folder)
        newest, problems = run.newest_checkpoint()
    if newest is None or problems or int(newest.name[:8]) < 7:
        return f"a save after it failed: {newest}, {problems}"
    return ""
