"""A person stops all certified moves, or lets them go on."""

from __future__ import annotations

import datetime

from pyspark.sql import SparkSession

from leastpack.certificates.in_force import PAUSED, why_paused
from leastpack.config.root import Config
from leastpack.runs import step_run
from leastpack.tables import Tables
from leastpack.tables.schemas import CERTIFICATE_EVENTS


def note_event(spark: SparkSession, config: Config, event: str, why: str) -> str:
    """Note that certificates are paused or resumed.

    Args:
        spark: The session.
        config: Where the tables are.
        event: PAUSED or RESUMED.
        why: Why.

    Returns:
        What it means, for the person.
    """
    tables = Tables(spark, config.tables)
    with step_run(spark, tables, config, event) as run:
        if (event == PAUSED) == (why_paused(tables) is not None):
            return f"certificates were {'paused' if event == PAUSED else 'not paused'} already: nothing was written"
        row = (datetime.datetime.now(datetime.UTC), event, why, run.run_id)
        tables.append("certificate_events", spark.createDataFrame([row], CERTIFICATE_EVENTS.schema))
    return f"certificates are {event}; run leastpack decide and publish for packages to follow"
