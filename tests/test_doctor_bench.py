"""What `make doctor-bench` says of what it ran."""

import numpy as np
import pytest
from benchmarks.doctor import truth
from benchmarks.doctor.examples import Examples
from benchmarks.doctor.fault import Fault
from benchmarks.doctor.faults import FAULTS
from benchmarks.doctor.figures import Share, figures
from benchmarks.doctor.misses import misses
from benchmarks.doctor.order import Asked, cases
from benchmarks.doctor.page import page
from benchmarks.doctor.rows import Case, Row, Told, append, read
from benchmarks.doctor.tasks import TASKS

HIGH = Told("P1", "error", "before", "optimizer.lr", changes={"optimizer.lr": 0.01})
DEAD = Told("T4", "warning", "during")


def row(what, score, *told, fault="", level=0, seed=0, **known):
    case = Case(what, "mnist-mlp", fault, level, seed)
    return Row(case, score, reported=score, findings=told, **known)


def table(*rows):
    return {each.case.key: each for each in rows}


def measured(faulty, *told, mended=None, fault="lr-high"):
    """A task with five healthy runs, and a fault with three."""
    rows = [row("healthy", 0.93 + seed / 1000, seed=seed) for seed in range(5)]
    rows += [
        row("fault", score, *told, fault=fault, level=3, seed=seed)
        for seed, score in enumerate(faulty)
    ]
    if mended is not None:
        rows.append(row("mended", mended, fault=fault, level=3))
    return table(*rows)


def test_a_fault_hurts_where_it_costs_enough_and_beyond_chance():
    assert len(figures(measured([0.5, 0.52, 0.51], HIGH)).killed) == 1
    tiny, noisy = [0.928, 0.929, 0.927], [0.95, 0.80, 0.94]
    for harmless in (tiny, noisy):
        found = figures(measured(harmless, HIGH))
        assert (len(found.killed), len(found.alive)) == (0, 1)
        assert found.errors_on_alive.value == 1
    assert not figures(measured([0.5, 0.5], HIGH)).killed, "two runs tell nothing"


def test_a_lie_about_the_score_hurts_though_the_network_does_not_get_worse():
    healthy, faulty = [-0.005, -0.01, -0.0], [-0.08, -0.09, -0.1]
    assert truth.hurts("mnist-mlp", "honesty", healthy, faulty)
    told = row("fault", 0.93, fault="shared", level=1)
    assert truth.worth(told, "honesty") == 0


def test_a_cause_is_right_by_its_code_or_by_a_remedy_that_wins_back():
    by_code = figures(measured([0.5, 0.5, 0.5], HIGH, mended=0.4))
    assert by_code.first.value == by_code.strictly_first.value == 1
    assert by_code.cured.value == 0
    by_remedy = figures(measured([0.5, 0.5, 0.5], DEAD, HIGH, mended=0.93))
    assert (by_remedy.strictly_first.value, by_remedy.first.value) == (0, 1)
    assert by_remedy.cured.value == by_remedy.first_three.value == 1
    half = figures(measured([0.5, 0.5, 0.5], DEAD, mended=0.7))
    assert half.first.value == half.cured.value == 0


def test_alarms_on_healthy_runs_are_false_but_what_is_true_of_the_data():
    rows = measured([0.5, 0.5, 0.5])
    config = Case("config", "mnist-mlp", "1", seed=1)
    bad = Case("config", "mnist-mlp", "2", seed=2)
    rows |= table(Row(config, 0.94, findings=(DEAD,)), Row(bad, 0.6, findings=(DEAD,)))
    found = figures(rows)
    assert str(found.false_alarms).endswith("1 of 6)"), "a bad configuration is out"
    assert found.false_errors.count == 0
    prices = Case("healthy", "california")
    cut = Told("D21", "warning", "before")
    assert not figures(table(Row(prices, -0.5, findings=(cut,)))).false_alarms.count


def test_the_interval_of_a_share_is_wilsons():
    assert Share(0, 200).interval == pytest.approx((0, 0.0188), abs=1e-4)
    assert Share(8, 10).interval == pytest.approx((0.490, 0.943), abs=1e-3)


def test_rows_come_back_as_they_were_written_and_a_torn_one_is_left_out(tmp_path):
    path = tmp_path / "rows.jsonl"
    first = row("fault", 0.5, HIGH, fault="lr-high", level=3, share=0.5)
    append(path, first)
    append(path, Row(Case("healthy", "car"), 0.9))
    path.write_text(path.read_text() + '{"case": {"wh')
    assert read(path)[first.case.key] == first
    assert len(read(path)) == 2


def test_where_it_is_stopped_the_sample_is_fair_and_a_variant_stays_whole():
    every = list(cases(Asked(list(TASKS), list(FAULTS), seeds=5)))
    assert len({case.key for case in every}) == len(every)
    faulty = [case for case in every if case.what == "fault"][:300]
    assert {case.task for case in faulty} == set(TASKS)
    assert len({case.fault for case in faulty}) > 40
    assert [case.seed for case in faulty[:6]] == [0, 1, 2, 0, 1, 2]
    assert len({(case.fault, case.level) for case in faulty[:3]}) == 1


def test_each_fault_has_codes_and_a_title_of_its_own():
    assert len(FAULTS) == len({fault.title for fault in FAULTS.values()}) >= 40
    assert all(fault.codes for fault in FAULTS.values())
    assert all(fault.settings or fault.examples for fault in FAULTS.values())


def changed(name, level, examples, seed=0):
    fault: Fault = FAULTS[name]
    return fault.examples(examples, fault.levels[level], np.random.default_rng(seed))


def test_faults_of_the_data_do_what_they_say():
    random = np.random.default_rng(0)
    columns = {"a": random.normal(size=200), "b": random.normal(size=200)}
    examples = Examples(columns, np.repeat(["x", "y"], 100))
    wrong = changed("wrong-labels", 2, examples)
    assert (wrong.targets != examples.targets).mean() == 0.4
    leak = changed("answer", 2, examples).columns["settled"]
    assert (leak == np.char.add("s", examples.targets)).all()
    shared = changed("shared", 2, examples)
    assert shared.parts is not None
    tested = shared.columns["a"][shared.parts == 2]
    learned = shared.columns["a"][shared.parts == 0]
    assert np.isin(tested, learned).mean() == pytest.approx(0.9)
    ordered = changed("file-order", 2, examples)
    assert set(ordered.targets[ordered.parts == 2]) == {"y"}
    rolled = changed("misaligned", 2, examples)
    assert (rolled.targets == np.roll(examples.targets, 1)).all()


def test_the_page_and_the_misses_name_what_was_wrong():
    rows = measured([0.5, 0.5, 0.5], DEAD, mended=0.5)
    text = page(rows)
    assert "| recall on faults that hurt | >= 0.97 | 1.000" in text
    assert "a learning rate too high" in text
    told = misses(rows, ["mnist-mlp"])
    assert "lr-high 3 on mnist-mlp expects P1/T1: said T4" in told
    silent = misses(measured([0.5, 0.5, 0.5]), ["mnist-mlp"])
    assert "3 of 3 silent" in silent


def test_of_two_faults_both_must_be_named_to_count_as_both():
    rows = measured([0.5, 0.5, 0.5])
    told = (Told("P1", "error", "before"), Told("D11", "warning", "before"))
    for seed, said in enumerate([told, told[:1], ()]):
        pair = row(
            "double", 0.4, *said, fault="lr-high+wrong-labels", level=2, seed=seed
        )
        rows[pair.case.key] = pair
    fine = row("double", 0.93, fault="lr-high+wrong-labels", level=2, seed=9)
    found = figures(rows | table(fine))
    counts = [found.doubles_found, found.doubles_first, found.doubles_both]
    assert [each.count for each in counts] == [2, 2, 1]
    assert {each.of for each in counts} == {3}, "what does not hurt is not counted"
