"""Read and write tables of `sam4ct.tables` as Parquet files.

A file has the columns of the class in their order, no nulls, and no metadata of the program, so
equal tables give equal bytes. Pages have checksums: a damaged file is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from sam4ct.errors import WorkError
from sam4ct.io.files import disk_errors, replacing
from sam4ct.tables import Table

T = TypeVar("T", bound=Table)

REMEDY = "Delete it, or the whole work folder, and run the same command again."
_ROWS_PER_GROUP = 1 << 20


def write_table(path: Path, table: Table) -> None:
    """Write a table atomically: the file is whole or absent.

    Raises:
        WorkError: The disk refuses.
    """
    schema = _schema(type(table))
    write_columns(path, pa.table([getattr(table, n) for n in schema.names], schema=schema))


def read_table(path: Path, kind: type[T]) -> T:
    """Read a table that `write_table` wrote, also one of an earlier version (`Table.OPTIONAL`).

    Raises:
        WorkError: The file is missing or damaged, or holds other columns than `kind`.
    """
    schema = _schema(kind)
    earlier = pa.schema([field for field in schema if field.name not in kind.OPTIONAL])
    columns = read_columns(path, schema, earlier=earlier)
    return kind(**{name: columns.column(name).to_numpy() for name in columns.column_names})


def write_columns(path: Path, columns: pa.Table, rows_per_group: int = _ROWS_PER_GROUP) -> None:
    """Write an Arrow table atomically as Parquet; equal tables give equal bytes.

    Dictionaries, statistics and the Arrow schema are left out: there are many small files, which
    would grow by half.
    """
    with replacing(path) as file:
        pq.write_table(
            columns,
            file,
            row_group_size=rows_per_group,
            compression="zstd",
            use_dictionary=False,
            write_statistics=False,
            write_page_checksum=True,
            store_schema=False,
        )


def read_columns(
    path: Path,
    schema: pa.Schema,
    names: list[str] | None = None,
    groups: list[int] | None = None,
    earlier: pa.Schema | None = None,
) -> pa.Table:
    """Read some columns (default: all) of some row groups (default: all) of a file.

    Raises:
        WorkError: The file is missing or damaged, or its columns are not those of `schema`, nor
            those of `earlier`.
    """
    with disk_errors(path), path.open("rb") as opened, _damage_named(path):
        file = pq.ParquetFile(opened, page_checksum_verification=True)
        if not any(file.schema_arrow.equals(known) for known in (schema, earlier or schema)):
            raise WorkError(
                f"{path}: holds {_described(file.schema_arrow)}, but this version expects"
                f" {_described(schema)}. {REMEDY}"
            )
        rows = [file.metadata.row_group(g).num_rows for g in range(file.num_row_groups)]
        if groups is None:
            groups = list(range(file.num_row_groups))
        columns = file.read_row_groups(groups, columns=names, use_threads=False)
        # Checksums cover the pages; the row counts are in the footer, which has none.
        if sum(rows) != file.metadata.num_rows or sum(rows[g] for g in groups) != len(columns):
            raise pa.ArrowInvalid("the row counts contradict each other")
        return columns


@contextmanager
def _damage_named(path: Path) -> Iterator[None]:
    """Turn the errors that a damaged file raises in pyarrow into one WorkError.

    An OSError without errno is one of them; with errno it is an error of the disk.
    """
    try:
        yield
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise WorkError(f"{path}: damaged or cut off. {REMEDY}") from error
    except OSError as error:
        if error.errno is not None:
            raise
        raise WorkError(f"{path}: damaged or cut off. {REMEDY}") from error


def _described(schema: pa.Schema) -> str:
    return ", ".join(f"{field.name} ({field.type})" for field in schema)


def _schema(kind: type[Table]) -> pa.Schema:
    """Return the Arrow schema of a table class."""
    return pa.schema(
        [
            pa.field(name, pa.from_numpy_dtype(dtype), nullable=False)
            for name, dtype in kind.schema().items()
        ]
    )
