"""The certify step: draws a round of tests for the policy of today, and reads it once its results are in."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from contextlib import ExitStack

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from leastpack.certificates.attempt import attempt
from leastpack.certificates.counts import correction, count_moves
from leastpack.certificates.in_force import (
    CERTIFIED,
    FAILED,
    NOT_DRAWN,
    WAITING,
)
from leastpack.certificates.marks import disproved_pairs, exclusions, product_marks, without_panels
from leastpack.certificates.planning import plan_round
from leastpack.certificates.products import ProductFacts, product_facts, product_rows
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
from leastpack.certificates.terms import Terms, hash_of, make_terms
from leastpack.certificates.told import Told, not_drawn, tested, type_rows, waiting
from leastpack.config.checks import check_currencies
from leastpack.config.root import Config
from leastpack.log import log
from leastpack.panel import panel_hash, withheld_tests
from leastpack.policy.budget import Attempt, delta_of_attempt
from leastpack.runs import Run, step_run
from leastpack.tables import Tables
from leastpack.tables.keep import keep
from leastpack.tables.schemas import CERTIFICATE_ATTEMPTS, CERTIFICATE_TYPES, CERTIFICATES

INPUTS = (
    "products", "package_types", "packaging_rules", "pair_scores", "pair_outcomes", "pair_tests", "training_examples",
)  # fmt: skip


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
        products, model_version = check_scores(inputs["pair_scores"], inputs["package_types"])
        terms = make_terms(config, types, model_version)
        round_ = round_of(tables, terms.digest)
        if round_ is None:
            with run.phase("draw"):
                round_ = _draw(tables, run, inputs, terms, products, kept)
        if round_ is not None:
            with run.phase("test"):
                _test(tables, run, inputs["pair_tests"], round_, terms)
        _tell(tables, run, terms)


def _draw(
    tables: Tables, run: Run, inputs: Mapping[str, DataFrame], terms: Terms, products: int, kept: ExitStack
) -> Round | None:
    """Plan the policy's round and draw it, if it may pass; the cells that have none get rows that say why."""
    settings, day = terms.config.certify, terms.config.decisions.day
    delta = delta_of_attempt(settings.delta, settings.issues_a_year, _spent(tables), day)
    threshold = terms.config.outcomes.threshold
    told = without_panels(inputs["pair_tests"], withheld_tests(tables, day, settings.panel_days))
    new_panel = choose_panel(tables, terms, inputs["pair_tests"])
    # Without products to draw the plan tells what a round would do.
    panel = new_panel or Panel(settings.seed, 0.0)
    ruled = keep(kept, ruled_products(inputs["products"], in_force(inputs["packaging_rules"], day), terms.types))
    excluded = keep(kept, exclusions(disproved_pairs(told, threshold), banned_pairs(ruled)))
    sampled = min(1.0, settings.sample_products / products)
    marks = product_marks(told, told, banned_pairs(ruled), [excluded], threshold)
    facts = product_facts(tables, inputs, ruled, marks, terms.config.currency_units)
    rows = keep(kept, _sample(inputs["pair_scores"], facts, terms, panel, sampled, kept))
    looked_at = rows.count()
    run.account(
        "products scored", rows_in=products, used=looked_at, set_aside={"not_in_the_sample": products - looked_at}
    )
    counts = count_moves(rows.where(F.col("panel") < sampled), terms)
    calibrate = inputs["training_examples"].where("split = 'calibrate'")
    factor = correction(calibrate, inputs["pair_scores"], terms)
    # Without delta to spend the plan tells what a whole part of it would do.
    plans = plan_round(counts, sampled, factor, terms, delta or settings.delta / settings.issues_a_year)
    used_up = None if delta else _spent_out(terms)
    if new_panel is None:
        used_up = "every product has been drawn for a panel of this seed; certify.seed draws anew"
    hopeless = {cell: one for cell, one in plans.items() if used_up or one.why_none}
    _write_certificates(tables, run, [not_drawn(terms, cell, one, used_up) for cell, one in hopeless.items()])
    if len(hopeless) == len(plans):
        return None
    round_ = draw_round(tables, terms, panel, plans, rows, excluded, inputs["pair_tests"], delta)
    for row in round_.cells:
        log.info("round drawn", cell=row.cell, products=row.drawn, tests=row.tests, until=str(row.test_until))
    return round_


def _sample(
    scores: DataFrame, facts: ProductFacts, terms: Terms, panel: Panel, sampled: float, kept: ExitStack
) -> DataFrame:
    """Rows of the products that a round is planned on or may draw, with their place by hash as `panel`."""
    place = panel_hash(panel.seed)
    wanted = (place < sampled) | ((place >= panel.start) & (place < panel.start + terms.config.certify.draw_share))
    return product_rows(scores.where(wanted), facts, terms.types, kept).withColumn("panel", place)


def _test(tables: Tables, run: Run, pair_tests: DataFrame, round_: Round, terms: Terms) -> None:
    """Read the round's results if they are in and nobody has; else say what it waits for."""
    settings, day = terms.config.certify, terms.config.decisions.day
    before = attempt_of(tables, round_.round_id)
    if before is not None:
        if not _is_told(tables, round_):  # a run was stopped after it had read: what it read is read again
            read = tables.read("pair_tests", before.pair_tests_version)
            _attempt(tables, run, read, round_, terms, before.delta, before.attempted_on, before.pair_tests_version)
        return
    missing = results_missing(tables, round_.round_id, pair_tests)
    run.figure("tests_missing", missing)
    if missing and day < round_.test_until:
        why = f"{missing} tests of the round have no result; on {round_.test_until} they count as UNSAFE"
        _write_certificates(tables, run, [waiting(terms, row, why) for row in round_.cells])
        return
    others = _spent(tables, but=round_.round_id)
    delta = min(round_.delta, delta_of_attempt(settings.delta, settings.issues_a_year, others, day))
    if not delta:
        _write_certificates(tables, run, [waiting(terms, row, _spent_out(terms)) for row in round_.cells])
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
    passed = any(one.test.test.last is not None for one in results.values())
    # The attempt first: whatever stops the run now, the delta is spent.
    names = (hash_of(round_.round_id), round_.round_id, terms.model_version, terms.digest)
    spent = (*names, day, delta, passed, version, run.run_id)
    tables.merge("certificate_attempts", tables.spark.createDataFrame([spent], CERTIFICATE_ATTEMPTS.schema))
    judged = [row for cell, one in results.items() for row in type_rows(terms, cell, one)]
    tables.merge("certificate_types", tables.spark.createDataFrame(judged, CERTIFICATE_TYPES.schema))
    told = [tested(terms, row, results[row.cell], day) for row in round_.cells]
    _write_certificates(tables, run, told)


def _spent_out(terms: Terms) -> str:
    return f"the {terms.config.certify.delta:g} of delta of these 365 days is spent"


def _write_certificates(tables: Tables, run: Run, told: list[Told]) -> None:
    rows = []
    for one in told:
        values = {**dict.fromkeys(CERTIFICATES.names), **one, "run_id": run.run_id}
        rows.append(tuple(list(v) if isinstance(v := values[name], tuple) else v for name in CERTIFICATES.names))
    tables.merge("certificates", tables.spark.createDataFrame(rows, CERTIFICATES.schema))


def _is_told(tables: Tables, round_: Round) -> bool:
    rows = tables.read("certificates").where(F.col("round_id") == round_.round_id).collect()
    return bool(rows) and all(row.status in (CERTIFIED, FAILED) for row in rows)


def _spent(tables: Tables, but: str | None = None) -> list[Attempt]:
    if not tables.exists("certificate_attempts"):
        return []
    rows = tables.read("certificate_attempts").collect()
    return [Attempt(row.attempted_on, row.delta) for row in rows if row.round_id != but]


def _tell(tables: Tables, run: Run, terms: Terms) -> None:
    rows = tables.read("certificates").where(F.col("policy_digest") == terms.digest).orderBy("cell").collect()
    for row in rows:
        log.info("cell", cell=row.cell, status=row.status, level=row.level, n=row.n, k=row.k, why_none=row.why_none)
    for status in (CERTIFIED, FAILED, WAITING, NOT_DRAWN):
        run.figure(f"cells.{status}", sum(row.status == status for row in rows))
