"""Report contents as real runs would give them, made without training."""

import base64
import io
import math
from dataclasses import replace
from functools import cache

import numpy as np
from PIL import Image

from tests.report import kinds
from torchsmith.data.data import Change
from torchsmith.data.split import Split
from torchsmith.data.steps import (
    EncodeCategories,
    FillMissing,
    RobustScale,
    Standardize,
    StandardizeTarget,
    ToFloat,
)
from torchsmith.doctor.diagnosis import Diagnosis, Reference
from torchsmith.doctor.signals import LayerSignals, Signals
from torchsmith.evaluate.curves import curves
from torchsmith.evaluate.evaluation import (
    ClassScores,
    Curve,
    Evaluation,
    Importance,
    Mistake,
    Residuals,
    Rival,
    Score,
)
from torchsmith.explain.layers import LayerGraph, LayerNode
from torchsmith.explain.weights import Weights
from torchsmith.inspect.inspection import (
    Bin,
    ColumnFacts,
    Finding,
    ImageFacts,
    Inspection,
    TargetFacts,
)
from torchsmith.nn.summary import LayerRow, NetworkSummary
from torchsmith.plan.losses import BCEWithLogitsLoss, CrossEntropyLoss, MSELoss
from torchsmith.plan.networks import ConvNet, TabularMLP
from torchsmith.plan.optimizers import AdamW
from torchsmith.plan.plan import Plan, Problem, Source, Stopping, Training
from torchsmith.plan.schedules import CosineAnnealingLR, OneCycleLR
from torchsmith.report.content import ReportContent
from torchsmith.train.history import EpochRecord

GARMENTS = (
    "티셔츠",
    "바지",
    "풀오버 스웨터 (긴팔, 두꺼운 겨울용)",
    "ドレス",
    "外套",
    "sandal",
    "قميص",
    "sneaker",
    "थैला",
    "ankle boot",
)
ENVIRONMENT = {
    "torchsmith": "0.1.0",
    "torch": "2.13.0",
    "python": "3.11.9",
    "device": "CPU, 2 threads",
    "system": "Linux-6.1-x86_64",
    "seed": "0",
}


def png(pixels: np.ndarray) -> str:
    """Encode `(H, W)` or `(H, W, 3)` uint8 pixels as a PNG in base64."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def picture(seed: int, size: int = 28, blur: int = 5) -> str:
    """Draw a blob that is different for each seed."""
    noise = np.random.default_rng(seed).random((size + 2 * blur, size + 2 * blur))
    kernel = np.hanning(2 * blur + 1)
    for axis in (0, 1):
        noise = np.apply_along_axis(np.convolve, axis, noise, kernel, mode="same")
    inner = noise[blur:-blur, blur:-blur]
    inner = (inner - inner.min()) / (inner.max() - inner.min())
    return png((255 * np.clip(2 * inner - 0.7, 0, 1)).astype(np.uint8))


def sorting_curves(names: tuple[str, ...]) -> tuple[Curve, ...]:
    """Curves of probabilities that are better for some classes than for others."""
    random = np.random.default_rng(len(names))
    targets = random.integers(0, len(names), 600)
    raw = random.normal(size=(600, len(names)))
    raw[np.arange(600), targets] += 1 + targets / 3
    return curves(names, targets, np.exp(raw))


def drawn_layers() -> LayerGraph:
    """A convolution, a shortcut around another, and a class for each garment."""
    return LayerGraph(
        (
            LayerNode("input", "input", "input", (1, 28, 28)),
            LayerNode(
                "0", "convolution", "Conv2d(1, 32, kernel_size=5)", (32,), 9, (0,)
            ),
            LayerNode("1", "normalisation", "BatchNorm2d(32)", (32, 24, 24), 64, (1,)),
            LayerNode("2.body", "convolution", "Conv2d(32, 32, 3)", (32,), 9, (2,)),
            LayerNode("head", "linear", "Linear(<b>, 10)", (10,), 1_290, (2, 3)),
            LayerNode("output", "output", "output", (10,), inputs=(4,)),
        ),
        93_802,
    )


def drawn_weights() -> Weights:
    """Filters that grow."""
    first = np.random.default_rng(0).normal(size=(32, 1, 5, 5))
    states = {
        "before training": first,
        "epoch 1": 2 * first,
        "after training": 3 * first,
    }
    return Weights("0.weight", first.shape, states, (1, 5, 5))


def wilson(share: float, rows: int) -> Score:
    """The interval that a share of so many rows has."""
    z = 1.96
    middle = (share + z * z / (2 * rows)) / (1 + z * z / rows)
    half = math.sqrt(share * (1 - share) / rows + (z / (2 * rows)) ** 2)
    half *= z / (1 + z * z / rows)
    return Score(value=share, low=middle - half, high=min(middle + half, 1.0))


def around(value: float, half: float) -> Score:
    """A score with an even interval."""
    return Score(value=value, low=value - half, high=value + half)


def history(
    epochs: int, best: int, metric: str, start: float, end: float, lr: float = 1e-3
) -> list[EpochRecord]:
    """Losses that fall, and a metric that comes to its end, with some noise."""
    rng = np.random.default_rng(epochs)
    records = []
    for epoch in range(1, epochs + 1):
        done = 1 - math.exp(-3.2 * epoch / max(epochs, 4))
        late = max(0, epoch - best)
        records.append(
            EpochRecord(
                epoch=epoch,
                step=epoch * 86,
                train_loss=2.1 * math.exp(-5 * epoch / max(epochs, 4)) + 0.01,
                val_loss=1.9 * math.exp(-3.6 * epoch / max(epochs, 4))
                + 0.06
                + 0.006 * late
                + 0.004 * rng.random(),
                metrics={metric: start + (end - start) * done + 0.002 * rng.random()},
                lr=lr * (0.5 + 0.5 * math.cos(math.pi * epoch / epochs)) + 1e-7,
                seconds=3.4 + 0.2 * rng.random(),
                examples_per_second=14_000.0,
                best=epoch <= best,
            )
        )
    return records


def layer_rows(*rows: tuple[str, str, tuple[int, ...], int]) -> tuple[LayerRow, ...]:
    """Rows of a summary: name, type, shape of the outputs, and number of parameters."""
    return tuple(
        LayerRow(name=name, type=kind, output_shape=shape, num_parameters=count)
        for name, kind, shape, count in rows
    )


def scores_of_classes(
    classes: tuple[str, ...], confusion: np.ndarray
) -> tuple[ClassScores, ...]:
    """What a confusion matrix says of each class."""
    support, said = confusion.sum(1), confusion.sum(0)
    return tuple(
        ClassScores(
            name=name,
            precision=float(confusion[i, i] / said[i]),
            recall=float(confusion[i, i] / support[i]),
            f1=float(2 * confusion[i, i] / (support[i] + said[i])),
            support=int(support[i]),
        )
        for i, name in enumerate(classes)
    )


@cache
def images() -> ReportContent:
    """Ten kinds of garments with names in many scripts, MNIST-sized."""
    rng = np.random.default_rng(0)
    confusion = np.diag(rng.integers(880, 990, 10))
    for i in range(10):
        for j in rng.choice(10, 4, replace=False):
            if i != j:
                confusion[i, j] += int(rng.integers(1, 30))
    confusion[6, 0], confusion[0, 6] = 112, 74
    share = float(np.trace(confusion) / confusion.sum())
    rows = int(confusion.sum())
    plan = Plan(
        problem=Problem(
            task="multiclass", target="label", metric="accuracy", classes=GARMENTS
        ),
        data=Source(source="fashion_mnist", fingerprint="sha256:" + "3f" * 32),
        split=Split(test="given", val=0.1, stratify=True),
        prepare=(ToFloat(), Standardize()),
        network=ConvNet(channels=(32, 64, 128), depth=2, dropout=0.1),
        loss=CrossEntropyLoss(label_smoothing=0.05),
        optimizer=AdamW(lr=0.004, weight_decay=0.02),
        schedule=OneCycleLR(),
        training=Training(epochs=16, batch_size=128, threads=2, seconds=180),
        stopping=Stopping(patience=5),
        reasons={
            "problem.task": "'label' holds 10 distinct whole numbers",
            "problem.metric": "classes are balanced (smallest 9.7 %, largest 10.3 %)",
            "split.test": "the source comes with 10,000 test images",
            "split.val": "6,000 images measure accuracy to ±0.7 points",
            "prepare.0": "pixels are 8-bit, 0 to 255",
            "prepare.1": "fitted on the training part only",
            "network": "28x28 pictures have neighbours that belong together; "
            "about 5 million multiply-adds fit the budget of 180 s",
            "loss": "one class of ten per image",
            "optimizer.AdamW.lr": "peak of the cycle for batch norm and batches of 128",
            "schedule": "reaches a good end in a known number of epochs",
            "training.batch_size": "421 steps an epoch",
            "training.epochs": "10 epochs fit the budget of 180 s on 2 cores",
        },
    )
    return ReportContent(
        title="fashion_mnist → label",
        created="2026-11-20 14:32",
        plan=plan,
        changed={"training.epochs": "10", "optimizer.AdamW.weight_decay": "0.01"},
        inspection=Inspection(
            source="fashion_mnist",
            fingerprint="sha256:" + "3f" * 32,
            kind="images",
            num_examples=70_000,
            given={"train": 60_000, "test": 10_000},
            reading={"format": "IDX, gzip", "pixel_range": "0..255"},
            images=ImageFacts(
                channels=1,
                min_height=28,
                median_height=28,
                max_height=28,
                min_width=28,
                median_width=28,
                max_width=28,
                same_size=True,
                mean=0.286,
                deviation=0.353,
            ),
            target=TargetFacts(
                name="label",
                task="multiclass",
                evidence="'label' holds 10 distinct whole numbers, 0 to 9",
                classes=GARMENTS,
                counts=tuple(int(n) for n in rng.integers(6790, 7210, 10)),
                column=ColumnFacts(
                    name="label",
                    kind="number",
                    role="category",
                    reason="10 distinct whole numbers",
                    missing=0,
                    distinct=10,
                ),
            ),
            findings=(
                Finding(
                    code="D21",
                    severity="warning",
                    message="43 test images are also in the training part.",
                    where="images 12, 871, 2204, …",
                    evidence="43 of 10,000 (0.4 %) equal to the pixel",
                    remedy="Drop them with data.drop_duplicates, or read the test "
                    "score as slightly too good.",
                ),
                Finding(
                    code="D30",
                    severity="note",
                    message="The classes are balanced.",
                    evidence="smallest 9.7 %, largest 10.3 %",
                ),
            ),
        ),
        history=history(16, 13, "accuracy", 0.78, 0.935, 0.004),
        evaluation=Evaluation(
            task="multiclass",
            metric="accuracy",
            classes=GARMENTS,
            num_examples={"train": 54_000, "val": 6_000, "test": rows},
            scores={
                "val": {
                    "accuracy": wilson(0.938, 6000),
                    "log_loss": around(0.187, 0.01),
                },
                "test": {
                    "accuracy": wilson(share, rows),
                    "balanced_accuracy": wilson(share - 0.001, rows),
                    "f1_macro": around(0.931, 0.005),
                    "log_loss": around(0.195, 0.009),
                },
            },
            rivals=(
                rival("constant", "constant guess", 0.1, rows, share),
                rival("linear", "logistic regression", 0.844, rows, share),
                rival("neighbors", "nearest neighbours", 0.855, rows, share),
                rival("trees", "gradient-boosted trees", 0.889, rows, share),
            ),
            verdict="Better than gradient-boosted trees, the best of four simple "
            "rivals, beyond noise.",
            per_class=scores_of_classes(GARMENTS, confusion),
            confusion=tuple(tuple(int(n) for n in row) for row in confusion),
            curves=sorting_curves(GARMENTS),
            mistakes=tuple(
                Mistake(
                    where=f"image {137 * i + 4}",
                    target=GARMENTS[(3 * i) % 10],
                    prediction=GARMENTS[(3 * i + 2) % 10],
                    probability=0.999 - 0.004 * i,
                    loss=8.1 - 0.2 * i,
                    picture=picture(i),
                )
                for i in range(12)
            ),
        ),
        lr=0.004,
        network=NetworkSummary(
            input_shape=(1, 28, 28),
            layers=layer_rows(
                ("stages.0.0", "Conv2d(1, 32, 3x3)", (32, 28, 28), 288),
                ("stages.0.1", "BatchNorm2d(32)", (32, 28, 28), 64),
                ("stages.0.2", "ReLU", (32, 28, 28), 0),
                ("stages.1.1", "Conv2d(32, 64, 3x3)", (64, 14, 14), 18_432),
                ("stages.2.1", "Conv2d(64, 128, 3x3)", (128, 7, 7), 73_728),
                ("head", "Linear(128, 10)", (10,), 1_290),
            ),
            num_parameters=93_802,
            num_trainable=93_802,
        ),
        layers=drawn_layers(),
        weights=(drawn_weights(),),
        environment=ENVIRONMENT,
        reproduce=(
            "torchsmith train plan.yaml --name fashion_mnist",
            "torchsmith predict runs/2026-11-20-1432-fashion_mnist FILE -o out.csv",
        ),
        stopped="stopped early: val_loss has not improved for 3 epochs",
        seconds=171.0,
    )


def rival(name, title, share, rows, network) -> Rival:
    """A rival that is right so often, and how far the network is ahead."""
    half = 1.96 * math.sqrt(0.08 / rows)
    return Rival(
        name=name,
        title=title,
        scores={"accuracy": wilson(share, rows), "log_loss": around(0.5, 0.02)},
        difference=around(network - share, half),
        num_fitted=54_000,
        seconds=4.0,
        note="fitted on 20,000 of 54,000 rows" if name == "trees" else "",
    )


def number_column(name: str, low: float, high: float, missing: int = 0) -> ColumnFacts:
    """Facts about a number column with one hump."""
    edges = np.linspace(low, high, 13)
    counts = (
        np.random.default_rng(len(name)).integers(20, 60, 12) * np.hanning(14)[1:-1]
    )
    return ColumnFacts(
        name=name,
        kind="number",
        role="number",
        reason="numbers with fractions",
        missing=missing,
        distinct=844,
        low=low,
        high=high,
        mean=(low + high) / 2,
        median=(low + high) / 2.2,
        deviation=(high - low) / 5,
        bins=tuple(
            Bin(label=f"{a:.4g} to {b:.4g}", count=int(40 * c))
            for a, b, c in zip(edges[:-1], edges[1:], counts, strict=True)
        ),
    )


@cache
def regression() -> ReportContent:
    """House prices, where trees are ahead of the network."""
    rng = np.random.default_rng(1)
    actual = np.clip(rng.lognormal(12.1, 0.55, 2000), 15_000, 500_001)
    predicted = actual + rng.normal(0, 22_000 + 0.12 * actual)
    names = (
        "longitude",
        "latitude",
        "housing_median_age",
        "total_rooms",
        "total_bedrooms",
        "population",
        "households",
        "median_income",
    )
    columns = (
        number_column("longitude", -124.35, -114.31),
        number_column("latitude", 32.54, 41.95),
        number_column("housing_median_age", 1, 52),
        number_column("total_rooms", 2, 39_320),
        number_column("total_bedrooms", 1, 6_445, missing=207),
        number_column("population", 3, 35_682),
        number_column("households", 1, 6_082),
        number_column("median_income", 0.4999, 15.0001),
        ColumnFacts(
            name="ocean_proximity",
            kind="text",
            role="category",
            reason="5 distinct texts in 20,640 rows",
            missing=0,
            distinct=5,
            bins=(
                Bin(label="<1H OCEAN", count=9136),
                Bin(label="INLAND", count=6551),
                Bin(label="NEAR OCEAN", count=2658),
                Bin(label="NEAR BAY", count=2290),
                Bin(label="ISLAND", count=5),
            ),
        ),
        ColumnFacts(
            name="listing_id",
            kind="text",
            role="ignore",
            reason="20,640 distinct texts in 20,640 rows: an id says nothing about new "
            "rows",
            missing=0,
            distinct=20_640,
        ),
    )
    target = number_column("median_house_value", 14_999, 500_001)
    return ReportContent(
        title="housing.csv → median_house_value",
        created="2026-11-20 15:01",
        plan=Plan(
            problem=Problem(
                task="regression", target="median_house_value", metric="rmse"
            ),
            data=Source(
                source="housing.csv",
                fingerprint="sha256:" + "a1" * 32,
                columns={column.name: column.role for column in columns},
            ),
            split=Split(),
            prepare=(
                FillMissing(),
                RobustScale(),
                EncodeCategories(),
                StandardizeTarget(),
            ),
            network=TabularMLP(hidden=(256, 256), frequencies=16),
            loss=MSELoss(),
            optimizer=AdamW(lr=0.002),
            schedule=CosineAnnealingLR(),
            training=Training(epochs=120, batch_size=256),
            stopping=Stopping(patience=16),
            reasons={
                "problem.task": "3,842 distinct numbers, 14,999 to 500,001",
                "data.columns.listing_id": "every value is different",
                "data.columns.total_bedrooms": "207 of 20,640 are missing",
                "network": "13,209 rows carry about 100,000 weights",
                "prepare.0": "total_bedrooms has 207 gaps",
                "prepare.1": "4 columns have outliers beyond 10 deviations",
            },
        ),
        changed={"training.epochs": "60"},
        inspection=Inspection(
            source="housing.csv",
            fingerprint="sha256:" + "a1" * 32,
            kind="table",
            num_examples=20_640,
            reading={"encoding": "UTF-8", "delimiter": "comma", "header": "line 1"},
            changes=(
                Change(
                    column="total_bedrooms",
                    what="empty text read as missing",
                    count=207,
                    lines=(292, 343, 540, 565, 698, 740, 1099, 1352, 1458, 1495, 1608),
                ),
                Change(
                    column="median_house_value",
                    what="thousands separator ',' removed",
                    count=1,
                    lines=(17,),
                    example="352,100",
                ),
            ),
            columns=columns,
            target=TargetFacts(
                name="median_house_value",
                task="regression",
                evidence="3,842 distinct numbers from 14,999 to 500,001",
                column=target,
            ),
            findings=(
                Finding(
                    code="D14",
                    severity="warning",
                    message="965 rows have the highest value of 'median_house_value': "
                    "it seems to be cut off there.",
                    where="median_house_value = 500,001",
                    evidence="965 of 20,640 rows (4.7 %)",
                    remedy="Predictions above 500,001 cannot be learned; leave such "
                    "rows out if they matter.",
                ),
                Finding(
                    code="D05",
                    severity="note",
                    message="Column 'total_bedrooms' has missing values.",
                    where="lines 292, 343, 540, 565, 698 and 202 more",
                    evidence="207 of 20,640 (1.0 %)",
                    remedy="The median is put there, and a column flags it.",
                ),
                Finding(
                    code="D09",
                    severity="note",
                    message="Column 'listing_id' is an id and is not used.",
                    where="listing_id",
                ),
            ),
        ),
        history=history(120, 104, "rmse", 110_000, 49_000, 0.002),
        evaluation=Evaluation(
            task="regression",
            metric="rmse",
            num_examples={"train": 14_035, "val": 2_477, "test": 4_128},
            scores={
                "val": {"rmse": around(48_100, 1_500), "r2": around(0.825, 0.012)},
                "test": {
                    "rmse": around(49_213.4, 1_210),
                    "mae": around(32_410.0, 730),
                    "r2": around(0.817, 0.011),
                },
            },
            rivals=(
                rmse_rival("constant", "constant guess", 115_310, 1_700, 66_097, 1_800),
                rmse_rival("linear", "ridge regression", 68_420, 1_900, 19_207, 1_600),
                rmse_rival(
                    "neighbors", "nearest neighbours", 61_100, 1_700, 11_887, 1_500
                ),
                rmse_rival(
                    "trees", "gradient-boosted trees", 46_480, 1_150, -2_733, 690
                ),
            ),
            verdict="Better than linear and nearest neighbours beyond noise; not "
            "better than gradient-boosted trees.",
            residuals=Residuals(
                actual=tuple(actual.tolist()), predicted=tuple(predicted.tolist())
            ),
            mistakes=tuple(
                Mistake(
                    where=f"line {1700 + 311 * i}",
                    target="500,001",
                    prediction=f"{152_000 + 9_000 * i:,}",
                    probability=None,
                    loss=348_001.0 - 9_000 * i,
                    row={name: f"{rng.random() * 40:.3f}" for name in names}
                    | {"ocean_proximity": "<1H OCEAN", "listing_id": f"x{i}"},
                )
                for i in range(8)
            ),
            importance=tuple(
                Importance(column=name, drop=around(drop, half))
                for name, drop, half in (
                    ("latitude", 61_200, 2_100),
                    ("longitude", 55_900, 1_900),
                    ("median_income", 41_300, 1_500),
                    ("ocean_proximity", 12_200, 900),
                    ("total_rooms", 8_300, 700),
                    ("population", 6_900, 650),
                    ("housing_median_age", 3_100, 500),
                    ("households", 420, 460),
                    ("total_bedrooms", -110, 300),
                )
            ),
        ),
        lr=0.002,
        network=NetworkSummary(
            input_shape=(10,),
            layers=layer_rows(
                ("numbers", "PeriodicEmbedding(9, 16, 8)", (72,), 2_520),
                ("body.0", "Linear(75, 256)", (256,), 19_456),
                ("body.2", "Linear(256, 256)", (256,), 65_792),
                ("head", "Linear(256, 1)", (1,), 257),
            ),
            num_parameters=88_025,
            num_trainable=88_009,
        ),
        environment=ENVIRONMENT,
        reproduce=("torchsmith train plan.yaml",),
        stopped="stopped early: val_loss has not improved for 16 epochs",
        seconds=64.2,
    )


def rmse_rival(name, title, value, half, lead, lead_half) -> Rival:
    """A rival of a regression."""
    return Rival(
        name=name,
        title=title,
        scores={
            "rmse": around(value, half),
            "r2": around(1 - (value / 115_310) ** 2, 0.01),
        },
        difference=around(lead, lead_half),
        num_fitted=14_035,
        seconds=1.5,
    )


@cache
def binary() -> ReportContent:
    """A small binary table: wide intervals, overfitting, many findings."""
    base = regression()
    rows = 179
    columns = (
        number_column("Age", 0.42, 80, missing=177),
        number_column("Fare", 0, 512.3292),
        ColumnFacts(
            name="Sex",
            kind="text",
            role="category",
            reason="2 distinct texts",
            missing=0,
            distinct=2,
            bins=(Bin(label="male", count=577), Bin(label="female", count=314)),
        ),
        ColumnFacts(
            name="탑승일 (날짜)",
            kind="date",
            role="date",
            reason="891 dates",
            missing=2,
            distinct=3,
            first_date="1912-04-10",
            last_date="1912-04-11",
        ),
        ColumnFacts(
            name="alone",
            kind="boolean",
            role="boolean",
            reason="true or false",
            missing=0,
            distinct=2,
            low=0,
            high=1,
            mean=0.6027,
        ),
    )
    classes = ("died", "survived")
    share = 149 / rows
    records = history(40, 9, "roc_auc", 0.70, 0.88)
    records = [
        r.model_copy(
            update={
                "val_loss": (r.val_loss or 0) + 0.35 + 0.01 * max(0, r.epoch - 9),
                "best": r.epoch in (1, 2, 3, 5, 9),
            }
        )
        for r in records
    ]
    return replace(
        base,
        title="titanic/train.csv → Survived",
        plan=base.plan.model_copy(
            update={
                "problem": Problem(
                    task="binary", target="Survived", metric="roc_auc", classes=classes
                ),
                "loss": BCEWithLogitsLoss(),
                "prepare": base.plan.prepare[:-1],
                "data": Source(
                    source="titanic/train.csv",
                    columns={column.name: column.role for column in columns},
                ),
                "reasons": {"problem.metric": "61.6 % against 38.4 %: ranks matter"},
            }
        ),
        changed={},
        inspection=Inspection(
            source="titanic/train.csv",
            fingerprint="sha256:" + "77" * 32,
            kind="table",
            num_examples=891,
            columns=columns,
            target=TargetFacts(
                name="Survived",
                task="binary",
                evidence="2 distinct values, 0 and 1",
                classes=classes,
                counts=(549, 342),
                column=columns[-1],
            ),
            findings=tuple(
                Finding(
                    code=f"D{i:02}",
                    severity=("error", "warning", "note")[min(i, 2)],
                    message=f"Column number {i} holds something that is worth a look.",
                    where=f"lines {i}, {2 * i + 3}",
                    evidence="3 of 891",
                    remedy="Look at it." if i < 2 else "",
                )
                for i in range(17)
            ),
        ),
        history=records,
        evaluation=Evaluation(
            task="binary",
            metric="roc_auc",
            classes=classes,
            num_examples={"train": 605, "val": 107, "test": rows},
            scores={
                "test": {
                    "roc_auc": Score(value=0.871, low=0.812, high=0.923),
                    "accuracy": wilson(share, rows),
                }
            },
            rivals=(
                auc_rival("constant", "constant guess", 0.5, 0.0, 0.371),
                auc_rival("linear", "logistic regression", 0.861, 0.055, 0.010),
                auc_rival("neighbors", "nearest neighbours", 0.842, 0.06, 0.029),
                Rival(
                    name="trees", title="gradient-boosted trees", note="failed to fit"
                ),
            ),
            verdict="Better than a constant guess; not better than logistic regression "
            "beyond noise.",
            per_class=(
                ClassScores(
                    name="died", precision=0.85, recall=0.882, f1=0.866, support=110
                ),
                ClassScores(
                    name="survived", precision=0.8, recall=0.754, f1=0.776, support=69
                ),
            ),
            confusion=((97, 13), (17, 52)),
            curves=sorting_curves(classes),
            mistakes=tuple(
                Mistake(
                    where=f"line {40 + 77 * i}",
                    target=classes[i % 2],
                    prediction=classes[1 - i % 2],
                    probability=0.97 - 0.03 * i,
                    loss=3.5,
                    row={
                        "Age": "",
                        "Fare": "7.25",
                        "Sex": "male",
                        "탑승일 (날짜)": "1912-04-10",
                    },
                )
                for i in range(6)
            ),
            importance=(
                Importance(column="Sex", drop=around(0.173, 0.03)),
                Importance(column="Age", drop=around(0.031, 0.014)),
                Importance(column="Fare", drop=around(0.008, 0.012)),
                Importance(column="탑승일 (날짜)", drop=around(0.0, 0.001)),
            ),
            notes=("The test part has 179 rows: a difference of 2 points is noise.",),
        ),
        stopped="stopped early: val_loss has not improved for 10 epochs",
        seconds=6.3,
    )


def auc_rival(name, title, value, half, lead) -> Rival:
    """A rival of a small binary problem."""
    return Rival(
        name=name,
        title=title,
        scores={"roc_auc": around(value, half)},
        difference=around(lead, 0.035),
        num_fitted=605,
        seconds=0.2,
    )


@cache
def many_classes() -> ReportContent:
    """Forty classes, too many for a readable matrix."""
    base = images()
    rng = np.random.default_rng(3)
    classes = tuple(
        f"공장 설비 부품 {i:02} (model-{i:03}-revision-b)" for i in range(40)
    )
    confusion = np.diag(rng.integers(30, 60, 40))
    for _ in range(220):
        i, j = rng.choice(40, 2, replace=False)
        confusion[i, j] += int(rng.integers(1, 6))
    share = float(np.trace(confusion) / confusion.sum())
    rows = int(confusion.sum())
    target = base.inspection.target
    assert target is not None
    return replace(
        base,
        title="부품 사진 → 종류",
        plan=base.plan.model_copy(
            update={
                "problem": Problem(
                    task="multiclass", target="종류", metric="accuracy", classes=classes
                )
            }
        ),
        inspection=base.inspection.model_copy(
            update={
                "num_examples": 9_412,
                "images": ImageFacts(
                    channels=3,
                    min_height=48,
                    median_height=240,
                    max_height=1080,
                    min_width=64,
                    median_width=320,
                    max_width=1920,
                    same_size=False,
                    mean=0.451,
                    deviation=0.26,
                    formats={"JPEG": 9_001, "PNG": 400, "BMP": 11},
                ),
                "target": target.model_copy(
                    update={
                        "classes": classes,
                        "counts": tuple(int(n) for n in rng.integers(60, 480, 40)),
                    }
                ),
            }
        ),
        evaluation=base.evaluation.model_copy(
            update={
                "classes": classes,
                "curves": (),
                "num_examples": {"train": 6_400, "val": 1_130, "test": rows},
                "scores": {"test": {"accuracy": wilson(share, rows)}},
                "rivals": (
                    rival("constant", "constant guess", 0.05, rows, share),
                    rival("linear", "logistic regression", 0.64, rows, share),
                ),
                "confusion": tuple(tuple(int(n) for n in row) for row in confusion),
                "per_class": scores_of_classes(classes, confusion),
            }
        ),
    )


@cache
def one_epoch() -> ReportContent:
    """A single epoch without a val part, and no rivals."""
    base = images()
    record = EpochRecord(
        epoch=1,
        step=421,
        train_loss=0.61,
        lr=0.004,
        seconds=3.5,
        examples_per_second=15_000.0,
    )
    return replace(
        base,
        history=[record],
        evaluation=base.evaluation.model_copy(
            update={"rivals": (), "verdict": "", "mistakes": ()}
        ),
        weights=(),
        stopped="",
    )


@cache
def no_better_than_constant() -> ReportContent:
    """Noise as data: nothing could be learned, and the loss broke down."""
    base = binary()
    records = [
        record.model_copy(update={"train_loss": math.nan, "val_loss": math.inf})
        if record.epoch > 5
        else record
        for record in base.history[:8]
    ]
    return replace(
        base,
        history=records,
        evaluation=base.evaluation.model_copy(
            update={
                "scores": {"test": {"roc_auc": Score(value=0.49, low=0.41, high=0.57)}},
                "rivals": (
                    auc_rival("constant", "constant guess", 0.5, 0.0, -0.01),
                    auc_rival("linear", "logistic regression", 0.52, 0.08, -0.03),
                ),
                "verdict": "No better than a constant guess.",
                "importance": (),
            }
        ),
        stopped="stopped: the loss is no longer a number",
    )


def signals(epoch: int) -> Signals:
    """What was sampled after an epoch, of a layer and its activation."""
    linear = LayerSignals(
        name="mlp.0", type="Linear", weight_rms=0.1, update_rms=0.001 / (1 + epoch)
    )
    relu = LayerSignals(name="mlp.1", type="ReLU", dead=min(0.1 * epoch, 1.0))
    return Signals(epoch=epoch, step=7 * epoch, loss=0.7, layers=(linear, relu))


@cache
def sick() -> ReportContent:
    """A run that the doctor has much to say of."""
    base = no_better_than_constant()
    told = (
        Finding(
            code="P1",
            severity="error",
            message="The learning rate is too high: the loss rises from the start.",
            where="optimizer.AdamW.lr",
            evidence="0.69 before training, 14.2 after 50 steps; chance has 0.69",
            remedy="Lower `lr` five times.",
            changes={"optimizer.AdamW.lr": 0.0002, "training.clip_grad_norm": 1.0},
        ),
        Finding(
            code="T4",
            severity="warning",
            message="62 % of the units of mlp.1 are dead.",
            where="mlp.1",
            remedy="Lower the learning rate.",
            moment="during",
        ),
        Finding(code="Q3", severity="note", message="Few rows.", moment="after"),
        *base.inspection.findings[:1],
    )
    diagnosis = Diagnosis(
        findings=told,
        reference=Reference(
            chance_loss=0.69, chance_score=0.52, probe_loss=0.61, probe_score=0.66
        ),
        left_out=("Nearest neighbours: there was no time.",),
        ignored=("T5",),
        seconds={"before": 1.2, "during": 0.3, "after": 0.1},
    )
    samples = tuple(signals(epoch) for epoch in range(9))
    return replace(base, diagnosis=diagnosis, signals=samples)


HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
REORDERING = "fdp\u202excod.exe"


@cache
def hostile() -> ReportContent:
    """Names from the data that try to break out of the page."""
    base = binary()
    classes = (HOSTILE, REORDERING)
    bad_column = number_column(HOSTILE, 0, 1).model_copy(
        update={"bins": (Bin(label=HOSTILE, count=3),), "reason": HOSTILE}
    )
    finding = Finding(
        code="D01",
        severity="warning",
        message=HOSTILE,
        where=REORDERING,
        evidence=HOSTILE,
        remedy=HOSTILE,
    )
    target = base.inspection.target
    assert target is not None
    return replace(
        base,
        title=HOSTILE,
        plan=base.plan.model_copy(
            update={
                "problem": Problem(
                    task="binary",
                    target="y" + HOSTILE,
                    metric="roc_auc",
                    classes=classes,
                ),
                "data": Source(source=REORDERING, columns={HOSTILE: "number"}),
                "reasons": {"problem": HOSTILE, f"data.columns.{HOSTILE}": REORDERING},
            }
        ),
        changed={"training.epochs": HOSTILE},
        inspection=base.inspection.model_copy(
            update={
                "source": REORDERING,
                "reading": {HOSTILE: HOSTILE},
                "changes": (
                    Change(column=HOSTILE, what=HOSTILE, count=1, example=HOSTILE),
                ),
                "columns": (bad_column,),
                "target": target.model_copy(
                    update={"classes": classes, "evidence": HOSTILE}
                ),
                "findings": (finding,),
            }
        ),
        evaluation=base.evaluation.model_copy(
            update={
                "classes": classes,
                "curves": sorting_curves(classes),
                "verdict": HOSTILE,
                "notes": (HOSTILE,),
                "per_class": tuple(
                    ClassScores(name=name, precision=0.5, recall=0.5, f1=0.5, support=9)
                    for name in classes
                ),
                "mistakes": (
                    Mistake(
                        where="\udcff" + HOSTILE,
                        target=HOSTILE,
                        prediction=REORDERING,
                        probability=0.5,
                        loss=1.0,
                        row={HOSTILE: HOSTILE},
                    ),
                    Mistake(
                        where=HOSTILE,
                        target=HOSTILE,
                        prediction=REORDERING,
                        probability=0.5,
                        loss=1.0,
                        picture=picture(0),
                    ),
                ),
                "importance": (Importance(column=HOSTILE, drop=around(0.1, 0.05)),),
            }
        ),
        environment={HOSTILE: HOSTILE},
        reproduce=(HOSTILE,),
        stopped=HOSTILE,
    )


ALL = {
    "images": images,
    "regression": regression,
    "binary": binary,
    "many_classes": many_classes,
    "one_epoch": one_epoch,
    "no_better_than_constant": no_better_than_constant,
    "sick": sick,
    "hostile": hostile,
    "sequences": lambda: kinds.content_of(images(), kinds.curves()),
    "texts": lambda: kinds.content_of(images(), kinds.words()),
    "volumes": lambda: kinds.content_of(images(), kinds.solids()),
    "photos": lambda: kinds.with_photos(binary()),
}
