"""Scored items into one Parquet file, batch by batch as they are read."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from toolkit.sources.runs import Cell, Item
from toolkit.study.registry import Registry

BATCH = 20_000
SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("checkpoint", "task", "metric", "prompt_format")),
        ("n_shots", pa.int32()),
        ("run", pa.string()),
        ("item", pa.string()),
        ("score", pa.float64()),
        ("n_options", pa.int32()),
        ("target_log_prob", pa.float64()),
        ("target_prob", pa.float64()),
        ("brier", pa.float64()),
    ]
)


@contextmanager
def items_file(path: Path, registry: Registry) -> Iterator[Callable[[Cell, str, Item], None]]:
    """Yield a function that takes scored items; the file is there only when some came."""
    rows: list[tuple[object, ...]] = []
    writer: pq.ParquetWriter | None = None

    def flush() -> None:
        nonlocal writer
        if not rows:
            return
        writer = writer or pq.ParquetWriter(path, SCHEMA)
        columns = [
            pa.array(c, f.type) for c, f in zip(zip(*rows, strict=True), SCHEMA, strict=True)
        ]
        writer.write_table(pa.table(columns, schema=SCHEMA))
        rows.clear()

    def take(cell: Cell, run: str, item: Item) -> None:
        name = registry.name_of(cell.checkpoint) or cell.checkpoint
        rows.append((name, *cell[1:], run, *item))
        if len(rows) >= BATCH:
            flush()

    try:
        yield take
        flush()
    finally:
        if writer is not None:
            writer.close()
