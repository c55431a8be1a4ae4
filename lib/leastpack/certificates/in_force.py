"""Which certificates products move by today."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyspark.sql import Row
from pyspark.sql import functions as F

from leastpack.certificates.cells import EITHER, pool_and_stratum
from leastpack.certificates.terms import AUDIT, PILOT, RANDOM, Terms
from leastpack.tables import Tables

CERTIFIED, FAILED, WAITING, NOT_DRAWN = "certified", "failed", "waiting", "not_drawn"
SHOWN, CONTRADICTED, OPEN = "shown", "contradicted", "open"
PAUSED, RESUMED = "paused", "resumed"


@dataclass(frozen=True)
class InForce:
    """A certificate that products move by.

    Attributes:
        certificate_id: Its identifier.
        round_id: Its round, whose exclusions hold.
        level: Products move to packages with at most this risk.
        withdrawn: Package types that no certified move goes to.
        of_list: Only moves on the round's frozen list are certified: of a list, or of past shipments.
    """

    certificate_id: str
    round_id: str
    level: float
    withdrawn: frozenset[str]
    of_list: bool = False


@dataclass(frozen=True)
class Standing:
    """How the cells of a policy stand.

    Attributes:
        in_force: Certificates by cell.
        supported: Cells in which a round was drawn.
        round_id: The round of today's policy; None where none was drawn.
        paused: Why nothing moves; None where it may.
    """

    in_force: Mapping[str, InForce]
    supported: frozenset[str]
    round_id: str | None
    paused: str | None


def standing(tables: Tables, terms: Terms) -> Standing:
    """How the policy of today stands.

    A certificate holds for the choices that were tested: of another model, other costs or package types it says
    nothing. One of a looser promise than today's is not in force either. Of several of a cell the newest is, and of
    those of one day the one that moves more. One by past shipments stands back where its pool has another, which speaks
    of more products, and is in force only as long as the config lets past shipments certify.
    """
    if not tables.exists("certificates"):
        return Standing({}, frozenset(), None, None)
    same_choice = (F.col("choice_digest") == terms.choice_digest) & (F.col("status") != NOT_DRAWN)
    rows = tables.read("certificates").where(same_choice).orderBy("issued_on", "level", "certificate_id").collect()
    paused = why_paused(tables)
    most = {AUDIT: terms.config.certify.alpha, PILOT: terms.config.pilot.alpha, RANDOM: terms.config.pilot.alpha}
    strict = [row for row in rows if row.status == CERTIFIED and row.alpha <= most.get(row.labels, most[AUDIT])]
    trusted = terms.config.certify.least_propensity is not None
    past = [row for row in strict if row.labels == RANDOM and trusted]
    held = _newest_layout([row for row in strict if row.labels != RANDOM])
    pools = {pool_and_stratum(row.cell)[0] for row in held}
    held += [row for row in _newest_layout(past) if pool_and_stratum(row.cell)[0] not in pools]
    own = [row for row in rows if row.policy_digest == terms.digest]
    return Standing(
        in_force={row.cell: _in_force(tables, row) for row in held} if paused is None else {},
        supported=frozenset(row.cell for row in rows if row.labels != RANDOM),
        round_id=own[0].round_id if own else None,
        paused=paused,
    )


def _newest_layout(certificates: Sequence[Row]) -> list[Row]:
    """The certificates, oldest first, less those that a newer one of their pool divides otherwise.

    One of both strata together says nothing of either alone, and two of single strata nothing of what is left of both.
    """
    either = {}
    for row in certificates:
        pool, stratum = pool_and_stratum(row.cell)
        either[pool] = stratum == EITHER
    parts = [(row, *pool_and_stratum(row.cell)) for row in certificates]
    return [row for row, pool, stratum in parts if (stratum == EITHER) == either[pool]]


def why_paused(tables: Tables) -> str | None:
    """Why all certificates are paused; None where they are not."""
    if not tables.exists("certificate_events"):
        return None
    events = tables.read("certificate_events").where(F.col("event").isin(PAUSED, RESUMED))
    last = events.orderBy(F.desc("at")).limit(1).collect()
    return str(last[0].why) if last and last[0].event == PAUSED else None


def _in_force(tables: Tables, certificate: Row) -> InForce:
    own = tables.read("certificate_types").where(F.col("certificate_id") == certificate.certificate_id)
    contradicted = own.where(F.col("verdict") == CONTRADICTED).collect()
    withdrawn = frozenset(row.package_type for row in contradicted)
    return InForce(
        certificate.certificate_id, certificate.round_id, certificate.level, withdrawn, certificate.listed is not None
    )
