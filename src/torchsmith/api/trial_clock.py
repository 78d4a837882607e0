"""How long trials of remedies may take, each and together."""

from collections.abc import Sequence
from statistics import median
from time import perf_counter

from torchsmith.api.trying import Attempt
from torchsmith.core.wording import duration
from torchsmith.plan.plan import Plan

PATIENCE = 4.0
"""A trial may take so many times as long as the original for the same epochs."""

LEAST_SECONDS = 2.0
"""That each trial may take: what trains for milliseconds is not worth a limit."""

PART, PART_OF_WHOLE = 1 / 3, 1 / 2
"""Of the time that is left may be taken by a trial, however fast the original is."""

NEARLY_WHOLE = 0.7
"""Of the epochs, from which trials are not shortened: the last ones may be left out."""


class TrialClock:
    """Shares out the time that all trials together may take.

    Args:
        plan: The original.
        taken: Seconds of each epoch of its run, as far as it came.
        seconds: That all may take, about.

    Attributes:
        pace: Seconds of an epoch of the original; None while that is not known.
        kept: Seconds at the end that nothing may take yet.
    """

    def __init__(self, plan: Plan, taken: Sequence[float], seconds: float) -> None:
        self.pace = median(taken) if taken else None
        self.kept = 0.0
        self.seconds = seconds
        self._epochs = plan.training.epochs
        self._end = perf_counter() + seconds
        self._fastest: float | None = None

    @property
    def left(self) -> float:
        """Seconds; below 0 where the time is over."""
        return self._end - self.kept - perf_counter()

    def possible_share(self, num_remedies: int) -> float:
        """Return the share of the epochs for which there is time to try all remedies.

        Where that is not the whole, time is kept for two of them in full: what half a
        training shows may be wrong.
        """
        if self.pace is None:
            return 1.0
        full = self._epochs
        possible = self.seconds / max(self.pace * full, 1e-6)
        share = (possible - min(2.0, possible / 2)) / (num_remedies + 3)
        return 1.0 if share >= NEARLY_WHOLE else max(round(share * full), 1) / full

    def keep(self, num_trainings: int) -> None:
        """Keep time for so many trainings in full, where there is as much."""
        needed = (self.pace or 0.0) * self._epochs * num_trainings
        self.kept = needed if needed <= self.seconds / 2 else 0.0

    def learn(self, attempt: Attempt) -> None:
        """Note how fast a trial was: the first epochs of a short run are slow ones."""
        if attempt.epochs and not attempt.failure:
            each = attempt.seconds / attempt.epochs
            self._fastest = min(each, self._fastest or each)

    def lack(self, epochs: int, part: float = 1.0) -> str:
        """Return why so many epochs cannot be trained any more; empty where they can.

        Args:
            epochs: That are needed.
            part: Of the time that is left, which they may take.
        """
        known = [pace for pace in (self.pace, self._fastest) if pace is not None]
        needed, left = min(known, default=0.0) * epochs, self.left
        if left <= 0:
            return "the time was over"
        if needed > part * left:
            takes = f"takes about {duration(needed)}"
            return f"{takes}, too long with {duration(left)} left"
        return ""

    def limit(self, epochs: int, part: float, *, is_first: bool) -> float:
        """Return the seconds that a trial may take, at most until the time is over.

        Args:
            epochs: That are trained.
            part: Of the time that is left, which it may take in any case.
            is_first: Whether nothing is known yet: then one trial, and the original,
                may end late, that there is anything to compare.
        """
        left, pace = self.left, self.pace or 0.0
        limit = min(max(part * left, PATIENCE * pace * epochs), left)
        if is_first:
            limit = max(limit, PATIENCE * pace * min(epochs, self._epochs))
        return max(limit, LEAST_SECONDS)
