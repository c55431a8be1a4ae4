"""Which of the sides that were read can be ones."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

from leastpack.catalog.columns import bind
from leastpack.catalog.limits import plausible_side

SIZE_TWO_SIDES = "SIZE_TWO_SIDES"
ABSURD_SIDE = "ABSURD_SIDE"


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
