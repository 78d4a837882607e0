"""The plan itself."""

from typing import Literal

from pydantic import Field

from torchsmith.core.record import Record
from torchsmith.core.seeds import LARGEST_SEED
from torchsmith.core.vocabulary import (
    ColumnRole,
    EngineName,
    Kind,
    Metric,
    Precision,
    Task,
)
from torchsmith.data.data import Series
from torchsmith.data.split import Split
from torchsmith.data.steps import Step
from torchsmith.plan.augment import Augmentation
from torchsmith.plan.averaging import Averaging
from torchsmith.plan.calibration import Calibration
from torchsmith.plan.doctor import Doctor
from torchsmith.plan.init import Init
from torchsmith.plan.losses import Loss
from torchsmith.plan.machine import Processor
from torchsmith.plan.networks import Network
from torchsmith.plan.optimizers import Optimizer
from torchsmith.plan.schedules import Schedule


class Problem(Record):
    """What is to be predicted, and how success is measured.

    Attributes:
        task: What kind of problem it is.
        target: The column (or, for images, the label) to predict.
        metric: The score that stands first.
        classes: In the order of the network's outputs; empty for regression.
    """

    task: Task
    target: str
    metric: Metric
    classes: tuple[str, ...] = ()


class Source(Record):
    """Where the data comes from, and what its columns are used as.

    Attributes:
        source: A path, or the name of a built-in or downloadable set. A relative path
            is looked up from the working folder.
        fingerprint: `sha256:…` of the content; training refuses other data. Empty does
            not check.
        columns: For tables, the role of every input column.
        drop_missing_target: Leave out rows whose target is missing; otherwise refuse.
        skip_damaged: Leave out images and volumes that cannot be decoded; otherwise
            refuse.
        kind: What the source holds; by default its content decides.
        id: Of a table with a row for each step, the column that tells the sequences
            apart.
        time: Of such a table, the column that orders the steps.
        window: To forecast: how many rows make the sequence from which the target of
            the next row is predicted; 0 does not forecast.
    """

    source: str
    fingerprint: str = ""
    columns: dict[str, ColumnRole] = {}
    drop_missing_target: bool = False
    skip_damaged: bool = False
    kind: Kind | None = None
    id: str | None = None
    time: str | None = None
    window: int = Field(default=0, ge=0)

    @property
    def series(self) -> Series | None:
        """How the rows of a table make sequences, where they do."""
        if not (self.id or self.time or self.window):
            return None
        return Series(id=self.id, time=self.time, window=self.window)


class Training(Record):
    """How long and in which way to train.

    Attributes:
        epochs: At most so many passes over the training part.
        batch_size: Examples per batch; an epoch's last may have fewer.
        accumulate: Batches per optimizer step, whose gradients are added up; an epoch's
            last step may have fewer.
        precision: Of the arithmetic inside the network.
        engine: How the steps are computed: `eager` is the loop as on every PyTorch
            page, `captured` does the same arithmetic with less around it, `compiled`
            rounds differently; `auto` takes the fastest for this run.
        clip_grad_norm: Gradients are scaled down to at most this norm; 0 does not clip.
        clip_grad_value: Each gradient is cut at plus and minus this value; 0 does not.
        device: `auto` takes `cuda` where there is such a GPU; `mps` is not tested.
        threads: Of the CPU within one operation; 0 takes one, or as many as PyTorch by
            itself, whichever is faster. Another number gives slightly other weights.
        seconds: A guard: training stops after so many seconds, and says so; 0 is no
            limit. Torchsmith chooses `epochs` so that it is not reached.
        num_workers: Processes that prepare batches ahead of time, where examples are
            read one by one or are larger than memory; 0 is this process. The results
            are the same for any number.
        sharding: Of the network among the processes of `torchrun`: `full` divides
            weights, gradients and the optimizer's state (FSDP2), `none` gives each
            process all of them.
        seed: Draws initial weights, order and dropout.
    """

    epochs: int = Field(default=10, ge=1)
    batch_size: int = Field(default=64, ge=1)
    accumulate: int = Field(default=1, ge=1)
    precision: Precision = "float32"
    engine: EngineName = "auto"
    clip_grad_norm: float = Field(default=0.0, ge=0)
    clip_grad_value: float = Field(default=0.0, ge=0)
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    threads: int = Field(default=0, ge=0)
    seconds: float = Field(default=0.0, ge=0)
    num_workers: int = Field(default=0, ge=0)
    sharding: Literal["none", "full"] = "none"
    seed: int = Field(default=0, ge=0, le=LARGEST_SEED)


class Stopping(Record):
    """When to stop early, and which weights to keep.

    Attributes:
        monitor: `val_loss`; for classes also `val_calibrated_loss`, the log loss that
            is left after the best temperature; or `val_` and a metric, such as
            `val_accuracy`.
        patience: Stop after so many epochs without improvement; 0 never stops early.
        min_delta: Smaller improvements do not count.
        restore_best: Give back the weights of the best epoch rather than the last.
    """

    monitor: str = "val_loss"
    patience: int = Field(default=10, ge=0)
    min_delta: float = Field(default=0.0, ge=0)
    restore_best: bool = True


class Sizing(Record):
    """What the network and the number of epochs were sized for.

    Attributes:
        budget: Seconds for the whole run.
        cores: Of the machine.
        gflops: Matrix products of its device, billions of operations per second.
        device: What was to train.
        bfloat16: Whether its processor multiplies matrices of bfloat16.
    """

    budget: float
    cores: int
    gflops: float
    device: Processor = Field(default="cpu", exclude_if=lambda device: device == "cpu")
    bfloat16: bool = Field(default=False, exclude_if=lambda found: not found)


class Plan(Record):
    """Everything that changes the result of a run.

    Attributes:
        augment: Random changes of each training batch that keep the label.
        init: Initial weights other than PyTorch's own, in this order.
        averaging: Of the weights, which are then those that are validated and kept.
        calibration: After training, of the probabilities of classes or of the intervals
            around numbers.
        robustness: Changes of the test part under which the network is scored too.
        doctor: What it looks at; it may stop a run that cannot learn any more.
        sized_for: Does not change the result; says what the default plan was made for.
        reasons: For a dotted path such as `training.epochs`, why the value is what it
            is; an end-of-line comment in the YAML file.
    """

    version: Literal[1] = 1
    problem: Problem
    data: Source
    split: Split = Split()
    prepare: tuple[Step, ...] = ()
    augment: tuple[Augmentation, ...] = ()
    network: Network
    init: tuple[Init, ...] = ()
    loss: Loss
    optimizer: Optimizer
    schedule: Schedule | None = None
    averaging: Averaging | None = None
    calibration: Calibration | None = None
    training: Training = Training()
    stopping: Stopping = Stopping()
    robustness: tuple[Augmentation, ...] = ()
    doctor: Doctor = Doctor()
    sized_for: Sizing | None = None
    reasons: dict[str, str] = {}
