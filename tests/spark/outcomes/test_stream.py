"""Day after day, late, corrected and repeated: the same counts as if all had come at once."""

from __future__ import annotations

import os

import pytest
from tests.spark.outcomes.shop import config, write_catalog
from tests.spark.outcomes.stream import PRODUCTS, deliveries, whole

from leastpack.errors import InputError
from leastpack.outcomes import update
from leastpack.outcomes.label import label_outcomes

# `make proofs` delivers sixty days one by one; each is a run of the whole step.
DAYS = int(os.environ.get("LEASTPACK_STREAM_DAYS", "20"))
DELIVERIES = int(os.environ.get("LEASTPACK_STREAM_DELIVERIES", "2"))
RULES = {"return_window_days": 10}
COUNTS = ("pair_outcomes", "pair_tests", "training_examples")


def contents(tables, names=COUNTS):
    return {name: sorted(map(str, tables.read(name).collect())) for name in names}


@pytest.fixture(scope="module")
def at_once(spark, tmp_path_factory):
    """The rows of all days as one delivery."""
    shop = config(tmp_path_factory.mktemp("whole"), whole(deliveries(DAYS, seed=5)), **RULES)
    tables = write_catalog(spark, shop, PRODUCTS)
    label_outcomes(spark, shop)
    return tables


@pytest.fixture
def three_partitions(spark):
    """`at_once` is made in another number of them."""
    before = spark.conf.get("spark.sql.shuffle.partitions")
    spark.conf.set("spark.sql.shuffle.partitions", "3")
    yield
    spark.conf.set("spark.sql.shuffle.partitions", before)


def run(spark, shop):
    # In the first days every shipment is too young for a label; what was delivered is kept.
    try:
        label_outcomes(spark, shop)
    except InputError as error:
        if "younger than the return window" not in str(error):
            raise


@pytest.mark.slow
def test_p3_a_stream_of_deliveries_ends_as_one_delivery_does_also_when_a_run_is_stopped(
    spark, tmp_path, at_once, monkeypatch, three_partitions
):
    """Deliveries of several days each. One run stops between two tables of the history; run again, it finds the rows of
    the first unchanged, and counts them all the same."""
    days = deliveries(DAYS, seed=5)
    step = -(-DAYS // DELIVERIES)
    # A first delivery without any shipment is refused whole: it comes again with the next one.
    begin = next(day for day in range(DAYS) if days[day]["shipments"])
    ends = [day for day in range(step, DAYS, step) if day > begin]
    parts = [whole(days[start:end]) for start, end in zip([0, *ends], [*ends, DAYS], strict=True)]
    tables = write_catalog(spark, config(tmp_path, parts[0], **RULES), PRODUCTS)
    for number, part in enumerate(parts):
        shop = config(tmp_path, part, **RULES)
        if number == len(parts) // 2:
            with monkeypatch.context() as broken:
                broken.setattr(update, "part_condition", _stop)
                with pytest.raises(KeyboardInterrupt):
                    label_outcomes(spark, shop)
            assert tables.read("outcome_buckets").where("pending_from IS NOT NULL").count() > 0
        run(spark, shop)
    assert contents(tables) == contents(at_once)
    verdicts = ["source", "report_id", "verdict", "damaged_shipments"]
    assert sorted(map(str, tables.read("damage_reports").select(verdicts).collect())) == sorted(
        map(str, at_once.read("damage_reports").select(verdicts).collect())
    )


@pytest.mark.slow
def test_p2_the_last_delivery_again_changes_nothing(spark, tmp_path, at_once):
    names = ["shipment_items", "damage_reports", "outcome_buckets", *COUNTS]
    before = [at_once.version(name) for name in names]
    again = config(tmp_path, deliveries(DAYS, seed=5)[-1], **RULES)
    label_outcomes(spark, again.model_copy(update={"tables": at_once.config}))
    assert [at_once.version(name) for name in names] == before


def _stop(*_):
    raise KeyboardInterrupt
