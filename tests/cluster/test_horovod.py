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


def swap_groups(path: Path, first: int, second: int) -> None:
    table, size = pq.read_table(path), small.MICRO_BATCH
    order = list(range(len(table) // size))
    order[first], order[second] = second, first
    with pq.ParquetWriter(path, table.schema) as writer:
        for group in order:
            writer.write_table(table.slice(group * size, size))


@pytest.mark.slow
@pytest.mark.parametrize("master", [pytest.param("local[2]", marks=pytest.mark.proof), "local-cluster[2,1,2048]"])
def test_p4_two_horovod_processes_end_with_the_weights_of_one(tmp_path: Path, master: str) -> None:
    alone, both, broken = (tmp_path / name for name in ("alone", "both", "broken"))
    for folder in (alone, both, broken):
        folder.mkdir()
        manifest = small.write_snapshot(folder)
    swap_groups(broken / manifest.part("full")[0].path, 1, 3)
    trained = fit(small.job(alone), Alone())
    (good, bad), shown = run(master, [both, broken], tmp_path)
    assert good["best_epoch"] == trained.best_epoch
    assert good["rows_read"] == trained.rows_read // 2
    one, two = (load_file(folder / weights_path(trained.best_epoch)) for folder in (alone, both))
    assert one.keys() == two.keys()
    assert max(float((one[name] - two[name]).abs().max()) for name in one) < 1e-4
    assert shown.count("epoch done") >= trained.epochs
    # Only process 1 reads groups 1 and 3; the other one waits for it, and is not left waiting.
    assert bad["error"] == "PromiseError"
    assert "data/full/0.parquet came out of order" in bad["message"]
    assert bad["seconds"] < 150
