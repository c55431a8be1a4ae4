"""A writer in a process of its own, which test_stopped stops and lets go on."""

from __future__ import annotations

import sys

from tests.quick import QUICK
from tests.spark.rows import table_rows

from leastpack.config.storage import SparkConfig, TablesConfig
from leastpack.errors import WriterError
from leastpack.session import make_session
from leastpack.tables import Tables
from leastpack.tables.places import leased
from leastpack.tables.writer import Writer

SAID = "said: "  # before each answer: Spark's launcher prints too


def main(root: str) -> None:
    """Commit once; then once for every line of input, and say how it went."""
    spark = make_session(SparkConfig(master="local[1]", delta_packages=True, conf={**QUICK}))
    tables = Tables(spark, TablesConfig(root=root, buckets=4, lease_seconds=2))

    def commit(name: str) -> str:
        try:
            tables.append("releases", table_rows(spark, "releases", [{"release_id": name}]))
        except WriterError as error:
            return error.what
        return "done"

    look = Writer.require_lease
    with leased(tables, "encode", "slow"):
        print(SAID + commit("first"), flush=True)
        for line in sys.stdin:
            Writer.require_lease = look if line.strip() == "looks" else lambda self: None  # type: ignore[method-assign]
            print(SAID + commit(line.strip()), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
