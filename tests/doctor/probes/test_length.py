"""What the number of steps says before the first of them."""

import math

import pytest

from tests.doctor.subjects import planned
from torchsmith.doctor.diagnosis import UNKNOWN, Reference
from torchsmith.doctor.probes.length import find_in_length
from torchsmith.doctor.probes.steps import Trace, steps_of
from torchsmith.doctor.rules_schedule import find_in_schedule

IRIS = Reference(chance_loss=1.1, initial_loss=1.15, probe_loss=0.2)


def training(epochs, batch_size, **settings):
    given = {"training.epochs": epochs, "training.batch_size": batch_size, **settings}
    return planned("iris", settings=given)


def found(subject, trace=None, reference=IRIS):
    return list(find_in_length(subject, trace, reference))


def test_batches_that_leave_few_steps_are_made_smaller_in_as_many_epochs():
    (finding,) = found(training(25, 50))
    assert (finding.code, finding.severity) == ("P4", "warning")
    assert finding.changes == {"training.batch_size": 8}


def test_batches_that_cannot_be_small_enough_get_more_epochs_too():
    subject = training(1, 200)
    (finding,), rows = found(subject), len(subject.job.train)
    assert finding.changes["training.batch_size"] == 8
    assert finding.changes["training.epochs"] * math.ceil(rows / 8) >= 200


def test_an_epoch_of_few_steps_is_too_short():
    (finding,) = found(training(1, 8))
    assert (finding.code, finding.severity) == ("P3", "warning")
    assert finding.changes["training.epochs"] > 10


@pytest.mark.parametrize(
    ("late", "severities"), [(1.09, ["error"]), (0.5, ["warning"]), (0.1, [])]
)
def test_a_trial_of_the_whole_training_shows_where_it_ends(late, severities):
    subject = training(3, 8)
    num = 3 * subject.job.steps_per_epoch
    trace = Trace(num, losses=[late] * num)
    assert [f.severity for f in found(subject, trace)] == severities
    assert found(subject, Trace(num - 1, losses=[late] * (num - 1))) == []


@pytest.mark.parametrize(
    "known", [UNKNOWN, IRIS.model_copy(update={"initial_loss": 0.3})]
)
def test_nothing_is_said_of_a_network_that_may_know_something(known):
    assert found(training(1, 200), reference=known) == []


def test_a_pace_is_that_of_the_highest_rate_wherever_the_schedule_ends():
    cosine = {"schedule": "CosineAnnealingLR", "optimizer": {"Adam": {"lr": 1e-3}}}
    subject = training(5, 16, **cosine)
    num = 5 * subject.job.steps_per_epoch
    assert -3.5 < steps_of(subject, num).pace < -1.5


def test_a_schedule_of_a_handful_of_steps_is_not_what_is_wrong():
    subject = training(2, 200, schedule="CosineAnnealingLR")
    assert list(find_in_schedule(subject)) == []
