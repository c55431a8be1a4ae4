"""What a release changes for a reader: recommendations old and new, with the cause."""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from leastpack.decisions.rules import CERTIFIED, NOT_IN_USE, PROVEN_SAFE
from leastpack.tables.by_pair import DECIDED, TYPES, of_type
from leastpack.tables.keys import PRODUCT

# What of a product may change its package: its texts and what the buckets, the fit and the damage cost are made of.
PRODUCT_CONTENT = ("text_key", "length_cm", "width_cm", "height_cm", "weight_g", "price", "currency")


def recommendation_changes(
    old: Mapping[str, DataFrame], new: Mapping[str, DataFrame], same_model: bool, release_id: str
) -> DataFrame:
    """Compare the recommendations of two releases.

    The cause is the first that applies: new_product (had no recommendation row), delisted_product (has none any more),
    withdrawn_package (the old type is not declared or not in use any more), changed_product (its texts, size, weight or
    price differ), new_model, revoked_certificate (the old type was certified and is not), other (a test result, a cost,
    ...).

    Args:
        old: Tables of the earlier release by name: recommendations, products, package_types, and `released_products`
            of decisions.
        new: The same of the later one.
        same_model: Whether both come from one model.
        release_id: Identifier of the later release.

    Returns:
        The columns of table recommendation_changes, one row a product whose package differs.
    """
    before = old["recommendations"].select(*PRODUCT, F.col("package_type").alias("old"), F.lit(True).alias("was"))
    after = new["recommendations"].select(*PRODUCT, F.col("package_type").alias("new"), F.lit(True).alias("is"))
    changed = before.join(after, on=PRODUCT, how="full").where(~F.col("old").eqNullSafe(F.col("new")))
    declared = new["package_types"].select(
        "marketplace", F.col("package_type").alias("old"), F.lit(True).alias("declared")
    )
    causes = (
        changed.join(_contents(old, "then"), on=PRODUCT, how="left")
        .join(_contents(new, "now"), on=PRODUCT, how="left")
        .join(F.broadcast(declared), on=["marketplace", "old"], how="left")
    )
    decided = _with_decision(_with_decision(causes, old, "decided_then"), new, "decided_now")
    return decided.select(
        F.lit(release_id).alias("release_id"), *PRODUCT, "old", "new", _cause(same_model).alias("cause")
    )


def _cause(same_model: bool) -> Column:
    unused = F.coalesce(F.col("decided_now.reason") == NOT_IN_USE, F.lit(False))
    withdrawn = F.col("old").isNotNull() & (F.col("declared").isNull() | unused)
    lost = _by_certificate("decided_then") & ~_by_certificate("decided_now")
    return (
        F.when(F.col("was").isNull(), "new_product")
        .when(F.col("is").isNull(), "delisted_product")
        .when(withdrawn, "withdrawn_package")
        .when(~F.col("then").eqNullSafe(F.col("now")), "changed_product")
        .when(F.lit(not same_model), "new_model")
        .when(lost, "revoked_certificate")
        .otherwise(F.lit("other"))
    )


def _contents(release: Mapping[str, DataFrame], name: str) -> DataFrame:
    return release["products"].select(*PRODUCT, F.struct(*PRODUCT_CONTENT).alias(name))


def _with_decision(rows: DataFrame, release: Mapping[str, DataFrame], name: str) -> DataFrame:
    """The rows with decision and reason of a release on the pair of their product and type `old`."""
    decided = release["decisions"].select(*PRODUCT, TYPES, *DECIDED)
    on_pair = F.struct(*[of_type(one, "old").alias(one) for one in DECIDED])
    return rows.join(decided, on=PRODUCT, how="left").withColumn(name, on_pair).drop(TYPES, *DECIDED)


def _by_certificate(decided: str) -> Column:
    """Whether the pair is certified by a certificate, or by order."""
    certified = (F.col(f"{decided}.decision") == CERTIFIED) & (F.col(f"{decided}.reason") != PROVEN_SAFE)
    return F.coalesce(certified, F.lit(False))
