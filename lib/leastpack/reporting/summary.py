"""A few lines of real figures, printed at the end of a run."""

from __future__ import annotations

from pathlib import Path

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from leastpack.config.root import Config
from leastpack.decisions.release import current_release, read_release
from leastpack.reporting.gather import savings
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
    saved = savings(recommendations, read_release(tables, "package_types"))
    shipped = int(saved["products"].sum())
    grams = (saved["weight_saved_g"] * saved["products"]).sum() / max(1, shipped)
    today = (saved["tare_today_g"] * saved["products"]).sum() / max(1, shipped)
    return [
        "",
        f"release {release['release_id']} of model {release['model_version']}",
        f"  {products:,} products, {pairs:,} pairs scored, {fitting:,} fit",
        f"  {given} of {certificates.count()} certificates given; {certified:,} pairs certified or proven safe "
        f"({certified / max(1, fitting):.1%} of the fitting), {counts.get('TEST', 0):,} to test, "
        f"{counts.get('REJECTED', 0):,} rejected",
        f"  packages weigh {grams:.0f} g less a product than today's {today:.0f} g "
        f"({grams / max(today, 1e-9):.0%}; {shipped:,} products that were shipped)",
        f"  report: {Path(config.report.path).resolve()}",
    ]
