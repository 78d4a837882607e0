import io

import numpy as np
from PIL import Image
from rich.cells import cell_len
from rich.console import Console

from tests.inspect.build import (
    labels,
    noise,
    pictures,
    sequences,
    table,
    texts,
    volumes,
)
from torchsmith.cli.checklist import inspection_json, print_findings, print_inspection
from torchsmith.data.load import load
from torchsmith.inspect.examine import inspect
from torchsmith.inspect.inspection import Finding


def shown(inspection, width=80):
    out = io.StringIO()
    print_inspection(inspection, Console(file=out, width=width, no_color=True))
    return out.getvalue()


def example():
    ages = noise().tolist()
    ages[5] = None
    columns = {
        "나이와 아주 긴 이름을 가진 열": ages,
        "구": [f"구{i % 3}" for i in range(200)],
        "day": np.datetime64("2020-01-01") + np.arange(200) % 50,
        "id": list(range(200)),
        "ok": [True, False] * 100,
    }
    return inspect(table(columns, [*labels(199), "c"]))


def test_it_fits_80_columns_with_wide_letters():
    lines = shown(example()).splitlines()
    assert max(map(cell_len, lines)) <= 80


def test_columns_align_whatever_the_script():
    text = shown(example())
    rows = [
        line for line in text.splitlines() if line.startswith(("나이", "구", "day"))
    ]
    ends = {
        cell_len(line[: line.index(role)])
        for line, role in zip(rows, ("number", "category", "date"), strict=True)
    }
    assert len(ends) == 1


def test_checks_that_passed_and_failed_are_both_shown():
    text = shown(example())
    assert "✓ no value is infinite" in text
    assert "· no value is missing" in text
    assert "✗ every class has enough examples" in text
    assert "D23" in text
    assert "given parts" not in text
    assert "every picture" not in text


def test_each_finding_has_place_and_remedy():
    text = shown(example(), width=200)
    assert "'나이와 아주 긴 이름을 가진 열' is missing in 1 row (0.5 %)." in text
    assert "line 7" in text
    assert "→ Torchsmith fills in the median" in text
    *_, counts, meaning = text.splitlines()
    assert counts.startswith("1 error")
    assert meaning.rstrip() == "What D23 means: torchsmith doctor --explain D23"


def test_classes_have_bars():
    assert "a 100 50.0 % ████" in shown(example())


def test_a_regression_target_and_a_table_without_target_are_shown():
    text = shown(inspect(table({"x": noise()}, noise(seed=2))))
    assert "target y: regression; 'y' holds 200 distinct numbers" in text
    assert "target" not in shown(inspect(table({"x": noise()}))).split("checked")[0]


def test_only_what_applies_to_the_target_is_checked():
    numbers = shown(inspect(table({"x": noise()}, noise(seed=1))))
    assert "neither capped nor skewed" in numbers
    assert "classes are balanced" not in numbers
    classes = shown(inspect(table({"x": noise()}, labels(200))))
    assert "neither capped nor skewed" not in classes
    assert "classes are balanced" in classes


def test_of_many_columns_it_is_said_how_many_are_not_shown():
    columns = {f"g{i}": noise(seed=i) for i in range(1, 61)}
    assert "… 20 more columns" in shown(inspect(table(columns)))


def test_pictures_are_shown():
    pixels = np.random.default_rng(0).integers(0, 256, (240, 8, 9, 3), np.uint8)
    found = inspect(pictures(pixels, labels(240)))
    found = found.model_copy(update={"reading": {"pixel_range": "0..255"}})
    text = shown(found)
    assert "pixel range 0..255" in text
    assert "colour, 8 x 9 pixels; brightness 0.50" in text
    assert text.rstrip().endswith("No findings.")
    assert "✓ every picture shows something" in text


def test_pictures_of_a_column_are_on_the_list(tmp_path):
    lines = ["photo,price"]
    for row in range(40):
        Image.new("L", (9 + row % 2, 9), row).save(tmp_path / f"{row}.png")
        lines.append(f"{row}.png,{row}")
    (tmp_path / "shop.csv").write_text("\n".join(lines) + "\n")
    text = shown(inspect(load(tmp_path / "shop.csv", target="price")))
    assert "✓ the files are what their names say" in text
    assert "· all pictures have one size" in text
    assert "all pictures have one size" not in shown(example())


def test_markup_in_names_is_printed_as_it_stands():
    text = shown(inspect(table({"[red]x[/]": noise()}, ["[b]", "c"] * 100)))
    assert "[red]x[/]" in text
    assert "[b]" in text


def test_many_findings_of_one_code_are_folded():
    many = [Finding(code="D2", severity="note", message=f"m{i}") for i in range(9)]
    out = io.StringIO()
    print_findings(many, Console(file=out, width=80))
    assert "m4" in out.getvalue()
    assert "m5" not in out.getvalue()
    assert "and 4 more D2" in out.getvalue()


def test_json_has_findings_and_facts():
    made = inspection_json(example())
    assert set(made["findings"][0]) == {
        "code",
        "severity",
        "message",
        "where",
        "evidence",
        "remedy",
        "changes",
        "only_if",
        "moment",
    }
    assert made["num_examples"] == 200
    assert made["target"]["classes"] == ["a", "b", "c"]


def test_channels_of_sequences_are_listed():
    made = [noise(40, seed)[:, None] * [1, 1000] for seed in range(60)]
    data = sequences(made, labels(60), channels=["작은", "large"])
    text = shown(inspect(data))
    assert "60 sequences" in text
    assert "2 channels, 40 steps" in text
    assert "작은" in text
    assert "deviation" in text
    assert "✓ every sequence shows something" in text
    assert "every picture" not in text
    assert max(map(cell_len, text.splitlines())) <= 80


def test_uneven_lengths_of_texts_are_said():
    text = shown(inspect(texts(["ab", "abc", "cabba", "b"] * 20, labels(80))))
    assert "texts of 1 to 5 characters, typically 2; 3 different characters" in text


def test_volumes_are_described():
    values = (np.random.default_rng(0).random((30, 1, 4, 5, 6)) < 0.5).astype(np.uint8)
    text = shown(inspect(volumes(values, labels(30))))
    assert "30 volumes" in text
    assert "4 x 5 x 6 voxels of 0 or 1, 50." in text
    grey = shown(inspect(volumes(200 * values, labels(30))))
    assert "at most 200" in grey
