"""The sample as a whole: the same bytes for the same seed, the files it promises, safe to repeat."""

from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from PIL import Image, UnidentifiedImageError
from tests.unit.sample.conftest import Make, sample_config

from leastpack.errors import ConfigError
from leastpack.sample import generate
from leastpack.sample.generate import generate_sample

EXPORTS = {
    "na": {"products.csv", "images.csv", "tunnel.csv", "shipments.parquet", "returns.csv", "reviews.jsonl"},
    "eu": {"products.jsonl", "images.jsonl", "tunnel.parquet", "shipments.parquet", "returns.jsonl", "reviews.jsonl"},
    "jp": {"products.parquet", "tunnel.csv", "shipments.parquet", "returns.csv", "reviews.jsonl"},
}


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): f"{hashlib.sha256(path.read_bytes()).hexdigest()} {path.stat().st_mtime:.0f}"
        if path.suffix == ".jpg"
        else hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_same_seed_gives_the_same_bytes_whatever_the_processes(make: Make) -> None:
    assert digests(make()) == digests(make(processes=2))


def test_another_seed_gives_another_sample(make: Make) -> None:
    first, second = make(), make(seed=8)
    assert (first / "na/products.csv").read_bytes() != (second / "na/products.csv").read_bytes()
    assert (first / "truth.parquet").read_bytes() != (second / "truth.parquet").read_bytes()


def test_every_promised_file_is_there_and_readable(make: Make) -> None:
    folder = make()
    assert {path.name for path in folder.iterdir()} == {
        *EXPORTS, "images", "human_tests.csv", "rules.csv", "truth.parquet",
    }  # fmt: skip
    for marketplace, names in EXPORTS.items():
        assert {path.name for path in (folder / marketplace).iterdir()} == names
    for path in folder.rglob("*.csv"):
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file, strict=True))
        # Of so few products hardly any was tested.
        assert rows[1:] or path.name == "human_tests.csv", path
        assert {len(row) for row in rows} == {len(rows[0])}, path
    for path in folder.rglob("*.jsonl"):
        assert [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()], path
    for path in folder.rglob("*.parquet"):
        assert pq.read_table(path).num_rows > 0, path


def test_photos_are_jpegs_of_the_declared_width_but_for_a_few(make: Make) -> None:
    files = sorted((make() / "images").rglob("*.jpg"))
    broken = 0
    for file in files:
        try:
            with Image.open(file) as picture:
                picture.load()
                assert picture.size == (64, 48)
        except (OSError, UnidentifiedImageError):
            broken += 1
    assert len(files) > 120
    assert broken <= 0.03 * len(files)


def test_products_that_passed_the_tunnel_have_three_views_or_more(make: Make) -> None:
    folder = make()
    views: dict[str, int] = {}
    for row in csv.DictReader((folder / "na/images.csv").open(encoding="utf-8", newline="")):
        views[row["asin"]] = views.get(row["asin"], 0) + (row["kind"] == "tunnel")
    assert min(count for count in views.values() if count) >= 3
    assert 0 in views.values()


def test_a_repeated_run_replaces_the_sample_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    config = sample_config(tmp_path / "out", products=40)
    generate_sample(config)
    before = digests(tmp_path)
    generate_sample(config)
    assert digests(tmp_path) == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_p3_a_killed_run_leaves_the_earlier_sample_and_the_next_one_finishes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = sample_config(tmp_path / "out", products=40)
    generate_sample(config)
    before = digests(tmp_path / "out")

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(generate, "write_listings", die)
        with pytest.raises(KeyboardInterrupt):
            generate_sample(config)
    assert digests(tmp_path / "out") == before
    generate_sample(config)
    assert digests(tmp_path / "out") == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_folder_that_holds_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "letters.txt").write_text("mine")
    with pytest.raises(ConfigError, match="something else"):
        generate_sample(sample_config(tmp_path))
    assert (tmp_path / "letters.txt").read_text() == "mine"


def test_package_files_of_other_marketplaces_are_refused(tmp_path: Path) -> None:
    config = sample_config(tmp_path / "out")
    one = config.model_copy(update={"packages": [config.packages[0].replace("*", "na")]})
    with pytest.raises(ConfigError, match="one package file for each"):
        generate_sample(one)
    assert not (tmp_path / "out").exists()


def test_the_sample_shares_no_code_with_the_model() -> None:
    folder = Path(generate.__file__).parent
    text = "".join(path.read_text(encoding="utf-8") for path in folder.rglob("*.py"))
    for later in ("catalog", "outcomes", "encoders", "model", "training", "scoring", "decisions"):
        assert f"leastpack.{later}" not in text
