"""Torchsmith: its own `fit`, with one of its engines or the one that it chooses."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from benchmarks.peers.plans import plan_of
from benchmarks.peers.torch_network import Trained
from benchmarks.peers.work import Work

from torchsmith.api.carrying import ready_to_train, torch_threads
from torchsmith.cli.output import make_console
from torchsmith.cli.view import LiveView
from torchsmith.core.run_folder import RunFolder
from torchsmith.data.load import load
from torchsmith.data.split import Parts
from torchsmith.plan.file import parse_plan
from torchsmith.train.engines.automatic import Choice, choose
from torchsmith.train.engines.choose import build_engine
from torchsmith.train.loop import fit
from torchsmith.train.session import Session
from torchsmith.train.setup import initial_state, set_up


class EnoughError(Exception):
    """As many epochs were trained as were to be timed."""


def train(
    work: Work,
    *,
    engine: str = "auto",
    precision: str = "float32",
    recorded: bool = False,
) -> Trained:
    """Train as in a run of usual length, and stop after the epochs that are timed.

    Args:
        work: What to train, and when.
        engine: As a plan names it.
        precision: As a plan names it.
        recorded: With all that a run has: a bar, metrics, events for TensorBoard,
            snapshots and checkpoints. Engine and threads are as told then, so that it
            is compared with the very same training without.
    """
    epochs = max(work.job.usual_epochs, work.num_epochs)
    text = plan_of(work.name, epochs=epochs, engine=engine, precision=precision)
    plan = parse_plan(text)
    none = np.empty(0, np.int64)
    data = load(plan.data.source)
    setup = set_up(plan, data, Parts(np.arange(work.job.rows), none, none))
    job, state = setup.job, setup.state
    if recorded:
        choice = Choice(engine, work.threads)
    else:
        choice = choose(job, lambda: initial_state(plan, setup.preparation, job))
    work.notes = f"{choice.engine}, {choice.threads} threads"
    with (
        torch_threads(choice.threads),
        sessions(plan, data, setup, recorded) as session,
    ):
        train_epoch = build_engine(choice.engine, job, state).train_epoch

        def in_turn(job, state, session) -> None:
            if state.epoch == work.num_epochs:
                raise EnoughError
            work.turn()
            train_epoch(job, state, session)

        try:
            fit(job, state, session, in_turn)
        except EnoughError:
            work.done()
    return Trained(state.network)


@contextmanager
def sessions(plan, data, setup, recorded: bool) -> Iterator[Session]:
    """Give a session that records nothing, or one as each run has it."""
    if not recorded:
        yield Session(setup.job)
        return
    with tempfile.TemporaryDirectory() as runs, Path("/dev/null").open("w") as screen:
        folder = RunFolder.create(Path(runs), "run", {"plan.yaml": ""})
        console = make_console()
        console.file, console._force_terminal = screen, True
        with folder.locked(), LiveView(console) as view:
            yield ready_to_train(folder, plan, data, setup, view).session
