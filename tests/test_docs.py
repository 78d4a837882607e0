"""The examples in the documentation are run, and what it lists is complete.

```python blocks are run in order, sharing their names; in ```console blocks each line
`$ torchsmith …` is run and must succeed. What an ```output block shows, a command above
it must have printed. Other blocks (```sh, ```yaml, ```py) are only shown.
Pages that name sets to download need them in the folder of real data.
"""

import json
import random
import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

import torchsmith
from tests.eject.forked import forked_scripts
from torchsmith.cli.main import cli
from torchsmith.core.spec import members
from torchsmith.core.vocabulary import ColumnRole, EngineName, Metric, Precision, Task
from torchsmith.data.catalog import ENTRIES
from torchsmith.data.split import Split
from torchsmith.data.steps import Step
from torchsmith.plan import decide
from torchsmith.plan.augment import Augmentation
from torchsmith.plan.averaging import Averaging
from torchsmith.plan.calibration import Calibration
from torchsmith.plan.doctor import Doctor
from torchsmith.plan.init import Init
from torchsmith.plan.layers import Layer
from torchsmith.plan.losses import Loss
from torchsmith.plan.networks import Network
from torchsmith.plan.optimizers import Optimizer
from torchsmith.plan.plan import Plan, Problem, Sizing, Source, Stopping, Training
from torchsmith.plan.schedules import Schedule
from torchsmith.recipes.catalogue import NAMES as RECIPE_NAMES
from torchsmith.recipes.catalogue import recipe
from torchsmith.recipes.lesson import Lesson
from torchsmith.recipes.study import Study

REPOSITORY = Path(__file__).resolve().parents[1]
RECIPES = REPOSITORY / "docs" / "recipes"
PAGES = [
    REPOSITORY / "README.md",
    *sorted((REPOSITORY / "docs").glob("*.md")),
    *sorted(RECIPES.glob("*.md")),
]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)")


def blocks(page):
    return BLOCK.findall(page.read_text("utf-8"))


def runnable(page):
    """Whether a page has examples; in Korean they are those of the English page."""
    return not page.name.endswith(".ko.md") and bool(examples(page))


def examples(page):
    """The blocks of a page that are run."""
    return [b for b in blocks(page) if b[0] in ("python", "console", "output")]


def sets_to_download(page):
    """The sets that the examples of a page need and that are not built in."""
    code = " ".join(code for _, code in examples(page))
    needed = {entry.name for entry in ENTRIES if entry.folder and entry.name in code}
    for name in RECIPE_NAMES:
        if re.search(rf"{name}(?![\w-])", code):
            needed |= {e.name for e in ENTRIES if e.folder and e.name == data_of(name)}
    return needed


def data_of(name):
    """The set that a recipe reads, or an empty text."""
    match recipe(name):
        case Plan() as plan:
            return plan.data.source
        case Study() as study:
            return study.base.data.source
        case Lesson() as lesson:
            return lesson.data


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


def slow_where_a_recipe_is_shown(page):
    """Mark pages of recipes, which are tested by themselves, too: they take 90 s."""
    marks = [pytest.mark.slow] if page.parent == RECIPES else []
    return pytest.param(page, id=page.name, marks=marks)


@pytest.mark.parametrize(
    "page", [slow_where_a_recipe_is_shown(page) for page in PAGES if runnable(page)]
)
def test_the_examples_of_a_page_run(page, tmp_path, monkeypatch, request):
    if sets_to_download(page):
        data = request.getfixturevalue("shared_data")
        monkeypatch.setenv("TORCHSMITH_DATA", str(data))
    monkeypatch.chdir(tmp_path)
    write_housing(tmp_path)
    # What is typed is tested here; how long it may learn, and a script in a process of
    # its own, are by themselves.
    monkeypatch.setattr(decide, "DEFAULT_BUDGET", 10.0)
    with forked_scripts():
        run_examples(page)


def run_examples(page):
    names, printed = {}, ""
    for language, code in examples(page):
        if language == "python":
            exec(compile(code, str(page), "exec"), names)
        elif language == "output":
            assert " ".join(code.split()) in printed
        else:
            for line in code.splitlines():
                if line.startswith("$ torchsmith "):
                    output = run_command(line.removeprefix("$ torchsmith "))
                    printed += " ".join(output.split())


@pytest.mark.parametrize("name", RECIPE_NAMES)
def test_a_recipe_has_a_page_in_two_languages_with_the_same_code(name):
    english, korean = RECIPES / f"{name}.md", RECIPES / f"{name}.ko.md"
    assert english.is_file()
    assert korean.is_file()
    assert blocks(english) == blocks(korean)
    assert re.search("[가-힣]", korean.read_text("utf-8"))
    index = (RECIPES / "README.md").read_text("utf-8")
    assert f"({english.name})" in index
    assert f"({korean.name})" in index


def test_every_page_of_a_recipe_is_of_a_recipe():
    pages = {page.name.partition(".")[0] for page in RECIPES.glob("*.md")}
    assert pages - {"README"} <= set(RECIPE_NAMES)


def run_command(line):
    arguments = shlex.split(line, comments=True)
    result = CliRunner().invoke(cli, arguments, prog_name="torchsmith")
    assert result.exit_code == 0, f"{line}\n{result.output}\n{result.exception!r}"
    return result.output


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
    for record in (Plan, Problem, Source, Split, Training, Stopping, Doctor, Sizing):
        expected |= set(record.model_fields)
    learning = (Init, Loss, Optimizer, Schedule, Averaging, Calibration)
    for union in (Step, Augmentation, Network, Layer, *learning):
        for spec in members(union):
            expected |= {spec.spec_name(), *spec.model_fields}
    for words in (Task, Metric, Precision, EngineName, ColumnRole):
        expected |= set(words.__args__)
    expected -= {"reasons"}  # these are the comments
    assert expected - in_backticks("plan.md") == set()


def test_the_command_line_page_names_every_command():
    assert set(cli.commands) - in_backticks("cli.md") == set()


def test_the_command_line_page_names_every_environment_variable():
    source = REPOSITORY / "src" / "torchsmith"
    code = "".join(path.read_text("utf-8") for path in source.rglob("*.py"))
    own = set(re.findall(r"\bTORCHSMITH_[A-Z]+\b", code))
    assert own | {"CXX", "XDG_CACHE_HOME"} <= in_backticks("cli.md")


def test_the_data_page_names_the_settings_of_memory_and_cache():
    from torchsmith.core.memory import MEMORY_VARIABLE

    words = in_backticks("data.md")
    assert {MEMORY_VARIABLE, "XDG_CACHE_HOME", "num_workers"} <= words


def test_the_data_page_names_every_set():
    from torchsmith.data.catalog import NAMES

    assert set(NAMES) - in_backticks("data.md") == set()


def test_files_and_numbers_of_a_run_are_named(tmp_path):
    run = torchsmith.train("iris", settings={"training.epochs": 1}, runs=tmp_path)
    quickstart = (REPOSITORY / "docs" / "quickstart.md").read_text("utf-8")
    for file in run.path.glob("[!.]*"):
        assert f"`{file.name}{'/' * file.is_dir()}`" in quickstart, file.name
    page = REPOSITORY / "docs" / "cli.md"
    [shown] = (json.loads(code) for kind, code in blocks(page) if kind == "json")
    summary = run.summary()
    assert shown.keys() == summary.keys()
    for name in ("metrics", "calibration", "seconds"):
        assert shown[name].keys() == summary[name].keys(), name
