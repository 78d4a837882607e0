"""Schedules, initialisers and averages in a plan file, and what is refused there."""

import pytest

from tests.plan.example import EXAMPLE
from torchsmith.core.errors import PlanError
from torchsmith.plan.averaging import EMA, SWA
from torchsmith.plan.file import parse_plan
from torchsmith.plan.init import KaimingNormal, Zeros
from torchsmith.plan.schedules import (
    CosineAnnealingLR,
    LambdaLR,
    LinearLR,
    SequentialLR,
)
from torchsmith.plan.text import plan_text

SCHEDULE = "schedule: {CosineAnnealingLR: {}}\n"
LINE = EXAMPLE[: EXAMPLE.index(SCHEDULE)].count("\n") + 1


def with_schedule(text):
    return EXAMPLE.replace(SCHEDULE, text)


def test_the_new_keys_stand_in_the_order_of_the_flow_and_come_back():
    text = with_schedule(
        """\
init:
  - kaiming_normal_: {nonlinearity: relu}
  - zeros_: {params: "*.bias"}
averaging: {EMA: {decay: 0.99}}
schedule:
  SequentialLR:
    schedulers:
      - LinearLR: {start_factor: 0.01, total_iters: 500}
      - CosineAnnealingLR
    milestones: [500]
    interval: step
"""
    )
    plan = parse_plan(text)
    assert plan.init == (KaimingNormal(nonlinearity="relu"), Zeros(params="*.bias"))
    assert plan.averaging == EMA(decay=0.99)
    assert plan.schedule == SequentialLR(
        schedulers=(LinearLR(start_factor=0.01, total_iters=500), CosineAnnealingLR()),
        milestones=(500,),
        interval="step",
    )
    written = plan_text(plan)
    names = ["network", "init", "loss", "optimizer", "schedule", "averaging"]
    places = [written.index(f"\n{name}:") for name in [*names, "training"]]
    assert places == sorted(places)
    assert parse_plan(written) == parse_plan(plan_text(parse_plan(written)))
    assert parse_plan(written).model_copy(update={"reasons": {}}) == plan.model_copy(
        update={"reasons": {}}
    )


def test_what_is_not_chosen_is_not_written():
    text = plan_text(parse_plan(EXAMPLE))
    assert "\ninit:" not in text
    assert "\naveraging:" not in text


def test_main_arguments_stand_alone():
    plan = parse_plan(
        with_schedule("schedule: {LambdaLR: 0.95 ** epoch}\naveraging: {SWA: 0.5}\n")
    )
    assert plan.schedule == LambdaLR(lr_lambda="0.95 ** epoch")
    assert plan.averaging == SWA(start=0.5)
    assert parse_plan(plan_text(plan)).schedule == plan.schedule


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "schedule: {LambdaLR: 0.95 ** epochs}\n",
            rf"plan:{LINE}:22: schedule.LambdaLR.lr_lambda: 'epochs' at .* 'epoch'",
        ),
        (
            "schedule: {LambdaLR: {lr_lambda: 1 - epoch / 4}}\n",
            rf"plan:{LINE}:34: schedule\.LambdaLR\.lr_lambda: is -0\.25 at epoch = 5",
        ),
        ("schedule: {LambdaLR: 0.9}\n", "must be a text, got 0.9; write it in quotes"),
        (
            "schedule: {SequentialLR: {schedulers: [LinearLR, CosineAnnealingLR],\n"
            "  milestones: [2, 4]}}\n",
            rf"plan:{LINE + 1}:15: .*2 schedules take 1 milestones, not 2",
        ),
        (
            "schedule: {SequentialLR: {schedulers: [LinearLR, LinearLR, LinearLR],\n"
            "  milestones: [4, 4]}}\n",
            "milestones: each must be greater than the one before",
        ),
        (
            "schedule: {SequentialLR: {milestones: [2], schedulers: [LinearLR,\n"
            "  OneCycleLR]}}\n",
            rf"plan:{LINE + 1}:3: .*OneCycleLR is a whole training of its own",
        ),
        (
            "schedule: {SequentialLR: {milestones: [2], schedulers: [LinearLR,\n"
            "  ReduceLROnPlateau]}}\n",
            "ReduceLROnPlateau needs the validation loss; give it alone",
        ),
        (
            "schedule: {SequentialLR: {milestones: [2], schedulers: [LinearLR,\n"
            "  {LinearLR: {interval: step}}]}}\n",
            "interval stands once, at SequentialLR; move it there",
        ),
        (
            "schedule: {SequentialLR: {milestones: [2], schedulers: [LinearLR,\n"
            "  LambdaLR: 7 - epoch]}}\n",
            None,
        ),
        (
            "schedule: {SequentialLR: {milestones: [2], schedulers: [LinearLR,\n"
            "  LambdaLR: 6 - epoch]}}\n",
            r"LambdaLR\.lr_lambda: is -1 at epoch = 7",
        ),
        (
            "schedule: {SequentialLR: {milestones: [], schedulers: [Step]}}\n",
            "unknown schedule 'Step'; write 'StepLR'",
        ),
        (
            "schedule: {StepLR: {step_size: 2, T_max: 3}}\n",
            "unknown key 'T_max'.* it takes step_size, gamma, interval",
        ),
        ("averaging: SWAP\n", "unknown averaging 'SWAP'; did you mean 'SWA'"),
        ("averaging: {EMA: {decay: 1}}\n", "must be less than 1, got 1"),
        (
            "init: [{kaiming_normal: {}}]\n",
            "unknown initialiser 'kaiming_normal'; write 'kaiming_normal_'",
        ),
        (
            "init: [{uniform_: {a: 2}}]\n",
            rf"plan:{LINE}:8: init\.0: a \(2\) must be less than b \(1\)",
        ),
        ("init: [{trunc_normal_: {mean: 9}}]\n", "mean 9 is more than 2 std outside"),
    ],
)
def test_what_cannot_work_is_refused_with_its_line(text, message):
    if message is None:
        parse_plan(with_schedule(text))
        return
    with pytest.raises(PlanError, match=message):
        parse_plan(with_schedule(text))
