"""What happens with each pair: rules over the scores, tests and thresholds of all packages of a product."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from leastpack.decisions.cells import PAIR
from leastpack.decisions.market import Flags, Market, Numbers

CERTIFIED, TEST, REJECTED, INFEASIBLE, UNSCORED = "CERTIFIED", "TEST", "REJECTED", "INFEASIBLE", "UNSCORED"
NOT_IN_USE, PROVEN_UNSAFE, PROVEN_SAFE = "not_in_use", "proven_unsafe", "proven_safe"
# Reason to decision, in the order in which they are asked; the reason of an UNSCORED pair is its score's error.
REASONS = {
    "error": UNSCORED,
    "size_unknown": INFEASIBLE,
    "does_not_fit": INFEASIBLE,
    NOT_IN_USE: INFEASIBLE,
    PROVEN_UNSAFE: REJECTED,
    "under_threshold": CERTIFIED,
    PROVEN_SAFE: CERTIFIED,
    "by_order": CERTIFIED,
    "high_risk": REJECTED,
    "above_threshold": TEST,
}
CODES = {reason: code for code, reason in enumerate(REASONS)}
UNKNOWN, SAFE, UNSAFE = 0, 1, 2
Codes = npt.NDArray[np.int8]


def proven_labels(pair_tests: DataFrame) -> DataFrame:
    """Pairs whose safety is known: by a human test, else by as many shipments as may certify.

    Fewer shipments prove nothing: one damage among five shipments gives label UNSAFE, and often a wrong one.

    Returns:
        The key and `proven`: SAFE or UNSAFE.
    """
    decided = F.col("label").isin("SAFE", "UNSAFE")
    trusted = (F.col("source") == "human_test") | ((F.col("source") == "shipments") & F.col("eligible"))
    human_first = F.struct((F.col("source") != "human_test").alias("by_shipments"), "label")
    proven = pair_tests.where(decided & trusted).groupBy(*PAIR).agg(F.min(human_first).alias("first"))
    return proven.select(*PAIR, F.col("first.label").alias("proven"))


@dataclass(frozen=True)
class Pairs:
    """The pairs of n products of one marketplace with its t package types.

    Attributes:
        scored: (n, t) whether there is a score.
        fits: (n, t) 1, 0, or NaN where the size is unknown.
        risk: (n, t).
        damage_rate: (n, t).
        void: (n, t), 0 where unknown.
        photos: (n,) whether photos stand behind the risks.
        proven: (n, t) UNKNOWN, SAFE or UNSAFE.
    """

    scored: Flags
    fits: Numbers
    risk: Numbers
    damage_rate: Numbers
    void: Numbers
    photos: Flags
    proven: Codes

    def candidate(self, market: Market) -> Flags:
        """(n, t) pairs that fit, have a risk and whose package is in use, so that they can be certified."""
        found: Flags = (self.fits == 1) & ~np.isnan(self.risk) & market.in_use
        return found


def decide(pairs: Pairs, market: Market, reject_risk: float) -> Codes:
    """Decide on every pair.

    The first rule that holds decides: no score; does not fit; not in use; proven unsafe, itself or a package of the
    product that is at least as protective and leaves no more void; at or under the certificate's threshold; proven
    safe; by order, where the type has no certificate and a less protective package of the product that leaves no less
    void is under its threshold; risk above `reject_risk`; else a test would tell. A proven safe pair under the
    threshold stays with its certificate: taking the known good ones out would leave the certificate a larger share of
    bad ones than it was tested for.

    Args:
        pairs: The pairs.
        market: Their package types.
        reject_risk: Uncertified pairs above it are not tested.

    Returns:
        (n, t) CODES of the reasons.
    """
    candidate = pairs.candidate(market)
    threshold = market.threshold[pairs.photos.astype(np.intp)]
    unsafe = np.where(pairs.proven == UNKNOWN, _breaks_in_stronger(pairs, market), pairs.proven == UNSAFE)
    under = candidate & ~unsafe & (pairs.risk <= threshold)  # nothing is under NaN
    by_order = candidate & np.isnan(threshold) & _lent_by_weaker(under, pairs.void, market)
    rules = {
        "error": ~pairs.scored,
        "size_unknown": np.isnan(pairs.fits),
        "does_not_fit": pairs.fits == 0,
        NOT_IN_USE: np.broadcast_to(~market.in_use, unsafe.shape),
        PROVEN_UNSAFE: unsafe,
        "under_threshold": under,
        PROVEN_SAFE: pairs.proven == SAFE,
        "by_order": by_order,
        "high_risk": pairs.risk > reject_risk,
    }
    codes = [np.int8(CODES[reason]) for reason in rules]
    answer: Codes = np.select(list(rules.values()), codes, default=np.int8(CODES["above_threshold"]))
    return answer


def of_decision(codes: Codes, decision: str) -> Flags:
    """(n, t) pairs with this decision."""
    found: Flags = np.isin(codes, [code for reason, code in CODES.items() if REASONS[reason] == decision])
    return found


def _breaks_in_stronger(pairs: Pairs, market: Market) -> Flags:
    """(n, t) pairs that break in another package at least as protective that leaves no more void."""
    broken = pairs.proven == UNSAFE
    found: Flags = np.zeros(broken.shape, dtype=bool)
    for strong in np.flatnonzero(broken.any(axis=0)):
        weaker = market.stronger[:, strong]
        found |= broken[:, [strong]] & weaker & (pairs.void[:, [strong]] <= pairs.void)
    return found


def _lent_by_weaker(under: Flags, void: Numbers, market: Market) -> Flags:
    """(n, t) pairs of which a less protective package that leaves no less void is under its threshold."""
    found: Flags = np.zeros(under.shape, dtype=bool)
    for weak in np.flatnonzero(under.any(axis=0)):
        found |= under[:, [weak]] & market.stronger[weak] & (void[:, [weak]] >= void)
    return found
