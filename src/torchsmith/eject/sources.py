"""Where the files of a source lie, and where a reader of the script gets them."""

from dataclasses import dataclass
from pathlib import Path

from torchsmith.core.errors import DataError
from torchsmith.data.catalog import Entry, entry_named, file_in, find_local, is_copy


@dataclass(frozen=True)
class Located:
    """A source on this machine.

    Attributes:
        path: The file or folder; a set that comes with scikit-learn has none.
        files: For a set of the catalogue, its files in the order of their parts.
        entry: The set of the catalogue, or None.
        note: Where to get the data, for a comment.
    """

    path: Path | None
    files: tuple[Path, ...] = ()
    entry: Entry | None = None
    note: str = ""


def locate(source: str) -> Located:
    """Find the files that a plan's source names.

    Raises:
        DataError: They are not there.
    """
    path = Path(source).expanduser()
    entry = entry_named(source)
    if path.exists() and not (entry and path.is_dir() and is_copy(entry, path)):
        return Located(path)
    if entry is None:
        raise DataError(f"{source}: is not there any more; bring it back to eject")
    if not entry.folder:
        return Located(None, entry=entry, note=f"{entry.about}; {entry.publisher}")
    folder = path if path.exists() else find_local(entry)
    if folder is None:
        raise DataError(
            f"{entry.name} is not at hand; get it with: torchsmith train {entry.name}"
        )
    found = tuple(file_in(folder, name) or folder / name for name in entry.local)
    urls = " and ".join(file.url for file in entry.remote[:1])
    return Located(folder, found, entry, f"{entry.about}; published at {urls}")
