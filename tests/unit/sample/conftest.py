from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from leastpack.config.root import Config
from leastpack.config.sample import SampleConfig
from leastpack.config.storage import TablesConfig
from leastpack.sample.generate import generate_sample

PACKAGES = str(Path(__file__).parents[3] / "conf" / "packages" / "*.yaml")
Make = Callable[..., Path]


def sample_config(out: Path, **changes: object) -> Config:
    base: dict[str, object] = {"products": 40, "image_width": 64, "processes": 1, "shipments_per_product": 30.0}
    return Config(
        tables=TablesConfig(root="unused"),
        packages=[PACKAGES],
        sample=SampleConfig.model_validate({"out": str(out), **base, **changes}),
    )


@pytest.fixture(scope="session")
def make(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Generates a small sample with some settings changed; the same settings are generated once."""
    done: dict[str, Path] = {}

    def _make(name: str = "", **changes: object) -> Path:
        key = name + repr(sorted(changes.items()))
        if key not in done:
            out = tmp_path_factory.mktemp("sample") / "out"
            generate_sample(sample_config(out, **changes))
            done[key] = out
        return done[key]

    return _make
