"""What the reason code of a return says: damage, something else, or nothing that any rule knows."""

from __future__ import annotations

from collections.abc import Iterable

from pyspark.sql import Column
from pyspark.sql import functions as F

from leastpack.config.outcomes import OutcomesConfig
from leastpack.words import fold

_WIDE = "".join(chr(code) for code in range(0xFF01, 0xFF5F))  # full-width ASCII, ! to ~
_NARROW = "".join(chr(code) for code in range(0x21, 0x7F))

DAMAGE, NOT_DAMAGE, UNMAPPED = "damage", "not_damage", "unmapped_reason"


def reason_verdict(code: Column, config: OutcomesConfig) -> Column:
    """DAMAGE, NOT_DAMAGE, or UNMAPPED for a code in neither list; damage wins where both name it."""
    found = plain_reason(code)
    return (
        F.when(_named(found, config.damage_reasons), F.lit(DAMAGE))
        .when(_named(found, config.other_reasons), F.lit(NOT_DAMAGE))
        .otherwise(F.lit(UNMAPPED))
    )


def is_damage_reason(config: OutcomesConfig) -> Column:
    """Whether `reason_code` means damage."""
    return reason_verdict(F.col("reason_code"), config) == DAMAGE


def plain_reason(code: Column) -> Column:
    """A code as it is compared: without blanks around it, in upper case; `fold` of Latin letters, in capitals."""
    return F.upper(F.translate(F.trim(code), _WIDE + "İ", _NARROW + "I"))


def _named(code: Column, patterns: Iterable[str]) -> Column:
    """Whether the code is one of the patterns; a trailing `*` allows any ending."""
    plain = sorted({fold(pattern.strip()).upper() for pattern in patterns if pattern.strip()})
    whole = [pattern for pattern in plain if not pattern.endswith("*")]
    named = code.isin(whole) if whole else F.lit(False)
    for pattern in plain:
        if pattern.endswith("*"):
            named = named | code.startswith(pattern.rstrip("*"))
    return F.coalesce(named, F.lit(False))
