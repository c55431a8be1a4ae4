"""The guarded reader on a real petastorm."""

from __future__ import annotations

import builtins
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from tests.unit.training import small

from leastpack.errors import InputError, PromiseError
from leastpack.files import open_folder
from leastpack.training.manifest import read_manifest
from leastpack.training.reader import PartReader
from leastpack.training.rows import unpack


def reader(folder: Path, part: str = "full", rank: int = 0, size: int = 1) -> PartReader:
    files = open_folder(str(folder))
    return PartReader(files, read_manifest(files, str(folder)), part, rank, size)


def test_what_was_written_is_read_in_order_with_padding_that_counts_for_nothing(tmp_path: Path) -> None:
    manifest = small.write_snapshot(tmp_path)
    table = small.placed(75, 1)
    batches = list(reader(tmp_path).epoch())
    assert [number for number, _ in batches] == list(range(manifest.groups("full")))
    real = np.concatenate([batch.columns["weight"] > 0 for _, batch in batches])
    keys = np.concatenate([batch.columns["key"] for _, batch in batches])
    assert keys[real].tolist() == table["key"].to_pylist()
    padding = np.concatenate([batch.columns["eligible"] | (batch.columns["n"] > 0) for _, batch in batches])[~real]
    assert len(padding) == manifest.groups("full") * small.MICRO_BATCH - 75
    assert not padding.any()


def test_features_come_back_exactly(tmp_path: Path) -> None:
    small.write_snapshot(tmp_path, {"full": 8}, step_groups=1)
    wanted = small.features(8, 0)
    [(_, batch)] = list(reader(tmp_path).epoch())
    got = batch.features
    assert (got.text[got.text_present] == wanted.text[wanted.text_present]).all()
    assert (got.text_present == wanted.text_present).all()
    assert (got.images[got.image_mask] == wanted.images[wanted.image_mask]).all()
    for name in ("ngram_ids", "ngram_offsets", "numeric", "marketplace"):
        assert (getattr(got, name) == getattr(wanted, name)).all(), name
    assert batch.profile.tolist() == [[pytest.approx(x) for x in small.PACKAGES[1 - i % 2].profile] for i in range(8)]
    bag = np.array([i % 2 == 1 for i in range(8)])
    assert (batch.columns["void"][bag] == 0).all()
    assert (batch.columns["void"][~bag] > 0).all()


@pytest.mark.parametrize("size", [1, 2])
def test_p4_processes_share_the_groups_and_take_equally_many(tmp_path: Path, size: int) -> None:
    manifest = small.write_snapshot(tmp_path)
    shares = [[number for number, _ in reader(tmp_path, rank=rank, size=size).epoch()] for rank in range(size)]
    for rank, share in enumerate(shares):
        assert share == list(range(rank, manifest.groups("full"), size))
    assert len({len(share) for share in shares}) == 1


def test_a_file_that_lost_rows_after_it_was_written_stops_the_run(tmp_path: Path) -> None:
    manifest = small.write_snapshot(tmp_path)
    path = tmp_path / manifest.part("full")[1].path
    pq.write_table(pq.read_table(path).slice(0, 20), path, row_group_size=small.MICRO_BATCH)
    with pytest.raises(PromiseError, match=r"full/1\.parquet is not what was written"):
        reader(tmp_path)


def test_rows_that_go_missing_between_two_epochs_stop_the_run(tmp_path: Path) -> None:
    manifest = small.write_snapshot(tmp_path, {"full": 16}, step_groups=1)
    open_reader = reader(tmp_path)
    assert len(list(open_reader.epoch())) == 2
    path = tmp_path / manifest.files[0].path
    table = pq.read_table(path)
    with pq.ParquetWriter(path, table.schema) as writer:
        writer.write_table(table.slice(0, 8))
        writer.write_table(table.slice(8, 5))
    with pytest.raises(PromiseError) as caught:
        list(open_reader.epoch())
    assert "data/full/0.parquet" in str(caught.value)
    assert "expected: 16 rows" in str(caught.value)
    assert "found:    13 rows" in str(caught.value)


def test_row_groups_in_another_order_stop_the_run(tmp_path: Path) -> None:
    manifest = small.write_snapshot(tmp_path, {"full": 16}, step_groups=1)
    path = tmp_path / manifest.files[0].path
    table = pq.read_table(path)
    with pq.ParquetWriter(path, table.schema) as writer:
        writer.write_table(table.slice(8, 8))
        writer.write_table(table.slice(0, 8))
    with pytest.raises(PromiseError, match="out of order"):
        list(reader(tmp_path).epoch())


def test_a_file_that_cannot_be_seen_is_named(tmp_path: Path) -> None:
    manifest = small.write_snapshot(tmp_path)
    (tmp_path / manifest.part("full")[0].path).unlink()
    with pytest.raises(InputError, match=r"full/0\.parquet cannot be seen") as caught:
        reader(tmp_path)
    assert "training.snapshot" in str(caught.value)


def test_a_folder_without_manifest_is_no_snapshot(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no training snapshot"):
        read_manifest(open_folder(str(tmp_path)), str(tmp_path))
    small.write_snapshot(tmp_path)
    content = json.loads((tmp_path / "manifest.json").read_text())
    (tmp_path / "manifest.json").write_text(json.dumps({**content, "format_version": 99}))
    with pytest.raises(InputError, match="another version"):
        read_manifest(open_folder(str(tmp_path)), str(tmp_path))


def test_without_petastorm_the_message_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small.write_snapshot(tmp_path)
    real_import = builtins.__import__

    def without(name: str, *args: object, **kwargs: object) -> object:
        if name.startswith("petastorm"):
            raise ImportError("No module named 'petastorm'")
        return real_import(name, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(InputError, match=r"leastpack\[train\]"):
        reader(tmp_path)


def test_petastorms_warnings_are_not_shown(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    small.write_snapshot(tmp_path)
    list(reader(tmp_path).epoch())
    assert [warning for warning in recwarn if warning.category is FutureWarning] == []


def test_an_empty_row_unpacks_to_absence(tmp_path: Path) -> None:
    small.write_snapshot(tmp_path, {"full": 1}, step_groups=1)
    [(_, batch)] = list(reader(tmp_path).epoch())
    padding = slice(1, None)
    assert not batch.features.text_present[padding].any()
    assert not batch.features.image_mask[padding].any()
    columns = {name: np.zeros(0, dtype=object) for name in ("text", "images", "ngrams", "numeric", "profile")}
    rest = {name: batch.columns[name][:0] for name in batch.columns}
    assert len(unpack({**rest, **columns, "market": np.zeros(0, dtype=np.int32)}, small.SPEC)) == 0
