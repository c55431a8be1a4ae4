"""Raw rows of shipments, returns, reviews and human tests, each with a verdict: used, set aside, or quarantined.

A judged table has, beside the fields of its kind, `fault` (code of a row that goes to quarantine) and `raw` (only where
there is a fault, so that it can be kept in memory); later also `set_aside` (reason of a sound row that does not count).
A row is used where both are null.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import reduce

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from leastpack.catalog.quarantine import IMPOSSIBLE, UNKNOWN_PACKAGE_TYPE, UNREADABLE, fault_column
from leastpack.config.sources import FIELDS, TYPES, Kind

ITEM = ("marketplace", "shipment_id", "product_id")
PAIR = ("marketplace", "product_id", "package_type")

UNKNOWN_PRODUCT = "UNKNOWN_PRODUCT"
# Clocks differ, and days end at different times.
AHEAD_DAYS = 2


@dataclass(frozen=True)
class Known:
    """What the catalog knows.

    Attributes:
        marketplaces: Marketplaces with package types.
        products: marketplace, product_id.
        packages: marketplace, package_type.
        codes: Rows of `package_codes.judge_codes` that count; None where no source maps codes.
    """

    marketplaces: Collection[str]
    products: DataFrame
    packages: DataFrame
    codes: DataFrame | None = None


def read_judged(spark: SparkSession, exports: Sequence[DataFrame], kind: Kind, known: Known) -> DataFrame:
    """Put the exports of a kind together and find the rows that cannot be used.

    Args:
        spark: The session.
        exports: `with_content` of the sources of that kind; none gives no rows.
        kind: shipments, returns, reviews or human_tests.
        known: What the catalog knows.

    Returns:
        The fields of the kind, source, row_hash, fault and raw.
    """
    rows = reduce(DataFrame.unionByName, exports, _no_rows(spark, kind))
    if "package_type" in FIELDS[kind]:
        rows = _flagged(rows, known.packages, ("marketplace", "package_type"), "package_known")
        rows = _flagged(rows, known.products, ("marketplace", "product_id"), "product_known")
    fault = F.coalesce(fault_column(kind, known.marketplaces), _own_faults(kind))
    return rows.select(
        *FIELDS[kind],
        "source",
        "row_hash",
        fault.alias("fault"),
        F.when(fault.isNotNull(), F.col("raw")).alias("raw"),
    )


def used(judged: DataFrame) -> DataFrame:
    """The rows that count."""
    return judged.where("fault IS NULL AND set_aside IS NULL")


def _no_rows(spark: SparkSession, kind: Kind) -> DataFrame:
    fields = [f"{name} {TYPES.get(name, 'string')}" for name in FIELDS[kind]]
    rest = ["source string", "malformed boolean", "unreadable array<string>", "row_hash bigint", "raw string"]
    return spark.createDataFrame([], ", ".join(fields + rest))


def _flagged(rows: DataFrame, known: DataFrame, on: tuple[str, str], name: str) -> DataFrame:
    return rows.join(known.select(*on, F.lit(True).alias(name)), on=list(on), how="left")


def _own_faults(kind: Kind) -> Column:
    unreadable = F.concat(F.lit(UNREADABLE), F.upper(F.get("unreadable", F.lit(0))))
    reasons = [F.when(F.size("unreadable") > 0, unreadable)]
    if "package_type" in FIELDS[kind]:
        reasons.append(F.when(F.col("product_known").isNull(), F.lit(UNKNOWN_PRODUCT)))
        reasons.append(F.when(F.col("package_known").isNull(), F.lit(UNKNOWN_PACKAGE_TYPE)))
    possible = {
        "propensity": _probability("propensity"),
        "draw_probability": _probability("draw_probability"),
        "items": F.col("items") >= 1,
        # It would stand above every correction to come.
        "updated_at": F.col("updated_at") <= F.date_add(F.current_date(), AHEAD_DAYS),
        "stars": F.col("stars").between(1, 5),
        "result": F.upper("result").isin("SAFE", "UNSAFE"),
    }
    for field in FIELDS[kind]:
        if field in possible:
            reasons.append(F.when(~possible[field], F.lit(IMPOSSIBLE + field.upper())))
    return F.coalesce(*reasons)


def _probability(field: str) -> Column:
    return (F.col(field) > 0) & (F.col(field) <= 1)
