"""Which labelled pairs of the certify split may become calibration points, by promise and slice.

`audit` frames hold what chance chose: pairs drawn for a human test with a known probability, shipments whose package
was assigned at random. `shipped` frames hold what the retailer chose to ship, who avoided light packages for fragile
products: their certificates speak of such pairs, and come with a warning and a sensitivity Gamma.

The population of a cell are its pairs in the marketplaces that have labelled pairs in it: where nobody drew a pair,
nothing is known of that marketplace, whatever the others show.

Each round of human tests is a draw of its own: its probabilities hold for the marketplaces it drew from, and say
nothing of pairs that other rounds took. So a cell takes its audited pairs from one round, the one that leaves most.
"""

from __future__ import annotations

from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from leastpack.decisions.cells import AUDIT, CELL, PAIR, PRODUCT, SHIPPED
from leastpack.decisions.draw import FRAME, thin
from leastpack.decisions.rounds import audits, queue_samples, round_hash


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


def all_frames(
    candidates: DataFrame, certify: DataFrame, pair_tests: DataFrame, pair_outcomes: DataFrame, seed: int
) -> DataFrame:
    """The frames of every promise and slice, one below the other.

    Args:
        candidates: CELL and key of every pair that can be certified, whatever its split.
        certify: `certify_pairs`.
        pair_tests: The table.
        pair_outcomes: The table.
        seed: Of the draws.

    Returns:
        Columns promise and slice, and draw.FRAME.
    """
    frames = {
        ("pair", AUDIT): _audited_pairs(candidates, certify, pair_tests),
        ("pair", SHIPPED): _shipped_pairs(certify, pair_tests),
        ("shipment", AUDIT): _whole_frame(_random_shipments(certify, pair_tests, pair_outcomes, seed)),
        ("shipment", SHIPPED): _whole_frame(_drawn_shipments(certify, pair_outcomes, "draw")),
    }
    named = [
        frame.select(F.lit(promise).alias("promise"), F.lit(slice_).alias("slice"), *FRAME)
        for (promise, slice_), frame in frames.items()
    ]
    return reduce(lambda above, below: above.unionByName(below), named)


def _audited_pairs(candidates: DataFrame, certify: DataFrame, pair_tests: DataFrame) -> DataFrame:
    bad = F.coalesce(F.col("label") != "SAFE", F.lit(True))
    tested = pair_tests.where("source = 'human_test'").withColumn("bad", bad)
    drawn = audits(tested).select(*PAIR, "bad", "round", "probability")
    by_audit = certify.join(drawn, on=PAIR, how="inner")
    samples = F.broadcast(queue_samples(tested, candidates))
    known = certify.join(tested.select(*PAIR, "bad"), on=PAIR, how="inner")
    by_queue = known.join(samples, on=CELL, how="inner").where(round_hash() < F.col("probability"))
    labelled = _of_the_best_round(by_audit.unionByName(by_queue))
    covered = labelled.select(*CELL, "marketplace").distinct()
    population = certify.join(F.broadcast(covered), on=[*CELL, "marketplace"], how="inner")
    return _with_group_pairs(labelled, population).select(*FRAME)


def _of_the_best_round(labelled: DataFrame) -> DataFrame:
    """The rows of each cell's round with most rows left once they are thinned alike; outcomes have no say in it."""
    left = F.sum(F.col("least") / F.col("probability")).alias("left")
    alike = labelled.groupBy(*CELL, "round").agg(F.min("probability").alias("least"))
    rounds = labelled.join(F.broadcast(alike), on=[*CELL, "round"], how="inner").groupBy(*CELL, "round").agg(left)
    best = rounds.groupBy(*CELL).agg(F.max(F.struct(F.round("left", 6), "round")).alias("best"))
    return labelled.join(F.broadcast(best.select(*CELL, "best.round")), on=[*CELL, "round"], how="inner")


def _shipped_pairs(certify: DataFrame, pair_tests: DataFrame) -> DataFrame:
    by_shipments = (F.col("source") == "shipments") & F.col("eligible")
    human = pair_tests.where("source = 'human_test'").select(*PAIR, F.col("label").alias("verdict"))
    tests = pair_tests.where(by_shipments).select(*PAIR, "label").join(human, on=PAIR, how="left")
    # UNKNOWN counts as UNSAFE, so that no pair is left out for its outcome; a human test overrules.
    bad = F.coalesce(F.coalesce("verdict", "label") != "SAFE", F.lit(True)).alias("bad")
    return _whole_frame(certify.join(tests.select(*PAIR, bad), on=PAIR, how="inner"))


def _random_shipments(certify: DataFrame, pair_tests: DataFrame, pair_outcomes: DataFrame, seed: int) -> DataFrame:
    """Pairs with a shipment whose package was assigned at random, thinned so that its odds were the same for all.

    A product with few fitting packages is sent in each of them more often than one with many, and one with many such
    shipments reaches more of its packages: of s shipments at least one takes a package of propensity q with
    probability 1 - (1 - q)^s.
    """
    assigned = pair_outcomes.groupBy(*PRODUCT).agg(F.sum("n_random").alias("shipments"))
    reached = (1 - F.pow(1 - F.col("propensity"), F.col("shipments"))).alias("probability")
    odds = pair_tests.where("source = 'shipments' AND propensity IS NOT NULL").join(assigned, on=PRODUCT, how="inner")
    drawn = _drawn_shipments(certify, pair_outcomes, "random_draw")
    return thin(drawn.join(odds.select(*PAIR, reached), on=PAIR, how="inner"), seed, CELL)


def _drawn_shipments(certify: DataFrame, pair_outcomes: DataFrame, draw: str) -> DataFrame:
    shipment = F.struct(F.col(f"{draw}_hash"), F.col(f"{draw}_damaged").alias("bad"))
    periods = pair_outcomes.where(F.col(f"{draw}_hash").isNotNull() & F.col(f"{draw}_damaged").isNotNull())
    # The smallest hash over all months is one shipment drawn alike from all of them.
    drawn = periods.groupBy(*PAIR).agg(F.min(shipment).alias("drawn")).select(*PAIR, "drawn.bad")
    return certify.join(drawn, on=PAIR, how="inner")


def _whole_frame(labelled: DataFrame) -> DataFrame:
    """A frame whose population is its own pairs: each is in it with probability 1."""
    certain = labelled.withColumn("probability", F.lit(1.0))
    return _with_group_pairs(certain, certain).select(*FRAME)


def _with_group_pairs(labelled: DataFrame, population: DataFrame) -> DataFrame:
    """Add `group_pairs`: pairs of the group in the cell and population."""
    sizes = population.groupBy(*CELL, "group_id").agg(F.count("*").alias("group_pairs"))
    return labelled.join(sizes, on=[*CELL, "group_id"], how="inner")
