"""The steps of preparation, as they stand in a plan under `prepare:`.

Tables pass through `FillMissing`, `RotatePlace`, `NeighbourTarget`, one of
`Standardize`, `RobustScale` and `QuantileScale`, `EncodeCategories`; images through
`Resize`, `ToFloat`, `Standardize`; regression targets through `StandardizeTarget`.
Everything that is fitted is fitted on the training part only.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field, field_validator

from torchsmith.core.spec import OneOf, Spec
from torchsmith.core.vocabulary import Kind, Task


class FillMissing(Spec):
    """Put a number where a number column has none, and flag it.

    Attributes:
        value: The median or mean of the training part, or a number.
        flag: Add a column that is 1 where the value was missing.
    """

    main = "value"
    value: Literal["median", "mean"] | float = "median"
    flag: bool = True


class Standardize(Spec):
    """Subtract the mean and divide by the standard deviation.

    For tables each number column has its own, for images each channel.
    """


class RobustScale(Spec):
    """Subtract the median, divide by the interquartile range, and clip smoothly.

    `x / sqrt(1 + (x / clip)²)` keeps outliers within ±clip (RealMLP,
    https://arxiv.org/abs/2407.04491).

    Attributes:
        clip: The bound; 0 does not clip.
    """

    main = "clip"
    clip: float = Field(default=3.0, ge=0)


class QuantileScale(Spec):
    """Replace a number by its place among the training values, evenly from -√3 to √3.

    Between the `quantiles`, which are the knots, the place grows linearly; beyond the
    first and the last it stays. The result is spread evenly, with mean 0 and deviation
    1, whatever the shape of the column; bins that are even there are quantile bins.

    Attributes:
        quantiles: Number of steps between the lowest and the highest training value;
            equal ones count once.
    """

    main = "quantiles"
    quantiles: int = Field(default=256, ge=2, le=10_000)


QUANTILE_BOUND = math.sqrt(3)
"""Numbers that are spread evenly from -√3 to √3 have a deviation of 1."""


class RotatePlace(Spec):
    """Add a place's coordinates as seen along other directions.

    Borders between expensive and cheap, or wet and dry, rarely run along a degree of
    latitude. For each angle a, `longitude cos a + latitude sin a` becomes a number of
    its own, in which such a border is one step.

    Attributes:
        latitude: A number column.
        longitude: A number column.
        angles: In degrees; 0 would be the longitude, 90 the latitude itself.
    """

    latitude: str
    longitude: str
    angles: tuple[float, ...] = Field(default=(30, 45, 60, 120, 135, 150), min_length=1)


class NeighbourTarget(Spec):
    """Add the mean target of training rows at the nearest other places.

    For classes: the share of each class, of two classes that of the second. A row's own
    place is left out, so that none sees its own target.

    Attributes:
        latitude: A number column, in degrees.
        longitude: A number column, in degrees.
        neighbours: How many places are averaged; each gives a number of its own.
    """

    latitude: str
    longitude: str
    neighbours: tuple[Annotated[int, Field(ge=1, le=1000)], ...] = Field(
        default=(6, 20), min_length=1
    )


class EncodeCategories(Spec):
    """Turn categories into whole numbers for an embedding, or into 0/1 columns.

    Code 0 (or a row of zeros) stands for missing and for categories that the training
    part does not have.

    Attributes:
        encoding: `codes`, one column each, for embeddings; or `one_hot`.
        min_count: Categories with fewer training rows count as unknown.
    """

    main = "encoding"
    encoding: Literal["codes", "one_hot"] = "codes"
    min_count: int = Field(default=1, ge=1)


class EncodeValues(Spec):
    """Give each value of a number column that recurs a code, beside the number itself.

    An exact number may mean something of its own, such as 0 for none, 999 for never, or
    the most that a form allows, which has little to do with the numbers near it. Code 0
    stands for all other values, and for missing ones.

    Attributes:
        columns: Number columns.
        min_count: A value stands in at least so many training rows.
    """

    main = "columns"
    columns: tuple[str, ...] = Field(min_length=1)
    min_count: int = Field(default=3, ge=1)

    @field_validator("columns")
    @classmethod
    def _each_once(cls, columns: tuple[str, ...]) -> tuple[str, ...]:
        if twice := [name for name in columns if columns.count(name) > 1]:
            raise ValueError(f"'{twice[0]}' stands twice; keep one")
        return columns


class BagOfWords(Spec):
    """Make a 0/1 column of each word that tells the texts of a column apart.

    A word is a run of letters, small or capital, or a number that stands alone; of a
    code such as C85 the letters count. Where training rows lack a text, one more column
    says so.

    Attributes:
        most: So many words of each column, the most frequent first.
        min_count: A word stands in at least so many training rows, and is lacking in as
            many.
    """

    main = "most"
    most: int = Field(default=100, ge=1, le=10_000)
    min_count: int = Field(default=10, ge=1)


class Interpolate(Spec):
    """Fill missing values of a sequence on the line between their neighbours in time.

    Before the first value and after the last one the nearest goes on; a channel without
    any value in a sequence gets its mean of the training part.
    """


class RandomConvolutions(Spec):
    """Compute features of whole sequences with random dilated convolutions.

    Each is the share of a sequence's positions at which one of 84 fixed kernels, spread
    over more or fewer steps, gives more than a value that is drawn from the training
    part; half of them look at the changes from step to step. After MiniRocket
    (https://arxiv.org/abs/2012.08791) and MultiRocket
    (https://arxiv.org/abs/2102.00457), standardised. Others come from groups of random
    kernels that compete at each step, after Hydra (https://arxiv.org/abs/2203.13652).

    Attributes:
        num_features: Of the first kind, rounded down to a multiple of 168.
        groups: Of eight kernels that compete, at each of the spreads 1, 2, 4 and so on;
            even, as half look at the changes. Each adds 16 features. 0 for none.
        ridge: The network gets, instead of the features, what a ridge regression of
            the target on them says: the logit of each class, or one number. Its
            strength and scale have the least error at left-out examples. For at most
            a few thousand training examples: its time grows with their number cubed.
        keep_steps: The network gets the steps themselves too, before the features.
        seed: Draws what is random.
    """

    main = "num_features"
    num_features: int = Field(default=9912, ge=168, le=100_000)
    groups: int = Field(default=0, ge=0, le=1_000, multiple_of=2)
    ridge: bool = False
    keep_steps: bool = True
    seed: int = Field(default=0, ge=0)


class NGrams(Spec):
    """Compute features of whole texts: which short runs of characters they have.

    The runs that most training texts have; `(1 + log(count)) * rarity` (tf-idf), of one
    length for each text.

    Attributes:
        num_features: At most so many runs.
        longest: Characters of a run, at most.
        keep_steps: The network gets the characters themselves too, before the features:
            then codes of the runs that a text has and what they weigh, which
            `SequenceNet` reads. Otherwise there is a number for each run.
    """

    main = "num_features"
    num_features: int = Field(default=30_000, ge=1, le=100_000)
    longest: int = Field(default=4, ge=1, le=10)
    keep_steps: bool = True


class Resize(Spec):
    """Resize pictures with antialiasing (Pillow, bilinear).

    Attributes:
        height: In pixels.
        width: In pixels.
    """

    height: int = Field(ge=1, le=4096)
    width: int = Field(ge=1, le=4096)


class ToFloat(Spec):
    """Divide by `scale`, so that pixels lie in [0, 1].

    Attributes:
        scale: 255 for 8-bit pixels.
    """

    main = "scale"
    scale: float = Field(default=255.0, gt=0)


def pixel_scale(largest: float) -> float:
    """Return what the pixels of a source can be at most, from the largest found.

    1 for floats, 16 for the built-in digits, 255 for bytes.

    >>> pixel_scale(254)
    255.0
    """
    return next((scale for scale in (1.0, 16.0, 255.0) if largest <= scale), largest)


class StandardizeTarget(Spec):
    """Subtract the mean of the training targets and divide by their deviation.

    Predictions are turned back into the target's own units.

    Attributes:
        clamp: Predictions stay between the lowest and the highest training target.
    """

    clamp: bool = False


Step = Annotated[
    FillMissing
    | RotatePlace
    | NeighbourTarget
    | Standardize
    | RobustScale
    | QuantileScale
    | EncodeCategories
    | EncodeValues
    | BagOfWords
    | Interpolate
    | RandomConvolutions
    | NGrams
    | Resize
    | ToFloat
    | StandardizeTarget,
    OneOf(),
]


def named_columns(step: Step) -> dict[str, str]:
    """Return the number columns that a step names, by the setting that names each."""
    match step:
        case RotatePlace() | NeighbourTarget():
            return {"latitude": step.latitude, "longitude": step.longitude}
        case EncodeValues():
            return {f"columns.{i}": name for i, name in enumerate(step.columns)}
        case _:
            return {}


SCALERS = (Standardize, RobustScale, QuantileScale)
"""One of them scales the numbers."""

TABLE_ORDER: tuple[type[Spec], ...] = (
    FillMissing,
    RotatePlace,
    NeighbourTarget,
    Standardize,
    RobustScale,
    QuantileScale,
    EncodeCategories,
    EncodeValues,
    BagOfWords,
    Resize,
    StandardizeTarget,
)
IMAGE_ORDER: tuple[type[Spec], ...] = (Resize, ToFloat, Standardize, StandardizeTarget)
SEQUENCE_ORDER: tuple[type[Spec], ...] = (
    Interpolate,
    Standardize,
    RandomConvolutions,
    NGrams,
    StandardizeTarget,
)
VOLUME_ORDER: tuple[type[Spec], ...] = (ToFloat, Standardize, StandardizeTarget)
ORDERS: Mapping[Kind, tuple[type[Spec], ...]] = {
    "table": TABLE_ORDER,
    "images": IMAGE_ORDER,
    "sequences": SEQUENCE_ORDER,
    "volumes": VOLUME_ORDER,
}


def step_problems(
    steps: Sequence[Step], kind: Kind, task: Task
) -> list[tuple[int, str]]:
    """Say which steps cannot be carried out, each with its place in the list.

    Args:
        steps: The plan's `prepare` section.
        kind: What the steps are for.
        task: `StandardizeTarget` is for regression only.
    """
    order = ORDERS[kind]
    names = ", ".join(member.spec_name() for member in order)
    problems = []
    last = -1
    for place, step in enumerate(steps):
        name = step.spec_name()
        if type(step) not in order:
            what = "tables" if kind == "table" else kind
            problems.append((place, f"{name} is not for {what}, which take {names}"))
            continue
        if any(type(step) is type(other) for other in steps[:place]):
            problems.append((place, f"{name} stands twice; keep one"))
        elif isinstance(step, StandardizeTarget) and task != "regression":
            problems.append((place, f"{name} is for regression; the task is {task}"))
        elif isinstance(step, SCALERS) and any(
            isinstance(other, SCALERS) for other in steps[:place]
        ):
            scalers = [member.spec_name() for member in SCALERS if member in order]
            text = f"{', '.join(scalers)} exclude each other; keep one"
            problems.append((place, text))
        elif isinstance(step, StandardizeTarget):
            continue
        elif order.index(type(step)) < last:
            problems.append((place, f"{name} stands too late; the order is {names}"))
        last = max(last, order.index(type(step)))
    return problems
