"""The guards of the outcomes step: quarantine, deletions, damage that no shipment is charged with, unmapped reasons."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from leastpack.catalog.versions import CONFLICTING_VERSION, DUPLICATE, OLDER_VERSION
from leastpack.config.sources import SourceConfig
from leastpack.guards import Guard, deletion_guard, quarantine_guard
from leastpack.log import log
from leastpack.outcomes.damage import (
    BEFORE_HISTORY,
    BEFORE_SHIPMENT,
    LATE,
    LONG_AFTER,
    NO_SHIPMENT,
    SHIPMENT_SET_ASIDE,
)
from leastpack.outcomes.history import Deletion
from leastpack.outcomes.intake import Intake
from leastpack.outcomes.placement import NO_SHIPMENT_IN_WINDOW, NO_SHIPMENT_LEFT
from leastpack.outcomes.reasons import UNMAPPED, plain_reason
from leastpack.runs import Account, Run

# Why a report of damage is charged to no shipment. These speak of identifiers or dates that are wrong, here or among
# the shipments, and each takes a damage from a package:
SUSPECT = (NO_SHIPMENT, BEFORE_SHIPMENT, LONG_AFTER)
# These happen in sound data: late ones are what the reporting rate covers, a report from the first days may mean a
# shipment from before them, and reports that name no shipment are told of apart.
NATURAL = (LATE, SHIPMENT_SET_ASIDE, BEFORE_HISTORY, NO_SHIPMENT_IN_WINDOW, NO_SHIPMENT_LEFT)
REPEATS = (DUPLICATE, OLDER_VERSION, CONFLICTING_VERSION)
SHOWN = 5


def outcome_guards(
    run: Run, sources: Sequence[SourceConfig], intakes: Iterable[Intake], returns: DataFrame
) -> list[Guard]:
    """All guards of the step; warns of reasons that nobody maps.

    Args:
        run: The run, with the account of every source.
        sources: The sources.
        intakes: What was delivered for each table.
        returns: Judged returns, for the codes that nobody maps.
    """
    guards = [quarantine_guard(source, run.accounts[source.name]) for source in sources]
    for source in sources:
        account = run.accounts[source.name]
        if source.kind in ("returns", "reviews"):
            guards.append(damage_guard(source, account))
        if source.kind == "returns":
            codes = _unmapped_codes(source, returns) if account["set_aside"].get(UNMAPPED) else ""
            guards.append(reasons_guard(source, account, codes))
    lost = [deletion for intake in intakes for deletion in intake.deletions]
    return guards + [guard for source in sources for guard in deletion_guards(source, lost)]


def deletion_guards(source: SourceConfig, deletions: Iterable[Deletion]) -> list[Guard]:
    """Share of a source's stored rows that its delivery would delete: of each month it replaces, and of all of them.

    Args:
        source: The source.
        deletions: Of all sources.
    """
    own = [one for one in deletions if one.source == source.name]
    if not own:
        return []
    whole = deletion_guard(source, sum(one.deleted for one in own), sum(one.stored for one in own))
    return [whole] + [deletion_guard(source, one.deleted, one.stored, one.period) for one in own if one.period]


def damage_guard(source: SourceConfig, account: Account) -> Guard:
    """Share of the rows that tell of damage which no shipment is charged with, for a reason rare in sound data.

    Args:
        source: A source of returns or reviews.
        account: Its account.
    """
    aside = account["set_aside"]
    suspect = {reason: aside[reason] for reason in SUSPECT if aside.get(reason)}
    told = account["used"] + sum(aside.get(reason, 0) for reason in (*SUSPECT, *NATURAL))
    named = f" ({', '.join(f'{reason} {n:,}' for reason, n in suspect.items())})" if suspect else ""
    return Guard(
        source.name,
        "most_damage_set_aside",
        source.guards.most_damage_set_aside,
        sum(suspect.values()),
        told,
        f"of its rows that tell of damage are charged to no shipment{named}",
    )


def reasons_guard(source: SourceConfig, account: Account, codes: str) -> Guard:
    """Share of the returns whose reason code no rule maps.

    Args:
        source: A source of returns.
        account: Its account.
        codes: The commonest of these codes with their counts, in words.
    """
    repeats = sum(account["set_aside"].get(reason, 0) for reason in REPEATS)
    read = account["rows_in"] - account["quarantined"] - repeats
    named = f" ({codes})" if codes else ""
    return Guard(
        source.name,
        "most_unmapped_reasons",
        source.guards.most_unmapped_reasons,
        account["set_aside"].get(UNMAPPED, 0),
        read,
        f"of its returns have a reason code in neither damage_reasons nor other_reasons{named}",
    )


def _unmapped_codes(source: SourceConfig, returns: DataFrame) -> str:
    own = returns.where((F.col("source") == source.name) & (F.col("set_aside") == UNMAPPED))
    counted = own.groupBy(plain_reason(F.col("reason_code")).alias("code")).count()
    found = counted.orderBy(F.desc("count"), "code").limit(SHOWN + 1).collect()
    codes = ", ".join(f"{row['code']} {row['count']:,}" for row in found[:SHOWN])
    codes += ", ..." if len(found) > SHOWN else ""
    log.warning("returns have reasons that no rule maps; they count as no damage", source=source.name, codes=codes)
    return codes
