"""A training with any options ends with the same bits wherever it was stopped."""

from itertools import combinations

import pytest

from tests.reliability.matrix import VALUES, Case, generate, run_case, train
from torchsmith.train.state import TrainState

CASES = 500
SAMPLE = 12
ALL = generate(CASES)


def stop_everywhere(case, folder):
    outcome = run_case(case, folder)
    assert outcome.points >= 4
    assert not outcome.different, f"{case}: {outcome.different}"


@pytest.mark.parametrize("case", ALL[:: CASES // SAMPLE][:SAMPLE], ids=str)
def test_a_training_stopped_at_any_step_ends_with_the_same_bits(tmp_path, case):
    stop_everywhere(case, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("case", ALL, ids=str)
def test_each_training_of_the_matrix_ends_with_the_same_bits(tmp_path, case):
    stop_everywhere(case, tmp_path)


def test_the_cases_are_distinct_and_hold_each_pair_of_values():
    assert len(set(ALL)) == len(ALL) >= CASES
    found = {
        ((left, getattr(case, left)), (right, getattr(case, right)))
        for case in ALL
        for left, right in combinations(VALUES, 2)
    }
    wanted = {
        ((left, a), (right, b))
        for left, right in combinations(VALUES, 2)
        for a in VALUES[left]
        for b in VALUES[right]
    }
    impossible = {
        (("source", "tensors"), ("workers", 1)),
        (("source", "tensors"), ("workers", 4)),
        (("network", "lstm"), ("precision", "bfloat16")),
    }
    assert wanted - found == impossible


def test_the_number_of_workers_makes_no_difference():
    values = {name: values[0] for name, values in VALUES.items()}
    values |= {"source": "dataset", "augment": True, "dropout": 0.4}
    found = {train(Case(**(values | {"workers": n})))[0] for n in VALUES["workers"]}
    assert len(found) == 1


LOSSES = {
    "step": lambda state: setattr(state, "step", 0),
    "step_in_epoch": lambda state: setattr(state, "step_in_epoch", 0),
    "loss_sum": lambda state: state.loss_sum.zero_(),
    "best_value": lambda state: setattr(state, "best_value", None),
    "best_weights": lambda state: state.best_weights.clear(),
    "bad_epochs": lambda state: setattr(state, "bad_epochs", 0),
    "history": lambda state: state.history.clear(),
    "momentum": lambda state: state.optimizer.state.clear(),
    "average": lambda state: state.average.model.n_averaged.zero_(),
    "schedule": lambda state: setattr(state.schedule, "last_epoch", 0),
}


@pytest.mark.parametrize("lost", LOSSES)
def test_anything_that_a_checkpoint_would_lose_is_noticed(tmp_path, monkeypatch, lost):
    values = {name: values[0] for name, values in VALUES.items()}
    values |= {"averaging": "EMA", "schedule": "StepLR", "stopping": "early"}
    load = TrainState.load

    def load_most(state, folder):
        load(state, folder)
        LOSSES[lost](state)

    monkeypatch.setattr(TrainState, "load", load_most)
    assert run_case(Case(**values), tmp_path).different
