"""The default for sequences `(N, C, L)`.

Chosen within training parts of the UCR archive, on few folds, which cannot tell small
differences: convolutions of the changes and the ridge regression on five folds of
SwedishLeaf, PhalangesOutlinesCorrect and SyntheticControl; kernels that compete beside
these on five folds of SwedishLeaf (17 errors instead of 21 in 500), GunPoint (0 instead
of 1 in 50), SyntheticControl (3 instead of 2 in 300) and JapaneseVowels (13 and 13 in
270, log loss 0.168 instead of 0.208), and two of four of PhalangesOutlinesCorrect (125
instead of 122 in 900); the number of groups for short sequences on three times five
folds of JapaneseVowels (25 errors in 810 with 256, 39 with 64, 41 with none); the rate
of the features' layer where there is no ridge, and that an Inception net beside it
helps, on one or two of SwedishLeaf and PhalangesOutlinesCorrect; that both stay for
several channels of different lengths, on three of JapaneseVowels.

That the mean of both members is as good as weights fitted on the val part, on three
draws of SwedishLeaf, PhalangesOutlinesCorrect and SyntheticControl each: a mean log
loss of 0.177 instead of 0.178.

That a forecast has no such features but a linear layer of all steps beside the body, on
the val part of the Seoul temperatures, 14 days to see: an error of 1.98 degrees after 6
epochs and 1.97 after 10; without that layer 1.98 after 10; with the features 2.05 after
6, and a ridge regression on the steps 2.07. The features count how often a kernel is
strong, and say nothing of the level at the end, from which a forecast goes on. The
small body and its rate on 300, 1,500 and 5,000 of its days: 3.14, 2.46 and 2.08; three
times as many channels or modules at the usual rate 4.52, 2.63 and 2.12; the ridge
regression 3.27 and 2.51 on the first two.

That the calibrated loss chooses the epoch of texts, on two draws of the training rows
of the names: an accuracy of 83.3 and 85.4 % instead of 82.4 and 83.8, a log loss of
0.530 and 0.469 instead of 0.560 and 0.509. Beside a ridge regression it would end
training before the body has learned anything: on two draws of PhalangesOutlinesCorrect
84.4 and 85.3 % instead of 85.6 and 86.7.
"""

from dataclasses import dataclass, replace

from torchsmith.core.vocabulary import CALIBRATED
from torchsmith.core.wording import amount
from torchsmith.data.competing_convolutions import dilations_for
from torchsmith.data.steps import (
    Interpolate,
    NGrams,
    RandomConvolutions,
    Standardize,
    StandardizeTarget,
    Step,
)
from torchsmith.inspect.inspection import SequenceFacts
from torchsmith.plan.cost_sequences import (
    feature_step_seconds,
    features_seconds,
    groups_seconds,
    gru_step_seconds,
    inception_macs,
    inception_step_seconds,
)
from torchsmith.plan.design import (
    ANNEALED,
    CENTRED_TARGET,
    TRAINING_SHARE,
    Case,
    Design,
    choose_epochs,
    choose_threads,
)
from torchsmith.plan.networks import SequenceNet
from torchsmith.plan.optimizers import AdamW, Group
from torchsmith.plan.schedules import OneCycleLR
from torchsmith.plan.sequence_bodies import GRU, Inception

MOST_FEATURES = 9_912
LEAST_FEATURES = 840

GROUPS, ALL_GROUPS = 64, 256
"""At each dilation as many as in the paper; more where short sequences have few."""

MOST_NUMBERS = 100_000_000
"""Of the features of all sequences, 4 bytes each."""

MOST_OF_RIDGE = 2_000
"""Training examples; of more, a ridge regression takes long."""

FEATURES_SHARE = 0.2
"""Of the budget, for computing features."""

HEAD = Group(params="features.*", lr=0.2, weight_decay=0.0, eps=1e-3)
"""With a large eps Adam is gradient descent, which finds small weights."""

HEAD_OF_RIDGE = Group(params="features.*", weight_decay=0.0, eps=1e-3)
"""What a ridge regression says hardly changes where it is right."""

BODIES = tuple(
    Inception(width=width, depth=depth)
    for width, depth in ((32, 6), (32, 3), (16, 3), (8, 3))
)
"""From the best to the fastest."""

LEAST_EPOCHS = 12
LEAST_STEPS = 250
"""A body that has less to learn from says less than the features alone."""

FEW_FOR_FORECAST = 10_000
SMALL_BODY = Inception(width=4, depth=2)
SMALL_BODY_LR = 8e-3
"""Where a forecast learns from fewer examples."""

MOST_EPOCHS = 120
MOST_EPOCHS_OF_FEATURES = 60
MOST_EPOCHS_OF_TEXTS = 25

FIRST_SECONDS = 10.0
SECONDS_OF_EXAMPLE = 0.01
"""Longer training has little to learn from few examples."""


@dataclass(frozen=True)
class Chosen:
    """A network, and what its training takes.

    Attributes:
        step_seconds: Of a batch.
        macs: Of the forward pass of a batch.
        most_epochs: More are not worth their time.
    """

    network: SequenceNet
    step_seconds: float
    macs: int
    most_epochs: int


def design_sequences(case: Case, facts: SequenceFacts) -> Design:
    """Choose preparation, network and training for sequences."""
    batch_size = _batch_size(case)
    if facts.symbols:
        chosen, prepare = _for_texts(case, facts, batch_size)
    else:
        num_features = 0 if facts.window else _num_features(case, facts)
        if num_features:
            chosen = _for_numbers(case, facts, batch_size, num_features)
        else:
            chosen = _for_forecast(case, facts, batch_size)
        prepare = _prepare(case, facts, num_features, chosen.network)
    if case.target.task == "regression":
        case.adder("prepare", prepare)(StandardizeTarget(), CENTRED_TARGET)
    shortened = _shortened(case)
    limit = f"{case.num_train:,} examples are worth, {_enough(case):.0f} s"
    epoch_seconds = -(-case.num_train // batch_size) * chosen.step_seconds
    monitor = "val_loss"
    if facts.symbols and case.target.task != "regression":
        monitor = CALIBRATED
        case.reasons["stopping.monitor"] = (
            "says how well classes are told apart; the temperature mends how sure the "
            "network is of itself"
        )
    case.reasons["optimizer"] = "a steady choice for sequences"
    if chosen.network.features:
        case.reasons["optimizer"] += (
            "; with a large eps it is gradient descent, which finds small weights for "
            "the many features"
        )
    case.reasons["schedule"] = ANNEALED
    return Design(
        prepare=tuple(prepare),
        network=chosen.network,
        optimizer=AdamW(
            lr=_lr(case, facts),
            weight_decay=0.05 if facts.symbols else 0.01,
            groups=_groups(case, facts, chosen.network),
        ),
        schedule=OneCycleLR(),
        batch_size=batch_size,
        epochs=choose_epochs(
            shortened,
            batch_size,
            epoch_seconds,
            chosen.most_epochs,
            limit if shortened.budget < case.budget else "",
        ),
        threads=choose_threads(chosen.macs, case),
        monitor=monitor,
    )


def _has_ridge(case: Case, facts: SequenceFacts) -> bool:
    return not facts.symbols and case.num_train <= MOST_OF_RIDGE


def _groups(
    case: Case, facts: SequenceFacts, network: SequenceNet
) -> tuple[Group, ...]:
    if not network.features:
        return ()
    return (HEAD_OF_RIDGE if _has_ridge(case, facts) else HEAD,)


def _lr(case: Case, facts: SequenceFacts) -> float:
    if facts.symbols:
        return 4e-3
    return SMALL_BODY_LR if _is_small(case, facts) else 2e-3


def _is_small(case: Case, facts: SequenceFacts) -> bool:
    """Whether a forecast has too few examples for a large body."""
    return bool(facts.window) and case.num_train < FEW_FOR_FORECAST


def _enough(case: Case) -> float:
    """Return the seconds of training after which few examples teach no more."""
    return FIRST_SECONDS + SECONDS_OF_EXAMPLE * case.num_train


def _seconds(case: Case) -> float:
    """Return how long training may last."""
    return min(TRAINING_SHARE * case.budget, _enough(case))


def _shortened(case: Case) -> Case:
    """Return the case with no more time than its examples are worth."""
    budget = min(case.budget, float(round(_enough(case) / TRAINING_SHARE)))
    pace = case.pace
    if pace is not None:
        pace = replace(pace, seconds=min(pace.seconds, _enough(case)))
    return replace(case, budget=budget, pace=pace)


def _batch_size(case: Case) -> int:
    sizes = ((5_000, 128), (1_000, 64), (200, 32), (0, 16))
    size = next(size for rows, size in sizes if case.num_train >= rows)
    case.reasons["training.batch_size"] = f"for {case.num_train:,} training examples"
    return size


def _num_features(case: Case, facts: SequenceFacts) -> int:
    """Return as many random convolutions as memory and time allow."""
    num = max(case.inspection.num_examples, 1)
    seconds = features_seconds(1, num, facts.median_length, len(facts.channels))
    affordable = int(FEATURES_SHARE * case.budget / seconds)
    most = min(MOST_FEATURES, MOST_NUMBERS // num, affordable)
    return max(LEAST_FEATURES, most // 168 * 168)


def _num_groups(case: Case, facts: SequenceFacts) -> int:
    """Return groups of kernels that compete, where a ridge regression weighs them."""
    if not _has_ridge(case, facts):
        return 0
    num, length = max(case.inspection.num_examples, 1), facts.median_length
    groups = max(GROUPS, ALL_GROUPS // len(dilations_for(length)) // 2 * 2)
    affordable = FEATURES_SHARE * case.budget
    return groups if groups_seconds(groups, num, length) <= affordable else 0


def _prepare(
    case: Case, facts: SequenceFacts, num_features: int, network: SequenceNet
) -> list[Step]:
    steps: list[Step] = []
    add = case.adder("prepare", steps)

    if facts.missing:
        add(Interpolate(), amount(facts.missing, "missing value"))
    add(Standardize(), "channels of one scale; fitted on train only")
    if not num_features:
        return steps
    less = "" if num_features == MOST_FEATURES else "; as many as memory and time allow"
    add(
        RandomConvolutions(
            num_features=num_features,
            groups=_num_groups(case, facts),
            ridge=_has_ridge(case, facts),
            keep_steps=network.body is not None,
        ),
        f"a linear model of them is as good as most deep networks{less}",
    )
    return steps


def _for_numbers(
    case: Case, facts: SequenceFacts, batch_size: int, num_features: int
) -> Chosen:
    """Return the largest body that learns something in time beside the features."""
    steps = -(-case.num_train // batch_size)
    shape = (len(facts.channels), facts.max_length)
    outputs = max(len(case.target.classes), 1)
    head_macs = num_features * outputs * batch_size
    head_seconds = feature_step_seconds(num_features, outputs, batch_size, case.machine)
    least = max(LEAST_EPOCHS * steps, LEAST_STEPS)
    for body in BODIES:
        seconds = head_seconds + inception_step_seconds(
            body, shape, batch_size, case.machine
        )
        if seconds * least <= _seconds(case):
            case.reasons["network"] = (
                "convolutions that are learned and random ones err in different "
                f"places; {len(body.kernel_sizes)} lengths at once, as large as learns "
                "in the time"
            )
            macs = head_macs + inception_macs(body, *shape) * batch_size
            network = SequenceNet(body=body, features=True)
            return Chosen(network, seconds, macs, MOST_EPOCHS)
    case.reasons["network"] = (
        f"a body for {facts.max_length:,} steps would learn too little in the time"
    )
    network = SequenceNet(body=None, features=True)
    return Chosen(network, head_seconds, head_macs, MOST_EPOCHS_OF_FEATURES)


def _for_forecast(case: Case, facts: SequenceFacts, batch_size: int) -> Chosen:
    """Return the largest body that learns something in time, or the smallest."""
    steps = -(-case.num_train // batch_size)
    shape = (len(facts.channels), facts.max_length)

    def seconds(body: Inception) -> float:
        return inception_step_seconds(body, shape, batch_size, case.machine)

    most = _seconds(case) / (LEAST_EPOCHS * steps)
    bodies = (SMALL_BODY,) if _is_small(case, facts) else BODIES
    body = next((body for body in bodies if seconds(body) <= most), bodies[-1])
    case.reasons["network"] = (
        f"convolutions of {len(body.kernel_sizes)} lengths at once, and a linear layer "
        "of all steps, since what comes next is near the last ones"
    )
    macs = inception_macs(body, *shape) * batch_size
    network = SequenceNet(body=body, skip=True)
    return Chosen(network, seconds(body), macs, MOST_EPOCHS)


def _ngrams(case: Case, facts: SequenceFacts) -> NGrams:
    """Return as many runs of characters as memory allows: a text holds few of them.

    The names data has 16,000 that recur. With 3,000 of them the layer had an accuracy
    of 79.9 and 83.0 % on two draws of its training rows, with all 83.1 and 84.4 %.
    """
    default = NGrams()
    most = MOST_NUMBERS // max(case.inspection.num_examples, 1) // 2
    if default.longest * (facts.max_length + 2) <= most:
        return default
    return NGrams(num_features=max(min(default.num_features, most), 1))


def _for_texts(
    case: Case, facts: SequenceFacts, batch_size: int
) -> tuple[Chosen, list[Step]]:
    body = GRU(width=128)
    network = SequenceNet(body=body, features=True, embedding=64, dropout=0.3)
    ngrams = _ngrams(case, facts)
    case.reasons["prepare.0"] = (
        "runs of characters tell much by themselves; a linear layer on them errs in "
        "other places than what reads the text"
    )
    case.reasons["network"] = (
        f"texts of up to {facts.max_length:,} characters, {facts.symbols} different "
        "ones: read in both directions"
    )
    seconds = gru_step_seconds(body, 64, facts.median_length, batch_size, case.machine)
    macs = 6 * body.width * (64 + body.width) * facts.median_length * batch_size
    return Chosen(network, seconds, macs // 2, MOST_EPOCHS_OF_TEXTS), [ngrams]
