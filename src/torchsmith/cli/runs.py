"""`torchsmith runs` and `torchsmith compare`: many runs side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

import click

from torchsmith.cli.options import output_options, runs_option
from torchsmith.cli.output import Output
from torchsmith.core.wording import four_digits


@click.command(
    epilog="""\b
Examples:
  torchsmith runs
  torchsmith runs --runs experiments --json
"""
)
@runs_option
@output_options
def runs(runs_folder: Path, output: Output) -> None:
    """List the runs, their state and their scores, the oldest first."""
    with output.progress() as observer:
        from torchsmith import api

        found = api.runs(runs_folder, observer=observer)
    rows = [as_mapping(row) for row in found]
    if output.as_json:
        output.json({"runs": rows})
    elif rows:
        print_rows(rows, output, one_line=True)
    elif not output.quiet:
        output.say(f"no runs in {runs_folder}; start one with: torchsmith train digits")


@click.command(
    epilog="""\b
Examples:
  torchsmith compare runs/*
  torchsmith compare 2026-11-20-1432-housing 2026-11-20-1501-housing
"""
)
@click.argument("paths", metavar="RUN...", nargs=-1, required=True)
@runs_option
@output_options
def compare(paths: Sequence[str], runs_folder: Path, output: Output) -> None:
    """Show how runs differ, in their plans and their scores."""
    with output.progress() as observer:
        from torchsmith import api

        found = api.compare(paths, folder=runs_folder, observer=observer)
    rows = [as_mapping(row) for row in found]
    if output.as_json:
        output.json({"runs": rows})
        return
    plans = {str(row.get("name")): _plan(row) for row in rows}
    print_rows(
        [{k: v for k, v in row.items() if k != "plan"} for row in rows],
        output,
        one_line=True,
    )
    different = list(dict.fromkeys(path for plan in plans.values() for path in plan))
    if different:
        output.say("\nWhat their plans say differently")
        print_rows(
            [
                {"setting": path, **{name: p.get(path) for name, p in plans.items()}}
                for path in different
            ],
            output,
        )
    elif len(plans) > 1:
        output.say("\nTheir plans say the same.")


def _plan(row: Mapping[str, object]) -> Mapping[str, object]:
    plan = row.get("plan")
    return plan if isinstance(plan, Mapping) else {}


def print_rows(
    rows: Sequence[Mapping[str, object]], output: Output, *, one_line: bool = False
) -> None:
    """Print rows as a table.

    Args:
        rows: Values by column name; a column that a row lacks is empty there.
        output: Where to print.
        one_line: Each row stands on one line, however long, so that it can be copied;
            otherwise long cells are broken to fit the terminal.
    """
    from rich.measure import measure_renderables
    from rich.table import Table
    from rich.text import Text

    rows = [_with_interval(row) for row in rows]
    names = list(dict.fromkeys(name for row in rows for name in row))
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in names:
        table.add_column(
            Text(name),
            header_style="bold",
            no_wrap=one_line,
            overflow="fold",
            justify="right" if _is_number_column(rows, name) else "left",
        )
    for row in rows:
        table.add_row(*(Text(_cell(row.get(name))) for name in names))
    console = output.console
    if not one_line:
        console.print(table)
        return
    wide = console.options.update(max_width=10_000)
    table.width = measure_renderables(console, wide, [table]).maximum
    console.print(table, soft_wrap=True)


def _with_interval(row: Mapping[str, object]) -> Mapping[str, object]:
    """Put the two ends of a score's interval into one column."""
    if "low" not in row:
        return row
    ends = [_cell(row[end]) for end in ("low", "high")]
    text = " – ".join(ends) if all(ends) else None
    merged = {"95 %" if k == "low" else k: v for k, v in row.items() if k != "high"}
    return merged | {"95 %": text}


def _is_number_column(rows: Sequence[Mapping[str, object]], name: str) -> bool:
    values = [row.get(name) for row in rows if row.get(name) is not None]
    return bool(values) and all(isinstance(value, int | float) for value in values)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return four_digits(value)
    return str(value)


def as_mapping(row: Any) -> Mapping[str, object]:  # noqa: ANN401
    """Return a row by column name: of a mapping, a dataclass or a `Record`."""
    if isinstance(row, Mapping):
        return row
    if is_dataclass(row) and not isinstance(row, type):
        return asdict(row)
    return dict(row.model_dump(mode="json"))
