from __future__ import annotations

import pytest
from pydantic import ValidationError

from leastpack.config.decisions import DecisionsConfig


def test_a_promise_stands_once() -> None:
    twice = [{"promise": "pair", "alpha": 0.1}, {"promise": "pair", "alpha": 0.2}]
    with pytest.raises(ValidationError, match="may stand once"):
        DecisionsConfig.model_validate({"promises": twice})


@pytest.mark.parametrize("certify_by", ["shipment", "both"])
def test_what_certifies_must_be_promised(certify_by: str) -> None:
    with pytest.raises(ValidationError, match="promises lacks shipment"):
        DecisionsConfig.model_validate({"promises": [{"promise": "pair", "alpha": 0.1}], "certify_by": certify_by})
