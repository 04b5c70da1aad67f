"""Marks of the charts: points with intervals, bands, keys; told apart by shape as by colour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from evallib.report.drawing import GREY, INK, PALETTE, close_gaps

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes


BAND_NAME = "Too small to matter"
LINE_HEIGHT = 18.0


@dataclass(frozen=True, slots=True)
class Look:
    """How one kind of mark is drawn: never by its colour alone."""

    name: str
    colour: str
    marker: str
    is_filled: bool


EVENT_LOOKS = {
    "before": Look("Before", PALETTE[0], "o", False),
    "anticipation": Look("Anticipation", PALETTE[4], "^", False),
    "event year": Look("Event year", PALETTE[3], "D", False),
    "after": Look("After", PALETTE[2], "s", True),
    "reference": Look("Reference", INK, "x", True),
}


def draw_points(axes: Axes, rows: pd.DataFrame, look: Look) -> None:
    """Draw estimates above their event times, each with its interval as a vertical line."""
    times = rows["event_time"].to_numpy(dtype=float)
    bounded = rows[["conf_low", "conf_high"]].notna().all(axis=1).to_numpy()
    low, high = rows["conf_low"].to_numpy(float), rows["conf_high"].to_numpy(float)
    halo = _white_halo()
    lines = axes.vlines(times[bounded], low[bounded], high[bounded], color=look.colour)
    lines.set(linewidth=2.5, path_effects=halo, zorder=2.5)
    axes.plot(
        times,
        rows["estimate"].to_numpy(dtype=float),
        linestyle="none",
        marker=look.marker,
        markersize=9,
        markeredgewidth=2.2,
        color=look.colour,
        markerfacecolor=look.colour if look.is_filled else "white",
        label=look.name,
        zorder=3,
        path_effects=halo,
    )


def draw_rows(axes: Axes, rows: pd.DataFrame, heights: Sequence[float], look: Look) -> None:
    """Draw estimates at the given heights, each with its interval as a horizontal line."""
    low, high = rows["conf_low"].to_numpy(float), rows["conf_high"].to_numpy(float)
    bounded = np.isfinite(low) & np.isfinite(high)
    places = np.asarray(heights, dtype=float)
    halo = _white_halo()
    lines = axes.hlines(places[bounded], low[bounded], high[bounded], color=look.colour)
    lines.set(linewidth=2.5, path_effects=halo, zorder=2.5)
    axes.plot(
        rows["estimate"].to_numpy(dtype=float),
        places,
        linestyle="none",
        marker=look.marker,
        markersize=9,
        markeredgewidth=2.2,
        color=look.colour,
        markerfacecolor=look.colour if look.is_filled else "white",
        label=look.name,
        zorder=3,
        path_effects=halo,
    )


def _white_halo() -> list[Any]:
    """Return the white edge that keeps 3:1 between a mark and the grey band behind it."""
    from matplotlib.patheffects import Normal, Stroke

    return [Stroke(linewidth=6.0, foreground="white"), Normal()]


def draw_band(axes: Axes, size: float | None, *, is_vertical: bool) -> None:
    """Shade the changes too small to matter, from minus to plus `size`; nothing for None."""
    if size is None:
        return
    draw_span = axes.axvspan if is_vertical else axes.axhspan
    draw_span(
        -size,
        size,
        facecolor="#E9ECEF",
        edgecolor=GREY,
        linewidth=0.8,
        linestyle=(0, (1, 2)),
        zorder=0,
        label=BAND_NAME,
    )


def value_limits(data: pd.DataFrame, band: float | None) -> tuple[float, float]:
    """Return limits that hold every estimate, bound and the band, with zero among them."""
    values = data[["estimate", "conf_low", "conf_high"]].to_numpy(dtype=float).ravel()
    finite = values[np.isfinite(values)]
    marks = [*finite.tolist(), 0.0, *([-band, band] if band else [])]
    return close_gaps(min(marks), max(marks))


def draw_key(
    axes: Axes,
    *,
    columns: int = 3,
    handles: Sequence[Artist] | None = None,
    labels: Sequence[str] = (),
    is_under_title: bool = False,
) -> None:
    """Write what the marks stand for, above the axes, read row by row."""
    from matplotlib.transforms import ScaledTranslation

    if handles is None:
        drawn, names = axes.get_legend_handles_labels()
    else:
        drawn, names = list(handles), list(labels)
    order = sorted(range(len(names)), key=lambda place: names[place] == BAND_NAME)
    columns = min(columns, len(order))
    by_row = [place for column in range(columns) for place in order[column::columns]]
    raised = ScaledTranslation(0, (28 if is_under_title else 9) / 72, axes.figure.dpi_scale_trans)
    axes.legend(
        [drawn[place] for place in by_row],
        [names[place] for place in by_row],
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
        bbox_transform=axes.transAxes + raised,
        ncols=columns,
        borderpad=0.0,
        borderaxespad=0.0,
        handletextpad=0.5,
        columnspacing=1.4,
        labelspacing=0.35,
    )


def write_row_names(axes: Axes, places: Sequence[float], names: Sequence[Sequence[str]]) -> None:
    """Write the names of rows left of the axes, a text a line so that every font sets it well.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Axes whose vertical limits are settled.
    places : sequence of float
        Height of each row.
    names : sequence of sequence of str
        Lines of each name.
    """
    axes.set_yticks([])
    for place, lines in zip(places, names, strict=True):
        for number, line in enumerate(lines):
            axes.annotate(
                line,
                (0, float(place)),
                xycoords=axes.get_yaxis_transform(),
                xytext=(-10, ((len(lines) - 1) / 2 - number) * LINE_HEIGHT),
                textcoords="offset points",
                ha="right",
                va="center",
            )


def write_under(axes: Axes, place: float | None, lines: Sequence[str]) -> None:
    """Write lines under the axes: centred below a place, or right-aligned before the first."""
    for number, line in enumerate(lines):
        axes.annotate(
            line,
            (0.0 if place is None else place, 0.0),
            xycoords=axes.get_xaxis_transform() if place is not None else "axes fraction",
            xytext=(0 if place is not None else -8, -16 - number * LINE_HEIGHT),
            textcoords="offset points",
            ha="right" if place is None else "center",
            va="center",
        )
