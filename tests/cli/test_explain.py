"""`torchsmith explain` passes on what is asked, and says where the page is."""

import json
from pathlib import Path


def test_a_run_is_explained_into_its_folder(run_cli, fake_api, tmp_path):
    result = run_cli("explain", "runs/a", "--quiet")
    assert result.exit_code == 0, result.output
    assert result.stdout == "runs/a/explanation.html\n"
    assert (tmp_path / "runs" / "a" / "explanation.html").is_file()
    assert fake_api.calls[-1] == ("explain", {"what": Path("runs/a"), "example": None})


def test_an_example_and_a_file_can_be_named(run_cli, fake_api, tmp_path):
    result = run_cli("explain", "last", "--example", "3", "-o", "see.html", "-q")
    assert result.stdout == "see.html\n"
    assert fake_api.calls[-1][1]["example"] == 3
    assert (tmp_path / "see.html").is_file()


def test_a_plan_is_explained_before_it_is_trained(run_cli, fake_api, tmp_path):
    result = run_cli("explain", "plan.yaml", "--quiet")
    assert result.stdout == "explanation.html\n"
    assert fake_api.calls == [("explain", {"what": Path("plan.yaml"), "example": None})]


def test_the_page_of_a_plan_replaces_another_file_with_force_only(run_cli, fake_api):
    Path("mine.html").write_text("of a person")
    result = run_cli("explain", "plan.yaml", "-o", "mine.html")
    assert "mine.html: is there already; add --force" in result.stderr
    assert fake_api.calls == []
    forced = run_cli("explain", "plan.yaml", "-o", "mine.html", "--force", "--quiet")
    assert forced.exit_code == 0


def test_the_page_of_a_plan_replaces_the_one_before(run_cli, fake_api):
    Path("explanation.html").write_text("of the plan before it was edited")
    assert run_cli("explain", "plan.yaml", "--quiet").exit_code == 0
    assert len(fake_api.calls) == 1


def test_json_holds_the_numbers(run_cli, fake_api):
    result = run_cli("explain", "runs/a", "--json")
    assert json.loads(result.stdout) == {
        "explanation": "runs/a/explanation.html",
        "title": "titanic",
    }


def test_a_folder_that_is_not_there_is_said_before_the_work(run_cli, fake_api):
    result = run_cli("explain", "runs/a", "-o", "no/such/see.html")
    assert result.exit_code == 2
    assert "there is no folder no/such" in result.stderr
    assert fake_api.calls == []
