"""How often a reader is right about what it takes for damage: counts, and the precision that follows from them.

A review of a shipment that came back for damage was rightly taken for damage. Of one that did not come back nobody
knows, but only a share r of the damages comes back (`outcomes.reporting_rate`). So where k of n reviews that a reader
took for damage are of shipments that came back for damage, its precision is k / (n r), if those who write a review
return as often as others do (Elkan and Noto 2008 learn from such labels in the same way).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from leastpack.outcomes.bounds import lower_bounds


@dataclass(frozen=True)
class Rates:
    """What a reader takes for damage.

    Attributes:
        found: Texts that it takes for damage, of what came back for damage.
        damage: Texts of what came back for damage.
        false: Other texts that it takes for damage.
        others: Other texts.
    """

    found: int
    damage: int
    false: int
    others: int

    @property
    def taken(self) -> int:
        """Texts that it takes for damage."""
        return self.found + self.false

    def precision(self, reporting: float) -> float | None:
        """Share of what it takes for damage that is, where `reporting` of damages come back; None of nothing taken."""
        return min(1.0, self.found / (self.taken * reporting)) if self.taken else None

    def least_precision(self, reporting: float, confidence: float) -> float:
        """Lower bound of the precision: by Clopper and Pearson, one-sided; 0 of nothing taken."""
        return min(1.0, float(lower_bounds([self.found], [self.taken], confidence)[0]) / reporting)


def count_rates(taken: npt.NDArray[np.bool_], damage: npt.NDArray[np.bool_]) -> Rates:
    """Count what a reader takes for damage, (m,), against what came back for damage, (m,)."""
    return Rates(
        int(np.count_nonzero(taken & damage)),
        int(np.count_nonzero(damage)),
        int(np.count_nonzero(taken & ~damage)),
        int(np.count_nonzero(~damage)),
    )
