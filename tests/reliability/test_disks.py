"""Disks that are small, full or read-only; these need the right to mount."""

import os
import subprocess
from contextlib import contextmanager

import pytest

from tests.reliability.jobs import outcome_of, temporary_files, write_table
from tests.reliability.runs import Command

JOB = ("train", "table.csv", "--target", "value", "--epochs", "3", "--quiet")
JOB = (*JOB, "--set", "split.val=0.15")  # the five networks of folds need more room


def system(*command):
    return subprocess.run(command, capture_output=True, text=True, check=False)


@contextmanager
def mounted(folder, *options):
    folder.mkdir()
    done = system("mount", *options, str(folder))
    if done.returncode:
        pytest.skip(f"a disk cannot be mounted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        system("umount", "--lazy", str(folder))


@pytest.fixture
def small_disk(tmp_path):
    if os.geteuid():
        pytest.skip("only root can mount a small disk")
    with mounted(tmp_path / "disk", "-t", "tmpfs", "-o", "size=2M", "tmpfs") as disk:
        write_table(disk / "table.csv")
        yield disk


def fill(disk, kibibytes_left):
    size = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
    (disk / "filler").write_bytes(b"x" * (size - 1024 * kibibytes_left))


@pytest.mark.parametrize("left", [500, 600])  # a checkpoint takes 470
def test_a_disk_that_becomes_full_is_one_clear_line_and_loses_nothing(small_disk, left):
    write_table(small_disk / "table.csv")
    fill(small_disk, left)
    code, text = Command(small_disk, *JOB).end()
    assert code == 1, text
    [line] = text.splitlines()
    assert line.startswith("error: runs/")
    assert "the disk is full (" in line
    assert " bytes free" in line
    assert temporary_files(small_disk) == []
    (small_disk / "filler").unlink()
    code, text = Command(small_disk, "train", "--resume", "--quiet").end()
    assert code == 0, text
    [full] = (small_disk / "runs").iterdir()
    code, text = Command(small_disk, *JOB, "--name", "whole").end()
    assert code == 0, text
    assert outcome_of(full) == outcome_of(small_disk / text.strip())


def test_a_disk_without_room_for_a_checkpoint_is_refused_before_there_is_a_run(
    small_disk,
):
    fill(small_disk, 24)
    code, text = Command(small_disk, *JOB).end()
    assert code == 1, text
    [line] = text.splitlines()
    assert line.startswith("error: runs: the disk is too full for one checkpoint (24,")
    assert not (small_disk / "runs").exists()


def test_a_read_only_runs_folder_is_one_clear_line(small_disk):
    (small_disk / "runs").mkdir()
    assert system("mount", "-o", "remount,ro", str(small_disk)).returncode == 0
    code, text = Command(small_disk, *JOB).end()
    assert code == 1
    [line] = text.splitlines()
    assert line.startswith("error: runs: cannot be written (Read-only file system)")
    assert "--runs" in line


def test_a_run_on_a_disk_that_became_read_only_is_one_clear_line(small_disk):
    fill(small_disk, 500)
    assert Command(small_disk, *JOB).end()[0] == 1
    assert system("mount", "-o", "remount,ro", str(small_disk)).returncode == 0
    code, text = Command(small_disk, "train", "--resume", "--quiet").end()
    assert code == 1
    [line] = text.splitlines()
    assert "cannot be written (Read-only file system)" in line


def test_remedies_are_not_tried_where_the_mended_plan_cannot_be_written(small_disk):
    timid = ("--name", "timid", "--set", "optimizer.lr=1e-7")
    assert Command(small_disk, *JOB, *timid).end()[0] == 0
    assert system("mount", "-o", "remount,ro", str(small_disk)).returncode == 0
    code, text = Command(small_disk, "doctor", "last", "--fix").end()
    assert code == 1
    assert "timid: cannot be written (Read-only file system)" in text
    assert "Trying" not in text
