"""Random numbers are functions of seed, purpose and position."""

from hypothesis import given
from hypothesis import strategies as st

from torchsmith.core.seeds import derive_seed, generator


@given(st.integers(0, 2**31), st.integers(0, 10**6))
def test_a_seed_is_a_function_of_its_arguments(seed, step):
    assert derive_seed(seed, "step", step) == derive_seed(seed, "step", step)
    assert 0 <= derive_seed(seed, "step", step) < 2**63


def test_purposes_and_positions_do_not_share_seeds():
    found = {
        derive_seed(seed, purpose, *position)
        for seed in range(3)
        for purpose in ("order", "step", "init")
        for position in ((), (0,), (1,), (11,), (1, 1))
    }
    assert len(found) == 45


def test_a_known_seed_never_changes():
    assert derive_seed(0, "order", 3) == 228291028133782092
    assert generator(0, "order", 3).permutation(5).tolist() == [2, 0, 3, 1, 4]
