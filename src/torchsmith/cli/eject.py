"""`torchsmith eject`: a run as one readable script of plain PyTorch."""

from pathlib import Path

import click

from torchsmith.cli.options import (
    check_writable,
    file_option,
    force_option,
    output_options,
    runs_option,
)
from torchsmith.cli.output import Output
from torchsmith.core.errors import TrainError


@click.command(
    epilog="""\b
Examples:
  torchsmith eject last
  torchsmith eject last -o digits.py --verify
  torchsmith eject runs/2026-11-20-1432-housing --notebook
"""
)
@click.argument("run")
@file_option("The file to write: train.py where not given, train.ipynb for a notebook.")
@click.option("--notebook", is_flag=True, help="Write a notebook.")
@click.option(
    "--verify",
    is_flag=True,
    help="Run the script, and compare its weights and scores with the run's.",
)
@force_option
@runs_option
@output_options
def eject(
    run: str,
    path: Path | None,
    notebook: bool,  # noqa: FBT001
    verify: bool,  # noqa: FBT001
    force: bool,  # noqa: FBT001
    runs_folder: Path,
    output: Output,
) -> None:
    """Write a run as one script of plain PyTorch, without Torchsmith.

    The script reads the same data, and on a CPU it ends with the same weights and the
    same scores as the run, bit for bit; --verify proves it.
    """
    path = path or Path("train.ipynb" if notebook else "train.py")
    if notebook and path.suffix != ".ipynb":
        raise click.UsageError(f"{path}: a notebook ends in .ipynb")
    check_writable(path, ".py", ".ipynb", force=force)
    with output.progress() as observer:
        from torchsmith.api import ejecting

        opened = ejecting.open_ejectable(run, runs_folder)
        ejected = ejecting.eject(opened, path, verify=verify, observer=observer)
    found = ejected.verification
    if output.as_json:
        answer: dict[str, object] = {"run": str(opened.path), "path": str(path)}
        if found is not None:
            answer |= {"same": found.same, "verification": found.text}
        output.json(answer | {"notes": list(ejected.notes)})
    else:
        output.say(str(path) if output.quiet else f"The script is in {path}")
        if found is not None and found.same:
            output.say(found.text)
    if found is not None and not found.same:
        raise TrainError(f"{path}: does not end as the run did: {found.text}")
