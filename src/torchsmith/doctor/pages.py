"""The page of each code: `docs/doctor/` of a checkout, which the wheel carries."""

import re
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from torchsmith.core.codes import no_code
from torchsmith.core.errors import PlanError
from torchsmith.core.wording import sentence
from torchsmith.doctor.catalogue import CATALOGUE

_NOT_FOR_TERMINALS = re.compile(r"^(!\[.*|<!--.*)\n\n?", re.MULTILINE)
_ROW = re.compile(r"^\| ([DE]\d+) \|(.+)\|$", re.MULTILINE)


def explained(code: str) -> str:
    """Return what a code means, how it shows and what to do, as Markdown.

    Args:
        code: Of the doctor, of inspection or of this machine, such as `T4`; `t4` is
            understood.

    Raises:
        PlanError: There is no such code; near ones are offered.

    >>> explained("T4").splitlines()[0]
    '# T4: Units are dead'
    """
    code = code.strip().upper()
    if code in {disease.code for disease in CATALOGUE}:
        return _NOT_FOR_TERMINALS.sub("", _text(f"doctor/{code}.md"))
    inspected = dict(_ROW.findall(_text("findings.md")))
    if code not in inspected:
        raise PlanError(no_code(code))
    severity, when, why, remedy = (c.strip() for c in inspected[code].split(" | "))
    where = "on this machine" if code.startswith("E") else "by inspection"
    return (
        f"# {code}\n\nFound {where}, {severity}: {when}.\n\n"
        f"## Why it matters\n\n{_sentence(why)}\n\n"
        f"## What to do\n\n{_sentence(remedy)}\n"
    )


def _sentence(text: str) -> str:
    return f"{sentence(text)}."


def _text(name: str) -> str:
    shipped: Traversable = files("torchsmith.doctor").joinpath("docs")
    checkout = Path(__file__).parents[3] / "docs"
    return (shipped if shipped.is_dir() else checkout).joinpath(name).read_text("utf-8")
