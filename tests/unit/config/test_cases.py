"""Deliveries in tests/cases that a wrong configuration ends: exit 2, before Spark starts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from leastpack.ahead import check_run
from leastpack.config import load_config
from leastpack.errors import ConfigError

CASES = Path(__file__).parents[2] / "cases"
EXPECTED = {path.parent: json.loads(path.read_text(encoding="utf-8")) for path in sorted(CASES.glob("*/expected.json"))}
REFUSED = {folder: told for folder, told in EXPECTED.items() if told["expect"].get("error", {}).get("exit") == 2}


@pytest.mark.parametrize("folder", REFUSED, ids=[folder.name for folder in REFUSED])
def test_a_wrong_configuration_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    with pytest.raises(ConfigError) as caught:
        check_run(load_config([REFUSED[folder]["configs"][-1]]))
    words = REFUSED[folder]["expect"]["error"]["contains"]
    assert [word for word in words if word not in str(caught.value)] == [], str(caught.value)
