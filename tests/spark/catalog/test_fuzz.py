"""P1 and P8 over ten thousand rows of anything: no crash, and every row is used, set aside or in quarantine."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession
from tests.spark.catalog.exports import PACKAGES

from leastpack.catalog.build import build_catalog
from leastpack.config.guards import GuardsConfig
from leastpack.config.root import Config
from leastpack.outcomes.label import label_outcomes
from leastpack.tables import Tables

# What cells hold on bad days, and good ones among them.
CELLS = [
    "", " ", "\u00a0", "\u200b", "NULL", "n/a", "なし", "0", "-1", "1e400", "NaN", "Infinity", "-0.0",
    "1,234.5", "1.234,5", "１２", "12 in", "12 in cm", "10 x 5 x 3 cm", "10x5", "7⅞ x 5 x 3 in",
    "10 x 5 x 3 spans", '{"l": 1, "w": 2, "h": 3}', "[1, 2", "{}", "5 kg", "5 lb 3 oz", "5 catties", "$5",
    "AU $5", "5 som", "5-6 €", "99999999", "2024-05-01", "2024-05-01T10:00:00Z", "9999-12-31", "0001-01-01",
    "45413", "1714557600000", "1714557600", "10:30", "yesterday", "true", "Y", "maybe", "BROKEN", "box", "bag",
    "small_box", "carton 7", "4006381333931", "4.00638E+12", "A1", "a1 ", "'; DROP TABLE products", "=1+1",
    "\\", "\t", "\ufffd\ufffd", "x" * 3000, "ﷺ", "😀" * 20, "ı", "İ", "file:///etc/passwd", "s3://",
    "../../etc/passwd", "tunnel", "catalog", "NA", "XX",
]  # fmt: skip
KINDS: dict[str, tuple[str, ...]] = {
    "products": ("product_id", "marketplace", "family_id", "universal_id", "title", "price", "currency", "size_text",
                 "length", "weight", "updated_at", "deleted_at"),
    "product_images": ("product_id", "marketplace", "view", "uri", "kind", "size_bytes", "captured_at"),
    "tunnel": ("product_id", "marketplace", "length", "width", "height", "weight", "defect", "measured_at"),
    "shipments": ("shipment_id", "product_id", "marketplace", "package_type", "shipped_at", "items", "propensity",
                  "updated_at"),
    "returns": ("return_id", "shipment_id", "product_id", "marketplace", "reason_code", "comment", "returned_at"),
    "reviews": ("review_id", "product_id", "marketplace", "shipment_id", "stars", "text", "reviewed_at"),
    "human_tests": ("test_id", "product_id", "marketplace", "package_type", "result", "tested_at"),
    "rules": ("rule_id", "marketplace", "action", "package_type", "product_id", "vendor", "valid_from", "valid_to"),
}  # fmt: skip
ROWS = 1250
SOUND = {
    "marketplace": "NA", "kind": "tunnel", "package_type": "small_box", "shipped_at": "2024-05-01",
    "returned_at": "2024-05-05", "reviewed_at": "2024-05-06", "tested_at": "2024-05-07",
    "reason_code": "BROKEN", "result": "UNSAFE", "stars": "1", "action": "ban", "uri": "a.jpg", "view": "tunnel_0",
}  # fmt: skip


def row(kind: str, number: int, draw: random.Random) -> dict[str, str]:
    """A sound row in which each cell has gone bad with a chance of its own."""
    chance = draw.choice([0.0, 0.1, 0.5, 1.0])
    made = {}
    for field in KINDS[kind]:
        sound = SOUND.get(field, f"{field[0]}{number % 97}")
        made[field] = draw.choice(CELLS) if draw.random() < chance else sound
    return made


def write(folder: Path, kind: str, rows: list[dict[str, str]], draw: random.Random) -> int:
    """The export, with some lines that are no rows; how many lines there are to be accounted for."""
    if kind in ("products", "shipments"):  # CSV, one line a row
        path = folder / f"{kind}.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(KINDS[kind])
            for one in rows:
                cells = [value.replace("\n", " ") for value in one.values()]
                extra = draw.random()
                writer.writerow([*cells, "too many"] if extra < 0.01 else cells[:-1] if extra < 0.02 else cells)
        return sum(1 for line in path.read_text(encoding="utf-8").split("\n")[1:] if line.strip("\r"))
    path = folder / f"{kind}.jsonl"
    lines = [json.dumps(one, ensure_ascii=False) for one in rows]
    broken = [line[: len(line) // 2] if draw.random() < 0.01 else line for line in lines]
    path.write_text("\n".join(broken) + "\n", encoding="utf-8")
    return len(broken)


def source(folder: Path, kind: str) -> dict[str, Any]:
    found: dict[str, Any] = {"name": kind, "kind": kind, "columns": {field: f"`{field}`" for field in KINDS[kind]}}
    if kind in ("products", "shipments"):
        return {**found, "format": "csv", "path": str(folder / f"{kind}.csv")}
    schema = ", ".join(f"`{field}` string" for field in KINDS[kind])
    return {**found, "format": "json", "path": str(folder / f"{kind}.jsonl"), "row_schema": schema}


def test_p1_p8_ten_thousand_rows_of_anything_are_accounted_for(spark: SparkSession, tmp_path: Path) -> None:
    draw = random.Random(11)
    (tmp_path / "NA.yaml").write_text(PACKAGES.format(marketplace="NA"), encoding="utf-8")
    lines = {kind: write(tmp_path, kind, [row(kind, n, draw) for n in range(ROWS)], draw) for kind in KINDS}
    config = Config.model_validate(
        {
            "tables": {"root": str(tmp_path / "tables"), "buckets": 2},
            "packages": [str(tmp_path / "NA.yaml")],
            "sources": [source(tmp_path, kind) for kind in KINDS],
            "outcomes": {"as_of": "2024-12-31"},
        }
    ).with_accepted(f"{kind}:{guard}" for kind in KINDS for guard in GuardsConfig.model_fields)
    build_catalog(spark, config)
    label_outcomes(spark, config)
    tables = Tables(spark, config.tables)
    accounts = {}
    for run in tables.read("runs").select("account").collect():
        accounts.update(json.loads(run["account"])["inputs"])
    assert sum(lines.values()) >= 8 * ROWS
    for kind, count in lines.items():
        account = accounts[kind]
        assert account["rows_in"] == count, kind
        assert count == account["used"] + sum(account["set_aside"].values()) + account["quarantined"], kind
    quarantined = tables.read("quarantine").groupBy("source").count().collect()
    assert {one["source"]: one["count"] for one in quarantined} == {
        kind: accounts[kind]["quarantined"] for kind in KINDS if accounts[kind]["quarantined"]
    }
