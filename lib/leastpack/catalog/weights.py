"""Weights in grams out of texts and numbers; a lost unit is judged by what weight the product can have."""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import Column
from pyspark.sql import functions as F

from leastpack.catalog.limits import (
    DENSITY_SPREAD,
    MAX_USUAL_DENSITY,
    MAX_WEIGHT_RATIO,
    MEASURED_SPREAD,
    MIN_USUAL_DENSITY,
    USUAL_DENSITY,
    plausible_weight,
)
from leastpack.catalog.numbers import TIGHT_NUMBER, bind, factor, lookup, number, only_number, plain, word_pattern
from leastpack.config.sources import LostUnit

GRAMS: dict[str, float] = {"mg": 0.001, "g": 1.0, "kg": 1000.0, "oz": 28.349523125, "lb": 453.59237}

_WORDS_BY_UNIT = {
    "mg": "mg milligram milligrams",
    "g": "g gr gram grams gramm gramme grammes grammi grammo gramos gramo グラム",
    "kg": "kg kgs kilo kilos kilogram kilograms kilogramm kilogramme kilogrammes chilogrammi kilogramos"
    " キロ キログラム",
    "oz": "oz ounce ounces unze unzen once onces oncia once onza onzas オンス",
    "lb": "lb lbs pound pounds libra libras libbra libbre ポンド",
}
WEIGHT_WORDS = {word: unit for unit, words in _WORDS_BY_UNIT.items() for word in words.split()}
LOST = "lost"

WEIGHT_UNREADABLE = "WEIGHT_UNREADABLE"
WEIGHT_UNIT_JUDGED = "WEIGHT_UNIT_JUDGED"
WEIGHT_UNIT_UNKNOWN = "WEIGHT_UNIT_UNKNOWN"
ABSURD_WEIGHT = "ABSURD_WEIGHT"

WEIGHT_PATTERN = word_pattern(WEIGHT_WORDS)
_POUNDS_AND_OUNCES = rf"^[^\d]*({TIGHT_NUMBER})\s*(?:lbs?|pounds?)[^\d]*?({TIGHT_NUMBER})\s*(?:oz|ounces?)\.?$"
_FLUID = r"fl\.? ?oz|fluid"


def weight_candidates(text: Column, unit: str, lost_units: Mapping[LostUnit, float], decimal_comma: bool) -> Column:
    """What a weight may be: one candidate where the unit is known, several where it was lost.

    Args:
        text: Such as `0,350 kg`, `2 lbs 3 oz`, `12 ounces` or `1 246 `.
        unit: Unit where the text names none, or `lost`.
        lost_units: Units a lost one may have been, with their odds.
        decimal_comma: The source writes decimal commas.

    Returns:
        array<struct<grams: double, odds: double>>; empty where the text cannot be read, null where it is null.
    """

    def read(words: Column) -> Column:
        pounds = number(F.regexp_extract(words, _POUNDS_AND_OUNCES, 1), decimal_comma)
        ounces = number(F.regexp_extract(words, _POUNDS_AND_OUNCES, 2), decimal_comma)
        value = only_number(words, decimal_comma)
        named = lookup(WEIGHT_WORDS, F.regexp_extract(words, WEIGHT_PATTERN, 1))
        lost = [_candidate(value * GRAMS[name], odds) for name, odds in lost_units.items()]
        several = F.array(*lost) if unit == LOST else F.array(_candidate(value * GRAMS[unit]))
        return (
            F.when(words.rlike(_FLUID), _none())
            .when(words.rlike(_POUNDS_AND_OUNCES), F.array(_candidate(pounds * GRAMS["lb"] + ounces * GRAMS["oz"])))
            .when(named.isNotNull(), F.array(_candidate(value * factor(named, GRAMS))))
            .when(words.rlike(r"\p{L}"), _none())
            .otherwise(several)
        )

    known = F.filter(bind(plain(text), read), lambda candidate: candidate["grams"].isNotNull())
    return F.when(text.isNotNull(), known)


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


def _none() -> Column:
    return F.array().cast("array<struct<grams: double, odds: double>>")
