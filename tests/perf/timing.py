"""Contenders side by side: one untimed pass each, then turns, and the median of each one's turns."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

Contender = Callable[[], None]


@dataclass
class Timed:
    """Seconds of one contender.

    Attributes:
        cold: Of the first pass.
        runs: Of the passes after it.
    """

    cold: float
    runs: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """Of the runs after the first."""
        return statistics.median(self.runs)


def take_turns(contenders: Mapping[str, Contender], runs: int, say: Callable[[str], None]) -> dict[str, Timed]:
    """Run all contenders in turns, so that what slows the machine down for a while slows all of them.

    Args:
        contenders: Name to what is timed.
        runs: Timed passes of each.
        say: Told of every pass.
    """
    timed = {name: Timed(cold=_seconds(run)) for name, run in contenders.items()}
    for turn in range(runs):
        for name, run in contenders.items():
            timed[name].runs.append(_seconds(run))
            say(f"run {turn + 1} of {runs}: {name} {timed[name].runs[-1]:.1f} s")
    return timed


def _seconds(run: Contender) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start
