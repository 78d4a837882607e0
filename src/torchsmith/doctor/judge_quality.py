"""What the scores are worth: D11, Q1, Q3, Q4 and Q6."""

import math
from collections.abc import Iterator

from torchsmith.core.vocabulary import METRIC_TITLES, NOUNS
from torchsmith.core.wording import amount, listed, percent
from torchsmith.doctor.course import Course
from torchsmith.doctor.judge_groups import find_in_groups
from torchsmith.doctor.standing import (
    Standing,
    sampling_error,
    standing,
    sureness,
)
from torchsmith.evaluate.evaluation import Evaluation, Rival, Score
from torchsmith.evaluate.rivals import IN_SENTENCES
from torchsmith.evaluate.verdict import answers_as_constant, ranks
from torchsmith.inspect.inspection import Finding
from torchsmith.plan.plan import Plan

LACKS = {"last": 0.03, "linear": 0.03, "neighbors": 0.05, "trees": 0.2}
"""Of what a rival is better than chance, a network that is behind it beyond noise lacks
so much: a warning. Trees are often better on tables, and no sign of a fault."""

WIDE = 0.05
"""Half an interval of a score between 0 and 1: more is a note."""

DOUBTFUL_PROBABILITIES, WRONG_PROBABILITIES = 0.03, 0.05
"""The low end of the calibration error: more is a note, a warning."""

TOO_GOOD, TOO_GOOD_ERRORS = 0.02, 3.0
"""By how much val is better than the training examples, as a score and in sampling
errors: both, for a warning."""

ALONE, BESIDE, NEARLY_ALL = 0.8, 0.1, 0.98
"""Of what the network is better than chance, shuffling one column loses more than the
first share, no other more than the second, and the score is above the third."""

CLEAN = 0.03
"""Of the answers of which a network is surest, so many may be wrong for single labels
to be doubted: where more are, the inputs do not tell all."""

WRONG_LABELS, RANDOM_RANK = 0.01, 0.2
"""The low ends of the share of wrong answers of which the network is surest, and of the
place of the label among the other classes, where 0 is the second best and 0.5 is
chance: both, for a warning."""


ANYWHERE = 0.75
"""The high end of how often a row that is taken for another class looks more like its
own than the rows of that class do, half way from chance to a clean border: less is a
warning."""


def find_in_quality(course: Course, evaluation: Evaluation) -> Iterator[Finding]:
    """Find out what the scores are worth.

    Args:
        course: Whole.
        evaluation: Of the run.
    """
    found = standing(evaluation)
    if found is not None:
        yield from _beside_rivals(evaluation, found)
        yield from _size(evaluation, found)
        yield from _too_good(evaluation, found)
    yield from _probabilities(course.plan, evaluation)
    if found is None or not (found.misses and found.behind):
        yield from find_in_groups(course.plan, evaluation)
        yield from _mixed_up(evaluation)
    yield from _labels(evaluation)


def _beside_rivals(evaluation: Evaluation, found: Standing) -> Iterator[Finding]:
    if answers_as_constant(evaluation):
        best = found.best
        known = (
            best is not None
            and best.scores[found.metric].low > found.chance
            and found.behind
        )
        if known or not ranks(evaluation):
            yield _as_constant(evaluation, found, best if known else None)
            return
        yield Finding(
            code="Q1",
            severity="note",
            message="The answers are no better than a constant guess, but the "
            f"probabilities rank the {NOUNS[evaluation.kind]}s.",
            evidence=f"{found.evidence}; {METRIC_TITLES['roc_auc']} "
            f"{evaluation.scores['test']['roc_auc']}",
            remedy="Use the probabilities, or answer from a threshold of your own.",
            moment="after",
        )
    lost = {name: _lost(evaluation, found, name) for name in LACKS}
    worst = max(lost, key=lambda name: lost[name] / LACKS[name])
    rival = _rival(evaluation, worst)
    if rival is None or lost[worst] < LACKS[worst]:
        return
    named = IN_SENTENCES[rival.name]
    yield Finding(
        code="Q1",
        severity="warning",
        message=f"{named.capitalize()}, which took {rival.seconds:.1f} s, "
        f"{'are' if named.endswith('s') else 'is'} better than the network.",
        evidence=f"{found.evidence}; the network lacks {percent(lost[worst])} of what "
        f"{named} gained over chance",
        remedy="Look for the cause among the other findings, or use the rival.",
        moment="after",
    )


def _as_constant(
    evaluation: Evaluation, found: Standing, better: Rival | None
) -> Finding:
    constant = _rival(evaluation, "constant")
    gain = None if constant is None else constant.difference
    leads = gain is not None and gain.value > 0
    rows = f"test {NOUNS[evaluation.kind]}"
    return Finding(
        code="Q1",
        severity="warning" if better is None else "error",
        message=f"{amount(evaluation.num_examples.get('test', 0), rows)} cannot tell "
        "the network from a constant guess."
        if leads and better is None
        else "The network is no better than a constant guess.",
        evidence=found.evidence,
        remedy="Nothing can be read from this network; look for the cause among the "
        "other findings."
        + ("" if better is None else f" Better: {IN_SENTENCES[better.name]}."),
        moment="after",
    )


def _rival(evaluation: Evaluation, name: str) -> Rival | None:
    return next((rival for rival in evaluation.rivals if rival.name == name), None)


def _lost(evaluation: Evaluation, found: Standing, name: str) -> float:
    """Return which share of a rival's gain the network lacks; 0 within noise."""
    rival = _rival(evaluation, name)
    if rival is None or name not in found.ahead:
        return 0.0
    theirs = rival.scores[found.metric].value
    return (theirs - found.test.value) / max(theirs - found.chance, 1e-9)


def _size(evaluation: Evaluation, found: Standing) -> Iterator[Finding]:
    half = (found.test.high - found.test.low) / 2
    rows = evaluation.num_examples.get("test", 0)
    if not half > WIDE:
        return
    needed = math.ceil(rows * (half / WIDE) ** 2 / 10) * 10
    noun = NOUNS[evaluation.kind]
    yield Finding(
        code="Q3",
        severity="note",
        message=f"{amount(rows, f'test {noun}')} cannot tell apart networks whose "
        f"{METRIC_TITLES[found.metric]} differs by less than {half:.2g}.",
        evidence=f"{METRIC_TITLES[found.metric]} {found.test}; for ± {WIDE:g} it takes "
        f"about {needed:,}",
        remedy="Compare with several seeds and other splits, not by this score alone.",
        moment="after",
    )


def _too_good(evaluation: Evaluation, found: Standing) -> Iterator[Finding]:
    if found.train is not None and found.val is not None:
        gap = found.val.value - found.train.value
        noise = math.hypot(sampling_error(found.val), sampling_error(found.train))
        if gap > TOO_GOOD and gap > TOO_GOOD_ERRORS * noise > 0:
            yield Finding(
                code="Q6",
                severity="warning",
                message="The network does better on the val part than on what it "
                "learned from.",
                where="split",
                evidence=f"{METRIC_TITLES[found.metric]} {found.val.value:.3f} on val, "
                f"{found.train.value:.3f} on training examples, both in eval mode; "
                f"{gap / noise:.1f} sampling errors",
                remedy="The parts differ: look for wrong labels in the training part, "
                "for easy or repeated examples in val, and at the split.",
                moment="after",
            )
    importance = evaluation.importance
    gained = found.test.value - found.chance
    metric = evaluation.metric
    if len(importance) < 3 or found.test.value < NEARLY_ALL or metric != found.metric:
        return
    first, second = importance[0].drop.value, importance[1].drop.value
    if first > ALONE * gained and second < BESIDE * gained:
        yield Finding(
            code="Q6",
            severity="warning",
            message=f"Nearly all that the network knows comes from one column, "
            f"'{importance[0].column}'.",
            where=f"column '{importance[0].column}'",
            evidence=f"{METRIC_TITLES[metric]} {found.test.value:.4g}; without it "
            f"{first:.3g} less, without any other at most {second:.3g}",
            remedy="Make sure that it is known when a prediction is needed; if it is "
            "known only afterwards, leave it out.",
            changes={f"data.columns.{importance[0].column}": "ignore"},
            only_if=f"'{importance[0].column}' is not known when a prediction is "
            "needed",
            moment="after",
        )


def _probabilities(plan: Plan | None, evaluation: Evaluation) -> Iterator[Finding]:
    calibration = evaluation.calibration
    if calibration is None or not calibration.error.low > DOUBTFUL_PROBABILITIES:
        return
    planned = plan is not None and plan.calibration is not None
    more = sureness(calibration)
    taken = 0.0 if planned or more > 0 else _smoothed(plan, evaluation)
    wrong = calibration.error.low - taken > WRONG_PROBABILITIES
    why = (
        f", as label smoothing takes up to {percent(taken, 1)} off them"
        if taken
        else ""
    )
    yield Finding(
        code="Q4",
        severity="warning" if wrong else "note",
        message=f"The probabilities are off by {percent(calibration.error.value, 1)} "
        f"on average{why}.",
        where="calibration",
        evidence=f"expected calibration error {calibration.error}, what chance adds is "
        f"taken out; on average {percent(abs(more), 1)} too "
        f"{'high' if more > 0 else 'low'}; temperature {calibration.temperature:g}",
        remedy=f"Do not read them as chances. {_more_val(plan)} temperature fit better."
        if planned
        else "Fit a temperature on the val part.",
        changes={} if planned else {"calibration": {"TemperatureScaling": {}}},
        moment="after",
    )


def _more_val(plan: Plan | None) -> str:
    folds = plan is not None and plan.split.num_folds
    return "More examples let a" if folds else "A larger val part lets a"


def _smoothed(plan: Plan | None, evaluation: Evaluation) -> float:
    """Return how much label smoothing takes off the probability of a sure answer."""
    share = 0.0 if plan is None else float(getattr(plan.loss, "label_smoothing", 0.0))
    return share * (1 - 1 / max(len(evaluation.classes), 2))


def _labels(evaluation: Evaluation) -> Iterator[Finding]:
    """Find labels that are wrong at random, and name those that are likely wrong."""
    doubted = [
        one
        for one in evaluation.mistakes
        if len(one.rivals) == _num_rivals(evaluation) > 1
        and (one.probability or 0.0) > 0.9
    ]
    wrong, place = evaluation.surest_wrong, evaluation.surest_place
    certain = (
        wrong is not None
        and place is not None
        and wrong.low > WRONG_LABELS
        and place.low > RANDOM_RANK
    )
    if not doubted and not certain:
        return
    if not certain and (wrong is None or wrong.value > CLEAN):
        return
    places = listed([one.where for one in doubted])
    named = f"{amount(len(doubted), 'label')} in doubt: {places}" if doubted else ""
    yield Finding(
        code="D11",
        severity="warning" if certain else "note",
        message="Labels are wrong at random."
        if certain
        else f"{amount(len(doubted), 'test label')} may be wrong: the network and all "
        "rivals say the same other class.",
        where=places,
        evidence="; ".join(filter(None, [_share(wrong, place), named]))
        if certain
        else "of each the network is more than 90 % sure",
        remedy="Look at them, and correct what is wrong.",
        moment="after",
    )


def _mixed_up(evaluation: Evaluation) -> Iterator[Finding]:
    """Find examples of one class that are labelled as another."""
    one = evaluation.mixture
    if one is None or one.order.high >= ANYWHERE:
        return
    yield Finding(
        code="D11",
        severity="warning",
        message=f"Examples of '{one.answer}' seem to be labelled '{one.label}'.",
        where=f"class '{one.label}'",
        evidence=f"{amount(one.rows, 'held-out ' + NOUNS[evaluation.kind])} of "
        f"'{one.label}' are called '{one.answer}', and lie anywhere among the "
        f"{one.right:,} of that class, not at the border: {one.order}; 0.5 is chance, "
        "1 the border",
        remedy="Look at them, and correct what is wrong.",
        moment="after",
    )


def _num_rivals(evaluation: Evaluation) -> int:
    return sum(rival.name != "constant" for rival in evaluation.rivals)


def _share(wrong: Score | None, place: Score | None) -> str:
    if wrong is None or place is None:
        return ""
    return (
        f"{percent(wrong.value, 1)} of the answers of which the network is surest are "
        f"wrong, and their labels lie anywhere among the other classes "
        f"({place.value:.2f}; 0 is next to the answer, 0.5 is chance)"
    )
