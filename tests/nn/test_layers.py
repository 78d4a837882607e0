"""Every layer is what PyTorch has under its name, and every option reaches it."""

import inspect
import subprocess
import sys

import pytest
import torch
from pydantic import TypeAdapter, ValidationError
from torch import nn

from torchsmith.core.spec import members
from torchsmith.nn.layers import build_activation, build_layer
from torchsmith.plan import layers
from torchsmith.plan.activations import Activation, Tanh
from torchsmith.plan.convolutions import Conv2d
from torchsmith.plan.layers import Layer

FLAT, STEPS, SEQUENCE = (6,), (5, 6), (6, 9)
IMAGE, VOLUME = (6, 8, 8), (6, 4, 8, 8)

CONVOLUTION = {
    "out_channels": 4,
    "kernel_size": 2,
    "stride": 2,
    "padding": 1,
    "dilation": 2,
    "groups": 2,
    "bias": False,
    "padding_mode": "reflect",
}
MAX_POOL = {
    "kernel_size": 3,
    "stride": 2,
    "padding": 1,
    "dilation": 2,
    "ceil_mode": True,
}
AVG_POOL = {
    "kernel_size": 3,
    "stride": 2,
    "padding": 1,
    "ceil_mode": True,
    "count_include_pad": False,
}
BATCH_NORM = {
    "eps": 0.1,
    "momentum": 0.3,
    "affine": False,
    "track_running_stats": False,
}
RECURRENT = {
    "hidden_size": 5,
    "num_layers": 2,
    "bias": False,
    "dropout": 0.25,
    "bidirectional": True,
    "output": "all",
}

# For each layer: arguments that are not PyTorch's defaults, and an input shape.
CASES = {
    "Linear": ({"out_features": 5, "bias": False}, FLAT),
    "Bilinear": ({"out_features": 5, "bias": False}, FLAT),
    "Conv1d": (CONVOLUTION, SEQUENCE),
    "Conv2d": ({**CONVOLUTION, "kernel_size": (3, 2)}, IMAGE),
    "Conv3d": ({**CONVOLUTION, "kernel_size": (1, 3, 2)}, VOLUME),
    "ConvTranspose2d": (
        {
            "out_channels": 4,
            "kernel_size": (3, 2),
            "stride": 2,
            "padding": 1,
            "output_padding": (1, 0),
            "groups": 2,
            "bias": False,
            "dilation": 2,
        },
        IMAGE,
    ),
    "MaxPool1d": (MAX_POOL, SEQUENCE),
    "MaxPool2d": (MAX_POOL, IMAGE),
    "MaxPool3d": ({**MAX_POOL, "dilation": (1, 2, 2)}, VOLUME),
    "AvgPool1d": (AVG_POOL, SEQUENCE),
    "AvgPool2d": ({**AVG_POOL, "divisor_override": 2}, IMAGE),
    "AvgPool3d": ({**AVG_POOL, "divisor_override": 2}, VOLUME),
    "AdaptiveAvgPool1d": ({"output_size": 3}, SEQUENCE),
    "AdaptiveAvgPool2d": ({"output_size": (2, None)}, IMAGE),
    "AdaptiveAvgPool3d": ({"output_size": (2, None, 3)}, VOLUME),
    "AdaptiveMaxPool2d": ({"output_size": (2, None)}, IMAGE),
    "BatchNorm1d": (BATCH_NORM, FLAT),
    "BatchNorm2d": (BATCH_NORM, IMAGE),
    "BatchNorm3d": (BATCH_NORM, VOLUME),
    "LayerNorm": (
        {"normalized_shape": (8, 8), "eps": 0.1, "elementwise_affine": False},
        IMAGE,
    ),
    "GroupNorm": ({"num_groups": 2, "eps": 0.1, "affine": False}, IMAGE),
    "Dropout": ({"p": 0.25}, FLAT),
    "Embedding": (
        {
            "embedding_dim": 4,
            "num_embeddings": 9,
            "padding_idx": 2,
            "max_norm": 1.5,
            "norm_type": 1.0,
            "scale_grad_by_freq": True,
        },
        FLAT,
    ),
    "RNN": ({**RECURRENT, "nonlinearity": "relu"}, STEPS),
    "LSTM": ({**RECURRENT, "proj_size": 3}, STEPS),
    "GRU": (RECURRENT, STEPS),
    "TransformerEncoder": (
        {
            "nhead": 3,
            "num_layers": 2,
            "dim_feedforward": 7,
            "dropout": 0.25,
            "activation": "gelu",
            "layer_norm_eps": 0.1,
            "norm_first": True,
            "bias": False,
        },
        STEPS,
    ),
    "Flatten": ({"start_dim": 2, "end_dim": 3}, VOLUME),
    "Unflatten": ({"dim": 1, "unflattened_size": (2, -1)}, FLAT),
    "Residual": (
        {
            "layers": (layers.Linear(out_features=4), Tanh()),
            "shortcut": (layers.Linear(out_features=4),),
        },
        FLAT,
    ),
    "ReLU": ({}, FLAT),
    "LeakyReLU": ({"negative_slope": 0.2}, FLAT),
    "ELU": ({"alpha": 0.5}, FLAT),
    "GELU": ({"approximate": "tanh"}, FLAT),
    "SELU": ({}, FLAT),
    "SiLU": ({}, FLAT),
    "Mish": ({}, FLAT),
    "Sigmoid": ({}, FLAT),
    "Tanh": ({}, FLAT),
    "Softmax": ({"dim": -1}, FLAT),
    "LogSoftmax": ({"dim": -1}, FLAT),
    "Identity": ({}, FLAT),
}
LAYERS = {member.spec_name(): member for member in members(Layer)}
IN_TORCH = sorted(CASES.keys() - {"Residual"})

# What PyTorch has and the specs do not: sizes that follow from the data, memory, and
# what makes more than one tensor; where the tensors live is the plan's to say.
FOLLOWS = {"in_features", "in1_features", "in2_features", "in_channels", "num_channels"}
FOLLOWS |= {"num_features", "input_size", "d_model", "batch_first"}
LEFT_OUT = FOLLOWS | {"self", "args", "kwargs", "device", "dtype", "inplace", "sparse"}
LEFT_OUT |= {"return_indices", "_weight", "_freeze", "encoder_layer", "norm"}
LEFT_OUT |= {"enable_nested_tensor", "mask_check"}
OURS = {"Softmax": {"dim": 1}, "LogSoftmax": {"dim": 1}}


# Building a whole network keeps this from a person; a test of that is below.
pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported")


def required(name):
    arguments, fields = CASES[name][0], LAYERS[name].model_fields
    return {k: v for k, v in arguments.items() if fields[k].is_required()}


def build(name, arguments, shape=None):
    num_codes = 9 if name == "Embedding" else None
    spec = LAYERS[name](**arguments)
    return build_layer(spec, shape or CASES[name][1], num_codes=num_codes)


def held(module):
    """The module that PyTorch made, in what holds it."""
    return getattr(module, "rnn", module)


def inputs_for(name, num_examples=4):
    shape = (num_examples, *CASES[name][1])
    if name == "Embedding":
        return torch.arange(torch.Size(shape).numel()).reshape(shape) % 9.0
    return torch.randn(shape, requires_grad=True)


def test_every_layer_has_a_case():
    assert CASES.keys() == LAYERS.keys()


def test_every_case_has_every_option_and_none_is_at_its_default():
    for name, (arguments, _) in CASES.items():
        fields = LAYERS[name].model_fields
        # A LayerNorm without a scale has no shift to speak of.
        missing = {"bias"} if name == "LayerNorm" else set()
        assert arguments.keys() | missing == fields.keys(), name
        for option, value in arguments.items():
            assert fields[option].default != value, (name, option)


def defaults_of(constructor):
    """Named arguments and their defaults; empty marks what must be given."""
    parameters = inspect.signature(constructor.__init__).parameters.values()
    return {p.name: p.default for p in parameters if p.name not in LEFT_OUT}


@pytest.mark.parametrize("name", IN_TORCH)
def test_a_spec_has_pytorchs_arguments_and_defaults(name):
    expected = defaults_of(getattr(nn, name))
    if name in ("RNN", "LSTM", "GRU"):
        own = {"RNN": {"nonlinearity": "tanh"}, "LSTM": {"proj_size": 0}, "GRU": {}}
        expected = {"hidden_size": inspect.Parameter.empty, "output": "last"}
        expected |= {"num_layers": 1, "bias": True, "dropout": 0.0}
        expected |= {"bidirectional": False, **own[name]}
    elif name == "TransformerEncoder":
        expected |= defaults_of(nn.TransformerEncoderLayer) | {"activation": "relu"}
    elif name == "ConvTranspose2d":
        del expected["padding_mode"]  # It takes only zeros.
    elif name in ("BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "GroupNorm"):
        expected.pop("bias", None)  # The oldest PyTorch does not have it.
    expected |= OURS.get(name, {})
    optional = {"kernel_size", "normalized_shape", "num_embeddings"}
    found = {
        option: inspect.Parameter.empty if field.is_required() else field.default
        for option, field in LAYERS[name].model_fields.items()
    }
    assert found.keys() == expected.keys()
    for option, default in expected.items():
        if default is inspect.Parameter.empty and option in optional:
            continue
        assert found[option] == default


@pytest.mark.parametrize("name", IN_TORCH)
def test_a_layer_is_pytorchs_own_with_every_option(name):
    arguments = CASES[name][0]
    built = build(name, arguments)
    own = held(built)
    assert isinstance(own, getattr(nn, name))
    places = (own, *getattr(own, "layers", [])[:1])
    for option, value in arguments.items():
        if name == "TransformerEncoder" and option != "num_layers":
            continue  # These are compared in a test of their own.
        place = built if option == "output" else places[0]
        found = getattr(place, option, None)
        if option == "bias" and not isinstance(found, bool):
            assert (found is not None) is value
        elif isinstance(found, tuple) and not isinstance(value, tuple):
            assert set(found) == {value}
        else:
            assert found == value


def test_every_option_of_a_transformer_encoder_reaches_its_layers():
    built = build("TransformerEncoder", CASES["TransformerEncoder"][0])
    by_hand = nn.TransformerEncoderLayer(
        6,
        3,
        7,
        0.25,
        "gelu",
        layer_norm_eps=0.1,
        batch_first=True,
        norm_first=True,
        bias=False,
    )
    assert [repr(layer) for layer in built.layers] == [repr(by_hand)] * 2
    for layer in built.layers:
        assert layer.norm_first
        assert layer.self_attn.num_heads == 3
        assert layer.self_attn.batch_first
        assert layer.activation is nn.functional.gelu


@pytest.mark.parametrize("name", IN_TORCH)
def test_a_layer_without_options_has_pytorchs_defaults(name):
    built = build(name, required(name))
    by_hand = {
        "Linear": lambda: nn.Linear(6, 5),
        "Bilinear": lambda: nn.Bilinear(6, 6, 5),
        "Conv1d": lambda: nn.Conv1d(6, 4, 3),
        "Conv2d": lambda: nn.Conv2d(6, 4, 3),
        "Conv3d": lambda: nn.Conv3d(6, 4, 3),
        "ConvTranspose2d": lambda: nn.ConvTranspose2d(6, 4, 3),
        "MaxPool1d": lambda: nn.MaxPool1d(3),
        "MaxPool2d": lambda: nn.MaxPool2d(3),
        "MaxPool3d": lambda: nn.MaxPool3d(3),
        "AvgPool1d": lambda: nn.AvgPool1d(3),
        "AvgPool2d": lambda: nn.AvgPool2d(3),
        "AvgPool3d": lambda: nn.AvgPool3d(3),
        "AdaptiveAvgPool1d": lambda: nn.AdaptiveAvgPool1d(3),
        "AdaptiveAvgPool2d": lambda: nn.AdaptiveAvgPool2d((2, None)),
        "AdaptiveAvgPool3d": lambda: nn.AdaptiveAvgPool3d((2, None, 3)),
        "AdaptiveMaxPool2d": lambda: nn.AdaptiveMaxPool2d((2, None)),
        "BatchNorm1d": lambda: nn.BatchNorm1d(6),
        "BatchNorm2d": lambda: nn.BatchNorm2d(6),
        "BatchNorm3d": lambda: nn.BatchNorm3d(6),
        "LayerNorm": lambda: nn.LayerNorm(8),
        "GroupNorm": lambda: nn.GroupNorm(2, 6),
        "Embedding": lambda: nn.Embedding(9, 4),
        "RNN": lambda: nn.RNN(6, 5, batch_first=True),
        "LSTM": lambda: nn.LSTM(6, 5, batch_first=True),
        "GRU": lambda: nn.GRU(6, 5, batch_first=True),
        "TransformerEncoder": lambda: nn.TransformerEncoder(
            nn.TransformerEncoderLayer(6, 3, batch_first=True),
            2,
            enable_nested_tensor=False,
        ),
        "Unflatten": lambda: nn.Unflatten(1, (2, -1)),
        "Softmax": lambda: nn.Softmax(dim=1),
        "LogSoftmax": lambda: nn.LogSoftmax(dim=1),
    }.get(name, getattr(nn, name))()
    assert repr(held(built)) == repr(by_hand)


@pytest.mark.parametrize("name", CASES)
def test_gradients_reach_every_parameter_of_a_layer(name):
    switches = ("affine", "bias", "elementwise_affine")
    arguments = {k: v for k, v in CASES[name][0].items() if k not in switches}
    built = build(name, arguments)
    inputs = inputs_for(name)
    (built(inputs) ** 2).sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in built.parameters())
    assert inputs.grad is not None or name == "Embedding"


@pytest.mark.parametrize("name", CASES)
def test_a_layer_comes_back_from_its_written_form(name):
    spec = LAYERS[name](**CASES[name][0])
    adapter = TypeAdapter(Layer)
    assert adapter.validate_python(adapter.dump_python(spec, mode="json")) == spec
    assert adapter.validate_json(adapter.dump_json(spec)) == spec


@pytest.mark.parametrize("name", [n for n in CASES if LAYERS[n].takes])
def test_a_layer_takes_the_dimensions_it_names_and_refuses_others(name):
    allowed = {len(dimensions) for dimensions in LAYERS[name].takes}
    for num_dimensions in range(1, 5):
        shape = (6, 6, 6, 6)[:num_dimensions]
        if num_dimensions in allowed:
            layer = build(name, required(name), shape)
            assert layer.eval()(torch.zeros(2, *shape)).shape[0] == 2
        else:
            with pytest.raises(ValueError, match=f"layer: {name} takes .*{shape[-1]}"):
                build(name, required(name), shape)


@pytest.mark.parametrize("spec", members(Activation), ids=lambda s: s.spec_name())
def test_every_activation_builds(spec):
    assert type(build_activation(spec())) is getattr(nn, spec.spec_name())


def test_layer_norm_is_over_the_last_dimension_unless_told_otherwise():
    assert build("LayerNorm", {}, (5, 6)).normalized_shape == (6,)
    assert build("LayerNorm", {"normalized_shape": 6}, (5, 6)).normalized_shape == (6,)
    assert build("LayerNorm", {"bias": False}, (5, 6)).bias is None


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
def test_dropout_between_layers_needs_two_of_them(name):
    with pytest.raises(
        ValidationError, match=r"dropout 0\.5 is between layers, and nu"
    ):
        LAYERS[name](hidden_size=3, dropout=0.5)


def test_building_a_network_keeps_pytorchs_remarks_on_speed_to_itself():
    code = """
import warnings
warnings.simplefilter("error")
import torch
from torchsmith.nn.layers import build_layers
from torchsmith.plan.convolutions import Conv1d
from torchsmith.plan.sequences import LSTM
lstm = LSTM(hidden_size=4, proj_size=2, output="all")
even = Conv1d(out_channels=3, kernel_size=2, padding="same")
network, shape = build_layers((lstm, even), (5, 6), "network")
assert network(torch.zeros(3, 5, 6)).shape == (3, *shape) == (3, 3, 2)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("num_channels", [4, 16])
def test_a_strided_pointwise_convolution_is_pytorchs_own(num_channels):
    spec = Conv2d(out_channels=6, kernel_size=1, stride=(2, 3))
    built = build_layer(spec, (num_channels, 8, 8))
    by_hand = nn.Conv2d(num_channels, 6, 1, stride=(2, 3))
    by_hand.load_state_dict(
        dict(zip(("weight", "bias"), built.parameters(), strict=True))
    )
    inputs = torch.randn(4, num_channels, 8, 8)
    torch.testing.assert_close(built(inputs), by_hand(inputs))
    # PyTorch's own damages the memory of the process with few channels.
    convolutions = [m for m in built.modules() if isinstance(m, nn.Conv2d)]
    assert [m.stride for m in convolutions] == [(1, 1) if num_channels == 4 else (2, 3)]
