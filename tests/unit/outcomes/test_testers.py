from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from leastpack.config.outcomes import OutcomesConfig
from leastpack.config.rates import Counts, interval
from leastpack.outcomes.testers import needed_passes, posterior_after_tests

RATES = st.floats(0.01, 0.99)
COUNTS = st.integers(1, 400).flatmap(lambda of: st.builds(Counts, found=st.integers(0, of), of=st.just(of)))


def rules(**changes: object) -> OutcomesConfig:
    return OutcomesConfig.model_validate(changes)


@given(COUNTS)
def test_each_end_of_the_interval_is_where_the_counts_become_unlikely(counts: Counts) -> None:
    low, high = interval(counts)
    assert 0 <= low <= counts.found / counts.of <= high <= 1
    assert (low == 0) == (counts.found == 0)
    assert (high == 1) == (counts.found == counts.of)
    if low > 0:
        assert stats.binom.sf(counts.found - 1, counts.of, low) == pytest.approx(0.025)
    if high < 1:
        assert stats.binom.cdf(counts.found, counts.of, high) == pytest.approx(0.025)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"reporting_rate": {"found": 93, "of": 92}}, "no more can be found"),
        ({"reporting_rate": {"found": 0, "of": 92}}, "found 0 tells nothing"),
        ({"reporting_rate": 0}, "greater than 0"),
        ({"reporting_rate": 1.1}, "less than or equal to 1"),
        ({"human_test_sensitivity": {"found": 0, "of": 3}}, "found 0 tells nothing"),
        ({"human_test_sensitivity": {"found": 3}}, "Field required"),
        ({"human_test_false_alarm": {"found": 0, "of": 0}}, "greater than or equal to 1"),
        ({"human_test_false_alarm": -0.1}, "greater than or equal to 0"),
    ],
)
def test_rates_that_cannot_be_are_refused(changes: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        rules(**changes)


@pytest.mark.parametrize(
    ("rate", "threshold"),
    [(1, 0.01), (0.7, 0.007), ({"found": 88, "of": 92}, 0.01 * 0.8924), ({"found": 9, "of": 9}, 0.00664)],
)
def test_labels_are_judged_at_the_lower_end_of_the_reporting_rate(rate: object, threshold: float) -> None:
    assert rules(tau=0.01, reporting_rate=rate).threshold == pytest.approx(threshold, rel=1e-3)


@pytest.mark.parametrize(
    ("sensitivity", "needed"),
    [
        (1, 1),
        (0.95, 1),
        (0.94, 2),
        (0.8, 2),
        (0.5, 5),
        (0.05, 59),
        ({"found": 100, "of": 100}, 1),  # at least .964
        ({"found": 50, "of": 50}, 2),  # at least .929
        ({"found": 18, "of": 20}, 3),  # at least .683
    ],
)
def test_a_pair_is_safe_once_an_unsafe_one_would_hardly_have_passed_as_often(sensitivity: object, needed: int) -> None:
    assert needed_passes(rules(human_test_sensitivity=sensitivity)) == needed


@given(st.floats(0.001, 1), st.floats(0.5, 0.999))
def test_the_tests_needed_are_the_fewest_that_do(sensitivity: float, confidence: float) -> None:
    n = needed_passes(rules(human_test_sensitivity=sensitivity, confidence=confidence))
    assert n is not None
    assert (1 - sensitivity) ** n <= 1 - confidence
    assert n == 1 or (1 - sensitivity) ** (n - 1) > 1 - confidence


def test_testers_who_never_err_make_a_target_of_0_or_1() -> None:
    prior = np.array([0.0, 0.3, 1.0])
    assert posterior_after_tests(prior, [2, 2, 2], [0, 0, 0], rules()).tolist() == [0, 0, 0]
    assert posterior_after_tests(prior[1:], [2, 2], [2, 2], rules()).tolist() == [1, 1]
    assert posterior_after_tests(prior, [2, 2, 2], [1, 1, 1], rules()).tolist() == [1, 1, 1]


@given(RATES, RATES, RATES, st.integers(1, 12), st.data())
def test_of_known_rates_the_target_is_bayes(prior: float, s: float, f: float, n: int, data: st.DataObject) -> None:
    k = data.draw(st.integers(0, n))
    found = posterior_after_tests([prior], [n], [k], rules(human_test_sensitivity=s, human_test_false_alarm=f))
    unsafe, safe = prior * stats.binom.pmf(k, n, s), (1 - prior) * stats.binom.pmf(k, n, f)
    assert found[0] == pytest.approx(unsafe / (unsafe + safe), rel=1e-6)


@given(RATES, COUNTS, COUNTS, st.integers(1, 12), st.data())
def test_of_counts_no_rates_within_the_intervals_make_a_pair_less_safe(
    prior: float, sensitivity: Counts, false_alarm: Counts, n: int, data: st.DataObject
) -> None:
    if not sensitivity.found:
        return
    k = data.draw(st.integers(0, n))
    config = rules(human_test_sensitivity=sensitivity, human_test_false_alarm=false_alarm)
    found = posterior_after_tests([prior], [n], [k], config)[0]
    for s in np.linspace(*interval(sensitivity), 7):
        for f in np.linspace(*interval(false_alarm), 7):
            within = rules(human_test_sensitivity=float(s), human_test_false_alarm=float(f))
            assert posterior_after_tests([prior], [n], [k], within)[0] <= found + 1e-12
