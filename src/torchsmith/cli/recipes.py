"""`torchsmith recipes`: what can be run by name, and what stands in it."""

from typing import TYPE_CHECKING

import click

from torchsmith.cli.options import output_options
from torchsmith.cli.output import Output
from torchsmith.cli.runs import print_rows

if TYPE_CHECKING:
    from torchsmith.recipes.lesson import Lesson


@click.group(
    invoke_without_command=True,
    epilog="""\b
Examples:
  torchsmith recipes
  torchsmith recipes show optimizers
  torchsmith train --recipe optimizers
""",
)
@output_options
@click.pass_context
def recipes(ctx: click.Context, output: Output) -> None:
    """List the recipes, in the order in which they teach.

    A plan trains one network. A study trains variants of one plan and puts them side by
    side. A lesson is a plain PyTorch program.
    """
    if ctx.invoked_subcommand is not None:
        return
    from torchsmith.recipes.catalogue import ENTRIES

    rows = [
        {"name": e.name, "kind": e.kind, "what": e.about, "time": e.time}
        for e in ENTRIES
    ]
    if output.as_json:
        output.json({"recipes": rows})
    elif output.quiet:
        output.say("\n".join(entry.name for entry in ENTRIES))
    else:
        print_rows(rows, output)
        output.say("\nRead one: torchsmith recipes show NAME")
        output.say("Run one:  torchsmith train --recipe NAME")


@recipes.command(
    epilog="""\b
Examples:
  torchsmith recipes show mnist-mlp-64
  torchsmith recipes show mnist-mlp-64 > plan.yaml
"""
)
@click.argument("name")
def show(name: str) -> None:
    """Print a recipe: a plan or a study as YAML, a lesson as its program.

    What is printed of a plan or of a study is a file that `torchsmith train` runs.
    """
    from torchsmith.recipes.catalogue import recipe, recipe_text
    from torchsmith.recipes.lesson import Lesson

    found = recipe(name)
    output = Output()
    if isinstance(found, Lesson):
        output.say(_settings_of(found))
    output.say(recipe_text(name).rstrip())


def _settings_of(lesson: "Lesson") -> str:
    """Say in comments, so that the whole stays a program, what may be set."""
    lines = [f"#   --set {name}={value}" for name, value in lesson.settings.items()]
    run = f"# torchsmith train --recipe {lesson.name}, with these settings:"
    return "\n".join([run, *lines, ""])
