"""The numbers of a text with their units, or the finding that it says something else than numbers with units.

A word that is no unit, label or remark and stands where a unit would makes a text unreadable: it may be a unit that is
not known here, and must not give way to the source's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, takewhile

from leastpack.measures.tokens import Token, tokens
from leastpack.measures.units import BETWEEN, HUNDREDTH, HUNDREDTHS, IMPERIAL, NO_MEASURES, REMARKS

_OPEN, _CLOSE = frozenset("([{（【"), frozenset(")]}）】")
_APART, _NOTHING = frozenset(",;|=/*"), frozenset(".:≈&_\\⌀")
_LARGE = frozenset({"m", "ft", "yd", "kg", "lb", "t"})
_BOUNDS = frozenset("<>≤≥±+")
# Two that make one number where they stand side by side.
_TOGETHER = frozenset({("ft", "in"), ("yd", "ft"), ("m", "cm"), ("lb", "oz"), ("kg", "g")})
# Two that say the same in both systems may be this far apart, beside what their last digits leave open.
_SAME = 0.01


@dataclass(frozen=True)
class Quantity:
    """A number and its unit.

    Attributes:
        value: The number.
        unit: Its unit; None where the text names none.
        step: What its last digit counts.
        group: Which part of the text it stands in: brackets with numbers are parts of their own.
        apart: Something stands between it and the number before.
        part: Which enumeration it stands in: a comma, a stroke or a bracket ends one.
    """

    value: float
    unit: str | None
    step: float
    group: int
    apart: bool
    part: int = 0


class UnreadableError(Exception):
    """A text that says something else than numbers with units."""


def read_quantities(
    text: str,
    units: Mapping[str, str],
    others: Collection[str],
    decimal_comma: bool,
    *,
    labels: Collection[str] = (),
    grouped: bool = False,
) -> list[Quantity]:
    """The quantities of a `plain` text, each with the unit that holds for it.

    A unit behind a number holds for the numbers before it, the first one for those after the last, and one before all
    numbers where there is no other.

    Args:
        text: The text.
        units: Words of the units looked for, and what they mean.
        others: Words of units of another kind: numbers before them are passed over.
        decimal_comma: The source writes decimal commas.
        labels: Words for what a number is of.
        grouped: Spaces and apostrophes may group thousands.

    Raises:
        UnreadableError: The text says more or something else.
    """
    known = {*units, *others, *BETWEEN, *labels, *REMARKS, *HUNDREDTHS}
    pieces = tokens(text, decimal_comma, known, glued=units.keys(), grouped=grouped)
    return _Reader(pieces, units, others, labels).read()


def in_unit(quantity: Quantity, factors: Mapping[str, float], default: str) -> float:
    """A quantity in the unit that the factors are of."""
    return round(quantity.value * _factor(quantity.unit or default, factors), 9)


def both_systems(quantities: Sequence[Quantity], factors: Mapping[str, float]) -> list[Quantity]:
    """Of quantities that are given twice, in metric units and in others, those given first; all where they are not.

    Raises:
        UnreadableError: The two do not agree.
    """
    imperial = [one for one in quantities if one.unit is not None and one.unit.removeprefix(HUNDREDTH) in IMPERIAL]
    metric = [one for one in quantities if one.unit is not None and one not in imperial]
    if not imperial or not metric or len(imperial) + len(metric) < len(quantities):
        return list(quantities)
    if len(imperial) != len(metric):
        if len(quantities) <= 3:  # a side in inches beside two in centimetres
            return list(quantities)
        raise UnreadableError("sides in two systems that are not the same")
    for one, other in zip(imperial, metric, strict=True):
        left, right = in_unit(one, factors, ""), in_unit(other, factors, "")
        open_ = (one.step * _factor(one.unit or "", factors) + other.step * _factor(other.unit or "", factors)) / 2
        if abs(left - right) > open_ + _SAME * max(abs(left), abs(right)):
            raise UnreadableError("two systems that do not agree")
    return imperial if quantities[0] in imperial else metric


def _factor(unit: str, factors: Mapping[str, float]) -> float:
    return factors[unit.removeprefix(HUNDREDTH)] * (0.01 if unit.startswith(HUNDREDTH) else 1.0)


class _Reader:
    """One walk over the tokens of a text."""

    def __init__(
        self, pieces: Sequence[Token], units: Mapping[str, str], others: Collection[str], labels: Collection[str]
    ) -> None:
        self.pieces, self.units, self.others, self.labels = pieces, units, others, labels
        self.found: list[Quantity] = []
        self.lead: dict[int, str] = {}
        self.group = self.part = 0
        self.ahead: str | None = None  # a unit that a label names for the number behind it
        self.apart = True  # something parts the number before from the next one
        self.parted = False  # and it is no label, so that a unit no longer belongs to the number before
        self.unknown = False
        self.hundredths = False
        self.opened: list[bool] = []

    def read(self) -> list[Quantity]:
        for place, piece in enumerate(self.pieces):
            if piece.kind == "number":
                self._number(place, piece)
            elif self._is_unit(place):
                self._unit(place, self.units[piece.text])
            elif piece.kind == "word":
                self._word(place, piece.text)
            else:
                self._sign(place, piece.text)
        if self.hundredths:
            raise UnreadableError("hundredths of what")
        return self._with_units(_together(self.found))

    def _before(self, place: int) -> Token | None:
        return self.pieces[place - 1] if place else None

    def _after(self, place: int) -> Token | None:
        return self.pieces[place + 1] if place + 1 < len(self.pieces) else None

    def _number(self, place: int, piece: Token) -> None:
        if piece.value is None or self.hundredths:
            raise UnreadableError(f"no number: {piece.text}")
        before, value = self._before(place), piece.value
        if before is not None and before.text == "-":
            ahead = self._before(place - 1)
            if ahead is not None and (ahead.kind == "number" or self._is_unit(place - 2)):
                raise UnreadableError("a range")
            if ahead is None or ahead.text in _OPEN or ahead.text in _APART or ahead.text in BETWEEN:
                value = -value
        self.found.append(Quantity(value, self.ahead, piece.step, self.group, self.apart, self.part))
        self.ahead = None
        self.apart = self.parted = False

    def _is_unit(self, place: int) -> bool:
        piece = self.pieces[place]
        if piece.text not in self.units:
            return False
        if piece.text not in ("in", "m"):
            return True
        if piece.text == "m" and any(one.kind == "number" for one in self.pieces[:place]):
            return True
        # `in` is inch only where no other unit or word follows; before all numbers it, and `m`, only in brackets or as
        # a label: M4 is a thread.
        after = next((one for one in self.pieces[place + 1 :] if one.text not in _OPEN and one.text not in ".:"), None)
        if after is not None and after.kind == "word" and not self._is_harmless(after.text):
            return False
        following = next((one for one in self.pieces[place + 1 :] if one.text != "."), None)
        before = self._before(place)
        if any(one.kind == "number" for one in self.pieces[:place]):
            return True
        bracketed = before is not None and before.text in _OPEN and following is not None and following.text in _CLOSE
        return bracketed or (following is not None and following.text == ":")

    def _is_harmless(self, word: str) -> bool:
        return any(word in words for words in (BETWEEN, self.labels, REMARKS, self.others))

    def _unit(self, place: int, unit: str) -> None:
        if self.hundredths:
            unit, self.hundredths = HUNDREDTH + unit, False
        before = self._before(place)
        if self.pieces[place].text in "\"'" and not self.found:
            raise UnreadableError("a quotation mark before all numbers")
        labelled = place > 1 and self.pieces[place - 2].text in self.labels
        if before is not None and before.text in _OPEN and labelled:
            self.ahead = unit
            return
        own = [one for one in self.found if one.group == self.group]
        closed = before is not None and before.text in _CLOSE
        if self.found and (own or closed) and not (self.parted and own):
            last = self.found[-1]
            if last.unit is None:
                self.found[-1] = replace(last, unit=unit)
            else:
                raise UnreadableError(f"two units of one number: {last.unit}, {unit}")
        elif any(one.unit not in (None, unit) for one in own):
            raise UnreadableError("a unit that may belong to either number")
        elif self.lead.setdefault(self.group, unit) != unit:
            raise UnreadableError("two units apart from the numbers")

    def _word(self, place: int, word: str) -> None:
        before = self._before(place)
        behind_number = before is not None and before.kind == "number"
        if word in NO_MEASURES:
            raise UnreadableError(f"a bound or a content: {word}")
        if word in HUNDREDTHS:
            self.hundredths = True
        elif word in self.others and behind_number:
            self.found.pop()
            self.apart = self.parted = True
        elif word == "in":  # before a unit, as in `in cm`, it says nothing; before another word it hides a unit
            after = self._after(place)
            self.unknown |= after is None or (after.kind != "number" and not self._leads_to_unit(place))
        elif word in BETWEEN or word in self.labels:
            self.apart = True
            self.parted |= word in BETWEEN
        elif word not in REMARKS:
            if behind_number:
                raise UnreadableError(f"a word in the place of a unit: {word}")
            bracketed = before is not None and before.text in _OPEN
            self.unknown |= bool(self.found) or bracketed or (before is not None and before.text == "in")

    def _leads_to_unit(self, place: int) -> bool:
        rest = (one for one in self.pieces[place + 1 :] if one.text not in _OPEN and one.text not in ".:")
        after = next(rest, None)
        return after is not None and after.text in self.units

    def _sign(self, place: int, sign: str) -> None:
        before, after = self._before(place), self._after(place)
        if sign in _OPEN:
            inside = takewhile(lambda one: one.text not in _CLOSE, self.pieces[place + 1 :])
            with_numbers = any(one.kind == "number" for one in inside)
            self.opened.append(with_numbers)
            if with_numbers:
                self._begin_group()
        elif sign in _CLOSE:
            if self.opened and self.opened.pop():
                self._begin_group()
        elif sign in _APART:
            if sign == "/" and after is not None and after.kind == "word" and not self._is_harmless(after.text):
                raise UnreadableError("so much of something else")
            self.apart = self.parted = True
            self.part += sign != "*"
        elif sign in "-~":
            if sign == "~" and self.found and after is not None and after.kind == "number":
                raise UnreadableError("a range")
            if before is not None and after is not None and before.kind == after.kind == "number":
                raise UnreadableError("a range")
        elif sign in _BOUNDS or (sign not in _NOTHING and before is not None and before.kind == "number"):
            raise UnreadableError(f"a bound, a sum, or a sign in the place of a unit: {sign}")
        elif sign not in _NOTHING:
            self.unknown = True

    def _begin_group(self) -> None:
        self.group, self.part, self.apart = self.group + 1, self.part + 1, True

    def _with_units(self, quantities: Sequence[Quantity]) -> list[Quantity]:
        for one, other in pairwise(quantities):
            if not other.apart and (one.unit is None or other.unit is None):
                raise UnreadableError("two numbers side by side")
        _check_parts(quantities)
        first_lead = self.lead.get(0)
        read = []
        for place, one in enumerate(quantities):
            own = [other for other in quantities if other.group == one.group]
            behind = [other.unit for other in quantities[place:] if other.group == one.group and other.unit]
            unit = behind[0] if behind else _of_the_first(own)
            read.append(replace(one, unit=unit or self.lead.get(one.group) or first_lead))
        with_unit = [one.unit is not None for one in read]
        if any(with_unit) and not all(with_unit):
            raise UnreadableError("numbers without a unit beside others that have one")
        if self.unknown and not any(with_unit):
            raise UnreadableError("words that may be a unit")
        return read


def _check_parts(quantities: Sequence[Quantity]) -> None:
    """Refuse an enumeration beside something else, such as `10 x 5 cm, cable 1.5 m` and `pack of 2, 10 x 5 cm`."""
    sizes = Counter(one.part for one in quantities)
    if max(sizes.values(), default=0) > 1 and len(set(sizes.values())) > 1:
        raise UnreadableError("numbers beside an enumeration")
    if len(quantities) == 6 and max(sizes.values()) == 2:
        raise UnreadableError("several products")


def _of_the_first(own: Sequence[Quantity]) -> str | None:
    """The unit of numbers that have none behind them: `10 cm x 5 x 3`. Metres and feet may be the first one's alone."""
    named = dict.fromkeys(one.unit for one in own if one.unit)
    if len(named) > 1 or any(unit in _LARGE for unit in named):
        raise UnreadableError("a number without a unit behind others that have one")
    return next(iter(named), None)


def _together(quantities: Sequence[Quantity]) -> list[Quantity]:
    """5 ft 3 in is one number."""
    made: list[Quantity] = []
    for one in quantities:
        last = made[-1] if made else None
        if last is None or last.unit is None or one.apart or one.group != last.group:
            made.append(one)
            continue
        small = one.unit or ("in" if last.unit == "ft" else None)
        if small is None or (last.unit, small) not in _TOGETHER:
            made.append(one)
            continue
        share = {("ft", "in"): 12, ("yd", "ft"): 3, ("m", "cm"): 100, ("lb", "oz"): 16, ("kg", "g"): 1000}
        each = share[(last.unit, small)]
        made[-1] = replace(last, value=last.value + one.value / each, step=one.step / each)
    return made
