"""Panels: products drawn by hash whose test results settle certificates and therefore must not train the model.

Which products are in a panel follows from their keys alone, so that the steps before certify know it too.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from functools import reduce

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

from leastpack.tables import Tables
from leastpack.tables.keys import PRODUCT


def uniform(seed: int | Column, purpose: str, *columns: str) -> Column:
    """A number in [0, 1) by hash of seed, purpose and columns: the same in every run, whatever the partitions."""
    hashed = F.xxhash64(F.lit(seed).cast("int"), F.lit(purpose), *[F.col(name) for name in columns])
    return F.shiftrightunsigned(hashed, 11) / F.lit(float(2**53))


def panel_hash(seed: int, purpose: str = "panel") -> Column:
    """Where a product lies among all: a panel is a range of it, a pilot's products are one of another such hash."""
    return uniform(seed, purpose, *PRODUCT)


def audits(rounds: DataFrame) -> DataFrame:
    """The rounds of tests among all rounds."""
    return rounds.where("labels IS NULL OR labels = 'audit'")


def panel_rounds(rounds: DataFrame) -> DataFrame:
    """The rounds drawn from a panel among all rounds.

    Tests of a list are no part of one: the list is frozen, and the next one is drawn by another hash.
    """
    return audits(rounds).where("population IS NULL OR population = 'panel'")


def in_range(seed: int, start: float, end: float) -> Column:
    """Whether a product's hash lies from `start` to below `end`."""
    return (panel_hash(seed) >= start) & (panel_hash(seed) < end)


def panel_products(tables: Tables, day: datetime.date, panel_days: int) -> Column:
    """Whether a product is in a panel that is in use on a day.

    A panel is in use from its first draw for `panel_days`, and as long as a round of it may get results.

    Args:
        tables: For the rounds.
        day: The day.
        panel_days: Days after its first draw on which a panel ends.
    """
    panels = _in_use(tables, day, panel_days)
    return _any(in_range(row.seed, row.hash_from, row.hash_to) for row in panels)


def withheld_tests(tables: Tables, day: datetime.date, panel_days: int) -> Column:
    """Whether human tests of a pair are withheld from training, and from what counts before a certificate.

    They are where the product is in a panel, unless the pair was tested before its panel began.

    Args:
        tables: For the rounds.
        day: The day.
        panel_days: As in `panel_products`.

    Returns:
        A condition on the product's key and `tested_on`.
    """
    panels = _in_use(tables, day, panel_days)
    return _any(
        in_range(row.seed, row.hash_from, row.hash_to) & F.coalesce(F.col("tested_on") >= row.since, F.lit(True))
        for row in panels
    )


def _in_use(tables: Tables, day: datetime.date, panel_days: int) -> list[Row]:
    if not tables.exists("policy_rounds"):
        return []
    ranges = panel_rounds(tables.read("policy_rounds")).groupBy("seed", "hash_from")
    panels = ranges.agg(
        F.min("drawn_on").alias("since"), F.max("hash_to").alias("hash_to"), F.max("test_until").alias("until")
    ).collect()
    first = day - datetime.timedelta(days=panel_days)
    return [row for row in panels if row.since > first or row.until > day]


def _any(conditions: Iterable[Column]) -> Column:
    return reduce(Column.__or__, conditions, F.lit(False))
