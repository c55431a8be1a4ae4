"""Rows of product exports, cleaned field by field."""

from __future__ import annotations

from collections.abc import Collection

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from leastpack.catalog.numbers import bind
from leastpack.catalog.prices import read_price
from leastpack.catalog.quarantine import UNREADABLE, fault_column
from leastpack.catalog.sizes import SIZE_UNREADABLE, clean_sides, side_from_text, size_from_text
from leastpack.catalog.versions import apart_if_faulty
from leastpack.catalog.weights import weight_candidates
from leastpack.config.sources import SourceConfig

SIDES = ("length", "width", "height")
_GTIN_LENGTHS = (8, 12, 13, 14)
# What people fill an identifier's field with where there is none; it would link all products that share it.
_FILLERS = (
    "n/a", "na", "none", "null", "nil", "nan", "unknown", "undefined", "missing", "tbd", "not applicable",
    "does not apply", "not available", "n a", "no gtin", "no ean", "no upc",
)  # fmt: skip


def clean_products(rows: DataFrame, source: SourceConfig, marketplaces: Collection[str]) -> DataFrame:
    """Clean the rows of one product export.

    Args:
        rows: What `read_source` gives.
        source: The export, for its units.
        marketplaces: Marketplaces that have package types.

    Returns:
        One row a row of the export: key, fault, raw (of faulty rows), row_hash, source, the fields of `products` that
        need nothing but the row, `declared_sides` (array, cm, longest first), `weight_candidates` (array, grams) and
        `notes`.
    """
    size = bind(_declared_size(source), lambda found: _with_clean_sides(found))
    price = read_price(F.col("price"), F.col("currency"), source.currency, source.decimal_comma)
    weight = weight_candidates(F.col("weight"), source.weight_unit, source.lost_units, source.decimal_comma)
    read = rows.withColumns({"size": size, "money": price, "fault": fault_column("products", marketplaces)})
    unreadable = F.transform(F.col("unreadable"), lambda field: F.concat(F.lit(UNREADABLE), F.upper(field)))
    codes = F.concat(F.array(F.col("size.read_code"), F.col("size.clean_code"), F.col("money.code")), unreadable)
    return apart_if_faulty(read).select(
        "marketplace",
        "product_id",
        "fault",
        "raw",
        "row_hash",
        "source",
        F.coalesce(real_identifier(F.col("family_id")), "product_id").alias("family_id"),
        universal_id(F.col("universal_id")).alias("universal_id"),
        "brand",
        "vendor",
        "hazard_class",
        "category",
        F.lower(F.replace(F.col("language"), F.lit("_"), F.lit("-"))).alias("language"),
        F.col("money.price").alias("price"),
        F.col("money.currency").alias("currency"),
        F.col("size.sides").alias("declared_sides"),
        weight.alias("weight_candidates"),
        F.array_compact(codes).alias("notes"),
        "updated_at",
        "deleted_at",
        "title",
        "description",
    )


def universal_id(given: Column) -> Column:
    """An identifier that compares across marketplaces: trade item numbers filled to 14 digits, fillers null."""
    digits = F.regexp_replace(given, r"[\s-]", "")
    trade = digits.rlike(r"^\d+$") & F.length(digits).isin(*_GTIN_LENGTHS)
    repeated = digits.rlike(r"^(\d)\1*$") & (trade | digits.rlike("^0+$"))
    return F.when(repeated, F.lit(None)).when(trade, F.lpad(digits, 14, "0")).otherwise(real_identifier(given))


def real_identifier(given: Column) -> Column:
    """The identifier; null where the field holds a word or signs for having none."""
    bare = F.trim(F.regexp_replace(F.lower(given), r"[^\p{L}\p{N}/]+", " "))
    return F.when(~bare.isin(*_FILLERS) & ~bare.rlike("^(0*|/)$"), given)


def sides_from_fields(source: SourceConfig) -> Column:
    """array<double> in cm of the fields length, width and height, null where one cannot be read."""
    return F.array(*[side_from_text(F.col(side), source.length_unit, source.decimal_comma) for side in SIDES])


def _declared_size(source: SourceConfig) -> Column:
    """struct<sides, code>: from the three fields where they are mapped and complete, else from the size text."""
    by_text = size_from_text(F.col("size_text"), source.length_unit, source.decimal_comma)
    if not any(side in source.columns for side in SIDES):
        return by_text
    fields = sides_from_fields(source)
    lost = [F.col(side).isNotNull() & F.get(fields, F.lit(place)).isNull() for place, side in enumerate(SIDES)]
    code = F.when(lost[0] | lost[1] | lost[2], F.lit(SIZE_UNREADABLE))
    by_fields = F.struct(fields.alias("sides"), code.alias("code"))
    if "size_text" not in source.columns:
        return by_fields
    complete = ~F.exists(fields, lambda side: side.isNull())
    readable = F.coalesce(F.size(by_text["sides"]) >= 2, F.lit(False))
    given = F.coalesce(*[F.col(side) for side in SIDES]).isNotNull()
    return F.when(complete | (given & ~readable), by_fields).otherwise(by_text)


def _with_clean_sides(found: Column) -> Column:
    cleaned = clean_sides(found["sides"])
    return F.struct(
        cleaned["sides"].alias("sides"), found["code"].alias("read_code"), cleaned["code"].alias("clean_code")
    )
