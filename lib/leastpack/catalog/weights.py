"""A lost unit of weight is judged by what weight the product can have."""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import Column
from pyspark.sql import functions as F

from leastpack.catalog.columns import bind
from leastpack.catalog.limits import (
    DENSITY_SPREAD,
    MAX_USUAL_DENSITY,
    MAX_WEIGHT_RATIO,
    MEASURED_SPREAD,
    MIN_USUAL_DENSITY,
    USUAL_DENSITY,
    plausible_weight,
)
from leastpack.config.sources import LostUnit
from leastpack.measures.units import GRAMS

LOST = "lost"

WEIGHT_UNREADABLE = "WEIGHT_UNREADABLE"
WEIGHT_UNIT_JUDGED = "WEIGHT_UNIT_JUDGED"
WEIGHT_UNIT_UNKNOWN = "WEIGHT_UNIT_UNKNOWN"
ABSURD_WEIGHT = "ABSURD_WEIGHT"
WEIGHT_CODES = (WEIGHT_UNREADABLE, WEIGHT_UNIT_JUDGED, WEIGHT_UNIT_UNKNOWN, ABSURD_WEIGHT)


def weight_candidates(grams: Column, number: Column, lost_units: Mapping[LostUnit, float]) -> Column:
    """What a weight may be: one candidate where the unit is known, several where it was lost.

    Args:
        grams: Grams where the unit is known, else null.
        number: The number where the unit was lost, else null.
        lost_units: Units a lost one may have been, with their odds.

    Returns:
        array<struct<grams: double, odds: double>>; empty where both are null.
    """
    lost = [_candidate(number * GRAMS[name], odds) for name, odds in lost_units.items()]
    return (
        F.when(grams.isNotNull(), F.array(_candidate(grams)))
        .when(number.isNotNull(), F.array(*lost))
        .otherwise(F.array().cast("array<struct<grams: double, odds: double>>"))
    )


def judge_weight(candidates: Column, volume_cm3: Column, measured_g: Column) -> Column:
    """The weight that the candidates of `weight_candidates` come to.

    Among several, the likeliest: log-normal around the weight the tunnel measured (spread 0.3) where there is one, else
    around the volume at 0.25 g/cm3 (spread 1.2), times the odds of its unit. It must also be within a factor of 4 of
    the measured weight, or of a density between 0.01 and 8 g/cm3.

    Args:
        candidates: array<struct<grams: double, odds: double>>.
        volume_cm3: Best known volume, null if none.
        measured_g: Weight measured in the tunnel, null if none.

    Returns:
        struct<weight_g: double, code: string>: WEIGHT_UNREADABLE, ABSURD_WEIGHT, WEIGHT_UNIT_UNKNOWN beside a null
        weight; WEIGHT_UNIT_JUDGED beside a weight whose unit was lost.
    """
    expected = F.coalesce(measured_g, volume_cm3 * USUAL_DENSITY)
    measured = measured_g.isNotNull()
    spread = F.when(measured, F.lit(MEASURED_SPREAD)).otherwise(F.lit(DENSITY_SPREAD))
    least = F.when(measured, measured_g / MAX_WEIGHT_RATIO).otherwise(volume_cm3 * MIN_USUAL_DENSITY)
    most = F.when(measured, measured_g * MAX_WEIGHT_RATIO).otherwise(volume_cm3 * MAX_USUAL_DENSITY)

    def usual(candidate: Column) -> Column:
        return plausible_weight(candidate["grams"]) & candidate["grams"].between(least, most)

    def ranked(candidate: Column) -> Column:
        off = F.ln(candidate["grams"] / expected) / spread
        return F.struct((off * off / 2 - F.ln(candidate["odds"])).alias("unlikely"), candidate["grams"].alias("grams"))

    def judge(given: Column) -> Column:
        likeliest = F.get(F.array_sort(F.transform(F.filter(given, usual), ranked)), F.lit(0))["grams"]
        only = F.get(given, F.lit(0))["grams"]
        count = F.size(given)
        weight = F.when((count == 1) & plausible_weight(only), only).when(count > 1, likeliest)
        code = (
            F.when(count == 0, F.lit(WEIGHT_UNREADABLE))
            .when((count == 1) & ~plausible_weight(only), F.lit(ABSURD_WEIGHT))
            .when((count > 1) & likeliest.isNull(), F.lit(WEIGHT_UNIT_UNKNOWN))
            .when(count > 1, F.lit(WEIGHT_UNIT_JUDGED))
        )
        return F.struct(weight.alias("weight_g"), code.alias("code"))

    return bind(candidates, judge)


def _candidate(grams: Column, odds: float = 1.0) -> Column:
    return F.struct(grams.alias("grams"), F.lit(odds).cast("double").alias("odds"))
