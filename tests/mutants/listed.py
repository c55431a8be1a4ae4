"""The mutations: for each, what the code would no longer do, and the test that must notice."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """One change of the sources that a test must not survive.

    Attributes:
        name: What the code no longer does.
        file: Below lib/leastpack.
        original: Text that occurs there once.
        mutated: What it is replaced by.
        test: The test that fails on it, from the top of the checkout; with all its cases.
    """

    name: str
    file: str
    original: str
    mutated: str
    test: str


_OPTIONS = "tests/unit/policy/test_recommend.py::test_options_of_products_from_their_scores"
_CERTIFY = "tests/spark/certificates/test_certify.py"
_BRANCHES = "tests/unit/model/test_model_branches.py"
_INTERVAL = "tests/unit/reporting/test_effects.py::test_an_effect_has_the_95_percent_interval_of_its_mean"
_MAPS = "tests/spark/tables/test_store.py::test_maps_are_compared_whatever_the_order_of_their_entries"
_ABSENT = f"{_BRANCHES}::test_a_product_without_photos_has_the_learnt_vector_and_others_have_nothing_of_it"

MUTANTS = (
    Mutant(
        "weight_cost ignored",
        "policy/options.py",
        "weight = settings.weight_cost / market.unit",
        "weight = 0.0 / market.unit",
        f"{_OPTIONS}",
    ),
    Mutant(
        "damage_cost ignored",
        "policy/options.py",
        "settings.damage_cost * price",
        "1.0 * price",
        f"{_OPTIONS}",
    ),
    Mutant(
        "missing results count as SAFE",
        "certificates/attempt.py",
        "result is not False",
        "bool(result)",
        f"{_CERTIFY}::test_missing_results_count_as_unsafe_once_time_is_up",
    ),
    Mutant(
        "results of a panel train the model",
        "outcomes/label.py",
        "taught = by_tests.where(~withheld)",
        "taught = by_tests",
        "tests/spark/certificates/test_panel.py::test_results_of_a_panel_do_not_train",
    ),
    Mutant(
        "what is proven after the draw changes the tested policy",
        "decisions/decided.py",
        "DISPROVED if one is None else grounds.policy_bits[one.round_id]",
        "DISPROVED",
        "tests/unit/decisions/test_rules.py::test_where_a_chosen_pair_is_found_unsafe_later_nothing_takes_its_place",
    ),
    Mutant(
        "a revoked certificate leaves its moves",
        "policy/trial.py",
        "today = np.where(on, trials.before, shipped)",
        "today = shipped",
        "tests/unit/decisions/test_rules.py::test_a_certificate_that_ends_sends_its_moves_back_unless_they_are_proven",
    ),
    Mutant(
        "audit weights ignored in calibration",
        "training/evaluation.py",
        "np.where(drawn, audit / audit[drawn].mean(), 0.0)",
        "np.where(drawn, 1.0, 0.0)",
        "tests/unit/training/test_evaluation.py::test_every_audited_pair_counts_by_how_seldom_its_like_was_drawn",
    ),
    Mutant(
        "best weights taken from the balanced phase",
        "training/loop.py",
        "keep=phase is phases[-1]",
        "keep=True",
        "tests/unit/training/test_loop.py::test_the_kept_weights_are_the_best_of_the_last_phase",
    ),
    Mutant(
        "image max pooling removed",
        "model/branches.py",
        "torch.cat([mean, highest.masked_fill(~present[:, None], 0.0)], dim=1)",
        "torch.cat([mean, mean], dim=1)",
        f"{_BRANCHES}::test_views_are_pooled_by_mean_and_by_maximum",
    ),
    Mutant(
        "padding counts in the image maximum",
        "model/branches.py",
        'spread.masked_fill(~mask[..., None], float("-inf")).amax(dim=1)',
        "spread.amax(dim=1)",
        f"{_BRANCHES}::test_views_are_pooled_by_mean_and_by_maximum",
    ),
    Mutant(
        "absent photo has no vector",
        "model/branches.py",
        "torch.where(present[:, None], pooled, self.absent), present",
        "pooled, present",
        _ABSENT,
    ),
    Mutant(
        "absent photo's vector is not learnt",
        "model/branches.py",
        "torch.where(present[:, None], pooled, self.absent), present",
        "torch.where(present[:, None], pooled, self.absent.detach()), present",
        _ABSENT,
    ),
    Mutant(
        "a safe default may break in a stronger type",
        "policy/recommend.py",
        "known.fits & known.safe_default & ~known.unsafe",
        "known.fits & known.safe_default",
        "tests/unit/policy/test_recommend.py::test_a_safe_default_that_is_proven_unsafe_is_none",
    ),
    Mutant(
        "effect intervals twice as wide",
        "reporting/effects.py",
        "student.ppf(0.975, n - 1) * values",
        "2.0 * student.ppf(0.975, n - 1) * values",
        _INTERVAL,
    ),
    Mutant(
        "effect intervals are those of one product",
        "reporting/effects.py",
        "values.std(ddof=1) / np.sqrt(n)",
        "values.std(ddof=1)",
        _INTERVAL,
    ),
    Mutant(
        "map branch of table differences removed",
        "tables/differences.py",
        'if kind.startswith("map"):',
        "if False:",
        _MAPS,
    ),
    Mutant(
        "maps differ by the order of their entries",
        "tables/differences.py",
        "F.sort_array(F.map_entries(left)), F.sort_array(F.map_entries(right))",
        "F.map_entries(left), F.map_entries(right)",
        _MAPS,
    ),
    Mutant(
        "maps are never compared",
        "tables/differences.py",
        "F.sort_array(F.map_entries(left)), F.sort_array(F.map_entries(right))",
        "F.lit(1), F.lit(1)",
        _MAPS,
    ),
    Mutant(
        "O_NOFOLLOW removed",
        "encoders/fetch.py",
        " | os.O_NOFOLLOW",
        "",
        "tests/unit/encoders/test_fetch.py::test_a_link_put_in_place_of_a_file_after_it_was_checked_is_not_followed",
    ),
    Mutant(
        "where an open file is goes unchecked",
        "encoders/fetch.py",
        "            allow.check_inside(real)\n",
        "",
        "tests/unit/encoders/test_fetch.py::test_p9_a_folder_that_becomes_a_link_after_it_was_checked_is_not_followed",
    ),
    Mutant(
        "what is not on a certified list moves",
        "policy/recommend.py",
        "known.banned | known.unlisted)",
        "known.banned)",
        "tests/unit/policy/test_recommend.py::test_every_reason",
    ),
    Mutant(
        "what is taken out of a list still counts against it",
        "policy/exact.py",
        "astype(np.int64) + 1 + out",
        "astype(np.int64) + 1",
        "tests/unit/policy/test_exact.py::test_a_list_tested_whole_passes_where_it_keeps_its_promise",
    ),
    Mutant(
        "rounds grow after their first results",
        "certificates/growing.py",
        'inputs["pair_tests"]) < asked',
        'inputs["pair_tests"]) < 0',
        "tests/spark/certificates/test_growing.py::test_a_round_grows_until_the_first_result",
    ),
    Mutant(
        "kept rows are worked out again by a merge",
        "tables/clock.py",
        "F.lit(datetime.now(UTC))",
        "F.current_timestamp()",
        "tests/spark/tables/test_store.py::test_rows_with_a_time_are_worked_out_once",
    ),
    Mutant(
        "what the last month was is known to the calibration of what reads it",
        "outcomes/readers/learned.py",
        "last_month[last] = _calibrated(last_sums, list(named[last]), earlier)",
        "last_month[last] = _calibrated(last_sums, list(named[last]), calibrations)",
        "tests/unit/outcomes/test_learned_reader.py::test_the_last_month_of_reviews_is_read_by_the_months_before",
    ),
    Mutant(
        "readers admitted by the hopeful end of the reporting rate",
        "outcomes/readers/admission.py",
        "least_precision(reporting[1], confidence)",
        "least_precision(reporting[0], confidence)",
        "tests/unit/outcomes/test_learned_reader.py::test_of_a_reporting_rate_the_cautious_end_counts",
    ),
)
