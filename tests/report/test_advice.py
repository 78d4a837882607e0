"""What to try next."""

import math
from dataclasses import replace

import pytest

from tests.report import contents
from torchsmith.core.vocabulary import CALIBRATED
from torchsmith.doctor.diagnosis import Diagnosis
from torchsmith.evaluate.evaluation import Rival, Score
from torchsmith.evaluate.rivals import TITLES
from torchsmith.inspect.inspection import Finding
from torchsmith.report.advice import MAX_STEPS, beats, next_steps


def says(content, words: str) -> bool:
    return any(words in step for step in next_steps(content))


def test_a_network_that_learned_nothing_is_told_first():
    steps = next_steps(contents.no_better_than_constant())
    assert "no better than a constant guess" in steps[0]
    assert not says(contents.images(), "constant guess")


def test_probabilities_that_rank_are_to_be_used_where_answers_are_of_no_use():
    content = contents.no_better_than_constant()
    same = Score(value=0.0, low=-0.01, high=0.01)
    areas = {"roc_auc": Score(value=0.5, low=0.5, high=0.5)}
    constant = Rival(
        name="constant", title=TITLES["constant"], scores=areas, difference=same
    )
    known = {"metric": "accuracy", "rivals": (constant,)}
    area = Score(value=0.8, low=0.7, high=0.9)
    known["scores"] = {"test": {"accuracy": same, "roc_auc": area}}
    evaluation = content.evaluation.model_copy(update=known)
    ranking = replace(content, evaluation=evaluation)
    assert says(ranking, "the probabilities rank the rows")
    assert not says(ranking, "does no better than a constant guess")


def test_a_better_rival_is_named_with_its_lead():
    assert says(contents.regression(), "Gradient-boosted trees do better")
    assert says(contents.regression(), "−2,733")


@pytest.mark.parametrize(
    ("name", "words"),
    [("linear", "A linear model does better"), ("last", "The last value does better")],
)
def test_a_better_rival_is_spoken_of_in_its_number(name, words):
    content = contents.regression()
    better = Rival(
        name=name,
        title=TITLES[name],
        difference=Score(value=-9e9, low=-9.1e9, high=-8.9e9),
    )
    evaluation = content.evaluation.model_copy(update={"rivals": (better,)})
    content = replace(content, evaluation=evaluation)
    assert says(content, words)
    assert says(content, "or use it instead")


def test_who_should_train_longer_is_told_by_the_outlook_with_its_command():
    content = contents.images()
    told, typed = (
        "More time would likely help.",
        "torchsmith train plan.yaml --epochs 9",
    )
    assert says(
        replace(content, outlook=told, longer=typed), f"{told} Train longer: `{typed}`."
    )
    flat = "val_loss has flattened: more epochs would hardly help."
    assert not says(replace(content, outlook=flat), "--epochs")
    cut = replace(content, history=content.history[:13], outlook=flat)
    assert not says(cut, "epoch"), "the last epoch was the best"


def test_the_loss_that_chose_the_epoch_is_the_one_that_must_not_rise():
    content = contents.regression()
    stopping = content.plan.stopping.model_copy(update={"monitor": CALIBRATED})
    plan = content.plan.model_copy(update={"stopping": stopping})
    left = [0.9**place for place in range(len(content.history))]
    history = tuple(
        record.model_copy(update={"metrics": {"calibrated_loss": value}})
        for record, value in zip(content.history, left, strict=True)
    )
    content = replace(content, plan=plan, history=history)
    assert not says(content, "while the validation loss rose")


def test_a_rising_validation_loss_is_overfitting():
    assert says(contents.regression(), "while the validation loss rose")


def test_warnings_of_the_inspection_come_with_their_remedy():
    assert says(
        contents.images(), "D21: 43 test images are also in the training part. "
    )


def test_what_the_plan_takes_care_of_is_no_advice():
    content = contents.images()
    shared = content.inspection.findings[0].model_copy(update={"code": "D8"})
    inspection = content.inspection.model_copy(update={"findings": (shared,)})
    content = replace(content, inspection=inspection)
    assert says(content, "D8: 43 test images")
    split = content.plan.split.model_copy(update={"drop_shared": True})
    content = replace(content, plan=content.plan.model_copy(update={"split": split}))
    assert not says(content, "D8")
    assert content.data_findings[0].severity == "note"


def test_one_advice_is_given_once():
    content = contents.regression()
    codes = ("P1", "P1", "P3", "Q1", "P11")
    remedies = ("Lower it.", "Lower it.", "Train on.", "Use trees.", "Widen it.")
    found = [
        Finding(code=code, severity="warning", message=f"{n}.", remedy=remedy)
        for n, (code, remedy) in enumerate(zip(codes, remedies, strict=True))
    ]
    content = replace(
        content,
        diagnosis=Diagnosis(findings=found),
        outlook="More would help.",
        longer="torchsmith train plan.yaml",
    )
    assert [step.split()[-2:] for step in next_steps(content)[:2]] == [
        ["Lower", "it."],
        ["Widen", "it."],
    ]
    assert not says(content, "Train on.")
    assert not says(content, "Use trees.")


def test_the_most_confused_pair_is_named():
    assert says(contents.images(), "“قميص” that are taken for “티셔츠” (112")


def test_few_test_rows_are_told():
    assert says(contents.binary(), "only 179 rows")
    assert not says(contents.images(), "rows, so the score")
    content = contents.binary()
    alone = Score(value=0.8, low=math.nan, high=math.nan)
    known = {"scores": {"test": {content.evaluation.metric: alone}}}
    evaluation = content.evaluation.model_copy(update=known)
    assert not says(replace(content, evaluation=evaluation), "known no better")


@pytest.mark.parametrize("name", contents.ALL)
def test_advice_is_short(name):
    assert len(next_steps(contents.ALL[name]())) <= MAX_STEPS


@pytest.mark.parametrize(
    ("low", "high", "answer"), [(0.1, 0.3, True), (-0.3, -0.1, False), (-1, 1, None)]
)
def test_only_a_difference_beyond_noise_counts(low, high, answer):
    score = Score(value=(low + high) / 2, low=low, high=high)
    rival = Rival(name="linear", title="linear", difference=score)
    assert beats(rival) is answer
