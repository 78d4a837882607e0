"""Trying what the doctor recommends, and writing the plan that it mends."""

from time import perf_counter

from torchsmith.api.carrying import import_torch, run_planned
from torchsmith.api.inspected import read_default
from torchsmith.api.mended import Mended, Trial
from torchsmith.api.planning import Planned, Source, load_planned
from torchsmith.api.run import Run
from torchsmith.api.surroundings import as_planned
from torchsmith.core.commands import command
from torchsmith.core.errors import Interrupted
from torchsmith.core.files import require_writable
from torchsmith.core.slugs import named_after
from torchsmith.core.vocabulary import METRIC_TITLES
from torchsmith.core.wording import duration
from torchsmith.doctor.diagnosis import Diagnosis
from torchsmith.doctor.remedies import Remedy, in_words, remedies, with_reason
from torchsmith.plan.file import write_plan
from torchsmith.plan.plan import Plan
from torchsmith.plan.settings import CHOSEN, differences
from torchsmith.train.watch import TrainingObserver

QUIET = TrainingObserver()

LEAST_SECONDS = 60.0
"""That all trials together may take at least."""

FEW = 100
"""Validation examples; one standard error of a share of fewer is above 3 points."""

TIMES = 3.0
"""As long as the run took they may take, where that is more."""


@as_planned()
def fix(
    run: Run,
    observer: TrainingObserver = QUIET,
    *,
    train: bool = False,
    diagnosis: Diagnosis | None = None,
    source: Source | None = None,
    seconds: float | None = None,
) -> Mended:
    """Try what the doctor recommends beside the run's own plan, and keep what wins.

    Both are trained with the same seeds for the same epochs, and compared on the val
    part; the test part is not read. They begin at the start; of a run that did not come
    to its end, and is too long to be tried as a whole, at its newest checkpoint where
    the remedy can begin there and the checkpoint is healthy. Where there is no time for
    all in full they are tried for fewer epochs first, and the best again in full. Where
    that helps by more than chance allows, and more than any remedy, all is done as
    Torchsmith would do it by itself. Ctrl-C ends the trials, and keeps what came out so
    far. The mended plan lands in the run folder as `mended.yaml`.

    Args:
        run: Finished or not.
        observer: Is told how it goes, and how long it will take.
        train: Train the mended plan, into a run folder beside that of the run.
        diagnosis: What is to be remedied; the run's own where not given.
        source: The run's data from somewhere else, such as arrays in memory.
        seconds: That trials may take in all, about; three times as long as the run
            took, and at least a minute, where not given.

    Raises:
        DataError: The run's data is not there any more, or has changed.
        TrainError: The run has no val part to compare on, or its folder is read-only.
        Interrupted: Ctrl-C or SIGTERM before anything was tried, or while the mended
            plan was trained; the run stays as it was.
    """
    begin, plan = perf_counter(), _left_open(run.plan)
    diagnosis = run.diagnosis if diagnosis is None else diagnosis
    default = _default(run)
    found = remedies(diagnosis.findings, plan, default)
    base = _settled(plan, found.settled)
    mended = Mended(
        verdict="",
        metric=base.problem.metric,
        settled=tuple(_told(remedy, plan) for remedy in found.settled),
        left_out=found.left_out,
    )
    if not (found.settled or found.contested or found.whole):
        return mended.model_copy(update={"verdict": "There is nothing to try."})
    require_writable(run.path)
    data = load_planned(base, observer, source)
    made = base
    if found.contested or found.whole:
        import_torch(observer)
        from torchsmith.api.trials import Trials
        from torchsmith.api.trying import Contest

        taken = [record.seconds for record in run.history]
        allowed = seconds or max(LEAST_SECONDS, TIMES * sum(taken))
        observer.note(
            f"Trying remedies takes {duration(allowed)} at most, about; Ctrl-C "
            f"ends it earlier and keeps what came out so far"
        )
        try:
            trials = Trials(Contest(base, data, run), base, taken, allowed, observer)
            mended = trials.carry_out(mended, found.contested, found.whole)
        except Interrupted as stop:
            raise Interrupted(
                f"{run.path}: stopped while remedies were tried; the run stays as it "
                f"was, try again with: {command('doctor', run.path, '--fix')}"
            ) from stop
        made = _with_winner(base, mended)
        mended = mended.model_copy(update={"was_stopped": trials.was_stopped})
    mended = mended.model_copy(update={"verdict": _verdict(mended, run)})
    if differences(made, plan):
        write_plan(run.folder.mended, made)
        changes = {
            path: v for remedy in found.settled for path, v in remedy.changes.items()
        }
        changes |= {} if mended.winner is None else mended.winner.changes
        where = str(run.folder.mended)
        mended = mended.model_copy(update={"plan": where, "changes": changes})
        if train and not mended.was_stopped:
            planned = Planned(data, run.inspection, made, default)
            mended = _trained(run, planned, mended, observer)
    return mended.model_copy(update={"seconds": round(perf_counter() - begin, 1)})


def _left_open(plan: Plan) -> Plan:
    """Leave the engine open: what trained this network may have no case for another.

    Of the engines that give the same bits one is as good as the other, so that this
    changes no result; `compiled` stays where the person asked for it.
    """
    was_chosen = plan.reasons.get("training.engine", "").startswith(CHOSEN)
    if not was_chosen and plan.training.engine != "captured":
        return plan
    training = plan.training.model_copy(update={"engine": "auto"})
    reasons = {k: v for k, v in plan.reasons.items() if k != "training.engine"}
    return plan.model_copy(update={"training": training, "reasons": reasons})


def _default(run: Run) -> Plan:
    """Return what Torchsmith would have done by itself."""
    return read_default(run.folder) or run.plan


def _settled(plan: Plan, settled: tuple[Remedy, ...]) -> Plan:
    for remedy in settled:
        plan = with_reason(plan, remedy.changes, remedy.reason)
    return plan


def _told(remedy: Remedy, plan: Plan) -> str:
    return f"{remedy.reason}: {in_words(remedy.plan, plan)}"


def _with_winner(base: Plan, mended: Mended) -> Plan:
    winner, original = mended.winner, mended.original
    if winner is None or original is None:
        return base
    reason = (
        f"{winner.reason}; on the val part {METRIC_TITLES[mended.metric]} "
        f"{_scores(winner, original)} after {_amount(winner)}"
    )
    made = with_reason(base, winner.changes, reason)
    longer = made.training.epochs / base.training.epochs
    if longer > 1 and base.training.seconds:
        # The guard was set for fewer epochs, and would stop the others.
        guard = {"seconds": base.training.seconds * longer}
        training = made.training.model_copy(update=guard)
        made = made.model_copy(update={"training": training})
    return made


def _verdict(mended: Mended, run: Run) -> str:
    parts = ["Stopped; what came out so far:"] if mended.was_stopped else []
    if mended.settled:
        parts.append(
            "What changes the measure itself needs no trial: the score becomes what is "
            "true, also where it falls."
        )
    if mended.trials and not any(trial.codes for trial in mended.trials):
        parts.append(
            "The doctor found nothing to mend; what Torchsmith would do by itself was "
            "tried all the same."
        )
    winner, original = mended.winner, mended.original
    if winner is not None and original is not None:
        title = METRIC_TITLES[mended.metric]
        parts.append(
            f"{winner.title} wins: {title} {_scores(winner, original)} on the val "
            f"part, after {_amount(winner)}."
        )
        if winner.gain is not None and winner.gain.low <= 0:
            parts.append(_by_other_means(winner))
        if winner.is_short:
            parts.append("There was no time to try it for all epochs of its plan.")
    elif mended.left_out and not (mended.trials or mended.settled):
        parts.append("Nothing could be tried.")
    elif mended.trials:
        parts.append("No remedy is likely better than the plan as it is.")
        if mended.num_val < FEW:
            more = (
                ": more data shows smaller ones."
                if run.plan.split.num_folds
                else "; a larger part shows smaller ones: "
                + command("train", run.folder.plan, "--set", "split.val=0.3")
            )
            few = f"{mended.num_val} validation examples show large gains only"
            parts.append(f"{few}{more}")
    return " ".join(parts)


def _by_other_means(winner: Trial) -> str:
    """Say why a remedy is kept though its score is not better beyond chance."""
    if winner.is_always_better:
        return (
            "The seeds of the plan as it is scatter widely, but even the worst one of "
            "this is better than the best of those."
        )
    finer = winner.log_loss_gain
    if finer is not None and finer.low > 0:
        return (
            "Chance alone could give as much, but the right answers get more "
            f"probability: the log loss is lower by {finer}."
        )
    return (
        "Chance alone could give as much; that it is needed was found by other means."
    )


def _scores(winner: Trial, original: Trial) -> str:
    if original.score is None:
        return f"{winner.score:.4g}, where the plan as it is fails"
    return f"{winner.score:.4g} instead of {original.score:.4g}"


def _amount(trial: Trial) -> str:
    epochs = f"{trial.epochs} epoch{'s' * (trial.epochs > 1)}"
    if trial.start:
        epochs += f" from epoch {trial.start + 1} on"
    return f"{epochs} of {trial.seeds} seed{'s' * (trial.seeds > 1)}"


def _trained(
    run: Run, planned: Planned, mended: Mended, observer: TrainingObserver
) -> Mended:
    name = f"{named_after(planned.plan.data.source)}-mended"
    made = run_planned(planned, name, run.path.parent, observer, perf_counter())
    scores = [
        one.evaluation.scores.get("test", {}).get(mended.metric)
        if one.folder.evaluation.is_file()
        else None
        for one in (run, made)
    ]
    found = {"run": str(made.path), "before": scores[0], "after": scores[1]}
    return mended.model_copy(update=found)
