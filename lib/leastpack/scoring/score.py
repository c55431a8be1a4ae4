"""The score step: one row a product, with its scores in every package type of its marketplace.

Work goes in hash buckets. A bucket whose rows carry the fingerprint of today's inputs is left alone; the others are
overwritten, a few buckets a transaction, so that a killed job started again finishes the rest and nothing twice.
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
from leastpack.scoring.fingerprint import settings_digest, table_note
from leastpack.scoring.fuse import vector_column
from leastpack.scoring.lists import CROSS_INPUTS, INTERNAL, KEPT, METER, cross_products
from leastpack.scoring.old_vectors import drop_old_vectors
from leastpack.scoring.packages import PackageSet, package_sets
from leastpack.scoring.plan import Bucket, Held, held_buckets, row_counts, stale_buckets, wanted_buckets
from leastpack.scoring.worker_model import WorkerModel, send_model
from leastpack.tables import Tables
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
        stale: Buckets to write, in order.
        sold: Products that are not deleted.
    """

    stage: Stage
    products: DataFrame
    wanted: Mapping[int, Bucket]
    held: Mapping[int, Held]
    stale: Sequence[int]
    sold: int


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
        log.info("buckets to score", stale=len(work.stale), all=len(work.wanted))
        with run.phase("fuse"):
            products = _fused(tables, config, run, versions, work, kept)
        with run.phase("cross"):
            written = _score_buckets(tables, config, run, work, products)
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
    keyed = with_content(product_keys(tables, config, versions), stage.model.spec.marketplaces)
    # Kept, so that what products join is read once, and not once a wave of buckets.
    # At one version: Spark throws away what it keeps of a table's latest state when it writes to the table.
    vectors = _vectors(tables, stage.model, tables.version("product_vectors"))
    products = keep(kept, _clustered(_with_vectors(keyed, vectors)))
    wanted = wanted_buckets(products, stage.packages, stage.settings)
    held = held_buckets(tables.read("scores"))
    sold = live(tables.read("products", versions["products"])).count()
    return Work(stage, products, wanted, held, stale_buckets(wanted, held), sold)


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
    stale = F.col("bucket").isin(*work.stale)
    wanted = [work.wanted[b] for b in work.stale if b in work.wanted]
    unfused = sum(one.unfused for one in wanted)
    run.figure("vectors_cached", sum(one.fused for one in wanted))
    run.figure("vectors_fused", 0)
    if not unfused:
        return work.products
    # Of products with one content always the same speaks for it, also where a lost executor's part is computed again.
    missing = work.products.where(stale & F.col("vector").isNull() & ~F.col("no_input"))
    speakers = missing.groupBy("content_key").agg(F.min(F.struct(*PRODUCT)).alias("speaker"))
    inputs = product_inputs(tables.spark, tables, config, versions).where(stale)
    asked = inputs.join(speakers.select("speaker.*", "content_key"), on=PRODUCT, how="inner")
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
    there = F.col("vector").isNotNull()
    rest = _with_vectors(work.products.where(~there).drop("vector"), _vectors(tables, work.stage.model))
    return keep(kept, _clustered(work.products.where(there).unionByName(rest)))


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
        fingerprints = {b: work.wanted[b].fingerprint for b in wave if b in work.wanted}
        crossed = cross_products(chosen, stage.model, stage.packages, config.scoring.padding_cm, fingerprints)
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
    if "cross_s" in total:
        tell(run, "cross", {name: total[name] for name in METER})
    return total


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
    scored = sum(work.wanted[b].products for b in work.stale if b in work.wanted)
    aside = {"unchanged": work.sold - scored, "delisted": rows - work.sold}
    run.account("products", rows_in=rows, used=scored, set_aside=aside)
    left = [held for bucket, held in work.held.items() if bucket not in work.stale]
    figures = {name: written[name] + sum(getattr(one, name) for one in left) for name in row_counts()}
    expected = sum(one.rows for one in work.wanted.values())
    run.expect("scores", rows=tables.read("scores").count(), expected=expected)
    broken = "scores where risk is null but error is not set, or the reverse"
    run.expect(broken, rows=figures["broken"], expected=0)
    run.figure("pairs", figures["pairs"])
    run.figure("pairs_written", written["pairs"])
    run.figure("products_written", scored)
    run.figure("pairs_with_error", figures["errors"])
    run.figure("pairs_with_warning", figures["warned"])
