"""`torchsmith datasets`: the sets that are at hand by name."""

from typing import TYPE_CHECKING

import click

from torchsmith.cli.options import output_options
from torchsmith.cli.output import Output
from torchsmith.cli.runs import print_rows

if TYPE_CHECKING:
    from torchsmith.data.catalog import Listing


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
    from torchsmith.data.catalog import entries

    listings = entries()
    if output.as_json:
        output.json({"datasets": [_facts(listing) for listing in listings]})
    elif output.quiet:
        output.say("\n".join(listing.entry.name for listing in listings))
    else:
        print_rows([_row(listing) for listing in listings], output)


def _row(listing: "Listing") -> dict[str, object]:
    entry = listing.entry
    state: str = listing.state
    if listing.path is not None:
        state = f"found in {listing.path}"
    elif listing.state == "to download" and listing.size:
        state = f"to download, {max(0.1, listing.size / 1e6):.1f} MB"
    return {
        "name": entry.name,
        "what": entry.about,
        "examples": " + ".join(f"{count:,}" for count in entry.rows),
        "target": entry.target,
        "where": state,
    }


def _facts(listing: "Listing") -> dict[str, object]:
    entry = listing.entry
    return {
        "name": entry.name,
        "kind": entry.kind,
        "examples": list(entry.rows),
        "target": entry.target,
        "about": entry.about,
        "publisher": entry.publisher,
        "licence": entry.licence,
        "state": listing.state,
        "path": None if listing.path is None else str(listing.path),
        "bytes": listing.size,
    }
