"""Months whose damage rate is so unlike the year's that a change of the data is likelier than one of the packages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from scipy import stats

from leastpack.log import log
from leastpack.runs import Run

YEAR = 12
LEAST, MOST = 0.5, 2.0
# A marketplace has a dozen months to be wrong about, and a warning that comes by chance is soon ignored.
BY_CHANCE = 0.001


@dataclass(frozen=True)
class OddMonth:
    """A month unlike its year.

    Attributes:
        marketplace: Marketplace.
        month: yyyy-MM.
        rate: Its reported damage rate.
        of_the_year: That of the twelve months up to it, itself included.
    """

    marketplace: str
    month: str
    rate: float
    of_the_year: float

    @property
    def ratio(self) -> float:
        """Rate over the year's."""
        return self.rate / self.of_the_year


def odd_months(counts: Iterable[tuple[str, str, int, int]]) -> list[OddMonth]:
    """Months with less than half or more than twice the damage rate of the twelve months up to them, beyond chance.

    Were the rate the same all year, each of the year's K damages would fall into the month with probability n / N, its
    share of the shipments: as few or as many as the month has must then have a probability below BY_CHANCE. Only the
    latest twelve months of a marketplace are looked at.

    Args:
        counts: Marketplace, month (yyyy-MM), shipments, reported damages; each month once.

    Returns:
        The odd months, in order.
    """
    by_market: dict[str, dict[int, tuple[str, int, int]]] = {}
    for marketplace, month, n, k in counts:
        year, _, number = month.partition("-")
        by_market.setdefault(marketplace, {})[12 * int(year) + int(number)] = (month, n, k)
    found = []
    for marketplace, months in sorted(by_market.items()):
        for place in sorted(months):
            if place <= max(months) - YEAR:
                continue
            month, n, k = months[place]
            year_of = [months[one] for one in range(place - YEAR + 1, place + 1) if one in months]
            shipped, damaged = sum(one[1] for one in year_of), sum(one[2] for one in year_of)
            if not n or not damaged:
                continue
            odd = OddMonth(marketplace, month, k / n, damaged / shipped)
            few = odd.ratio < LEAST and stats.binom.cdf(k, damaged, n / shipped) < BY_CHANCE
            many = odd.ratio > MOST and stats.binom.sf(k - 1, damaged, n / shipped) < BY_CHANCE
            if few or many:
                found.append(odd)
    return found


def warn_of_odd_months(run: Run, outcomes: DataFrame) -> None:
    """Warn of each odd month, and record how many there are and how odd.

    Args:
        run: The run.
        outcomes: Rows of `pair_outcomes`.
    """
    counted = outcomes.groupBy("marketplace", "period").agg(F.sum("n").alias("n"), F.sum("k").alias("k"))
    found = odd_months((row["marketplace"], row["period"], row["n"], row["k"]) for row in counted.collect())
    run.figure("odd_months", len(found))
    for odd in found:
        run.figure(f"odd_month.{odd.marketplace}.{odd.month}", odd.ratio)
        log.warning(
            "the damage rate of a month is unlike the year's: look whether returns or shipments are lacking",
            marketplace=odd.marketplace,
            month=odd.month,
            rate=f"{odd.rate:.3%}",
            of_the_year=f"{odd.of_the_year:.3%}",
        )
