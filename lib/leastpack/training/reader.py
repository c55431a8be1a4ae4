"""Reads a part of the snapshot with petastorm: every row group whole and once.

petastorm 0.12.1 shards by `index % shard_count`, and gives row groups in order, or in an order that follows from a
seed alone, with exactly one reading thread (two or more return them as they finish).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from leastpack.errors import InputError, PromiseError
from leastpack.training.draws import seed_of
from leastpack.training.manifest import Manifest, RowGroup
from leastpack.training.pool import drawn
from leastpack.training.rows import Batch, Rows, unpack

READ_AHEAD = 4  # row groups decoded before they are asked for
SEEDS = 2**32  # petastorm takes a seed below this


class PartReader:
    """A part of a snapshot, epoch after epoch.

    Args:
        files: File system with the snapshot's folder as its root.
        manifest: The snapshot.
        part: Part to read; it must have rows.

    Raises:
        InputError: petastorm is not installed, or a file is not visible from here.
        PromiseError: A file's own metadata differ from the manifest.
    """

    def __init__(self, files: pafs.FileSystem, manifest: Manifest, part: str) -> None:
        self._open = _opener(files)
        self._manifest = manifest
        self._profiles = np.array(manifest.profiles, dtype=np.float32)
        self.part = part
        self._groups = manifest.groups(part)
        self._check_metadata(files)

    def in_order(self, shard: int = 0, shards: int = 1) -> Iterator[Batch]:
        """The row groups `shard`, `shard + shards`, ... as they are stored.

        Raises:
            PromiseError: What was read is not what the Parquet metadata say.
        """
        for rows in self._read(shard, shards, None):
            yield self._unpack(rows)

    def drawn(self, lane: int, lanes: int, size: int, *salts: int | str) -> Iterator[Batch]:
        """The rows of the groups `lane`, `lane + lanes`, ... in micro-batches of `size`, drawn anew under the salts.

        A lane's micro-batches depend on nothing outside it, and so not on the process that reads it.

        Raises:
            PromiseError: What was read is not what the Parquet metadata say.
        """
        groups = self._read(lane, lanes, seed_of("groups", *salts) % SEEDS)
        for rows in drawn(groups, size, "rows", *salts):
            yield self._unpack(rows)

    def _unpack(self, rows: Rows) -> Batch:
        return unpack(rows, self._manifest.spec, self._profiles)

    def _read(self, shard: int, shards: int, seed: int | None) -> Iterator[Rows]:
        due = {(group.file.number, group.place): group for group in self._groups[shard::shards]}
        if not due:
            return
        paths = [file.path for file in self._manifest.part(self.part)]
        # petastorm refuses more shards than there are row groups; those with one are the same ones.
        with self._open(paths, shard, min(shards, len(self._groups)), seed) as batches:
            for columns in batches:
                rows: Rows = columns._asdict()
                self._account(rows, due)
                yield rows
        if due:
            group = next(iter(due.values()))
            raise PromiseError(
                f"row groups of snapshot file {group.file.path} went missing while it was read",
                expected=f"row group {group.place}, of {group.products} products, and {len(due) - 1} more of this part",
                found="none of them",
            )

    def _account(self, rows: Rows, due: dict[tuple[int, int], RowGroup]) -> None:
        """Take a row group off those that are due.

        Raises:
            PromiseError: It is not due, or not whole.
        """
        file, place = int(rows["file"][0]), int(rows["group"][0])
        group = due.pop((file, place), None)
        if group is None:
            raise PromiseError(
                f"a row group of part {self.part} of the snapshot came twice, or to a reader it is not meant for",
                expected=f"one of {len(due)} row groups that are still to come",
                found=f"row group {place} of file {file}",
                todo="delete the snapshot's folder; train writes it anew",
            )
        whole = (rows["file"] == file).all() and (rows["group"] == place).all()
        if len(rows["key"]) != group.products or not whole:
            raise PromiseError(
                f"rows of snapshot file {group.file.path} went missing or were mixed up while it was read",
                expected=f"{group.products} rows of row group {place}, by its Parquet metadata",
                found=f"{len(rows['key'])} rows",
            )

    def _check_metadata(self, files: pafs.FileSystem) -> None:
        for file in self._manifest.part(self.part):
            try:
                metadata = pq.read_metadata(file.path, filesystem=files)
            except FileNotFoundError:
                raise InputError(
                    f"snapshot file {file.path} cannot be seen from here",
                    todo="set training.snapshot to storage that the driver and all executors see",
                ) from None
            found = [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
            expected = [group.products for group in self._groups if group.file is file]
            if found != expected:
                raise PromiseError(
                    f"snapshot file {file.path} is not what was written",
                    expected=f"{len(expected)} row groups, {file.products} rows",
                    found=f"{len(found)} row groups, {sum(found)} rows",
                    todo="delete the snapshot's folder; train writes it anew",
                )


def require_petastorm() -> tuple[Any, Any]:
    """petastorm's `make_batch_reader`, and the former file system interface of pyarrow that it takes.

    Raises:
        InputError: petastorm is not installed.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            warnings.simplefilter("ignore", DeprecationWarning)
            from petastorm import make_batch_reader
            from pyarrow.filesystem import FileSystem
    except ImportError as error:
        raise InputError(
            f"the train step reads with petastorm, which cannot be imported here ({error})",
            expected="petastorm 0.12.1 on the driver and on every executor",
            todo="install the extra: pip install 'leastpack[train]'",
        ) from None
    # petastorm 0.12.1 speaks pyarrow's former interfaces and warns at every call, from threads of its own.
    warnings.filterwarnings("ignore", category=FutureWarning, module="petastorm")
    return make_batch_reader, FileSystem


def _opener(files: pafs.FileSystem) -> Callable[[list[str], int, int, int | None], Any]:
    """A function that opens petastorm's reader on some files of the snapshot, for one shard of several.

    With a seed the row groups come in the order that follows from it, else as they are stored.
    """
    make_batch_reader, former = require_petastorm()

    class Rooted(former):  # type: ignore[misc,valid-type]
        """The snapshot's folder behind the former interface."""

        pathsep = "/"

        def open(self, path: str, mode: str = "rb") -> Any:
            return files.open_input_file(path.lstrip("/"))

        def isdir(self, path: str) -> bool:
            return False

        def isfile(self, path: str) -> bool:
            return bool(files.get_file_info(path.lstrip("/")).is_file)

    def open_reader(paths: list[str], shard: int, shards: int, seed: int | None) -> Any:
        return make_batch_reader(
            [f"file:///{path}" for path in paths],
            reader_pool_type="thread",
            workers_count=1,
            results_queue_size=READ_AHEAD,
            shuffle_row_groups=seed is not None,
            seed=seed,
            num_epochs=1,
            cur_shard=shard,
            shard_count=shards,
            filesystem=Rooted(),
        )

    return open_reader
