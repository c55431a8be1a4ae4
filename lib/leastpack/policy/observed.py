"""What the promised rate looks like through labels that miss some of what is bad and accuse some of what is good."""

from __future__ import annotations

from dataclasses import dataclass

from leastpack.errors import InputError
from leastpack.outcomes.bounds import lower_bounds
from leastpack.policy.exact import check_rate


@dataclass(frozen=True)
class Measured:
    """A rate as it was counted.

    Attributes:
        found: Cases found.
        of: Cases looked at.
    """

    found: int
    of: int


def observed_alpha(
    alpha: float, tail: float, sensitivity: Measured | float = 1.0, false_alarms: Measured | float = 0.0
) -> float:
    """Translate a promise about what is bad into one about what is observed to be bad.

    Of a bad rate r the labels show q = s r + f (1 - r), for sensitivity s and false alarms f. It grows with r, s and f
    as long as s > f, so r > alpha implies q > s alpha + f (1 - alpha) for the lower bounds of s and f. Each bound is
    one-sided (Clopper and Pearson 1934) and wrong with probability `tail` at most, which `cells.divide_delta` takes
    from the test (the union bound). It is for products drawn from a catalog, not for finite lists.

    Args:
        alpha: The promised bound.
        tail: Probability with which each of the two measured rates may be bounded wrongly.
        sensitivity: Bad cases that were found to be bad, of all bad cases shown to a tester, or reported damages of all
            damages; a number is taken as it is.
        false_alarms: Good cases that were found to be bad, of all good cases shown; a number is taken as it is.

    Returns:
        The bound of the observed rate.

    Raises:
        InputError: alpha or tail is not between 0 and 1, counts contradict each other, or labels tell bad from good no
            better than chance.
    """
    check_rate("alpha", alpha)
    check_rate("tail", tail)
    seen, accused = _lower(sensitivity, tail), _lower(false_alarms, tail)
    if seen <= accused:
        raise InputError(
            "labels cannot be used",
            expected="more bad cases found than good ones accused",
            found=f"{seen:.3g} and {accused:.3g} for sure",
        )
    return seen * alpha + accused * (1 - alpha)


def actual_bound(
    observed: float, tail: float, sensitivity: Measured | float = 1.0, false_alarms: Measured | float = 0.0
) -> float:
    """The bound of the bad rate that belongs to a bound of the observed rate: `observed_alpha` the other way.

    Args:
        observed: Upper bound of the share that was observed to be bad.
        tail: As in `observed_alpha`.
        sensitivity: As in `observed_alpha`.
        false_alarms: As in `observed_alpha`.

    Returns:
        The bound, between 0 and 1; 1 where labels tell bad from good no better than chance.
    """
    seen, accused = _lower(sensitivity, tail), _lower(false_alarms, tail)
    return min(1.0, max(0.0, (observed - accused) / (seen - accused))) if seen > accused else 1.0


def _lower(measured: Measured | float, delta: float) -> float:
    if not isinstance(measured, Measured):
        return float(measured)
    if not 0 <= measured.found <= measured.of:
        raise InputError("counts cannot be used", expected="0 <= found <= of", found=f"{measured}")
    return float(lower_bounds(measured.found, measured.of, 1 - delta))
