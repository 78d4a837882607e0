"""What was seen while a script ran; the rules judge these facts."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from torchsmith.doctor.script.places import Place, Places


class Operation(NamedTuple):
    """One call of PyTorch.

    Attributes:
        name: As PyTorch calls it, such as `log_softmax`.
        place: The line that brought it about.
        shapes: Of its tensors.
    """

    name: str
    place: Place | None
    shapes: tuple[tuple[int, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a tensor comes from.

    Attributes:
        calls: Numbers of the calls of networks that it depends on.
        pairs: Indices of the pairs of answers and targets that it depends on.
        recent: The last operations that made it, newest last.
    """

    calls: frozenset[int] = frozenset()
    pairs: frozenset[int] = frozenset()
    recent: tuple[Operation, ...] = ()

    @property
    def names(self) -> frozenset[str]:
        """Of the last operations."""
        return frozenset(operation.name for operation in self.recent)


UNKNOWN = Origin()
"""Of a tensor that was not seen coming about."""


@dataclass(eq=False)
class Call:
    """One call of a network from outside of any network.

    Attributes:
        number: In the order of calls; from 1.
        module: The network; None where tensors are multiplied by hand.
        place: The line that calls it.
        is_training: Whether the network, as a whole, is in training mode.
        has_grad: Whether gradients are recorded.
        step: How many optimizer steps went before.
        rows: A hash of each row of the input, or of the first few thousands.
        num_rows: Of the input.
        is_finite: Whether no number of the input is NaN or infinite.
        inputs: The input, of early calls in training; otherwise None.
        outputs: Their output, detached, of the newest calls; otherwise None.
        is_trained: Whether a gradient was taken through it.
        is_open: Whether the script came to its end where its gradient was to follow.
        num_inputs: How many tensors it was given.
        arguments: All that the first call in training of a network was given.
        path: The lines that led to the call, the innermost first.
        first_layer: The first module with weights of its own that took part.
        entering: What that was given, of early calls.
    """

    number: int
    module: nn.Module | None
    place: Place | None
    is_training: bool
    has_grad: bool
    step: int
    rows: tuple[int, ...] = ()
    num_rows: int = 0
    is_finite: bool = True
    inputs: Tensor | None = None
    outputs: Tensor | None = None
    is_trained: bool = False
    is_open: bool = False
    num_inputs: int = 1
    arguments: tuple[tuple[Any, ...], dict[str, Any]] | None = None
    path: tuple[Place, ...] = ()
    first_layer: nn.Module | None = None
    entering: Tensor | None = None

    @property
    def is_untrained(self) -> bool:
        """Whether no gradient was taken through it, and none was to follow."""
        return not self.is_trained and not self.is_open


@dataclass(eq=False)
class Pair:
    """Answers beside targets, in a loss or in a comparison.

    Attributes:
        name: Of the function, such as `cross_entropy`, `sub` or `eq`.
        place: The line.
        answers: Where the answers come from.
        targets: Where the targets come from.
        shapes: Of answers and targets.
        outputs: The answers; only of early pairs, otherwise None.
        labels: The targets as one row of numbers, of small pairs; otherwise None.
        is_whole: Whether targets are whole numbers.
        step: How many optimizer steps went before.
        value: Of a loss, where it is one number.
        reduction: Of a loss that PyTorch names.
        is_trained: Whether a gradient was taken through it.
    """

    name: str
    place: Place | None
    answers: Origin
    targets: Origin
    shapes: tuple[tuple[int, ...], tuple[int, ...]]
    outputs: Tensor | None
    labels: Tensor | None
    is_whole: bool
    step: int
    value: float | None = None
    reduction: str = "mean"
    is_trained: bool = False


@dataclass
class Stepping:
    """What an optimizer did.

    Attributes:
        optimizer: Itself.
        place: The line that makes it.
        num_steps: So far.
        num_added: Steps whose gradients held those of the step before.
        num_idle: Steps without any gradient.
        was_reset: Whether gradients were cleared since the last step.
        num_backward: Gradients taken since the last step.
        step_place: The line of the last step.
        takes_closure: Whether it computes the loss itself, as LBFGS does.
        initial_lr: Learning rates when it was made.
        rates: The highest learning rate at each step.
    """

    optimizer: Optimizer
    place: Place | None
    num_steps: int = 0
    num_added: int = 0
    num_idle: int = 0
    was_reset: bool = True
    num_backward: int = 0
    step_place: Place | None = None
    takes_closure: bool = False
    initial_lr: tuple[float, ...] = ()
    rates: list[float] = field(default_factory=list)

    @property
    def parameters(self) -> list[Tensor]:
        """That it trains."""
        return [p for group in self.optimizer.param_groups for p in group["params"]]


class Ratio(NamedTuple):
    """A division in the script of how many answers were right.

    Attributes:
        place: The line.
        right: How many, as the script counted.
        divisor: By which the script divides.
        compared: How many answers were compared to get that many right ones.
    """

    place: Place
    right: float
    divisor: float
    compared: int


class Restored(NamedTuple):
    """Weights that were read into a network, though they were its own already.

    Attributes:
        place: The line that kept them.
        back: The line that read them.
        num_steps: Optimizer steps between the two.
    """

    place: Place | None
    back: Place | None
    num_steps: int


@dataclass(eq=False)
class Schedule:
    """What a schedule of learning rates did.

    Attributes:
        scheduler: Itself.
        place: The line that makes it.
        step_place: The line of its last step.
        at_steps: How many optimizer steps went before each of its steps.
    """

    scheduler: LRScheduler
    place: Place | None
    step_place: Place | None = None
    at_steps: list[int] = field(default_factory=list)


class Loss(NamedTuple):
    """A number of which a gradient was taken.

    Attributes:
        place: The line that takes it.
        value: Of the loss.
        origin: Where the loss comes from.
        is_leaf: Whether nothing was computed with gradients to get it.
        num_reached: How many parameters that were watched have a gradient afterwards.
    """

    place: Place | None
    value: float
    origin: Origin
    is_leaf: bool
    num_reached: int


@dataclass
class Facts:
    """All that was seen.

    Attributes:
        places: Whose lines are told.
        calls: Of networks.
        pairs: Losses and comparisons of training.
        losses: Of which gradients were taken.
        steppings: Of each optimizer.
        num_by_hand: Early steps that were made without an optimizer.
        num_added_by_hand: Those among them whose gradients were not cleared after them.
        ratios: Shares of right answers.
        initial: Copies of networks, by id, as they were at their first call.
        made_at: By id of a module, the line that makes it.
        made_by: The same with the lines that led to it, the innermost first.
        reached: By id, parameters that had a gradient that is not 0.
        touched: Ids of parameters that had a gradient at all.
        used: By id of a network, ids of modules that were called in it.
        modules: By id, those modules.
        loaded: Ids of networks into which weights were read.
        begun_anew: By id of a network, the last call before its weights were set back
            to the first ones.
        drawn: By address of a parameter, the last call before it was drawn.
        restored: Readings of weights that were the network's own.
        schedules: Of learning rates.
        tables: Tensors of many rows, and the lines that make them.
        cuts: Lines within a network at which gradients are cut.
        entrusted: The line that lets torchsmith train, as `ts.fit` does.
        unseen: By line, why something could not be looked at there.
        ended: How the script came to an end: ended, stopped, failed or left, as
            sys.exit does where it says that something went wrong.
        error: What stopped it, where an error did.
        error_place: Its line.
    """

    places: Places
    calls: list[Call] = field(default_factory=list)
    pairs: list[Pair] = field(default_factory=list)
    losses: list[Loss] = field(default_factory=list)
    steppings: list[Stepping] = field(default_factory=list)
    num_by_hand: int = 0
    num_added_by_hand: int = 0
    ratios: list[Ratio] = field(default_factory=list)
    initial: dict[int, nn.Module | None] = field(default_factory=dict)
    made_at: dict[int, Place | None] = field(default_factory=dict)
    made_by: dict[int, tuple[Place, ...]] = field(default_factory=dict)
    reached: dict[int, Tensor] = field(default_factory=dict)
    touched: set[int] = field(default_factory=set)
    used: dict[int, set[int]] = field(default_factory=dict)
    modules: dict[int, nn.Module] = field(default_factory=dict)
    loaded: set[int] = field(default_factory=set)
    begun_anew: dict[int, int] = field(default_factory=dict)
    drawn: dict[int, int] = field(default_factory=dict)
    restored: list[Restored] = field(default_factory=list)
    schedules: list[Schedule] = field(default_factory=list)
    tables: list[tuple[Tensor, Place | None]] = field(default_factory=list)
    cuts: dict[Place, str] = field(default_factory=dict)
    entrusted: Place | None = None
    unseen: dict[Place | None, str] = field(default_factory=dict)
    ended: str = "ended"
    error: str = ""
    error_place: Place | None = None

    @property
    def num_steps(self) -> int:
        """Of all optimizers."""
        return sum(stepping.num_steps for stepping in self.steppings)

    def call(self, number: int) -> Call:
        """Return a call by its number."""
        return self.calls[number - 1]

    def begun(self, module: nn.Module) -> int:
        """Return the last call before a network's weights were made anew.

        Args:
            module: The network.
        """
        drawn = (self.drawn.get(p.data_ptr(), 0) for p in module.parameters())
        return max(self.begun_anew.get(id(module), 0), *drawn, 0)

    def leave_open(self) -> None:
        """Mark the calls of a step that the end of the script cut off."""
        lines = {call.place for call in self.trained_calls}
        last = max((call.number for call in self.trained_calls), default=0)
        for call in self.calls[last:]:
            call.is_open = call.has_grad and (not lines or call.place in lines)

    @property
    def trained_calls(self) -> list[Call]:
        """Through which a gradient was taken."""
        return [call for call in self.calls if call.is_trained]

    @property
    def measured_calls(self) -> list[Call]:
        """Whose answers were only compared with targets."""
        met = frozenset[int]().union(*(pair.answers.calls for pair in self.pairs))
        return [c for c in self.calls if c.number in met and c.is_untrained]

    @property
    def training_pairs(self) -> list[Pair]:
        """Losses through which a gradient was taken."""
        return [pair for pair in self.pairs if pair.is_trained]
