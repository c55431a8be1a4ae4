"""Draws and sampling arms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from leastpack.config.training import TrainingConfig
from leastpack.training.arms import in_phase, keep_probability, phases_of
from leastpack.training.draws import hashes, seed_of, uniform

KEYS = np.random.default_rng(0).integers(-(2**62), 2**62, 20_000)
TARGET = np.where(np.arange(len(KEYS)) % 20 == 0, 0.9, 0.1)


def sampled(keys: np.ndarray, target: np.ndarray, seed: int = 11) -> np.ndarray:
    balanced = phases_of(TrainingConfig())[0]
    return in_phase(balanced, keys, target, keep_probability(1_000, 19_000), seed)


def test_draws_are_uniform_and_independent_of_each_other() -> None:
    first, second = uniform(KEYS, 11, "a"), uniform(KEYS, 11, "b")
    assert 0.0 <= first.min() < first.max() < 1.0
    np.testing.assert_allclose(np.histogram(first, bins=10, range=(0, 1))[0] / len(KEYS), 0.1, atol=0.01)
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.02
    neighbours = uniform(np.arange(20_000), 11)
    assert abs(np.corrcoef(neighbours[1:], neighbours[:-1])[0, 1]) < 0.02


@given(st.permutations(range(50)))
def test_p4_a_draw_depends_on_its_own_key_alone(order: list[int]) -> None:
    keys = KEYS[:50]
    assert (hashes(keys[order], 3, "x") == hashes(keys, 3, "x")[order]).all()
    assert (sampled(keys[order], TARGET[:50][order]) == sampled(keys, TARGET[:50])[order]).all()


def test_seeds_are_fixed_numbers() -> None:
    # Other values would change every snapshot and every dropout mask between versions.
    assert seed_of(11, "dropout", 0, 3) == 8388686035188372155
    assert hashes(np.array([0, 1, -1]), 11).tolist() == [4456784930369763738, 7553773405274350741, 5955619588401341228]


def test_two_phase_keeps_all_positive_rows_and_as_many_others() -> None:
    kept = sampled(KEYS, TARGET)
    assert kept[TARGET > 0.5].all()
    assert kept[TARGET < 0.5].sum() == pytest.approx(1_000, rel=0.1)
    assert (sampled(KEYS, TARGET, seed=12) != kept).any()


def test_the_last_phase_of_every_arm_learns_from_all_rows() -> None:
    for arm, names in {"plain": ["full"], "two_phase_under": ["balanced", "full"]}.items():
        phases = phases_of(TrainingConfig(arm=arm, phase_one_epochs=2, epochs=5))
        assert [phase.name for phase in phases] == names
        assert phases[-1].epochs == 5
        assert in_phase(phases[-1], KEYS, TARGET, 0.0, 1).all()


def test_rows_are_never_multiplied_where_the_rest_is_the_minority() -> None:
    assert keep_probability(10, 5) == 1.0
    assert keep_probability(10, 0) == 1.0


def test_processes_must_divide_the_groups_of_a_step() -> None:
    with pytest.raises(ValidationError, match="must divide groups_per_step"):
        TrainingConfig(processes=2, groups_per_step=3)
