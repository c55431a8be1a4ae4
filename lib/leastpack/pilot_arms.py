"""Pilots: which of their arms a shipment is in, for the steps before certify, too.

That follows from the identifiers of pilot and shipment alone (`policy.pilot.number_of`), so that what should have gone
out is known whatever did go out.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from leastpack.tables.keys import PAIR, PRODUCT

# Hexadecimal digits of the digest that make the number: 52 bits, which a double holds exactly.
DIGITS = 13
ARM = ("pilot_id", "arm_type")


def shipment_number(pilot_id: Column, shipment_id: Column) -> Column:
    """`policy.pilot.number_of` as a column."""
    digest = F.sha2(F.concat(pilot_id, F.lit("\n"), shipment_id), 256)
    return F.conv(F.substring(digest, 1, DIGITS), 16, 10).cast("double") / F.lit(16.0**DIGITS)


def with_arms(shipments: DataFrame, arms: DataFrame) -> DataFrame:
    """Say which arm each shipment of a single item is in; one whose items nobody tells is in none.

    Args:
        shipments: The key of a product, shipment_id, items and shipped_on (date).
        arms: Rows of `pilots`.

    Returns:
        The same rows with ARM: pilot and package type; null for a shipment in none.
    """
    ends = F.least("ends_on", F.coalesce("stopped_on", "ends_on")).alias("ends_on")
    arm = F.struct("pilot_id", F.col("package_type").alias("arm_type"))
    listed = F.collect_list(F.struct("begins", "ends", "starts_on", ends, arm.alias("arm"))).alias("_arms")
    by_product = arms.groupBy(*PRODUCT).agg(listed)
    day, alone = F.col("shipped_on"), F.coalesce(F.col("items") == 1, F.lit(False))

    def holds(one: Column) -> Column:
        number = shipment_number(one["arm"]["pilot_id"], F.col("shipment_id"))
        inside = (number >= one["begins"]) & (number < one["ends"])
        return inside & (day >= one["starts_on"]) & (day < one["ends_on"]) & alone

    joined = shipments.join(by_product, on=PRODUCT, how="left")
    found = joined.withColumn("_arm", F.get(F.filter("_arms", holds), F.lit(0))["arm"])
    return found.select(*shipments.columns, *[F.col(f"_arm.{name}").alias(name) for name in ARM])


def count_arms(shipments: DataFrame) -> DataFrame:
    """Count the shipments of each arm by month, whatever they went out in.

    One that went out in another package stands for a damaged one where it certifies: whoever puts the fragile ones
    aside would make the pilot look safer.

    Args:
        shipments: Rows of `damage.marked_shipments` with ARM.

    Returns:
        The columns of `pilot_outcomes`.
    """
    damaged = F.col("damaged") | F.col("maybe")
    overruled = ~F.col("package_type").eqNullSafe(F.col("arm_type"))
    assigned = shipments.where("pilot_id IS NOT NULL").select(
        "pilot_id",
        *PRODUCT,
        F.col("arm_type").alias("package_type"),
        F.date_format("shipped_on", "yyyy-MM").alias("period"),
        overruled.alias("overruled"),
        damaged.alias("damaged"),
        (damaged | overruled).alias("bad"),
        F.struct("shipped_at", "shipment_id", (damaged | overruled).alias("bad")).alias("shipment"),
    )
    counted = assigned.groupBy("pilot_id", *PAIR, "period").agg(
        F.count("*").alias("n"),
        F.count_if("damaged").alias("k_upper"),
        F.count_if("overruled").alias("overruled"),
        F.count_if("bad").alias("k_test"),
        F.min("shipment").alias("first"),
    )
    firsts = [F.col("first.shipped_at").alias("first_at"), F.col("first.bad").alias("first_bad")]
    return counted.select("pilot_id", *PAIR, "period", "n", "k_upper", "overruled", "k_test", *firsts)
