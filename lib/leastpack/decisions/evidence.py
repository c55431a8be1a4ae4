"""The evidence certificates stand on: profiles, the catalog's risks and the calibration points, as small arrays."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from leastpack.config.decisions import DecisionsConfig
from leastpack.decisions.cells import CELL, PAIR, Cell, Histogram, Profile, read_profiles
from leastpack.decisions.certificates import Certificate, Points, Terms, certify
from leastpack.decisions.draw import DRAW, count_points, draw_points
from leastpack.decisions.frames import all_frames, certify_pairs
from leastpack.decisions.scored import Scored, catalog_histogram
from leastpack.log import log
from leastpack.tables.keep import keep


@dataclass(frozen=True)
class Evidence:
    """What a certification needs besides its terms; bounded by cells times grid, whatever the catalog's size.

    Attributes:
        profiles: All protection profiles.
        catalog: Cell to marketplace to counts of fitting pairs by place on the grid.
        points: (promise, slice) to the calibration points of each cell.
    """

    profiles: Sequence[Profile]
    catalog: Mapping[Cell, Mapping[str, Histogram]]
    points: Mapping[tuple[str, str], Mapping[Cell, Points]]

    def certify(self, terms: Terms) -> list[Certificate]:
        """The certificates under these terms."""
        return certify(self.profiles, self.catalog, self.points, terms)


def collect_evidence(inputs: Mapping[str, DataFrame], scored: Scored, settings: DecisionsConfig, size: int) -> Evidence:
    """Draw and count the calibration points.

    Args:
        inputs: package_types, certify_examples (`held_out.held_out`), pair_tests and pair_outcomes.
        scored: The pairs.
        settings: Seed, cap, pooling.
        size: Thresholds of the grid.
    """
    with ExitStack() as kept:
        # The plan ends here: nested under the four frames it would travel to every task eight times. A lost executor
        # fails the step, which is then run again.
        pairs = certify_pairs(scored.labelled, inputs["certify_examples"]).localCheckpoint()
        candidates = scored.pairs.where("candidate").select(*CELL, *PAIR)
        frames = all_frames(candidates, pairs, inputs["pair_tests"], inputs["pair_outcomes"], settings.seed)
        frame = keep(kept, frames)
        log.info("calibration", candidates=pairs.count(), labelled=frame.count())
        points = _collect(frame, count_points(draw_points(frame, settings.seed, settings.group_cap)), size)
    profiles = read_profiles(inputs["package_types"], settings.pool_marketplaces)
    return Evidence(profiles, catalog_histogram(scored.counts, size), points)


def certified_shares(
    evidence: Evidence, terms: Terms, alphas: npt.NDArray[np.float64]
) -> dict[str, dict[str, list[float]]]:
    """Share of fitting pairs with photos certified at each alpha: what a looser or stricter promise would bring.

    Each alpha is a certification of its own; nothing but the one in the config may be used, since choosing alpha by
    this curve would choose it by the calibration labels.

    Returns:
        Promise to package types to shares in the order of `alphas`.
    """
    names = {(one.pool, one.profile_hash): one.label for one in evidence.profiles}
    shares: dict[str, dict[str, list[float]]] = {}
    for alpha in alphas:
        promises = [promise.model_copy(update={"alpha": float(alpha)}) for promise in terms.config.promises]
        config = terms.config.model_copy(update={"promises": promises})
        for one in evidence.certify(dataclasses.replace(terms, config=config)):
            if one.stratum == "photos":
                name = names[(one.pool, one.profile_hash)]
                shares.setdefault(one.promise, {}).setdefault(name, []).append(one.share_certified)
    return shares


def _collect(frame: DataFrame, counts: DataFrame, size: int) -> dict[tuple[str, str], dict[Cell, Points]]:
    """Points by promise and slice and by cell."""
    points: dict[tuple[str, str], dict[Cell, Points]] = {}
    marketplaces = F.sort_array(F.collect_set("marketplace")).alias("marketplaces")
    for row in frame.groupBy(*DRAW).agg(marketplaces, F.count("*").alias("labelled")).collect():
        cell = tuple(row[name] for name in CELL)
        none = np.zeros((2, size + 1), dtype=np.int64)
        own = Points(none[0], none[1], tuple(row.marketplaces), row.labelled)
        points.setdefault((row.promise, row.slice), {})[cell] = own
    for row in counts.collect():
        one = points[(row.promise, row.slice)][tuple(row[name] for name in CELL)]
        one.n[row.grid_index], one.k[row.grid_index] = row.n, row.k
    return points
