"""Sides in centimetres out of texts and numbers in any unit."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

from leastpack.catalog.limits import plausible_side
from leastpack.catalog.numbers import TIGHT_NUMBER, bind, factor, lookup, number, plain, word_pattern
from leastpack.catalog.weights import WEIGHT_WORDS

CM: dict[str, float] = {"mm": 0.1, "cm": 1.0, "dm": 10.0, "m": 100.0, "in": 2.54, "ft": 30.48}

_WORDS_BY_UNIT = {
    "mm": "mm millimeter millimeters millimetre millimetres millimètre millimètres millimetri milímetros"
    " ミリ ミリメートル",
    "cm": "cm centimeter centimeters centimetre centimetres centimètre centimètres zentimeter centimetri centímetros"
    " センチ センチメートル",
    "dm": "dm dezimeter decimeter decimetre",
    "m": "m meter meters metre metres mètre mètres metri metros メートル",
    "in": "in ins inch inches zoll pouce pouces pulgada pulgadas pollice pollici インチ \" ''",
    "ft": "ft feet foot fuß pied pieds pie pies ' フィート",
}
LENGTH_WORDS = {word: unit for unit, words in _WORDS_BY_UNIT.items() for word in words.split()}

SIZE_UNREADABLE = "SIZE_UNREADABLE"
SIZE_TWO_SIDES = "SIZE_TWO_SIDES"
SIZE_OF_PACKAGE = "SIZE_OF_PACKAGE"
ABSURD_SIDE = "ABSURD_SIDE"

_BETWEEN = r"[x*;]|, |\s/\s|(?<!\p{IsLatin})(?:by|mal|par|per|por)(?!\p{IsLatin})"
LENGTH_PATTERN = word_pattern(LENGTH_WORDS)
_WEIGHT = rf"{TIGHT_NUMBER}\s*{word_pattern(WEIGHT_WORDS)}"
_FEET = rf"^[^\d]*({TIGHT_NUMBER})\s*(?:'|ft\.?|feet|foot)"
_FEET_AND_INCHES = _FEET + rf"\s*({TIGHT_NUMBER})\s*(?:\"|''|in\.?|inch|inches)?\s*$"
_FRACTION = r"^[^\d]*(?:(\d+)[ -])? ?(\d+)/(2|4|8|16|32|64)(?!\d)[^\d]*$"


def size_from_text(text: Column, unit: str, decimal_comma: bool) -> Column:
    """All sides of a product out of one text.

    Two parts leave the third side unknown. Six parts are the item's and the package's size: the one of the larger
    volume is taken. A unit behind one part holds for the parts before it.

    Args:
        text: Such as `7.6 x 4.8 x 1.4 inches`, `19,5 x 12 x 3,2 cm` or `5' 3" x 2' x 8"`.
        unit: Unit where the text names none.
        decimal_comma: The source writes decimal commas.

    Returns:
        struct<sides: array<double>, code: string>: two or three sides in cm as given, or none and the code
        SIZE_UNREADABLE; SIZE_TWO_SIDES or SIZE_OF_PACKAGE beside sides. Null for a null text.
    """
    without_weight = F.regexp_replace(plain(text), _WEIGHT, " ")
    parts = F.filter(F.split(without_weight, _BETWEEN), lambda part: part.rlike(r"\d"))
    read = F.transform(parts, lambda part: _read_part(part, decimal_comma))
    return F.when(text.isNotNull(), bind(read, lambda found: _arrange(found, unit)))


def side_from_text(text: Column, unit: str, decimal_comma: bool) -> Column:
    """One side in cm out of a text or a number; null where it cannot be read."""
    read = _read_part(plain(text), decimal_comma)
    return bind(read, lambda part: _in_cm(part, F.coalesce(part["after"], part["before"], F.lit(unit))))


def clean_sides(sides: Column) -> Column:
    """Plausible sides, longest first; none where fewer than two are left.

    Args:
        sides: array<double> in cm, any order, nulls allowed.

    Returns:
        struct<sides: array<double>, code: string>: the code is ABSURD_SIDE where a side was dropped as absurd, and
        SIZE_TWO_SIDES where only two were there to begin with.
    """
    given = F.filter(F.coalesce(sides, F.array().cast("array<double>")), lambda side: side.isNotNull())

    def arrange(known: Column) -> Column:
        kept = F.reverse(F.array_sort(F.filter(known, plausible_side)))
        code = F.when(F.size(kept) < F.size(known), F.lit(ABSURD_SIDE)).when(
            F.size(known).isin(1, 2), F.lit(SIZE_TWO_SIDES)
        )
        enough = F.when(F.size(kept) >= 2, kept).otherwise(F.array().cast("array<double>"))
        return F.struct(enough.alias("sides"), code.alias("code"))

    return bind(given, arrange)


def volume(sides: Column) -> Column:
    """Product of three sides, null where fewer are known."""
    first, second, third = (F.get(sides, F.lit(i)) for i in range(3))
    return first * second * third


def _read_part(part: Column, decimal_comma: bool) -> Column:
    """struct<value, after, before>: the number of one part and the unit behind or before it."""
    numbers = F.regexp_extract_all(part, F.lit(TIGHT_NUMBER), F.lit(0))
    feet = number(F.regexp_extract(part, _FEET_AND_INCHES, 1), decimal_comma)
    inches = number(F.regexp_extract(part, _FEET_AND_INCHES, 2), decimal_comma)
    whole = F.coalesce(F.regexp_extract(part, _FRACTION, 1).try_cast("double"), F.lit(0.0))
    share = F.regexp_extract(part, _FRACTION, 2).try_cast("double") / F.nullif(
        F.regexp_extract(part, _FRACTION, 3).try_cast("double"), F.lit(0.0)
    )
    both = part.rlike(_FEET_AND_INCHES)
    value = (
        F.when(both, feet * 12 + inches)
        .when(part.rlike(_FRACTION), whole + share)
        .when(F.size(numbers) == 1, number(F.get(numbers, F.lit(0)), decimal_comma))
    )
    behind = F.regexp_replace(part, r"^.*\d", "")
    after = F.when(both, F.lit("in")).otherwise(lookup(LENGTH_WORDS, F.regexp_extract(behind, LENGTH_PATTERN, 1)))
    before = lookup(LENGTH_WORDS, F.regexp_extract(part, rf"^[^\d]*{LENGTH_PATTERN}[^\d]*\d", 1))
    return F.struct(value.alias("value"), after.alias("after"), before.alias("before"))


def _arrange(parts: Column, unit: str) -> Column:
    units = F.transform(parts, lambda part: part["after"])
    named_before = F.get(F.transform(parts, lambda part: part["before"]), F.lit(0))

    def side(part: Column, place: Column) -> Column:
        behind = F.get(F.array_compact(F.slice(units, place + 1, F.size(units))), F.lit(0))
        ahead = F.get(F.array_compact(units), F.lit(0))
        return _in_cm(part, F.coalesce(behind, ahead, named_before, F.lit(unit)))

    def choose(sides: Column) -> Column:
        count = F.size(sides)
        unread = F.exists(sides, lambda value: value.isNull())
        first, second = F.slice(sides, 1, 3), F.slice(sides, 4, 3)
        larger = F.when(volume(second) > volume(first), second).otherwise(first)
        code = F.when(unread | ~count.isin(2, 3, 6), F.lit(SIZE_UNREADABLE)).when(count == 6, F.lit(SIZE_OF_PACKAGE))
        none = F.array().cast("array<double>")
        chosen = F.when(F.coalesce(code == SIZE_UNREADABLE, F.lit(False)), none).when(count == 6, larger)
        return F.struct(chosen.otherwise(sides).alias("sides"), code.alias("code"))

    return bind(F.transform(parts, side), choose)


def _in_cm(part: Column, unit: Column) -> Column:
    return part["value"] * factor(unit, CM)
