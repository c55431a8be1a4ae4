"""Training examples: every pair with shipments or a human test, with target, weight and split."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import pandas_udf

from leastpack.config.outcomes import OutcomesConfig
from leastpack.outcomes.bounds import UNKNOWN, UNSAFE
from leastpack.outcomes.cleaning import PAIR
from leastpack.outcomes.groups import split_column
from leastpack.outcomes.priors import BetaPrior, Floats, credibility, fit_pool, fit_type, posterior_unsafe
from leastpack.outcomes.testers import posterior_after_tests

# Pairs with more shipments enter the histogram as if they had this many: it bounds what the driver holds, and says
# nothing less of the prior, since such a pair's rate is known much better than rates differ.
HISTOGRAM_CAP = 1000


def labelled_pairs(by_shipments: DataFrame, by_tests: DataFrame) -> DataFrame:
    """One row a pair with shipments or a human test; the human test overrules, unless it leaves the pair UNKNOWN.

    Args:
        by_shipments: Rows of `shipment_tests`.
        by_tests: Rows of `human_tests`.

    Returns:
        The pair, label, n, k, k_upper, n_policy, eligible, by_human_test, tests, unsafe_tests, draw_probability and
        draw_round.
    """
    shipped, tested = by_shipments.alias("shipped"), by_tests.alias("tested")
    both = shipped.join(tested, on=list(PAIR), how="full")
    none = F.lit(0).cast("bigint")
    return both.select(
        *PAIR,
        F.coalesce(F.nullif("tested.label", F.lit(UNKNOWN)), "shipped.label", "tested.label").alias("label"),
        F.coalesce("shipped.n", none).alias("n"),
        F.coalesce("shipped.k", none).alias("k"),
        F.coalesce("shipped.k_upper", none).alias("k_upper"),
        F.coalesce("shipped.n_policy", none).alias("n_policy"),
        (F.coalesce("tested.eligible", F.lit(False)) | F.coalesce("shipped.eligible", F.lit(False))).alias("eligible"),
        F.col("tested.label").isNotNull().alias("by_human_test"),
        F.col("tested.n").alias("tests"),
        F.col("tested.k").alias("unsafe_tests"),
        "tested.draw_probability",
        "tested.draw_round",
    )


def placed_pairs(pairs: DataFrame, groups: DataFrame, packages: DataFrame, config: OutcomesConfig) -> DataFrame:
    """Add group, split, sample hash, protection profile and whether a pair is less protective than ever shipped.

    Args:
        pairs: Rows of `labelled_pairs`.
        groups: Rows of `product_groups`.
        packages: package_types.
        config: The rules.

    Returns:
        The same rows with group_id, split, sample_hash, kind, profile_hash and less_protective.
    """
    described = packages.select("marketplace", "package_type", "kind", "profile", "profile_hash")
    placed = pairs.join(groups, on=["marketplace", "product_id"], how="inner").join(
        F.broadcast(described), on=["marketplace", "package_type"], how="inner"
    )
    policy = placed.groupBy("marketplace", "product_id").agg(
        F.collect_set(F.when(F.col("n_policy") > 0, F.col("profile"))).alias("policy")
    )
    return placed.join(policy, on=["marketplace", "product_id"], how="inner").select(
        *pairs.columns,
        "group_id",
        split_column(F.col("group_id"), config.split).alias("split"),
        F.xxhash64(*PAIR, F.lit(config.split.salt)).alias("sample_hash"),
        "kind",
        "profile_hash",
        _dominated("profile", "policy").alias("less_protective"),
    )


def fit_priors(placed: DataFrame, packages: DataFrame, config: OutcomesConfig) -> dict[str, BetaPrior]:
    """Priors of the reported damage rate by protection profile, from the train split alone.

    Args:
        placed: Rows of `placed_pairs`.
        packages: package_types.
        config: The rules.

    Returns:
        Profile hash to prior, for every profile of a package type.
    """
    n = F.least("n", F.lit(HISTOGRAM_CAP)).alias("n")
    # As the targets do: what may be damaged counts in full.
    damaged = F.col("k_upper")
    k = F.when(F.col("n") > HISTOGRAM_CAP, F.round(damaged * HISTOGRAM_CAP / F.col("n"))).otherwise(damaged)
    train = placed.where("split = 'train' AND n > 0")
    cells = train.groupBy("profile_hash", n, k.cast("bigint").alias("k")).agg(F.count("*").alias("pairs"))
    # The order decides the rounding of the sums, so it is fixed.
    histogram: pd.DataFrame = cells.orderBy("profile_hash", "n", "k").toPandas()
    pool = fit_pool(*_cells(histogram), config.threshold)
    profiles = [row[0] for row in packages.select("profile_hash").distinct().orderBy("profile_hash").collect()]
    return {profile: fit_type(*_cells(histogram[histogram["profile_hash"] == profile]), pool) for profile in profiles}


def training_examples(
    spark: SparkSession, placed: DataFrame, priors: Mapping[str, BetaPrior], config: OutcomesConfig
) -> DataFrame:
    """Give every pair its target and weight.

    A label from n_min shipments on makes the target 0 or 1. Below n_min the target is the posterior probability
    whatever the label: there a label is reached only by some outcomes (one damage in five shipments), and taking it for
    the truth would learn from that selection. For the same reason the weight looks at n and never at k. Human tests
    move the shipments' posterior, to 0 or 1 where testers do not err.

    Args:
        spark: The session.
        placed: Rows of `placed_pairs`.
        priors: Priors by profile hash.
        config: The rules.

    Returns:
        The columns of `training_examples`, and kind.
    """
    rows = [(profile, prior.a, prior.b) for profile, prior in sorted(priors.items())]
    prior = spark.createDataFrame(rows, "profile_hash string, a double, b double")
    joined = placed.join(F.broadcast(prior), on="profile_hash", how="inner")
    certain = (F.col("label") != UNKNOWN) & (F.col("n") >= config.n_min)
    by_label = (F.col("label") == UNSAFE).cast("double")
    soft = joined.withColumn("soft", _soft(config.threshold)).withColumn("tested", _tested(config))
    return soft.select(
        *PAIR,
        "group_id",
        "split",
        "label",
        F.coalesce("tested", F.when(certain, by_label), "soft.target").alias("target"),
        F.when(F.col("by_human_test"), F.lit(1.0)).otherwise(F.col("soft.weight")).alias("weight"),
        "n",
        "k",
        "eligible",
        "by_human_test",
        "draw_probability",
        "draw_round",
        "less_protective",
        "sample_hash",
        "kind",
    )


def _dominated(profile: str, policy: str) -> Column:
    """At most as protective as every policy profile in every attribute, and not the same; false without any."""

    def under(other: Column) -> Column:
        no_more = F.forall(F.zip_with(F.col(profile), other, lambda mine, its: mine <= its), lambda holds: holds)
        return no_more & (F.col(profile) != other)

    return (F.size(policy) > 0) & F.forall(policy, under)


def _cells(histogram: pd.DataFrame) -> tuple[Floats, Floats, Floats]:
    k, n, pairs = (histogram[name].to_numpy(np.float64) for name in ("k", "n", "pairs"))
    return k, n, pairs


def _soft(threshold: float) -> Column:
    def soft(columns: Iterator[tuple[pd.Series, pd.Series, pd.Series, pd.Series]]) -> Iterator[pd.DataFrame]:
        for k, n, a, b in columns:
            yield pd.DataFrame({"target": posterior_unsafe(k, n, a, b, threshold), "weight": credibility(n, a, b)})

    return pandas_udf(soft, "target double, weight double")("k_upper", "n", "a", "b")  # type: ignore[call-overload,no-any-return]


def _tested(config: OutcomesConfig) -> Column:
    """Posterior after the human tests; null without any."""

    def tested(columns: Iterator[tuple[pd.Series, pd.Series, pd.Series]]) -> Iterator[pd.Series]:
        for prior, tests, unsafe in columns:
            some = tests.notna().to_numpy()
            found = np.full(len(prior), np.nan)
            found[some] = posterior_after_tests(prior[some], tests[some], unsafe[some], config)
            yield pd.Series(found)

    return pandas_udf(tested, "double")("soft.target", "tests", "unsafe_tests")  # type: ignore[call-overload,no-any-return]
