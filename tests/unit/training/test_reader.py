"""The guarded reader on a real petastorm."""

from __future__ import annotations

import builtins
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.unit.training import small

from leastpack.errors import InputError, PromiseError
from leastpack.files import open_folder
from leastpack.training.manifest import read_manifest
from leastpack.training.reader import PartReader
from leastpack.training.rows import ROW, unpack


def reader(folder: Path, part: str = "full") -> PartReader:
    files = open_folder(str(folder))
    return PartReader(files, read_manifest(files, str(folder)), part)


def rewrite(path: Path, groups: list[tuple[int, int]]) -> None:
    """Replace a file by row groups cut from it: from which row, how many."""
    table = pq.read_table(path)
    with pq.ParquetWriter(path, table.schema) as writer:
        for start, rows in groups:
            writer.write_table(table.slice(start, rows))


def test_what_was_written_is_read_in_order(tmp_path: Path) -> None:
    manifest = small.write_snapshot(tmp_path)
    table = small.placed(75, 1)
    batches = list(reader(tmp_path).in_order())
    assert [len(batch) for batch in batches] == [8] * 9 + [3] == [group.products for group in manifest.groups("full")]
    assert np.concatenate([batch.keys for batch in batches]).tolist() == table["key"].to_pylist()
    assert sum(len(batch.product) for batch in batches) == manifest.pairs("full") == small.pairs_of(75)


def test_products_and_their_pairs_come_back_exactly(tmp_path: Path) -> None:
    small.write_snapshot(tmp_path, {"full": 8})
    wanted, table = small.features(8, 0), small.placed(8, 0)
    [batch] = list(reader(tmp_path).in_order())
    got = batch.features
    assert (got.text[got.text_present] == wanted.text[wanted.text_present]).all()
    assert (got.text_present == wanted.text_present).all()
    assert (got.images[got.image_mask] == wanted.images[wanted.image_mask]).all()
    for name in ("ngram_ids", "ngram_offsets", "numeric", "marketplace"):
        assert (getattr(got, name) == getattr(wanted, name)).all(), name
    told = [(i, pair) for i, pairs in enumerate(table["pairs"].to_pylist()) for pair in pairs]
    assert batch.product.tolist() == [i for i, _ in told]
    for name in ("target", "weight", "n", "k", "unsafe", "eligible", "less_protective", "audit_weight"):
        assert batch.pairs[name].tolist() == pytest.approx([pair[name] for _, pair in told]), name
    names = [pair["package_type"] for _, pair in told]
    assert [small.PACKAGES[place].package_type for place in batch.pairs["package"]] == names
    profiles = {package.package_type: package.profile for package in small.PACKAGES}
    assert batch.profile.tolist() == [[pytest.approx(x) for x in profiles[name]] for name in names]
    assert (batch.pairs["group_key"] == batch.product // 2).all()
    box = np.array([name == "box" for name in names])
    assert (batch.pairs["void"][box] > 0).all()
    assert (batch.pairs["void"][~box] == 0).all()


@pytest.mark.parametrize("shards", [1, 2, 7, 12])
def test_p4_shards_hold_every_product_once_even_where_there_are_more_of_them_than_row_groups(
    tmp_path: Path, shards: int
) -> None:
    small.write_snapshot(tmp_path)
    wanted = sorted(small.placed(75, 1)["key"].to_pylist())
    opened = reader(tmp_path)
    stored = [batch for shard in range(shards) for batch in opened.in_order(shard, shards)]
    drawn = [batch for lane in range(shards) for batch in opened.drawn(lane, shards, small.MICRO_BATCH, 11, 0)]
    for batches in (stored, drawn):
        assert sorted(key for batch in batches for key in batch.keys.tolist()) == wanted


def test_order_and_batches_are_drawn_anew_each_epoch_and_the_same_again(tmp_path: Path) -> None:
    manifest = small.write_snapshot(tmp_path)
    opened = reader(tmp_path)
    first, again, later = (
        [frozenset(batch.keys.tolist()) for batch in opened.drawn(1, 2, small.MICRO_BATCH, 11, epoch)]
        for epoch in (0, 0, 1)
    )
    assert first == again
    assert set(first).isdisjoint(later)
    assert max(map(len, (first, later))) <= manifest.steps("full", 2, small.MICRO_BATCH)
    stored = [set(batch.keys.tolist()) for batch in opened.in_order(1, 2)]
    assert max(len(one & group) for one in first for group in stored) < small.MICRO_BATCH


def test_a_file_that_lost_rows_after_it_was_written_stops_the_run(tmp_path: Path) -> None:
    manifest = small.write_snapshot(tmp_path)
    path = tmp_path / manifest.part("full")[1].path
    pq.write_table(pq.read_table(path).slice(0, 20), path, row_group_size=small.MICRO_BATCH)
    with pytest.raises(PromiseError, match=r"full/1\.parquet is not what was written"):
        reader(tmp_path)


@pytest.mark.parametrize(
    ("groups", "told"),
    [
        ([(0, 8), (8, 5)], ["rows of snapshot file data/full/0.parquet", "expected: 8 rows of row group 1", "5 rows"]),
        ([(0, 8)], ["row groups of snapshot file data/full/0.parquet", "expected: row group 1, of 8 products"]),
        ([(0, 8), (0, 8)], ["came twice"]),
        ([(0, 4), (8, 4), (4, 4), (12, 4)], ["expected: 8 rows of row group 0", "4 rows"]),
    ],
)
@pytest.mark.parametrize("salts", [(), (11, 0)])
def test_rows_that_go_missing_or_astray_between_two_epochs_stop_the_run(
    tmp_path: Path, groups: list[tuple[int, int]], told: list[str], salts: tuple[int, ...]
) -> None:
    manifest = small.write_snapshot(tmp_path, {"full": 16})
    opened = reader(tmp_path)
    read = (lambda: list(opened.drawn(0, 1, small.MICRO_BATCH, *salts))) if salts else (lambda: list(opened.in_order()))
    assert len(read()) == 2
    rewrite(tmp_path / manifest.files[0].path, groups)
    with pytest.raises(PromiseError) as caught:
        read()
    if not salts:  # in an order drawn anew another row group may come first
        for part in told:
            assert part in str(caught.value)


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
    list(reader(tmp_path).in_order())
    assert [warning for warning in recwarn if warning.category is FutureWarning] == []


def test_no_rows_unpack_to_no_products() -> None:
    columns = {name: np.zeros(0, dtype=object if kind == pa.binary() else np.int64) for name, kind in ROW.items()}
    batch = unpack(columns, small.SPEC, np.zeros((3, 2), dtype=np.float32))
    assert len(batch) == len(batch.product) == len(batch.pairs["weight"]) == len(batch.profile) == 0
