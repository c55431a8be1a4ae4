"""What the codes mean that shipments have in place of a package type, such as the numbers of cartons, and when.

A code that could mean two types on one day means none: its shipments go to quarantine, and no type is charged with
another one's damage.
"""

from __future__ import annotations

from collections.abc import Collection

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from leastpack.catalog.counting import REPLACEMENT
from leastpack.catalog.quarantine import IMPOSSIBLE_VALID_TO, UNKNOWN_PACKAGE_TYPE, UNREADABLE, fault_column
from leastpack.catalog.versions import DUPLICATE

CONTRADICTORY_CODE = "CONTRADICTORY_CODE"
UNREADABLE_CODE = f"{UNREADABLE}CODE"
# Whoever has one of them does not know on which days the code meant the type.
WRONG_DATES = (f"{UNREADABLE}VALID_FROM", f"{UNREADABLE}VALID_TO", IMPOSSIBLE_VALID_TO)


def judge_codes(rows: DataFrame, marketplaces: Collection[str], packages: DataFrame) -> DataFrame:
    """Find the codes that cannot be used.

    Args:
        rows: `with_content` of all sources of package codes.
        marketplaces: Marketplaces with package types.
        packages: marketplace, package_type of all declared types.

    Returns:
        The fields of `package_codes`, source, row_hash, fault, raw (of faulty rows), and set_aside: `duplicate` for a
        row that says the same as another one.
    """
    types = packages.select("marketplace", "package_type").distinct()
    known = types.withColumn("package_known", F.lit(True))
    named = types.select("marketplace", F.col("package_type").alias("code"), F.lit(True).alias("code_is_type"))
    on_type, on_code = ["marketplace", "package_type"], ["marketplace", "code"]
    flagged = rows.join(known, on=on_type, how="left").join(named, on=on_code, how="left")
    faulty = flagged.withColumn("fault", _fault(marketplaces))
    fault = F.coalesce("fault", F.when(_contradicted(), F.lit(CONTRADICTORY_CODE)))
    same = Window.partitionBy(*on_code, "package_type", "valid_from", "valid_to", "fault", _apart()).orderBy("row_hash")
    again = F.col("fault").isNull() & (F.row_number().over(same) > 1)
    return (
        faulty.withColumn("fault", fault)
        .withColumn("set_aside", F.when(again, F.lit(DUPLICATE)))
        .select(
            "code",
            "marketplace",
            "package_type",
            "valid_from",
            "valid_to",
            "source",
            "row_hash",
            "fault",
            F.when(F.col("fault").isNotNull(), F.col("raw")).alias("raw"),
            "set_aside",
        )
    )


def with_package_types(shipments: DataFrame, codes: DataFrame, packages: DataFrame) -> DataFrame:
    """Put the package type in place of its code; what is a declared type, or no code on the day it was shipped, stays.

    Args:
        shipments: Rows of shipments.
        codes: Rows of `judge_codes` that count; few enough for every task to hold them.
        packages: marketplace, package_type of all declared types.

    Returns:
        The same rows and columns.
    """
    meaning = F.struct("valid_from", "valid_to", F.col("package_type").alias("means"))
    given = F.col("code").alias("package_type")
    meanings = codes.groupBy("marketplace", given).agg(F.collect_list(meaning).alias("meanings"))
    declared = packages.select("marketplace", "package_type").distinct().withColumn("declared", F.lit(True))
    key = ["marketplace", "package_type"]
    joined = shipments.join(F.broadcast(declared), on=key, how="left").join(F.broadcast(meanings), on=key, how="left")
    day = F.to_date("shipped_at")

    def holds(one: Column) -> Column:
        begun = one["valid_from"].isNull() | (one["valid_from"] <= day)
        return begun & (one["valid_to"].isNull() | (day < one["valid_to"]))

    # Those that hold on one day name one type: others are contradictory.
    meant = F.get(F.filter("meanings", holds), F.lit(0))["means"]
    found = F.when(F.col("declared"), F.col("package_type")).otherwise(F.coalesce(meant, "package_type"))
    return joined.withColumn("package_type", found).select(*shipments.columns)


def _fault(marketplaces: Collection[str]) -> Column:
    unreadable = F.concat(F.lit(UNREADABLE), F.upper(F.get("unreadable", F.lit(0))))
    return F.coalesce(
        fault_column("package_codes", marketplaces),
        F.when(F.size("unreadable") > 0, unreadable),
        # Two codes may look the same once their bytes are lost.
        F.when(F.col("code").contains(REPLACEMENT), F.lit(UNREADABLE_CODE)),
        F.when(F.col("valid_to") <= F.col("valid_from"), F.lit(IMPOSSIBLE_VALID_TO)),
        F.when(F.col("package_known").isNull(), F.lit(UNKNOWN_PACKAGE_TYPE)),
    )


def _contradicted() -> Column:
    """Whether another row gives the code another type on some of its days, or a type of that name is declared.

    A row that cannot be used contradicts too: it names a type, and where its dates are wrong it may mean any day.
    """
    dated = ~F.coalesce(F.col("fault").isin(*WRONG_DATES), F.lit(False))
    begins, ends = F.when(dated, F.col("valid_from")), F.when(dated, F.col("valid_to"))
    said = F.struct("package_type", begins.alias("begins"), ends.alias("ends"))
    meanings = F.collect_list(said).over(Window.partitionBy("marketplace", "code", _apart()))

    def against(other: Column) -> Column:
        before = F.coalesce(other["ends"] <= begins, F.lit(False))
        after = F.coalesce(other["begins"] >= ends, F.lit(False))
        return (other["package_type"] != F.col("package_type")) & ~before & ~after

    own_name = F.coalesce("code_is_type", F.lit(False)) & (F.col("code") != F.col("package_type"))
    return F.exists(meanings, against) | own_name


def _apart() -> Column:
    """Rows without a code are spread by their hash: else they all would meet in one partition."""
    return F.when(F.col("code").isNull(), F.col("row_hash"))
