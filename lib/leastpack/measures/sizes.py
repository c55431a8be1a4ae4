"""Sides in centimetres out of texts in any unit."""

from __future__ import annotations

import math
from dataclasses import dataclass

from leastpack.measures.cells import text_of_cell
from leastpack.measures.numbers import bare_number
from leastpack.measures.plain import plain
from leastpack.measures.quantities import Quantity, UnreadableError, both_systems, in_unit, read_quantities
from leastpack.measures.units import CM, LABELS, LENGTH_WORDS, WEIGHT_WORDS

SIZE_UNREADABLE = "SIZE_UNREADABLE"
SIZE_OF_PACKAGE = "SIZE_OF_PACKAGE"


@dataclass(frozen=True)
class Size:
    """What a text says of a product's sides.

    Attributes:
        sides: Two or three, cm, as given; none where they cannot be read.
        code: SIZE_UNREADABLE, or SIZE_OF_PACKAGE beside sides; None where there is nothing to say.
    """

    sides: tuple[float, ...]
    code: str | None = None


UNREADABLE = Size((), SIZE_UNREADABLE)


def read_size(text: str, unit: str, decimal_comma: bool) -> Size:
    """All sides of a product out of one text.

    Two sides leave the third unknown. Six are the item's and the package's: those of the larger volume are taken. Sides
    in both systems of units must agree; those given first are taken.

    Args:
        text: Such as `7.6 x 4.8 x 1.4 inches`, `19,5 x 12 x 3,2 cm`, `5' 3" x 2' x 8"` or JSON.
        unit: Unit where the text names none.
        decimal_comma: The source writes decimal commas.
    """
    try:
        found = both_systems(_quantities(text, decimal_comma), CM)
    except UnreadableError:
        return UNREADABLE
    sides = tuple(in_unit(one, CM, unit) for one in found)
    if len(sides) in (2, 3):
        return Size(sides)
    if len(sides) == 6:
        return Size(max(sides[:3], sides[3:], key=math.prod), SIZE_OF_PACKAGE)
    return UNREADABLE


def read_side(text: str, unit: str, decimal_comma: bool) -> float | None:
    """One side in cm; None where it cannot be read."""
    if (bare := bare_number(text, decimal_comma)) is not None:
        return bare * CM[unit]
    try:
        found = both_systems(_quantities(text, decimal_comma), CM)
    except UnreadableError:
        return None
    return in_unit(found[0], CM, unit) if len(found) == 1 else None


def _quantities(text: str, decimal_comma: bool) -> list[Quantity]:
    written = text_of_cell(text, "length")
    if written is None:
        raise UnreadableError("too long, or JSON of something else")
    others = WEIGHT_WORDS.keys() - LENGTH_WORDS.keys()
    return read_quantities(plain(written), LENGTH_WORDS, others, decimal_comma, labels=LABELS)
