"""What course and scores say once training is over."""

from dataclasses import replace

import pytest

from torchsmith.doctor.course import Course
from torchsmith.doctor.diagnosis import Reference
from torchsmith.doctor.judge import find_in_result
from torchsmith.doctor.judge_choice import find_in_choice
from torchsmith.doctor.signals import Signals
from torchsmith.evaluate.evaluation import (
    Calibration,
    ClassScores,
    Evaluation,
    Group,
    Importance,
    Mistake,
    Rival,
    Score,
)
from torchsmith.plan.averaging import EMA
from torchsmith.plan.losses import CrossEntropyLoss, MSELoss
from torchsmith.plan.networks import MLP, Sequential
from torchsmith.plan.optimizers import SGD, Adam
from torchsmith.plan.plan import Plan, Problem, Source, Stopping, Training
from torchsmith.train.history import EpochRecord

CLASSES = ("a", "b", "c", "d", "e")


def around(value, half=0.02):
    return Score(value=value, low=value - half, high=value + half)


def rival(name, value, gain=0.05, half=0.02):
    titles = {"constant": "constant guess", "linear": "linear model"}
    scores = {"accuracy": around(value), "log_loss": around(1.6)}
    return Rival(
        name=name,
        title=titles.get(name, "gradient-boosted trees"),
        scores=scores,
        difference=around(gain, half),
    )


def rivals(score, *, linear=0.85, trees=0.9):
    found = {"constant": 0.25, "linear": linear, "trees": trees}
    return tuple(rival(name, value, score - value) for name, value in found.items())


def result(test=0.92, train=0.97, val=0.92, **given):
    scores = {
        part: {"accuracy": around(value), "log_loss": around(0.1)}
        for part, value in {"test": test, "val": val, "train": train}.items()
    }
    whole = {
        "task": "multiclass",
        "metric": "accuracy",
        "classes": CLASSES,
        "num_examples": {"train": 4000, "val": 500, "test": 800},
        "scores": scores,
        "rivals": rivals(test),
    }
    return Evaluation.model_validate({**whole, **given})


def epochs(losses, accuracies=(), val_losses=()):
    count = len(losses)
    accuracies = accuracies or [0.9 - 0.5 * 0.5**i for i in range(count)]
    val_losses = val_losses or losses
    best = max(range(count), key=lambda i: accuracies[i])
    return tuple(
        EpochRecord(
            epoch=i + 1,
            step=100 * (i + 1),
            train_loss=losses[i],
            val_loss=val_losses[i],
            metrics={"accuracy": accuracies[i]},
            lr=0.001,
            seconds=1.0,
            examples_per_second=4000.0,
            best=i == best,
        )
        for i in range(count)
    )


SETTLED = epochs([1.0, 0.5, 0.3, 0.2, 0.15, 0.12, 0.11, 0.105, 0.102, 0.102])


def course(history=SETTLED, ending="", **given):
    whole = {
        "problem": Problem(
            task="multiclass", target="kind", metric="accuracy", classes=CLASSES
        ),
        "data": Source(source="kinds.csv"),
        "network": MLP(hidden=(128, 64)),
        "loss": CrossEntropyLoss(),
        "optimizer": Adam(),
        "training": Training(epochs=len(history)),
    }
    plan = Plan.model_validate({**whole, **given})
    reference = Reference(chance_loss=1.6)
    return Course(len(history), history, (), reference, plan, ending)


def found(one=None, evaluation=None):
    judged = find_in_result(one or course(), evaluation or result())
    return {finding.code: finding for finding in judged}


def test_nothing_is_said_of_a_healthy_run():
    assert found() == {}


def test_nothing_is_said_of_a_healthy_run_without_scores():
    assert list(find_in_result(course(), None)) == []


def own(history, num_val=500):
    """The course of a person's own module: no plan, and no scores at the end."""
    return Course(
        len(history), history, (), Reference(chance_loss=1.6), None, "", num_val
    )


def test_a_module_of_ones_own_is_judged_by_its_curve():
    heart = epochs(
        [0.9, 0.7, 0.5, 0.3, 0.2, 0.1, 0.05, 0.02],
        [0.7, 0.85, 0.92, 0.92, 0.88, 0.86, 0.84, 0.82],
        [0.8, 0.6, 0.5, 0.52, 0.6, 0.7, 0.8, 0.9],
    )
    [finding] = find_in_result(own(heart), None)
    assert (finding.code, finding.changes) == ("T8", {})
    assert list(find_in_result(own(heart, num_val=0), None)) == []
    [finding] = find_in_result(own(epochs([1.4, 1.2, 1.0])), None)
    assert (finding.code, finding.changes) == ("P3", {})


HALF_DROPPED = Sequential(layers=({"Linear": 64}, "ReLU", "Dropout", {"Linear": 5}))


def test_every_finding_is_of_the_time_after_training():
    broken = result(0.3, 0.3, 0.3)
    assert {f.moment for f in find_in_result(course(), broken)} == {"after"}


@pytest.mark.parametrize(
    ("changes", "code", "where"),
    [
        ({"network": MLP(hidden=(128, 64), dropout=0.8)}, "P7", "network.MLP.dropout"),
        ({"network": HALF_DROPPED}, "P7", "network"),
        ({"network": MLP(hidden=(128, 3))}, "P11", "network.MLP.hidden"),
        (
            {"network": Sequential(layers=({"Linear": 64}, {"Linear": 5}))},
            "P11",
            "network.Sequential",
        ),
        ({}, "T6", "optimizer.lr"),
    ],
)
def test_a_network_that_misses_what_rivals_know_is_told_why(changes, code, where):
    worse = result(0.78, 0.79, 0.78)
    seen = found(course(**changes), worse)
    assert seen[code].where == where
    assert seen[code].severity == "warning"
    assert "trees: 0.900 on the test part" in seen[code].evidence
    assert {"P3", "P7", "P11", "T6"} & set(seen) == {code}


def test_a_network_that_misses_little_of_what_rivals_know_is_let_be():
    assert found(evaluation=result(0.895, 0.899, 0.895)) == {}


def test_a_network_that_knows_its_examples_is_not_called_too_small():
    behind = result(0.85, 0.99, 0.85, rivals=rivals(0.85, linear=0.8))
    assert found(course(network=MLP(hidden=(3,))), behind) == {}


def test_weights_of_an_early_epoch_do_not_tell_what_can_be_learned():
    lucky = epochs(
        [1.0, 0.5, 0.3, 0.1, 0.1], [0.5, 0.6, 0.9, 0.7, 0.7], [1.0, 0.5, 0.3, 0.4, 0.4]
    )
    worse = result(0.78, 0.79, 0.78)
    assert set(found(course(lucky), worse)) == {"Q1"}
    assert "T6" in found(course(lucky, stopping=Stopping(restore_best=False)), worse)


def test_dropout_is_not_to_blame_where_examples_are_learned_by_heart():
    heart = result(0.78, 0.85, 0.78)
    assert "P7" not in found(course(network=MLP(hidden=(64,), dropout=0.6)), heart)


def test_training_that_ends_while_the_loss_falls_is_too_short():
    steep = epochs([1.4, 1.2, 1.0])
    seen = found(course(steep), result(0.78, 0.79, 0.78))
    assert seen["P3"].severity == "warning"
    assert seen["P3"].changes == {"training.epochs": 6}


def test_a_guard_that_ends_training_is_named():
    guarded = course(
        ending="seconds",
        training=Training(epochs=10, seconds=9.0),
    )
    seen = found(guarded, result(0.78, 0.79, 0.78))
    assert seen["P3"].where == "training.seconds"
    assert seen["P3"].changes == {"training.seconds": 36.0}


def test_no_better_than_a_constant_guess_is_an_error_where_a_rival_is():
    chance = result(0.25, 0.25, 0.25)
    assert found(evaluation=chance)["Q1"].severity == "error"
    alone = chance.model_copy(update={"rivals": rivals(0.25)[:1]})
    assert found(evaluation=alone)["Q1"].severity == "warning"
    assert "is no better than a constant" in found(evaluation=alone)["Q1"].message


def ranking(metric="accuracy", low=0.7, **given):
    """Answers as good as a constant guess, probabilities that rank the rows."""
    constant = rival("constant", 0.75, 0.0, 0.005)
    areas = {"roc_auc": around(0.5)}
    constant = constant.model_copy(update={"scores": {**constant.scores, **areas}})
    one = {
        metric: around(0.75),
        "accuracy": around(0.75),
        "roc_auc": Score(value=0.8, low=low, high=0.9),
    }
    scores = {"train": one, "val": one, "test": one}
    return result(scores=scores, rivals=(constant,), metric=metric, **given)


def test_answers_of_a_constant_guess_are_a_note_where_probabilities_rank_the_rows():
    seen = found(evaluation=ranking())["Q1"]
    assert seen.severity == "note"
    assert "but the probabilities rank the rows" in seen.message
    assert "ROC AUC 0.8 (0.7 to 0.9)" in seen.evidence
    assert found(evaluation=ranking(low=0.45))["Q1"].severity == "warning"
    ahead = (*ranking().rivals, rival("trees", 0.9, -0.15))
    worse = ranking().model_copy(update={"rivals": ahead})
    assert found(evaluation=worse)["Q1"].severity == "error"


def per_class(**recalls):
    return tuple(
        ClassScores(name=name, precision=0, recall=recall, f1=recall, support=support)
        for name, (recall, support) in recalls.items()
    )


def test_a_class_that_is_never_predicted_right_is_a_warning():
    rare = per_class(a=(0.9, 790), b=(0.0, 8), c=(0.0, 2))
    seen = found(evaluation=result(per_class=rare))["Q5"]
    assert (seen.severity, seen.where) == ("warning", "'b'")
    assert seen.message == "No test row of class 'b' is predicted as such."
    assert seen.evidence == "'b': recall 0 of 8"
    assert seen.changes == {"loss.weight": "balanced"}
    assert seen.only_if == "a missed one costs more than a false one"
    weighted = course(loss=CrossEntropyLoss(weight="balanced"))
    assert found(weighted, result(per_class=rare))["Q5"].changes == {}
    few = per_class(a=(0.9, 796), b=(0.0, 4))
    assert found(evaluation=result(per_class=few)) == {}


def test_a_class_that_is_never_predicted_is_told_once_and_where_anything_is_known():
    rare = per_class(a=(1.0, 600), b=(0.0, 200))
    group = Group(column="", name="b", rows=200, error=1, others=0, excess=around(1.0))
    known = ranking(per_class=rare, groups=(group,))
    judged = [f for f in find_in_result(course(), known) if f.code == "Q5"]
    assert [f.message for f in judged] == [
        "No test row of class 'b' is predicted as such."
    ]
    assert "Q5" not in found(evaluation=ranking(low=0.45, per_class=rare))


def test_what_few_rows_cannot_tell_is_not_said_to_be_so():
    counts = {"train": 8, "val": 2, "test": 2}
    few = result(0.26, 0.26, 0.26, rivals=rivals(0.26)[:1], num_examples=counts)
    words = "2 test rows cannot tell the network from a constant guess."
    assert found(evaluation=few)["Q1"].message == words


def test_a_linear_model_that_is_better_is_a_warning():
    seen = found(evaluation=result(0.8, 0.95, 0.8, rivals=rivals(0.8, trees=0.82)))
    assert seen["Q1"].message.startswith("A linear model, which took")
    assert set(seen) == {"Q1"}


def test_a_forecast_behind_the_last_value_is_a_warning():
    known = (*rivals(0.8, linear=0.8, trees=0.8), rival("last", 0.9, -0.1))
    seen = found(evaluation=result(0.8, 0.95, 0.8, rivals=known))
    assert seen["Q1"].message.startswith("The last value, which took")
    assert seen["Q1"].message.endswith("is better than the network.")
    chance = (*rivals(0.25, linear=0.25, trees=0.25), rival("last", 0.9, -0.65))
    seen = found(evaluation=result(0.25, 0.25, 0.25, rivals=chance))
    assert "Better: the last value." in seen["Q1"].remedy


def test_a_score_that_swings_from_epoch_to_epoch_is_told():
    swinging = epochs([0.5] * 10, [0.5, 0.7, 0.6, 0.9, 0.6, 0.9, 0.6, 0.9, 0.6, 0.9])
    assert found(course(swinging))["T7"].severity == "warning"
    calm = epochs([0.5] * 10, [0.5, 0.9, 0.5, 0.9, 0.7, 0.9, 0.9, 0.91, 0.92, 0.92])
    assert found(course(calm)) == {}
    wide = result(scores={p: {"accuracy": around(0.9, 0.4)} for p in ("test", "val")})
    assert "T7" not in found(course(swinging), wide)


def test_learning_by_heart_is_a_warning_only_where_the_last_weights_are_kept():
    falling = epochs(
        [0.9, 0.7, 0.5, 0.3, 0.2, 0.1, 0.05, 0.02],
        [0.7, 0.85, 0.92, 0.92, 0.88, 0.86, 0.84, 0.82],
        [0.8, 0.6, 0.5, 0.52, 0.6, 0.7, 0.8, 0.9],
    )
    seen = found(course(falling))["T8"]
    assert seen.severity == "note"
    assert "The weights of epoch 3 were kept." in seen.remedy
    last = course(falling, stopping=Stopping(restore_best=False))
    seen = found(last)["T8"]
    assert seen.severity == "warning"
    assert seen.changes["stopping.restore_best"] is True


def test_a_val_loss_that_rises_while_the_score_rises_is_let_be():
    odd = epochs(
        [0.9, 0.7, 0.5, 0.3, 0.2, 0.1, 0.05, 0.02],
        [0.7, 0.8, 0.85, 0.87, 0.88, 0.89, 0.9, 0.91],
        [0.8, 0.6, 0.5, 0.52, 0.6, 0.7, 0.8, 0.9],
    )
    assert found(course(odd, stopping=Stopping(restore_best=False))) == {}


def test_a_network_that_is_another_in_eval_mode_is_told():
    scores = dict(result().scores)
    scores["train"] = {"accuracy": around(0.95), "log_loss": around(1.4)}
    assert found(evaluation=result(scores=scores))["C6"].where == "network"
    smooth = course(loss=CrossEntropyLoss(label_smoothing=0.1))
    assert found(smooth, result(scores=scores)) == {}


def test_val_that_is_better_than_what_was_learned_from_is_told():
    assert found(evaluation=result(0.99, 0.92, 0.99))["Q6"].where == "split"


def test_a_single_column_that_says_nearly_all_is_told():
    columns = {"code": 0.7, "age": 0.01, "size": 0.0}
    importance = [
        Importance(column=name, drop=around(drop)) for name, drop in columns.items()
    ]
    seen = found(evaluation=result(0.995, 0.995, 0.995, importance=importance))
    assert seen["Q6"].where == "column 'code'"
    assert seen["Q6"].changes == {"data.columns.code": "ignore"}
    assert seen["Q6"].only_if == "'code' is not known when a prediction is needed"


def test_a_small_test_part_is_a_note():
    scores = {p: {"accuracy": around(0.92, 0.09)} for p in ("test", "val")}
    seen = found(evaluation=result(scores=scores))
    assert seen["Q3"].severity == "note"
    assert "it takes about 2,600" in seen["Q3"].evidence


def test_probabilities_that_are_off_are_told_with_a_remedy():
    off = [Calibration(error=around(error), bins=()) for error in (0.08, 0.06)]
    seen = [found(evaluation=result(calibration=one))["Q4"] for one in off]
    assert [one.severity for one in seen] == ["warning", "note"]
    assert seen[0].changes == {"calibration": {"TemperatureScaling": {}}}
    assert (
        found(evaluation=result(calibration=Calibration(error=around(0.04), bins=())))
        == {}
    )


def group(gain):
    return Group(
        column="age",
        name="61 to 90",
        rows=80,
        error=0.3,
        others=0.1,
        excess=around(0.2),
        rival="linear model",
        rival_gain=around(gain),
    )


def test_a_group_beside_others_without_an_error_is_named_without_a_ratio():
    alone = group(0.1).model_copy(update={"others": 0.0})
    message = found(evaluation=result(groups=(alone,)))["Q5"].message
    assert message == "Examples with 'age' 61 to 90 are wrong, and no others."
    shared = found(evaluation=result(groups=(group(-0.1),)))["Q5"].message
    assert shared.endswith("as often as all others, for a linear model too.")


def test_a_group_that_fails_is_a_warning_only_where_a_rival_does_better():
    seen = found(evaluation=result(groups=(group(0.1),)))
    assert seen["Q5"].severity == "warning"
    assert seen["Q5"].where == "column 'age'"
    assert found(evaluation=result(groups=(group(0.0),)))["Q5"].severity == "note"


def test_labels_that_are_wrong_at_random_are_told_and_hard_ones_are_not():
    random = {"surest_wrong": around(0.08), "surest_place": around(0.5, 0.1)}
    assert found(evaluation=result(**random))["D11"].severity == "warning"
    hard = {"surest_wrong": around(0.08), "surest_place": around(0.1, 0.1)}
    assert found(evaluation=result(**hard)) == {}


def test_labels_that_all_models_doubt_are_named():
    mistake = Mistake(
        where="line 7",
        target="a",
        prediction="b",
        probability=0.99,
        loss=4.6,
        rivals=("linear model", "gradient-boosted trees"),
    )
    sure = around(0.01, 0.01)
    seen = found(evaluation=result(mistakes=(mistake,), surest_wrong=sure))
    assert (seen["D11"].severity, seen["D11"].where) == ("note", "line 7")
    alone = mistake.model_copy(update={"rivals": ("linear model",)})
    assert found(evaluation=result(mistakes=(alone,), surest_wrong=sure)) == {}
    hard = result(mistakes=(mistake,), surest_wrong=around(0.08))
    assert found(evaluation=hard) == {}


def test_a_rate_that_falls_to_nothing_does_not_make_training_too_short():
    """The training loss falls to the end; what counts of it no longer does."""
    losses = [1.0, 0.6, 0.5, 0.4, 0.38, 0.36, 0.34, 0.33, 0.32, 0.31]
    worse = result(0.78, 0.79, 0.78)
    assert "P3" in found(course(epochs(losses)), worse)
    level = epochs(losses, val_losses=[1.0, 0.6, *[0.5 - 0.0005 * i for i in range(8)]])
    assert "P3" not in found(course(level), worse)


def test_where_only_the_curve_tells_a_little_less_than_trees_is_let_be():
    little = result(0.87, 0.88, 0.87, rivals=rivals(0.87, linear=0.8, trees=0.9))
    assert found(evaluation=little) == {}


def test_early_stopping_that_counts_too_little_is_named():
    short = replace(
        course(
            epochs([0.8, 0.4]),
            "patience",
            stopping=Stopping(patience=1, min_delta=0.5),
        ),
        num_epochs=20,
    )
    for evaluation in (result(), result(0.78, 0.79, 0.78)):
        seen = found(short, evaluation)
        assert (seen["P3"].where, seen["P3"].changes) == (
            "stopping.min_delta",
            {"stopping.patience": 10, "stopping.min_delta": 0.0},
        )
    risen = replace(short, history=epochs([0.8, 0.4], val_losses=[0.8, 0.9]))
    assert found(risen) == {}


def test_what_the_doctor_stopped_was_not_too_short():
    steep = epochs([1.4, 1.2, 1.0])
    stopped = course(steep, "observer")
    far = replace(stopped, num_epochs=20)
    assert "P3" not in found(far, result(0.78, 0.79, 0.78))


@pytest.mark.parametrize(
    ("optimizer", "norm", "code"),
    [(SGD(), 0.5, "P2"), (SGD(), 0.1, "P3"), (Adam(), 0.5, "P3")],
)
def test_clipping_that_rules_the_steps_is_named(optimizer, norm, code):
    steep = epochs([1.4, 1.2, 1.0])
    clipped = replace(
        course(
            steep,
            optimizer=optimizer,
            training=Training(epochs=3, clip_grad_norm=0.05),
        ),
        signals=[Signals(epoch=i, step=i, loss=1.0, grad_norm=norm) for i in range(3)],
    )
    seen = found(clipped, result(0.78, 0.79, 0.78))
    assert {"P2", "P3"} & set(seen) == {code}
    if code == "P2":
        assert seen["P2"].changes == {"training.clip_grad_norm": 0.0}
        assert "norm is 0.5, its limit 0.05" in seen["P2"].evidence


def test_first_weights_that_are_far_off_are_told_and_are_to_blame_for_what_is_lost():
    begun = Reference(chance_loss=1.6, initial_loss=12.0)
    drawn = replace(course(init=[{"orthogonal_": {"gain": 3.0}}]), reference=begun)
    behind = result(0.85, 0.99, 0.85)
    assert found(drawn, behind)["C10"].changes == {"init": []}
    assert found(drawn)["C10"].severity == "warning"
    assert "C10" not in found(replace(course(), reference=begun), behind)


def test_an_average_that_holds_the_first_weights_is_told():
    scores = dict(result().scores)
    scores["train"] = {"accuracy": around(0.95), "log_loss": around(1.4)}
    seen = found(course(averaging=EMA(decay=0.9999)), result(scores=scores))
    assert (seen["C6"].where, seen["C6"].changes) == ("averaging", {"averaging": None})


def test_an_average_of_a_network_for_numbers_is_compared_by_r2():
    parts = {part: {"r2": around(0.1)} for part in ("test", "val", "train")}
    numbers = result(task="regression", metric="r2", scores=parts, rivals=())
    average = course(loss=MSELoss(), averaging=EMA(decay=0.9999))
    assert "squared error 1.44 in eval mode" in found(average, numbers)["C6"].evidence
    assert found(course(loss=MSELoss()), numbers) == {}


def test_the_best_of_many_runs_on_one_test_part_is_a_note():
    others = [0.8 + 0.001 * i for i in range(19)]
    [finding] = find_in_choice("accuracy", 0.9, others)
    assert (finding.code, finding.severity) == ("Q2", "note")
    assert "the middle one has 0.809" in finding.evidence
    assert list(find_in_choice("accuracy", 0.81, others)) == []
    assert list(find_in_choice("accuracy", 0.9, others[:10])) == []
    assert list(find_in_choice("rmse", 0.9, others)) == []
    assert len(list(find_in_choice("rmse", 0.7, others))) == 1
