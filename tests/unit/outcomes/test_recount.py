"""What is counted anew after a delivery."""

from __future__ import annotations

import datetime

from leastpack.config.outcomes import OutcomesConfig
from leastpack.outcomes.recount import BEGINNING, Counted, Start, recount, rules_digest

DAY = datetime.date
RULES = OutcomesConfig(return_window_days=30)
UNTIL = {"NA": DAY(2024, 6, 15)}
LAST = {bucket: Counted(rules_digest(RULES), UNTIL, None) for bucket in range(2)}
WHOLE = Start(BEGINNING, BEGINNING)


def test_nothing_is_counted_where_nothing_has_changed():
    assert recount(LAST, {}, UNTIL, RULES, 2) == {}


def test_a_touched_day_is_counted_with_the_window_before_it():
    starts = recount(LAST, {1: DAY(2024, 6, 10)}, UNTIL, RULES, 2)
    assert starts == {1: Start(DAY(2024, 6, 10), DAY(2024, 5, 1))}
    assert starts[1].period == "2024-05"


def test_a_watermark_that_moves_counts_shipments_and_places_nothing():
    for until in ({"NA": DAY(2024, 7, 1)}, {"NA": DAY(2024, 6, 15), "EU": DAY(2024, 6, 1)}):
        starts = recount(LAST, {}, until, RULES, 2)
        first = DAY(2024, 5, 1) if "EU" not in until else BEGINNING
        assert starts == dict.fromkeys(range(2), Start(None, first))
    back = recount(LAST, {}, {"NA": DAY(2024, 3, 20)}, RULES, 2)
    assert back[0].count_from == DAY(2024, 2, 1)


def test_a_run_that_was_stopped_is_made_up_for():
    stopped = {**LAST, 0: Counted(rules_digest(RULES), UNTIL, DAY(2024, 4, 4))}
    assert recount(stopped, {0: DAY(2024, 6, 10)}, UNTIL, RULES, 2) == {0: Start(DAY(2024, 4, 4), DAY(2024, 3, 1))}


def test_other_rules_and_buckets_never_counted_start_from_the_beginning():
    assert recount({}, {}, UNTIL, RULES, 2) == dict.fromkeys(range(2), WHOLE)
    assert recount(LAST, {}, UNTIL, OutcomesConfig(review_max_stars=3), 2) == dict.fromkeys(range(2), WHOLE)
    assert rules_digest(OutcomesConfig(tau=0.05)) == rules_digest(OutcomesConfig()), "labels are made anew anyway"
