"""Which image URIs may be read: local files under listed folders, objects of listed buckets, nothing else."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from leastpack.config.encoders import FetchConfig
from leastpack.encoders.codes import ContentError
from leastpack.locations import local_path, scheme_of
from leastpack.s3 import SCHEMES, split_s3


@dataclass(frozen=True)
class LocalFile:
    """A file under an allowed root: its real path, all symbolic links resolved."""

    path: str


@dataclass(frozen=True)
class S3Object:
    """An object in an allowed bucket."""

    bucket: str
    key: str


@dataclass(frozen=True)
class AllowList:
    """The declared places.

    Attributes:
        roots: Absolute folders.
        buckets: Bucket names.
        base: Absolute folder that relative paths start from.
    """

    roots: tuple[str, ...]
    buckets: frozenset[str]
    base: str

    @staticmethod
    def here(config: FetchConfig) -> AllowList:
        """The list of a config, relative folders taken from this process's working folder.

        The driver calls it, because executors have working folders of their own.
        """
        base = Path.cwd()
        return AllowList(tuple(str(base / root) for root in config.roots), frozenset(config.buckets), str(base))

    def check(self, uri: str) -> LocalFile | S3Object:
        """Resolve a URI.

        `file:///a%20b` is decoded as a URI; `file:/a b`, the way Hadoop prints a path, and plain paths are taken as
        they stand.

        Raises:
            ContentError: URI_NOT_ALLOWED.
        """
        scheme = scheme_of(uri)
        if scheme in SCHEMES:
            return self._s3(uri)
        path = local_path(uri)
        if path is None or not uri:
            raise ContentError("URI_NOT_ALLOWED", f"scheme {scheme!r}")
        return self._local(path)

    def _s3(self, uri: str) -> S3Object:
        parts = split_s3(uri)
        if parts is None or parts[0] not in self.buckets or not parts[1]:
            raise ContentError("URI_NOT_ALLOWED", "bucket is not listed")
        return S3Object(*parts)

    def _local(self, path: Path) -> LocalFile:
        try:
            real = os.path.realpath(Path(self.base) / path)
        except (ValueError, OSError) as error:  # a null byte, a loop of links
            raise ContentError("URI_NOT_ALLOWED", str(error)) from None
        self.check_inside(real)
        return LocalFile(real)

    def check_inside(self, real: str) -> None:
        """See to it that a real path lies in a root.

        Raises:
            ContentError: URI_NOT_ALLOWED.
        """
        if not any(Path(real).is_relative_to(os.path.realpath(root)) for root in self.roots):
            raise ContentError("URI_NOT_ALLOWED", "path is outside the roots")
