"""A run of the same plan on the same machine repeats what was measured."""

import pytest

import torchsmith as ts
from tests.api.test_choosing import PLAN
from torchsmith.api import choosing, remembered
from torchsmith.plan.file import parse_plan
from torchsmith.train.engines import automatic
from torchsmith.train.engines.automatic import Choice

SAID = "eager 3 s"


@pytest.fixture
def plan():
    return parse_plan(PLAN)


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path):
    """A cache of this test's own, and the functions that the others do without."""
    monkeypatch.setenv("TORCHSMITH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(choosing, "recall", remembered.recall)
    monkeypatch.setattr(choosing, "remember", remembered.remember)
    return tmp_path / "cache" / "choices"


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """Measures something else each time."""
    measured = []

    def choose(job, new_state, tell):
        measured.append(job.training)
        engine = "captured" if len(measured) == 1 else "eager"
        return Choice(engine, len(measured), SAID, SAID, is_measured=True)

    monkeypatch.setattr(automatic, "choose", choose)
    return measured


def chosen(run):
    return run.plan.training.engine, run.plan.training.threads


def test_a_repeated_run_repeats_the_choice_and_says_when_it_was_made(
    plan, tmp_path, clock
):
    first = ts.train(plan, runs=tmp_path)
    again = ts.train(plan, runs=tmp_path)
    assert chosen(again) == chosen(first) == ("captured", 1)
    assert len(clock) == 1
    assert first.plan.reasons["training.engine"] == f"auto: {SAID}"
    for name in ("engine", "threads"):
        reason = again.plan.reasons[f"training.{name}"]
        assert reason.startswith(f"auto: {SAID}; as measured on 2")


@pytest.mark.parametrize("setting", ["training.seed", "training.batch_size"])
def test_another_plan_is_measured_by_itself(plan, tmp_path, clock, setting):
    ts.train(plan, runs=tmp_path)
    other = ts.train(plan, settings={setting: 7}, runs=tmp_path)
    assert chosen(other) == ("eager", 2)


def test_in_another_environment_it_is_measured_again(
    plan, tmp_path, clock, monkeypatch
):
    ts.train(plan, runs=tmp_path)
    monkeypatch.setattr(remembered, "environment", lambda: {"torch": "9.0"})
    assert chosen(ts.train(plan, runs=tmp_path)) == ("eager", 2)


def test_what_the_engine_cannot_do_any_more_is_measured_again(
    plan, tmp_path, clock, folder, monkeypatch
):
    monkeypatch.setenv("CXX", "no-compiler-of-this-name")
    ts.train(plan, runs=tmp_path)
    (kept,) = folder.iterdir()
    kept.write_text(kept.read_text().replace("captured", "compiled"))
    assert chosen(ts.train(plan, runs=tmp_path)) == ("eager", 2)


@pytest.mark.parametrize("content", ["", "{", '{"engine": "warp", "threads": 1}'])
def test_a_damaged_choice_is_measured_and_kept_again(
    plan, tmp_path, clock, folder, content
):
    ts.train(plan, runs=tmp_path)
    (kept,) = folder.iterdir()
    kept.write_text(content)
    assert chosen(ts.train(plan, runs=tmp_path)) == ("eager", 2)
    assert chosen(ts.train(plan, runs=tmp_path)) == ("eager", 2)


def test_where_nothing_can_be_kept_runs_are_measured(plan, tmp_path, clock):
    (tmp_path / "cache").write_text("a file in the way")
    ts.train(plan, runs=tmp_path)
    assert chosen(ts.train(plan, runs=tmp_path)) == ("eager", 2)


def test_what_the_clock_did_not_decide_is_not_kept(plan, tmp_path, folder, monkeypatch):
    monkeypatch.setattr(
        automatic, "choose", lambda *_: Choice("eager", 1, "too few steps", "too few")
    )
    ts.train(plan, runs=tmp_path)
    assert not folder.exists()
