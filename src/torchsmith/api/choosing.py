"""What a plan leaves open is chosen as its run begins, and written into its plan."""

from dataclasses import replace
from typing import TYPE_CHECKING

from torchsmith.api.planning import Planned
from torchsmith.api.remembered import file_of, recall, remember
from torchsmith.core.environment import usable_cores
from torchsmith.core.observer import QUIET, Observer
from torchsmith.core.processes import place
from torchsmith.core.wording import amount
from torchsmith.inspect.wording import agree
from torchsmith.plan.plan import Plan
from torchsmith.plan.settings import CHOSEN, take_choices

if TYPE_CHECKING:
    from torchsmith.train.engines.automatic import Choice
    from torchsmith.train.setup import Setup
    from torchsmith.train.state import TrainState


def choose_engine_and_threads(
    planned: Planned, setup: "Setup", observer: Observer = QUIET
) -> tuple[Planned, "Setup"]:
    """Choose the engine where the plan says `auto`, and the threads where it says 0.

    What was measured of the same plan on this machine before is not measured again.

    Args:
        planned: The plan, with its data.
        setup: Made of it; at step 0.
        observer: Is told what was chosen, and why.

    Returns:
        The same with the choices and their reasons, also in the default plan where that
        leaves them open, too: they are no change of the person's.

    Raises:
        PlanError: The engine that the plan names cannot do this training.
    """
    from torchsmith.api.carrying import torch_threads
    from torchsmith.train.engines.automatic import choose
    from torchsmith.train.setup import initial_state

    plan = planned.plan
    if place() is not None:  # the processes of torchrun have an engine of their own
        return planned, setup

    cores = usable_cores()
    if plan.training.threads > cores:
        observer.note(
            f"training.threads is {plan.training.threads}, and {amount(cores, 'core')} "
            f"{agree(cores, 'is', 'are')} here: threads that wait for one are slow; 0 "
            "lets a run choose"
        )

    def new_state() -> "TrainState":
        return initial_state(plan, setup.preparation, setup.job)

    with torch_threads(plan.training.threads):
        is_open = plan.training.engine == "auto" or not plan.training.threads
        kept = file_of(plan, setup.job) if is_open else None
        choice = recall(kept, setup.job, setup.state) if kept else None
        if choice is None:
            choice = choose(setup.job, new_state, observer.note)
            if kept and choice.is_measured:
                remember(kept, choice)
    chosen = _with(plan, choice)
    setup = replace(setup, job=replace(setup.job, training=chosen.training))
    if plan.training.threads != choice.threads:
        # With other threads some initial weights round differently.
        with torch_threads(choice.threads):
            setup = replace(setup, state=new_state())
    for name in ("engine", "threads"):
        if reason := getattr(choice, f"{name}_reason"):
            observer.line(f"{name}: {getattr(choice, name)}, {reason}")
    default = take_choices(planned.default, chosen)
    return replace(planned, plan=chosen, default=default), setup


def _with(plan: Plan, choice: "Choice") -> Plan:
    reasons = dict(plan.reasons)
    if choice.engine_reason:
        reasons["training.engine"] = CHOSEN + choice.engine_reason
    if choice.threads_reason:
        reasons["training.threads"] = CHOSEN + choice.threads_reason
    training = plan.training.model_copy(
        update={"engine": choice.engine, "threads": choice.threads}
    )
    return plan.model_copy(update={"training": training, "reasons": reasons})
