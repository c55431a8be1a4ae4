"""The score step: one row for every product x package type of its marketplace.

Work goes in hash buckets. A bucket whose rows carry the fingerprint of today's inputs is left alone; the others are
overwritten, a few buckets a transaction, so that a killed job started again finishes the rest and nothing twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from leastpack.config.root import Config
from leastpack.encoders.engines import encoder_identities, resolve_engines
from leastpack.encoders.inputs import PRODUCT, product_inputs, product_keys
from leastpack.log import log
from leastpack.runs import Run, step_run
from leastpack.scoring.content import FINGERPRINT_COLUMNS, with_content
from leastpack.scoring.fingerprint import bucket_fingerprints, settings_digest
from leastpack.scoring.fuse import vector_column
from leastpack.scoring.packages import PackageSet, package_sets
from leastpack.scoring.pairs import INTERNAL, score_pairs_of
from leastpack.scoring.worker_model import WorkerModel
from leastpack.tables import Tables
from leastpack.tables.keep import keep

INPUTS = ("products", "product_images", "embeddings", "package_types")


@dataclass(frozen=True)
class Work:
    """What one run of the step has to do.

    Attributes:
        products: One row a product, with its content key; no vectors.
        inputs: The same with vectors, for products whose own vector is not there yet.
        model: The model, as it travels.
        packages: Package types by marketplace.
        fingerprints: Bucket to the fingerprint its rows should carry, and its number of products.
        stale: Buckets to write, in order.
    """

    products: DataFrame
    inputs: DataFrame
    model: WorkerModel
    packages: Mapping[str, PackageSet]
    fingerprints: Mapping[int, tuple[str, int]]
    stale: Sequence[int]


def score_pairs(spark: SparkSession, config: Config) -> None:
    """Score every pair whose bucket is not up to date.

    Raises:
        InputError: A table the step reads is missing.
        ModelError: The model directory is missing, broken, or of another version, or was trained on other encoders.
        PromiseError: Rows were lost or repeated.
    """
    tables = Tables(spark, config.tables)
    with step_run(spark, tables, config, "score") as run:
        tables.ensure("pair_scores")
        tables.ensure("product_vectors")
        versions = {name: run.reads(name, tables.version(name)) for name in INPUTS}
        with run.phase("fingerprint"):
            work = _plan(spark, tables, config, versions)
        log.info("buckets to score", stale=len(work.stale), all=len(work.fingerprints))
        with run.phase("fuse"):
            run.figure("vectors_fused", _fuse(tables, work))
        with run.phase("cross"):
            _score_buckets(tables, config, run, work)
        with run.phase("check"):
            _account(tables, run, versions, work)


def _plan(spark: SparkSession, tables: Tables, config: Config, versions: Mapping[str, int]) -> Work:
    model = WorkerModel(config.model.directory)
    spec = model.spec
    spec.require_encoders(*encoder_identities(resolve_engines(config)))
    rows = tables.read("package_types", versions["package_types"]).collect()  # a few dozen
    packages = package_sets([row.asDict() for row in rows], spec.attributes)
    products = with_content(product_keys(tables, config, versions), spec.marketplaces)
    inputs = product_inputs(spark, tables, config, versions)
    settings = settings_digest(model.model_version, packages, config.scoring.padding_cm)
    fingerprints = bucket_fingerprints(products, [F.col(name) for name in FINGERPRINT_COLUMNS], settings)
    current = {
        row["bucket"]: row["fingerprint"] if row["kinds"] == 1 and not row["failed"] else None
        for row in tables.read("pair_scores")
        .groupBy("bucket")
        .agg(
            F.min("fingerprint").alias("fingerprint"),
            F.countDistinct("fingerprint").alias("kinds"),
            F.count_if(F.col("error") == INTERNAL).alias("failed"),
        )
        .collect()  # one row a bucket
    }
    # A bucket whose products are all gone still has rows to delete.
    buckets = sorted(set(fingerprints) | set(current))
    stale = [b for b in buckets if b not in fingerprints or current.get(b) != fingerprints[b][0]]
    return Work(products, inputs, model, packages, fingerprints, stale)


def _fuse(tables: Tables, work: Work) -> int:
    """Write the vectors that stale buckets need and `product_vectors` lacks; the number written."""
    if not work.stale:
        return 0
    known = tables.read("product_vectors").where(F.col("model_version") == work.model.model_version)
    stale = F.col("bucket").isin(*work.stale)
    # Of products with one content always the same speaks for it, also where a lost executor's part is computed again.
    speaker = F.min(F.struct(*PRODUCT)).alias("speaker")
    with ExitStack() as kept:
        missing = keep(
            kept,
            work.products.where(stale & ~F.col("no_input"))
            .join(known.select("content_key"), on="content_key", how="left_anti")
            .groupBy("content_key")
            .agg(speaker)
            .select("speaker.*", "content_key"),
        )
        if missing.isEmpty():
            return 0
        vector = vector_column(work.model).alias("vector")
        vectors = work.inputs.where(stale).join(missing, on=PRODUCT, how="inner").select("content_key", vector)
        # A row the model failed on stays without a vector; its bucket is tried again by the next run.
        new = vectors.where("vector IS NOT NULL").withColumn("model_version", F.lit(work.model.model_version))
        return tables.merge("product_vectors", new, scope=f"model_version = '{work.model.model_version}'").inserted


def _score_buckets(tables: Tables, config: Config, run: Run, work: Work) -> None:
    step = config.scoring.buckets_per_commit
    vectors = tables.read("product_vectors").where(F.col("model_version") == work.model.model_version)
    for start in range(0, len(work.stale), step):
        wave = work.stale[start : start + step]
        products = work.products.where(F.col("bucket").isin(*wave))
        joined = products.join(vectors.select("content_key", "vector"), on="content_key", how="left")
        if config.scoring.partitions is not None:
            joined = joined.repartition(config.scoring.partitions, "marketplace", "product_id")
        pairs = _pairs(joined, work, run.run_id, config.scoring.padding_cm)
        tables.replace_where("pair_scores", pairs, f"bucket IN ({', '.join(map(str, wave))})")
        log.info("buckets scored", done=start + len(wave), of=len(work.stale))


def _pairs(products: DataFrame, work: Work, run_id: str, padding_cm: float) -> DataFrame:
    fingerprint = F.create_map(*[F.lit(x) for b, (print_, _) in work.fingerprints.items() for x in (b, print_)])
    return score_pairs_of(products, work.model, work.packages, padding_cm).withColumns(
        {
            "fingerprint": F.element_at(fingerprint, F.col("bucket")),
            "model_version": F.lit(work.model.model_version),
            "run_id": F.lit(run_id),
            "scored_at": F.current_timestamp(),
        }
    )


def _account(tables: Tables, run: Run, versions: Mapping[str, int], work: Work) -> None:
    products = tables.read("products", versions["products"]).count()
    live = sum(n for _, n in work.fingerprints.values())
    scored = sum(work.fingerprints[b][1] for b in work.stale if b in work.fingerprints)
    aside = {"unchanged": live - scored, "delisted": products - live}
    run.account("products", rows_in=products, used=scored, set_aside=aside)
    types = F.create_map(*[F.lit(x) for name, s in work.packages.items() for x in (name, len(s.names))])
    expected = work.products.agg(F.sum(F.element_at(types, F.col("marketplace")))).collect()[0][0] or 0
    pairs = tables.read("pair_scores")
    row = pairs.agg(
        F.count("*").alias("rows"),
        F.count("error").alias("errors"),
        F.count_if(F.size("warnings") > 0).alias("warned"),
        F.count_if(F.col("risk").isNull() != F.col("error").isNotNull()).alias("broken"),
    ).collect()[0]
    run.expect("pair_scores", rows=row["rows"], expected=expected)
    run.expect("pair_scores where risk is null but error is not set, or the reverse", rows=row["broken"], expected=0)
    run.figure("pairs", row["rows"])
    run.figure("pairs_with_error", row["errors"])
    run.figure("pairs_with_warning", row["warned"])
