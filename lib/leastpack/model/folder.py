"""Where a model directory's files are: on a disk, or in an object store.

A disk replaces a folder in one rename. A store cannot: it replaces one object at a time. There every model goes into a
folder of its own that nothing writes to again, and `model.json` at the top, written last, names it, so a reader sees
the earlier model whole or the new one whole. That folder is an ordinary model directory. A model directory copied whole
from the one kind of place to the other is read as it lies: `model.json` names a folder, or none.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
import uuid
from collections.abc import Mapping
from pathlib import Path

import pyarrow.fs as pafs

from leastpack.errors import ModelError
from leastpack.files import delete_folder, is_file, names_in, open_folder, read_bytes, write_bytes
from leastpack.locations import local_path

DESCRIPTION = "model.json"
VERSIONS, FOLDER = "versions", "folder"
_VERSION = re.compile(rf"{VERSIONS}/[0-9a-f]{{32}}")
KEY = "model.directory"


def open_model(directory: str | Path) -> pafs.FileSystem:
    """A file system that has the files of the model that is in force at its root; empty where there is none.

    Args:
        directory: Path or URI; what is written to it later does not change what has been opened in a store.

    Raises:
        ConfigError: No file system knows the URI.
        ModelError: The store cannot be reached, or names a folder that is none of a model.
    """
    here = local_path(str(directory))
    files = open_folder(str(here.absolute() if here is not None else directory), KEY)
    try:
        folder = _folder_in_force(files)
    except OSError as error:
        raise ModelError(f"model directory {directory} cannot be read: {error}", todo="check its rights") from None
    if folder is None:
        return files
    if not _VERSION.fullmatch(folder):
        raise ModelError(
            f"model directory {directory}: {DESCRIPTION} names a folder that is none of a model",
            expected=f"{VERSIONS}/ and 32 hexadecimal digits",
            found=folder,
            todo="train a model, or copy the whole directory",
        )
    return pafs.SubTreeFileSystem(folder, files)


def put_model(directory: str | Path, content: Mapping[str, bytes]) -> None:
    """Put a model's files in the place of an earlier one's, as a whole.

    Args:
        directory: Path or URI.
        content: Files by name; one is `model.json`, a JSON object.

    Raises:
        ConfigError: No file system knows the URI.
    """
    here = local_path(str(directory))
    if here is not None:
        _put_on_disk(here, content)
    else:
        _put_in_store(open_folder(str(directory), KEY), content)


def _put_in_store(files: pafs.FileSystem, content: Mapping[str, bytes]) -> None:
    """Earlier models go, but for the last, which may be being read."""
    before, fresh = _folder_in_force(files), f"{VERSIONS}/{uuid.uuid4().hex}"
    for name, data in content.items():
        write_bytes(files, f"{fresh}/{name}", data)
    description = {**json.loads(content[DESCRIPTION]), FOLDER: fresh}
    write_bytes(files, DESCRIPTION, (json.dumps(description, indent=2, sort_keys=True) + "\n").encode())
    for name in names_in(files, VERSIONS):
        if f"{VERSIONS}/{name}" not in (before, fresh):
            delete_folder(files, f"{VERSIONS}/{name}")


def _put_on_disk(target: Path, files: Mapping[str, bytes]) -> None:
    """Write the files into a new folder beside the target, then put that in the target's place."""
    target.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    fresh, old = staging / "fresh", staging / "old"
    try:
        fresh.mkdir()
        for name, content in files.items():
            with (fresh / name).open("wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
        if target.exists():
            target.rename(old)
        try:
            fresh.rename(target)
        except OSError:
            if old.exists():
                old.rename(target)
            raise
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _folder_in_force(files: pafs.FileSystem) -> str | None:
    if not is_file(files, DESCRIPTION):
        return None
    try:
        content = json.loads(read_bytes(files, DESCRIPTION))
    except ValueError:  # whoever reads the model says so
        return None
    folder = content.get(FOLDER) if isinstance(content, dict) else None
    return None if folder is None else str(folder)
