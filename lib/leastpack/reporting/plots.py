"""The report's plots as SVG text."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from leastpack.reporting.curves import PrecisionRecall, Reliability
from leastpack.reporting.effects import Effect

BLUE, ORANGE, GREY, GREEN, RED = "#2b6cb0", "#c05621", "#718096", "#2f855a", "#c53030"
STYLE: Any = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e2e8f0",
    "axes.axisbelow": True,
    "svg.hashsalt": "leastpack",
}


def precision_recall_plot(curves: dict[str, PrecisionRecall]) -> str:
    """One line a curve, its prevalence dotted."""
    figure, axes = _figure(6.0, 4.8)
    for (name, curve), colour in zip(curves.items(), (BLUE, ORANGE, GREEN, GREY), strict=False):
        if curve.auc is None:
            continue
        label = f"{name}: {curve.auc:.3f} [{curve.low:.3f}, {curve.high:.3f}], n = {curve.n:,}"
        axes.step(curve.recall, curve.precision, where="post", color=colour, label=label)
        axes.axhline(curve.prevalence, color=colour, linestyle=":", linewidth=1)
    axes.set(xlabel="recall of UNSAFE", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02))
    title = "average precision [95 % interval]; prevalence dotted"
    axes.legend(loc="upper left", bbox_to_anchor=(0, -0.14), fontsize=8, frameon=False, title=title)
    return _svg(figure)


def reliability_plot(bins: Sequence[Reliability], xlabel: str, ylabel: str) -> str:
    """Observed against predicted, with exact intervals, on logarithmic axes where rates are small."""
    figure, axes = _figure(4.5, 4.0)
    x, y = np.array([b.predicted for b in bins]), np.array([b.observed for b in bins])
    floor = 1e-4
    low, high = np.array([b.low for b in bins]), np.array([b.high for b in bins])
    shown = np.maximum(y, floor)
    axes.errorbar(
        np.maximum(x, floor), shown, yerr=[shown - np.maximum(low, floor), high - shown],
        fmt="o", color=BLUE, ecolor=GREY, capsize=2, markersize=4,
    )  # fmt: skip
    axes.plot([floor, 1], [floor, 1], color=GREY, linestyle=":", linewidth=1)
    axes.set(xscale="log", yscale="log", xlim=(floor, 1), ylim=(floor, 1), xlabel=xlabel, ylabel=ylabel)
    return _svg(figure)


def price_plot(prices: Mapping[str, Sequence[tuple[int, float]]]) -> str:
    """What share of its products each cell could move, against the tests that it takes.

    Args:
        prices: Cell to (tests, share of products that would move).
    """
    figure, axes = _figure(6.0, 3.6)
    for (cell, points), colour in zip(prices.items(), (BLUE, ORANGE, GREEN, GREY) * len(prices), strict=False):
        ordered = sorted(points)
        tests, shares = [count for count, _ in ordered], [100 * share for _, share in ordered]
        axes.plot(tests, shares, color=colour, marker="o", markersize=3, label=cell)
    every = [count for points in prices.values() for count, _ in points]
    axes.set(xlabel="tests of moved products", ylabel="products that would move, %")
    if max(every) > 10 * min(every):
        axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.legend(fontsize=8, frameon=False)
    return _svg(figure)


def interval_plot(
    names: Sequence[str], values: Sequence[float], lows: Sequence[float], highs: Sequence[float], xlabel: str, *,
    zero: bool = False, colours: Sequence[str] | None = None,
) -> str:  # fmt: skip
    """A dot and its interval a row, the first on top."""
    figure, axes = _figure(6.0, 0.6 + 0.24 * len(names))
    place = np.arange(len(names))[::-1]
    for i, (value, low, high) in enumerate(zip(values, lows, highs, strict=True)):
        colour = colours[i] if colours else BLUE
        axes.plot([low, high], [place[i], place[i]], color=colour, linewidth=1.5, alpha=0.5)
        axes.plot([value], [place[i]], "o", color=colour, markersize=4)
    axes.set_yticks(place, names, fontsize=8)
    axes.grid(axis="y", visible=False)
    axes.set_xlabel(xlabel)
    if zero:
        axes.axvline(0, color=GREY, linewidth=1)
    return _svg(figure)


def effect_plot(effects: Sequence[Effect], xlabel: str) -> str:
    """Effects with their intervals, a rise red and a fall green."""
    colours = [RED if effect.mean > 0 else GREEN for effect in effects]
    names = [f"{effect.name} ({effect.n})" for effect in effects]
    return interval_plot(
        names, [e.mean for e in effects], [e.low for e in effects], [e.high for e in effects], xlabel,
        zero=True, colours=colours,
    )  # fmt: skip


def histogram_plot(values: npt.NDArray[np.float64], xlabel: str, ylabel: str) -> str:
    """A histogram with zero marked."""
    figure, axes = _figure(6.0, 2.6)
    axes.hist(values, bins=40, color=BLUE)
    axes.axvline(0, color=GREY, linewidth=1)
    axes.set(xlabel=xlabel, ylabel=ylabel)
    return _svg(figure)


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        return figure, figure.add_subplot()


def _svg(figure: Figure) -> str:
    out = io.StringIO()
    # The browser draws the text with its own fonts; matplotlib's, which only measures it, need not know every script.
    with mpl.rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(out, format="svg", metadata={"Date": None})
    text = out.getvalue()
    return text[text.index("<svg") :]
