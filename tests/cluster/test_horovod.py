"""The horovod launcher with two real processes, on threads of one JVM and on a cluster of two executor processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from safetensors.torch import load_file
from tests.unit.training import small

from leastpack.training.checkpoint import weights_path
from leastpack.training.loop import fit
from leastpack.training.workers import Alone

CHECKOUT = Path(__file__).parents[2]


def run(master: str, folders: list[Path], cwd: Path) -> tuple[list[dict[str, Any]], str]:
    """What each training came to, and what was shown while they ran."""
    path = os.pathsep.join([str(CHECKOUT / "lib"), str(CHECKOUT)])
    environment = {**os.environ, "PYTHONPATH": path, "PYSPARK_PYTHON": sys.executable}
    done = subprocess.run(
        [sys.executable, "-m", "tests.cluster.horovod_launch", master, path, *map(str, folders)],
        check=False, capture_output=True, text=True, timeout=300, cwd=cwd, env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.strip().splitlines()[-1]), done.stderr


def put_group(path: Path, group: int, place: int) -> None:
    """Put a copy of a row group in the place of another one."""
    table, size = pq.read_table(path), small.MICRO_BATCH
    order = [group if here == place else here for here in range(len(table) // size)]
    with pq.ParquetWriter(path, table.schema) as writer:
        for each in order:
            writer.write_table(table.slice(each * size, size))


@pytest.mark.slow
@pytest.mark.parametrize("master", [pytest.param("local[2]", marks=pytest.mark.proof), "local-cluster[2,1,2048]"])
def test_p4_two_horovod_processes_end_with_the_weights_of_one(tmp_path: Path, master: str) -> None:
    alone, both, broken = (tmp_path / name for name in ("alone", "both", "broken"))
    for folder in (alone, both, broken):
        folder.mkdir()
        # One of the two processes has no row group of the validation split.
        manifest = small.write_snapshot(folder, {**small.PARTS, "validation": small.MICRO_BATCH})
    put_group(broken / manifest.part("full")[0].path, 1, 3)
    trained = fit(small.job(alone), Alone())
    (good, bad), shown = run(master, [both, broken], tmp_path)
    assert good["best_epoch"] == trained.best_epoch
    assert good["products_read"] == trained.products_read - 2 * 8 - 3 * 35  # process 1 has 8 of 20 and 35 of 75
    one, two = (load_file(folder / weights_path(trained.best_epoch)) for folder in (alone, both))
    assert one.keys() == two.keys()
    assert max(float((one[name] - two[name]).abs().max()) for name in one) < 1e-4
    assert shown.count("epoch done") >= trained.epochs
    # Only process 1 reads groups 1 and 3; the other one waits for it, and is not left waiting.
    assert bad["error"] == "PromiseError"
    assert "a row group of part full of the snapshot came twice" in bad["message"]
    assert bad["seconds"] < 150
