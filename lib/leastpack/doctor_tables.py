"""Checks the configured tables: who may write to them, and whether any holds a key more than once."""

from __future__ import annotations

from leastpack.config.root import Config
from leastpack.doctor import Check


def check_tables(config: Config) -> list[Check]:
    """The lease, and one check for each table with repeated keys, or one for all; starts the configured session."""
    from leastpack.session import make_session
    from leastpack.tables import Tables
    from leastpack.tables.places import place_of
    from leastpack.tables.repeated import all_repeated

    try:
        tables = Tables(make_session(config.spark), config.tables)
        lease, _ = place_of(tables).read()
        found = all_repeated(tables)
    except Exception as error:
        told = str(error).splitlines() or [""]
        todo = "check tables.root or tables.schema_name, and the rights to read there"
        return [Check("tables", "fail", f"{type(error).__name__}: {told[0]}", "tables that can be read", todo)]
    held = lease is not None and lease.is_held()
    writer = Check("writer of the tables", "ok", lease.told() if lease and held else "nobody", "at most one run")
    if not found:
        return [writer, Check("keys of the tables", "ok", "none is there twice", "one row a key")]
    return [
        writer,
        *[
            Check(
                f"keys of {one.table}",
                "fail",
                f"{one.keys} keys have more than one row, {one.rows} rows are too many",
                "one row a key",
                f"leastpack repair {one.table} with the same configuration, then with --apply",
            )
            for one in found
        ],
    ]
