"""What order says of the other packages of a product."""

from __future__ import annotations

import numpy as np

from leastpack.policy.market import Market, at_least_as_protective
from leastpack.policy.pairs import no_riskier_than, no_safer_than

PROFILES = [[0.1, 0.1], [0.8, 0.6], [0.2, 0.5]]  # bag, box, mailer: each at least as protective as the bag


def market() -> Market:
    yes, numbers = np.ones(3, dtype=bool), np.ones(3)
    return Market(("bag", "box", "mailer"), at_least_as_protective(PROFILES), yes, yes, numbers, numbers, numbers)


def pairs(*rows: list[int]) -> np.ndarray:
    return np.array([[place in row for place in range(3)] for row in rows])


def test_what_breaks_in_a_box_breaks_in_all_that_protect_less_and_leave_as_much_void() -> None:
    void = np.array([[0.0, 0.0, 0.0], [0.1, 0.5, 0.6], [0.0, 0.0, 0.0]])
    found = no_safer_than(pairs([1], [1], [2]), void, market())
    assert found.tolist() == pairs([0, 2], [2], [0]).tolist()


def test_what_survives_in_a_bag_survives_in_all_that_protect_more_and_leave_no_more_void() -> None:
    void = np.array([[0.2, 0.2, 0.3], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    found = no_riskier_than(pairs([0], [2], [1]), void, market())
    assert found.tolist() == pairs([1], [1], []).tolist()
