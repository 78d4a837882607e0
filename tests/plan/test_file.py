"""Plan files come back as they were written, and every mistake is named by its line."""

import contextlib
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.plan.example import EXAMPLE
from torchsmith.core.errors import PlanError
from torchsmith.data.split import Split
from torchsmith.data.steps import BagOfWords, EncodeCategories
from torchsmith.plan import layers, losses, networks, optimizers, schedules
from torchsmith.plan.activations import LeakyReLU, ReLU, Tanh
from torchsmith.plan.convolutions import Conv2d, MaxPool2d
from torchsmith.plan.file import parse_plan, read_plan, write_plan
from torchsmith.plan.plan import Plan, Problem, Sizing, Source, Stopping, Training
from torchsmith.plan.sequences import LSTM
from torchsmith.plan.text import plan_text

NAMES = st.text(min_size=1, max_size=12) | st.sampled_from(
    ["0", "no", "null", "1e-3", "a: b", "- x", "#c", "a #b", "'", '"', "a.b", " ", "가"]
)
REASONS = st.text(max_size=250)


def refusal(text: str) -> str:
    with pytest.raises(PlanError) as caught:
        parse_plan(text, "plan.yaml")
    return str(caught.value)


def changed(old: str, new: str) -> str:
    assert old in EXAMPLE
    return EXAMPLE.replace(old, new)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    columns = draw(
        st.dictionaries(NAMES, st.sampled_from(["number", "category"]), max_size=4)
    )
    positive = st.floats(1e-12, 1e12)
    layer = st.one_of(
        st.builds(layers.Linear, out_features=st.integers(1, 9), bias=st.booleans()),
        st.builds(Conv2d, out_channels=st.integers(1, 9), padding=st.just("same")),
        st.builds(MaxPool2d, kernel_size=st.just((2, 1)), stride=st.none()),
        st.builds(layers.Dropout, p=st.floats(0, 0.9)),
        st.just(ReLU()),
        st.just(layers.Linear(out_features=3)),
        st.just(LSTM(hidden_size=4, output="all")),
        st.just(layers.Unflatten(dim=1, unflattened_size=(2, -1))),
        st.just(layers.Residual(layers=(layers.Linear(out_features=3),))),
        st.just(
            layers.Residual(
                layers=(ReLU(), layers.Residual(layers=(Tanh(),))),
                shortcut=(layers.Linear(out_features=3),),
            )
        ),
    )
    last = (layers.Linear(out_features=1),)
    network = draw(
        st.one_of(
            st.lists(layer, max_size=4).map(
                lambda found: networks.Sequential(layers=(*found, *last))
            ),
            st.just(networks.MLP()),
            st.just(networks.MLP(hidden=(3, 4), activation=LeakyReLU())),
        )
    )
    paths = [
        "problem.task",
        "problem",
        "data.source",
        "split.test",
        "split",
        "prepare.0",
    ]
    paths += ["network", "network.Sequential.0", "loss", "optimizer.SGD.lr"]
    paths += ["optimizer.lr", "schedule", "training.epochs", "stopping.monitor"]
    paths += [f"data.columns.{name}" for name in columns]
    needed = (
        ("category", EncodeCategories(encoding="one_hot")),
        ("text", BagOfWords()),
    )
    return Plan(
        problem=Problem(task="regression", target=draw(NAMES) + "!", metric="rmse"),
        data=Source(
            source=draw(NAMES),
            fingerprint=draw(NAMES),
            columns=columns,
            kind=draw(st.sampled_from([None, "sequences", "volumes"])),
            id=draw(st.none() | NAMES),
            time=draw(st.none() | NAMES),
            window=draw(st.integers(0, 99)),
        ),
        split=Split(test=draw(st.just("given") | st.floats(0.01, 0.9))),
        prepare=tuple(step for role, step in needed if role in columns.values()),
        network=network,
        loss=losses.HuberLoss(delta=draw(positive)),
        optimizer=draw(
            st.builds(optimizers.SGD, lr=positive) | st.just(optimizers.Adam())
        ),
        schedule=draw(
            st.none() | st.just(schedules.MultiStepLR(milestones=(3, 5), gamma=0.5))
        ),
        training=Training(epochs=draw(st.integers(1, 10**9)), seconds=draw(positive)),
        stopping=Stopping(min_delta=draw(st.floats(0, 1))),
        sized_for=draw(st.none() | st.just(Sizing(budget=180, cores=2, gflops=12.5))),
        reasons=draw(st.dictionaries(st.sampled_from(paths), REASONS, max_size=6)),
    )


@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.too_slow])
@given(plans())
def test_a_plan_comes_back_from_its_text_and_the_text_from_the_plan(plan):
    text = plan_text(plan)
    back = parse_plan(text)
    assert back.model_copy(update={"reasons": {}}) == plan.model_copy(
        update={"reasons": {}}
    )
    assert plan_text(back) == text
    assert parse_plan(plan_text(back)) == back


def test_a_reason_comes_back_at_its_path():
    reasons = {
        "training.epochs": "8,000 steps; the budget allows 12,000",
        "split.val": "of the rest",
        "prepare.1": "long " * 40 + "end",
        "optimizer.Adam.lr": "chosen # by hand",
        "network.Sequential.3": "10 classes",
        "loss": "10 classes, one logit each",
    }
    plan = parse_plan(EXAMPLE).model_copy(update={"reasons": reasons})
    assert parse_plan(plan_text(plan)).reasons == reasons


def test_reasons_stand_in_one_column_and_long_ones_above_their_line():
    text = plan_text(parse_plan(EXAMPLE))
    assert "  task: multiclass  # 'label' holds 10 distinct whole numbers\n" in text
    long = parse_plan(EXAMPLE).model_copy(update={"reasons": {"loss": "why " * 60}})
    lines = plan_text(long).splitlines()
    place = lines.index("loss: CrossEntropyLoss")
    assert lines[place - 3].startswith("# why why")
    assert all(len(line) <= 100 for line in lines)


def test_the_reason_for_a_setting_that_is_not_written_stands_at_what_holds_it():
    plan = parse_plan(EXAMPLE).model_copy(
        update={"reasons": {"optimizer.eps": "the default", "loss": "a"}}
    )
    assert "optimizer: {Adam: {lr: 0.001}}  # the default\n" in plan_text(plan)


def test_nothing_that_changes_the_result_is_hidden():
    text = plan_text(parse_plan(EXAMPLE))
    for name in (
        "clip_grad_norm",
        "threads",
        "drop_missing_target",
        "min_delta",
        "time",
    ):
        assert f"{name}:" in text
    assert "schedule: null" in plan_text(
        parse_plan(changed("schedule: {CosineAnnealingLR: {}}\n", ""))
    )


def test_a_plan_is_written_and_read(tmp_path):
    path = tmp_path / "plan.yaml"
    plan = parse_plan(EXAMPLE)
    write_plan(path, plan)
    assert path.read_text().startswith("# torchsmith plan, version 1\nproblem:\n")
    assert read_plan(path) == plan
    path.write_bytes(b"\xef\xbb\xbf" + EXAMPLE.replace("\n", "\r\n").encode())
    assert read_plan(path) == plan


def test_yaml_1_2_is_read():
    plan = parse_plan(changed("lr: 0.001", "lr: 1e-3").replace("label\n", "no\n"))
    assert plan.optimizer == optimizers.Adam(lr=0.001)
    assert plan.problem.target == "no"


def test_all_mistakes_are_named_at_once_in_the_order_of_the_file():
    text = changed("epochs: 10", "epochs: ten").replace("Flatten", "Flaten")
    lines = refusal(text).splitlines()
    assert lines == [
        "plan.yaml: 2 problems",
        "plan.yaml:15:7: network.Sequential.0: unknown layer 'Flaten'; did you mean "
        "'Flatten' or 'Unflatten'?",
        "plan.yaml:22:20: training.epochs: must be a whole number, got 'ten'",
    ]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "epochs: 10",
            "epochs: 0",
            "22:20: training.epochs: must be at least 1, got 0",
        ),
        ("epochs: 10", "epochs: true", "epochs: must be a whole number, got true"),
        ("epochs: 10", "epochs: 2.5", "epochs: must be a whole number, got 2.5"),
        ("epochs: 10", "epochs: '10'", "epochs: must be a whole number, got '10'"),
        (
            "epochs: 10",
            "epochz: 10",
            "22:12: training: unknown key 'epochz'; did you mean 'epochs'? it takes ep",
        ),
        ("lr: 0.001", "lr: x", "20:24: optimizer.Adam.lr: must be a number, got 'x'"),
        ("lr: 0.001", "lr: -1", "optimizer.Adam.lr: must be more than 0, got -1"),
        ("lr: 0.001", "lr: .inf", "20:24: must be a finite number, got .inf"),
        ("lr: 0.001", "betas: [0.1]", "betas: has too few items: item 2 is missing"),
        ("lr: 0.001", "betas: [0, 0, 0]", "betas: must be a list of at most 2, got"),
        (
            "Adam:",
            "Adm:",
            "20:12: optimizer: unknown optimizer 'Adm'; did you mean 'Adam'",
        ),
        (
            "Adam:",
            "Zzz:",
            "unknown optimizer 'Zzz'; it can be SGD, Adam, AdamW, RMSprop",
        ),
        (
            "CosineAnnealingLR: {}",
            "StepLR: {T_max: 3, step_size: 1}",
            "21:21: schedule.StepLR: unknown key 'T_max'; it takes step_size, gamma",
        ),
        (
            "CosineAnnealingLR: {}",
            "StepLR: {}",
            "schedule.StepLR.step_size: is missing",
        ),
        ("restore_best: true", "restore_best: 1", "must be true or false, got 1"),
        ("target: label", "target: 3", "must be a text, got 3; write it in quotes"),
        ("metric: accuracy", "metric: acuracy", "'acuracy'; did you mean 'accuracy'"),
        (
            "test: given",
            "test: gven",
            "must be 'given' or a number, got 'gven'",
        ),
        (
            "test: given",
            "test: 1.5",
            "split.test: must be 'given' or a number less than 1, got 1.5",
        ),
        ("    - ReLU", "    - ReLU: {a: 1}", "ReLU: unknown key 'a'; it takes no argu"),
        ("    - ReLU", "    - 3", "Sequential.2: must be the name of a layer"),
        (
            "    - ReLU",
            "    - Residual: [Linear: 4, {Residual: {layers: [RelU]}}]",
            "network.Sequential.2.Residual.1.Residual.layers.0: unknown layer 'RelU'",
        ),
        (
            "    - ReLU",
            "    - Residual: [Linear: x]",
            "17:26: network.Sequential.2.Residual.0.Linear.out_features: must be a wh",
        ),
        (
            "    - ReLU",
            "    - LSTM: {hidden_size: 4, dropout: 0.5}",
            "17:13: network.Sequential.2.LSTM: dropout 0.5 is between layers, and num_",
        ),
        (
            "    - ReLU",
            "    - Conv2d: {out_channels: 3, kernel_size: [1, x]}",
            "17:50: network.Sequential.2.Conv2d.kernel_size.1: must be a whole number",
        ),
        ("  target: label\n", "", "2:1: problem.target: is missing"),
        ("loss: CrossEntropyLoss\n", "", "2:1: loss: is missing"),
        (
            "loss:",
            "reasons: {}\nloss:",
            "19:1: unknown key 'reasons'; reasons are comm",
        ),
        ("loss:", "version: 2\nloss:", "19:10: version 2 is not known"),
        (
            "version 1",
            "version 7",
            "1:1: version 7 is not known; this torchsmith reads",
        ),
        ("loss:", "problem: 3\nloss:", "19:1: 'problem' stands twice; keep one"),
        ("split: {test", "split: [test", "not YAML"),
        ("  target:", "\ttarget:", "4:1: a tab in the indentation; use spaces"),
        ("source: mnist", "source: &a mnist", "7:11: an anchor (&name) is not allowed"),
        ("source: mnist", "source: !!str mnist", "7:11: a tag (!name) is not allowed"),
        ("source: mnist", "source: " + "[" * 50, "nested more than 30 deep"),
        ("source: mnist", "source: \x00", "7:11: not YAML: the character U+0000 is"),
    ],
)
def test_a_mistake_is_named(old, new, message):
    assert message in refusal(changed(old, new))
    assert "\n" not in refusal(changed(old, new))


def test_what_is_no_plan_is_refused(tmp_path):
    assert "1:1: the plan is empty" in refusal("")
    assert "1:1: the plan is empty" in refusal("# only a comment\n")
    assert "a plan is keys with values" in refusal("- a\n- b\n")
    path = tmp_path / "plan.yaml"
    with pytest.raises(PlanError, match=r"no such plan: .*plan\.yaml"):
        read_plan(path)
    path.write_bytes(b"a: 1\nb: \xff\n")
    with pytest.raises(PlanError, match=r"plan\.yaml:2: not UTF-8"):
        read_plan(path)
    path.write_bytes(b"#" * 1_000_001)
    with pytest.raises(PlanError, match="1,000,001 bytes are too many for a plan"):
        read_plan(path)


def test_impossible_combinations_are_named_by_their_line():
    text = changed("val_loss", "val_acuracy").replace(
        "metric: accuracy", "metric: rmse"
    )
    message = refusal(text)
    assert "plan.yaml:5:11: problem.metric: rmse does not fit multiclass" in message
    assert "plan.yaml:23:21: stopping.monitor: 'val_acuracy' is not measured" in message


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("accuracy_score", "unknown metric 'accuracy_score'; write 'accuracy'"),
        ("roc_auc_ovr", "unknown metric 'roc_auc_ovr'; write 'roc_auc'"),
        ("f1_makro", "unknown metric 'f1_makro'; did you mean 'f1_macro'"),
        ("zzz", "unknown metric 'zzz'; it can be accuracy, balanced_accuracy"),
        ("f1", "f1 does not fit multiclass; it can be accuracy"),
    ],
)
def test_a_metric_has_one_name_and_another_is_answered_with_it(name, words):
    message = refusal(changed("metric: accuracy", f"metric: {name}"))
    assert f"plan.yaml:5:11: problem.metric: {words}" in message


def test_a_monitored_metric_has_one_name_too():
    message = refusal(changed("val_loss", "val_balanced_accuracy_score"))
    assert "is not measured; write 'val_balanced_accuracy'" in message


@settings(deadline=None, max_examples=150)
@given(
    st.text(alphabet="ab:-[]{}#&*!|>'\"\n \t,?%1.é\u2028", max_size=60)
    | st.binary(max_size=40).map(lambda found: found.decode("latin-1"))
)
def test_any_text_is_a_plan_or_a_plan_error(text):
    with pytest.raises(PlanError) as caught:
        parse_plan(text, "p")
    assert re.match(r"p:( \d+ problems$|\d+:\d+: )", str(caught.value), re.MULTILINE)


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_a_damaged_plan_is_a_plan_or_a_plan_error(data):
    start = data.draw(st.integers(0, len(EXAMPLE)))
    length = data.draw(st.integers(0, 12))
    new = data.draw(st.text(alphabet="a:-[]{}#'\n 10.,", max_size=5))
    # Anything but a plan or a PlanError fails the test.
    with contextlib.suppress(PlanError):
        parse_plan(EXAMPLE[:start] + new + EXAMPLE[start + length :])


def test_what_only_some_data_has_is_written_where_it_is_set():
    plan = parse_plan(EXAMPLE)
    for line in ("  kind:", "  id:", "  window:"):
        assert line not in plan_text(plan)
    source = plan.data.model_copy(update={"id": "who", "time": "day", "window": 7})
    text = plan_text(plan.model_copy(update={"data": source}))
    assert "  id: who\n  time: day\n  window: 7\n" in text
