"""What is proven of a pair, and its place on the grid of risks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from tests.spark.rows import table_rows

from leastpack.decisions.grid import grid_index, risk_grid
from leastpack.decisions.rules import proven_labels


def told(product: str, package: str, label: str, **other: Any) -> dict[str, Any]:
    row = {"marketplace": "NA", "product_id": product, "package_type": package, "label": label}
    return {**row, "source": "human_test", "eligible": False, **other}


def test_a_human_test_overrules_shipments(spark: SparkSession) -> None:
    shipments = {"source": "shipments", "eligible": True}
    tests = [
        told("a", "bag", "UNSAFE", **shipments),
        told("a", "bag", "SAFE"),
        told("b", "bag", "UNSAFE", **shipments),
        told("b", "bag", "UNKNOWN"),
        told("c", "bag", "UNKNOWN", **shipments),
        told("few", "bag", "UNSAFE", source="shipments"),  # a few shipments prove nothing
    ]
    rows = proven_labels(table_rows(spark, "pair_tests", tests)).collect()
    assert {row.product_id: row.proven for row in rows} == {"a": "SAFE", "b": "UNSAFE"}


@pytest.mark.parametrize(("size", "kind"), [(2, "double"), (200, "double"), (200, "float")])
def test_the_place_on_the_grid_says_what_comparing_says(spark: SparkSession, size: int, kind: str) -> None:
    grid = risk_grid(size)
    rng = np.random.default_rng(1)
    near = np.concatenate([grid, np.nextafter(grid, 0), np.nextafter(grid, 1)])
    risks = np.concatenate([near, rng.random(500), rng.random(500) ** 8, [0.0, 1.0, 1e-300]])
    values = [(float(risk),) for risk in risks] + [(None,)]
    rows = spark.createDataFrame(values, f"risk {kind}").select("risk", grid_index(F.col("risk"), grid).alias("place"))
    for row in rows.collect():
        assert row.place == (None if row.risk is None else int((grid < row.risk).sum()))
