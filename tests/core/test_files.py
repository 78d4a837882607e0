import errno
import json
import os
from pathlib import Path

import pytest

from torchsmith.core import files
from torchsmith.core.errors import DataError, TrainError
from torchsmith.core.files import (
    append,
    committed_folder,
    damage,
    make_folder,
    write_atomic,
)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def full_disk(monkeypatch):
    """Make the next sync fail as a full disk does."""

    def fail(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", fail)


def test_a_file_is_written_whole_and_nothing_is_left_beside_it(tmp_path):
    write_atomic(tmp_path / "a.txt", "잘\n")
    assert (tmp_path / "a.txt").read_text("utf-8") == "잘\n"
    write_atomic(tmp_path / "a.txt", b"\x00")
    assert (tmp_path / "a.txt").read_bytes() == b"\x00"
    assert names(tmp_path) == ["a.txt"]


def test_a_write_that_fails_leaves_the_old_file_and_tells_the_free_bytes(
    tmp_path, monkeypatch
):
    write_atomic(tmp_path / "a.txt", "old")
    full_disk(monkeypatch)
    with pytest.raises(TrainError, match=r"a\.txt: the disk is full \([\d,]+ bytes"):
        write_atomic(tmp_path / "a.txt", "new")
    assert (tmp_path / "a.txt").read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("old", ["old", None])
def test_a_symlink_stays_and_its_target_is_written(tmp_path, old):
    target, link = tmp_path / "far" / "a.txt", tmp_path / "link.txt"
    target.parent.mkdir()
    if old is not None:
        target.write_text(old)
    link.symlink_to("far/a.txt")
    write_atomic(link, "new")
    assert link.is_symlink()
    assert target.read_text() == "new"
    assert names(tmp_path) == ["far", "link.txt"]
    assert names(target.parent) == ["a.txt"]


def test_a_symlink_to_itself_is_mended(tmp_path):
    (tmp_path / "a.txt").symlink_to("a.txt")
    write_atomic(tmp_path / "a.txt", "new")
    assert (tmp_path / "a.txt").read_text() == "new"


def test_what_is_no_file_is_never_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    (tmp_path / "folder").mkdir()
    for name, what in {"pipe": "a pipe", "link": "a pipe", "folder": "folder"}.items():
        with pytest.raises(DataError, match=f"{what}, not a file; give the name"):
            write_atomic(tmp_path / name, "new")
    assert (tmp_path / "pipe").is_fifo()
    assert names(tmp_path) == ["folder", "link", "pipe"]


def test_a_file_in_a_folder_that_is_not_there_is_one_clear_error(tmp_path):
    with pytest.raises(TrainError, match="cannot be written"):
        write_atomic(tmp_path / "nowhere" / "a.txt", "x")


def test_lines_are_added_to_a_log(tmp_path):
    log = tmp_path / "metrics.jsonl"
    append(log, "잘\n".encode())
    append(log, b"b\n")
    assert log.read_text("utf-8") == "잘\nb\n"


def test_a_line_that_cannot_be_added_is_one_clear_error(tmp_path):
    with pytest.raises(TrainError, match="cannot be written"):
        append(tmp_path / "nowhere" / "metrics.jsonl", b"a")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_line_that_finds_the_disk_full_says_so():
    with pytest.raises(TrainError, match="the disk is full"):
        append(Path("/dev/full"), b"a")


def test_a_folder_appears_whole_with_a_manifest(tmp_path):
    with committed_folder(tmp_path / "000600") as folder:
        (folder / "state.json").write_text("{}")
        assert names(tmp_path) != ["000600"]
    assert names(tmp_path) == ["000600"]
    manifest = json.loads((tmp_path / "000600" / "manifest.json").read_text())
    assert manifest["files"]["state.json"]["bytes"] == 2
    assert damage(tmp_path / "000600") == ""


def fill_and_fail(path):
    with committed_folder(path) as folder:
        (folder / "state.json").write_text("{}")
        raise KeyboardInterrupt


def test_a_folder_that_was_not_finished_does_not_appear(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        fill_and_fail(tmp_path / "000600")
    assert names(tmp_path) == []


def fill(path):
    with committed_folder(path) as folder:
        (folder / "state.json").write_text("{}")


def test_a_full_disk_leaves_no_half_folder(tmp_path, monkeypatch):
    full_disk(monkeypatch)
    with pytest.raises(TrainError, match="the disk is full"):
        fill(tmp_path / "000600")
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda f: (f / "state.json").write_text("[]"), "SHA-256"),
        (lambda f: (f / "state.json").write_text("{"), "has 1 bytes, not 2"),
        (lambda f: (f / "state.json").unlink(), "state.json cannot be read"),
        (lambda f: (f / "manifest.json").write_text("{"), "manifest.json cannot"),
        (lambda f: (f / "manifest.json").write_text("[]"), "manifest.json cannot"),
        (lambda f: os.truncate(f / "manifest.json", 0), "manifest.json cannot"),
    ],
)
def test_any_damage_to_a_folder_is_found_and_named(tmp_path, harm, words):
    fill(tmp_path / "000600")
    harm(tmp_path / "000600")
    assert words in damage(tmp_path / "000600")


def test_a_flipped_bit_in_any_byte_of_a_folder_is_found(tmp_path):
    path = tmp_path / "000600"
    fill(path)
    for file in (path / "state.json", path / "manifest.json"):
        whole = file.read_bytes()
        for place in range(len(whole)):
            flipped = bytearray(whole)
            flipped[place] ^= 1 << place % 8
            file.write_bytes(flipped)
            assert damage(path), (file.name, place)
        file.write_bytes(whole)
    assert damage(path) == ""


def test_a_manifest_with_other_spaces_is_found_too(tmp_path):
    fill(tmp_path / "000600")
    manifest = tmp_path / "000600" / "manifest.json"
    manifest.write_text(manifest.read_text().replace(" ", "\t", 1))
    assert damage(tmp_path / "000600") == "manifest.json is not as it was written"


def test_a_disk_that_fails_is_named_with_its_free_bytes(tmp_path, monkeypatch):
    def fail(descriptor):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(files.os, "fsync", fail)
    words = (
        r"a\.txt: cannot be written \(Input/output error\), [\d,]+ bytes free; check"
    )
    with pytest.raises(TrainError, match=words):
        write_atomic(tmp_path / "a.txt", "new")
    monkeypatch.setattr(files.shutil, "disk_usage", fail)
    with pytest.raises(TrainError, match="unknown bytes free"):
        write_atomic(tmp_path / "a.txt", "new")


def test_a_folder_that_was_removed_is_named(tmp_path):
    words = (
        rf"cannot be written: the folder {tmp_path}/a is not there \(any more\); make"
    )
    with pytest.raises(TrainError, match=words):
        write_atomic(tmp_path / "a" / "b" / "c.txt", "new")


def test_a_folder_is_replaced_when_the_new_one_is_whole(tmp_path, monkeypatch):
    path = tmp_path / "model"
    fill(path)
    full_disk(monkeypatch)
    with (
        pytest.raises(TrainError, match="the disk is full"),
        committed_folder(path, replaces=True) as temporary,
    ):
        (temporary / "new.txt").write_text("new")
    assert damage(path) == ""
    assert (path / "state.json").exists()
    monkeypatch.undo()
    with committed_folder(path, replaces=True) as temporary:
        (temporary / "new.txt").write_text("new")
    assert names(path) == ["manifest.json", "new.txt"]
    assert names(tmp_path) == ["model"]


def test_a_folder_that_cannot_be_replaced_stays(tmp_path, monkeypatch):
    path = tmp_path / "model"
    fill(path)
    rename = Path.rename

    def fail(self, target):
        if target == path and not self.name.endswith("-before"):
            raise OSError(errno.EIO, "Input/output error")
        rename(self, target)

    monkeypatch.setattr(Path, "rename", fail)
    with (
        pytest.raises(TrainError, match="cannot be written"),
        committed_folder(path, replaces=True) as temporary,
    ):
        (temporary / "new.txt").write_text("new")
    assert damage(path) == ""
    assert names(tmp_path) == ["model"]


def test_the_names_of_new_folders_are_durable_too(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(files, "sync_folder", synced.append)
    make_folder(tmp_path / "a" / "b")
    assert synced == [tmp_path, tmp_path / "a"]
    make_folder(tmp_path / "a" / "b")
    assert len(synced) == 2


def test_a_write_that_is_cut_off_leaves_no_temporary_file(tmp_path, monkeypatch):
    def stop(descriptor):
        raise KeyboardInterrupt

    monkeypatch.setattr(files.os, "fsync", stop)
    with pytest.raises(KeyboardInterrupt):
        write_atomic(tmp_path / "a.txt", "new")
    assert names(tmp_path) == []


def test_a_disk_that_refuses_even_to_remove_is_one_clear_error(tmp_path, monkeypatch):
    def refuse(*arguments, **options):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "open", refuse)
    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(TrainError, match=r"a\.txt: cannot be written \(Read-only"):
        write_atomic(tmp_path / "a.txt", "new")


def test_a_full_disk_says_how_much_is_needed(tmp_path, monkeypatch):
    full_disk(monkeypatch)
    with pytest.raises(TrainError, match=r"bytes free, 1,234,567 needed\)"):
        write_atomic(tmp_path / "a.txt", b"x" * 1_234_567)
