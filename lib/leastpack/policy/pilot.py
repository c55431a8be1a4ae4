"""A pilot: a share of the shipments of products drawn at random goes out in the packages that a policy would choose.

Which package a shipment takes follows from its identifier alone, so that a packing station needs no state, and so that
what should have gone out can be computed again later, whatever did go out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats
from scipy.special import logsumexp

from leastpack.errors import InputError
from leastpack.policy.exact import Floats, check_rate

# A pilot stops where its outcomes are this many times likelier under a rate above the bound than under the bound.
STOP_AT = 20.0
# The bound, as a multiple of alpha.
STOP_FACTOR = 3.0


# Fewer products say nothing of a difference.
FEWEST_PRODUCTS = 10


@dataclass(frozen=True)
class Difference:
    """What a pilot says of moves against today's packages.

    Attributes:
        products: Products that shipped in both.
        mean: Mean difference of their damage rates, moves less control; None of too few products.
        low: Lower end of its 95 % interval.
        high: Upper end.
    """

    products: int
    mean: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Arm:
    """What some shipments of a product go out in.

    Attributes:
        package_type: The type; that of today for the control arm.
        begins: Shipments whose number is at least this.
        ends: And below this.
        control: Whether it is the control arm.
    """

    package_type: str
    begins: float
    ends: float
    control: bool = False

    @property
    def probability(self) -> float:
        """With which a shipment is in the arm."""
        return self.ends - self.begins


def make_arms(moves: Sequence[str], today: str | None, share: float, control: float) -> list[Arm]:
    """Divide the numbers from 0 to 1 among the moves of a product and its control arm; the rest ships as ever.

    Args:
        moves: Distinct package types that the planned levels move the product to.
        today: Its package type of today; None leaves the control arm out.
        share: Share of its shipments that goes out in moves, each alike.
        control: Share that goes out in today's package and is counted beside them.

    Returns:
        The arms, moves first.

    Raises:
        InputError: The shares are no probabilities or exceed 1 together, or a move is named twice.
    """
    if not (0 < share <= 1 and 0 <= control <= 1 and share + control <= 1):
        raise InputError(
            "shares cannot be used", expected="0 < share, share + control <= 1", found=f"{share}, {control}"
        )
    if len(set(moves)) < len(moves):
        raise InputError("moves cannot be used", expected="each package type once", found=", ".join(moves))
    edges = np.linspace(0.0, share, len(moves) + 1).tolist()
    arms = [Arm(name, edges[i], edges[i + 1]) for i, name in enumerate(moves)]
    if today is not None and control > 0:
        arms.append(Arm(today, share, share + control, control=True))
    return arms


def number_of(pilot_id: str, shipment_id: str) -> float:
    """The number in [0, 1) that says which arm of a product a shipment is in.

    The first 13 hexadecimal digits of SHA-256 over the UTF-8 bytes of pilot_id, a line feed and shipment_id, divided by
    16 to the 13th: 52 bits, which a double holds exactly.

    Args:
        pilot_id: The pilot.
        shipment_id: The retailer's identifier of the shipment.
    """
    digest = hashlib.sha256(f"{pilot_id}\n{shipment_id}".encode()).hexdigest()
    return int(digest[:13], 16) / 16.0**13


def arm_of(arms: Sequence[Arm], pilot_id: str, shipment_id: str) -> Arm | None:
    """The arm that a shipment of a single item is in; None where it ships as ever.

    Args:
        arms: `make_arms` of its product.
        pilot_id: The pilot.
        shipment_id: The shipment.
    """
    number = number_of(pilot_id, shipment_id)
    return next((arm for arm in arms if arm.begins <= number < arm.ends), None)


def expected_damage(shipments: npt.ArrayLike, probability: npt.ArrayLike, damage_rate: npt.ArrayLike) -> float:
    """Damaged shipments that a pilot is expected to cost, to be capped before it begins.

    Args:
        shipments: (m,) shipments of each product in the pilot's time.
        probability: (m, a) of each of its arms.
        damage_rate: (m, a) expected damage rate of each arm, all damages and not only reported ones; for packages whose
            rate is not known, one that it will not exceed.

    Raises:
        InputError: A number is not known.
    """
    count = np.asarray(shipments, dtype=np.float64)[:, None]
    found = float((count * np.asarray(probability) * np.asarray(damage_rate)).sum())
    if not np.isfinite(found):
        raise InputError("damage_rate cannot be used", expected="a rate for every arm", found="unknown ones")
    return found


def stop_values(k: npt.ArrayLike, n: npt.ArrayLike, bound: float) -> Floats:
    """e-values against "a shipment breaks with probability `bound` at most": capital won by betting on damage.

    Each shipment multiplies capital by 1 + b (x - bound), for x = 1 where it broke, else 0, and equal capital on twenty
    fixed bets b up to 1 / bound. Where the rate is at most the bound the capital exceeds `STOP_AT` at any time with
    probability 1 / STOP_AT at most (Ville's inequality), so it may be looked at every day. Capital depends on the
    counts alone, not on the order of shipments.

    Args:
        k: (m,) damaged shipments.
        n: (m,) shipments.
        bound: Probability of damage that is still borne.

    Returns:
        (m,) e-values.

    Raises:
        InputError: The bound is not between 0 and 1, or not 0 <= k <= n.
    """
    check_rate("bound", bound)
    damaged, shipped = np.broadcast_arrays(np.asarray(k, dtype=np.float64), np.asarray(n, dtype=np.float64))
    if ((damaged < 0) | (damaged > shipped)).any():
        raise InputError("counts cannot be used", expected="0 <= k <= n", found=f"k {damaged}, n {shipped}")
    bets = np.linspace(0.05, 0.95, 20)[:, None] / bound
    logs = damaged * np.log1p(bets * (1 - bound)) + (shipped - damaged) * np.log1p(-bets * bound)
    found: Floats = np.exp(logsumexp(logs, axis=0) - np.log(len(bets)))
    return found


def difference(k: npt.ArrayLike, n: npt.ArrayLike, k_control: npt.ArrayLike, n_control: npt.ArrayLike) -> Difference:
    """Mean difference of the damage rates of moves and control over products that shipped in both.

    Student's interval over products, which are independent; their shipments need not be.

    Args:
        k: (m,) damaged shipments in moves.
        n: (m,) shipments in moves.
        k_control: (m,) damaged shipments of the control.
        n_control: (m,) shipments of the control.
    """
    counts = [np.asarray(one, dtype=np.float64) for one in (k, n, k_control, n_control)]
    both = (counts[1] > 0) & (counts[3] > 0)
    damaged, shipped, damaged_control, shipped_control = (one[both] for one in counts)
    rates = damaged / shipped - damaged_control / shipped_control
    if len(rates) < FEWEST_PRODUCTS:
        return Difference(len(rates), None, None, None)
    mean, error = float(rates.mean()), float(rates.std(ddof=1) / np.sqrt(len(rates)))
    reach = float(stats.t.ppf(0.975, len(rates) - 1)) * error
    return Difference(len(rates), mean, mean - reach, mean + reach)
