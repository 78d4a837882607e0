"""`auto` decides by a rule, from a measurement that leaves no trace."""

import random
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.train.jobs import make_job, make_state, same_weights
from torchsmith.core.errors import PlanError
from torchsmith.train.engines import automatic, choose, trial
from torchsmith.train.engines.engine import Engine, Unsupported
from torchsmith.train.engines.rule import (
    may_pay,
    pick_engine,
    pick_threads,
    reason_of,
    seconds_text,
)
from torchsmith.train.loop import eager_epoch, fit
from torchsmith.train.session import Session

LONG = 40
"""Epochs of a job that is worth a measurement: 360 steps."""


@pytest.mark.parametrize(
    ("steps", "seconds", "compiling", "expected"),
    [
        (1_000, {"eager": 1.0}, 0, "eager"),
        (1_000, {"eager": 1.0, "captured": 0.9}, 0, "captured"),
        (1_000, {"eager": 0.9, "captured": 1.0}, 0, "eager"),
        (1_000, {"eager": 1.0, "captured": 1.0}, 0, "captured"),
        # half of the time, but not 5 seconds
        (1_000, {"captured": 0.009, "eager": 1.0, "compiled": 0.001}, 0, "compiled"),
        (1_000, {"captured": 0.004, "eager": 1.0, "compiled": 0.001}, 0, "captured"),
        # 5 seconds, but not half of the time
        (1_000, {"captured": 0.100, "eager": 1.0, "compiled": 0.060}, 0, "captured"),
        (1_000, {"captured": 0.100, "eager": 1.0, "compiled": 0.050}, 0, "compiled"),
        # compiling counts
        (1_000, {"captured": 0.100, "eager": 1.0, "compiled": 0.050}, 1, "captured"),
        (1_000, {"captured": 0.100, "eager": 1.0, "compiled": 0.020}, 20, "compiled"),
        (1_000, {"eager": 0.100, "compiled": 0.020}, 0, "compiled"),
    ],
)
def test_an_engine_is_picked_by_the_time_of_the_whole_run(
    steps, seconds, compiling, expected
):
    assert pick_engine(steps, seconds, compiling) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        ({1: 1.0}, 1),
        ({1: 1.0, 8: 0.80}, 8),
        ({1: 1.0, 8: 0.81}, 1),
        ({1: 1.0, 8: 3.0}, 1),
    ],
)
def test_several_threads_must_take_a_fifth_off_a_step(seconds, expected):
    assert pick_threads(seconds) == expected


@pytest.mark.parametrize(
    ("whole", "compiling", "expected"),
    [(5.0, 0, False), (5.1, 0, True), (20, 5, True), (19, 5, False)],
)
def test_what_cannot_pay_is_not_compiled(whole, compiling, expected):
    assert may_pay(whole, compiling) is expected


def test_the_reason_names_the_time_of_every_engine():
    seconds = {"eager": 0.03, "captured": 0.012, "compiled": 0.01}
    assert reason_of("captured", 1_000, seconds, {}) == (
        "12 s predicted for 1,000 steps, eager 30 s, compiled 10 s; compiled saves too "
        "little"
    )
    assert reason_of("eager", 1_000, {"eager": 0.5}, {"captured": "no case"}) == (
        "500 s predicted for 1,000 steps; captured: no case"
    )
    assert seconds_text(0.0999) == "0.1 s"
    assert seconds_text(99.6) == "100 s"


def new_state_of(job):
    return lambda: make_state(job)


def trained(job):
    state = make_state(job)
    fit(job, state, Session(job))
    return state


def drawn():
    """The state of the program's own random numbers."""
    numpy = np.random.get_state()[1].tolist()  # noqa: NPY002 -- a person's own
    return random.getstate(), numpy, torch.get_rng_state().tolist()


def test_measuring_changes_no_bit_of_the_training_and_no_random_number(monkeypatch):
    measured = []

    def step_seconds(engine, *arguments):
        measured.append(engine.name)
        return trial.step_seconds(engine, *arguments)

    monkeypatch.setattr(automatic, "step_seconds", step_seconds)
    job = make_job(epochs=LONG)
    untouched = trained(job)
    before, threads = drawn(), torch.get_num_threads()
    automatic.choose(job, new_state_of(job))
    assert measured
    assert drawn() == before
    assert torch.get_num_threads() == threads
    assert same_weights(trained(job).network, untouched.network)


def test_a_short_run_takes_the_bits_of_eager_without_a_measurement(monkeypatch):
    def refuse(*_):
        raise AssertionError("measured")

    monkeypatch.setattr(automatic, "step_seconds", refuse)
    job = make_job(epochs=4)
    choice = automatic.choose(job, new_state_of(job))
    assert choice.engine in ("captured", "eager")
    assert choice.engine_reason.startswith("36 steps are too few to measure")
    assert choice.threads == torch.get_num_threads()
    assert "too few to measure" in choice.threads_reason


def pretend(monkeypatch, seconds, *, compiles=True):
    """Let a step take what a table says, by engine and threads or by engine alone."""

    def step_seconds(engine, job, state, limit):
        del job, state, limit
        threads = torch.get_num_threads()
        return seconds.get((engine.name, threads), seconds.get(engine.name))

    def build(name):
        def built(job, state, tell=None):
            del job, state
            if name not in seconds and (name, 1) not in seconds:
                raise Unsupported("no case for LSTM")
            if tell is not None and not compiles:
                tell("compiling")
            return Engine(name, eager_epoch)

        return built

    monkeypatch.setattr(automatic, "step_seconds", step_seconds)
    monkeypatch.setattr(choose, "capture", build("captured"))
    for module in (choose, automatic):
        monkeypatch.setattr(module, "compile_engine", build("compiled"))


def chosen(**training):
    job = make_job(epochs=LONG, **training)
    return automatic.choose(job, new_state_of(job))


def test_the_faster_of_the_two_with_the_same_bits_is_taken(monkeypatch):
    pretend(monkeypatch, {"eager": 0.02, "captured": 0.005})
    choice = chosen(threads=1)
    assert (choice.engine, choice.threads, choice.threads_reason) == ("captured", 1, "")
    assert choice.engine_reason == (
        "1.8 s predicted for 360 steps, eager 7.2 s; compiled: could not save 5 s"
    )


def test_compiled_is_taken_where_it_saves_much(monkeypatch):
    pretend(monkeypatch, {"eager": 0.04, "captured": 0.03, "compiled": 0.001})
    choice = chosen(threads=1)
    assert choice.engine == "compiled"
    assert choice.engine_reason == (
        "0.36 s predicted for 360 steps, eager 14 s, captured 11 s; it rounds "
        "differently"
    )


def test_a_compilation_that_takes_too_large_a_share_is_not_begun(monkeypatch):
    pretend(
        monkeypatch,
        {"eager": 0.04, "captured": 0.03, "compiled": 0.001},
        compiles=False,
    )
    choice = chosen(threads=1)
    assert choice.engine == "captured"
    assert choice.engine_reason.endswith("compiled: compiling takes about 5 s")


def test_a_person_is_told_before_a_compilation_that_may_pay(monkeypatch):
    pretend(monkeypatch, {"eager": 0.04, "compiled": 0.001}, compiles=False)
    job, told = make_job(epochs=2 * LONG, threads=1), []
    assert automatic.choose(job, new_state_of(job), told.append).engine == "compiled"
    assert told == ["compiling"]


def test_what_an_engine_cannot_train_is_in_the_reason(monkeypatch):
    pretend(monkeypatch, {"eager": 0.03})
    choice = chosen(threads=1)
    assert choice.engine == "eager"
    assert choice.engine_reason == (
        "11 s predicted for 360 steps; captured: no case for LSTM; compiled: no case "
        "for LSTM"
    )


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize(("several", "expected"), [(0.001, 2), (0.009, 1)])
def test_threads_are_chosen_by_the_time_of_a_step(monkeypatch, several, expected):
    pretend(
        monkeypatch,
        {("captured", 1): 0.01, ("captured", 2): several, "eager": 0.02},
    )
    choice = chosen(engine="captured")
    assert (choice.engine, choice.threads) == ("captured", expected)
    ms = f"{1000 * several:g} ms"
    assert (
        choice.threads_reason == f"a step takes 10 ms on one thread, {ms} on 2 threads"
    )
    assert choice.engine_reason == ""


def test_a_long_step_is_not_measured_further(monkeypatch):
    pretend(monkeypatch, {"eager": 0.4, "captured": 0.4})
    choice = chosen()
    assert choice.engine == "captured"
    assert choice.engine_reason.startswith("a step takes 0.4 s, nearly all of it")
    assert choice.threads == torch.get_num_threads()


def test_an_engine_that_is_named_and_cannot_train_this_is_refused(monkeypatch):
    pretend(monkeypatch, {"eager": 0.02})
    for name in ("captured", "compiled"):
        with pytest.raises(
            PlanError, match=rf"training.engine: {name} .* for LSTM; use"
        ):
            chosen(engine=name, threads=1)


def test_a_gpu_has_eager_alone():
    job = replace(make_job(epochs=LONG), device=torch.device("cuda"))
    choice = automatic.choose(job, new_state_of(job))
    assert choice.engine == "eager"
    assert "captured: not verified on cuda" in choice.engine_reason
    job = replace(job, training=job.training.model_copy(update={"engine": "captured"}))
    with pytest.raises(PlanError, match="not verified on cuda"):
        automatic.choose(job, new_state_of(job))
