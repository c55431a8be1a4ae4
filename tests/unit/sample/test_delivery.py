"""The sample's next delivery: the packages that a pilot asks for, and returns of all that shipped before."""

from __future__ import annotations

import datetime
from pathlib import Path

import pandas as pd
import pytest
from tests.unit.sample.conftest import sample_config

from leastpack.config.decisions import DecisionsConfig
from leastpack.config.root import Config
from leastpack.errors import ConfigError
from leastpack.policy.pilot import arm_of
from leastpack.sample.delivery import deliver_next
from leastpack.sample.generate import generate_sample
from leastpack.sample.trials import Trial, trials_of

BEGINS, ENDS = datetime.date(2025, 1, 2), datetime.date(2025, 3, 3)


def at(config: Config, day: datetime.date) -> Config:
    return config.model_copy(update={"decisions": DecisionsConfig(as_of=day)})


@pytest.fixture
def config(tmp_path: Path) -> Config:
    made = sample_config(tmp_path / "sample", products=60, shipments_per_product=400.0, without_photos=1.0)
    generate_sample(made)
    return made


def shipments(config: Config) -> pd.DataFrame:
    assert config.sample is not None
    return pd.read_parquet(Path(config.sample.out) / "na" / "shipments.parquet")


def test_trials_ship_in_their_arms_and_the_year_before_comes_back(config: Config) -> None:
    assert config.sample is not None
    before = shipments(config)
    product = before.asin.value_counts().index[0]
    today = before[before.asin == product].package_type.mode()[0]
    others = [name for name in before.package_type.dropna().unique() if name != today][:2]
    parts = [(others[0], 0.0, 0.3, False), (others[1], 0.3, 0.6, False), (today, 0.6, 0.7, True)]
    names = ("package_type", "begins", "ends", "control")
    arms = [
        {
            "pilot_id": "p", "marketplace": "NA", "product_id": product, "starts_on": BEGINS, "ends_on": ENDS,
            "stopped_on": None, **dict(zip(names, part, strict=True)),
        }
        for part in parts
    ]  # fmt: skip
    trials = trials_of(arms)
    deliver_next(at(config, datetime.date(2025, 4, 10)), trials)
    after = shipments(config)
    assert set(after.asin) == {product}
    assert not set(after.shipment_id) & set(before.shipment_id)
    assert after.shipped_at.min() >= pd.Timestamp(BEGINS, tz="UTC")
    assert after.shipped_at.max() < pd.Timestamp(ENDS, tz="UTC")
    trial: Trial = trials["NA", product]
    named = after[after.package_type.notna() & (after.package_type != "legacy_envelope")]
    expected = [arm_of(trial.arms, trial.pilot_id, one) for one in named.shipment_id]
    assert {arm.package_type for arm in expected if arm is not None} == {*others, today}
    wrong = [
        one
        for one, arm in zip(named.package_type, expected, strict=True)
        if one != (today if arm is None else arm.package_type)
    ]
    assert not wrong
    returns = pd.read_csv(Path(config.sample.out) / "na" / "returns.csv")
    assert set(returns.shipment_id) & set(before.shipment_id)
    assert set(returns.shipment_id) & set(after.shipment_id)
    assert returns.returned_at.min() >= "2025-01-01"
    assert returns.returned_at.max() < "2025-04-10"
    assert not list(Path(config.sample.out).parent.glob(".*"))
    # The same delivery again is the same.
    deliver_next(at(config, datetime.date(2025, 4, 10)), trials)
    pd.testing.assert_frame_equal(shipments(config), after)


def test_what_has_not_happened_yet_is_not_delivered(config: Config) -> None:
    with pytest.raises(ConfigError, match="first delivery tells of that time"):
        deliver_next(at(config, datetime.date(2024, 12, 31)), {})
    assert deliver_next(at(config, datetime.date(2025, 2, 1)), {})["shipments"] == 0
    assert shipments(config).empty


def test_an_arm_that_was_stopped_ends_on_that_day() -> None:
    arm = {
        "pilot_id": "p", "marketplace": "NA", "product_id": "a", "package_type": "bag", "begins": 0.0, "ends": 0.5,
        "control": False, "starts_on": BEGINS, "ends_on": ENDS, "stopped_on": datetime.date(2025, 1, 20),
    }  # fmt: skip
    assert trials_of([arm])["NA", "a"].ends_on == datetime.date(2025, 1, 20)
