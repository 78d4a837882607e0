"""The examples in the documentation are run, and what it lists is complete.

```python blocks are run in order, sharing their names; in ```console blocks each line
`$ torchsmith …` is run and must succeed. Other blocks (```sh, ```yaml) are only shown.
"""

import random
import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from torchsmith.cli.main import cli
from torchsmith.core.spec import members
from torchsmith.core.vocabulary import ColumnRole, Metric, Precision, Task
from torchsmith.data.split import Split
from torchsmith.data.steps import Step
from torchsmith.plan.augment import Augmentation
from torchsmith.plan.averaging import Averaging
from torchsmith.plan.init import Init
from torchsmith.plan.layers import Layer
from torchsmith.plan.losses import Loss
from torchsmith.plan.networks import Network
from torchsmith.plan.optimizers import Optimizer
from torchsmith.plan.plan import Plan, Problem, Sizing, Source, Stopping, Training
from torchsmith.plan.schedules import Schedule

REPOSITORY = Path(__file__).resolve().parents[1]
PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)")


def blocks(page):
    return BLOCK.findall(page.read_text("utf-8"))


def runnable(page):
    return any(language in ("python", "console") for language, _ in blocks(page))


def write_housing(folder):
    """A small table like the one that the pages speak of, and rows without a price."""
    draw = random.Random(0)
    rows = []
    for _ in range(240):
        size, rooms = draw.uniform(30, 160), draw.randint(1, 6)
        district = draw.choice(["north", "south", "harbour"])
        price = 2.5 * size + 12 * rooms + 60 * (district == "harbour")
        price += draw.gauss(0, 15)
        rows.append(f"{size:.1f},{rooms},{district},{price:.1f}")
    table = "size,rooms,district,price\n" + "\n".join(rows) + "\n"
    (folder / "housing.csv").write_text(table)
    (folder / "new.csv").write_text("district,size,rooms\nnorth,70.5,3\nsouth,45,2\n")


@pytest.mark.parametrize(
    "page", [page for page in PAGES if runnable(page)], ids=lambda page: page.name
)
def test_the_examples_of_a_page_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_housing(tmp_path)
    names = {}
    for language, code in blocks(page):
        if language == "python":
            exec(compile(code, str(page), "exec"), names)
        elif language == "console":
            for line in code.splitlines():
                if line.startswith("$ torchsmith "):
                    run_command(line.removeprefix("$ torchsmith "))


def run_command(line):
    arguments = shlex.split(line, comments=True)
    result = CliRunner().invoke(cli, arguments, prog_name="torchsmith")
    assert result.exit_code == 0, f"{line}\n{result.output}\n{result.exception!r}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_file_leads_somewhere(page):
    for link in LINK.findall(page.read_text("utf-8")):
        if not link.startswith(("http://", "https://")):
            assert (page.parent / link).exists(), link


def in_backticks(page):
    """All that stands between backticks, split into words."""
    quoted = re.findall(r"`([^`\n]+)`", (REPOSITORY / "docs" / page).read_text("utf-8"))
    return {word for text in quoted for word in re.findall(r"\w+", text)}


def test_the_plan_page_names_every_key_and_every_choice():
    expected = set()
    for record in (Plan, Problem, Source, Split, Training, Stopping, Sizing):
        expected |= set(record.model_fields)
    learning = (Init, Loss, Optimizer, Schedule, Averaging)
    for union in (Step, Augmentation, Network, Layer, *learning):
        for spec in members(union):
            expected |= {spec.spec_name(), *spec.model_fields}
    for words in (Task, Metric, Precision, ColumnRole):
        expected |= set(words.__args__)
    expected -= {"reasons"}  # these are the comments
    assert expected - in_backticks("plan.md") == set()


def test_the_command_line_page_names_every_command():
    assert set(cli.commands) - in_backticks("cli.md") == set()


def test_the_data_page_names_every_set():
    from torchsmith.data.catalog import NAMES

    assert set(NAMES) - in_backticks("data.md") == set()
