"""Where an open file really is, whatever has become of the path that it was opened by."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def real_path(handle: int, path: str) -> str | None:
    """The real path of an open file; None if it cannot be told.

    Linux and macOS know it. Elsewhere it is the path's own, as long as the same file is there still.

    Args:
        handle: The open file.
        path: What it was opened by.
    """
    try:
        if sys.platform == "darwin":
            import fcntl

            return os.fsdecode(fcntl.fcntl(handle, fcntl.F_GETPATH, bytes(1024)).rstrip(b"\0"))
        return str(Path(f"/proc/self/fd/{handle}").readlink())
    except OSError:
        return _path_of_same_file(handle, path)


def _path_of_same_file(handle: int, path: str) -> str | None:
    real = os.path.realpath(path)
    try:
        return real if os.path.samestat(Path(real).stat(), os.fstat(handle)) else None
    except OSError:
        return None
