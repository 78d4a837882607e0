"""Studies: their files, their members, their settings."""

import pytest
from hypothesis import given as draw
from hypothesis import settings
from hypothesis import strategies as st

from tests.plan.test_decide import MACHINE, pictures
from tests.recipes.small import SMALL_STUDY
from torchsmith.core.errors import PlanError
from torchsmith.plan.decide import decide
from torchsmith.plan.settings import set_values
from torchsmith.recipes.study import members, parse_study, set_study, study_text

STUDY = parse_study(SMALL_STUDY)


def test_a_member_is_the_base_with_its_variant_and_its_seed():
    found = {member.name: member.plan for member in members(STUDY)}
    assert list(found) == [
        "low-rate-seed0",
        "high-rate-seed0",
        "low-rate-seed1",
        "high-rate-seed1",
    ]
    plan = found["high-rate-seed1"]
    assert plan.optimizer.lr == 0.5
    assert plan.training.seed == 1
    assert plan.reasons["optimizer.SGD.lr"] == "of the variant 'high rate'"
    assert found["low-rate-seed0"].optimizer == STUDY.base.optimizer


def test_a_comment_above_a_variant_says_what_it_is():
    assert STUDY.about == {"low rate": "One step in a hundred."}


def test_the_base_keeps_its_reasons():
    assert "as simple as can be" in STUDY.base.reasons.values()


def test_a_study_is_read_as_it_was_written():
    assert parse_study(study_text(STUDY)) == STUDY


@settings(max_examples=15, deadline=None)
@draw(
    title=st.text(max_size=40),
    question=st.text(max_size=400).map(lambda text: " ".join(text.split())),
    seeds=st.lists(st.integers(0, 2**31), min_size=1, max_size=4, unique=True),
    rate=st.floats(1e-9, 1e3),
)
def test_any_study_is_read_as_it_was_written(title, question, seeds, rate):
    study = STUDY.model_copy(
        update={
            "title": title,
            "question": question,
            "seeds": tuple(seeds),
            "variants": {"a": {"optimizer": {"SGD": {"lr": rate}}}, "b-2": {}},
            "about": {"a": "What it is, at some length: " * 8},
        }
    )
    read = parse_study(study_text(study))
    assert read.model_copy(update={"about": {}}) == study.model_copy(
        update={"about": {}}
    )
    assert read.about["a"].split() == study.about["a"].split()


def test_settings_change_the_base_or_the_seeds():
    changed = set_study(STUDY, {"training.epochs": "7", "seeds": "[4, 5]"})
    assert changed.seeds == (4, 5)
    assert {m.plan.training.epochs for m in members(changed)} == {7}
    assert set_study(STUDY, {"training.seed": 9}).seeds == (9,)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"training.epoch": 3}, "did you mean 'epochs'"),
        ({"seeds": "[1, 1]"}, "seeds: one stands twice"),
        ({"seeds": "[-1]"}, "seeds: must be at least 0"),
        (
            {"seeds": "[9223372036854775808]"},
            "seeds: must be at most 92233720368547758",
        ),
        ({"seeds": "[]"}, "seeds: .*at least 1"),
        ({"seeds": "many"}, "seeds: .*got 'many'"),
    ],
)
def test_settings_that_cannot_be_are_refused(given, message):
    with pytest.raises(PlanError, match=message):
        set_study(STUDY, given)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("---\n", "", "no line '---'"),
        ("seeds:", "sedds:", r"study:5:1: sedds: unknown key; did you mean 'seeds'"),
        ("title: Two rates\n", "", "title: is missing"),
        ("val_accuracy]", "val_acuracy]", r":4:.*'val_acuracy' is not measured; did y"),
        ("seeds: [0, 1]", "seeds: [0, x]", r":5:.*got 'x'"),
        ("high rate:", "low-rate:", r":9:.*too much like another"),
        ("batch_size: 256", "batch_sizes: 256", r"study:22:.*did you mean 'batch_size"),
        ("seeds: [0, 1]", "seeds: [0", r"study:\d+:\d+: not YAML"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(old, new, message):
    assert old in SMALL_STUDY
    with pytest.raises(PlanError, match=message):
        parse_study(SMALL_STUDY.replace(old, new, 1))


def test_the_loss_after_calibration_is_drawn_where_it_is_monitored():
    drawn = SMALL_STUDY.replace("val_accuracy]", "val_calibrated_loss]", 1)
    with pytest.raises(PlanError, match="'val_calibrated_loss' is not measured"):
        parse_study(drawn)
    monitored = set_study(STUDY, {"stopping.monitor": "val_calibrated_loss"})
    monitored = monitored.model_copy(update={"draw": ("val_calibrated_loss",)})
    assert parse_study(study_text(monitored)).draw == ("val_calibrated_loss",)


def test_settings_are_laid_over_the_base_together_as_in_a_run():
    base = decide(pictures(), MACHINE, 600)  # trains to the end
    study = STUDY.model_copy(update={"base": base, "variants": {"as planned": {}}})
    given = {"averaging": None, "stopping.restore_best": False}
    assert set_study(study, given).base.stopping == set_values(base, given).stopping


@pytest.mark.parametrize("order", [1, -1])
def test_settings_that_only_work_together_may_stand_in_any_order(order):
    pairs = [("optimizer.SGD.nesterov", True), ("optimizer.SGD.momentum", 0.9)]
    study = set_study(parse_study(SMALL_STUDY), dict(pairs[::order]))
    assert study.base.optimizer.nesterov
    assert study.base.optimizer.momentum == 0.9


def test_a_variant_that_cannot_work_is_named():
    wrong = SMALL_STUDY.replace("optimizer.SGD.lr", "optimizer.SGD.rl")
    with pytest.raises(PlanError, match=r"study:9:3: variants.high rate: optimizer.SG"):
        parse_study(wrong)


def test_a_value_that_every_variant_says_itself_cannot_be_set():
    own = SMALL_STUDY.replace("  low rate: {}", "  low rate: {optimizer.SGD.lr: 0.1}")
    study = parse_study(own)
    assert set_study(study, {"training.epochs": 1}).base.training.epochs == 1
    with pytest.raises(PlanError, match=r"optimizer\.lr: every variant says it itself"):
        set_study(study, {"optimizer.lr": 0.3})
