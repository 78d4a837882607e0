"""Reports on sequences, texts, volumes and photos, made without training."""

from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from tests.inspect.build import sequences, table, texts, volumes
from torchsmith.data.data import Data
from torchsmith.evaluate.evaluation import Mistake
from torchsmith.evaluate.samples import choose_samples
from torchsmith.evaluate.shown import show
from torchsmith.inspect.examine import inspect
from torchsmith.plan.plan import Problem
from torchsmith.report.content import ReportContent


def content_of(
    base: ReportContent, data: Data, picture_column: str = ""
) -> ReportContent:
    """The report of another run, as if it had been made of this data."""
    inspection = inspect(data)
    classes = inspection.target.classes
    rows = np.arange(len(data))
    codes = np.array([classes.index(text) for text in data.target.texts()])
    problem = Problem(
        task="multiclass", target="label", metric="accuracy", classes=classes
    )
    evaluation = base.evaluation.model_copy(
        update={
            "kind": data.kind,
            "samples": choose_samples(problem, data, rows, codes, 0, picture_column),
            "mistakes": tuple(
                Mistake(
                    where=data.inputs.name(row),
                    target=classes[codes[row]],
                    prediction=classes[codes[row] - 1],
                    probability=0.98 - 0.03 * row,
                    loss=3.0 - row / 10,
                    **dict(shown),
                )
                for row, shown in enumerate(show(data.inputs, rows[:7], picture_column))
            ),
        }
    )
    return replace(
        base, title=data.source, inspection=inspection, evaluation=evaluation
    )


@cache
def curves() -> Data:
    """Ragged sequences of several channels of very different scales, with gaps."""
    random = np.random.default_rng(0)
    names = ("서 있기", "<b>walking</b>", "running and a name that is long")
    made = []
    for row in range(120):
        time = np.arange(60 + 3 * (row % 30))[:, None]
        steps = np.sin(time * (0.1 + 0.2 * (row % 3)) + random.uniform(0, 6, 3))
        steps = steps * [1, 2, 900] + 0.1 * random.normal(size=steps.shape)
        steps[20:24, row % 3] = np.nan
        made.append(steps)
    people = {"person": [f"p{row % 8}" for row in range(120)]}
    labels = [names[row % 3] for row in range(120)]
    channels = ("x", "<i>y</i>", "기압")
    return sequences(made, labels, people, channels=channels)


@cache
def words() -> Data:
    """Names of several scripts, one of them hostile, one of them long."""
    made = ["Müller", "김철수", "O\u202eBrien", "<script>alert(1)</script>", "a" * 600]
    made += [f"Name{row:03d}" for row in range(95)]
    return texts(made, [("A", "B")[row % 2] for row in range(100)])


@cache
def solids() -> Data:
    """Boxes and crosses."""
    made = np.zeros((60, 1, 20, 16, 24), np.uint8)
    made[::2, 0, 4:14, 3:9, 5:20] = 1
    made[1::2, 0, 9:11] = 1
    made[1::2, 0, :, 7:9, 11:13] = 1
    made[:, 0, 0, 0, :] = np.random.default_rng(0).random((60, 24)) < 0.5
    return volumes(made, ["box", "cross"] * 30)


def with_photos(base: ReportContent) -> ReportContent:
    """A table that names pictures, some flat and some tall, by names that are long."""
    with TemporaryDirectory() as folder:
        names = [f"{'a_long_name_' * 12}{row:03d}.png" for row in range(60)]
        for row, name in enumerate(names):
            size = ((900, 12), (12, 900), (40, 40))[row % 3]
            shade = (4 * row, 90, 255 - 4 * row)
            Image.new("RGB", size, shade).save(Path(folder, name))
        columns = {"<b>size</b>": range(60), "photo": names}
        data = table(columns, ["flat", "tall", "square"] * 20)
        inputs = replace(data.inputs, folder=Path(folder))
        return content_of(base, replace(data, inputs=inputs), "photo")
