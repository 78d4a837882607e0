"""Carrying out one case of code: with the doctor, and what its network is worth."""

import contextlib
import io
import tempfile
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from benchmarks.doctor.code_faults.faults import Way, faults, programs
from benchmarks.doctor.rows import Case, Row, Told

import torchsmith as ts
from torchsmith.core.errors import Diverged, TorchsmithError
from torchsmith.core.observer import Observer
from torchsmith.doctor.diagnosis import Diagnosis
from torchsmith.doctor.script import examine_script

ALONE = 100
"""Of the unseen examples are answered one by one, too."""


def case_of(program: str, fault: str, way: Way, seed: int) -> Case:
    """Return a case: of a healthy program where the fault is empty."""
    return Case("code", program, f"{fault}@{way}", level=int(bool(fault)), seed=seed)


def measure(case: Case, epochs: int | None = None) -> Row:
    """Let the doctor look at a case.

    Args:
        case: Which.
        epochs: That `ts.fit` trains; the program's own where not given.
    """
    name, _, way = case.fault.partition("@")
    source = faults()[name].source if name else programs()[case.task]
    if way == "script":
        return _as_script(case, source)
    return _through_fit(case, defined(source), epochs)


def defined(source: str) -> SimpleNamespace:
    """Run a program's definitions, and return them."""
    names: dict[str, Any] = {"__name__": "program"}
    exec(compile(source, "program.py", "exec"), names)
    return SimpleNamespace(**names)


@dataclass(frozen=True)
class Worth:
    """What a program is worth without the doctor.

    Attributes:
        score: Of its network on its own unseen examples, in batches, in eval mode: the
            share right, or R², at least -1.
        reported: The best validation score, as the program itself reports it.
        same_alone: The share of examples of which the answer stays as it is when each
            is asked alone.
    """

    score: float
    reported: float
    same_alone: float


def worth(source: str, healthy: str, seed: int) -> Worth:
    """Train as a program does, and judge its network as the healthy one would.

    Args:
        source: Of the program.
        healthy: Of its twin.
        seed: Draws parts, weights and order.
    """
    program, right = defined(source), defined(healthy)
    with contextlib.redirect_stdout(io.StringIO()):
        network, reported, _ = program.main(seed)
        unseen = program.make_data(seed)[2]
        score = right.evaluate(network, unseen)
    return Worth(
        round(max(score, -1.0), 4) if np.isfinite(score) else -1.0,
        round(reported, 4),
        round(_same_alone(network, unseen), 4),
    )


def _same_alone(network: torch.nn.Module, unseen: Any) -> float:
    network.eval()
    inputs = torch.stack([unseen[row][0] for row in range(min(ALONE, len(unseen)))])
    with torch.no_grad():
        together = network(inputs)
        alone = torch.cat([network(each.unsqueeze(0)) for each in inputs])
    differ = (together - alone).abs().flatten(1) if together.ndim > 1 else None
    if differ is None:
        differ = (together - alone).abs().unsqueeze(1)
    return (differ.amax(dim=1) <= 0.01 * together.std()).float().mean().item()


def _through_fit(case: Case, program: SimpleNamespace, epochs: int | None) -> Row:
    torch.manual_seed(case.seed)
    train, val, _ = program.make_data(case.seed)
    module = program.Net()
    begin = perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        try:
            done = ts.fit(
                module,
                train,
                val,
                loss=program.criterion,
                optimizer=program.make_optimizer(module),
                epochs=epochs or program.EPOCHS,
                batch_size=50,
                seed=case.seed,
                threads=1,
                runs=folder,
            )
        except TorchsmithError as error:
            return _ended(case, error, Path(folder), perf_counter() - begin)
    diagnosis = done.diagnosis
    return Row(
        case,
        score=0.0,
        findings=_told(diagnosis),
        num_steps=done.history[-1].step,
        seconds={"total": round(perf_counter() - begin, 3), **diagnosis.seconds},
        left_out=diagnosis.left_out,
    )


def _as_script(case: Case, source: str) -> Row:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{case.task}_program.py"
        path.write_text(source, "utf-8")
        begin = perf_counter()
        diagnosis = examine_script(path, (str(case.seed),), Observer())
        seconds = {"total": round(perf_counter() - begin, 3)}
    return Row(
        case,
        score=0.0,
        findings=_told(diagnosis),
        seconds=seconds,
        left_out=diagnosis.left_out,
    )


def _told(diagnosis: Diagnosis) -> tuple[Told, ...]:
    """Return what a diagnosis alarms of, the likely cause first."""
    return tuple(
        Told(
            found.code,
            found.severity,
            found.moment,
            found.where[:80],
            found.message[:200],
            found.evidence[:300],
            dict(found.changes),
        )
        for found in diagnosis.findings
        if found.severity != "note"
    )


def _ended(case: Case, error: TorchsmithError, folder: Path, seconds: float) -> Row:
    """Return the row of a training that was refused, or that diverged."""
    findings: tuple[Told, ...] = ()
    for path in folder.glob("*/diagnosis.json"):
        findings = _told(Diagnosis.model_validate_json(path.read_bytes()))
    text = str(error)[:300]
    refused = not isinstance(error, Diverged)
    if refused:
        findings = (Told("refused", "error", "before", message=text[:200]), *findings)
    return Row(
        case,
        score=0.0,
        findings=findings,
        ended=text,
        refused=refused,
        seconds={"total": round(seconds, 3)},
    )
