"""A driver whose workers, executors or own process are killed for real: run as a process of its own by test_kills."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame
from tests.quick import QUICK

from leastpack.config import Config
from leastpack.config.storage import SparkConfig
from leastpack.road import BY_NAME
from leastpack.session import make_session
from leastpack.tables import Tables


def parent_of(pid: int) -> int:
    """The process that started another one."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def children_of(pid: int) -> list[int]:
    """The processes that a process has started."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # one that has just ended
            if parent_of(int(place.name)) == pid:
                found.append(int(place.name))
    return found


def killing(markers: dict[str, str], driver: int) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """A function for mapInArrow that passes rows on, and kills each victim once, one after the other.

    Of the rows of `embeddings`, texts come first: workers die over them, executors and drivers over photos.
    """

    def passed(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        # Workers are started by a daemon, and that by the executor. Those of leastpack's stages work beside this one.
        daemon = parent_of(os.getpid())
        executor = parent_of(daemon)
        workers = [pid for pid in children_of(daemon) if pid != os.getpid()]
        pids = {"worker": [*workers, os.getpid()], "executor": [executor], "driver": [driver, executor]}
        for batch in batches:
            modality = batch.column("modality")[0].as_py() if "modality" in batch.schema.names else None
            for victim, marker in markers.items():
                if modality is not None and (modality == "text") != (victim == "worker"):
                    continue
                try:
                    os.close(os.open(marker, os.O_CREAT | os.O_EXCL))
                except FileExistsError:
                    continue
                for pid in pids[victim]:
                    os.kill(pid, signal.SIGKILL)
            yield batch

    return passed


def arm(table: str, markers: dict[str, str]) -> None:
    """Kill the victims while the table is written; `between` is the driver after a whole transaction."""
    conform, replace_where = Tables.conform, Tables.replace_where
    inside = {victim: marker for victim, marker in markers.items() if victim != "between"}

    def conformed(self: Tables, name: str, df: DataFrame) -> DataFrame:
        rows = conform(self, name, df)
        if name != table or not inside:
            return rows
        return rows.mapInArrow(killing(inside, os.getpid()), rows.schema)  # type: ignore[arg-type]

    def replaced(self: Tables, name: str, df: DataFrame, condition: str) -> None:
        replace_where(self, name, df, condition)
        if name == table and "between" in markers:
            Path(markers["between"]).touch()
            os.kill(os.getpid(), signal.SIGKILL)

    Tables.conform, Tables.replace_where = conformed, replaced  # type: ignore[method-assign]


def main(master: str, scenes: list[dict[str, Any]]) -> None:
    """Run a step a scene, all in one session."""
    untouched = Tables.conform, Tables.replace_where
    conf = {**QUICK, "spark.driver.memory": "2g", "spark.executorEnv.PYTHONPATH": os.environ["PYTHONPATH"]}
    spark = make_session(SparkConfig(master=master, delta_packages=True, conf=conf))
    for scene in scenes:
        config = Config.model_validate_json(Path(scene["config"]).read_text(encoding="utf-8"))
        arm(scene["table"], scene["markers"])
        BY_NAME[scene["step"]].load()(spark, config)
        Tables.conform, Tables.replace_where = untouched  # type: ignore[method-assign]
    spark.stop()


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
