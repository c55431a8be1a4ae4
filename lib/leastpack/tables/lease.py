"""The lease of a table set: who may write to it, until when, under which epoch."""

from __future__ import annotations

import getpass
import json
import os
import socket
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol


class OvertakenError(Exception):
    """Somebody else wrote the lease since it was read."""


@dataclass(frozen=True)
class Holder:
    """A process that writes.

    Attributes:
        host: Name of its machine.
        user: Who started it.
        pid: Its number there.
        space: What numbers processes: this start of the machine, and the container; empty where the system hides it.
        started: Ticks of that clock when the process began: numbers are given again.
    """

    host: str
    user: str
    pid: int
    space: str
    started: int

    @staticmethod
    def here() -> Holder:
        """This process."""
        pid = os.getpid()
        return Holder(socket.gethostname(), _user(), pid, _space(), _started(pid))

    def is_gone(self) -> bool:
        """Whether this machine can tell that the process has ended; false for processes of another machine."""
        return bool(self.space) and self.space == _space() and self.started != _started(self.pid)

    def __str__(self) -> str:
        return f"{self.user}, process {self.pid} on {self.host}"


@dataclass(frozen=True)
class Lease:
    """What stands where the lease is kept.

    Attributes:
        epoch: Grows with every holder: milliseconds since 1970 when the lease was taken, or one more than the last
            epoch. Commits carry it, so it must grow too where the lease was lost and only the tables are left.
        step: The step that writes.
        run_id: Its run.
        holder: Its process.
        since: When it was taken.
        until: When it becomes stale, unless renewed.
        given_back: Whether the holder has ended; nothing of its work can come any more.
        unlocked: Whether it was taken away by hand; the holder may be at work still.
    """

    epoch: int
    step: str
    run_id: str
    holder: Holder
    since: datetime
    until: datetime
    given_back: bool = field(default=False)
    unlocked: bool = field(default=False)

    @staticmethod
    def take(before: Lease | None, step: str, run_id: str, seconds: int) -> Lease:
        """A lease for this process."""
        now = datetime.now(UTC)
        epoch = max(int(now.timestamp() * 1000), before.epoch + 1 if before else 0)
        return Lease(epoch, step, run_id, Holder.here(), now, now + timedelta(seconds=seconds))

    def renewed(self, seconds: int) -> Lease:
        """The same for longer."""
        return replace(self, until=datetime.now(UTC) + timedelta(seconds=seconds))

    def is_stale(self) -> bool:
        """Whether another run may take it over."""
        return self.unlocked or self.until < datetime.now(UTC) or self.holder.is_gone()

    def is_held(self) -> bool:
        """Whether it keeps others out."""
        return not self.given_back and not self.is_stale()

    def told(self) -> str:
        """Who holds it, since when and until when."""
        who = f"step {self.step} of run {self.run_id} ({self.holder})"
        return f"{who}, since {_second(self.since)}, until {_second(self.until)}"

    def to_json(self) -> str:
        """As it is kept."""
        content = {**asdict(self), "since": self.since.isoformat(), "until": self.until.isoformat()}
        return json.dumps(content, indent=1)

    @staticmethod
    def from_json(text: str | bytes) -> Lease:
        """Read what `to_json` wrote.

        Raises:
            ValueError: It is something else.
        """
        try:
            content = json.loads(text)
            times = {name: datetime.fromisoformat(content[name]) for name in ("since", "until")}
            return Lease(**{**content, **times, "holder": Holder(**content["holder"])})
        except (KeyError, TypeError) as error:
            raise ValueError(f"no lease: {error!r}") from error


class Place(Protocol):
    """Where the lease of a table set is kept; what is written there is never half there."""

    @property
    def name(self) -> str:
        """The place, for people."""
        ...

    @property
    def is_quick(self) -> bool:
        """Whether a look takes so little that every commit can begin with one."""
        ...

    def read(self) -> tuple[Lease | None, str]:
        """The lease, and a tag of exactly this state; no lease where nobody has written yet."""
        ...

    def write(self, lease: Lease, tag: str) -> str:
        """Put a lease in place of the one with that tag; the new tag.

        Raises:
            OvertakenError: The tag is not the latest.
        """
        ...


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return f"user {os.getuid()}"


def _space() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def _started(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19])
    except OSError:  # no such process, or no Linux
        return 0


def _second(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
