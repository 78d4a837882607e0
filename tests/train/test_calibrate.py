"""A temperature makes logits as sure as they are right, and nothing worse."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import torchsmith as ts
from torchsmith.data.load import load
from torchsmith.nn.losses import probabilities
from torchsmith.plan.calibration import FEWEST_ROWS
from torchsmith.plan.losses import (
    BCELoss,
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    MSELoss,
    NLLLoss,
)
from torchsmith.plan.settings import set_values
from torchsmith.train.calibrate import calibrated_loss, fit_temperature
from torchsmith.train.setup import set_up, set_up_beside


def sample(rows, temperature, classes=3, seed=0):
    """Logits that are too large by a factor, and classes drawn as they should say."""
    generator = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(rows, classes, generator=generator, dtype=torch.float64)
    targets = torch.multinomial(logits.softmax(dim=1), 1, generator=generator)
    return logits * temperature, targets.squeeze(1)


def log_loss(loss, outputs, targets, temperature):
    shares = probabilities(loss, outputs.double(), temperature)
    own = shares.gather(1, targets.unsqueeze(1)).clamp(min=1e-12)
    return -own.log().mean().item()


@pytest.mark.parametrize("temperature", [0.5, 1.6, 4.0])
def test_the_temperature_that_was_planted_is_found(temperature):
    found = fit_temperature(CrossEntropyLoss(), *sample(5_000, temperature))
    assert found.value == pytest.approx(temperature, rel=0.06)
    assert found.after < found.before
    assert (found.rows, found.why) == (5_000, "")


def test_it_is_found_whatever_the_outputs_stand_for():
    logits, targets = sample(4_000, 2.0)
    shares = logits.softmax(dim=1)
    found = {
        "logits": fit_temperature(CrossEntropyLoss(), logits, targets),
        "logs": fit_temperature(NLLLoss(), logits.log_softmax(dim=1), targets),
        "shares": fit_temperature(BCELoss(), shares, targets),
        "values": fit_temperature(MSELoss(), shares, targets),
    }
    assert {name: one.value for name, one in found.items()} == dict.fromkeys(
        found, pytest.approx(2.0, rel=0.06)
    )


def test_one_output_for_two_classes_is_scaled_too():
    logits, targets = sample(4_000, 2.0, classes=2)
    one = (logits[:, 1] - logits[:, 0]).unsqueeze(1)
    by_logit = fit_temperature(BCEWithLogitsLoss(), one, targets)
    by_share = fit_temperature(BCELoss(), one.sigmoid(), targets)
    assert by_logit.value == pytest.approx(2.0, rel=0.06)
    assert by_share.value == pytest.approx(by_logit.value, rel=1e-3)


def test_few_rows_are_not_trusted():
    found = fit_temperature(CrossEntropyLoss(), *sample(FEWEST_ROWS - 1, 4.0))
    assert found.value == 1
    assert found.why == "29 val rows are too few to fit a temperature (30 are needed)"


def test_a_few_rows_more_stay_close_to_1():
    few = fit_temperature(CrossEntropyLoss(), *sample(40, 4.0)).value
    assert 1.3 < few < 4.0


def test_rows_of_one_class_tell_nothing():
    logits, targets = sample(100, 2.0)
    found = fit_temperature(CrossEntropyLoss(), logits, torch.zeros_like(targets))
    assert (found.value, found.why) == (1, "all val rows are of one class")


def test_without_a_mistake_the_network_does_not_become_ever_surer():
    targets = torch.arange(300) % 3
    logits = 4.0 * torch.nn.functional.one_hot(targets, 3).double()
    found = fit_temperature(CrossEntropyLoss(), logits, targets)
    wrong = 1 - probabilities(CrossEntropyLoss(), logits, found.value).max()
    assert found.value < 1
    assert wrong > 0.5 / 300, "no mistake among 300 is not never a mistake"


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 500), st.sampled_from([0.4, 1.0, 1.1, 3.0]), st.integers(30, 90))
def test_the_log_loss_of_the_val_part_never_rises(seed, temperature, rows):
    outputs, targets = sample(rows, temperature, seed=seed)
    loss = CrossEntropyLoss()
    found = fit_temperature(loss, outputs, targets)
    before, after = (log_loss(loss, outputs, targets, t) for t in (1.0, found.value))
    assert after <= before
    assert found.value == 1 or after < before
    assert bool(found.why) == (found.value == 1)


LOSSES = [CrossEntropyLoss(), NLLLoss(), BCEWithLogitsLoss(), BCELoss(), MSELoss()]


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.spec_name())
@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(-400, 400), min_size=3, max_size=3), st.floats(0.05, 20.0))
def test_no_temperature_changes_the_order_of_the_classes(loss, row, temperature):
    outputs = torch.tensor([row], dtype=torch.float64) / 40
    if isinstance(loss, BCELoss):
        outputs = outputs.sigmoid()
    before = probabilities(loss, outputs)
    after = probabilities(loss, outputs, temperature)
    order = before.argsort(dim=1)
    assert (after.gather(1, order).diff(dim=1) >= 0).all()
    assert after.sum().item() == pytest.approx(1.0)
    assert torch.equal(probabilities(loss, outputs, 1.0), before)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
def test_the_loss_that_is_left_does_not_depend_on_how_sure_the_outputs_are(temperature):
    loss, (logits, targets) = CrossEntropyLoss(), sample(5_000, 1.0)
    honest = calibrated_loss(loss, logits, targets)
    assert calibrated_loss(loss, logits * temperature, targets) == pytest.approx(
        honest, rel=1e-3
    )
    assert honest == pytest.approx(log_loss(loss, logits, targets, 1.0), rel=1e-3)


def test_it_is_what_a_fitted_temperature_leaves():
    outputs, targets = sample(300, 3.0, seed=5)
    found = fit_temperature(CrossEntropyLoss(), outputs, targets)
    left = calibrated_loss(CrossEntropyLoss(), outputs, targets)
    assert left == pytest.approx(found.after, rel=1e-3)


def test_of_few_rows_it_is_the_log_loss():
    outputs, targets = sample(FEWEST_ROWS - 1, 3.0)
    found = calibrated_loss(CrossEntropyLoss(), outputs, targets)
    expected = log_loss(CrossEntropyLoss(), outputs, targets, 1.0)
    assert found == pytest.approx(expected)


def test_a_training_beside_another_measures_what_its_own_plan_monitors():
    plan = ts.plan("iris")
    setup = set_up(plan, load("iris"))
    other = set_values(plan, {"stopping.monitor": "val_calibrated_loss"})
    beside = set_up_beside(setup, other)
    given = sample(60, 2.0)
    assert beside.job.stopping == other.stopping
    assert "calibrated_loss" in beside.job.score(*given)
    assert "calibrated_loss" not in setup.job.score(*given)
