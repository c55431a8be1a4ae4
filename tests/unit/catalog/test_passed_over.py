from __future__ import annotations

import os
import re
from pathlib import Path

import boto3
import pytest
from botocore.stub import Stubber

from leastpack.catalog import passed_over as module
from leastpack.catalog.passed_over import glob_pattern, passed_over

DEEP = {"recursiveFileLookup": "true"}


def names(path: Path | str, options: dict[str, str]) -> list[str]:
    return sorted(found.path.rpartition("/photos/")[2] for found in passed_over(str(path), options))


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    for name in (
        "P1/_DSC0001.jpg", "P1/IMG_1.jpg", "P1/.one.jpg", "P1/._DSC0001.jpg", "P1/.DS_Store", "_P2/IMG_2.JPG",
        "_SUCCESS", "_delta_log/0.json", "day=1/_DSC3.jpg", "_kind=a/x.jpg", "__MACOSX/P1/._x.jpg", "_all.txt",
    ):  # fmt: skip
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"12345")
    return folder


def test_files_that_spark_passes_over_are_found_and_signs_of_writers_are_not(photos: Path) -> None:
    assert names(photos, DEEP) == ["P1/.one.jpg", "P1/_DSC0001.jpg", "_P2/IMG_2.JPG", "_all.txt", "day=1/_DSC3.jpg"]
    assert names(photos, {}) == ["_all.txt"]
    assert names(f"file://{photos}", DEEP)[1] == "P1/_DSC0001.jpg"
    found = next(found for found in passed_over(str(photos), {}) if found.path.endswith("_all.txt"))
    assert (found.path, found.length) == (f"file:{photos}/_all.txt", 5)


def test_options_and_globs_hold(photos: Path) -> None:
    assert names(photos, {**DEEP, "pathglobfilter": "*.{jpg,jpeg}"}) == [
        "P1/.one.jpg", "P1/_DSC0001.jpg", "day=1/_DSC3.jpg",
    ]  # fmt: skip
    assert names(f"{photos}/P[0-9]", {}) == ["P1/.one.jpg", "P1/_DSC0001.jpg"]
    assert names(f"{photos}/P1/_DSC*.jpg", {}) == ["P1/_DSC0001.jpg"]
    os.utime(photos / "_all.txt", (0, 0))
    assert names(photos, {"modifiedAfter": "2020-01-01T00:00:00"}) == []
    assert names(photos, {"modifiedBefore": "2020-01-01T00:00:00"}) == ["_all.txt"]
    assert names(photos / "nowhere", DEEP) == []
    assert names("abfss://box@account/photos", DEEP) == []


def test_folders_on_s3_are_listed_page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    client = boto3.client("s3", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    monkeypatch.setattr(module, "s3_client", lambda *_: client)
    told = {"Size": 7, "LastModified": "2024-05-01T00:00:00Z"}
    keys = ["a/photos/P1/_DSC1.jpg", "a/photos/P1/IMG.jpg", "a/photos/", "a/photos/_SUCCESS"]
    with Stubber(client) as stub:
        first = {"Contents": [{"Key": key, **told} for key in keys], "IsTruncated": True, "NextContinuationToken": "t"}
        stub.add_response("list_objects_v2", first, {"Bucket": "b", "Prefix": "a/photos/"})
        second = {"Contents": [{"Key": "a/photos/_x.jpg", **told}], "IsTruncated": False}
        stub.add_response("list_objects_v2", second, {"Bucket": "b", "Prefix": "a/photos/", "ContinuationToken": "t"})
        found = [one.path for one in passed_over("s3a://b/a/photos", DEEP)]
    assert found == ["s3a://b/a/photos/P1/_DSC1.jpg", "s3a://b/a/photos/_x.jpg"]


def test_globs_are_those_of_hadoop() -> None:
    for glob, good, bad in (
        ("*.csv", "a.csv", "a/b.csv"),
        ("a?[0-9]", "ab1", "abc"),
        ("{a,b*}.{x,y}", "bcd.y", "c.x"),
        (r"a\*", "a*", "ab"),
        ("a,b", "a,b", "a"),
        ("[^a]", "b", "a"),
    ):
        assert re.fullmatch(glob_pattern(glob), good)
        assert not re.fullmatch(glob_pattern(glob), bad)
