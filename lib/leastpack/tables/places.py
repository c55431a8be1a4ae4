"""Where the lease of a table set is kept: beside the tables, by what their store can do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from leastpack.locations import local_path
from leastpack.s3 import split_s3
from leastpack.tables.lease import Place
from leastpack.tables.lease_folder import FolderPlace
from leastpack.tables.lease_table import TablePlace
from leastpack.tables.store import Tables
from leastpack.tables.writer import Writer, writing

FOLDER = "_lease"
TABLE = "leases"


def place_of(tables: Tables) -> Place:
    """The place of the tables' lease.

    A folder for local tables, an object for those in S3, a table for those by name and in any other store.
    """
    if tables.root is None:
        return TablePlace(tables.spark, f"{tables.config.schema_name}.{TABLE}", by_path=False)
    root = tables.root.rstrip("/")
    if split_s3(root):
        from leastpack.tables.lease_s3 import ObjectPlace

        return ObjectPlace(f"{root}/{FOLDER}/lease.json")
    here = local_path(root)
    if here is not None:
        return FolderPlace(here / FOLDER)
    return TablePlace(tables.spark, f"{root}/{TABLE}", by_path=True)


@contextmanager
def leased(tables: Tables, step: str, run_id: str) -> Iterator[Writer]:
    """Hold the lease of the tables; what is written through them meanwhile carries its epoch.

    Raises:
        WriterError: Another run holds it.
    """
    with writing(place_of(tables), step, run_id, tables.config.lease_seconds) as writer:
        tables.writer = writer
        try:
            yield writer
        finally:
            tables.writer = None
