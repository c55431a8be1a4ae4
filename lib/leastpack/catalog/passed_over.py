"""Files that Spark passes over because their names begin with `_` or `.`: photos among them are read, others told of.

Cameras name photos `_DSC0001.jpg`. Spark has no option to see them, so that the folder is listed once more here.
"""

from __future__ import annotations

import datetime
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from leastpack.catalog.reader_options import is_on, option
from leastpack.locations import local_path, scheme_of
from leastpack.s3 import s3_client, split_s3

# Signs, logs and leftovers of writers and operating systems; nobody's data.
_NO_DATA = re.compile(
    r"(^|/)(_SUCCESS|_committed_[^/]*|_started_[^/]*|_metadata|_common_metadata|_delta_log|_temporary|_spark_metadata"
    r"|__MACOSX|\._[^/]*|\.DS_Store|\.git|\.Trash[^/]*|[^/]*\.crc|\.~lock[^/]*|\.sparkStaging[^/]*)(/|$)"
)
_HIDDEN = re.compile(r"(^|/)([.]|_(?![^/]*=))[^/]*")
_WILD = re.compile(r"[*?\[{]")
_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Listed:
    """A file as `binaryFile` lists it.

    Attributes:
        path: Its whole path, as Spark prints it.
        length: Bytes.
        modified: When it was last written, in UTC.
    """

    path: str
    length: int
    modified: datetime.datetime


def passed_over(path: str, options: Mapping[str, str]) -> Iterator[Listed]:
    """Files below a path that Spark passes over and that may be data.

    Args:
        path: File, folder or glob, whole: local, or on S3. Other stores are not looked into.
        options: Of the reader; `pathGlobFilter`, `recursiveFileLookup`, `modifiedBefore` and `modifiedAfter` hold.
    """
    root, inside = _split_glob(path)
    wanted = re.compile(glob_pattern(name)) if (name := option(options, "pathGlobFilter")) else None
    deep = is_on(options, "recursiveFileLookup")
    for listed, below in _files(root):
        if not _HIDDEN.search(below) or _NO_DATA.search(below):
            continue
        rest = inside.match(below)
        if rest is None or (not deep and "/" in below[rest.end() :].strip("/")):
            continue
        name = below.rpartition("/")[2]
        if (wanted is None or wanted.fullmatch(name)) and _in_time(listed.modified, options):
            yield listed


def glob_pattern(glob: str) -> str:
    """A glob of Hadoop as a regular expression: `*`, `?`, `[ab]`, `[^a]`, `{a,b}`; none of them crosses a slash."""
    pattern, depth, place = "", 0, 0
    while place < len(glob):
        sign = glob[place]
        end = glob.find("]", place + 2) if sign == "[" else -1
        if sign == "\\" and place + 1 < len(glob):
            place += 1
            pattern += re.escape(glob[place])
        elif end > 0:
            pattern += "[" + glob[place + 1 : end].replace("\\", r"\\") + "]"
            place = end
        elif sign in "{}" or (sign == "," and depth):
            depth += {"{": 1, "}": -1, ",": 0}[sign]
            pattern += {"{": "(?:", "}": ")", ",": "|"}[sign]
        else:
            pattern += {"*": "[^/]*", "?": "[^/]"}.get(sign, re.escape(sign))
        place += 1
    return pattern


def _split_glob(path: str) -> tuple[str, re.Pattern[str]]:
    """The folder above the first wildcard, and what must stand below it."""
    wild = _WILD.search(path)
    if wild is None:
        return path, re.compile("")
    root, _, glob = path[: wild.start()].rpartition("/")
    return root, re.compile(glob_pattern(glob + path[wild.start() :]) + r"(?=/|$)")


def _files(root: str) -> Iterator[tuple[Listed, str]]:
    """All files below a folder, each with its path inside of it; the file itself where it is none."""
    if (place := split_s3(root)) is not None:
        yield from _s3_files(root, *place)
    elif (folder := local_path(root)) is not None and folder.is_dir():
        for above, _, names in os.walk(folder):
            for name in names:
                file = Path(above) / name
                told = file.stat()
                modified = datetime.datetime.fromtimestamp(told.st_mtime, datetime.UTC)
                yield Listed(f"file:{file}", told.st_size, modified), str(file.relative_to(folder))


def _s3_files(root: str, bucket: str, key: str) -> Iterator[tuple[Listed, str]]:
    prefix = f"{key.rstrip('/')}/" if key else ""
    client = s3_client(None, _TIMEOUT_S, 1)
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for found in page.get("Contents", ()):
            name = found["Key"]
            if not name.endswith("/"):
                listed = Listed(f"{scheme_of(root)}://{bucket}/{name}", found["Size"], found["LastModified"])
                yield listed, name[len(prefix) :]


def _in_time(modified: datetime.datetime, options: Mapping[str, str]) -> bool:
    before, after = option(options, "modifiedBefore"), option(options, "modifiedAfter")
    return (before is None or modified < _time(before)) and (after is None or modified > _time(after))


def _time(text: str) -> datetime.datetime:
    found = datetime.datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=datetime.UTC)
