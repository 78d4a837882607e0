"""What happens between steps: progress, checkpoints, signals, time."""

import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import isfinite
from time import perf_counter, process_time
from types import FrameType
from typing import TYPE_CHECKING

from torchsmith.core.errors import Diverged, Interrupted
from torchsmith.core.run_folder import RunFolder
from torchsmith.train.history import EpochRecord
from torchsmith.train.state import TrainState
from torchsmith.train.watch import Progress, TrainingObserver

if TYPE_CHECKING:
    from torchsmith.train.loop import Job

PROGRESS_SECONDS = 0.1
CHECKPOINT_SECONDS = 10.0
CHECKPOINT_SHARE = 0.02
"""Saving may take so much of the time: a slow disk is written to less often."""


class Session:
    """One process's part of a training, from its start or from a checkpoint.

    Args:
        job: What is trained, for how long.
        folder: Where checkpoints go; None keeps everything in memory.
        observers: Are told how it goes.
        stop: Knows of Ctrl-C and the like; networks that train together share one.
    """

    def __init__(
        self,
        job: "Job",
        folder: RunFolder | None = None,
        observers: Sequence[TrainingObserver] = (),
        *,
        stop: "Stop | None" = None,
    ) -> None:
        self._job = job
        self._limit = job.training.seconds
        self._folder = folder
        self._observers = observers
        self._stop = stop or Stop()
        self._company = 1
        self._pauses = self._stop.pauses
        self._computed = process_time()
        now = perf_counter()
        self._clock = now
        self._next_progress = now
        self._next_checkpoint = now + CHECKPOINT_SECONDS

    def after_step(self, state: TrainState) -> None:
        """Look at the clock and the signals after an optimizer step.

        Raises:
            Interrupted: The person asked to stop; a checkpoint is saved.
            TrainError: The loss is no longer a finite number, or saving failed.
        """
        now = perf_counter()
        if self._stop.asked:
            self.interrupt(state)
        if now < self._next_progress:
            return
        self._next_progress = now + PROGRESS_SECONDS
        self.add_time(state)
        progress = self._progress(state)
        if not isfinite(progress.loss):
            raise diverged(state)
        for observer in self._observers:
            observer.on_progress(progress)
        if now >= self._next_checkpoint:
            self.save(state)

    def after_epoch(self, state: TrainState, record: EpochRecord) -> None:
        """Tell the observers about an epoch; save when it is time."""
        for observer in self._observers:
            observer.on_epoch_end(record)
        if self._stop.asked:
            self.interrupt(state)
        if perf_counter() >= self._next_checkpoint:
            self.save(state)

    def reason_to_stop(self, record: EpochRecord) -> str:
        """Return the first reason of an observer to end after this epoch, or none."""
        reasons = (observer.reason_to_stop(record) for observer in self._observers)
        return next(filter(None, reasons), "")

    def out_of_time(self, state: TrainState) -> bool:
        """Whether the plan's guard has been reached."""
        return bool(self._limit) and state.seconds >= self._limit

    def add_time(self, state: TrainState) -> None:
        """Book the time since the last call on the state, or its share of it.

        Where the process was stopped meanwhile, as by Ctrl-Z, no more is booked than it
        has computed: the guard is for training that takes too long, not for a night
        between two steps.
        """
        now = perf_counter()
        if self._pauses != self._stop.pauses:
            self._pauses = self._stop.pauses
            self._clock = max(self._clock, now - (process_time() - self._computed))
        self._computed = process_time()
        share = (now - self._clock) / self._company
        state.seconds += share
        state.epoch_seconds += share
        self._clock = now

    def restart_clock(self) -> None:
        """Book nothing for the time until now: this process waited for others."""
        self._clock = perf_counter()

    def share_time(self, num_networks: int) -> None:
        """Book only a share of the time from now on, and none of what was not booked.

        Args:
            num_networks: That train together.
        """
        self._company, self._clock = num_networks, perf_counter()

    def save(self, state: TrainState) -> None:
        """Commit a checkpoint, and plan the next.

        Raises:
            TrainError: The disk is full or failed; the checkpoint before is untouched.
        """
        if self._folder is None:
            return
        self.add_time(state)
        before = perf_counter()
        for observer in self._observers:
            observer.write_out()
        self._folder.save_checkpoint(state.step, state.save)
        cost = perf_counter() - before
        wait = max(CHECKPOINT_SECONDS, cost * self._company / CHECKPOINT_SHARE)
        self._next_checkpoint = perf_counter() + wait

    @property
    def is_asked_to_stop(self) -> bool:
        """Whether a signal came, or another process got one."""
        return self._stop.asked

    def ask_to_stop(self) -> None:
        """Stop at the next step as if a signal had come: another process got one."""
        self._stop.ask()

    @contextmanager
    def signals(self) -> Iterator[None]:
        """Turn Ctrl-C and the like into "save at the next step", as `Stop` does.

        At the end, also after an error, the observers hold nothing back.
        """
        with self._stop.signals():
            try:
                yield
            finally:
                for observer in self._observers:
                    observer.write_out()

    def interrupt(self, state: TrainState) -> None:
        """Save, and leave.

        Raises:
            Interrupted: Always.
            TrainError: Saving failed.
        """
        self.save(state)
        where = f"in epoch {state.epoch + 1}, at step {state.step}"
        if self._folder is None:
            raise Interrupted(
                f"stopped {where}; nothing was saved: there is no run folder"
            )
        raise Interrupted(
            f"stopped {where}; everything is saved. Go on with: {self._folder.go_on}"
        )

    def _progress(self, state: TrainState) -> Progress:
        num_epochs = self._job.training.epochs
        num_steps = num_epochs * self._job.steps_per_epoch
        per_step = state.seconds / max(state.step, 1)
        return Progress(
            epoch=state.epoch + 1,
            num_epochs=num_epochs,
            step=state.step,
            num_steps=num_steps,
            loss=state.mean_loss,
            lr=state.lr,
            examples_per_second=state.num_seen / max(state.epoch_seconds, 1e-9),
            seconds=state.seconds,
            seconds_left=per_step * (num_steps - state.step),
        )


class Stop:
    """Whether the person has asked to stop; the first time, all is saved before.

    Attributes:
        pauses: How often the process was stopped, as by Ctrl-Z, and went on.
    """

    def __init__(self) -> None:
        self._signal: signal.Signals | None = None
        self.pauses = 0

    @property
    def asked(self) -> bool:
        """Whether a signal came."""
        return self._signal is not None

    def ask(self) -> None:
        """Do as if a signal had come."""
        self._signal = self._signal or signal.SIGTERM

    @contextmanager
    def signals(self) -> Iterator[None]:
        """Turn Ctrl-C and the like into "save at the next step"; a second one leaves.

        One that comes after the last step takes effect when all is saved. What the
        person had ignored, as `nohup` does with a terminal that goes away, stays so.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {
            number: signal.signal(number, self._on_signal)
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
            if signal.getsignal(number) not in (signal.SIG_IGN, None)
        }
        going_on = getattr(signal, "SIGCONT", None)  # Windows has none
        if going_on and signal.getsignal(going_on) == signal.SIG_DFL:
            before[going_on] = signal.signal(going_on, self._on_going_on)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        if self._signal is not None:
            signal.raise_signal(self._signal)

    def _on_going_on(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self.pauses += 1

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        del frame
        if self._signal is None:
            self._signal = signal.Signals(number)
        elif number == signal.SIGINT:
            raise KeyboardInterrupt
        else:
            os._exit(128 + number)


def diverged(state: TrainState, why: str = "") -> Diverged:
    """Say that the loss is no longer a finite number, and what to do.

    Args:
        state: Where training is.
        why: And what to do, where that is known.
    """
    usual = (
        "lower the learning rate, check that the inputs are scaled, and clip gradients "
        "(training.clip_grad_norm: 1 in a plan, clip_grad_norm=1 in fit)"
    )
    return Diverged(
        f"the loss is no longer a finite number (epoch {state.epoch + 1}, step "
        f"{state.step}, lr {state.lr:.3g}); {why or usual}"
    )
