"""The Delta tables: schemas, names, writers. The one place that knows Delta."""

from leastpack.tables.store import Tables

__all__ = ["Tables"]
