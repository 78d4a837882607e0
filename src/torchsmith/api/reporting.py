"""From a run folder to its report."""

from datetime import datetime

import numpy as np
from torch import nn

from torchsmith.api.run import Outcome, Run
from torchsmith.evaluate.mistakes import encode_png
from torchsmith.nn.summarize import summarize
from torchsmith.plan.file import read_plan
from torchsmith.plan.settings import differences
from torchsmith.report.content import ReportContent, WeightPicture
from torchsmith.report.render import render

MOST_FILTERS = 64


def report_html(run: Run, outcome: Outcome | None = None) -> str:
    """Render the report of a run from what lies in its folder.

    Args:
        run: A run whose model and evaluation are there.
        outcome: How it ended, where `outcome.json` is not written yet.
    """
    outcome = outcome or run.outcome
    begun = datetime.fromtimestamp(run.folder.environment.stat().st_mtime).astimezone()
    return render(
        ReportContent(
            title=run.path.name,
            created=f"{begun:%Y-%m-%d %H:%M}",
            plan=run.plan,
            changed=_changed(run),
            inspection=run.inspection,
            history=run.history,
            evaluation=run.evaluation,
            network=summarize(run.network, run.model.preparation.input_shape),
            weights=first_layer_pictures(run.network),
            environment=run.environment,
            reproduce=[
                f"torchsmith train {run.path / 'plan.yaml'}",
                f"torchsmith predict {run.path} NEW_DATA -o predictions.csv",
            ],
            stopped=". ".join([outcome.stopped, *outcome.notes]),
            seconds=outcome.seconds["total"],
        )
    )


def first_layer_pictures(network: nn.Module) -> list[WeightPicture]:
    """Return the first convolution's filters as pictures, else nothing."""
    first = next((m for m in network.modules() if isinstance(m, nn.Conv2d)), None)
    if first is None or first.in_channels not in (1, 3):
        return []
    filters = first.weight.detach().cpu().float().numpy()  # (out, in, h, w)
    limit = np.abs(filters).max() or 1.0
    pixels = ((filters / limit + 1) * 127.5).round().astype(np.uint8)
    pixels = np.ascontiguousarray(pixels.transpose(0, 2, 3, 1))
    return [
        WeightPicture(name=f"filter {number}", picture=encode_png(pixels[number]))
        for number in range(min(len(pixels), MOST_FILTERS))
    ]


def _changed(run: Run) -> dict[str, str]:
    default = run.folder.default_plan
    if not default.is_file():
        return {}
    found = differences(run.plan, read_plan(default))
    return {path: str(theirs) for path, (_, theirs) in found.items()}
