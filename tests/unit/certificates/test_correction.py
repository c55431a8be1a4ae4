"""What labels leave open about the rates that a round is planned on."""

from __future__ import annotations

import numpy as np
import pytest

from leastpack.certificates.correction import Correction


def test_the_factor_is_what_was_found_over_what_was_expected_and_few_labels_leave_more_open() -> None:
    few = Correction(np.array([0.0, 2.0]), np.array([3.0, 4.0])).factors
    many = Correction(np.array([0.0, 2000.0]), np.array([3000.0, 4000.0])).factors
    assert few.mean(axis=0) == pytest.approx([1 / 4, 3 / 5], rel=0.1)
    assert many[:, 1] == pytest.approx(0.5, rel=0.05)
    spread = few.max(axis=0) / few.min(axis=0)
    assert (spread > 5).all()
    assert (np.diff(few, axis=0) > 0).all()


def test_without_labels_predictions_are_believed_within_wide_bounds() -> None:
    none = Correction(np.zeros(1), np.zeros(1)).factors
    assert float(np.median(none)) == pytest.approx(np.log(2))
    assert none.min() < 0.1
    assert none.max() > 2
