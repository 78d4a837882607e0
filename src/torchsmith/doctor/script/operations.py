"""Follows tensors through a script: what made them, and where answers meet targets.

Everything here only looks: no tensor is changed, no random number drawn.
"""

import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from textwrap import shorten
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils.weak import WeakIdKeyDictionary

from torchsmith.doctor.script.facts import UNKNOWN, Facts, Operation, Origin, Pair
from torchsmith.doctor.script.places import Place
from torchsmith.doctor.script.tensors import (
    is_dense,
    is_transforming,
    shape_of,
    tensors_in,
)

MOST_BYTES = 256 * 2**20
"""Of tables that are kept alive until the rules have looked at them."""

LOSSES = frozenset(
    {
        "cross_entropy",
        "nll_loss",
        "mse_loss",
        "l1_loss",
        "smooth_l1_loss",
        "huber_loss",
        "binary_cross_entropy",
        "binary_cross_entropy_with_logits",
    }
)
"""Losses that PyTorch names, all with answers first and targets second."""

_SAME = {
    "__eq__": "eq",
    "__sub__": "sub",
    "__rsub__": "sub",
    "rsub": "sub",
    "subtract": "sub",
    "__getitem__": "index",
    "__matmul__": "matmul",
    "__rmatmul__": "matmul",
    "mm": "matmul",
    "linear": "matmul",
    "logsumexp": "log",
    "take_along_dim": "gather",
}
_CUTS = frozenset({"detach", "data", "argmax", "numpy", "item", "tolist", "round"})
_VIEWS = frozenset({"data", "T", "mT", "H", "mH"})
_TORCH = Path(torch.__file__).parent
_MACHINERY = (str(_TORCH / "optim"), str(_TORCH / "utils" / "data"))
_MOST_RECENT = 12
_MOST_DEPENDENCIES = 1000
_MOST_PAIRS = 20_000
_MOST_LABELS = 4096
_ALL_LABELS = 5_000_000
_MOST_OUTPUTS = 65_536
_EARLY = 60
_MOST_TABLES = 40
_LONG = 16
_DRAWS = frozenset({"uniform_", "normal_", "trunc_normal_"})


class Operations(TorchFunctionMode):
    """Sees every function of PyTorch that the script calls.

    Args:
        facts: Where what is seen is noted.
        backward: Is called with the losses, with what takes their gradients, and with
            whether parameters keep them.
        raw_call: Is called with the input that a script multiplies by weights itself,
            and the place; returns the number of the call.
    """

    def __init__(
        self,
        facts: Facts,
        backward: Callable[..., Any],
        raw_call: Callable[[Tensor, Place | None], int],
    ) -> None:
        super().__init__()
        self.facts = facts
        self.asleep = 0
        self.depth = 0
        self.is_brief = False
        self.compared: dict[Place | None, list[int]] = {}
        self._backward = backward
        self._raw_call = raw_call
        self._origins: WeakIdKeyDictionary = WeakIdKeyDictionary()
        self._num_labels = 0
        self._number: tuple[object, Origin] = (None, UNKNOWN)
        self._held: dict[int, int] = {}

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Call the function, then note what it did."""
        del types
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        if self.asleep or _is_machinery(sys._getframe(1).f_code.co_filename):
            return func(*args, **kwargs)
        if is_transforming():
            return func(*args, **kwargs)
        if not self.depth and self.facts.places.within_torchsmith():
            return func(*args, **kwargs)
        if name in ("backward", "grad") and args:
            losses = list(tensors_in(args[:1]))
            kept = name == "backward"
            return self._backward(losses, lambda: func(*args, **kwargs), is_kept=kept)
        result = func(*args, **kwargs)
        if name == "__get__":
            name = getattr(getattr(func, "__self__", None), "__name__", "")
            if name not in _VIEWS:
                return result
        if not (self.depth and self.is_brief):
            with self.looking():
                self._note(_SAME.get(name, name), args, kwargs, result)
        return result

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """See nothing inside of it."""
        self.asleep += 1
        try:
            yield
        finally:
            self.asleep -= 1

    @contextmanager
    def looking(self) -> Iterator[None]:
        """See nothing inside of it, and note what raises: the script goes on."""
        with self.quiet():
            try:
                yield
            except Exception as error:  # noqa: BLE001 -- a person's tensor may refuse
                told = f"{type(error).__name__}: {shorten(str(error), 160)}"
                self.facts.unseen.setdefault(self.facts.places.here(), told)

    def origin(self, tensor: object) -> Origin:
        """Return where a tensor comes from."""
        if not isinstance(tensor, Tensor):
            return UNKNOWN
        found = self._origins.get(tensor)
        return found if isinstance(found, Origin) else UNKNOWN

    def name_origin(self, tensor: Tensor, origin: Origin) -> None:
        """Say where a tensor comes from."""
        self._origins[tensor] = origin

    def _note(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        parents = list(tensors_in((args, tuple(kwargs.values()))))
        if name in _DRAWS and parents and parents[0].requires_grad:
            self.facts.drawn[parents[0].data_ptr()] = len(self.facts.calls)
        made = list(tensors_in((result,)))
        hangs = any(t.requires_grad or t in self._origins for t in (*parents, *made))
        if not hangs and (name != "eq" or self._number[0] is None):
            self._keep_table(made)
            return  # such as what prepares the data
        place = self.facts.places.here()
        cuts = name in _CUTS and any(p.requires_grad for p in parents)
        if self.depth and cuts and place is not None:
            self.facts.cuts.setdefault(place, name)
        if not made:
            if name == "item" and parents and self.origin(parents[0]).calls:
                self._number = (result, self.origin(parents[0]))
            return
        origin = self._merged(name, place, parents, made)
        pair = self._paired(name, args, kwargs, result, place)
        if pair is not None and len(self.facts.pairs) < _MOST_PAIRS:
            number = len(self.facts.pairs)
            self.facts.pairs.append(pair)
            origin = Origin(origin.calls, origin.pairs | {number}, origin.recent)
        for tensor in made:
            self._origins[tensor] = origin

    def _merged(
        self, name: str, place: Place | None, parents: list[Tensor], made: list[Tensor]
    ) -> Origin:
        if name.endswith("_as"):  # the others only lend their shape or type
            parents = parents[:1]
        known = [self.origin(p) for p in parents if not name.endswith("_like")]
        calls = frozenset[int]().union(*(origin.calls for origin in known))
        pairs = frozenset[int]().union(*(origin.pairs for origin in known))
        if not self.depth and name == "matmul" and not calls:
            given = [p for p in parents if not p.requires_grad and p.dim() > 1]
            weights = [p for p in parents if p.requires_grad and p.is_leaf]
            if given and weights:
                calls = frozenset({self._raw_call(given[0], place)})
        recent: list[Operation] = []
        for origin in known:
            recent += [o for o in origin.recent if o not in recent]
        shapes = tuple(shape_of(t) for t in (*parents[:2], made[0]))
        recent.append(Operation(name, place, shapes))
        return Origin(_newest(calls), _newest(pairs), tuple(recent[-_MOST_RECENT:]))

    def _keep_table(self, made: list[Tensor]) -> None:
        tables = self.facts.tables
        if self.depth or len(tables) >= _MOST_TABLES:
            return
        for tensor in made:
            if is_dense(tensor) and tensor.dim() >= 2 and len(tensor) >= _LONG:
                place = self.facts.places.here()
                if place is not None and self._may_hold(tensor):
                    tables.append((tensor.detach(), place))

    def _may_hold(self, tensor: Tensor) -> bool:
        """Whether memory bears a tensor; parts of what is held cost nothing."""
        storage = tensor.untyped_storage()
        held = {**self._held, storage.data_ptr(): storage.nbytes()}
        if sum(held.values()) > MOST_BYTES:
            return False
        self._held = held
        return True

    def _paired(
        self,
        name: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        result: Any,
        place: Place | None,
    ) -> Pair | None:
        if name in LOSSES:
            both = (*args, kwargs.get("input"), kwargs.get("target"))
            given = [t for t in both if isinstance(t, Tensor)][:2]
            if len(given) < 2:
                return None
            reduction = str(kwargs.get("reduction", "mean"))
            return self._pair(name, place, given, result, reduction)
        if self.depth:
            return None
        tensors = [t for t in args[:2] if isinstance(t, Tensor)]
        if name in ("eq", "sub") and len(tensors) == 2:
            return self._met(name, place, tensors, result)
        if name == "eq" and len(tensors) == 1 and tensors[0].dim() == 0:
            return self._met_number(place, tensors[0], args)
        if name in ("index", "gather"):
            return self._picked(name, place, args, result)
        return None

    def _met(
        self, name: str, place: Place | None, tensors: list[Tensor], result: Tensor
    ) -> Pair | None:
        first, second = (self.origin(tensor) for tensor in tensors)
        answers = [bool(first.calls), bool(second.calls)]
        if name == "sub":
            answers = [tensor.requires_grad for tensor in tensors]
            if answers == [False, False] and bool(first.calls) != bool(second.calls):
                answers = [bool(first.calls), bool(second.calls)]
        if answers == [False, True]:
            tensors.reverse()
        elif not any(answers) or (all(answers) and tensors[0] is not tensors[1]):
            return None
        each = tuple(result.shape[:1])
        alike = tensors[0].shape == tensors[1].shape
        if name == "eq" and alike and result.numel() == math.prod(each):
            self.count(place, result.numel(), int(result.sum()))
        return self._pair(name, place, tensors, result, "none")

    def _met_number(
        self, place: Place | None, target: Tensor, args: tuple[Any, ...]
    ) -> Pair | None:
        """An answer as a plain number, as item() gave it, beside one target."""
        value, origin = self._number
        if value is None or not any(other is value for other in args):
            return None
        answer = torch.as_tensor(value)
        self.count(place, 1, int(answer == target))
        pair = self._pair("eq", place, [answer, target], None, "none")
        return replace(pair, answers=origin)

    def _picked(
        self, name: str, place: Place | None, args: tuple[Any, ...], result: Tensor
    ) -> Pair | None:
        """Answers of which those of the targets are picked out: a loss by hand."""
        scores = args[0]
        if not isinstance(scores, Tensor) or not scores.requires_grad:
            return None
        found = [t for t in tensors_in(args[1:]) if t.dtype == torch.int64]
        if scores.dim() != 2 or not found or result.numel() != len(scores):
            return None
        return self._pair(name, place, [scores, found[-1]], result, "none")

    def count(self, place: Place | None, compared: int, right: int) -> None:
        """Note how many answers a line compared, and how many of them were right."""
        total = self.compared.setdefault(place, [0, 0])
        total[0] += compared
        total[1] += right

    def _pair(
        self,
        name: str,
        place: Place | None,
        both: list[Tensor],
        result: Any,
        reduction: str,
    ) -> Pair:
        outputs, targets = both
        early = len(self.facts.pairs) < _EARLY and outputs.numel() <= _MOST_OUTPUTS
        small = targets.numel() <= _MOST_LABELS and self._num_labels < _ALL_LABELS
        self._num_labels += targets.numel() if small else 0
        value = result if isinstance(result, Tensor) and result.numel() == 1 else None
        return Pair(
            name=name,
            place=place,
            answers=self.origin(outputs),
            targets=self.origin(targets),
            shapes=(tuple(outputs.shape), tuple(targets.shape)),
            outputs=outputs.detach().clone() if early else None,
            labels=targets.detach().flatten().clone() if small else None,
            is_whole=not targets.is_floating_point(),
            step=self.facts.num_steps,
            value=None if value is None else float(value.detach()),
            reduction=reduction,
        )


@cache
def _is_machinery(file: str) -> bool:
    """Whether a file moves data or weights in ways that are PyTorch's own affair."""
    return file.startswith(_MACHINERY)


def _newest(numbers: frozenset[int]) -> frozenset[int]:
    if len(numbers) <= _MOST_DEPENDENCIES:
        return numbers
    return frozenset(sorted(numbers)[-_MOST_DEPENDENCIES // 2 :])
