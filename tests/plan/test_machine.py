"""What will train is measured: the processor, or a GPU where there is one."""

from dataclasses import replace

import pytest
import torch

from tests.plan.test_decide import pictures, target
from torchsmith.plan import machine
from torchsmith.plan.decide import decide
from torchsmith.plan.file import parse_plan
from torchsmith.plan.machine import (
    Machine,
    find_gpu,
    gpu_gflops,
    machine_for,
    measure,
)
from torchsmith.plan.text import plan_text


@pytest.fixture(autouse=True)
def measured_anew(monkeypatch):
    monkeypatch.setattr(machine, "_core_gflops", machine._core_gflops.__wrapped__)


def test_the_processor_is_measured():
    found = measure("cpu")
    assert found.cores >= 1
    assert found.gflops > 0.1
    assert found.device == "cpu"
    assert found.peak(1) * found.cores == pytest.approx(found.gflops * 1e9)


def test_a_product_on_a_device_is_timed(monkeypatch):
    monkeypatch.setattr(machine, "SIZE_ON_GPU", 256)
    assert gpu_gflops("cpu") > 0.1  # the one device that each machine has


def test_a_gpu_is_what_training_will_take(monkeypatch):
    monkeypatch.setattr(machine, "_may_have_gpu", lambda: True)
    for there, asked, found in (
        ({"cuda"}, "auto", "cuda"),
        ({"cuda"}, "cuda", "cuda"),
        ({"cuda"}, "cpu", "cpu"),
        ({"mps"}, "auto", "cpu"),  # it is not tested
        ({"mps"}, "mps", "mps"),
        ({"mps"}, "cuda", "cpu"),
        ({"cuda", "mps"}, "auto", "cuda"),
        ({"cuda", "mps"}, "mps", "mps"),
        (set(), "auto", "cpu"),
        ({"cuda"}, "nonsense", "cpu"),
    ):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: "cuda" in there)  # noqa: B023
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: "mps" in there)  # noqa: B023
        assert find_gpu(asked) == found, (there, asked)


def test_without_a_driver_pytorch_is_not_asked(monkeypatch):
    monkeypatch.setattr(machine, "_may_have_gpu", lambda: False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: pytest.fail("was asked"))
    assert measure().device == "cpu"


def test_a_plan_for_a_gpu_has_the_work_that_a_gpu_does_in_the_time():
    facts = pictures(num_examples=60_000)
    slow = decide(facts, Machine(cores=2, gflops=160.0), 60.0)
    fast = decide(facts, Machine(cores=2, gflops=40_000.0, device="cuda"), 60.0)
    few = decide(facts, Machine(cores=64, gflops=40_000.0, device="cuda"), 60.0)
    work = [plan.training.epochs * sum(plan.network.channels) for plan in (slow, fast)]
    assert work[1] > 3 * work[0]
    assert few.network == fast.network  # the cores feed it, they do not share it
    assert few.training.epochs == fast.training.epochs
    assert fast.sized_for.device == "cuda"
    assert "device: cuda" in plan_text(fast)
    assert parse_plan(plan_text(fast)).sized_for == fast.sized_for
    assert "device" not in plan_text(slow).rpartition("sized_for")[2]


def test_what_the_processor_multiplies_fast_is_known_and_may_be_left_alone(monkeypatch):
    monkeypatch.setattr(machine, "_flags", lambda: ["fpu", "amx_bf16", "amx_int8"])
    quick = measure("cpu")
    assert quick.bfloat16
    for settings in (
        {"training.precision": "float32"},
        {"loss": "BCELoss"},
        {"network": {"ConvNet": {"channels": [4]}}},
    ):
        assert not machine_for(settings, quick).bfloat16
    assert machine_for({"network.ConvNet.dropout": 0.2}, quick) == quick
    monkeypatch.setattr(machine, "_flags", lambda: ["fpu", "avx512_bf16"])
    assert not measure("cpu").bfloat16


def test_what_a_processor_can_do_is_read_where_linux_tells():
    flags = machine._flags()
    assert flags == [] or {"fpu", "asimd", "fp", "rv64imafdc"} & set(flags)


def test_classes_of_pictures_are_learned_in_what_the_processor_multiplies_fast():
    facts = pictures(num_examples=60_000)
    plain = Machine(cores=2, gflops=160.0)
    quick = replace(plain, bfloat16=True)
    usual, fast = (decide(facts, each, 120.0) for each in (plain, quick))
    assert usual.training.precision == "float32"
    assert fast.training.precision == "bfloat16"
    assert "AMX" in fast.reasons["training.precision"]
    work = [plan.training.epochs * sum(plan.network.channels) for plan in (usual, fast)]
    assert work[1] > 1.2 * work[0]
    assert parse_plan(plan_text(fast)).sized_for.bfloat16
    assert "bfloat16: " not in plan_text(usual)
    numbers = decide(pictures(target=target("regression")), quick)
    assert numbers.training.precision == "float32"
