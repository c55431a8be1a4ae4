"""What a commit carries, whether it was really made, and what Delta says when another one came first."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from pyspark.sql import SparkSession

# All commits of leastpack to a table: Delta takes only growing versions of one application, and of two commits under
# way at once, whatever their rows, the second fails.
APPLICATION = "leastpack"
CONFLICT = re.compile(
    r"DELTA_CONCURRENT_|DELTA_METADATA_CHANGED|DELTA_PROTOCOL_CHANGED"
    r"|Concurrent(Append|DeleteRead|DeleteDelete|Transaction|Write|Modification)Exception"
    r"|MetadataChangedException|ProtocolChangedException"
)
_SETTINGS = "spark.databricks.delta."
# The settings of a session are everybody's: one statement at a time has them.
_ONE_AT_A_TIME = threading.Lock()


@dataclass(frozen=True)
class Stamp:
    """What a commit carries.

    Attributes:
        version: Grows with every commit: the writer's epoch, then a counter; None where no writer holds a lease.
        text: Left in the table's history; a writer's is unlike that of any other commit.
        application: Whose versions they are.
    """

    version: int | None
    text: str
    application: str = APPLICATION

    @property
    def options(self) -> dict[str, str]:
        """For a DataFrameWriter."""
        return (
            {"userMetadata": self.text} if self.version is None else options(self.application, self.version, self.text)
        )

    @property
    def settings(self) -> dict[str, str]:
        """For a statement that takes no options, under `spark.databricks.delta`."""
        text = {"commitInfo.userMetadata": self.text}
        if self.version is None:
            return text
        return {**text, "write.txnAppId": self.application, "write.txnVersion": str(self.version)}


def options(application: str, version: int, text: str) -> dict[str, str]:
    """Options of a DataFrameWriter under which Delta takes a version of an application once, and in order."""
    return {"txnAppId": application, "txnVersion": str(version), "userMetadata": text}


@contextmanager
def statement_settings(spark: SparkSession, stamp: Stamp) -> Iterator[None]:
    """Settings for one MERGE, which takes no options."""
    # A table in partitions would else be written by one task a partition.
    wanted = {**stamp.settings, "merge.repartitionBeforeWrite.enabled": "false"}
    with _ONE_AT_A_TIME:
        before = {name: spark.conf.get(_SETTINGS + name, None) for name in wanted}
        _set(spark, wanted)
        try:
            yield
        finally:
            _set(spark, before)


def unstamped(note: str | None) -> Stamp:
    """For a commit under no lease.

    Delta makes no version of a commit without rows, such as a note, unless it carries a version of an application.
    """
    if note is None:
        return Stamp(None, stamp_text({}))
    return Stamp(time.time_ns(), stamp_text({"note": note}), application=f"{APPLICATION}.note")


def stamp_text(told: Mapping[str, object]) -> str:
    """The text of a stamp."""
    return json.dumps({APPLICATION: told}, sort_keys=True)


def note_in(text: str | None) -> str | None:
    """The note in a commit's text, if leastpack left one there."""
    try:
        told = json.loads(text or "{}")[APPLICATION]
        return str(told["note"])
    except (KeyError, TypeError, ValueError):
        return None


def was_made(spark: SparkSession, identifier: str, text: str) -> bool:
    """Whether the commit with that text is in the table's history; some stores add commits of their own after it."""
    for limit in (1, 50):
        rows = spark.sql(f"DESCRIBE HISTORY {identifier} LIMIT {limit}").collect()
        if any(row["userMetadata"] == text for row in rows):
            return True
    return False


def is_conflict(error: BaseException) -> bool:
    """Whether Delta refused a commit because another came first."""
    return bool(CONFLICT.search(f"{type(error).__name__} {error}"))


def _set(spark: SparkSession, settings: Mapping[str, str | None]) -> None:
    for name, value in settings.items():
        if value is None:
            spark.conf.unset(_SETTINGS + name)
        else:
            spark.conf.set(_SETTINGS + name, value)
