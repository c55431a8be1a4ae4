"""Certifies a frozen list of moves by past shipments that were assigned at random, of products unknown to the model."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace

import numpy as np
from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from leastpack.certificates.attempt import CellResult
from leastpack.certificates.correction import damage_correction
from leastpack.certificates.counts import count_moves
from leastpack.certificates.drawing import Looked, exclusions_today, placed_products, plan
from leastpack.certificates.held_out import is_on_record
from leastpack.certificates.planning import Reach
from leastpack.certificates.records import (
    delta_left,
    is_told,
    waiting_attempts,
    write_attempt,
    write_certificates,
)
from leastpack.certificates.rounds import Panel, Round, attempt_of, draw_round, round_of
from leastpack.certificates.terms import RANDOM, Terms
from leastpack.certificates.told import waiting
from leastpack.log import log
from leastpack.panel import uniform
from leastpack.pilots.past import (
    drawn_pairs,
    first_draws,
    fresh_products,
    require_draws,
    without_draws,
)
from leastpack.pilots.reading import Shipped, ShippedMoves, cell_result
from leastpack.policy.assigned import ROUNDING, TAIL, as_told
from leastpack.policy.cells import certify_cells
from leastpack.runs import Run
from leastpack.tables import Tables
from leastpack.tables.keep import keep
from leastpack.tables.keys import PAIR, PRODUCT

# The hash by which draws count is nobody's to choose.
SEED = 0


def certify_by_random_shipments(
    tables: Tables,
    run: Run,
    inputs: Mapping[str, DataFrame],
    terms: Terms,
    others: Collection[str],
    kept: ExitStack,
) -> None:
    """List the moves of a policy, once, and read how the first random shipment of each product ended.

    Args:
        tables: Where rounds are.
        run: The run.
        inputs: products, packaging_rules, scores, pair_outcomes, pair_tests and training_examples.
        terms: The policy, with the promise of past shipments.
        others: Digests of the policies of today with other labels: what their rounds will spend is left to them.
        kept: Keeps what is read more than once.

    Raises:
        InputError: pair_outcomes does not tell the propensities of single shipments.
    """
    require_draws(inputs["pair_outcomes"])
    round_ = round_of(tables, terms.digest)
    before = attempt_of(tables, round_.round_id) if round_ is not None else None
    if round_ is not None and before is not None:
        if not is_told(tables, round_):  # a run was stopped after it had read: what it read is read again
            outcomes = tables.read("pair_outcomes", before.pair_tests_version)
            _attempt(tables, run, terms, round_, outcomes, before.delta, before.attempted_on, before.pair_tests_version)
        return
    # One that was drawn and never read is drawn anew: it must not know the first shipments of today.
    delta = delta_left(tables, terms, waiting=waiting_attempts(tables, terms, others))
    round_ = _draw(tables, run, inputs, terms, delta, kept)
    if round_ is None:
        return
    why = _unlike_told(tables, round_, inputs["pair_outcomes"], terms)
    if why is not None:
        write_certificates(tables, run, [waiting(terms, row, why) for row in round_.cells])
        return
    day, version = terms.config.decisions.day, run.inputs["pair_outcomes"]
    _attempt(tables, run, terms, round_, inputs["pair_outcomes"], delta, day, version)


def counted_draws(choices: DataFrame, pair_outcomes: DataFrame, least: float) -> DataFrame:
    """The draws that count: of a package that the policy chooses at some level, thinned as `policy.assigned.counts`.

    Args:
        choices: Rows of `round_choices`.
        pair_outcomes: The table.
        least: The smallest probability of draws that count.

    Returns:
        The columns of `choices`; package_type and damaged.
    """
    found = choices.join(first_draws(pair_outcomes).drop("period", "k", "k_upper"), on=PRODUCT, how="inner")
    chosen = F.coalesce(F.array_contains("choices", F.col("package_type")), F.lit(False))
    often = F.col("propensity") >= least - ROUNDING
    thinned = uniform(SEED, "thinned", *PRODUCT) * F.col("propensity") < least
    return found.where(chosen & often & thinned).select(*choices.columns, "package_type", "damaged")


def _draw(
    tables: Tables, run: Run, inputs: Mapping[str, DataFrame], terms: Terms, delta: float, kept: ExitStack
) -> Round | None:
    """The list of a policy, of products that are fresh to it; None where it would certify nothing."""
    if not is_on_record(tables, terms.model_version):
        log.warning(
            "past shipments certify nothing: no training of the model is on record here, so it may have seen them",
            model=terms.model_version,
            todo="train with these tables, or certify by an audit or a pilot",
        )
        return None
    outcomes, least = inputs["pair_outcomes"], _least(terms)
    fresh = fresh_products(tables, inputs["training_examples"], outcomes, terms)
    draws = keep(kept, first_draws(outcomes).join(fresh, on=PRODUCT, how="left_semi"))
    products = draws.count()
    run.figure("random.products", products)
    if not products:
        log.warning(
            "past shipments certify nothing: no product that the model has not seen has a random one",
            todo="deliver propensity and items with shipments, and give split certify more products (outcomes.split)",
        )
        return None
    known = without_draws(inputs, draws, terms.config.outcomes)
    excluded = keep(kept, exclusions_today(tables, known, terms, kept))
    drawn = drawn_pairs(known["pair_outcomes"].join(draws.select(*PRODUCT), on=PRODUCT, how="left_semi"), least)
    may_be_listed = drawn.withColumn("listed", F.lit(True))
    scores = inputs["scores"].join(draws.select(*PRODUCT), on=PRODUCT, how="left_semi")
    panel = Panel(SEED, 0.0, RANDOM)
    told = excluded.unionByName(may_be_listed, allowMissingColumns=True)
    placed = placed_products(tables, {**known, "scores": scores}, terms, panel, told, kept)
    # None is left to a draw of products: chance is in their shipments.
    rows = keep(kept, placed.withColumn("panel", F.lit(0.0)))
    looked = Looked(rows, rows, 1.0, count_moves(rows, terms), excluded)
    calibrate = inputs["training_examples"].where("split = 'calibrate'")
    correction = damage_correction(calibrate, outcomes, inputs["scores"], terms)
    planned = plan(tables, run, looked, correction, terms, Reach(least, 1), delta=delta)
    if not planned.worth_drawing:
        return None
    return draw_round(tables, terms, panel, planned.plans, rows, excluded, inputs["pair_tests"], planned.delta)


def _least(terms: Terms) -> float:
    """The smallest probability of draws that count; there is one where this is called."""
    return float(terms.config.certify.least_propensity or 0.0)


def _choices(tables: Tables, round_: Round) -> DataFrame:
    return tables.read("round_choices").where(F.col("round_id") == round_.round_id).select(*PRODUCT, "cell", "choices")


def _unlike_told(tables: Tables, round_: Round, outcomes: DataFrame, terms: Terms) -> str | None:
    """Why the draws cannot have been made as they tell, in words, without a look at outcomes; None if they can."""
    choices, least = _choices(tables, round_), _least(terms)
    by = ["marketplace", "package_type"]
    pairs = choices.select("marketplace", F.explode(F.array_distinct("choices")).alias("package_type"))
    listed = pairs.where("package_type IS NOT NULL").groupBy(*by).agg(F.count("*").alias("listed"))
    counted = counted_draws(choices, outcomes, least).groupBy(*by).agg(F.count("*").alias("counted"))
    rows = listed.join(counted, on=by, how="left").orderBy(*by).collect()
    found = [row.counted or 0 for row in rows]
    p_values = as_told([row.listed for row in rows], found, least)
    if not len(p_values) or p_values.min() >= TAIL / len(p_values):
        return None
    worst = int(np.argmin(p_values))
    row = rows[worst]
    return (
        f"of {row.listed} products that would move to {row.package_type} in {row.marketplace}, {found[worst]} random "
        f"shipments count where {least * row.listed:.0f} should: they were not drawn with the propensities that "
        "are told; nothing was read"
    )


def _attempt(
    tables: Tables,
    run: Run,
    terms: Terms,
    round_: Round,
    outcomes: DataFrame,
    delta: float,
    day: datetime.date,
    version: int,
) -> None:
    drawn = counted_draws(_choices(tables, round_), outcomes, _least(terms)).orderBy("cell", *PRODUCT).collect()
    write_attempt(tables, run, terms, round_, _results(round_, drawn, terms, delta), delta, day, version)


def _results(round_: Round, drawn: Sequence[Row], terms: Terms, delta: float) -> dict[str, CellResult]:
    one = {
        tuple(row[name] for name in PAIR): Row(n=1, k_test=int(row.damaged), first_bad=row.damaged, overruled=0)
        for row in drawn
    }
    shipped = Shipped(one, ())
    shares = terms.shares(delta, len(round_.cells), max(len(row.levels) for row in round_.cells))
    alpha = terms.observed_alpha(shares)
    cells = {
        row.cell: ShippedMoves([own for own in drawn if own.cell == row.cell], shipped, len(row.levels), "exact", 1.0)
        for row in round_.cells
    }
    tests = {cell: moves.test(alpha, shares.test / len(cells)) for cell, moves in cells.items()}
    certified = certify_cells(tests, shares.test)
    results = {cell: cell_result(cells[cell], certified[cell], alpha, shares, terms) for cell in cells}
    lists = {row.cell: row.listed for row in round_.cells}
    # What is not counted was not drawn: none of it is missing.
    return {cell: replace(own, missing=0, listed=lists[cell][own.place]) for cell, own in results.items()}
