"""Decisions follow from facts, and every one has its reason."""

import itertools

import pytest

from torchsmith.core.errors import DataError, PlanError
from torchsmith.data.data import MISSING_TARGET, Change
from torchsmith.data.split import Folds, Split
from torchsmith.data.steps import (
    BagOfWords,
    EncodeCategories,
    EncodeValues,
    FillMissing,
    NeighbourTarget,
    QuantileScale,
    Resize,
    RotatePlace,
    Standardize,
    StandardizeTarget,
    ToFloat,
)
from torchsmith.inspect.inspection import (
    ColumnFacts,
    Finding,
    ImageFacts,
    Inspection,
    TargetFacts,
)
from torchsmith.plan.check import check
from torchsmith.plan.decide import decide
from torchsmith.plan.file import parse_plan
from torchsmith.plan.losses import CrossEntropyLoss, MSELoss
from torchsmith.plan.machine import Machine
from torchsmith.plan.networks import ConvNet, TabularMLP
from torchsmith.plan.settings import set_values
from torchsmith.plan.text import plan_text

MACHINE = Machine(cores=2, gflops=160.0)


def column(name, role="number", *, kind="number", missing=0, exact=0.0):
    return ColumnFacts(
        name=name,
        kind=kind,
        role=role,
        reason=f"why {name}",
        missing=missing,
        distinct=9,
        exact=exact,
    )


def target(task="multiclass", counts=(40, 30, 30)):
    classes = tuple(f"class {i}" for i in range(len(counts)))
    if task == "regression":
        classes, counts = (), ()
    return TargetFacts(
        name="y",
        task=task,
        evidence="why this task",
        classes=classes,
        counts=counts,
        column=column("y"),
    )


def table(**changes):
    facts = {
        "source": "table.csv",
        "fingerprint": "sha256:0",
        "kind": "table",
        "num_examples": 20_000,
        "columns": (
            column("age", missing=3),
            column("town", "category", kind="text"),
            column("id", "ignore"),
        ),
        "target": target(),
    }
    return Inspection.model_validate(facts | changes)


def pictures(side=28, *, same=True, **changes):
    facts = {
        "source": "pictures",
        "fingerprint": "sha256:0",
        "kind": "images",
        "num_examples": 70_000,
        "given": {"train": 60_000, "test": 10_000},
        "reading": {"pixel_max": "255"},
        "images": ImageFacts(
            channels=1,
            min_height=side if same else side // 2,
            median_height=side,
            max_height=side,
            min_width=side,
            median_width=side,
            max_width=side,
            same_size=same,
            mean=0.1,
            deviation=0.3,
        ),
        "target": target(counts=(7_000,) * 10),
    }
    return Inspection.model_validate(facts | changes)


@pytest.mark.parametrize(
    "facts", [table(), pictures(), table(target=target("regression"))]
)
def test_a_decided_plan_is_possible_and_survives_its_file(facts):
    plan = decide(facts, MACHINE)
    check(plan)
    assert parse_plan(plan_text(plan)) == plan


def test_the_same_facts_give_the_same_plan():
    assert decide(table(), MACHINE, 60) == decide(table(), MACHINE, 60)


def test_a_table_gets_a_tabular_network_with_what_its_columns_need():
    plan = decide(table(), MACHINE)
    assert isinstance(plan.network, TabularMLP)
    assert plan.prepare == (
        FillMissing(value="median", flag=True),
        QuantileScale(),
        EncodeCategories(encoding="codes"),
    )
    assert plan.loss == CrossEntropyLoss()
    assert plan.data.columns == {"age": "number", "town": "category", "id": "ignore"}
    assert plan.reasons["data.columns.town"] == "why town"
    assert plan.training.threads == 1


def test_texts_get_as_many_words_as_numbers_are_embedded():
    def texts(*words):
        made = (
            column(f"t{i}", "text", kind="text").model_copy(update={"words": count})
            for i, count in enumerate(words)
        )
        return table(columns=(column("age"), column("b", "category"), *made))

    plan = decide(texts(40, 500), MACHINE)
    assert plan.prepare[-1] == BagOfWords(most=49)
    assert plan.network.bins
    assert "'t0', 't1'" in plan.reasons["prepare.2"]
    assert plan.reasons["network"].startswith("1 numbers and 1 categories, words of 2,")
    assert check(plan) is None
    assert BagOfWords(most=10) in decide(texts(*range(5, 40)), MACHINE).prepare


def test_numbers_that_are_names_get_codes():
    made = (
        column("shop", exact=0.1),
        column("age", exact=0.01),
        column("b", missing=1),
    )
    plan = decide(table(columns=made), MACHINE)
    assert plan.prepare[-1] == EncodeValues(columns=("shop",))
    place = len(plan.prepare) - 1
    assert plan.reasons[f"prepare.{place}"].startswith("'shop': an exact value tells")
    assert check(plan) is None


def test_categories_of_few_rows_each_have_codes_where_two_rows_share_one():
    ticket = column("ticket", "category", kind="text")
    plan = decide(table(columns=(ticket, column("age"))), MACHINE)
    assert plan.prepare[-1] == EncodeCategories(encoding="codes")
    alike = ticket.model_copy(update={"alike": 0.1})
    plan = decide(table(columns=(alike, column("age"))), MACHINE)
    assert plan.prepare[-1] == EncodeCategories(encoding="codes", min_count=2)
    assert plan.reasons["prepare.1"].endswith(
        "texts of 'ticket' in one row are unknown"
    )


def test_a_column_that_is_no_number_any_more_leaves_the_steps_that_name_it():
    places = (column("lat", exact=0.1), column("lon"), column("shop", exact=0.1))
    places = tuple(
        each.model_copy(update={"low": 30.0, "high": 40.0, "distinct": 99})
        for each in (*places, column("age", missing=2))
    )
    plan = decide(table(columns=places), MACHINE)
    fill, rotate, near, scale, codes = plan.prepare
    assert codes == EncodeValues(columns=("lat", "shop"))
    less = set_values(plan, {"data.columns.lat": "ignore"})
    assert less.prepare == (fill, scale, EncodeValues(columns=("shop",)))
    assert less.reasons["prepare.1"] == plan.reasons["prepare.3"]
    assert "prepare.2" not in less.reasons
    assert parse_plan(plan_text(less)) == less
    none = set_values(
        plan, {"data.columns.lat": "boolean", "data.columns.shop": "ignore"}
    )
    assert none.prepare == (fill, scale)
    other = set_values(plan, {"data.columns.age": "ignore", "optimizer.lr": 0.1})
    assert other.prepare == plan.prepare
    assert (rotate.latitude, near.latitude) == ("lat", "lat")


def test_exact_values_have_no_codes_for_a_network_that_takes_none():
    plan = decide(table(columns=(column("shop", exact=0.1), column("age"))), MACHINE)
    scale, codes = plan.prepare
    for network in ("{MLP: {hidden: [8]}}", "{Sequential: [{Linear: 3}]}"):
        assert set_values(plan, {"network": network}).prepare == (scale,)
    wide = set_values(plan, {"network.hidden": [9]})
    assert wide.prepare == (scale, codes)
    asked = {"network": "{MLP: {hidden: [8]}}", "prepare.EncodeValues": ["age"]}
    with pytest.raises(PlanError, match="MLP cannot take category codes; use Tabular"):
        set_values(plan, asked)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("shoop", "there is no number column 'shoop'; did you mean 'shop'?"),
        ("y", "there is no number column 'y', which is the target"),
        ("town", "there is no number column 'town'; its role is category"),
    ],
)
def test_a_step_that_names_no_number_column_is_refused_with_the_plan(name, words):
    facts = table(columns=(column("shop"), column("town", "category", kind="text")))
    plan = decide(facts, MACHINE)
    step = f"[QuantileScale, EncodeCategories, {{EncodeValues: [shop, {name}]}}]"
    with pytest.raises(
        PlanError, match=rf"prepare\.2: EncodeValues.columns.1: {words}"
    ):
        set_values(plan, {"prepare": step})


def test_categories_become_columns_for_a_network_that_takes_no_codes():
    plan = decide(table(), MACHINE)
    place = plan.prepare.index(EncodeCategories(encoding="codes"))
    made = set_values(plan, {"network": "{MLP: {hidden: [8]}}"})
    assert made.prepare[place] == EncodeCategories(encoding="one_hot")
    assert made.reasons[f"prepare.{place}"] == "0/1 columns: MLP takes no codes"
    assert parse_plan(plan_text(made)) == made
    bare = plan.model_copy(update={"prepare": plan.prepare[:place]})
    with pytest.raises(PlanError, match="'town' is used as category, but there is no"):
        check(bare)


def test_few_rows_of_nothing_but_categories_are_learned_faster_and_for_longer():
    towns = (column("town", "category", kind="text"), column("id", "ignore"))
    alone = decide(table(columns=towns, num_examples=1_500), MACHINE)
    mixed = decide(table(num_examples=1_500), MACHINE)
    assert alone.training.epochs == 2 * mixed.training.epochs
    assert alone.optimizer.lr > mixed.optimizer.lr
    assert alone.network.dropout < mixed.network.dropout


def test_steps_that_nothing_needs_are_left_out():
    only_numbers = table(columns=(column("age"),), target=target("regression"))
    assert decide(only_numbers, MACHINE).prepare == (
        QuantileScale(),
        StandardizeTarget(clamp=True),
    )
    only_texts = table(columns=(column("town", "category", kind="text"),))
    assert decide(only_texts, MACHINE).prepare == (EncodeCategories(encoding="codes"),)


AREA = {"high": 42.0, "distinct": 500}


def coordinates(*names):
    return tuple(
        column(name).model_copy(update=AREA | {"low": -124.0 + 156 * (i % 2)})
        for i, name in enumerate(names)
    )


@pytest.mark.parametrize(
    ("names", "place"),
    [
        (("Longitude", "Latitude"), ("Latitude", "Longitude")),
        (("경도", "위도"), ("위도", "경도")),
        (("drop_lng", "pickup_lat", "pickup_lon"), ("pickup_lat", "pickup_lon")),
        (("longitude", "altitude"), None),
        (("long", "flat"), None),
    ],
)
def test_a_place_is_recognised_by_the_names_of_its_coordinates(names, place):
    plan = decide(table(columns=coordinates(*names)), MACHINE)
    found = [step for step in plan.prepare if isinstance(step, RotatePlace)]
    assert [(step.latitude, step.longitude) for step in found] == [place] * bool(place)
    near = [step for step in plan.prepare if isinstance(step, NeighbourTarget)]
    assert [(step.latitude, step.longitude) for step in near] == [place] * bool(place)


def test_rows_at_few_places_have_no_neighbours_to_ask():
    few = tuple(
        c.model_copy(update={"distinct": 40}) for c in coordinates("lon", "lat")
    )
    steps = decide(table(columns=few), MACHINE).prepare
    assert not any(isinstance(step, NeighbourTarget) for step in steps)


@pytest.mark.parametrize(
    "changes",
    [
        {"num_examples": 100},
        {"num_examples": 1_000_000},
        {"group": "town"},
        {"target": target(counts=(100,) * 11)},
    ],
)
def test_neighbours_are_asked_only_where_they_can_answer(changes):
    facts = table(columns=coordinates("lon", "lat"), **changes)
    steps = decide(facts, MACHINE).prepare
    assert not any(isinstance(step, NeighbourTarget) for step in steps)
    assert any(isinstance(step, RotatePlace) for step in steps)


def test_predictions_of_a_time_series_may_go_beyond_what_was():
    facts = table(target=target("regression"), time="day")
    assert StandardizeTarget(clamp=False) in decide(facts, MACHINE).prepare


def test_a_small_budget_takes_a_smaller_network_before_too_few_epochs():
    large = table(num_examples=100_000)
    sizes = [
        (plan.network.members, plan.network.hidden[0], plan.training.epochs)
        for seconds in (3600, 180, 60)
        for plan in [decide(large, MACHINE, seconds)]
    ]
    assert sizes[0] > sizes[1] > sizes[2]
    assert min(epochs for _, _, epochs in sizes) >= 20


def test_numbers_that_are_no_degrees_are_no_place():
    far = coordinates("lon", "lat")
    far = (far[0], far[1].model_copy(update={"high": 4_000.0}))
    plan = decide(table(columns=far), MACHINE)
    assert not any(isinstance(step, RotatePlace) for step in plan.prepare)


def test_regression_gets_a_squared_error_in_its_own_units():
    plan = decide(table(target=target("regression")), MACHINE)
    assert plan.loss == MSELoss()
    assert plan.problem.metric == "rmse"
    assert not plan.split.stratify


@pytest.mark.parametrize(
    ("task", "counts", "metric"),
    [
        ("multiclass", (40, 30, 30), "accuracy"),
        ("binary", (80, 20), "accuracy"),
        ("binary", (89, 11), "roc_auc"),
        ("multiclass", (900, 50, 50), "balanced_accuracy"),
    ],
)
def test_the_metric_follows_from_the_balance_of_the_classes(task, counts, metric):
    assert decide(table(target=target(task, counts)), MACHINE).problem.metric == metric


@pytest.mark.parametrize(
    ("metric", "weight"),
    [
        (None, None),
        ("accuracy", None),
        ("roc_auc", None),
        ("f1_macro", "sqrt_balanced"),
        ("balanced_accuracy", "balanced"),
        ("recall_macro", "balanced"),
    ],
)
def test_a_metric_that_is_asked_for_decides_how_much_rare_classes_count(metric, weight):
    plan = decide(table(), MACHINE, metric=metric)
    assert plan.loss == CrossEntropyLoss(weight=weight)
    reason = plan.reasons.get("loss.CrossEntropyLoss.weight", "")
    assert ("rare classes" in reason) == bool(weight)
    numbers = decide(table(target=target("regression")), MACHINE, metric=metric)
    assert numbers.loss == MSELoss()


def test_parts_that_the_source_gives_are_used():
    plan = decide(table(given={"train": 15_000, "test": 5_000}), MACHINE)
    assert (plan.split.test, plan.split.val) == ("given", 0.15)
    plan = decide(table(given={"train": 9, "val": 9, "test": 2}), MACHINE)
    assert (plan.split.test, plan.split.val) == ("given", "given")
    assert not plan.split.stratify  # nothing is cut
    assert plan.reasons["split.stratify"] == "the parts are given"


def test_time_comes_before_group_and_groups_keep_their_classes():
    both = decide(table(time="day", group="person"), MACHINE).split
    assert both == Split(test=0.2, val=0.15, time="day", seed=0)
    grouped = decide(table(group="person"), MACHINE).split
    assert grouped == Split(test=0.2, val=0.15, group="person", stratify=True, seed=0)
    assert decide(table(), MACHINE).split.stratify
    assert not decide(table(), MACHINE).split.keep_together


def test_equal_rows_are_kept_together_where_they_are_more_than_chance_makes():
    copies = table(repeats=400, usual_repeats=100)
    plan = decide(copies, MACHINE)
    assert plan.split.keep_together
    assert plan.split.stratify
    reason = plan.reasons["split.keep_together"]
    assert reason.startswith("400 rows have the same inputs as an earlier one")
    alike = decide(table(repeats=300, usual_repeats=100), MACHINE)
    assert not alike.split.keep_together
    assert "300 rows repeat" in alike.reasons["split.keep_together"]
    parts = {"train": 9_000, "val": 900, "test": 100}
    for other in ({"group": "person"}, {"time": "day"}, {"given": parts}):
        changed = copies.model_copy(update=other)
        assert not decide(changed, MACHINE).split.keep_together


def test_pictures_of_one_small_size_are_left_as_they_are():
    plan = decide(pictures(), MACHINE)
    assert plan.prepare == (ToFloat(scale=255), Standardize())
    assert isinstance(plan.network, ConvNet)
    assert plan.network.pool == 3
    assert plan.training.threads == 2


@pytest.mark.parametrize(("largest", "scale"), [("1", 1), ("16", 16), ("254", 255)])
def test_pixels_are_scaled_by_the_range_of_their_kind(largest, scale):
    plan = decide(pictures(reading={"pixel_max": largest}), MACHINE)
    assert ToFloat(scale=scale) in plan.prepare


def test_large_pictures_and_many_sizes_are_resized():
    assert Resize(height=64, width=64) in decide(pictures(200), MACHINE).prepare
    assert (
        Resize(height=40, width=40) in decide(pictures(40, same=False), MACHINE).prepare
    )


def test_tiny_pictures_get_as_many_stages_as_they_have_room_for():
    tiny = decide(pictures(4, num_examples=500, given={}), MACHINE)
    assert len(tiny.network.channels) == 1
    digits = decide(pictures(8, num_examples=1_797, given={}), MACHINE)
    assert (len(digits.network.channels), digits.network.pool) == (3, 2)


def test_a_smaller_budget_gives_a_smaller_job_and_says_so():
    large, small = (decide(pictures(), MACHINE, budget) for budget in (600, 30))
    assert small.training.epochs <= large.training.epochs
    assert small.network.channels < large.network.channels
    assert "fit into 30 s" in small.reasons["training.epochs"]
    assert small.training.seconds == pytest.approx(30.0)
    assert small.sized_for.budget == 30


def test_classes_of_large_tables_are_held_back_from_being_learned_by_heart():
    many = Machine(cores=2, gflops=1e5)
    classes = decide(table(num_examples=40_000), many, 3_600.0)
    numbers = decide(
        table(num_examples=40_000, target=target("regression")), many, 3_600.0
    )
    assert classes.network.dropout > numbers.network.dropout
    assert classes.optimizer.weight_decay > numbers.optimizer.weight_decay
    assert 20 <= classes.training.epochs < numbers.training.epochs
    few = decide(table(num_examples=1_500), many, 3_600.0)
    assert few.optimizer.weight_decay == numbers.optimizer.weight_decay


def test_a_slower_machine_gets_fewer_epochs():
    slow = decide(table(), Machine(cores=2, gflops=2.0))
    assert slow.training.epochs < decide(table(), MACHINE).training.epochs


def test_rows_without_a_target_are_left_out_by_the_plan_in_so_many_words():
    dropped = Change(column="y", what=MISSING_TARGET, count=756)
    plan = decide(table(changes=(dropped,)), MACHINE)
    assert plan.data.drop_missing_target
    assert plan.reasons["data.drop_missing_target"] == "756 rows have no target"


def test_without_a_target_the_columns_are_offered():
    with pytest.raises(
        DataError, match=r"name it with --target .*; there are: age, town, id"
    ):
        decide(table(target=None), MACHINE)
    with pytest.raises(DataError, match="there are no labels to learn from"):
        decide(pictures(target=None), MACHINE)


def test_a_finding_of_severity_error_stands_in_the_way():
    finding = Finding(
        code="D1",
        severity="error",
        message="column 'age' holds infinite values",
        where="line 7",
        remedy="correct them",
    )
    message = r"table.csv: column 'age' .*; correct them \(D1, line 7\)$"
    with pytest.raises(DataError, match=message):
        decide(table(findings=(finding,)), MACHINE)


def test_a_table_of_nothing_but_ids_is_refused():
    with pytest.raises(DataError, match="no column is left to learn from"):
        decide(table(columns=(column("id", "ignore"),)), MACHINE)


@pytest.mark.parametrize(
    "facts", [table(), pictures(), table(target=target("regression"), time="day")]
)
def test_no_line_of_a_plan_stands_without_its_reason(facts):
    text = plan_text(decide(facts, MACHINE))
    lines = text.splitlines()
    headings = {
        "problem",
        "data",
        "columns",
        "split",
        "prepare",
        "training",
        "stopping",
    }
    for before, line in itertools.pairwise(lines[1:]):
        name = line.strip().partition(":")[0]
        above = before.lstrip().startswith("#")
        inside = line.strip() in ("TabularMLP:", "ConvNet:")
        assert "#" in line or above or inside or name in headings, line


def test_every_choice_has_its_reason():
    plan = decide(table(time="day"), MACHINE)
    for path in (
        *("problem.task", "problem.metric", "split.test", "split.val", "split.time"),
        *("prepare.0", "prepare.1", "prepare.2", "network", "loss", "optimizer"),
        *("schedule", "training.epochs", "training.batch_size", "training.threads"),
        *("training.seconds", "stopping.patience", "data.columns.age"),
    ):
        assert plan.reasons[path]


def test_small_tables_are_folded_where_the_budget_has_time_for_five_networks():
    folds = Folds(folds=5)
    for rows, budget, val in (
        (1_000, 60.0, folds),
        (1_000, 20.0, 0.15),
        (9_000, 180.0, folds),
        (13_000, 3_600.0, 0.15),  # more rows than folds are made of
        (60, 180.0, 0.15),  # fewer
    ):
        plan = decide(table(num_examples=rows), MACHINE, budget)
        assert plan.split.val == val, (rows, budget)
        assert check(plan) is None
    assert decide(table(num_examples=1_000), MACHINE, folds=False).split.val == 0.15
