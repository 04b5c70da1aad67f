"""The chart of every specification: estimates in order above, the choices behind them below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from evallib.estimate.result import FloatArray
from evallib.report.chart import Chart
from evallib.report.drawing import GREY, INK, PALETTE, close_gaps, plain_style, to_svg
from evallib.report.formats import format_number
from evallib.report.marks import draw_key

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH, UPPER, ROW, GAP = 760.0, 300.0, 20.0, 8.0
LABEL_SIZE, LONGEST_LABEL = 13, 44
BINS = 200  # columns of the lower panel: more specifications share a column
INTERVALS = 300  # of more specifications every so-many-th interval is drawn
TABLE_ROWS = 41
SHARED = (
    f"There are {BINS} columns of choices, of neighbouring specifications each: a column's height "
    "in a row is the share of its specifications that have the alternative."
)
Choices = Mapping[str, Sequence[str]]


def specification_chart(
    frame: pd.DataFrame,
    choices: Choices,
    *,
    headline: str,
    subtitle: str,
    source: str,
    unit: str,
    level: float,
    meaningful_change: float,
    slug: str,
    notes: Sequence[str] = (),
) -> Chart:
    """Draw a specification curve in two panels.

    Parameters
    ----------
    frame : pandas.DataFrame
        A row a specification that was estimated: effect, effect_low, effect_high, is_headline and
        a column a choice.
    choices : mapping
        The alternatives of each choice, in the order shown.
    headline, subtitle, source, unit, slug : str
    level, meaningful_change : float
    notes : sequence of str
        Under the data table.

    Returns
    -------
    Chart
        Its data table has the headline and every so-many-th specification in order, with what
        tells it from the headline. In the lower panel a column's height is the share of its
        specifications that have the alternative.
    """
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    data = frame.sort_values("effect", kind="stable").reset_index(drop=True)
    rows = sum(1 + len(values) for values in choices.values())  # a line for the name of a choice
    below = rows * ROW + len(choices) * GAP
    with plain_style(slug):
        height = UPPER + below + 110
        figure = Figure(figsize=(WIDTH / 72, height / 72))
        FigureCanvasSVG(figure)
        left, width = 0.4, 0.59
        upper = figure.add_axes((left, (below + 60) / height, width, UPPER / height))
        lower = figure.add_axes((left, 30 / height, width, below / height))
        _draw_estimates(upper, data, unit, level, meaningful_change)
        _draw_choices(lower, data, choices)
        svg = to_svg(figure, slug)
    return Chart(
        headline=headline,
        subtitle=subtitle,
        alt=_alt(data, unit, level),
        source=source,
        data=_sampled(data, list(choices)),
        svg=svg,
        slug=slug,
        notes=(
            *notes,
            *((SHARED,) if len(data) > BINS else ()),
            f"Of {len(data):,} specifications the table shows the headline and "
            f"{min(TABLE_ROWS, len(data))} evenly spaced by rank; the file of all specifications "
            "has every one.",
        ),
        decimals=3,
        units={name: unit for name in ("effect", "effect_low", "effect_high")},
        labels={
            "rank": "Rank",
            "effect": "Effect",
            "effect_low": f"{100 * level:g}% interval: lower bound",
            "effect_high": f"{100 * level:g}% interval: upper bound",
            "differs": "Differs from the headline in",
        },
    )


def _draw_estimates(
    axes: Axes, data: pd.DataFrame, unit: str, level: float, meaningful_change: float
) -> None:
    """Draw effects by rank with their intervals as one shape, so that thousands stay small."""
    rank = np.arange(len(data))
    effect = data["effect"].to_numpy(dtype=float)
    low, high = (data[name].to_numpy(dtype=float) for name in ("effect_low", "effect_high"))
    step = -(-len(data) // INTERVALS)
    axes.fill_between(
        *(rank[::step], low[::step], high[::step]),
        facecolor="#C7D3E0",
        edgecolor="#5E7FA0",
        linewidth=0.8,
        label=f"{100 * level:g}% intervals",
    )
    axes.plot(rank, effect, color=PALETTE[0], linewidth=2.5, label="Effects in order")
    axes.axhline(0, color=INK, linewidth=1)
    for sign in (-1, 1):
        axes.axhline(
            sign * meaningful_change,
            color=PALETTE[2],
            linewidth=1.5,
            linestyle=(0, (4, 2)),
            label="Change that would matter" if sign > 0 else None,
        )
    own = np.flatnonzero(data["is_headline"].to_numpy(dtype=bool))
    axes.vlines(rank[own], low[own], high[own], color=PALETTE[3], linewidth=2.5)
    axes.plot(
        *(rank[own], effect[own]),
        linestyle="none",
        marker="D",
        markersize=10,
        markeredgecolor=INK,
        color=PALETTE[3],
        label="Headline",
    )
    spread = np.nanquantile(np.concatenate([low, high]), [0.01, 0.99])
    marks = [*spread, *effect, 0.0, meaningful_change, -meaningful_change, *low[own], *high[own]]
    axes.set_ylim(*close_gaps(float(min(marks)), float(max(marks))))
    axes.set_xlim(-0.5, len(data) - 0.5)
    axes.set_xticks([])
    axes.grid(axis="y")
    axes.spines["bottom"].set_visible(False)
    axes.annotate(
        unit[:1].upper() + unit[1:],
        (0, 0.5),
        xycoords="axes fraction",
        xytext=(-70, 0),
        textcoords="offset points",
        ha="right",
        va="center",
    )
    draw_key(axes, columns=2)


def _draw_choices(axes: Axes, data: pd.DataFrame, choices: Choices) -> None:
    """Draw a row an alternative, as high as the share of a column's specifications that have it."""
    count = min(BINS, len(data))
    column = np.arange(len(data)) * count // max(len(data), 1)
    size = np.bincount(column, minlength=count)
    own = np.flatnonzero(data["is_headline"].to_numpy(dtype=bool))
    place = 0.0
    for name, values in choices.items():
        _write(axes, place, f"{name[:1].upper()}{name[1:]}", is_name=True)
        place += ROW
        for value in values:
            has = (data[name] == value).to_numpy(dtype=float)
            share = np.bincount(column, weights=has, minlength=count) / np.maximum(size, 1)
            foot = place + ROW - 2
            across, up = _steps(share)
            axes.fill(across, foot - up * (ROW - 4), color=PALETTE[0], linewidth=0)
            _write(axes, place, value, is_name=False)
            place += ROW
        place += GAP
    if own.size:
        axes.axvline(column[own[0]], color=PALETTE[3], linewidth=2)
    axes.set_ylim(place - GAP, 0)
    axes.set_xlim(-0.5, count - 0.5)
    axes.set_yticks([])
    axes.set_xticks([])
    for side in ("left", "bottom"):
        axes.spines[side].set_color(GREY)
    axes.set_xlabel("Specifications, from the lowest effect to the highest")


def _write(axes: Axes, place: float, text: str, *, is_name: bool) -> None:
    """Write the name of a choice, or an alternative under it, left of its row."""
    axes.annotate(
        text if len(text) <= LONGEST_LABEL else f"{text[: LONGEST_LABEL - 1].rstrip()}…",
        (0, place + ROW / 2),
        xycoords=axes.get_yaxis_transform(),
        xytext=(-8, 0),
        textcoords="offset points",
        ha="right",
        va="center",
        fontsize=LABEL_SIZE,
        fontweight="bold" if is_name else "normal",
    )


def _steps(share: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the outline of columns of one width, with a corner only where the height changes."""
    edges = np.flatnonzero(np.diff(share, prepend=np.nan, append=np.nan) != 0)
    across = np.repeat(edges - 0.5, 2)
    up = np.concatenate([[0.0], np.repeat(share[edges[:-1]], 2), [0.0]])
    return across, up


def _sampled(data: pd.DataFrame, choices: list[str]) -> pd.DataFrame:
    """Return the headline and specifications evenly spaced by rank, and how each differs."""
    count = min(TABLE_ROWS, len(data))
    places = np.unique(np.linspace(0, len(data) - 1, count).round().astype(int))
    own = np.flatnonzero(data["is_headline"].to_numpy(dtype=bool))
    shown = np.union1d(places, own)
    table = data.loc[shown, ["effect", "effect_low", "effect_high"]]
    table.insert(0, "rank", shown + 1)
    plain = data.loc[own[0], choices] if own.size else pd.Series("", index=choices)
    differs = [
        "; ".join(f"{name}: {line[name]}" for name in choices if line[name] != plain[name])
        for line in data.loc[shown, choices].to_dict("records")
    ]
    table["differs"] = [text or "nothing: it is the headline" for text in differs]
    return table.reset_index(drop=True)


def _alt(data: pd.DataFrame, unit: str, level: float) -> str:
    held = int(((data["effect_low"] <= 0) & (data["effect_high"] >= 0)).sum())
    low, middle, high = (
        format_number(float(value), 2) for value in data["effect"].quantile([0, 0.5, 1])
    )
    text = (
        f"{len(data):,} specifications in order of their effect, from {low} to {high} {unit} with "
        f"median {middle}; {held:,} intervals at {100 * level:g}% hold zero."
    )
    own = data[data["is_headline"].astype(bool)]
    if len(own):
        value = format_number(float(own["effect"].iloc[0]), 2)
        text += f" The headline, {value}, has rank {int(own.index[0]) + 1:,}."
    return f"{text} Below, which alternative of each choice every specification takes."
