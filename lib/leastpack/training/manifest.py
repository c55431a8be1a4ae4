"""What a snapshot holds: written last, so that a snapshot without it is no snapshot."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow.fs as pafs

from leastpack.errors import InputError
from leastpack.files import is_file, read_bytes, write_bytes
from leastpack.model.spec import ModelSpec

MANIFEST = "manifest.json"
FORMAT_VERSION = 2


@dataclass(frozen=True)
class PartFile:
    """One Parquet file of a snapshot.

    Attributes:
        part: The part it belongs to: a phase, or a split.
        number: Its place in the part.
        path: Path inside the snapshot.
        products: Rows.
        pairs: Pairs of all rows.
        digest: SHA-256 of the file.
    """

    part: str
    number: int
    path: str
    products: int
    pairs: int
    digest: str


@dataclass(frozen=True)
class RowGroup:
    """One row group of a snapshot's file.

    Attributes:
        file: The file.
        place: Its place in the file.
        products: Rows.
    """

    file: PartFile
    place: int
    products: int


@dataclass(frozen=True)
class Manifest:
    """A whole snapshot.

    Attributes:
        fingerprint: Digest of everything the training follows from.
        versions: Pinned Delta versions of the tables it was made from.
        group_rows: Products of every row group but the last one of a file, which may have fewer.
        packages: `marketplace/package_type` by the number a pair carries.
        profiles: Their protection profiles.
        spec: The model that is trained on it.
        files: All files, by part and number.
    """

    fingerprint: str
    versions: Mapping[str, int]
    group_rows: int
    packages: tuple[str, ...]
    profiles: tuple[tuple[float, ...], ...]
    spec: ModelSpec
    files: tuple[PartFile, ...]

    def part(self, name: str) -> list[PartFile]:
        """The files of a part, in order; empty where the part has no rows."""
        return sorted((file for file in self.files if file.part == name), key=lambda file: file.number)

    def products(self, name: str) -> int:
        """Products of a part."""
        return sum(file.products for file in self.part(name))

    def pairs(self, name: str) -> int:
        """Pairs of a part."""
        return sum(file.pairs for file in self.part(name))

    def groups(self, name: str) -> list[RowGroup]:
        """Row groups of a part, in order."""
        return [
            RowGroup(file, place, min(self.group_rows, file.products - place * self.group_rows))
            for file in self.part(name)
            for place in range(math.ceil(file.products / self.group_rows))
        ]

    def steps(self, name: str, lanes: int, size: int) -> int:
        """Micro-batches of `size` products that the longest lane has; lane l has groups l, l + lanes, ... of a part."""
        groups = self.groups(name)
        products = [sum(group.products for group in groups[lane::lanes]) for lane in range(lanes)]
        return max(math.ceil(count / size) for count in products)

    @property
    def digest(self) -> str:
        """SHA-256 of the content of all files, in order: equal for equal rows, whatever the paths."""
        ordered = sorted(self.files, key=lambda file: (file.part, file.number))
        content = [[file.part, file.number, file.products, file.pairs, file.digest] for file in ordered]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()

    def write(self, files: pafs.FileSystem) -> None:
        """Write the manifest into the snapshot's folder: from here on the snapshot is whole."""
        content: dict[str, Any] = {
            "format_version": FORMAT_VERSION,
            "fingerprint": self.fingerprint,
            "versions": dict(self.versions),
            "group_rows": self.group_rows,
            "packages": list(self.packages),
            "profiles": [list(profile) for profile in self.profiles],
            "spec": self.spec.to_json(),
            "files": [dataclasses.asdict(file) for file in self.files],
            "digest": self.digest,
        }
        write_bytes(files, MANIFEST, json.dumps(content, indent=1, sort_keys=True).encode())


def read_manifest(files: pafs.FileSystem, place: str) -> Manifest:
    """Read a snapshot's manifest.

    Args:
        files: File system with the snapshot's folder as its root.
        place: Where that is, for the message.

    Raises:
        InputError: There is none, or another version of leastpack wrote it.
    """
    if not is_file(files, MANIFEST):
        raise InputError(
            f"there is no training snapshot at {place}",
            expected=f"a folder with {MANIFEST}",
            todo="set training.snapshot to storage that the driver and all executors see",
        )
    content = json.loads(read_bytes(files, MANIFEST))
    if content.get("format_version") != FORMAT_VERSION:
        raise InputError(
            f"the training snapshot at {place} was written by another version of leastpack",
            expected=f"format_version {FORMAT_VERSION}",
            found=str(content.get("format_version")),
            todo="delete the folder; train writes it anew",
        )
    return Manifest(
        fingerprint=content["fingerprint"],
        versions=content["versions"],
        group_rows=content["group_rows"],
        packages=tuple(content["packages"]),
        profiles=tuple(tuple(profile) for profile in content["profiles"]),
        spec=ModelSpec.from_json(content["spec"]),
        files=tuple(PartFile(**file) for file in content["files"]),
    )
