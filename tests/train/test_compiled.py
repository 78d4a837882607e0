"""The native engine computes what the eager one does, but for rounding."""

import dataclasses
from itertools import pairwise

import pytest
import torch
from torch import nn

from tests.train.compiled_jobs import (
    assert_close,
    assert_same_bits,
    by_compiled,
    by_eager,
    classes,
    job_of,
    numbers,
    pixels,
    state_of,
)
from torchsmith.core.errors import Diverged, Interrupted, TrainError
from torchsmith.nn.averaging import build_average
from torchsmith.nn.losses import ClassTargets
from torchsmith.nn.tabular import TabularMLP
from torchsmith.plan.averaging import EMA, SWA
from torchsmith.plan.optimizers import SGD, Adam, AdamW, Group, RMSprop
from torchsmith.plan.schedules import CosineAnnealingLR, OneCycleLR, StepLR
from torchsmith.train.engines import compiled
from torchsmith.train.engines.compiled import Compiled, compile_engine
from torchsmith.train.engines.engine import Unsupported
from torchsmith.train.engines.native.library import find_compiler
from torchsmith.train.loop import eager_epoch, fit
from torchsmith.train.session import Session

try:
    find_compiler()
except Unsupported as missing:
    pytest.skip(str(missing), allow_module_level=True)

ACTIVATIONS = [
    nn.ReLU(),
    nn.LeakyReLU(0.1),
    nn.ELU(1.3),
    nn.SELU(),
    nn.GELU(),
    nn.GELU(approximate="tanh"),
    nn.SiLU(),
    nn.Mish(),
    nn.Sigmoid(),
    nn.Tanh(),
]


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # the eager loop waits for its threads on a busy machine
    yield
    torch.set_num_threads(before)


def perceptron(*widths, activation=None, bias=True):
    layers = []
    torch.manual_seed(0)
    for inputs, outputs in pairwise(widths):
        layers += [nn.Linear(inputs, outputs, bias=bias), activation or nn.ReLU()]
    return nn.Sequential(*layers[:-1])


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=str)
def test_each_activation_trains_as_in_the_eager_loop(activation):
    job = job_of(numbers(), nn.MSELoss())
    network = perceptron(13, 21, 10, 1, activation=activation)
    spec = SGD(lr=0.05)
    assert_close(by_compiled(job, network, spec), by_eager(job, network, spec))


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=str)
def test_each_activation_has_the_value_and_slope_of_pytorch_far_from_0_too(activation):
    values = torch.cat([torch.linspace(-30, 30, 301), torch.linspace(-0.3, 0.3, 301)])
    network = nn.Sequential(
        nn.Linear(1, 602, bias=False), activation, nn.Linear(602, 1, bias=False)
    )
    with torch.no_grad():
        network[0].weight.copy_(values.unsqueeze(1))
        network[2].weight.fill_(1.0)
    # Then the gradients of the layers are the slopes and the values.
    job = job_of((torch.ones(1, 1), torch.full((1, 1), -1e6)), nn.L1Loss(), epochs=1)
    ours, eager = (f(job, network, SGD(lr=1e-6)) for f in (by_compiled, by_eager))
    for layer in (0, 2):
        mine, theirs = ours.network[layer].weight, eager.network[layer].weight
        torch.testing.assert_close(mine.grad, theirs.grad, rtol=2e-5, atol=4e-6)


@pytest.mark.parametrize(
    "loss",
    [
        nn.CrossEntropyLoss(),
        nn.CrossEntropyLoss(reduction="sum"),
        nn.CrossEntropyLoss(label_smoothing=0.1),
        nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0, 0.5, 3.0, 0.1])),
        nn.CrossEntropyLoss(
            weight=torch.tensor([1.0, 2.0, 0.5, 3.0, 0.1]), label_smoothing=0.2
        ),
        ClassTargets(nn.MSELoss()),
        ClassTargets(nn.MSELoss(reduction="sum")),
        ClassTargets(nn.BCEWithLogitsLoss()),
        ClassTargets(nn.BCEWithLogitsLoss(pos_weight=torch.tensor([2.0]))),
        ClassTargets(
            nn.BCEWithLogitsLoss(pos_weight=torch.tensor([1.0, 2.0, 0.5, 3.0, 0.1]))
        ),
    ],
    ids=str,
)
def test_each_loss_of_classes_trains_as_in_the_eager_loop(loss):
    job = job_of(classes(), loss)
    network, spec = perceptron(13, 21, 5), SGD(lr=0.01)
    assert_close(by_compiled(job, network, spec), by_eager(job, network, spec))


@pytest.mark.parametrize(
    "loss",
    [
        nn.MSELoss(),
        nn.MSELoss(reduction="sum"),
        nn.L1Loss(),
        nn.SmoothL1Loss(),
        nn.SmoothL1Loss(beta=0.0),
        nn.SmoothL1Loss(beta=0.3),
        nn.HuberLoss(delta=0.7),
        nn.BCEWithLogitsLoss(),
    ],
    ids=lambda loss: f"{loss}{vars(loss).get('beta', '')}{loss.reduction}",
)
@pytest.mark.parametrize("outputs", [1, 3])
def test_each_loss_of_numbers_trains_as_in_the_eager_loop(loss, outputs):
    inputs, targets = numbers(outputs=outputs)
    if isinstance(loss, nn.BCEWithLogitsLoss):
        targets = targets.sigmoid()
    job = job_of((inputs, targets), loss)
    network, spec = perceptron(13, 21, outputs), SGD(lr=0.001)
    assert_close(by_compiled(job, network, spec), by_eager(job, network, spec))


def test_two_classes_have_one_output():
    job = job_of(classes(num=2), ClassTargets(nn.BCEWithLogitsLoss()))
    network, spec = perceptron(13, 21, 1), SGD(lr=0.1)
    assert_close(by_compiled(job, network, spec), by_eager(job, network, spec))


@pytest.mark.parametrize(
    "spec",
    [
        SGD(lr=0.1),
        SGD(lr=0.1, weight_decay=0.1),
        SGD(lr=0.05, momentum=0.9),
        SGD(lr=0.05, momentum=0.9, dampening=0.5),
        SGD(lr=0.05, momentum=0.9, nesterov=True, weight_decay=0.1),
        Adam(lr=0.01),
        Adam(lr=0.01, betas=(0.8, 0.99), eps=1e-3, weight_decay=0.1),
        AdamW(lr=0.01, weight_decay=0.1),
        AdamW(lr=0.01, groups=(Group(params="*.bias", lr=0.001, weight_decay=0.0),)),
        SGD(lr=0.1, groups=(Group(params="0.*", lr=0.01),)),
    ],
    ids=str,
)
def test_each_optimizer_trains_as_in_the_eager_loop(spec):
    job = job_of(numbers(), nn.MSELoss(), epochs=3)
    # Adam divides by the size of a gradient, so what is about 0 must be smooth.
    network = perceptron(13, 21, 10, 1, activation=nn.Tanh())
    ours, eager = by_compiled(job, network, spec), by_eager(job, network, spec)
    assert_close(ours, eager, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    "options",
    [
        {"clip_grad_norm": 0.1},
        {"clip_grad_norm": 100.0},
        {"clip_grad_value": 0.02},
        {"clip_grad_norm": 0.5, "clip_grad_value": 0.02},
    ],
    ids=str,
)
def test_gradients_are_clipped_as_in_the_eager_loop(options):
    job = job_of(numbers(), nn.MSELoss(), **options)
    network, spec = perceptron(13, 21, 10, 1), SGD(lr=0.1)
    assert_close(by_compiled(job, network, spec), by_eager(job, network, spec))


@pytest.mark.parametrize(
    "schedule", [OneCycleLR(), CosineAnnealingLR(), StepLR(step_size=1)]
)
@pytest.mark.parametrize("spec", [SGD(lr=0.05, momentum=0.9), AdamW(lr=0.01)])
def test_each_step_has_the_rate_and_momentum_of_the_schedule(schedule, spec):
    job = job_of(numbers(), nn.MSELoss(), epochs=3)
    network = perceptron(13, 21, 1, activation=nn.Tanh())
    ours = by_compiled(job, network, spec, schedule)
    eager = by_eager(job, network, spec, schedule)
    assert_close(ours, eager, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("rows", "batch_size", "widths"),
    [
        (1, 1, (1, 1)),
        (7, 1, (3, 1)),
        (10, 3, (1, 2, 1)),
        (23, 7, (5, 1, 3)),
        (50, 49, (9, 17, 33, 2)),
        (64, 64, (16, 32, 16)),
        (101, 33, (300, 7, 1)),
        (40, 13, (6, 300, 3)),
        (30, 8, (700, 70, 40, 20, 10)),
        (20, 5, (4, 3)),
    ],
)
@pytest.mark.parametrize("bias", [True, False])
def test_any_shape_trains_as_in_the_eager_loop(rows, batch_size, widths, bias):
    data = numbers(rows, max(2, widths[0]), widths[-1])
    data = data[0][:, : widths[0]].contiguous(), data[1].expand(-1, widths[-1])
    job = job_of(data, nn.MSELoss(), batch_size=batch_size)
    network = perceptron(*widths, activation=nn.Tanh(), bias=bias)
    spec = SGD(lr=0.01)
    assert_close(by_compiled(job, network, spec), by_eager(job, network, spec))


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize(
    "scale",
    [
        {"offset": (0.0, 0.0, 0.0), "factor": (1 / 255,) * 3},
        {"offset": (30.0, 40.0, 50.0), "factor": (0.01, 0.02, 0.03)},
    ],
)
def test_pixels_are_scaled_on_the_fly(sparse, scale):
    job = job_of(pixels(), nn.CrossEntropyLoss(), **scale)
    network = nn.Sequential(nn.Flatten(), *perceptron(75, 37, 5))
    spec = SGD(lr=0.05)
    ours = by_compiled(job, network, spec, sparse=sparse)
    assert_close(ours, by_eager(job, network, spec))


@pytest.mark.parametrize("widths", [(40, 3), (40, 150, 3), (700, 33, 8, 3)])
def test_zeros_that_are_left_out_change_nothing_but_rounding(widths):
    inputs, targets = classes(90, widths[0], 3)
    inputs = inputs * (inputs > 0.8)
    job = job_of((inputs, targets), nn.CrossEntropyLoss(), batch_size=16)
    network, spec = perceptron(*widths), SGD(lr=0.1)
    ours = by_compiled(job, network, spec, sparse=True)
    assert_close(ours, by_compiled(job, network, spec, sparse=False))


def test_zeros_are_left_out_where_most_inputs_are_0():
    inputs, targets = classes(90, 40, 3)
    for share, is_sparse in ((0.9, True), (0.1, False)):
        kept = torch.rand(90, 40, generator=torch.Generator().manual_seed(0)) > share
        job = job_of((inputs * kept, targets), nn.CrossEntropyLoss())
        engine = Compiled(job, state_of(job, perceptron(40, 3)))
        assert engine.is_sparse == is_sparse


@pytest.mark.parametrize("spec", [SGD(lr=0.05, momentum=0.9), Adam(lr=0.01)])
@pytest.mark.parametrize("sparse", [False, True])
def test_it_does_not_matter_how_steps_are_grouped_into_calls(spec, sparse, monkeypatch):
    job = job_of(numbers(rows=203), nn.MSELoss(), epochs=2)
    network = perceptron(13, 21, 10, 1)
    monkeypatch.setattr(compiled, "CALL_SECONDS", 10.0)
    together = by_compiled(job, network, spec, OneCycleLR(), sparse=sparse)
    monkeypatch.setattr(compiled, "CALL_SECONDS", 0.0)
    alone = by_compiled(job, network, spec, OneCycleLR(), sparse=sparse)
    assert_same_bits(together, alone)


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("clip", [0.0, 0.5])
def test_the_number_of_threads_changes_no_bit(sparse, clip):
    job = job_of(
        pixels(),
        nn.CrossEntropyLoss(),
        epochs=3,
        clip_grad_norm=clip,
        factor=(0.01,),
        offset=(3.0,),
    )
    network = nn.Sequential(nn.Flatten(), *perceptron(75, 37, 23, 5))
    alone, *several = (
        by_compiled(job, network, sparse=sparse, threads=threads)
        for threads in (1, 2, 3)
    )
    for other in several:
        assert_same_bits(alone, other)


def test_the_same_training_gives_the_same_bits():
    job = job_of(classes(), nn.CrossEntropyLoss(), epochs=3)
    network = perceptron(13, 21, 5)
    assert_same_bits(by_compiled(job, network), by_compiled(job, network))


class StopAfter:
    """Asks to stop after so many calls of the session."""

    def __init__(self, calls):
        self.calls = calls

    def __call__(self, _):
        self.calls -= 1
        if self.calls == 0:
            raise Interrupted("stopped")


def stopped_in_an_epoch(job, network, train_epoch_of, steps):
    """Train for some steps of the first epoch only; the state is all that is left."""
    state = state_of(job, network, Adam(lr=0.01), OneCycleLR())
    session = Session(job)
    session.after_step = StopAfter(steps)
    with pytest.raises(Interrupted):
        fit(job, state, session, train_epoch_of(job, state))
    return state


def compiled_epoch(job, state):
    return Compiled(job, state).train_epoch


def in_eager(_job, _state):
    return eager_epoch


@pytest.mark.parametrize("steps", [1, 4, 7])
def test_a_training_goes_on_from_a_checkpoint_with_the_same_bits(
    steps, monkeypatch, tmp_path
):
    monkeypatch.setattr(compiled, "CALL_SECONDS", 0.0)
    job = job_of(classes(), nn.CrossEntropyLoss(), epochs=3)
    network = perceptron(13, 21, 5)
    whole = by_compiled(job, network, Adam(lr=0.01), OneCycleLR())
    stopped = stopped_in_an_epoch(job, network, compiled_epoch, steps)
    assert stopped.step == steps
    stopped.save(tmp_path)
    resumed = state_of(job, network, Adam(lr=0.01), OneCycleLR())
    resumed.load(tmp_path)
    fit(job, resumed, Session(job), compiled_epoch(job, resumed))
    assert_same_bits(whole, resumed)


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (compiled_epoch, in_eager),
        (in_eager, compiled_epoch),
    ],
    ids=["to eager", "from eager"],
)
def test_the_engine_can_change_in_the_middle_of_an_epoch(
    first, then, monkeypatch, tmp_path
):
    monkeypatch.setattr(compiled, "CALL_SECONDS", 0.0)
    job = job_of(classes(), nn.CrossEntropyLoss(), epochs=2)
    network = perceptron(13, 21, 5, activation=nn.Tanh())
    stopped_in_an_epoch(job, network, first, 3).save(tmp_path)
    state = state_of(job, network, Adam(lr=0.01), OneCycleLR())
    state.load(tmp_path)
    fit(job, state, Session(job), then(job, state))
    eager = by_eager(job, network, Adam(lr=0.01), OneCycleLR())
    assert_close(state, eager, rtol=1e-3, atol=1e-4)


def test_parameters_are_the_same_tensors_before_and_after():
    job = job_of(classes(), nn.CrossEntropyLoss(), epochs=1)
    state = state_of(job, perceptron(13, 21, 5))
    before = [p.data_ptr() for p in state.network.parameters()]
    fit(job, state, Session(job), compiled_epoch(job, state))
    assert [p.data_ptr() for p in state.network.parameters()] == before
    assert all(p.is_contiguous() for p in state.network.parameters())


def test_weights_are_averaged_over_epochs_as_in_the_eager_loop():
    job = job_of(numbers(), nn.MSELoss(), epochs=4)
    network = perceptron(13, 21, 1, activation=nn.Tanh())
    states = []
    for train_epoch_of in (compiled_epoch, in_eager):
        state = state_of(job, network, SGD(lr=0.05))
        state.average = build_average(SWA(), state.network, state.optimizer, 4)
        fit(job, state, Session(job), train_epoch_of(job, state))
        states.append(state)
    assert_close(*states)


def test_a_loss_that_is_no_number_stops_training():
    job = job_of(numbers(), nn.MSELoss(), epochs=30)
    with pytest.raises(Diverged, match="no longer a finite number"):
        by_compiled(job, perceptron(13, 21, 1), SGD(lr=1e9))


def test_outputs_that_do_not_fit_the_loss_are_told_at_the_first_batch():
    job = job_of(classes(), nn.CrossEntropyLoss())
    network = nn.Sequential(nn.Linear(13, 5), nn.Sigmoid())
    with pytest.raises(TrainError, match="takes raw outputs"):
        by_compiled(job, network)


def test_a_training_stops_when_its_time_is_over():
    job = job_of(numbers(), nn.MSELoss(), epochs=2000, batch_size=1, seconds=1e-6)
    state = state_of(job, perceptron(13, 21, 1))
    fit(job, state, Session(job), compiled_epoch(job, state))
    assert state.ending == "seconds"


def test_a_network_of_number_columns_is_a_multilayer_perceptron():
    job = job_of(numbers(), nn.MSELoss())
    network, spec = TabularMLP(13, (), 1, hidden=(9, 8)), SGD(lr=0.05)
    assert_close(by_compiled(job, network, spec), by_eager(job, network, spec))


class Own(nn.Linear):
    pass


SHARED = nn.Linear(13, 13)
FROZEN = nn.Linear(13, 5).requires_grad_(requires_grad=False)
HOOKED = nn.Linear(13, 5)
HOOKED.register_forward_hook(lambda *_: None)
SLOPE_WATCHED, SUM_WATCHED = nn.Linear(13, 5), nn.Linear(13, 5)
SLOPE_WATCHED.weight.register_hook(lambda slope: 0 * slope)
SUM_WATCHED.weight.register_post_accumulate_grad_hook(lambda _: None)


@pytest.mark.parametrize(
    ("network", "says"),
    [
        (nn.Sequential(nn.Linear(13, 5), nn.Dropout(0.5)), "Dropout"),
        (nn.Sequential(nn.Linear(13, 5), nn.BatchNorm1d(5)), "BatchNorm1d"),
        (nn.Sequential(nn.Linear(13, 5), nn.ReLU(), nn.ReLU()), "ReLU"),
        (nn.Sequential(nn.ReLU(), nn.Linear(13, 5)), "ReLU"),
        (nn.Sequential(Own(13, 5)), "Own"),
        (nn.Sequential(nn.Flatten()), "no Linear"),
        (nn.Sequential(SHARED, SHARED, nn.Linear(13, 5)), "share a weight"),
        (nn.Sequential(FROZEN), "frozen"),
        (TabularMLP(12, (3,), 5), "embeddings of TabularMLP"),
        (TabularMLP(13, (), 5, frequencies=4), "embeddings of TabularMLP"),
        (nn.Sequential(HOOKED), "hooks"),
        (nn.Sequential(SLOPE_WATCHED), "hooks"),
        (nn.Sequential(SUM_WATCHED), "hooks"),
        (nn.Sequential(nn.Linear(13, 5)).double(), "float64"),
        (nn.Sequential(nn.Linear(12, 5)), "does not take all inputs"),
    ],
)
def test_a_network_that_it_has_no_case_for_is_named(network, says):
    job = job_of(classes(), nn.CrossEntropyLoss())
    state = state_of(job, perceptron(13, 5))
    object.__setattr__(state, "network", network)
    with pytest.raises(Unsupported, match=says):
        compile_engine(job, state)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"precision": "bfloat16"}, "bfloat16"),
        ({"accumulate": 2}, "accumulate"),
    ],
)
def test_a_setting_that_it_has_no_case_for_is_named(options, says):
    job = job_of(classes(), nn.CrossEntropyLoss(), **options)
    with pytest.raises(Unsupported, match=says):
        compile_engine(job, state_of(job, perceptron(13, 5)))


@pytest.mark.parametrize(
    ("spec", "says"),
    [(RMSprop(), "RMSprop"), (Adam(amsgrad=True), "amsgrad")],
)
def test_an_optimizer_that_it_has_no_case_for_is_named(spec, says):
    job = job_of(classes(), nn.CrossEntropyLoss())
    with pytest.raises(Unsupported, match=says):
        compile_engine(job, state_of(job, perceptron(13, 5), spec))


def test_an_optimizer_of_a_persons_own_is_refused_whatever_its_name():
    job = job_of(classes(), nn.CrossEntropyLoss())
    state = state_of(job, perceptron(13, 5))
    own = type("SGD", (torch.optim.SGD,), {"__module__": "own"})
    state.optimizer = own(state.network.parameters())
    with pytest.raises(Unsupported, match="no case for the optimizer SGD"):
        compile_engine(job, state)


def test_an_optimizer_with_hooks_is_refused():
    job = job_of(classes(), nn.CrossEntropyLoss())
    state = state_of(job, perceptron(13, 5))
    state.optimizer.register_step_post_hook(lambda *_: None)
    with pytest.raises(Unsupported, match="with hooks"):
        compile_engine(job, state)


@pytest.mark.parametrize(
    ("loss", "says"),
    [
        (nn.CrossEntropyLoss(ignore_index=2), "ignore_index"),
        (nn.NLLLoss(), "NLLLoss"),
        (ClassTargets(nn.BCELoss()), "BCELoss"),
        (lambda outputs, _: outputs.sum(), "function"),
        (nn.MSELoss(), "class indices"),
    ],
)
def test_a_loss_that_it_has_no_case_for_is_named(loss, says):
    job = job_of(classes(), loss)
    with pytest.raises(Unsupported, match=says):
        compile_engine(job, state_of(job, perceptron(13, 5)))


def test_augmentation_and_averages_of_steps_are_named():
    job = job_of(classes(), nn.CrossEntropyLoss())
    state = state_of(job, perceptron(13, 5))
    augmented = dataclasses.replace(job, augment=nn.Sequential(nn.Dropout()))
    with pytest.raises(Unsupported, match="augment"):
        compile_engine(augmented, state)
    state.average = build_average(EMA(), state.network, state.optimizer, 2)
    with pytest.raises(Unsupported, match="EMA"):
        compile_engine(job, state)
