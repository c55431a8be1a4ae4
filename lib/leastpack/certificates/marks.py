"""What is proven of single pairs, as bits."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import pandas as pd
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import pandas_udf

from leastpack.outcomes.bounds import lower_bounds
from leastpack.tables.keys import PAIR, PRODUCT

# SETTLED: proven safe by something else than the tests of a panel. BANNED: by a rule today. TESTED: by a person,
# whatever came of it. DISPROVED and RULED: the policy never chooses the pair. LISTED: the pair is on the frozen list of
# moves that was tested. Of several policies each next one has the three bits above.
SAFE, UNSAFE, SETTLED, ALARMED, BANNED, TESTED, DISPROVED, RULED, LISTED = 1, 2, 4, 8, 16, 32, 64, 128, 256
BITS_A_POLICY = 3
# Own shipments that show this surely that a pair is unsafe stop it at any number of shipments.
ALARM_CONFIDENCE = 0.999


def proven_labels(pair_tests: DataFrame) -> DataFrame:
    """Pairs whose safety is known: by a human test, else by as many shipments as may certify.

    Fewer shipments prove nothing: one damage among five shipments gives label UNSAFE, and often a wrong one.

    Returns:
        The key and `proven`: SAFE or UNSAFE.
    """
    decided = F.col("label").isin("SAFE", "UNSAFE")
    trusted = (F.col("source") == "human_test") | ((F.col("source") == "shipments") & F.col("eligible"))
    human_first = F.struct((F.col("source") != "human_test").alias("by_shipments"), "label")
    proven = pair_tests.where(decided & trusted).groupBy(*PAIR).agg(F.min(human_first).alias("first"))
    return proven.select(*PAIR, F.col("first.label").alias("proven"))


def alarmed_pairs(pair_tests: DataFrame, threshold: float) -> DataFrame:
    """Pairs whose own shipments show at 99.9 % that they break more often than the threshold.

    Args:
        pair_tests: The table.
        threshold: Highest reported damage rate that counts as safe.

    Returns:
        The key.
    """

    def lower(k: pd.Series, n: pd.Series) -> pd.Series:
        return pd.Series(lower_bounds(k.to_numpy(), n.to_numpy(), ALARM_CONFIDENCE))

    bound = pandas_udf(lower, "double")("k", "n")  # type: ignore[call-overload]
    # The bound of the table is lower at its confidence than this one can be where it is not above the threshold.
    suspects = pair_tests.where((F.col("source") == "shipments") & (F.col("lower") > threshold))
    return suspects.where(bound > threshold).select(*PAIR)


def disproved_pairs(told: DataFrame, threshold: float) -> DataFrame:
    """Pairs proven unsafe by shipments, or by tests that are no part of a panel.

    Args:
        told: `without_panels`.
        threshold: As in `alarmed_pairs`.

    Returns:
        The key.
    """
    unsafe = proven_labels(told).where("proven = 'UNSAFE'").select(*PAIR)
    return unsafe.unionByName(alarmed_pairs(told, threshold)).distinct()


def without_panels(pair_tests: DataFrame, withheld: Column) -> DataFrame:
    """The tests that are no part of a panel.

    Args:
        pair_tests: The table.
        withheld: `panel.withheld_tests`.
    """
    return pair_tests.where(~(withheld & (F.col("source") == "human_test")))


def product_marks(
    acting: DataFrame,
    told: DataFrame,
    banned: DataFrame,
    excluded: Sequence[DataFrame],
    threshold: float,
    stopped: DataFrame | None = None,
    tested: DataFrame | None = None,
) -> DataFrame:
    """The bits of all marked pairs, by product.

    Args:
        acting: Rows of `pair_tests` that may prove a pair now.
        told: `without_panels`: only these settle what a product ships in, or a panel would change by its own results.
        banned: `ruled.banned_pairs`.
        excluded: `exclusions` of some policies, with or without `listed`; the place of each tells its `policy_bit`.
        threshold: As in `alarmed_pairs`.
        stopped: Key of pairs that a pilot stopped, which prove unsafe what they are.
        tested: Key of pairs that a person has tested; None where nobody asks.

    Returns:
        marketplace, product_id, `marks`: package type to bits.
    """
    label = F.when(F.col("proven") == "SAFE", SAFE).otherwise(UNSAFE)
    sets = [
        proven_labels(acting).select(*PAIR, label.alias("mark")),
        proven_labels(told).where("proven = 'SAFE'").select(*PAIR, F.lit(SETTLED).alias("mark")),
        alarmed_pairs(told, threshold).select(*PAIR, F.lit(ALARMED).alias("mark")),
        banned.select(*PAIR, F.lit(BANNED).alias("mark")),
        *[pairs.select(*PAIR, _of_policy(pairs, place).alias("mark")) for place, pairs in enumerate(excluded)],
    ]
    for named, mark in ((stopped, UNSAFE), (tested, TESTED)):
        if named is not None:
            sets.append(named.select(*PAIR, F.lit(mark).alias("mark")))
    pairs = reduce(DataFrame.unionByName, sets).groupBy(*PAIR).agg(F.bit_or(F.col("mark").cast("bigint")).alias("mark"))
    marks = F.map_from_entries(F.collect_list(F.struct("package_type", "mark"))).alias("marks")
    return pairs.groupBy(*PRODUCT).agg(marks)


def exclusions(disproved: DataFrame, banned: DataFrame) -> DataFrame:
    """What a policy never chooses: key, `disproved`, `ruled`.

    Args:
        disproved: `disproved_pairs`.
        banned: `ruled.banned_pairs`.
    """
    both = disproved.select(*PAIR, F.lit(True).alias("disproved")).unionByName(
        banned.select(*PAIR, F.lit(True).alias("ruled")), allowMissingColumns=True
    )
    names = ("disproved", "ruled")
    return both.groupBy(*PAIR).agg(*[F.coalesce(F.max(name), F.lit(False)).alias(name) for name in names])


def policy_bit(place: int) -> int:
    """DISPROVED of the policy at this place; the bits above are its RULED and LISTED."""
    return DISPROVED << BITS_A_POLICY * place


def _of_policy(pairs: DataFrame, place: int) -> Column:
    times = policy_bit(place) // DISPROVED
    listed = F.coalesce("listed", F.lit(False)) if "listed" in pairs.columns else F.lit(False)
    # Exclusions written before there were rules tell neither.
    unsafe = F.when(F.coalesce("disproved", ~listed), times * DISPROVED).otherwise(0)
    ruled = F.when(F.col("ruled"), times * RULED).otherwise(0)
    return unsafe + ruled + F.when(listed, times * LISTED).otherwise(0)
