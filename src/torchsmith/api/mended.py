"""What came out of trying the doctor's remedies."""

from pydantic import JsonValue

from torchsmith.core.commands import command
from torchsmith.core.record import Record
from torchsmith.core.vocabulary import METRIC_TITLES, Metric
from torchsmith.evaluate.evaluation import Score


def _signed(gain: Score | None) -> str:
    if gain is None:
        return ""
    return f", {gain.value:+.3g} ({gain.low:+.3g} to {gain.high:+.3g})"


class Trial(Record):
    """One plan that was trained to see whether it is better.

    Attributes:
        title: What differs from the run's plan, in a few words.
        codes: Of the findings that it is for; empty for the run's own plan.
        changes: Settings by dotted path.
        reason: What they are to remedy; empty for the run's own plan.
        score: Mean over the seeds, on the val part; None where a training failed.
        gain: By how much it is better than the run's own plan with the same seeds; its
            95 % interval holds what other examples, and other seeds, would change.
        log_loss_gain: The same of the log loss, where classes are told apart and the
            score alone says nothing.
        is_always_better: Whether even its worst seed is better than the best one of the
            run's own plan.
        start: Epochs that were done where it began: 0, or those of a checkpoint.
        epochs: That it was trained from there, with each seed.
        is_short: Whether that is only a part of what its plan says.
        seeds: How many.
        seconds: That all of it took.
        failure: Why there is no score.
    """

    title: str
    codes: tuple[str, ...] = ()
    changes: dict[str, JsonValue] = {}
    reason: str = ""
    score: float | None = None
    gain: Score | None = None
    log_loss_gain: Score | None = None
    is_always_better: bool = False
    start: int = 0
    epochs: int = 0
    is_short: bool = False
    seeds: int = 1
    seconds: float = 0.0
    failure: str = ""

    def __str__(self) -> str:
        """Return codes, changes and scores on one line."""
        return self.line()

    def line(self, *, with_seeds: bool = False) -> str:
        """Return codes, changes and scores on one line.

        Args:
            with_seeds: Say of how many seeds, where other lines are of more or fewer.
        """
        codes = f"{' '.join(self.codes)}: " if self.codes else ""
        if self.score is None:
            return f"{codes}{self.title}: {self.failure}"
        seeds = f" of {self.seeds} seed{'s' * (self.seeds > 1)}" if with_seeds else ""
        return f"{codes}{self.title}: {self.score:.4g}{seeds}{_signed(self.gain)}"


class Mended(Record):
    """What came out of trying the doctor's remedies.

    Attributes:
        verdict: In a sentence or two.
        metric: By which plans were compared.
        num_val: Examples of the val part, on which they were.
        original: The run's own plan; None where nothing was tried.
        trials: In the order of trying.
        best: The place of that which won; None where none is better than chance allows.
        settled: Changes without a trial, in words: they change what is measured.
        changes: All that the mended plan changes: what is settled, and what won.
        left_out: What was not tried, and why.
        was_stopped: Whether the person stopped the trials; what was known is kept.
        plan: The file with the mended plan; None where nothing is changed.
        run: The folder of the run of that plan, where it was trained.
        before, after: Scores on the test part, of the run and of the mended run.
        seconds: That all of it took.
    """

    verdict: str
    metric: Metric
    num_val: int = 0
    original: Trial | None = None
    trials: tuple[Trial, ...] = ()
    best: int | None = None
    settled: tuple[str, ...] = ()
    changes: dict[str, JsonValue] = {}
    left_out: tuple[str, ...] = ()
    was_stopped: bool = False
    plan: str | None = None
    run: str | None = None
    before: Score | None = None
    after: Score | None = None
    seconds: float = 0.0

    @property
    def winner(self) -> Trial | None:
        """The trial that won."""
        return None if self.best is None else self.trials[self.best]

    def __str__(self) -> str:
        """Return a line for each plan that was tried, and the verdict."""
        title, lines = METRIC_TITLES[self.metric], []
        every = self.trials if self.original is None else (self.original, *self.trials)
        differ = len({trial.seeds for trial in every}) > 1
        same = " than as it is with the same seeds" if differ else ""
        if self.original is not None:
            lines += [
                f"{title} on {self.num_val:,} validation examples, and by how much it "
                f"is better{same}, with the 95 % interval:",
                f"    {self.original.line(with_seeds=differ)}",
            ]
        for place, trial in enumerate(self.trials):
            mark = "  > " if place == self.best else "    "
            lines.append(f"{mark}{trial.line(with_seeds=differ)}")
        lines += [f"Without a trial: {text}" for text in self.settled]
        lines += [f"Left out: {text}" for text in self.left_out]
        lines.append(self.verdict)
        if self.plan is not None:
            lines.append(f"Mended plan: {self.plan}")
        if self.plan is not None and self.run is None:
            lines.append(f"Train it:    {command('train', self.plan)}")
        if self.run is not None:
            lines.append(
                f"Mended run:  {self.run}, {title} on the test part {self.after}, "
                f"was {self.before or 'not known'}"
            )
        return "\n".join(lines)
