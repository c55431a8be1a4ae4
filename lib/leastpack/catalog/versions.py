"""Which row of an export speaks for its key; what happens to the others."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

USED = "used"
QUARANTINED = "quarantined"
DUPLICATE = "duplicate"
OLDER_VERSION = "older_version"
UNDATED_VERSION = "undated_version"  # what is stored has a date
CONFLICTING_VERSION = "conflicting_version"
LESS_FULL = "less_full"
UNKNOWN_PRODUCT = "unknown_product"

PRODUCT_KEY = ("marketplace", "product_id")


def apart_if_faulty(rows: DataFrame) -> DataFrame:
    """Give every row with a fault a product_id of its own, and let only such rows keep their raw text.

    Rows without an identifier would otherwise all meet in one partition. They leave for quarantine, which needs only
    source, fault and raw.

    Args:
        rows: Rows of `read_source` with the column `fault`.
    """
    faulty = F.col("fault").isNotNull()
    return rows.withColumns(
        {
            "product_id": F.when(faulty, F.concat(F.lit("#"), F.col("row_hash").cast("string"))).otherwise(
                F.col("product_id")
            ),
            "raw": F.when(faulty, F.col("raw")),
        }
    )


def later_than(held: Column, given: Column) -> Column:
    """Why a row that was given does not speak where one is held: the held time is later, or the row has none.

    Returns:
        OLDER_VERSION, UNDATED_VERSION, or null where the row speaks.
    """
    undated = held.isNotNull() & given.isNull()
    return F.when(undated, F.lit(UNDATED_VERSION)).when(held > given, F.lit(OLDER_VERSION))


def with_status(
    rows: DataFrame, key: Sequence[str], newest_first: Sequence[Column], known: Column, filled: Column | None = None
) -> DataFrame:
    """Add `status`: used, quarantined, or why the row is set aside.

    Of the rows of a key, the first in the given order is used; of rows that tie, one with the most fields filled, and
    among these the first by the hash of their raw text, so that the choice does not depend on how the rows are spread.
    An exact repeat of the used row is a `duplicate`; a row that ties with it is `less_full`, or, as full but saying
    something else, a `conflicting_version`; any other is an `older_version`.

    Args:
        rows: Rows with the key, fault and row_hash.
        key: Columns that identify what a row speaks of.
        newest_first: Order among the rows of a key.
        known: False for rows whose product nobody knows; they are set aside as `unknown_product`.
        filled: How many fields of a row are filled; None takes all rows as equally full.
    """
    fullness = F.lit(0) if filled is None else filled
    order = [*newest_first, F.desc(fullness), F.asc("row_hash"), F.asc("source")]
    ranked = Window.partitionBy(*key).orderBy(*order)
    ties = Window.partitionBy(*key).orderBy(*newest_first)
    status = (
        F.when(F.col("fault").isNotNull(), F.lit(QUARANTINED))
        .when(~known, F.lit(UNKNOWN_PRODUCT))
        .when(F.row_number().over(ranked) == 1, F.lit(USED))
        .when(F.first("row_hash").over(ranked) == F.col("row_hash"), F.lit(DUPLICATE))
        .when((F.rank().over(ties) == 1) & (fullness < F.first(fullness).over(ranked)), F.lit(LESS_FULL))
        .when(F.rank().over(ties) == 1, F.lit(CONFLICTING_VERSION))
        .otherwise(F.lit(OLDER_VERSION))
    )
    return rows.withColumn("status", status)
