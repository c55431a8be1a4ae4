"""Weights out of texts in any unit."""

from __future__ import annotations

from dataclasses import dataclass

from leastpack.measures.cells import text_of_cell
from leastpack.measures.numbers import bare_number
from leastpack.measures.plain import plain
from leastpack.measures.quantities import UnreadableError, both_systems, in_unit, read_quantities
from leastpack.measures.units import GRAMS, WEIGHT_WORDS


@dataclass(frozen=True)
class Weight:
    """What a text says of a weight.

    Attributes:
        grams: Grams, where its unit is known.
        number: The number, where its unit was lost.
    """

    grams: float | None = None
    number: float | None = None


def read_weight(text: str, unit: str | None, decimal_comma: bool) -> Weight:
    """A weight; neither grams nor a number where the text cannot be read.

    Args:
        text: Such as `0,350 kg`, `2 lbs 3 oz`, `12 ounces`, `1 246 ` or JSON.
        unit: Unit where the text names none; None where it was lost.
        decimal_comma: The source writes decimal commas.
    """
    if (bare := bare_number(text, decimal_comma)) is not None:
        return Weight(number=bare) if unit is None else Weight(grams=bare * GRAMS[unit])
    written = text_of_cell(text, "weight")
    if written is None:
        return Weight()
    try:
        found = read_quantities(plain(written), WEIGHT_WORDS, (), decimal_comma, grouped=True)
        found = both_systems(found, GRAMS)
    except UnreadableError:
        return Weight()
    if len(found) != 1:
        return Weight()
    if found[0].unit is None and unit is None:
        return Weight(number=found[0].value)
    return Weight(grams=in_unit(found[0], GRAMS, unit or "g"))
