"""MKL rounds alike on processors of other makers."""

import os

import pytest

from torchsmith.core.environment import differences, environment
from torchsmith.core.rounding import round_alike


@pytest.fixture
def modes(monkeypatch):
    """The environment, without a mode of MKL; as it was afterwards."""
    monkeypatch.setenv("MKL_CBWR", "to be given back")
    monkeypatch.delenv("MKL_CBWR")
    return os.environ


@pytest.mark.parametrize(
    ("maker", "mode"), [("AuthenticAMD", "AUTO"), ("GenuineIntel", None)]
)
def test_only_other_makers_need_a_mode(maker, mode, modes, tmp_path):
    file = tmp_path / "cpuinfo"
    file.write_text(f"processor\t: 0\nvendor_id\t: {maker}\n")
    round_alike(str(file))
    assert modes.get("MKL_CBWR") == mode


def test_a_mode_that_somebody_has_set_stays(modes, tmp_path):
    modes["MKL_CBWR"] = "AVX2"
    file = tmp_path / "cpuinfo"
    file.write_text("vendor_id\t: AuthenticAMD\n")
    round_alike(str(file))
    assert modes["MKL_CBWR"] == "AVX2"


def test_without_that_file_nothing_is_set(modes, tmp_path):
    round_alike(str(tmp_path / "none"))
    assert "MKL_CBWR" not in modes


def test_a_mode_is_part_of_the_environment(modes):
    before = environment()
    modes["MKL_CBWR"] = "AUTO"
    assert differences(before, environment()) == ["MKL_CBWR: not set then, AUTO now"]
