"""What the course of a training shows, and what it does not."""

import math
from dataclasses import replace

import pytest

from torchsmith.api.planning import plan
from torchsmith.doctor.course import Course, find_in_course, pointless
from torchsmith.doctor.diagnosis import Reference
from torchsmith.doctor.signals import LayerSignals, Signals
from torchsmith.plan.settings import set_values
from torchsmith.train.history import EpochRecord

REFERENCE = Reference(
    chance_loss=1.0,
    chance_score=0.5,
    probe_loss=0.4,
    probe_score=0.8,
    probe_error=0.02,
    initial_loss=1.02,
)
PLAN = plan("iris")


def layer(name, ratio=0.01, grad=0.01, size=1.0, **more):
    return LayerSignals(
        name=name,
        type="Linear",
        weight_rms=size,
        update_rms=ratio * size,
        grad_rms=grad * size,
        mean=0.0,
        deviation=1.0,
        **more,
    )


def activation(dead=None, saturated=None, kind="ReLU"):
    return LayerSignals(name="1", type=kind, dead=dead, saturated=saturated)


def sample(
    epoch,
    loss=1.0,
    *,
    dead=None,
    saturated=None,
    ratio=0.01,
    first=0.01,
    last=0.01,
    size=1.0,
    modes=(None, None),
    spread=1.0,
    lost=(),
):
    kept = modes if modes[0] is not None else (loss, loss)
    return Signals(
        epoch=epoch,
        step=epoch * 100,
        lr=0.01,
        loss=loss,
        batch_loss=kept[1],
        train_mode_loss=kept[0],
        grad_norm=1.0,
        spread=spread,
        examples=256,
        layers=(
            layer("0", ratio, first, size),
            activation(dead, saturated, "ReLU" if saturated is None else "Tanh"),
            layer("2", ratio, last, size),
        ),
        not_finite=lost,
    )


def course(
    losses,
    samples,
    *,
    accuracy=0.9,
    num_epochs=None,
    val=None,
    norms=None,
    steps=100,
    **more,
):
    history = [
        EpochRecord(
            epoch=n + 1,
            step=steps * (n + 1),
            train_loss=loss,
            val_loss=loss if val is None else val[n],
            metrics={"accuracy": accuracy},
            lr=0.01,
            seconds=1.0,
            examples_per_second=1.0,
            grad_norm=1.0 if norms is None else norms[n],
        )
        for n, loss in enumerate(losses)
    ]
    kept = {"reference": REFERENCE, "plan": PLAN, **more}
    return Course(num_epochs or len(losses), history, samples, **kept)


def found(made):
    findings = list(find_in_course(made))
    for finding in findings:
        set_values(PLAN, finding.changes)
        assert finding.moment == "during"
        assert finding.evidence
        assert finding.remedy
    return {finding.code: finding.severity for finding in findings}


LEARNING = (0.9, 0.5, 0.3, 0.2)

HEALTHY = {
    "it learns": course(LEARNING, [sample(0), sample(4, 0.2)]),
    "a warm-up whose first epoch is above chance": course(
        (1.3, 0.8, 0.4, 0.2), [sample(0, 1.3, ratio=1e-4), sample(4, 0.2)]
    ),
    "sparse units, and better than a rival": course(
        LEARNING, [sample(0, dead=0.02), sample(4, 0.15, dead=0.6)]
    ),
    "a rate that ends at nothing": course(
        LEARNING, [sample(0), sample(2, 0.5), sample(4, 0.2, ratio=1e-9)]
    ),
    "dropout, which costs in train mode": course(
        (0.95, 0.7, 0.5, 0.38),
        [sample(0), sample(4, 0.2, modes=(0.4, 0.2), dead=0.6)],
        accuracy=0.85,
    ),
    "members that are averaged in eval mode alone, without dropout": course(
        (1.0, 0.99, 0.98, 0.9),
        [sample(0), sample(4, 0.6, modes=(0.9, 0.6))],
        accuracy=0.6,
        plan=set_values(PLAN, {"network": {"TabularMLP": {"members": 4}}}),
    ),
    "noise that cost much early, and little at the end": course(
        (1.0, 0.8, 0.6, 0.5),
        [
            sample(0),
            sample(2, 0.6, modes=(0.9, 0.6)),
            sample(4, 0.45, modes=(0.5, 0.45)),
        ],
        accuracy=0.76,
    ),
    "a rate that is low wherever a sample is taken": course(
        (0.9, 0.7, 0.5, 0.45),
        [
            sample(n, loss, ratio=1e-3).model_copy(update={"lr": 1e-4})
            for n, loss in ((0, 1.0), (4, 0.45))
        ],
        accuracy=0.76,
    ),
    "a table of rows, of which only a few have a gradient": course(
        (1.0, 0.6, 0.4, 0.2),
        [
            sample(0).model_copy(
                update={
                    "layers": (
                        layer("rows", grad=1e-5).model_copy(
                            update={"type": "Embedding"}
                        ),
                        *sample(0).layers,
                    )
                }
            ),
            sample(4, 0.2),
        ],
    ),
    "nothing is learned of so few that a rival cannot tell": course(
        (1.0, 0.99, 0.95, 0.93),
        [sample(0), sample(4, 0.93)],
        val=(1.0, 1.0, 1.0, 1.1),
        accuracy=0.5,
        reference=REFERENCE.model_copy(
            update={"probe_loss": 1.0, "probe_score": 0.53, "probe_error": 0.067}
        ),
    ),
    "slow weights of a network as good as a rival": course(
        (0.9, 0.7, 0.6, 0.5),
        [sample(0, ratio=1e-3), sample(4, 0.5, ratio=1e-3)],
        accuracy=0.81,
    ),
    "validation loss that rises": course(
        LEARNING, [sample(0), sample(4, 0.2)], val=(0.6, 0.5, 0.6, 0.7)
    ),
    "eval mode a little worse, both near 0": course(
        (0.5, 0.1, 0.01, 0.001),
        [sample(0), *(sample(n, 0.01, modes=(0.001, 0.01)) for n in (2, 4))],
    ),
    "as good as a rival, after long and slow training": course(
        (0.6, 0.5, *[0.4] * 98),
        [sample(0), sample(64, 0.4, ratio=1e-3), sample(100, 0.4, ratio=1e-3)],
        accuracy=0.8,
    ),
}


@pytest.mark.parametrize("name", HEALTHY)
def test_nothing_is_found_where_it_is_healthy(name):
    assert found(HEALTHY[name]) == {}


def test_nothing_is_found_where_nothing_is_known():
    assert found(course((), [])) == {}
    bare = course((3.0, 5.0), [], reference=Reference(), plan=None)
    assert found(bare) == {}


SICK = {
    "T1 as the loss is no number": (
        course((), [sample(0, 5.0), sample(0, math.nan, lost=("2",))]),
        {"T1": "error"},
    ),
    "P1 and T1 as a network that began well is lost": (
        course((), [sample(0), sample(0, math.nan, lost=("2",))]),
        {"P1": "error", "T1": "error"},
    ),
    "T1 as the loss falls back": (
        course((0.5, 0.3, 0.9, 1.5), [sample(0), sample(4, 1.5)], accuracy=0.5),
        {"P1": "error", "T1": "error"},
    ),
    "P1 as steps switched units off": (
        course(
            (0.9, 0.9, 0.9, 0.9),
            [sample(0, dead=0.1), sample(4, 0.9, dead=0.8)],
            accuracy=0.5,
        ),
        {"P1": "error", "T4": "error"},
    ),
    "P2 as weights hardly move": (
        course(
            (1.0, 1.0, 0.99, 0.99),
            [sample(0, ratio=1e-5), sample(4, 0.99, ratio=1e-5)],
            accuracy=0.5,
        ),
        {"P2": "error"},
    ),
    "P7 as weights only shrink": (
        course(
            (1.0, 1.0, 1.0, 1.0),
            [sample(0), sample(2, size=0.4), sample(4, size=0.1)],
            accuracy=0.5,
            plan=set_values(PLAN, {"optimizer": {"AdamW": {"weight_decay": 2.0}}}),
        ),
        {"P7": "error"},
    ),
    "P7 as weights only shrink by a decay that is usual": (
        course(
            (1.0, 1.0, 1.0, 1.0),
            [sample(0), sample(2, size=0.4), sample(4, size=0.1)],
            accuracy=0.5,
            plan=set_values(PLAN, {"optimizer": {"AdamW": {"weight_decay": 0.1}}}),
        ),
        {"P7": "warning"},
    ),
    "P7 as train mode hides what is known": (
        course(
            (1.0, 0.99, 0.98, 0.9),
            [sample(0), sample(4, 0.6, modes=(0.9, 0.6))],
            accuracy=0.6,
        ),
        {"P7": "error"},
    ),
    "P7 as a layer of dropout hides what is known": (
        course(
            (1.0, 0.99, 0.98, 0.9),
            [sample(0), sample(4, 0.6, modes=(0.9, 0.6))],
            accuracy=0.6,
            plan=set_values(
                PLAN,
                {"network": {"Sequential": [{"Linear": 8}, "Dropout", {"Linear": 3}]}},
            ),
        ),
        {"P7": "error"},
    ),
    "T3 as gradients vanish": (
        course(
            (1.0, 1.0, 1.0, 1.0),
            [sample(0, first=1e-7), sample(4, first=1e-7)],
            accuracy=0.5,
        ),
        {"T3": "error"},
    ),
    "T4 as units were dead at first": (
        course(
            (1.0, 1.0, 1.0, 1.0),
            [sample(n, dead=1.0, first=0, last=0, spread=0) for n in (0, 4)],
            accuracy=0.5,
        ),
        {"T4": "error"},
    ),
    "T5 as units are at the ends of their range": (
        course(
            (1.0, 0.9, 0.8, 0.7),
            [sample(n, saturated=0.95) for n in (0, 4)],
            accuracy=0.6,
        ),
        {"T5": "error"},
    ),
    "T2 as gradients explode now and then": (
        course(
            (0.9, 0.5, 0.3, 0.2, 0.6, 0.2),
            [sample(0), sample(6, 0.2)],
            norms=(1.0, 1.0, 1.0, 1.0, 90.0, 1.0),
        ),
        {"T2": "warning"},
    ),
    "C6 as statistics lag": (
        course(
            LEARNING,
            [sample(0), *(sample(n, 0.9, modes=(0.2, 0.9)) for n in (2, 4))],
            accuracy=0.6,
        ),
        {"C6": "error"},
    ),
    "C9 as the input makes no difference": (
        course((1.0,) * 4, [sample(0), sample(4, spread=0.0)], accuracy=0.5),
        {"C9": "error"},
    ),
    "D15 as neither rival nor network finds anything": (
        course(
            (1.0, 0.9, 0.6, 0.3),
            [sample(0), sample(4, 0.3)],
            val=(1.0, 1.1, 1.3, 1.6),
            accuracy=0.5,
            reference=REFERENCE.model_copy(
                update={"probe_loss": 1.01, "probe_score": 0.52}
            ),
        ),
        {"D15": "error"},
    ),
}


@pytest.mark.parametrize("name", SICK)
def test_it_is_found(name):
    made, expected = SICK[name]
    assert found(made) == expected


def test_a_val_loss_far_below_chance_is_something_learned_whatever_the_accuracy():
    reference = REFERENCE.model_copy(update={"probe_loss": 1.01, "probe_score": 0.52})
    samples = [sample(0), sample(4, 0.3)]
    made = course(
        (1.0, 0.9, 0.6, 0.3),
        samples,
        val=(1.0, 0.85, 1.3, 1.6),
        accuracy=0.5,
        reference=reference,
    )
    assert "D15" not in found(made)


def test_of_few_steps_it_is_not_said_that_inputs_say_nothing():
    reference = REFERENCE.model_copy(update={"probe_loss": 1.01, "probe_score": 0.52})
    made = [
        course(
            (1.0, 0.98, 0.96, 0.95),
            [sample(0), sample(4, 0.95)],
            val=(1.0, 1.0, 1.0, 1.0),
            accuracy=0.5,
            reference=reference,
            steps=steps,
        )
        for steps in (4, 100)
    ]
    assert ["D15" in found(one) for one in made] == [False, True]


def test_less_is_a_warning():
    made = course((0.9, 0.5, 0.3, 0.3), [sample(0, dead=0.0), sample(4, 0.3, dead=0.7)])
    assert found(made) == {"P1": "warning", "T4": "warning"}


def test_noise_is_a_warning_where_the_rival_may_be_better_by_chance():
    samples = [sample(0), sample(4, 0.6, modes=(0.9, 0.6))]
    made = course((1.0, 0.99, 0.98, 0.9), samples, accuracy=0.77)
    assert found(made) == {"P7": "warning"}


def test_a_slow_pace_is_an_error_only_where_a_rival_is_clearly_better():
    samples = [sample(0, ratio=1e-5), sample(4, 0.6, ratio=1e-5)]
    losses = (0.9, 0.8, 0.7, 0.6)
    assert found(course(losses, samples, accuracy=0.7)) == {"P2": "error"}
    assert found(course(losses, samples, accuracy=0.77)) == {"P2": "warning"}


TANH = {"saturated": 0.6}


def test_saturated_units_are_no_sign_of_a_high_rate_without_harm():
    samples = [sample(0, saturated=0.0), sample(4, 0.15, **TANH)]
    assert found(course((0.9, 0.5, 0.4, 0.35), samples, accuracy=0.9)) == {}


def test_first_weights_of_the_plan_that_saturate_are_told_without_harm():
    samples = [sample(0, **TANH), sample(4, 0.2, **TANH)]
    drawn = set_values(PLAN, {"init": [{"normal_": {"std": 0.5}}]})
    assert found(course(LEARNING, samples, plan=drawn)) == {"T5": "warning"}
    assert found(course(LEARNING, samples)) == {}


def test_a_pace_that_is_not_still_is_too_slow_where_a_rival_is_clearly_better():
    def of(ratio):
        samples = [sample(0, ratio=0.1), sample(2, ratio=ratio)]
        losses = (1.0, 0.95, 0.9, 0.85)
        return found(course(losses, samples, accuracy=0.5, steps=30))

    assert of(0.005) == {"P2": "warning"}
    # What a step at hardly any rate changes is lost in rounding.
    asleep = sample(4, ratio=1e-9).model_copy(update={"lr": 1e-8})
    samples = [sample(0, ratio=0.1), asleep]
    assert "P2" not in found(course((1.0, 0.9), samples, accuracy=0.5, steps=30))
    assert of(0.02) == {}


def test_one_example_says_nothing_of_what_the_input_does():
    one = [sample(0), sample(4, spread=None)]
    assert "C9" not in found(course((1.0,) * 4, one, accuracy=0.5))


def test_what_later_epochs_may_mend_is_not_found_while_training_goes_on():
    samples = [sample(0, dead=0.1), sample(1, dead=1.0)]
    assert found(course((1.0,), samples, num_epochs=20)) == {}
    assert "T4" in found(course((1.0,) * 5, samples, num_epochs=20, accuracy=0.5))


def test_the_learning_rate_that_is_offered_follows_from_the_first_step():
    steps = [sample(0, ratio=1.0, dead=0.0), sample(4, 1.0, dead=0.9)]
    made = course((1.0,) * 4, steps, accuracy=0.5)
    finding = next(f for f in find_in_course(made) if f.code == "P1")
    # One step of lr 0.01 changed the weights by all of themselves, not by 10^-1.5.
    assert finding.changes["optimizer.lr"] == pytest.approx(0.01 * 10**-1.5, rel=0.01)


def test_too_much_momentum_is_lowered_with_the_rate():
    heavy = {"optimizer": {"SGD": {"lr": 0.01, "momentum": 0.999}}, "schedule": None}
    steps = [sample(0, ratio=0.002, dead=0.0), sample(4, 1.0, dead=0.9)]
    made = course((1.0,) * 4, steps, accuracy=0.5, plan=set_values(PLAN, heavy))
    finding = next(f for f in find_in_course(made) if f.code == "P1")
    # The first step of that rate, 10^-2.7 of the weights, was as it should be.
    assert finding.changes["optimizer.momentum"] == 0.9
    rate = finding.changes.get("optimizer.lr", 0.01)
    assert rate == pytest.approx(0.01, rel=0.01)
    set_values(set_values(PLAN, heavy), finding.changes)


def test_so_few_steps_that_no_rate_goes_far_in_them_are_too_short():
    # At the end the schedule has lowered the rate; each step changed 10^-3.2.
    steps = [sample(0, ratio=10**-3.2), sample(1, ratio=10**-3.2)]
    short = course((0.95,), steps, accuracy=0.5, steps=40)
    finding = next(f for f in find_in_course(short) if f.code == "P3")
    assert finding.changes == {"training.epochs": 4}
    assert "P2" in found(course((0.95,), steps, accuracy=0.5, steps=400))
    slow = [sample(0, ratio=1e-4), sample(1, ratio=1e-4)]
    assert "P2" in found(replace(short, signals=slow))


def test_steps_are_those_that_were_done_where_the_guard_cut_an_epoch_off():
    steps = [sample(0, ratio=10**-3.2), sample(2, ratio=10**-3.2)]
    whole = course((0.95, 0.94), steps, accuracy=0.5, num_epochs=5, steps=40)
    cut = whole.history[1].model_copy(update={"step": 47})
    made = replace(whole, history=[whole.history[0], cut], ending="seconds")
    finding = next(f for f in find_in_course(made) if f.code == "P3")
    assert "after 47 optimizer steps" in finding.message
    assert finding.where == "training.seconds"
    assert finding.changes == {"training.seconds": 4 * PLAN.training.seconds}


DEAD = [sample(n, dead=1.0, first=0, last=0, spread=0) for n in (0, 4)]


def test_it_is_pointless_to_train_a_network_that_gets_no_gradient():
    assert pointless(course((1.0,) * 4, DEAD, num_epochs=8)).code == "T4"


@pytest.mark.parametrize(
    ("losses", "samples"),
    [
        ((1.0,), [DEAD[0], DEAD[1].model_copy(update={"epoch": 1})]),
        ((1.0,) * 5, DEAD),  # the sample is an epoch old
        ((1.0, 0.9, 0.9, 0.9), DEAD),
        ((1.0,) * 4, [DEAD[0], sample(4, dead=1.0, first=0, last=1e-9, spread=0)]),
        ((1.0,) * 4, [DEAD[0], sample(4, dead=1.0, first=0, last=0, spread=0.1)]),
    ],
)
def test_else_it_is_not_pointless(losses, samples):
    assert pointless(course(losses, samples, num_epochs=8)) is None
