"""Rows of products, with lists of an element a package type, as a row a pair."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from leastpack.tables.keys import PRODUCT

# Names the elements of all other lists.
TYPES = "package_types"
# What `scores` holds of each package type.
LISTED = ("fits", "risk", "damage_rate", "void_share", "error")


def pairs(products: DataFrame) -> DataFrame:
    """A row for every product x package type.

    Args:
        products: Rows of `scores`, or some of its columns: the product's key, package_types, and lists of these.

    Returns:
        The product's key and `package_type`; the other columns as they are, but of each list of LISTED the element of
        the package type.
    """
    listed = [name for name in LISTED if name in products.columns]
    rest = [name for name in products.columns if name not in (*PRODUCT, TYPES, *listed)]
    opened = products.select(*PRODUCT, *rest, F.inline(F.arrays_zip(F.col(TYPES).alias("package_type"), *listed)))
    return opened.select(*PRODUCT, "package_type", *listed, *rest)
