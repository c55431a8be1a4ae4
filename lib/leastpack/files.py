"""Files on any file system pyarrow reaches: local, S3, GCS, HDFS."""

from __future__ import annotations

import re
import tempfile
import uuid
from pathlib import Path

import pyarrow.fs as pafs

from leastpack.errors import ConfigError, InputError
from leastpack.locations import local_path


def open_folder(location: str, key: str = "training.snapshot") -> pafs.SubTreeFileSystem:
    """A file system that has the folder as its root; nothing outside it can be reached.

    Args:
        location: Absolute path or URI; `s3a://` and `s3n://` are read as `s3://`.
        key: The config key that names it, for errors.

    Raises:
        ConfigError: No file system of pyarrow knows the URI.
    """
    here = local_path(location)
    scheme, _, rest = location.partition(":")
    uri = str(here) if here is not None else f"{re.sub('^s3[an]$', 's3', scheme.lower())}:{rest}"
    try:
        files, path = pafs.FileSystem.from_uri(uri)
    except (ValueError, OSError) as error:
        raise ConfigError(
            f"{key} names a place that cannot be opened: {location} ({error})",
            expected="a local path, or a URI that pyarrow.fs knows (s3://, gs://, hdfs://, file://)",
        ) from None
    return pafs.SubTreeFileSystem(path.rstrip("/"), files)


def child(location: str, name: str) -> str:
    """Location of a folder inside a folder; a URI's query, such as an S3 endpoint, stays at the end."""
    base, mark, query = location.partition("?")
    return f"{base.rstrip('/')}/{name}{mark}{query}"


def is_file(files: pafs.FileSystem, path: str) -> bool:
    """Whether there is a file of that name."""
    return bool(files.get_file_info(path).type == pafs.FileType.File)


def read_bytes(files: pafs.FileSystem, path: str) -> bytes:
    """A whole file."""
    with files.open_input_file(path) as stream:
        content: bytes = stream.read()
    return content


def write_bytes(files: pafs.FileSystem, path: str, content: bytes) -> None:
    """Write a file so that a reader sees all of it or none: object stores do so anyway, elsewhere by a rename."""
    folder = path.rpartition("/")[0]
    if folder:
        files.create_dir(folder, recursive=True)
    whole_at_once = "s3" in _base_type(files) or "gcs" in _base_type(files)
    written = path if whole_at_once else f"{path}.{uuid.uuid4().hex}.tmp"
    with files.open_output_stream(written) as stream:
        stream.write(content)
    if not whole_at_once:
        files.move(written, path)


def put_file(place: str, content: bytes, key: str) -> None:
    """Write a file of any file system as a whole.

    Args:
        place: A path, or a URI of S3 or of another store that pyarrow.fs knows.
        content: What it holds.
        key: The config key or option that names it, for errors.

    Raises:
        ConfigError: No file system knows the URI.
    """
    path = local_path(place)
    if path is None:
        write_bytes(*_in_folder(place, key), content)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as stream:
        stream.write(content)
    Path(stream.name).chmod(0o644)
    Path(stream.name).replace(path)


def has_file(place: str, key: str) -> bool:
    """Whether there is a file; arguments and errors as for `get_file`."""
    path = local_path(place)
    return path.is_file() if path is not None else is_file(*_in_folder(place, key))


def get_file(place: str, key: str) -> bytes:
    """Read a whole file of any file system.

    Args:
        place: A path, or a URI of S3 or of another store that pyarrow.fs knows.
        key: The config key or option that names it, for errors.

    Raises:
        ConfigError: No file system knows the URI.
        InputError: There is no such file.
    """
    if not has_file(place, key):
        raise InputError(f"{key}: there is no file {place}")
    path = local_path(place)
    return path.read_bytes() if path is not None else read_bytes(*_in_folder(place, key))


def _in_folder(place: str, key: str) -> tuple[pafs.FileSystem, str]:
    """A file system with the URI's folder as its root, and the name of the file in it."""
    location, mark, query = place.partition("?")
    folder, _, name = location.rpartition("/")
    return open_folder(f"{folder}{mark}{query}", key), name


def names_in(files: pafs.FileSystem, folder: str) -> list[str]:
    """Names of what the folder holds, sorted; empty where there is no such folder."""
    found = files.get_file_info(pafs.FileSelector(folder, allow_not_found=True))
    return sorted(info.base_name for info in found)


def delete_folder(files: pafs.FileSystem, folder: str) -> None:
    """Delete a folder and what it holds, if it is there."""
    if files.get_file_info(folder).type == pafs.FileType.Directory:
        files.delete_dir(folder)


def _base_type(files: pafs.FileSystem) -> str:
    while isinstance(files, pafs.SubTreeFileSystem):
        files = files.base_fs
    return str(files.type_name)
