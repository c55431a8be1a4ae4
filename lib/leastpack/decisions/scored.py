"""The scored pairs as certifying sees them: with their cell and their place on the grid of risks."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
import numpy.typing as npt
from pyspark.sql import DataFrame, Row
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
        as_of: The day; package types are in use from their valid_from on, and until their valid_to.

    Returns:
        OF_SCORE and OF_TYPE (null for a type that is not declared any more), the cell (pool, profile_hash, stratum),
        `in_use`, `grid_index`, and `candidate`: the pair fits, has a risk and its package is in use, so it can be
        certified.
    """
    day = F.lit(as_of)
    in_use = (F.col("valid_from") <= day) & (F.col("valid_to").isNull() | (day < F.col("valid_to")))
    types = package_types.select(*OF_TYPE, in_use.alias("in_use"))
    scores = pair_scores.select(*OF_SCORE)
    return scores.join(F.broadcast(types), on=["marketplace", "package_type"], how="left").withColumns(
        {
            "pool": F.lit(POOLED) if pool_marketplaces else F.col("marketplace"),
            "stratum": stratum(),
            "grid_index": grid_index(F.col("risk"), grid),
            "candidate": F.coalesce(F.col("fits") & F.col("in_use"), F.lit(False)) & F.col("risk").isNotNull(),
        }
    )


@dataclass(frozen=True)
class Scored:
    """The scored pairs, and what reading them all through once has told.

    Attributes:
        pairs: `scored_pairs`.
        labelled: `labelled_pairs`, or more of them.
        counts: `count_scored`.
    """

    pairs: DataFrame
    labelled: DataFrame
    counts: Sequence[Row]


def labelled_pairs(scored: DataFrame, labels: Sequence[DataFrame]) -> DataFrame:
    """The pairs of all products that a label speaks of: few of a catalog's pairs, which are read once to find them.

    Args:
        scored: `scored_pairs`.
        labels: Tables with the products' key.
    """
    products = reduce(DataFrame.unionByName, [rows.select(*PRODUCT) for rows in labels]).distinct()
    return scored.join(products, on=PRODUCT, how="left_semi")


def count_scored(scored: DataFrame) -> list[Row]:
    """Number of pairs by model, package type, cell, whether they are candidates, and the place of these on the grid.

    As many rows as package types times grid, whatever the catalog's size.
    """
    place = F.when(F.col("candidate"), F.col("grid_index")).alias("grid_index")
    keys = ("model_version", "marketplace", "package_type", *CELL, "candidate")
    return scored.groupBy(*keys, place).agg(F.count("*").alias("pairs")).collect()


def check_scored(counts: Sequence[Row]) -> tuple[int, str]:
    """Check that the scores are whole: some rows, one model, declared package types.

    Args:
        counts: `count_scored`.

    Returns:
        Number of scored products, and the model version.

    Raises:
        InputError: There are no scores.
        PromiseError: Two models are mixed, or a package type is not declared.
    """
    again = "run leastpack score to its end, then decide again"
    if not counts:
        raise InputError("table pair_scores is empty", expected="scored pairs", todo="run leastpack score")
    models = sorted({str(row.model_version) for row in counts})
    if len(models) > 1:
        raise PromiseError(
            "pair_scores mixes models", expected="one model version", found=", ".join(models), todo=again
        )
    if missing := sum(row.pairs for row in counts if row.profile_hash is None):
        raise PromiseError(
            "pair_scores has package types that package_types lacks", found=f"{missing} pairs", todo=again
        )
    of_type: Counter[tuple[str, str]] = Counter()
    for row in counts:
        of_type[row.marketplace, row.package_type] += row.pairs
    # A product has one pair of each package type, so those of any one type are as many as the products.
    products = {marketplace: 0 for marketplace, _ in of_type}
    for (marketplace, _), pairs in of_type.items():
        products[marketplace] = max(products[marketplace], pairs)
    return sum(products.values()), models[0]


def catalog_histogram(counts: Sequence[Row], size: int) -> dict[Cell, dict[str, Histogram]]:
    """The candidates of each cell by place on the grid.

    Args:
        counts: `count_scored`.
        size: Thresholds of the grid.

    Returns:
        Cell to marketplace to (size + 1,) counts; the last one counts pairs above every threshold.
    """
    histogram: dict[Cell, dict[str, Histogram]] = {}
    for row in counts:
        if row.candidate:
            markets = histogram.setdefault((row.pool, row.profile_hash, row.stratum), {})
            markets.setdefault(row.marketplace, np.zeros(size + 1, dtype=np.int64))[row.grid_index] += row.pairs
    return histogram
