"""The default for sequences `(N, C, L)`."""

from torchsmith.data.steps import (
    Interpolate,
    RandomConvolutions,
    Standardize,
    StandardizeTarget,
    Step,
)
from torchsmith.inspect.inspection import SequenceFacts
from torchsmith.inspect.wording import amount
from torchsmith.plan.cost_sequences import inception_step_seconds
from torchsmith.plan.design import (
    TRAINING_SHARE,
    Case,
    Design,
    choose_epochs,
)
from torchsmith.plan.networks import SequenceNet
from torchsmith.plan.optimizers import AdamW, Group
from torchsmith.plan.schedules import OneCycleLR
from torchsmith.plan.sequence_bodies import GRU, Inception

MOST_FEATURES = 9_996

FEATURES_MEMORY = 400_000_000
"""Numbers of all features together; 4 bytes each."""

HEAD = Group(params="features.*", lr=1e-3, weight_decay=0.0, eps=0.1)
"""With a large eps Adam is gradient descent, which finds the smallest weights."""

BODIES = tuple(
    Inception(width=width, depth=depth) for width, depth in ((32, 6), (32, 3), (16, 3))
)
"""From the best to the fastest."""

LEAST_EPOCHS = 15
MOST_EPOCHS = 60


def design_sequences(case: Case, facts: SequenceFacts) -> Design:
    """Choose preparation, network and training for sequences."""
    if facts.symbols:
        return _design_texts(case, facts)
    prepare: list[Step] = [Standardize()]
    if facts.missing:
        prepare.insert(0, Interpolate())
        case.reasons["prepare.0"] = amount(facts.missing, "missing value")
    batch_size = _batch_size(case)
    body, step_seconds = _body(case, facts, batch_size)
    prepare.append(_convolutions(case, body, len(prepare)))
    if case.target.task == "regression":
        prepare.append(StandardizeTarget())
    steps = -(-case.num_train // batch_size)
    return Design(
        prepare=tuple(prepare),
        network=SequenceNet(body=body, features=True),
        optimizer=AdamW(lr=2e-3, weight_decay=0.01, groups=(HEAD,)),
        schedule=OneCycleLR(),
        batch_size=batch_size,
        epochs=choose_epochs(case, batch_size, steps * step_seconds, MOST_EPOCHS),
        threads=1,
    )


def _batch_size(case: Case) -> int:
    sizes = ((5_000, 128), (1_000, 64), (200, 32), (0, 16))
    size = next(size for rows, size in sizes if case.num_train >= rows)
    case.reasons["training.batch_size"] = f"for {case.num_train:,} training examples"
    return size


def _convolutions(case: Case, body: Inception | None, place: int) -> RandomConvolutions:
    most = FEATURES_MEMORY // max(case.inspection.num_examples, 1)
    num_features = min(MOST_FEATURES, max(84, most // 84 * 84))
    case.reasons[f"prepare.{place}"] = (
        "a linear layer on these is as good as most deep networks"
    )
    return RandomConvolutions(num_features=num_features, keep_steps=body is not None)


def _body(
    case: Case, facts: SequenceFacts, batch_size: int
) -> tuple[Inception | None, float]:
    """Return the largest body that learns something in time, and seconds of a step."""
    steps = -(-case.num_train // batch_size)
    shape = (len(facts.channels), facts.max_length)
    for body in BODIES:
        seconds = inception_step_seconds(body, shape, batch_size, case.machine)
        if seconds * steps * LEAST_EPOCHS < TRAINING_SHARE * case.budget:
            case.reasons["network"] = (
                "convolutions and features err in different places"
            )
            return body, seconds
    case.reasons["network"] = "features only: a body would not learn in the time"
    return None, 1e-3


def _design_texts(case: Case, facts: SequenceFacts) -> Design:
    batch_size = _batch_size(case)
    case.reasons["network"] = f"texts of {facts.symbols} characters"
    return Design(
        prepare=(),
        network=SequenceNet(body=GRU(width=128), embedding=64),
        optimizer=AdamW(lr=3e-3, weight_decay=0.01),
        schedule=OneCycleLR(),
        batch_size=batch_size,
        epochs=10,
        threads=1,
    )
