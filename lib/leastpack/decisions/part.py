"""Deciding on a part of the catalog: the products of some hash buckets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from leastpack.certificates.products import product_rows
from leastpack.decisions.decided import CHOSEN, IN_PANEL, KEPT, LISTS, TURN, Grounds, decide_products
from leastpack.decisions.queue import finalists
from leastpack.errors import PromiseError
from leastpack.panel import uniform
from leastpack.tables import Tables
from leastpack.tables.by_pair import TYPES, zipped
from leastpack.tables.changed_keys import changed_keys, few_changed, rows_to_write
from leastpack.tables.clock import now
from leastpack.tables.digests import Digest, digests, parts_that_differ
from leastpack.tables.keep import keep
from leastpack.tables.keys import PRODUCT

SHARED = ("recommended", "moves", "model_version", "certificate_id")


@dataclass(frozen=True)
class Scored:
    """The scored products, with all that is known of them.

    Attributes:
        scores: `scores`.
        facts: `products.product_facts`, kept.
        seed: Of the turns.
        in_panel: `panel.panel_products`.
    """

    scores: DataFrame
    facts: DataFrame
    seed: int
    in_panel: Column

    def products(self, buckets: Sequence[int] | None = None) -> DataFrame:
        """`products.product_rows` with TURN and IN_PANEL, of all buckets or of some."""
        scores, facts = self.scores, self.facts
        if buckets is not None:
            scores, facts = (rows.where(F.col("bucket").isin(*buckets)) for rows in (scores, facts))
        turn = uniform(self.seed, "moves", *PRODUCT)
        return product_rows(scores, facts).withColumns({TURN: turn, IN_PANEL: self.in_panel})


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
    scored: Scored,
    grounds: Grounds,
    buckets: Sequence[int],
    held: Mapping[int, Digest],
    kept: ExitStack,
) -> Part:
    """Decide on the products of some buckets, choose their packages, and write the decisions that differ.

    Args:
        tables: Where `decisions` is.
        run_id: The run.
        scored: The products.
        grounds: What all are decided on.
        buckets: The part.
        held: `told_digests` of `decisions`.
        kept: Keeps what is returned.
    """
    terms = grounds.terms
    with ExitStack() as here:
        # A bucket's products side by side, so that its rows are written as they come and into few files.
        decided = keep(here, decide_products(scored.products(buckets), grounds).hint("rebalance", "bucket"))
        chosen = decided.select(*PRODUCT, *[F.col(f"chosen.{name}").alias(name) for name in CHOSEN])
        recommended = keep(kept, chosen.withColumn("changed_at", now()))
        last = keep(kept, finalists(decided, terms.config.decisions.queue_size))
        # What is kept for later is made now, as long as what it is made of is kept.
        recommended.count()
        last.count()
        _write(tables, run_id, _told(decided, terms.model_version), buckets, held)
    return Part(recommended, last)


def told_digests(decisions: DataFrame) -> dict[int, Digest]:
    """The digest of each bucket of `decisions`: of all that they say, run aside."""
    return digests(decisions, _all_told(), "bucket")


def _all_told() -> list[str | Column]:
    return [*KEPT, zipped(*(name for name in LISTS if name != TYPES)), *SHARED]


def _told(decided: DataFrame, model_version: str) -> DataFrame:
    shared = {
        "recommended": F.col("chosen.package_type"),
        "model_version": F.lit(model_version),
        "certificate_id": F.col("chosen.certificate_id"),
    }
    return decided.withColumns(shared).select(*KEPT, *LISTS, *SHARED)


def _write(tables: Tables, run_id: str, rows: DataFrame, buckets: Sequence[int], held: Mapping[int, Digest]) -> None:
    """Write what differs: single rows where they are few, else the buckets that they are in."""
    own = {bucket: held[bucket] for bucket in buckets if bucket in held}
    differ = parts_that_differ(told_digests(rows), own) if own else list(buckets)
    if not differ:
        return
    new = rows.where(F.col("bucket").isin(*differ)).withColumn("run_id", F.lit(run_id))
    digest, key = F.xxhash64(*_all_told()).alias("digest"), list(KEPT)
    # At one version: what is kept of it must outlast the writing.
    before = tables.read("decisions", tables.version("decisions"))

    def changed_in(some: Sequence[int]) -> DataFrame:
        wanted, held_rows = (side.where(F.col("bucket").isin(*some)).select(*key, digest) for side in (new, before))
        return changed_keys(wanted, held_rows, key)

    rows_held = {bucket: own[bucket][0] if bucket in own else 0 for bucket in differ}
    changed = few_changed(changed_in, rows_held, tables.config.merged_share)
    if changed is None:
        tables.replace_where("decisions", new, f"bucket IN ({', '.join(map(str, differ))})")
        return
    with ExitStack() as here:
        here.callback(changed.unpersist)
        found = tables.replace_rows("decisions", keep(here, rows_to_write(changed, new, key)))
        if found.total != (due := changed.count()):
            raise PromiseError("decisions were lost on their way", expected=f"{due} rows", found=f"{found.total} rows")
