"""What a whole run refuses before Spark starts."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.encoders.test_engines import save_choice

from leastpack.ahead import check_run, local_slots
from leastpack.config import load_config
from leastpack.config.load import conf_dir
from leastpack.config.root import Config
from leastpack.config.storage import SparkConfig
from leastpack.errors import ConfigError


def config_for(folder: Path, *settings: str) -> Config:
    packages = ",".join(str(path) for path in sorted((conf_dir() / "packages").glob("*.yaml")))
    (folder / "truth.parquet").touch()
    fixed = [f"packages=[{packages}]", f"model.directory={folder}", f"report.truth={folder / 'truth.parquet'}"]
    return load_config([conf_dir() / "demo.yaml"], [*fixed, *settings])


def settings_of(settings: list[str]) -> list[str]:
    return ["training.launcher=horovod", "training.groups_per_step=12", *settings]


@pytest.mark.parametrize(
    "settings",
    [
        ["training.processes=4", "spark.master=local[4]"],
        ["training.processes=4", "spark.master=local-cluster[2,2,1024]"],
        ["training.processes=12", "spark.master=yarn"],
        ["training.processes=12", "spark.master=null"],
        ["training.processes=12", "spark.master=local[1]", "training.launcher=local"],
        ["report.truth=s3://shop/truth.parquet"],
        ["report.truth=null", "report.effect_package=paper_bag"],
        ["encoders.device=cuda", "spark.master=yarn"],
    ],
)
def test_what_later_steps_take_is_let_through(tmp_path: Path, settings: list[str]) -> None:
    check_run(config_for(tmp_path, *settings_of(settings)))


@pytest.mark.parametrize(
    ("settings", "key", "expected", "found"),
    [
        (["training.processes=2", "spark.master=local"], "training.processes", "at most 1", "2"),
        (["training.processes=4", "spark.master='local[3,2]'"], "training.processes", "at most 3", "4"),
        (["training.processes=6", "spark.master='local-cluster[2, 2, 512]'"], "training.processes", "at most 4", "6"),
        (
            ["training.processes=4", "spark.master=local[4]", "spark.conf.spark.task.cpus=2"],
            "training.processes",
            "at most 2",
            "4",
        ),
        (["report.truth=nowhere/truth.parquet"], "report.truth", "or null", "nowhere/truth.parquet"),
        (["report.truth=file:///nowhere/truth.parquet"], "report.truth", "or null", "file:///nowhere/truth.parquet"),
        (["report.effect_package=crate"], "report.effect_package", "or null", "crate"),
    ],
)
def test_what_a_later_step_would_refuse_is_told_with_its_key(
    tmp_path: Path, settings: list[str], key: str, expected: str, found: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        check_run(config_for(tmp_path, *settings_of(settings)))
    told = str(caught.value)
    assert key in told
    assert expected in told
    assert f"found:    {found}" in told
    assert "to do:" in told


def test_an_engine_that_cannot_run_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(ConfigError, match=r"(?s)encoders\.device is cuda.*local\[2\]"):
        check_run(config_for(tmp_path, "encoders.device=cuda", "spark.master=local[2]"))
    save_choice(tmp_path, "openvino-fp32")
    with pytest.raises(ConfigError, match="chose openvino-fp32 for the text encoder"):
        check_run(config_for(tmp_path, "encoders.device=cuda", "spark.master=yarn"))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"encoders\.text\.engine needs OpenVINO"):
        check_run(config_for(tmp_path))


def test_slots_of_all_cores_are_this_machines() -> None:
    assert (local_slots(SparkConfig(master="local[*]")) or 0) >= 1
    assert local_slots(SparkConfig(master="spark://host:7077")) is None


def test_sources_to_take_in_alone_are_sources_of_history(tmp_path: Path) -> None:
    config = config_for(tmp_path, "spark.master=local[2]")
    check_run(config.with_chosen(["test_results", "na_returns"]))
    with pytest.raises(ConfigError, match=r"na_products(?s:.*)expected: na_shipments"):
        check_run(config.with_chosen(["na_products"]))
