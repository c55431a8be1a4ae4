"""What several suites share: one quick Spark session, and the road, whose every step runs once as in production."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
import yaml
from filelock import FileLock
from hypothesis import settings
from pyspark.sql import SparkSession
from tests.quick import QUICK, as_in_production, remember_java_names
from tests.schedule import (  # noqa: F401
    pytest_addoption,
    pytest_collection_modifyitems,
    pytest_runtest_logreport,
    pytest_sessionfinish,
)

from leastpack.config import Config, load_config
from leastpack.config.storage import SparkConfig, TablesConfig
from leastpack.encoders import engines
from leastpack.encoders.networks import Representation
from leastpack.queue.export import export_queue
from leastpack.queue.take_back import import_results
from leastpack.road import BY_NAME
from leastpack.sample.generate import generate_sample
from leastpack.sample.human_tests import answer_sheet
from leastpack.session import make_session
from leastpack.tables import Tables

# A busy machine is no fault of what is tested.
settings.register_profile("leastpack", deadline=None)
settings.load_profile("leastpack")
CHECKOUT = Path(__file__).parents[1]
# What testers are asked, and what follows from their answers, as `make demo` does it.
FIRST = ("catalog", "outcomes", "encode", "train", "score", "certify", "decide")
# These have run as in production before.
AGAIN = ("outcomes", "certify", "decide")
THEN = ("publish", "report")
SMALL = [
    "sample.products=180", "sample.without_photos=0.2", "sample.shipments_per_product=60", "training.launcher=local",
    "training.epochs=2", "training.phase_one_epochs=1", "run_id=road", "report.words=20", "training.gate_products=24",
    # So few products, and so poor a model, are certified at a promise that means little.
    "certify.alpha=0.4", "certify.draw_share=0.8", "outcomes.n_min=20", "sample.tested_share=0.5",
]  # fmt: skip


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    remember_java_names()
    session = make_session(
        SparkConfig(
            master="local[2]",
            app_name="leastpack-tests",
            delta_packages=True,
            conf={
                **QUICK,
                # The road and the cluster tests keep it.
                "spark.sql.adaptive.enabled": "false",
                "spark.driver.memory": "3g",
                "spark.sql.warehouse.dir": str(tmp_path_factory.mktemp("warehouse")),
            },
        )
    )
    session.sparkContext.setLogLevel("ERROR")
    yield session
    session.stop()


@pytest.fixture(scope="session", autouse=True)
def networks_made_once() -> Iterator[None]:
    """Make each encoder's network for OpenVINO once a process, as a process of one step does; it takes seconds."""
    with pytest.MonkeyPatch.context() as patched:
        for name in ("text_representation", "image_representation"):
            patched.setattr(engines, name, _once(getattr(engines, name)))
        yield


def _once(make: Callable[..., Representation]) -> Callable[..., Representation]:
    made: dict[str, Representation] = {}

    def remembered(*of: object) -> Representation:
        if repr(of) not in made:
            made[repr(of)] = make(*of)
        return made[repr(of)]

    return remembered


@pytest.fixture
def tables(spark: SparkSession, tmp_path: Path) -> Tables:
    return Tables(spark, TablesConfig(root=str(tmp_path / "tables"), buckets=4))


@pytest.fixture(scope="session")
def demo(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Config:
    """conf/demo.yaml, moved into a temporary folder and made small, run once for all test processes."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "road"
    folder.mkdir(exist_ok=True)
    path, done = folder / "demo.yaml", folder / "done"
    with FileLock(folder / "lock"):
        if not done.exists():
            _run_demo(spark, path)
            done.touch()
    return load_config([path], SMALL)


def _run_demo(spark: SparkSession, path: Path) -> None:
    moved = (CHECKOUT / "conf" / "demo.yaml").read_text(encoding="utf-8").replace("out/demo", str(path.parent))
    content = yaml.safe_load(moved)
    content["packages"] = [str(CHECKOUT / "conf" / "packages" / "*.yaml")]
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    config = load_config([path], SMALL)
    generate_sample(config)
    # So small a sample has too few broken photos of its own.
    sorted((path.parent / "sample" / "images").glob("*/*/tunnel_0.jpg"))[5].write_bytes(b"")
    with as_in_production(spark):
        _walk(spark, config, FIRST)
    sheet = str(path.parent / "tests.csv")
    export_queue(spark, config, sheet)
    answer_sheet(sheet, path.parent / "sample" / "truth.parquet", config.decisions.day)
    import_results(spark, config, [sheet])
    _walk(spark, config.with_chosen(["test_results"]), AGAIN)
    with as_in_production(spark):
        _walk(spark, config, THEN)


def _walk(spark: SparkSession, config: Config, steps: Iterable[str]) -> None:
    for name in steps:
        BY_NAME[name].load()(spark, config)
