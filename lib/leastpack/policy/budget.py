"""How much of a year's delta an attempt at a certificate may spend, and how many products a round draws."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterable
from dataclasses import dataclass

from leastpack.errors import InputError
from leastpack.policy.exact import check_rate

YEAR = datetime.timedelta(days=365)
# Default size of a round: this many times ln(1 / delta) / alpha products of each cell.
SIZE_FACTOR, MOST_SHARE, MOST_PRODUCTS = 13.0, 0.1, 20_000


@dataclass(frozen=True)
class Attempt:
    """A certificate that was tried, whether it was issued or not.

    Attributes:
        day: When its labels were read.
        delta: What it spent.
    """

    day: datetime.date
    delta: float


def delta_of_attempt(delta: float, issues_a_year: int, attempts: Iterable[Attempt], today: datetime.date) -> float:
    """The delta that an attempt may spend now: an equal part of the year's, as long as the year has that much left.

    Certificates of a year are then all sound together with probability 1 - delta (the union bound), however many of
    the attempts fail. A failed attempt has spent its part too: its labels were looked at.

    Args:
        delta: Of a year.
        issues_a_year: Parts it is divided into.
        attempts: Those of the past.
        today: The day of the attempt.

    Returns:
        The part; 0 where the 365 days up to today have spent all.

    Raises:
        InputError: delta is not between 0 and 1, or there is no part.
    """
    check_rate("delta", delta)
    if issues_a_year < 1:
        raise InputError("issues_a_year cannot be used", expected="1 or more", found=f"{issues_a_year}")
    # Of later days too: a day that is set back does not give back what was spent.
    spent = sum(one.delta for one in attempts if one.day > today - YEAR)
    part = delta / issues_a_year
    # Parts that add up to delta must not miss it by rounding.
    return part if spent + part <= delta * (1 + 1e-9) else 0.0


def products_to_draw(alpha: float, delta: float, products: int, most_share: float = MOST_SHARE) -> int:
    """How many products of a cell a round draws, where nothing else is said.

    Where half of the drawn products move and half of alpha is unsafe, a single test of them passes with a probability
    of about .8 at delta .1. At most a share of the products are drawn, and 20,000.

    Args:
        alpha: The promised bound.
        delta: What the attempt may spend on the cell.
        products: Products in the cell.
        most_share: Share of these at most.

    Raises:
        InputError: alpha or delta is not between 0 and 1.
    """
    check_rate("alpha", alpha)
    check_rate("delta", delta)
    wanted = math.ceil(SIZE_FACTOR * math.log(1 / delta) / alpha)
    return min(wanted, math.floor(most_share * products), MOST_PRODUCTS)
