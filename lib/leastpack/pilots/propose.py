"""Draws a pilot for the policy of today and writes which share of which shipments goes out in what."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from leastpack.certificates.arrays import READ, numbers, read_products
from leastpack.certificates.cells import cell_among
from leastpack.certificates.correction import damage_correction
from leastpack.certificates.counts import by_marketplace
from leastpack.certificates.drawing import look, plan
from leastpack.certificates.planning import CellPlan, Reach
from leastpack.certificates.rounds import Panel, Round, attempt_of, draw_round, round_of
from leastpack.certificates.scores import check_scores
from leastpack.certificates.terms import PILOT, Terms, make_terms
from leastpack.config.checks import check_currencies
from leastpack.config.root import Config
from leastpack.errors import InputError
from leastpack.pilots.watch import going_on
from leastpack.policy.choose import choose_by_level, distinct_moves
from leastpack.policy.pilot import expected_damage, make_arms
from leastpack.runs import Run, step_run
from leastpack.tables import Tables
from leastpack.tables.keys import PAIR, PRODUCT
from leastpack.tables.schemas import PILOTS

INPUTS = (
    "products", "package_types", "packaging_rules", "scores", "pair_outcomes", "pair_tests", "training_examples",
)  # fmt: skip
DAYS_A_MONTH = 30.4


def propose_pilot(spark: SparkSession, config: Config) -> list[str]:
    """Draw a pilot for today's policy; a policy has one at most.

    Args:
        spark: The session.
        config: Sections `pilot`, `certify` and `decisions`.

    Returns:
        What was drawn, or why nothing was, in lines for a person.

    Raises:
        InputError: A pilot is going on, more damage is expected than `pilot.most_damage`, or a table is missing.
        ConfigError: The currency of a package cost has no unit.
    """
    tables = Tables(spark, config.tables)
    with step_run(spark, tables, config, "pilot") as run, ExitStack() as kept:
        inputs = {name: tables.read(name, run.reads(name, tables.version(name))) for name in INPUTS}
        types = inputs["package_types"].collect()
        check_currencies({row.currency for row in types}, config.currency_units)
        products, model_version = check_scores(inputs["scores"], inputs["package_types"])
        terms = make_terms(config, types, model_version, PILOT)
        round_ = round_of(tables, terms.digest)
        if round_ is None:
            _refuse_a_second(tables, config.decisions.day)
            drawn = _draw(tables, run, inputs, terms, products, kept)
            if not isinstance(drawn, Round):
                return drawn
            round_ = drawn
        _write_arms(tables, round_, inputs["pair_outcomes"], terms)
    return _lines(tables, round_)


def _refuse_a_second(tables: Tables, day: datetime.date) -> None:
    """A product is in one pilot at a time, so that a shipment has one arm."""
    if running := sorted({row.pilot_id for row in going_on(tables, day)}):
        raise InputError(
            "a pilot is going on",
            expected="none, or one of the policy of today",
            found=", ".join(running),
            todo="wait for its end, or end it with leastpack pilot stop",
        )


def _draw(
    tables: Tables, run: Run, inputs: Mapping[str, DataFrame], terms: Terms, products: int, kept: ExitStack
) -> Round | list[str]:
    settings = terms.config.certify
    panel = Panel(settings.seed, _drawn_up_to(tables, settings.seed), PILOT)
    if panel.start + terms.drawing.draw_share > 1:
        return ["every product has been drawn for a pilot of this seed; certify.seed draws anew"]
    looked = look(tables, run, inputs, terms, panel, products, kept)
    per_day = _per_day(looked.rows, inputs["pair_outcomes"])
    reach = _reach(per_day, terms)
    calibrate = inputs["training_examples"].where("split = 'calibrate'")
    found = damage_correction(calibrate, inputs["pair_outcomes"], inputs["scores"], terms)
    planned = plan(tables, run, looked, found, terms, reach)
    if not planned.worth_drawing:
        return [f"{cell}: {why}" for cell, why in planned.hopeless.items()]
    damage = _damage(per_day, planned.plans, terms, panel)
    run.figure("expected_damage", damage)
    if damage > terms.config.pilot.most_damage:
        raise InputError(
            "the pilot may damage more than it is allowed to",
            expected=f"at most {terms.config.pilot.most_damage:g} damaged shipments (pilot.most_damage)",
            found=f"{damage:.1f} are expected; nothing is assigned",
            todo="lower pilot.share, pilot.days or pilot.draw_products, or allow more",
        )
    return draw_round(
        tables, terms, panel, planned.plans, looked.catalog, looked.excluded, inputs["pair_tests"], planned.delta
    )


def _drawn_up_to(tables: Tables, seed: int) -> float:
    """Where the products end that pilots of a seed have drawn: their outcomes were seen."""
    if not tables.exists("policy_rounds"):
        return 0.0
    own = tables.read("policy_rounds").where((F.col("labels") == PILOT) & (F.col("seed") == seed))
    return float(own.agg(F.max("hash_to")).collect()[0][0] or 0.0)


def _per_day(rows: DataFrame, pair_outcomes: DataFrame) -> DataFrame:
    """The rows with `per_day`: shipments of each product a day, in the months in which it shipped."""
    rate = F.sum("n") / (F.count_distinct("period") * F.lit(DAYS_A_MONTH))
    sold = pair_outcomes.where("n > 0").groupBy(*PRODUCT).agg(rate.alias("per_day"))
    return rows.join(sold, on=PRODUCT, how="left").withColumn("per_day", F.coalesce("per_day", F.lit(0.0)))


def _reach(per_day: DataFrame, terms: Terms) -> Reach:
    """What products are expected to ship in each of their moves, if they have as many as there are levels."""
    each = F.col("per_day") * F.lit(terms.config.pilot.days * terms.config.pilot.share / terms.drawing.levels)
    found = per_day.select(each.alias("n")).agg(
        F.avg(1 - F.exp(-F.col("n"))).alias("ship"), F.percentile_approx(F.when(F.col("n") >= 1, F.col("n")), 0.5)
    )
    share, median = found.collect()[0]
    return Reach(float(share or 0.0), max(1, int(median or 1)))


def _damage(per_day: DataFrame, plans: Mapping[str, CellPlan], terms: Terms, panel: Panel) -> float:
    """Shipments that the moves of the drawn products are expected to damage."""
    levels = {cell: [float(terms.grid[place]) for place in one.plan.places] for cell, one in plans.items()}
    levels = {cell: own for cell, own in levels.items() if own}
    ends = {cell: panel.start + plans[cell].draw / plans[cell].products for cell in levels}

    def damage(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for marketplace, rows in by_marketplace(batches):
            for photos in (False, True):
                cell = cell_among(levels, terms.pool(marketplace), photos)
                if cell is not None:
                    found = _damage_of(rows, marketplace, photos, levels[cell], (panel.start, ends[cell]), terms)
                    yield pa.RecordBatch.from_pydict({"damage": pa.array([found], pa.float64())})

    columns = ["marketplace", "panel", "per_day", *READ]
    found = per_day.select(columns).mapInArrow(damage, "damage double")  # type: ignore[arg-type]
    return float(found.agg(F.sum("damage")).collect()[0][0] or 0.0)


def _damage_of(
    rows: pa.RecordBatch,
    marketplace: str,
    photos: bool,
    levels: list[float],
    drawn_range: tuple[float, float],
    terms: Terms,
) -> float:
    products = read_products(rows, terms.markets[marketplace], terms.config.decisions, terms.reported)
    packages, moves = choose_by_level(products.options, levels, terms.least_saving(marketplace))
    tried = distinct_moves(packages, moves, products.safe.shape[1])
    place = numbers(rows.column("panel"))
    drawn = (place >= drawn_range[0]) & (place < drawn_range[1]) & (products.pairs.photos == photos) & tried.any(axis=1)
    if not drawn.any():
        return 0.0
    tried = tried[drawn]
    probability = terms.config.pilot.share * tried / tried.sum(axis=1, keepdims=True)
    rate = np.where(tried, np.minimum(products.pairs.damage_rate[drawn] / terms.reported, 1.0), 0.0)
    return expected_damage(numbers(rows.column("per_day"))[drawn] * terms.config.pilot.days, probability, rate)


def _write_arms(tables: Tables, round_: Round, pair_outcomes: DataFrame, terms: Terms) -> None:
    """The arms of all drawn products, from tomorrow on; those of a pilot that has them stay as they are.

    The control arm is today's package, if a move is to another one, it may be used, and the policy does not exclude it.
    """
    pilot, pilot_id = terms.config.pilot, round_.round_id
    scope = f"pilot_id = '{pilot_id}'"
    if tables.exists("pilots") and not tables.read("pilots").where(scope).isEmpty():
        return
    starts = terms.config.decisions.day + datetime.timedelta(days=1)
    ends = starts + datetime.timedelta(days=pilot.days)
    latest = F.max(F.struct("period", "n", "package_type"))["package_type"].alias("package_type")
    today = pair_outcomes.where("n > 0").groupBy(*PRODUCT).agg(latest)
    excluded = tables.read("round_exclusions").where(F.col("round_id") == pilot_id)
    control = today.join(excluded, on=PAIR, how="left_anti").withColumnRenamed("package_type", "today")
    chosen = tables.read("round_choices").where(F.col("round_id") == pilot_id).join(control, on=PRODUCT, how="left")
    rows = []
    for row in chosen.collect():
        moves = sorted({name for name in row.choices if name is not None})
        usable = row.today not in moves and row.today in terms.in_use[row.marketplace]
        for arm in make_arms(moves, row.today if usable else None, pilot.share, pilot.control):
            key = (pilot_id, row.marketplace, row.product_id, arm.package_type)
            rows.append((*key, arm.control, arm.begins, arm.ends, starts, ends, None, None, None))
    tables.merge("pilots", tables.spark.createDataFrame(rows, PILOTS.schema), delete_missing=True, scope=scope)


def _lines(tables: Tables, round_: Round) -> list[str]:
    arms = tables.read("pilots").where(F.col("pilot_id") == round_.round_id)
    found = arms.agg(F.count_distinct(*PRODUCT), F.count_if(~F.col("control")), F.min("starts_on"), F.max("ends_on"))
    products, moves, starts, ends = found.collect()[0]
    lines = [f"pilot {round_.round_id}: {products} products, {moves} moves, shipments from {starts} to before {ends}"]
    for row in round_.cells:
        levels = ", ".join(f"{level:.3g}" for level in row.levels)
        lines.append(f"{row.cell}: {row.drawn} products drawn of {row.products}, levels {levels}, by {row.method} test")
    if (read := attempt_of(tables, round_.round_id)) is not None:
        lines.append(f"it was read on {read.attempted_on}; certify.draw + 1 tries the same policy on other products")
    return lines
