"""`torchsmith explain`: see inside a run, or a plan before it is trained."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from torchsmith.cli.options import (
    WholeNumber,
    check_folder,
    check_writable,
    file_option,
    force_option,
    output_options,
    runs_option,
)
from torchsmith.cli.output import Output

if TYPE_CHECKING:
    from torchsmith.api.run import Run

FILE_NAME = "explanation.html"


@click.command(
    epilog="""\b
Examples:
  torchsmith explain last
  torchsmith explain last --example 3 --open
  torchsmith explain plan.yaml -o network.html
"""
)
@click.argument("run", metavar="RUN|PLAN")
@click.option(
    "--example",
    type=WholeNumber(min=0),
    metavar="N",
    help="One of the test part, 0 is the first; one right and one wrong by default.",
)
@file_option(
    f"The file to write: {FILE_NAME} of the run folder, of a plan here, where not "
    "given."
)
@force_option
@click.option("--open", "show", is_flag=True, help="Open it in a browser.")
@runs_option
@output_options
def explain(
    run: str,
    example: int | None,
    path: Path | None,
    force: bool,  # noqa: FBT001
    show: bool,  # noqa: FBT001
    runs_folder: Path,
    output: Output,
) -> None:
    """Show what is inside: one HTML file that needs no network.

    Of a run: the network drawn, weights before and after training, what each layer
    gives for an example, and which columns, pixels or steps mattered. Of a plan: the
    network and the learning rate, drawn before training.
    """
    default = Path(FILE_NAME)
    check_writable(path, ".html", ".htm", force=force, source=run)
    with output.progress() as observer:
        from torchsmith import api
        from torchsmith.plan.file import is_plan_file

        what: Path | Run = Path(run)
        if not is_plan_file(run):
            what = api.load_run(run, runs=runs_folder)
            default = what.path / FILE_NAME
        check_folder(path or default)
        found = api.explain(what, example=example, observer=observer)
        observer.stage("Drawing")
        written = found.save(path or default)
    if output.as_json:
        output.json({"explanation": str(written), **found.numbers})
    else:
        output.say(str(written))
    if show:
        click.launch(str(written))
