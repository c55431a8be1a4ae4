"""Weights in grams out of texts and numbers; a lost unit is judged by what weight the product can have."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column
from pyspark.sql import functions as F

from leastpack.catalog.limits import (
    MAX_USUAL_DENSITY,
    MAX_WEIGHT_RATIO,
    MIN_USUAL_DENSITY,
    USUAL_DENSITY,
    plausible_weight,
)
from leastpack.catalog.numbers import TIGHT_NUMBER, bind, factor, lookup, number, only_number, plain, word_pattern

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

_UNIT = word_pattern(WEIGHT_WORDS)
_POUNDS_AND_OUNCES = rf"^[^\d]*({TIGHT_NUMBER})\s*(?:lbs?|pounds?)[^\d]*?({TIGHT_NUMBER})\s*(?:oz|ounces?)\.?$"
_FLUID = r"fl\.? ?oz|fluid"


def weight_candidates(text: Column, unit: str, lost_units: Sequence[str], decimal_comma: bool) -> Column:
    """What a weight may be, in grams: one candidate where the unit is known, several where it was lost.

    Args:
        text: Such as `0,350 kg`, `2 lbs 3 oz`, `12 ounces` or `1 246 `.
        unit: Unit where the text names none, or `lost`.
        lost_units: Units a lost one may have been.
        decimal_comma: The source writes decimal commas.

    Returns:
        array<double>; empty where the text cannot be read, null where it is null.
    """

    def read(words: Column) -> Column:
        pounds = number(F.regexp_extract(words, _POUNDS_AND_OUNCES, 1), decimal_comma)
        ounces = number(F.regexp_extract(words, _POUNDS_AND_OUNCES, 2), decimal_comma)
        value = only_number(words, decimal_comma)
        named = lookup(WEIGHT_WORDS, F.regexp_extract(words, _UNIT, 1))
        assumed = lost_units if unit == LOST else [unit]
        several = F.array(*[value * GRAMS[name] for name in assumed])
        return (
            F.when(words.rlike(_FLUID), F.array().cast("array<double>"))
            .when(words.rlike(_POUNDS_AND_OUNCES), F.array(pounds * GRAMS["lb"] + ounces * GRAMS["oz"]))
            .when(named.isNotNull(), F.array(value * factor(named, GRAMS)))
            .when(words.rlike(r"\p{L}"), F.array().cast("array<double>"))
            .otherwise(several)
        )

    return F.when(text.isNotNull(), F.array_compact(bind(plain(text), read)))


def judge_weight(candidates: Column, volume_cm3: Column, measured_g: Column) -> Column:
    """The weight that the candidates of `weight_candidates` come to.

    Among several, the one nearest (in logarithm) to what the product should weigh: its measured weight where there is
    one, else its volume at the usual density of 0.25 g/cm3, the middle of a log-normal prior. It must also be within a
    factor of 4 of the measured weight, or of a density between 0.01 and 8 g/cm3. All units are equally likely before.

    Args:
        candidates: array<double> in grams.
        volume_cm3: Best known volume, null if none.
        measured_g: Weight measured in the tunnel, null if none.

    Returns:
        struct<weight_g: double, code: string>: WEIGHT_UNREADABLE, ABSURD_WEIGHT, WEIGHT_UNIT_UNKNOWN beside a null
        weight; WEIGHT_UNIT_JUDGED beside a weight whose unit was lost.
    """
    expected = F.coalesce(measured_g, volume_cm3 * USUAL_DENSITY)
    measured = measured_g.isNotNull()
    least = F.when(measured, measured_g / MAX_WEIGHT_RATIO).otherwise(volume_cm3 * MIN_USUAL_DENSITY)
    most = F.when(measured, measured_g * MAX_WEIGHT_RATIO).otherwise(volume_cm3 * MAX_USUAL_DENSITY)

    def judge(given: Column) -> Column:
        usual = F.filter(given, lambda grams: plausible_weight(grams) & grams.between(least, most))
        ranked = F.array_sort(
            F.transform(usual, lambda grams: F.struct(F.abs(F.ln(grams / expected)).alias("off"), grams.alias("grams")))
        )
        nearest = F.get(ranked, F.lit(0))["grams"]
        only = F.get(given, F.lit(0))
        count = F.size(given)
        weight = F.when((count == 1) & plausible_weight(only), only).when(count > 1, nearest)
        code = (
            F.when(count == 0, F.lit(WEIGHT_UNREADABLE))
            .when((count == 1) & ~plausible_weight(only), F.lit(ABSURD_WEIGHT))
            .when((count > 1) & nearest.isNull(), F.lit(WEIGHT_UNIT_UNKNOWN))
            .when(count > 1, F.lit(WEIGHT_UNIT_JUDGED))
        )
        return F.struct(weight.alias("weight_g"), code.alias("code"))

    return bind(candidates, judge)
