"""Guards: what may be wrong with a delivery before a step refuses it, and how a step is told to take it all the same.

A guard counts what of a source makes packages look safer, or tables emptier, than they are. All guards of a step are
looked at together, before any table but `quarantine` and `runs` is written.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from leastpack.catalog.sources import NO_ELEMENT, NOT_WANTED
from leastpack.config.guards import guards_of
from leastpack.config.root import Config
from leastpack.config.sources import Kind, SourceConfig
from leastpack.errors import ConfigError, GuardError
from leastpack.log import log
from leastpack.runs import Account, Run

FROM_ROWS = 100
# Fewer rows than that say little about a share; but a delivery that takes away most of even a few is cut short.
MOST_OF_FEW, FROM_FEW = 0.5, 10


@dataclass(frozen=True)
class Guard:
    """A share of a source's rows against the largest that passes.

    Attributes:
        source: Name of the source.
        name: Which guard of it, a key of its `guards`.
        limit: Largest share that passes.
        found: Rows counted against the delivery.
        total: Rows they are a share of.
        counted: What was counted, in words.
        most_of_few: Largest share that passes of fewer than FROM_ROWS rows, from `few` on; null lets all pass.
        few: Of fewer rows than these any share passes.
    """

    source: str
    name: str
    limit: float
    found: int
    total: int
    counted: str
    most_of_few: float | None = None
    few: int = FROM_FEW

    @property
    def share(self) -> float:
        """Found of total."""
        return self.found / self.total if self.total else 0.0

    @property
    def holds(self) -> bool:
        """Whether the delivery may pass."""
        return self.share <= self.limit or (self.total < FROM_ROWS and self._few_pass())

    @property
    def told(self) -> bool:
        """Whether a delivery that passes, since there are few rows, is beyond the limit all the same."""
        return self.holds and self.share > self.limit

    @property
    def accepted_by(self) -> str:
        """What follows --accept to let it pass once."""
        return f"{self.source}:{self.name}"

    def sentence(self) -> str:
        """What was found, and what may be."""
        counts = f"{self.found:,} of {self.total:,}"
        few = self.total < FROM_ROWS and not self.holds and self.most_of_few is not None
        most = max(self.limit, self.most_of_few or 0.0) if few else self.limit
        return f"{self.accepted_by}: {self.share:.2%} ({counts}) {self.counted}; at most {most:.2%} pass"

    def _few_pass(self) -> bool:
        return self.most_of_few is None or self.total < self.few or self.share <= self.most_of_few


def quarantine_guard(source: SourceConfig, account: Account) -> Guard:
    """Share of a source's rows that are in quarantine.

    Args:
        source: The source.
        account: Its account.
    """
    # A carton code stands for any number of shipments, a rule for any number of products.
    few = source.guards.most_quarantined if source.kind in ("package_codes", "rules") else None
    return Guard(
        source.name,
        "most_quarantined",
        source.guards.most_quarantined,
        account["quarantined"],
        account["rows_in"] - sum(account["set_aside"].get(reason, 0) for reason in (NO_ELEMENT, NOT_WANTED)),
        "of its rows are in quarantine",
        few,
        1 if source.kind == "rules" else FROM_FEW,
    )


def deletion_guard(source: SourceConfig, deleted: int, stored: int, month: str | None = None) -> Guard:
    """Share of what is stored that a source's delivery would delete; of few rows, at most half may go.

    Args:
        source: The source.
        deleted: Stored rows that the delivery would delete.
        stored: Rows stored before it, of all that the source could delete from.
        month: The month that both were counted in; None for all.
    """
    where = f" of {month}" if month else ""
    return Guard(
        source.name,
        "most_deleted",
        source.guards.most_deleted,
        deleted,
        stored,
        f"of the rows stored{where} would be gone",
        MOST_OF_FEW,
        1 if source.kind == "rules" else FROM_FEW,
    )


def check_guards(run: Run, guards: Sequence[Guard], accepted: Collection[str]) -> None:
    """Record all guards in the run, and refuse the delivery if any does not hold and was not accepted.

    Args:
        run: The run.
        guards: All guards of the step.
        accepted: SOURCE:GUARD that pass this once.

    Raises:
        GuardError: A guard does not hold.
    """
    broken = [guard for guard in guards if not guard.holds]
    refused = [guard for guard in broken if guard.accepted_by not in accepted]
    for guard in guards:
        run.guards.append(
            {
                "source": guard.source,
                "guard": guard.name,
                "found": guard.found,
                "total": guard.total,
                "limit": guard.limit,
                "counted": guard.counted,
                "holds": guard.holds,
                "accepted": not guard.holds and guard.accepted_by in accepted,
            }
        )
    for guard in guards:
        if guard.told:
            log.warning("a guard does not refuse so few rows", guard=guard.accepted_by, found=guard.sentence())
    for guard in broken:
        if guard not in refused:
            log.warning("accepted", guard=guard.accepted_by, found=guard.sentence())
    needless = set(accepted) - {guard.accepted_by for guard in broken}
    for name in sorted(needless & {guard.accepted_by for guard in guards}):
        log.info("accepted without need: the guard holds", guard=name)
    if refused:
        once = " ".join(dict.fromkeys(f"--accept {guard.accepted_by}" for guard in refused))
        raise GuardError(
            f"step {run.step} refuses what was delivered, and wrote nothing but quarantine and runs:\n"
            + "\n".join(f"  - {guard.sentence()}" for guard in refused),
            todo="look at the delivery, the quarantine table and the mapping under `sources`; if all is as it should "
            f"be, run once with {once}, or raise the limit in `guards` of the source",
        )


def accepting(config: Config, given: Iterable[str], kinds: Collection[Kind]) -> Config:
    """The configuration of a run that passes some guards.

    Args:
        config: The configuration.
        given: SOURCE:GUARD each.
        kinds: Kinds of the sources that the steps to run read.

    Raises:
        ConfigError: One names no such source, or no guard of it.
    """
    sources = {source.name: source for source in config.sources if source.kind in kinds}
    accepted = []
    for text in given:
        # A source may have a colon in its name, a guard has none.
        name, _, guard = text.rpartition(":")
        if name not in sources:
            raise ConfigError(
                f"--accept {text!r} names no source that is read here",
                expected=f"SOURCE:GUARD with a source of {', '.join(sources) or '(none)'}",
                found=name or text,
            )
        if guard not in (known := guards_of(sources[name].kind)):
            raise ConfigError(
                f"--accept {text!r} names no guard of source {name!r}",
                expected=f"SOURCE:GUARD with a guard of {', '.join(known)}",
                found=guard,
            )
        accepted.append(text)
    return config.with_accepted(accepted)
