"""Rows of products, with lists of an element a package type, as a row a pair."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from leastpack.tables.keys import PRODUCT

# Names the elements of all other lists.
TYPES = "package_types"
# What `scores` holds of each package type, and `decisions` beside it.
LISTED = ("fits", "risk", "damage_rate", "void_share", "error")
DECIDED = ("decision", "reason")


def pairs(products: DataFrame) -> DataFrame:
    """A row for every product x package type.

    Args:
        products: Rows of `scores` or `decisions`, or some of their columns: the product's key, package_types, and lists
            of these.

    Returns:
        The product's key and `package_type`; the other columns as they are, but of each list of LISTED and DECIDED the
        element of the package type.
    """
    listed = [name for name in (*DECIDED, *LISTED) if name in products.columns]
    rest = [name for name in products.columns if name not in (*PRODUCT, TYPES, *listed)]
    opened = products.select(*PRODUCT, *rest, F.inline(F.arrays_zip(F.col(TYPES).alias("package_type"), *listed)))
    return opened.select(*PRODUCT, "package_type", *listed, *rest)


def by_product(rows: DataFrame, *shared: str) -> DataFrame:
    """A row for every product, of rows of pairs: the way back from `pairs`.

    Args:
        rows: The key of pairs, and columns of LISTED and DECIDED.
        shared: Columns that are the same in all pairs of a product.

    Returns:
        The product's key, package_types in order of name, a list of each of these columns, and the shared columns.
    """
    listed = [name for name in (*DECIDED, *LISTED) if name in rows.columns]
    elements = F.sort_array(F.collect_list(F.struct("package_type", *listed))).alias("of")
    products = rows.groupBy(*PRODUCT).agg(elements, *[F.first(name).alias(name) for name in shared])
    lists = [F.col(f"of.{name}").alias(name) for name in listed]
    return products.select(*PRODUCT, F.col("of.package_type").alias(TYPES), *lists, *shared)


def zipped(*lists: str) -> Column:
    """One list of some lists, an element a package type with its name.

    To compare products by hash: Spark's hash of a list passes over its nulls, so that those of [null, 1] and [1, null]
    are the same; beside a name each value has its place.
    """
    return F.arrays_zip(TYPES, *lists)


def of_type(values: str, package_type: str) -> Column:
    """The element of a list that is of the type which another column names; null where the product has no such type."""
    return F.get(F.col(values), F.array_position(F.col(TYPES), F.col(package_type)).cast("int") - 1)
