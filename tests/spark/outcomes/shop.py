"""A small shop: a catalog of a few products, and exports of what happened to them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from tests.spark.rows import put_rows

from leastpack.config.outcomes import OutcomesConfig
from leastpack.config.root import Config
from leastpack.config.sources import FIELDS, SourceConfig
from leastpack.config.storage import TablesConfig
from leastpack.tables import Tables

Row = Mapping[str, Any]
PACKAGES = {"bag": ("bag", [0.1, 0.1]), "mailer": ("mailer", [0.2, 0.5]), "box": ("box", [0.9, 0.5])}


def write_export(path: Path, kind: str, rows: Sequence[Row]) -> None:
    path.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps({"marketplace": "NA", **row}) + "\n" for row in rows)
    (path / "part.json").write_text(text, encoding="utf-8")


def source(name: str, kind: str, path: Path) -> SourceConfig:
    return SourceConfig(
        name=name,
        kind=kind,
        format="json",
        path=str(path),
        row_schema=", ".join(f"{field} string" for field in FIELDS[kind]),
        columns={field: field for field in FIELDS[kind]},
    )


def config(root: Path, exports: Mapping[str, Sequence[Row]], **rules: Any) -> Config:
    """Write the exports, by kind, and return a config that reads them."""
    for kind, rows in exports.items():
        write_export(root / kind, kind, rows)
    return Config(
        tables=TablesConfig(root=str(root / "tables"), buckets=4),
        sources=[source(kind, kind, root / kind) for kind in exports],
        outcomes=OutcomesConfig(**{"return_window_days": 30, "n_min": 20, **rules}),
    )


def write_catalog(spark: SparkSession, config: Config, products: Sequence[str | Row]) -> Tables:
    """Products of marketplace NA by id, or as rows; three package types in NA and EU."""
    tables = Tables(spark, config.tables)
    rows = [{"product_id": p, "family_id": p} if isinstance(p, str) else p for p in products]
    put_rows(tables, "products", [{"marketplace": "NA", **row} for row in rows])
    types = [
        {
            "marketplace": marketplace,
            "package_type": name,
            "kind": kind,
            "profile": profile,
            "profile_hash": f"hash_of_{name}",
        }
        for marketplace in ("NA", "EU")
        for name, (kind, profile) in PACKAGES.items()
    ]
    put_rows(tables, "package_types", types)
    return tables


def shipment(number: int | str, product: str, package: str, day: str = "2024-03-01", **more: Any) -> Row:
    return {
        "shipment_id": f"s{number}",
        "product_id": product,
        "package_type": package,
        "shipped_at": f"{day} 10:00:00",
        **more,
    }


def returned(number: int | str, product: str, reason: str = "BROKEN", day: str = "2024-03-09") -> Row:
    return {
        "shipment_id": f"s{number}",
        "product_id": product,
        "reason_code": reason,
        "returned_at": f"{day} 09:00:00",
    }


def review(number: int, product: str, shipment: int | None, text: str, stars: float | str = 1, **more: Any) -> Row:
    return {
        "review_id": f"r{number}",
        "product_id": product,
        "shipment_id": None if shipment is None else f"s{shipment}",
        "stars": str(stars),
        "text": text,
        "reviewed_at": "2024-03-12 09:00:00",
        **more,
    }


def human_test(number: int, product: str, package: str, result: str, drawn: float | None = None, day: int = 1) -> Row:
    return {
        "test_id": f"t{number}",
        "product_id": product,
        "package_type": package,
        "result": result,
        "draw_probability": drawn,
        "tested_at": f"2024-05-{day:02d} 09:00:00",
    }


def by_key(rows: DataFrame, *key: str) -> dict[Any, dict[str, Any]]:
    """Collected rows by key; a key of one column is its value."""
    found = {}
    for row in rows.collect():
        content = row.asDict(recursive=True)
        name = tuple(content[column] for column in key)
        found[name if len(key) > 1 else name[0]] = content
    return found


def account(tables: Tables, kind: str) -> dict[str, Any]:
    """The last run's account of a source."""
    last = tables.read("runs").orderBy("started_at").collect()[-1]
    found: dict[str, Any] = json.loads(last["account"])["inputs"][kind]
    return found
