"""Configs and package files that are wrong are refused with file and line, before anything runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from leastpack.config import load_config
from leastpack.config.packages import load_packages
from leastpack.errors import ConfigError

SOURCE = """sources:
  - name: shop
    kind: products
    format: csv
    path: x.csv
    marketplace: NA
    columns:
      product_id: id
"""
PACKAGES = """marketplace: NA
currency: USD
attributes: [rigidity]
types:
  - name: crate
    kind: box
    profile: [0.5]
    inner_cm: [30, 20, 10]
    tare_g: 90
    cost: 0.5
    safe_default: true
    valid_from: 2022-02-01
"""

CONFIGS = {
    "a key twice in columns": (SOURCE + "      product_id: sku\n", ["line 9", "'product_id' stands twice", "line 8"]),
    "a key twice at the top": ("log: {level: info}\nspark: {}\nlog: {level: debug}\n", ["line 3", "'log'", "line 1"]),
    "a key twice in braces": ("training: {epochs: 3, seed: 1, epochs: 4}\n", ["line 1", "'epochs'"]),
    "a currency nobody has": (SOURCE + "    currency: dollars\n", ["sources.0.currency", "line 9", "'dollars'"]),
    "a wrong value": ("log:\n  level: info\ntraining:\n  epochs: many\n", ["training.epochs", "line 4"]),
    "an unknown key": ("log:\n  levle: info\n", ["log.levle", "'level'", "line 2"]),
    "a date that does not exist": ("outcomes:\n  as_of: 2024-02-30\n", ["line 2", "2024-02-30"]),
    "two documents": ("log: {}\n---\nspark: {}\n", ["line 2", "another document"]),
    "a tab": ("log:\n\tlevel: info\n", ["line 2"]),
    "no end": ("log: {level: info\n", ["line 2"]),
    "a key that is a list": ("? [a, b]\n: 1\n", ["line 1", "unhashable"]),
    "both places in one file": ("tables:\n  root: x\n  schema_name: a.b\n", ["exactly one of", "line 1"]),
    "a unit that is no number": ("currency_units: {USD: .nan}\n", ["currency_units.USD", "line 1"]),
}


@pytest.mark.parametrize("case", CONFIGS, ids=list(CONFIGS))
def test_a_wrong_config_is_refused_with_its_line(tmp_path: Path, case: str) -> None:
    text, words = CONFIGS[case]
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_config([path])
    assert [word for word in ["mine.yaml", *words] if word not in str(caught.value)] == [], str(caught.value)


BYTES = {
    "latin-1": ("log: {}\n# Größe\n".encode("latin-1"), ["line 2", "not UTF-8", "0xf6"]),
    "utf-16": ("log: {}\n".encode("utf-16"), ["not UTF-8"]),
    "a null byte": (b"log: {level: \x00}\n", ["#x0000"]),
}


@pytest.mark.parametrize("case", BYTES, ids=list(BYTES))
def test_bytes_that_are_no_utf_8_are_refused(tmp_path: Path, case: str) -> None:
    content, words = BYTES[case]
    path = tmp_path / "mine.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load_config([path])
    assert [word for word in ["mine.yaml", *words] if word not in str(caught.value)] == [], str(caught.value)


def test_what_is_right_is_read(tmp_path: Path) -> None:
    """A mark of byte order, an empty file, merged mappings that give keys again, and codes in small letters."""
    marked, empty, merged = (tmp_path / f"{name}.yaml" for name in ("marked", "empty", "merged"))
    marked.write_bytes(b"\xef\xbb\xbf" + (SOURCE + "    currency: ' usd'\n").encode())
    empty.write_text("# nothing yet\n", encoding="utf-8")
    assert load_config([marked, empty]).sources[0].currency == "USD"
    again = SOURCE.replace("columns:", "columns: &shop") + SOURCE.removeprefix("sources:\n").replace(
        "name: shop", "name: other"
    ).replace("columns:\n", "columns: &more\n      <<: *shop\n")
    third = SOURCE.removeprefix("sources:\n").replace("name: shop", "name: third")
    third = third.replace("columns:\n", "columns:\n      <<: [*more, *shop]\n      title: t\n")
    merged.write_text(again + third, encoding="utf-8")
    assert load_config([merged]).sources[2].columns == {"product_id": "id", "title": "t"}
    with pytest.raises(ConfigError, match="is a folder"):
        load_config([tmp_path])


def test_a_later_place_of_the_tables_takes_the_earlier_ones_part(tmp_path: Path) -> None:
    named, rooted = tmp_path / "named.yaml", tmp_path / "rooted.yaml"
    named.write_text("tables: {schema_name: cat.shop, buckets: 8}\n", encoding="utf-8")
    rooted.write_text("tables: {root: here}\n", encoding="utf-8")
    one = load_config([named]).tables
    assert (one.schema_name, one.root, one.buckets) == ("cat.shop", None, 8)
    other = load_config([named, rooted]).tables
    assert (other.schema_name, other.root, other.buckets) == (None, "here", 8)
    assert load_config([named], ["tables.root=there"]).tables.root == "there"


def test_set_reaches_keys_with_dots() -> None:
    made = load_config([], ["spark.conf.spark.sql.shuffle.partitions='8'", "currency_units.CHF=1.1"])
    assert made.spark.conf == {"spark.sql.shuffle.partitions": "8"}
    assert made.currency_units["CHF"] == 1.1
    with pytest.raises(ConfigError, match=r"(?s)epochs.*stands twice"):
        load_config([], ["training={epochs: 1, epochs: 2}"])


PACKAGE_FAULTS = {
    "no size": ("[30, 20, 10]", "[30, 0, 10]", ["types.0.inner_cm.1", "line 8"]),
    "a flat mailer": ("[30, 20, 10]", "[30, 20, 0]", ["types.0.inner_cm.2", "line 8"]),
    "a negative size": ("[30, 20, 10]", "[30, -20, 10]", ["types.0.inner_cm.1"]),
    "an endless size": ("[30, 20, 10]", "[.inf, 20, 10]", ["types.0.inner_cm.0"]),
    "a size that is none": ("[30, 20, 10]", "[30, .nan, 10]", ["types.0.inner_cm.1"]),
    "two sides": ("[30, 20, 10]", "[30, 20]", ["types.0.inner_cm", "line 8"]),
    "a weight that is none": ("tare_g: 90", "tare_g: .nan", ["types.0.tare_g", "line 9"]),
    "a cost without end": ("cost: 0.5", "cost: .inf", ["types.0.cost", "line 10"]),
    "a currency nobody has": ("USD", "DOLLAR", ["currency", "'DOLLAR'", "line 2"]),
    "no safe default": ("    safe_default: true\n", "", ["safe_default"]),
    "a day that does not exist": ("2022-02-01", "2022-02-31", ["line 12", "2022-02-31"]),
    "a key twice": ("    cost: 0.5\n", "    cost: 0.5\n    tare_g: 9\n", ["line 11", "'tare_g'"]),
    "ends before it begins": ("2022-02-01\n", "2022-02-01\n    valid_to: 2021-01-01\n", ["valid_to", "line 5"]),
    "a yes for a marketplace": ("marketplace: NA", "marketplace: NO", ["marketplace", "line 1"]),
}


@pytest.mark.parametrize("case", PACKAGE_FAULTS, ids=list(PACKAGE_FAULTS))
def test_a_wrong_package_file_is_refused_with_its_line(tmp_path: Path, case: str) -> None:
    old, new, words = PACKAGE_FAULTS[case]
    path = tmp_path / "na.yaml"
    assert old in PACKAGES
    path.write_text(PACKAGES.replace(old, new), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_packages([str(path)])
    assert [word for word in ["na.yaml", *words] if word not in str(caught.value)] == [], str(caught.value)


def test_a_right_package_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "na.yaml").write_text(PACKAGES.replace("USD", "usd"), encoding="utf-8")
    assert load_packages([str(tmp_path / "na.yaml")])[0].currency == "USD"
