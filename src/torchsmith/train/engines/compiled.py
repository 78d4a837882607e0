"""A training in native code, with arithmetic of its own.

It rounds differently from `eager`: sums are added up in another order. On one machine
and compiler it gives the same bits each time, with any number of threads.
"""

import ctypes
import warnings
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from torch import nn

from torchsmith.core.errors import TrainError
from torchsmith.train.batches import epoch_order
from torchsmith.train.engines.engine import Engine, Unsupported
from torchsmith.train.engines.native.arena import Arena
from torchsmith.train.engines.native.examples import address, read_inputs, whole_inputs
from torchsmith.train.engines.native.library import load_library
from torchsmith.train.engines.native.reading import (
    Linear,
    read_loss,
    read_network,
    read_optimizer,
)
from torchsmith.train.engines.native.structures import (
    Examples,
    Layer,
    Loss,
    Steps,
    Training,
)
from torchsmith.train.first_batch import check_first_batch
from torchsmith.train.loop import Job
from torchsmith.train.pace import pace, step_schedule
from torchsmith.train.session import Session
from torchsmith.train.state import TrainState

CALL_SECONDS = 0.010
"""About so long Python waits: signals, progress and checkpoints come in between."""
CALLS_UNTIL_TRIAL = 100
"""Other programs come and go: after so many calls the number of threads is tried."""


def compile_engine(
    job: Job, state: TrainState, tell: Callable[[str], None] | None = None
) -> Engine:
    """Prepare the steps of a training.

    Args:
        job: What to train on, and how.
        state: What is trained.
        tell: Is given a line before something that takes seconds.

    Raises:
        Unsupported: Something of it has no case here, or there is no compiler.
    """
    return Engine("compiled", Compiled(job, state, tell).train_epoch)


class Threads:
    """How many threads are faster, told from the training itself: one, or all.

    The number changes no bit, so it may follow the clock.

    Args:
        most: All.
        fixed: Never fewer.

    Attributes:
        most: All.
        now: For the next call.
    """

    def __init__(self, most: int, *, fixed: bool) -> None:
        self.most = most
        self.now = most if fixed else 1
        self._choices = {self.now, most}
        self._seconds: dict[int, float] = {}
        self._calls = 0

    def after_call(self, seconds_per_step: float) -> None:
        """Take note of a call; try the other number first, and then now and then."""
        if len(self._choices) == 1:
            return
        self._calls += 1
        self._seconds[self.now] = seconds_per_step
        is_time = self._calls % CALLS_UNTIL_TRIAL == 0
        if is_time or len(self._seconds) < 2:
            self.now = max(self._choices - {self.now})
        else:
            self.now = min(self._seconds, key=self._seconds.__getitem__)


class Orders:
    """The order of each epoch, drawn while the one before it is trained.

    Args:
        job: Whose examples they are.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._thread = ThreadPoolExecutor(1, "order")
        self._drawn: dict[int, Future[np.ndarray]] = {}

    def of(self, epoch: int) -> np.ndarray:
        """Return the order of an epoch, `(N,)`, and begin to draw the next."""
        drawn = self._drawn.get(epoch)
        following = range(epoch + 1, min(epoch + 2, self._job.training.epochs))
        self._drawn = {e: self._thread.submit(self._draw, e) for e in following}
        return self._draw(epoch) if drawn is None else drawn.result()

    def _draw(self, epoch: int) -> np.ndarray:
        seed = self._job.training.seed
        return epoch_order(len(self._job.train), seed, epoch).numpy()


class Compiled:
    """A training that the native code knows.

    Args:
        job: What to train on, and how.
        state: What is trained.
        tell: Is given a line before something that takes seconds.
        sparse: Whether zeros in the inputs are left out; None decides by their number.
        threads: Take so many; 0 takes as many as PyTorch where they are faster.

    Raises:
        Unsupported: Something of it has no case here, or there is no compiler.
    """

    def __init__(
        self,
        job: Job,
        state: TrainState,
        tell: Callable[[str], None] | None = None,
        *,
        sparse: bool | None = None,
        threads: int = 0,
    ) -> None:
        _refuse(job, state)
        layers = read_network(state.network)
        inputs, targets, offset, factor = whole_inputs(job.train)
        if layers[0].module.in_features != inputs[0].numel():
            raise Unsupported("the first Linear does not take all inputs at once")
        parameters = list(state.network.parameters())
        kind, keys = read_optimizer(state.optimizer, parameters)
        criterion = read_loss(job.loss, targets, layers[-1].module.out_features)
        self._library = load_library(tell)
        self._inputs = read_inputs(self._library, inputs, offset, factor, sparse=sparse)
        self._criterion = criterion
        self._kind, self._keys = kind, keys
        self._arena = Arena(
            [layer.module for layer in layers], keys, self._library.torchsmith_lanes()
        )
        self._layers = self._lay_out(layers, state.optimizer)
        self._training = self._describe(job)
        self._starts = np.array([*job.starts, len(job.train)])
        self._orders = Orders(job)
        self._fixed_threads = threads
        self._threads = Threads(threads or 1, fixed=True)
        products = sum(p.numel() for p in parameters) * 3 * job.training.batch_size
        self._step_seconds = 5e-6 + products / 1e10

    @property
    def is_sparse(self) -> bool:
        """Whether inputs that are zero are left out."""
        return self._inputs.dense is None

    def train_epoch(self, job: Job, state: TrainState, session: Session) -> None:
        """Train on every example once, or on what a checkpoint left of the epoch."""
        order = self._orders.of(state.epoch)
        state.network.train()
        if state.step == 0:
            self._check_first_batch(job, state, order)
        if not self._fixed_threads and self._threads.most != torch.get_num_threads():
            self._threads = Threads(torch.get_num_threads(), fixed=False)
        is_fresh = self._make_optimizer_state(state.optimizer)
        with self._arena.holding(state.optimizer):
            while left := len(self._starts) - 1 - state.step_in_epoch:
                count = max(1, min(left, int(CALL_SECONDS / self._step_seconds)))
                self._train(state, order, count, is_last=count == left, fresh=is_fresh)
                is_fresh = False
                session.after_step(state)
                if session.out_of_time(state):
                    return

    def _train(
        self,
        state: TrainState,
        order: np.ndarray,
        count: int,
        *,
        is_last: bool,
        fresh: bool,
    ) -> None:
        """Train for some steps, and bring the state up to date."""
        starts = self._starts[state.step_in_epoch : state.step_in_epoch + count + 1]
        rates = self._rates(state, count)
        norm, weight = ctypes.c_double(), ctypes.c_double(state.loss_weight)
        threads = self._threads.now
        steps = Steps(
            count=count,
            rows=order.ctypes.data,
            starts=starts.ctypes.data,
            rates=rates.ctypes.data,
            groups=rates.shape[1],
            done=self._steps_done(state.optimizer),
            is_fresh=fresh,
            measure=is_last,
            threads=threads,
            loss_sum=state.loss_sum.data_ptr(),
            loss_weight=ctypes.addressof(weight),
            norm=ctypes.addressof(norm),
        )
        seconds = self._library.torchsmith_train(self._training, steps)
        if seconds < 0:
            raise TrainError(
                f"there is not enough memory, or no {threads} threads; close other "
                "programs, or set training.threads: 1"
            )
        self._step_seconds = seconds / count
        self._threads.after_call(self._step_seconds)
        if is_last:
            state.grad_norm = norm.value
        for values in state.optimizer.state.values():
            if "step" in values:
                values["step"] += count
        state.loss_weight = weight.value
        state.num_seen += int(starts[-1] - starts[0])
        state.step += count
        state.step_in_epoch += count

    def _rates(self, state: TrainState, count: int) -> np.ndarray:
        """Return what each group of parameters has at each step, `(count, groups, 6)`.

        The schedule is stepped as often; it depends on nothing that a step computes.
        """
        groups = state.optimizer.param_groups
        schedule, interval = pace(state, state.epoch + 1)
        rows = []
        with warnings.catch_warnings():
            # PyTorch cannot see that the steps follow at once.
            warnings.filterwarnings("ignore", message="Detected call of `lr_scheduler")
            for _ in range(count if schedule and interval == "step" else 1):
                rows.append([_rates_of(group) for group in groups])
                state.lr = float(groups[0]["lr"])
                step_schedule(state, "step")
        rates = np.array(rows, dtype=np.float64)
        return np.ascontiguousarray(np.broadcast_to(rates, (count, *rates.shape[1:])))

    def _check_first_batch(
        self, job: Job, state: TrainState, order: np.ndarray
    ) -> None:
        rows = torch.from_numpy(order[: self._starts[1]])
        inputs, targets = job.train.take(rows)
        with torch.no_grad():
            outputs = state.network(inputs)
        check_first_batch(state.network, job.loss, outputs, targets)

    def _make_optimizer_state(self, optimizer: torch.optim.Optimizer) -> bool:
        """Make what PyTorch makes at the first step; whether momentum is new."""
        is_fresh = False
        for parameter in self._arena.parameters:
            values = optimizer.state[parameter]
            if self._kind and "step" not in values:
                values["step"] = torch.zeros(())
            for key in self._keys:
                if values.get(key) is None:
                    values[key] = torch.zeros_like(parameter)
                    is_fresh = True
        return is_fresh

    def _steps_done(self, optimizer: torch.optim.Optimizer) -> int:
        if self._kind == 0:
            return 0
        steps = {int(optimizer.state[p]["step"]) for p in self._arena.parameters}
        return max(steps)

    def _lay_out(
        self, layers: list[Linear], optimizer: torch.optim.Optimizer
    ) -> ctypes.Array[Layer]:
        """Tell where each layer's parameters lie, and of which group they are."""
        groups = {
            id(parameter): number
            for number, group in enumerate(optimizer.param_groups)
            for parameter in group["params"]
        }
        places = self._arena.places
        return (Layer * len(layers))(
            *(
                Layer(
                    inputs=layer.module.in_features,
                    outputs=layer.module.out_features,
                    weight=places[id(layer.module.weight)].begin,
                    bias=places[id(bias)].begin
                    if (bias := layer.module.bias) is not None
                    else -1,
                    weight_group=groups[id(layer.module.weight)],
                    bias_group=0 if bias is None else groups[id(bias)],
                    activation=layer.activation,
                    argument=layer.argument,
                )
                for layer in layers
            )
        )

    def _describe(self, job: Job) -> Training:
        """Fill in what stays the same for all steps."""
        inputs, criterion = self._inputs, self._criterion
        kept = [address(t) for t in self._arena.kept]
        first, second = (*kept, None, None)[:2]
        return Training(
            num_layers=len(self._layers),
            layers=self._layers,
            examples=Examples(
                inputs=address(inputs.dense),
                is_bytes=inputs.dense is not None and inputs.dense.dtype == torch.uint8,
                offset=address(inputs.offset),
                factor=address(inputs.factor),
                row_starts=address(inputs.row_starts),
                columns=address(inputs.columns),
                values=address(inputs.values),
                base=address(inputs.base),
                classes=address(criterion.classes),
                targets=address(criterion.targets),
            ),
            loss=Loss(
                kind=criterion.kind,
                is_sum=criterion.is_sum,
                argument=criterion.argument,
                weight=address(criterion.weight),
            ),
            optimizer=self._kind,
            arena=self._arena.size,
            parameters=address(self._arena.values),
            gradients=address(self._arena.gradients),
            first=first,
            second=second,
            clip_norm=job.training.clip_grad_norm,
            clip_value=job.training.clip_grad_value,
        )


def _rates_of(group: dict[str, Any]) -> tuple[float, ...]:
    """Return the arguments of a group in the order of train.cpp."""
    if "betas" in group:
        return (group["lr"], *group["betas"], group["eps"], group["weight_decay"], 0)
    return (
        group["lr"],
        group["momentum"],
        group["dampening"],
        0,
        group["weight_decay"],
        group["nesterov"],
    )


def _refuse(job: Job, state: TrainState) -> None:
    """Refuse what a training may ask for around its network.

    Raises:
        Unsupported: Says what.
    """
    if job.device.type != "cpu":
        raise Unsupported(f"it computes on the CPU, not on {job.device.type}")
    if job.training.precision != "float32":
        raise Unsupported(f"it computes in float32, not in {job.training.precision}")
    if job.training.accumulate > 1:
        raise Unsupported("training.accumulate adds up the gradients of batches")
    augment = job.augment
    is_empty = isinstance(augment, nn.Sequential) and len(augment) == 0
    if not is_empty and augment is not Job.augment:
        raise Unsupported("augment changes the batches")
    if state.average is not None and state.average.is_of_steps:
        raise Unsupported("averaging: EMA looks at the weights after each step")
