"""Why a raw row cannot be used, and where such rows are kept."""

from __future__ import annotations

from collections.abc import Collection

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from leastpack.config.sources import Kind, required_fields
from leastpack.tables import Tables
from leastpack.tables.differences import Changes

MALFORMED_ROW = "MALFORMED_ROW"
MISSING_ID = "MISSING_ID"
MISSING = "MISSING_"
UNREADABLE = "UNREADABLE_"
UNKNOWN_MARKETPLACE = "UNKNOWN_MARKETPLACE"
UNKNOWN_KIND = "UNKNOWN_KIND"


def fault_column(kind: Kind, marketplaces: Collection[str]) -> Column:
    """Code of the first thing that makes a row of `read_source` unusable, null where nothing does.

    Args:
        kind: What the row is; its required fields must be there.
        marketplaces: Marketplaces that have package types.

    Returns:
        MALFORMED_ROW; MISSING_ID for a row without product_id; MISSING_<FIELD> and UNREADABLE_<FIELD> for the other
        required fields; UNKNOWN_MARKETPLACE.
    """
    code = F.when(F.col("malformed"), F.lit(MALFORMED_ROW))
    for field in required_fields(kind):
        missing = MISSING_ID if field == "product_id" else MISSING + field.upper()
        lost = F.array_contains("unreadable", field)
        code = code.when(lost, F.lit(UNREADABLE + field.upper())).when(F.col(field).isNull(), F.lit(missing))
    return code.when(~F.col("marketplace").isin(*sorted(marketplaces)), F.lit(UNKNOWN_MARKETPLACE))


def why_column(code: Column) -> Column:
    """A sentence for each code of the catalog; the code itself for any other."""
    field = F.lower(F.regexp_replace(code, f"^({MISSING}|{UNREADABLE})", ""))
    return (
        F.when(code == MALFORMED_ROW, F.lit("The row could not be parsed: wrong number of columns, or not valid."))
        .when(code == MISSING_ID, F.lit("The row has no product_id."))
        .when(code == UNKNOWN_MARKETPLACE, F.lit("No package file speaks of the row's marketplace."))
        .when(code == UNKNOWN_KIND, F.lit("The photo's kind is neither `tunnel` nor `catalog`."))
        .when(code.startswith(MISSING), F.concat(F.lit("The row has no "), field, F.lit(".")))
        .when(code.startswith(UNREADABLE), F.concat(F.lit("The row's "), field, F.lit(" is not of its type.")))
        .otherwise(code)
    )


def write_quarantine(tables: Tables, step: str, rows: DataFrame) -> Changes:
    """Keep rows that could not be used; a row that is already there stays as it is.

    Args:
        tables: The tables.
        step: Step that met them.
        rows: Columns source, code, why and raw; exact repeats are kept, each as an occurrence of its own.

    Returns:
        How many rows were new.
    """
    # Repeats are numbered, so that the same export met again gives the same hashes and adds nothing.
    repeats = Window.partitionBy("source", F.sha2("raw", 256)).orderBy("code")
    occurrence = F.row_number().over(repeats)
    kept = rows.select(
        F.lit(step).alias("step"),
        "source",
        F.sha2(F.concat_ws("#", "raw", occurrence.cast("string")), 256).alias("row_hash"),
        "code",
        "why",
        F.current_timestamp().alias("seen_at"),
        "raw",
    )
    return tables.merge("quarantine", kept)
