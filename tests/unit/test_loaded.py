"""A worker loads a model once a stage, and a step whose worker did not is stopped."""

from __future__ import annotations

import pytest

from leastpack.errors import PromiseError
from leastpack.loaded import loaded_once
from leastpack.meter import LOADS, LOADS_OF_WORKER, Meter
from leastpack.observed import tell
from leastpack.runs import Run


def test_a_thing_is_loaded_once_and_two_on_two_devices_do_not_push_each_other_out() -> None:
    told = Meter(LOADS)
    for kind in ("encoder on cuda:0", "encoder on cuda:1", "encoder on cuda:0"):
        assert loaded_once(kind, "weights", lambda kind=kind: kind, told) == kind
    metered = {name: column[0].as_py() for name, column in told.columns(1).items()}
    assert (metered["loads"], metered[LOADS_OF_WORKER]) == (2, 2)  # one each


def test_a_worker_that_loads_again_what_it_had_fails_the_step() -> None:
    most = 0.0
    for key in ("a", "b", "a"):
        told = Meter(LOADS)
        loaded_once("model", key, object, told)
        most = max(most, told.columns(1)[LOADS_OF_WORKER][0].as_py())
    assert most == 2
    run = Run("score", "run")
    with pytest.raises(PromiseError, match="model loads of a worker beyond the first, cross"):
        tell(run, "cross", {"loads": 3.0, LOADS_OF_WORKER: most})
    tell(run, "cross", {"loads": 3.0, LOADS_OF_WORKER: 1.0})
    assert run.figures == {"cross.loads": 3.0, f"cross.{LOADS_OF_WORKER}": 1.0}
