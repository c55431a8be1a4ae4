"""The readers of `leastpack.measures` over columns, in one pass of Arrow batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any, TypeVar

import pandas as pd
from pyspark.sql import Column
from pyspark.sql.pandas.functions import pandas_udf

from leastpack.catalog.weights import LOST
from leastpack.config.sources import SourceConfig
from leastpack.measures.identifiers import UniversalId, real_identifier, universal_id
from leastpack.measures.prices import Price, read_price
from leastpack.measures.sizes import SIZE_UNREADABLE, Size, read_side, read_size
from leastpack.measures.weights import Weight, read_weight

SIDES = ("length", "width", "height")
LISTED = ("size_text", *SIDES, "weight", "price", "currency", "family_id", "universal_id")
_LISTING = (
    "sides array<double>, size_code string, grams double, number double, price double, currency string,"
    " price_code string, family_id string, universal_id string, damaged boolean"
)
_MEASUREMENT = "sides array<double>, grams double, number double"
# Texts repeat: colours of one shirt, prices that end in 99.
_REMEMBERED = 20_000

Batches = Iterator[tuple[pd.Series, ...]]
Found = TypeVar("Found")


def read_listing(source: SourceConfig) -> Column:
    """What the texts of a product listing say.

    Args:
        source: The export, for its units and mapped fields.

    Returns:
        struct<sides, size_code, grams, number, price, currency, price_code, family_id, universal_id, damaged>: sides in
        cm as given, null where one of the three fields cannot be read; grams, or the number where its unit was lost.
    """

    def read(batches: Batches) -> Iterator[pd.DataFrame]:
        reader = _Listings(source)
        for columns in batches:
            rows = [reader.read(*row) for row in _rows(columns)]
            yield pd.DataFrame(rows, columns=[part.split()[0] for part in _LISTING.split(", ")], dtype=object)

    found: Column = pandas_udf(read, _LISTING)(*LISTED)  # type: ignore[call-overload]
    return found


def read_measurement(source: SourceConfig) -> Column:
    """What the texts of a measurement say: struct<sides, grams, number> as of `read_listing`."""

    def read(batches: Batches) -> Iterator[pd.DataFrame]:
        reader = _Listings(source)
        for columns in batches:
            rows = []
            for *sides, weight in _rows(columns):
                heavy = reader.weight(weight)
                rows.append(([reader.side(side) for side in sides], heavy.grams, heavy.number))
            yield pd.DataFrame(rows, columns=["sides", "grams", "number"], dtype=object)

    found: Column = pandas_udf(read, _MEASUREMENT)(*SIDES, "weight")  # type: ignore[call-overload]
    return found


class _Listings:
    """Reads the texts of one source."""

    def __init__(self, source: SourceConfig) -> None:
        unit, comma, currency = source.length_unit, source.decimal_comma, source.currency
        weight_unit = None if source.weight_unit == LOST else source.weight_unit
        self._has_text = "size_text" in source.columns
        self._has_sides = any(side in source.columns for side in SIDES)
        self.side = _remembering(lambda text: read_side(text, unit, comma), None)
        self.size = _remembering(lambda text: read_size(text, unit, comma), Size(()))
        self.weight = _remembering(lambda text: read_weight(text, weight_unit, comma), Weight())
        self._universal_id = _remembering(universal_id, UniversalId(None))
        self._price = lru_cache(_REMEMBERED)(lambda text, declared: read_price(text, declared, currency, comma))

    def read(
        self,
        size_text: str | None,
        length: str | None,
        width: str | None,
        height: str | None,
        weight: str | None,
        price: str | None,
        currency: str | None,
        family_id: str | None,
        shared_id: str | None,
    ) -> tuple[Any, ...]:
        sides, code = self._declared(size_text, (length, width, height))
        heavy = self.weight(weight)
        money = Price(None, None, None) if price is None else self._price(price, currency)
        family = None if family_id is None else real_identifier(family_id)
        linked = self._universal_id(shared_id)
        return (
            sides, code, heavy.grams, heavy.number, money.price, money.currency, money.code, family, linked.value,
            linked.damaged,
        )  # fmt: skip

    def _declared(
        self, text: str | None, fields: Sequence[str | None]
    ) -> tuple[list[float | None], str | None]:
        """Sides and code: of the three fields where they are mapped and complete, else of the size text."""
        by_text = self.size(text)
        if not self._has_sides:
            return list(by_text.sides), by_text.code
        sides = [self.side(field) for field in fields]
        lost = any(field is not None and side is None for field, side in zip(fields, sides, strict=True))
        complete = None not in sides
        readable = len(by_text.sides) >= 2
        given = any(field is not None for field in fields)
        if not self._has_text or complete or (given and not readable):
            return sides, SIZE_UNREADABLE if lost else None
        return list(by_text.sides), by_text.code


def _remembering(read: Callable[[str], Found], of_none: Found) -> Callable[[str | None], Found]:
    remembered = lru_cache(_REMEMBERED)(read)
    return lambda text: of_none if text is None else remembered(text)


def _rows(columns: Sequence[pd.Series]) -> Iterator[tuple[Any, ...]]:
    return zip(*[column.where(column.notna(), None) for column in columns], strict=True)
