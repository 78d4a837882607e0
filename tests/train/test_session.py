"""What happens between steps, and what time is booked for."""

import signal
from types import SimpleNamespace

import pytest

from torchsmith.plan.plan import Training
from torchsmith.train import session
from torchsmith.train.session import Session


@pytest.fixture
def clock(monkeypatch):
    now = SimpleNamespace(seconds=100.0, computed=3.0)
    monkeypatch.setattr(session, "perf_counter", lambda: now.seconds)
    monkeypatch.setattr(session, "process_time", lambda: now.computed)
    return now


@pytest.mark.skipif(not hasattr(signal, "SIGCONT"), reason="this system has no SIGCONT")
def test_a_night_in_which_the_process_was_stopped_is_no_time_of_training(clock):
    before = signal.getsignal(signal.SIGCONT)
    state = SimpleNamespace(seconds=0.0, epoch_seconds=0.0)
    training = Session(SimpleNamespace(training=Training(seconds=180)))
    with training.signals():
        clock.seconds += 5
        training.add_time(state)
        clock.seconds += 30_000
        clock.computed += 2
        signal.raise_signal(signal.SIGCONT)  # as after Ctrl-Z and fg
        training.add_time(state)
        assert not training.out_of_time(state)
        clock.seconds += 7
        training.add_time(state)
    assert (state.seconds, state.epoch_seconds) == (14, 14)
    assert signal.getsignal(signal.SIGCONT) == before
