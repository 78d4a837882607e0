"""What inspection finds: facts and findings."""

from typing import Literal

from pydantic import JsonValue

from torchsmith.core.record import Record
from torchsmith.core.vocabulary import ColumnKind, ColumnRole, Kind, Task
from torchsmith.data.data import Change

Severity = Literal["error", "warning", "note"]

Moment = Literal["before", "during", "after"]
"""Of training."""


class Finding(Record):
    """Something that a careful person would notice.

    Attributes:
        code: Stable: a letter and a number. `D` is for data, see `docs/findings.md`;
            `P` plan, `C` code, `T` training and `Q` quality, see `docs/doctor/`.
        severity: error: of inspection, training is refused; of the doctor, the result
            is worthless or a lie. warning: the score may mislead, or could be better;
            note: good to know.
        message: One sentence: what was found.
        where: Column, rows, lines, class or file; a line of the plan, a module.
        evidence: The numbers behind it.
        remedy: What to do, or what Torchsmith does about it.
        changes: The remedy as settings of the plan, by dotted path, as for `--set`;
            empty where it is none that a plan can say.
        only_if: Where the changes are right only if something is so that nobody but the
            person knows, such as "'paid' is not known when a prediction is needed".
        moment: When it was found.
    """

    code: str
    severity: Severity
    message: str
    where: str = ""
    evidence: str = ""
    remedy: str = ""
    changes: dict[str, JsonValue] = {}
    only_if: str = ""
    moment: Moment = "before"

    @property
    def can_be_tried(self) -> bool:
        """Whether it asks for changes that a trial, or nothing but the data, judges."""
        return bool(self.changes) and not self.only_if and self.severity != "note"


class Bin(Record):
    """One bar of a histogram: `low <= value < high`, or one level."""

    label: str
    count: int


class ColumnFacts(Record):
    """Facts about one column of a table.

    Attributes:
        kind: What the values are.
        role: What the column should be used as.
        reason: Why it has this role, with evidence from this data.
        missing: How many values are missing.
        distinct: How many different values there are.
        low, high, mean, median, deviation: For numbers and booleans.
        first_date, last_date: For dates, ISO 8601.
        exact: For numbers, which share of the target's variance exact values tell and
            the values around them do not; 0 within noise.
        alike: For texts of few rows each, which share of the target's variance is that
            between them; 0 within noise.
        words: For texts, how many words recur.
        bins: A histogram (numbers, dates), or the most frequent levels, of texts words.
    """

    name: str
    kind: ColumnKind
    role: ColumnRole
    reason: str
    missing: int
    distinct: int
    low: float | None = None
    high: float | None = None
    mean: float | None = None
    median: float | None = None
    deviation: float | None = None
    first_date: str | None = None
    last_date: str | None = None
    exact: float = 0.0
    alike: float = 0.0
    words: int = 0
    bins: tuple[Bin, ...] = ()


class Symmetry(Record):
    """Which changes of pictures keep their class.

    Each number but the first is a share of right classes, where a picture of a sample
    has the class of the most similar other one.

    Attributes:
        num_pictures: In the sample.
        largest_class: The share of the largest class: what always guessing it gives.
        plain: Pictures as they are.
        mirrored, upside_down: Pictures that are mirrored, among others as they are.
        shifted, turned, scaled: Pictures as they are, when copies of the others that
            are changed a little have joined them.
    """

    num_pictures: int
    largest_class: float
    plain: float
    mirrored: float
    upside_down: float
    shifted: float
    turned: float
    scaled: float


class ImageFacts(Record):
    """Facts about images.

    Attributes:
        channels: 1 grey, 3 colour.
        min_height, median_height, max_height: In pixels.
        min_width, median_width, max_width: In pixels.
        same_size: Whether all have one size.
        mean, deviation: Of all pixels on a 0 to 1 scale.
        formats: How many files there are of each true format.
        symmetry: Which changes keep the class; for classes only, and not for very few
            pictures.
    """

    channels: int
    min_height: int
    median_height: int
    max_height: int
    min_width: int
    median_width: int
    max_width: int
    same_size: bool
    mean: float
    deviation: float
    formats: dict[str, int] = {}
    symmetry: Symmetry | None = None


class SequenceFacts(Record):
    """Facts about sequences.

    Attributes:
        channels: Their names.
        min_length, median_length, max_length: In steps.
        symbols: Of texts, how many characters there are; otherwise 0.
        window: To forecast, the rows of a series before the one that is predicted;
            otherwise 0.
        low, high, mean, deviation: For each channel; empty for texts.
        missing: Values that are missing.
    """

    channels: tuple[str, ...]
    min_length: int
    median_length: int
    max_length: int
    symbols: int = 0
    window: int = 0
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    mean: tuple[float, ...] = ()
    deviation: tuple[float, ...] = ()
    missing: int = 0


class VolumeSymmetry(Record):
    """Which changes of volumes keep their class.

    Each number but the first is a share of right classes, where a volume of a sample
    has the class of the most similar other one.

    Attributes:
        num_volumes: In the sample.
        largest_class: The share of the largest class: what always guessing it gives.
        plain: Volumes as they are.
        shifted: Volumes as they are, when copies of the others that are shifted a
            little have joined them.
        mirrored: Along depth, height and width, among others as they are.
        turned: By a quarter about depth, height and width, the worse of both ways; None
            where the sides differ.
    """

    num_volumes: int
    largest_class: float
    plain: float
    shifted: float
    mirrored: tuple[float, float, float]
    turned: tuple[float | None, float | None, float | None]


class VolumeFacts(Record):
    """Facts about volumes.

    Attributes:
        channels: C.
        depth, height, width: D, H and W, in voxels.
        voxel_max: The largest value.
        mean, deviation: Of all voxels.
        binary: Whether all voxels are 0 or 1.
        symmetry: Which changes keep the class; for classes only, and not for very few
            volumes.
    """

    channels: int
    depth: int
    height: int
    width: int
    voxel_max: float
    mean: float
    deviation: float
    binary: bool = False
    symmetry: VolumeSymmetry | None = None


class TargetFacts(Record):
    """Facts about what is to be predicted.

    Attributes:
        task: What kind of problem it is.
        evidence: Why, with numbers from this data.
        classes: For classification, the classes in the order of the network's outputs.
        counts: For classification, rows per class.
        column: The column's own facts.
    """

    name: str
    task: Task
    evidence: str
    classes: tuple[str, ...] = ()
    counts: tuple[int, ...] = ()
    column: ColumnFacts


class Inspection(Record):
    """Facts and findings about a data source, written as `inspection.json`.

    Attributes:
        num_examples: Rows or pictures.
        given: How many examples the source puts into train, val and test.
        reading: What was found out about the file, such as encoding and delimiter.
        changes: Every kind of change that reading made.
        columns: For tables, the input columns in file order.
        group: A column that says which rows belong together, if one does.
        time: A column that orders the rows in time and by which to split, if one does.
        repeats: Of a table, how many rows have the same inputs as an earlier one.
        usual_repeats: How many would, if no column depended on another.
        findings: Most severe first.
    """

    version: Literal[1] = 1
    source: str
    fingerprint: str
    kind: Kind
    num_examples: int
    given: dict[Literal["train", "val", "test"], int] = {}
    reading: dict[str, str] = {}
    changes: tuple[Change, ...] = ()
    columns: tuple[ColumnFacts, ...] = ()
    images: ImageFacts | None = None
    sequences: SequenceFacts | None = None
    volumes: VolumeFacts | None = None
    target: TargetFacts | None = None
    group: str | None = None
    time: str | None = None
    repeats: int = 0
    usual_repeats: int = 0
    findings: tuple[Finding, ...] = ()
