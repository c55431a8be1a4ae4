"""What a human should test next: what a round asks for, then pairs whose pass would save most.

All pairs of a waiting round come first: without them nothing new is certified. Then come pairs in doubt (decision TEST,
no human test yet) by the weight that a pass would save against the recommended package, times the shipments of the
product, times the chance to pass, 1 - risk. Products of a panel are not asked about in doubt: their results are kept
from training, and so would teach the model nothing.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from leastpack.decisions.rules import TEST
from leastpack.tables.keys import PAIR, PRODUCT

AUDIT, DOUBTFUL = "audit", "doubtful"
QUEUED = [*PAIR, "test_id", "risk", "weight_saved_g", "why", "draw_probability", "draw_round", "place"]


def open_pairs(decided: DataFrame, pair_tests: DataFrame) -> DataFrame:
    """Candidates with what the queue needs to know.

    Args:
        decided: `decided.open_decisions`.
        pair_tests: The table.

    Returns:
        The key, decision, risk, `shipments` of the product, `weight_saved_g` against the recommended (else the current)
        package, `tests` (null without a human test).
    """
    human = pair_tests.where("source = 'human_test'").select(*PAIR, F.col("n").alias("tests"))
    return (
        decided.where("candidate")
        .join(human, on=PAIR, how="left")
        .withColumn("weight_saved_g", F.col("otherwise_g") - F.col("tare_g"))
        .select(*PAIR, "decision", "risk", "shipments", "weight_saved_g", "tests")
    )


def finalists(waiting: DataFrame, most: int) -> DataFrame:
    """The pairs of a part of the catalog that can still come into the queue as doubtful: rows of `open_pairs`.

    Twice as many as the queue takes, since panels are left out later; the queue of the finalists of all parts is that
    of all pairs, as long as a panel holds less than half of them.

    Args:
        waiting: `open_pairs` of the part.
        most: Doubtful pairs of the queue.
    """
    return _in_doubt(waiting).orderBy(F.desc("_worth"), *PAIR).limit(2 * most).select(waiting.columns)


def choose_doubtful(waiting: DataFrame, in_panel: Column, most: int) -> DataFrame:
    """The doubtful part: columns QUEUED, place from 1 in order of worth.

    Args:
        waiting: `finalists`.
        in_panel: `panel.panel_products`.
        most: Pairs at most.
    """
    return (
        _in_doubt(waiting.where(~in_panel))
        .orderBy(F.desc("_worth"), *PAIR)
        .limit(most)
        .withColumns({"why": F.lit(DOUBTFUL), "draw_probability": F.lit(None).cast("double")})
        .withColumns({"draw_round": F.lit(None).cast("string"), "test_id": _test_id()})
        .withColumn("place", F.row_number().over(Window.partitionBy("why").orderBy(F.desc("_worth"), *PAIR)))
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


def _in_doubt(waiting: DataFrame) -> DataFrame:
    in_doubt = (F.col("decision") == TEST) & F.col("tests").isNull() & (F.col("weight_saved_g") > 0)
    # A product that never shipped counts for one shipment.
    shipments = F.greatest(F.coalesce("shipments", F.lit(1)), F.lit(1))
    worth = F.col("weight_saved_g") * shipments * (1 - F.col("risk"))
    return waiting.where(in_doubt).withColumn("_worth", worth)


def _test_id() -> Column:
    """Names the pair and how many tests of it came before, so that a second test has an id of its own."""
    before = F.coalesce(F.col("tests"), F.lit(0)).cast("string")
    return F.concat(F.lit("t-"), F.substring(F.sha2(F.to_json(F.array(*PAIR, before)), 256), 1, 16))
