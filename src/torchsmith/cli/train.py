"""`torchsmith train`."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from torchsmith.cli.options import (
    Seeds,
    output_options,
    plan_options,
    runs_option,
    target_option,
)
from torchsmith.cli.output import Output
from torchsmith.cli.streams import naming
from torchsmith.core.commands import command, listing
from torchsmith.core.processes import is_silent
from torchsmith.core.torch_library import without_collection
from torchsmith.core.vocabulary import NOUNS

if TYPE_CHECKING:
    from torchsmith.api import Run
    from torchsmith.api.recipes import AnyRun

LAST = "last"


@click.command(
    epilog="""\b
Examples:
  torchsmith train digits
  torchsmith train housing.csv --target price --budget 2m
  torchsmith train plan.yaml --set optimizer.AdamW.lr=0.01 --name higher-lr
  torchsmith train digits --seeds 8            is one score better than another?
  torchsmith train --recipe mnist-mlp-64       one that `torchsmith recipes` lists
  torchsmith train --resume                    go on with the last run
"""
)
@click.argument("source", required=False, metavar="[SOURCE|PLAN]")
@click.option(
    "--recipe",
    metavar="NAME",
    help="Run a recipe instead; torchsmith recipes lists them.",
)
@target_option
@plan_options
@click.option(
    "--seeds",
    type=Seeds(),
    help="Train with several seeds at once, for the mean score and its interval: how "
    "many (8 are 0 to 7), or which (0,3,7).",
)
@runs_option
@click.option("--name", help="What to call the run; otherwise as the source.")
@click.option(
    "--resume",
    is_flag=False,
    flag_value=LAST,
    metavar="[last|RUN]",
    help="Go on with an interrupted run.",
)
@output_options
def train(  # noqa: PLR0913 -- its options
    source: str | None,
    recipe: str | None,
    target: str | None,
    budget: float | None,
    settings: dict[str, object],
    seeds: int | tuple[int, ...] | None,
    runs_folder: Path,
    name: str | None,
    resume: str | None,
    output: Output,
) -> None:
    """Plan if needed, train, evaluate, report.

    SOURCE is data, or a plan that `torchsmith plan` wrote. Everything lands in a new
    folder under --runs. Ctrl-C saves; --resume goes on.
    """
    if source is None and recipe is None and resume is None:
        raise click.UsageError(
            "say what to train on: a file, a folder, a plan, a set such as digits, or "
            "--recipe NAME"
        )
    with output.progress() as observer:
        with without_collection():
            from torchsmith import api

        run = api.train(
            source,
            recipe=recipe,
            target=target,
            budget=budget,
            settings=settings,
            runs=runs_folder,
            name=name,
            resume=resume or False,
            seeds=seeds,
            observer=observer,
        )
    if is_silent():
        return
    with naming(run.path):
        if output.as_json:
            output.json(run.summary())
        elif output.quiet:
            output.say(str(run.path))
        else:
            _show(run, output, source)


def _show(run: "AnyRun", output: Output, source: str | None) -> None:
    from torchsmith.api.lessons import LessonRun
    from torchsmith.api.studying import StudyRun
    from torchsmith.cli.comparison import show_lesson, show_study

    match run:
        case StudyRun():
            show_study(run, output)
        case LessonRun():
            show_lesson(run, output)
        case _:
            _show_run(run, output, source)


def _show_run(run: "Run", output: Output, source: str | None) -> None:
    from torchsmith.cli.diagnosis import print_after_training
    from torchsmith.cli.scores import print_evaluation

    print_evaluation(run.evaluation, output.console, run.plan.split.num_folds)
    if run.outcome.outlook:
        output.say(f"\n{run.outcome.outlook}")
    known = run.inspection.findings
    print_after_training(run.diagnosis, known, run.path, output.console)
    output.say(f"\nRun:    {run.path}")
    output.say(f"Report: {run.report_path}")
    output.say("\nNext:")
    steps = next_steps(run, source)
    width = max(len(purpose) for purpose, _ in steps)
    for purpose, typed in steps:
        output.say(f"  {purpose:<{width}}   {typed}")


def next_steps(run: "Run", source: str | None) -> list[tuple[str, str]]:
    """Return what may come next: what for, and the command.

    Args:
        run: What was just trained.
        source: What the person trained on, if it was named.
    """
    from torchsmith.api.ejecting import obstacle

    folder, new = run.path, _new_file(run, source)
    more = run.outcome.longer(run.plan, run.folder.plan)
    eject = command("eject", folder, "-o", "train.py", "--verify")
    opener = "open" if sys.platform == "darwin" else "xdg-open"
    mend = [("try what the doctor says", command("doctor", folder, "--fix"))]
    return [
        ("read the report", shlex.join([opener, str(run.report_path)])),
        *(mend if _can_mend(run) else []),
        ("see inside", command("explain", folder, "--open")),
        ("use it", command("predict", folder, new, "-o", "predictions.csv")),
        *([] if obstacle(run) else [("take the code", eject)]),
        *([("train longer", more)] if more else []),
        ("see all runs", listing(folder.parent)),
    ]


def _can_mend(run: "Run") -> bool:
    return any(one.can_be_tried for one in run.diagnosis.findings)


def _new_file(run: "Run", source: str | None) -> str:
    """Return a name for new data, in a form that the run can predict for."""
    suffix = Path(source or "").suffix
    if suffix not in ("", ".yaml", ".yml"):
        return f"new{suffix}"
    inspection = run.inspection
    form = inspection.reading.get("format", "")
    match inspection.kind:
        case "table":
            return "new.csv"
        case "images":
            return f"new_{NOUNS['images']}s/"
        case "volumes":
            return f"new_{NOUNS['volumes']}s/" if form == "NIfTI" else "new.npz"
        case "sequences":
            known = ((".ts", "ts"), ("one sequence", "tsv"), ("texts", "txt"))
            found = (ending for start, ending in known if form.startswith(start))
            other = "npz" if form == "arrays" else "csv"
            return f"new.{next(found, other)}"
