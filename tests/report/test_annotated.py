"""The plan line by line."""

import pytest

from tests.report import contents
from torchsmith.data.steps import Resize, ToFloat
from torchsmith.plan.file import parse_plan
from torchsmith.report.annotated import PlanLine, plan_lines


def written(lines: list[PlanLine]) -> str:
    return "\n".join(f"{'  ' * line.indent}{line.key}{line.value}" for line in lines)


@pytest.mark.parametrize("name", contents.ALL)
def test_the_lines_are_a_plan_that_reads_back_as_the_same(name):
    plan = contents.ALL[name]().plan.model_copy(update={"reasons": {}})
    assert parse_plan(written(plan_lines(plan, {}))) == plan


def test_a_reason_stands_at_its_line():
    lines = plan_lines(contents.regression().plan, {})
    reasons = {line.path: line.reason for line in lines}
    assert reasons["data", "columns", "listing_id"] == "every value is different"
    assert reasons["prepare", 0] == "total_bedrooms has 207 gaps"
    assert reasons["network",].startswith("13,209 rows")


def test_a_reason_for_one_step_of_a_list_stands_at_that_step():
    steps = (Resize(height=28, width=28), ToFloat())
    reasons = {"prepare.0": "one size for all", "prepare.ToFloat": "8-bit pixels"}
    plan = contents.images().plan.model_copy(
        update={"prepare": steps, "reasons": reasons}
    )
    told = [line.reason for line in plan_lines(plan, {}) if line.reason]
    assert told == ["one size for all", "8-bit pixels"]


def test_every_reason_and_every_default_is_shown_once():
    content = contents.images()
    lines = plan_lines(content.plan, content.changed)
    assert sorted(line.reason for line in lines if line.reason) == sorted(
        content.plan.reasons.values()
    )
    assert sum(line.changed for line in lines) == len(content.changed)


def test_a_changed_line_is_marked_beside_its_default():
    changed = {"training.epochs": "10", "optimizer.lr": "0.001", "split.gone": "x"}
    lines = plan_lines(contents.images().plan, changed)
    told = {line.path: line.default for line in lines if line.changed}
    assert told == {
        ("training", "epochs"): "10",
        ("optimizer", "AdamW", "lr"): "0.001",
        ("split",): "gone: x",
    }
