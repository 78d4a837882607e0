"""The default for images `(N, C, H, W)`.

Chosen on draws of training rows, a fifth of them as a test. That the averaged weights
of the last step are kept and not those of the best epoch, two of each: MNIST 99.47 and
99.50 % instead of 99.43 and 99.48, CIFAR-10 69.3 and 68.7 % instead of 66.7 and 67.3.
That bfloat16 is worth it where it is fast, one of MNIST: 99.48 % after 20 epochs, and
99.39 after 12 in float32, which take as long.
"""

from torchsmith.core.vocabulary import Precision
from torchsmith.core.wording import rough_duration
from torchsmith.data.steps import (
    Resize,
    Standardize,
    StandardizeTarget,
    Step,
    ToFloat,
    pixel_scale,
)
from torchsmith.inspect.inspection import ImageFacts
from torchsmith.plan.averaging import EMA
from torchsmith.plan.cost import (
    BFLOAT16_SPEED,
    POOL_FIRST_SHARE,
    conv_epoch_seconds,
    conv_macs,
)
from torchsmith.plan.design import (
    ANNEALED,
    CENTRED_TARGET,
    HIGH_RATE,
    TRAINING_SHARE,
    Case,
    Design,
    choose_batch_size,
    choose_epochs,
    choose_threads,
)
from torchsmith.plan.design_augment import choose_augment
from torchsmith.plan.networks import ConvNet
from torchsmith.plan.optimizers import AdamW
from torchsmith.plan.schedules import OneCycleLR

LARGEST_SIDE = 64
"""Larger pictures are shrunk to this many pixels, so that a CPU can train on them."""

FEWEST_EXAMPLES = 100_000
"""Seen in training, however often: with fewer a smaller network is chosen."""

MOST_EPOCHS = 40

NETWORKS = (
    ((32, 64, 128, 256), (1, 2, 2, 2), (), 6),
    ((24, 48, 96, 192), (1, 2, 2, 2), (), 6),
    ((16, 32, 64, 128), (1, 2, 2, 2), (), 4),
    ((16, 32, 64, 128), (1, 1, 1, 1), (256,), 1),
    ((8, 16, 32, 64), (1, 1, 1, 1), (256,), 1),
)
"""Channels and convolutions of each stage, hidden layers, and the fewest epochs,
however large the data: the most work first. On MNIST two epochs of the fourth left a
lower loss than one of the third, which took longer. After one epoch the fourth had a
loss of 0.029 on the val part with the hidden layer, of 0.040 without (two seeds), for
15 % more time; after two epochs of the third the layer changed nothing beyond noise."""

AVERAGED_STEPS = 100
"""That the moving average looks back on: about a fifth of an epoch of MNIST."""

FEWEST_STEPS = 1_000
"""Of a training whose weights are averaged."""


def design_images(case: Case, facts: ImageFacts) -> Design:
    """Choose preparation, network and training for pictures."""
    prepare, size = _prepare(case, facts)
    batch_size = choose_batch_size(case, large=128)
    precision = _precision(case)
    share = POOL_FIRST_SHARE * (BFLOAT16_SPEED if precision == "bfloat16" else 1)
    network, macs, seconds = _network(case, facts, size, batch_size, share)
    case.reasons["optimizer"] = HIGH_RATE
    case.reasons["schedule"] = ANNEALED
    epochs = choose_epochs(case, batch_size, seconds, MOST_EPOCHS)
    augment, evidence = choose_augment(facts)
    if augment:
        case.reasons["augment"] = evidence
    else:
        case.reasons["network"] += f"; {evidence}"
    return Design(
        prepare=prepare,
        network=network,
        optimizer=AdamW(lr=4e-3, weight_decay=0.02),
        schedule=OneCycleLR(),
        batch_size=batch_size,
        epochs=epochs,
        threads=choose_threads(macs * batch_size, case),
        augment=augment,
        averaging=_averaging(case, epochs * -(-case.num_train // batch_size)),
        precision=precision,
        to_the_end=True,
    )


def _precision(case: Case) -> Precision:
    # A number that is to be told to more than three digits needs more.
    if not case.machine.bfloat16 or case.target.task == "regression":
        return "float32"
    case.reasons["training.precision"] = (
        "this processor has instructions for it (AMX): little more than half the time"
    )
    return "bfloat16"


def _averaging(case: Case, steps: int) -> EMA | None:
    if steps < FEWEST_STEPS:
        return None
    case.reasons["averaging"] = (
        f"steadier than the weights of one step; looks back on {AVERAGED_STEPS} steps"
    )
    return EMA(decay=1 - 1 / AVERAGED_STEPS)


def _prepare(case: Case, facts: ImageFacts) -> tuple[tuple[Step, ...], tuple[int, int]]:
    """Return the steps, and the height and width that they give."""
    steps: list[Step] = []
    add = case.adder("prepare", steps)

    size = _resized(facts)
    if size is not None:
        add(
            Resize(height=size[0], width=size[1]),
            f"the sizes are {facts.min_height}x{facts.min_width} to "
            f"{facts.max_height}x{facts.max_width}",
        )
    largest = float(case.inspection.reading.get("pixel_max", "255"))
    add(ToFloat(scale=pixel_scale(largest)), f"pixels are at most {largest:g}")
    add(Standardize(), "fitted on the training part only")
    if case.target.task == "regression":
        add(StandardizeTarget(), CENTRED_TARGET)
    return tuple(steps), size or (facts.median_height, facts.median_width)


def _resized(facts: ImageFacts) -> tuple[int, int] | None:
    """Return the size that pictures shall have, or None to leave them as they are."""
    height, width = facts.median_height, facts.median_width
    if facts.same_size and max(height, width) <= LARGEST_SIDE:
        return None
    scale = min(1.0, LARGEST_SIDE / max(height, width))
    return max(8, round(height * scale)), max(8, round(width * scale))


def _network(
    case: Case, facts: ImageFacts, size: tuple[int, int], batch_size: int, share: float
) -> tuple[ConvNet, int, float]:
    height, width = size
    stages = 4 if min(height, width) >= 48 else 3 if min(height, width) >= 8 else 1
    pool = min(3, min(height, width) >> (stages - 1))
    least = min(MOST_EPOCHS, FEWEST_EXAMPLES // case.num_train)
    network, macs, seconds, fewest = ConvNet(), 0, 0.0, 1
    for channels, depth, hidden, epochs in NETWORKS:
        fewest = max(epochs, least)
        network = ConvNet(
            channels=channels[:stages],
            depth=depth[:stages],
            pool=pool,
            pool_first=True,
            hidden=hidden,
            dropout=0.1,
        )
        macs = conv_macs(network, facts.channels, height, width)
        seconds = conv_epoch_seconds(
            macs, case.num_train, batch_size, case.machine, share
        )
        if seconds * fewest <= TRAINING_SHARE * case.budget:
            break
    case.reasons["network.ConvNet.channels"] = "twice as many where maps are halved"
    case.reasons["network.ConvNet.depth"] = "one where maps are large and cost most"
    case.reasons["network.ConvNet.pool"] = "of the last maps: roughly where a part is"
    case.reasons["network.ConvNet.pool_first"] = "a quarter of the numbers, as good"
    case.reasons["network.ConvNet.hidden"] = (
        "learns more in few epochs" if network.hidden else "adds nothing in many epochs"
    )
    case.reasons["network.ConvNet.dropout"] = "against learning by heart"
    times = f"{fewest} times" if fewest > 1 else "once"
    case.reasons["network"] = (
        f"the largest that sees {height}x{width} pictures {times} within "
        f"{case.budget:g} s here (about {rough_duration(seconds)} an epoch)"
    )
    return network, macs, seconds
