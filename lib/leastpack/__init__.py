"""leastpack: which package can each product safely ship in."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

__version__ = "0.1.0"


def pairs(products: DataFrame) -> DataFrame:
    """Rows of `scores` or `decisions` as a row a pair: see `leastpack.tables.by_pair.pairs`."""
    from leastpack.tables.by_pair import pairs as opened  # a command that reads no table need not wait for pyspark

    return opened(products)
