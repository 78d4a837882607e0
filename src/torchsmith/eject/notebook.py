"""A run as a notebook: the script's parts as cells, each with a heading."""

import json

from torchsmith.eject.code import imports, joined
from torchsmith.eject.script import about_run, sections_of
from torchsmith.eject.subject import Subject


def notebook_of(subject: Subject) -> str:
    """Write a run as a notebook of format 4.5.

    Raises:
        DataError: The source is not there any more.
        PlanError: The plan cannot be written down in plain PyTorch.
    """
    sections = sections_of(subject)
    codes = [
        joined([section.code])
        + ("\n\n\n" if section.code and section.steps else "")
        + "\n".join(section.steps)
        for section in sections
    ]
    title, _, rest = about_run(subject).partition("\n")
    cells = [_markdown(f"# {title.rstrip('.')}\n\n{rest}")]
    cells.append(_code(imports(joined(codes))))
    for number, (section, code) in enumerate(
        zip(sections, codes, strict=True), start=1
    ):
        cells.append(_markdown(f"## {number}. {section.title}\n\n{section.about}"))
        cells.append(_code(code))
    for place, cell in enumerate(cells):
        cell["id"] = f"cell-{place}"
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    whole = {
        "cells": cells,
        "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def code_of(notebook: str) -> str:
    """Return the code of a notebook's cells, one after the other."""
    cells = json.loads(notebook)["cells"]
    codes = ["".join(c["source"]) for c in cells if c["cell_type"] == "code"]
    return joined(codes) + "\n"


def _markdown(text: str) -> dict[str, object]:
    return {"cell_type": "markdown", "metadata": {}, "source": _lines(text)}


def _code(text: str) -> dict[str, object]:
    return {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {},
        "outputs": [],
        "source": _lines(text),
    }


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)
