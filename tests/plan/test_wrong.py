"""What people write from memory, or from another library, and what they are told."""

import pytest

from tests.plan.example import EXAMPLE
from torchsmith.core.errors import PlanError
from torchsmith.plan.file import parse_plan
from torchsmith.plan.settings import set_values


def plan_with(section, value):
    """The example with one section, on a line of its own, and the line's number."""
    lines = EXAMPLE.splitlines()
    if section == "network":
        begin = lines.index("network:")
        del lines[begin : lines.index("loss: CrossEntropyLoss")]
    else:
        begin = next(
            (i for i, line in enumerate(lines) if line.startswith(f"{section}:")),
            len(lines),
        )
        del lines[begin : begin + 1]
    lines.insert(begin, f"{section}: {value}")
    return "\n".join(lines) + "\n", begin + 1


def told(section, value):
    """The one line that a person is told, without the place, which is checked."""
    text, number = plan_with(section, value)
    with pytest.raises(PlanError) as caught:
        parse_plan(text, "p")
    [message] = str(caught.value).splitlines()
    place, _, words = message.partition(": ")
    assert place.startswith(f"p:{number}:")
    return words


def layer(value):
    words = told("network", f"{{Sequential: [Flatten, {value}, {{Linear: 10}}]}}")
    assert words.startswith("network.Sequential.1")
    return words


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("relu", "'ReLU'"),
        ("leaky_relu", "'LeakyReLU'"),
        ("nn.ReLU", "'ReLU'"),
        ("torch.nn.ReLU", "'ReLU'"),
        ("softmax", "'Softmax'"),
        ("sigmoid", "'Sigmoid'"),
        ("swish", "'SiLU'"),
        ("dropout", "'Dropout'"),
        ("lstm", "'LSTM'"),
        ("SimpleRNN", "'RNN'"),
        ("{Dense: 64}", "'Linear'"),
        ("{Conv2D: {filters: 4}}", "'Conv2d'"),
        ("{MaxPooling2D: 2}", "'MaxPool2d'"),
        ("Conv2DTranspose", "'ConvTranspose2d'"),
        ("GlobalAveragePooling2D", "'AdaptiveAvgPool2d: 1'"),
        ("BatchNormalization", "'BatchNorm1d' or 'BatchNorm2d'"),
        ("LayerNormalization", "'LayerNorm'"),
        ("{Reshape: [1, 4]}", "'Unflatten' or 'Flatten'"),
        ("MultiheadAttention", "'TransformerEncoder'"),
    ],
)
def test_a_layer_has_one_name_and_another_is_answered_with_it(name, write):
    assert layer(name).endswith(f"; write {write}")


@pytest.mark.parametrize(
    ("section", "name", "write"),
    [
        ("loss", "crossentropy", "'CrossEntropyLoss'"),
        ("loss", "sparse_categorical_crossentropy", "'CrossEntropyLoss'"),
        ("loss", "binary_crossentropy", "'BCELoss' or 'BCEWithLogitsLoss'"),
        ("loss", "mse", "'MSELoss'"),
        ("loss", "mae", "'L1Loss'"),
        ("loss", "nn.CrossEntropyLoss()", "'CrossEntropyLoss'"),
        ("optimizer", "adam", "'Adam'"),
        ("optimizer", "RMSProp", "'RMSprop'"),
        ("optimizer", "Nadam", "'NAdam'"),
        ("optimizer", "momentum", "'SGD: {momentum: 0.9}'"),
        ("schedule", "cosine", "'CosineAnnealingLR'"),
        ("schedule", "step", "'StepLR'"),
        ("schedule", "reduce_lr_on_plateau", "'ReduceLROnPlateau'"),
        ("schedule", "warmup", "'SequentialLR' or 'LinearLR'"),
        ("averaging", "ema", "'EMA'"),
        ("averaging", "AveragedModel", "'EMA' or 'SWA'"),
        ("init", "[xavier_uniform]", "'xavier_uniform_'"),
        ("init", "[XavierUniform]", "'xavier_uniform_'"),
        ("init", "[he_normal]", "'kaiming_normal_'"),
        ("network", "mlp", "'MLP'"),
        ("network", "{MLP: {activation: relu}}", "'ReLU'"),
        ("augment", "[randomcrop]", "'RandomCrop'"),
    ],
)
def test_a_choice_has_one_name_and_another_is_answered_with_it(section, name, write):
    assert told(section, name).endswith(f"; write {write}")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("{Linear: {out: 5}}", "unknown key 'out'; write 'out_features'; it takes out"),
        ("{Linear: {units: 5}}", "unknown key 'units'; write 'out_features'"),
        ("{LSTM: {units: 5}}", "unknown key 'units'; write 'hidden_size'"),
        ("{Dropout: {rate: 0.5}}", "unknown key 'rate'; write 'p'"),
        ("{Softmax: {axis: 1}}", "unknown key 'axis'; write 'dim'"),
        ("{AdaptiveAvgPool2d: {size: 1}}", "write 'output_size'"),
        ("{LayerNorm: {shape: 5}}", "write 'normalized_shape'"),
        ("{LeakyReLU: {slope: 0.1}}", "write 'negative_slope'"),
        ("{GroupNorm: {groups: 2}}", "write 'num_groups'"),
        (
            "{Conv2d: {out_channels: 4, kernal_size: 3}}",
            "unknown key 'kernal_size'; did you mean 'kernel_size'? it takes out_chan",
        ),
        (
            "{Linear: {in_features: 4, out_features: 3}}",
            "unknown key 'in_features'; it follows from the data; leave it out",
        ),
        (
            "{Linear: {out_features: 5, device: cpu}}",
            "'device'; training.device is that of the whole network; leave it out",
        ),
        ("{ReLU: {inplace: true}}", "'inplace'; it changes no result; leave it out"),
        (
            "{LSTM: {hidden_size: 8, batch_first: false}}",
            "unknown key 'batch_first'; it is always true; leave it out",
        ),
        (
            "{LSTM: {hidden_size: 8, return_sequences: true}}",
            "unknown key 'return_sequences'; write output: all, or output: last",
        ),
        (
            "{Linear: {out_features: 5, activation: relu}}",
            "an activation is a layer of its own, after this one",
        ),
        (
            "{ConvTranspose2d: {out_channels: 2, kernel_size: 2, padding_mode: zeros}}",
            "(padding_mode is of Conv1d, Conv2d, Conv3d)",
        ),
        ("{ReLU: 1}", "ReLU: has no arguments, got 1"),
        (
            "{BatchNorm1d: 64}",
            "takes its arguments by name (eps, momentum, affine, track_running_stats)",
        ),
        ("{Unflatten: [1, 4]}", "takes its arguments by name (dim, unflattened_size)"),
        (
            "{Unflatten: {dim: 1, unflattened_size: 4}}",
            "unflattened_size: must be a list, got 4; write [4]",
        ),
        ("{Linear: 5.0}", "out_features: must be a whole number, got 5.0"),
        (
            "{AdaptiveAvgPool2d: [1]}",
            "output_size: must be a whole number or a longer list, got [1]",
        ),
        (
            "{Linear: 8, ReLU: {}}",
            "must be the name of one layer, alone or with its arguments, got {Linear",
        ),
        ("Input", "the shape of the input follows from the data: leave it out"),
        ("Lambda", "unknown layer 'Lambda'; docs/plan.md lists all 42 that there are"),
    ],
)
def test_an_argument_of_a_layer_is_answered(value, words):
    assert words in layer(value)


@pytest.mark.parametrize(
    ("section", "value", "words"),
    [
        ("loss", "{MSELoss: {size_average: true}}", "deprecated in PyTorch; write red"),
        (
            "loss",
            "{BCELoss: {weight: [1]}}",
            "(weight is of CrossEntropyLoss, NLLLoss)",
        ),
        ("loss", "{CrossEntropyLoss: {ignore_index: 0}}", "every example has a class"),
        ("loss", "FocalLoss", "unknown loss 'FocalLoss'; it can be CrossEntropyLoss, "),
        (
            "optimizer",
            "{Adam: {momentum: 0.9}}",
            "it takes lr, betas, eps, weight_decay, amsgrad, groups (momentum is of",
        ),
        ("optimizer", "{Adam: {learning_rate: 1}}", "write 'lr'; it takes lr, betas"),
        ("optimizer", "{Adam: {fused: true}}", "it changes no result; leave it out"),
        ("optimizer", "{Adam: 0.1}", "takes its arguments by name (lr, betas, eps"),
        ("optimizer", "{RMSprop: {rho: 0.9}}", "write 'alpha'; it takes lr, alpha"),
        (
            "optimizer",
            "{SGD: {groups: [{params: '*', betsa: 1}]}}",
            "it takes params, lr, weight_decay, momentum, dampening, nesterov",
        ),
        ("optimizer", "null", "must be the name of an optimizer, alone or with"),
        ("schedule", "{StepLR: {step_size: 2, T_max: 3}}", "(T_max is of CosineAnneal"),
        ("schedule", "{StepLR: {step_size: 2, last_epoch: 3}}", "leave it out"),
        ("schedule", "{OneCycleLR: {total_steps: 9}}", "follows from training.epochs"),
        (
            "schedule",
            "{ReduceLROnPlateau: {mode: min}}",
            "which way is better is known",
        ),
        (
            "schedule",
            "{MultiStepLR: {milestones: 3}}",
            "must be a list, got 3; write [3",
        ),
        (
            "schedule",
            "{MultiStepLR: [5, 3]}",
            "schedule.milestones: must be in their or",
        ),
        (
            "schedule",
            "{LambdaLR: {lr_lambda: \"__import__('os')\"}}",
            "'__import__('os')' at character 1: unknown name; it takes numbers, epoch",
        ),
        ("schedule", "{LambdaLR: 0.9 ^ epoch}", "a power is written **"),
        ("schedule", "{LambdaLR: np.exp(epoch)}", "write exp; it takes numbers"),
        (
            "schedule",
            "{LambdaLR: 'lambda epoch: 0.9'}",
            "write only what stands after the colon",
        ),
        (
            "schedule",
            "{SequentialLR: {schedulers: [{SequentialLR: {}}], milestones: []}}",
            "one cannot stand in another: write its members here",
        ),
        ("averaging", "{EMA: {decay: 2}}", "decay: must be less than 1, got 2"),
        ("init", "zeros_", "init: must be a list, got 'zeros_'; write [zeros_]"),
        ("init", "[{constant_: {value: 1}}]", "unknown key 'value'; write 'val'"),
        ("init", "[{normal_: {sigma: 1}}]", "unknown key 'sigma'; write 'std'"),
        (
            "augment",
            "[{RandomCrop: 0}]",
            "augment.0.RandomCrop.size: must be a number ",
        ),
        ("training", "{epochs: 1, lr: 0.1}", "unknown key 'lr'; it takes epochs, ba"),
        (
            "training",
            "{epochs: 1, shuffle: false}",
            "an order of its own; leave it out",
        ),
        ("training", "{epochs: 1, accumulate: 0}", "must be at least 1, got 0"),
        ("training", "{max_epochs: 1}", "write 'epochs'"),
        ("training", "{epochs: 1e3}", "must be a whole number, got 1000.0"),
        ("stopping", "{monitor: acc}", "'acc' is not measured; write 'val_accuracy'"),
        ("stopping", "{mode: min}", "which way is better is known; leave it out"),
        ("network", "{RNN: 5}", "'RNN' is a layer: put it into a Sequential"),
        ("network", "[Flatten]", "layers stand in a Sequential: [...]"),
        ("network", "{MLP: 5}", "network.MLP.hidden: must be a list, got 5; write [5]"),
        ("network", "{MLP: {layers: [5]}}", "unknown key 'layers'; write 'hidden'"),
        ("criterion", "MSELoss", "unknown key 'criterion'; write 'loss'"),
        ("lr_scheduler", "x", "unknown key 'lr_scheduler'; write 'schedule'"),
        ("epochs", "3", "unknown key 'epochs'; epochs is of training"),
        ("metrics", "[x]", "the first one is problem.metric, the usual ones follow"),
    ],
)
def test_an_argument_from_elsewhere_is_answered(section, value, words):
    assert words in told(section, value)


def test_what_is_only_called_by_another_name_is_not_missing_too():
    text, number = plan_with("schedule", "{StepLR: {T_max: 3}}")
    with pytest.raises(PlanError) as caught:
        parse_plan(text, "p")
    first, missing, unknown = str(caught.value).splitlines()
    assert first == "p: 2 problems"
    assert missing == f"p:{number}:12: schedule.StepLR.step_size: is missing"
    assert "unknown key 'T_max'" in unknown
    text, _ = plan_with("init", "[{constant_: {value: 1}}]")
    with pytest.raises(PlanError, match=r"^p:\d+:\d+: init.0.constant_: unknown key"):
        parse_plan(text, "p")


def test_no_answer_is_a_wall_of_names():
    for name in ("Zzz", "Lambda", "HardSwish", "Hardtanh", "PReLU", "InstanceNorm2d"):
        assert len(layer(name)) < 160


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("optimizer.learning_rate", "1", "has no 'learning_rate'; write 'lr'"),
        ("network.Sequential.1.units", "3", "has no 'units'; write 'out_features'"),
        ("network.Sequential.2", "relu", "unknown layer 'relu'; write 'ReLU'"),
        ("lr", "0.1", "the plan has no 'lr'; lr is of optimizer"),
        ("epochs", "3", "the plan has no 'epochs'; epochs is of training"),
        ("averaging.EMA.decay", "0.9", "as a whole, such as averaging={EMA: {...}}"),
        ("init.0", "zeros_", "init has no '0'; it is set as a whole, such as init=VAL"),
        ("loss", "mse", "unknown loss 'mse'; write 'MSELoss'"),
        ("loss.reduction", "none", "must be mean or sum; none gives one loss for each"),
        ("training.accumulate", "0", "must be at least 1, got 0"),
        ("problem.metric", "acc", "unknown metric 'acc'; write 'accuracy'"),
        ("problem.metric", "f1_score", "'f1_score'; did you mean 'f1_macro'"),
        ("stopping.monitor", "val_auc", "is not measured; write 'val_roc_auc'"),
    ],
)
def test_a_setting_is_answered_in_the_same_way(path, value, words):
    with pytest.raises(PlanError) as caught:
        set_values(parse_plan(EXAMPLE), {path: value})
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("loss", "words"),
    [
        ("CrossEntropyLoss", "1 output; 2 classes need 2; or use BCEWithLogitsLoss"),
        ("MSELoss", "the last layer has 1 output; 2 classes need 2"),
    ],
)
def test_one_output_for_two_classes_names_the_loss_for_it(loss, words):
    text, _ = plan_with("network", "{Sequential: [Flatten, {Linear: 1}]}")
    binary = text.replace("multiclass", "binary").replace("CrossEntropyLoss", loss)
    with pytest.raises(PlanError) as caught:
        parse_plan(binary.replace("target: label", "target: y\n  classes: [a, b]"), "p")
    assert words in str(caught.value)
    assert str(caught.value).startswith("p:14:33: network.Sequential.1")


@pytest.mark.parametrize(
    ("val", "words"),
    [
        ("{fold: 5}", "unknown key 'fold'; did you mean 'folds'? it takes folds"),
        ("{folds: 5, often: 1}", "unknown key 'often'; it takes folds"),
    ],
)
def test_a_key_of_val_that_is_not_known_is_answered_with_the_one_that_is(val, words):
    assert told("split", f"{{val: {val}}}") == f"split.val: {words}"
    with pytest.raises(PlanError) as caught:
        set_values(parse_plan(EXAMPLE), {"split.val": val})
    assert str(caught.value) == f"split.val: {words}"


@pytest.mark.parametrize(
    ("value", "write"),
    [
        ("'64, 64'", "[64, 64]"),
        ("' 64,32 '", "[64,32]"),
        ("'64 and 32'", "['64 and 32']"),
        ("64", "[64]"),
        ("'64'", "[64]"),
    ],
)
def test_numbers_in_quotes_are_answered_with_the_list_of_them(value, write):
    words = told("network", f"{{MLP: {{hidden: {value}}}}}")
    assert words.startswith("network.MLP.hidden: must be a list, got ")
    assert words.endswith(f"; write {write}")


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("training", "{epochs: '5'}", "'5'; write 5 without quotes"),
        ("training", "{epochs: 'five'}", "a whole number, got 'five'"),
        ("training", "{epochs: 'true'}", "a whole number, got 'true'"),
        ("optimizer", "{Adam: {lr: ' 1e-3'}}", "' 1e-3'; write 1e-3 without quotes"),
        ("optimizer", "{Adam: {lr: '{a'}}", "a number, got '{a'"),
        ("stopping", "{restore_best: 'no'}", "true or false, got 'no'"),
        ("stopping", "{restore_best: 'true'}", "write true without quotes"),
    ],
)
def test_a_value_that_only_has_quotes_too_many_is_answered_without(key, value, words):
    assert told(key, value).endswith(words)


@pytest.mark.parametrize(
    ("code", "words"),
    [("Z9", "Z9'; codes are D1 to D38"), ("T44", "T44'; did you mean 'T4'? codes ")],
)
def test_a_code_that_the_doctor_does_not_know_is_told(code, words):
    said = told("doctor", f"{{ignore: [T4, {code}]}}")
    assert said.startswith(f"doctor.ignore.1: there is no code '{words}")
