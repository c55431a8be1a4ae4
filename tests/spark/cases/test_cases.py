"""Every delivery in tests/cases ends as its expected.json says; those refused for their configuration run elsewhere."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from leastpack.config import Config, load_config
from leastpack.errors import LeastpackError
from leastpack.road import BY_NAME
from leastpack.tables import Tables

CASES = Path(__file__).parents[2] / "cases"
KEYS = {"products": ("product_id",), "pair_outcomes": ("product_id", "package_type", "period")}


def expected(name: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((CASES / name / "expected.json").read_text(encoding="utf-8"))
    return told


NAMES = sorted(path.parent.name for path in CASES.glob("*/expected.json"))
# Three deliveries, one after the other.
LONG = {"package-type-withdrawn"}
WITH_SPARK = [name for name in NAMES if expected(name)["expect"].get("error", {}).get("exit") != 2]


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in LONG else name for name in WITH_SPARK]
)
def test_a_delivery_ends_as_expected(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    told = expected(name)
    shutil.copytree(CASES / name, tmp_path / name)
    monkeypatch.chdir(tmp_path / name)
    configs = [load_config([config]) for config in told["configs"]]
    for config in configs[:-1]:
        run(spark, config, told["steps"])
    if "error" in told["expect"]:
        error = told["expect"]["error"]
        with pytest.raises(LeastpackError) as caught:
            run(spark, configs[-1], told["steps"])
        assert caught.value.exit_code == error["exit"]
        assert [word for word in error["contains"] if word not in str(caught.value)] == [], str(caught.value)
        return
    run(spark, configs[-1], told["steps"])
    check(Tables(spark, configs[-1].tables), told["expect"])


def run(spark: SparkSession, config: Config, steps: list[str]) -> None:
    for step in steps:
        BY_NAME[step].load()(spark, config)


def check(tables: Tables, expect: Mapping[str, Any]) -> None:
    for table, key in KEYS.items():
        found = [row.asDict() for row in tables.read(table).collect()] if table in expect else []
        for wanted in expect.get(table, []):
            same = [row for row in found if all(row[name] == wanted[name] for name in key if name in wanted)]
            assert len(same) == 1, f"{table}: {len(same)} rows of {wanted}"
            close = {n: pytest.approx(v, rel=1e-3) if isinstance(v, float) else v for n, v in wanted.items()}
            assert {name: same[0][name] for name in wanted} == close, table
    if "quarantine" in expect:
        kept = tables.read("quarantine").select("source", "code").collect() if tables.exists("quarantine") else []
        assert sorted([row["source"], row["code"]] for row in kept) == sorted(expect["quarantine"])
    assert {"products", "pair_outcomes", "quarantine"} & set(expect), "a case that expects nothing proves nothing"
