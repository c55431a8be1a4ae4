"""Certifies by past shipments whose package was drawn at random, of products that the model was not trained on."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from leastpack.certificates.attempt import attempt
from leastpack.certificates.correction import damage_correction
from leastpack.certificates.drawing import look, placed_products
from leastpack.certificates.planning import Reach, plan_round
from leastpack.certificates.records import delta_left, is_told, spent_out, write_attempt, write_certificates
from leastpack.certificates.rounds import Panel, Round, attempt_of, draw_round, round_of
from leastpack.certificates.terms import RANDOM, Terms
from leastpack.certificates.told import not_drawn, waiting
from leastpack.panel import uniform
from leastpack.runs import Run
from leastpack.tables import Tables
from leastpack.tables.keys import PAIR, PRODUCT


def certify_by_random_shipments(
    tables: Tables, run: Run, inputs: Mapping[str, DataFrame], terms: Terms, products: int, kept: ExitStack
) -> None:
    """Plan the levels of a policy without a look at damage, then test them on what is there; once a policy.

    Args:
        tables: Where rounds are.
        run: The run.
        inputs: products, packaging_rules, pair_scores, pair_outcomes, pair_tests and training_examples.
        terms: The policy, with the promise of random shipments.
        products: Products that have scores.
        kept: Keeps what is read more than once.
    """
    round_ = round_of(tables, terms.digest)
    before = attempt_of(tables, round_.round_id) if round_ is not None else None
    if round_ is not None and before is not None:
        if not is_told(tables, round_):  # a run was stopped after it had read: what it read is read again
            outcomes = tables.read("pair_outcomes", before.pair_tests_version)
            results = attempt(tables, round_, _results(tables, round_, outcomes, terms), terms, before.delta)
            write_attempt(
                tables, run, terms, round_, results, before.delta, before.attempted_on, before.pair_tests_version
            )
        return
    if round_ is None:
        round_ = _draw(tables, run, inputs, terms, products, kept)
    if round_ is None:
        return
    delta = min(round_.delta, delta_left(tables, terms, but=round_.round_id))
    if not delta:
        write_certificates(tables, run, [waiting(terms, row, spent_out(terms)) for row in round_.cells])
        return
    results = attempt(tables, round_, _results(tables, round_, inputs["pair_outcomes"], terms), terms, delta)
    day, version = terms.config.decisions.day, run.inputs["pair_outcomes"]
    write_attempt(tables, run, terms, round_, results, delta, day, version)


def first_draws(pair_outcomes: DataFrame, least: float) -> DataFrame:
    """The first random shipment of each product, by hash, whatever package it went out in.

    Args:
        pair_outcomes: The table.
        least: Shipments of a lower probability are passed over.

    Returns:
        The key of the pair, propensity, damaged.
    """
    mean = F.col("propensity_sum").cast("double") / F.col("n_random")
    drawn = pair_outcomes.where("n_random > 0").withColumn("propensity", mean)
    first = F.struct("random_draw_hash", "package_type", "propensity", F.col("random_draw_damaged").alias("damaged"))
    firsts = drawn.where(F.col("propensity") >= least).groupBy(*PRODUCT).agg(F.min(first).alias("first"))
    names = ("package_type", "propensity", "damaged")
    return firsts.select(*PRODUCT, *[F.col(f"first.{name}").alias(name) for name in names])


def thinned(draws: DataFrame, seed: int) -> DataFrame:
    """As many of each probability as if all had the lowest one: products then count alike, whatever else fits them.

    Args:
        draws: `first_draws`, or some of them.
        seed: Of the hash by which a product stays.
    """
    lowest = draws.agg(F.min("propensity")).collect()[0][0]
    if lowest is None:
        return draws
    return draws.where(uniform(seed, "thinned", *PRODUCT) < F.lit(float(lowest)) / F.col("propensity"))


def unknown_products(examples: DataFrame, draws: DataFrame, seed: int) -> DataFrame:
    """Of each family of split certify one of the products that have a draw, by hash: families break alike.

    Args:
        examples: The table `training_examples`.
        draws: `first_draws`.
        seed: Of the hash.

    Returns:
        marketplace, product_id, propensity.
    """
    families = examples.where("split = 'certify'").select(*PRODUCT, "group_id").distinct()
    place = uniform(seed, "random", *PRODUCT)
    in_family = F.row_number().over(Window.partitionBy("group_id").orderBy(place, *PRODUCT))
    drawn = families.join(draws.select(*PRODUCT, "propensity"), on=PRODUCT, how="inner")
    return drawn.withColumn("place", in_family).where("place = 1").select(*PRODUCT, "propensity")


def _draw(
    tables: Tables, run: Run, inputs: Mapping[str, DataFrame], terms: Terms, products: int, kept: ExitStack
) -> Round | None:
    settings = terms.config.certify
    panel = Panel(settings.seed, 0.0, RANDOM)
    looked = look(tables, run, inputs, terms, panel, products, kept)
    draws = first_draws(inputs["pair_outcomes"], settings.least_propensity)
    unknown = unknown_products(inputs["training_examples"], draws, settings.seed)
    found = unknown.agg(F.count("*").alias("families"), F.min("propensity").alias("lowest")).collect()[0]
    run.figure("families_shipped_at_random", found.families)
    # A draw is of the package that a policy chooses as often as the lowest probability says, once they are thinned.
    reach = Reach(min(1.0, found.families * float(found.lowest or 0) / products), 1)
    delta = delta_left(tables, terms)
    calibrate = inputs["training_examples"].where("split = 'calibrate'")
    damage = damage_correction(calibrate, inputs["pair_outcomes"], inputs["pair_scores"], terms)
    plans = plan_round(
        looked.counts, looked.sampled, damage, terms, delta or settings.delta / settings.issues_a_year, reach
    )
    used_up = None if delta else spent_out(terms)
    hopeless = {cell: one for cell, one in plans.items() if used_up or one.why_none}
    write_certificates(tables, run, [not_drawn(terms, cell, one, used_up) for cell, one in hopeless.items()])
    if len(hopeless) == len(plans):
        return None
    scores = inputs["pair_scores"].join(unknown.select(*PRODUCT), on=PRODUCT, how="left_semi")
    rows = placed_products(tables, {**inputs, "pair_scores": scores}, terms, panel, looked.excluded, kept)
    everyone = rows.withColumn("panel", F.lit(0.0))
    return draw_round(tables, terms, panel, plans, everyone, looked.excluded, inputs["pair_tests"], delta)


def _results(tables: Tables, round_: Round, outcomes: DataFrame, terms: Terms) -> dict[tuple[str, ...], bool]:
    """Damage of the draws of a round's products, thinned."""
    settings = terms.config.certify
    products = tables.read("round_choices").where(F.col("round_id") == round_.round_id).select(*PRODUCT)
    draws = first_draws(outcomes, settings.least_propensity).join(products, on=PRODUCT, how="left_semi")
    rows = thinned(draws, settings.seed).collect()
    return {tuple(row[name] for name in PAIR): bool(row.damaged) for row in rows}
