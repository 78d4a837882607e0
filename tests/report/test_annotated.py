"""The plan line by line."""

import io

import pytest
from ruamel.yaml import YAML

from tests.report import contents
from torchsmith.plan.plan import Plan
from torchsmith.report.annotated import PlanLine, plan_lines


def written(lines: list[PlanLine]) -> str:
    return "\n".join(f"{'  ' * line.indent}{line.key}{line.value}" for line in lines)


@pytest.mark.parametrize("name", contents.ALL)
def test_the_lines_are_yaml_that_reads_back_as_the_same_plan(name):
    plan = contents.ALL[name]().plan
    read = YAML(typ="safe", pure=True).load(io.StringIO(written(plan_lines(plan, {}))))
    assert Plan.model_validate(read) == plan.model_copy(update={"reasons": {}})


def test_a_reason_stands_at_its_line():
    lines = plan_lines(contents.regression().plan, {})
    reasons = {line.path: line.reason for line in lines}
    assert reasons["data.columns.listing_id"] == "every value is different"
    assert reasons["prepare.0"] == "total_bedrooms has 207 gaps"


def test_a_reason_inside_a_line_stands_at_that_line():
    lines = plan_lines(contents.images().plan, {})
    (line,) = (line for line in lines if line.path == "optimizer")
    assert "peak of the cycle" in line.reason


def test_a_changed_line_is_marked_beside_its_default():
    changed = {"training.epochs": "10", "optimizer.AdamW.lr": "0.001"}
    lines = plan_lines(contents.images().plan, changed)
    told = {line.path: line.default for line in lines if line.changed}
    assert told == {"training.epochs": "10", "optimizer": "AdamW.lr: 0.001"}
