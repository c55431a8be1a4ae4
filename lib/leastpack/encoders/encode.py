"""The encode step: texts and photos of live products that have no embedding yet get one."""

from __future__ import annotations

import datetime
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pyspark.sql import Column, DataFrame, Observation, SparkSession
from pyspark.sql import functions as F

from leastpack.config.encoders import EncodersConfig
from leastpack.config.root import Config
from leastpack.encoders import work
from leastpack.encoders.allow import AllowList
from leastpack.encoders.codes import CODES, WARNINGS
from leastpack.encoders.engines import MODALITIES, Modality, encoder_identities, resolve_engines
from leastpack.encoders.languages import FIGURE, WHAT_TO_DO, poorly_read
from leastpack.encoders.resources import task_profile
from leastpack.encoders.sent import sent_network
from leastpack.encoders.worker import (
    IMAGE_METER,
    IMAGE_SCHEMA,
    TEXT_METER,
    TEXT_SCHEMA,
    MapInArrow,
    image_stage,
    text_stage,
)
from leastpack.log import log
from leastpack.meter import LOADS_OF_WORKER
from leastpack.observed import observed, tell
from leastpack.runs import Run, step_run
from leastpack.tables.clock import now
from leastpack.tables.store import Tables

# Fewer contents than this are not worth an append of their own: about a minute of work.
LEAST_CHUNK = {"text": 10_000, "image": 2_000}


@dataclass(frozen=True)
class Stage:
    """One modality of the step.

    Attributes:
        modality: `text` or `image`.
        identity: The encoder's identity.
        contents: Columns content_key, content, copies: everything the catalog has, once.
        function: Makes what mapInArrow runs.
        schema: What the function gives.
        meter: Columns of the schema that tell of the work.
        day: The day of the run, for what failed and waits.
    """

    modality: Modality
    identity: str
    contents: DataFrame
    function: Callable[[], MapInArrow]
    schema: str
    meter: Sequence[str]
    day: datetime.date


@dataclass
class Written:
    """What a stage has written: rows by error code (None: encoded) and by warning, and what its workers metered."""

    rows: Counter[str | None] = field(default_factory=Counter)
    warned: Counter[str] = field(default_factory=Counter)
    metered: Counter[str] = field(default_factory=Counter)


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
        encoders = resolve_engines(config)
        with run.phase("texts"):
            _encode_texts(tables, config, encoders, run, products)
        with run.phase("images"):
            _encode_images(tables, config, encoders, run, products, images)
        for modality in MODALITIES:
            run.rate(f"{modality}s_per_second", f"{modality}s_encoded", f"{modality}s")


def _encode_texts(tables: Tables, config: Config, encoders: EncodersConfig, run: Run, products: DataFrame) -> None:
    identity = encoder_identities(encoders)[0]

    def function() -> MapInArrow:
        return text_stage(encoders, identity, sent_network(tables.spark, config, encoders, "text"))

    contents, day = work.text_contents(products), config.decisions.day
    stage = Stage("text", identity, contents, function, TEXT_SCHEMA, TEXT_METER, day)
    before, written = _run_stage(tables, encoders, stage, run)
    rows, sold = products.count(), work.live(products).count()
    _expect_once(run, stage, before, sold)
    aside = {"deleted": rows - sold, "no_text": before.keyless}
    _account(run, "products", rows, aside, before, written)
    if padded := written.metered["tokens_padded"]:
        run.figure("texts.padding_waste", 1 - written.metered["tokens_used"] / padded)
    done = work.of_encoder(tables.read("embeddings"), "text", identity)
    shares = {f"{FIGURE}{name}": share for name, share in work.unknown_share_by_language(products, done).items()}
    for name, share in shares.items():
        run.figure(name, share)
    for language, share in poorly_read(shares).items():
        told = {"language": language, "unknown_tokens": f"{share:.1%}"}
        log.warning("the text encoder does not know a language well", **told, todo=WHAT_TO_DO)


def _encode_images(
    tables: Tables, config: Config, encoders: EncodersConfig, run: Run, products: DataFrame, images: DataFrame
) -> None:
    identity = encoder_identities(encoders)[1]

    def function() -> MapInArrow:
        network = sent_network(tables.spark, config, encoders, "image")
        return image_stage(encoders, identity, network, AllowList.here(encoders.fetch))

    contents, day = work.image_contents(products, images), config.decisions.day
    stage = Stage("image", identity, contents, function, IMAGE_SCHEMA, IMAGE_METER, day)
    before, written = _run_stage(tables, encoders, stage, run)
    rows, tunnel = images.count(), images.where(F.col("kind") == work.TUNNEL).count()
    seen = work.tunnel_photos(products, images).count()
    _expect_once(run, stage, before, seen)
    aside = {"not_tunnel": rows - tunnel, "no_live_product": tunnel - seen, "no_key": before.keyless}
    _account(run, "product_images", rows, aside, before, written)
    for code, n in sorted(_failed(before, written).items()):
        run.figure(f"images_failed.{code}", n)
    for code, n in sorted((Counter(before.warned) + written.warned).items()):
        run.figure(f"images_warned.{code}", n)


def _run_stage(tables: Tables, config: EncodersConfig, stage: Stage, run: Run) -> tuple[work.State, Written]:
    """Encode chunk by chunk, an append each, so that a killed job keeps what it has finished."""
    # At one version: what fails in this run is for the next one to try again.
    embeddings = tables.read("embeddings", tables.version("embeddings"))
    done = work.of_encoder(embeddings, stage.modality, stage.identity)
    before = work.state_of(stage.contents, done, stage.day)
    log.info("to encode", modality=stage.modality, new=before.missing, again=before.due, encoded=before.encoded)
    if before.waiting:
        log.warning(
            "what failed waits for its next try; without its rows of embeddings it is asked for at once",
            modality=stage.modality,
            waiting=before.waiting,
        )
    written, start = Written(), time.monotonic()
    function = stage.function() if before.missing or before.due else None
    if function is not None and before.missing:
        chunks = min(config.chunks, -(-before.missing // LEAST_CHUNK[stage.modality]))
        for chunk in range(chunks):
            todo = work.unseen(stage.contents.where(work.in_chunk(chunk, chunks)), done)
            rows, observation = _encoded(todo, None, config, stage, function)
            tables.append("embeddings", rows)
            _add(written, observation, stage)
            log.info(
                "encoding",
                modality=stage.modality,
                chunk=f"{chunk + 1}/{chunks}",
                of=before.missing,
                seconds=round(time.monotonic() - start, 1),
            )
    if function is not None and before.due:
        # A row is replaced only where the answer is another one now.
        again, observation = _encoded(
            work.to_retry(stage.contents, done, stage.day), done, config, stage, function
        )
        encoder = stage.identity.replace("\\", "\\\\").replace("'", "\\'")
        scope = f"modality = '{stage.modality}' AND encoder = '{encoder}' AND error IS NOT NULL"
        tables.merge("embeddings", again, scope=scope)
        _add(written, observation, stage)
    answers = before.missing + before.due
    if sum(written.rows.values()) != answers:
        written.rows, written.warned = _read_back(tables, stage, before)
    run.expect(f"answers for embeddings ({stage.modality})", rows=sum(written.rows.values()), expected=answers)
    _tell(run, stage, before, written)
    return before, written


def _encoded(
    todo: DataFrame, before: DataFrame | None, config: EncodersConfig, stage: Stage, function: MapInArrow
) -> tuple[DataFrame, Observation]:
    contents = todo.select("content_key", "content").repartition(config.partitions)
    coded = {code: F.count_if(F.col("error") == code) for code in CODES}
    coded |= {code: F.count_if(F.col("warning") == code) for code in WARNINGS}
    counts: dict[str, Column] = {"encoded": F.count_if(F.col("error").isNull()), **coded}
    encoded = contents.mapInArrow(function, stage.schema, profile=task_profile(config))
    rows, observation = observed(encoded, stage.meter, **counts)
    constants = {
        "modality": F.lit(stage.modality),
        "encoder": F.lit(stage.identity),
        "encoded_at": now(),
    }
    return work.with_next_try(rows, before, stage.day).withColumns(constants), observation


def _add(written: Written, observation: Observation, stage: Stage) -> None:
    told = observation.get
    if told:
        answers = {name: told[name] for name in ("encoded", *CODES) if told[name]}
        written.rows.update({None if name == "encoded" else name: n for name, n in answers.items()})
        written.warned.update({name: told[name] for name in WARNINGS if told[name]})
        most = max(written.metered[LOADS_OF_WORKER], told[LOADS_OF_WORKER])
        written.metered.update({name: told[name] for name in stage.meter})
        written.metered[LOADS_OF_WORKER] = most


def _read_back(tables: Tables, stage: Stage, before: work.State) -> tuple[Counter[str | None], Counter[str]]:
    """Answers by what the table holds: what a lost executor had done is counted again when it is done again."""
    done = work.of_encoder(tables.read("embeddings"), stage.modality, stage.identity)
    after = work.state_of(stage.contents, done, stage.day)
    rows: Counter[str | None] = Counter({None: after.encoded - before.encoded})
    rows.update(after.failed)
    # What had failed for good, or waits, was not asked again.
    rows.subtract(before.failed)
    rows.update(before.failed_due)
    return +rows, Counter(after.warned) - Counter(before.warned)


def _tell(run: Run, stage: Stage, before: work.State, written: Written) -> None:
    name = f"{stage.modality}s"
    run.figure(f"{name}_encoded", written.rows[None])
    run.figure(f"{name}.cached", before.encoded)
    run.figure(f"{name}.tried_again", before.due)
    run.figure(f"{name}.waiting", before.waiting)
    run.figure(f"{name}.duplicates_avoided", before.duplicates)
    tell(run, name, written.metered)


def _expect_once(run: Run, stage: Stage, before: work.State, rows: int) -> None:
    """A content with two rows in `embeddings` would show in more rows of the catalog than there are."""
    seen = before.copies + before.keyless
    run.expect(
        f"{stage.modality}s of the catalog beside embeddings",
        rows=seen,
        expected=rows,
        todo="a key may be there twice in embeddings, as two runs at once of an earlier leastpack left it: run "
        "leastpack repair embeddings",
    )


def _failed(before: work.State, written: Written) -> Counter[str]:
    """Failed contents by code, once those tried again have their new answer."""
    failed = Counter(before.failed)
    failed.subtract(before.failed_due)
    failed.update({code: n for code, n in written.rows.items() if code is not None})
    return +failed


def _account(run: Run, source: str, rows: int, aside: dict[str, int], before: work.State, written: Written) -> None:
    """Every row of the source: left out, a repeat of another, encoded before, encoded now, or failed with a code."""
    parts = {**aside, "duplicate": before.duplicates, "unchanged": before.encoded, **_failed(before, written)}
    run.account(source, rows_in=rows, used=written.rows[None], set_aside=parts)
