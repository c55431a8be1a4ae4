"""The calibration draw: independent points, one pair a group, each pair of the population alike.

A promise counts pairs, but the pairs of a group (variants, copies, one product in three marketplaces) stand or fall
together, so only groups are independent. Each group gives one pair at most, and gives it so that every pair of the
population is a point with the same probability:

1. A pair is in the frame with a known probability p: the one it was drawn with for a human test, or 1. Where the p of a
   cell differ, a pair is kept with probability p_min / p, so that all count with p_min.
2. Of the A kept pairs of a group with m pairs, one is drawn by hash. A given pair is drawn with probability
   p E[1 / (1 + Binomial(m - 1, p))] = (1 - (1 - p)^m) / m.
3. The group is then accepted with a probability proportional to m / (1 - (1 - p)^m): the product of both is the same
   for every pair. With p = 1 this is m / M: groups in proportion to their pairs, then one pair.

Groups beyond `group_cap` pairs count as that many: M is then the cap and not the largest group of the catalog, which
would have nearly all others refused. The weighting is written on the certificate. Given that M is fixed, points are
independent and, under any threshold, bad with the one probability that the promise bounds: the count of bad points is
binomial.

All draws are by hash of seed and key, so they do not depend on partitions, cores or order.
"""

from __future__ import annotations

from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from leastpack.decisions.cells import CELL, PAIR

# Every promise and slice draws from each cell anew.
DRAW = ["promise", "slice", *CELL]
FRAME = [*CELL, "group_id", *PAIR, "grid_index", "bad", "probability", "group_pairs"]


def uniform(seed: int | Column, purpose: str, *columns: str) -> Column:
    """A number in [0, 1) by hash of seed, purpose and columns."""
    hashed = F.xxhash64(F.lit(seed).cast("int"), F.lit(purpose), *[F.col(name) for name in columns])
    return F.shiftrightunsigned(hashed, 11) / F.lit(float(2**53))


def group_weight(counted: Any, pairs: Any, probability: Any) -> Any:
    """counted / (1 - (1 - p)^m): what a group is accepted in proportion to.

    Arithmetic only, so that it takes columns, arrays and numbers alike.

    Args:
        counted: Pairs the group counts for: m, or the cap.
        pairs: m, its pairs in the population.
        probability: p, the probability with which each of them is in the frame.
    """
    return counted / (1 - (1 - probability) ** pairs)


def thin(frame: DataFrame, seed: int, by: list[str]) -> DataFrame:
    """Keep each row with probability `least` / `probability`, so that those kept were all as likely to be there.

    Args:
        frame: Rows with a key, `probability` and the columns `by`.
        seed: Another seed keeps other rows.
        by: Rows that agree in these are made alike.

    Returns:
        The rows kept, with `least`: the least probability among all rows that agree in `by`.
    """
    least = frame.groupBy(*by).agg(F.min("probability").alias("least"))
    likely = frame.join(F.broadcast(least), on=by, how="inner")
    return likely.where(uniform(seed, "keep", *by, *PAIR) < F.col("least") / F.col("probability"))


def draw_points(frame: DataFrame, seed: int, group_cap: int) -> DataFrame:
    """Draw the calibration points of every promise, slice and cell.

    Args:
        frame: Columns promise, slice and FRAME: labelled pairs of the certify split with their cell, group, place on
            the grid, whether they are bad, the probability they were drawn with, and m, the pairs of their group in
            the population.
        seed: Another seed draws other points.
        group_cap: Pairs a group counts for at most.

    Returns:
        The points: DRAW, group_id, the key of the pair, grid_index, bad.
    """
    cells = frame.groupBy(*DRAW).agg(F.least(F.max("group_pairs"), F.lit(group_cap)).alias("most"))
    kept = thin(frame, seed, DRAW).join(F.broadcast(cells), on=DRAW, how="inner")
    order = uniform(seed, "pair", *DRAW, *PAIR).alias("order")
    drawn = F.min(F.struct(order, *PAIR, "grid_index", "bad")).alias("drawn")
    of_group = [F.max(name).alias(name) for name in ("group_pairs", "least", "most")]
    groups = kept.groupBy(*DRAW, "group_id").agg(drawn, *of_group)
    weight = group_weight(F.least("group_pairs", "most"), F.col("group_pairs"), F.col("least"))
    heaviest = group_weight(F.col("most"), F.col("most"), F.col("least"))
    accepted = groups.where(uniform(seed, "group", *DRAW, "group_id") < weight / heaviest)
    return accepted.select(*DRAW, "group_id", "drawn.*").drop("order")


def count_points(points: DataFrame) -> DataFrame:
    """Points and bad points by place on the grid: columns DRAW, grid_index, n, k."""
    return points.groupBy(*DRAW, "grid_index").agg(F.count("*").alias("n"), F.count_if("bad").alias("k"))
