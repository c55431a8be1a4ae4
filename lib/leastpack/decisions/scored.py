"""The scored pairs as certifying sees them: with their cell and their place on the grid of risks."""

from __future__ import annotations

import datetime

import numpy as np
import numpy.typing as npt
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from leastpack.decisions.cells import CELL, PAIR, POOLED, Cell, Histogram, stratum
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


def check_scored(scored: DataFrame) -> tuple[dict[int, int], str]:
    """Check that the scores are whole: some rows, one model, declared package types.

    Returns:
        Number of pairs by bucket, and the model version.

    Raises:
        InputError: There are no scores.
        PromiseError: Two models are mixed, or a package type is not declared.
    """
    undeclared = F.count_if(F.col("profile_hash").isNull()).alias("undeclared")
    counted = scored.groupBy("bucket", "model_version").agg(F.count("*").alias("pairs"), undeclared)
    counts = counted.collect()  # one row a bucket
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
    return {row.bucket: row.pairs for row in counts}, models[0]


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
