"""Rules that people make: which products must not go out in a package type, and which go out in no other."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from leastpack.catalog.quarantine import (
    CONTRADICTORY_RULE,
    IMPOSSIBLE_VALID_TO,
    RULE_OF_NO_PRODUCT,
    UNKNOWN_ACTION,
    UNKNOWN_PACKAGE_TYPE,
    UNREADABLE,
    fault_column,
)
from leastpack.catalog.versions import CONFLICTING_VERSION, QUARANTINED, USED, with_status
from leastpack.tables.schemas import PACKAGING_RULES

BAN, PIN = "ban", "pin"
KEY = ("marketplace", "rule_id")
# What a rule may name its products by, the narrowest first.
SCOPES = ("product_id", "vendor", "hazard_class")


def rank_rules(rows: DataFrame, marketplaces: Collection[str], types: Sequence[tuple[str, str]]) -> DataFrame:
    """Judge the rows of all exports of rules, and add `status`: the row changed last speaks for its rule.

    Rows of one rule that were changed at the same time and say different things are all faulty: to take either would
    be to lose a ban.

    Args:
        rows: `with_content` of all sources of rules.
        marketplaces: Marketplaces that have package types.
        types: marketplace and package_type of all declared types.

    Returns:
        The columns of `packaging_rules`, row_hash, fault, raw (of faulty rows) and status.
    """
    names = ("marketplace", "package_type")
    declared = [F.struct(*[F.lit(told).alias(name) for name, told in zip(names, one, strict=True)]) for one in types]
    known = F.array_contains(F.array(*declared), F.struct(*names))
    lowered = rows.withColumns({name: F.lower(name) for name in ("action", "vendor", "hazard_class")})
    faulty = lowered.withColumn("fault", _fault(marketplaces, known))
    apart = F.when(F.col("fault").isNotNull(), F.concat(F.lit("#"), F.col("row_hash").cast("string")))
    keyed = faulty.withColumns({"given_id": F.col("rule_id"), "rule_id": F.coalesce(apart, "rule_id")})
    ranked = with_status(keyed, KEY, [F.desc_nulls_last("updated_at")], F.lit(True))
    conflict = F.max(F.col("status") == CONFLICTING_VERSION).over(Window.partitionBy(*KEY))
    contradicted = conflict & F.col("status").isin(USED, CONFLICTING_VERSION)
    fault = F.when(contradicted, F.lit(CONTRADICTORY_RULE)).otherwise(F.col("fault"))
    status = F.when(contradicted, F.lit(QUARANTINED)).otherwise(F.col("status"))
    told = ranked.withColumns({"rule_id": F.col("given_id"), "fault": fault, "status": status})
    raw = F.when(F.col("fault").isNotNull(), F.col("raw")).alias("raw")
    return told.select(*PACKAGING_RULES.names, "row_hash", "fault", raw, "status")


def kept_rules(ranked: DataFrame, stored: DataFrame) -> DataFrame:
    """The rules after a delivery of all sources: those that can be used, and stored ones whose new row cannot.

    Args:
        ranked: `rank_rules`.
        stored: `packaging_rules` as it is.
    """
    used = ranked.where(F.col("status") == USED).select(*PACKAGING_RULES.names)
    mangled = ranked.where(F.col("status") == QUARANTINED).select(*KEY).distinct()
    as_before = stored.join(mangled, on=list(KEY), how="left_semi").join(used, on=list(KEY), how="left_anti")
    return used.unionByName(as_before.select(*PACKAGING_RULES.names))


def gone_rules(ranked: DataFrame, stored: DataFrame, sources: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Stored rules that no source delivers any more, of all that are stored, by the source that brought them.

    Args:
        ranked: `rank_rules`.
        stored: `packaging_rules` as it is.
        sources: Sources of rules; the first answers for those of sources that are not among them any more.
    """
    left = kept_rules(ranked, stored).select(*KEY, F.lit(True).alias("left"))
    answers = F.when(F.col("source").isin(*sources), F.col("source")).otherwise(F.lit(sources[0]))
    counted = stored.withColumn("source", answers).join(left, on=list(KEY), how="left").groupBy("source")
    counts = counted.agg(F.count_if(F.col("left").isNull()).alias("gone"), F.count("*").alias("all")).collect()
    return {row["source"]: (row["gone"], row["all"]) for row in counts}


def idle_rules(rules: DataFrame, products: DataFrame) -> int:
    """Rules that speak of a product, vendor or hazard class that no product has."""
    for name in SCOPES:
        given = F.col(name) if name == "product_id" else F.lower(name)
        known = (
            products.select("marketplace", given.alias(name)).dropna().distinct().withColumn(f"has_{name}", F.lit(1))
        )
        rules = rules.join(known, on=["marketplace", name], how="left")
    idle = [F.col(name).isNotNull() & F.col(f"has_{name}").isNull() for name in SCOPES]
    return rules.where(idle[0] | idle[1] | idle[2]).count()


def _fault(marketplaces: Collection[str], known: Column) -> Column:
    named = F.coalesce(*SCOPES)
    return F.coalesce(
        fault_column("rules", marketplaces),
        F.when(F.size("unreadable") > 0, F.concat(F.lit(UNREADABLE), F.upper(F.get("unreadable", F.lit(0))))),
        F.when(~F.col("action").isin(BAN, PIN), F.lit(UNKNOWN_ACTION)),
        F.when(~known, F.lit(UNKNOWN_PACKAGE_TYPE)),
        F.when(named.isNull(), F.lit(RULE_OF_NO_PRODUCT)),
        F.when(F.col("valid_to") <= F.col("valid_from"), F.lit(IMPOSSIBLE_VALID_TO)),
    )
