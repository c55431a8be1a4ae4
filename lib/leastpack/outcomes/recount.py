"""Which hash buckets of products are counted anew, and from which day.

A day's delivery touches its own days; months before them that nothing touches are not read again. What was counted by
other rules, or by a run that was stopped, is counted anew too.
"""

from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from leastpack.config.outcomes import OutcomesConfig

BEGINNING = datetime.date(1900, 1, 1)
# Another number counts every history anew: for changes of the code that change what is counted.
RULES_VERSION = 2


@dataclass(frozen=True)
class Counted:
    """How a bucket was counted last: a row of `outcome_buckets`.

    Attributes:
        rules: Digest of the rules.
        watermarks: By marketplace, day up to which reports had been delivered.
        pending_from: Day from which a run that was stopped may have left new rows uncounted.
    """

    rules: str
    watermarks: Mapping[str, datetime.date]
    pending_from: datetime.date | None


@dataclass(frozen=True)
class Start:
    """From where a bucket is counted anew.

    Attributes:
        place_from: Reports told from this day on are placed anew; None where no row of the bucket has changed.
        count_from: Shipments of this month (its first day) and later ones are counted anew.
    """

    place_from: datetime.date | None
    count_from: datetime.date

    @property
    def period(self) -> str:
        """The first month, yyyy-MM."""
        return f"{self.count_from:%Y-%m}"


def rules_digest(config: OutcomesConfig, reader: str = "") -> str:
    """Digest of every rule that decides what is counted as damage.

    Args:
        config: The rules.
        reader: Digest of the reader in force; empty for the list of words alone.
    """
    rules = [
        RULES_VERSION,
        config.return_window_days,
        sorted(code.upper() for code in config.damage_reasons),
        sorted(code.upper() for code in config.other_reasons),
        config.review_max_stars,
        sorted(config.review_words),
        config.multi_item,
        config.split.salt,
        *([reader] if reader else []),
    ]
    return hashlib.sha256(json.dumps(rules, ensure_ascii=False).encode()).hexdigest()[:16]


def recount(
    counted: Mapping[int, Counted],
    touched: Mapping[int, datetime.date],
    until: Mapping[str, datetime.date],
    config: OutcomesConfig,
    buckets: int,
    reader: str = "",
) -> dict[int, Start]:
    """Where to start in each bucket.

    Reports of a day may mean shipments of the whole window before it, so shipments are counted from that window on. A
    watermark that moves changes which shipments are old enough, and nothing else.

    Args:
        counted: Bucket to how it was counted last; missing where it never was.
        touched: Bucket to the earliest day of a row that changes.
        until: Today's watermarks.
        config: The rules.
        buckets: Number of buckets.
        reader: Digest of the reader in force.

    Returns:
        Bucket to its start; buckets that nothing touches are missing.
    """
    rules = rules_digest(config, reader)
    starts = {}
    for bucket in range(buckets):
        last = counted.get(bucket)
        if last is None or last.rules != rules:
            starts[bucket] = Start(BEGINNING, BEGINNING)
            continue
        days = [day for day in (touched.get(bucket), last.pending_from) if day is not None]
        place_from = min(days) if days else None
        moved = [place_from] if place_from else []
        moved += [
            min(before, now) if before and now else BEGINNING
            for name in {*last.watermarks, *until}
            if (before := last.watermarks.get(name)) != (now := until.get(name))
        ]
        if moved:
            starts[bucket] = Start(place_from, _window_before(min(moved), config.return_window_days))
    return starts


def _window_before(day: datetime.date, window: int) -> datetime.date:
    if (day - BEGINNING).days <= window:
        return BEGINNING
    return (day - datetime.timedelta(days=window)).replace(day=1)
