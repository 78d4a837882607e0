"""The default for sequences: sized to the budget, with a reason for each choice."""

import pytest

from torchsmith.data.steps import (
    Interpolate,
    NGrams,
    RandomConvolutions,
    Standardize,
    StandardizeTarget,
)
from torchsmith.inspect.inspection import (
    ColumnFacts,
    Inspection,
    SequenceFacts,
    TargetFacts,
)
from torchsmith.plan.check import impossible
from torchsmith.plan.decide import decide
from torchsmith.plan.machine import Machine
from torchsmith.plan.sequence_bodies import GRU, Inception

MACHINE = Machine(cores=2, gflops=170.0)


def sequences(num=500, lengths=(80, 80, 80), task="binary", **changes):
    column = ColumnFacts(
        name="label",
        kind="text",
        role="category",
        reason="",
        missing=0,
        distinct=2,
    )
    classes = () if task == "regression" else ("a", "b")
    shortest, median, longest = lengths
    facts = SequenceFacts(
        channels=changes.pop("channels", ("x",)),
        min_length=shortest,
        median_length=median,
        max_length=longest,
        **changes,
    )
    return Inspection(
        source="here",
        fingerprint="sha256:0",
        kind="sequences",
        num_examples=num,
        sequences=facts,
        target=TargetFacts(
            name="label",
            task=task,
            evidence="",
            classes=classes,
            counts=(num // 2, num - num // 2) if classes else (),
            column=column,
        ),
    )


SITUATIONS = {
    "few": sequences(50),
    "many": sequences(20_000),
    "ragged": sequences(lengths=(7, 20, 29), channels=tuple("abc")),
    "long": sequences(lengths=(125, 400, 9_318), channels=tuple("abc")),
    "texts": sequences(20_000, lengths=(2, 7, 20), symbols=60),
    "numbers to predict": sequences(task="regression"),
    "gaps": sequences(missing=3),
}


@pytest.mark.parametrize("budget", [10.0, 60.0, 600.0])
@pytest.mark.parametrize("situation", SITUATIONS.values(), ids=SITUATIONS)
def test_every_situation_gets_a_plan_that_can_work(situation, budget):
    plan = decide(situation, MACHINE, budget)
    assert not impossible(plan)
    for place in range(len(plan.prepare)):
        assert plan.reasons[f"prepare.{place}"]
    for name in ("network", "optimizer", "schedule", "training.batch_size"):
        assert plan.reasons[name]


def steps_of(situation, budget=180.0):
    return [type(step) for step in decide(situation, MACHINE, budget).prepare]


def test_the_steps_follow_from_the_data():
    usual = [Standardize, RandomConvolutions]
    assert steps_of(SITUATIONS["few"]) == usual
    assert steps_of(SITUATIONS["gaps"]) == [Interpolate, *usual]
    assert steps_of(SITUATIONS["numbers to predict"]) == [*usual, StandardizeTarget]
    assert steps_of(SITUATIONS["texts"]) == [NGrams]


def test_few_short_sequences_get_convolutions_beside_the_features():
    network = decide(SITUATIONS["few"], MACHINE).network
    assert isinstance(network.body, Inception)
    assert network.members == 2


def test_kernels_compete_where_a_ridge_regression_weighs_what_they_count():
    groups = {
        name: decide(SITUATIONS[name], MACHINE, 60.0).prepare[1].groups
        for name in ("few", "many", "ragged")
    }
    assert groups == {"few": 64, "many": 0, "ragged": 128}  # of two dilations, not four
    assert decide(SITUATIONS["long"], MACHINE, 2.0).prepare[1].groups == 0  # no time


def test_texts_are_read_by_a_gru_and_long_sequences_by_features_alone():
    texts = decide(SITUATIONS["texts"], MACHINE)
    assert isinstance(texts.network.body, GRU)
    assert texts.network.features  # n-grams
    assert texts.stopping.monitor == "val_calibrated_loss"
    assert decide(SITUATIONS["few"], MACHINE).stopping.monitor == "val_loss"
    plan = decide(SITUATIONS["long"], MACHINE)
    assert plan.network.body is None
    assert plan.network.features
    assert not plan.prepare[1].keep_steps


@pytest.mark.parametrize(
    ("num", "longest", "wanted"),
    [(20_000, 20, 30_000), (20_000, 5_000, 2_500), (2_000, 7_000, 25_000)],
)
def test_as_many_runs_of_characters_as_memory_allows(num, longest, wanted):
    facts = sequences(num, lengths=(2, 7, longest), symbols=60)
    (ngrams,) = decide(facts, MACHINE).prepare
    assert ngrams.num_features == wanted


def test_more_time_makes_a_larger_body_and_many_examples_fewer_features():
    small, large = (
        decide(sequences(4_000), MACHINE, budget).network.body
        for budget in (20.0, 3_600.0)
    )
    assert small is None or small.width < large.width
    features = [
        decide(SITUATIONS[name], MACHINE).prepare[1].num_features
        for name in ("few", "many")
    ]
    assert features[0] == 9_912
    assert 840 <= features[1] < 9_912


def test_few_examples_are_not_trained_on_for_long():
    plan = decide(SITUATIONS["few"], MACHINE, 3_600.0)
    assert plan.training.epochs <= 120


def test_few_examples_are_said_to_end_training_not_a_budget_that_nobody_gave():
    plan = decide(sequences(50, lengths=(200, 200, 200)), MACHINE, budget=3_600.0)
    reason = plan.reasons["training.epochs"]
    assert "as many as 34 examples are worth" in reason
    assert "fit into" not in reason
    short = decide(SITUATIONS["many"], MACHINE, budget=5.0)
    assert "as many as fit into 5 s" in short.reasons["training.epochs"]


@pytest.mark.parametrize(("num", "width"), [(400, 4), (40_000, 16)])
def test_a_forecast_goes_on_from_its_last_steps_by_a_linear_layer(num, width):
    known = sequences(num, (14, 14, 14), "regression", window=14)
    plan = decide(known, MACHINE)
    network = plan.network
    assert network.skip
    assert not network.features
    assert network.body.width >= width
    assert not any(isinstance(step, RandomConvolutions) for step in plan.prepare)
    assert "near the last ones" in plan.reasons["network"]
    in_a_hurry = decide(known, MACHINE, 5.0).network
    assert in_a_hurry.skip
    assert isinstance(in_a_hurry.body, Inception)
