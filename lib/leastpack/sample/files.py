"""Writing rows as CSV, JSON Lines and Parquet, byte for byte the same for the same rows."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

Row = Mapping[str, Any]


def write_csv(path: Path, rows: Sequence[Row], columns: Sequence[str]) -> None:
    """Header and rows, RFC 4180: quotes doubled, newlines inside quotes; a missing value is an empty field."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([row.get(column) for column in columns] for row in rows)


def write_jsonl(path: Path, rows: Sequence[Row]) -> None:
    """One JSON object a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def write_parquet(path: Path, rows: Sequence[Row] | Mapping[str, Any], schema: pa.Schema) -> None:
    """Rows, or columns by name, under a fixed schema."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table = (
        pa.table(dict(rows), schema=schema) if isinstance(rows, Mapping) else pa.Table.from_pylist(list(rows), schema)
    )
    pq.write_table(table, path)
