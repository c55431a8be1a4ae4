"""Deliveries whose damage would count nowhere are refused before a label is written."""

from __future__ import annotations

import json

import pytest
from pyspark.sql import functions as F
from tests.spark.outcomes.shop import config, returned, shipment, write_catalog

from leastpack.config.outcomes import OutcomesConfig
from leastpack.errors import GuardError
from leastpack.guards import accepting
from leastpack.outcomes.fates import warn_of_same_reports
from leastpack.outcomes.label import label_outcomes
from leastpack.outcomes.reasons import reason_verdict
from leastpack.runs import Run

KINDS = ("shipments", "returns", "reviews", "human_tests")


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (None, ["damage", "damage", "damage", "not_damage", "not_damage", "unmapped_reason", "unmapped_reason"]),
        ([], ["damage", "damage", "damage", *["unmapped_reason"] * 4]),
        (["*"], ["damage", "damage", "damage", *["not_damage"] * 4]),
    ],
)
def test_what_a_reason_says(spark, other, expected):
    codes = ["broken", " DAMAGED_IN_TRANSIT ", "Leaked", "unwanted_item", "TOO_SMALL", "TOO_SMALLISH", "KAPUTT"]
    rules = OutcomesConfig(
        damage_reasons=["broken", "damaged*", "LEAKED"], **({} if other is None else {"other_reasons": other})
    )
    rows = spark.createDataFrame(list(enumerate(codes)), "place int, code string")
    found = rows.select("place", reason_verdict(F.col("code"), rules).alias("said")).orderBy("place").collect()
    assert [row["said"] for row in found] == expected


def test_returns_without_any_identifier_that_come_again_are_told_of(spark):
    rows = [
        # report_id, shipment_id, reason_code, named
        ("#1", None, "BROKEN", True),
        ("#2", None, "BROKEN", False),
        ("#3", None, "UNWANTED", True),
        ("#4", "s1", "BROKEN", True),
        ("b5/mug", None, "BROKEN", True),
    ]
    near = spark.createDataFrame(rows, "report_id string, shipment_id string, reason_code string, named boolean")
    run = Run(step="outcomes", run_id="r")
    warn_of_same_reports(run, near.withColumn("source", F.lit("returns")), OutcomesConfig())
    assert run.figures == {"damage_reports.returns.same_again": 1}


@pytest.mark.slow
def test_a_delivery_whose_damage_counts_nowhere_is_refused_as_a_whole_and_passes_when_accepted(spark, tmp_path):
    shipped = [shipment(i, "mug", "bag", "2024-01-01") for i in range(140)]
    lost = [shipment(i, "mug", "sack", "2024-01-01") for i in range(200, 220)]
    exports = {
        "shipments": [*shipped, *lost],
        "returns": [
            *[returned(i, "mug", "SMASHED" if i < 40 else "CRUSHED", "2024-01-09") for i in range(60)],
            *[returned(i, "mug", "BROKEN", "2024-01-09") for i in range(60, 140)],
            *[returned(f"x{i}", "mug", "BROKEN", "2024-03-09") for i in range(9)],
            *[returned(i, "mug", "LEAKED", "2023-12-31") for i in range(7)],
            *[returned(i, "mug", "LEAKED", "2025-01-09") for i in range(7, 12)],
            *[returned(i, "mug", "LEAKED", "2024-02-09") for i in range(12, 50)],
            *[returned(f"y{i}", "mug", "LEAKED", "2024-01-20") for i in range(20)],
            *[returned(i, "mug", "UNWANTED", "2024-02-09") for i in range(50)],
        ],
    }
    shop = config(tmp_path, exports, as_of="2024-04-01")
    tables = write_catalog(spark, shop, ["mug"])
    with pytest.raises(GuardError) as caught:
        label_outcomes(spark, shop)
    told = str(caught.value)
    assert "shipments:most_quarantined: 12.50% (20 of 160)" in told
    assert "returns:most_damage_set_aside: 13.21% (21 of 159)" in told
    assert "(no_shipment 9, before_shipment 7, long_after 5)" in told
    assert "returns:most_unmapped_reasons: 22.30% (60 of 269)" in told
    assert "(SMASHED 40, CRUSHED 20)" in told
    assert tables.read("quarantine").count() == 20
    assert not tables.exists("pair_outcomes")

    names = ["shipments:most_quarantined", "returns:most_damage_set_aside", "returns:most_unmapped_reasons"]
    label_outcomes(spark, accepting(shop, names, KINDS))
    last = tables.read("runs").where("status = 'done'").collect()[-1]
    guards = json.loads(last["account"])["guards"]
    assert {f"{one['source']}:{one['guard']}" for one in guards if one["accepted"]} == set(names)
    assert tables.read("pair_outcomes").select("n", "k").collect() == [(140, 80)]
    assert last["figures"]["odd_months"] == 0

    # An export that lost half of its rows, of a source that delivers everything.
    half = config(tmp_path, {**exports, "shipments": shipped[:70]}, as_of="2024-04-01")
    sources = [one.model_copy(update={"delivers": "whole"}) for one in half.sources]
    before = tables.version("shipment_items")
    with pytest.raises(GuardError, match=r"shipments:most_deleted: 50\.00% \(70 of 140\)"):
        label_outcomes(spark, accepting(half.model_copy(update={"sources": sources}), names, KINDS))
    assert tables.version("shipment_items") == before
