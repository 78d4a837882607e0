"""What is known to be wrong with real data is found, and little else."""

from dataclasses import replace

import numpy as np
import pytest

from tests.inspect.build import found
from torchsmith.data.idx import read_idx_source
from torchsmith.data.image_folder import read_image_folder
from torchsmith.data.tables import read_table
from torchsmith.inspect.examine import inspect


@pytest.fixture
def look(shared_data):
    def look(path, target, **more):
        return inspect(read_table(shared_data / path, target=target, **more))

    return look


def roles(inspection):
    return {facts.name: facts.role for facts in inspection.columns}


def messages(inspection, code):
    return " ".join(finding.message for finding in found(inspection, code))


def warned(inspection):
    return [f.code for f in inspection.findings if f.severity != "note"]


def test_housing(look):
    made = look("housing/housing.csv", "median_house_value")
    assert made.target.task == "regression"
    assert messages(made, "D16") == "'total_bedrooms' is missing in 207 rows (1.0 %)."
    assert "line 292" in found(made, "D16")[0].where.replace("lines", "line")
    assert "ISLAND: 5" in messages(made, "D31")
    assert messages(made, "D21").startswith("965 rows (4.7 %)")
    assert warned(made) == ["D21"]


def test_california(look):
    made = look("california/california_housing.csv", "MedHouseVal")
    assert "965 rows (4.7 %) have exactly the highest" in messages(made, "D21")
    assert "'AveOccup' has 9 values far from all others, up to 1,243.33" in messages(
        made, "D18"
    )
    assert warned(made) == ["D21"]


def test_adult(look):
    made = look("adult/adult_train.csv", "income")
    assert made.target.task == "binary"
    assert "'workclass' is missing in 1,836 rows" in messages(made, "D16")
    assert "'fnlwgt' looks like a weight" in messages(made, "D30")
    assert "'education-num' repeats 'education'" in messages(made, "D28")
    assert "'capital-gain' is 99,999 in 159 rows" in messages(made, "D18")
    assert warned(made) == ["D18"]


@pytest.mark.parametrize("path", ["bank/bank.csv", "bank/bank-full.csv.gz"])
def test_bank(look, path):
    made = look(path, "y")
    assert warned(made) == ["D5", "D10"]
    assert "'duration' tells far more about 'y'" in messages(made, "D10")
    assert "'yes' 11." in messages(made, "D5")


@pytest.mark.parametrize(("color", "repeats"), [("red", "240"), ("white", "937")])
def test_wine(look, color, repeats):
    made = look(f"wine/winequality-{color}.csv", "quality")
    assert made.target.task == "multiclass"
    assert messages(made, "D27").startswith(f"{repeats} rows")
    assert "looks like a scale from 3 to" in messages(made, "D32")


def test_car(look):
    made = look("car/car_evaluation.csv", "output")
    assert set(roles(made).values()) == {"category"}
    assert [f.code for f in made.findings] == ["D5"]


def test_titanic(look):
    made = look("titanic/train.csv", "Survived")
    aside = [name for name, role in roles(made).items() if role == "ignore"]
    assert aside == ["PassengerId"]
    texts = [column for column in made.columns if column.role == "text"]
    assert [column.name for column in texts] == ["Name", "Cabin"]
    assert 0.05 < next(c.alike for c in made.columns if c.name == "Ticket") < 0.2
    assert [one.label for one in texts[0].bins[:3]] == ["mr", "miss", "mrs"]
    assert [f.message.split()[0] for f in found(made, "D16")] == [
        "'Cabin'",
        "'Age'",
        "'Embarked'",
    ]
    assert warned(made) == ["D16"]


def test_seoul_temperature(look):
    made = look(
        "korean/seoul_daily_temperature.csv", "평균기온(℃)", drop_missing_target=True
    )
    assert (made.time, made.target.task) == ("날짜", "regression")
    assert "'지점' has '108' in every row" in messages(made, "D2")
    assert "756" in messages(made, "D17")
    assert warned(made) == []


def test_crime_in_seoul(look):
    made = look("korean/crime_in_seoul.csv", "절도 발생")
    assert roles(made)["관서명"] == "ignore"
    assert "thousands separator ',' removed in 29 values" in messages(made, "D17")
    assert warned(made) == ["D25"]


def test_apartment_sales(look):
    made = look("korean/jongno_apartment_sales_2010_2019.csv", "거래금액")
    assert made.target.task == "regression"
    assert "removed in 6,261 values (first: '100,000')" in messages(made, "D17")
    assert "stand in the order of '년'" in messages(made, "D9")
    assert warned(made) == []


def test_pictures_of_cats_and_dogs(shared_data):
    made = inspect(read_image_folder(shared_data / "catdog"))
    assert made.given == {"train": 65, "test": 31}
    assert messages(made, "D33").startswith("6 files are BMP")
    assert made.images.formats == {"JPEG": 90, "BMP": 6}
    assert warned(made) == ["D25"]


def test_mnist_has_no_findings(shared_data):
    data = read_idx_source(shared_data / "mnist")
    every_fifth = data.take(np.arange(0, len(data), 5))
    made = inspect(every_fifth)
    assert made.findings == ()
    assert made.target.classes == tuple("0123456789")
    copied = replace(every_fifth, given=every_fifth.given.copy())
    copied.inputs.pixels[-1] = copied.inputs.pixels[0]
    assert messages(inspect(copied), "D8").startswith("1 picture of the test part")
