"""The only mutable object of a run; what it holds is what a checkpoint holds."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler

from torchsmith.core.errors import TrainError
from torchsmith.core.files import write_atomic
from torchsmith.core.vocabulary import Ending
from torchsmith.nn.averaging import Average
from torchsmith.nn.precision import empty_sum
from torchsmith.nn.schedules import load_schedule, schedule_state
from torchsmith.plan.schedules import Interval
from torchsmith.train.buffers import hidden_buffers, set_buffers
from torchsmith.train.ending import ending_of
from torchsmith.train.history import EpochRecord

STATE_VERSION = 1

MEMORIES = {
    "Adam": 2,
    "AdamW": 2,
    "NAdam": 2,
    "RAdam": 2,
    "Adamax": 2,
    "Adadelta": 2,
    "Adagrad": 1,
    "RMSprop": 1,
}
"""Tensors as large as a parameter that an optimizer keeps of it, besides a momentum."""

MOST_TOLD = 3
"""Weights that a message names."""


class NotPlain(TrainError):  # noqa: N818 -- named as what was found
    """A checkpoint cannot hold what an optimizer or a schedule holds."""


@dataclass
class TrainState:
    """A network in training.

    Attributes:
        network: The network.
        optimizer: The optimizer.
        schedule: The learning-rate schedule, or None.
        interval: When the schedule is stepped.
        average: Of the weights over training, or None.
        loss: A person's loss, whose parameters and buffers training may change; None
            where it changes nothing.
        epoch: Finished epochs.
        step: Finished optimizer steps.
        step_in_epoch: Finished optimizer steps of the current epoch.
        loss_sum: Sum of the losses of the epoch's examples, as `empty_sum` made it.
        loss_weight: What those examples weigh together: as much as there are, unless
            the loss weighs classes or leaves targets out.
        num_seen: Examples of the epoch that are in `loss_sum`.
        seconds: Spent on training so far, over all sessions.
        epoch_seconds: Spent on the current epoch so far.
        lr: Learning rate of the last step.
        grad_norm: Norm of the gradients at the last step of an epoch, before clipping.
        history: One record for each finished epoch.
        best_value: The best monitored value so far.
        best_epoch: The epoch that had it; 0 is none.
        best_weights: The `state_dict` of the network that was scored then, on the CPU.
        best_hidden: The buffers that its `state_dict` leaves out, as they were then.
        bad_epochs: Epochs since without improvement.
        finished: Why training ended, as a sentence; empty while it goes on.
        ending: The same, to be compared with; the sentence is only shown.
        plan: What is trained, as the text of its plan; empty for `fit`.
        gather: Brings here, before saving, what other processes hold of it.
    """

    network: nn.Module
    optimizer: torch.optim.Optimizer
    schedule: LRScheduler | None = None
    interval: Interval = "epoch"
    average: Average | None = None
    loss: nn.Module | None = None
    epoch: int = 0
    step: int = 0
    step_in_epoch: int = 0
    loss_sum: Tensor = field(default_factory=lambda: empty_sum(torch.device("cpu")))
    loss_weight: float = 0.0
    num_seen: int = 0
    seconds: float = 0.0
    epoch_seconds: float = 0.0
    lr: float = 0.0
    grad_norm: float | None = None
    history: list[EpochRecord] = field(default_factory=list)
    best_value: float | None = None
    best_epoch: int = 0
    best_weights: dict[str, Tensor] = field(default_factory=dict)
    best_hidden: dict[str, Tensor] = field(default_factory=dict)
    bad_epochs: int = 0
    finished: str = ""
    ending: Ending = ""
    plan: str = ""
    gather: Callable[[], None] = lambda: None

    @property
    def mean_loss(self) -> float:
        """The mean loss of the epoch's examples so far; 0 before the first."""
        return self.loss_sum.item() / (self.loss_weight or 1.0)

    def clear_losses(self) -> None:
        """Forget the losses of an epoch that is over."""
        self.loss_sum.zero_()
        self.loss_weight = 0.0
        self.step_in_epoch = self.num_seen = 0

    @property
    def trained(self) -> list[Tensor]:
        """What the optimizer changes: of the network, in its order, then all else."""
        changed = self._changed
        own = [p for p in self.network.parameters() if p in changed]
        return list(dict.fromkeys([*own, *changed]))

    @property
    def untrained(self) -> list[Tensor]:
        """Parameters of the network that the optimizer does not have."""
        changed = self._changed
        return [p for p in self.network.parameters() if p not in changed]

    @property
    def _changed(self) -> dict[Tensor, None]:
        groups = self.optimizer.param_groups
        return {parameter: None for group in groups for parameter in group["params"]}

    @property
    def scored(self) -> nn.Module:
        """The network that is validated and kept: the average, once there is one."""
        if self.average is None or not self.average.has_begun:
            return self.network
        return self.average.model.module

    @property
    def num_bytes(self) -> int:
        """How large its checkpoints will be at least, once an epoch is done."""
        kept = self.network.state_dict().values()  # and once more those of the best
        modules = [self.loss, None if self.average is None else self.average.model]
        others = [m.state_dict().values() for m in modules if m is not None]
        tensors = [*kept, *kept, *(each for found in others for each in found)]
        return bytes_of(tensors) + _memory_bytes(self.optimizer)

    def save(self, folder: Path) -> None:
        """Write `state.safetensors` and `state.json` into a folder."""
        self.gather()
        optimizer = self.optimizer.state_dict()
        pace = None if self.average is None else self.average.schedule
        tensors = {f"network.{k}": v for k, v in self.network.state_dict().items()}
        tensors |= {f"best.{k}": v for k, v in self.best_weights.items()}
        tensors |= {f"hidden.best.{k}": v for k, v in self.best_hidden.items()}
        if self.average is not None:
            averaged = self.average.model.state_dict()
            tensors |= {f"average.{k}": v for k, v in averaged.items()}
        if self.loss is not None:
            tensors |= {f"loss.{k}": v for k, v in self.loss.state_dict().items()}
        for part, module in self._modules.items():
            hidden = hidden_buffers(module)
            tensors |= {f"hidden.{part}.{k}": v for k, v in hidden.items()}
        tensors["loss_sum"] = self.loss_sum
        numbers: dict[str, dict[str, Any]] = {}
        for index, values in optimizer["state"].items():
            for key, value in values.items():
                if isinstance(value, Tensor):
                    tensors[f"optimizer.{index}.{key}"] = value
                else:
                    numbers.setdefault(str(index), {})[key] = value
        schedule = self.schedule
        state = {
            "version": STATE_VERSION,
            "epoch": self.epoch,
            "step": self.step,
            "step_in_epoch": self.step_in_epoch,
            "loss_weight": self.loss_weight,
            "num_seen": self.num_seen,
            "seconds": self.seconds,
            "epoch_seconds": self.epoch_seconds,
            "lr": self.lr,
            "grad_norm": self.grad_norm,
            "history": [record.model_dump(mode="json") for record in self.history],
            "best_value": self.best_value,
            "best_epoch": self.best_epoch,
            "bad_epochs": self.bad_epochs,
            "finished": self.finished,
            "ending": self.ending,
            "plan": self.plan,
            "optimizer": {"groups": optimizer["param_groups"], "numbers": numbers},
            "schedule": None if schedule is None else schedule_state(schedule),
            "average_schedule": None if pace is None else schedule_state(pace),
        }
        write_atomic(folder / "state.safetensors", safetensors_bytes(tensors))
        write_atomic(folder / "state.json", json.dumps(state, default=_refuse))

    @property
    def _modules(self) -> dict[str, nn.Module]:
        average = None if self.average is None else self.average.model
        parts = {"network": self.network, "average": average, "loss": self.loss}
        return {name: module for name, module in parts.items() if module is not None}

    @staticmethod
    def plan_of(folder: Path) -> str:
        """Return the plan that the training of a checkpoint was begun with."""
        return str(json.loads((folder / "state.json").read_bytes())["plan"])

    def load(self, folder: Path) -> None:
        """Go back to what `save` wrote.

        Raises:
            TrainError: The checkpoint is of another network, optimizer or version.
        """
        state = json.loads((folder / "state.json").read_bytes())
        if state["version"] != STATE_VERSION:
            raise TrainError(
                f"{folder}: the checkpoint has version {state['version']}, this "
                f"Torchsmith reads {STATE_VERSION}; use the version that wrote it"
            )
        tensors = load_file(folder / "state.safetensors")
        self.best_weights = _part(tensors, "best.")
        self.best_hidden = _part(tensors, "hidden.best.")
        try:
            self.network.load_state_dict(_part(tensors, "network."))
            self._load_optimizer(state["optimizer"], _part(tensors, "optimizer."))
            if self.average is not None:
                self.average.model.load_state_dict(_part(tensors, "average."))
            # An older version did not save that of a loss.
            if self.loss is not None and (saved := _part(tensors, "loss.")):
                self.loss.load_state_dict(saved)
            for part, module in self._modules.items():
                set_buffers(module, _part(tensors, f"hidden.{part}."))
        except (RuntimeError, ValueError, LookupError, AttributeError) as error:
            saved, own = _part(tensors, "network."), self.network.state_dict()
            why = _differing(saved, own) or str(error).splitlines()[0]
            raise TrainError(
                f"{folder}: the checkpoint does not fit this network and optimizer "
                f"({why}); resume with what it was made with"
            ) from error
        if self.schedule is not None and state["schedule"] is not None:
            _load_schedule(self.schedule, state["schedule"])
        if self.average is not None and self.average.schedule is not None:
            _load_schedule(self.average.schedule, state["average_schedule"])
        self.loss_sum = tensors["loss_sum"].to(self.loss_sum)
        self.history = [EpochRecord.model_validate(r) for r in state["history"]]
        for name in (
            "epoch",
            "step",
            "step_in_epoch",
            "num_seen",
            "seconds",
            "epoch_seconds",
            "lr",
            "grad_norm",
            "best_value",
            "best_epoch",
            "bad_epochs",
            "finished",
        ):
            setattr(self, name, state[name])
        # An older version weighed all examples the same.
        self.loss_weight = state.get("loss_weight", float(self.num_seen))
        # An older version saved the sentence only; who had finished must not go on.
        self.ending = state.get("ending") or ending_of(self.finished)

    def _load_optimizer(
        self, saved: dict[str, Any], tensors: dict[str, Tensor]
    ) -> None:
        values: dict[int, dict[str, Any]] = {
            int(index): dict(numbers) for index, numbers in saved["numbers"].items()
        }
        parameters = [p for g in self.optimizer.param_groups for p in g["params"]]
        for name, tensor in tensors.items():
            index, key = name.split(".", maxsplit=1)
            parameter = parameters[int(index)]
            # The layout in memory decides how PyTorch rounds, so it must be the same.
            if tensor.shape == parameter.shape:
                tensor = torch.empty_like(parameter, dtype=tensor.dtype).copy_(tensor)
            values.setdefault(int(index), {})[key] = tensor
        groups = [
            {
                # JSON has no tuples; PyTorch has lists for parameters only.
                k: tuple(v) if isinstance(v, list) and k != "params" else v
                for k, v in group.items()
            }
            for group in _typed(
                saved["groups"], self.optimizer.state_dict()["param_groups"]
            )
        ]
        self.optimizer.load_state_dict({"state": values, "param_groups": groups})


def bytes_of(tensors: Iterable[Tensor]) -> int:
    """Return how many bytes tensors take together."""
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def _memory_bytes(optimizer: torch.optim.Optimizer) -> int:
    """Return what an optimizer will remember of its parameters, where that is known."""
    num = 0
    for group in optimizer.param_groups:
        tensors = MEMORIES.get(type(optimizer).__name__, 0)
        tensors += bool(group.get("momentum")) + bool(group.get("amsgrad"))
        num += tensors * bytes_of(p for p in group["params"] if p.requires_grad)
    return num


def safetensors_bytes(tensors: Mapping[str, Tensor]) -> bytes:
    """Return tensors, wherever and however they lie, as a safetensors file."""
    return save({k: v.detach().cpu().contiguous().clone() for k, v in tensors.items()})


def _load_schedule(schedule: LRScheduler, saved: dict[str, Any]) -> None:
    load_schedule(schedule, _typed(saved, schedule_state(schedule)))


def _typed(saved: Any, now: Any) -> Any:  # noqa: ANN401 -- what JSON holds
    """Return what was saved with tensors where there are now, such as a rate.

    PyTorch computes with a tensor in its precision, and with a number in float64.
    """
    if isinstance(now, Tensor) and isinstance(saved, float | int):
        return torch.full_like(now, saved)
    if isinstance(now, dict) and isinstance(saved, dict):
        return {key: _typed(value, now.get(key)) for key, value in saved.items()}
    if isinstance(now, list | tuple) and isinstance(saved, list):
        pairs = zip_longest(saved, now[: len(saved)])
        return [_typed(value, each) for value, each in pairs]
    return saved


def _differing(saved: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> str:
    """Say which weights are not those of a checkpoint; nothing where all are."""
    was, now = ({k: tuple(v.shape) for k, v in each.items()} for each in (saved, own))
    told = [
        f"{name}: {was.get(name, 'missing')} in the checkpoint, "
        f"{now.get(name, 'missing')} here"
        for name in dict.fromkeys([*now, *was])
        if was.get(name) != now.get(name)
    ]
    more = f"; and {len(told) - MOST_TOLD} more" if len(told) > MOST_TOLD else ""
    return "; ".join(told[:MOST_TOLD]) + more


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {
        k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)
    }


def require_plain(optimizer: torch.optim.Optimizer) -> None:
    """Refuse an optimizer with a state that no checkpoint could hold.

    Raises:
        NotPlain: It holds what is neither a tensor nor plain data.
    """
    state = optimizer.state_dict()
    held = [each for values in state["state"].values() for each in values.values()]
    plain = [each for each in held if not isinstance(each, Tensor)]
    json.dumps([plain, state["param_groups"]], default=_refuse)


def _refuse(value: object) -> object:
    if isinstance(value, Tensor) and value.numel() == 1:
        return value.item()
    raise NotPlain(
        f"the optimizer or schedule holds a {type(value).__name__}, which a checkpoint "
        "of plain data cannot hold; keep tensors and numbers in its state, or use one "
        "of torch.optim"
    )
