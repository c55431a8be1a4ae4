"""What moves, held against the hidden truth of a sample. A real marketplace has none; the demo has."""

from __future__ import annotations

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from leastpack.certificates.terms import OF_SHIPMENTS
from leastpack.reporting.gather import collected
from leastpack.tables.keys import PAIR, PRODUCT

ALL = "all"


def moves_check(recommendations: DataFrame, certificates: DataFrame, truth: DataFrame) -> pd.DataFrame:
    """What each certificate promises against what is true of the products that move by it.

    Args:
        recommendations: The table.
        certificates: The table.
        truth: marketplace, product_id, package_type, damage_rate, unsafe, fits.

    Returns:
        A row a certificate and package type that products move to, and one for `all` of them: products, how many are
        truly unsafe there, their true damage rate before and after, alpha, labels, and whether the promise is kept: it
        is made of all types together, on the unsafe share, or on the damage rate of shipments.
    """
    moved = recommendations.where("certificate_id IS NOT NULL")
    after = truth.select(*PAIR, "unsafe", F.col("damage_rate").alias("rate_after"))
    before = truth.select(*PRODUCT, F.col("package_type").alias("before"), F.col("damage_rate").alias("rate_before"))
    rows = (
        moved.withColumn("before", F.coalesce("moved_from", "current_package_type"))
        .join(after, on=PAIR, how="inner")
        .join(before, on=[*PRODUCT, "before"], how="left")
        .join(
            F.broadcast(certificates.select("certificate_id", "cell", "alpha", "labels")),
            on="certificate_id",
            how="inner",
        )
    )
    sums = [
        F.count("*").alias("products"),
        F.count_if("unsafe").alias("unsafe"),
        F.mean("rate_before").alias("rate_before"),
        F.mean("rate_after").alias("rate_after"),
    ]
    by_type = rows.groupBy("cell", "alpha", "labels", "package_type").agg(*sums)
    whole = rows.groupBy("cell", "alpha", "labels").agg(*sums).withColumn("package_type", F.lit(ALL))
    checked = collected(by_type.unionByName(whole).orderBy("cell", F.col("package_type") != ALL, "package_type"))
    by_rate = checked["rate_after"] <= checked["alpha"]
    checked["kept"] = by_rate.where(
        checked["labels"].isin(OF_SHIPMENTS), checked["unsafe"] <= checked["alpha"] * checked["products"]
    )
    return checked
