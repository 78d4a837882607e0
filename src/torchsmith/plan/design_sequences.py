"""The default for sequences `(N, C, L)`."""

from torchsmith.data.steps import Interpolate, Standardize, StandardizeTarget, Step
from torchsmith.inspect.inspection import SequenceFacts
from torchsmith.inspect.wording import amount
from torchsmith.plan.design import (
    Case,
    Design,
    choose_batch_size,
    choose_epochs,
    choose_threads,
)
from torchsmith.plan.networks import MLP
from torchsmith.plan.optimizers import AdamW
from torchsmith.plan.schedules import OneCycleLR


def design_sequences(case: Case, facts: SequenceFacts) -> Design:
    """Choose preparation, network and training for sequences."""
    prepare: list[Step] = [Standardize()]
    if facts.missing:
        prepare.insert(0, Interpolate())
        case.reasons["prepare.0"] = amount(facts.missing, "missing value")
    if case.target.task == "regression":
        prepare.append(StandardizeTarget())
    batch_size = choose_batch_size(case, large=128)
    return Design(
        prepare=tuple(prepare),
        network=MLP(),
        optimizer=AdamW(lr=1e-3),
        schedule=OneCycleLR(),
        batch_size=batch_size,
        epochs=choose_epochs(case, batch_size, 1.0, 40),
        threads=choose_threads(0, case),
    )
