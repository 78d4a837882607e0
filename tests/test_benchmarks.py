"""What `make bench` and `make quality` say of what they measured."""

import numpy as np
import pytest
from benchmarks import engines
from benchmarks.contest import why_not
from benchmarks.engine_tables import machine, tables
from benchmarks.peers.contenders import CONTENDERS, Contender
from benchmarks.peers.plans import plan_of
from benchmarks.peers.work import JOBS, PICTURES
from benchmarks.quality import __main__ as quality
from benchmarks.quality.goals import GOALS, better_on_each, not_worse, reaches
from benchmarks.quality.page import page
from benchmarks.quality.results import Results
from benchmarks.quality.rivals import RIVALS, Rival
from benchmarks.quality.rivals_sequences import warping_distance
from benchmarks.quality.scores import calibration_error, interval

from torchsmith.plan.check import check
from torchsmith.plan.file import parse_plan


def measured(seconds, **values):
    known = {"loss": 0.25, "accuracy": 0.9, "peak_mb": 300, "times_faster": 2.0}
    return {"seconds": seconds, "fastest": seconds, **known, **values}


KEPT = {
    "machine": machine(),
    "epochs": {
        "S4": {
            "date": "2026-11-21",
            "torchsmith": measured(0.25, notes="captured, 1 threads"),
            "eager-1": measured(1.0),
            "eager-2": measured(2.0),
            "jax-scan": measured(0.5),
            "lightning": {"why_not": "not run: lightning is not installed"},
            "skorch": measured(4.0),
            "floor-1": measured(0.125, loss=None, accuracy=None),
        }
    },
    "start": {"import torch": 2.0, "S3": 3.0},
}


def test_the_summary_compares_with_the_best_of_each_kind():
    [row] = [line for line in tables(KEPT).splitlines() if line.startswith("| S4 |")]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[1:5] == ["1", "4 skorch", "0.5", "0.125"]
    assert cells[5:] == [
        "0.25 captured, 1 threads",
        "0.25 Torchsmith, `auto`",
        "4.00",
        "2.00",
        "2.00",
    ]


def test_a_peer_that_is_not_installed_is_reported_as_not_run():
    assert "| Lightning, tuned | not run: lightning is not installed |" in tables(KEPT)
    missing = Contender("nobody", "nobody", package="no_such_package")
    assert why_not(missing, "S3") == "not run: no_such_package is not installed"


def test_the_section_is_replaced_and_the_rest_of_the_results_stays(
    tmp_path, monkeypatch
):
    page = tmp_path / "RESULTS.md"
    page.write_text("# Results\n\nolder\n")
    monkeypatch.setattr(engines, "RESULTS", page)
    engines.write_section("first")
    page.write_text(page.read_text() + "\nnewer\n")
    engines.write_section("second")
    text = page.read_text()
    assert text.count(engines.BEGIN) == text.count(engines.END) == 1
    assert [word in text for word in ("older", "newer", "first", "second")] == [
        True,
        True,
        False,
        True,
    ]


@pytest.mark.parametrize("job", JOBS)
def test_every_job_is_a_plan_and_has_a_loop_by_hand(job, monkeypatch):
    monkeypatch.setenv(PICTURES, "pictures.npz")
    check(parse_plan(plan_of(job, epochs=3)))
    assert any(job in CONTENDERS[name].jobs for name in engines.BASE)


def rmse_of_california(ours, theirs):
    """Answers of five splits, as they are kept."""
    results = Results({"cases": {}})
    for contender, values in {"torchsmith": ours, "catboost": theirs}.items():
        for seed, value in enumerate(values):
            answer = {"scores": {"rmse": value}, "seconds": {"total": 100.0}}
            answer |= {"network": "MLP", "sizes": [6, 2, 2]}
            answer |= {"date": "2026-11-21", "commit": "abc", "load": 1.0}
            results.add("california", contender, seed, answer)
    return results


def test_a_bar_is_reached_by_the_mean_of_all_five_splits_and_not_by_fewer():
    bar = reaches("california", "rmse", 0.43)
    good = [0.42, 0.43, 0.44, 0.42, 0.43]
    assert bar(rmse_of_california(good, [])).reached is True
    assert bar(rmse_of_california([v + 0.01 for v in good], [])).reached is False
    assert bar(rmse_of_california(good[:4], [])).reached is None
    assert bar(Results({"cases": {}})).measured == ""


def test_a_rival_is_beaten_on_each_split_or_matched_within_the_noise():
    theirs = [0.42, 0.43, 0.44, 0.42, 0.43]
    ours = [0.41, 0.42, 0.43, 0.41, 0.431]
    results = rmse_of_california(ours, theirs)
    each = better_on_each("california", "catboost")(results)
    assert (each.measured, each.reached) == ("on 4 of 5", False)
    assert not_worse("california")(results).reached is True
    worse = rmse_of_california([value + 0.01 for value in theirs], theirs)
    assert not_worse("california")(worse).reached is False


def test_the_page_names_every_bar_and_whoever_is_missing():
    results = rmse_of_california([0.42] * 5, [0.43] * 5)
    results.add("california", "tabm", 0, {"why_not": "not installed: pytabkit"})
    text = page(results)
    assert all(f"| {goal.title} | {goal.bar} |" in text for goal in GOALS)
    assert (
        "| California housing, RMSE | <= 0.430 | 0.4200 (0.4200 to 0.4200) | reach"
        in text
    )
    assert "| TabM | not installed: pytabkit | | | |" in text
    assert (
        "| CatBoost | 0.4300 (0.4300 to 0.4300) | 0.0100 (0.0100 to 0.0100) |" in text
    )
    assert "| LightGBM | not measured yet | | | |" in text


def test_what_is_known_is_not_measured_again_and_what_failed_is():
    results = rmse_of_california([0.42], [])
    late = {"why_not": "took more than 30 min", "patience": 1800.0}
    results.add("california", "tabm", 0, late)
    results.add("california", "hgb", 0, {"why_not": "failed: no memory"})
    arguments = ["--cases", "california", "--seeds", "1"]

    def asked(*more):
        options = quality.options_of([*arguments, *more])
        return {contender for _, _, contender in quality.jobs(options, results)}

    everybody = {"torchsmith", *quality.CASES["california"].rivals}
    assert asked() == everybody - {"torchsmith", "tabm"}
    assert asked("--patience", "3600") == everybody - {"torchsmith"}
    assert asked("--again") == everybody


def test_a_rival_that_is_not_installed_says_so(monkeypatch):
    missing = Rival("nobody", lambda rows: rows, "no_such_package")
    monkeypatch.setitem(RIVALS, "nobody", missing)
    monkeypatch.setattr(type(quality.CASES["car"]), "is_here", True)
    answer = quality.measure(("car", 0, "nobody"), budget=1, patience=1)
    assert answer["why_not"] == "not installed: no_such_package"


def test_the_figures_of_quality_are_known_answers():
    confident = np.array([[0.9, 0.1]] * 10)
    right_half = np.array([0, 1] * 5)
    assert calibration_error(confident, right_half) == pytest.approx(0.4)
    assert interval([1.0, 2.0, 3.0])[:2] == pytest.approx((2.0, 2 - 2.48414), abs=1e-4)
    late = np.array([[0, 0, 1, 2, 1]], float)[..., None]
    early = np.array([[0, 1, 2, 1, 1]], float)[..., None]
    assert warping_distance(late, early, 1.0).tolist() == [0]
    much_later = np.array([[0, 0, 0, 1, 2]], float)[..., None]
    assert warping_distance(much_later, early, 1.0).tolist() == [2]
    assert warping_distance(much_later, early, 0.2).tolist() == [3]
