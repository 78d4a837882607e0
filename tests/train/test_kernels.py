"""The kernels of the captured engine: the bits of PyTorch, or PyTorch itself."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from tests.train import test_captured
from tests.train.test_captured import (
    assert_engines_agree,
    assert_same,
    job_of,
    numbers,
    state_of,
)
from torchsmith.nn.adapted import Residual
from torchsmith.train.engines import captured_convolutions as convolutions
from torchsmith.train.engines.captured import capture
from torchsmith.train.engines.engine import Unsupported
from torchsmith.train.engines.native import kernels as native
from torchsmith.train.engines.native.library import cache_folder, find_compiler
from torchsmith.train.loop import fit
from torchsmith.train.session import Session

one_thread = test_captured.one_thread
pytestmark = test_captured.pytestmark

aten = torch.ops.aten
KINDS = [torch.float32, torch.bfloat16]


@pytest.fixture
def kernels():
    try:
        find_compiler()
    except Unsupported as missing:
        pytest.skip(str(missing))
    found = native.load_kernels()
    assert found is not None
    return found


@pytest.fixture
def always(kernels, monkeypatch):
    """Small tensors are for the kernels, too, and calls of them are counted."""
    monkeypatch.setattr(native, "WORTH_IT", 1)
    called = []
    call = native.Kernels._call

    def counted(self, name, *given):
        called.append(name)
        call(self, name, *given)

    monkeypatch.setattr(native.Kernels, "_call", counted)
    return called


def same_bits(ours, theirs):
    for tensor in (ours, theirs):
        assert tensor.ndim == 1 or tensor.is_contiguous(
            memory_format=torch.channels_last
        )
    assert native._same(ours, theirs)


@st.composite
def maps(draw):
    size = draw(st.integers(1, 4))
    stride = size + draw(st.integers(0, 2))
    sides = st.integers(size, size + 9)
    shape = draw(st.tuples(st.integers(1, 3), st.integers(2, 67), sides, sides))
    drawn = torch.Generator().manual_seed(draw(st.integers(0, 9)))
    # Few different numbers, so that many are equal; some of them special.
    values = torch.tensor([torch.nan, torch.inf, -torch.inf, 0.0, -0.0, -1e-40])
    values = torch.cat([values, torch.randn(30, generator=drawn)])
    inputs = values[torch.randint(len(values), shape, generator=drawn)]
    kind = draw(st.sampled_from(KINDS))
    return inputs.to(kind).contiguous(memory_format=torch.channels_last), size, stride


@settings(max_examples=150)
@given(maps(), st.booleans(), st.integers(1, 3))
def test_the_largest_of_windows_and_its_gradient_are_pytorchs(drawn, rectify, threads):
    kernels = native.load_kernels()
    if kernels is None:
        pytest.skip("there is no C++ compiler")
    inputs, size, stride = drawn
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        geometry = ((size, size), (stride, stride), (0, 0), (1, 1), False)
        activated = torch.relu(inputs) if rectify else inputs
        outputs, places = aten.max_pool2d_with_indices(activated, *geometry)
        gradient = numbers(*outputs.shape).to(inputs.dtype)
        gradient = gradient.contiguous(memory_format=torch.channels_last)
        expected = aten.max_pool2d_with_indices_backward(
            gradient, activated, *geometry, places
        )
        if rectify:
            expected = aten.threshold_backward(expected, activated, 0)
        ours = kernels.pool(inputs, size, stride, rectify=rectify)
        same_bits(ours.outputs, outputs)
        into = torch.full_like(inputs, torch.nan)
        same_bits(kernels.unpool(gradient, ours, into), expected)
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [1, 7, 64, 1001])
def test_relu_and_its_gradient_are_pytorchs(kernels, kind, count):
    inputs = numbers(count).to(kind)
    inputs[0] = torch.nan
    gradient = numbers(count, seed=1).to(kind)
    expected = torch.relu(inputs)
    backward = aten.threshold_backward(gradient, expected, 0)
    outputs = kernels.relu(inputs, inputs)
    same_bits(outputs, expected)
    same_bits(kernels.relu_back(gradient, outputs), backward)


NETWORKS = {
    "ReLU and pooling in one": (
        lambda: [nn.Conv2d(3, 9, 3), nn.ReLU(), nn.MaxPool2d(2), nn.ReLU()],
        {"pool", "unpool", "relu", "relu_back"},
    ),
    "after batch normalisation": (
        lambda: [nn.Conv2d(3, 9, 3), nn.BatchNorm2d(9), nn.ReLU(), nn.MaxPool2d(3)],
        {"pool", "unpool"},
    ),
    "of parts": (
        lambda: [nn.Conv2d(3, 9, 3), nn.MaxPool2d(2, stride=3)],
        {"pool", "unpool"},
    ),
    "windows that overlap": (
        lambda: [nn.Conv2d(3, 9, 3), nn.ReLU(), nn.MaxPool2d(3, stride=2)],
        {"relu", "relu_back"},
    ),
    "windows that reach out": (
        lambda: [nn.Conv2d(3, 9, 3), nn.ReLU(), nn.MaxPool2d(2, padding=1)],
        {"relu", "relu_back"},
    ),
    "both ways of a sum": (
        lambda: [
            nn.Conv2d(3, 9, 3),
            nn.ReLU(),
            Residual(nn.Sequential(nn.Conv2d(9, 9, 1), nn.ReLU()), nn.ReLU()),
        ],
        {"relu", "relu_back"},
    ),
}


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", NETWORKS)
def test_networks_train_as_with_autograd(always, name, precision, threads):
    layers, used = NETWORKS[name]
    network = nn.Sequential(*layers(), nn.Flatten(), nn.LazyLinear(4))
    inputs = numbers(20, 3, 11, 11)
    network(inputs)
    network = network.to(memory_format=torch.channels_last)
    job = job_of(inputs, numbers(20, 4, seed=1), batch_size=8, precision=precision)
    torch.set_num_threads(threads)
    assert_engines_agree(job, state_of(network))
    # The second ReLU of some is on maps that are neither dense nor of these types.
    assert used <= set(always)
    assert set(always) <= used | {"relu", "relu_back"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sides", [(7, 7, 3, 3), (6, 9, 2, 4), (2, 3, 3, 3)])
def test_means_of_windows_are_spread_as_pytorch_spreads_them(monkeypatch, kind, sides):
    monkeypatch.setattr(convolutions, "LEAST_SPREAD", 1)
    *size, rows, columns = sides
    inputs = numbers(5, 3, *size).to(kind)
    inputs = inputs.contiguous(memory_format=torch.channels_last)
    layer = convolutions.AdaptiveAvgPool2d(nn.AdaptiveAvgPool2d((rows, columns)))
    layer.forward(inputs)
    gradient = numbers(5, 3, rows, columns, seed=1).to(kind)
    gradient[0, 0] = -0.0
    assert layer._is_large_and_mixed(gradient)
    expected = aten._adaptive_avg_pool2d_backward(gradient, inputs)
    found = layer.backward(gradient)
    assert found.stride() == expected.stride()
    assert torch.equal(test_captured.bits(found), test_captured.bits(expected))


def pooled_training():
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 9, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(144, 4)
    ).to(memory_format=torch.channels_last)
    inputs = numbers(20, 3, 10, 10)
    job = job_of(inputs, numbers(20, 4, seed=1), batch_size=8)
    state = state_of(network)
    fit(job, state, Session(job), capture(job, state).train_epoch)
    return state


def test_without_a_compiler_pytorch_computes_the_same(always, monkeypatch):
    expected = pooled_training()
    assert always
    native.load_kernels.cache_clear()
    monkeypatch.setenv("CXX", "no-compiler-of-this-name")
    always.clear()
    try:
        assert_same(pooled_training(), expected)
        assert not always
    finally:
        native.load_kernels.cache_clear()


def test_kernels_with_other_bits_are_not_taken(kernels, monkeypatch):
    """Such as on a processor whose largest of -0 and 0 is the other one."""
    relu = native.Kernels.relu

    def wrong(self, inputs, into):
        return relu(self, inputs, into).add_(0.0)  # -0 becomes 0

    monkeypatch.setattr(native.Kernels, "relu", wrong)
    native.load_kernels.cache_clear()
    try:
        assert native.load_kernels() is None
    finally:
        native.load_kernels.cache_clear()


def test_the_library_is_kept_for_the_next_process(kernels, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCHSMITH_CACHE", str(tmp_path))
    native.load_kernels.cache_clear()
    try:
        assert native.load_kernels() is not None
        assert len(list(cache_folder().iterdir())) == 1
    finally:
        native.load_kernels.cache_clear()
