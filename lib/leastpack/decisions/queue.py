"""What a human should test next: pairs whose pass would save most, and pairs drawn at random."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from leastpack.config.decisions import DecisionsConfig
from leastpack.decisions.cells import PAIR, PRODUCT
from leastpack.decisions.draw import uniform
from leastpack.decisions.rules import TEST

WANTED = [*PAIR, "test_id", "risk", "weight_saved_g"]


def fill_queue(
    decided: DataFrame,
    recommendations: DataFrame,
    pair_tests: DataFrame,
    package_types: DataFrame,
    config: DecisionsConfig,
) -> DataFrame:
    """Fill the queue.

    The random part draws `queue_size * queue_random_share` of all pairs that fit, have a risk and were not drawn
    before, whatever their split and decision: the ones with the smallest hash, so that each is drawn with the same
    probability, which is logged, and a pair stays in the queue until its test is back. Certificates stand on these.
    The rest of the queue are pairs in doubt (decision TEST, no human test yet) by the weight that a pass would save
    against the recommended package, times the chance to pass, 1 - risk. Both parts are mixed evenly, so that whoever
    works from the top does both.

    Args:
        decided: `rules.decide_pairs`.
        recommendations: `recommend.recommend`.
        pair_tests: The table.
        package_types: The table.
        config: Size and random share of the queue, seed.

    Returns:
        The columns of table test_queue less run_id, at most `queue_size` rows.
    """
    human = pair_tests.where("source = 'human_test'").select(
        *PAIR, F.col("n").alias("tests"), F.col("draw_probability").isNotNull().alias("drawn_before")
    )
    tares = package_types.select(
        "marketplace", F.col("package_type").alias("otherwise"), F.col("tare_g").alias("otherwise_g")
    )
    chosen = recommendations.select(*PRODUCT, F.coalesce("package_type", "current_package_type").alias("otherwise"))
    baseline = chosen.join(F.broadcast(tares), on=["marketplace", "otherwise"], how="inner")
    saved = F.col("otherwise_g") - F.col("tare_g")
    open_pairs = (
        decided.where("candidate")
        .join(human, on=PAIR, how="left")
        .join(baseline.select(*PRODUCT, "otherwise_g"), on=PRODUCT, how="left")
        .withColumn("weight_saved_g", saved)
        .withColumn("test_id", _test_id())
    )
    wanted = round(config.queue_size * config.queue_random_share)
    random = _random_part(open_pairs, wanted, config.seed)
    doubtful = _doubtful_part(open_pairs, random, config.queue_size - wanted)
    return _ranked(random.unionByName(doubtful))


def _random_part(open_pairs: DataFrame, wanted: int, seed: int) -> DataFrame:
    frame = open_pairs.where(~F.coalesce("drawn_before", F.lit(False)))
    size = frame.agg(F.count("*").alias("size"))
    drawn = frame.withColumn("_order", uniform(seed, "queue", *PAIR)).orderBy("_order", *PAIR).limit(wanted)
    probability = F.least(F.lit(1.0), F.lit(float(wanted)) / F.col("size")).alias("draw_probability")
    place = F.row_number().over(Window.orderBy("_order", *PAIR))
    return drawn.crossJoin(F.broadcast(size)).select(
        *WANTED, F.lit("random").alias("why"), probability, place.alias("place")
    )


def _doubtful_part(open_pairs: DataFrame, random: DataFrame, wanted: int) -> DataFrame:
    worth = F.col("weight_saved_g") * (1 - F.col("risk"))
    in_doubt = (F.col("decision") == TEST) & F.col("tests").isNull() & (F.col("weight_saved_g") > 0)
    ranked = open_pairs.where(in_doubt).join(F.broadcast(random.select(*PAIR)), on=PAIR, how="left_anti")
    ranked = ranked.withColumn("_worth", worth).orderBy(F.desc("_worth"), *PAIR).limit(wanted)
    place = F.row_number().over(Window.orderBy(F.desc("_worth"), *PAIR))
    none = F.lit(None).cast("double").alias("draw_probability")
    return ranked.select(*WANTED, F.lit("doubtful").alias("why"), none, place.alias("place"))


def _ranked(queue: DataFrame) -> DataFrame:
    share = (F.col("place") - 0.5) / F.count("*").over(Window.partitionBy("why"))
    rank = F.row_number().over(Window.orderBy("_share", "why", *PAIR))
    return queue.withColumn("_share", share).withColumn("rank", rank).drop("_share", "place")


def _test_id() -> Column:
    """Names the pair and how many tests of it came before, so that a second test has an id of its own."""
    before = F.coalesce(F.col("tests"), F.lit(0)).cast("string")
    return F.concat(F.lit("t-"), F.substring(F.sha2(F.to_json(F.array(*PAIR, before)), 256), 1, 16))
