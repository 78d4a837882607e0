"""Which remedies are tried, in which order, for how long, and which of them wins."""

from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean
from time import perf_counter

from torchsmith.api.contender import (
    Contender,
    always_better,
    by_gain,
    exceeds,
    finer_gain,
    gain,
    winner_of,
)
from torchsmith.api.mended import Mended, Trial
from torchsmith.api.origin import Origin
from torchsmith.api.trial_clock import PART, PART_OF_WHOLE, TrialClock
from torchsmith.api.trying import Contest
from torchsmith.core.errors import Interrupted, PlanError
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

SEEDS = 3
"""With which the original and the best are compared, where there is time."""

MOST_FINALS = 3
"""Remedies that are tried in full, where all were tried shortened."""


class Trials:
    """Trains remedies beside the original, one after the other.

    Args:
        contest: Trains and compares.
        plan: The original.
        taken: Seconds of each epoch of its run, as far as it came.
        seconds: That all may take, about.
        observer: Is told how it goes.

    Attributes:
        was_stopped: Whether the person stopped it; what was known then is kept.
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
        self._clock = TrialClock(plan, taken, seconds)
        self._observer = observer
        self._originals: dict[tuple[Origin | None, float], Contender] = {}
        self._tried: list[Contender] = []
        self._raised: list[Contender] = []
        self._share = 1.0
        self._left_out: list[str] = []
        self.was_stopped = False

    def carry_out(
        self, mended: Mended, contested: Sequence[Remedy], whole: Remedy | None
    ) -> Mended:
        """Try remedies, and return what is known with what came out.

        Args:
            mended: What is known.
            contested: In the order of trying.
            whole: Replaces all; it wins where that is better than any of the others by
                more than chance allows.

        Raises:
            Interrupted: The person asked to stop before anything was tried.
        """
        queue = [one for one in map(self._on_plan, contested) if one is not None]
        queue = queue[:MOST_REMEDIES]
        both = combined(queue[0], queue[1], self._plan) if len(queue) > 1 else None
        queue[2:2] = [] if both is None else [both]
        last = None if whole is None else self._on_plan(whole)
        try:
            self._carry_out(queue, last)
        except (Interrupted, KeyboardInterrupt):
            if not self._tried:
                raise
            self.was_stopped = True
        winner = winner_of(self._tried, self._plan, self._contest)
        shown = self._tried[0] if winner is None and self._tried else winner
        original = None
        if shown is not None:
            original = self._originals.get((shown.origin, shown.share))
        return mended.model_copy(
            update={
                "num_val": self._contest.num_val,
                "original": None if original is None else self._trial(original),
                "trials": tuple(map(self._trial, self._tried)),
                "best": None if winner is None else self._tried.index(winner),
                "left_out": (*mended.left_out, *dict.fromkeys(self._left_out)),
            }
        )

    def _carry_out(self, queue: Sequence[Remedy], whole: Remedy | None) -> None:
        if self._clock.pace is None:
            self._measure_pace(queue)
        self._share = self._clock.possible_share(len(queue) + (whole is not None))
        if self._share < 1 and self._contest.origin is None:
            self._clock.keep(1 if self._contest.known else 2)
        for remedy in queue:
            self._try(remedy)
        self._raise_doses()
        self._all_together(queue)
        self._add_to_the_best(queue)
        self._raise_doses()  # of what was added up
        if whole is not None:
            self._try(whole)
        if self._share < 1 and all(one.origin is None for one in self._tried):
            self._try_in_full(queue)
        self._more_seeds()

    @property
    def _here(self) -> list[Contender]:
        """What was tried for as many epochs as is tried now."""
        return [one for one in self._tried if one.share == self._share]

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
                seconds=self._clock.seconds / 4,
                observer=self._observer,
            )
            if not attempt.failure:
                self._clock.pace = attempt.seconds
                return

    def _try_in_full(self, queue: Sequence[Remedy]) -> None:
        """Try for all epochs what did best, and what is for the likely cause."""
        best = sorted((one for one in self._here if one.may_help), key=by_gain)
        wanted = [one.remedy for one in best[:1]]
        wanted += [one for one in queue if self._is_longer(one)][:1]
        wanted += [*queue[:1], *(one.remedy for one in best[1:2])]
        self._share, self._clock.kept = 1.0, 0.0
        for remedy in wanted[:MOST_FINALS]:
            if remedy is not None:
                self._try(remedy)
        self._raise_doses()

    def _is_longer(self, remedy: Remedy) -> bool:
        return remedy.plan.training.epochs > self._plan.training.epochs

    def _try(self, remedy: Remedy, part: float = 1.0) -> Contender | None:
        """Train a remedy with the plan's own seed, unless it is known or too late.

        Args:
            remedy: Of the plan.
            part: Of the time that is left, which it may take.
        """
        if any(not differences(remedy.plan, one.plan) for one in self._here):
            return None
        title = self._words(remedy)
        if self._share < 1 and not remedy.is_whole and self._is_longer(remedy):
            self._left_out.append(f"{title}: only a whole training would show it")
            return None
        origin = self._contest.origin if self._share < 1 else None
        if origin is not None and not origin.allows(remedy.plan):
            origin = None
        if lack := self._lack(remedy, origin, part):
            self._left_out.append(f"{title}: {lack}")
            return None
        self._original(origin)
        contender = Contender(remedy.plan, remedy, origin, self._share)
        self._train(contender, self._plan.training.seed)
        self._tried.append(contender)
        return contender

    def _lack(self, remedy: Remedy, origin: Origin | None, part: float) -> str:
        """Return why there is no time for a remedy; empty where there is."""
        if not self._tried and (remedy.is_whole or not self._is_longer(remedy)):
            return ""  # one at least
        epochs = remedy.plan.training.epochs
        if remedy.is_whole:  # its epochs may be faster ones
            epochs = 0
        is_known = self._share == 1 and self._contest.known is not None
        if not is_known and (origin, self._share) not in self._originals:
            epochs += self._plan.training.epochs
        return self._clock.lack(round(self._share * epochs), part)

    def _original(self, origin: Origin | None) -> Contender:
        """Return the original as it goes from there on, with the plan's own seed."""
        key = origin, self._share
        if key not in self._originals:
            made = Contender(self._plan, None, origin, self._share)
            known = self._contest.known if made.share == 1 else None
            if known is None:
                self._train(made, self._plan.training.seed)
            else:
                made.attempts[self._plan.training.seed] = known
            self._originals[key] = made
        return self._originals[key]

    def _train(self, contender: Contender, seed: int) -> None:
        plan, epochs = contender.plan, contender.plan.training.epochs
        if contender.share < 1:
            epochs = max(round(epochs * contender.share), 1)
            if contender.origin is None:  # its schedule comes to its end, too
                shorter = plan.training.model_copy(update={"epochs": epochs})
                plan = plan.model_copy(update={"training": shorter})
        title = self._title(contender)
        more = f", seed {seed}" if seed != self._plan.training.seed else ""
        self._observer.stage(f"Trying: {title}{more}", epochs)
        part = PART_OF_WHOLE if contender.is_whole else PART
        limit = self._clock.limit(epochs, part, is_first=not self._tried)
        # What came to its end with one seed is not to fail with another by the clock.
        known = [attempt.seconds for attempt in contender.attempts.values()]
        limit = max(limit, 2 * max(known, default=0.0))
        attempt = self._contest.train(
            plan,
            seed=seed,
            epochs=epochs,
            seconds=limit,
            observer=_Advance(self._observer, epochs),
            origin=contender.origin,
        )
        contender.attempts[seed] = attempt
        self._clock.learn(attempt)
        if contender.remedy is not None:
            original = self._originals[contender.origin, contender.share]
            contender.original = original
            contender.gain = gain(self._contest, contender, original)

    def _title(self, contender: Contender) -> str:
        if contender.remedy is None:
            return "as it is"
        return self._words(contender.remedy)

    def _words(self, remedy: Remedy) -> str:
        all_of_it = "all as Torchsmith would by itself: " if remedy.is_whole else ""
        return all_of_it + in_words(remedy.plan, self._plan)

    def _raise_doses(self) -> None:
        """Make the most promising change of a number once more, while that helps.

        What helps already is raised further only where the last dose was worth it, and
        a longer training only where it leaves time for the others.
        """
        able = [one for one in self._here if _stronger(one, self._plan) is not None]
        first = min(able, key=by_gain, default=None)
        if first is None or self._is_dear(first) or first in self._raised:
            return
        last, before = first, self._plan
        for _ in range(MOST_DOSES):
            dose = _stronger(last, before)
            self._raised.append(last)
            if dose is None:
                return
            is_longer = dose.plan.training.epochs > last.plan.training.epochs
            found = self._try(dose, PART if is_longer else 1.0)
            if found is None or found.harms:
                return
            if last.helps and not exceeds(self._contest, found, last):
                self._raised.append(found)
                return
            last, before = found, last.plan

    def _is_dear(self, dose: Contender) -> bool:
        """Whether it only trains for longer, where something else helps more."""
        is_longer = dose.plan.training.epochs > self._plan.training.epochs
        return is_longer and any(
            one.helps and one.value > dose.value for one in self._here
        )

    def _all_together(self, queue: Sequence[Remedy]) -> None:
        """Try all remedies at once, where none alone is enough to learn anything."""
        if not queue or any(one.may_help for one in self._here):
            return
        together = queue[0]
        for remedy in queue[1:]:
            together = combined(together, remedy, self._plan) or together
        self._try(together)

    def _add_to_the_best(self, others: Sequence[Remedy]) -> None:
        """Try the best remedy together with the others, one after the other."""
        best = min(self._here, key=by_gain, default=None)
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
        best = sorted((one for one in self._here if one.may_help), key=by_gain)[:2]
        if (
            winner := winner_of(self._tried, self._plan, self._contest)
        ) in self._here and winner not in best:
            best.append(winner)
        if not best:
            return
        keys = dict.fromkeys((one.origin, one.share) for one in best)
        originals = [self._originals[key] for key in keys]
        first = self._plan.training.seed
        for seed in range(first + 1, first + SEEDS):
            each = [one.attempts[first].seconds for one in (*originals, *best)]
            if sum(each) > self._clock.left:
                return
            for one in (*originals, *best):
                self._train(one, seed)

    def _trial(self, contender: Contender) -> Trial:
        attempts = list(contender.attempts.values())
        scores = [self._contest.score(attempt) for attempt in attempts]
        known = [score for score in scores if score is not None]
        remedy = contender.remedy
        finer = None if contender.may_help else finer_gain(self._contest, contender)
        return Trial(
            title=self._title(contender),
            codes=() if remedy is None else remedy.codes,
            changes={} if remedy is None else dict(remedy.changes),
            reason="" if remedy is None else remedy.reason,
            score=fmean(known) if len(known) == len(scores) else None,
            gain=None if contender.gain is None else contender.gain.score,
            log_loss_gain=None if finer is None else finer.score,
            is_always_better=contender.original is not None
            and always_better(self._contest, contender, contender.original),
            start=0 if contender.origin is None else contender.origin.epoch,
            epochs=max(attempt.epochs for attempt in attempts),
            is_short=contender.share < 1,
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


def _stronger(contender: Contender, before: Plan) -> Remedy | None:
    remedy = contender.remedy
    return None if remedy is None else stronger(remedy, before)
