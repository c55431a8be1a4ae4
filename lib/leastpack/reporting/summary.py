"""A few lines of real figures, printed at the end of a run."""

from __future__ import annotations

import pandas as pd
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from leastpack.config.root import Config
from leastpack.locations import absolute
from leastpack.releases.release import current_release, read_release
from leastpack.reporting.gather import mean_saving, savings
from leastpack.tables import Tables


def summary_lines(spark: SparkSession, config: Config) -> list[str]:
    """What the current release holds, from products to weight saved, and where the report is."""
    tables = Tables(spark, config.tables)
    release = current_release(tables)
    scores, decisions, recommendations, certificates = (
        read_release(tables, name) for name in ("pair_scores", "pair_decisions", "recommendations", "certificates")
    )
    pairs, products, fitting = scores.agg(
        F.count("*"), F.countDistinct("marketplace", "product_id"), F.count_if("fits")
    ).collect()[0]
    counts = {row["decision"]: row["count"] for row in decisions.groupBy("decision").count().collect()}
    certified = counts.get("CERTIFIED", 0)
    given = certificates.where("threshold IS NOT NULL").count()
    saved = savings(recommendations, read_release(tables, "package_types"), scores)
    return [
        "",
        f"release {release['release_id']} of model {release['model_version']}",
        f"  {products:,} products, {pairs:,} pairs scored, {fitting:,} fit",
        f"  {given} of {certificates.count()} certificates given; {certified:,} pairs certified or proven safe "
        f"({certified / max(1, fitting):.1%} of the fitting), {counts.get('TEST', 0):,} to test, "
        f"{counts.get('REJECTED', 0):,} rejected",
        *_against_today(saved),
        f"  report: {absolute(config.report.path)}",
    ]


def _against_today(saved: pd.DataFrame) -> list[str]:
    names = ("tare_today_g", "weight_saved_g", "rate_today", "rate_chosen")
    tare, grams, before, after = (mean_saving(saved, name) for name in names)
    if not tare or grams is None or before is None or after is None:
        return []
    return [
        f"  against today's packages, over {saved['products'].sum():,} products that were shipped: weight "
        f"{tare:.0f} g -> {tare - grams:.0f} g, expected damages {before:.2%} -> {after:.2%} of shipments"
    ]
