"""The captured engine leaves what the eager one leaves, to the last bit."""

import copy
import random
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.data import Dataset

from tests.nn import test_layers, test_optimizers
from tests.train.jobs import CPU
from torchsmith.core.errors import Diverged, PlanError, TrainError
from torchsmith.core.spec import members
from torchsmith.nn.augment import build_augmentation
from torchsmith.nn.averaging import build_average
from torchsmith.nn.build import InputLayout, build_network
from torchsmith.nn.layers import build_layer, build_layers
from torchsmith.nn.losses import build_loss
from torchsmith.nn.optimizers import build_optimizer
from torchsmith.nn.schedules import build_schedule
from torchsmith.plan import layers as plan_layers
from torchsmith.plan import losses, networks, optimizers
from torchsmith.plan.activations import GELU, ReLU, Sigmoid, SiLU, Softmax, Tanh
from torchsmith.plan.augment import RandomAffine, RandomCrop, RandomHorizontalFlip
from torchsmith.plan.averaging import EMA, SWA
from torchsmith.plan.convolutions import AdaptiveAvgPool2d, AvgPool2d, Conv2d, MaxPool2d
from torchsmith.plan.layers import Layer
from torchsmith.plan.normalisation import BatchNorm1d, BatchNorm2d, LayerNorm
from torchsmith.plan.plan import Stopping, Training
from torchsmith.plan.schedules import OneCycleLR, StepLR, interval_of
from torchsmith.plan.sequences import GRU
from torchsmith.train.batches import DatasetBatches, TensorBatches
from torchsmith.train.engines.captured import capture
from torchsmith.train.engines.engine import Unsupported
from torchsmith.train.loop import Job, eager_epoch, end_epoch, fit
from torchsmith.train.randomness import own_randomness
from torchsmith.train.session import Session
from torchsmith.train.setup import channels_last
from torchsmith.train.state import TrainState

# Building a whole network keeps this from a person.
pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported")


@pytest.fixture(autouse=True)
def one_thread():
    """Small layers are faster so, and most of all where several tests run at once."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def job_of(inputs, targets, loss=None, *, batch_size=8, epochs=2, **options):
    training = Training(epochs=epochs, batch_size=batch_size, seed=5, **options)
    return Job(
        train=TensorBatches(inputs, targets),
        val=None,
        loss=nn.MSELoss() if loss is None else loss,
        training=training,
        stopping=Stopping(monitor="train_loss", restore_best=False),
        device=CPU,
    )


def state_of(network, spec=None):
    spec = spec or optimizers.AdamW(lr=0.01)
    return TrainState(network, build_optimizer(spec, network.named_parameters()))


def numbers(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def bits(value):
    """A tensor as whole numbers: NaN is NaN, and 0 is not -0."""
    value = value.detach().contiguous()
    whole = {torch.float32: torch.int32, torch.float64: torch.int64}
    return value.view(whole.get(value.dtype, value.dtype))


def layout(value):
    """How a tensor lies in memory; the stride of a single thing says nothing."""
    sizes = zip(value.stride(), value.shape, strict=True)
    return [stride for stride, size in sizes if size > 1]


def everything(state):
    """All that training changes, by name."""
    found = {f"network.{k}": v for k, v in state.network.state_dict().items()}
    for name, parameter in state.network.named_parameters():
        if parameter.grad is not None:
            found[f"grad.{name}"] = parameter.grad
    for index, values in state.optimizer.state_dict()["state"].items():
        found |= {
            f"optimizer.{index}.{k}": torch.as_tensor(v) for k, v in values.items()
        }
    if state.average is not None:
        averaged = state.average.model.state_dict()
        found |= {f"average.{k}": v for k, v in averaged.items()}
    found["loss_sum"] = state.loss_sum
    return found


def assert_same(ours, theirs):
    found, expected = everything(ours), everything(theirs)
    assert found.keys() == expected.keys()
    for name, value in found.items():
        assert torch.equal(bits(value), bits(expected[name])), name
        assert layout(value) == layout(expected[name]), name
    told = [
        r.model_dump(exclude={"seconds", "examples_per_second"}) for r in ours.history
    ]
    assert told == [
        r.model_dump(exclude={"seconds", "examples_per_second"}) for r in theirs.history
    ]
    assert (ours.step, ours.num_seen, ours.lr) == (
        theirs.step,
        theirs.num_seen,
        theirs.lr,
    )


def assert_engines_agree(job, state, other=None):
    """Train twice, and compare everything."""
    other = other or copy.deepcopy(state)
    fit(job, state, Session(job), capture(job, state).train_epoch)
    fit(job, other, Session(job), eager_epoch)
    assert_same(state, other)


def layer_job(module, inputs, **options):
    """A job that trains a layer and what is before and after it."""
    with torch.no_grad():
        outputs = copy.deepcopy(module)(inputs[:2])
    targets = numbers(len(inputs), *outputs.shape[1:], seed=1)
    return job_of(inputs, targets, **options)


def spec_of(name):
    arguments, shape = test_layers.CASES[name]
    return test_layers.LAYERS[name](**arguments), shape


def layer_inputs(name, shape, rows=27):
    if name == "Embedding":
        return torch.arange(rows * 6).reshape(rows, 6) % 9.0
    return numbers(rows, *shape)


def before(shape):
    """A layer that learns, so that the next must give it its gradient."""
    if len(shape) == 3:
        return nn.Conv2d(shape[0], shape[0], 1)
    return nn.Linear(shape[-1], shape[-1])


# Cases with every option away from its default, and with all at their defaults.
@pytest.mark.parametrize("options", ["all", "none"])
@pytest.mark.parametrize("place", ["first", "inside"])
@pytest.mark.parametrize("name", sorted(s.spec_name() for s in members(Layer)))
def test_every_layer_trains_as_with_autograd(name, place, options):
    spec, shape = spec_of(name)
    if options == "none":
        arguments = test_layers.required(name)
        if name == "Residual":
            arguments = {"layers": (plan_layers.Linear(out_features=6),)}
        spec = type(spec)(**arguments)
    torch.manual_seed(0)
    codes = 9 if name == "Embedding" else None
    layers = [build_layer(spec, shape, num_codes=codes)]
    if place == "inside":
        layers.insert(0, before(shape))
    network = nn.Sequential(*layers)
    if name == "Embedding" and place == "inside":
        with pytest.raises(Unsupported, match="Embedding"):
            capture(layer_job(nn.Identity(), numbers(4, 6)), state_of(network))
        return
    inputs = layer_inputs(name, shape)
    with torch.no_grad():
        width = torch.Size(copy.deepcopy(network)(inputs[:2]).shape[1:]).numel()
    network.append(nn.Flatten()).append(nn.Linear(width, 3))
    channels_last(network)
    assert_engines_agree(layer_job(network, inputs), state_of(network))


def loss_cases():
    """Every loss with its options, outputs that it can take, and targets."""
    logits, logs = numbers(27, 3), numbers(27, 3).log_softmax(1)
    classes = torch.arange(27) % 3
    one_hot = nn.functional.one_hot(classes, 3).float()
    weight = (1.0, 2.0, 5.0)
    for reduction in ("mean", "sum"):
        yield losses.CrossEntropyLoss(reduction=reduction), logits, classes
        for smoothing in (0.0, 0.2):
            options = {"weight": weight, "label_smoothing": smoothing}
            spec = losses.CrossEntropyLoss(reduction=reduction, **options)
            yield spec, logits, classes
        yield losses.NLLLoss(reduction=reduction), logs, classes
        yield losses.NLLLoss(reduction=reduction, weight=weight), logs, classes
        for targets in (classes, one_hot):
            yield losses.BCELoss(reduction=reduction), logits.sigmoid(), targets
            yield losses.MSELoss(reduction=reduction), logits, targets
            for positive in (None, 2.5):
                spec = losses.BCEWithLogitsLoss(
                    reduction=reduction, pos_weight=positive
                )
                yield spec, logits, targets
        yield losses.L1Loss(reduction=reduction), logits, one_hot
        for beta in (0.0, 0.3):
            yield losses.SmoothL1Loss(reduction=reduction, beta=beta), logits, one_hot
        yield losses.HuberLoss(reduction=reduction, delta=0.3), logits, one_hot
    yield losses.CrossEntropyLoss(label_smoothing=0.2), logits, classes


LOSSES = list(loss_cases())
END = {"BCELoss": nn.Sigmoid, "NLLLoss": lambda: nn.LogSoftmax(1)}


def test_every_loss_is_tried():
    assert {type(spec) for spec, *_ in LOSSES} == set(members(losses.Loss))


@pytest.mark.parametrize("accumulate", [1, 3])
@pytest.mark.parametrize("case", LOSSES, ids=lambda c: f"{c[0].spec_name()}-{c[0]}")
def test_every_loss_trains_as_with_autograd(case, accumulate):
    spec, _, targets = case
    torch.manual_seed(0)
    end = END.get(spec.spec_name(), nn.Identity)
    network = nn.Sequential(nn.Linear(4, 3), end())
    job = job_of(numbers(27, 4), targets, build_loss(spec), accumulate=accumulate)
    assert_engines_agree(job, state_of(network, optimizers.SGD(lr=0.01)))


def test_one_output_for_two_classes_trains_as_with_autograd():
    loss = build_loss(losses.BCEWithLogitsLoss())
    job = job_of(numbers(27, 4), torch.arange(27) % 2, loss)
    assert_engines_agree(job, state_of(nn.Sequential(nn.Linear(4, 1))))


def pixel_cases():
    """Losses of classes, where outputs or targets are others than `(N, K)`, `(N,)`."""
    weight = torch.tensor([1.0, 2.0, 5.0])
    maps = torch.arange(27 * 4).reshape(27, 2, 2) % 3
    shares = numbers(27, 3).softmax(1)
    for reduction in ("mean", "sum"):
        for options in ({}, {"weight": weight}, {"ignore_index": 1}):
            yield nn.CrossEntropyLoss(reduction=reduction, **options), maps
            yield nn.NLLLoss(reduction=reduction, **options), maps
        yield nn.CrossEntropyLoss(reduction=reduction), shares
        yield nn.CrossEntropyLoss(reduction=reduction, weight=weight), shares


@pytest.mark.parametrize("accumulate", [1, 3])
@pytest.mark.parametrize("case", list(pixel_cases()), ids=lambda c: str(c[0]))
def test_classes_of_pixels_and_shares_of_classes_train_as_with_autograd(
    case, accumulate
):
    loss, targets = case
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(4, 3))
    inputs = numbers(27, 4)
    if targets.ndim > 2:
        network, inputs = nn.Sequential(nn.Conv2d(1, 3, 1)), numbers(27, 1, 2, 2)
    if isinstance(loss, nn.NLLLoss):
        network.append(nn.LogSoftmax(1))
    assert_engines_agree(
        job_of(inputs, targets, loss, accumulate=accumulate), state_of(network)
    )


GROUPED = [
    optimizers.SGD(
        lr=0.1,
        momentum=0.9,
        groups=(
            optimizers.Group(params="*.bias", lr=0.2, momentum=0.0),
            optimizers.Group(params="0.*", weight_decay=0.1),
        ),
    ),
    optimizers.AdamW(groups=(optimizers.Group(params="2.*", betas=(0.5, 0.6)),)),
    optimizers.Muon(lr=0.02),
    *(spec() for spec in members(optimizers.Optimizer) if spec is not optimizers.Muon),
]


@pytest.mark.parametrize("schedule", [None, OneCycleLR(), StepLR(step_size=1)])
@pytest.mark.parametrize(
    "spec", [*test_optimizers.OPTIMIZERS, *GROUPED], ids=lambda s: s.spec_name()
)
def test_every_optimizer_steps_as_it_does(spec, schedule):
    loss = nn.HuberLoss(delta=0.1)
    job = job_of(numbers(27, 4), numbers(27, 1, seed=1), loss)
    states = []
    for _ in range(2):
        torch.manual_seed(0)
        layers = [nn.Linear(4, 6), nn.Tanh(), nn.LayerNorm(6), nn.Linear(6, 1)]
        state = state_of(nn.Sequential(*layers), spec)
        steps = job.steps_per_epoch
        state.schedule = build_schedule(schedule, state.optimizer, 2, steps)
        state.interval = interval_of(schedule)
        states.append(state)
    assert_engines_agree(job, *states)


FAMILIES = {
    "MLP": (networks.MLP(hidden=(8, 8), batch_norm=True, dropout=0.3), (5,)),
    "MLP of images": (networks.MLP(hidden=(8,)), (1, 6, 6)),
    "ConvNet": (networks.ConvNet(channels=(4, 8), depth=2, dropout=0.2), (3, 8, 8)),
    "ConvNet pooled": (
        networks.ConvNet(channels=(4, 8), pool=2, activation=SiLU()),
        (1, 8, 8),
    ),
    "ConvNet pooled first": (
        networks.ConvNet(
            channels=(4, 8), depth=(1, 2), pool=2, pool_first=True, hidden=(6,)
        ),
        (1, 8, 8),
    ),
    "ResNet": (networks.ResNet(channels=(4, 8), depth=2), (3, 7, 8)),
    "TabularMLP": (networks.TabularMLP(hidden=(8,), dropout=0.1), (5,)),
    "TabularMLP with waves": (
        networks.TabularMLP(hidden=(8,), frequencies=3, batch_norm=True),
        (5,),
    ),
}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("batch_size", [1, 7, 27])
def test_every_family_trains_as_with_autograd(family, batch_size):
    spec, shape = FAMILIES[family]
    if batch_size == 1 and getattr(spec, "batch_norm", False):
        return
    if batch_size == 1 and isinstance(spec, networks.ConvNet):
        spec = spec.model_copy(update={"pool": 2, "hidden": ()})
    inputs, layout = numbers(27, *shape), InputLayout(shape)
    if isinstance(spec, networks.TabularMLP):
        inputs[:, 3:] = torch.arange(54).reshape(27, 2) % 4.0
        layout = InputLayout(shape, num_numbers=3, cardinalities=(4, 9))
    network = build_network(spec, layout, 2, 0)
    channels_last(network)
    job = job_of(
        inputs, torch.arange(27) % 2, nn.CrossEntropyLoss(), batch_size=batch_size
    )
    assert_engines_agree(job, state_of(network))


def test_a_family_without_numbers_or_without_categories_trains_as_with_autograd():
    spec = networks.TabularMLP(hidden=(8,))
    codes = torch.arange(54).reshape(27, 2) % 4.0
    only_codes = InputLayout((2,), num_numbers=0, cardinalities=(4, 4))
    only_numbers = InputLayout((2,), num_numbers=2, cardinalities=())
    for layout in (only_codes, only_numbers):
        state = state_of(build_network(spec, layout, 1, 0))
        assert_engines_agree(job_of(codes, numbers(27, 1)), state)


OPTIONS = {
    "accumulate": {"accumulate": 3},
    "one batch of several in a step": {"accumulate": 4, "batch_size": 9},
    "clip by norm": {"clip_grad_norm": 0.1},
    "clip by value": {"clip_grad_value": 0.01},
    "all at once": {"clip_grad_norm": 0.1, "clip_grad_value": 0.01, "accumulate": 2},
    "one at a time": {"batch_size": 1},
    "all in one batch": {"batch_size": 100},
}


def dropping():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(4, 8), nn.ReLU(), nn.Dropout(0.4), nn.LayerNorm(8), nn.Linear(8, 1)
    )


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_every_way_of_stepping_is_that_of_the_eager_loop(options):
    job = job_of(numbers(27, 4), numbers(27, 1, seed=1), **options)
    assert_engines_agree(job, state_of(dropping()))


def test_two_threads_share_the_work_as_in_the_eager_loop():
    torch.set_num_threads(2)
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 16, 3), nn.BatchNorm2d(16), nn.ReLU())
    network.extend([nn.MaxPool2d(2), nn.Flatten(), nn.Linear(16 * 49, 300)])
    network.extend([nn.ReLU(), nn.Linear(300, 1)])
    channels_last(network)
    job = job_of(numbers(97, 3, 16, 16), numbers(97, 1), batch_size=32)
    assert_engines_agree(job, state_of(network))


@pytest.mark.parametrize("spec", [EMA(decay=0.9), SWA(start=0.4), SWA(swa_lr=0.1)])
def test_averages_are_those_of_the_eager_loop(spec):
    job = job_of(numbers(27, 4), numbers(27, 1, seed=1), epochs=4)
    states = []
    for _ in range(2):
        mlp = networks.MLP(hidden=(8,), batch_norm=True)
        state = state_of(build_network(mlp, InputLayout((4,)), 1, 0))
        state.average = build_average(spec, state.network, state.optimizer, 4)
        states.append(state)
    assert_engines_agree(job, *states)


def test_frozen_parameters_stay_and_get_no_gradient():
    for frozen in (["0.weight"], ["0.weight", "0.bias"], ["3.bias", "4.weight"]):
        network = dropping()
        for name in frozen:
            network.get_parameter(name).requires_grad_(False)
        before = copy.deepcopy(network.state_dict())
        state = state_of(network)
        assert_engines_agree(job_of(numbers(27, 4), numbers(27, 1)), state)
        for name in frozen:
            assert torch.equal(network.get_parameter(name), before[name])
            assert network.get_parameter(name).grad is None


def test_dropout_of_everything_gives_zeros_and_draws_nothing():
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Dropout(1.0))
    layers.append(nn.Linear(6, 6)).append(nn.Dropout(0.5)).append(nn.Linear(6, 1))
    job = job_of(numbers(27, 4), numbers(27, 1))
    assert_engines_agree(job, state_of(layers))


@pytest.mark.parametrize("clip", [0.0, 0.05])
def test_gradients_of_a_training_before_do_not_come_back(clip):
    network = dropping()
    assert_engines_agree(job_of(numbers(27, 4), numbers(27, 1)), state_of(network))
    network[0].requires_grad_(False)
    other = copy.deepcopy(network)
    for ours, theirs in zip(network.parameters(), other.parameters(), strict=True):
        theirs.grad = ours.grad.clone()
    job = job_of(numbers(27, 4), numbers(27, 1), clip_grad_norm=clip)
    assert_engines_agree(job, state_of(network), state_of(other))
    assert network[0].weight.grad is None


@pytest.mark.parametrize("accumulate", [1, 3])
def test_a_part_is_trained_as_with_autograd(accumulate):
    network = dropping()
    options = {"accumulate": accumulate, "clip_grad_norm": 0.05}
    job = job_of(numbers(27, 4), numbers(27, 1), **options)
    state = TrainState(network, torch.optim.SGD(network[-1].parameters(), lr=0.1))
    assert_engines_agree(job, state)


def test_frozen_normalisation_and_convolutions_train_as_with_autograd():
    for frozen in ("0.weight", "1.weight", "1.bias", "3.bias"):
        torch.manual_seed(0)
        network = nn.Sequential(
            nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Conv2d(3, 1, 3)
        )
        network.append(nn.AdaptiveAvgPool2d(1)).append(nn.Flatten())
        network.get_parameter(frozen).requires_grad_(False)
        job = job_of(numbers(27, 2, 6, 6), numbers(27, 1))
        assert_engines_agree(job, state_of(network))


@pytest.mark.parametrize("accumulate", [1, 3])
def test_layers_that_share_their_weights_train_as_with_autograd(accumulate):
    torch.manual_seed(0)
    shared, other = nn.Linear(4, 4), nn.Linear(4, 4)
    other.weight = shared.weight
    layers = [shared, nn.Tanh(), shared, nn.ReLU(), other, nn.Linear(4, 1)]
    job = job_of(numbers(27, 4), numbers(27, 1), accumulate=accumulate)
    assert_engines_agree(job, state_of(nn.Sequential(*layers)))


def test_pixels_augmented_and_scaled_train_as_with_the_eager_loop():
    torch.manual_seed(0)
    pixels = torch.randint(0, 256, (27, 3, 8, 8), dtype=torch.uint8)
    job = job_of(numbers(27, 4), torch.arange(27) % 2, nn.CrossEntropyLoss())
    batches = TensorBatches(
        pixels, torch.arange(27) % 2, offset=(1.0, 2.0, 3.0), factor=(0.1, 0.2, 0.3)
    )
    specs = (
        (RandomCrop(size=6, p=0.5),),
        (RandomAffine(degrees=10, translate=(0.1, 0.1)), RandomHorizontalFlip()),
        (),
    )
    for augment in (build_augmentation(each, (3, 8, 8)) for each in specs):
        network = build_network(
            networks.ConvNet(channels=(4,)), InputLayout((3, 8, 8)), 2, 0
        )
        channels_last(network)
        changed = replace(job, train=batches, augment=augment)
        assert_engines_agree(changed, state_of(network))


class Noisy(Dataset):
    """Draws from three generators for each item."""

    def __len__(self):
        return 27

    def __getitem__(self, index):
        noise = torch.rand(4) + random.random() + np.random.rand()  # noqa: NPY002
        return noise + index / 27, torch.tensor([index / 27])


def test_a_data_set_that_draws_is_read_as_by_the_eager_loop():
    job = replace(
        job_of(numbers(27, 4), numbers(27, 1)), train=DatasetBatches(Noisy(), CPU)
    )
    assert_engines_agree(job, state_of(dropping()))


class StopAt:
    """Ends the epoch at a step, as the guard of seconds does."""

    def __init__(self, session, step):
        self.step = step
        self.after_step = session.after_step

    def out_of_time(self, state):
        return state.step == self.step


@pytest.mark.parametrize("step", [1, 2, 4, 6])
@pytest.mark.parametrize("first", ["captured", "eager"])
@pytest.mark.parametrize(
    "spec", [optimizers.SGD(momentum=0.9), optimizers.AdamW(), optimizers.RMSprop()]
)
def test_one_engine_goes_on_where_the_other_stopped(tmp_path, spec, first, step):
    job = job_of(numbers(27, 4), numbers(27, 1))
    started, resumed, whole = (state_of(dropping(), spec) for _ in range(3))
    captured = capture(job, started).train_epoch
    epoch = captured if first == "captured" else eager_epoch
    with own_randomness():
        if step > 4:  # stops in the second epoch
            epoch(job, started, Session(job))
            end_epoch(job, started, Session(job))
        epoch(job, started, StopAt(Session(job), step))
    assert started.step == step
    started.save(tmp_path)
    resumed.load(tmp_path)
    other = capture(job, resumed).train_epoch if first == "eager" else eager_epoch
    fit(job, resumed, Session(job), other)
    fit(job, whole, Session(job), eager_epoch)
    assert_same(resumed, whole)


def test_engines_may_take_turns_within_one_process():
    job = job_of(numbers(27, 4), numbers(27, 1), epochs=4)
    state, whole = state_of(dropping()), state_of(dropping())
    captured = capture(job, state).train_epoch
    turns = iter([captured, eager_epoch, captured, captured])
    fit(job, state, Session(job), lambda *given: next(turns)(*given))
    fit(job, whole, Session(job), eager_epoch)
    assert_same(state, whole)


def test_capturing_changes_nothing_and_draws_nothing():
    job = job_of(numbers(27, 4), numbers(27, 1))
    state = state_of(dropping())
    before, generator = copy.deepcopy(everything(state)), torch.get_rng_state()
    capture(job, state)
    assert everything(state).keys() == before.keys()
    assert all(torch.equal(v, before[k]) for k, v in everything(state).items())
    assert torch.equal(torch.get_rng_state(), generator)
    assert all(p.grad is None for p in state.network.parameters())


def test_the_first_batch_is_checked():
    job = job_of(numbers(27, 4), numbers(27))
    state = state_of(dropping())
    with pytest.raises(TrainError, match=r"shape \(8, 1\) and the targets \(8,\)"):
        fit(job, state, Session(job), capture(job, state).train_epoch)


@pytest.mark.parametrize("loss", [losses.MSELoss(), losses.BCELoss()])
def test_a_loss_that_is_not_finite_is_told_as_by_the_eager_loop(loss):
    inputs = numbers(27, 4)
    inputs[3] = torch.nan
    network = nn.Sequential(nn.Linear(4, 1), nn.Sigmoid())
    job = job_of(inputs, numbers(27, 1).sigmoid(), build_loss(loss), epochs=9)
    state = state_of(network)
    other = copy.deepcopy(state)
    with pytest.raises(Diverged) as ours:
        fit(job, state, Session(job), capture(job, state).train_epoch)
    with pytest.raises(Diverged) as theirs:
        fit(job, other, Session(job), eager_epoch)
    assert str(ours.value) == str(theirs.value)
    assert_same(state, other)


def test_batch_normalisation_refuses_one_value_as_pytorch_does():
    job = job_of(numbers(27, 4), numbers(27, 4), batch_size=1)
    state = state_of(nn.Sequential(nn.BatchNorm1d(4)))
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        fit(job, state, Session(job), capture(job, state).train_epoch)


def test_a_single_number_is_learned_from_as_with_autograd():
    network = nn.Sequential(nn.Linear(4, 1), nn.Linear(1, 17), nn.Linear(17, 3))
    job = job_of(numbers(27, 4), numbers(27, 3), batch_size=1)
    assert_engines_agree(job, state_of(network))


class Own(nn.Linear):
    """A person's own layer under a familiar base."""

    def forward(self, inputs):
        return super().forward(inputs).square()


def hooked():
    network = dropping()
    network[1].register_forward_hook(lambda *_: None)
    return network


def slope_watched():
    network = dropping()
    network[0].weight.register_hook(lambda slope: 0 * slope)
    return network


def sum_watched():
    network = dropping()
    network[0].weight.register_post_accumulate_grad_hook(lambda _: None)
    return network


def patched():
    network = dropping()
    network[1].forward = torch.tanh
    return network


def frozen():
    return dropping().requires_grad_(requires_grad=False)


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (lambda: nn.Sequential(Own(4, 1)), "no case for Own"),
        (
            lambda: nn.Sequential(nn.Linear(4, 1), nn.Hardswish()),
            "no case for Hardswish",
        ),
        (lambda: nn.Sequential(nn.ReLU(inplace=True), nn.Linear(4, 1)), "inplace=True"),
        (lambda: nn.Sequential(nn.Linear(4, 1).double()), "Linear of torch.float64"),
        (hooked, "no case for ReLU with hooks"),
        (patched, "no case for ReLU with hooks"),
        (slope_watched, "no case for Linear with hooks"),
        (sum_watched, "no case for Linear with hooks"),
        (frozen, "there is no parameter to train"),
    ],
)
def test_what_has_no_case_is_refused_by_name(network, message):
    built = network()
    parameters = [p.detach().requires_grad_() for p in built.parameters()]
    state = TrainState(built, torch.optim.SGD(parameters))
    with pytest.raises(Unsupported, match=message):
        capture(job_of(numbers(27, 4), numbers(27, 1)), state)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"loss": lambda outputs, _: outputs.sum()}, "the loss <lambda>"),
        ({"loss": nn.MSELoss(reduction="none")}, "MSELoss with reduction 'none'"),
        ({"loss": nn.PoissonNLLLoss()}, "no case for PoissonNLLLoss"),
    ],
)
def test_what_has_no_case_in_a_job_is_refused_by_name(changes, message):
    job = replace(job_of(numbers(27, 4), numbers(27, 1)), **changes)
    with pytest.raises(Unsupported, match=message):
        capture(job, state_of(dropping()))


def test_an_activation_in_place_overwrites_only_what_nobody_needs():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(4, 4), nn.ReLU(inplace=True), nn.Linear(4, 1))
    assert_engines_agree(job_of(numbers(27, 4), numbers(27, 1)), state_of(network))
    kept = [nn.Linear(4, 4), nn.Sigmoid(), nn.Flatten(), nn.ReLU(inplace=True)]
    with pytest.raises(Unsupported, match="no case for ReLU"):
        capture(job_of(numbers(27, 4), numbers(27, 4)), state_of(nn.Sequential(*kept)))


def test_nothing_overwrites_what_autograd_keeps():
    torch.manual_seed(0)
    rnn = build_layer(GRU(hidden_size=5), (5, 4))
    job = job_of(numbers(27, 5, 4), numbers(27, 5))
    assert_engines_agree(job, state_of(nn.Sequential(rnn, nn.ReLU())))


ANY_LAYERS = st.lists(
    st.sampled_from(
        [
            plan_layers.Linear(out_features=5),
            plan_layers.Linear(out_features=3, bias=False),
            ReLU(),
            GELU(),
            Sigmoid(),
            Tanh(),
            Softmax(),
            plan_layers.Identity(),
            plan_layers.Flatten(),
            plan_layers.Dropout(p=0.3),
            BatchNorm1d(),
            LayerNorm(),
            plan_layers.Residual(layers=(ReLU(),)),
            plan_layers.Residual(
                layers=(Tanh(), plan_layers.Linear(out_features=4)),
                shortcut=(ReLU(), plan_layers.Linear(out_features=4)),
            ),
        ]
    ),
    max_size=8,
)


@settings(max_examples=25, deadline=None)
@given(specs=ANY_LAYERS, batch_size=st.integers(2, 12), accumulate=st.integers(1, 2))
def test_any_stack_of_layers_trains_as_with_autograd(specs, batch_size, accumulate):
    torch.manual_seed(0)
    network, shape = build_layers(specs, (4,), "network")
    network.append(nn.Linear(shape[0], 1))
    options = {"batch_size": batch_size, "accumulate": accumulate}
    job = job_of(numbers(27, 4), numbers(27, 1, seed=1), **options)
    assert_engines_agree(job, state_of(network))


IMAGE_LAYERS = st.lists(
    st.sampled_from(
        [
            Conv2d(out_channels=3, padding=1),
            Conv2d(out_channels=4, kernel_size=1, bias=False),
            BatchNorm2d(),
            ReLU(),
            SiLU(),
            MaxPool2d(kernel_size=2, stride=1),
            AvgPool2d(kernel_size=2, stride=1),
            AdaptiveAvgPool2d(output_size=3),
            plan_layers.Residual(
                layers=(Conv2d(out_channels=2, padding=1),),
                shortcut=(Conv2d(out_channels=2, kernel_size=1),),
            ),
            plan_layers.Residual(layers=(ReLU(), Tanh())),
        ]
    ),
    max_size=6,
)


@settings(max_examples=25, deadline=None)
@given(specs=IMAGE_LAYERS, channels=st.integers(1, 3), whole=st.booleans())
def test_any_stack_for_images_trains_as_with_autograd(specs, channels, whole):
    torch.manual_seed(0)
    try:
        network, shape = build_layers(specs, (channels, 9, 9), "network")
    except PlanError:  # nothing is left of the pictures
        reject()
    if whole:
        network.append(nn.AdaptiveAvgPool2d(1))
        shape = (shape[0], 1, 1)
    network.append(nn.Flatten()).append(nn.Linear(torch.Size(shape).numel(), 1))
    channels_last(network)
    job = job_of(numbers(19, channels, 9, 9), numbers(19, 1, seed=1))
    assert_engines_agree(job, state_of(network))


def test_training_does_not_import_the_compiler_of_pytorch():
    code = """
import sys
from tests.train.jobs import make_job, make_state
from torchsmith.train.engines.captured import capture
from torchsmith.train.loop import fit
from torchsmith.train.session import Session
job = make_job(epochs=1)
state = make_state(job)
fit(job, state, Session(job), capture(job, state).train_epoch)
assert state.step == 9
assert "torch._dynamo" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
