"""From ranked rows of listings and measurements to the rows of `products`, beside what is already stored."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from leastpack.catalog.choose_size import split_notes, with_chosen, with_declared
from leastpack.catalog.measured import SIDES
from leastpack.catalog.text import text_key_column
from leastpack.catalog.times import event_time
from leastpack.catalog.tunnel import MEASURES
from leastpack.catalog.versions import PRODUCT_KEY, USED, later_than, with_status
from leastpack.tables.schemas import PRODUCTS

KEY = list(PRODUCT_KEY)
# What a row of a shop's export may leave out where it tells of one more variant or photo.
_MAY_BE_EMPTY = ("title", "description", "brand", "vendor", "hazard_class", "category", "universal_id", "price")
_STORED = "stored_"


def with_split_notes(products: DataFrame) -> DataFrame:
    """Rows of the table `products` with its notes split into `notes` and `tunnel_notes`."""
    own, tunnel = split_notes(F.col("notes"))
    return products.withColumns({"notes": own, "tunnel_notes": tunnel})


def rank_products(rows: DataFrame, stored: DataFrame) -> DataFrame:
    """Add `status`, and beside each row what is stored of its product, to cleaned product rows.

    The row of the latest updated_at speaks for its product, of several the fullest. Where the stored listing is later
    still, or has a date and the row none, no row does: it is set aside as `older_version` or `undated_version`. Beside
    each row stand `stored_source`, whether its product is `stored_sold` (null where it is new), and the product's
    measurement.

    Args:
        rows: Cleaned rows of all product exports.
        stored: `with_split_notes`.
    """
    measured = [F.col(name).alias(_STORED + name) for name in MEASURES]
    sold = F.col("deleted_at").isNull().alias("stored_sold")
    listing = [F.col(name).alias(_STORED + name) for name in ("updated_at", "source")]
    beside = stored.select(*KEY, *listing, sold, *measured)
    joined = rows.join(beside, on=KEY, how="left")
    ranked = with_status(joined, KEY, [F.desc_nulls_last("updated_at")], F.lit(True), _filled())
    # A stored time that cannot be, from before such times were refused, stands above none.
    held_at = event_time(F.col("stored_updated_at"))
    late = F.when(F.col("status") == USED, later_than(held_at, F.col("updated_at")))
    return ranked.withColumn("status", F.coalesce(late, "status"))


def _filled() -> Column:
    """How many fields of a cleaned row hold something."""
    given = [F.col(name).isNotNull() for name in _MAY_BE_EMPTY]
    given += [F.coalesce(F.size(name) > 0, F.lit(False)) for name in ("listed_sides_cm", "listed_weights")]
    filled = F.lit(0)
    for one in given:
        filled = filled + one.cast("int")
    return filled


def newly_listed(ranked: DataFrame, stored: DataFrame) -> DataFrame:
    """Keys that the export at hand adds to the table."""
    listed = ranked.where(F.col("status") == USED).select(*KEY)
    return listed.join(stored.select(*KEY), on=KEY, how="left_anti")


def with_known(rows: DataFrame, ranked: DataFrame, stored: DataFrame) -> DataFrame:
    """Add `known`: the row's product is in the export at hand or in the table."""
    listed = ranked.where(F.col("status") == USED).select(*KEY, F.lit(True).alias("listed"))
    kept = stored.select(*KEY, F.lit(True).alias("kept"))
    joined = rows.join(listed, on=KEY, how="left").join(kept, on=KEY, how="left")
    return joined.withColumn("known", F.coalesce("listed", "kept", F.lit(False))).drop("listed", "kept")


def assemble_products(ranked: DataFrame, measured: DataFrame | None, stored: DataFrame, buckets: int) -> DataFrame:
    """Rows of `products` for every product that a listing or a measurement at hand speaks of.

    A product that is listed keeps the stored measurement where there is no new one; a stored product that is only
    measured keeps its listing, whose lost weight unit is judged anew.

    Args:
        ranked: `rank_products`.
        measured: `rank_measurements`, None without a tunnel export.
        stored: `with_split_notes`.
        buckets: Number of hash buckets.

    Returns:
        One row a product, in the columns of `products`.
    """
    listed = ranked.where(F.col("status") == USED)
    speaking = measured.where(F.col("status") == USED) if measured is not None else stored.limit(0)
    measures = speaking.select(*KEY, F.lit(True).alias("measured"), *MEASURES)
    fresh = listed.join(measures, on=KEY, how="left").withColumns(
        {name: F.when(F.col("measured"), F.col(name)).otherwise(F.col(_STORED + name)) for name in MEASURES}
    )
    remeasured = (
        _as_listed(stored)
        .drop(*MEASURES)
        .join(measures.drop("measured"), on=KEY, how="inner")
        .join(listed.select(*KEY), on=KEY, how="left_anti")
    )
    listing = [name for name in PRODUCTS.names if name in fresh.columns and name not in MEASURES]
    both = fresh.select(*listing, *MEASURES).unionByName(remeasured.select(*listing, *MEASURES))
    chosen = with_chosen(with_declared(both))
    bucket = F.pmod(F.xxhash64(*KEY), F.lit(buckets)).cast("int")
    return chosen.withColumns({"bucket": bucket, "text_key": text_key_column()}).select(*PRODUCTS.names)


def _as_listed(stored: DataFrame) -> DataFrame:
    """Stored products; of those from before listings were kept, what became of the listing stands for it."""
    weight = F.struct(F.col("declared_weight_g").alias("grams"), F.lit(1.0).alias("odds"))
    sides = F.array_compact(F.array(*[F.col(f"declared_{side}_cm") for side in SIDES]))
    known = F.when(F.col("declared_weight_g").isNotNull(), F.array(weight))
    return stored.withColumns(
        {
            "listed_weights": F.coalesce("listed_weights", known),
            "listed_sides_cm": F.coalesce("listed_sides_cm", sides),
        }
    )
