"""What a delivery says of each shipment item, report and test: one row a key, as the table that keeps it has it.

Identifiers make the key, so that a row delivered again, late or corrected counts once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from leastpack.catalog.versions import CONFLICTING_VERSION, DUPLICATE, OLDER_VERSION
from leastpack.config.outcomes import OutcomesConfig
from leastpack.config.sources import EVENT_TIMES, Kind
from leastpack.outcomes.bounds import UNSAFE
from leastpack.outcomes.reasons import is_damage_reason
from leastpack.tables.schemas import DAMAGE_REPORTS, HUMAN_TESTS, SHIPMENT_ITEMS, Table

# Columns of damage_reports that are not delivered but found.
FOUND = ("verdict", "damaged_shipments")
DELIVERED_REPORTS = replace(
    DAMAGE_REPORTS, columns=tuple(column for column in DAMAGE_REPORTS.columns if column.name not in FOUND)
)
# What a delivery of a kind says, as a table.
TABLES: dict[Kind, Table] = {
    "shipments": SHIPMENT_ITEMS,
    "returns": DELIVERED_REPORTS,
    "reviews": DELIVERED_REPORTS,
    "human_tests": HUMAN_TESTS,
}
NO_IDENTIFIER = "#"


def keyed_rows(judged: DataFrame, kind: Kind, config: OutcomesConfig) -> DataFrame:
    """Bring judged rows into the columns of their table, and find those that repeat another one's key.

    Of the rows of a key in one delivery the one corrected last counts, then the one that tells of damage, then the
    earliest: without a time of correction nothing tells which row corrects the other, and the doubt must not make a
    package look safer.

    Args:
        judged: `read_judged` rows of one kind.
        kind: The kind.
        config: The rules.

    Returns:
        The columns of `TABLES[kind]`; source, row_hash, fault and raw; and set_aside: `duplicate` for a row that says
        the same as the one that counts, `older_version` or `conflicting_version` for one that says something else.
    """
    time = EVENT_TIMES[kind]
    period = F.date_format(time, "yyyy-MM").alias("period")
    if kind in ("shipments", "human_tests"):
        rows = judged.withColumn("period", period)
    else:
        text = "comment" if kind == "returns" else "text"
        rows = judged.select(
            "source",
            "row_hash",
            "fault",
            "raw",
            "marketplace",
            "product_id",
            "shipment_id",
            (_return_id() if kind == "returns" else F.col("review_id")).alias("report_id"),
            F.lit(kind).alias("kind"),
            F.col(time).alias("reported_at"),
            _given(judged, "reason_code", "string"),
            _given(judged, "stars", "double"),
            F.col(text).alias("text"),
            _given(judged, "language", "string"),
            "updated_at",
            period,
        )
    table = TABLES[kind]
    order = [F.desc_nulls_last("updated_at"), F.desc(tells_of_damage(kind, config)), _event(kind), F.asc("source")]
    columns = [name for name in table.names if name != "source"]
    return rows.select(*columns, "source", "row_hash", "fault", "raw", _repeats(table.key, order).alias("set_aside"))


def tells_of_damage(kind: Kind, config: OutcomesConfig) -> Column:
    """Whether a row can tell of damage, without reading texts; of shipments none does."""
    return {
        "shipments": F.lit(False),
        "returns": is_damage_reason(config),
        "reviews": F.coalesce(F.col("stars") <= config.review_max_stars, F.lit(False)),
        "human_tests": F.coalesce(F.upper("result") == UNSAFE, F.lit(False)),
    }[kind]


def _event(kind: Kind) -> Column:
    return F.asc("reported_at" if kind in ("returns", "reviews") else EVENT_TIMES[kind])


def _given(rows: DataFrame, name: str, type_: str) -> Column:
    return F.col(name) if name in rows.columns else F.lit(None).cast(type_).alias(name)


def _return_id() -> Column:
    """The source's own identifier; else shipment, product and reason; else the row and which repeat of it this is.

    Two returns of one product on one day may read the same and be two damages.
    """
    said = ["marketplace", "product_id", "reason_code", "returned_at", "comment"]
    named = F.xxhash64("shipment_id", "product_id", F.upper("reason_code"))
    repeat = F.row_number().over(Window.partitionBy("source", *said, "fault").orderBy("row_hash"))
    unnamed = F.xxhash64(*said, repeat)
    made = F.concat(F.lit(NO_IDENTIFIER), F.hex(F.when(F.col("shipment_id").isNotNull(), named).otherwise(unnamed)))
    # A return may hold several products, each with a reason of its own; null where it has no identifier.
    return F.coalesce(F.concat("return_id", F.lit("/"), "product_id"), made)


def _repeats(key: Sequence[str], order: Sequence[Column]) -> Column:
    # Rows with a fault are spread by their hash: they may all share a null key.
    apart = F.when(F.col("fault").isNotNull(), F.col("row_hash"))
    window = Window.partitionBy(*key, apart).orderBy(*order, F.asc("row_hash"))
    same = F.first("row_hash").over(window) == F.col("row_hash")
    older = F.coalesce(F.first("updated_at").over(window) > F.col("updated_at"), F.lit(False))
    again = F.col("fault").isNull() & (F.row_number().over(window) > 1)
    reason = F.when(same, F.lit(DUPLICATE)).when(older, F.lit(OLDER_VERSION)).otherwise(F.lit(CONFLICTING_VERSION))
    return F.when(again, reason)
