"""Charts of one figure a row: bars from zero, or points beside a line to hold them against."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np
import pandas as pd

from evallib.report.chart import Chart
from evallib.report.drawing import GREY, INK, PALETTE, close_gaps, new_axes, plain_style, to_svg
from evallib.report.formats import format_number
from evallib.report.marks import draw_key, write_row_names
from evallib.report.markup import slugify


def rows_chart(
    frame: pd.DataFrame,
    *,
    headline: str,
    subtitle: str,
    source: str,
    unit: str,
    label: str,
    value: str,
    line: float | None = None,
    line_name: str = "",
    slug: str = "",
    alt: str = "",
    notes: Sequence[str] = (),
    decimals: int = 2,
) -> Chart:
    """Draw a figure a row, as a bar from zero or as a point beside a line.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a bar or point, in the order shown: the columns that `label` and `value` name, and
        others for the data table.
    headline, subtitle, source : str
        Texts of the chart.
    unit : str
        Unit of the values.
    label, value : str
        Names of the columns.
    line : float, optional
        Draws points instead of bars, beside an upright line at this value.
    line_name : str
        What the line stands for.
    slug : str
        Identifier; by default made from the headline.
    alt : str
        Alternative text; by default made from the least and the greatest value.
    notes : sequence of str
        Notes under the data table.
    decimals : int
        Digits after the point.

    Returns
    -------
    Chart
        The chart with its data; every value is written beside its mark.
    """
    data = frame.reset_index(drop=True)
    values = data[value].to_numpy(dtype=float)
    lines = [textwrap.wrap(str(text), 32) for text in data[label]]
    places = np.arange(len(data))
    name = slug or slugify(headline)
    with plain_style(name):
        row = max(30, 14 + 18 * max(map(len, lines), default=1))
        figure, axes = new_axes(90 + len(data) * row + (26 if line is not None else 0))
        if line is None:
            axes.barh(places, values, height=0.6, color=PALETTE[0])
            axes.axvline(0, color=INK, linewidth=1)
        else:
            held = axes.axvline(line, color=PALETTE[2], linewidth=2, label=line_name)
            held.set_linestyle((0, (4, 2)))
            axes.plot(values, places, linestyle="none", marker="o", color=PALETTE[0], label=unit)
        for place, number in zip(places.tolist(), values.tolist(), strict=True):
            is_left = line is not None and number < line  # a label never crosses the line
            axes.annotate(
                format_number(number, decimals),
                (max(number, 0.0) if line is None else number, place),
                xytext=(-8 if is_left else 8, 0),
                textcoords="offset points",
                ha="right" if is_left else "left",
                va="center",
            )
        axes.set_ylim(len(data) - 0.45, -0.55)
        write_row_names(axes, places.tolist(), lines)
        known = values[np.isfinite(values)].tolist() + ([0.0] if line is None else [line])
        axes.set_xlim(*close_gaps(min(known), max(known), share=0.16))
        axes.grid(axis="x", color="#D9DBDC")
        axes.spines["left"].set_visible(False)
        axes.spines["bottom"].set_color(GREY)
        axes.set_xlabel(unit[:1].upper() + unit[1:])
        if line is not None:
            handles, _ = axes.get_legend_handles_labels()
            draw_key(axes, handles=handles, labels=[line_name, "Without the indicator"])
        svg = to_svg(figure, name)
    return Chart(
        headline=headline,
        subtitle=subtitle,
        alt=alt or _alt(data, label, value, unit, decimals),
        source=source,
        data=data,
        svg=svg,
        slug=name,
        notes=tuple(notes),
        units={value: unit},
        decimals=decimals,
    )


def _alt(data: pd.DataFrame, label: str, value: str, unit: str, decimals: int) -> str:
    known = data[data[value].notna()].sort_values(value)
    if known.empty:
        return f"A figure a row, in {unit}; none is known."
    parts = [
        f"{row[label]}, {format_number(float(row[value]), decimals)}"
        for row in (known.iloc[0], known.iloc[-1])
    ]
    return f"A figure a row, in {unit}. The least is of {parts[0]}; the greatest of {parts[1]}."
