"""Rounds of human tests: which tested pairs a random draw chose, and with what probability.

A round is a draw with known probabilities: an audit of one's own, or the random part of the test queue. Every round
that chose a pair is told in its `draws`.

The queue's round is told apart by its name, `queue-` and the seed. It never ends: it takes pairs in order of a hash
that each has for good, passing over those that are tested already. So at any time it has gone up to some hash u,
whatever the day a product came in, and its sample are all pairs up to u, tested for the queue or for any other reason,
each of them with probability u.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from leastpack.decisions.cells import PAIR
from leastpack.decisions.draw import uniform

QUEUE = "queue-"


def queue_round(seed: int) -> str:
    """Name of the queue's round under a seed."""
    return f"{QUEUE}{seed}"


def queue_hash(seed: int | Column) -> Column:
    """A pair's place in the queue's random order, in [0, 1)."""
    return uniform(seed, "queue", *PAIR)


def in_rounds(pair_tests: DataFrame) -> DataFrame:
    """Tested pairs by round: the columns of `pair_tests`, `round` and `probability`, one row a pair and round.

    Args:
        pair_tests: The table.
    """
    tested = pair_tests.where("source = 'human_test'")
    drawn = tested.select("*", F.explode("draws").alias("round", "probability"))
    usable = drawn.where((F.col("probability") > 0) & (F.col("probability") <= 1))
    of_queue = F.col("round").rlike(f"^{QUEUE}[0-9]+$")
    reached = usable.where(of_queue).groupBy("round").agg(F.max("probability").alias("probability"))
    # Spark may ask for the seed of any round's name.
    seed = F.substring_index("round", "-", -1).try_cast("int")
    sample = tested.crossJoin(F.broadcast(reached)).where(queue_hash(seed) <= F.col("probability"))
    return usable.where(~of_queue).unionByName(sample)
