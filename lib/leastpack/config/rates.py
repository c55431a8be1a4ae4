"""A rate as config tells it: a number that is taken as it is, or the counts it was measured by."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from leastpack.config.base import Count, Section

INTERVAL = 0.95


class Counts(Section):
    """A rate as it was measured: found of so many; the cautious end of its 95 % interval counts."""

    found: int = Field(ge=0, description="Cases found.")
    of: Count = Field(description="Cases looked at.")

    @model_validator(mode="after")
    def _no_more_than_all(self) -> Counts:
        if self.found > self.of:
            raise ValueError(f"found {self.found} of {self.of}: no more can be found than were looked at")
        return self


Rate = Annotated[float, Field(ge=0, le=1)] | Counts
PositiveRate = Annotated[float, Field(gt=0, le=1)] | Counts


def interval(rate: float | Counts) -> tuple[float, float]:
    """Lowest and highest value that a rate may well have.

    Of counts it is the two-sided 95 % interval of Clopper and Pearson (1934), 2.5 % on each side.

    Returns:
        Both ends; a number is both.
    """
    if not isinstance(rate, Counts):
        return float(rate), float(rate)
    from scipy.special import betaincinv  # half a second that a command without counts need not wait for

    tail, missed = (1 - INTERVAL) / 2, rate.of - rate.found
    low = betaincinv(rate.found, missed + 1, tail) if rate.found else 0.0
    high = betaincinv(rate.found + 1, missed, 1 - tail) if missed else 1.0
    return float(low), float(high)
