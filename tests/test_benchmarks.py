"""What `make bench` says of what it measured."""

import pytest
from benchmarks import engines
from benchmarks.contest import why_not
from benchmarks.engine_tables import machine, tables
from benchmarks.peers.contenders import CONTENDERS, Contender
from benchmarks.peers.plans import plan_of
from benchmarks.peers.work import JOBS, PICTURES

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
