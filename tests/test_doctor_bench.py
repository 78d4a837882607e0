"""The small tier of the doctor's benchmark: code faults, and the tools it is beside."""

import warnings
from collections import Counter

import numpy as np
import pytest
from benchmarks.doctor.code_faults.faults import faults, programs
from benchmarks.doctor.code_faults.page import hurts, is_found, near
from benchmarks.doctor.code_faults.running import Worth, case_of, measure
from benchmarks.doctor.observed import Activation, Observed
from benchmarks.doctor.rivals import RIVALS, alarms_of_rivals

from torchsmith.doctor.catalogue import CATALOGUE
from torchsmith.doctor.signals import LayerSignals, Signals
from torchsmith.train.history import EpochRecord

SMALL = (
    "head only in the optimizer",
    "detached features",
    "broadcast in the loss",
    "centred by the batch",
    "dropout in eval mode too",
    "normalised to nothing",
    "all weights 0",
    "sigmoid before its logit loss",
    "Sigmoid at the end",
    "labels drawn anew",
)


def through_fit(program, fault=""):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of broadcasting, which is the fault
        return measure(case_of(program, fault, "fit", 0), epochs=1)


@pytest.mark.parametrize("name", SMALL)
def test_a_fault_of_code_is_named_in_the_first_epoch(name):
    fault = faults()[name]
    row = through_fit(fault.program, name)
    assert is_found(fault, row), [told.code for told in row.findings]


@pytest.mark.parametrize("program", ["cancer", "friedman"])
def test_a_healthy_program_raises_no_error(program):
    row = through_fit(program)
    assert [told for told in row.findings if told.severity == "error"] == []


def test_each_fault_changes_a_program_that_is_still_python():
    codes = {disease.code for disease in CATALOGUE}
    for fault in faults().values():
        compile(fault.source, fault.name, "exec")
        assert fault.source != programs()[fault.program]
        assert set(fault.codes) <= codes
        assert fault.ways
    assert len(faults()) > 50
    kinds = Counter(fault.codes[0] for fault in faults().values())
    assert {f"C{number}" for number in range(1, 12 + 1)} - {"C11"} <= set(kinds)


def test_the_lines_of_a_fault_are_those_that_it_changed():
    fault = faults()["softmax over the batch"]
    [line] = fault.lines
    assert "softmax(dim=0)" in fault.source.splitlines()[line - 1]
    assert near(f"program.py:{line}", fault.lines)
    assert not near(f"program.py:{line + 9}", fault.lines)
    assert not near("optimizer.lr", fault.lines)


def test_a_fault_counts_only_where_it_demonstrably_hurts():
    healthy = [Worth(0.95 + 0.001 * k, 0.95, 1.0) for k in range(5)]
    lower = [Worth(0.90 + 0.001 * k, 0.90, 1.0) for k in range(5)]
    lying = [Worth(0.95 + 0.001 * k, 0.99, 1.0) for k in range(5)]
    mixing = [Worth(0.95 + 0.001 * k, 0.95, 0.2) for k in range(5)]
    assert hurts(healthy, healthy) == ""
    assert hurts(lower, healthy) == "score"
    assert hurts(lying, healthy) == "report"
    assert hurts(mixing, healthy) == "others"


def record(epoch, train, val, accuracy):
    return EpochRecord(
        epoch=epoch,
        step=10 * epoch,
        train_loss=train,
        val_loss=val,
        metrics={"accuracy": accuracy},
        lr=0.001,
        seconds=1.0,
        examples_per_second=1.0,
    )


def observed(**changes):
    """A run that no tool finds fault with."""
    losses = [1.0, 0.5, 0.25, 0.125]
    layer = LayerSignals(
        name="0", type="Linear", weight_rms=0.1, update_rms=1e-4, grad_rms=1e-2
    )
    relu = Activation("ReLU", 0.5, np.full(8, 0.5), 1.0, 0.0, 0.0)
    values = {
        "inputs": np.linspace(0, 1, 80, dtype=np.float32).reshape(8, 10),
        "targets": np.arange(8) % 2,
        "num_classes": 2,
        "lr": 0.001,
        "dropout": 0.0,
        "history": [
            record(k + 1, loss, 1.05 * loss, 0.7 + 0.05 * k)
            for k, loss in enumerate(losses)
        ],
        "signals": [
            Signals(epoch=0, step=0, loss=0.7, train_mode_loss=0.7, layers=(layer,))
        ],
        "activations": [relu],
        "has_activation": True,
    }
    return Observed(**{**values, **changes})


def rules(tool, **changes):
    return {rule for rule, _ in alarms_of_rivals(observed(**changes))[tool]}


def test_the_published_rules_are_silent_about_a_run_within_their_bounds():
    assert alarms_of_rivals(observed()) == dict.fromkeys(RIVALS, ())


def test_the_published_rules_fire_where_their_papers_say():
    standardised = np.linspace(-2, 2, 80, dtype=np.float32).reshape(8, 10)
    for tool in ("UMLAUT", "DeepDiagnosis", "TheDeepChecker"):
        assert len(rules(tool, inputs=standardised)) == 1
    assert rules("UMLAUT", lr=0.02) == {"learning rate above 0.01"}
    rare = Activation("ReLU", 0.99, np.zeros(8), 1.0, 0.0, 0.0)
    assert "DeadRelu" in rules("SageMaker Debugger", activations=[rare])
    assert "dead node" in rules("DeepDiagnosis", activations=[rare])
    rising = [record(k + 1, 0.5, 0.5 + 0.1 * k, 0.9) for k in range(4)]
    assert "Overfit" in rules("SageMaker Debugger", history=rising)
    assert "LossNotDecreasing" in rules("SageMaker Debugger", history=rising)


def test_autotrainer_says_nothing_of_a_run_that_is_better_than_its_gate():
    vanished = LayerSignals(name="0", type="Linear", weight_rms=0.1, grad_rms=1e-9)
    last = LayerSignals(name="2", type="Linear", weight_rms=0.1, grad_rms=1e-2)
    signals = [Signals(epoch=1, step=1, loss=0.7, layers=(vanished, last))]
    assert rules("AutoTrainer", signals=signals) == set()
    poor = [record(k + 1, 1.0, 1.0, 0.4 + 0.05 * k) for k in range(4)]
    assert "vanishing gradient" in rules("AutoTrainer", signals=signals, history=poor)


def test_a_run_that_diverged_is_an_alarm_of_every_tool():
    said = alarms_of_rivals(observed(diverged=True))
    assert all(alarms[0][1] == "T1" for alarms in said.values())
