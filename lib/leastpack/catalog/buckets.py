"""Sizes, weight and price as integer buckets: what the model sees of them.

A bucket is a quarter octave wide, so a small change of price or size leaves the product's vector, and so its risk,
as it was. 0 means unknown.
"""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import Column
from pyspark.sql import functions as F

PER_OCTAVE = 4
SIZE_OFFSET, SIZE_MAX = 16, 63  # 1/16 cm falls into bucket 1, 1 cm into 17
WEIGHT_OFFSET, WEIGHT_MAX = 1, 95  # 1 g falls into bucket 1
PRICE_OFFSET, PRICE_MAX = 28, 95  # 1 unit falls into bucket 28


def bucket_columns(currency_units: Mapping[str, float]) -> dict[str, Column]:
    """Bucket columns over the columns of `products`.

    Args:
        currency_units: Rough value of one unit of each currency, so that prices compare; another currency's price
            counts as unknown.

    Returns:
        Name of the bucket column to its expression.
    """
    unit = F.create_map(*[F.lit(x) for pair in sorted(currency_units.items()) for x in pair])
    price = F.col("price") * F.try_element_at(unit, F.col("currency"))
    return {
        "length_bucket": _bucket(F.col("length_cm"), SIZE_OFFSET + 1, SIZE_MAX),
        "width_bucket": _bucket(F.col("width_cm"), SIZE_OFFSET + 1, SIZE_MAX),
        "height_bucket": _bucket(F.col("height_cm"), SIZE_OFFSET + 1, SIZE_MAX),
        "weight_bucket": _bucket(F.col("weight_g"), WEIGHT_OFFSET, WEIGHT_MAX),
        "price_bucket": _bucket(price, PRICE_OFFSET, PRICE_MAX),
    }


def _bucket(value: Column, offset: int, most: int) -> Column:
    quarter = F.floor(F.log2(value) * PER_OCTAVE).cast("int") + F.lit(offset)
    inside = F.least(F.greatest(quarter, F.lit(1)), F.lit(most))
    return F.when(value > 0, inside).otherwise(F.lit(0))
