"""Stops what a pilot breaks, by bets on damage that may be looked at every day, and what must not ship any more."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from leastpack.certificates.terms import Terms
from leastpack.log import log
from leastpack.policy.pilot import STOP_AT, STOP_FACTOR, stop_values
from leastpack.runs import Run
from leastpack.tables import Tables
from leastpack.tables.keys import PAIR
from leastpack.tables.schemas import PILOTS

# Pilot, marketplace, product; and with the package.
Product = tuple[str, str, str]
Arm = tuple[str, str, str, str]


def watch_pilots(tables: Tables, run: Run, terms: Terms, banned: DataFrame) -> None:
    """Stop products whose trial shipments break too often or must not go out any more, and pilots that break too much.

    Stopped products stay in what certifies: to leave them out would let damage choose what counts. Pilots that are over
    or ended are looked at, too: their last customers report later.

    Args:
        tables: Where the pilots are.
        run: The run.
        terms: The bound: STOP_FACTOR times the promise; and the package types in use.
        banned: `ruled.banned_pairs` of today.
    """
    if not tables.exists("pilots"):
        return
    day = terms.config.decisions.day
    running = going_on(tables, day)
    _warn_of_other_policies(tables, running, terms)
    stop_products(tables, running, _forbidden(tables, running, terms, banned), day)
    if not tables.exists("pilot_outcomes"):
        return
    arms = tables.read("pilots").where("NOT coalesce(stopped_by_damage, false)").collect()
    broken = _broken(arms, _counts(tables), min(0.5, STOP_FACTOR * terms.alpha * terms.reported))
    run.figure("pilots.arms_stopped", len(broken.arms))
    stop_products(tables, arms, broken.why, day, broken.arms)


def going_on(tables: Tables, day: datetime.date) -> list[Row]:
    """Arms that assign shipments today or later."""
    if not tables.exists("pilots"):
        return []
    return tables.read("pilots").where((F.col("ends_on") > F.lit(day)) & F.col("stopped_on").isNull()).collect()


def stop_products(
    tables: Tables,
    arms: list[Row],
    why: Mapping[Product, str],
    day: datetime.date,
    damaged: Collection[Arm] = (),
) -> int:
    """Write that products are assigned no more from tomorrow on; one that was stopped before stays so.

    Args:
        tables: Where the pilots are.
        arms: Rows of `pilots`.
        why: (pilot, marketplace, product) to why.
        day: Today.
        damaged: Of their arms, those that their own shipments stop.

    Returns:
        How many products.
    """
    tomorrow = day + datetime.timedelta(days=1)
    rows, products = [], set()
    for row in arms:
        key = (row.pilot_id, row.marketplace, row.product_id)
        by_damage = (*key, row.package_type) in damaged
        if key not in why or (row.stopped_on is not None and not by_damage):
            continue
        told = {"stopped_on": row.stopped_on or tomorrow, "why_stopped": why[key], "stopped_by_damage": by_damage}
        rows.append(tuple({**row.asDict(), **told}[name] for name in PILOTS.names))
        products.add(key)
    if rows:
        tables.merge("pilots", tables.spark.createDataFrame(rows, PILOTS.schema))
    return len(products)


@dataclass(frozen=True)
class _Broken:
    """Products to stop, with why, and the arms that their damage is in."""

    why: Mapping[Product, str]
    arms: Collection[Arm]


def _broken(arms: list[Row], counts: Mapping[Arm, tuple[int, int]], bound: float) -> _Broken:
    moves = [(row.pilot_id, row.marketplace, row.product_id, row.package_type) for row in arms if not row.control]
    products: dict[Product, list[Arm]] = {}
    for arm in moves:
        products.setdefault(arm[:3], []).append(arm)
    why: dict[Product, str] = {}
    stopped: set[Arm] = set()
    for product, own in products.items():
        k, n = _sum([counts.get(arm, (0, 0)) for arm in own])
        if _stops(k, n, bound):
            why[product] = f"{k} of {n} shipments of the product were damaged"
            alone = {arm for arm in own if _stops(*counts.get(arm, (0, 0)), bound)}
            stopped |= alone or set(own)
    for pilot_id in sorted({row.pilot_id for row in arms if row.stopped_on is None}):
        # All that it shipped, what was stopped before included.
        k, n = _sum([one for arm, one in counts.items() if arm[0] == pilot_id])
        if _stops(k, n, bound):
            log.warning("a pilot is stopped: it breaks too much", pilot=pilot_id, damaged=k, shipments=n)
            told = f"{k} of {n} shipments of the pilot were damaged"
            why = {**{one: told for one in products if one[0] == pilot_id}, **why}
    return _Broken(why, stopped)


def _stops(k: int, n: int, bound: float) -> bool:
    return bool(stop_values([k], [n], bound)[0] >= STOP_AT)


def _sum(counts: Collection[tuple[int, int]]) -> tuple[int, int]:
    return sum(k for k, _ in counts), sum(n for _, n in counts)


def _forbidden(tables: Tables, arms: list[Row], terms: Terms, banned: DataFrame) -> dict[Product, str]:
    """Products with an arm in a package that a rule forbids, or that is not in use any more."""
    if not arms:
        return {}
    asked = tables.read("pilots").where(F.col("pilot_id").isin(sorted({row.pilot_id for row in arms}))).select(*PAIR)
    found = {tuple(row) for row in asked.join(banned, on=PAIR, how="left_semi").distinct().collect()}
    why = {}
    for row in arms:
        key = (row.pilot_id, row.marketplace, row.product_id)
        if (row.marketplace, row.product_id, row.package_type) in found:
            why[key] = f"a rule forbids {row.package_type}"
        elif row.package_type not in terms.in_use.get(row.marketplace, ()):
            why[key] = f"{row.package_type} is not in use any more"
    return why


def _warn_of_other_policies(tables: Tables, arms: list[Row], terms: Terms) -> None:
    running = {row.pilot_id for row in arms}
    if not running:
        return
    rounds = tables.read("policy_rounds").where(F.col("round_id").isin(sorted(running)))
    for row in rounds.where(F.col("policy_digest") != terms.digest).select("round_id").distinct().collect():
        log.warning(
            "a pilot goes on that is of another policy than today's: it certifies nothing of what moves now",
            pilot=row.round_id,
            todo="go back to its model and settings until it is read, or end it with leastpack pilot stop",
        )


def _counts(tables: Tables) -> dict[Arm, tuple[int, int]]:
    """Damaged and all shipments of every move."""
    key = ["pilot_id", *PAIR]
    moves = tables.read("pilots").where("NOT control").select(*key)
    own = tables.read("pilot_outcomes").join(moves, on=key, how="left_semi").groupBy(*key)
    rows = own.agg(F.sum("k_upper").alias("k"), F.sum("n").alias("n")).collect()
    return {(row.pilot_id, row.marketplace, row.product_id, row.package_type): (row.k, row.n) for row in rows}
