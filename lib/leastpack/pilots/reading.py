"""Reads a pilot once, when the return windows of all its shipments are over, and certifies what passes."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from leastpack.certificates.attempt import CellResult
from leastpack.certificates.records import delta_left, is_told, spent_out, write_attempt, write_certificates
from leastpack.certificates.rounds import Round, attempt_of, round_of
from leastpack.certificates.terms import PILOT, Terms
from leastpack.certificates.told import waiting
from leastpack.outcomes.counted import counted_until, read_counted
from leastpack.panel import panel_hash
from leastpack.policy.betting import betting_upper_bound
from leastpack.policy.cells import CellTest, Shares, certify_cells, judge_types
from leastpack.policy.certify import BETS, Method, PolicyTest, certify_shipments
from leastpack.policy.choose import Flags
from leastpack.policy.exact import Counts, binomial_upper_bound
from leastpack.runs import Run
from leastpack.tables import Tables
from leastpack.tables.keys import PAIR, PRODUCT

ONE_DAY = datetime.timedelta(days=1)


def read_pilot(tables: Tables, run: Run, terms: Terms) -> None:
    """Read the pilot of a policy if it is over and nobody has; else say what it waits for.

    Args:
        tables: Where the pilot is.
        run: The run.
        terms: The policy, with the promise of pilots.
    """
    round_ = round_of(tables, terms.digest)
    if round_ is None:
        return
    before = attempt_of(tables, round_.round_id)
    if before is not None:
        if not is_told(tables, round_):  # a run was stopped after it had read: what it read is read again
            _attempt(tables, run, terms, round_, before.delta, before.attempted_on, before.pair_tests_version)
        return
    why = _waits_for(tables, round_, terms.config.outcomes.return_window_days)
    delta = min(round_.delta, delta_left(tables, terms, but=round_.round_id))
    if why is None and not delta:
        why = spent_out(terms)
    if why is not None:
        write_certificates(tables, run, [waiting(terms, row, why) for row in round_.cells])
        return
    version = run.reads("pilot_outcomes", tables.version("pilot_outcomes"))
    rows = tables.read("pilot_outcomes", version).count()
    run.account("pilot_outcomes", rows_in=rows, used=rows)
    _attempt(tables, run, terms, round_, delta, terms.config.decisions.day, version)


def pair_totals(outcomes: DataFrame) -> DataFrame:
    """`pilot_outcomes` over all months: key, n, k_upper, overruled, k_test, first_bad."""
    first = F.min(F.struct("first_at", "first_bad")).alias("first")
    names = ("n", "k_upper", "overruled", "k_test")
    totals = outcomes.groupBy(*PAIR).agg(*[F.sum(name).alias(name) for name in names], first)
    return totals.select(*PAIR, *names, F.col("first.first_bad").alias("first_bad"))


def _waits_for(tables: Tables, round_: Round, window: int) -> str | None:
    """What a pilot waits for, in words; None where it is over."""
    if not tables.exists("pilots"):
        return "its arms are not written yet: run leastpack pilot propose again"
    arms = tables.read("pilots").where(F.col("pilot_id") == round_.round_id)
    last = F.max(F.least("ends_on", F.coalesce("stopped_on", "ends_on"))).alias("day")
    ends = {row.marketplace: row.day for row in arms.groupBy("marketplace").agg(last).collect()}
    if not ends:
        return "its arms are not written yet: run leastpack pilot propose again"
    counted = tables.read("pilot_outcomes") if tables.exists("pilot_outcomes") else None
    if counted is None or counted.where(F.col("pilot_id") == round_.round_id).isEmpty():
        return "none of its shipments has been counted yet"
    known, shipped = counted_until(read_counted(tables)), _shipped_until(tables)
    for name, day in sorted(ends.items()):
        if (last_shipped := shipped.get(name)) is None or last_shipped < day - ONE_DAY:
            told = last_shipped or "no day yet"
            return f"its shipments in {name} go out until {day - ONE_DAY}; shipments are delivered until {told}"
        # The day by which the customers of its last shipments have had their time.
        needed = day + datetime.timedelta(days=window - 1)
        until = known.get(name)
        if until is None or until < needed:
            told = f"returns are delivered until {until or 'no day yet'}"
            return f"customers of its last shipments in {name} have time until {needed}; {told}"
    return None


def _shipped_until(tables: Tables) -> dict[str, datetime.date]:
    """By marketplace, the day of the last shipment that was delivered to leastpack."""
    last = F.to_date(F.max("shipped_at")).alias("day")
    return {
        row.marketplace: row.day for row in tables.read("shipment_items").groupBy("marketplace").agg(last).collect()
    }


def _attempt(
    tables: Tables, run: Run, terms: Terms, round_: Round, delta: float, day: datetime.date, version: int
) -> None:
    results = _results(tables, round_, tables.read("pilot_outcomes", version), terms, delta)
    write_attempt(tables, run, terms, round_, results, delta, day, version)


def _results(tables: Tables, round_: Round, outcomes: DataFrame, terms: Terms, delta: float) -> dict[str, CellResult]:
    own = pair_totals(outcomes.where(F.col("pilot_id") == round_.round_id)).collect()
    arms = tables.read("pilots").where(F.col("pilot_id") == round_.round_id).collect()
    shipped = Shipped(
        {tuple(row[name] for name in PAIR): row for row in own},
        {(row.marketplace, row.product_id) for row in arms if row.stopped_by_damage},
    )
    # To look at outcomes and then end a pilot voids a test of first shipments; bets stand it.
    ended = all(row.stopped_on is not None for row in arms)
    choices = tables.read("round_choices").where(F.col("round_id") == round_.round_id)
    # By the hash that drew them: bets look at one product after the other.
    drawn = choices.orderBy(panel_hash(round_.cells[0].seed, PILOT), *PRODUCT).collect()
    shares = terms.shares(delta, len(round_.cells), max(len(row.levels) for row in round_.cells))
    alpha = terms.observed_alpha(shares)
    cells = {
        row.cell: ShippedMoves(
            [one for one in drawn if one.cell == row.cell],
            shipped,
            len(row.levels),
            "betting" if ended else row.method,
            terms.config.pilot.most_overruled,
        )
        for row in round_.cells
    }
    share = shares.test / len(cells)
    tests = {cell: one.test(alpha, share) for cell, one in cells.items()}
    certified = certify_cells(tests, shares.test)
    return {cell: cell_result(cells[cell], certified[cell], alpha, shares, terms) for cell in cells}


@dataclass(frozen=True)
class Shipped:
    """What a pilot shipped: totals by pair, and the products that its damage stopped."""

    totals: Mapping[tuple[str, ...], Row]
    stopped: Collection[tuple[str, str]]


class ShippedMoves:
    """What a cell's drawn products move to at its levels, and how their shipments there ended.

    Args:
        rows: Rows of `round_choices` of the cell.
        shipped: What was shipped.
        levels: Levels of the cell.
        method: Of the test.
        most_overruled: Share of shipments that may have gone out in another package.
    """

    def __init__(
        self, rows: Sequence[Row], shipped: Shipped, levels: int, method: Method, most_overruled: float
    ) -> None:
        shape = (levels, len(rows))
        self.method = method
        self.moves: Flags = np.zeros(shape, dtype=bool)
        self.n: Counts = np.zeros(shape, dtype=np.int64)
        self.k: Counts = np.zeros(shape, dtype=np.int64)
        self.first: Counts = np.zeros(shape, dtype=np.int64)
        self.packages = np.full(shape, "", dtype=object)
        shares = []
        for column, row in enumerate(rows):
            product = (row.marketplace, row.product_id)
            for level, name in enumerate(row.choices):
                if name is None:
                    continue
                self.moves[level, column] = True
                self.packages[level, column] = name
                one = shipped.totals.get((*product, name))
                if one is not None:
                    self.n[level, column], self.k[level, column] = one.n, one.k_test
                    self.first[level, column] = bool(one.first_bad)
                    shares.append(one.overruled / one.n)
                elif product in shipped.stopped:
                    # Stopped by damage elsewhere before anything went out in this package: it must not drop out.
                    self.n[level, column] = self.k[level, column] = self.first[level, column] = 1
        overruled = float(np.mean(shares)) if shares else 0.0
        self.why_none = None
        if overruled > most_overruled:
            self.why_none = f"of its trial shipments {overruled:.1%} went out in another package, each product counted "
            self.why_none += f"once, more than {most_overruled:.0%}"

    def test(self, alpha: float, delta: float) -> PolicyTest:
        """The test of all levels; none passes where too many shipments were overruled."""
        found = certify_shipments(self.moves, self.k, self.n, self.first, alpha, delta, self.method)
        if self.why_none is None:
            return found
        return replace(found, p_values=np.ones_like(found.p_values), last=None)


def cell_result(cell: ShippedMoves, test: CellTest, alpha: float, shares: Shares, terms: Terms) -> CellResult:
    """What shipments say of a cell, with its levels tested."""
    place = test.test.last if test.test.last is not None else 0
    counted = cell.moves[place] & (cell.n[place] > 0)
    types = tuple(sorted(set(cell.packages[place, counted].tolist())))
    # Of each type by the first shipments of its products: these are independent.
    at = [counted & (cell.packages[place] == name) for name in types]
    counts = np.array([[here.sum(), cell.first[place, here].sum()] for here in at], dtype=np.int64).reshape(-1, 2)
    judged = judge_types(counts[:, 0], counts[:, 1], alpha, test.delta, shares.contradiction)
    judged = replace(judged, upper=np.array([terms.true_bound(float(one), shares) for one in judged.upper]))
    if cell.method == "betting":
        observed = betting_upper_bound(cell.k[place, counted], cell.n[place, counted], test.delta, BETS)
    else:
        observed = binomial_upper_bound(int(cell.first[place, counted].sum()), int(counted.sum()), test.delta)
    return CellResult(
        test,
        place,
        int((cell.moves[place] & ~counted).sum()),
        types,
        counts,
        judged,
        terms.true_bound(observed, shares),
        test.delta + terms.measured_delta(shares),
        shipments=int(cell.n[place, counted].sum()),
        why_none=cell.why_none,
    )
