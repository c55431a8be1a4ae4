"""Why a raw row cannot be used, and where such rows are kept."""

from __future__ import annotations

from collections.abc import Collection

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from leastpack.config.sources import Kind, required_fields
from leastpack.tables import Tables
from leastpack.tables.clock import now
from leastpack.tables.differences import Changes

MALFORMED_ROW = "MALFORMED_ROW"
MISSING_ID = "MISSING_ID"
MISSING = "MISSING_"
UNREADABLE = "UNREADABLE_"
UNKNOWN_MARKETPLACE = "UNKNOWN_MARKETPLACE"
UNKNOWN_KIND = "UNKNOWN_KIND"
UNKNOWN_PACKAGE_TYPE = "UNKNOWN_PACKAGE_TYPE"
IMPOSSIBLE = "IMPOSSIBLE_"
IMPOSSIBLE_VALID_TO = f"{IMPOSSIBLE}VALID_TO"
UNKNOWN_ACTION, RULE_OF_NO_PRODUCT, CONTRADICTORY_RULE = "UNKNOWN_ACTION", "RULE_OF_NO_PRODUCT", "CONTRADICTORY_RULE"
# A sentence for each code that needs one of its own.
WHY = {
    MALFORMED_ROW: "The row could not be parsed: wrong number of columns, or not valid.",
    MISSING_ID: "The row has no product_id.",
    UNKNOWN_MARKETPLACE: "No package file speaks of the row's marketplace.",
    UNKNOWN_KIND: "The photo's kind is neither `tunnel` nor `catalog`.",
    UNKNOWN_PACKAGE_TYPE: "No package file of that marketplace declares the type.",
    IMPOSSIBLE_VALID_TO: "It ends on the day it begins, or before.",
    UNKNOWN_ACTION: "The rule's action is neither `ban` nor `pin`.",
    RULE_OF_NO_PRODUCT: "The rule names no product, vendor or hazard class.",
    CONTRADICTORY_RULE: "Another row of this rule, changed at the same time, says something else.",
}


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
    return F.coalesce(
        *[F.when(code == name, F.lit(text)) for name, text in WHY.items()],
        F.when(code.startswith(MISSING), F.concat(F.lit("The row has no "), field, F.lit("."))),
        F.when(code.startswith(UNREADABLE), F.concat(F.lit("The row's "), field, F.lit(" is not of its type."))),
        code,
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
        now().alias("seen_at"),
        "raw",
    )
    return tables.merge("quarantine", kept)
