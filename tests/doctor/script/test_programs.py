"""Eight course programs as people publish them, and healthy ones of many styles."""

from pathlib import Path

import pytest

from tests.doctor.script.running import PROGRAMS, codes, examined, line_of, marked
from torchsmith.doctor.rank import causes_of

PLANTED = {
    "target_overwritten": ("C7", "labels = torch.max(outputs"),
    "broadcast_loss": ("C4", "loss = torch.mean((y_pred - y_train)"),
    "unscaled_inputs": ("D3", "X_train = torch.tensor(X_train"),
    "split_in_file_order": ("D14", "X_train, y_train = X[:train_size]"),
    "accuracy_in_training_mode": ("C6", "outputs = model(images)"),
    "wrong_log_softmax": ("P5", "return x - x.exp()"),
    "batch_index_stands": ("C7", "start = i + bs"),
    "accuracy_of_one_more": ("C8", "(total + 1)"),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_fault_is_named_at_its_line(name: str) -> None:
    code, text = PLANTED[name]
    script = PROGRAMS / f"{name}.py"
    diagnosis = examined(script)
    assert codes(diagnosis) == [f"{code} {line_of(script, text)}"]
    assert diagnosis.errors == diagnosis.findings


@pytest.mark.parametrize("name", PLANTED)
def test_a_healthy_twin_raises_no_alarm(name: str) -> None:
    diagnosis = examined(PROGRAMS / f"{name}_healthy.py")
    assert codes(diagnosis) == []
    assert diagnosis.left_out == ()


HEALTHY = sorted((PROGRAMS / "healthy").glob("*.py"))


@pytest.mark.parametrize("script", HEALTHY, ids=[path.stem for path in HEALTHY])
def test_a_healthy_program_of_another_style_raises_no_alarm(script: Path) -> None:
    assert codes(examined(script)) == []


FAULTS = sorted((PROGRAMS / "faults").glob("*.py"))
FIRST = {tuple(line[:3] for line in marked(path)): path for path in reversed(FAULTS)}
"""One script for each code; the others are slow together."""


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(
            path,
            id=path.stem,
            marks=[] if path in FIRST.values() else [pytest.mark.slow],
        )
        for path in FAULTS
    ],
)
def test_a_fault_of_another_style_is_named_at_the_line_that_is_marked(
    script: Path,
) -> None:
    findings = examined(script).findings
    causes = [found for found in findings if not causes_of(found, findings)]
    assert [f"{found.code} {found.where}" for found in causes] == marked(script)
