"""The one text of a product that is encoded, and its key."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

PARTS = ("title", "brand", "category", "description")


def text_of(title: str | None, brand: str | None, category: str | None, description: str | None) -> str | None:
    """Join the parts that are there, most telling first, since encoders cut long texts.

    Returns:
        The text, or None where all parts are empty.
    """
    parts = [" ".join(part.split()) for part in (title, brand, category, description) if part is not None]
    return ". ".join(part for part in parts if part) or None


def text_column() -> Column:
    """`text_of` over the columns of `products`."""
    clean = [F.nullif(F.trim(F.regexp_replace(F.col(part), r"(?U)\s+", " ")), F.lit("")) for part in PARTS]
    return F.nullif(F.concat_ws(". ", *clean), F.lit(""))


def text_key_column() -> Column:
    """SHA-256 of the text, null where there is none."""
    return F.sha2(text_column(), 256)
