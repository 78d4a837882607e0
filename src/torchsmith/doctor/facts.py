"""What the numbers of a course come down to, for the rules that judge them."""

import math
from collections.abc import Callable, Iterator
from functools import cached_property
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

from torchsmith.core.spec import Spec
from torchsmith.doctor.signals import LayerSignals, Signals
from torchsmith.plan.layers import Dropout
from torchsmith.plan.optimizers import SGD

if TYPE_CHECKING:
    from torchsmith.doctor.course import Course

STUCK = 0.97
"""A training loss above so much of chance's is no better than a constant answer."""

BEHIND = 1.05
"""A training loss above so many times a simple rival's is worse than the rival."""

NOTHING_GAINED = 0.5
"""A training loss above so much of a simple rival's has not clearly left it behind."""

FAR = 0.25
"""Of the epochs, and 2 at least, before which much may still come."""

SHRUNK = 0.7
"""Weights below so much of their first size, and never above it, were shrunk."""

NOISY = 1.25
"""Loss in train mode over that in eval mode, of one batch."""

CLIPPED = 5.0
"""Gradients so many times their limit, at most sampled steps: clipping, not the rate,
rules how far a step goes. Optimizers that divide by the gradient's size do not care."""

FELT = 1e-3
"""Of the highest rate: float32 does not hold much less of a step beside its weights."""

SCORES = ("accuracy", "r2")
"""In which rivals are measured."""


class Facts:
    """What the numbers of a course come down to.

    Args:
        course: So far, or whole.
    """

    def __init__(self, course: "Course") -> None:
        self.course = course
        self.reference = course.reference
        self.losses = [record.train_loss for record in course.history]
        self.samples = [s for s in course.signals if math.isfinite(s.loss)]

    @property
    def chance(self) -> float | None:
        """The loss of the best constant answer."""
        return self.reference.chance_loss

    @property
    def probe(self) -> float | None:
        """The loss of the better simple rival."""
        return self.reference.probe_loss

    @property
    def first(self) -> Signals | None:
        """The sample before training; None where there is none, as in an old run."""
        samples = self.course.signals
        return samples[0] if samples and samples[0].step == 0 else None

    @property
    def last(self) -> Signals | None:
        """The newest sample whose numbers are finite."""
        return self.samples[-1] if self.samples else None

    @property
    def diverged(self) -> bool:
        """Whether the newest sample is of a network that is lost."""
        samples = self.course.signals
        return bool(samples) and (
            bool(samples[-1].not_finite) or not math.isfinite(samples[-1].loss)
        )

    @cached_property
    def initial(self) -> float | None:
        """The loss of the untrained network, in eval or train mode, the greater."""
        values = [self.reference.initial_loss]
        if self.first is not None:
            values += [self.first.loss, self.first.train_mode_loss]
        known = [value for value in values if value is not None]
        return max(known) if known else None

    @property
    def begins_well(self) -> bool:
        """Whether the untrained network is about as good as chance, not far worse."""
        if self.initial is None or self.chance is None:
            return False
        return self.initial <= 3 * max(self.chance, 1e-9)

    @property
    def end(self) -> float:
        """The training loss now; infinite where the network is lost.

        Of the newest epoch as it went; where dropout and the like cost much of what
        the network knows, in eval mode after it.
        """
        if self.diverged or not self.losses:
            return math.inf
        last = self.last
        if last is not None and last.epoch == len(self.losses) and _is_noisy(last):
            return min(self.losses[-1], last.loss)
        return self.losses[-1]

    @property
    def is_over(self) -> bool:
        """Whether training has ended."""
        course = self.course
        over = bool(course.ending) or len(course.history) >= course.num_epochs
        return over or self.diverged

    @property
    def is_far(self) -> bool:
        """Whether enough epochs are done to expect something."""
        least = max(2.0, FAR * self.course.num_epochs)
        return self.is_over or len(self.losses) >= least

    @property
    def is_stuck(self) -> bool:
        """Whether the network is still no better than a constant answer."""
        if self.chance is None or not self.is_far:
            return False
        return self.end >= STUCK * self.chance

    @property
    def is_behind(self) -> bool:
        """Whether the network ended worse than a simple rival, in loss and in score."""
        if self.probe is None or not self.is_over:
            return False
        return self.scores_below(1) is not False and self.end > BEHIND * self.probe

    def scores_below(self, errors: float) -> bool | None:
        """Whether the best validation score is below a simple rival's.

        Args:
            errors: By so many standard errors of the rival's score.

        Returns:
            None where it cannot be said.
        """
        best, rival = self.best_score, self.reference.probe_score
        if best is None or rival is None or not self.is_over:
            return None
        return best < rival - errors * (self.reference.probe_error or 0.0)

    @property
    def gained_nothing(self) -> bool:
        """Whether the network ended without having left a simple rival behind."""
        if self.probe is None or not self.is_over:
            return False
        return self.end > NOTHING_GAINED * self.probe

    @cached_property
    def best_score(self) -> float | None:
        """The best validation score, where it is one in which rivals are measured."""
        values = [
            record.metrics[name]
            for record in self.course.history
            for name in SCORES
            if name in record.metrics
        ]
        return max(values) if values else None

    @cached_property
    def pace(self) -> float:
        """Logarithm of update/weight, median over layers, of the fastest sample."""
        return max((pace_of(s) for s in self.samples), default=-math.inf)

    @cached_property
    def stride(self) -> tuple[float, float]:
        """The pace of the fastest sample, and how far all steps can have gone.

        As it is at the highest rate: a schedule may be low wherever a sample was taken.
        The first step of all counts only where there is no other: Adam's has its full
        length whatever the gradient, SGD's has no momentum yet. So do steps at a rate
        that is far below the highest: what they change is lost in rounding.
        """
        history = self.course.history
        rates = [record.lr for record in history]
        sampled = [s for s in self.samples if s.lr > 0]
        if not sampled:
            return -math.inf, 0.0
        top = max(*rates, *(s.lr for s in sampled), 0.0)
        felt = [s for s in sampled if s.step and s.lr >= FELT * top]
        sampled = felt or sampled
        pace = max(pace_of(s) + math.log10(top / s.lr) for s in sampled)
        done = [0, *(record.step for record in history)]
        steps = (after - before for before, after in pairwise(done))
        way = sum(rate * num for rate, num in zip(rates, steps, strict=True))
        return pace, 10**pace * way / top

    @cached_property
    def sizes(self) -> list[float]:
        """The size of the weights in each later sample, as a multiple of their first.

        The median over layers.
        """
        if self.first is None:
            return []
        begun = {x.name: x.weight_rms for x in self.first.layers if x.weight_rms}
        sizes = []
        for sample in self.samples[1:]:
            ratios = [
                layer.weight_rms / begun[layer.name]
                for layer in sample.layers
                if layer.name in begun and layer.weight_rms is not None
            ]
            sizes.append(median(ratios) if ratios else 1.0)
        return sizes

    @property
    def is_noisy(self) -> bool:
        """Whether train mode costs the network much of what it knows, as dropout."""
        return any(map(_is_noisy, self.samples))

    @property
    def is_shrunk(self) -> bool:
        """Whether weights only ever became smaller, and much so: by weight decay."""
        return bool(self.sizes) and max(self.sizes) < 1 and self.sizes[-1] < SHRUNK

    @property
    def is_clipped(self) -> bool:
        """Whether clipping rules the length of most steps."""
        plan, norm = self.course.plan, self._grad_norm
        if plan is None or not isinstance(plan.optimizer, SGD):
            return False
        return norm > CLIPPED * plan.training.clip_grad_norm > 0

    @property
    def clipping(self) -> str:
        """What is clipped, and to what, in a few words."""
        plan = self.course.plan
        limit = 0.0 if plan is None else plan.training.clip_grad_norm
        return f"the gradient's norm is {self._grad_norm:.2g}, its limit {limit:g}"

    @property
    def _grad_norm(self) -> float:
        norms = [s.grad_norm for s in self.samples if s.grad_norm is not None]
        return median(norms) if norms else 0.0

    @property
    def depth(self) -> list[LayerSignals]:
        """Layers with weights, as they were before training, from first to last.

        Without tables: of their rows only those of a few examples have a gradient.
        """
        return [
            layer
            for layer in (() if self.first is None else self.first.layers)
            if layer.grad_rms is not None and layer.weight_rms
            if not layer.type.startswith("Embedding")
        ]

    @cached_property
    def depth_ratio(self) -> float | None:
        """Logarithm of gradient/weight of the first layer over that of the last.

        Before training; None where it cannot be said.
        """
        layers = [(x.grad_rms or 0.0) / (x.weight_rms or 1.0) for x in self.depth]
        if len(layers) < 2 or not all(map(math.isfinite, layers)) or not layers[-1]:
            return None
        return math.log10(max(layers[0], 1e-30) / layers[-1])

    def growth(self, quantity: "Quantity") -> tuple[LayerSignals, float, float] | None:
        """Return the layer with the largest share now, that share, and its first one.

        Args:
            quantity: Such as the share of dead units.
        """
        if self.last is None:
            return None
        known = [(quantity(layer), layer) for layer in self.last.layers]
        shares = [(share, layer) for share, layer in known if share is not None]
        if not shares:
            return None
        share, layer = max(shares, key=lambda pair: pair[0])
        before = 0.0
        if self.first is not None:
            values = [quantity(x) for x in self.first.layers if x.name == layer.name]
            before = next((value for value in values if value is not None), 0.0)
        return layer, share, before


Quantity = Callable[[LayerSignals], float | None]


def dead(layer: LayerSignals) -> float | None:
    """Return the share of units that are 0 for every probed example."""
    return layer.dead


def saturated(layer: LayerSignals) -> float | None:
    """Return the share of units that are at an end of their range."""
    return layer.saturated


def pace_of(sample: Signals) -> float:
    """Return the logarithm of update/weight, the median over layers."""
    return math.log10(median(ratios)) if (ratios := [*_ratios(sample)]) else -math.inf


def _is_noisy(sample: Signals) -> bool:
    ours, theirs = sample.train_mode_loss, sample.batch_loss
    return ours is not None and theirs is not None and ours > NOISY * theirs


def _ratios(sample: Signals) -> Iterator[float]:
    for layer in sample.layers:
        ratio = layer.update_ratio
        if ratio is not None and math.isfinite(ratio) and ratio > 0:
            yield ratio


def dropouts(spec: Spec) -> Iterator[float]:
    """Yield every share of dropout of a network, set or by default.

    Args:
        spec: Of the network, or of a part of it.
    """
    for name, value in spec:
        if name == "dropout" or (name == "p" and isinstance(spec, Dropout)):
            yield value
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, Spec):
                yield from dropouts(part)
