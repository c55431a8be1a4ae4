"""Currencies and the words and signs for them."""

from __future__ import annotations

from iso4217 import Currency

from leastpack.words import fold

_LISTED = frozenset(one.code for one in Currency)
# Priced without decimals, whatever the standard allows for.
_WHOLE = frozenset({"IDR", "HUF", "COP", "KRW", "VND", "CLP", "PYG", "JPY", "ISK"})

# Codes that may be written small: others are words of a language, such as `all`, `top` and `cup`.
_SMALL_CODES = (
    "usd eur gbp jpy cny cad aud nzd hkd sgd twd mxn brl clp cop ars chf sek nok dkk isk pln czk huf ron bgn "
    "rub uah inr pkr krw thb vnd idr myr php ils aed sar qar kwd bhd egp zar ngn kes kzt"
)
SMALL_CODES = frozenset(_SMALL_CODES.split())
# Names and signs of one currency.
NAMES = {
    fold(name): code
    for code, names in {
        "USD": "us$ $us usdollar", "CAD": "ca$ can$ cdn$ $ca", "AUD": "au$ a$ aus$ $au", "NZD": "nz$", "HKD": "hk$",
        "SGD": "s$ sg$", "TWD": "nt$ ntd", "MXN": "mx$ mex$", "BRL": "r$ reais", "EUR": "€ euro euros eur evro евро",
        "GBP": "£ gb£ sterling quid", "JPY": "円 yen jp¥ 日元 日圓", "CNY": "rmb cn¥ yuan renminbi 人民币 人民幣",
        "PLN": "zł złotych zlotych zloty", "CZK": "kč", "HUF": "forint", "BGN": "лв",
        "TRY": "₺ tl", "RUB": "₽ руб рубль рубля рублей р", "UAH": "₴ грн", "INR": "₹", "KRW": "₩ 원 won",
        "THB": "฿ บาท baht", "VND": "₫ đồng", "IDR": "rp", "MYR": "rm", "PHP": "₱", "ILS": "₪ שח nis", "CHF": "sfr",
        "KZT": "₸ тг тенге tenge", "GEL": "₾ лари", "AZN": "₼", "AMD": "֏", "NGN": "₦", "GHS": "₵", "CRC": "₡",
        "PYG": "₲", "MNT": "₮", "LAK": "₭", "KHR": "៛", "BDT": "৳ tk taka", "AED": "dhs", "QAR": "qr",
        "PEN": "s/",
    }.items()
    for name in names.split()
}  # fmt: skip
# Signs and words that several currencies share: the source's if it is one of them, else the first, or none.
SHARED: dict[str, tuple[str | None, ...]] = {
    "$": ("USD", "CAD", "AUD", "NZD", "HKD", "SGD", "TWD", "MXN", "CLP", "COP", "ARS", "UYU", "BSD", "BBD", "JMD"),
    "dollar": (None, "USD", "CAD", "AUD", "NZD", "HKD", "SGD", "TWD"),
    "dollars": (None, "USD", "CAD", "AUD", "NZD", "HKD", "SGD", "TWD"),
    "pound": (None, "GBP", "EGP", "LBP"),
    "pounds": (None, "GBP", "EGP", "LBP"),
    "¥": ("JPY", "CNY"),
    "kr": (None, "SEK", "NOK", "DKK", "ISK"),
    "kr.": (None, "SEK", "NOK", "DKK", "ISK"),
    "rs": ("INR", "PKR", "LKR", "NPR", "MUR"),
    "₨": (None, "PKR", "INR", "LKR", "NPR", "MUR"),
    "ft": (None, "HUF"),
    "﷼": (None, "IRR", "SAR", "QAR", "OMR", "YER"),
    "c$": ("CAD", "NIO"),
    "元": ("CNY", "TWD", "HKD"),
    "块": ("CNY", "TWD", "HKD"),
    "lei": ("RON", "MDL"),
    "leu": ("RON", "MDL"),
    "r": ("ZAR", "RUB"),
    "lira": (None, "TRY", "LBP"),
    "fr": ("CHF", "XAF", "XOF", "XPF"),
    "sr": (None, "SAR", "SCR"),
    "dirham": (None, "AED", "MAD"),
    "dirhams": (None, "AED", "MAD"),
}
# Words that prices carry and that name no currency.
_REMARKS = (
    "price preis prix precio prezzo prijs cena цена 価格 价格 售价 from ab à od desde da now only nur was rrp "
    "msrp uvp list each ea per piece pc pcs stück stk st incl inkl including include included tax taxes vat "
    "mwst ust iva tva btw gst excl exkl plus inc ex ttc ht 税込 税抜 税込み 税抜き 含税 不含税 本体 本体価格 "
    "約 ca circa approx netto brutto net gross and up the"
    " mrp sale regular current original retail starting at zzgl versand shipping incluida inclusa incluse je pièce"
)
REMARKS = frozenset(fold(word) for word in _REMARKS.split())
# Behind a number these make it another one, or the price of something else.
_OTHER_NUMBERS = (
    "k m mn mil million millions thousand lakh lakhs lac crore crores cr тыс млн 万 億 万円 千 ¢ cent cents ct cts p"
    " pence penny öre øre коп копеек gr grosz groszy fils sen piastres halala monat month mo year jahr"
)
OTHER_NUMBERS = frozenset(fold(word) for word in _OTHER_NUMBERS.split())
# Units worth about a dollar, where a dollar is tens of units or more; only the limit of the absurd uses them.
UNITS_A_DOLLAR = {
    **dict.fromkeys(("JPY", "INR", "PKR", "RUB", "ISK", "HUF", "KES", "BDT", "DZD", "RSD", "ALL", "NPR", "DOP"), 100.0),
    **dict.fromkeys(("KZT", "LKR", "AMD", "JMD", "XOF", "XAF", "XPF", "CRC", "YER", "RWF", "HTG"), 500.0),
    **dict.fromkeys(("CLP", "KRW", "ARS", "NGN", "IQD", "MWK", "AOA"), 1000.0),
    **dict.fromkeys(("COP", "MNT", "TZS", "UGX", "MMK", "KHR", "CDF", "MGA", "BIF", "SYP"), 4000.0),
    **dict.fromkeys(("IDR", "VND", "UZS", "PYG", "GNF", "LAK", "SLE", "LBP", "IRR"), 20000.0),
}


def decimals(code: str) -> int:
    """Decimals that prices in a currency have: 0 of yen, 3 of dinars."""
    if code in _WHOLE:
        return 0
    exponent = Currency(code).exponent if code in _LISTED else 2
    return 2 if exponent is None else int(exponent)
