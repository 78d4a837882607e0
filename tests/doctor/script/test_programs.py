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
from torchsmith.doctor.script.judging import DATA_ALONE

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
    assert diagnosis.left_out == (DATA_ALONE,)


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


LOSS = "torch.nn.functional.cross_entropy(model(X[:200]), y[:200])"
ENDING = {
    "P12": (LOSS, f"{LOSS} if model.requires_grad_(False) else None"),
    "C11": (LOSS, LOSS.replace("y[:200]", "y[:200].float()")),
    "P5": (LOSS, "torch.nn.BCELoss()(model(X[:200])[:, 0], y[:200].float())"),
}


@pytest.mark.parametrize("code", ENDING)
def test_a_fault_that_ends_a_script_is_named_with_its_cause(
    tmp_path: Path, code: str
) -> None:
    text = TRAIN.replace("from engine import evaluate", "").replace(*ENDING[code])
    (finding,) = examined_text(tmp_path, text).errors
    assert finding.code == code


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


def with_steps(*lines: str, lr: str = "1e-2", inputs: str = "") -> str:
    """Return a healthy script that is all right but for these lines."""
    shifted = "\n".join(f"    {line}" for line in lines)
    return f"""
import torch
from torch.nn.functional import cross_entropy

torch.manual_seed(0)
X = torch.randn(300, 4)
{inputs}
y = (X[:, 0] > 0).long()
model = torch.nn.Sequential(
    torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2)
)
optimizer = torch.optim.Adam(model.parameters(), lr={lr})
for rows in torch.arange(300).repeat(8).split(50):
    optimizer.zero_grad()
{shifted}
    loss.backward()
    optimizer.step()
"""


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        (("loss = cross_entropy(model(X[rows]), y[rows])",), []),
        (
            (
                "out = model(X[rows]).detach()",
                "loss = cross_entropy(out.requires_grad_(), y[rows])",
            ),
            ["C3 train.py:15"],
        ),
        (
            (
                "with torch.no_grad():",
                "    out = model(X[rows])",
                "loss = cross_entropy(out.requires_grad_(), y[rows])",
            ),
            ["C3 train.py:16"],
        ),
        (
            (
                "out = torch.tensor(model(X[rows]).tolist(), requires_grad=True)",
                "loss = cross_entropy(out, y[rows])",
            ),
            ["C3 train.py:15"],
        ),
        (
            ("loss = (model(X[rows])[:, 0].round() - y[rows]).square().mean()",),
            ["C1 train.py:15"],
        ),
    ],
    ids=["healthy", "detach", "no_grad", "tolist", "round"],
)
def test_a_loss_that_is_cut_off_is_named_at_the_line_that_cuts(
    tmp_path: Path, lines: tuple[str, ...], code: list[str]
) -> None:
    assert codes(examined_text(tmp_path, with_steps(*lines))) == code


def test_one_of_two_networks_that_is_cut_off_is_named(tmp_path: Path) -> None:
    text = with_steps(
        "answers = first(X[rows]).detach()",
        "other.zero_grad()",
        "loss = cross_entropy(model(answers), y[rows])",
    ).replace("optimizer.step()", "optimizer.step(); other.step()")
    made = (
        "first = torch.nn.Linear(4, 4)\nother = torch.optim.Adam(first.parameters())\n"
    )
    text = text.replace("for rows", f"{made}for rows", 1)
    assert codes(examined_text(tmp_path, text)) == ["C3 train.py:17"]


def test_gradients_that_are_asked_for_and_assigned_do_not_add_up(
    tmp_path: Path,
) -> None:
    text = with_steps("loss = cross_entropy(model(X[rows]), y[rows])").replace(
        "    loss.backward()",
        "    given = torch.autograd.grad(loss, list(model.parameters()))\n"
        "    for p, grad in zip(model.parameters(), given):\n"
        "        p.grad = grad",
    )
    text = text.replace("    optimizer.zero_grad()\n", "")
    assert codes(examined_text(tmp_path, text)) == []


LEARN = "loss = cross_entropy(model(X[rows]), y[rows])"


def test_damaged_inputs_are_named_rather_than_the_learning_rate(
    tmp_path: Path,
) -> None:
    text = with_steps(LEARN, inputs="X[120, 2] = float('nan')")
    (found,) = examined_text(tmp_path, text).findings
    assert (found.code, found.where) == ("D1", "train.py:6")
    assert found.evidence == (
        "1 example of 300 holds NaN or an infinite number; the first is nan at "
        "[120, 2], counted from 0."
    )


def test_damaged_targets_are_named_rather_than_the_learning_rate(
    tmp_path: Path,
) -> None:
    line = "loss = (model(X[rows])[:, 0] - X[rows, 1].log()).square().mean()"
    (found,) = examined_text(tmp_path, with_steps(line)).findings
    assert (found.code, found.where) == ("D1", "train.py:15")
    assert found.message == "The targets are no finite numbers."


def test_inputs_that_the_network_mends_are_not_blamed(tmp_path: Path) -> None:
    text = with_steps(LEARN, lr="1e30", inputs="X[120, 2] = float('inf')")
    text = text.replace("Sequential(", "Sequential(torch.nn.Hardtanh(), ")
    assert "T1 train.py:16" in codes(examined_text(tmp_path, text))


@pytest.mark.parametrize("rate", ["1e1", "1e3"])
def test_a_rate_that_is_too_high_is_told_however_high_it_is(
    tmp_path: Path, rate: str
) -> None:
    text = with_steps(LEARN, lr=rate).replace("repeat(8)", "repeat(12)")
    assert codes(examined_text(tmp_path, text)) == ["P1 train.py:12"]


@pytest.mark.parametrize("end", ["KeyboardInterrupt", "ValueError"])
def test_a_step_that_the_end_cuts_off_is_not_taken_for_measuring(
    tmp_path: Path, end: str
) -> None:
    lines = (
        "answers = model(X[rows])",
        "loss = cross_entropy(answers, y[rows])",
        "right = (answers.argmax(1) == y[rows]).sum().item()",
        f"if rows[0] == 0 and len(optimizer.state) > 0: raise {end}",
    )
    text = with_steps(*lines).replace(
        "Linear(4, 8)", "Linear(4, 8), torch.nn.Dropout()"
    )
    assert codes(examined_text(tmp_path, text)) == []


BY_HAND = """
import torch

torch.manual_seed(0)
x = torch.linspace(-1, 1, 50)
y = 3 * x + 1
w = torch.zeros(1, requires_grad=True)
net = torch.nn.Linear(1, 1)
for _ in range(20):
    loss = (w * x + net(x[:, None])[:, 0] - y).square().mean()
    loss.backward()
    with torch.no_grad():
        w -= 0.1 * w.grad
    for p in net.parameters():
        p.data.add_(p.grad, alpha=-0.1)
    CLEAR
"""


@pytest.mark.parametrize(
    ("clear", "code"),
    [("pass", ["C2 train.py:11"]), ("w.grad.zero_(); net.zero_grad()", [])],
    ids=["kept", "cleared"],
)
def test_gradients_that_add_up_are_named_where_steps_are_made_by_hand(
    tmp_path: Path, clear: str, code: list[str]
) -> None:
    text = BY_HAND.replace("CLEAR", clear)
    assert codes(examined_text(tmp_path, text)) == code
    diagnosis = examined_text(tmp_path, text + "raise KeyboardInterrupt")
    assert diagnosis.left_out[0].startswith("The script was stopped after 20 gradients")
