"""The scored pairs as certifying sees them: with their cell and their place on the grid of risks."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
import numpy.typing as npt
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from leastpack.decisions.cells import CELL, PAIR, POOLED, PRODUCT, Cell, Histogram, stratum
from leastpack.decisions.grid import grid_index
from leastpack.errors import InputError, PromiseError

OF_SCORE = [*PAIR, "bucket", "fits", "risk", "views_used", "model_version"]
OF_TYPE = ["marketplace", "package_type", "profile_hash"]


def scored_pairs(
    pair_scores: DataFrame,
    package_types: DataFrame,
    grid: npt.NDArray[np.float64],
    pool_marketplaces: bool,
    as_of: datetime.date,
) -> DataFrame:
    """Join every scored pair with its package type.

    Args:
        pair_scores: The table.
        package_types: The table.
        grid: The risk thresholds.
        pool_marketplaces: Whether marketplaces share certificates.
        as_of: The day; package types are in use from their valid_from on.

    Returns:
        OF_SCORE and OF_TYPE (null for a type that is not declared any more), the cell (pool, profile_hash, stratum),
        `in_use`, `grid_index`, and `candidate`: the pair fits, has a risk and its package is in use, so it can be
        certified.
    """
    types = package_types.select(*OF_TYPE, (F.col("valid_from") <= F.lit(as_of)).alias("in_use"))
    scores = pair_scores.select(*OF_SCORE)
    return scores.join(F.broadcast(types), on=["marketplace", "package_type"], how="left").withColumns(
        {
            "pool": F.lit(POOLED) if pool_marketplaces else F.col("marketplace"),
            "stratum": stratum(),
            "grid_index": grid_index(F.col("risk"), grid),
            "candidate": F.coalesce(F.col("fits") & F.col("in_use"), F.lit(False)) & F.col("risk").isNotNull(),
        }
    )


def labelled_pairs(scored: DataFrame, labels: Sequence[DataFrame]) -> DataFrame:
    """The pairs of all products that a label speaks of: few of a catalog's pairs, which are read once to find them.

    Args:
        scored: `scored_pairs`.
        labels: Tables with the products' key.
    """
    products = reduce(DataFrame.unionByName, [rows.select(*PRODUCT) for rows in labels]).distinct()
    return scored.join(products, on=PRODUCT, how="left_semi")


@dataclass(frozen=True)
class Found:
    """What there is to decide on.

    Attributes:
        pairs: Number of scored pairs by bucket.
        products: Number of scored products.
        model_version: The model that scored them all.
    """

    pairs: Mapping[int, int]
    products: int
    model_version: str


def check_scored(scored: DataFrame) -> Found:
    """Check that the scores are whole: some rows, one model, declared package types.

    Raises:
        InputError: There are no scores.
        PromiseError: Two models are mixed, or a package type is not declared.
    """
    undeclared = F.count_if(F.col("profile_hash").isNull()).alias("undeclared")
    # A product has one pair of each package type, so those of any one type are as many as the products.
    keys = ("marketplace", "bucket", "model_version")
    of_type = scored.groupBy(*keys, "package_type").agg(F.count("*").alias("pairs"), undeclared)
    totals = F.sum("pairs").alias("pairs"), F.sum("undeclared").alias("undeclared"), F.max("pairs").alias("products")
    counts = of_type.groupBy(*keys).agg(*totals).collect()  # one row a marketplace and bucket
    again = "run leastpack score to its end, then decide again"
    if not counts:
        raise InputError("table pair_scores is empty", expected="scored pairs", todo="run leastpack score")
    models = sorted({str(row.model_version) for row in counts})
    if len(models) > 1:
        raise PromiseError(
            "pair_scores mixes models", expected="one model version", found=", ".join(models), todo=again
        )
    if missing := sum(row.undeclared for row in counts):
        raise PromiseError(
            "pair_scores has package types that package_types lacks", found=f"{missing} pairs", todo=again
        )
    pairs: Counter[int] = Counter()
    for row in counts:
        pairs[row.bucket] += row.pairs
    return Found(pairs, sum(row.products for row in counts), models[0])


def catalog_histogram(scored: DataFrame, size: int) -> dict[Cell, dict[str, Histogram]]:
    """Count the candidates of each cell by place on the grid.

    Args:
        scored: `scored_pairs`.
        size: Thresholds of the grid.

    Returns:
        Cell to marketplace to (size + 1,) counts; the last one counts pairs above every threshold.
    """
    rows = scored.where("candidate").groupBy(*CELL, "marketplace", "grid_index").count().collect()
    histogram: dict[Cell, dict[str, Histogram]] = {}
    for row in rows:
        cell = (row.pool, row.profile_hash, row.stratum)
        counts = histogram.setdefault(cell, {}).setdefault(row.marketplace, np.zeros(size + 1, dtype=np.int64))
        counts[row.grid_index] = row["count"]
    return histogram
