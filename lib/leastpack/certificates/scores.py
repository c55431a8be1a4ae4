"""Whether the scores are whole: one model, and package types that are declared."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from leastpack.errors import InputError, PromiseError


def check_scores(pair_scores: DataFrame, package_types: DataFrame) -> tuple[int, str]:
    """Check that the scores are whole, by one pass over two of their columns.

    Args:
        pair_scores: The table.
        package_types: The table.

    Returns:
        Number of scored products, and the model version.

    Raises:
        InputError: There are no scores.
        PromiseError: Two models are mixed, or a package type is not declared.
    """
    counts = pair_scores.groupBy("model_version", "marketplace", "package_type").agg(F.count("*").alias("pairs"))
    rows = counts.collect()
    again = "run leastpack score to its end, then this step again"
    if not rows:
        raise InputError("table pair_scores is empty", expected="scored pairs", todo="run leastpack score")
    models = sorted({str(row.model_version) for row in rows})
    if len(models) > 1:
        raise PromiseError(
            "pair_scores mixes models", expected="one model version", found=", ".join(models), todo=again
        )
    declared = {(row.marketplace, row.package_type) for row in package_types.collect()}
    if missing := sum(row.pairs for row in rows if (row.marketplace, row.package_type) not in declared):
        raise PromiseError(
            "pair_scores has package types that package_types lacks", found=f"{missing} pairs", todo=again
        )
    # A product has one pair of each package type, so those of any one type are as many as the products.
    products: dict[str, int] = {}
    for row in rows:
        products[row.marketplace] = max(products.get(row.marketplace, 0), row.pairs)
    return sum(products.values()), models[0]
