"""A process that was stopped, lost its lease and goes on: it fails at its next commit."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from tests.spark.rows import table_rows
from tests.spark.writers.stopped import SAID

from leastpack.config.storage import TablesConfig
from leastpack.tables import Tables
from leastpack.tables.places import leased, place_of

CHECKOUT = Path(__file__).parents[3]


@pytest.mark.slow
def test_a_stopped_process_that_lost_its_lease_fails_at_its_next_commit(spark: SparkSession, tmp_path: Path) -> None:
    tables = Tables(spark, TablesConfig(root=str(tmp_path / "tables"), buckets=4))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(CHECKOUT / "lib"), str(CHECKOUT)])}
    command = [sys.executable, "-m", "tests.spark.writers.stopped", str(tables.config.root)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, cwd=CHECKOUT
    ) as slow:
        assert slow.stdin is not None
        assert slow.stdout is not None
        answers = (line.removeprefix(SAID).strip() for line in slow.stdout if line.startswith(SAID))
        assert next(answers) == "done"
        slow.send_signal(signal.SIGSTOP)
        try:
            while (held := place_of(tables).read()[0]) and held.is_held():
                time.sleep(0.1)
            with leased(tables, "catalog", "quick") as writer:
                assert writer.took_over
                tables.append("releases", table_rows(spark, "releases", [{"release_id": "quick"}]))
                slow.send_signal(signal.SIGCONT)
                for line in ("only Delta stops it", "looks"):
                    slow.stdin.write(f"{line}\n")
                    slow.stdin.flush()
                    said = next(answers)
                    assert said.startswith("step encode of run slow has lost the lease")
                    assert "taken over by step catalog of run quick" in said
        finally:
            slow.send_signal(signal.SIGCONT)
            slow.stdin.close()
    found = tables.read("releases").select("release_id").collect()
    assert sorted(row["release_id"] for row in found) == ["first", "quick"]
