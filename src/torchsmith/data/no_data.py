"""What is named in place of data, and what to do with it instead."""

from pathlib import Path

from torchsmith.core.commands import command
from torchsmith.core.errors import DataError
from torchsmith.core.run_folder import RunFolder, is_run

_REFUSED = {
    (".xlsx", ".xls", ".xlsm", ".ods"): "a workbook; save the sheet as CSV",
    (".zip", ".tar", ".tgz", ".7z", ".rar"): (
        "an archive; unpack it and give what it held, a table or a folder"
    ),
    (".json", ".jsonl", ".ndjson", ".xml"): (
        "no table; save it as CSV or Parquet, one row for each example"
    ),
    (".py", ".ipynb"): (
        "a program; torchsmith doctor FILE.py watches the first steps of its training "
        "(of a notebook, export the script first)"
    ),
    (".yaml", ".yml"): (
        "no data; if it is a plan, carry it out with: torchsmith train FILE"
    ),
    (".pkl", ".pickle", ".joblib", ".pt", ".pth", ".ckpt"): (
        "a pickle, which could run any code and is never opened; "
        "save arrays with numpy.savez, tables as CSV or Parquet"
    ),
    (".h5", ".hdf5", ".mat", ".sqlite", ".db", ".feather", ".arrow"): (
        "not a format that is read; save arrays with numpy.savez, "
        "tables as CSV or Parquet"
    ),
    (".gif", ".heic", ".heif", ".avif"): "not a picture that is read; save it as PNG",
    (".pdf", ".docx", ".html"): "a document; save its table as CSV",
    (".mp4", ".avi", ".mov", ".mp3", ".wav"): "sound or film, which is not read",
}

_NO_TABLES = {
    b"PK\x03\x04": "a zip archive or an Excel workbook",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"%PDF": "a PDF document",
    b"\x93NUMPY": "a NumPy array",
}
_COMPRESSED = {
    **{b"BZh%d1AY&SY" % level: "bzip2" for level in range(1, 10)},
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
}


def refuse_file(path: Path, ending: str) -> None:
    """Refuse a file of which the ending says that it holds no data.

    Args:
        path: The file.
        ending: In lower case, with its dot.

    Raises:
        DataError: Says what to do with such a file.
    """
    for endings, why in _REFUSED.items():
        if ending in endings:
            raise DataError(f"{path}: is {why}")


def refuse_content(path: Path, raw: bytes) -> None:
    """Refuse a file of which the first bytes say that it holds no table.

    Args:
        path: The file.
        raw: What it holds.

    Raises:
        DataError: Says what it is, and what to do with it.
    """
    if raw[:512].lstrip().lower().startswith((b"<!doctype html", b"<html")):
        raise DataError(
            f"{path} is a web page, not a table; download the file itself, not the "
            "page that shows it"
        )
    for magic, what in _NO_TABLES.items():
        if raw.startswith(magic):
            raise DataError(f"{path} is {what}; save the table as CSV or Parquet")
    for magic, method in _COMPRESSED.items():
        if raw.startswith(magic):
            raise DataError(
                f"{path}: is compressed with {method}; unpack it, or compress it with "
                "gzip, which is read"
            )


def refuse_run(path: Path) -> None:
    """Refuse a run folder where data is asked for.

    Raises:
        DataError: It is one; says how to go on with it, or to train its plan anew.
    """
    folder = RunFolder(path)
    if not (is_run(path) and folder.environment.is_file()):
        return  # a plan may lie beside the pictures that it is for
    again = (file for file in (folder.plan, folder.study) if file.is_file())
    anew = "".join(f"; train its plan anew: {command('train', file)}" for file in again)
    raise DataError(f"{path}: is a run, not data; go on with it: {folder.go_on}{anew}")
