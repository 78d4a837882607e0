"""Lays hooks around PyTorch while a script runs, and takes them away afterwards."""

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from time import perf_counter
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torch.optim.optimizer import (
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)

from torchsmith.doctor.script.by_hand import ByHand
from torchsmith.doctor.script.counting import Counting
from torchsmith.doctor.script.facts import (
    Call,
    Facts,
    Loss,
    Origin,
    Schedule,
    Stepping,
)
from torchsmith.doctor.script.operations import Operations
from torchsmith.doctor.script.places import Place, Places
from torchsmith.doctor.script.tensors import (
    copied,
    has_gradient,
    hashes,
    is_dense,
    is_finite,
    is_transforming,
    kept,
    tensors_in,
)
from torchsmith.doctor.script.weights import Weights

ENOUGH_STEPS = 200
"""Optimizer steps after which a script that also measured itself has shown enough."""

SOON = 20.0
"""Seconds that a script may take in any case."""

LATE = 60.0
"""Seconds after which it is stopped wherever it is."""

_MOST_ROWS = 500_000
_MOST_OUTPUTS = 65_536
_LATE_CALLS = 20
_EARLY_CALLS = 40
_DETAILED_CALLS = 30
_EARLY_LOSSES = 10


Original = Callable[..., Any]
"""What a hook stands in for."""


class Enough(BaseException):
    """The script has shown enough; derives from what scripts do not catch."""


class Watcher:
    """Notes what a script does.

    Args:
        places: Of the script.
    """

    def __init__(self, places: Places) -> None:
        self.facts = Facts(places)
        self.operations = Operations(self.facts, self._backward, self._raw_call)
        self._begin = perf_counter()
        self._process = os.getpid()
        self._thread = threading.get_ident()
        self._measured_at = -1
        self._num_calls: dict[tuple[int, bool], int] = {}
        self._weights = Weights(self.facts)
        self._by_hand = ByHand(self.facts)
        self.counting = Counting(self.facts, self.operations)
        self._top: Call | None = None
        self._num_rows = 0
        self._newest: dict[int, deque[Call]] = {}

    @contextmanager
    def watching(self) -> Iterator[None]:
        """See what happens inside of it."""
        with ExitStack() as stack:
            for owner, name, wrapped in (
                (nn.Module, "__call__", self._called),
                (nn.Module, "__init__", self._made),
                (nn.Module, "zero_grad", self._cleared),
                (nn.Module, "state_dict", self._kept),
                (nn.Module, "load_state_dict", self._loaded),
                (LRScheduler, "__init__", self._schedule_made),
                (LRScheduler, "step", self._scheduled),
                (Optimizer, "__init__", self._optimizer_made),
                (Optimizer, "zero_grad", self._cleared),
            ):
                stack.enter_context(self._patched(owner, name, wrapped))
            before = register_optimizer_step_pre_hook(self._before)
            stack.callback(before.remove)
            after = register_optimizer_step_post_hook(self._after)
            stack.callback(after.remove)
            stack.enter_context(self.operations)
            yield

    @contextmanager
    def _patched(
        self, owner: type, name: str, wrapper: Callable[..., Any]
    ) -> Iterator[None]:
        original = getattr(owner, name)
        places = self.facts.places

        def patched(own: Any, *args: Any, **kwargs: Any) -> Any:
            if not self.operations.depth and places.within_torchsmith():
                return original(own, *args, **kwargs)
            return wrapper(original, own, *args, **kwargs)

        patched.__name__, patched.__doc__ = name, original.__doc__
        setattr(owner, name, patched)
        try:
            yield
        finally:
            setattr(owner, name, original)

    @property
    def is_here(self) -> bool:
        """Whether this is the process and thread in which the script began."""
        return os.getpid() == self._process and threading.get_ident() == self._thread

    def _stop_when_enough(self) -> None:
        seconds = perf_counter() - self._begin
        steps = self.facts.num_steps
        complete = steps >= ENOUGH_STEPS and 0 <= self._measured_at < steps
        if seconds > LATE or (seconds > SOON and complete):
            raise Enough

    def _called(
        self, original: Original, module: nn.Module, *args: Any, **kwargs: Any
    ) -> Any:
        operations = self.operations
        if operations.asleep or not self.is_here or is_transforming():
            return original(module, *args, **kwargs)
        if operations.depth:
            with operations.looking():
                self._inside(module, args)
            return original(module, *args, **kwargs)
        if next(module.parameters(), None) is None:
            return original(module, *args, **kwargs)
        self._stop_when_enough()
        self._top = None
        with operations.looking():
            self._top = self._begun(module, args, kwargs)
            self._inside(module, args)
        operations.depth, call = 1, self._top
        try:
            outputs = original(module, *args, **kwargs)
        finally:
            operations.depth, operations.is_brief = 0, False
        if call is not None:
            with operations.looking():
                self._answered(call, outputs, (args, tuple(kwargs.values())))
        return outputs

    def _inside(self, module: nn.Module, args: tuple[Any, ...]) -> None:
        """Note a module that takes part in a call, and what reaches the first layer."""
        call = self._top
        if call is None:
            return
        self.facts.used.setdefault(id(call.module), set()).add(id(module))
        self.facts.modules[id(module)] = module
        if call.first_layer is None and module._parameters:
            call.first_layer = module
            if call.inputs is not None and args and isinstance(args[0], Tensor):
                call.entering = args[0].detach().clone()

    def _begun(
        self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Call:
        facts = self.facts
        facts.modules[id(module)] = module
        place = facts.places.here()
        given = list(tensors_in((args, tuple(kwargs.values()))))
        if id(module) not in facts.initial:
            facts.initial[id(module)] = copied(module)
        call = self._new_call(module, place, given)
        key = (id(module), module.training)
        if key not in self._num_calls and call.inputs is not None and call.is_training:
            call.arguments = kept((args, kwargs))
        self._num_calls[key] = self._num_calls.get(key, 0) + 1
        self.operations.is_brief = self._num_calls[key] > _DETAILED_CALLS
        return call

    def _new_call(
        self, module: nn.Module | None, place: Place | None, given: list[Tensor]
    ) -> Call:
        facts = self.facts
        first = given[0] if given else torch.empty(0)
        early = len(facts.calls) < _EARLY_CALLS
        keeps = early and is_dense(first) and first.numel() <= 1_000_000
        call = Call(
            number=len(facts.calls) + 1,
            module=module,
            place=place,
            is_training=module is not None and module.training,
            has_grad=torch.is_grad_enabled(),
            step=facts.num_steps,
            rows=hashes(first) if self._num_rows < _MOST_ROWS else (),
            num_rows=len(first) if first.dim() else 0,
            is_finite=is_finite(first),
            inputs=first.detach().clone() if keeps else None,
            num_inputs=len(given),
            path=facts.places.path(),
        )
        facts.calls.append(call)
        self._num_rows += len(call.rows)
        if not call.has_grad:
            self._measured_at = call.step
        return call

    def _raw_call(self, given: Tensor, place: Place | None) -> int:
        self._stop_when_enough()
        return self._new_call(None, place, [given]).number

    def _answered(self, call: Call, outputs: Any, inputs: Any) -> None:
        operations = self.operations
        origins = [operations.origin(tensor) for tensor in tensors_in(inputs)]
        given = frozenset[int]().union(*(origin.calls for origin in origins))
        for tensor in tensors_in((outputs,)):
            origin = operations.origin(tensor)
            calls = origin.calls | given | {call.number}
            operations.name_origin(tensor, Origin(calls, origin.pairs, origin.recent))
            small = is_dense(tensor) and tensor.numel() <= _MOST_OUTPUTS
            if call.outputs is None and small:
                call.outputs = tensor.detach()
        newest = self._newest.setdefault(id(call.module), deque(maxlen=_LATE_CALLS))
        if len(newest) == _LATE_CALLS:
            newest[0].outputs = None
        newest.append(call)

    def _made(
        self, original: Original, module: nn.Module, *args: Any, **kwargs: Any
    ) -> None:
        path = self.facts.places.path()
        self.facts.made_at[id(module)] = path[0] if path else None
        self.facts.made_by[id(module)] = path
        original(module, *args, **kwargs)

    def _loaded(
        self, original: Original, module: nn.Module, *args: Any, **kwargs: Any
    ) -> Any:
        state = args[0] if args else kwargs.get("state_dict")
        result = original(module, *args, **kwargs)
        with self.operations.looking():
            self._weights.loaded(module, state)
        return result

    def _kept(
        self, original: Original, module: nn.Module, *args: Any, **kwargs: Any
    ) -> Any:
        if not args and "destination" not in kwargs:  # not of a part of it
            self._weights.kept(module)
        return original(module, *args, **kwargs)

    def _schedule_made(
        self, original: Original, scheduler: LRScheduler, *args: Any, **kwargs: Any
    ) -> None:
        original(scheduler, *args, **kwargs)
        made = Schedule(scheduler, self.facts.places.here())
        self.facts.schedules.append(made)

    def _scheduled(
        self, original: Original, scheduler: LRScheduler, *args: Any, **kwargs: Any
    ) -> None:
        original(scheduler, *args, **kwargs)
        for schedule in self.facts.schedules:
            if schedule.scheduler is scheduler:
                schedule.step_place = self.facts.places.here()
                schedule.at_steps.append(self.facts.num_steps)

    def _optimizer_made(
        self, original: Original, optimizer: Optimizer, *args: Any, **kwargs: Any
    ) -> None:
        original(optimizer, *args, **kwargs)
        rates = tuple(float(group.get("lr", 0.0)) for group in optimizer.param_groups)
        self.facts.steppings.append(
            Stepping(optimizer, self.facts.places.here(), initial_lr=rates)
        )

    def _cleared(
        self, original: Original, owner: Any, *args: Any, **kwargs: Any
    ) -> Any:
        result = original(owner, *args, **kwargs)
        self._mark_cleared()
        return result

    def _mark_cleared(self) -> None:
        with self.operations.looking():
            for stepping in self.facts.steppings:
                if not any(has_gradient(p) for p in stepping.parameters[:4]):
                    stepping.was_reset = True

    def _before(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        stepping = self._stepping(optimizer)
        if stepping is None:
            return
        closure = kwargs.get("closure") or next(iter(args[1:2]), None)
        stepping.step_place = self.facts.places.here()
        if closure is not None:
            stepping.takes_closure = True
            return
        is_idle = False
        with self.operations.looking():
            is_idle = not any(has_gradient(p) for p in stepping.parameters)
        self.operations.asleep += 1
        if is_idle:
            stepping.num_idle += 1
        elif stepping.num_steps and stepping.num_backward and not stepping.was_reset:
            stepping.num_added += 1

    def _after(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        del args, kwargs
        stepping = self._stepping(optimizer)
        if stepping is None:
            return
        if not stepping.takes_closure:
            self.operations.asleep -= 1
        stepping.num_steps += 1
        groups = optimizer.param_groups
        stepping.rates.append(
            max((float(g.get("lr", 0.0)) for g in groups), default=0.0)
        )
        stepping.num_backward = 0
        stepping.was_reset = False
        self.counting.stepped()

    def _stepping(self, optimizer: Optimizer) -> Stepping | None:
        facts = self.facts
        if facts.places.within_torchsmith():
            facts.entrusted = facts.entrusted or facts.places.here()
            return None
        found = (s for s in facts.steppings if s.optimizer is optimizer)
        return next(found, None)

    def _backward(
        self, losses: list[Tensor], run: Callable[[], Any], *, is_kept: bool
    ) -> Any:
        if not losses or not self.is_here:
            return run()
        self._stop_when_enough()
        self._mark_cleared()
        with self.operations.looking():
            self._by_hand.before_gradient(losses[0])
        with self.operations.quiet():
            result = run()
        with self.operations.looking():
            self._trained(losses[0], is_kept=is_kept)
        return result

    def _trained(self, loss: Tensor, *, is_kept: bool) -> None:
        place, origin = self.facts.places.here(), self.operations.origin(loss)
        value = float(loss.detach().float().mean())
        for number in origin.calls:
            self.facts.call(number).is_trained = True
        for number in origin.pairs:
            self.facts.pairs[number].is_trained = True
        for stepping in self.facts.steppings:
            stepping.num_backward += is_kept
        is_leaf = loss.grad_fn is None
        reached = self._reached()  # also where gradients are given, not kept
        self.facts.losses.append(
            Loss(place, value, origin, is_leaf, reached if is_kept else -1)
        )

    def _reached(self) -> int:
        facts = self.facts
        if len(facts.losses) > _EARLY_LOSSES and len(facts.losses) % 50:
            return -1
        owners = [p for stepping in facts.steppings for p in stepping.parameters]
        for module in list(facts.modules.values()):
            owners += list(module.parameters(recurse=False))
        facts.touched.update(id(p) for p in owners if p.grad is not None)
        with_gradient = {id(p): p for p in owners if has_gradient(p)}
        facts.reached.update(with_gradient)
        return len(with_gradient)
