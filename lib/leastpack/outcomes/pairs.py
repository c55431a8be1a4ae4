"""Shipments and tests counted by pair: `pair_outcomes`, and what they say of safety: `pair_tests`."""

from __future__ import annotations

import pandas as pd
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import pandas_udf

from leastpack.config.outcomes import OutcomesConfig
from leastpack.outcomes.bounds import SAFE, UNKNOWN, UNSAFE, labels, lower_bounds, upper_bounds
from leastpack.outcomes.cleaning import PAIR
from leastpack.outcomes.testers import needed_passes

BY_SHIPMENTS, BY_HUMAN_TEST = "shipments", "human_test"


def monthly_outcomes(shipments: DataFrame, salt: str) -> DataFrame:
    """Count the shipments that count, and draw one of each month by hash.

    The shipment with the smallest hash of a month is drawn; the smallest over months is then the draw over all months,
    so that any number of months can be added later. Which one is drawn depends on identifiers and salt alone. Of
    shipments drawn at random only those of one item are: two items in one package have one draw and break together.

    Args:
        shipments: Rows of `marked_shipments`.
        salt: Another salt draws anew.

    Returns:
        The columns of `pair_outcomes`.
    """
    at_random = F.col("propensity").isNotNull()
    alone = F.col("items") == 1
    damaged = F.col("damaged").cast("bigint")
    may_be = (F.col("damaged") | F.col("maybe")).alias("damaged")
    drawn = F.struct(F.xxhash64("marketplace", "shipment_id", "product_id", F.lit(salt)).alias("hash"), may_be)
    reports = (damaged + F.col("maybe").cast("bigint")).alias("k_upper")
    random_drawn = F.struct(drawn["hash"].alias("hash"), may_be, damaged.alias("k"), reports, "propensity")
    counted = shipments.groupBy(*PAIR, F.date_format("shipped_on", "yyyy-MM").alias("period")).agg(
        F.count("*").alias("n"),
        F.sum(damaged).alias("k"),
        F.count_if("maybe").alias("maybe"),
        F.count_if(at_random).alias("n_random"),
        F.sum(F.when(at_random, damaged).otherwise(F.lit(0))).alias("k_random"),
        F.min(drawn).alias("drawn"),
        F.count_if(at_random & alone).alias("n_random_single"),
        F.min(F.when(at_random & alone, random_drawn)).alias("random_drawn"),
        # Decimals add up to the same sum in any order, doubles do not.
        F.sum(F.col("propensity").cast("decimal(11,10)")).alias("propensity_sum"),
        F.min(F.when(alone, F.col("propensity"))).alias("least_propensity"),
    )
    return counted.select(
        *PAIR,
        "period",
        "n",
        "k",
        # A shipment that one report damaged and another may mean stands for two damages.
        F.least("n", F.col("k") + F.col("maybe")).alias("k_upper"),
        "n_random",
        "k_random",
        "n_random_single",
        F.col("drawn.damaged").alias("draw_damaged"),
        F.col("drawn.hash").alias("draw_hash"),
        F.col("random_drawn.damaged").alias("random_draw_damaged"),
        F.col("random_drawn.hash").alias("random_draw_hash"),
        F.col("random_drawn.k").alias("random_draw_k"),
        F.col("random_drawn.k_upper").alias("random_draw_k_upper"),
        F.col("random_drawn.propensity").alias("random_draw_propensity"),
        "propensity_sum",
        "least_propensity",
    )


def shipment_tests(monthly: DataFrame, config: OutcomesConfig) -> DataFrame:
    """What all shipments of a pair say: bounds of the reported damage rate against tau times the reporting rate.

    The lower bound is of k, what is known to be damaged; the upper one of k_upper, what may be.
    A pair is eligible from n_min shipments on, whatever became of them.

    Args:
        monthly: Rows of `pair_outcomes`.
        config: The rules.

    Returns:
        The columns of `pair_tests`, source `shipments`, and n_policy: shipments whose package was chosen.
    """
    totals = monthly.groupBy(*PAIR).agg(
        *[F.sum(name).alias(name) for name in ("n", "k", "k_upper", "n_random", "propensity_sum")],
    )
    judged = totals.withColumn("judged", _label(config))
    return judged.select(
        *PAIR,
        F.lit(BY_SHIPMENTS).alias("source"),
        "judged.label",
        "n",
        "k",
        "k_upper",
        "judged.lower",
        "judged.upper",
        (F.col("n") >= config.n_min).alias("eligible"),
        F.lit(None).cast("double").alias("draw_probability"),
        F.lit(None).cast("string").alias("draw_round"),
        F.lit(None).cast("date").alias("tested_on"),
        F.when(F.col("n_random") > 0, F.col("propensity_sum").cast("double") / F.col("n_random")).alias("propensity"),
        (F.col("n") - F.col("n_random")).alias("n_policy"),
    )


def human_tests(tests: DataFrame, config: OutcomesConfig) -> DataFrame:
    """What human tests of a pair say: UNSAFE if any test says so, else SAFE if enough tests passed, else UNKNOWN.

    That can only make a certificate stricter. A pair is eligible where a test was drawn with known probability.

    Args:
        tests: Used rows of human tests.
        config: The rules.

    Returns:
        The columns of `pair_tests`, source `human_test`.
    """
    unsafe = F.upper("result") == UNSAFE
    needed = needed_passes(config)
    passed = F.col("n") >= needed if needed is not None else F.lit(False)
    drawn = F.struct("tested_at", "test_id", "draw_probability", "draw_round")
    by_chance = F.col("draw_probability").isNotNull()
    found = tests.groupBy(*PAIR).agg(
        F.count("*").alias("n"),
        F.count_if(unsafe).alias("k"),
        F.min(F.when(by_chance, drawn)).alias("first"),
        F.min(F.to_date("tested_at")).alias("tested_on"),
    )
    return found.select(
        *PAIR,
        F.lit(BY_HUMAN_TEST).alias("source"),
        F.when(F.col("k") > 0, F.lit(UNSAFE)).when(passed, F.lit(SAFE)).otherwise(F.lit(UNKNOWN)).alias("label"),
        "n",
        "k",
        F.lit(None).cast("bigint").alias("k_upper"),
        F.lit(None).cast("double").alias("lower"),
        F.lit(None).cast("double").alias("upper"),
        F.col("first").isNotNull().alias("eligible"),
        "first.draw_probability",
        "first.draw_round",
        "tested_on",
        F.lit(None).cast("double").alias("propensity"),
    )


def _label(config: OutcomesConfig) -> Column:
    threshold, confidence = config.threshold, config.confidence

    def judge(k: pd.Series, k_upper: pd.Series, n: pd.Series) -> pd.DataFrame:
        # Most pairs share their counts with many others, and the bounds are what costs.
        counts = pd.DataFrame({"k": k, "k_upper": k_upper, "n": n})
        cells = counts.drop_duplicates()
        lower = lower_bounds(cells["k"], cells["n"], confidence)
        upper = upper_bounds(cells["k_upper"], cells["n"], confidence)
        found = cells.assign(label=labels(lower, upper, threshold), lower=lower, upper=upper)
        return counts.merge(found, on=["k", "k_upper", "n"], how="left")[["label", "lower", "upper"]]

    return pandas_udf(judge, "label string, lower double, upper double")("k", "k_upper", "n")  # type: ignore[call-overload,no-any-return]
