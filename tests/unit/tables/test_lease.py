"""One lease a table set, wherever it is kept."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
import structlog
from botocore.exceptions import ClientError
from moto.server import ThreadedMotoServer

from leastpack.errors import WriterError
from leastpack.tables.lease import Holder, Lease, OvertakenError, Place
from leastpack.tables.lease_folder import FolderPlace
from leastpack.tables.lease_s3 import ObjectPlace
from leastpack.tables.writer import Writer, unlock, writing

Open = Callable[[], Place]


@pytest.fixture(scope="module")
def store() -> Iterator[Any]:
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing", "region_name": "us-east-1"}
    client = boto3.client("s3", endpoint_url=f"http://127.0.0.1:{port}", **keys)
    client.create_bucket(Bucket="tables")
    yield client
    server.stop()


@pytest.fixture(params=["folder", "s3"])
def open_place(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """Opens the same empty place again and again, as each process does for itself."""
    if request.param == "folder":
        return lambda: FolderPlace(tmp_path / "tables" / "_lease")
    client = request.getfixturevalue("store")
    return lambda: ObjectPlace(f"s3a://tables/{tmp_path.name}/_lease/lease.json", client)


def lease_of(run: str, seconds: float = 60, **changes: Any) -> Lease:
    now = datetime.now(UTC)
    elsewhere = Holder("elsewhere", "ann", 7, "another machine", 1)
    lease = Lease(int(now.timestamp() * 1000), "encode", run, elsewhere, now, now + timedelta(seconds=seconds))
    return replace(lease, **changes)


def test_of_all_orders_of_two_that_write_only_the_one_who_saw_the_latest_succeeds(open_place: Open) -> None:
    one, other = open_place(), open_place()
    assert one.read() == (None, one.read()[1])
    empty = other.read()[1]
    first = lease_of("a")
    tag = one.write(first, empty)
    with pytest.raises(OvertakenError):
        other.write(lease_of("b"), empty)  # both saw that there was none
    assert other.read() == (first, tag)
    newer = other.write(lease_of("b"), tag)  # a takeover
    with pytest.raises(OvertakenError):
        one.write(first.renewed(60), tag)  # the first one renews what is not its any more
    found, latest = one.read()
    assert (found and found.run_id, latest) == ("b", newer)


def test_of_many_that_take_it_at_once_one_gets_it(open_place: Open) -> None:
    barrier = threading.Barrier(8)

    def take(number: int) -> str:
        place = open_place()
        barrier.wait()
        try:
            return f"got by {Writer.take(place, 'catalog', f'run{number}', 60).lease.run_id}"
        except WriterError as error:
            return error.what

    with ThreadPoolExecutor(8) as pool:
        said = list(pool.map(take, range(8)))
    winners = [one.removeprefix("got by ") for one in said if one.startswith("got by ")]
    assert len(winners) == 1
    refused = [one for one in said if not one.startswith("got by ")]
    assert all(f"step catalog of run {winners[0]}" in one and "since" in one and "until" in one for one in refused)


@pytest.mark.parametrize(
    ("given", "kept_out", "fences"),
    [
        ({}, True, False),
        ({"seconds": -1}, False, True),
        ({"unlocked": True}, False, True),
        ({"given_back": True}, False, False),
        ({"seconds": -1, "given_back": True}, False, False),
        ({"seconds": -1, "epoch": 10**13}, False, True),
    ],
)
def test_who_may_take_it(open_place: Open, given: dict[str, Any], kept_out: bool, fences: bool) -> None:
    before = lease_of("a", **given)  # made now: it holds for a minute
    place = open_place()
    place.write(before, place.read()[1])
    if kept_out:
        with pytest.raises(WriterError, match=r"encode of run a \(ann, process 7 on elsewhere\), since .*, until"):
            Writer.take(open_place(), "catalog", "b", 60)
        return
    writer = Writer.take(open_place(), "catalog", "b", 60)
    assert writer.took_over == fences
    assert writer.lease.epoch > before.epoch


def test_the_lease_of_a_process_that_has_ended_on_this_machine_is_free(open_place: Open) -> None:
    code = "from leastpack.tables.lease import *; print(Lease.take(None, 'score', 'dead', 60).to_json())"
    ended = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    place = open_place()
    place.write(Lease.from_json(ended), place.read()[1])
    assert Writer.take(open_place(), "score", "next", 60).took_over
    place = open_place()
    alive = replace(Lease.from_json(ended), holder=Holder.here())
    place.write(alive, place.read()[1])
    with pytest.raises(WriterError, match="run dead"):
        Writer.take(open_place(), "score", "next", 60)


def test_it_is_renewed_while_work_goes_on_and_given_back_at_the_end(open_place: Open) -> None:
    def work() -> None:
        with writing(open_place(), "catalog", "a", 1) as writer:
            time.sleep(1.5)
            held, _ = open_place().read()
            assert held
            assert held.is_held()
            assert held.epoch == writer.lease.epoch
            with ThreadPoolExecutor(1) as pool:  # another thread is another run
                pool.submit(lambda: writing(open_place(), "catalog", "b", 60).__enter__()).result()

    with pytest.raises(WriterError, match="run a"):
        work()
    after, _ = open_place().read()
    assert after
    assert after.given_back
    with writing(open_place(), "catalog", "b", 60) as later:
        assert later.lease.epoch > after.epoch
        assert not later.took_over


def test_steps_of_one_run_share_its_lease(open_place: Open) -> None:
    with writing(open_place(), "run", "a", 60) as road:
        with writing(open_place(), "catalog", "a", 60) as step:
            assert step is road
            held, _ = open_place().read()
            assert held
            assert (held.step, held.given_back) == ("catalog", False)
        held, _ = open_place().read()
        assert held
        assert not held.given_back


def test_whoever_lost_it_is_told_who_has_it_and_leaves_it_to_them(open_place: Open) -> None:
    with writing(open_place(), "encode", "slow", 60) as writer:
        writer.require_lease()
        lost = unlock(open_place())
        assert lost
        assert lost.run_id == "slow"
        assert unlock(open_place()) is None
        with pytest.raises(WriterError, match="leastpack unlock took it away"):
            writer.require_lease()
        Writer.take(open_place(), "catalog", "quick", 60)
        with pytest.raises(WriterError, match=r"run slow has lost .* taken over by step catalog of run quick"):
            writer.require_lease()
        assert "run quick" in writer.conflict_error("products").what
    held, _ = open_place().read()
    assert held
    assert held.run_id == "quick"
    assert held.is_held()


def test_stamps_grow_with_each_commit_and_each_lease(open_place: Open, tmp_path: Path) -> None:
    # The last one as where somebody has deleted the lease: the tables remember the one before.
    versions = []
    for place in (open_place(), open_place(), FolderPlace(tmp_path / "new")):
        with writing(place, "catalog", "a", 60) as writer:
            versions += [writer.stamp().version for _ in range(3)]
    assert versions == sorted(set(versions))


def test_a_file_that_is_no_lease_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leastpack.tables.lease_folder.PATIENCE_S", 0.1)
    for text in ("", "{", json.dumps({"epoch": 1})):
        (tmp_path / "3.json").write_text(text, encoding="utf-8")
        with pytest.raises(WriterError, match=r"3\.json is no lease"):
            FolderPlace(tmp_path).read()


class Careless:
    """A store that takes every put, or knows no conditions at all."""

    def __init__(self, client: Any, knows: bool) -> None:
        self.get_object, self._put, self._knows = client.get_object, client.put_object, knows

    def put_object(self, IfMatch: str = "", IfNoneMatch: str = "", **rest: Any) -> Any:  # noqa: N803
        if not self._knows and (IfMatch or IfNoneMatch):
            raise ClientError(
                {"Error": {"Code": "NotImplemented"}, "ResponseMetadata": {"HTTPStatusCode": 501}}, "PutObject"
            )
        return self._put(**rest)


@pytest.mark.parametrize("knows", [True, False])
def test_a_store_that_ignores_conditions_is_warned_of(store: Any, tmp_path: Path, knows: bool) -> None:
    uri = f"s3://tables/{tmp_path.name}/careless.json"
    with structlog.testing.capture_logs() as told:
        ObjectPlace(uri, store).write(lease_of("a", seconds=-1), "")
        assert told == []
        Writer.take(ObjectPlace(uri, Careless(store, knows)), "catalog", "b", 60)
    assert any("ignores conditions" in line["event"] for line in told)
    with pytest.raises(WriterError, match="run b"):
        Writer.take(ObjectPlace(uri, Careless(store, knows)), "catalog", "c", 60)
