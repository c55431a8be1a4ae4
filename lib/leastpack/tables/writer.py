"""The one run that may write to a table set: takes the lease, renews it while it works, stamps what it commits."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from datetime import UTC, datetime

from leastpack.errors import WriterError
from leastpack.log import log
from leastpack.tables.commits import Stamp, stamp_text
from leastpack.tables.lease import Lease, OvertakenError, Place

# A version of a commit: the epoch, then the number of the commit under it.
COMMITS_A_LEASE = 1 << 20


class Writer:
    """The holder of a lease.

    Args:
        place: Where the lease is kept.
        lease: As it was taken.
        tag: Of the lease there.
        seconds: For which it holds without being renewed.
        took_over: Whether an earlier holder may be at work still.

    Attributes:
        fenced: Tables that carry the epoch already, where an earlier holder may be at work.
    """

    def __init__(self, place: Place, lease: Lease, tag: str, seconds: int, *, took_over: bool) -> None:
        self.place = place
        self.lease = lease
        self.took_over = took_over
        self.fenced: set[str] = set()
        self._tag = tag
        self._seconds = seconds
        self._commits = 0
        self._lost = False
        self._turn = threading.Lock()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._renew_on, name="leastpack-lease", daemon=True)

    @staticmethod
    def take(place: Place, step: str, run_id: str, seconds: int) -> Writer:
        """Take the lease where nobody holds it.

        Raises:
            WriterError: Another run holds it.
        """
        before, tag = place.read()
        if before and before.is_held():
            raise held_error(place, before)
        lease = Lease.take(before, step, run_id, seconds)
        try:
            tag = place.write(lease, tag)
        except OvertakenError:
            other, _ = place.read()
            raise held_error(place, other or lease) from None
        took_over = before is not None and not before.given_back
        if before and took_over:
            log.warning("took over the tables from a run that did not give them back", it_was=before.told())
        return Writer(place, lease, tag, seconds, took_over=took_over)

    def start_renewing(self) -> None:
        """Renew the lease from now on, every third of its time."""
        self._thread.start()

    def stamp(self, note: str | None = None) -> Stamp:
        """What the next commit carries."""
        with self._turn:
            self._commits += 1
            number = self._commits
        told = {"epoch": self.lease.epoch, "commit": number, "step": self.lease.step, "run_id": self.lease.run_id}
        return Stamp(self.lease.epoch * COMMITS_A_LEASE + number, stamp_text({**told, "note": note} if note else told))

    def require_lease(self) -> None:
        """Look whether the lease is still held, before something is written.

        Where a look is slow, only once nobody has renewed the lease in time.

        Raises:
            WriterError: Another run has it.
        """
        late = self.lease.until < datetime.now(UTC)
        if self._lost or ((self.place.is_quick or late) and self._other()):
            raise self.lost_error()

    def lost_error(self) -> WriterError:
        """The error of a run that goes on after it lost the lease."""
        lease, _ = self.place.read()
        if lease is None or (lease.unlocked and lease.epoch == self.lease.epoch):
            now = "leastpack unlock took it away"
        elif lease.epoch == self.lease.epoch:
            now = "it is this run's still: a table holds commits of a later epoch, as one that was copied here may"
        else:
            now = f"then the tables were taken over by {lease.told()}"
        return WriterError(
            f"step {self.lease.step} of run {self.lease.run_id} has lost the lease of its tables ({self.place.name}), "
            f"which it took at {self.lease.since:%Y-%m-%d %H:%M:%S} UTC; {now}",
            todo="run the step again once no other run writes; what it had not committed is done again",
        )

    def conflict_error(self, table: str) -> WriterError:
        """The error of a commit that Delta refused because another came first."""
        if self._lost or self._other():
            return self.lost_error()
        return WriterError(
            f"table {table} was changed by another program while {self.lease.told()}, was writing it",
            todo="run the step again; keep what is no run of leastpack (OPTIMIZE, DELETE, UPDATE, RESTORE) off the "
            "tables while the lease is held",
        )

    def enter(self, step: str) -> None:
        """Go on to another step under the same lease."""
        self._rewrite(replace(self.lease.renewed(self._seconds), step=step))

    def give_back(self) -> None:
        """Stop renewing and let others write."""
        self._end.set()
        if self._thread.is_alive():
            self._thread.join()
        if self._lost:
            return
        try:
            self._rewrite(replace(self.lease, given_back=True))
        except WriterError as error:
            log.warning("the lease was not there to give back", error=error.what)
        except Exception as error:  # the step has ended as it has; the lease becomes stale by itself
            log.warning("the lease could not be given back", error=str(error), until=str(self.lease.until))

    def _rewrite(self, lease: Lease) -> None:
        with self._turn:
            try:
                self._tag = self.place.write(lease, self._tag)
            except OvertakenError:
                self._lost = True
            else:
                self.lease = lease
        if self._lost:
            raise self.lost_error()

    def _renew_on(self) -> None:
        while not self._end.wait(self._seconds / 3):
            try:
                self._rewrite(self.lease.renewed(self._seconds))
            except WriterError as error:
                log.warning("the lease is lost; the next commit will fail", error=error.what)
                return
            except Exception as error:  # the next try may succeed, and nobody else can take it meanwhile if not
                log.warning("the lease could not be renewed", lease=self.place.name, error=str(error))

    def _other(self) -> bool:
        lease, _ = self.place.read()
        return lease is None or lease.epoch != self.lease.epoch or lease.unlocked


_HELD: ContextVar[Writer | None] = ContextVar("writer", default=None)


@contextmanager
def writing(place: Place, step: str, run_id: str, seconds: int) -> Iterator[Writer]:
    """Hold the lease of a table set; a step inside a run that holds it goes on under the run's.

    Raises:
        WriterError: Another run holds it.
    """
    outer = _HELD.get()
    if outer is not None and outer.place.name == place.name:
        outer.enter(step)
        yield outer
        return
    writer = Writer.take(place, step, run_id, seconds)
    writer.start_renewing()
    token = _HELD.set(writer)
    try:
        yield writer
    finally:
        _HELD.reset(token)
        writer.give_back()


def unlock(place: Place) -> Lease | None:
    """Take the lease away from whoever holds it.

    Returns:
        The lease as it was; None where nobody holds it.
    """
    lease, tag = place.read()
    if lease is None or lease.given_back or lease.unlocked:
        return None
    while True:
        try:
            place.write(replace(lease, unlocked=True), tag)
        except OvertakenError:  # renewed at this moment
            lease, tag = place.read()
            if lease is None or lease.given_back:
                return None
            continue
        return lease


def held_error(place: Place, lease: Lease) -> WriterError:
    """The error of a run that finds another one at work."""
    return WriterError(
        f"the tables are being written by {lease.told()}, renewed while it works ({place.name})",
        todo="wait until it has ended and run this again; if its process is gone, the lease ends by itself at that "
        "time, or at once by leastpack unlock with the same configuration",
    )
