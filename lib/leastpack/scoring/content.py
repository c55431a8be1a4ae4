"""What of a product decides its vector and its scores, as keys and warning codes. Column in, column out."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

NUMERIC = ("length_bucket", "width_bucket", "height_bucket", "weight_bucket", "price_bucket")
# Everything of a product that changes a row of scores.
_DECISIVE = (
    "marketplace", "product_id", "content_key", "length_cm", "width_cm", "height_cm", "weight_g", "warnings",
    "no_input",
)  # fmt: skip


def with_content(inputs: DataFrame, marketplaces: Sequence[str]) -> DataFrame:
    """Add `content_key`, `warnings`, `no_input`, `views_used` and `row_hash` to product_inputs or product_keys.

    The key covers what enters the product's vector: the text, the photos that were really encoded, the buckets and
    the marketplace. The hash covers everything of the product that changes a row of scores.

    Args:
        inputs: Rows of product_inputs or product_keys.
        marketplaces: Those the model was trained on.
    """
    has_text = F.col("text_key").isNotNull()
    text_failed = has_text & ~F.col("text_encoded")
    parts = [
        F.coalesce("text_key", F.lit("")),
        F.when(text_failed, F.lit("failed")).otherwise(F.lit("")),
        F.concat_ws(",", "image_keys"),
        *[F.col(name).cast("string") for name in NUMERIC],
        F.col("marketplace"),
    ]
    known = [F.col(name) > 0 for name in NUMERIC]
    any_number = known[0] | known[1] | known[2] | known[3] | known[4]
    views = F.size("image_keys")
    warnings = {
        "NO_TEXT": ~has_text,
        "TEXT_FAILED": text_failed,
        "NO_PHOTO": (views == 0) & (F.size("image_errors") == 0),
        "IMAGE_FAILED": F.size("image_errors") > 0,
        "NO_SIZE": F.col("length_cm").isNull() | F.col("width_cm").isNull() | F.col("height_cm").isNull(),
        "NO_WEIGHT": F.col("weight_g").isNull(),
        "UNKNOWN_MARKETPLACE": ~F.col("marketplace").isin(*marketplaces),
    }
    told = inputs.select(
        "*",
        F.sha2(F.concat_ws("|", *parts), 256).alias("content_key"),
        _codes(warnings).alias("warnings"),
        (~has_text & (views == 0) & ~any_number).alias("no_input"),
        views.alias("views_used"),
    )
    return told.withColumn("row_hash", F.xxhash64(*_DECISIVE))


def _codes(warnings: dict[str, Column]) -> Column:
    return F.filter(
        F.array(*[F.when(when, F.lit(code)) for code, when in warnings.items()]), lambda code: code.isNotNull()
    )
