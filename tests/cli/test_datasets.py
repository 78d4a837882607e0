import json

import pytest

from torchsmith.data.catalog import NAMES


@pytest.fixture(autouse=True)
def _no_local_sets(tmp_path, monkeypatch):
    monkeypatch.delenv("TORCHSMITH_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_every_set_is_listed_with_where_it_is(run_cli):
    result = run_cli("datasets")
    assert result.exit_code == 0
    for name in NAMES:
        assert f"\n{name} " in result.stdout
    assert "built in" in result.stdout
    assert "to download, 11.6 MB" in result.stdout
    assert all(len(line) <= 100 for line in result.stdout.splitlines())


def test_quiet_lists_the_names_alone(run_cli):
    assert run_cli("datasets", "--quiet").stdout.split() == list(NAMES)


def test_a_set_in_a_data_folder_is_found(run_cli, tmp_path, monkeypatch):
    (tmp_path / "car").mkdir()
    (tmp_path / "car" / "car_evaluation.csv").write_text("price,output\nlow,acc\n")
    monkeypatch.setenv("TORCHSMITH_DATA", str(tmp_path))
    answer = json.loads(run_cli("datasets", "--json").stdout)
    [car] = [row for row in answer["datasets"] if row["name"] == "car_evaluation"]
    assert car["state"] == "found"
    assert car["path"] == str(tmp_path / "car")
