"""Reads a part of the snapshot with petastorm: in order, one shard a process, every row counted.

petastorm 0.12.1 keeps the order of row groups with shuffling off and exactly one reading thread (two or more return
them as they finish), and shards by `index % shard_count`, so process r of N gets the groups r, r + N, ...
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from leastpack.errors import InputError, PromiseError
from leastpack.training.manifest import Manifest
from leastpack.training.rows import Batch, unpack

READ_AHEAD = 4  # micro-batches decoded before they are asked for


class PartReader:
    """One process's share of a part, epoch after epoch.

    Args:
        files: File system with the snapshot's folder as its root.
        manifest: The snapshot.
        part: Part to read; it must have rows.
        rank: This process.
        size: Number of processes.

    Raises:
        InputError: petastorm is not installed, or a file is not visible from here.
        PromiseError: A file's own metadata differ from the manifest.
    """

    def __init__(self, files: pafs.FileSystem, manifest: Manifest, part: str, rank: int = 0, size: int = 1) -> None:
        self._open = _opener(files)
        self._manifest = manifest
        self._files = manifest.part(part)
        self._shard = (rank, size)
        self.part = part
        starts = np.cumsum([0, *(file.groups for file in self._files)])
        self._places = [
            (file, group, int(start) + group)
            for file, start in zip(self._files, starts, strict=False)
            for group in range(file.groups)
            if (int(start) + group) % size == rank
        ]
        self._expected = self._count_in_metadata(files)

    @property
    def groups(self) -> int:
        """Micro-batches of one epoch in this process."""
        return len(self._places)

    def epoch(self) -> Iterator[tuple[int, Batch]]:
        """All micro-batches of this process, in order, each with its number in the part.

        Raises:
            PromiseError: A group is out of order, or the rows read differ from what the Parquet metadata say.
        """
        found: dict[str, int] = dict.fromkeys(self._expected, 0)
        with self._open([file.path for file in self._files], *self._shard) as batches:
            for place, columns in enumerate(batches):
                rows: dict[str, npt.NDArray[Any]] = columns._asdict()
                file, group, number = self._expected_place(place, rows)
                found[file] += len(rows["row"])
                self._check_order(file, group, rows)
                yield number, unpack(rows, self._manifest.spec)
        self._check_counts(found)

    def _count_in_metadata(self, files: pafs.FileSystem) -> dict[str, int]:
        expected: dict[str, int] = {}
        for file in self._files:
            try:
                metadata = pq.read_metadata(file.path, filesystem=files)
            except FileNotFoundError:
                raise InputError(
                    f"snapshot file {file.path} cannot be seen from process {self._shard[0]}",
                    todo="set training.snapshot to storage that the driver and all executors see",
                ) from None
            sizes = [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
            if sizes != [self._manifest.micro_batch] * file.groups:
                raise PromiseError(
                    f"snapshot file {file.path} is not what was written",
                    expected=f"{file.groups} row groups of {self._manifest.micro_batch} rows",
                    found=f"{len(sizes)} row groups, {sum(sizes)} rows",
                    todo="delete the snapshot's folder; train writes it anew",
                )
            own = [group for f, group, _ in self._places if f is file]
            expected[file.path] = sum(sizes[group] for group in own)
        return expected

    def _expected_place(self, place: int, rows: dict[str, npt.NDArray[Any]]) -> tuple[str, int, int]:
        if place >= len(self._places):
            raise PromiseError(
                f"part {self.part} of the snapshot gave more row groups than it has",
                expected=str(len(self._places)),
                found=f"one more, of {len(rows['row'])} rows",
            )
        file, group, number = self._places[place]
        if len(rows["file"]) and int(rows["file"][0]) != file.number:
            raise self._out_of_order(file.path, group, rows)
        return file.path, group, number

    def _check_order(self, file: str, group: int, rows: dict[str, npt.NDArray[Any]]) -> None:
        in_order = (rows["group"] == group).all() and (rows["row"] == np.arange(len(rows["row"]))).all()
        if not in_order:
            raise self._out_of_order(file, group, rows)

    def _out_of_order(self, file: str, group: int, rows: dict[str, npt.NDArray[Any]]) -> PromiseError:
        return PromiseError(
            f"rows of snapshot file {file} came out of order",
            expected=f"row group {group}, rows from 0",
            found=f"file {rows['file'][:1]}, row group {rows['group'][:1]}, rows from {rows['row'][:1]}",
        )

    def _check_counts(self, found: dict[str, int]) -> None:
        for file, expected in self._expected.items():
            if found[file] != expected:
                raise PromiseError(
                    f"rows of snapshot file {file} went missing while it was read",
                    expected=f"{expected} rows, by its Parquet metadata",
                    found=f"{found[file]} rows",
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


def _opener(files: pafs.FileSystem) -> Callable[[list[str], int, int], Any]:
    """A function that opens petastorm's reader on some files of the snapshot, for one shard of several."""
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

    def open_reader(paths: list[str], rank: int, size: int) -> Any:
        return make_batch_reader(
            [f"file:///{path}" for path in paths],
            reader_pool_type="thread",
            workers_count=1,
            results_queue_size=READ_AHEAD,
            shuffle_row_groups=False,
            num_epochs=1,
            cur_shard=rank,
            shard_count=size,
            filesystem=Rooted(),
        )

    return open_reader
