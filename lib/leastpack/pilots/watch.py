"""Stops what a pilot breaks: products, and all of it, by bets on damage that may be looked at every day."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Mapping

from pyspark.sql import Row
from pyspark.sql import functions as F

from leastpack.certificates.terms import Terms
from leastpack.log import log
from leastpack.policy.pilot import STOP_AT, STOP_FACTOR, stop_values
from leastpack.runs import Run
from leastpack.tables import Tables
from leastpack.tables.schemas import PILOTS

# Pilot, marketplace, product.
Product = tuple[str, str, str]


def watch_pilots(tables: Tables, run: Run, terms: Terms) -> None:
    """Stop products whose trial shipments break too often, and a pilot that does so as a whole.

    Stopped products stay in what certifies: to leave them out would let damage choose what counts.

    Args:
        tables: Where the pilots are.
        run: The run.
        terms: The bound: STOP_FACTOR times the promise.
    """
    if not tables.exists("pilots") or not tables.exists("pilot_outcomes"):
        return
    # Of pilots that are over, too: their last customers report later.
    arms = tables.read("pilots").where("stopped_on IS NULL").collect()
    bound = min(0.5, STOP_FACTOR * terms.alpha * terms.reported)
    ids = sorted({row.pilot_id for row in arms})
    counts = _counts(tables, ids)
    damaged, shipped = ([one[place] for one in counts.values()] for place in (0, 1))
    values = dict(zip(counts, stop_values(damaged, shipped, bound), strict=True))
    why: dict[Product, str] = {}
    for pilot_id in ids:
        own = {key: one for key, one in counts.items() if key[0] == pilot_id}
        k, n = (sum(one[place] for one in own.values()) for place in (0, 1))
        total = float(stop_values(k, n, bound)[()])
        if total >= STOP_AT:
            log.warning("a pilot is stopped: it breaks too much", pilot=pilot_id, damaged=k, shipments=n)
            why |= dict.fromkeys(_products(arms, pilot_id), f"{k} of {n} shipments of the pilot were damaged")
            continue
        stopped = {key: one for key, one in own.items() if values[key] >= STOP_AT}
        why |= {key: f"{k} of {n} shipments of the product were damaged" for key, (k, n) in stopped.items()}
        run.figure(f"pilot.{pilot_id}.products_stopped", len(stopped))
    by_damage = frozenset(key for key in why if values.get(key, 0.0) >= STOP_AT)
    stop_products(tables, arms, why, terms.config.decisions.day, by_damage)


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
    damaged: Collection[Product] = (),
) -> int:
    """Write that products are assigned no more from tomorrow on.

    Args:
        tables: Where the pilots are.
        arms: Rows of `pilots`.
        why: (pilot, marketplace, product) to why.
        day: Today.
        damaged: Of these, those that their own shipments stop.

    Returns:
        How many products.
    """
    tomorrow = day + datetime.timedelta(days=1)
    rows = []
    for row in arms:
        key = (row.pilot_id, row.marketplace, row.product_id)
        if key in why:
            told = {"stopped_on": tomorrow, "why_stopped": why[key], "stopped_by_damage": key in damaged}
            rows.append(tuple({**row.asDict(), **told}[name] for name in PILOTS.names))
    if rows:
        tables.merge("pilots", tables.spark.createDataFrame(rows, PILOTS.schema))
    return len(why)


def _products(arms: list[Row], pilot_id: str) -> set[Product]:
    return {(row.pilot_id, row.marketplace, row.product_id) for row in arms if row.pilot_id == pilot_id}


def _counts(tables: Tables, pilots: list[str]) -> dict[Product, tuple[int, int]]:
    """Damaged and all shipments in moves, by pilot and product."""
    key = ["pilot_id", "marketplace", "product_id"]
    moves = tables.read("pilots").where("NOT control").select(*key, "package_type")
    outcomes = tables.read("pilot_outcomes").where(F.col("pilot_id").isin(*pilots))
    own = outcomes.join(moves, on=[*key, "package_type"], how="left_semi").groupBy(*key)
    rows = own.agg(F.sum("k_upper").alias("k"), F.sum("n").alias("n")).orderBy(*key).collect()
    return {tuple(row[name] for name in key): (row.k, row.n) for row in rows}  # type: ignore[misc]
