"""Which labelled pairs of the certify split may become calibration points, by promise and slice.

`audit` frames hold what chance chose: pairs drawn for a human test with a known probability, shipments whose package
was assigned at random. `shipped` frames hold what the retailer chose to ship, who avoided light packages for fragile
products: their certificates speak of such pairs, and come with a warning and a sensitivity Gamma.

The population of a cell are its pairs in the marketplaces that have labelled pairs in it: where nobody drew a pair,
nothing is known of that marketplace, whatever the others show.
"""

from __future__ import annotations

from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from leastpack.decisions.cells import AUDIT, CELL, PAIR, PRODUCT, SHIPPED
from leastpack.decisions.draw import FRAME, NO_ROUND, thin


def certify_pairs(scored: DataFrame, certify_examples: DataFrame) -> DataFrame:
    """Candidates of the certify split, with their group.

    Args:
        scored: `scored.scored_pairs`.
        certify_examples: `held_out.held_out` of the certify split.

    Returns:
        CELL, group_id, key, grid_index.
    """
    groups = certify_examples.select(*PRODUCT, "group_id").distinct()
    pairs = scored.where("candidate").join(groups, on=PRODUCT, how="inner")
    return pairs.select(*CELL, "group_id", *PAIR, "grid_index")


def all_frames(certify: DataFrame, pair_tests: DataFrame, pair_outcomes: DataFrame, seed: int) -> DataFrame:
    """The frames of every promise and slice, one below the other.

    Args:
        certify: `certify_pairs`.
        pair_tests: The table.
        pair_outcomes: The table.
        seed: Of the draws.

    Returns:
        Columns promise and slice, and draw.FRAME.
    """
    frames = {
        ("pair", AUDIT): _audited_pairs(certify, pair_tests),
        ("pair", SHIPPED): _shipped_pairs(certify, pair_tests),
        ("shipment", AUDIT): _whole_frame(_random_shipments(certify, pair_tests, pair_outcomes, seed)),
        ("shipment", SHIPPED): _whole_frame(_drawn_shipments(certify, pair_outcomes, "draw")),
    }
    named = [
        frame.select(F.lit(promise).alias("promise"), F.lit(slice_).alias("slice"), *FRAME)
        for (promise, slice_), frame in frames.items()
    ]
    return reduce(lambda above, below: above.unionByName(below), named)


def _audited_pairs(certify: DataFrame, pair_tests: DataFrame) -> DataFrame:
    drawn = (F.col("draw_probability") > 0) & (F.col("draw_probability") <= 1)
    tests = pair_tests.where((F.col("source") == "human_test") & drawn)
    bad = F.coalesce(F.col("label") != "SAFE", F.lit(True)).alias("bad")
    round_ = F.coalesce("draw_round", F.lit(NO_ROUND)).alias("round")
    tests = tests.select(*PAIR, bad, F.col("draw_probability").alias("probability"), round_)
    labelled = certify.join(tests, on=PAIR, how="inner")
    covered = labelled.select(*CELL, "marketplace").distinct()
    population = certify.join(F.broadcast(covered), on=[*CELL, "marketplace"], how="inner")
    return _with_group_pairs(labelled, population).select(*FRAME)


def _shipped_pairs(certify: DataFrame, pair_tests: DataFrame) -> DataFrame:
    by_shipments = (F.col("source") == "shipments") & F.col("eligible")
    human = pair_tests.where("source = 'human_test'").select(*PAIR, F.col("label").alias("verdict"))
    tests = pair_tests.where(by_shipments).select(*PAIR, "label").join(human, on=PAIR, how="left")
    # UNKNOWN counts as UNSAFE, so that no pair is left out for its outcome; a human test overrules.
    bad = F.coalesce(F.coalesce("verdict", "label") != "SAFE", F.lit(True)).alias("bad")
    return _whole_frame(certify.join(tests.select(*PAIR, bad), on=PAIR, how="inner"))


def _random_shipments(certify: DataFrame, pair_tests: DataFrame, pair_outcomes: DataFrame, seed: int) -> DataFrame:
    """Pairs with a shipment whose package was assigned at random, thinned so that its odds were the same for all.

    A product with few fitting packages is sent in each of them more often than one with many.
    """
    odds = pair_tests.where("source = 'shipments' AND propensity IS NOT NULL")
    odds = odds.select(*PAIR, F.col("propensity").alias("probability"))
    assigned = _drawn_shipments(certify, pair_outcomes, "random_draw").join(odds, on=PAIR, how="inner")
    return thin(assigned, seed, CELL)


def _drawn_shipments(certify: DataFrame, pair_outcomes: DataFrame, draw: str) -> DataFrame:
    shipment = F.struct(F.col(f"{draw}_hash"), F.col(f"{draw}_damaged").alias("bad"))
    periods = pair_outcomes.where(F.col(f"{draw}_hash").isNotNull() & F.col(f"{draw}_damaged").isNotNull())
    # The smallest hash over all months is one shipment drawn alike from all of them.
    drawn = periods.groupBy(*PAIR).agg(F.min(shipment).alias("drawn")).select(*PAIR, "drawn.bad")
    return certify.join(drawn, on=PAIR, how="inner")


def _whole_frame(labelled: DataFrame) -> DataFrame:
    """A frame whose population is its own pairs: each is in it with probability 1."""
    certain = labelled.withColumns({"probability": F.lit(1.0), "round": F.lit(NO_ROUND)})
    return _with_group_pairs(certain, certain).select(*FRAME)


def _with_group_pairs(labelled: DataFrame, population: DataFrame) -> DataFrame:
    """Add `group_pairs`: pairs of the group in the cell and population."""
    sizes = population.groupBy(*CELL, "group_id").agg(F.count("*").alias("group_pairs"))
    return labelled.join(sizes, on=[*CELL, "group_id"], how="inner")
