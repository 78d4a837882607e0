"""Metrics of one's own module: by name, as functions, as objects of torchmetrics."""

import numpy as np
import pytest
import torch
import torchmetrics
from sklearn import metrics as reference
from torch import nn
from torchmetrics import classification as of_classes

import torchsmith as ts
from torchsmith.core.errors import PlanError, TrainError
from torchsmith.plan.plan import Stopping

VAL = 48


def examples(classes, num=96):
    """The class follows from the first of two numbers, not quite."""
    random = torch.Generator().manual_seed(classes)
    inputs = torch.randn(num, 2, generator=random)
    noisy = inputs[:, 0] + 0.4 * torch.randn(num, generator=random)
    edges = torch.linspace(-0.7, 0.7, classes + 1)[1:-1]
    return inputs, torch.bucketize(noisy, edges)


def fit(metrics, outputs=3, targets=None, **given):
    torch.manual_seed(0)
    inputs, codes = examples(max(outputs, 2))
    targets = codes if targets is None else targets(codes)
    given = {"loss": "CrossEntropyLoss", "epochs": 2, "runs": None, **given}
    module = given.pop("module", None) or nn.Linear(2, outputs)
    return ts.fit(
        module,
        (inputs[VAL:], targets[VAL:]),
        (inputs[:VAL], targets[:VAL]),
        metrics=metrics,
        **given,
    )


def said(done, outputs=3):
    """What the trained module says about the val part, and what is right."""
    inputs, codes = examples(max(outputs, 2))
    with torch.inference_mode():
        return done.module(inputs[:VAL]), codes[:VAL].numpy()


LAST = Stopping(patience=0, restore_best=False)


def test_names_are_scores_of_the_whole_val_part():
    names = ["accuracy", "f1_macro", "roc_auc", "matthews_corrcoef"]
    done = fit(names, stopping=LAST)
    outputs, codes = said(done)
    found = done.history[-1].metrics
    assert list(found) == names
    said_codes = outputs.argmax(dim=1)
    assert found["f1_macro"] == pytest.approx(
        reference.f1_score(codes, said_codes, average="macro")
    )
    probabilities = outputs.double().softmax(dim=1)
    assert found["roc_auc"] == pytest.approx(
        reference.roc_auc_score(codes, probabilities, multi_class="ovr")
    )


def column(codes):
    return codes.float().unsqueeze(1)


@pytest.mark.parametrize(
    ("loss", "last"),
    [
        (nn.BCEWithLogitsLoss(), nn.Identity()),
        (nn.BCELoss(), nn.Sigmoid()),
        (nn.functional.binary_cross_entropy, nn.Sigmoid()),
    ],
)
def test_one_output_is_a_logit_or_under_bce_loss_a_probability(loss, last):
    module = nn.Sequential(nn.Linear(2, 1), last)
    names = ["log_loss", "f1", "average_precision"]
    given = {"module": module, "loss": loss, "targets": column, "stopping": LAST}
    done = fit(names, 1, **given)
    outputs, codes = said(done, 1)
    if isinstance(last, nn.Identity):
        outputs = outputs.sigmoid()
    found, positive = done.history[-1].metrics, outputs.squeeze(1)
    assert found["log_loss"] == pytest.approx(
        reference.log_loss(codes, positive), rel=1e-5
    )
    assert found["f1"] == reference.f1_score(codes, positive > 0.5)
    assert found["average_precision"] == pytest.approx(
        reference.average_precision_score(codes, positive)
    )


def test_one_hot_targets_are_classes():
    def one_hot(codes):
        return nn.functional.one_hot(codes, 3).float()

    done = fit(["accuracy"], loss=nn.MSELoss(), targets=one_hot, stopping=LAST)
    outputs, codes = said(done)
    expected = float(np.mean(outputs.argmax(dim=1).numpy() == codes))
    assert done.history[-1].metrics["accuracy"] == pytest.approx(expected)


def test_values_are_scored_in_their_column():
    done = fit(["rmse", "r2"], 1, loss="MSELoss", targets=column, stopping=LAST)
    outputs, codes = said(done, 1)
    expected = reference.r2_score(codes, outputs)
    assert done.history[-1].metrics["r2"] == pytest.approx(expected, rel=1e-5)


SEVERAL = {
    "rmse": reference.root_mean_squared_error,
    "mae": reference.mean_absolute_error,
    "r2": reference.r2_score,
    "median_absolute_error": reference.median_absolute_error,
    "mean_absolute_percentage_error": reference.mean_absolute_percentage_error,
    "explained_variance": reference.explained_variance_score,
}


def two_values(codes):
    """A second target that is far from the first, and larger."""
    return torch.stack([codes.float(), 1000 + 7 * (codes.float() - 1) ** 2], dim=1)


def test_several_values_are_each_scored_and_the_scores_averaged():
    done = fit([*SEVERAL], 2, loss="MSELoss", targets=two_values, stopping=LAST)
    outputs, codes = said(done, 2)
    targets = two_values(torch.from_numpy(codes))
    for name, function in SEVERAL.items():
        expected = pytest.approx(function(targets, outputs), rel=1e-5)
        assert done.history[-1].metrics[name] == expected


def test_the_largest_error_is_of_one_value():
    with pytest.raises(TrainError, match=r"'max_error' .* for one target of each"):
        fit(["max_error"], 2, loss="MSELoss", targets=two_values)


@pytest.mark.parametrize(
    ("measure", "name"),
    [
        (of_classes.MulticlassAccuracy(3, average="micro"), "accuracy"),
        (of_classes.MulticlassF1Score(3, average="macro"), "f1_macro"),
        (of_classes.MulticlassMatthewsCorrCoef(3), "matthews_corrcoef"),
        (of_classes.MulticlassAUROC(3), "roc_auc"),
    ],
)
def test_an_object_of_torchmetrics_scores_each_epoch_alone(measure, name):
    # What an epoch collects must not count in the next, nor what was there before.
    measure.update(torch.eye(3), torch.tensor([2, 0, 1]))
    done = fit({"theirs": measure, "ours": name}, epochs=3)
    for record in done.history:
        assert record.metrics["theirs"] == pytest.approx(record.metrics["ours"])


def test_an_object_of_torchmetrics_takes_one_logit_and_float_targets():
    f1 = of_classes.BinaryF1Score()
    mixed = [f1, "f1", torchmetrics.MeanSquaredError()]
    done = fit(mixed, 1, loss=nn.BCEWithLogitsLoss(), targets=column, stopping=LAST)
    found = done.history[-1].metrics
    assert list(found) == ["BinaryF1Score", "f1", "MeanSquaredError"]
    assert found["BinaryF1Score"] == pytest.approx(found["f1"])


def test_a_function_is_named_after_itself():
    def largest(outputs, targets):
        return outputs.abs().max()

    assert fit([largest]).history[0].metrics["largest"] > 0


class Collected:
    """A metric of one's own that has only the three methods."""

    higher_is_better = False

    def __init__(self):
        self.sizes = []

    def reset(self):
        self.sizes = []

    def update(self, outputs, targets):  # noqa: ARG002
        self.sizes.append(len(targets))

    def compute(self):
        return torch.tensor([sum(self.sizes)])


def test_any_object_with_the_three_methods_is_a_metric():
    done = fit({"rows": Collected()}, epochs=3)
    assert [record.metrics["rows"] for record in done.history] == [VAL] * 3


@pytest.mark.parametrize("error", ["rmse", torchmetrics.MeanSquaredError()])
def test_a_score_of_errors_is_monitored_for_low_values_whatever_its_name(error):
    stopping = Stopping(monitor="val_miss", patience=0)
    done = fit(
        {"miss": error}, 1, loss="MSELoss", targets=column, stopping=stopping, epochs=4
    )
    values = [record.metrics["miss"] for record in done.history]
    assert values[-1] < values[0]
    assert done.best_epoch == 1 + int(np.argmin(values))


def broken(outputs, targets):
    return outputs["nothing"]


@pytest.mark.parametrize(
    ("metrics", "words"),
    [
        ({"table": of_classes.MulticlassConfusionMatrix(3)}, r"'table' gives a tensor"),
        ([of_classes.MulticlassF1Score(3, average=None)], r"shape \(3,\), not one"),
        ([lambda *both: "good" * len(both)], "gives a str, not one number"),
        ({"mine": broken}, r"'mine' cannot score outputs \(48, 3\) of float32"),
        ([of_classes.MulticlassAccuracy(2)], "'MulticlassAccuracy' cannot score"),
        (["f1"], "two classes, not 3; try 'f1_macro'"),
        (["rmse"], "one output for each target"),
    ],
)
def test_a_metric_that_does_not_fit_is_named_in_one_line(metrics, words):
    with pytest.raises(TrainError, match=words) as caught:
        fit(metrics)
    assert "\n" not in str(caught.value)


class Twice(nn.Module):
    """Gives two tensors."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(2, 3)

    def forward(self, inputs):
        outputs = self.linear(inputs)
        return outputs, outputs


def test_a_name_of_a_metric_asks_for_one_tensor():
    def loss(outputs, targets):
        return nn.functional.cross_entropy(outputs[0], targets)

    def accuracy(outputs, targets):
        return (outputs[0].argmax(1) == targets).float().mean()

    assert fit([accuracy], module=Twice(), loss=loss).history
    with pytest.raises(TrainError, match="'accuracy' scores outputs that are one"):
        fit(["accuracy"], module=Twice(), loss=loss)


def test_a_metric_that_fails_on_outputs_of_several_parts_is_named():
    def loss(outputs, targets):
        return nn.functional.cross_entropy(outputs[0], targets)

    def total(outputs, targets):
        return outputs.sum()

    words = r"'total' cannot score outputs list against targets \(48,\) of int64: Attri"
    with pytest.raises(TrainError, match=words):
        fit([total], module=Twice(), loss=loss)


def test_numbers_are_no_classes():
    def halves(codes):
        return column(codes) / 2

    with pytest.raises(TrainError, match="targets must be whole numbers"):
        fit(["accuracy"], 1, loss="MSELoss", targets=halves)


@pytest.mark.parametrize(
    ("metrics", "words"),
    [
        (["acuracy"], "there is no 'acuracy'; did you mean 'accuracy'"),
        ("r2_score", "there is no 'r2_score'; write 'r2'"),
        ({"f1": "f1_score"}, "write 'f1'"),
        (["nonsense"], "there are: accuracy, balanced_accuracy"),
        ([of_classes.MulticlassF1Score], "an object .not the class. of torchmetrics"),
        ({"three": 3}, "'three' is 3"),
        (["accuracy", "accuracy"], "two are called 'accuracy'"),
    ],
)
def test_a_metric_that_is_none_is_refused_before_training(metrics, words):
    with pytest.raises(PlanError, match=words):
        fit(metrics)


@pytest.mark.parametrize("metrics", [None, "accuracy", ["accuracy", "f1_macro"]])
def test_examples_that_the_loss_ignores_do_not_count(metrics):
    inputs, codes = examples(2)
    targets = torch.where(torch.arange(len(codes)) % 3 == 0, codes, -1)
    torch.manual_seed(0)
    done = ts.fit(
        nn.Linear(2, 2),
        (inputs[VAL:], targets[VAL:]),
        (inputs[:VAL], targets[:VAL]),
        loss=nn.CrossEntropyLoss(ignore_index=-1),
        metrics=metrics,
        epochs=2,
        runs=None,
        stopping=LAST,
    )
    with torch.inference_mode():
        said_codes = done.module(inputs[:VAL]).argmax(dim=1)[::3]
    right = (said_codes == codes[:VAL:3]).double().mean().item()
    assert done.history[-1].metrics["accuracy"] == pytest.approx(right)


@pytest.mark.parametrize("target", ["codes", "shares"])
def test_each_place_of_an_example_counts_and_its_accuracy_may_be_monitored(target):
    random = torch.Generator().manual_seed(0)
    inputs = torch.randn(40, 3, 5, 5, generator=random)
    codes = (inputs.sum(dim=1) > 0).long()
    targets = nn.functional.one_hot(codes, 2).movedim(-1, 1).float()
    if target == "codes":
        targets = torch.where(torch.arange(5) < 4, codes, -100)  # a column is ignored
    done = ts.fit(
        nn.Conv2d(3, 2, 1),
        (inputs, targets),
        (inputs, targets),
        loss="CrossEntropyLoss",
        metrics=["f1_macro"],
        stopping=Stopping(monitor="val_accuracy", patience=0, restore_best=False),
        epochs=2,
        runs=None,
    )
    with torch.inference_mode():
        found = done.module(inputs).argmax(dim=1)
    if target == "codes":
        found, codes = found[..., :4], codes[..., :4]
    pair = codes.flatten(), found.flatten()
    metrics = done.history[-1].metrics
    assert metrics["accuracy"] == pytest.approx(reference.accuracy_score(*pair))
    f1 = reference.f1_score(*pair, average="macro")
    assert metrics["f1_macro"] == pytest.approx(f1)


def test_probabilities_as_targets_have_an_accuracy():
    def one_hot(codes):
        return nn.functional.one_hot(codes, 3).float()

    done = fit(None, targets=one_hot, stopping=Stopping(monitor="val_accuracy"))
    assert 0 <= done.history[-1].metrics["accuracy"] <= 1


def test_several_classes_of_an_example_are_not_scored_as_one():
    several = torch.tensor([[1.0, 1.0, 0.0], [0.0, 1.0, 0.0]]).repeat(48, 1)
    with pytest.raises(TrainError, match="several classes or none, and the metric is"):
        fit("accuracy", targets=lambda _: several, loss="BCEWithLogitsLoss")
    one = nn.functional.one_hot(examples(3)[1], 3).float()
    done = fit("accuracy", targets=lambda _: one, loss="BCEWithLogitsLoss")
    assert 0 <= done.history[-1].metrics["accuracy"] <= 1
