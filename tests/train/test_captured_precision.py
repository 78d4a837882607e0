"""In bfloat16 the captured engine leaves what the eager one leaves, to the last bit."""

import copy
from dataclasses import replace

import pytest
import torch
from torch import nn

from tests.train import test_captured as captured_in_float32
from tests.train.test_captured import (
    END,
    FAMILIES,
    LOSSES,
    OPTIONS,
    StopAt,
    assert_engines_agree,
    assert_same,
    before,
    dropping,
    everything,
    job_of,
    layer_inputs,
    layer_job,
    numbers,
    spec_of,
    state_of,
)
from torchsmith.core.errors import Diverged
from torchsmith.core.spec import members
from torchsmith.nn.averaging import build_average
from torchsmith.nn.build import InputLayout, build_network
from torchsmith.nn.layers import build_layer
from torchsmith.nn.losses import build_loss
from torchsmith.plan import networks, optimizers
from torchsmith.plan.averaging import EMA
from torchsmith.plan.layers import Layer
from torchsmith.plan.sequences import GRU
from torchsmith.train.engines.captured import capture
from torchsmith.train.engines.choose import build_engine, choose_engine
from torchsmith.train.engines.engine import Unsupported
from torchsmith.train.loop import eager_epoch, fit
from torchsmith.train.randomness import own_randomness
from torchsmith.train.session import Session
from torchsmith.train.setup import channels_last

BF16 = {"precision": "bfloat16"}

one_thread = captured_in_float32.one_thread
pytestmark = captured_in_float32.pytestmark


def in_both(network, inputs, targets, loss=None, **options):
    job = job_of(inputs, targets, loss, **BF16, **options)
    assert_engines_agree(job, state_of(network))


@pytest.mark.parametrize("place", ["first", "inside"])
@pytest.mark.parametrize("name", sorted(s.spec_name() for s in members(Layer)))
def test_every_layer_trains_as_with_autocast(name, place):
    if place == "inside" and name == "Embedding":
        return  # captured has none there
    spec, shape = spec_of(name)
    torch.manual_seed(0)
    codes = 9 if name == "Embedding" else None
    layers = [build_layer(spec, shape, num_codes=codes)]
    if place == "inside":
        layers.insert(0, before(shape))
    network = nn.Sequential(*layers)
    inputs = layer_inputs(name, shape)
    with torch.no_grad():
        width = torch.Size(copy.deepcopy(network)(inputs[:2]).shape[1:]).numel()
    network.append(nn.Flatten()).append(nn.Linear(width, 3))
    channels_last(network)
    assert_engines_agree(layer_job(network, inputs, **BF16), state_of(network))


@pytest.mark.parametrize("accumulate", [1, 3])
@pytest.mark.parametrize("case", LOSSES, ids=lambda c: f"{c[0].spec_name()}-{c[0]}")
def test_every_loss_trains_as_with_autocast(case, accumulate):
    spec, _, targets = case
    torch.manual_seed(0)
    end = END.get(spec.spec_name(), nn.Identity)
    network = nn.Sequential(nn.Linear(4, 3), end())
    loss = build_loss(spec)
    in_both(network, numbers(27, 4), targets, loss, accumulate=accumulate)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_trains_as_with_autocast(family):
    spec, shape = FAMILIES[family]
    inputs, layout = numbers(27, *shape), InputLayout(shape)
    if isinstance(spec, networks.TabularMLP):
        inputs[:, 3:] = torch.arange(54).reshape(27, 2) % 4.0
        layout = InputLayout(shape, num_numbers=3, cardinalities=(4, 9))
    network = build_network(spec, layout, 2, 0)
    channels_last(network)
    in_both(network, inputs, torch.arange(27) % 2, nn.CrossEntropyLoss())


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_every_way_of_stepping_is_that_of_the_eager_loop(options):
    in_both(dropping(), numbers(27, 4), numbers(27, 1, seed=1), **options)


def digits_network(channels=1):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(channels, 32, 3), nn.ReLU())
    network.extend([nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()])
    network.extend([nn.Linear(64 * 36, 128), nn.ReLU(), nn.Linear(128, 10)])
    channels_last(network)
    return network


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_network_for_pictures_trains_as_with_autocast(channels, threads):
    torch.set_num_threads(threads)
    inputs, classes = numbers(70, channels, 16, 16), torch.arange(70) % 10
    loss = nn.CrossEntropyLoss()
    in_both(digits_network(channels), inputs, classes, loss, batch_size=32)


@pytest.mark.parametrize("accumulate", [1, 3])
def test_a_shared_layer_adds_up_its_gradients_before_they_are_float32(accumulate):
    torch.manual_seed(0)
    shared, other = nn.Linear(4, 4), nn.Linear(4, 4)
    other.weight = shared.weight
    norm = nn.LayerNorm(4)
    layers = [shared, nn.Tanh(), norm, shared, nn.ReLU(), norm, other, nn.Linear(4, 1)]
    network = nn.Sequential(*layers)
    in_both(network, numbers(27, 4), numbers(27, 1), accumulate=accumulate)


def test_a_frozen_layer_stays_and_gets_no_gradient():
    for frozen in (["0.weight"], ["0.weight", "0.bias"], ["3.bias", "4.weight"]):
        network = dropping()
        for name in frozen:
            network.get_parameter(name).requires_grad_(False)
        in_both(network, numbers(27, 4), numbers(27, 1))
        for name in frozen:
            assert network.get_parameter(name).grad is None


def test_an_average_is_that_of_the_eager_loop():
    job = job_of(numbers(27, 4), numbers(27, 1, seed=1), epochs=4, **BF16)
    states = []
    for _ in range(2):
        mlp = networks.MLP(hidden=(8,), batch_norm=True)
        state = state_of(build_network(mlp, InputLayout((4,)), 1, 0))
        state.average = build_average(EMA(decay=0.9), state.network, state.optimizer, 4)
        states.append(state)
    assert_engines_agree(job, *states)


@pytest.mark.parametrize("step", [1, 2])
@pytest.mark.parametrize("first", ["captured", "eager"])
def test_one_engine_goes_on_where_the_other_stopped(tmp_path, first, step):
    inputs, classes = numbers(27, 1, 16, 16), torch.arange(27) % 10
    job = job_of(inputs, classes, nn.CrossEntropyLoss(), **BF16)
    started, resumed, whole = (state_of(digits_network()) for _ in range(3))
    captured = capture(job, started).train_epoch
    epoch = captured if first == "captured" else eager_epoch
    with own_randomness():
        epoch(job, started, StopAt(Session(job), step))
    started.save(tmp_path)
    resumed.load(tmp_path)
    other = capture(job, resumed).train_epoch if first == "eager" else eager_epoch
    fit(job, resumed, Session(job), other)
    fit(job, whole, Session(job), eager_epoch)
    assert_same(resumed, whole)


def recurrent_twice():
    rnn = build_layer(GRU(hidden_size=4), (5, 4))
    again = nn.Unflatten(1, (2, 2))
    return nn.Sequential(rnn, again, nn.Flatten(), nn.Unflatten(1, (1, 4)), rnn)


def tied():
    embedding, linear = nn.Embedding(4, 3), nn.Linear(3, 4)
    linear.weight = embedding.weight
    return nn.Sequential(embedding, nn.Flatten(0, 1), linear)


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (recurrent_twice, "shares a parameter in bfloat16"),
        (tied, "no case for a parameter shared between two precisions"),
    ],
)
@pytest.mark.parametrize("accumulate", [1, 2])
def test_what_has_no_case_is_refused_and_left_to_eager(network, message, accumulate):
    options = {"accumulate": accumulate}
    job = job_of(numbers(27, 5, 4), numbers(27, 4), **BF16, **options)
    state = state_of(network())
    with pytest.raises(Unsupported, match=message):
        build_engine("captured", job, state)
    assert choose_engine(job, state).name == "eager"
    exact = replace(
        job, training=job.training.model_copy(update={"precision": "float32"})
    )
    assert choose_engine(exact, state).name == "captured"


def test_auto_takes_captured_in_bfloat16():
    job = job_of(numbers(27, 4), numbers(27, 1), **BF16)
    assert choose_engine(job, state_of(dropping())).name == "captured"


POOLS = [
    nn.MaxPool2d(2),
    nn.MaxPool2d(3, stride=1, padding=1),
    nn.MaxPool2d((2, 3), stride=2, ceil_mode=True),
]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("pool", POOLS, ids=str)
@pytest.mark.parametrize(
    "between", [nn.Identity, nn.Dropout, lambda: nn.BatchNorm2d(4)]
)
def test_pooling_what_is_positive_trains_as_with_autograd(between, pool, precision):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 4, 3), between(), nn.ReLU(), pool)
    network.extend([nn.ReLU(), nn.Conv2d(4, 2, 1), nn.AdaptiveAvgPool2d(1)])
    network.append(nn.Flatten())
    channels_last(network)
    # Few different numbers, so that many windows have several that are the largest.
    inputs = numbers(27, 1, 9, 9).round()
    job = job_of(inputs, numbers(27, 2), precision=precision)
    assert_engines_agree(job, state_of(network, optimizers.SGD(lr=0.01)))


def test_a_picture_that_is_not_a_number_reaches_the_loss_past_pooling():
    inputs = numbers(27, 1, 16, 16)
    inputs[3, 0, 5, 5] = torch.nan
    job = job_of(inputs, torch.arange(27) % 10, nn.CrossEntropyLoss(), **BF16)
    ours, theirs = state_of(digits_network()), state_of(digits_network())
    with pytest.raises(Diverged) as captured:
        fit(job, ours, Session(job), capture(job, ours).train_epoch)
    with pytest.raises(Diverged) as eager:
        fit(job, theirs, Session(job), eager_epoch)
    assert str(captured.value) == str(eager.value)
    expected = everything(theirs)
    assert torch.isnan(expected["network.2.weight"]).any()
    for name, value in everything(ours).items():  # NaN itself has many patterns of bits
        assert torch.equal(value.isnan(), expected[name].isnan()), name
        assert torch.equal(value.nan_to_num(), expected[name].nan_to_num()), name


def test_weights_of_one_channel_lie_as_pytorch_lays_them_out():
    ours, theirs = nn.Conv2d(1, 4, 3), nn.Conv2d(1, 4, 3)
    channels_last(ours)
    theirs.to(memory_format=torch.channels_last)
    assert ours.weight.stride() == theirs.weight.stride()
    outputs = ours(numbers(2, 1, 9, 9))
    assert outputs.is_contiguous(memory_format=torch.channels_last)
