"""Past shipments that were assigned at random: each product counts alike, and the exact test holds for any rates."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leastpack.errors import InputError
from leastpack.policy.assigned import as_told, counts
from leastpack.policy.exact import binomial_p_values

Numbers = npt.NDArray[np.float64]


@given(st.lists(st.floats(0.05, 1.0), min_size=1, max_size=20))
def test_every_product_counts_with_the_same_probability(propensity: list[float]) -> None:
    """Drawn with p, counted with least / p: the share of all hashes that count, times p, is `least`."""
    places = (np.arange(2000) + 0.5) / 2000
    for p in propensity:
        counted = counts(np.full(2000, p), 0.05, places).mean()
        assert p * counted == pytest.approx(0.05, abs=p / 1000)


def test_a_draw_that_is_rarer_than_that_does_not_count() -> None:
    assert counts([0.0499, 0.05, 1 / 20], 0.05, [0.0, 0.0, 0.999]).tolist() == [False, True, True]


@given(
    rates=st.lists(st.floats(0, 1), min_size=2, max_size=8),
    least=st.floats(0.1, 0.9),
    delta=st.floats(0.01, 0.25),
    below=st.floats(0.3, 0.999),
)
def test_no_list_that_breaks_its_promise_passes_more_often_than_delta(
    rates: list[float], least: float, delta: float, below: float
) -> None:
    """All outcomes enumerated: which products count, and which of these break, each at its own rate."""
    alpha = float(np.mean(rates)) * below
    if not 0.001 < alpha < 0.999:
        return
    together = np.zeros((len(rates) + 1, len(rates) + 1))  # [counted, broken]
    together[0, 0] = 1.0
    for rate in rates:
        after = together * (1 - least)
        after[1:, :] += least * (1 - rate) * together[:-1, :]
        after[1:, 1:] += least * rate * together[:-1, :-1]
        together = after
    assert together.sum() == pytest.approx(1)
    for n in range(1, len(rates) + 1):
        of_n = together[n, : n + 1] / together[n].sum()
        passes = binomial_p_values(np.arange(n + 1), np.full(n + 1, n), alpha) <= delta
        assert of_n[passes].sum() <= delta + 1e-9


def test_draws_that_were_not_made_as_is_told_are_found_without_an_outcome() -> None:
    p_values = as_told([4000, 4000, 4000, 0], [400, 310, 700, 0], 0.1)
    assert p_values[0] > 0.9
    assert (p_values[1:3] < 1e-5).all()
    assert p_values[3] == 1
    # Exact: under what is told at most that share lies at or under any level.
    law = np.random.default_rng(0).binomial(200, 0.1, 20_000)
    assert (as_told(200, law, 0.1) < 0.01).mean() < 0.012


@pytest.mark.parametrize("propensity", [[0.0], [1.2], [float("nan")]])
def test_a_propensity_that_is_none_is_refused(propensity: list[float]) -> None:
    with pytest.raises(InputError, match="propensity"):
        counts(propensity, 0.05, [0.5])


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(InputError, match="least"):
        counts([0.5], 1.0, [0.5])
    with pytest.raises(InputError, match="counts"):
        as_told([3], [4], 0.1)
