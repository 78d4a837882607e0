"""The processor's settings while a network trains."""

import pytest
import torch
from torch import nn

import torchsmith as ts
from torchsmith.plan.plan import Training
from torchsmith.train import processor
from torchsmith.train.processor import flushed_denormals, kept_memory, slow_precision


def denormal() -> float:
    return (torch.tensor(1e-30) * 1e-10).item()


class Watch(nn.Linear):
    """Notes whether denormals are zero while it computes."""

    def __init__(self) -> None:
        super().__init__(1, 1)
        self.seen: list[float] = []

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        self.seen.append(denormal())
        return super().forward(inputs)


@pytest.mark.parametrize(("threads", "flushed"), [(1, True), (2, False)])
def test_training_flushes_denormals_where_one_thread_computes(threads, flushed) -> None:
    network, inputs = Watch(), torch.ones(4, 1)
    ts.fit(
        network, (inputs, inputs), loss="MSELoss", threads=threads, epochs=1, runs=None
    )
    assert (network.seen[-1] == 0) == flushed  # before it, batches are tried
    assert denormal() > 0


def test_a_person_who_flushes_denormals_goes_on_doing_so() -> None:
    torch.set_flush_denormal(True)
    try:
        with flushed_denormals(flush=True):
            assert denormal() == 0.0
        assert denormal() == 0.0
    finally:
        torch.set_flush_denormal(False)


class Glibc:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[int, ...]] = []

    def mallopt(self, what: int, size: int) -> None:
        self.told.append((what, size))

    def malloc_trim(self, pad: int) -> None:
        self.told.append((pad,))


def test_memory_is_kept_while_training_and_given_back_afterwards(monkeypatch) -> None:
    glibc = Glibc()
    monkeypatch.setattr(processor, "_glibc", lambda: glibc)
    with kept_memory():
        assert glibc.told == [(-3, 2**30), (-1, 2**30)]
    assert glibc.told[2:] == [(-3, 2**22), (-1, 2**23), (0,)]


def test_a_system_without_glibc_trains_as_well(monkeypatch) -> None:
    monkeypatch.setattr(processor, "_glibc", lambda: None)
    with kept_memory():
        pass


@pytest.mark.parametrize(
    ("precision", "device", "has_instructions", "told"),
    [
        ("bfloat16", "cpu", False, True),
        ("bfloat16", "cpu", True, False),
        ("bfloat16", "cuda", False, False),
        ("float32", "cpu", False, False),
    ],
)
def test_a_precision_that_is_slow_here_is_told(
    monkeypatch, precision, device, has_instructions, told
) -> None:
    monkeypatch.setattr(
        torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: has_instructions
    )
    notes = slow_precision(Training(precision=precision), torch.device(device))
    assert bool(notes) == told
    assert all("float32 is several times faster here" in note for note in notes)
