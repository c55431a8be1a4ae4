"""What happens with each pair: column rules over scored pairs, thresholds and tests."""

from __future__ import annotations

from functools import reduce

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from leastpack.decisions.cells import CELL, PAIR, PRODUCT, with_weaker

CERTIFIED, TEST, REJECTED, INFEASIBLE, UNSCORED = "CERTIFIED", "TEST", "REJECTED", "INFEASIBLE", "UNSCORED"
NOT_IN_USE = "not_in_use_yet"
THRESHOLDS = (
    "pool string, profile_hash string, stratum string, marketplace string, threshold double, certificate_id string"
)


def proven_labels(pair_tests: DataFrame) -> DataFrame:
    """Pairs whose safety is known: by a human test, else by as many shipments as may certify.

    Fewer shipments prove nothing: one damage among five shipments gives label UNSAFE, and often a wrong one.

    Returns:
        The key and `proven`: SAFE or UNSAFE.
    """
    decided = F.col("label").isin("SAFE", "UNSAFE")
    trusted = (F.col("source") == "human_test") | ((F.col("source") == "shipments") & F.col("eligible"))
    human_first = F.struct((F.col("source") != "human_test").alias("by_shipments"), "label")
    proven = pair_tests.where(decided & trusted).groupBy(*PAIR).agg(F.min(human_first).alias("first"))
    return proven.select(*PAIR, F.col("first.label").alias("proven"))


def decide_pairs(
    scored: DataFrame, package_types: DataFrame, thresholds: DataFrame, proven: DataFrame, reject_risk: float
) -> DataFrame:
    """Decide on every scored pair.

    The first rule that holds decides: no score; does not fit; not in use yet; proven unsafe, itself or a package of the
    product that is at least as protective and leaves no more void; at or under the certificate's threshold; proven
    safe; by order, where the type has no certificate and a less protective package of the product that leaves no less
    void is under its threshold; risk above `reject_risk`; else a test would tell. A proven safe pair under the
    threshold stays with its certificate: taking the known good ones out would leave the certificate a larger share of
    bad ones than it was tested for.

    Args:
        scored: `scored.scored_pairs`.
        package_types: The table, for the order of protection.
        thresholds: Columns THRESHOLDS, only where a certificate is given (`certificates.thresholds`).
        proven: `proven_labels`.
        reject_risk: Uncertified pairs above it are not tested.

    Returns:
        `scored` with proven, threshold, decision, reason and certificate_id (null unless under_threshold).
    """
    known = scored.join(F.broadcast(thresholds), on=[*CELL, "marketplace"], how="left")
    weaker = with_weaker(package_types).select(*PAIR[::2], "weaker")
    known = known.join(proven, on=PAIR, how="left").join(F.broadcast(weaker), on=PAIR[::2], how="left")
    known = _add_order(known)
    rules = _rules(reject_risk)
    decision = reduce(lambda chain, rule: chain.when(rule[0], rule[1]), rules[1:], F.when(rules[0][0], rules[0][1]))
    reason = reduce(lambda chain, rule: chain.when(rule[0], rule[2]), rules[1:], F.when(rules[0][0], rules[0][2]))
    decided = known.withColumns({"decision": decision, "reason": reason})
    certificate = F.when(F.col("reason") == "under_threshold", F.col("certificate_id"))
    return decided.withColumn("certificate_id", certificate).drop("unsafe", "under", "by_order", "weaker")


def _rules(reject_risk: float) -> list[tuple[Column, str, Column]]:
    proven_safe = F.col("proven") == "SAFE"
    return [
        (F.col("error").isNotNull(), UNSCORED, F.col("error")),
        (F.col("fits").isNull(), INFEASIBLE, F.lit("size_unknown")),
        (~F.col("fits"), INFEASIBLE, F.lit("does_not_fit")),
        (~F.coalesce(F.col("in_use"), F.lit(False)), INFEASIBLE, F.lit(NOT_IN_USE)),
        (F.col("unsafe"), REJECTED, F.lit("proven_unsafe")),
        (F.col("under"), CERTIFIED, F.lit("under_threshold")),
        (proven_safe, CERTIFIED, F.lit("proven_safe")),
        (F.col("by_order"), CERTIFIED, F.lit("by_order")),
        (F.col("risk") > reject_risk, REJECTED, F.lit("high_risk")),
        (F.col("risk") <= reject_risk, TEST, F.lit("above_threshold")),
    ]


def _add_order(known: DataFrame) -> DataFrame:
    """Add `unsafe`, `under` and `by_order`, which look at the other packages of the product."""
    product = Window.partitionBy(*PRODUCT)
    void = F.coalesce("void_share", F.lit(0.0))
    no = F.lit(False)
    name = F.col("package_type")

    broken = F.when(F.col("proven") == "UNSAFE", F.struct("weaker", void.alias("void")))
    broken_stronger = F.exists("broken", lambda b: F.array_contains(b["weaker"], name) & (b["void"] <= void))
    unsafe = F.when(F.col("proven").isNotNull(), F.col("proven") == "UNSAFE").otherwise(broken_stronger)
    under = F.coalesce(F.col("candidate") & ~F.col("unsafe") & (F.col("risk") <= F.col("threshold")), no)
    lent = F.when(F.col("under"), F.struct("package_type", void.alias("void")))
    weaker_lent = F.exists("lent", lambda w: F.array_contains("weaker", w["package_type"]) & (w["void"] >= void))
    by_order = F.when(F.col("threshold").isNull() & F.col("candidate"), weaker_lent).otherwise(no)
    return (
        known.withColumn("broken", F.collect_list(broken).over(product))
        .withColumn("unsafe", F.coalesce(unsafe, no))
        .withColumn("under", under)
        .withColumn("lent", F.collect_list(lent).over(product))
        .withColumn("by_order", F.coalesce(by_order, no))
        .drop("broken", "lent")
    )
