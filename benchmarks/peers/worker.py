"""One contender in a process of its own; `benchmarks/engines.py` starts it.

    python -m benchmarks.peers.worker epochs NAME JOB EPOCHS THREADS
    python -m benchmarks.peers.worker whole NAME JOB EPOCHS THREADS FILE

With `epochs` it trains an epoch for each line on standard input; with `whole` it trains
and saves its network.
"""

import importlib
import os
import resource
import sys

from benchmarks.peers.contenders import CONTENDERS, RECORDED
from benchmarks.peers.work import Work, held_out


def main(arguments: list[str]) -> None:
    """Train as told."""
    mode, name, job, epochs, threads, *rest = arguments
    contender = {**CONTENDERS, **RECORDED}[name]
    os.environ.update(contender.environment)
    # Frameworks print; what the main process reads goes through another file.
    channel = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    module = importlib.import_module(f"benchmarks.peers.{contender.module}")
    work = Work(job, int(epochs), int(threads), channel if mode == "epochs" else None)
    trained = module.train(work, **contender.options)
    if mode == "whole":
        trained.save(rest[0])
        print("saved", file=channel, flush=True)
        return
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    loss, accuracy = score(job, trained) if trained is not None else (None, None)
    work.tell(peak_mb=peak, loss=loss, accuracy=accuracy, notes=work.notes)


def score(job: str, trained: object) -> tuple[float, float | None]:
    """Return the loss, and for classes the accuracy, on what is held out."""
    import numpy as np

    inputs, targets = held_out(job)
    outputs = np.asarray(trained.outputs(inputs), np.float64)
    if targets.ndim == 2:
        return float(((outputs.reshape(-1, 1) - targets) ** 2).mean()), None
    outputs -= outputs.max(1, keepdims=True)
    logs = outputs - np.log(np.exp(outputs).sum(1, keepdims=True))
    rows = np.arange(len(targets))
    accuracy = float((outputs.argmax(1) == targets).mean())
    return float(-logs[rows, targets].mean()), accuracy


if __name__ == "__main__":
    main(sys.argv[1:])
