"""Which remedies are tried, in which order, for how long, and which of them wins."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean, median
from time import perf_counter

from torchsmith.api.mended import Mended, Trial
from torchsmith.api.origin import Origin
from torchsmith.api.trying import Attempt, Contest, Gain
from torchsmith.core.errors import PlanError
from torchsmith.doctor.remedies import Remedy, combined, in_words, stronger
from torchsmith.plan.plan import Plan
from torchsmith.plan.settings import differences, set_values
from torchsmith.train.history import EpochRecord
from torchsmith.train.watch import TrainingObserver

MOST_REMEDIES = 8
"""That are tried one by one, those of the likeliest cause first."""

MOST_DOSES = 5
"""How often a change of a number that does not suffice is made once more."""

MOST_ADDED = 4
"""Remedies that are tried together with the best."""

LIKELY = 1.0
"""Standard errors by which a remedy is better that is kept although chance could give
as much: what it is for was found by other means."""

SEEDS = 3
"""With which the original and the best are compared, where there is time."""

NEARLY = 0.99
"""Of the largest gain is as good: of such remedies the one that changes least wins."""

PATIENCE = 4.0
"""A trial may take so many times as long as the original for the same epochs."""


@dataclass
class _Contender:
    """A remedy, or the original, and what its trainings gave, by seed."""

    plan: Plan
    remedy: Remedy | None = None
    origin: Origin | None = None
    attempts: dict[int, Attempt] = field(default_factory=dict)
    gain: Gain | None = None

    @property
    def value(self) -> float:
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
    def harms(self) -> bool:
        """Whether it is worse by more than chance allows."""
        return self.gain is not None and self.gain.score.high < 0


class Trials:
    """Trains remedies beside the original, one after the other.

    Args:
        contest: Trains and compares.
        plan: The original.
        taken: Seconds of each epoch of its run, as far as it came.
        seconds: That all may take, about.
        observer: Is told how it goes.
    """

    def __init__(
        self,
        contest: Contest,
        plan: Plan,
        taken: Sequence[float],
        seconds: float,
        observer: TrainingObserver,
    ) -> None:
        self._contest = contest
        self._plan = plan
        self._pace = median(taken) if taken else None
        self._seconds = seconds
        self._end = perf_counter() + seconds
        self._observer = observer
        self._originals: dict[Origin | None, _Contender] = {}
        self._tried: list[_Contender] = []
        self._epochs = plan.training.epochs
        self._left_out: list[str] = []

    def carry_out(self, mended: Mended, contested: Sequence[Remedy]) -> Mended:
        """Try remedies, and return what is known with what came out.

        Args:
            mended: What is known.
            contested: In the order of trying.

        Raises:
            Interrupted: The person asked to stop.
        """
        queue = [one for one in map(self._on_plan, contested) if one is not None]
        queue = queue[:MOST_REMEDIES]
        both = combined(queue[0], queue[1], self._plan) if len(queue) > 1 else None
        queue[2:2] = [] if both is None else [both]
        if self._pace is None:
            self._measure_pace(queue)
        self._choose_length(len(queue))
        for remedy in queue:
            self._try(remedy)
        self._raise_doses()
        self._all_together(queue)
        self._add_to_the_best(queue)
        self._raise_doses()  # of what was added up
        self._more_seeds()
        winner = self._winner()
        original = self._original(None if winner is None else winner.origin)
        return mended.model_copy(
            update={
                "num_val": self._contest.num_val,
                "original": self._trial(original),
                "trials": tuple(map(self._trial, self._tried)),
                "best": None if winner is None else self._tried.index(winner),
                "left_out": (*mended.left_out, *self._left_out),
            }
        )

    def _on_plan(self, remedy: Remedy) -> Remedy | None:
        """Return a remedy of the plan with what is settled."""
        try:
            return replace(remedy, plan=set_values(self._plan, remedy.changes))
        except PlanError as error:
            self._left_out.append(f"{remedy.reason}: {str(error).splitlines()[0]}")
            return None

    def _measure_pace(self, queue: Sequence[Remedy]) -> None:
        """Train one epoch: of the original or, where it fails, of a remedy."""
        for plan in (self._plan, *(remedy.plan for remedy in queue)):
            self._observer.stage("Trying: how long an epoch takes", 1)
            attempt = self._contest.train(
                plan,
                seed=plan.training.seed,
                epochs=1,
                seconds=self._seconds / 4,
                observer=self._observer,
            )
            if not attempt.failure:
                self._pace = attempt.seconds
                return

    def _choose_length(self, num_remedies: int) -> None:
        """Take as many epochs as there is time for, at most those of the plan."""
        if self._pace is None:
            return
        # The original, some doses and a pair, and more seeds of the best three.
        num_trainings = 1 + num_remedies + 3 + 3 * (SEEDS - 1)
        possible = int(self._seconds / (num_trainings * max(self._pace, 1e-6)))
        self._epochs = min(max(possible, 1), self._epochs)

    def _try(self, remedy: Remedy) -> _Contender | None:
        """Train a remedy with the plan's own seed, unless it is known or too late."""
        if any(not differences(remedy.plan, one.plan) for one in self._tried):
            return None
        title = in_words(remedy.plan, self._plan)
        full = self._plan.training.epochs
        if remedy.plan.training.epochs > full > self._epochs:
            self._left_out.append(f"{title}: only a whole training would show it")
            return None
        if self._tried and perf_counter() > self._end:
            self._left_out.append(f"{title}: the time was over")
            return None
        is_short = self._epochs < full
        origin = self._contest.origin if is_short else None
        if origin is not None and not origin.allows(remedy.plan):
            origin = None
        self._original(origin)
        contender = _Contender(remedy.plan, remedy, origin)
        self._tried.append(contender)
        self._train(contender, self._plan.training.seed)
        return contender

    def _original(self, origin: Origin | None) -> _Contender:
        """Return the original as it goes from there on, with the plan's own seed."""
        if origin not in self._originals:
            self._originals[origin] = _Contender(self._plan, origin=origin)
            self._train(self._originals[origin], self._plan.training.seed)
        return self._originals[origin]

    def _train(self, contender: _Contender, seed: int) -> None:
        epochs = contender.plan.training.epochs
        if self._epochs < self._plan.training.epochs:
            epochs = min(self._epochs, epochs)
        title = self._title(contender)
        more = f", seed {seed}" if seed != self._plan.training.seed else ""
        self._observer.stage(f"Trying: {title}{more}", epochs)
        limit = self._seconds / 2
        if self._pace is not None:
            limit = max(PATIENCE * self._pace * epochs, 2.0)
        contender.attempts[seed] = self._contest.train(
            contender.plan,
            seed=seed,
            epochs=epochs,
            seconds=limit,
            observer=_Advance(self._observer, epochs),
            origin=contender.origin,
        )
        if contender.remedy is None:
            return
        theirs = self._original(contender.origin).attempts
        seeds = [seed for seed in contender.attempts if seed in theirs]
        contender.gain = self._contest.gain(
            [contender.attempts[seed] for seed in seeds],
            [theirs[seed] for seed in seeds],
        )

    def _title(self, contender: _Contender) -> str:
        if contender.remedy is None:
            return "as it is"
        return in_words(contender.plan, self._plan)

    def _raise_doses(self) -> None:
        """Make the most promising change of a number once more, while that helps."""
        able = [one for one in self._tried if _stronger(one, self._plan) is not None]
        last, before = min(able, key=_by_gain, default=None), self._plan
        if last is not None and self._is_dear(last):
            return
        for _ in range(MOST_DOSES):
            dose = None if last is None else _stronger(last, before)
            found = None if dose is None else self._try(dose)
            if last is None or found is None or found.harms:
                return
            if last.helps and found.value <= last.value:
                return
            last, before = found, last.plan

    def _is_dear(self, dose: _Contender) -> bool:
        """Whether it only trains for longer, where something else helps more."""
        is_longer = dose.plan.training.epochs > self._plan.training.epochs
        return is_longer and any(
            one.helps and one.value > dose.value for one in self._tried
        )

    def _all_together(self, queue: Sequence[Remedy]) -> None:
        """Try all remedies at once, where none alone is enough to learn anything."""
        if not queue or any(one.may_help for one in self._tried):
            return
        together = queue[0]
        for remedy in queue[1:]:
            together = combined(together, remedy, self._plan) or together
        self._try(together)

    def _add_to_the_best(self, others: Sequence[Remedy]) -> None:
        """Try the best remedy together with the others, one after the other."""
        best = min(self._tried, key=_by_gain, default=None)
        if best is None or best.remedy is None or not best.may_help:
            return
        remedy, value, num_tried = best.remedy, best.value, 0
        for other in others:
            both = combined(remedy, other, self._plan)
            found = None if both is None else self._try(both)
            if both is None or found is None:
                continue
            if found.value > value:
                remedy, value = both, found.value
            num_tried += 1
            if num_tried == MOST_ADDED:
                return

    def _more_seeds(self) -> None:
        """Compare the most promising and the original with other seeds, too."""
        best = sorted((one for one in self._tried if one.may_help), key=_by_gain)[:2]
        if (winner := self._winner()) is not None and winner not in best:
            best.append(winner)
        if not best:
            return
        originals = {id(o): o for o in (self._original(one.origin) for one in best)}
        everyone = [*originals.values(), *best]
        first = self._plan.training.seed
        for seed in range(first + 1, first + SEEDS):
            each = [one.attempts[first].seconds for one in everyone]
            if perf_counter() + sum(each) > self._end:
                return
            for one in everyone:
                self._train(one, seed)

    def _winner(self) -> _Contender | None:
        """Return the smallest change of those that help about as much as the best."""
        most = max((len(one.attempts) for one in self._tried), default=0)
        known = [one for one in self._tried if len(one.attempts) == most]
        helpful = [one for one in known if one.helps]
        helpful = helpful or [one for one in known if one.may_help]
        largest = max((one.value for one in helpful), default=0.0)
        near = [one for one in helpful if one.value >= NEARLY * largest]
        return min(near, key=self._size, default=None)

    def _size(self, contender: _Contender) -> tuple[int, int, float]:
        num_changes = len(differences(contender.plan, self._plan))
        return num_changes, contender.plan.training.epochs, -contender.value

    def _trial(self, contender: _Contender) -> Trial:
        attempts = list(contender.attempts.values())
        scores = [self._contest.score(attempt) for attempt in attempts]
        known = [score for score in scores if score is not None]
        remedy = contender.remedy
        return Trial(
            title=self._title(contender),
            codes=() if remedy is None else remedy.codes,
            changes={} if remedy is None else dict(remedy.changes),
            reason="" if remedy is None else remedy.reason,
            score=fmean(known) if len(known) == len(scores) else None,
            gain=None if contender.gain is None else contender.gain.score,
            start=0 if contender.origin is None else contender.origin.epoch,
            epochs=max(attempt.epochs for attempt in attempts),
            seeds=len(attempts),
            seconds=round(sum(attempt.seconds for attempt in attempts), 3),
            failure=next((a.failure for a in attempts if a.failure), ""),
        )


class _Advance(TrainingObserver):
    """Tells how many epochs of a trial are done, and how long the others will take."""

    def __init__(self, observer: TrainingObserver, epochs: int) -> None:
        self._observer = observer
        self._epochs = epochs
        self._done = 0
        self._begin = perf_counter()

    def on_epoch_end(self, record: EpochRecord) -> None:
        del record  # counts from the start, and a trial may begin later
        self._done += 1
        each = (perf_counter() - self._begin) / self._done
        left = max(self._epochs - self._done, 0)
        self._observer.advance(self._done, each * left)


def _stronger(contender: _Contender, before: Plan) -> Remedy | None:
    remedy = contender.remedy
    return None if remedy is None else stronger(remedy, before)


def _by_gain(contender: _Contender) -> float:
    return -contender.value
