import pytest

from torchsmith.core.errors import PlanError
from torchsmith.core.processes import Place, is_silent, place, require_alone

TORCHRUN = {"RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2"}


@pytest.fixture
def of_two(monkeypatch):
    for name, value in TORCHRUN.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_a_process_knows_its_place_from_what_torchrun_sets(of_two):
    assert place() == Place(1, 2, 1, 2)
    assert is_silent()
    of_two.setenv("RANK", "0")
    assert place().is_first
    assert not is_silent()


def test_one_process_is_alone_with_torchrun_and_without(of_two):
    of_two.setenv("WORLD_SIZE", "1")
    assert place() is None
    assert not is_silent()
    for name in TORCHRUN:
        of_two.delenv(name)
    assert place() is None
    require_alone("a study")


def test_processes_of_a_machine_share_its_cores():
    assert Place(0, 1000, 0, 1000).cores == 1


def test_half_an_environment_is_refused(of_two):
    of_two.delenv("LOCAL_RANK")
    with pytest.raises(PlanError, match="LOCAL_RANK is '', not a number; start with"):
        place()


def test_what_one_process_does_says_how_to_start_it(of_two):
    with pytest.raises(PlanError, match="a study is trained by one process, and torch"):
        require_alone("a study")
