"""Running a script within the test's own process, beside the training it is of."""

import ast
from contextlib import redirect_stdout
from io import StringIO

import torch

import torchsmith as ts
from torchsmith.api.planning import load_planned
from torchsmith.eject.script import WEIGHTS, script_of
from torchsmith.eject.subject import Subject
from torchsmith.train.loop import fit
from torchsmith.train.processor import flushed_denormals
from torchsmith.train.session import Session
from torchsmith.train.setup import set_up


def begun(plan):
    """What a script is written of, its network as it begins, and its training."""
    data = load_planned(plan)
    setup = set_up(plan, data)
    subject = Subject(
        name="a-run",
        plan=plan,
        data=data,
        parts=setup.parts,
        preparation=setup.preparation,
        network=setup.state.network,
    )
    return subject, setup


def trained(plan):
    """What a script is written of, its network trained as the plan says."""
    subject, setup = begun(plan)
    fit(setup.job, setup.state, Session(setup.job))
    return subject


def run(code, folder, told=None):
    """Run a script's `main`; return its network and its scores. `told` is filled."""
    code = code.replace(f'"{WEIGHTS}"', repr(str(folder / WEIGHTS)))
    names = {"__name__": "ejected"}
    with (
        torch.random.fork_rng(),
        flushed_denormals(flush=False),  # gives back what the script sets
        redirect_stdout(told or StringIO()),
    ):
        exec(code, names)
        return names["main"]()


def hold_to_run(plan, folder):
    """Train a plan, run its script, and compare all weights; return the script."""
    subject = trained(plan)
    code = script_of(subject)
    network, _ = run(code, folder)
    ours = subject.network.state_dict().values()
    theirs = network.state_dict().values()
    assert len(ours) == len(theirs)
    for wanted, found in zip(ours, theirs, strict=True):
        assert torch.equal(wanted, found)
    assert_well_written(code)
    return code


def assert_well_written(code):
    """Short lines, no import that is not used, and nothing of Torchsmith."""
    assert max(map(len, code.splitlines())) <= 88
    tree = ast.parse(code)
    imported = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert imported <= used
    assert "torchsmith" not in imported
    defined = [n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)]
    called = used | {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
    unused = {name for name in defined if not name.startswith("__")} - called
    assert unused <= {"forward", "step"}


def plan_of(source, **settings):
    """A short plan for a source, with settings by dotted path, `__` for the dot."""
    dotted = {name.replace("__", "."): value for name, value in settings.items()}
    quick = {"training.epochs": 2, "training.threads": 0, "stopping.patience": 1}
    return ts.plan(source, settings={**quick, **dotted})
