"""Whether a location is on this machine's file system or in a store of its own."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

# What pyarrow opens beside local paths; Spark may read and write more.
STORES = frozenset({"s3", "s3a", "s3n", "gs", "gcs", "hdfs", "viewfs"})
SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")


def scheme_of(location: str) -> str | None:
    """Scheme of a URI in lower case (`s3a`, `dbfs`, `file`); None for a plain path, absolute or relative."""
    found = SCHEME.match(location.split("/", 1)[0])
    return found.group(1).lower() if found else None


def local_path(location: str) -> Path | None:
    """The path of a plain path or of a `file:` URI; None where the location is in another store or on another host."""
    scheme = scheme_of(location)
    if scheme is None:
        return Path(location)
    if scheme != "file":
        return None
    rest = location.partition(":")[2]
    # `file:///a%20b` is a URI; `file:/a b` is how Hadoop prints a path, taken as it stands.
    if not rest.startswith("//"):
        return Path(rest)
    host, slash, path = rest[2:].partition("/")
    return Path(unquote(slash + path)) if host in ("", "localhost") else None


def absolute(location: str) -> str:
    """A URI as it stands, or an absolute path: relative ones start at this process's working directory."""
    return location if scheme_of(location) is not None else str(Path(location).resolve())
