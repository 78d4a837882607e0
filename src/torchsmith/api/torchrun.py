"""One plan, trained by several processes that `torchrun` started.

The first process does the whole job as if it were alone. The others hear from it what
to prepare and when an epoch begins, compute their share, and end with it.
"""

from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from torchsmith.api.planning import load_planned
from torchsmith.api.run import Run
from torchsmith.core import errors
from torchsmith.core.errors import DataError, Interrupted, TorchsmithError, TrainError
from torchsmith.core.processes import Place, place
from torchsmith.plan.file import parse_plan
from torchsmith.plan.plan import Plan
from torchsmith.plan.text import plan_text
from torchsmith.train.watch import TrainingObserver

if TYPE_CHECKING:
    from torchsmith.train.engines.engine import Engine
    from torchsmith.train.group import Group
    from torchsmith.train.replicas import Replicas
    from torchsmith.train.session import Session
    from torchsmith.train.setup import Setup

_P = ParamSpec("_P")
_R = TypeVar("_R")

_SAMPLE = 256
"""So many training examples are compared between processes."""

_led: "list[Group]" = []
"""The group that this process leads, if it leads one."""


def in_each_process(train: Callable[_P, _R]) -> Callable[_P, _R]:
    """Let a function that trains lead the other processes of `torchrun`, or follow.

    Alone, it is called as it is.
    """

    @wraps(train)
    def trained(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        here = place()
        if here is None or _led:
            return train(*args, **kwargs)
        observer = kwargs.get("observer")
        group = _meet(
            here, observer if isinstance(observer, TrainingObserver) else None
        )
        try:
            if here.is_first:
                _led.append(group)
                return _lead(group, lambda: train(*args, **kwargs))
            what = args[0] if args else kwargs.get("what")
            return _follow(group, what)  # type: ignore[return-value]
        finally:
            _led.clear()
            group.leave()

    return trained


def announce(plan: Plan) -> None:
    """Have the other processes, where there are some, read and prepare the same."""
    if _led:
        from torchsmith.train.group import use_device

        _led[0].say(do="prepare", plan=plan_text(plan))
        use_device(_led[0].place, plan.training.device)


def shared_engine(plan: Plan, setup: "Setup", session: "Session") -> "Engine | None":
    """Return the engine of several processes; None where this process is alone.

    Args:
        plan: That was announced.
        setup: Made of it; its state is where training begins.
        session: Counts no time in which this process waits for the others.

    Raises:
        DataError: Another process has other data.
        TorchsmithError: What another process could not do.
    """
    if not _led:
        return None
    from torchsmith.train.engines.engine import Engine

    group = _led[0]
    own = _seen(setup)
    for rank, answer in group.answers().items():
        if "error" in answer:
            raise _error(answer, f"process {rank}: ")
        if other := [name for name, seen in own.items() if answer[name] != seen]:
            raise DataError(
                f"process {rank} has other data than the first ({', '.join(other)}); "
                "give all the same files, and the same versions of what reads them"
            )
    group.say(do="join")
    group.join(setup.job.device)
    replicas = _replicas(group, plan, setup)
    session.restart_clock()
    return Engine("eager", replicas.lead)


def shared_notes(plan: Plan, setup: "Setup") -> tuple[str, ...]:
    """Say what several processes do otherwise than one; nothing where one is alone."""
    if not _led:
        return ()
    from torch.nn.modules.dropout import _DropoutNd

    from torchsmith.train.replicas import batch_norms

    network = setup.state.network
    notes = [f"trained by {_led[0].place.world_size} processes"]
    if plan.augment or any(isinstance(m, _DropoutNd) for m in network.modules()):
        notes.append(
            "dropout and augmentation draw other numbers in each process than they "
            "would in one alone"
        )
    if plan.training.engine in ("captured", "compiled"):
        notes.append(
            f"training.engine: {plan.training.engine} works in one process; several "
            "computed as eager does"
        )
    if batch_norms(network):
        notes.append(
            "batch normalisation used the statistics of each process's share of a "
            "batch, so the weights differ from those of one process"
        )
    return tuple(notes)


def threads_here(threads: int) -> int:
    """Return how many threads a process computes with; 0 is PyTorch's own choice.

    Args:
        threads: As in the plan; where 0, the processes of a machine share its cores.
    """
    here = None if threads else place()
    return threads if here is None else here.cores


def _meet(here: Place, observer: TrainingObserver | None) -> "Group":
    from torchsmith.api.carrying import import_torch

    import_torch(observer or TrainingObserver())
    from torchsmith.train.group import Group

    return Group(here)


def _lead(group: "Group", train: Callable[[], _R]) -> _R:
    from torchsmith.train.group import Departed

    said = {"do": "fail", "kind": "TrainError", "error": "the first process failed"}
    try:
        run = train()
        path = run.path if isinstance(run, Run) else Path()
        said = {"do": "done", "path": str(path)}
    except TorchsmithError as error:
        said = {"do": "fail"} | _told(error)
        raise
    except KeyboardInterrupt:
        said = {"do": "fail", "kind": "Interrupted", "error": "stopped"}
        raise
    finally:
        with suppress(Departed):  # then torchrun is gone, and ends the others
            group.say(**said)
    return run


def _follow(group: "Group", what: object) -> Run:
    from torchsmith.api.carrying import torch_threads
    from torchsmith.train.processor import kept_memory
    from torchsmith.train.randomness import own_randomness

    plan: Plan | None = None
    setup: Setup | None = None
    replicas: Replicas | None = None
    threads = 0
    with group.stop.signals():
        while True:
            order = group.hear()
            match order["do"]:
                case "prepare":
                    plan = parse_plan(order["plan"])
                    threads = plan.training.threads
                    setup = _prepare(group, plan, what)
                case "join" if plan is not None and setup is not None:
                    group.join(setup.job.device)
                    with torch_threads(threads):
                        replicas = _replicas(group, plan, setup)
                case "epoch" if replicas is not None:
                    with torch_threads(threads), own_randomness(), kept_memory():
                        replicas.follow_epoch(order["epoch"], order["loss"])
                case "gather" if replicas is not None:
                    replicas.gather()
                case "done":
                    return Run(Path(order["path"]))
                case _:
                    raise _error(order)


def _prepare(group: "Group", plan: Plan, what: object) -> "Setup | None":
    from torchsmith.api.carrying import make_ready
    from torchsmith.train.group import use_device

    observer = TrainingObserver()
    source: Any = None if isinstance(what, (str, Path, Plan)) else what
    try:
        use_device(group.place, plan.training.device)
        setup = make_ready(plan, load_planned(plan, observer, source), observer)
        group.answer(**_seen(setup))
    except TorchsmithError as error:
        group.answer(**_told(error))
        return None
    return setup


def _replicas(group: "Group", plan: Plan, setup: "Setup") -> "Replicas":
    from torchsmith.train.replicas import Replicas

    if plan.training.sharding == "none":
        return Replicas(group, setup.job, setup.state)
    from torchsmith.train.shards import Shards

    return Shards(group, setup.job, setup.state, plan.optimizer)


def _seen(setup: "Setup") -> dict[str, str]:
    """Return digests of what all processes must have in common."""
    import numpy as np
    import torch

    job = setup.job
    sample = np.linspace(0, len(job.train) - 1, num=_SAMPLE).astype(np.int64)
    inputs, targets = job.train.take(torch.from_numpy(sample))
    arrays = {
        "the rows of the training part": setup.parts.train,
        "the rows of the validation part": setup.parts.val,
        "the prepared inputs": inputs.cpu().contiguous().numpy(),
        "the targets": targets.cpu().contiguous().numpy(),
    }
    return {
        name: blake2b(array.tobytes(), digest_size=16).hexdigest()
        for name, array in arrays.items()
    }


def _told(error: TorchsmithError) -> dict[str, str]:
    return {"kind": type(error).__name__, "error": str(error)}


def _error(told: dict[str, str], before: str = "") -> TorchsmithError:
    kinds = (errors.DataError, errors.PlanError, errors.Diverged, Interrupted)
    kind = {each.__name__: each for each in kinds}.get(told["kind"], TrainError)
    return kind(before + told["error"])
