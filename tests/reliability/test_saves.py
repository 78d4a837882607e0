"""A save that is hit by a fault at any system call loses nothing.

`make reliability` hits every call; here those that change the disk.
"""

import pytest

from tests.reliability.faults import (
    CHANGES,
    ERRORS,
    OPERATIONS,
    faults,
    prepare,
    problem_after,
    strace_missing,
)

WHY = strace_missing()
pytestmark = pytest.mark.skipif(bool(WHY), reason=WHY or "strace works")


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    folder = tmp_path_factory.mktemp("template")
    prepare(folder)
    return folder


def hit_each(template, tmp_path, operation, calls, what):
    tried = 0
    for call in calls:
        for number, fault, left in faults(operation, template, tmp_path, call, what):
            problem = problem_after(operation, fault, left)
            assert not problem, f"{call} number {number}: {problem}"
            tried += 1
    return tried


def test_a_checkpoint_that_is_killed_at_any_call_loses_nothing(template, tmp_path):
    assert hit_each(template, tmp_path, "checkpoint", CHANGES[1:], "signal=KILL") > 10


@pytest.mark.parametrize("error", ["EIO", "ENOSPC"])
def test_a_checkpoint_of_which_any_call_fails_loses_nothing(template, tmp_path, error):
    calls = ("write", "fsync", "rename")
    assert hit_each(template, tmp_path, "checkpoint", calls, f"error={error}") > 10


@pytest.mark.slow
@pytest.mark.parametrize("operation", OPERATIONS)
def test_whatever_is_saved_may_be_killed_at_any_call(template, tmp_path, operation):
    assert hit_each(template, tmp_path, operation, CHANGES, "signal=KILL") > 20


@pytest.mark.slow
@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("call", ERRORS)
def test_whatever_is_saved_any_call_may_fail(template, tmp_path, operation, call):
    for error in ERRORS[call]:
        hit_each(template, tmp_path, operation, (call,), f"error={error}")
