from __future__ import annotations

from pathlib import Path

import pytest

from leastpack.catalog.loading import input_path
from leastpack.config import load_config
from leastpack.errors import ConfigError
from leastpack.locations import absolute, local_path, scheme_of

STORES = ["dbfs:/shop/tables", "abfss://shop@acc.dfs.core.windows.net/t", "gs://shop/t", "s3://shop/t", "S3A://shop/t"]


@pytest.mark.parametrize("location", STORES)
def test_a_store_is_no_relative_path(location: str) -> None:
    assert (absolute(location), input_path(location), local_path(location)) == (location, location, None)


def test_paths_and_file_uris_are_local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert absolute("out/tables") == str(tmp_path / "out" / "tables")
    assert absolute("file:/out") == "file:/out"
    assert absolute("day/10:30") == str(tmp_path / "day" / "10:30")
    assert scheme_of("day/10:30") is None
    assert local_path("file:/a%20b") == Path("/a%20b")
    assert local_path("file:///a%20b") == Path("/a b")
    assert local_path("file://localhost/a%20b") == Path("/a b")
    assert local_path("file://elsewhere/a") is None
    assert local_path("here") == Path("here")


@pytest.mark.parametrize("key", ["sample.out", "encoders.cache", "encoders.fetch.roots"])
def test_what_must_be_a_folder_of_this_machine_is_so_under_any_name(key: str) -> None:
    def read(location: str) -> object:
        value: object = load_config([], [f"{key}={f'[{location}]' if key.endswith('roots') else location}"])
        for name in key.split("."):
            value = getattr(value, name)
        return value

    for location in STORES:
        with pytest.raises(ConfigError, match=rf"(?s){key}.*a folder of this machine is needed"):
            read(location)
    assert read("file:///shop/a%20b") in ("/shop/a b", ["/shop/a b"])
    assert read("out/here") in ("out/here", ["out/here"])


def test_a_model_directory_nobody_can_open_is_refused_before_anything_runs() -> None:
    for location in ("dbfs:/shop/model", "abfss://shop@acc.dfs.core.windows.net/m", "ftp://host/m"):
        with pytest.raises(ConfigError, match="no file system here knows"):
            load_config([], [f"model.directory={location}"])
    for location in ("s3://shop/model?region=us-east-1", "S3A://shop/model", "gs://shop/model"):
        assert load_config([], [f"model.directory={location}"]).model.directory == location
    assert load_config([], ["model.directory=file:///models/one"]).model.directory == "/models/one"
