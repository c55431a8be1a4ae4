"""Shipments that a pilot assigned are counted apart, by what was assigned."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from tests.spark.outcomes.shop import account, config, returned, review, shipment, write_catalog
from tests.spark.rows import put_rows

from leastpack.outcomes.label import label_outcomes
from leastpack.policy.pilot import arm_of, make_arms


@pytest.mark.slow
def test_trial_shipments_certify_and_teach_nothing(spark: SparkSession, tmp_path: Path) -> None:
    before = [shipment(i, "A", "box", "2024-02-01") for i in range(30)]
    during = [shipment(i, "A", "bag", "2024-03-01", items="1") for i in range(100, 140)]
    others = [shipment(i, "B", "bag", "2024-03-01") for i in range(200, 230)]
    damaged = range(100, 110)
    returns = [*(returned(i, "A") for i in damaged), returned(0, "A", "UNWANTED", day="2024-06-01")]
    asked = [shipment(i, "C", "bag", "2024-03-01", items="1") for i in range(300, 330)]
    # It may mean a trial shipment as well as another one.
    reviews = [review(1, "C", None, "arrived broken")]
    exports = {"shipments": [*before, *during, *others, *asked], "returns": returns, "reviews": reviews}
    shop = config(tmp_path, exports)
    tables = write_catalog(spark, shop, ["A", "B", "C"])
    arms = make_arms(["bag"], "box", 0.5, 0.2)
    when = {"starts_on": date(2024, 3, 1), "ends_on": date(2024, 4, 1)}
    rows = [
        {"pilot_id": "p", "marketplace": "NA", "product_id": product, "package_type": arm.package_type}
        | {"control": arm.control, "begins": arm.begins, "ends": arm.ends, **when}
        for product in "AC"
        for arm in arms
    ]
    put_rows(tables, "pilots", rows)

    label_outcomes(spark, shop)
    assigned = {i: arm.package_type for i in range(100, 140) if (arm := arm_of(arms, "p", f"s{i}"))}
    assert set(assigned.values()) == {"bag", "box"}
    found = {row.package_type: row for row in tables.read("pilot_outcomes").where("product_id = 'A'").collect()}
    for name, row in found.items():
        own = [i for i, assigned_to in assigned.items() if assigned_to == name]
        assert (row.n, row.k_upper) == (len(own), len(set(own) & set(damaged)))
        # All went out in a bag.
        assert row.overruled == (row.n if name == "box" else 0)
        assert row.k_test == (row.n if name == "box" else row.k_upper)
    counted = {(row.product_id, row.package_type): row for row in tables.read("pair_outcomes").collect()}
    assert counted["A", "box"].n == 30
    free = [i for i in range(100, 140) if i not in assigned]
    assert (counted["A", "bag"].n, counted["A", "bag"].k) == (len(free), len(set(free) & set(damaged)))
    assert counted["B", "bag"].n == 30
    trials = tables.read("pilot_outcomes").where("product_id = 'C'").collect()
    assert [row.k_upper for row in trials] == [1, 1]
    assert (counted["C", "bag"].k, counted["C", "bag"].k_upper) == (0, 1)
    assert account(tables, "shipments")["used"] == 130
