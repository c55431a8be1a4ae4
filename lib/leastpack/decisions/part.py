"""Deciding on a part of the catalog: the pairs of some hash buckets, with all there is of their products."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from leastpack.certificates.products import ProductFacts, product_rows
from leastpack.decisions.decided import CHOSEN, TURN, Grounds, decide_products, open_decisions
from leastpack.decisions.queue import finalists, open_pairs
from leastpack.panel import uniform
from leastpack.tables import Tables
from leastpack.tables.clock import now
from leastpack.tables.digests import Digest, digests, parts_that_differ
from leastpack.tables.keep import keep
from leastpack.tables.keys import PAIR, PRODUCT

# What a decision says, run aside.
TOLD = (*PAIR, "decision", "reason", "risk", "fits", "recommended", "moves", "model_version", "certificate_id")


@dataclass(frozen=True)
class Part:
    """What is left to do with a part once its decisions are written.

    Attributes:
        chosen: Rows of `recommendations` for its products, kept.
        finalists: `queue.finalists` of its pairs, kept.
    """

    chosen: DataFrame
    finalists: DataFrame


def turned(products: DataFrame, seed: int) -> DataFrame:
    """`products.product_rows` with TURN."""
    return products.withColumn(TURN, uniform(seed, "moves", *PRODUCT))


def decide_part(
    tables: Tables,
    run_id: str,
    scores: DataFrame,
    facts: ProductFacts,
    grounds: Grounds,
    pair_tests: DataFrame,
    buckets: Sequence[int],
    held: Mapping[int, Digest],
    kept: ExitStack,
) -> Part:
    """Decide on the pairs of some buckets, choose their products' packages, and write the decisions that differ.

    Args:
        tables: Where `pair_decisions` is.
        run_id: The run.
        scores: `scores`.
        facts: What else is known of products.
        grounds: What all are decided on.
        pair_tests: The table.
        buckets: The part.
        held: Digest of TOLD of each bucket of `pair_decisions`.
        kept: Keeps what is returned.
    """
    terms = grounds.terms
    with ExitStack() as here:
        products = product_rows(scores.where(F.col("bucket").isin(*buckets)), facts, terms.types)
        answers = decide_products(turned(products, terms.config.certify.seed), grounds)
        # A bucket's products side by side, so that its pairs are written as they come and into few files.
        decided = keep(here, answers.hint("rebalance", "bucket"))
        chosen = keep(kept, decided.select(*PRODUCT, *CHOSEN, now().alias("changed_at")))
        pairs = open_decisions(decided, terms.markets, terms.model_version)
        last = keep(kept, finalists(open_pairs(pairs, pair_tests), terms.config.decisions.queue_size))
        # What is kept for later is made now, as long as what it is made of is kept.
        chosen.count()
        last.count()
        _write(tables, run_id, pairs, buckets, held)
    return Part(chosen, last)


def _write(tables: Tables, run_id: str, pairs: DataFrame, buckets: Sequence[int], held: Mapping[int, Digest]) -> None:
    own = {bucket: held[bucket] for bucket in buckets if bucket in held}
    differ = parts_that_differ(digests(pairs, TOLD, "bucket"), own) if own else list(buckets)
    if differ:
        rows = pairs.where(F.col("bucket").isin(*differ)).withColumn("run_id", F.lit(run_id))
        tables.replace_where("pair_decisions", rows, f"bucket IN ({', '.join(map(str, differ))})")
