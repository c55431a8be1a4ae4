"""`placement.place` on every product with reports that name no shipment."""

from __future__ import annotations

import pandas as pd
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from leastpack.config.outcomes import OutcomesConfig
from leastpack.outcomes.cleaning import ITEM
from leastpack.outcomes.placement import Candidate, Report, place

PRODUCT = ["marketplace", "product_id"]
FOUND = "marketplace string, source string, report_id string, verdict string, damaged_shipments array<string>"
# Another one than that of the drawn shipment: which shipment a report damages must not depend on which one is drawn.
SALT = "placement"


def place_reports(unnamed: DataFrame, shipments: DataFrame, marks: DataFrame, config: OutcomesConfig) -> DataFrame:
    """Place reports of damage that name no shipment.

    Args:
        unnamed: Rows of `damage_reports` that tell of damage, with told_on.
        shipments: Shipments with shipped_on; those of the products at hand are looked at.
        marks: `damage_marks` of all other reports.
        config: The rules.

    Returns:
        The same columns, with verdict and damaged_shipments.
    """
    wanted = unnamed.groupBy(*PRODUCT).agg(
        F.count("*").alias("reports"), F.min("told_on").alias("first"), F.max("told_on").alias("last")
    )
    window = config.return_window_days
    reachable = F.col("shipped_on").between(F.date_sub("first", window), F.col("last"))
    near = shipments.join(wanted, on=PRODUCT, how="inner").where(reachable)
    marked = near.join(marks, on=list(ITEM), how="left").select(
        *PRODUCT,
        "reports",
        F.unix_date("shipped_on").alias("day"),
        F.xxhash64(*ITEM, F.lit(SALT)).alias("rank"),
        "shipment_id",
        "package_type",
        F.coalesce("sources", F.array().cast("array<string>")).alias("sources"),
        F.coalesce("maybe", F.lit(False)).alias("maybe"),
    )
    # Of a day's shipments in a type no more can be drawn than there are reports.
    undamaged = F.size("sources") == 0
    place_ = F.row_number().over(
        Window.partitionBy(*PRODUCT, "day", "package_type", undamaged, "maybe").orderBy("rank", "shipment_id")
    )
    candidates = marked.withColumn("place", place_).where(~undamaged | (F.col("place") <= F.col("reports")))
    told = unnamed.select(*PRODUCT, "source", "report_id", F.unix_date("told_on").alias("day"))

    def placed(reports: pd.DataFrame, found: pd.DataFrame) -> pd.DataFrame:
        return _placed(reports, found, window)

    grouped = told.groupBy(*PRODUCT).cogroup(candidates.drop("reports", "place").groupBy(*PRODUCT))
    answers = grouped.applyInPandas(placed, FOUND)
    key = ["marketplace", "source", "report_id"]
    rest = unnamed.drop("verdict", "damaged_shipments")
    return rest.join(answers, on=key, how="left").select(*unnamed.columns)


def _placed(reports: pd.DataFrame, found: pd.DataFrame, window: int) -> pd.DataFrame:
    told = sorted(Report(int(r.day), r.source, r.report_id) for r in reports.itertuples())
    shipments = [
        Candidate(int(c.day), int(c.rank), c.shipment_id, c.package_type, frozenset(c.sources), bool(c.maybe))
        for c in found.itertuples()
    ]
    placements = place(told, shipments, window)
    marketplace = reports["marketplace"].iloc[0] if len(reports) else None
    return pd.DataFrame(
        {
            "marketplace": marketplace,
            "source": [report.source for report in told],
            "report_id": [report.report_id for report in told],
            "verdict": [placement.verdict for placement in placements],
            "damaged_shipments": [list(placement.shipments) for placement in placements],
        }
    )
