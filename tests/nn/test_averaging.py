"""Averages of the weights are those of `torch.optim.swa_utils`."""

import inspect

import pytest
import torch
from pydantic import TypeAdapter
from torch import nn
from torch.optim.swa_utils import SWALR, AveragedModel, get_ema_multi_avg_fn

from torchsmith.core.spec import members
from torchsmith.nn.averaging import build_average
from torchsmith.plan.averaging import EMA, SWA, Averaging


class Counted(nn.Module):
    """A network with buffers of several kinds."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 2)
        self.norm = nn.BatchNorm1d(2)
        self.register_buffer("codes", torch.tensor([7, 11, 13]))

    def forward(self, inputs):
        return self.norm(self.linear(inputs))


def make(spec, network, epochs=8):
    optimizer = torch.optim.SGD(network.parameters(), lr=0.5)
    return build_average(spec, network, optimizer, epochs), optimizer


def walk(network, steps, after):
    torch.manual_seed(0)
    for step in range(steps):
        with torch.no_grad():
            for parameter in network.parameters():
                parameter += torch.randn_like(parameter)
        network(torch.randn(5, 3))
        after(step)


def test_every_average_has_its_options_and_defaults():
    assert {spec.spec_name() for spec in members(Averaging)} == {"EMA", "SWA"}
    theirs = inspect.signature(get_ema_multi_avg_fn).parameters
    assert EMA().decay == theirs["decay"].default
    theirs = inspect.signature(SWALR.__init__).parameters
    for name in ("anneal_epochs", "anneal_strategy"):
        assert getattr(SWA(), name) == theirs[name].default


@pytest.mark.parametrize(
    "spec", [EMA(decay=0.5), SWA(start=0.5, swa_lr=0.1, anneal_epochs=2), EMA(), SWA()]
)
def test_a_choice_comes_back_from_its_written_form(spec):
    adapter = TypeAdapter(Averaging)
    assert adapter.validate_python(adapter.dump_python(spec, mode="json")) == spec


def test_ema_is_pytorchs_with_its_buffers():
    network = Counted()
    theirs = AveragedModel(
        network, multi_avg_fn=get_ema_multi_avg_fn(0.7), use_buffers=True
    )
    average, _ = make(EMA(decay=0.7), network)

    def after(step):
        theirs.update_parameters(network)
        average.after_step(network)

    assert not average.has_begun
    walk(network, 4, after)
    assert average.has_begun
    ours, expected = average.model.module.state_dict(), theirs.module.state_dict()
    for name, tensor in ours.items():
        if tensor.is_floating_point():
            assert torch.equal(tensor, expected[name])
    assert ours["codes"].tolist() == [7, 11, 13]
    assert ours["norm.num_batches_tracked"] == 4


def test_swa_is_the_mean_over_the_late_epochs_with_statistics_of_its_own():
    network, seen = Counted(), []
    inputs = torch.randn(40, 3)
    average, _ = make(SWA(start=0.5), network)

    def after(epoch):
        average.after_step(network)
        average.after_epoch(network, epoch + 1, inputs.split(8))
        if epoch + 1 > 4:
            seen.append(network.linear.weight.detach().clone())

    walk(network, 8, after)
    averaged = average.model.module
    torch.testing.assert_close(averaged.linear.weight, torch.stack(seen).mean(dim=0))
    outputs = averaged.linear(inputs)
    torch.testing.assert_close(averaged.norm.running_mean, outputs.mean(dim=0))
    assert averaged.norm.momentum == 0.1


def test_swa_always_takes_the_last_epoch():
    average, _ = make(SWA(start=0.99), Counted(), epochs=3)
    assert [average.takes(epoch) for epoch in (1, 2, 3)] == [False, False, True]
    ema, _ = make(EMA(), Counted())
    assert not ema.takes(8)


def test_every_option_of_swa_reaches_its_schedule():
    network = Counted()
    spec = SWA(swa_lr=0.1, anneal_epochs=3, anneal_strategy="linear")
    average, optimizer = make(spec, network)
    other = torch.optim.SGD(network.parameters(), lr=0.5)
    theirs = SWALR(other, 0.1, anneal_epochs=3, anneal_strategy="linear")
    rates = []
    for _ in range(5):
        rates.append(optimizer.param_groups[0]["lr"])
        assert rates[-1] == other.param_groups[0]["lr"]
        for each in (optimizer, other, average.schedule, theirs):
            each.step()
    assert rates[0] == 0.5
    assert rates[-1] == pytest.approx(0.1)


def test_the_average_lies_in_memory_as_the_network_does():
    network = nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last)
    average, _ = make(EMA(decay=0.5), network)
    for _ in range(2):
        average.after_step(network)
    weight = average.model.module.weight
    assert weight.is_contiguous(memory_format=torch.channels_last)
    assert not weight.is_contiguous()


def test_nothing_is_averaged_where_nothing_is_asked():
    assert make(None, Counted())[0] is None


@pytest.mark.parametrize(("start", "before"), [(0.29, 29), (0.57, 57), (0.58, 58)])
def test_the_epochs_before_averaging_are_not_one_fewer_by_rounding(start, before):
    average, _ = make(SWA(start=start), nn.Linear(3, 2), epochs=100)
    assert not average.takes(before)
    assert average.takes(before + 1)
