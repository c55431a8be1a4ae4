from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from leastpack.config import load_config
from leastpack.config.load import digest
from leastpack.config.packages import load_packages
from leastpack.errors import ConfigError

SOURCE = {
    "name": "p",
    "kind": "products",
    "format": "csv",
    "path": "x.csv",
    "marketplace": "NA",
    "columns": {"product_id": "id"},
}


def write(path: Path, content: object) -> Path:
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def test_base_is_always_loaded_first() -> None:
    assert load_config().tables.root == "out/tables"


def test_later_files_and_then_overrides_win_and_mappings_merge(tmp_path: Path) -> None:
    low = write(tmp_path / "low.yaml", {"training": {"epochs": 3, "seed": 5}})
    high = write(tmp_path / "high.yaml", {"training": {"epochs": 4}})
    config = load_config([low, high], ["training.micro_batch=16"])
    assert (config.training.epochs, config.training.seed, config.training.micro_batch) == (4, 5, 16)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"trainin": {}}, "unknown key trainin; did you mean 'training'"),
        ({"training": {"epoch": 3}}, "unknown key training.epoch; did you mean 'epochs'"),
        ({"sources": [{**SOURCE, "pth": "y"}]}, "unknown key sources.0.pth; did you mean 'path'"),
        ({"training": {"epochs": "many"}}, "training.epochs"),
        ({"sources": [{**SOURCE, "columns": {"product_id": "id", "titel": "t"}}]}, "no field 'titel'"),
        ({"sources": [{**SOURCE, "columns": {"title": "t"}}]}, "must map the field 'product_id'"),
        ({"sources": [SOURCE, SOURCE]}, "repeated: p"),
        ({"sources": [{**SOURCE, "name": "test_results"}]}, "may not be named test_results"),
        ({"currency_units": {"USD": 0.0}}, "currency_units.USD"),
        ({"tables": {"root": "out", "schema_name": "a.b"}}, "exactly one of tables.root and tables.schema_name"),
        ({"outcomes": {"split": {"train": 0.9}}}, "must add up to 1"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, content: object, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config([write(tmp_path / "c.yaml", content)])
    assert message in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("text", ["a: [", "- 1", "just text"])
def test_a_file_that_is_no_mapping_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"broken\.yaml"):
        load_config([path])


def test_p10_yaml_tags_run_no_code(tmp_path: Path) -> None:
    path = tmp_path / "evil.yaml"
    path.write_text(f"a: !!python/object/apply:os.mkdir ['{tmp_path / 'made'}']", encoding="utf-8")
    with pytest.raises(ConfigError, match="could not determine a constructor"):
        load_config([path])
    assert not (tmp_path / "made").exists()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml does not exist"):
        load_config([tmp_path / "none.yaml"])


@given(st.integers(1, 10**6))
def test_the_digest_follows_the_content(seed: int) -> None:
    one = load_config([], [f"training.seed={seed}"])
    assert digest(one) == digest(load_config([], [f"training.seed={seed}"]))
    assert digest(one) != digest(load_config([], [f"training.seed={seed + 1}"]))


def package_file(**changes: object) -> dict[str, object]:
    box = {"name": "box", "kind": "box", "profile": [0.5], "inner_cm": [9, 9, 9], "tare_g": 1, "cost": 1}
    box = {**box, "valid_from": "2020-01-01", **changes}
    sure = {**box, "name": "large_box", "profile": [0.5], "inner_cm": [9, 9, 9], "kind": "box", "tare_g": 1}
    sure = {key: value for key, value in sure.items() if key != "colour"} | {"safe_default": True}
    return {"marketplace": "NA", "currency": "USD", "attributes": ["rigidity"], "types": [box, sure]}


@pytest.mark.parametrize(
    "changes",
    [
        {"profile": [1.5]},
        {"profile": [0.5, 0.5]},
        {"inner_cm": None},
        {"kind": "crate"},
        {"tare_g": -1},
        {"colour": "red"},
    ],
)
def test_a_wrong_package_type_is_refused(tmp_path: Path, changes: dict[str, object]) -> None:
    path = write(tmp_path / "na.yaml", package_file(**changes))
    with pytest.raises(ConfigError, match=r"na\.yaml"):
        load_packages([str(path)])


def test_packages_of_all_files_are_loaded_once(tmp_path: Path) -> None:
    write(tmp_path / "na.yaml", package_file())
    write(tmp_path / "eu.yaml", {**package_file(), "marketplace": "EU"})
    assert [file.marketplace for file in load_packages([str(tmp_path / "*.yaml"), str(tmp_path / "eu.yaml")])] == [
        "EU",
        "NA",
    ]
    with pytest.raises(ConfigError, match="no package file"):
        load_packages([str(tmp_path / "*.yml")])
    write(tmp_path / "jp.yaml", package_file())
    with pytest.raises(ConfigError, match="one package file"):
        load_packages([str(tmp_path / "*.yaml")])


def test_the_digest_leaves_the_runs_own_name_out() -> None:
    assert digest(load_config([], ["run_id=a"])) == digest(load_config([], ["run_id=b"]))


def test_a_candidate_model_has_a_directory_and_scores_of_its_own() -> None:
    for directory, candidate in (("m", "m"), ("m", "./m/"), ("m/used", "m"), ("s3://b/m", "s3://b/m/")):
        with pytest.raises(ConfigError, match="must not replace the model in use"):
            load_config([], ["tables.root=x", f"model.directory={directory}", f"model.candidate={candidate}"])
    with pytest.raises(ConfigError, match="there is no candidate model"):
        load_config([], ["tables.root=x"]).of_candidate()
    config = load_config([], ["tables.root=x", "model.directory=m", "model.candidate=c"])
    assert (config.model.trained, config.tables.name_of("scores")) == ("c", "scores")
    other = config.of_candidate()
    assert (other.model.directory, other.tables.name_of("scores")) == ("c", "scores_of_candidate")
    assert other.tables.name_of("products") == "products"
    assert not config.tables.is_of_candidate


def test_a_list_is_not_tested_by_testers_who_err() -> None:
    of_list = ["tables.root=x", "certify.population=list"]
    load_config([], of_list)
    for rate in ("human_test_sensitivity=0.9", "human_test_false_alarm=0.01", "human_test_sensitivity.found=9"):
        more = ["outcomes.human_test_sensitivity.of=9"] if "found" in rate else []
        with pytest.raises(ConfigError, match="use a panel"):
            load_config([], [*of_list, f"outcomes.{rate}", *more])
