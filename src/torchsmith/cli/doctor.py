"""`torchsmith doctor`: is this machine ready, and what is missing."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from torchsmith.cli.options import output_options, runs_option
from torchsmith.cli.output import Output
from torchsmith.cli.wording import gigabytes

if TYPE_CHECKING:
    from torchsmith.cli.environment import Environment


@click.command(
    epilog="""\b
Examples:
  torchsmith doctor
  torchsmith doctor --json
"""
)
@runs_option
@output_options
@click.pass_context
def doctor(ctx: click.Context, runs_folder: Path, output: Output) -> None:
    """Check this machine, and say what is missing.

    Versions, devices, memory, disk. Exit code 1 when something is missing that
    Torchsmith cannot do without.
    """
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
    ctx.exit(1 if failed else 0)


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
