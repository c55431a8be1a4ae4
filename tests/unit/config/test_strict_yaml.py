from __future__ import annotations

from pathlib import Path

import pytest

from leastpack.ahead import check_run
from leastpack.config import load_config
from leastpack.config.packages import load_packages
from leastpack.errors import ConfigError

SOURCES = """\
sources:
  - name: goods
    kind: products
    format: csv
    path: goods.csv
    marketplace: NA
    columns: {product_id: id}
"""
PACKAGES = """\
marketplace: NA
currency: USD
attributes: [rigidity]
types:
  - {name: sure, kind: box, profile: [1], inner_cm: [50, 40, 30], tare_g: 9, cost: 1, safe_default: true,
     valid_from: 2020-01-01}
  - name: flat
    kind: mailer
    profile: [0.5]
    inner_cm: [40, 30, 2]
    tare_g: 8
    cost: 0.5
    valid_from: 2021-01-01
"""


def config_error(tmp_path: Path, content: str | bytes) -> str:
    path = tmp_path / "c.yaml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(ConfigError) as caught:
        load_config([path])
    assert caught.value.exit_code == 2
    return str(caught.value)


@pytest.mark.parametrize(
    ("content", "line", "said"),
    [
        ("training: {epochs: 3}\ntraining: {seed: 4}\n", 2, "the key 'training' is there already, in line 1"),
        ("training:\n  epochs: 3\n  'epochs': 4\n", 3, "the key 'epochs' is there already, in line 2"),
        (SOURCES.replace("{product_id: id}", "\n      title: a\n      product_id: id\n      title: b"), 10, "'title'"),
        ("# sides\ntraining: {seed: 1} # gr\xf6\xdfer\n".encode("latin-1"), 2, "not UTF-8"),
        ("training: {seed: 1}".encode("utf-16"), 1, "not UTF-8"),
        ("a: 1\nb: \x00\n", 2, "does not allow"),
        ("outcomes:\n  as_of: 2024-02-30\n", 2, "2024-02-30"),
        ("outcomes:\n  as_of: '2024-02-30'\n", 2, "outcomes.as_of"),
        ("decisions:\n  as_of: 20240229\n", 2, "a day is written as"),
        ("decisions:\n  as_of: 86400\n", 2, "a day is written as"),
        ("training:\n\tepochs: 3\n", 2, "not valid YAML"),
        ("training: {epochs: 3}\n---\ntraining: {epochs: 4}\n", 2, "not valid YAML"),
        ("- training\n", 1, "no mapping"),
        ("only words\n", 1, "no mapping"),
        ("training: &a\n  more: *a\n", 1, "holds itself"),
        ("training: *gone\n", 1, "gone"),
        ("on: 3\n", 1, "the key on is no text"),
        ("training:\n  epochs: yes\n", 2, "training.epochs: a number is needed"),
        ("training:\n  learning_rate: .nan\n", 2, "training.learning_rate"),
        ("decisions:\n  damage_cost: .inf\n", 2, "decisions.damage_cost"),
        ("training:\n  epochs: 0\n", 2, "training.epochs"),
        ("training:\n  epoch: 1\n", 2, "did you mean 'epochs'"),
        (SOURCES.replace("NA", "NO"), 6, "put it in quotes"),
        (SOURCES + "    currency: UDS\n", 8, "ISO 4217"),
        ("currency_units:\n  USD: 1\n  XXY: 2\n", 3, "ISO 4217"),
        ("currency_units:\n  USD: 1\n  usd: 2\n", 1, "twice: USD"),
        ("tables:\n  root: out\n  schema_name: a.b\n", 3, "exactly one of"),
    ],
)
def test_what_is_wrong_in_a_config_file_is_told_with_its_line(
    tmp_path: Path, content: str | bytes, line: int, said: str
) -> None:
    told = config_error(tmp_path, content)
    assert f"{tmp_path / 'c.yaml'}, line {line}" in told
    assert said in told


def test_a_folder_or_a_missing_file_is_no_config(tmp_path: Path) -> None:
    for path, said in ((tmp_path, "a folder"), (tmp_path / "none.yaml", "does not exist")):
        with pytest.raises(ConfigError, match=said):
            load_config([path])


def test_an_empty_file_a_byte_order_mark_and_merged_keys_are_read(tmp_path: Path) -> None:
    empty, marked = tmp_path / "empty.yaml", tmp_path / "marked.yaml"
    empty.write_text("# nothing\n", encoding="utf-8")
    second = SOURCES.splitlines()[1:-1]
    marked.write_text(
        SOURCES.replace("columns:", "columns: &same")
        + "\n".join(second).replace("goods", "more")
        + "\n    columns: {<<: *same, product_id: code, title: name}\n",
        encoding="utf-8-sig",
    )
    sources = load_config([empty, marked]).sources
    assert [source.columns for source in sources] == [
        {"product_id": "id"},
        {"product_id": "code", "title": "name"},
    ]


def test_a_fault_is_told_where_the_value_that_counts_is_written(tmp_path: Path) -> None:
    low, high = tmp_path / "low.yaml", tmp_path / "high.yaml"
    low.write_text("training:\n  seed: x\n  epochs: x\n", encoding="utf-8")
    high.write_text("\n\ntraining: {epochs: y}\n", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_config([low, high], ["training.micro_batch=none"])
    told = str(caught.value)
    assert f"{low}, line 2: training.seed" in told
    assert f"{high}, line 3: training.epochs" in told
    assert "--set training.micro_batch: training.micro_batch" in told


def test_currencies_are_read_in_capitals(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(SOURCES + "    currency: usd\ncurrency_units: {usd: 1, eur: 1.1}\n", encoding="utf-8")
    config = load_config([path])
    assert config.sources[0].currency == "USD"
    assert set(config.currency_units) == {"USD", "EUR"}


def test_a_later_place_of_the_tables_replaces_an_earlier_one(tmp_path: Path) -> None:
    names, folder = tmp_path / "names.yaml", tmp_path / "folder.yaml"
    names.write_text("tables: {schema_name: main.shop}\n", encoding="utf-8")
    folder.write_text("tables: {root: here}\n", encoding="utf-8")
    for files, sets, root, schema in (
        ([names], [], None, "main.shop"),
        ([names, folder], [], "here", None),
        ([folder], ["tables.schema_name=main.shop"], None, "main.shop"),
    ):
        tables = load_config(files, sets).tables
        assert (tables.root, tables.schema_name) == (root, schema)


def test_set_reaches_keys_with_dots() -> None:
    config = load_config(
        [],
        [
            "spark.conf.spark.sql.shuffle.partitions=8",
            "spark.conf.'spark.ui.enabled'=false",
            "spark.conf={spark.app.id: a}",
            "currency_units.CHF=1.1",
            "training.epochs=3",
        ],
    )
    assert config.spark.conf == {"spark.sql.shuffle.partitions": "8", "spark.ui.enabled": "false", "spark.app.id": "a"}
    assert config.currency_units == {"CHF": 1.1}
    assert config.training.epochs == 3
    for wrong in ("training.epochs={a: 1, a: 2}", "training.epochs", "outcomes.as_of=2024-02-30"):
        with pytest.raises(ConfigError, match="--set "):
            load_config([], [wrong])


def packages(tmp_path: Path, content: str) -> str:
    path = tmp_path / "na.yaml"
    path.write_text(content, encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(
    ("written", "instead", "line", "said"),
    [
        ("[40, 30, 2]", "[40, 30, 0]", 10, "inner_cm"),
        ("[40, 30, 2]", "[40, -30, 2]", 10, "inner_cm"),
        ("[40, 30, 2]", "[40, .inf, 2]", 10, "inner_cm"),
        ("[40, 30, 2]", "[.nan, 30, 2]", 10, "inner_cm"),
        ("[40, 30, 2]", "[40, yes, 2]", 10, "inner_cm"),
        ("[40, 30, 2]", "[40, 30]", 10, "inner_cm"),
        ("tare_g: 8", "tare_g: .nan", 11, "tare_g"),
        ("tare_g: 8", "tare_g: -8", 11, "tare_g"),
        ("cost: 0.5", "cost: .inf", 12, "cost"),
        ("cost: 0.5", "cost: -1", 12, "cost"),
        ("cost: 0.5", "cost: off", 12, "cost"),
        ("cost: 0.5", "cost: 1\n    max_weight_g: 0", 13, "max_weight_g"),
        ("cost: 0.5", "cost: 1\n    cost: 2", 13, "'cost'"),
        ("[0.5]", "[.nan]", 9, "profile"),
        ("[0.5]", "[0.5, 0.5]", 4, "profile"),
        ("    valid_from: 2021-01-01", "    valid_from: 2023-02-29", 13, "2023-02-29"),
        ("    valid_from: 2021-01-01", "    valid_from: 2020", 13, "valid_from"),
        ("    valid_from: 2021-01-01", "    valid_from: 2020-01-01\n    valid_to: 2019-01-01", 7, "valid_to"),
        ("safe_default: true,", "", 4, "safe_default"),
        ("currency: USD", "currency: US$", 2, "ISO 4217"),
        ("attributes: [rigidity]", "attributes: [no]", 3, "put it in quotes"),
        ("name: flat", "name: ''", 7, "name"),
    ],
)
def test_what_is_wrong_in_a_package_file_is_told_with_its_line(
    tmp_path: Path, written: str, instead: str, line: int, said: str
) -> None:
    assert written in PACKAGES
    path = packages(tmp_path, PACKAGES.replace(written, instead))
    with pytest.raises(ConfigError) as caught:
        load_packages([path])
    assert f"{path}, line {line}" in str(caught.value)
    assert said in str(caught.value)


def test_what_decide_would_refuse_is_refused_at_the_start(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(SOURCES + f"packages: [{tmp_path}/na.yaml]\n", encoding="utf-8")
    packages(tmp_path, PACKAGES.replace("USD", "usd"))
    check_run(load_config([path]))
    for written, instead, said in (("USD", "SEK", "currency_units"), ("NA", "EU", "'NA', which has no package file")):
        packages(tmp_path, PACKAGES.replace(written, instead))
        with pytest.raises(ConfigError, match=said):
            check_run(load_config([path]))
    with pytest.raises(ConfigError, match="no source of products"):
        check_run(load_config([path], ["sources=[]"]))
