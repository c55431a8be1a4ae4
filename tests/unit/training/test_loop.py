"""The train function: the same result in one process and two, stopped or not, padded or not."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from safetensors.torch import load_file
from tests.unit.training import small
from tests.unit.training.together import run_together
from torch import Tensor

from leastpack.errors import LeastpackError
from leastpack.files import open_folder
from leastpack.model.fused import FusedModel
from leastpack.training.checkpoint import CHECKPOINT, weights_path
from leastpack.training.loop import Trained, fit
from leastpack.training.manifest import read_manifest
from leastpack.training.progress import read_figures
from leastpack.training.reader import PartReader
from leastpack.training.rows import Batch
from leastpack.training.step import Draws, take_step
from leastpack.training.validation import validation_score
from leastpack.training.workers import Alone


def weights(folder: Path, trained: Trained) -> dict[str, Tensor]:
    return load_file(folder / weights_path(trained.best_epoch))


def furthest(first: dict[str, Tensor], second: dict[str, Tensor]) -> float:
    assert first.keys() == second.keys()
    return max(float((first[name] - second[name]).abs().max()) for name in first)


def batches(folder: Path, part: str = "full") -> list[tuple[int, Batch]]:
    files = open_folder(str(folder))
    return list(enumerate(PartReader(files, read_manifest(files, str(folder)), part).in_order()))


def step_from_scratch(
    drawn: list[tuple[int, Batch]], dropout: float = 0.0, hidden: float = 0.0
) -> tuple[dict[str, Tensor], dict[str, float]]:
    torch.manual_seed(0)
    model = FusedModel(small.SPEC).train()
    model.dropout.p = dropout
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    losses = take_step(model, optimizer, drawn, Draws(3, 0, hidden), Alone())
    return model.state_dict(), losses


def test_training_learns(tmp_path: Path) -> None:
    small.write_snapshot(tmp_path, {"balanced": 64, "full": 256, "validation": 64})
    trained = fit(small.job(tmp_path, phase_one_epochs=2, epochs=8, learning_rate=1e-2), Alone())
    figures = read_figures(open_folder(str(tmp_path)))
    losses = [row["value"] for row in figures if row["name"] == "validation_loss"]
    assert len(losses) == trained.epochs == 10
    assert min(losses[2:]) < 0.9 * losses[0]
    areas = [row["value"] for row in figures if row["name"] == "validation_pr_auc"]
    prevalence = next(row["value"] for row in figures if row["name"] == "validation_prevalence")
    assert max(areas) > prevalence + 0.25
    assert areas[trained.best_epoch] == max(areas[2:])


def test_p4_one_process_and_two_end_with_the_same_weights(tmp_path: Path) -> None:
    alone, both = tmp_path / "alone", tmp_path / "both"
    for folder in (alone, both):
        folder.mkdir()
        small.write_snapshot(folder)
    one = fit(small.job(alone), Alone())
    two, second = run_together(2, lambda workers: fit(small.job(both, processes=2), workers))
    assert (two.best_epoch, two.steps) == (one.best_epoch, one.steps) == (second.best_epoch, second.steps)
    assert furthest(weights(alone, one), weights(both, two)) < 1e-5
    assert two.products_read + second.products_read == one.products_read == 2 * 20 + 3 * 75


def test_modality_and_torch_dropout_are_really_on(tmp_path: Path) -> None:
    small.write_snapshot(tmp_path)
    drawn = batches(tmp_path)[:1]
    hidden = Draws(3, 0, 0.5).drop_modalities(drawn[0][1]).features
    assert 0 < hidden.image_mask.sum() < drawn[0][1].features.image_mask.sum()
    assert 0 < hidden.text_present.sum() < drawn[0][1].features.text_present.sum()
    assert furthest(step_from_scratch(drawn)[0], step_from_scratch(drawn, dropout=0.5)[0]) > 1e-4


def test_modality_dropout_is_new_each_epoch_and_the_same_for_a_key(tmp_path: Path) -> None:
    small.write_snapshot(tmp_path)
    read = [batch for _, batch in batches(tmp_path)]
    first, again, later = (
        np.concatenate([Draws(3, epoch, 0.5).drop_modalities(batch).features.text_present for batch in read])
        for epoch in (0, 0, 1)
    )
    assert (first == again).all()
    assert (first != later).any()


@pytest.mark.parametrize("size", [1, 4, 64])
def test_p4_a_step_does_not_depend_on_the_size_of_its_micro_batches(tmp_path: Path, size: int) -> None:
    """12 products make the same step as 8 + 4, as 4 + 4 + 4, and one by one."""
    steps = []
    for place, rows in enumerate((small.MICRO_BATCH, size)):
        folder = tmp_path / str(place)
        folder.mkdir()
        small.write_snapshot(folder, {"full": 12}, rows)
        steps.append(step_from_scratch(batches(folder), hidden=0.3)[0])
    assert furthest(*steps) < 1e-5


def test_a_product_fused_once_for_all_its_pairs_makes_the_step_of_one_fused_for_each(tmp_path: Path) -> None:
    table = small.placed(24, 0)
    pairs = table["pairs"].to_pylist()
    product = [i for i, listed in enumerate(pairs) for _ in listed]
    opened = table.take(product).set_column(
        table.schema.get_field_index("pairs"),
        table.schema.field("pairs"),
        pa.array([[pair] for listed in pairs for pair in listed], table.schema.field("pairs").type),
    )
    steps = []
    for name, rows in {"products": table, "pairs": opened}.items():
        folder = tmp_path / name
        folder.mkdir()
        manifest = small.write_tables(folder, [("full", 0, rows)])
        assert (manifest.products("full"), manifest.pairs("full")) == (len(rows), 48)
        steps.append(step_from_scratch(batches(folder), hidden=0.3))
    assert furthest(steps[0][0], steps[1][0]) < 1e-5
    assert steps[0][1] == pytest.approx(steps[1][1], rel=1e-5)


@pytest.mark.parametrize("after", [1, 5, 12])
def test_p3_a_stopped_training_resumes_and_ends_as_one_never_stopped(tmp_path: Path, after: int) -> None:
    class StoppedError(Exception):
        pass

    class Killed(Alone):
        calls = 0

        def sum(self, name: str, values: Tensor) -> Tensor:
            self.calls += name == "gradients"
            if self.calls > after:
                raise StoppedError
            return values

    whole, broken = tmp_path / "whole", tmp_path / "broken"
    for folder in (whole, broken):
        folder.mkdir()
        small.write_snapshot(folder)
    expected = fit(small.job(whole), Alone())
    with pytest.raises(StoppedError):
        fit(small.job(broken), Killed())
    resumed = fit(small.job(broken), Alone())
    assert resumed.products_read <= expected.products_read
    assert (after < 2) == (resumed.products_read == expected.products_read)
    assert (resumed.best_epoch, resumed.steps, resumed.epochs) == (expected.best_epoch, expected.steps, expected.epochs)
    assert furthest(weights(whole, expected), weights(broken, resumed)) == 0.0
    figures = [
        [
            {**row, "value": 0.0 if row["name"] == "seconds" else row["value"]}
            for row in read_figures(open_folder(str(f)))
        ]
        for f in (whole, broken)
    ]
    assert figures[0] == figures[1]


def test_a_finished_training_asked_again_does_no_step(tmp_path: Path) -> None:
    small.write_snapshot(tmp_path)
    first = fit(small.job(tmp_path), Alone())
    again = fit(small.job(tmp_path), Alone())
    assert again.products_read == 0
    assert again.best_epoch == first.best_epoch


def test_p10_a_checkpoint_is_one_safetensors_file_with_its_json_in_the_header(tmp_path: Path) -> None:
    small.write_snapshot(tmp_path)
    fit(small.job(tmp_path), Alone())
    content = (tmp_path / CHECKPOINT).read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    assert json.loads(header["__metadata__"]["progress"])["epochs"] == 5
    assert {name.split(".")[0] for name in header} == {"__metadata__", "model", "optimizer"}


def test_every_step_and_epoch_is_recorded(tmp_path: Path) -> None:
    manifest = small.write_snapshot(tmp_path)
    trained = fit(small.job(tmp_path), Alone())
    figures = read_figures(open_folder(str(tmp_path)))
    losses = [row for row in figures if row["name"] == "loss"]
    assert [row["step"] for row in losses] == list(range(trained.steps))
    assert trained.steps == 2 * manifest.steps("balanced", 2, small.MICRO_BATCH) + 3 * manifest.steps(
        "full", 2, small.MICRO_BATCH
    )
    rates = [row["value"] for row in figures if row["name"] == "learning_rate"]
    assert rates[0] == rates[2 * manifest.steps("balanced", 2, small.MICRO_BATCH)] == 2e-3
    assert min(rates) > 0
    for name, count in {"products": int, "pairs": small.pairs_of}.items():
        found = {row["phase"]: row["value"] for row in figures if row["name"] == name}
        assert found == {"balanced": count(20), "full": count(75)}


def test_the_epoch_is_chosen_by_ranking_then_by_loss() -> None:
    assert validation_score({"validation_pr_auc": 0.7, "validation_loss": 9.0}) == 0.7
    assert validation_score({"validation_loss": 0.2}) > validation_score({"validation_loss": 0.3})  # type: ignore[operator]
    assert validation_score({}) is None


def test_the_kept_weights_are_the_best_of_the_last_phase(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small.write_snapshot(tmp_path)
    # The balanced phase ranks best, and yet its risks are far from natural prevalence.
    areas = iter([0.9, 0.8, 0.2, 0.6, 0.4])
    monkeypatch.setattr(
        "leastpack.training.loop.validate", lambda *_: {"validation_pr_auc": next(areas), "validation_loss": 1.0}
    )
    trained = fit(small.job(tmp_path, phase_one_epochs=2, epochs=3), Alone())
    assert trained.best_epoch == 3
    assert weights(tmp_path, trained)


def test_without_validation_the_last_epoch_is_kept(tmp_path: Path) -> None:
    small.write_snapshot(tmp_path, {"balanced": 20, "full": 75})
    trained = fit(small.job(tmp_path), Alone())
    assert trained.best_epoch == trained.epochs - 1


def test_a_training_that_diverges_stops_and_says_so(tmp_path: Path) -> None:
    small.write_snapshot(tmp_path)
    with pytest.raises(LeastpackError, match="no longer a number"):
        fit(small.job(tmp_path, learning_rate=1e30), Alone())


def test_a_training_that_takes_too_long_stops_and_can_resume(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small.write_snapshot(tmp_path)
    clock = iter(range(0, 10_000, 300))
    with monkeypatch.context() as patched:
        patched.setattr("leastpack.training.loop.time.monotonic", lambda: float(next(clock)))
        with pytest.raises(LeastpackError, match="timeout_s"):
            fit(small.job(tmp_path), Alone())
    assert fit(small.job(tmp_path), Alone()).epochs == 5


def test_torchs_random_state_is_left_alone(tmp_path: Path) -> None:
    small.write_snapshot(tmp_path)
    before = torch.random.get_rng_state()
    fit(small.job(tmp_path), Alone())
    assert (torch.random.get_rng_state() == before).all()
