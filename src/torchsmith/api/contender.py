"""Remedies beside the original, and which of them wins."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import product

from torchsmith.api.origin import Origin
from torchsmith.api.trying import Attempt, Contest, Gain
from torchsmith.core.vocabulary import Metric
from torchsmith.doctor.remedies import Remedy
from torchsmith.plan.plan import Plan
from torchsmith.plan.settings import differences

LIKELY = 1.0
"""Standard errors by which a remedy is better that is kept although chance could give
as much: what it is for was found by other means."""

NEARLY = 0.99
"""Of the largest gain is as good: of such remedies the one that changes least wins."""

MANY_TIMES = 4
"""As many epochs as a weaker dose needs are too many for what chance could give."""

SEEDS_THAT_TELL = 3
"""Of each plan, where all of one are better than all of the other."""


@dataclass(eq=False)
class Contender:
    """A remedy, or the original, and what its trainings gave, by seed.

    Attributes:
        plan: That is trained.
        remedy: None of the original.
        origin: The checkpoint where it begins; None at the start.
        share: Of its epochs that are trained.
        attempts: By seed.
        original: With which it is compared; None of the original.
        gain: By how much it is better than that.
    """

    plan: Plan
    remedy: Remedy | None = None
    origin: Origin | None = None
    share: float = 1.0
    attempts: dict[int, Attempt] = field(default_factory=dict)
    original: "Contender | None" = None
    gain: Gain | None = None

    @property
    def value(self) -> float:
        """By how much it is better; what was not compared is worst."""
        return float("-inf") if self.gain is None else self.gain.score.value

    @property
    def helps(self) -> bool:
        """Whether it is better by more than chance allows."""
        return self.gain is not None and self.gain.score.low > 0

    @property
    def may_help(self) -> bool:
        """Whether it is likely better: what it is for was found by other means."""
        return self.gain is not None and self.value >= LIKELY * self.gain.error > 0

    @property
    def is_worse(self) -> bool:
        """Whether it is likely worse."""
        return self.gain is None or -self.value >= LIKELY * self.gain.error > 0

    @property
    def is_advised(self) -> bool:
        """Whether an error names it, and it does no worse: examples are few."""
        sure = self.remedy is not None and self.remedy.is_sure
        return sure and self.value >= 0

    @property
    def is_whole(self) -> bool:
        """Whether it keeps nothing of how the original learns."""
        return self.remedy is not None and self.remedy.is_whole

    @property
    def harms(self) -> bool:
        """Whether it is worse by more than chance allows."""
        return self.gain is not None and self.gain.score.high < 0


def gain(
    contest: Contest,
    ours: Contender,
    theirs: Contender,
    metric: Metric | None = None,
) -> Gain:
    """Return by how much a contender is better than another, of the seeds of both.

    Args:
        contest: That compares.
        ours: The contender.
        theirs: The other.
        metric: By which; that of the plan where not given.
    """
    seeds = [seed for seed in ours.attempts if seed in theirs.attempts]
    return contest.gain(
        [ours.attempts[seed] for seed in seeds],
        [theirs.attempts[seed] for seed in seeds],
        metric,
    )


def exceeds(contest: Contest, ours: Contender, theirs: Contender) -> bool:
    """Return whether a dose is worth it beside a weaker one.

    It is likely better; where it takes more epochs it is better by more than chance
    allows, in the probabilities at least.
    """
    found = gain(contest, ours, theirs)
    if ours.plan.training.epochs <= theirs.plan.training.epochs:
        return found.score.value >= LIKELY * found.error > 0
    if found.score.low > 0 or contest.finer is None:
        return found.score.low > 0
    return found.score.value >= 0 < gain(contest, ours, theirs, contest.finer).score.low


def finer_gain(contest: Contest, contender: Contender) -> Gain | None:
    """Return by how much its probabilities are better; None where there are none."""
    if contender.original is None or contest.finer is None:
        return None
    return gain(contest, contender, contender.original, contest.finer)


def winner_of(
    tried: Sequence[Contender], plan: Plan, contest: Contest
) -> Contender | None:
    """Return the smallest change of those that help about as much as the best.

    Only those that were trained for longest, and with the most seeds, are compared.
    Where none is likely better the better probabilities win, of those that are not
    likely worse; where nothing tells them apart an error is believed that says what to
    change.
    What is only likely better than an original that scatters may still be better than
    the winner by more than chance allows, and then wins itself. So does what keeps
    nothing of the original; where nothing else wins it has to be better than that by
    more than chance allows.

    Args:
        tried: All of them.
        plan: The original.
        contest: That compares.
    """
    longest = max((one.share for one in tried), default=1.0)
    known = [one for one in tried if one.share == longest]
    most = max((len(one.attempts) for one in known), default=0)
    known = [one for one in known if len(one.attempts) == most]
    remedies = [one for one in known if not one.is_whole]
    likely = [one for one in remedies if one.may_help]
    sure = [one for one in remedies if one.helps]
    winner = _cheapest(_smallest(sure, plan), sure, plan, contest)
    best = _cheapest(_smallest(likely, plan), likely, plan, contest)
    if best is not None and (winner is None or _beats(contest, best, winner)):
        winner = best
    winner = winner or _more_likely(remedies, plan, contest)
    winner = winner or _smallest([one for one in remedies if one.is_advised], plan)
    for whole in (one for one in known if one.is_whole and one.may_help):
        other = winner or whole.original
        if other is not None and _beats(contest, whole, other):
            return whole
    return winner


def by_gain(contender: Contender) -> float:
    """Return what puts the best first."""
    return -contender.value


def always_better(contest: Contest, ours: Contender, theirs: Contender) -> bool:
    """Return whether the worst seed is better than the best of the other.

    By more than other examples would change. Chance alone puts three before three
    others once in twenty times, however far the seeds of either scatter.
    """
    each = ours.attempts.values(), theirs.attempts.values()
    return min(map(len, each)) >= SEEDS_THAT_TELL and all(
        contest.gain([mine], [other]).score.low > 0 for mine, other in product(*each)
    )


def _beats(contest: Contest, ours: Contender, theirs: Contender) -> bool:
    """Whether a contender is better by more than chance allows."""
    found = gain(contest, ours, theirs)
    return found.score.low > 0 or always_better(contest, ours, theirs)


def _cheapest(
    winner: Contender | None, others: Sequence[Contender], plan: Plan, contest: Contest
) -> Contender | None:
    """Return a weaker dose, where the winner takes many times as long for nothing."""
    if winner is None:
        return None
    changed, epochs = differences(winner.plan, plan).keys(), winner.plan.training.epochs
    weaker = [
        one
        for one in others
        if MANY_TIMES * one.plan.training.epochs <= epochs
        and differences(one.plan, plan).keys() <= changed
        and not exceeds(contest, winner, one)
    ]
    return _smallest(weaker, plan) or winner


def _more_likely(
    known: Sequence[Contender], plan: Plan, contest: Contest
) -> Contender | None:
    """Return what gives the right answers more probability, and is right as often."""
    better = {}
    for place, one in enumerate(known):
        finer = None if one.is_worse else finer_gain(contest, one)
        if finer is not None and finer.score.low > 0:
            better[place] = replace(one, gain=finer)
    winner = _smallest(list(better.values()), plan)
    return next((known[i] for i, one in better.items() if one is winner), None)


def _smallest(helpful: Sequence[Contender], plan: Plan) -> Contender | None:
    largest = max((one.value for one in helpful), default=0.0)
    near = [one for one in helpful if one.value >= NEARLY * largest]

    def size(contender: Contender) -> tuple[int, int, float]:
        num_changes = len(differences(contender.plan, plan))
        return num_changes, contender.plan.training.epochs, -contender.value

    return min(near, key=size, default=None)
