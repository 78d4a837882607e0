"""From a run folder to its report."""

from datetime import datetime

import torch

from torchsmith.api.doctoring import read_diagnosis
from torchsmith.api.inside import run_weights
from torchsmith.api.inspected import read_default
from torchsmith.api.run import Outcome, Run
from torchsmith.core.commands import command
from torchsmith.doctor.signals import read_signals
from torchsmith.explain.layers import layer_graph
from torchsmith.nn.optimizers import planned_rate
from torchsmith.nn.summarize import summarize
from torchsmith.plan.settings import differences
from torchsmith.report.content import ReportContent
from torchsmith.report.render import render
from torchsmith.train.setup import initial_network

DRAWN_WEIGHTS = 2
"""An explanation draws those of more layers."""


def report_html(run: Run, outcome: Outcome | None = None) -> str:
    """Render the report of a run from what lies in its folder.

    Args:
        run: A run whose model and evaluation are there.
        outcome: How it ended, where `outcome.json` is not written yet.
    """
    outcome = outcome or run.outcome
    begun = datetime.fromtimestamp(run.folder.begun).astimezone()
    preparation = run.model.preparation
    shape = preparation.input_shape
    before = initial_network(run.plan, preparation)
    notes = [*outcome.notes]
    weights = run_weights(run, before, notes)[:DRAWN_WEIGHTS]
    signals = read_signals(run.folder.signals, notes=notes)
    return render(
        ReportContent(
            title=run.path.name,
            created=f"{begun:%Y-%m-%d %H:%M}",
            plan=run.plan,
            changed=_changed(run),
            inspection=run.inspection,
            history=run.history,
            evaluation=run.evaluation,
            network=summarize(run.network, shape),
            lr=planned_rate(run.plan.optimizer, run.network.named_parameters()),
            layers=layer_graph(run.network, torch.zeros(2, *shape)),
            weights=weights,
            environment=run.environment,
            reproduce=[
                command("train", run.folder.plan),
                command("predict", run.path, "NEW_DATA", "-o", "predictions.csv"),
            ],
            stopped=". ".join([outcome.stopped, *notes]),
            timed=outcome.ending == "seconds",
            seconds=outcome.seconds["total"],
            outlook=outcome.outlook,
            longer=outcome.longer(run.plan, run.folder.plan),
            inside=command("explain", run.path, "--open"),
            diagnosis=read_diagnosis(run.folder),
            signals=signals,
        )
    )


def _changed(run: Run) -> dict[str, str]:
    found = differences(run.plan, read_default(run.folder) or run.plan)
    return {path: str(theirs) for path, (_, theirs) in found.items()}
