"""Units and currencies that the texts of a source name."""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import DataFrame

from leastpack.catalog.weights import LOST
from leastpack.config.sources import SourceConfig
from leastpack.measures.plain import plain
from leastpack.measures.prices import currency_words, read_price
from leastpack.measures.tokens import tokens
from leastpack.measures.units import LENGTH_WORDS, WEIGHT_WORDS

LENGTHS = ("size_text", "length", "width", "height")
UNKNOWN = "unknown"


def unit_words(rows: DataFrame, source: SourceConfig) -> list[tuple[str, str, str]]:
    """Field, word and meaning of every unit and currency in the rows; the word is empty where a text names none.

    Args:
        rows: Rows of `read_rows`, few.
        source: The source, for what is taken where nothing is named.
    """
    words: dict[str, tuple[Mapping[str, str], str]] = dict.fromkeys(LENGTHS, (LENGTH_WORDS, source.length_unit))
    lost = f"one of {', '.join(source.lost_units)}, judged by density"
    words["weight"] = (WEIGHT_WORDS, lost if source.weight_unit == LOST else source.weight_unit)
    mapped = [name for name in words if name in source.columns]
    priced = "price" in source.columns
    found = []
    for row in rows.select(*mapped, *(["price", "currency"] if priced else [])).collect():
        for name in mapped:
            if row[name] is not None:
                found += _named(name, row[name], *words[name])
        if priced and row["price"] is not None:
            money = read_price(row["price"], row["currency"], source.currency, source.decimal_comma)
            found.append(("price", currency_words(row["price"]), money.currency or UNKNOWN))
    return found


def _named(field: str, text: str, units: Mapping[str, str], unnamed: str) -> list[tuple[str, str, str]]:
    pieces = tokens(plain(text), False, units)
    named = dict.fromkeys(piece.text for piece in pieces if piece.text in units)
    return [(field, word, units[word]) for word in named] or [(field, "", unnamed)]
