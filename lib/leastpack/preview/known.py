"""Products and package types that a run over the configured sources would know."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from leastpack.catalog.packages import package_rows
from leastpack.catalog.quarantine import fault_column
from leastpack.catalog.sources import read_rows, reading, with_content
from leastpack.catalog.versions import PRODUCT_KEY
from leastpack.config.packages import PackageFile
from leastpack.config.sources import FIELDS, SourceConfig
from leastpack.errors import LeastpackError
from leastpack.tables import Tables
from leastpack.tables.schemas import PACKAGE_TYPES

KEYS = "marketplace string, product_id string"


def asked_products(spark: SparkSession, samples: Iterable[DataFrame]) -> DataFrame:
    """Products that the rows of samples name, once each."""
    asked = spark.createDataFrame([], KEYS)
    for rows in samples:
        asked = asked.union(rows.select(*PRODUCT_KEY))
    return asked.dropna().distinct().localCheckpoint()


def known_products(
    spark: SparkSession,
    tables: Tables,
    sources: Sequence[SourceConfig],
    asked: DataFrame,
    marketplaces: Iterable[str],
) -> tuple[DataFrame, list[str]]:
    """Those of the products that the catalog holds, or would hold after these sources.

    Args:
        spark: The session.
        tables: The tables; `products` is read where it is there.
        sources: All configured sources; those of products are read whole.
        asked: marketplace, product_id.
        marketplaces: Marketplaces with package types.

    Returns:
        marketplace, product_id; and where they were looked for, in words.
    """
    places, markets = [], list(marketplaces)
    found = spark.createDataFrame([], KEYS)
    wanted = F.broadcast(asked)
    if tables.exists("products"):
        found = found.union(tables.read("products").select(*PRODUCT_KEY).join(wanted, list(PRODUCT_KEY), "left_semi"))
        places.append("the table products")
    for source in sources:
        if source.kind != "products":
            continue
        try:
            with reading(source):
                listed = with_content(read_rows(spark, source)).where(fault_column("products", markets).isNull())
                keys = listed.select(*PRODUCT_KEY).join(wanted, list(PRODUCT_KEY), "left_semi").distinct()
                found = found.union(keys.localCheckpoint())
            places.append(f"source {source.name}")
        except (LeastpackError, PySparkException):
            places.append(f"source {source.name} (which cannot be read)")
    return found.distinct().localCheckpoint(), places


def known_packages(spark: SparkSession, tables: Tables, files: Sequence[PackageFile]) -> DataFrame:
    """marketplace, package_type of all types that are or were declared."""
    rows = [(row["marketplace"], row["package_type"]) for row in package_rows(files)]
    declared = spark.createDataFrame(rows, "marketplace string, package_type string")
    if not tables.exists(PACKAGE_TYPES.name):
        return declared
    stored = tables.read(PACKAGE_TYPES.name).select("marketplace", "package_type")
    return declared.union(stored).distinct().localCheckpoint()


def names_products(source: SourceConfig) -> bool:
    """Whether rows of the source must name a product that is known."""
    return source.kind != "products" and "product_id" in FIELDS[source.kind]
