"""A script in a process of its own, and what cannot be examined."""

from pathlib import Path

import pytest
import torch

from tests.doctor.script.running import codes, examined_text, own_randomness
from torchsmith.core.errors import DataError, TrainError
from torchsmith.core.observer import Observer
from torchsmith.doctor.script import examine_script, watcher

SCRIPT = """
import sys
import torch

torch.manual_seed(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
net = torch.nn.Sequential(
    torch.nn.Linear(4, 8), torch.nn.Dropout(0.5), torch.nn.Linear(8, 1)
)
optimizer = torch.optim.Adam(net.parameters())
inputs, targets = torch.randn(64, 4), torch.randn(64, 1)
for step in range(12):
    loss = torch.nn.functional.mse_loss(net(inputs), targets)
    loss.backward()
    optimizer.step()
print("seed", sys.argv[1:], "loss", loss.item())
"""


class Lines(Observer):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def line(self, text: str) -> None:
        self.lines.append(text)


def test_a_script_runs_with_its_arguments_and_its_lines_are_passed_on(
    tmp_path: Path,
) -> None:
    script = tmp_path / "train.py"
    script.write_text(SCRIPT)
    observer = Lines()
    diagnosis = examine_script(script, ["7"], observer)
    assert codes(diagnosis) == ["C2 train.py:13"]
    assert observer.lines[-1].startswith("seed ['7'] loss ")
    assert [path.name for path in tmp_path.iterdir()] == ["train.py"]


def test_a_script_computes_under_watch_what_it_computes_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["train.py"])
    text = SCRIPT + f"torch.save(net.state_dict(), r'{tmp_path}/watched.pt')\n"
    examined_text(tmp_path, text)
    space: dict[str, object] = {"__name__": "__main__"}
    with own_randomness():
        exec(text.replace("watched.pt", "alone.pt"), space)
    watched, alone = (
        torch.load(tmp_path / f"{name}.pt", weights_only=True)
        for name in ("watched", "alone")
    )
    assert all(torch.equal(watched[name], alone[name]) for name in alone)


def test_a_script_that_fails_is_judged_by_what_it_showed(tmp_path: Path) -> None:
    text = SCRIPT.replace("print(", "raise ValueError(")
    diagnosis = examined_text(tmp_path, text)
    assert codes(diagnosis) == ["C2 train.py:13"]
    assert any("train.py:15: ValueError" in line for line in diagnosis.left_out)


def test_a_script_is_stopped_when_it_has_shown_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watcher, "LATE", 0.0)
    diagnosis = examined_text(tmp_path, SCRIPT)
    assert diagnosis.findings == ()
    assert diagnosis.left_out[0] == (
        "The script was stopped after 0 steps; what it does later was not seen."
    )


def test_hooks_are_gone_after_a_script(tmp_path: Path) -> None:
    before = torch.nn.Module.__call__, torch.optim.Optimizer.zero_grad
    examined_text(tmp_path, SCRIPT)
    assert before == (torch.nn.Module.__call__, torch.optim.Optimizer.zero_grad)


def test_a_missing_script_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no such file; name a Python script"):
        examine_script(tmp_path / "absent.py")


def test_a_file_that_is_no_python_is_refused_with_its_line(tmp_path: Path) -> None:
    script = tmp_path / "broken.py"
    script.write_text("import torch\nfor x in\n")
    with pytest.raises(DataError, match=r"broken\.py:2: is no Python that can run"):
        examine_script(script)


def test_a_script_that_ends_its_process_is_told_apart(tmp_path: Path) -> None:
    script = tmp_path / "gone.py"
    script.write_text("import os\nos._exit(3)\n")
    with pytest.raises(TrainError, match=r"gone\.py: its process ended with 3"):
        examine_script(script)
