"""Whether the scores are whole: one model, and every package type that is declared."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from leastpack.errors import InputError, PromiseError


def check_scores(scores: DataFrame, package_types: DataFrame) -> tuple[int, str]:
    """Check that the scores are whole, by one pass over three of their columns.

    Args:
        scores: The table.
        package_types: The table.

    Returns:
        Number of scored products, and the model version.

    Raises:
        InputError: There are no scores.
        PromiseError: Two models are mixed, or a product has not one score for each package type of its marketplace.
    """
    counts = scores.groupBy("model_version", "marketplace", "package_types").agg(F.count("*").alias("products"))
    rows = counts.collect()
    again = "run leastpack score to its end, then this step again"
    if not rows:
        raise InputError("table scores is empty", expected="scored products", todo="run leastpack score")
    models = sorted({str(row.model_version) for row in rows})
    if len(models) > 1:
        raise PromiseError(
            "scores mixes models", expected="one model version", found=", ".join(models), todo=again
        )
    declared: dict[str, list[str]] = {}
    for row in package_types.collect():
        declared.setdefault(row.marketplace, []).append(row.package_type)
    others = [row for row in rows if list(row.package_types) != sorted(declared.get(row.marketplace, []))]
    if others:
        raise PromiseError(
            "scores is not whole",
            expected="one score for every package type of a product's marketplace, in order of name",
            found=f"{sum(row.products for row in others)} products have others",
            todo=again,
        )
    return sum(row.products for row in rows), models[0]
