"""`torchsmith datasets`: the sets that are at hand by name."""

import click

from torchsmith.cli.options import output_options
from torchsmith.cli.output import Output
from torchsmith.cli.runs import as_mapping, print_rows


@click.command(
    epilog="""\b
Examples:
  torchsmith datasets
  torchsmith train iris
  TORCHSMITH_DATA=~/data torchsmith train mnist
"""
)
@output_options
def datasets(output: Output) -> None:
    """List the sets that can be named as a SOURCE.

    Built-in sets need no network. Downloadable ones are looked for in the folders of
    TORCHSMITH_DATA first.
    """
    from torchsmith import api

    rows = [as_mapping(row) for row in api.datasets()]
    if output.as_json:
        output.json({"datasets": rows})
    else:
        print_rows(rows, output)
