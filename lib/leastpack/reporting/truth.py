"""Certificates held against the hidden truth of a sample. A real marketplace has none; the demo has."""

from __future__ import annotations

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from leastpack.reporting.gather import PAIR, collected


def truth_check(certificates: DataFrame, scores: DataFrame, package_types: DataFrame, truth: DataFrame) -> pd.DataFrame:
    """What each certificate promises against what is true of the pairs under its threshold.

    Args:
        certificates: Those that certify something.
        scores: pair_scores of the same release.
        package_types: For the profile of each pair.
        truth: marketplace, product_id, package_type, damage_rate, unsafe, fits.

    Returns:
        A row a certificate: alpha, the true rate among certified pairs (`true_certified`) and among all fitting pairs
        of the certificate's population (`true_all`), their numbers, and whether the promise is kept.
    """
    profiles = package_types.select("marketplace", "package_type", "profile_hash")
    pairs = (
        scores.where("fits AND error IS NULL")
        .select(*PAIR, "risk", F.when(F.col("views_used") > 0, "photos").otherwise("no_photos").alias("stratum"))
        .join(F.broadcast(profiles), on=["marketplace", "package_type"], how="inner")
        .join(truth.select(*PAIR, "damage_rate", "unsafe"), on=PAIR, how="inner")
    )
    given = certificates.where("threshold IS NOT NULL").select(
        "certificate_id", "profile_hash", "stratum", "marketplaces", "promise", "alpha", "threshold", "n", "k", "slice",
        F.array_join("package_types", ", ").alias("package_types"),
    )  # fmt: skip
    joined = pairs.join(F.broadcast(given), on=["profile_hash", "stratum"], how="inner").where(
        F.array_contains("marketplaces", F.col("marketplace"))
    )
    bad = F.when(F.col("promise") == "pair", F.col("unsafe").cast("double")).otherwise(F.col("damage_rate"))
    under = F.col("risk") <= F.col("threshold")
    keys = ["certificate_id", "package_types", "stratum", "promise", "alpha", "threshold", "slice", "n", "k"]
    grouped = joined.groupBy(*keys).agg(
        F.count("*").alias("pairs"),
        F.count_if(under).alias("certified"),
        F.mean(bad).alias("true_all"),
        F.mean(F.when(under, bad)).alias("true_certified"),
    )
    checked = collected(grouped.orderBy("package_types", "promise"))
    checked["kept"] = checked["true_certified"] <= checked["alpha"]
    checked["telling"] = checked["true_all"] >= 2 * checked["alpha"]
    return checked
