"""What a human should test next: what a round asks for, then pairs in doubt whose pass would save most.

All pairs of a waiting round come first: without them nothing new is certified. Then come `doubts`, by worth.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from leastpack.tables.keys import PAIR, PRODUCT

AUDIT, DOUBTFUL = "audit", "doubtful"
QUEUED = [*PAIR, "test_id", "risk", "weight_saved_g", "why", "draw_probability", "draw_round", "place"]


def finalists(decided: DataFrame, most: int) -> DataFrame:
    """The pairs of a part of the catalog that can still come into the queue as doubtful.

    The queue of the finalists of all parts is that of all pairs.

    Args:
        decided: `decided.decide_products`.
        most: Doubtful pairs of the queue.

    Returns:
        The key, risk, weight_saved_g and worth.
    """
    pairs = decided.where(F.size("doubts") > 0).select(*PRODUCT, F.inline("doubts"))
    return pairs.orderBy(F.desc("worth"), *PAIR).limit(most)


def choose_doubtful(waiting: DataFrame, most: int) -> DataFrame:
    """The doubtful part: columns QUEUED, place from 1 in order of worth.

    Args:
        waiting: `finalists`.
        most: Pairs at most.
    """
    tests = {"tests": F.lit(None).cast("bigint"), "why": F.lit(DOUBTFUL)}
    return (
        waiting.orderBy(F.desc("worth"), *PAIR)
        .limit(most)
        .withColumns({**tests, "draw_probability": F.lit(None).cast("double")})
        .withColumns({"draw_round": F.lit(None).cast("string"), "test_id": _test_id()})
        .withColumn("place", F.row_number().over(Window.partitionBy("why").orderBy(F.desc("worth"), *PAIR)))
        .select(*QUEUED)
    )


def ask_for_round(
    asked: DataFrame, rounds: DataFrame, risks: DataFrame, package_types: DataFrame, recommendations: DataFrame
) -> DataFrame:
    """The pairs of a waiting round: columns QUEUED, place from 1 in order of key.

    Args:
        asked: Pairs without a result, with cell.
        rounds: Rows of `policy_rounds` of the round.
        risks: Pairs with the risk that the round's model gives them.
        package_types: The table, for the weights.
        recommendations: The table.
    """
    tare = package_types.select("marketplace", "package_type", "tare_g")
    now = F.coalesce("package_type", "current_package_type").alias("now")
    ships = recommendations.select(*PRODUCT, now)
    other = tare.select("marketplace", F.col("package_type").alias("now"), F.col("tare_g").alias("now_g"))
    drawn = rounds.select("cell", F.col("round_id").alias("draw_round"), F.expr("hash_to - hash_from AS p"))
    return (
        asked.join(F.broadcast(drawn), on="cell", how="inner")
        .join(risks.select(*PAIR, "risk"), on=PAIR, how="left")
        .join(F.broadcast(tare), on=["marketplace", "package_type"], how="left")
        .join(ships, on=PRODUCT, how="left")
        .join(F.broadcast(other), on=["marketplace", "now"], how="left")
        .withColumns({"weight_saved_g": F.col("now_g") - F.col("tare_g"), "tests": F.lit(None).cast("bigint")})
        .withColumns({"why": F.lit(AUDIT), "draw_probability": F.col("p"), "test_id": _test_id()})
        .withColumn("place", F.row_number().over(Window.partitionBy("why").orderBy(*PAIR)))
        .select(*QUEUED)
    )


def in_turn(queued: DataFrame) -> DataFrame:
    """The pairs with their `rank`, those of the round first: the columns of table test_queue less run_id."""
    # A queue is small enough for one task.
    rank = F.row_number().over(Window.partitionBy(F.lit(1)).orderBy("why", "place", *PAIR))
    return queued.withColumn("rank", rank).drop("place")


def _test_id() -> Column:
    """Names the pair and how many tests of it came before, so that a second test has an id of its own."""
    before = F.coalesce(F.col("tests"), F.lit(0)).cast("string")
    return F.concat(F.lit("t-"), F.substring(F.sha2(F.to_json(F.array(*PAIR, before)), 256), 1, 16))
