"""Plan files: reading with every mistake named by its line, and writing."""

import re
from collections.abc import Iterable, Iterator, Set
from contextlib import contextmanager
from pathlib import Path
from typing import TypeGuard

from torchsmith.core.errors import PlanError, nearest
from torchsmith.core.files import write_atomic
from torchsmith.plan.check import impossible
from torchsmith.plan.plan import Plan
from torchsmith.plan.text import plan_text, resolve
from torchsmith.plan.wrong import validate
from torchsmith.plan.yaml import (
    MAX_BYTES,
    Document,
    NotYaml,
    Position,
    Problem,
    parse,
)

_HEADING = re.compile(r"#\s*torchsmith plan, version\s+(\S+)")


def is_plan_file(what: object) -> TypeGuard[str | Path]:
    """Whether a file is named that holds a plan, or a study, by its ending."""
    return isinstance(what, str | Path) and Path(what).suffix in {".yaml", ".yml"}


def read_plan(path: Path) -> Plan:
    """Read a plan, and refuse one that cannot be carried out.

    Comments become reasons.

    Args:
        path: A YAML file as `write_plan` writes it.

    Raises:
        PlanError: The file cannot be read, or is no plan; names every mistake with its
            line and column.
    """
    return parse_plan(read_yaml(path), str(path))


def read_yaml(path: Path) -> str:
    """Read the text of a plan or a study.

    Raises:
        PlanError: The file cannot be read, is too large, or is not UTF-8.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        beside = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        raise PlanError(f"no such plan: {path}{nearest(path.name, beside)}") from error
    except OSError as error:
        raise PlanError(f"{path}: cannot be read ({error.strerror})") from error
    if len(content) > MAX_BYTES:
        raise PlanError(
            f"{path}: {len(content):,} bytes are too many for a plan; at most "
            f"{MAX_BYTES:,} are read"
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise PlanError(f"{path}:{line}: not UTF-8; save it as UTF-8") from error


def parse_plan(text: str, name: str = "plan") -> Plan:
    """Read a plan from its text.

    Args:
        text: YAML.
        name: What the text is called in messages.

    Raises:
        PlanError: Names every mistake with its line and column.
    """
    text = text.replace("\r\n", "\n")
    try:
        document = parse(text)
    except NotYaml as error:
        raise _refusal(name, [error.problem]) from error
    problems = document.problems + _heading_problems(text, document)
    if problems and not isinstance(document.value, dict):
        raise _refusal(name, problems)
    found = validate({k: v for k, v in document.value.items() if k != "version"})
    if isinstance(found, Plan):
        for dotted, what in impossible(found):
            path, _ = resolve(document.value, dotted)
            problems.append(Problem(document.values[path], f"{dotted}: {what}"))
    else:
        for wrong in found:
            known = document.keys if wrong.at_key else document.values
            problems.append(Problem(known[wrong.path], wrong.text))
    if problems or not isinstance(found, Plan):
        raise _refusal(name, problems)
    reasons = {
        ".".join(map(str, path)): text for path, text in document.comments.items()
    }
    return found.model_copy(update={"reasons": reasons})


def write_plan(path: Path, plan: Plan) -> None:
    """Write a plan as YAML, whole or not at all.

    Raises:
        TrainError: The file cannot be written.
    """
    write_atomic(path, plan_text(plan))


@contextmanager
def naming_lines(path: Path, changed: Iterable[str] = ()) -> Iterator[None]:
    """Name the line in a plan file of what is refused once its data is known.

    Args:
        path: Of the file that the plan was read from.
        changed: Dotted paths that were set to other values than those in the file.

    Raises:
        PlanError: As it was raised inside, where it names a part of the plan with the
            place of this part in the file before it.
    """
    try:
        yield
    except PlanError as error:
        sections = Plan.model_fields.keys() - {d.partition(".")[0] for d in changed}
        lines = [_with_place(path, t, sections) for t in str(error).splitlines()]
        raise PlanError("\n".join(lines)) from error


def _with_place(path: Path, message: str, sections: Set[str]) -> str:
    dotted = message.partition(": ")[0]
    if dotted.partition(".")[0] not in sections:
        return message
    document = parse(path.read_text(encoding="utf-8-sig"))
    place = document.values.get(resolve(document.value, dotted)[0] or ("",))
    where = f":{place.line}:{place.column}" if place else ""
    return f"{path}{where}: {message}"


def _heading_problems(text: str, document: Document) -> list[Problem]:
    top = Position(1, 1)
    value = document.value
    if value is None:
        return [Problem(top, "the plan is empty; torchsmith plan SOURCE writes one")]
    if not isinstance(value, dict):
        what = "a plan is keys with values, such as 'problem:' and 'data:'"
        return [Problem(top, what)]
    heading = _HEADING.match(text)
    versions = [(heading.group(1), top)] if heading else []
    if "version" in value:
        versions.append((str(value["version"]), document.values["version",]))
    problems = [
        Problem(
            where, f"version {version} is not known; this torchsmith reads version 1"
        )
        for version, where in versions
        if version != "1"
    ]
    if "reasons" in value:
        what = "unknown key 'reasons'; reasons are comments at the ends of lines"
        problems.append(Problem(document.keys["reasons",], what))
    return problems


def _refusal(name: str, problems: list[Problem]) -> PlanError:
    ordered = sorted(problems, key=lambda p: (p.position.line, p.position.column))
    lines = [f"{name}:{p.position.line}:{p.position.column}: {p.text}" for p in ordered]
    if len(lines) > 1:
        lines.insert(0, f"{name}: {len(lines)} problems")
    return PlanError("\n".join(lines))
