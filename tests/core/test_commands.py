"""Commands in messages can be typed as they stand, whatever folders are called."""

import shlex
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torchsmith.core.commands import command, listing
from torchsmith.core.errors import DataError
from torchsmith.core.run_folder import RunFolder


@given(st.lists(st.text(st.characters(exclude_characters="\0")), max_size=4))
def test_a_shell_reads_the_words_that_were_given(words: list[str]) -> None:
    assert shlex.split(command(*words)) == ["torchsmith", *words]


def test_runs_of_another_folder_are_listed_there(tmp_path: Path) -> None:
    runs = tmp_path / "my runs"
    with pytest.raises(DataError) as caught:
        RunFolder.find("missing", runs)
    assert str(caught.value).endswith(f"list them with: {listing(runs)}")
    assert shlex.split(listing(runs)) == ["torchsmith", "runs", "--runs", str(runs)]
