"""What a human should test next: pairs whose pass would save most, and pairs drawn at random.

The random part draws `queue_size * queue_random_share` of all pairs that fit, have a risk and were not tested yet,
whatever their split and decision, in the queue's random order (see `rounds`); a pair stays in the queue until its test
is back. Certificates stand on these. What is logged is how far the order has been gone through by then: the probability
with which any pair is in the sample. The rest of the queue are pairs in doubt (decision TEST, no human test yet) by the
weight that a pass would save against the recommended package, times the chance to pass, 1 - risk. Both parts are mixed
evenly, so that whoever works from the top does some of both.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from leastpack.config.decisions import DecisionsConfig
from leastpack.decisions.cells import PAIR
from leastpack.decisions.rounds import queue_hash, queue_round
from leastpack.decisions.rules import TEST

PART = [*PAIR, "test_id", "risk", "weight_saved_g", "why", "draw_probability", "draw_round", "place"]


def open_pairs(decided: DataFrame, pair_tests: DataFrame) -> DataFrame:
    """Candidates with what the queue needs to know.

    Args:
        decided: `decided.open_decisions`.
        pair_tests: The table.

    Returns:
        The key, decision, risk, `weight_saved_g` against the recommended (else the current) package, `tests` (null
        without a human test).
    """
    human = pair_tests.where("source = 'human_test'").select(*PAIR, F.col("n").alias("tests"))
    return (
        decided.where("candidate")
        .join(human, on=PAIR, how="left")
        .withColumn("weight_saved_g", F.col("otherwise_g") - F.col("tare_g"))
        .select(*PAIR, "decision", "risk", "weight_saved_g", "tests")
    )


def finalists(waiting: DataFrame, config: DecisionsConfig) -> DataFrame:
    """The pairs of a part of the catalog that can still come into the queue: rows of `open_pairs`.

    The queue of the finalists of all parts is the queue of all pairs.

    Args:
        waiting: `open_pairs` of the part.
        config: Size and random share of the queue, seed.
    """
    drawn = _untested(waiting, config).orderBy("_order", *PAIR).limit(random_size(config))
    # The random part may take as many of them as it has.
    worthiest = _in_doubt(waiting).orderBy(F.desc("_worth"), *PAIR).limit(config.queue_size)
    return drawn.select(waiting.columns).unionByName(worthiest.select(waiting.columns)).distinct()


def draw_random(waiting: DataFrame, config: DecisionsConfig) -> DataFrame:
    """The random part: columns PART, place from 1 in the queue's random order.

    Args:
        waiting: `open_pairs`.
        config: Size and random share of the queue, seed.
    """
    untested = _untested(waiting, config)
    drawn = untested.orderBy("_order", *PAIR).limit(random_size(config)).withColumn("why", F.lit("random"))
    whole = Window.partitionBy("why")
    return (
        drawn.withColumn("test_id", _test_id())
        .withColumn("draw_probability", F.max("_order").over(whole))
        .withColumn("draw_round", F.lit(queue_round(config.seed)))
        .withColumn("place", F.row_number().over(whole.orderBy("_order", *PAIR)))
        .select(*PART)
    )


def choose_doubtful(waiting: DataFrame, random: DataFrame, config: DecisionsConfig) -> DataFrame:
    """The doubtful part: columns PART, place from 1 in order of weight saved times chance to pass.

    Args:
        waiting: `open_pairs`.
        random: `draw_random`; its pairs are not chosen again.
        config: Size and random share of the queue.
    """
    wanted = config.queue_size - random_size(config)
    ranked = _in_doubt(waiting).join(F.broadcast(random.select(*PAIR)), on=PAIR, how="left_anti")
    return (
        ranked.orderBy(F.desc("_worth"), *PAIR)
        .limit(wanted)
        .withColumns({"why": F.lit("doubtful"), "draw_probability": F.lit(None).cast("double")})
        .withColumns({"draw_round": F.lit(None).cast("string"), "test_id": _test_id()})
        .withColumn("place", F.row_number().over(Window.partitionBy("why").orderBy(F.desc("_worth"), *PAIR)))
        .select(*PART)
    )


def mix(random: DataFrame, doubtful: DataFrame) -> DataFrame:
    """Both parts with their `rank`: the columns of table test_queue less run_id."""
    share = (F.col("place") - 0.5) / F.count("*").over(Window.partitionBy("why"))
    # A queue is small enough for one task.
    rank = F.row_number().over(Window.partitionBy(F.lit(1)).orderBy("_share", "why", *PAIR))
    return random.unionByName(doubtful).withColumn("_share", share).withColumn("rank", rank).drop("_share", "place")


def random_size(config: DecisionsConfig) -> int:
    """Pairs of the random part."""
    return round(config.queue_size * config.queue_random_share)


def _untested(waiting: DataFrame, config: DecisionsConfig) -> DataFrame:
    return waiting.where(F.col("tests").isNull()).withColumn("_order", queue_hash(config.seed))


def _in_doubt(waiting: DataFrame) -> DataFrame:
    in_doubt = (F.col("decision") == TEST) & F.col("tests").isNull() & (F.col("weight_saved_g") > 0)
    return waiting.where(in_doubt).withColumn("_worth", F.col("weight_saved_g") * (1 - F.col("risk")))


def _test_id() -> Column:
    """Names the pair and how many tests of it came before, so that a second test has an id of its own."""
    before = F.coalesce(F.col("tests"), F.lit(0)).cast("string")
    return F.concat(F.lit("t-"), F.substring(F.sha2(F.to_json(F.array(*PAIR, before)), 256), 1, 16))
