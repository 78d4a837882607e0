"""What a person sees of an evaluation fits into 80 columns and hides nothing."""

import io

import numpy as np
import pytest
from rich.console import Console

from torchsmith.cli.scores import print_evaluation
from torchsmith.evaluate.evaluate import PartOutputs, evaluate
from torchsmith.evaluate.evaluation import Importance, Score
from torchsmith.evaluate.rivals import TITLES, RivalOutputs
from torchsmith.plan.plan import Problem


def shown(evaluation, folds=0):
    text = io.StringIO()
    print_evaluation(evaluation, Console(file=text, width=80), folds)
    return text.getvalue().replace("\N{NO-BREAK SPACE}", " ")


def classified(names, rows=300, wrong=20):
    classes = len(names)
    targets = np.arange(rows) % classes
    said = targets.copy()
    said[:wrong] = (said[:wrong] + 1) % classes
    outputs = (0.9 * np.eye(classes) + 0.1 / classes)[said]
    constant = np.full((rows, classes), 1 / classes)
    problem = Problem(
        task="multiclass", target="kind", metric="accuracy", classes=tuple(names)
    )
    rivals = [
        RivalOutputs(name, constant, 400, 1_000, 0.1, "fitted on 400 of 1,000 rows")
        for name in TITLES
    ]
    part = PartOutputs(targets, outputs)
    return evaluate(problem, part, val=part, num_train=1_000, rivals=rivals)


def valued():
    targets = np.random.default_rng(0).normal(5e4, 1e4, 200)
    problem = Problem(task="regression", target="price", metric="rmse")
    importance = [
        Importance(column=f"column {n}", drop=Score(value=20 - n, low=1, high=30))
        for n in range(14)
    ]
    part = PartOutputs(targets, targets + 100)
    return evaluate(problem, part, num_train=1_000, importance=importance)


def test_scores_rivals_and_verdict_are_shown():
    text = shown(classified("abc"))
    assert "Scores on 300 test rows" in text
    assert "93.3 %" in text
    assert "95 % interval" in text
    assert "gradient-boosted trees: fitted on 400 of 1,000 rows" in text
    assert "Better than a constant guess" in text


@pytest.mark.parametrize(
    "names",
    [
        "abc",
        [f"a rather long class name, number {n}" for n in range(12)],
        ["고양이", "강아지", "코끼리", "펭귄과 그 밖의 새들"],
    ],
)
def test_every_line_fits_into_80_columns(names):
    evaluation = classified(names)
    for line in shown(evaluation).splitlines():
        assert len(line) <= 80
    # Nothing was cut to make it fit: the counts of the first class are all there.
    counts = [str(count) for count in evaluation.confusion[-1]]
    assert shown(evaluation).splitlines()[-1].split()[-len(counts) :] == counts


def test_classes_end_in_the_averages_that_scikit_learn_prints():
    evaluation = classified("abc")
    lines = [line.split() for line in shown(evaluation).splitlines()]
    expected = evaluation.classification_report(digits=3).split("\n\n")[-1]
    for line in expected.splitlines():
        assert line.split() in lines


def test_long_names_are_numbered_in_the_confusion_matrix():
    names = [f"a rather long class name, number {n}" for n in range(12)]
    text = shown(classified(names))
    assert "12 a rather long c" in text


def test_a_name_from_the_data_is_never_markup():
    text = shown(classified(["[red]no[/red]", "[/oops]", "\x1b[31mred"]))
    assert "[red]no[/red]" in text
    assert "[/oops]" in text
    assert "\x1b" not in text


def test_many_classes_are_left_to_the_report():
    text = shown(classified([f"class {n}" for n in range(21)]))
    assert "By class" not in text
    assert "Confusion" not in text


def test_values_have_importance_and_no_classes():
    text = shown(valued())
    assert "RMSE" in text
    assert "column 9" in text
    assert "column 10" not in text
    assert "4 more, each +10 or less" in text
    assert "By class" not in text


def test_where_val_scores_of_folds_come_from_is_said():
    evaluation = classified(["a", "b"])
    said = "Train and val are the same rows, in 5 folds"
    assert said in shown(evaluation, folds=5)
    assert "folds" not in shown(evaluation)
