"""Charts of what the tables hold: a register beside published totals, and missing values."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from evallib.report.chart import Chart
from evallib.report.drawing import GREY, PALETTE, new_axes, plain_style, to_svg
from evallib.report.formats import format_number
from evallib.report.marks import draw_key, write_row_names
from evallib.report.markup import slugify

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def coverage_chart(
    frame: pd.DataFrame,
    *,
    headline: str,
    subtitle: str,
    source: str,
    label: str = "period",
    register: str = "n_register",
    published: str = "n_published",
    at_most: str = "",
    unit: str = "events",
    slug: str = "",
    alt: str = "",
    notes: Sequence[str] = (),
) -> Chart:
    """Draw what a register holds beside the published totals, as bars from zero.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a published total: the columns that `label`, `register` and `published` name.
    headline, subtitle, source : str
        Texts of the chart.
    label, register, published : str
        Names of the columns: what the total covers, the register's count, the published count.
    at_most : str
        Name of the column with the count that also holds what may belong to the total, such as
        events dated to the year only; drawn as a hatched end of the register's bar. Empty: none.
    unit : str
        What is counted, in the plural.
    slug : str
        Identifier; by default made from the headline.
    alt : str
        Alternative text; by default made from the counts.
    notes : sequence of str
        Notes under the data table.

    Returns
    -------
    Chart
        The chart; its data table has the share that the register holds.
    """
    data = frame.reset_index(drop=True)
    counts = data[[register, published]].astype(float)
    most = data[at_most].astype(float) if at_most else counts[register]
    # From the top in the order of the frame, which is that of time: not of the first letters.
    names = [textwrap.wrap(str(text), 28) for text in data[label]]
    name = slug or slugify(headline)
    with plain_style(name):
        figure, axes = new_axes(120 + sum(max(56, 20 + 18 * len(lines)) for lines in names))
        places = -np.arange(len(data), dtype=float)
        upper, lower = places + 0.2, places - 0.2
        bars = axes.barh(upper, counts[register], 0.36, color=PALETTE[0])
        band = axes.barh(
            upper,
            most - counts[register],
            0.36,
            left=counts[register],
            color="white",
            edgecolor=PALETTE[0],
            hatch="////",
            linewidth=1.0,
        )
        total = axes.barh(lower, counts[published], 0.36, color=PALETTE[1])
        for bar in total:
            bar.set(hatch="..", edgecolor="white", linewidth=0)
        for at, (held, may, said) in enumerate(
            zip(counts[register], most, counts[published], strict=True)
        ):
            words = format_number(held, 0)
            if may > held:
                words += f" to {format_number(may, 0)}"
            _write_after(axes, may, upper[at], words)
            _write_after(axes, said, lower[at], format_number(said, 0))
        widest = float(max(counts.to_numpy().max(initial=0.0), most.max(), 1.0))
        axes.set(xlim=(0, 1.18 * widest), xlabel=f"Number of {unit}", ylabel="")
        axes.set_ylim(places[-1] - 0.6, 0.6)
        write_row_names(axes, list(places), names)
        axes.spines["bottom"].set_visible(False)
        axes.grid(axis="x")
        handles = [bars[0], *([band[0]] if (most > counts[register]).any() else []), total[0]]
        words_of = {
            id(bars[0]): "In the register",
            id(band[0]): "May be",
            id(total[0]): "Published",
        }
        draw_key(axes, handles=handles, labels=[words_of[id(one)] for one in handles])
        svg = to_svg(figure, name)
    share = 100 * counts[register] / counts[published]
    labels = {
        label: "Published total",
        register: "In the register",
        published: "Published",
        at_most: "In the register at most",
        "register_share_pct": "Share in the register",
    }
    return Chart(
        headline=headline,
        subtitle=subtitle,
        alt=alt or _coverage_alt(data, label, register, published, at_most, unit),
        source=source,
        data=data.assign(register_share_pct=share.to_numpy()),
        svg=svg,
        slug=name,
        notes=tuple(notes),
        decimals=0,
        labels={key: text for key, text in labels.items() if key and key != "period"},
        units={
            **{key: unit for key in (register, published, at_most) if key},
            "register_share_pct": "per cent",
        },
    )


def missingness_chart(
    frame: pd.DataFrame,
    *,
    headline: str,
    subtitle: str,
    source: str,
    label: str = "indicator",
    year: str = "fin_year",
    share: str = "missing_pct",
    order: Sequence[str] = (),
    slug: str = "",
    alt: str = "",
    notes: Sequence[str] = (),
) -> Chart:
    """Draw the share of missing values by row and year, each number written in its cell.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row an indicator and year: the columns that `label`, `year` and `share` name; the
        share is in per cent. A year that an indicator does not cover is no row.
    headline, subtitle, source : str
        Texts of the chart.
    label, year, share : str
        Names of the columns; `year` may hold other groups, such as types of council.
    order : sequence of str
        The columns of the grid in order; by default sorted.
    slug : str
        Identifier; by default made from the headline.
    alt : str
        Alternative text; by default made from the shares.
    notes : sequence of str
        Notes under the data table.

    Returns
    -------
    Chart
        The chart with its data.
    """
    import seaborn as sns

    data = frame.reset_index(drop=True)
    grid = data.pivot_table(index=label, columns=year, values=share, sort=False)
    columns = [name for name in order if name in grid.columns] or sorted(grid.columns)
    grid = grid.reindex(columns=columns)
    name = slug or slugify(headline)
    step = 3 if len(grid.columns) > 7 else 1
    years = [
        textwrap.fill(str(item), 12) if place % step == 0 else ""
        for place, item in enumerate(grid.columns)
    ]
    most_lines = max(text.count("\n") for text in years)
    names = [textwrap.wrap(str(text), 30) for text in grid.index]
    cells = [
        [format_number(float(number), 0, missing="–") for number in row]
        for row in grid.to_numpy(dtype=float)
    ]
    with plain_style(name):
        height = 80 + 18 * most_lines + len(grid) * (16 + 18 * max(map(len, names)))
        figure, axes = new_axes(height)
        sns.heatmap(
            grid.fillna(0).to_numpy(dtype=float),
            ax=axes,
            vmin=0,
            vmax=100,
            cmap=sns.light_palette(PALETTE[0], as_cmap=True),
            annot=np.array(cells),
            fmt="",
            cbar=False,
            linewidths=1.5,
            linecolor=GREY,
            annot_kws={"fontsize": 13},
        )
        axes.set_xticks(np.arange(len(years)) + 0.5, years, rotation=0)
        axes.set(xlabel="", ylabel="")
        write_row_names(axes, [place + 0.5 for place in range(len(grid))], names)
        axes.set_title("Per cent missing (– is not collected)", loc="left", pad=8)
        svg = to_svg(figure, name)
    return Chart(
        headline=headline,
        subtitle=subtitle,
        alt=alt or _missing_alt(data, label, year, share),
        source=source,
        data=data,
        svg=svg,
        slug=name,
        notes=tuple(notes),
        units={share: "per cent"},
        decimals=1,
    )


def _write_after(axes: Axes, value: float, place: float, words: str) -> None:
    axes.annotate(
        words, (value, place), xytext=(5, 0), textcoords="offset points", ha="left", va="center"
    )


def _coverage_alt(
    data: pd.DataFrame, label: str, register: str, published: str, at_most: str, unit: str
) -> str:
    parts = []
    for row in data.to_dict("records"):
        held = format_number(float(row[register]), 0)
        if at_most and row[at_most] > row[register]:
            held += f" to {format_number(float(row[at_most]), 0)}"
        parts.append(f"{row[label]}: {held} of {format_number(float(row[published]), 0)}")
    return f"The register's {unit} beside the published totals. {'; '.join(parts)}."


def _missing_alt(data: pd.DataFrame, label: str, year: str, share: str) -> str:
    alt = "A grid of the share of missing values, a row a series, a column a year."
    known = data[data[share].notna()].sort_values(share)
    if known.empty:
        return alt
    worst = known.iloc[-1]
    number = format_number(float(worst[share]), 0)
    return f"{alt} The highest share is {number} per cent, {worst[label]} in {worst[year]}."
