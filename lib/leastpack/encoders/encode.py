"""The encode step: texts and photos of live products that have no embedding yet get one."""

from __future__ import annotations

import time
from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from leastpack.config.encoders import EncodersConfig
from leastpack.config.root import Config
from leastpack.encoders import work
from leastpack.encoders.allow import AllowList
from leastpack.encoders.image import image_identity
from leastpack.encoders.text import text_identity
from leastpack.encoders.worker import SCHEMA, MapInArrow, image_stage, text_stage
from leastpack.log import log
from leastpack.runs import Run, step_run
from leastpack.tables.store import Tables

# Fewer contents than this are not worth an append of their own.
LEAST_CHUNK = 1000


@dataclass(frozen=True)
class Modality:
    """One modality of the step.

    Attributes:
        name: `text` or `image`.
        identity: The encoder's identity.
        contents: Columns content_key, content: everything the catalog has, once.
        function: For mapInArrow.
    """

    name: str
    identity: str
    contents: DataFrame
    function: MapInArrow


def encode_products(spark: SparkSession, config: Config) -> None:
    """Encode what is new, and try again what failed for a passing reason; a key is never encoded twice.

    Raises:
        InputError: The catalog has not been built.
        ModelError: An encoder's weights are missing or cannot be read.
        PromiseError: A text or photo got lost on the way.
    """
    tables = Tables(spark, config.tables)
    with step_run(spark, tables, config, "encode") as run:
        products = tables.read("products", run.reads("products", tables.version("products")))
        images = tables.read("product_images", run.reads("product_images", tables.version("product_images")))
        tables.ensure("embeddings")
        with run.phase("texts"):
            _encode_texts(tables, config.encoders, run, products)
        with run.phase("images"):
            _encode_images(tables, config.encoders, run, products, images)


def encoder_identities(config: EncodersConfig) -> tuple[str, str]:
    """Identities of the configured text and image encoder; loads no model."""
    where = {"cache": config.cache, "s3_endpoint": config.fetch.s3_endpoint}
    return text_identity(config.text, **where), image_identity(config.image, **where)


def _encode_texts(tables: Tables, config: EncodersConfig, run: Run, products: DataFrame) -> None:
    identity = encoder_identities(config)[0]
    stage = Modality("text", identity, work.text_contents(products), text_stage(config, identity))
    before, after = _run_stage(tables, config, stage)
    counts = work.text_counts(products)
    rows = counts.pop("rows")
    _account(run, "products", rows, counts, before, after)
    run.figure("texts_encoded", after.encoded - before.encoded)
    done = work.of_encoder(tables.read("embeddings"), "text", identity)
    for language, share in work.unknown_share_by_language(products, done).items():
        run.figure(f"unknown_tokens.{language}", share)


def _encode_images(tables: Tables, config: EncodersConfig, run: Run, products: DataFrame, images: DataFrame) -> None:
    identity = encoder_identities(config)[1]
    function = image_stage(config, identity, AllowList.here(config.fetch))
    stage = Modality("image", identity, work.image_contents(products, images), function)
    before, after = _run_stage(tables, config, stage)
    counts = work.image_counts(products, images)
    rows = counts.pop("rows")
    _account(run, "product_images", rows, counts, before, after)
    run.figure("images_encoded", after.encoded - before.encoded)
    for code, n in sorted(after.failed.items()):
        run.figure(f"images_failed.{code}", n)


def _run_stage(tables: Tables, config: EncodersConfig, stage: Modality) -> tuple[work.State, work.State]:
    """Encode chunk by chunk, an append each, so that a killed job keeps what it has finished."""
    done = work.of_encoder(tables.read("embeddings"), stage.name, stage.identity)
    before = work.state_of(stage.contents, done)
    log.info("to encode", modality=stage.name, new=before.missing, again=before.passing, encoded=before.encoded)
    start = time.monotonic()
    chunks = min(config.chunks, -(-before.missing // LEAST_CHUNK))
    for chunk in range(chunks):
        todo = work.unseen(stage.contents.where(work.in_chunk(chunk, chunks)), done)
        tables.append("embeddings", _encoded(todo, config, stage))
        log.info(
            "encoding",
            modality=stage.name,
            chunk=f"{chunk + 1}/{chunks}",
            of=before.missing,
            seconds=round(time.monotonic() - start, 1),
        )
    if before.passing:
        # A row is replaced only where the answer is another one now.
        again = _encoded(work.to_retry(stage.contents, done), config, stage)
        encoder = stage.identity.replace("\\", "\\\\").replace("'", "\\'")
        scope = f"modality = '{stage.name}' AND encoder = '{encoder}' AND error IS NOT NULL"
        tables.merge("embeddings", again, scope=scope)
    if not before.missing and not before.passing:
        return before, before
    return before, work.state_of(stage.contents, work.of_encoder(tables.read("embeddings"), stage.name, stage.identity))


def _encoded(todo: DataFrame, config: EncodersConfig, stage: Modality) -> DataFrame:
    rows = todo.select("content_key", "content").repartition(config.partitions).mapInArrow(stage.function, SCHEMA)
    return rows.select(
        "*",
        F.lit(stage.name).alias("modality"),
        F.lit(stage.identity).alias("encoder"),
        F.current_timestamp().alias("encoded_at"),
    )


def _account(run: Run, source: str, rows_in: int, aside: dict[str, int], before: work.State, after: work.State) -> None:
    """Every row of the source: left out, a repeat of another, encoded before, encoded now, or failed with a code."""
    run.expect("embeddings", rows=after.total - after.missing, expected=before.total)
    run.account(
        source,
        rows_in=rows_in,
        used=after.encoded - before.encoded,
        set_aside={**aside, "unchanged": before.encoded, **after.failed},
    )
