"""Deciding on a part of the catalog: the pairs of some hash buckets, with all there is of their products."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from leastpack.config.decisions import DecisionsConfig
from leastpack.decisions.cells import PAIR, PRODUCT
from leastpack.decisions.keys import Digest, digests, parts_that_differ
from leastpack.decisions.queue import finalists, open_pairs
from leastpack.decisions.recommend import recommend, with_costs
from leastpack.decisions.rules import decide_pairs
from leastpack.tables import Tables
from leastpack.tables.keep import keep

# What a decision says, run aside.
TOLD = (*PAIR, "decision", "reason", "risk", "fits", "recommended", "model_version", "certificate_id")


@dataclass(frozen=True)
class Grounds:
    """What decisions and recommendations follow from, besides the scores.

    Attributes:
        products: The table, for prices.
        package_types: The table.
        pair_tests: The table.
        thresholds: `rules.THRESHOLDS`.
        proven: `rules.proven_labels`.
        current: `recommend.current_packages`.
        settings: Section `decisions`.
        currency_units: Rough value of one unit of each currency.
        reporting_rate: Share of damages that are reported.
    """

    products: DataFrame
    package_types: DataFrame
    pair_tests: DataFrame
    thresholds: DataFrame
    proven: DataFrame
    current: DataFrame
    settings: DecisionsConfig
    currency_units: Mapping[str, float]
    reporting_rate: float


@dataclass(frozen=True)
class Part:
    """What is left to do with a part once its decisions are written.

    Attributes:
        chosen: `recommend.recommend` of its products, kept.
        finalists: `queue.finalists` of its pairs, kept.
    """

    chosen: DataFrame
    finalists: DataFrame


def decide_part(
    tables: Tables,
    run_id: str,
    scored: DataFrame,
    grounds: Grounds,
    buckets: Sequence[int],
    held: Mapping[int, Digest],
    kept: ExitStack,
) -> Part:
    """Decide on the pairs of some buckets, choose their products' packages, and write the decisions that differ.

    Args:
        tables: Where `pair_decisions` is.
        run_id: The run.
        scored: `scored_pairs` of all buckets.
        grounds: What else counts.
        buckets: The part.
        held: Digest of TOLD of each bucket of `pair_decisions`.
        kept: Keeps what is returned.
    """
    mine = F.col("bucket").isin(*buckets)
    types, settings = grounds.package_types, grounds.settings
    with ExitStack() as here:
        decided = decide_pairs(scored.where(mine), types, grounds.thresholds, grounds.proven, settings.reject_risk)
        prices = grounds.products.where(mine)
        costed = keep(here, with_costs(decided, prices, settings, grounds.currency_units, grounds.reporting_rate))
        chosen = keep(kept, recommend(costed, grounds.current, types))
        chosen.count()
        last = keep(kept, finalists(open_pairs(costed, chosen, grounds.pair_tests, types), settings))
        last.count()
        _write(tables, run_id, _marked(costed, chosen), buckets, held)
    return Part(chosen, last)


def _marked(decided: DataFrame, chosen: DataFrame) -> DataFrame:
    """TOLD and bucket: the decisions, and which of them is on the product's recommended package."""
    recommended = chosen.select(*PRODUCT, F.col("package_type").alias("_chosen"))
    joined = decided.join(recommended, on=PRODUCT, how="left")
    same = F.coalesce(F.col("package_type") == F.col("_chosen"), F.lit(False))
    return joined.withColumn("recommended", same).select(*TOLD, "bucket")


def _write(tables: Tables, run_id: str, marked: DataFrame, buckets: Sequence[int], held: Mapping[int, Digest]) -> None:
    own = {bucket: held[bucket] for bucket in buckets if bucket in held}
    differ = parts_that_differ(digests(marked, TOLD, "bucket"), own) if own else list(buckets)
    if differ:
        rows = marked.where(F.col("bucket").isin(*differ)).withColumn("run_id", F.lit(run_id))
        tables.replace_where("pair_decisions", rows, f"bucket IN ({', '.join(map(str, differ))})")
