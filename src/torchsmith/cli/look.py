"""`torchsmith inspect` and `torchsmith plan`: look before training."""

from pathlib import Path

import click

from torchsmith.cli.options import (
    check_writable,
    collect_settings,
    file_option,
    force_option,
    output_options,
    plan_options,
    set_option,
    target_option,
)
from torchsmith.cli.output import Output
from torchsmith.core.commands import command


@click.command(
    epilog="""\b
Examples:
  torchsmith inspect titanic.csv --target Survived
  torchsmith inspect photos/
  torchsmith inspect beats.npz --set data.kind=sequences
  torchsmith inspect digits --json
"""
)
@click.argument("source")
@target_option
@set_option("Set how the data is read, such as data.kind=sequences; may be repeated.")
@output_options
def inspect(
    source: str,
    target: str | None,
    pairs: tuple[tuple[str, object], ...],
    output: Output,
) -> None:
    """Show facts about the data, and what is odd.

    Types, missing and malformed values with their lines, classes, duplicates, ids,
    leaks, outliers; and whether there is enough data. Nothing is written.
    """
    with output.progress() as observer:
        from torchsmith import api

        settings = collect_settings(pairs)
        inspection = api.inspect(
            source, target=target, settings=settings, observer=observer
        )
    from torchsmith.cli.checklist import inspection_json, print_inspection

    if output.as_json:
        output.json(inspection_json(inspection))
    else:
        print_inspection(inspection, output.console)


@click.command(
    epilog="""\b
Examples:
  torchsmith plan housing.csv --target price -o plan.yaml
  torchsmith plan mnist --budget 3m
  torchsmith plan digits --set 'network={MLP: [64, 64]}' --epochs 20
"""
)
@click.argument("source")
@target_option
@plan_options
@file_option("Write the plan to this file; otherwise it is printed.")
@force_option
@output_options
def plan(
    source: str,
    target: str | None,
    budget: float | None,
    settings: dict[str, object],
    path: Path | None,
    force: bool,  # noqa: FBT001
    output: Output,
) -> None:
    """Write the plan, with a reason on every line.

    Edit it, then run exactly that with `torchsmith train plan.yaml`.
    """
    check_writable(path, ".yaml", ".yml", force=force, source=source)
    with output.progress() as observer:
        from torchsmith import api
        from torchsmith.core.files import write_atomic
        from torchsmith.plan.text import plan_text

        decided = api.plan(
            source, target=target, budget=budget, settings=settings, observer=observer
        )
    text = plan_text(decided)
    if path is not None:
        write_atomic(path, text)
    if output.as_json:
        output.json(decided.model_dump(mode="json"))
    elif path is None:
        output.say(text.rstrip("\n"))
    elif output.quiet:
        output.say(str(path))
    else:
        output.say(f"The plan is in {path}; read it, change it, then:")
        output.say(f"  {command('train', path)}")
