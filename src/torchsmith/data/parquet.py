"""Reading Parquet files."""

from dataclasses import replace
from pathlib import Path

from torchsmith.core.errors import DataError
from torchsmith.data.cells import Sheet
from torchsmith.data.memory import sheet_from_columns

MAGIC = b"PAR1"


def read_parquet(path: Path, fingerprint: str) -> Sheet:
    """Read a Parquet file, whose rows are counted (1 = first).

    Args:
        path: The file.
        fingerprint: `"sha256:…"` of its bytes.

    Raises:
        DataError: The file is damaged, or holds columns that are no plain values.
    """
    import duckdb

    # Nothing may be fetched from the network to read a file.
    config: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    literal = "".join(f"[{c}]" if c in "*?[" else c for c in str(path.absolute()))
    try:
        with duckdb.connect(":memory:", config=config) as connection:
            query = connection.execute("SELECT * FROM read_parquet(?)", [literal])
            columns = query.fetchnumpy()
    except duckdb.Error as error:
        first = str(error).splitlines()[0]
        raise DataError(f"{path}: cannot be read as Parquet: {first}") from error
    sheet = sheet_from_columns(columns, str(path))
    return replace(sheet, reading={"format": "parquet"}, fingerprint=fingerprint)
