"""Values of a plan are set by dotted paths, and what was changed is known."""

import datetime

import numpy as np
import pytest

import torchsmith as ts
from tests.plan.example import EXAMPLE
from tests.plan.test_decide import MACHINE, column, pictures, table
from torchsmith.api.planning import decide_with
from torchsmith.core.errors import PlanError
from torchsmith.data.split import Split
from torchsmith.plan.decide import decide
from torchsmith.plan.file import parse_plan
from torchsmith.plan.layers import Linear
from torchsmith.plan.networks import MLP, Sequential
from torchsmith.plan.optimizers import SGD, Adam
from torchsmith.plan.settings import differences, plan_schema, set_values
from torchsmith.plan.text import document, plan_text

PLAN = parse_plan(EXAMPLE)


@pytest.mark.parametrize(
    ("path", "value", "difference"),
    [
        ("training.epochs", "3", {"training.epochs": ("3", "10")}),
        ("training.epochs", 3, {"training.epochs": ("3", "10")}),
        ("optimizer.lr", "1e-2", {"optimizer.Adam.lr": ("0.01", "0.001")}),
        ("optimizer.Adam.lr", "0.1", {"optimizer.Adam.lr": ("0.1", "0.001")}),
        ("optimizer.eps", "0.1", {"optimizer.Adam.eps": ("0.1", "1e-08")}),
        ("optimizer", "SGD", {"optimizer": ("SGD", "{Adam: {lr: 0.001}}")}),
        ("schedule", "null", {"schedule": ("null", "CosineAnnealingLR")}),
        ("split.time", "no", None),
        (
            "network.Sequential.1.Linear",
            "20",
            {"network.Sequential.1.Linear.out_features": ("20", "500")},
        ),
        (
            "network.Sequential.1.bias",
            "false",
            {"network.Sequential.1.Linear.bias": ("false", "true")},
        ),
        ("prepare.ToFloat", "2", {"prepare.0.ToFloat.scale": ("2", "255")}),
        ("prepare.ToFloat.scale", "2", {"prepare.0.ToFloat.scale": ("2", "255")}),
        ("problem.metric", "f1_macro", {"problem.metric": ("f1_macro", "accuracy")}),
        ("training.epochs", "10", {}),
        ("training.epochs", np.int64(3), {"training.epochs": ("3", "10")}),
        ("optimizer.eps", "1e-8", {}),
    ],
)
def test_a_value_is_set_by_its_path(path, value, difference):
    if difference is None:
        with pytest.raises(PlanError, match="time and stratify cannot be combined"):
            set_values(PLAN, {path: value})
        return
    plan = set_values(PLAN, {path: value})
    assert differences(plan, PLAN) == difference
    assert "set with --set" in plan.reasons.values()
    assert "# set with --set" in plan_text(plan)
    again = parse_plan(plan_text(plan))
    assert differences(again, plan) == {}


def test_a_network_and_its_arguments_are_set_together():
    plan = set_values(PLAN, {"network": "{MLP: [3, 4]}", "network.MLP.dropout": "0.5"})
    assert plan.network == MLP(hidden=(3, 4), dropout=0.5)
    assert plan.network.model_fields_set == {"hidden", "dropout"}


def test_the_old_reasons_of_what_was_set_are_gone():
    plan = PLAN.model_copy(
        update={"reasons": {"optimizer.Adam.lr": "old", "loss": "kept"}}
    )
    changed = set_values(plan, {"optimizer": "SGD"})
    assert changed.optimizer == SGD()
    assert changed.reasons == {"optimizer": "set with --set", "loss": "kept"}
    assert plan.optimizer == Adam(lr=0.001)


def test_what_differs_stands_in_the_order_of_the_plan():
    columns = dict.fromkeys("zyxwvutsrq", "number")
    data = PLAN.data.model_copy(update={"columns": columns})
    plan = PLAN.model_copy(update={"data": data, "prepare": ()})
    changed = set_values(plan, {f"data.columns.{name}": "ignore" for name in columns})
    assert [*differences(changed, plan)] == [f"data.columns.{c}" for c in columns]


def test_columns_are_set_by_their_name_even_with_dots():
    data = PLAN.data.model_copy(update={"columns": {"a.b": "number", "c": "number"}})
    plan = PLAN.model_copy(update={"data": data, "prepare": ()})
    changed = set_values(plan, {"data.columns.a.b": "ignore"})
    assert changed.data.columns == {"a.b": "ignore", "c": "number"}
    assert differences(changed, plan) == {"data.columns.a.b": ("ignore", "number")}


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("training.epoch", "3", "training has no 'epoch'; did you mean 'epochs'"),
        ("trainin.epochs", "3", "the plan has no 'trainin.epochs'"),
        ("optimizer.SGD.lr", "3", "optimizer of the plan is Adam; take SGD with"),
        ("prepare.7", "ToFloat", "prepare has no '7'; it has 0, 1"),
        ("reasons", "{}", "the plan has no 'reasons'"),
        ("training.epochs", "x", "training.epochs: must be a whole number, got 'x'"),
        ("training.seed", 2**63, "training.seed: must be at most 922337203685477580"),
        ("split.seed", str(2**64), "split.seed: must be at most 9223372036854775807"),
        ("training.epochs", "-_", "training.epochs: must be a whole number, got '-_'"),
        ("training.epochs", "0x_", "must be a whole number, got '0x_'"),
        ("optimizer.lr", "._", "optimizer.Adam.lr: must be a number, got '._'"),
        ("training.epochs.x", "3", "training.epochs has no 'x'"),
        ("stopping.monitor", "a", "stopping.monitor: 'a' is not measured"),
        ("", "a", "the plan has no ''"),
    ],
)
def test_a_path_or_value_that_cannot_be_is_refused(path, value, message):
    with pytest.raises(PlanError) as caught:
        set_values(PLAN, {path: value})
    assert message in str(caught.value)


def test_layers_are_compared_one_by_one_where_their_kinds_agree():
    layers = PLAN.network.layers
    wider = Sequential(layers=(*layers[:1], Linear(out_features=9), *layers[2:]))
    plan = PLAN.model_copy(update={"network": wider})
    assert differences(plan, PLAN) == {
        "network.Sequential.1.Linear.out_features": ("9", "500")
    }
    shorter = PLAN.model_copy(update={"network": Sequential(layers=layers[2:])})
    assert list(differences(shorter, PLAN)) == ["network.Sequential"]


def valid(schema, value, root) -> bool:
    """Judge a value by the part of JSON Schema that the plan's schema uses."""
    if "$ref" in schema:
        return valid(root["$defs"][schema["$ref"].rpartition("/")[2]], value, root)
    for word in ("anyOf", "oneOf"):
        if word in schema and not any(valid(s, value, root) for s in schema[word]):
            return False
    if "const" in schema and value != schema["const"]:
        return False
    if "enum" in schema and value not in schema["enum"]:
        return False
    kinds = {
        "object": dict,
        "array": list,
        "string": str,
        "integer": int,
        "number": (int, float),
        "boolean": bool,
        "null": type(None),
    }
    if "type" in schema and not isinstance(value, kinds[schema["type"]]):
        return False
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        other = schema.get("additionalProperties", True)
        return all(name in value for name in schema.get("required", ())) and all(
            valid(properties[name], item, root)
            if name in properties
            else other is True or (other and valid(other, item, root))
            for name, item in value.items()
        )
    if isinstance(value, list):
        fixed = schema.get("prefixItems", [])
        items = [*fixed, *([schema.get("items", {})] * (len(value) - len(fixed)))]
        pairs = zip(items, value, strict=False)
        return all(valid(s, item, root) for s, item in pairs if isinstance(s, dict))
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value > schema.get("exclusiveMinimum", -1e99) and value >= schema.get(
            "minimum", -1e99
        )
    return True


def test_the_schema_knows_plans():
    schema = plan_schema()
    content = document(PLAN)
    assert valid(schema, content, schema)
    assert "reasons" not in schema["properties"]
    for path, value in [
        ("loss", "CrossEntropy"),
        ("optimizer", {"Adam": {"lr": -1}}),
        ("network", {"Sequential": ["Flaten"]}),
        ("training", {"epochs": "ten"}),
        ("extra", 1),
    ]:
        assert not valid(schema, {**content, path: value}, schema)


def test_a_patience_that_was_chosen_for_the_epochs_follows_them():
    made = ts.plan("iris", settings={"training.epochs": 60})
    assert made.stopping.patience == 20
    longer = set_values(parse_plan(plan_text(made)), {"training.epochs": 120})
    assert longer.stopping.patience == 40, "which its reason says in the file too"


def test_a_patience_of_the_person_stays():
    asked = {"stopping.patience": 7, "training.epochs": 60}
    made = ts.plan("iris", settings=asked)
    assert made.stopping.patience == 7
    longer = set_values(made, {"training.epochs": 120})
    assert longer.stopping.patience == 7
    own = PLAN.model_copy(update={"reasons": {"stopping.patience": "I like it"}})
    assert set_values(own, {"training.epochs": 99}).stopping == PLAN.stopping


@pytest.mark.parametrize(
    ("settings", "patience"),
    [
        ({"averaging": None}, 0),
        ({"stopping.monitor": "val_accuracy"}, 0),
        ({"stopping.min_delta": 0.001}, 0),
        ({"stopping.patience": 4}, 4),
    ],
)
def test_the_best_epoch_is_kept_where_the_last_was_for_the_average(settings, patience):
    made = decide(pictures(), MACHINE, 600)
    made = set_values(made, {"training.epochs": 24})
    assert (made.stopping.patience, made.stopping.restore_best) == (0, False)
    written = parse_plan(plan_text(made))
    for plan in (made, written):
        changed = set_values(plan, settings)
        assert changed.stopping.restore_best
        assert changed.stopping.patience == patience
        assert "averaged weights" not in plan_text(changed)
    own = set_values(made, {"stopping.restore_best": False, "stopping.patience": 4})
    assert not own.stopping.restore_best


def test_the_largest_seed_can_be_set():
    plan = set_values(PLAN, {"training.seed": 2**63 - 1, "split.seed": 2**63 - 1})
    assert plan.training.seed == plan.split.seed == 2**63 - 1


@pytest.mark.parametrize("value", ["{MLP: [64, 32", "[16, 32", "{MLP: 3]", "{a: b: c}"])
def test_brackets_that_are_no_yaml_are_said_to_be_none(value):
    with pytest.raises(PlanError, match=r"not YAML: .*; close each bracket") as error:
        set_values(PLAN, {"network": value})
    assert str(error.value).startswith(f"network: {value}")


def test_the_argument_of_an_optimizer_that_the_plan_does_not_take_is_refused():
    plan = set_values(PLAN, {"optimizer": "AdamW"})
    with pytest.raises(PlanError) as error:
        set_values(plan, {"optimizer.Adam.lr": "0.1"})
    assert str(error.value) == (
        "optimizer.Adam.lr: optimizer of the plan is AdamW; take Adam with "
        "optimizer=Adam, or with arguments, such as optimizer='{Adam: {lr: VALUE}}'"
    )
    assert set_values(plan, {"optimizer": "{Adam: {lr: 0.1}}"}).optimizer.lr == 0.1


def days(*, in_order, classes=True):
    """Rows of devices on days, which the parts follow by default if in order."""
    rows = 200
    random = np.random.default_rng(0)
    begin = datetime.date(2020, 1, 1)
    places = range(rows) if in_order else random.permutation(rows).tolist()
    return {
        "when": [str(begin + datetime.timedelta(days=place)) for place in places],
        "dev": [f"d{row % 40}" for row in range(rows)],
        "x": random.normal(size=rows),
        "y": random.choice(["p", "q"], rows) if classes else random.normal(size=rows),
    }


@pytest.mark.parametrize(
    ("facts", "settings", "gave_way"),
    [
        ({"in_order": False}, {"split.time": "when"}, ["stratify"]),
        ({"in_order": True}, {"split.time": "when"}, ["stratify"]),
        ({"in_order": True}, {"split.group": "dev"}, ["time"]),
        ({"in_order": True, "classes": False}, {"split.group": "dev"}, ["time"]),
        ({"in_order": True}, {"split.val": "{folds: 5}"}, ["time"]),
        ({"in_order": True}, {"split.val.folds": 5}, ["time"]),
        ({"in_order": True}, {"split.stratify": "true"}, ["time"]),
    ],
)
def test_defaults_of_the_split_give_way_to_what_is_set(facts, settings, gave_way):
    plan = ts.plan(days(**facts), target="y", settings=settings)
    [name] = settings
    word = "folds" if "val" in name else name.removeprefix("split.")
    said = [
        path.removeprefix("split.")
        for path, reason in plan.reasons.items()
        if reason == f"gives way to {word}, which is set"
    ]
    assert said == gave_way
    assert not any(getattr(plan.split, other) for other in gave_way)
    assert plan.reasons[name] == "set with --set"
    assert f"gives way to {word}, which is set" in plan_text(plan)


def test_what_divides_by_default_and_is_switched_off_decides_of_nothing_else():
    for off in (None, "null"):
        plan = ts.plan(days(in_order=True), target="y", settings={"split.time": off})
        assert plan.split.time is None
        assert plan.split.stratify
        assert plan.split.num_folds
        assert plan.reasons["split.stratify"].startswith("the same share of each class")
        assert plan.reasons["split.time"] == "set with --set"


@pytest.mark.parametrize("named", ["group", "copies"])
def test_groups_and_copies_by_default_give_way_to_a_time_that_is_set(named):
    facts = table(
        group="person" if named == "group" else None,
        repeats=400,
        columns=(column("person", "category", kind="text"), column("day", kind="date")),
    )
    settings = {"split.time": "day"}
    default = decide(facts, MACHINE)
    name = "group" if named == "group" else "keep_together"
    assert getattr(default.split, name)
    plan = decide_with(settings, facts, MACHINE)[1]
    assert plan.split == Split(val=plan.split.val, time="day")
    for other in (name, "stratify"):
        assert plan.reasons[f"split.{other}"] == "gives way to time, which is set"


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"split.group": "dev"}, "time and group cannot be combined"),
        ({"split.stratify": "true"}, "time and stratify cannot be combined"),
        ({"split.keep_together": True}, "time and keep_together cannot be combined"),
        ({"split.val": "{folds: 5}"}, "folds and time cannot be combined"),
    ],
)
def test_two_settings_that_exclude_each_other_are_refused(other, words):
    with pytest.raises(PlanError, match=words):
        ts.plan(
            days(in_order=True), target="y", settings={"split.time": "when"} | other
        )


@pytest.mark.parametrize("name", ["split.group", "split.time"])
def test_the_target_divides_no_rows_and_is_called_the_target(name):
    with pytest.raises(PlanError) as caught:
        ts.plan(days(in_order=False), target="y", settings={name: "y"})
    assert str(caught.value).endswith(f"{name}: 'y' is the target; name another column")


def test_a_horizon_is_refused_with_what_forecasts_are_of():
    told = "data.horizon: .*; forecasts are of the next row only; leave it out"
    with pytest.raises(PlanError, match=told):
        set_values(PLAN, {"data.horizon": "7"})
    with pytest.raises(PlanError, match=told):
        ts.load({"t": [1, 2]}, settings={"data.horizon": 7})
    with pytest.raises(PlanError, match="'horizon'; forecasts are of the next row"):
        parse_plan(EXAMPLE.replace("data:\n", "data:\n  horizon: 7\n"))


@pytest.mark.parametrize("wrong", [["training.epochs"], "training.epochs=3", 3])
def test_settings_that_are_no_mapping_are_refused(wrong):
    expected = f"expected a mapping .* got a {type(wrong).__name__}"
    for ask in (ts.load, ts.inspect, ts.plan, ts.train, ts.doctor):
        with pytest.raises(PlanError, match=expected):
            ask("iris", settings=wrong)
