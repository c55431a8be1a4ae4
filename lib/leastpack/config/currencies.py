"""The currency codes of ISO 4217 that money is counted in."""

from __future__ import annotations

from typing import Any

from iso4217 import Currency

# Metals, funds and tests begin with an X, and so do four currencies of several countries.
_OF_SEVERAL_COUNTRIES = {"XAF", "XCD", "XOF", "XPF"}
# Currencies of the years before the euro: exports go back that far.
_WITHDRAWN = {"BGN", "HRK"}
CURRENCIES = _WITHDRAWN | {
    one.code for one in Currency if not one.code.startswith("X") or one.code in _OF_SEVERAL_COUNTRIES
}


def known_currency(value: Any) -> Any:
    """A currency code in capitals.

    Raises:
        ValueError: ISO 4217 has no such currency.
    """
    if not isinstance(value, str):
        return value
    code = value.strip().upper()
    if code not in CURRENCIES:
        raise ValueError(f"currency {value!r} is not a code of ISO 4217, such as USD")
    return code
