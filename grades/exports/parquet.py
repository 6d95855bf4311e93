"""A table as Parquet, for programs that compute with the rows. Needs pyarrow, which is optional."""

from collections.abc import Callable, Iterator
from datetime import date
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any

from django.utils import timezone

from .columns import DAY, NUMBER, TEXT, TIME, Column

GROUP_ROWS = 10_000  # of a row group, which is in memory as a whole


def has_pyarrow() -> bool:
    return find_spec("pyarrow") is not None


def write_parquet(
    path: Path, columns: list[Column], headings: list[str], rows: Iterator[tuple], about: Callable[[], dict[str, str]]
) -> None:
    """Write a Parquet file. Its metadata has `about()`, which is asked after all rows were written.

    `rows` have times as datetimes, days as text, and small integers as numbers.
    """
    import pyarrow
    from pyarrow.parquet import ParquetWriter

    types = {
        TEXT: pyarrow.string(),
        NUMBER: pyarrow.int16(),
        TIME: pyarrow.timestamp("us", timezone.get_default_timezone_name()),
        DAY: pyarrow.date32(),
    }
    schema = pyarrow.schema([(name, types[column.kind]) for name, column in zip(headings, columns, strict=True)])
    with ParquetWriter(path, schema, compression="zstd") as writer:
        while batch := list(islice(rows, GROUP_ROWS)):
            cells = [
                list(map(to_date, values)) if column.kind == DAY else values
                for column, values in zip(columns, zip(*batch, strict=True), strict=True)
            ]
            arrays = [pyarrow.array(values, field.type) for values, field in zip(cells, schema, strict=True)]
            writer.write_batch(pyarrow.record_batch(arrays, schema))
        writer.add_key_value_metadata(about())


def to_date(text: Any) -> date | None:
    return date.fromisoformat(text) if text else None
