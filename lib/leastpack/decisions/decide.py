"""The decide step: certify, decide, recommend, queue tests."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import reduce

import numpy as np
import numpy.typing as npt
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from leastpack.config.checks import check_currencies
from leastpack.config.decisions import DecisionsConfig
from leastpack.config.root import Config
from leastpack.decisions.cells import PAIR, PRODUCT, SHIPPED
from leastpack.decisions.certificates import Certificate, Terms, thresholds
from leastpack.decisions.evidence import collect_evidence
from leastpack.decisions.grid import risk_grid
from leastpack.decisions.held_out import held_out
from leastpack.decisions.keys import digests
from leastpack.decisions.market import make_markets
from leastpack.decisions.part import TOLD, Grounds, Part, decide_part
from leastpack.decisions.queue import choose_doubtful, draw_random, mix
from leastpack.decisions.recommend import current_packages, product_values
from leastpack.decisions.rules import proven_labels
from leastpack.decisions.scored import Scored, check_scored, count_scored, labelled_pairs, scored_pairs
from leastpack.log import log
from leastpack.runs import Run, step_run
from leastpack.tables import Tables
from leastpack.tables.keep import keep
from leastpack.tables.schemas import CERTIFICATES
from leastpack.tables.waves import waves

INPUTS = ("products", "package_types", "pair_scores", "pair_outcomes", "pair_tests", "training_examples")
LABELS = ("pair_outcomes", "pair_tests", "training_examples")


def decide_packaging(spark: SparkSession, config: Config) -> None:
    """Certify, decide on every scored pair, recommend a package for every product and queue tests.

    Args:
        spark: The session.
        config: Section `decisions`; tau and reporting rate of `outcomes`.

    Raises:
        InputError: A table is missing or there are no scores.
        ConfigError: The currency of a package cost has no unit.
        PromiseError: The scores are not whole, or an account does not balance.
    """
    tables = Tables(spark, config.tables)
    with step_run(spark, tables, config, "decide") as run, ExitStack() as kept:
        inputs = {name: tables.read(name, run.reads(name, tables.version(name))) for name in INPUTS}
        settings, grid = config.decisions, risk_grid(config.decisions.grid)
        used = inputs["package_types"].select("currency").distinct().collect()
        check_currencies((row.currency for row in used), config.currency_units)
        with run.phase("account"):
            scored = _scored(inputs, grid, settings, kept)
            products, model_version = check_scored(scored.counts)
            certify = keep(kept, held_out(tables, inputs["training_examples"], model_version, "certify"))
            _account(run, inputs, scored, certify.count())
        with run.phase("certify"):
            terms = Terms(settings, config.outcomes.tau, config.outcomes.least_reporting_rate, model_version, grid)
            certificates = collect_evidence(
                {**inputs, "certify_examples": certify}, scored, settings, len(grid)
            ).certify(terms)
            _write_certificates(tables, run, certificates)
        with run.phase("decide"):
            grounds = _grounds(inputs, certificates, model_version, config)
            parts = _decide(tables, config, run, inputs["pair_scores"], grounds, kept)
        with run.phase("recommend"):
            tables.replace("recommendations", _together([part.chosen for part in parts]))
            _account_products(run, inputs, tables.read("recommendations"), products)
        with run.phase("queue"):
            waiting = keep(kept, _together([part.finalists for part in parts]))
            random = keep(kept, draw_random(waiting, settings))
            queue = mix(random, choose_doubtful(waiting, random, settings))
            tables.replace("test_queue", queue.withColumn("run_id", F.lit(run.run_id)))
            run.figure("queued", tables.read("test_queue").count())


def _scored(
    inputs: dict[str, DataFrame], grid: npt.NDArray[np.float64], settings: DecisionsConfig, kept: ExitStack
) -> Scored:
    pairs = scored_pairs(inputs["pair_scores"], inputs["package_types"], grid, settings.pool_marketplaces, settings.day)
    labelled = keep(kept, labelled_pairs(pairs, [inputs[name] for name in LABELS]))
    return Scored(pairs, labelled, count_scored(pairs))


def _account(run: Run, inputs: dict[str, DataFrame], scored: Scored, certify: int) -> None:
    """Every input row is used, or belongs to a pair that has no score."""
    run.account("pair_scores", rows_in=inputs["pair_scores"].count(), used=sum(row.pairs for row in scored.counts))
    types = inputs["package_types"].count()
    run.account("package_types", rows_in=types, used=types)
    for name in ("pair_outcomes", "pair_tests"):
        _account_scored(run, name, inputs[name], scored.labelled, PAIR)
    certify_split = F.count_if(F.col("split") == "certify").alias("certify")
    counts = inputs["training_examples"].agg(F.count("*").alias("rows_in"), certify_split).collect()[0]
    aside = {"other_split": counts.rows_in - counts.certify, "seen_by_the_model": counts.certify - certify}
    run.account("training_examples", rows_in=counts.rows_in, used=certify, set_aside=aside)


def _account_products(run: Run, inputs: dict[str, DataFrame], recommendations: DataFrame, products: int) -> None:
    """Every scored product has its recommendation, and every product of the catalog is scored or told of."""
    run.expect("recommendations", rows=recommendations.count(), expected=products)
    _account_scored(run, "products", inputs["products"], recommendations, PRODUCT)


def _account_scored(run: Run, name: str, rows: DataFrame, scored: DataFrame, key: list[str]) -> None:
    rows_in = rows.count()
    used = rows.join(scored.select(*key), on=key, how="left_semi").count()
    run.account(name, rows_in=rows_in, used=used, set_aside={"not_scored": rows_in - used})


def _grounds(
    inputs: dict[str, DataFrame], certificates: Sequence[Certificate], model_version: str, config: Config
) -> Grounds:
    settings, units = config.decisions, config.currency_units
    given = thresholds(certificates, settings.certify_by)
    markets, identifiers = make_markets(inputs["package_types"].collect(), given, settings.day, units)
    return Grounds(
        values=product_values(inputs["products"], units),
        pair_tests=inputs["pair_tests"],
        proven=proven_labels(inputs["pair_tests"]),
        current=current_packages(inputs["pair_outcomes"]),
        markets=markets,
        certificates=identifiers,
        model_version=model_version,
        settings=settings,
        reporting_rate=config.outcomes.least_reporting_rate,
    )


def _decide(
    tables: Tables,
    config: Config,
    run: Run,
    scores: DataFrame,
    grounds: Grounds,
    kept: ExitStack,
) -> list[Part]:
    tables.ensure("pair_decisions")
    held = digests(tables.read("pair_decisions"), TOLD, "bucket")
    pairs = {row["bucket"]: row["count"] for row in scores.groupBy("bucket").count().collect()}
    # A bucket that has decisions and no scores any more is emptied.
    due = {bucket: pairs.get(bucket, 0) for bucket in {*pairs, *held}}
    parts: list[Part] = []
    finished = 0
    for buckets in waves(due, config.tables.pairs_per_commit):
        parts.append(decide_part(tables, run.run_id, scores, grounds, buckets, held, kept))
        finished += len(buckets)
        log.info("buckets decided", done=finished, of=len(due))
    _count_decisions(tables, run, sum(pairs.values()))
    return parts


def _together(parts: Sequence[DataFrame]) -> DataFrame:
    return reduce(DataFrame.unionByName, parts)


def _write_certificates(tables: Tables, run: Run, certificates: Sequence[Certificate]) -> None:
    issued = datetime.now(UTC)
    rows = []
    for one in certificates:
        values = {**vars(one), "run_id": run.run_id, "issued_at": issued}
        rows.append(tuple(list(v) if isinstance(v := values[name], tuple) else v for name in CERTIFICATES.names))
    tables.replace("certificates", tables.spark.createDataFrame(rows, CERTIFICATES.schema))
    for promise in sorted({one.promise for one in certificates}):
        own = [one for one in certificates if one.promise == promise]
        given = [one for one in own if one.threshold is not None]
        run.figure(f"certificates_given.{promise}", len(given))
        run.figure(f"certificates_tested.{promise}", len(own))
        shipped = [one for one in given if one.slice == SHIPPED]
        if shipped:
            log.warning(
                "certificates rest on shipped pairs, which someone chose; gamma: hidden selection they survive",
                promise=promise,
                certificates=len(shipped),
                least_gamma=round(min(one.gamma or 1.0 for one in shipped), 2),
            )


def _count_decisions(tables: Tables, run: Run, pairs: int) -> None:
    counts = {row.decision: row["count"] for row in tables.read("pair_decisions").groupBy("decision").count().collect()}
    for decision, count in sorted(counts.items()):
        run.figure(f"pairs.{decision}", count)
    run.expect("pair_decisions", rows=sum(counts.values()), expected=pairs)
