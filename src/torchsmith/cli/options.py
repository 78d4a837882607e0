"""Options that several commands share, and what their values mean."""

import re
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from torchsmith.cli.output import Output
from torchsmith.core.errors import DataError, PlanError
from torchsmith.core.files import (
    check_ending,
    check_replaceable,
    require_writable,
    target_of,
)

Command = TypeVar("Command", bound=Callable[..., Any])

_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}


class Seconds(click.ParamType[float]):
    """A length of time: `60`, `60s`, `5m`, `1.5h`; becomes seconds."""

    name = "TIME"

    def convert(
        self,
        value: Any,  # noqa: ANN401
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> float:
        """Return seconds."""
        if isinstance(value, float):
            return value
        match = re.fullmatch(r"([0-9]*\.?[0-9]+) ?(s|m|min|h)?", str(value).strip())
        seconds = float(match[1]) * _UNITS[match[2] or ""] if match else 0.0
        if seconds <= 0:
            self.fail(
                f"'{value}' is not a length of time; write 60, 60s, 5m or 1h",
                param,
                ctx,
            )
        return seconds


class WholeNumber(click.IntRange):
    """A whole number within bounds, which messages call so."""

    name = "whole number"


class Seeds(click.ParamType[int | tuple[int, ...]]):
    """How many seeds, `8`, or which, `0,3,7`."""

    name = "N|LIST"

    def convert(
        self,
        value: Any,  # noqa: ANN401
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> int | tuple[int, ...]:
        """Return the number, or the seeds."""
        if isinstance(value, int | tuple):
            return value
        try:
            seeds = tuple(int(text) for text in str(value).strip("[] ").split(","))
        except ValueError:
            self.fail(
                f"'{value}' are no seeds; write how many (8), or which (0,3,7)",
                param,
                ctx,
            )
        return seeds if "," in str(value) else seeds[0]


class Setting(click.ParamType[tuple[str, object]]):
    """A value of the plan: `training.epochs=3`; its text is read as YAML later."""

    name = "KEY=VALUE"

    def convert(
        self,
        value: Any,  # noqa: ANN401
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> tuple[str, object]:
        """Return the dotted key and the text of the value."""
        if isinstance(value, tuple):
            return value
        key, equals, text = str(value).partition("=")
        if not equals or not key.strip():
            self.fail(
                f"'{value}' is not KEY=VALUE; write for example training.epochs=3",
                param,
                ctx,
            )
        return key.strip(), text.strip()


def collect_settings(
    pairs: tuple[tuple[str, object], ...],
    *,
    epochs: int | None = None,
    seed: int | None = None,
    device: str | None = None,
) -> dict[str, object]:
    """Join `--set` with its shortcuts.

    Args:
        pairs: What `--set` gave, in order.
        epochs: Short for `training.epochs`.
        seed: Short for `training.seed`.
        device: Short for `training.device`.

    Returns:
        Values of the plan by dotted key; those of `--set` are texts, to read as YAML.

    Raises:
        PlanError: The same key is given two different values.
    """
    shortcuts = {
        "training.epochs": epochs,
        "training.seed": seed,
        "training.device": device,
    }
    asked = [*pairs, *((k, v) for k, v in shortcuts.items() if v is not None)]
    settings: dict[str, object] = {}
    for key, value in asked:
        if key in settings and str(settings[key]) != str(value):
            raise PlanError(
                f"{key} is given twice, as {settings[key]} and as {value}; give it once"
            )
        settings[key] = value
    return settings


def check_writable(
    path: Path | None, *endings: str, force: bool, source: str = ""
) -> None:
    """Refuse a file before the work that it shall hold is done.

    Args:
        path: What `--output` names, if it does.
        endings: Those of the format in which it is written.
        force: Whether a file that is there may be overwritten.
        source: What the file is made of, which it must not overwrite.

    Raises:
        DataError: It is `-` or a device, there is no such folder, the file is there
            already, it is the source, or its ending is that of another format.
        TrainError: The folder is read-only.
    """
    if path is None:
        return
    if str(path) == "-":
        raise DataError(
            "-o -: names no file; give a file's name, or leave -o out, and what fits a "
            "terminal is printed"
        )
    if not path.parent.is_dir():
        raise DataError(f"{path}: there is no folder {path.parent}; make it first")
    check_replaceable(path)
    if _is_same(path, source):
        raise DataError(f"{path}: is what the file is made of; give -o another name")
    check_ending(path, *endings)
    if path.exists() and not force:
        raise DataError(f"{path}: is there already; add --force to overwrite it")
    check_folder(path)


def check_folder(path: Path) -> None:
    """Make sure that a file can be written, before the work that it shall hold is done.

    Raises:
        TrainError: Its folder is read-only.
    """
    require_writable(target_of(path).parent, "name a file elsewhere with -o")


def _is_same(path: Path, source: str) -> bool:
    try:
        return path.samefile(source)
    except (OSError, ValueError):  # one of them is not there, or no name of a file
        return False


def file_option(meaning: str) -> Callable[[Command], Command]:
    """Add `--output`, which the command gets as `path`."""
    return click.option(
        "--output",
        "-o",
        "path",
        type=click.Path(path_type=Path, dir_okay=False),
        help=meaning,
    )


def set_option(meaning: str) -> Callable[[Command], Command]:
    """Add `--set`, which the command gets as `pairs`."""
    return click.option("--set", "pairs", type=Setting(), multiple=True, help=meaning)


def force_option(command: Command) -> Command:
    """Add `--force`."""
    return click.option("--force", is_flag=True, help="Overwrite the file.")(command)


def output_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add `--json` and `--quiet`; the command gets them as `output`."""

    @wraps(command)
    def with_output(*, as_json: bool, quiet: bool, **given: Any) -> None:  # noqa: ANN401
        command(output=Output(as_json=as_json, quiet=quiet), **given)

    quiet = click.option(
        "--quiet", "-q", is_flag=True, help="Show no progress; print only the result."
    )
    as_json = click.option(
        "--json",
        "as_json",
        is_flag=True,
        help="Print one JSON object; everything else goes to standard error.",
    )
    return as_json(quiet(with_output))


def target_option(command: Command) -> Command:
    """Add `--target`."""
    return click.option("--target", "-t", metavar="COL", help="The column to predict.")(
        command
    )


def runs_option(command: Command) -> Command:
    """Add `--runs`."""
    return click.option(
        "--runs",
        "runs_folder",
        type=click.Path(path_type=Path, file_okay=False),
        default=Path("runs"),
        show_default=True,
        metavar="DIR",
        help="The folder of all runs.",
    )(command)


def plan_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add `--set`, its shortcuts, and `--budget`; the command gets `settings`."""

    @wraps(command)
    def with_settings(
        *,
        pairs: tuple[tuple[str, object], ...],
        epochs: int | None,
        seed: int | None,
        device: str | None,
        **given: Any,  # noqa: ANN401
    ) -> None:
        settings = collect_settings(pairs, epochs=epochs, seed=seed, device=device)
        command(settings=settings, **given)

    wrapped = with_settings
    for option in reversed(_plan_options()):
        wrapped = option(wrapped)
    return wrapped


def _plan_options() -> list[Callable[[Callable[..., None]], Callable[..., None]]]:
    return [
        set_option("Set any value of the plan; may be repeated."),
        click.option(
            "--epochs",
            type=WholeNumber(min=1),
            metavar="N",
            help="Short for --set training.epochs=N.",
        ),
        click.option(
            "--seed",
            type=WholeNumber(min=0),
            metavar="N",
            help="Short for --set training.seed=N.",
        ),
        click.option(
            "--device",
            type=click.Choice(["auto", "cpu", "cuda", "mps"]),
            help="Short for --set training.device=….",
        ),
        click.option(
            "--budget",
            type=Seconds(),
            help="About how long the whole run may take: 60s, 5m, 1h.",
        ),
    ]
