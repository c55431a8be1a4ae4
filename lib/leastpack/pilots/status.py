"""How pilots stand, in words, and how a person ends them."""

from __future__ import annotations

from pyspark.sql import Column, Row, SparkSession
from pyspark.sql import functions as F

from leastpack.config.root import Config
from leastpack.errors import InputError
from leastpack.pilots.reading import pair_totals
from leastpack.pilots.watch import going_on, stop_products
from leastpack.policy.pilot import Difference, difference
from leastpack.runs import step_run
from leastpack.tables import Tables
from leastpack.tables.keys import PAIR, PRODUCT


def pilot_lines(spark: SparkSession, config: Config) -> list[str]:
    """What pilots have shipped and broken so far."""
    tables = Tables(spark, config.tables)
    if not tables.exists("pilots"):
        return ["no pilot was ever proposed"]
    key = [F.col("pilot_id"), F.col("starts_on"), F.col("ends_on")]
    stopped = F.count_distinct(*[F.when(F.col("stopped_on").isNotNull(), F.col(name)) for name in PRODUCT])
    counted = tables.read("pilots").groupBy(*key).agg(F.count_distinct(*PRODUCT).alias("all"), stopped.alias("stopped"))
    return [line for row in counted.orderBy("starts_on", "pilot_id").collect() for line in _lines(tables, row)]


def compare(tables: Tables, pilot_id: str) -> tuple[list[Row], Difference]:
    """The arms of a pilot, moves and control.

    Returns:
        Rows of control, n, k_upper, overruled; and the difference of their damage rates by product.
    """
    own = F.col("pilot_id") == pilot_id
    arms = tables.read("pilots").where(own).select(*PAIR, "control")
    outcomes = tables.read("pilot_outcomes").where(own) if tables.exists("pilot_outcomes") else None
    if outcomes is None:
        return [], difference([], [], [], [])
    totals = pair_totals(outcomes).join(arms, on=PAIR, how="inner")
    sums = [F.sum(name).alias(name) for name in ("n", "k_upper", "overruled")]
    by_arm = totals.groupBy("control").agg(*sums).orderBy("control").collect()

    def summed(name: str, control: bool) -> Column:
        return F.sum(F.when(F.col("control") == control, F.col(name)).otherwise(0)).alias(f"{name}_{control}")

    names = [(name, control) for control in (False, True) for name in ("k_upper", "n")]
    products = totals.groupBy(*PRODUCT).agg(*[summed(*one) for one in names]).orderBy(*PRODUCT).collect()
    columns = [[row[f"{name}_{control}"] for row in products] for name, control in names]
    return by_arm, difference(*columns)


def stop_pilots(spark: SparkSession, config: Config, why: str) -> int:
    """End all pilots that are going on: from tomorrow on they assign nothing. What they shipped still counts.

    Returns:
        How many products that is.

    Raises:
        InputError: No pilot is going on.
    """
    tables = Tables(spark, config.tables)
    with step_run(spark, tables, config, "pilot"):
        arms = going_on(tables, config.decisions.day)
        if not arms:
            raise InputError("no pilot is going on", todo="leastpack pilot status shows what there is")
        reasons = {(row.pilot_id, row.marketplace, row.product_id): why for row in arms}
        return stop_products(tables, arms, reasons, config.decisions.day)


def _lines(tables: Tables, row: Row) -> list[str]:
    arms, gap = compare(tables, row.pilot_id)
    lines = [f"pilot {row.pilot_id}: from {row.starts_on} to before {row.ends_on}, {row.all} products"]
    lines[0] += f", {row.stopped} stopped" if row.stopped else ""
    for arm in arms:
        name = "control" if arm.control else "moves"
        told = f"{arm.k_upper} of {arm.n} shipments damaged ({arm.k_upper / arm.n:.2%})"
        lines.append(f"  {name}: {told}, {arm.overruled} went out in another package")
    if not arms:
        lines.append("  no shipment whose return window is over yet")
    if gap.mean is not None:
        ends = f"{gap.low:+.2%} to {gap.high:+.2%}"
        lines.append(f"  moves less control: {gap.mean:+.2%} ({ends}, 95 %; mean over {gap.products} products)")
    return lines
