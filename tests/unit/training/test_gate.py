from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from leastpack.training.gate import Measured, choose, measure

N = 5000
FAST, SLOW, WRONG = Measured(0.001, 0.0, 300.0, N), Measured(0.0, 0.0, 100.0, N), Measured(0.2, 0.05, 900.0, N)


def logits(n: int = 6000) -> np.ndarray:
    return np.random.default_rng(1).normal(size=(n // 6, 6))


def test_the_same_risks_pass_and_rounding_moves_nothing_across_a_border() -> None:
    before = logits()
    assert measure(before, before, 1.0) == Measured(0.0, 0.0, 1.0, before.size)
    rounded = before + np.random.default_rng(2).uniform(-1e-7, 1e-7, before.shape)
    assert measure(before, rounded, 1.0).crossing == 0.0


def test_equal_risks_cross_no_border() -> None:
    before = np.repeat([0.0, 1.0, 2.0], 100)
    assert measure(before, before + 1e-9, 1.0).crossing == 0.0


@pytest.mark.parametrize(("change", "passes"), [(1e-5, True), (0.005, False), (0.2, False)])
def test_a_change_is_measured_in_log_odds_and_deciles(change: float, passes: bool) -> None:
    before = logits(60_000)
    sign = np.random.default_rng(3).choice([-1.0, 1.0], before.shape)
    found = measure(before, before + change * sign, 1.0)
    assert found.change_p99 == pytest.approx(change)
    assert found.passes is passes


def test_a_few_wild_pairs_are_within_the_gate_and_one_in_fifty_is_not() -> None:
    before = logits(60_000)
    wild = before.copy()
    wild.flat[:30] += 3.0
    assert measure(before, wild, 1.0).passes
    wild.flat[:1200] += 3.0
    assert not measure(before, wild, 1.0).passes


def test_the_fastest_engine_that_passes_is_chosen() -> None:
    tried = {"torch-fp32": SLOW, "openvino-fp32": FAST, "openvino-bf16": WRONG}
    assert choose(tried, "torch-fp32") == "openvino-fp32"


def test_the_engine_in_use_stays_where_another_is_hardly_faster_and_where_nothing_passes() -> None:
    hardly = Measured(0.0, 0.0, 119.0, N)
    assert choose({"torch-fp32": SLOW, "openvino-fp32": hardly}, "torch-fp32") == "torch-fp32"
    assert choose({"torch-fp32": hardly, "openvino-fp32": WRONG}, "openvino-fp32") == "torch-fp32"
    assert choose({"openvino-bf16": WRONG}, "openvino-fp32") == "openvino-fp32"
    assert choose({}, "openvino-fp32") == "openvino-fp32"


def test_too_few_pairs_change_nothing() -> None:
    few = {"torch-fp32": dataclasses.replace(SLOW, pairs=900), "openvino-fp32": dataclasses.replace(FAST, pairs=900)}
    assert choose(few, "torch-fp32") == "torch-fp32"
