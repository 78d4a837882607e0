"""The pages of the codes say what the catalogue and the code say."""

import json
import re
import tomllib
from pathlib import Path
from xml.etree import ElementTree

import pytest
from scripts.doctor_pages import constants, with_thresholds

from torchsmith.core.codes import KNOWN
from torchsmith.core.errors import PlanError
from torchsmith.doctor.catalogue import CATALOGUE
from torchsmith.doctor.pages import explained
from torchsmith.plan.file import parse_plan
from torchsmith.plan.plan import Plan
from torchsmith.plan.yaml import parse_value

REPOSITORY = Path(__file__).resolve().parents[2]
PAGES = REPOSITORY / "docs" / "doctor"
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SECTIONS = ["How it shows", "What to do", "More"]

CLASSES = "[a, b, c, d, e, f, g, h, i, j]"
TABLE = f"""
problem: {{task: multiclass, target: y, metric: accuracy, classes: {CLASSES}}}
data: {{source: rows.csv}}
prepare: [FillMissing, Standardize, {{EncodeCategories: one_hot}}]
network: {{MLP: [8]}}
loss: CrossEntropyLoss
optimizer: Adam
"""
NUMBERS = TABLE.replace(
    f"{{task: multiclass, target: y, metric: accuracy, classes: {CLASSES}}}",
    "{task: regression, target: y, metric: rmse}",
).replace("CrossEntropyLoss", "MSELoss")
PICTURES = f"""
problem: {{task: multiclass, target: y, metric: accuracy, classes: {CLASSES}}}
data: {{source: pictures, kind: images}}
prepare: [{{Resize: {{height: 28, width: 28}}}}, {{ToFloat: 255}}, Standardize]
network: {{Sequential: [Flatten, {{Linear: 8}}, ReLU, {{Linear: 10}}]}}
loss: CrossEntropyLoss
optimizer: Adam
"""
CODES = [disease.code for disease in CATALOGUE]


def page(code):
    return (PAGES / f"{code}.md").read_text("utf-8")


@pytest.mark.parametrize("disease", CATALOGUE, ids=CODES)
def test_a_page_has_the_title_the_moments_and_the_sections_of_its_code(disease):
    text = page(disease.code)
    title, _, found = text.splitlines()[:3]
    assert title == f"# {disease.code}: {disease.title}"
    assert tuple(re.findall(r"before|during|after", found)) == disease.moments
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == SECTIONS


def test_there_is_a_page_for_each_code_and_no_other():
    assert {path.stem for path in PAGES.glob("*.md")} == {*CODES, "README"}
    index = (PAGES / "README.md").read_text("utf-8")
    row = r"^\| \[(\w+)\]\(\1\.md\) \| (.+?) \| (.+?) \|$"
    listed = re.findall(row, index, re.MULTILINE)
    assert listed == [(d.code, d.title, ", ".join(d.moments)) for d in CATALOGUE]


@pytest.mark.parametrize("code", CODES)
def test_a_page_shows_a_sick_and_a_healthy_run(code):
    picture = PAGES / "pictures" / f"{code}.svg"
    assert f"](pictures/{code}.svg)" in page(code)
    told = ElementTree.fromstring(picture.read_text("utf-8"))[0].text
    assert told.count(";") >= 1
    assert picture.stat().st_size < 10_000


@pytest.mark.parametrize("code", CODES)
def test_the_thresholds_of_a_page_are_those_of_the_code(code):
    """Otherwise run: python scripts/doctor_pages.py --thresholds."""
    assert with_thresholds(page(code)) == page(code)


def test_a_table_of_thresholds_follows_the_code():
    old = "<!-- thresholds: reference.LEAST -->\n\n| of | before |\n\nText.\n"
    value, meaning = constants("reference")["LEAST"]
    assert meaning
    assert with_thresholds(old).splitlines()[4:] == [
        f"| `reference.LEAST` | {value} | {meaning} |",
        "",
        "Text.",
    ]
    with pytest.raises(KeyError, match="NO_SUCH"):
        with_thresholds("<!-- thresholds: reference.NO_SUCH -->\n")


@pytest.mark.parametrize("code", CODES)
def test_the_plan_lines_of_a_page_are_a_plan_and_its_python_is_python(code):
    for language, text in BLOCK.findall(page(code)):
        if language == "yaml":
            assert any(accepts(base, text) for base in (TABLE, NUMBERS, PICTURES)), text
        else:
            assert language == "py"
            compile(text, f"{code}.md", "exec")


def accepts(base, lines):
    """Whether a plan with these lines in place of its own can be read."""
    plan, new = parse_value(base), parse_value(lines)
    for key, value in new.items():
        joined = {"problem", "data", "split", "training", "stopping"}
        plan[key] = {**plan.get(key, {}), **value} if key in joined else value
    try:
        parse_plan(json.dumps(plan))
    except PlanError:
        return False
    return set(new) <= set(Plan.model_fields)


def test_a_page_is_shown_without_what_a_terminal_cannot_show():
    text = explained("t4")
    assert text.startswith("# T4: Units are dead\n\nFound during training.\n\n")
    assert "gives 0 for every example" in text.replace("\n", " ")
    assert "![" not in text
    assert "<!--" not in text
    assert "| constant |" in text


def test_the_codes_that_a_plan_may_name_are_those_that_are_explained():
    table = (REPOSITORY / "docs" / "findings.md").read_text("utf-8")
    inspected = re.findall(r"^\| ([A-Z]\d+) \|", table, re.MULTILINE)
    assert {*inspected, *(disease.code for disease in CATALOGUE)} == {*KNOWN}
    assert all(explained(code).startswith(f"# {code}") for code in KNOWN)


def test_a_code_of_inspection_is_explained_from_its_table():
    text = explained("D16")
    assert "values are missing" in text
    assert "Missing often means something." in text
    assert "| " not in text


def test_an_unknown_code_is_refused_with_a_near_one():
    with pytest.raises(PlanError, match="no code 'T44'; did you mean 'T4'"):
        explained("T44")


def test_the_wheel_carries_the_pages_where_they_are_looked_for():
    build = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))
    carried = build["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert carried == {
        "docs/doctor": "torchsmith/doctor/docs/doctor",
        "docs/findings.md": "torchsmith/doctor/docs/findings.md",
    }


def test_what_a_machine_lacks_is_explained_too():
    source = REPOSITORY / "src/torchsmith/cli/environment.py"
    codes = sorted(set(re.findall(r'"(E\d+)"', source.read_text("utf-8"))))
    table = (REPOSITORY / "docs/findings.md").read_text("utf-8")
    assert codes == re.findall(r"^\| (E\d+) \|", table, re.MULTILINE)
    assert explained("e6").startswith("# E6\n\nFound on this machine, note: PyTorch ")
    with pytest.raises(PlanError, match=r"E1 to E7 \(this machine\)"):
        explained("E99")
