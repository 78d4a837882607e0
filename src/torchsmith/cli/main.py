"""The `torchsmith` command: its groups, and what happens to errors.

Nothing heavy is imported here: `torchsmith --help` answers at once.
"""

import os
import platform
import sys
from types import TracebackType
from typing import Any

import click

from torchsmith.cli import (
    datasets,
    doctor,
    eject,
    explain,
    look,
    recipes,
    runs,
    train,
    use,
)
from torchsmith.cli.signals import hear_signals, let_signals_end
from torchsmith.cli.streams import let_nobody_listen, let_readers_leave
from torchsmith.core.errors import Interrupted, TorchsmithError
from torchsmith.core.processes import is_silent
from torchsmith.core.torch_library import PROCESS_IS_OURS

HELP = """From data to a trained, measured, explained PyTorch network.

\b
Start here:
  torchsmith train digits                    a first run, in under a minute
  torchsmith inspect FILE.csv --target COL   what is in your data, what is odd
  torchsmith train FILE.csv --target COL     plan, train, evaluate, report
  torchsmith predict RUN NEW.csv -o OUT.csv  use the result
  torchsmith explain RUN --open              see inside the network
  torchsmith eject RUN -o train.py           the run as plain PyTorch
  torchsmith recipes                         systems to learn from, run by name

A SOURCE is a CSV, TSV or Parquet file, a folder with one subfolder of pictures per
class, an IDX, NPZ or NPY file, or a name that `torchsmith datasets` lists. A RUN is a
run folder, its name under --runs, or `last`.
"""


class Commands(click.Group):
    """The commands; turns errors into one clear line and an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order in which a person meets them."""
        del ctx
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401
        """Run the command; errors become one line, Ctrl-C and SIGTERM exit code 130."""
        resumes = any(word.startswith("--resume") for word in ctx.args)
        try:
            return super().invoke(ctx)
        except Interrupted as stop:
            if is_silent():
                ctx.exit(0)
            click.echo(f"interrupted: {stop}", err=True)
            let_signals_end()
            ctx.exit(stop.exit_code)
        except TorchsmithError as error:
            if is_silent():
                ctx.exit(0)  # the first of several processes says it, and fails
            if ctx.params.get("debug"):
                raise
            click.echo(f"error: {error}", err=True)
            ctx.exit(error.exit_code)
        except KeyboardInterrupt:
            hint = ""
            if ctx.invoked_subcommand == train.train.name:
                hint = "; nothing was trained yet"
                if resumes:
                    hint = "; nothing is lost, give the command again"
            click.echo(f"interrupted{hint}", err=True)
            let_signals_end()
            ctx.exit(Interrupted.exit_code)


@click.group(
    cls=Commands,
    help=HELP,
    epilog="Exit codes: 0 done, 1 failed, 2 wrong use, 130 interrupted (saved).",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 96},
)
@click.version_option(None, "--version", package_name="torchsmith")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def cli(debug: bool) -> None:  # noqa: FBT001
    """Choose a command."""
    if debug:
        sys.excepthook = sys.__excepthook__


for _command in (
    look.inspect,
    look.plan,
    train.train,
    use.predict,
    use.evaluate,
    use.report,
    eject.eject,
    explain.explain,
    runs.runs,
    runs.compare,
    datasets.datasets,
    recipes.recipes,
    doctor.doctor,
):
    cli.add_command(_command)


def main() -> None:
    """Run the command line."""
    sys.excepthook = report_unexpected
    PROCESS_IS_OURS.set()
    let_nobody_listen()
    let_readers_leave()
    hear_signals()
    cli(prog_name="torchsmith")


def report_unexpected(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Tell in a few lines that Torchsmith has a defect, and how to report it."""
    from importlib.metadata import version

    where = ""
    while trace is not None:
        code = trace.tb_frame.f_code
        where = f"{os.path.basename(code.co_filename)}:{trace.tb_lineno}"  # noqa: PTH119
        trace = trace.tb_next
    system = f"torchsmith {version('torchsmith')}, Python {platform.python_version()}"
    click.echo(
        f"error: this should not have happened: {kind.__name__}: {error} ({where})\n"
        f"This is a defect of Torchsmith ({system}). To report it, run the command "
        "again as `torchsmith --debug …` and send what it prints.",
        err=True,
    )
