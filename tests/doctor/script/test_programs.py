"""Eight course programs as people publish them, and healthy ones of many styles."""

import sys
from pathlib import Path

import pytest

from tests.doctor.script.running import (
    PROGRAMS,
    codes,
    examined,
    examined_text,
    line_of,
    marked,
)
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


ENGINE = """
def evaluate(model, rows, targets):
    right, total = 0, 0
    for i in range(0, len(rows), 50):
        answers = model(rows[i : i + 50]).argmax(1)
        right += (answers == targets[i : i + 50]).sum().item()
        total += 1
    return right / total
"""

TRAIN = """
import torch
from engine import evaluate

torch.manual_seed(0)
X = torch.randn(300, 4)
y = (X[:, 0] > 0).long()
model = torch.nn.Sequential(
    torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2)
)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
for step in range(40):
    optimizer.zero_grad()
    loss = torch.nn.functional.cross_entropy(model(X[:200]), y[:200])
    loss.backward()
    optimizer.step()
with torch.no_grad():
    print(evaluate(model, X[200:], y[200:]))
"""


def test_a_fault_in_a_module_beside_the_script_is_named_there(tmp_path: Path) -> None:
    (tmp_path / "engine.py").write_text(ENGINE)
    assert codes(examined_text(tmp_path, TRAIN)) == ["C8 engine.py:8"]
    assert "engine" not in sys.modules
    assert sorted(path.name for path in tmp_path.iterdir()) == ["engine.py", "train.py"]


def test_modules_beside_the_script_are_read_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "engine.py").write_text(
        ENGINE.replace("total += 1", "total += len(answers)").replace(
            "    right, total", "    model.eval\n    right, total"
        )
    )
    assert codes(examined_text(tmp_path, TRAIN)) == ["C6 engine.py:3"]
