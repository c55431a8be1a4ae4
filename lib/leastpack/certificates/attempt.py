"""Reads a round's results, once, and certifies what passes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from pyspark.sql import DataFrame, Row

from leastpack.certificates.rounds import Round, asked_pairs, drawn_choices, tested_pairs
from leastpack.certificates.terms import Terms
from leastpack.outcomes.bounds import upper_bounds
from leastpack.policy.cells import CellTest, Shares, TypeTest, certify_cells, judge_types
from leastpack.policy.certify import certify_policy
from leastpack.policy.choose import Flags
from leastpack.policy.exact import Counts, list_upper_bound
from leastpack.tables import Tables
from leastpack.tables.keys import PAIR, PRODUCT


@dataclass(frozen=True)
class CellResult:
    """What an attempt says of a cell.

    Attributes:
        test: Its levels, tested.
        place: The level that the figures are of: the certified one, else the first.
        missing: Pairs without a result among those.
        types: Package types that products move to at that level.
        of_types: (t, 2) drawn products that move to each, and the unsafe ones of these.
        judged: What that says of each type.
        upper: Bound of the unsafe share at that level, through testers who err.
        delta: Probability with which the cell may break its promise, what was set aside for measured rates included.
        shipments: Of a pilot, shipments of the products at that level.
        listed: Of a list, its moves at that level.
        taken_out: Of a list, those found unsafe that the promise leaves out; None where it leaves out none.
        why_none: Why nothing is certified, whatever the test says.
    """

    test: CellTest
    place: int
    missing: int
    types: tuple[str, ...]
    of_types: Counts
    judged: TypeTest
    upper: float
    delta: float
    shipments: int | None = None
    listed: int | None = None
    taken_out: int | None = None
    why_none: str | None = None


def attempt(tables: Tables, round_: Round, pair_tests: DataFrame, terms: Terms, delta: float) -> dict[str, CellResult]:
    """Test every cell of a round.

    A pair without a result counts as UNSAFE: leaving it out would let whoever tests choose what counts.

    Args:
        tables: For the round's choices.
        round_: The round.
        pair_tests: The table.
        terms: The policy.
        delta: What the attempt spends.

    Returns:
        The results by cell.
    """
    choices = drawn_choices(tables, round_.round_id).orderBy("cell", *PRODUCT).collect()
    asked = asked_pairs(tables, round_.round_id)
    found = asked.join(tested_pairs(pair_tests), on=PAIR, how="inner").collect()
    unsafe = {tuple(row[name] for name in PAIR): bool(row.unsafe) for row in found}
    most = max(len(row.levels) for row in round_.cells)
    shares = terms.shares(delta, len(round_.cells), most)
    alpha = terms.observed_alpha(shares)
    labels = {
        row.cell: _Labels([one for one in choices if one.cell == row.cell], unsafe, len(row.levels), row.listed)
        for row in round_.cells
    }
    tests = {
        cell: certify_policy(one.moves, one.unsafe, alpha, shares.test / len(labels), one.listed, one.taken_out)
        for cell, one in labels.items()
    }
    certified = certify_cells(tests, shares.test)
    return {cell: _result(labels[cell], certified[cell], alpha, shares, terms) for cell in labels}


class _Labels:
    """What a cell's drawn products move to at its levels, and how that ended; of a list, also how many move there."""

    def __init__(
        self, rows: Sequence[Row], unsafe: dict[tuple[str, ...], bool], levels: int, listed: list[int] | None
    ) -> None:
        shape = (levels, len(rows))
        self.listed = listed
        self.moves: Flags = np.zeros(shape, dtype=bool)
        self.unsafe: Flags = np.zeros(shape, dtype=bool)
        self.missing: Flags = np.zeros(shape, dtype=bool)
        self.packages = np.full(shape, "", dtype=object)
        for column, row in enumerate(rows):
            for level, name in enumerate(row.choices):
                if name is not None:
                    result = unsafe.get((row.marketplace, row.product_id, name))
                    self.moves[level, column] = True
                    self.missing[level, column] = result is None
                    self.unsafe[level, column] = result is not False
                    self.packages[level, column] = name

    @property
    def taken_out(self) -> Flags | None:
        """Of a list with one level, what was found unsafe: such pairs do not go out. Those without a result may."""
        return self.unsafe & ~self.missing if self.listed is not None and len(self.listed) == 1 else None


def _result(labels: _Labels, test: CellTest, alpha: float, shares: Shares, terms: Terms) -> CellResult:
    place = test.test.last if test.test.last is not None else 0
    moved = labels.moves[place]
    types = tuple(sorted(set(labels.packages[place, moved].tolist())))
    counts = np.array(
        [[(moved & (at := labels.packages[place] == name)).sum(), (labels.unsafe[place] & at).sum()] for name in types],
        dtype=np.int64,
    ).reshape(-1, 2)
    judged = judge_types(counts[:, 0], counts[:, 1], alpha, test.delta, shares.contradiction)
    judged = replace(judged, upper=np.array([terms.true_bound(float(one), shares) for one in judged.upper]))
    k, n = int(test.test.k[place]), int(test.test.n[place])
    listed = None if labels.listed is None else labels.listed[place]
    out = None if labels.taken_out is None else int(labels.taken_out.sum())
    if listed is None:
        observed = float(upper_bounds(k, n, 1 - test.delta))
    else:
        observed = list_upper_bound(k, n, listed, test.delta, out or 0)
    return CellResult(
        test,
        place,
        int(labels.missing[place].sum()),
        types,
        counts,
        judged,
        upper=terms.true_bound(observed, shares),
        delta=test.delta + terms.measured_delta(shares),
        listed=listed,
        taken_out=out,
    )
