from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leastpack.config.guards import GUARDS_OF, GuardsConfig
from leastpack.config.load import digest, load_config
from leastpack.config.root import Config
from leastpack.config.sources import FIELDS, Kind, SourceConfig, required_fields
from leastpack.errors import ConfigError, GuardError
from leastpack.guards import FROM_ROWS, Guard, accepting, check_guards, deletion_guard, quarantine_guard
from leastpack.runs import Run

KINDS: tuple[Kind, ...] = ("shipments", "returns")


def source(name: str = "shop", kind: Kind = "shipments", **guards: float) -> SourceConfig:
    columns = {field: field for field in required_fields(kind)}
    return SourceConfig(
        name=name, kind=kind, format="csv", path="x.csv", columns=columns, guards=GuardsConfig(**guards)
    )


def config(*sources: SourceConfig) -> Config:
    return Config.model_validate({"tables": {"root": "out"}, "sources": list(sources)})


def guard(found: int, total: int, limit: float = 0.05, name: str = "most_quarantined") -> Guard:
    return Guard("shop", name, limit, found, total, "of its rows are in quarantine")


@pytest.mark.parametrize(
    ("found", "total", "limit", "holds"),
    [
        (0, 0, 0.05, True),
        (0, 1000, 0, True),
        (1, 1000, 0, False),
        (99, 99, 0.05, True),  # too few rows to judge by
        (5, 100, 0.05, True),
        (6, 100, 0.05, False),
        (100, 100, 1, True),
    ],
)
def test_a_guard_holds_up_to_its_limit_and_below_a_hundred_rows(
    found: int, total: int, limit: float, holds: bool
) -> None:
    assert guard(found, total, limit).holds is holds


@given(st.integers(FROM_ROWS, 10**9), st.floats(0, 1), st.data())
def test_a_worse_delivery_never_passes_where_a_better_one_is_refused(
    total: int, limit: float, data: st.DataObject
) -> None:
    found = data.draw(st.integers(0, total - 1))
    assert guard(found, total, limit).holds or not guard(found + 1, total, limit).holds


def test_elements_that_are_not_there_are_no_rows_that_could_be_faulty() -> None:
    account = {"rows_in": 1000, "used": 90, "set_aside": {"no_element": 900}, "quarantined": 10}
    assert quarantine_guard(source(), account).total == 100  # type: ignore[arg-type]


def test_of_few_rows_half_may_go_and_what_is_beyond_the_limit_is_told() -> None:
    half, more, fewer, other = (deletion_guard(source(), *counts) for counts in ((30, 60), (31, 60), (9, 9), (1, 60)))
    assert [(one.holds, one.told) for one in (half, more, fewer, other)] == [
        (True, True),
        (False, False),
        (True, True),
        (True, False),
    ]
    assert (guard(5, 50).holds, guard(5, 50).told) == (True, True)


def test_a_file_of_carton_codes_is_refused_also_where_it_is_short() -> None:
    codes = SourceConfig(
        name="codes", kind="package_codes", format="csv", path="x.csv", marketplace="NA",
        columns={"code": "code", "package_type": "type"},
    )  # fmt: skip
    account = {"rows_in": 12, "used": 10, "set_aside": {}, "quarantined": 2}
    assert not quarantine_guard(codes, account).holds  # type: ignore[arg-type]
    assert quarantine_guard(source(), account).holds  # type: ignore[arg-type]


def test_a_refusal_names_all_that_is_wrong_and_how_to_pass_it_and_the_run_keeps_it() -> None:
    run = Run(step="outcomes", run_id="r")
    account = {"rows_in": 200, "used": 150, "set_aside": {}, "quarantined": 50}
    guards = [
        quarantine_guard(source(), account),  # type: ignore[arg-type]
        deletion_guard(source(most_deleted=0.1), 30, 120, "2024-05"),
        deletion_guard(source(most_deleted=0.5), 30, 120),
    ]
    with pytest.raises(GuardError) as caught:
        check_guards(run, guards, [])
    text = str(caught.value)
    assert "shop:most_quarantined: 25.00% (50 of 200) of its rows are in quarantine; at most 5.00% pass" in text
    assert "shop:most_deleted: 25.00% (30 of 120) of the rows stored of 2024-05 would be gone; at most 10.00%" in text
    assert "--accept shop:most_quarantined --accept shop:most_deleted" in text
    assert text.count("most_deleted: ") == 1
    assert caught.value.exit_code == 3
    assert [(one["guard"], one["holds"]) for one in run.guards] == [
        ("most_quarantined", False),
        ("most_deleted", False),
        ("most_deleted", True),
    ]


def test_what_is_accepted_passes_once_and_stands_in_the_run() -> None:
    run = Run(step="outcomes", run_id="r")
    check_guards(run, [guard(50, 100), guard(1, 100, name="most_deleted")], ["shop:most_quarantined"])
    assert [one["accepted"] for one in run.guards] == [True, False]
    with pytest.raises(GuardError, match="--accept shop:most_deleted, or"):
        check_guards(run, [guard(50, 100), guard(50, 100, name="most_deleted")], ["shop:most_quarantined"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("shop", "names no source"),
        ("shops:most_quarantined", "SOURCE:GUARD with a source of shop, back"),
        ("listing:most_quarantined", "names no source that is read here"),
        ("shop:most_quarantine", "with a guard of most_quarantined, most_deleted"),
        ("shop:most_unmapped_reasons", "names no guard of source 'shop'"),
        (":", "names no source"),
    ],
)
def test_accepting_what_there_is_not_is_refused(text: str, said: str) -> None:
    known = config(source(), source("back", "returns"), source("listing", "products"))
    with pytest.raises(ConfigError, match=said) as caught:
        accepting(known, ["back:most_unmapped_reasons", text], KINDS)
    assert caught.value.exit_code == 2


def test_what_a_run_accepts_is_no_part_of_the_configuration() -> None:
    known = config(source(), source("a:b", "returns"))
    run = accepting(known, ["shop:most_deleted", "a:b:most_deleted"], KINDS)
    assert run.accepted == {"shop:most_deleted", "a:b:most_deleted"}
    assert run.model_copy(update={"run_id": "r"}).accepted == run.accepted
    assert not known.accepted
    assert digest(run) == digest(known)
    with pytest.raises(ConfigError, match="unknown key accepted"):
        load_config([], ["accepted=[shop:most_deleted]"])


def test_every_kind_of_source_has_guards_and_a_limit_for_each() -> None:
    assert set(GUARDS_OF) >= set(FIELDS) - {"package_codes"}
    assert {name for names in GUARDS_OF.values() for name in names} == set(GuardsConfig.model_fields)


def test_a_limit_that_the_kind_of_source_does_not_know_is_refused() -> None:
    with pytest.raises(ValueError, match=r"source 'shop' \(shipments\) has no guard 'most_unmapped_reasons'"):
        source(most_unmapped_reasons=0.2)


def test_one_lost_rule_of_a_few_is_refused_and_so_is_a_delivery_without_most_of_them() -> None:
    rules = source(kind="rules")
    one = {"rows_in": 4, "used": 3, "set_aside": {}, "quarantined": 1}
    assert not quarantine_guard(rules, one).holds
    assert quarantine_guard(rules, {**one, "quarantined": 0}).holds
    assert deletion_guard(rules, 1, 2).holds
    assert not deletion_guard(rules, 2, 3).holds
