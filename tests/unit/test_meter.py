"""What workers tell of their work."""

from __future__ import annotations

import time

import pyarrow as pa

from leastpack.meter import Meter


def test_rows_given_away_in_pieces_are_the_same_and_tell_how_long_the_taker_kept_them() -> None:
    rows = pa.RecordBatch.from_pydict(
        {"number": pa.array(range(25)), "list": pa.array([[i] * (i % 3) for i in range(25)])}
    )
    told = Meter(("own_s", "wait_s"))
    told.add("own_s", 2.0)
    pieces = []
    for piece in told.given_away("wait_s", rows, 10):
        pieces.append(piece)
        time.sleep(0.02)
    assert [len(piece) for piece in pieces] == [10, 10, 5]
    together = pa.Table.from_batches(pieces)
    assert together.select(rows.schema.names).to_pydict() == rows.to_pydict()
    metered = {name: [x for x in together.column(name).to_pylist() if x is not None] for name in ("own_s", "wait_s")}
    assert metered["own_s"] == [2.0, 0.0, 0.0]
    # The last piece's wait is over after its columns were made: the next rows would tell of it.
    assert metered["wait_s"][0] == 0.0
    assert min(metered["wait_s"][1:]) >= 0.02
    assert told.columns(1)["wait_s"][0].as_py() >= 0.02
