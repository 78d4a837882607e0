"""The planned learning rate is drawn beside the one that was used."""

import pytest

from tests.plan.example import EXAMPLE
from torchsmith.plan import schedules
from torchsmith.plan.averaging import SWA
from torchsmith.plan.file import parse_plan
from torchsmith.plan.optimizers import SGD
from torchsmith.report import curves
from torchsmith.report.curves import learning_charts, planned_rates
from torchsmith.train.history import EpochRecord

EXAMPLES = 5 * parse_plan(EXAMPLE).training.batch_size


def plan_with(**changes):
    plan = parse_plan(EXAMPLE).model_copy(update={"optimizer": SGD(lr=0.5), **changes})
    training = plan.training.model_copy(update={"epochs": 2})
    return plan.model_copy(update={"training": training})


def test_planned_rates_go_from_the_first_step_to_the_last():
    plan = plan_with(schedule=schedules.LambdaLR(lr_lambda="1 + epoch"))
    assert planned_rates(plan, 0.5, 2) == [
        (0, 0.5),
        (pytest.approx(2 / 3), 0.5),
        (pytest.approx(4 / 3), 1),
        (2, 1),
    ]
    by_step = schedules.LambdaLR(lr_lambda="1 + epoch", interval="step")
    assert [rate for _, rate in planned_rates(plan_with(schedule=by_step), 0.5, 2)] == [
        0.5,
        1,
        1.5,
        2,
    ]


def test_long_trainings_are_sampled():
    rates = planned_rates(plan_with(schedule=schedules.OneCycleLR()), 0.5, 5000)
    assert len(rates) == 400
    assert rates[0][0] == 0
    assert rates[-1][0] == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"schedule": None},
        {"schedule": schedules.ReduceLROnPlateau()},
        {"averaging": SWA(swa_lr=0.1)},
    ],
)
def test_what_is_not_planned_is_not_drawn(changes):
    assert planned_rates(plan_with(**changes), 0.5, 5) == []


def test_both_rates_are_in_one_chart():
    record = EpochRecord(
        epoch=1, step=5, train_loss=1, lr=0.1, seconds=1, examples_per_second=1
    )
    history = [record, record.model_copy(update={"epoch": 2, "step": 10})]
    chart = str(learning_charts(history, "accuracy", plan_with(), 0.5, EXAMPLES)[-1])
    assert ">planned<" in chart
    assert "last step" in chart
    constant = str(
        learning_charts(history, "accuracy", plan_with(schedule=None), 0.5, EXAMPLES)[
            -1
        ]
    )
    assert "planned" not in constant


def test_the_rate_of_an_epoch_that_was_cut_off_stands_where_it_was_planned():
    plan = plan_with(schedule=schedules.LinearLR(start_factor=1, end_factor=0.5))
    record = EpochRecord(
        epoch=1, step=2, train_loss=1, lr=0.1, seconds=1, examples_per_second=1
    )
    whole = record.model_copy(update={"step": 5})
    cut = record.model_copy(update={"epoch": 2, "step": 7})

    def places(history):
        with pytest.MonkeyPatch.context() as patch:
            drawn = []
            patch.setattr(curves, "line_chart", lambda lines, **_: drawn.append(lines))
            learning_charts(history, "accuracy", plan, 0.5, EXAMPLES)
        planned, used = drawn[-1]
        assert planned.points == planned_rates(plan, 0.5, 5)
        return [x for x, _ in used.points]

    assert places([record]) == [0.4]
    assert places([whole, cut]) == [1, 1.4]


def test_the_loss_after_calibration_is_a_line_of_its_own():
    records = [
        EpochRecord(
            epoch=epoch,
            step=5 * epoch,
            train_loss=1,
            val_loss=2 - 0.1 * epoch,
            metrics={"calibrated_loss": 1.5 - 0.1 * epoch},
            lr=0.1,
            seconds=1,
            examples_per_second=1,
        )
        for epoch in (1, 2)
    ]
    chart = str(learning_charts(records, "accuracy", plan_with(), 0.5, EXAMPLES)[0])
    assert '<span class="key c3">validation, calibrated</span>' in chart
    assert '<span class="key main">validation</span>' in chart
