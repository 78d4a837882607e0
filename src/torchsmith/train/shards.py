"""One network, divided among several processes: FSDP2.

Each process holds a part of every weight, of its gradient and of the optimizer's state,
and has a layer's weights whole only while it computes with them.
https://docs.pytorch.org/docs/stable/distributed.fsdp.fully_shard.html

The first process's `TrainState` is brought up to date at the end of each epoch, and
before a checkpoint: it is what is validated, saved and kept.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

from torchsmith.core.errors import TorchsmithError
from torchsmith.nn.optimizers import build_optimizer
from torchsmith.plan.optimizers import Optimizer
from torchsmith.train.group import Departed, Group, departed
from torchsmith.train.loop import Job
from torchsmith.train.pace import count_step
from torchsmith.train.replicas import Replicas
from torchsmith.train.session import Session
from torchsmith.train.state import TrainState


class Shards(Replicas):
    """A training of one divided network, seen from one of the processes.

    Args:
        group: The processes; it is joined.
        job: What to train on; its batches are those of all processes together.
        state: The first process's goes on where it is; the others' become the same.
        optimizer: The plan's; not `Muon`, which needs whole matrices.
    """

    def __init__(
        self, group: Group, job: Job, state: TrainState, optimizer: Optimizer
    ) -> None:
        super().__init__(group, job, state)
        first = group.place.is_first
        self._whole = list(state.network.parameters())
        self._network = deepcopy(state.network) if first else state.network
        for parameter in self._network.parameters():  # else FSDP refuses channels-last
            parameter.data = parameter.data.contiguous()
        mesh = init_device_mesh(job.device.type, (group.place.world_size,))
        for unit in units(self._network):
            fully_shard(unit, mesh=mesh)
        fully_shard(self._network, mesh=mesh)
        self._parts = [_divided(p) for p in self._network.parameters()]
        # All but Muon treat each number by itself, so they need not know of DTensor,
        # for which PyTorch has no fused SGD.
        self._own_parts = [nn.Parameter(p.to_local().detach()) for p in self._parts]
        names = [name for name, _ in self._network.named_parameters()]
        self._optimizer = build_optimizer(
            optimizer, zip(names, self._own_parts, strict=True)
        )
        state.optimizer.step()  # of nothing: the schedule shall not miss it later
        self._divide_optimizer()
        self._is_ahead = False
        state.gather = self._gather_in_epoch
        if not first:
            for parameter in self._whole:
                parameter.data = torch.empty(0)

    def lead(self, job: Job, state: TrainState, session: Session) -> None:
        """Train as `Replicas` does, then bring the first process's state up to date."""
        super().lead(job, state, session)
        self._group.say(do="gather")
        self.gather()

    def gather(self) -> None:
        """Bring the first process's state up to date; all processes do this at once."""
        first = self._group.place.is_first
        with self._computing(), torch.no_grad():
            for whole, part, own in self._weights_and_parts():
                full = part.full_tensor()
                if first:
                    whole.copy_(full)
                for key, value in self._optimizer.state[own].items():
                    kept = _joined(value, part)
                    if first:
                        self._state.optimizer.state[whole][key] = kept
            if first:
                buffers = self._state.network.buffers()
                for kept, own in zip(buffers, self._network.buffers(), strict=True):
                    kept.copy_(own)
        self._is_ahead = False

    def _gather_in_epoch(self) -> None:
        """Gather before a checkpoint, wherever the others wait."""
        if not self._is_ahead:
            return
        if self._others_wait:
            self._agree(gathers=True)
        else:
            self._group.say(do="gather")
        self.gather()

    def _divide_optimizer(self) -> None:
        """Take over what a checkpoint knew of the optimizer."""
        for whole, part, own in self._weights_and_parts():
            for key, value in self._state.optimizer.state.pop(whole, {}).items():
                if isinstance(value, Tensor) and value.ndim:
                    value = distribute_tensor(
                        value.contiguous(), part.device_mesh, part.placements
                    ).to_local()
                self._optimizer.state[own][key] = value

    def _weights_and_parts(self) -> Iterator[tuple[Tensor, DTensor, Tensor]]:
        """Yield each weight of the state, its division, and the part that is here."""
        return zip(self._whole, self._parts, self._own_parts, strict=True)

    def _step(self, batches: Sequence[Tensor], *, is_last: bool) -> bool | None:
        """Do a step; None where it is not to be done, for the epoch is broken off."""
        state = self._state
        while True:
            wished, ended, gathers = self._agree(wishes=self._group.stop.asked)
            if ended:
                return None
            if not gathers:
                break
            self.gather()
        self._others_wait = False  # for this; they compute
        self._network.zero_grad()
        loss = self._compute_or_leave(batches)
        self._group.sum(loss)
        state.loss_sum += loss / self._group.place.world_size
        state.loss_weight += sum(map(self._weight, batches))
        state.num_seen += sum(map(len, batches))
        for part, own in zip(self._parts, self._own_parts, strict=True):
            # In PyTorch 2.9 the first forward moves what cannot be divided evenly.
            own.data = part.to_local().detach()
            own.grad = None if part.grad is None else _divided(part.grad).to_local()
        self._clip(is_last=is_last)
        for group, kept in zip(
            self._optimizer.param_groups, state.optimizer.param_groups, strict=True
        ):
            group.update({k: v for k, v in kept.items() if k != "params"})
        self._optimizer.step()
        self._is_ahead = True
        count_step(self._state)
        return wished

    def _compute_or_leave(self, batches: Sequence[Tensor]) -> Tensor:
        """Compute; where that fails, the others must not wait for this process."""
        try:
            with self._computing():
                return self._compute(batches)
        except Departed:
            if self._group.place.is_first and (failure := self._group.failed()):
                raise Departed(failure) from None
            raise
        except TorchsmithError as error:
            self._group.tell_failure(str(error))
            self._group.leave()
            raise

    def _agree(
        self, *, wishes: bool = False, ended: bool = False, gathers: bool = False
    ) -> tuple[bool, bool, bool]:
        """Tell the other processes, and hear from them, what comes next."""
        signs = torch.tensor([wishes, ended, gathers], dtype=torch.int32)
        self._group.sum(signs)
        wished, ends, gathering = (bool(sign) for sign in signs.tolist())
        return wished, ends, gathering

    def _break_off(self) -> None:
        self._agree(ended=True)

    def _keep(self, session: Session) -> str:
        del session  # the parts of the others are lost
        return "the newest checkpoint is kept"

    def _taken(self, rows: Tensor) -> Tensor:
        """Return this process's rows; some that do not count where it has none.

        The other processes need its part of the weights in each forward.
        """
        own = self._own(rows)
        return own if len(own) else rows[: self._least]

    def _factor(self, rows: Tensor) -> float:
        # `fully_shard` takes the mean over the processes, and a sum is needed.
        counts = len(self._own(rows)) > 0
        return super()._factor(rows) * self._group.place.world_size * counts

    def _clip(self, *, is_last: bool) -> None:
        """Do what `clip_gradients` does with the parts of gradients."""
        settings, state = self._job.training, self._state
        parts = [own.grad for own in self._own_parts if own.grad is not None]
        if settings.clip_grad_norm or is_last:
            square = torch.stack([part.square().sum() for part in parts]).sum()
            self._group.sum(square)
            norm = square.sqrt()
            if settings.clip_grad_norm:
                # As torch.nn.utils.clip_grad_norm_ has it.
                factor = (settings.clip_grad_norm / (norm + 1e-6)).clamp(max=1.0)
                for part in parts:
                    part.mul_(factor)
            if is_last:
                state.grad_norm = norm.item()
        if limit := settings.clip_grad_value:
            for part in parts:
                part.clamp_(-limit, limit)

    @contextmanager
    def _computing(self) -> Iterator[None]:
        """Tell a process that is not there from an error of computing."""
        try:
            yield
        except RuntimeError as error:
            if isinstance(error, dist.DistError) or "gloo" in str(error):
                raise departed(error) from error
            raise


def units(network: nn.Module) -> Iterator[nn.Module]:
    """Yield the layers of a network that have weights, each to be divided by itself."""
    for child in network.children():
        if isinstance(child, nn.Sequential | nn.ModuleList | nn.ModuleDict):
            yield from units(child)
        elif any(True for _ in child.parameters()):
            yield child


def _divided(tensor: Tensor | None) -> DTensor:
    if not isinstance(tensor, DTensor):
        raise TypeError(f"not divided: {tensor}")
    return tensor


def _joined(value: object, like: DTensor) -> object:
    """Return, on the CPU, what an optimizer keeps of a whole weight."""
    if not isinstance(value, Tensor):
        return value
    if value.ndim:
        value = DTensor.from_local(
            value,
            like.device_mesh,
            like.placements,
            run_check=False,
            shape=like.shape,
            stride=like.stride(),
        ).full_tensor()
    return value.detach().cpu().clone()
