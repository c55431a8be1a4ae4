"""The certify step: draws a round of tests for the policy of today, and reads it once its results are in."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from contextlib import ExitStack

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from leastpack.certificates.attempt import attempt
from leastpack.certificates.correction import risk_correction
from leastpack.certificates.drawing import look, plan
from leastpack.certificates.growing import grown
from leastpack.certificates.in_force import CERTIFIED, FAILED, NOT_DRAWN, WAITING
from leastpack.certificates.records import delta_left, is_told, spent_out, write_attempt, write_certificates
from leastpack.certificates.rounds import (
    Panel,
    Round,
    attempt_of,
    choose_panel,
    draw_round,
    results_missing,
    round_of,
)
from leastpack.certificates.ruled import banned_pairs, in_force, ruled_products
from leastpack.certificates.scores import check_scores
from leastpack.certificates.terms import PILOT, RANDOM, Terms, make_terms
from leastpack.certificates.told import waiting
from leastpack.config.checks import check_currencies
from leastpack.config.root import Config
from leastpack.log import log
from leastpack.pilots.random_shipments import certify_by_random_shipments
from leastpack.pilots.reading import read_pilot
from leastpack.pilots.watch import watch_pilots
from leastpack.runs import Run, step_run
from leastpack.tables import Tables

INPUTS = (
    "products", "package_types", "packaging_rules", "scores", "pair_outcomes", "pair_tests", "training_examples",
)  # fmt: skip
ALL_DRAWN = "every product has been drawn for a panel of this seed; certify.seed draws anew"


def certify_policy(spark: SparkSession, config: Config) -> None:
    """Draw a round of tests where today's policy has none, and certify it once its results are in.

    A policy is a model with costs, package types and a promise. While results are out nothing is read and no delta is
    spent. A round is read once; where nothing passes, the certificate in force stays as it is.

    Args:
        spark: The session.
        config: Sections `certify` and `decisions`; tau, reporting rate and testers of `outcomes`.

    Raises:
        InputError: A table is missing or there are no scores.
        ConfigError: The currency of a package cost has no unit.
        PromiseError: The scores are not whole, or an account does not balance.
    """
    tables = Tables(spark, config.tables)
    with step_run(spark, tables, config, "certify") as run, ExitStack() as kept:
        inputs = {name: tables.read(name, run.reads(name, tables.version(name))) for name in INPUTS}
        types = inputs["package_types"].collect()
        check_currencies({row.currency for row in types}, config.currency_units)
        products, model_version = check_scores(inputs["scores"], inputs["package_types"])
        terms = make_terms(config, types, model_version)
        round_ = round_of(tables, terms.digest)
        if round_ is None and config.certify.audit:
            with run.phase("draw"):
                round_ = _draw(tables, run, inputs, terms, products, kept)
        elif round_ is not None and attempt_of(tables, round_.round_id) is None:
            with run.phase("draw"):
                round_ = grown(tables, inputs, terms, round_, kept)
        if round_ is not None:
            with run.phase("test"):
                _test(tables, run, inputs["pair_tests"], round_, terms)
        digests = [terms.digest]
        if not config.tables.is_of_candidate:  # shipments certify the model in use
            with run.phase("pilot"):
                digests.append(_pilot(tables, run, inputs, make_terms(config, types, model_version, PILOT)))
            if config.certify.least_propensity is not None:
                by_random = make_terms(config, types, model_version, RANDOM)
                with run.phase("random"):
                    certify_by_random_shipments(tables, run, inputs, by_random, tuple(digests), kept)
                digests.append(by_random.digest)
        _tell(tables, run, digests)


def _pilot(tables: Tables, run: Run, inputs: Mapping[str, DataFrame], terms: Terms) -> str:
    """Stop what must be stopped of a pilot, and read it once it is over; the digest of its policy."""
    rules = in_force(inputs["packaging_rules"], terms.config.decisions.day)
    ruled = ruled_products(inputs["products"], rules, terms.types, terms.in_use)
    watch_pilots(tables, run, terms, banned_pairs(ruled))
    read_pilot(tables, run, terms)
    return terms.digest


def _draw(
    tables: Tables, run: Run, inputs: Mapping[str, DataFrame], terms: Terms, products: int, kept: ExitStack
) -> Round | None:
    """Plan the policy's round and draw it, if it may pass; the cells that have none get rows that say why."""
    new_panel = choose_panel(tables, terms, inputs["pair_tests"])
    # Without products to draw the plan tells what a round would do.
    panel = new_panel or Panel(terms.config.certify.seed, 0.0)
    looked = look(tables, run, inputs, terms, panel, products, kept)
    calibrate = inputs["training_examples"].where("split = 'calibrate'")
    found = risk_correction(calibrate, inputs["scores"], terms)
    planned = plan(tables, run, looked, found, terms, why_none=None if new_panel else ALL_DRAWN)
    if not planned.worth_drawing:
        return None
    round_ = draw_round(
        tables, terms, panel, planned.plans, looked.catalog, looked.excluded, inputs["pair_tests"], planned.delta
    )
    for row in round_.cells:
        log.info("round drawn", cell=row.cell, products=row.drawn, tests=row.tests, until=str(row.test_until))
    return round_


def _test(tables: Tables, run: Run, pair_tests: DataFrame, round_: Round, terms: Terms) -> None:
    """Read the round's results if they are in and nobody has; else say what it waits for."""
    day = terms.config.decisions.day
    before = attempt_of(tables, round_.round_id)
    if before is not None:
        if not is_told(tables, round_):  # a run was stopped after it had read: what it read is read again
            read = tables.read("pair_tests", before.pair_tests_version)
            _attempt(tables, run, read, round_, terms, before.delta, before.attempted_on, before.pair_tests_version)
        return
    missing = results_missing(tables, round_.round_id, pair_tests)
    run.figure("tests_missing", missing)
    if missing and day < round_.test_until:
        why = f"{missing} tests of the round have no result; on {round_.test_until} they count as UNSAFE"
        write_certificates(tables, run, [waiting(terms, row, why) for row in round_.cells])
        return
    delta = min(round_.delta, delta_left(tables, terms, but=round_.round_id))
    if not delta:
        write_certificates(tables, run, [waiting(terms, row, spent_out(terms)) for row in round_.cells])
        return
    _attempt(tables, run, pair_tests, round_, terms, delta, day, run.inputs["pair_tests"])


def _attempt(
    tables: Tables,
    run: Run,
    pair_tests: DataFrame,
    round_: Round,
    terms: Terms,
    delta: float,
    day: datetime.date,
    version: int,
) -> None:
    results = attempt(tables, round_, pair_tests, terms, delta)
    write_attempt(tables, run, terms, round_, results, delta, day, version)


def _tell(tables: Tables, run: Run, digests: Sequence[str]) -> None:
    tables.ensure("certificates")
    rows = tables.read("certificates").where(F.col("policy_digest").isin(*digests)).orderBy("cell").collect()
    for row in rows:
        log.info(
            "cell",
            cell=row.cell,
            labels=row.labels,
            status=row.status,
            level=row.level,
            n=row.n,
            k=row.k,
            why_none=row.why_none,
        )
    for status in (CERTIFIED, FAILED, WAITING, NOT_DRAWN):
        run.figure(f"cells.{status}", sum(row.status == status for row in rows))
