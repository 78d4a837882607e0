"""`torchsmith doctor`: what is wrong, and what to do about it."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from torchsmith.cli.options import (
    collect_settings,
    output_options,
    runs_option,
    set_option,
    target_option,
)
from torchsmith.cli.output import Output
from torchsmith.core.errors import Interrupted
from torchsmith.core.wording import gigabytes

if TYPE_CHECKING:
    from torchsmith.cli.environment import Environment
    from torchsmith.doctor.diagnosis import Diagnosis


class DoctorCommand(click.Command):
    """Leaves to a script the options that stand after it."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read no options after the name of a script."""
        named = (i for i, a in enumerate(args) if a.endswith(".py") and a[0] != "-")
        if (script := next(named, None)) is not None:
            args = [*args[: script + 1], "--", *args[script + 1 :]]
        return super().parse_args(ctx, args)


@click.command(
    cls=DoctorCommand,
    epilog="""\b
Examples:
  torchsmith doctor                            is this machine ready?
  torchsmith doctor last                       the newest run
  torchsmith doctor titanic.csv --target Survived
  torchsmith doctor plan.yaml                  before it is trained
  torchsmith doctor my_training.py --epochs 3  its options stand after it
  torchsmith doctor last --fix                 which remedy helps, tried out
  torchsmith doctor --explain T4
""",
)
@click.argument("what", required=False, metavar="[RUN|SOURCE|PLAN|FILE.py]")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="")
@target_option
@set_option("Of data or a plan: set any value of the plan; may be repeated.")
@click.option(
    "--fix",
    is_flag=True,
    help="Of a run: try the remedies beside its plan, and write the plan that wins.",
)
@click.option("--train", is_flag=True, help="With --fix: train the mended plan.")
@click.option("--explain", "code", metavar="CODE", help="Say what a code means.")
@runs_option
@output_options
@click.pass_context
def doctor(  # noqa: PLR0913 -- its options
    ctx: click.Context,
    what: str | None,
    arguments: tuple[str, ...],
    target: str | None,
    pairs: tuple[tuple[str, object], ...],
    fix: bool,  # noqa: FBT001
    train: bool,  # noqa: FBT001
    code: str | None,
    runs_folder: Path,
    output: Output,
) -> None:
    """Find out what is wrong, how it shows, and what to do about it.

    Of a run: data, plan, how it trained and what came out. Of data or a plan: all that
    can be known before training. Of a script: its first steps, watched. Without an
    argument: this machine. Exit code 1 when an error is found.
    """
    if train and not fix:
        raise click.UsageError("--train goes with --fix")
    beside = ["--target"] * (target is not None) + ["--set"] * bool(pairs)
    beside += map(repr, arguments)
    if code is not None:
        named = [] if what is None else [repr(what)]
        beside = [*named, *["--fix"] * fix, *beside]
        _require_alone("--explain takes a code alone", beside)
        _explain(code, output)
    elif what is None:
        machine = "this machine is checked where no run, data or plan is named"
        _require_alone(machine, [*["--fix"] * fix, *beside])
        ctx.exit(_machine(runs_folder, output))
    elif fix:
        _require_alone("--fix takes a run, as it is", beside)
        ctx.exit(_fix(what, runs_folder, output, train=train))
    else:
        with output.progress() as observer:
            from torchsmith import api

            if arguments[:1] == ("--",):  # as people part those of another command
                arguments = arguments[1:]
            diagnosis = api.doctor(
                what,
                target=target,
                settings=collect_settings(pairs),
                arguments=arguments,
                runs=runs_folder,
                observer=observer,
            )
        from torchsmith.api.diagnosing import folder_of

        folder = folder_of(what, runs_folder)
        _show(diagnosis, output, None if folder is None else folder.path)
        ctx.exit(1 if diagnosis.errors else 0)


def _require_alone(what: str, beside: Sequence[str]) -> None:
    """Refuse what would not be heeded, before anything is tried for minutes."""
    if beside:
        raise click.UsageError(f"{what}: leave out {', '.join(beside)}")


def _fix(run: str, runs_folder: Path, output: Output, *, train: bool) -> int:
    """Try remedies, and return the exit code."""
    with output.progress() as observer:
        from torchsmith import api

        mended = api.load_run(run, runs=runs_folder).fix(train=train, observer=observer)
    if output.as_json:
        output.json(mended.model_dump(mode="json"))
    elif output.quiet:
        output.say(mended.run or mended.plan or "")
    else:
        output.say(str(mended))
    return Interrupted.exit_code if mended.was_stopped else 0


def _show(diagnosis: "Diagnosis", output: Output, run: Path | None) -> None:
    from torchsmith.cli.diagnosis import diagnosis_json, print_diagnosis

    if output.as_json:
        output.json(diagnosis_json(diagnosis))
    elif output.quiet:
        output.say(str(diagnosis))
    else:
        print_diagnosis(diagnosis, output.console, run)


def _explain(code: str, output: Output) -> None:
    from torchsmith.doctor.pages import explained

    text = explained(code)
    if output.as_json:
        output.json({"code": code.strip().upper(), "page": text})
    elif (console := output.console).is_terminal:
        from rich.markdown import Markdown

        console.print(Markdown(text))
    else:
        output.say(text.rstrip("\n"))


def _machine(runs_folder: Path, output: Output) -> int:
    """Check this machine, and return the exit code."""
    with output.progress() as observer:
        observer.stage("Looking at this machine")
        from torchsmith.cli.environment import judge, look_around

        environment = look_around(runs_folder)
        findings = judge(environment)
    failed = any(finding.severity == "error" for finding in findings)
    if output.as_json:
        output.json(
            {
                "findings": [f.model_dump(mode="json") for f in findings],
                "environment": environment.model_dump(mode="json"),
            }
        )
    else:
        if not output.quiet:
            _print_facts(environment, output)
        for finding in findings:
            evidence = f" ({finding.evidence})" if finding.evidence else ""
            output.say(
                f"{finding.severity}: {finding.message}{evidence} {finding.remedy}"
            )
        if not failed and not output.quiet:
            output.say("\nReady. Try: torchsmith train digits")
    return 1 if failed else 0


def _print_facts(environment: "Environment", output: Output) -> None:
    memory = environment.memory
    engines = ["eager", "captured"]
    if environment.compiler:
        engines.append(f"compiled (by {environment.compiler})")
    rows = {
        "Python": environment.python,
        "System": environment.system,
        "Cores": str(environment.cores),
        "Memory": "not known" if memory is None else f"{gigabytes(memory)} free",
        "Disk": f"{gigabytes(environment.disk)} free at {environment.runs_folder}",
        "Devices": ", ".join(environment.devices) or "none",
        "Threads": f"{environment.threads} where a plan leaves them to PyTorch",
        "Engines": ", ".join(engines),
        "TORCHSMITH_DATA": ", ".join(environment.data_folders) or "not set",
    }
    for name, value in rows.items():
        output.say(f"{name:<16} {value}")
    output.say("")
    for name, installed in environment.packages.items():
        output.say(f"{name:<16} {installed or 'missing'}")
    output.say("")
