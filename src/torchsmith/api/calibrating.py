"""After training and before evaluation: the temperature or interval of a model."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, assert_never

import torch

from torchsmith.core.vocabulary import NOUNS
from torchsmith.core.wording import amount
from torchsmith.data.data import Data
from torchsmith.plan.calibration import SplitConformal, TemperatureScaling
from torchsmith.plan.plan import Plan

if TYPE_CHECKING:
    from torchsmith.train.model import Model
    from torchsmith.train.setup import Setup


@dataclass(frozen=True)
class Calibrated:
    """A model that is calibrated as its plan says.

    Attributes:
        model: Of which the temperature or the interval is set.
        note: On what it was fitted, or why the temperature is 1; else empty.
        lacking: Why nothing could be fitted; else empty.
    """

    model: "Model"
    note: str = ""
    lacking: str = ""


def calibrate(model: "Model", plan: Plan, setup: "Setup", data: Data) -> Calibrated:
    """Fit the plan's `calibration` on the val part.

    Args:
        model: With the weights that are kept.
        plan: What is asked.
        setup: With the val part.
        data: All examples.
    """
    match plan.calibration:
        case None:
            return Calibrated(model)
        case TemperatureScaling():
            return _scaled(model, plan, setup, data)
        case SplitConformal(coverage=coverage):
            return _conformal(model, coverage, setup, data)
        case _:
            assert_never(plan.calibration)


def _scaled(model: "Model", plan: Plan, setup: "Setup", data: Data) -> Calibrated:
    from torchsmith.train.calibrate import fit_temperature

    val = setup.parts.val
    if not len(val):
        return _left_at_one(model, "there is no val part to fit a temperature")
    targets = torch.from_numpy(setup.preparation.targets(data, val))
    outputs = model.raw_outputs(setup.inputs["val"])
    noun = NOUNS[data.kind]
    found = fit_temperature(plan.loss, outputs, targets, noun)
    if not found.rows:
        return _left_at_one(model, found.why)
    if found.why:
        return Calibrated(model, f"the temperature is 1: {found.why}")
    file = model.file.model_copy(update={"temperature": found.value})
    rows = amount(found.rows, f"val {noun}")
    note = (
        f"fitted on {rows}, whose log loss it takes from {found.before:.4g} to "
        f"{found.after:.4g}"
    )
    return Calibrated(replace(model, file=file), note)


def _left_at_one(model: "Model", why: str) -> Calibrated:
    return Calibrated(model, f"the temperature is 1: {why}", lacking=why)


def _conformal(
    model: "Model", coverage: float, setup: "Setup", data: Data
) -> Calibrated:
    from torchsmith.api.evaluating import part_outputs
    from torchsmith.train.conformal import fit_interval

    val = setup.parts.val
    if not len(val):
        return Calibrated(model, lacking="there is no val part to find their width")
    held = part_outputs(model, data, val, setup.inputs["val"])
    target = model.preparation.target
    noun = NOUNS[data.kind]
    found = fit_interval(coverage, held.targets, held.outputs, target, noun)
    if found.interval is None:
        return Calibrated(model, lacking=found.why)
    file = model.file.model_copy(update={"interval": found.interval})
    note = f"as wide as the errors of {amount(len(val), 'val ' + noun)} ask for"
    return Calibrated(replace(model, file=file), note)
