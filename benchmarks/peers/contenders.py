"""Who is compared with whom, in the order of the tables."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

ALL = ("S3", "S4", "S7", "CNN")
PERCEPTRONS = ("S3", "S4", "S7")
CONVOLUTIONS = ("CNN",)


@dataclass(frozen=True)
class Contender:
    """A way to train.

    Attributes:
        title: For the table.
        module: Of this package.
        options: Of its `train`.
        jobs: That it can do.
        threads: Other than those of the job; 0 is those of the job.
        package: That must be installed.
        environment: Variables to set.
        role: What it counts as in the table.
        bf16: Whether it needs a processor with instructions for bfloat16.
        whole: Whether it takes part in whole jobs; Torchsmith does so by its command.
        quick: Whether it takes part in a quick run.
    """

    title: str
    module: str
    options: Mapping[str, Any] = field(default_factory=dict)
    jobs: tuple[str, ...] = ALL
    threads: int = 0
    package: str = "torch"
    environment: Mapping[str, str] = field(default_factory=dict)
    role: str = "peer"
    bf16: bool = False
    whole: bool = False
    quick: bool = False


def _keras(title: str, backend: str, steps: int, package: str) -> Contender:
    return Contender(
        title,
        "keras",
        {"steps": steps},
        package=package,
        environment={"KERAS_BACKEND": backend},
        whole=True,
    )


def _eager(title: str, threads: int, **options: Any) -> Contender:
    jobs = CONVOLUTIONS if options else ALL
    return Contender(
        title,
        "eager",
        options,
        jobs,
        threads,
        role="by hand",
        quick=True,
        bf16="bf16" in options,
    )


def _floor(title: str, threads: int, **options: Any) -> Contender:
    jobs = CONVOLUTIONS if options else ALL
    return Contender(
        title,
        "floor",
        options,
        jobs,
        threads,
        role="floor",
        quick=True,
        bf16="bf16" in options,
    )


def _torchsmith(title: str, *, quick: bool = False, **options: Any) -> Contender:
    return Contender(
        title,
        "torchsmith",
        options,
        CONVOLUTIONS if "precision" in options else ALL,
        role="torchsmith",
        quick=quick,
        bf16="precision" in options,
    )


LAST = {"channels_last": True}
BF16 = {"channels_last": True, "bf16": True}

CONTENDERS = {
    "torchsmith": _torchsmith("Torchsmith, `auto`", quick=True),
    "torchsmith-eager": _torchsmith("Torchsmith, `eager`", engine="eager"),
    "torchsmith-captured": _torchsmith(
        "Torchsmith, `captured`", engine="captured", quick=True
    ),
    "torchsmith-compiled": _torchsmith(
        "Torchsmith, `compiled`", engine="compiled", quick=True
    ),
    "torchsmith-bf16": _torchsmith("Torchsmith, `auto`, bf16", precision="bfloat16"),
    "eager-1": _eager("loop by hand, 1 thread", 1),
    "eager-2": _eager("loop by hand, 2 threads", 2),
    "eager-last-1": _eager("loop by hand, channels last, 1 thread", 1, **LAST),
    "eager-last-2": _eager("loop by hand, channels last, 2 threads", 2, **LAST),
    "eager-bf16-1": _eager("loop by hand, bf16, channels last, 1 thread", 1, **BF16),
    "eager-bf16-2": _eager("loop by hand, bf16, channels last, 2 threads", 2, **BF16),
    "dataloader": Contender("loop with a `DataLoader`", "dataloader", whole=True),
    "jax-scan": Contender(
        "JAX, epoch under `lax.scan`; of convolutions, step by step",
        "jax_scan",
        package="jax",
        whole=True,
        quick=True,
    ),
    "keras-jax": _keras("Keras 3 on JAX", "jax", 50, "jax"),
    "keras-torch": _keras("Keras 3 on PyTorch", "torch", 1, "keras"),
    "lightning": Contender(
        "Lightning, tuned", "lightning", package="lightning", whole=True
    ),
    "skorch": Contender("skorch", "skorch", package="skorch", whole=True),
    "fastai": Contender("fastai", "fastai", package="fastai", whole=True),
    "accelerate": Contender(
        "Accelerate", "accelerate", package="accelerate", whole=True
    ),
    "sklearn": Contender(
        "scikit-learn", "sklearn", jobs=PERCEPTRONS, package="sklearn", whole=True
    ),
    "floor-1": _floor("floor: products or convolutions alone, 1 thread", 1),
    "floor-2": _floor("floor: products or convolutions alone, 2 threads", 2),
    "floor-last-1": _floor("floor, channels last, 1 thread", 1, **LAST),
    "floor-last-2": _floor("floor, channels last, 2 threads", 2, **LAST),
    "floor-bf16-1": _floor("floor, bf16, channels last, 1 thread", 1, **BF16),
    "floor-bf16-2": _floor("floor, bf16, channels last, 2 threads", 2, **BF16),
}

RECORDED = {
    f"recorded-{engine}": Contender(
        "Torchsmith with all that a run records",
        "torchsmith",
        {"recorded": True, "engine": engine},
        environment={"TERM": "xterm-256color"},
    )
    for engine in ("eager", "captured", "compiled")
}
"""Each is compared with itself without, which chose its engine and its threads."""
