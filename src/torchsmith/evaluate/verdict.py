"""One sentence: is the network better than its rivals beyond noise?"""

from collections.abc import Mapping, Sequence

from torchsmith.core.vocabulary import METRIC_TITLES, Metric
from torchsmith.core.wording import sentence
from torchsmith.evaluate.evaluation import Evaluation, Rival, Score
from torchsmith.evaluate.rivals import IN_SENTENCES

_OF_PROBABILITIES = frozenset(
    {"roc_auc", "average_precision", "log_loss", "brier_score_loss"}
)
"""Metrics that look at how sure a network is, not at its answers alone."""


def answers_as_constant(evaluation: Evaluation) -> bool:
    """Say whether the answers are no better than a constant guess beyond noise.

    Args:
        evaluation: Of the run.
    """
    gains = [r.difference for r in evaluation.rivals if r.name == "constant"]
    return any(gain is not None and not gain.low > 0 for gain in gains)


def ranks(evaluation: Evaluation) -> bool:
    """Say whether probabilities show what answers, the main metric's, need not show.

    Where one class is the likeliest in nearly every row, the best answers are those of
    a constant guess; what was learned is how likely it is.

    Args:
        evaluation: Of the run.
    """
    scores = evaluation.scores.get("test", {})
    return _ranks(evaluation.metric, scores, evaluation.rivals)


def verdict(
    metric: Metric,
    scores: Mapping[Metric, Score],
    rivals: Sequence[Rival],
    num_rows: int,
    noun: str = "row",
) -> str:
    """Compare a network with its rivals by the intervals of the paired differences.

    Args:
        metric: The main metric.
        scores: Of the network, on the test part.
        rivals: With scores and differences on the same rows.
        num_rows: Rows that the rivals could have been fitted on; one that saw fewer is
            named as such.
        noun: What an example is called.

    Returns:
        A sentence; empty when there is nothing to compare with.
    """
    compared = [r for r in rivals if r.difference is not None and metric in r.scores]
    if metric not in scores or not compared:
        return ""
    better, even, worse = _grouped(compared)
    ranked = _ranked(scores, noun) if _ranks(metric, scores, rivals) else ""
    parts = []
    for group, lead, end in (
        ([r for r in even if r.name == "constant"], "no better than", ranked),
        ([r for r in worse if r.name == "constant"], "worse than", ranked),
        (better, "better than", " beyond noise"),
        ([r for r in even if r.name != "constant"], "not better than", ""),
        ([r for r in worse if r.name != "constant"], "worse than", ""),
    ):
        if not group:
            continue
        won = group is better
        ours = scores[metric].value
        names = [
            _named(r, metric, None if won else ours, f"{num_rows:,} {noun}s")
            if r.num_fitted < num_rows
            else _named(r, metric, None if won else ours)
            for r in group
        ]
        word = "or" if lead.startswith("no") else "and"
        parts.append(f"{lead} {_listed(names, word)}{end}")
    return sentence("; ".join(parts)) + "."


def _ranked(scores: Mapping[Metric, Score], noun: str) -> str:
    title, value = METRIC_TITLES["roc_auc"], _number(scores["roc_auc"].value, 3)
    return f", but its probabilities rank the {noun}s better ({title} {value})"


def _ranks(
    metric: Metric, scores: Mapping[Metric, Score], rivals: Sequence[Rival]
) -> bool:
    """Say whether a network ranks rows better than a constant guess, beyond noise."""
    if metric in _OF_PROBABILITIES or "roc_auc" not in scores:
        return False
    return any(
        rival.name == "constant"
        and "roc_auc" in rival.scores
        and scores["roc_auc"].low > rival.scores["roc_auc"].value
        for rival in rivals
    )


def _grouped(
    rivals: Sequence[Rival],
) -> tuple[list[Rival], list[Rival], list[Rival]]:
    better: list[Rival] = []
    even: list[Rival] = []
    worse: list[Rival] = []
    for rival in rivals:
        # A NaN end, which a single test row gives, is neither above nor below 0.
        if rival.difference is not None and rival.difference.low > 0:
            better.append(rival)
        elif rival.difference is not None and rival.difference.high < 0:
            worse.append(rival)
        else:
            even.append(rival)
    return better, even, worse


def _named(
    rival: Rival, metric: Metric, ours: float | None, available: str = ""
) -> str:
    remarks = []
    if ours is not None:
        theirs = rival.scores[metric].value
        texts = _texts(metric, ours, theirs)
        gain = rival.difference
        doubt = gain is not None and gain.value > 0 and texts[0] != texts[1]
        noise = ", within noise" if doubt else ""
        if ours == theirs:
            remarks.append(f"the same {METRIC_TITLES[metric]}")
        else:
            against = f"{texts[0]} against {texts[1]}"
            remarks.append(f"{METRIC_TITLES[metric]} {against}{noise}")
    if rival.name != "constant" and available:
        remarks.append(f"fitted on {rival.num_fitted:,} of {available}")
    noun = IN_SENTENCES[rival.name]
    return f"{noun} ({'; '.join(remarks)})" if remarks else noun


def _texts(metric: Metric, ours: float, theirs: float) -> tuple[str, str]:
    """Write two values with as many digits as it takes to tell them apart."""
    factor, unit = (100.0, " %") if "accuracy" in metric else (1.0, "")
    first = 3
    for digits in range(first, 7):
        texts = tuple(
            _number(factor * value, digits) + unit for value in (ours, theirs)
        )
        if texts[0] != texts[1]:
            break
    return texts[0], texts[1]


def _number(value: float, digits: int) -> str:
    text = f"{value:#.{digits}g}".rstrip(".")  # zeros at the end are digits, too
    return f"{value:,.0f}" if "e+" in text else text.replace("-", "−")


def _listed(names: Sequence[str], word: str) -> str:
    if len(names) == 1:
        return names[0]
    return f"{', '.join(names[:-1])} {word} {names[-1]}"
