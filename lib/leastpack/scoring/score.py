"""The score step: one row a product, with its scores in every package type of its marketplace.

A row carries the fingerprint of what it follows from. Buckets whose rows all carry today's are left alone. Where few
rows of the others differ, these are replaced in one transaction; else the buckets are overwritten, a few a transaction,
so that a killed job started again finishes the rest and nothing twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from leastpack.config.root import Config
from leastpack.encoders.engines import encoder_identities, resolve_engines
from leastpack.encoders.inputs import PRODUCT, product_inputs, product_keys
from leastpack.encoders.work import live
from leastpack.log import log
from leastpack.meter import LOADS_OF_WORKER
from leastpack.observed import observed, tell
from leastpack.runs import Run, step_run
from leastpack.scoring import fuse
from leastpack.scoring.content import with_content
from leastpack.scoring.fingerprint import product_fingerprint, settings_digest, table_note
from leastpack.scoring.fuse import vector_column
from leastpack.scoring.lists import CROSS_INPUTS, INTERNAL, KEPT, METER, cross_products
from leastpack.scoring.old_vectors import drop_old_vectors
from leastpack.scoring.packages import PackageSet, package_sets
from leastpack.scoring.plan import (
    ROW,
    Bucket,
    Held,
    buckets_not_whole,
    changed_products,
    held_buckets,
    row_counts,
    stale_buckets,
    wanted_buckets,
)
from leastpack.scoring.worker_model import WorkerModel, send_model
from leastpack.tables import Tables
from leastpack.tables.changed_keys import CHANGE, few_changed, rows_to_write
from leastpack.tables.clock import now
from leastpack.tables.keep import keep
from leastpack.tables.reading import Commit
from leastpack.tables.waves import waves

INPUTS = ("products", "product_images", "embeddings", "package_types")
# What is kept of each product while its buckets are written, besides its vector, or else the key to it.
COLUMNS = (*(name for name in dict.fromkeys((*KEPT, *CROSS_INPUTS)) if name != "vector"), "row_hash", "repeated_views")


@dataclass(frozen=True)
class Stage:
    """What scores follow from, besides products.

    Attributes:
        model: The model, as workers have it.
        packages: Package types by marketplace.
        settings: `settings_digest`.
        note: `table_note` of the inputs as they are: left on `scores` once it follows from them and was checked.
    """

    model: WorkerModel
    packages: Mapping[str, PackageSet]
    settings: str
    note: str


@dataclass(frozen=True)
class Work:
    """What one run of the step has to do.

    Attributes:
        stage: What scores follow from, besides products.
        products: COLUMNS, one row a product; `vector`, and where its content has none yet `content_key`.
        wanted: What each bucket should hold.
        held: What it holds.
        stale: Buckets with something to write, in order.
        changed: `changed_keys` of their rows, where few enough differ to be written alone; None writes whole buckets.
        sold: Products that are not deleted.
    """

    stage: Stage
    products: DataFrame
    wanted: Mapping[int, Bucket]
    held: Mapping[int, Held]
    stale: Sequence[int]
    changed: DataFrame | None
    sold: int

    def due(self) -> DataFrame:
        """The products whose rows are written."""
        if self.changed is None:
            return self.products.where(F.col("bucket").isin(*self.stale))
        return self.products.join(F.broadcast(self.changed.select(*ROW)), on=ROW, how="left_semi")


def score_pairs(spark: SparkSession, config: Config) -> None:
    """Score every pair whose bucket is not up to date.

    Raises:
        InputError: A table the step reads is missing.
        ModelError: The model directory is missing, broken, or of another version, or was trained on other encoders.
        PromiseError: Rows were lost or repeated.
    """
    tables = Tables(spark, config.tables)
    with step_run(spark, tables, config, "score") as run, ExitStack() as kept:
        tables.ensure("scores")
        tables.ensure("product_vectors")
        inputs = {name: tables.commit(name) for name in INPUTS}
        versions = {name: run.reads(name, one.version) for name, one in inputs.items()}
        with run.phase("plan"):
            stage = _stage(tables, config, inputs)
            if _up_to_date(tables, stage):
                log.info("scores is up to date with its inputs")
                _account_unchanged(tables, run, versions)
                return
            work = _plan(tables, config, versions, stage, kept)
            _expect_once(run, work)
        how = "whole" if work.changed is None else "changed products alone"
        log.info("buckets to score", stale=len(work.stale), all=len(work.wanted), how=how)
        with run.phase("fuse"):
            products = _fused(tables, config, run, versions, work, kept)
        with run.phase("cross"):
            if work.changed is None:
                written = _score_buckets(tables, config, run, work, products)
            else:
                written = _score_changed(tables, config, run, work, work.changed, products)
        with run.phase("check"):
            _account(tables, run, versions, work, written)
            # Only now: what was not checked must not count as up to date.
            tables.mark("scores", stage.note)
            if not config.tables.is_of_candidate:
                drop_old_vectors(tables, config, run, stage.model.model_version)
        for name in ("products", "pairs"):
            run.rate(f"{name}_per_second", f"{name}_written", "plan", "fuse", "cross", "check")


def _stage(tables: Tables, config: Config, inputs: Mapping[str, Commit]) -> Stage:
    model = send_model(tables.spark, config.model.directory)
    model.spec.require_encoders(*encoder_identities(resolve_engines(config)))
    rows = tables.read("package_types", inputs["package_types"].version).collect()  # a few dozen
    packages = package_sets([row.asDict() for row in rows], model.spec.attributes)
    settings = settings_digest(model.model_version, packages, config.scoring.padding_cm)
    return Stage(model, packages, settings, table_note(settings, config.currency_units, inputs))


def _up_to_date(tables: Tables, stage: Stage) -> bool:
    """Whether nothing was written to the inputs since all pairs were scored, and nothing but scores to the table."""
    if tables.commit("scores").note != stage.note:
        return False
    return tables.read("scores").where(F.array_contains("error", INTERNAL)).isEmpty()


def _plan(tables: Tables, config: Config, versions: Mapping[str, int], stage: Stage, kept: ExitStack) -> Work:
    keyed = with_content(product_keys(tables, config, versions), stage.model.spec.marketplaces).withColumn(
        "fingerprint", product_fingerprint(stage.settings)
    )
    # Kept, so that what products join is read once, and not once a wave of buckets.
    # At one version: Spark throws away what it keeps of a table's latest state when it writes to the table.
    vectors = _vectors(tables, stage.model, tables.version("product_vectors"))
    products = keep(kept, _clustered(_with_vectors(keyed, vectors)))
    wanted = wanted_buckets(products, stage.packages)
    held = held_buckets(tables.read("scores"))
    stale = stale_buckets(wanted, held)
    sold = live(tables.read("products", versions["products"])).count()
    changed = _changed(tables, config, stage, products, held, stale, kept)
    return Work(stage, products, wanted, held, stale, changed, sold)


def _changed(
    tables: Tables,
    config: Config,
    stage: Stage,
    products: DataFrame,
    held: Mapping[int, Held],
    stale: Sequence[int],
    kept: ExitStack,
) -> DataFrame | None:
    """`changed_keys` of the stale buckets, where few enough rows differ."""
    rows = {bucket: held[bucket].rows if bucket in held else 0 for bucket in stale}
    # At one version: what is kept of it must outlast the writing.
    scores = tables.read("scores", tables.version("scores"))

    def changed_in(buckets: Sequence[int]) -> DataFrame:
        return changed_products(products, scores, buckets, stage.packages)

    changed = few_changed(changed_in, rows, config.tables.merged_share) if stage.packages else None
    if changed is not None:
        kept.callback(changed.unpersist)
    return changed


def _expect_once(run: Run, work: Work) -> None:
    """A content with two rows in `embeddings` or `product_vectors` shows: as more products or photos than there are."""
    todo = (
        "a key may be there twice, as two runs at once of an earlier leastpack left it: run "
        "leastpack repair embeddings, then leastpack repair product_vectors"
    )
    found = list(work.wanted.values())
    products = sum(one.products for one in found)
    run.expect("products beside their texts and vectors", rows=products, expected=work.sold, todo=todo)
    repeated = sum(one.repeated for one in found)
    run.expect("photos repeated beside their vectors", rows=repeated, expected=0, todo=todo)


def _with_vectors(products: DataFrame, vectors: DataFrame) -> DataFrame:
    joined = products.join(vectors.select("content_key", "vector"), on="content_key", how="left")
    return joined.select(
        *COLUMNS, "vector", F.when(F.col("vector").isNull(), F.col("content_key")).alias("content_key")
    )


def _vectors(tables: Tables, model: WorkerModel, version: int | None = None) -> DataFrame:
    return tables.read("product_vectors", version).where(F.col("model_version") == model.model_version)


def _clustered(products: DataFrame) -> DataFrame:
    """A bucket's products side by side, so that a task writes few files, in partitions of even size."""
    return products.hint("rebalance", "bucket")


def _fused(
    tables: Tables, config: Config, run: Run, versions: Mapping[str, int], work: Work, kept: ExitStack
) -> DataFrame:
    """The products, once `product_vectors` has what stale buckets need of it."""
    due, there = work.due(), F.col("vector").isNotNull()
    unfused = ~there & ~F.col("no_input")
    counts = due.agg(F.count_if(there).alias("fused"), F.count_if(unfused).alias("unfused")).collect()[0]
    run.figure("vectors_cached", counts["fused"])
    run.figure("vectors_fused", 0)
    if not counts["unfused"]:
        return due
    # Of products with one content always the same speaks for it, also where a lost executor's part is computed again.
    speakers = due.where(unfused).groupBy("content_key").agg(F.min(F.struct(*PRODUCT)).alias("speaker"))
    named = speakers.select("speaker.*", "content_key")
    few = None
    if work.changed is not None:
        named = few = keep(kept, named)
    inputs = product_inputs(tables.spark, tables, config, versions, few).where(F.col("bucket").isin(*work.stale))
    asked = inputs.join(named, on=PRODUCT, how="inner")
    fused = asked.select("content_key", vector_column(work.stage.model).alias("fused"))
    vectors = fused.select("content_key", "fused.*")
    counted, observation = observed(vectors, fuse.METER)
    # A row the model failed on stays without a vector; its bucket is tried again by the next run.
    new = counted.where("vector IS NOT NULL").withColumn("model_version", F.lit(work.stage.model.model_version))
    before = _vectors(tables, work.stage.model).count()
    tables.append("product_vectors", new)
    run.figure("vectors_fused", _vectors(tables, work.stage.model).count() - before)
    if told := observation.get:
        tell(run, "fuse", {name: told[name] for name in fuse.METER})
    rest = _with_vectors(due.where(~there).drop("vector"), _vectors(tables, work.stage.model))
    return keep(kept, _clustered(due.where(there).unionByName(rest)))


def _score_changed(
    tables: Tables, config: Config, run: Run, work: Work, changed: DataFrame, products: DataFrame
) -> Counter[str]:
    """Replace the rows of changed products, in one transaction; what was written, counted."""
    stage = work.stage
    crossed = cross_products(products, stage.model, stage.packages, config.scoring.padding_cm)
    with ExitStack() as here:
        rows = keep(here, rows_to_write(changed, _named(crossed, work, run.run_id), ROW))
        written, gone = rows.where(F.col(CHANGE) != "delete"), rows.where(F.col(CHANGE) == "delete").count()
        metered = {name: F.max(name) if name == LOADS_OF_WORKER else F.sum(name) for name in METER}
        counts = {**metered, **row_counts()}
        told = written.agg(*[column.alias(name) for name, column in counts.items()]).collect()[0].asDict()
        to_score = changed.count() - gone
        run.expect("scores of changed products", rows=told["rows"], expected=to_score)
        tables.replace_rows("scores", rows)
        log.info("changed products scored", products=to_score, gone=gone)
    if to_score:
        _tell_cross(run, told)
    return Counter({name: value for name, value in told.items() if name in row_counts()})


def _score_buckets(tables: Tables, config: Config, run: Run, work: Work, products: DataFrame) -> Counter[str]:
    """Write the stale buckets, a few a transaction; what was written, counted on the way."""
    total: Counter[str] = Counter()
    finished = 0
    stage = work.stage
    pairs = {b: work.wanted[b].pairs if b in work.wanted else 0 for b in work.stale}
    for wave in waves(pairs, config.tables.pairs_per_commit):
        chosen = products.where(F.col("bucket").isin(*wave))
        if config.scoring.partitions is not None:
            chosen = chosen.repartition(config.scoring.partitions, "marketplace", "product_id")
        crossed = cross_products(chosen, stage.model, stage.packages, config.scoring.padding_cm)
        metered, told = observed(crossed, METER)
        counted, counts = observed(_named(metered, work, run.run_id), (), **row_counts())
        tables.replace_where("scores", counted, f"bucket IN ({', '.join(map(str, wave))})")
        written = {**counts.get, **told.get}
        due = sum(work.wanted[b].rows for b in wave if b in work.wanted)
        if written.get("rows") != due:
            # What a lost executor had done is counted again when it is done again: the table knows.
            written |= _read_back(tables, wave)
        run.expect(f"scores, buckets {wave[0]} to {wave[-1]}", rows=written["rows"], expected=due)
        most = max(total[LOADS_OF_WORKER], written.get(LOADS_OF_WORKER, 0))
        total.update(written)
        total[LOADS_OF_WORKER] = most
        finished += len(wave)
        log.info("buckets scored", done=finished, of=len(work.stale))
    _tell_cross(run, total)
    return total


def _tell_cross(run: Run, told: Mapping[str, float]) -> None:
    if "cross_s" in told:
        tell(run, "cross", {name: told[name] for name in METER})


def _read_back(tables: Tables, wave: Sequence[int] | None = None) -> dict[str, int]:
    """What some buckets hold, or all of them."""
    rows = tables.read("scores")
    rows = rows if wave is None else rows.where(F.col("bucket").isin(*wave))
    counts = [column.alias(name) for name, column in row_counts().items()]
    return rows.agg(*counts).collect()[0].asDict()


def _named(scored: DataFrame, work: Work, run_id: str) -> DataFrame:
    """The scores, with what they follow from."""
    return scored.drop("no_input").withColumns(
        {
            "model_version": F.lit(work.stage.model.model_version),
            "run_id": F.lit(run_id),
            "scored_at": now(),
        }
    )


def _account_unchanged(tables: Tables, run: Run, versions: Mapping[str, int]) -> None:
    products = tables.read("products", versions["products"])
    rows, sold = products.count(), live(products).count()
    run.account("products", rows_in=rows, used=0, set_aside={"unchanged": sold, "delisted": rows - sold})
    run.figure("pairs", _read_back(tables)["pairs"])
    for name in ("pairs_written", "products_written", "vectors_fused", "vectors_dropped"):
        run.figure(name, 0)


def _account(tables: Tables, run: Run, versions: Mapping[str, int], work: Work, written: Counter[str]) -> None:
    rows = tables.read("products", versions["products"]).count()
    if work.changed is None:
        scored = sum(work.wanted[b].products for b in work.stale if b in work.wanted)
        expected = sum(one.rows for one in work.wanted.values())
        run.expect("scores", rows=tables.read("scores").count(), expected=expected)
        left = [held for bucket, held in work.held.items() if bucket not in work.stale]
        figures = {name: written[name] + sum(getattr(one, name) for one in left) for name in row_counts()}
    else:
        scored = written["rows"]
        found = held_buckets(tables.read("scores"))
        not_whole = len(buckets_not_whole(work.wanted, found))
        run.expect("buckets of scores that are not as they should be", rows=not_whole, expected=0)
        figures = {name: sum(getattr(one, name) for one in found.values()) for name in row_counts()}
    aside = {"unchanged": work.sold - scored, "delisted": rows - work.sold}
    run.account("products", rows_in=rows, used=scored, set_aside=aside)
    broken = "scores where risk is null but error is not set, or the reverse"
    run.expect(broken, rows=figures["broken"], expected=0)
    run.figure("pairs", figures["pairs"])
    run.figure("pairs_written", written["pairs"])
    run.figure("products_written", scored)
    run.figure("pairs_with_error", figures["errors"])
    run.figure("pairs_with_warning", figures["warned"])
