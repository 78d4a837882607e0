"""Draw the pictures of the doctor's pages, and write their tables of thresholds.

    python scripts/doctor_pages.py               all of them, about two minutes
    python scripts/doctor_pages.py T4 Q2         the pictures of these codes
    python scripts/doctor_pages.py --thresholds  only the tables

Every curve and bar is measured here, seeded, on one thread; nothing is drawn by hand.
The tables stand below a line `<!-- thresholds: module.NAME … -->` of a page and hold
the values and the docstrings of these constants.
"""

import ast
import re
import sys
import warnings
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGES = ROOT / "docs" / "doctor"
SOURCE = ROOT / "src" / "torchsmith" / "doctor"

TABLE = re.compile(r"^<!-- thresholds: (.+?) -->\n(?:\n(?:\|.*\n)+)?", re.MULTILINE)


def main(arguments: list[str]) -> int:
    """Write what is asked for; return the exit code."""
    sys.path[:0] = [str(ROOT)]
    if not set(arguments) - {"--thresholds"}:
        for page in sorted(PAGES.glob("*.md")):
            page.write_text(with_thresholds(page.read_text("utf-8")), "utf-8")
    if arguments == ["--thresholds"]:
        return 0
    import torch
    from doctor_pictures import PICTURES
    from doctor_pictures.drawing import svg

    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # faults are warned of
    if unknown := [code for code in arguments if code not in PICTURES]:
        print(f"error: no picture {unknown[0]!r}; there are {', '.join(PICTURES)}")
        return 2
    (PAGES / "pictures").mkdir(exist_ok=True)
    for code in arguments or PICTURES:
        picture = PICTURES[code]()
        (PAGES / "pictures" / f"{code}.svg").write_text(svg(picture), "utf-8")
        told = " | ".join(
            f"{s.name}: {s.note}" for s in (picture.sick, picture.healthy)
        )
        print(f"{code:4} {picture.what} | {told}", flush=True)
    return 0


def with_thresholds(page: str) -> str:
    """Return a page with its tables of thresholds as the code has them now.

    Raises:
        ValueError: A constant that the page names is not there.
    """
    return TABLE.sub(lambda found: _table(found[1]), page)


def _table(names: str) -> str:
    rows: dict[str, list[tuple[str, str]]] = {}  # what several share stands once
    for name in names.split():
        module, _, constant = name.rpartition(".")
        value, meaning = constants(module)[constant]
        rows.setdefault(meaning, []).append((f"`{name}`", value))
    lines = [f"<!-- thresholds: {names} -->", "", "| constant | value | |"]
    lines.append("|---|---|---|")
    for meaning, cells in rows.items():
        constant, value = (", ".join(column) for column in zip(*cells, strict=True))
        lines.append(f"| {constant} | {value} | {meaning} |")
    return "\n".join(lines) + "\n"


def constants(module: str) -> dict[str, tuple[str, str]]:
    """Return value and meaning of each constant of a module, without importing it.

    Args:
        module: Within `torchsmith.doctor`, such as `course` or `script.rules_loop`.
    """
    path = SOURCE.joinpath(*module.split(".")).with_suffix(".py")
    found: dict[str, tuple[str, str]] = {}
    last: list[str] = []
    for node in ast.parse(path.read_text("utf-8")).body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                new = {name: value}
            case ast.Assign(
                targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)
            ):
                new = dict(zip(map(ast.unparse, names), values, strict=True))
            case ast.Expr(value=ast.Constant(value=str(text))):
                meaning = " ".join(text.split()).replace("|", "\\|")
                found |= {name: (found[name][0], meaning) for name in last}
                new = {}
            case _:
                new = {}
        found |= {name: (f"`{ast.unparse(value)}`", "") for name, value in new.items()}
        last = list(new)
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
