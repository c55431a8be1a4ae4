"""Rounds of human tests: which tested pairs a random draw chose, and with what probability.

A round is a draw with known probabilities: an audit of one's own, or the random part of the test queue. Every round
that chose a pair is told in its `draws`.

The queue's round is told apart by its name, `queue-` and the seed. It never ends: it takes pairs in order of a hash
that each has for good, passing over those that are tested already. Its sample in a cell are the tested pairs that come
before the first untested one of today: all of them, whatever they were tested for and whatever the day they came in, so
each with the probability u that its hash lies before that one's. New pairs shrink the sample until the queue has come
to them.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from leastpack.decisions.cells import CELL, PAIR
from leastpack.decisions.draw import uniform

QUEUE = "queue-"


def queue_round(seed: int) -> str:
    """Name of the queue's round under a seed."""
    return f"{QUEUE}{seed}"


def queue_hash(seed: int | Column) -> Column:
    """A pair's place in the queue's random order, in [0, 1)."""
    return uniform(seed, "queue", *PAIR)


def audits(tested: DataFrame) -> DataFrame:
    """Pairs that an audit drew: the columns of `tested`, `round` and `probability`, one row a pair and round.

    Args:
        tested: Human tests of `pair_tests`.
    """
    drawn = tested.select("*", F.explode(_draws()).alias("round", "probability"))
    return drawn.where(~_of_queue() & (F.col("probability") > 0) & (F.col("probability") <= 1))


def queue_samples(tested: DataFrame, candidates: DataFrame) -> DataFrame:
    """How far the queue's random order is tested without a gap: CELL, `round` and `probability`.

    Args:
        tested: Human tests of `pair_tests`.
        candidates: CELL and key of every pair that can be certified, whatever its split.
    """
    drawn = tested.select(F.explode(_draws()).alias("round", "probability")).where(_of_queue())
    rounds = drawn.select("round").distinct()
    if rounds.isEmpty():  # all pairs need not be looked at
        candidates = candidates.limit(0)
    untested = candidates.join(tested.select(*PAIR), on=PAIR, how="left_anti")
    gaps = untested.crossJoin(F.broadcast(rounds)).groupBy(*CELL, "round").agg(F.min(round_hash()).alias("gap"))
    cells = candidates.select(*CELL).distinct().crossJoin(F.broadcast(rounds))
    # A cell without an untested pair is known whole.
    reached = F.coalesce("gap", F.lit(1.0)).alias("probability")
    return cells.join(gaps, on=[*CELL, "round"], how="left").select(*CELL, "round", reached)


def round_hash() -> Column:
    """The pair's place in the random order of the queue's round in column `round`."""
    # Spark may ask for the seed of any round's name.
    return queue_hash(F.substring_index("round", "-", -1).try_cast("int"))


def _of_queue() -> Column:
    return F.col("round").rlike(f"^{QUEUE}[0-9]+$")


def _draws() -> Column:
    """`draws`; of a table that an earlier leastpack wrote, the one draw it told of."""
    told = F.create_map(F.coalesce("draw_round", F.lit("")), "draw_probability")
    return F.coalesce("draws", F.when(F.col("draw_probability").isNotNull(), told))
