"""What the plans of all kinds of data have in common."""

from tests.plan.test_decide import pictures
from torchsmith.plan.decide import decide
from torchsmith.plan.machine import Machine


def test_one_epoch_that_is_too_long_is_not_said_to_fit():
    plan = decide(pictures(), Machine(cores=1, gflops=0.5), 5)
    assert plan.training.epochs == 1
    assert " min here: more than can fit into 5 s" in plan.reasons["training.epochs"]
