"""What is said of each pair, once the packages of products are chosen."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from leastpack.certificates.arrays import Products
from leastpack.policy.market import Flags, Market
from leastpack.policy.pairs import no_riskier_than

CERTIFIED, TEST, REJECTED, INFEASIBLE, UNSCORED = "CERTIFIED", "TEST", "REJECTED", "INFEASIBLE", "UNSCORED"
NOT_IN_USE, BANNED, PROVEN_UNSAFE, PROVEN_SAFE = "not_in_use", "banned", "proven_unsafe", "proven_safe"
CERTIFIED_MOVE, BY_ORDER, DOUBTFUL = "certified_move", "by_order", "doubtful"
# Reason to decision, in the order in which they are asked; the reason of an UNSCORED pair is its score's error.
REASONS = {
    "error": UNSCORED,
    "size_unknown": INFEASIBLE,
    "does_not_fit": INFEASIBLE,
    NOT_IN_USE: INFEASIBLE,
    BANNED: INFEASIBLE,
    PROVEN_UNSAFE: REJECTED,
    CERTIFIED_MOVE: CERTIFIED,
    PROVEN_SAFE: CERTIFIED,
    BY_ORDER: CERTIFIED,
    "high_risk": REJECTED,
    DOUBTFUL: TEST,
}
CODES = {reason: code for code, reason in enumerate(REASONS)}
Codes = npt.NDArray[np.int8]


def decide(products: Products, market: Market, moved_to: Flags, withdrawn: Flags, reject_risk: float) -> Codes:
    """Decide on every pair.

    The first that holds decides: no score; does not fit; not in use; banned by a rule; proven unsafe, itself or by
    order; the move of its product by a certificate; proven safe; at least as protective as such a move and leaving no
    more void; risk above `reject_risk`; else a test would tell. The package that a product is kept in is a pair like
    others: nothing is promised of it.

    Args:
        products: The products.
        market: Their package types.
        moved_to: (n, t) moves that a certificate covers.
        withdrawn: (n, t) pairs of types that labels contradict.
        reject_risk: Uncertified pairs above it are not tested.

    Returns:
        (n, t) CODES of the reasons.
    """
    pairs = products.pairs
    by_order = pairs.candidate(market) & no_riskier_than(moved_to, pairs.void, market) & ~withdrawn
    rules = {
        "error": ~pairs.scored,
        "size_unknown": np.isnan(pairs.fits),
        "does_not_fit": pairs.fits == 0,
        NOT_IN_USE: np.broadcast_to(~market.in_use, moved_to.shape),
        BANNED: products.banned,
        PROVEN_UNSAFE: products.unsafe | products.alarmed,
        CERTIFIED_MOVE: moved_to,
        PROVEN_SAFE: products.safe,
        BY_ORDER: by_order,
        "high_risk": pairs.risk > reject_risk,
    }
    codes = [np.int8(CODES[reason]) for reason in rules]
    answer: Codes = np.select(list(rules.values()), codes, default=np.int8(CODES[DOUBTFUL]))
    return answer


def of_decision(codes: Codes, decision: str) -> Flags:
    """(n, t) pairs with this decision."""
    found: Flags = np.isin(codes, [code for reason, code in CODES.items() if REASONS[reason] == decision])
    return found
