"""The snapshot on an object store, and what file systems do."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.training import small

from leastpack.errors import ConfigError
from leastpack.files import (
    child,
    delete_folder,
    is_file,
    names_in,
    open_folder,
    read_bytes,
    write_bytes,
)
from leastpack.locations import absolute
from leastpack.reporting.write import write_page
from leastpack.training.checkpoint import CHECKPOINT, weights_path
from leastpack.training.loop import Job, fit
from leastpack.training.workers import Alone


def test_a_training_on_an_object_store_ends_as_on_a_disk(tmp_path: Path, bucket: str) -> None:
    small.write_snapshot(tmp_path)
    local, place = open_folder(str(tmp_path)), child(bucket, "abc")
    remote = open_folder(place)
    for path in tmp_path.rglob("*.*"):
        write_bytes(remote, str(path.relative_to(tmp_path)), path.read_bytes())
    on_disk = fit(small.job(tmp_path), Alone())
    job = small.job(tmp_path)
    trained = fit(Job(place, job.config, job.base_rates), Alone())
    assert trained.best_epoch == on_disk.best_epoch
    kept = weights_path(trained.best_epoch)
    assert read_bytes(remote, kept) == read_bytes(local, kept)
    assert is_file(remote, CHECKPOINT)
    root = open_folder(bucket)
    assert names_in(root, "") == ["abc"]
    delete_folder(root, "abc")
    assert names_in(root, "") == []


def test_a_file_is_replaced_whole_and_nothing_else_is_left(tmp_path: Path) -> None:
    files = open_folder(str(tmp_path))
    for content in (b"first", b"second"):
        write_bytes(files, "a/b/c", content)
    assert read_bytes(files, "a/b/c") == b"second"
    assert names_in(files, "a/b") == ["c"]


def test_missing_folders_are_empty(tmp_path: Path) -> None:
    files = open_folder(str(tmp_path / "nowhere"))
    assert names_in(files, "") == []
    delete_folder(files, "neither")
    assert not is_file(files, "nor")


def test_a_place_no_file_system_knows_is_named() -> None:
    with pytest.raises(ConfigError, match="cannot be opened: ftp://host/snapshots"):
        open_folder("ftp://host/snapshots")


def test_relative_paths_become_absolute_and_uris_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert absolute("work/snapshot") == str(tmp_path.resolve() / "work" / "snapshot")
    assert absolute("s3://shop/snapshots") == "s3://shop/snapshots"
    assert child("s3://shop/snapshots/?scheme=http", "x") == "s3://shop/snapshots/x?scheme=http"


def test_a_report_in_an_object_store_is_written_there(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jinja2.Template.render", lambda *_, **__: "<p>größer</p>")
    folder, mark, query = bucket.partition("?")
    write_page(child(bucket, "report.html"), {})
    files = open_folder(f"{folder}{mark}{query}")
    assert read_bytes(files, "report.html").decode() == "<p>größer</p>"
