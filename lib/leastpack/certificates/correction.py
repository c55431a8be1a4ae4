"""How far labels of the calibrate split lie from what the model predicts: what rounds are planned on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from scipy import stats

from leastpack.certificates.terms import Terms
from leastpack.policy.exact import Floats
from leastpack.tables.by_pair import pairs
from leastpack.tables.keys import PAIR, PRODUCT

# Values of a factor that a plan reckons with, and shipments of a pair that count at most.
QUANTILES = 9
MOST_SHIPMENTS = 20


@dataclass(frozen=True)
class Correction:
    """How far labels lie from what is predicted of the pairs at or under each level of the grid.

    Attributes:
        found: (G,) bad ones found among labelled pairs.
        expected: (G,) bad ones that were predicted of these.
    """

    found: Floats
    expected: Floats

    @property
    def factors(self) -> Floats:
        """(QUANTILES, G) what predictions are to be multiplied by, each row as likely as the others.

        Quantiles of the gamma distribution of found / expected, with a prior worth one bad label as predicted: few
        labels leave much open, and a round is planned on all that they leave open.
        """
        shape, scale = self.found + 1, 1 / (self.expected + 1)
        places = (np.arange(QUANTILES) + 0.5) / QUANTILES
        return np.asarray(stats.gamma.ppf(places[:, None], shape, scale=scale), dtype=np.float64)


def risk_correction(examples: DataFrame, scores: DataFrame, terms: Terms) -> Correction:
    """How far labels of the calibrate split lie from risks.

    Only pairs count that were labelled whatever their outcome, by tests or many shipments: the targets of others carry
    little more than the prior that they come from.

    Args:
        examples: Rows of `training_examples` of that split.
        scores: `scores`.
        terms: The policy.
    """
    chosen = examples.where("eligible OR by_human_test")
    labelled = chosen.join(_predicted(scores, chosen), on=PAIR, how="inner")
    return _by_level(labelled, F.col("target"), F.col("risk"), terms)


def damage_correction(examples: DataFrame, outcomes: DataFrame, scores: DataFrame, terms: Terms) -> Correction:
    """How far the reported damage of the calibrate split lies from predicted damage rates.

    A pair counts as MOST_SHIPMENTS at most: of a few that sell most nothing would be learnt of the others.

    Args:
        examples: Rows of `training_examples` of that split.
        outcomes: `pair_outcomes`.
        scores: `scores`.
        terms: The policy.
    """
    shipped = outcomes.where("n > 0").groupBy(*PAIR).agg(F.sum("n").alias("n"), F.sum("k_upper").alias("k"))
    own = shipped.join(examples.select(*PAIR), on=PAIR, how="left_semi")
    counted = F.least(F.col("n"), F.lit(MOST_SHIPMENTS))
    labelled = own.join(_predicted(scores, own), on=PAIR, how="inner")
    return _by_level(labelled, counted * F.col("k") / F.col("n"), counted * F.col("damage_rate"), terms)


def _predicted(scores: DataFrame, labelled: DataFrame) -> DataFrame:
    """Pair, risk and damage_rate of the products of labelled pairs, where they have a risk."""
    theirs = scores.join(labelled.select(*PRODUCT).distinct(), on=PRODUCT, how="left_semi")
    return pairs(theirs).where("risk IS NOT NULL").select(*PAIR, "risk", "damage_rate")


def _by_level(labelled: DataFrame, found: Column, expected: Column, terms: Terms) -> Correction:
    """Sums of what was found and expected of the pairs whose risk is at or under each level."""
    levels = F.array(*[F.lit(float(level)) for level in terms.grid])
    place = F.size(F.filter(levels, lambda level: level < F.col("risk")))
    sums = [
        F.sum(value.cast("decimal(28,9)")).cast("double").alias(name)
        for name, value in (("found", found), ("expected", expected))
    ]
    totals = np.zeros((2, len(terms.grid) + 1))
    for row in labelled.groupBy(place.alias("place")).agg(*sums).collect():
        totals[:, row.place] = row.found, row.expected
    under = np.cumsum(totals, axis=1)[:, :-1]
    return Correction(under[0], under[1])
