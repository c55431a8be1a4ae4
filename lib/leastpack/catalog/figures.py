"""A few numbers about the whole catalog, for the run and the report."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def catalog_figures(products: DataFrame) -> dict[str, float]:
    """Counts and shares over all products.

    Returns:
        `products`; the shares `size_known`, `size_from_tunnel`, `weight_known`, `price_known` and `text_known`; and
        `note.<CODE>`, the products that carry a note of that code.
    """
    shares = {
        "size_known": F.col("height_cm").isNotNull(),
        "size_from_tunnel": F.col("size_source") == "tunnel",
        "weight_known": F.col("weight_g").isNotNull(),
        "price_known": F.col("price").isNotNull(),
        "text_known": F.col("text_key").isNotNull(),
    }
    means = [F.avg(holds.cast("double")).alias(name) for name, holds in shares.items()]
    row = products.agg(F.count(F.lit(1)).alias("products"), *means).collect()[0]
    figures = {name: float(value) for name, value in row.asDict().items() if value is not None}
    # One row a code, and there are few codes.
    notes = products.select(F.explode("notes").alias("note")).groupBy("note").count().orderBy("note").collect()
    return {**figures, **{f"note.{row['note']}": float(row["count"]) for row in notes}}
