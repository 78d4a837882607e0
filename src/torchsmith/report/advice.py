"""What to try next, from what came out."""

import math
from collections.abc import Collection, Iterator

from torchsmith.core.vocabulary import CALIBRATED, NOUNS
from torchsmith.core.wording import amount, sentence
from torchsmith.evaluate.evaluation import Rival, Score
from torchsmith.evaluate.outlook import monitored_values
from torchsmith.evaluate.rivals import IN_SENTENCES
from torchsmith.evaluate.verdict import answers_as_constant, ranks
from torchsmith.inspect.inspection import Finding
from torchsmith.report.content import ReportContent
from torchsmith.report.heat import most_confused
from torchsmith.report.text import difference_texts, number, score_texts

MAX_STEPS = 4
_FEW_TEST_ROWS = 300


def next_steps(content: ReportContent) -> tuple[str, ...]:
    """Say what to try next, the most promising first, at most four sentences.

    Args:
        content: The finished run.
    """
    longer, rivals = [*_from_outlook(content)], [*_against_rivals(content)]
    # What has a command, or says how far ahead a rival is, is told once, and so.
    said = ["P3"] * bool(longer) + ["Q1"] * bool(rivals)
    steps = [
        *_from_doctor(content, said),
        *longer,
        *rivals,
        *_from_curves(content),
        *_from_findings(content),
        *_from_mistakes(content),
        *_from_size(content),
    ]
    return tuple(dict.fromkeys(steps))[:MAX_STEPS]


def main_score(content: ReportContent) -> tuple[str, Score] | None:
    """Return the part and the score that stand first: of test, else of val."""
    evaluation = content.evaluation
    for part in ("test", "val"):
        score = evaluation.scores.get(part, {}).get(evaluation.metric)
        if score is not None:
            return part, score
    return None


def beats(rival: Rival) -> bool | None:
    """Say whether the network is better (True), worse, or neither beyond noise."""
    if rival.difference is None:
        return None
    if rival.difference.low > 0:
        return True
    return False if rival.difference.high < 0 else None


def no_better_than_constant(content: ReportContent) -> bool:
    """Say whether nothing of the network beats the constant guess beyond noise."""
    evaluation = content.evaluation
    return answers_as_constant(evaluation) and not ranks(evaluation)


def _from_doctor(content: ReportContent, said: Collection[str]) -> Iterator[str]:
    remedies: set[str] = set()
    for finding in _told(content):
        if finding.code not in said and finding.remedy not in remedies:
            remedies.add(finding.remedy)
            message = finding.message.rstrip(".")
            yield f"{finding.code}: {message}. {finding.remedy}"


def _told(content: ReportContent) -> list[Finding]:
    found = () if content.diagnosis is None else content.diagnosis.findings
    return [one for one in found if one.severity != "note" and one.remedy]


def _from_outlook(content: ReportContent) -> Iterator[str]:
    if content.longer and not no_better_than_constant(content):
        yield f"{content.outlook} Train longer: `{content.longer}`."


def _against_rivals(content: ReportContent) -> Iterator[str]:
    target = content.plan.problem.target
    if no_better_than_constant(content):
        yield (
            "The network does no better than a constant guess. Check that the inputs "
            f"can say something about {target}, that its values are right, and try a "
            "ten times smaller and a ten times larger lr."
        )
        return
    if answers_as_constant(content.evaluation):
        yield (
            "The answers are no better than always the same one, but the probabilities "
            f"rank the {NOUNS[content.evaluation.kind]}s: use these, or answer from a "
            "threshold of your own."
        )
    better = [rival for rival in content.evaluation.rivals if beats(rival) is False]
    gaps = {rival.name: rival.difference for rival in better if rival.difference}
    if gaps:
        best = min(gaps, key=lambda name: gaps[name].value)
        named = IN_SENTENCES[best]
        many = named.endswith("s")
        lead = difference_texts(content.evaluation.metric, gaps[best])[0]
        yield (
            f"{sentence(named)} {'do' if many else 'does'} better on this "
            f"data ({lead}): try a wider network or longer "
            f"training, or use {'them' if many else 'it'} instead."
        )


def _from_curves(content: ReportContent) -> Iterator[str]:
    history = content.history
    if not history or any(finding.code == "T8" for finding in _told(content)):
        return
    plan, last = content.plan, history[-1]
    losses = [r.val_loss for r in history if r.val_loss is not None]
    if losses and plan.stopping.monitor == CALIBRATED:
        losses = monitored_values(plan, history)
    finite = [loss for loss in losses if math.isfinite(loss)]
    if len(finite) >= 4 and finite[-1] > 1.15 * min(finite) > last.train_loss:
        yield (
            f"The training loss fell to {number(last.train_loss, 3)} while the "
            f"validation loss rose from {number(min(finite), 3)} to "
            f"{number(finite[-1], 3)}: more data, more dropout or a larger "
            "weight_decay would help."
        )


def _from_findings(content: ReportContent) -> Iterator[str]:
    for finding in content.data_findings:
        if finding.severity != "note" and finding.remedy:
            message = finding.message.rstrip(".")
            yield f"{finding.code}: {message}. {finding.remedy}"


def _from_mistakes(content: ReportContent) -> Iterator[str]:
    evaluation = content.evaluation
    if len(evaluation.classes) < 3 or not evaluation.confusion:
        return
    worst = most_confused(evaluation.classes, evaluation.confusion, limit=1)
    if worst and worst[0].count >= 3:
        pair = worst[0]
        noun = NOUNS[content.inspection.kind]
        yield (
            f"Look at the {noun}s of “{pair.target}” that are taken for "
            f"“{pair.prediction}” ({pair.count}, {pair.share} of the class): are the "
            "labels right, and are there enough of them?"
        )


def _from_size(content: ReportContent) -> Iterator[str]:
    evaluation = content.evaluation
    rows = evaluation.num_examples.get("test", 0)
    score = evaluation.scores.get("test", {}).get(evaluation.metric)
    interval = score_texts(evaluation.metric, score)[1] if score else ""
    if not interval or rows >= _FEW_TEST_ROWS:
        return
    noun = NOUNS[content.inspection.kind]
    yield (
        f"The test part has only {amount(rows, noun)}, so the score is known no better "
        f"than {interval}: more test data would settle it."
    )


__all__ = [
    "beats",
    "main_score",
    "next_steps",
    "no_better_than_constant",
]
