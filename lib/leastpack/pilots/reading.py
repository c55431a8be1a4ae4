"""Reads a pilot once, when the return windows of all its shipments are over, and certifies what passes."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from leastpack.certificates.attempt import CellResult
from leastpack.certificates.records import delta_left, is_told, spent_out, write_attempt, write_certificates
from leastpack.certificates.rounds import Round, attempt_of, round_of
from leastpack.certificates.terms import Terms
from leastpack.certificates.told import waiting
from leastpack.outcomes.counted import read_counted
from leastpack.policy.betting import betting_upper_bound
from leastpack.policy.cells import CellTest, Shares, certify_cells, judge_types
from leastpack.policy.certify import Method, certify_shipments
from leastpack.policy.choose import Flags
from leastpack.policy.exact import Counts, binomial_upper_bound
from leastpack.runs import Run
from leastpack.tables import Tables
from leastpack.tables.keys import PAIR, PRODUCT


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
    """`pilot_outcomes` over all months: key, n, k_upper, overruled, first_damaged."""
    first = F.min(F.struct("first_at", "first_damaged")).alias("first")
    sums = [F.sum(name).alias(name) for name in ("n", "k_upper", "overruled")]
    return (
        outcomes.groupBy(*PAIR)
        .agg(*sums, first)
        .select(*PAIR, "n", "k_upper", "overruled", F.col("first.first_damaged").alias("first_damaged"))
    )


def _waits_for(tables: Tables, round_: Round, window: int) -> str | None:
    """What a pilot waits for, in words; None where it is over."""
    if not tables.exists("pilots"):
        return "its arms are not written yet: run leastpack pilot propose again"
    arms = tables.read("pilots").where(F.col("pilot_id") == round_.round_id)
    last = F.max(F.least("ends_on", F.coalesce("stopped_on", "ends_on"))).alias("day")
    ends = {row.marketplace: row.day for row in arms.groupBy("marketplace").agg(last).collect()}
    if not ends:
        return "its arms are not written yet: run leastpack pilot propose again"
    if not tables.exists("pilot_outcomes"):
        return "none of its shipments has been counted yet"
    known = _delivered_until(tables)
    for name, day in sorted(ends.items()):
        # The day by which the customers of its last shipments have had their time.
        needed = day + datetime.timedelta(days=window - 1)
        until = known.get(name)
        if until is None or until < needed:
            told = f"returns are delivered until {until or 'no day yet'}"
            return f"customers of its last shipments in {name} have time until {needed}; {told}"
    return None


def _delivered_until(tables: Tables) -> dict[str, datetime.date]:
    """By marketplace, the day up to which all buckets have been counted."""
    found: dict[str, datetime.date] = {}
    for one in read_counted(tables).values():
        for name, day in one.watermarks.items():
            found[name] = min(day, found.get(name, day))
    return found


def _attempt(
    tables: Tables, run: Run, terms: Terms, round_: Round, delta: float, day: datetime.date, version: int
) -> None:
    results = _results(tables, round_, tables.read("pilot_outcomes", version), terms, delta)
    write_attempt(tables, run, terms, round_, results, delta, day, version)


def _results(tables: Tables, round_: Round, outcomes: DataFrame, terms: Terms, delta: float) -> dict[str, CellResult]:
    own = pair_totals(outcomes.where(F.col("pilot_id") == round_.round_id)).collect()
    shipped = {tuple(row[name] for name in PAIR): row for row in own}
    choices = tables.read("round_choices").where(F.col("round_id") == round_.round_id).orderBy("cell", *PRODUCT)
    drawn = choices.collect()
    shares = terms.shares(delta, len(round_.cells), max(len(row.levels) for row in round_.cells))
    alpha = terms.observed_alpha(shares)
    cells = {
        row.cell: _Outcomes([one for one in drawn if one.cell == row.cell], shipped, len(row.levels), row.method)
        for row in round_.cells
    }
    share = shares.test / len(cells)
    tests = {
        cell: certify_shipments(one.moves, one.k, one.n, one.first, alpha, share, one.method)
        for cell, one in cells.items()
    }
    why = _overruled(own, terms)
    certified = certify_cells(tests, shares.test)
    return {cell: _result(cells[cell], certified[cell], alpha, shares, terms, why) for cell in cells}


def _overruled(shipped: Sequence[Row], terms: Terms) -> str | None:
    n, other = sum(row.n for row in shipped), sum(row.overruled for row in shipped)
    most = terms.config.pilot.most_overruled
    if other <= most * n:
        return None
    return f"{other} of {n} shipments of the pilot went out in another package, more than {most:.0%}"


class _Outcomes:
    """What a cell's drawn products move to at its levels, and how their shipments there ended."""

    def __init__(
        self, rows: Sequence[Row], shipped: Mapping[tuple[str, ...], Row], levels: int, method: Method
    ) -> None:
        shape = (levels, len(rows))
        self.method = method
        self.moves: Flags = np.zeros(shape, dtype=bool)
        self.n: Counts = np.zeros(shape, dtype=np.int64)
        self.k: Counts = np.zeros(shape, dtype=np.int64)
        self.first: Counts = np.zeros(shape, dtype=np.int64)
        self.packages = np.full(shape, "", dtype=object)
        for column, row in enumerate(rows):
            for level, name in enumerate(row.choices):
                if name is None:
                    continue
                self.moves[level, column] = True
                self.packages[level, column] = name
                if (one := shipped.get((row.marketplace, row.product_id, name))) is not None:
                    self.n[level, column], self.k[level, column] = one.n, one.k_upper
                    self.first[level, column] = bool(one.first_damaged)


def _result(cell: _Outcomes, test: CellTest, alpha: float, shares: Shares, terms: Terms, why: str | None) -> CellResult:
    if why is not None:
        test = replace(test, test=replace(test.test, last=None))
    place = test.test.last if test.test.last is not None else 0
    counted = cell.moves[place] & (cell.n[place] > 0)
    types = tuple(sorted(set(cell.packages[place, counted].tolist())))
    # Of each type by the first shipments of its products: these are independent.
    at = [counted & (cell.packages[place] == name) for name in types]
    counts = np.array([[here.sum(), cell.first[place, here].sum()] for here in at], dtype=np.int64).reshape(-1, 2)
    judged = judge_types(counts[:, 0], counts[:, 1], alpha, test.delta, shares.contradiction)
    judged = replace(judged, upper=np.array([terms.true_bound(float(one), shares) for one in judged.upper]))
    if cell.method == "betting":
        observed = betting_upper_bound(cell.k[place, counted], cell.n[place, counted], test.delta)
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
        why_none=why,
    )
