"""A small shop of two marketplaces: its exports as files, and the config that reads them."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from leastpack.catalog.build import build_catalog
from leastpack.config.root import Config
from leastpack.tables import Tables

PACKAGES = """
marketplace: {marketplace}
currency: USD
attributes: [rigidity, cushioning]
types:
  - {{name: own_container, kind: own_container, profile: [0, 0], tare_g: 0, cost: 0, valid_from: 2020-01-01}}
  - name: small_box
    kind: box
    profile: [0.7, 0.3]
    inner_cm: [20, 30, 10]
    max_weight_g: 9000
    tare_g: 150
    cost: 0.4
    safe_default: true
    valid_from: 2020-01-01
"""
PRODUCT_COLUMNS = ("id", "family", "gtin", "title", "text", "size", "weight", "price", "changed", "ended")


class Shop:
    """Exports under one folder; every write replaces the export, as a newer delivery would.

    Args:
        spark: The session.
        folder: Where exports and tables lie.
    """

    def __init__(self, spark: SparkSession, folder: Path) -> None:
        self.spark = spark
        self.folder = folder
        for marketplace in ("NA", "EU"):
            (folder / f"{marketplace}.yaml").write_text(PACKAGES.format(marketplace=marketplace), encoding="utf-8")
        self.sources: dict[str, dict[str, Any]] = {}

    def products(self, rows: Sequence[Mapping[str, Any]], **changes: Any) -> None:
        """products.csv of NA, in inches and pounds."""
        path = self.folder / "products.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, PRODUCT_COLUMNS, restval="")
            writer.writeheader()
            writer.writerows(rows)
        columns = {
            "product_id": "id", "family_id": "family", "universal_id": "gtin", "title": "title", "description": "text",
            "size_text": "size", "weight": "weight", "price": "price", "updated_at": "changed", "deleted_at": "ended",
        }  # fmt: skip
        self._source("products", "csv", path, columns, {"length_unit": "in", "weight_unit": "lb", **changes})

    def lines(self, name: str, kind: str, lines: Sequence[Mapping[str, Any] | str], **changes: Any) -> None:
        """An export of JSON Lines whose columns bear the names of our fields; a line may be any text."""
        path = self.folder / f"{name}.jsonl"
        text = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
        path.write_text(text, encoding="utf-8")
        fields = sorted({field for line in lines if not isinstance(line, str) for field in line})
        schema = ", ".join(f"`{field}` string" for field in fields)
        columns = {field: f"`{field}`" for field in fields}
        self._source(kind, "json", path, columns, {"name": name, "row_schema": schema, **changes})

    def measured(self, *rows: Mapping[str, Any]) -> None:
        """tunnel.jsonl of NA, in centimetres and grams."""
        empty = {"product_id": None, "length": None, "width": None, "height": None, "weight": None, "measured_at": None}
        self.lines("tunnel", "tunnel", [{**empty, **row} for row in rows])

    def pictured(self, *rows: Mapping[str, Any]) -> None:
        """images.jsonl of NA."""
        empty = {"product_id": None, "view": None, "uri": None, "kind": "tunnel", "captured_at": None, "etag": None}
        self.lines("images", "product_images", [{**empty, **row} for row in rows])

    def config(self, **changes: Any) -> Config:
        """The config of all exports written so far."""
        content = {
            "tables": {"root": str(self.folder / "tables"), "buckets": 4},
            "packages": [str(self.folder / "*.yaml")],
            "sources": list(self.sources.values()),
        }
        return Config.model_validate({**content, **changes})

    def build(self, **changes: Any) -> Tables:
        """Run the step."""
        return self.build_as(self.config(**changes))

    def build_as(self, config: Config) -> Tables:
        """Run the step with a configuration of its own."""
        build_catalog(self.spark, config)
        return self.tables

    @property
    def tables(self) -> Tables:
        """The tables."""
        return Tables(self.spark, self.config().tables)

    def versions(self) -> dict[str, int]:
        """Versions of the catalog's tables that exist."""
        names = ("products", "product_images", "package_types", "quarantine")
        return {name: self.tables.version(name) for name in names if self.tables.exists(name)}

    def rows(self, table: str) -> dict[tuple[str, ...], dict[str, Any]]:
        """All rows of a keyed catalog table, by the part of the key behind the marketplace."""
        key = {
            "products": ("product_id",),
            "product_images": ("product_id", "view"),
            "package_types": ("package_type",),
        }
        df = self.tables.read(table)
        # Python would move times to the machine's zone.
        times = {name: F.col(name).cast("string") for name, kind in df.dtypes if kind == "timestamp"}
        found = [row.asDict() for row in df.withColumns(times).collect()]
        return {tuple(row[name] for name in ("marketplace", *key[table])): row for row in found}

    def product(self, product_id: str) -> dict[str, Any]:
        """The row of one product of NA."""
        return self.rows("products")[("NA", product_id)]

    def accounts(self) -> dict[str, dict[str, Any]]:
        """The accounts of the newest run, by source."""
        row = self.tables.read("runs").orderBy("started_at", ascending=False).first()
        assert row is not None
        return json.loads(row["account"])["inputs"]

    def quarantined(self) -> list[tuple[str, str]]:
        """source and code of every row in quarantine."""
        found = self.tables.read("quarantine").select("source", "code").collect()
        return sorted((row["source"], row["code"]) for row in found)

    def _source(self, kind: str, form: str, path: Path, columns: dict[str, str], changes: dict[str, Any]) -> None:
        base = {"name": kind, "kind": kind, "format": form, "path": str(path), "marketplace": "NA", "columns": columns}
        source = {**base, **changes}
        self.sources[source["name"]] = source
