"""What only the data shows to be wrong: one line with its place, no run folder."""

import re

import pytest

from tests.cli.test_wrong_input import refusal, run

PLAN = """\
problem: {task: multiclass, target: label, metric: accuracy, classes: &}
data: {source: digits}
prepare: [{ToFloat: 16}]
network: {Sequential: [Flatten, {Linear: 10}]}
loss: CrossEntropyLoss
optimizer: Adam
init: []
augment: []
training: {epochs: 1}
""".replace("&", str([*"0123456789"]))
ROWS = "{Flatten: {start_dim: 1, end_dim: 2}}"


def sequential(*layers):
    return f"network: {{Sequential: [{', '.join(layers)}]}}"


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (
            sequential("{Conv2d: 4}", "{Linear: 10}"),
            ":37: network.Sequential.1: Linear takes (features,) or (L, features) for "
            "each example, but gets (4, 6, 6); put Flatten before it",
        ),
        (
            sequential(ROWS, "{LSTM: 8}", "{LSTM: 8}", "{Linear: 10}"),
            "network.Sequential.2: LSTM takes (L, features) for each example, but gets "
            "(8,); put Unflatten before it",
        ),
        (
            sequential(ROWS, "{LSTM: {hidden_size: 8, output: all}}", "{Linear: 10}"),
            "network.Sequential.2: Linear, the last layer, gives (8, 10) for each "
            "example, but the problem needs (10,); put Flatten before a last Linear",
        ),
        (
            sequential("{Residual: [Flatten, {LSTM: 4}]}", "Flatten", "{Linear: 10}"),
            ":45: network.Sequential.0.Residual.1: LSTM takes (L, features)",
        ),
        (
            sequential(
                "{Residual: {layers: [Flatten, {Conv1d: 4}], shortcut: [Flatten]}}",
                "{Linear: 10}",
            ),
            ":54: network.Sequential.0.Residual.layers.1: Conv1d takes (C, L)",
        ),
        (
            sequential(
                "{Residual: {layers: [Flatten], shortcut: [Flatten, {Conv1d: 4}]}}",
                "{Linear: 10}",
            ),
            ":75: network.Sequential.0.Residual.shortcut.1: Conv1d takes (C, L)",
        ),
        (
            sequential("Flatten", "{Embedding: 4}", "Flatten", "{Linear: 10}"),
            "network.Sequential.1: Embedding: num_embeddings is missing",
        ),
        (
            sequential(
                "Flatten",
                "{Unflatten: {dim: 1, unflattened_size: [-1, -1]}}",
                "{Linear: 10}",
            ),
            "Unflatten cannot take (64,) for each example: unflatten got an unexpected "
            "error: only one dimension can be inferred",
        ),
        (
            sequential("Flatten", "{Softmax: {dim: 0}}", "{Linear: 10}"),
            "network.Sequential.1: Softmax would mix examples with each other",
        ),
        (
            sequential("Flatten", "{Softmax: {dim: -2}}", "{Linear: 10}"),
            "network.Sequential.1: Softmax would mix examples with each other",
        ),
        (
            sequential("{Conv2d: {out_channels: 4, groups: 3}}", "Flatten"),
            "Sequential.0: Conv2d cannot take (1, 8, 8) for each example: in_channels",
        ),
        (
            sequential("Flatten", "{Linear: 10000000000000}", "{Linear: 10}"),
            ":33: network.Sequential.1: Linear does not fit into memory: it needs "
            "about 2,560,000 GB at once, more than there is; make it smaller",
        ),
        (
            sequential("Flatten", "{Linear: 1000000000000000000}", "{Linear: 10}"),
            "network.Sequential.1: Linear does not fit into memory: it needs more than "
            "there is; make it smaller",
        ),
        (
            "network: {MLP: {hidden: [10000000000000]}}",
            "4:10: network: MLP does not fit into memory: it needs about 2,560,000 GB",
        ),
        (
            "network: {ConvNet: {channels: [2, 2, 2, 2, 2]}}",
            "4:10: network: ConvNet needs at least 16 x 16 pixels, but gets 8 x 8",
        ),
        (
            "optimizer: {Adam: {groups: [{params: 'head.*', lr: 0.1}]}}",
            "6:38: optimizer.groups.0.params: 'head.*' matches no parameter; there are",
        ),
        (
            "optimizer: {Muon: {groups: [{params: '*.bias'}]}}",
            "optimizer.groups.0.params: '*.bias' matches no parameter",
        ),
        (
            "init: [zeros_, {kaiming_normal_: {params: 'head.*'}}]",
            "7:16: init.1: kaiming_normal_: params 'head.*' fits no parameter; there",
        ),
        (
            "init: [dirac_]",
            "7:8: init.0: dirac_ cannot fill 1.weight of shape (10, 64)",
        ),
        (
            "augment: [{RandomCrop: 22}]",
            "8:11: augment.0: a window of 22 x 22 pixels is larger than the images",
        ),
    ],
)
def test_what_does_not_fit_the_data_is_refused_at_its_line(tmp_path, changed, words):
    key = changed.partition(":")[0]
    lines = PLAN.splitlines()
    number = next(i for i, line in enumerate(lines, 1) if line.startswith(f"{key}:"))
    lines[number - 1] = changed
    (tmp_path / "p.yaml").write_text("\n".join(lines))
    line = refusal(run(tmp_path, "train", "p.yaml", "--quiet"))
    assert line.startswith(f"error: p.yaml:{number}:")
    assert words in line
    assert not (tmp_path / "runs").exists()


def test_classes_that_are_missing_are_named(tmp_path):
    (tmp_path / "p.yaml").write_text(re.sub(r", classes: .*}", "}", PLAN))
    line = refusal(run(tmp_path, "train", "p.yaml", "--quiet"))
    assert "p.yaml:1:10: problem.classes: is missing; multiclass needs the " in line
    assert "classes of 'label' in the order of the outputs: ['0', '1', '2'" in line


def test_a_value_that_was_set_is_not_looked_for_in_the_file(tmp_path):
    (tmp_path / "p.yaml").write_text(PLAN)
    setting = "augment=[{RandomCrop: 22}]"
    line = refusal(run(tmp_path, "train", "p.yaml", "--set", setting, "--quiet"))
    assert line.startswith("error: augment.0: a window of 22 x 22 pixels")
    assert not (tmp_path / "runs").exists()


def test_explaining_a_plan_names_the_line_too(tmp_path):
    wrong = sequential("{LSTM: 4}", "{Linear: 10}")
    text = PLAN.replace("network: {Sequential: [Flatten, {Linear: 10}]}", wrong)
    (tmp_path / "p.yaml").write_text(text)
    done = run(tmp_path, "explain", "p.yaml", "--quiet")
    assert "error: p.yaml:4:24: network.Sequential.0: LSTM takes" in done.stderr


@pytest.mark.parametrize("command", ["doctor", "explain"])
def test_a_network_larger_than_memory_is_refused_by_every_command(tmp_path, command):
    large = "{MLP: {hidden: [10000000000000]}}"
    text = PLAN.replace("{Sequential: [Flatten, {Linear: 10}]}", large)
    (tmp_path / "p.yaml").write_text(text)
    done = run(tmp_path, command, "p.yaml", "--quiet")
    assert done.exit_code == 2
    assert "p.yaml:4:10: network: MLP does not fit into memory" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", "--recipe", "mnist-mlp"], "did you mean 'mnist-mlp-64' or"),
        (["train", "digits", "--recipe", "optimizers"], "cannot go together"),
        (["train", "--recipe", "sine-cubic", "--set", "steps=0"], "must be at least 1"),
        (["train", "--recipe", "sine-cubic", "--set", "lr=fast"], "must be a number"),
        (
            ["train", "--recipe", "sine-cubic", "--set", "n=3"],
            "has no such setting; it",
        ),
        (["train", "--recipe", "optimizers", "--set", "loss=mse"], "write 'MSELoss'"),
        (
            ["train", "--recipe", "optimizers", "--set", "optimizer=SGD"],
            "optimizer: every variant says it itself; leave it out",
        ),
        (["recipes", "show", "mnist"], "no recipe 'mnist'; did you mean"),
        (["eject", "digits"], "no run at digits"),
        (["explain", "digits"], "no run at digits"),
    ],
)
def test_a_wrong_recipe_or_run_is_refused(tmp_path, arguments, words):
    result = run(tmp_path, *arguments)
    assert result.exit_code in (1, 2)
    assert words in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "runs").exists()
