"""Deciding on a part of the catalog: the pairs of some hash buckets, with all there is of their products."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from leastpack.config.decisions import DecisionsConfig
from leastpack.decisions.cells import PAIR, PRODUCT
from leastpack.decisions.decided import CHOSEN, GROUNDS, KEPT, LISTS, decide_products, open_decisions, proof_codes
from leastpack.decisions.keys import Digest, digests, parts_that_differ
from leastpack.decisions.market import Market
from leastpack.decisions.products import by_product, declared, together
from leastpack.decisions.queue import finalists, open_pairs
from leastpack.errors import PromiseError
from leastpack.tables import Tables
from leastpack.tables.keep import keep

# What a decision says, run aside.
TOLD = (*PAIR, "decision", "reason", "risk", "fits", "recommended", "model_version", "certificate_id")


@dataclass(frozen=True)
class Grounds:
    """What decisions and recommendations follow from, besides the scores.

    Attributes:
        values: `recommend.product_values`.
        pair_tests: The table.
        proven: `rules.proven_labels`.
        current: `recommend.current_packages`.
        markets: Package types by marketplace.
        certificates: Identifiers that `markets` counts.
        model_version: Of the scores.
        settings: Section `decisions`.
        reporting_rate: Share of damages that are reported.
    """

    values: DataFrame
    pair_tests: DataFrame
    proven: DataFrame
    current: DataFrame
    markets: Mapping[str, Market]
    certificates: Sequence[str]
    model_version: str
    settings: DecisionsConfig
    reporting_rate: float


@dataclass(frozen=True)
class Part:
    """What is left to do with a part once its decisions are written.

    Attributes:
        chosen: Rows of `recommendations` for its products, kept.
        finalists: `queue.finalists` of its pairs, kept.
    """

    chosen: DataFrame
    finalists: DataFrame


def decide_part(
    tables: Tables,
    run_id: str,
    scores: DataFrame,
    grounds: Grounds,
    buckets: Sequence[int],
    held: Mapping[int, Digest],
    kept: ExitStack,
) -> Part:
    """Decide on the pairs of some buckets, choose their products' packages, and write the decisions that differ.

    Args:
        tables: Where `pair_decisions` is.
        run_id: The run.
        scores: `pair_scores`.
        grounds: What else counts.
        buckets: The part.
        held: Digest of TOLD of each bucket of `pair_decisions`.
        kept: Keeps what is returned.

    Raises:
        PromiseError: A product has not one score for each package type.
    """
    with ExitStack() as here:
        products = _products(scores.where(F.col("bucket").isin(*buckets)), grounds, here)
        answers = decide_products(products, grounds.markets, grounds.settings, grounds.reporting_rate)
        # A bucket's products side by side, so that its pairs are written as they come and into few files.
        decided = keep(here, answers.hint("rebalance", "bucket"))
        chosen = keep(kept, decided.select(*PRODUCT, *CHOSEN, F.current_timestamp().alias("changed_at")))
        pairs = open_decisions(decided, grounds.markets, grounds.certificates, grounds.model_version)
        last = keep(kept, finalists(open_pairs(pairs, grounds.pair_tests), grounds.settings))
        # What is kept for later is made now, as long as what it is made of is kept.
        chosen.count()
        last.count()
        _write(tables, run_id, pairs, buckets, held)
    return Part(chosen, last)


def _products(scores: DataFrame, grounds: Grounds, here: ExitStack) -> DataFrame:
    """The scores by product, with what else decides on them."""
    types = {name: market.names for name, market in grounds.markets.items()}
    stretches = keep(here, by_product(scores, types))
    apart = keep(here, together(stretches))
    if broken := apart.where(~F.col("package_type").eqNullSafe(declared(types))).count():
        raise PromiseError(
            "pair_scores is not whole",
            expected="one score for every package type of a product",
            found=f"{broken} products have others",
            todo="run leastpack score to its end, then decide again",
        )
    columns = [*KEPT, *LISTS, *(name for name in stretches.columns if name in GROUNDS)]
    whole = stretches.where(F.col("package_type").isNull()).select(columns).unionByName(apart.select(columns))
    proofs = F.map_from_entries(F.collect_list(F.struct("package_type", "proven"))).alias("proofs")
    proven = grounds.proven.groupBy(*PRODUCT).agg(proofs)
    joined = (
        whole.join(grounds.values, on=PRODUCT, how="left")
        .join(grounds.current, on=PRODUCT, how="left")
        .join(proven, on=PRODUCT, how="left")
    )
    return joined.withColumn("proven", proof_codes(F.col("proofs"), declared(types)))


def _write(tables: Tables, run_id: str, pairs: DataFrame, buckets: Sequence[int], held: Mapping[int, Digest]) -> None:
    own = {bucket: held[bucket] for bucket in buckets if bucket in held}
    differ = parts_that_differ(digests(pairs, TOLD, "bucket"), own) if own else list(buckets)
    if differ:
        rows = pairs.where(F.col("bucket").isin(*differ)).withColumn("run_id", F.lit(run_id))
        tables.replace_where("pair_decisions", rows, f"bucket IN ({', '.join(map(str, differ))})")
