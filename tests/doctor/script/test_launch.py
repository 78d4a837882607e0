"""A script in a process of its own, and what cannot be examined."""

import io
from pathlib import Path

import pytest
import torch

from tests.doctor.script.running import (
    codes,
    examined_text,
    facts_of,
    own_randomness,
)
from torchsmith.core.errors import DataError, TrainError
from torchsmith.core.observer import Observer
from torchsmith.doctor.script import examine_script, operations, watcher
from torchsmith.doctor.script.judging import judged, refusal

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


SPARSE_GRAPH = """
class Graph(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(4, 1)

    def forward(self, neighbours, inputs):
        return torch.sparse.mm(neighbours, self.layer(inputs))


net = Graph()
optimizer = torch.optim.Adam(net.parameters())
for _ in range(3):
    optimizer.zero_grad()
    loss = net(torch.eye(64).to_sparse(), inputs).square().mean()
    loss.backward()
    optimizer.step()
"""

VMAP = """
from torch.func import functional_call, grad, vmap


def one(weights, row):
    answer = functional_call(net, weights, (row[None],)).square().sum()
    return answer / (1 + answer.detach().abs().sum())


net.eval()
weights = {name: p.detach() for name, p in net.named_parameters()}
for name, each in vmap(grad(one), in_dims=(None, 0))(weights, inputs).items():
    net.get_parameter(name).grad = each.mean(0)
optimizer.step()
"""

EXPORT = """
net.eval()
program = torch.export.export(net, (inputs,))
assert all("clone" not in node.name for node in program.graph.nodes)
"""

SPARSE_GRADIENT = """
net = torch.nn.EmbeddingBag(50, 1, sparse=True)
optimizer = torch.optim.SparseAdam(net.parameters())
for _ in range(3):
    optimizer.zero_grad()
    loss = net(torch.arange(50).reshape(10, 5)).square().mean()
    loss.backward()
    optimizer.step()
"""

LAZY = """
net = torch.nn.LazyLinear(1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for _ in range(3):
    optimizer.zero_grad()
    loss = net(inputs).square().mean()
    loss.backward()
    optimizer.step()
"""

META = """
empty = torch.nn.Linear(4, 1, device="meta")
empty(torch.empty(20, 4, device="meta")).sum().backward()
assert torch.empty((), device="meta") / 2 is not None
optimizer.zero_grad()
loss = net(inputs).square().mean()
loss.backward()
optimizer.step()
"""


@pytest.mark.parametrize(
    "more",
    [SPARSE_GRAPH, VMAP, EXPORT, SPARSE_GRADIENT, LAZY, META],
    ids=["sparse_graph", "vmap", "export", "sparse_gradient", "lazy", "meta"],
)
def test_a_script_with_unusual_tensors_computes_under_watch_what_it_computes_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: str
) -> None:
    monkeypatch.setattr("sys.argv", ["train.py"])
    text = SCRIPT + more + f"torch.save(net.state_dict(), r'{tmp_path}/watched.pt')\n"
    facts = facts_of(tmp_path, text)
    assert (facts.ended, facts.error) == ("ended", "")
    assert len(facts.losses) >= 12
    with own_randomness():
        exec(text.replace("watched.pt", "alone.pt"), {"__name__": "__main__"})
    watched, alone = (
        torch.load(tmp_path / f"{name}.pt", weights_only=True)
        for name in ("watched", "alone")
    )
    assert all(torch.equal(watched[name], alone[name]) for name in alone)


def test_training_is_seen_after_a_network_without_numbers(tmp_path: Path) -> None:
    facts = facts_of(tmp_path, SCRIPT + META)
    assert len(facts.losses) == 13
    assert any("train.py:18: not all could" in line for line in judged(facts).left_out)


def test_tables_that_are_kept_stay_below_an_amount_of_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "MOST_BYTES", 100_000)
    text = (
        "import torch\ninputs = torch.ones(512, 8)\n"
        "for _ in range(20):\n    inputs = inputs * 2 + 1\n    part = inputs[:32]\n"
    )
    tables = [table for table, _ in facts_of(tmp_path, text).tables]
    storages = {t.untyped_storage().data_ptr(): t.untyped_storage() for t in tables}
    assert 50_000 < sum(one.nbytes() for one in storages.values()) <= 100_000
    assert len(tables) > len(storages)


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


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "name = input()",
            "train.py:2: the script fails before it trains (EOFError: EOF when reading "
            "a line); nobody can answer input() under watch: read an argument in its "
            "place",
        ),
        (
            "import ast; ast.literal_eval('{')",
            "train.py:2: the script fails before it trains (SyntaxError: '{' was never "
            "closed (<unknown>, line 1)); make it run first: python train.py",
        ),
        (
            "import sys; sys.exit(2)",
            "train.py:2: the script leaves by itself before it trains, with exit code "
            "2; give what it asks for after its name, as in: torchsmith doctor "
            "train.py --epochs 3",
        ),
        (
            "import absent_package",
            "train.py:2: the script fails before it trains (ModuleNotFoundError: No "
            "module named 'absent_package'); install it where torchsmith is installed",
        ),
        (
            "print(7)",
            "train.py: it ended without taking a gradient, so that there was no "
            "training to watch; name the script that trains, and let it train in its "
            "own process",
        ),
    ],
)
def test_a_script_that_shows_no_training_is_refused_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, said: str
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    monkeypatch.chdir(tmp_path)
    facts = facts_of(tmp_path, f"import torch\n{line}\n")
    assert refusal(facts, judged(facts)) == said


def test_the_command_to_give_names_the_script_from_where_the_person_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "my scripts"
    folder.mkdir()
    monkeypatch.chdir(tmp_path)
    facts = facts_of(folder, "raise ValueError(3)\n")
    told = refusal(facts, judged(facts))
    assert told.endswith("make it run first: python 'my scripts/train.py'")


def test_an_error_after_training_is_told_rather_than_that_nothing_is_wrong(
    tmp_path: Path,
) -> None:
    text = SCRIPT.replace("    loss.back", "    optimizer.zero_grad()\n    loss.back")
    facts = facts_of(tmp_path, text.replace("print(", "raise ValueError("))
    assert "train.py:16: the script fails after 12 steps (Val" in refusal(
        facts, judged(facts)
    )


@pytest.mark.parametrize(
    ("then", "code"),
    [
        ("net(inputs.double())", "C11 train.py:16"),
        (
            "torch.nn.functional.cross_entropy(net(inputs), targets[:, 0].long() + 3)",
            "D7",
        ),
    ],
)
def test_an_error_of_types_or_classes_is_explained(
    tmp_path: Path, then: str, code: str
) -> None:
    text = SCRIPT.replace("    loss.back", "    optimizer.zero_grad()\n    loss.back")
    (found,) = examined_text(tmp_path, text.replace("print(", f"{then}; (")).errors
    assert f"{found.code} {found.where}".startswith(code)
    assert "The script ended there with " in found.evidence


ENTRUSTED = """
import torch
import torchsmith as ts

torch.manual_seed(0)
inputs = torch.randn(128, 4)
targets = (inputs.sum(1) > 0).long()
net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2))
data = inputs[:96], targets[:96]
own = torch.optim.SGD(net.parameters(), lr=0.1)
ts.fit(net, data, loss="CrossEntropyLoss", epochs=2, runs=None, SETTINGS)
"""


@pytest.mark.parametrize(
    "settings",
    [
        "doctor=False",
        "optimizer={'Adam': {'lr': 0.01}}",
        "optimizer=own, engine='eager'",
    ],
)
def test_training_by_torchsmith_is_told_and_not_taken_for_the_scripts_own(
    tmp_path: Path, settings: str
) -> None:
    text = ENTRUSTED.replace("SETTINGS", settings)
    facts = facts_of(tmp_path, text)
    diagnosis = judged(facts)
    assert diagnosis.findings == ()
    assert (len(facts.losses), len(facts.calls)) == (0, 0)
    assert refusal(facts, diagnosis) == (
        "train.py:11 trains by torchsmith, which is not watched; ts.fit and ts.train "
        "examine by themselves: read .diagnosis of what they return"
    )


def test_training_of_the_scripts_own_is_watched_beside_that_by_torchsmith(
    tmp_path: Path,
) -> None:
    text = ENTRUSTED.replace("SETTINGS", "optimizer=own") + SCRIPT
    diagnosis = examined_text(tmp_path, text)
    assert codes(diagnosis) == ["C2 train.py:24"]
    assert diagnosis.left_out[0].startswith("train.py:11 trains by torchsmith")
