"""Units and currencies that the texts of a source name."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from leastpack.catalog.numbers import plain
from leastpack.catalog.prices import read_price
from leastpack.catalog.sizes import LENGTH_PATTERN, LENGTH_WORDS
from leastpack.catalog.weights import LOST, WEIGHT_PATTERN, WEIGHT_WORDS
from leastpack.config.sources import SourceConfig

LENGTHS = ("size_text", "length", "width", "height")
UNKNOWN = "unknown"


def unit_words(rows: DataFrame, source: SourceConfig) -> list[tuple[str, str, str]]:
    """Field, word and meaning of every unit and currency in the rows; the word is empty where a text names none.

    Args:
        rows: Rows of `read_rows`, few.
        source: The source, for what is taken where nothing is named.
    """
    lengths = [name for name in LENGTHS if name in source.columns]
    columns = [_words(name, LENGTH_PATTERN).alias(name) for name in lengths]
    if "weight" in source.columns:
        columns.append(_words("weight", WEIGHT_PATTERN).alias("weight"))
    if "price" in source.columns:
        money = read_price(F.col("price"), F.col("currency"), source.currency, source.decimal_comma)
        sign = F.trim(F.regexp_replace(plain(F.col("price")), r"[-+\d.,' ]+", " "))
        columns += [sign.alias("price"), money["currency"].alias("currency")]
    if not columns:
        return []
    found = []
    for row in rows.select(*columns).collect():
        for name in lengths:
            found += _read(name, row[name], LENGTH_WORDS, source.length_unit)
        if "weight" in source.columns:
            lost = f"one of {', '.join(source.lost_units)}, judged by density"
            unit = lost if source.weight_unit == LOST else source.weight_unit
            found += _read("weight", row["weight"], WEIGHT_WORDS, unit)
        if "price" in source.columns and row["price"] is not None:
            found.append(("price", row["price"], row["currency"] or UNKNOWN))
    return found


def _words(name: str, pattern: str) -> Column:
    text = plain(F.col(name))
    return F.array_distinct(F.regexp_extract_all(text, F.lit(pattern), F.lit(1)))


def _read(name: str, words: list[str] | None, meanings: dict[str, str], unnamed: str) -> list[tuple[str, str, str]]:
    if words is None:
        return []
    return [(name, word, meanings[word]) for word in words] or [(name, "", unnamed)]
