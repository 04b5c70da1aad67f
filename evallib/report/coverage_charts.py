"""Charts of what the tables hold: a register beside published totals, and missing values."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from evallib.report.chart import Chart
from evallib.report.context_charts import counts_chart
from evallib.report.drawing import GREY, PALETTE, new_axes, plain_style, to_svg
from evallib.report.formats import format_number
from evallib.report.marks import write_row_names
from evallib.report.markup import slugify


def coverage_chart(
    frame: pd.DataFrame,
    *,
    headline: str,
    subtitle: str,
    source: str,
    label: str = "period",
    register: str = "n_register",
    published: str = "n_published",
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
    counts = frame[[label, register, published]].rename(
        columns={register: "In the register", published: "Published"}
    )
    # In the order of the frame, which is that of time: not of the labels' first letters.
    order = list(dict.fromkeys(counts[label]))
    counts[label] = pd.Categorical(counts[label], categories=order, ordered=True)
    tall = counts.melt(id_vars=label, var_name="group", value_name="n_units")
    chart = counts_chart(
        tall.sort_values(label, kind="stable", ignore_index=True),
        headline=headline,
        subtitle=subtitle,
        source=source,
        year=label,
        unit=unit,
        slug=slug,
        alt=alt or _coverage_alt(counts, label, unit),
        notes=notes,
    )
    share = 100 * frame[register].astype(float) / frame[published].astype(float)
    data = frame.reset_index(drop=True).assign(register_share_pct=share.to_numpy())
    labels = {
        register: "In the register",
        published: "Published",
        "register_share_pct": "Share in the register",
    }
    return replace(
        chart,
        data=data,
        labels=labels,
        units={register: unit, published: unit, "register_share_pct": "per cent"},
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


def _coverage_alt(counts: pd.DataFrame, label: str, unit: str) -> str:
    parts = [
        f"{row[label]}: {format_number(float(row['In the register']), 0)} of "
        f"{format_number(float(row['Published']), 0)}"
        for _, row in counts.iterrows()
    ]
    return f"The register's {unit} beside the published totals. {'; '.join(parts)}."


def _missing_alt(data: pd.DataFrame, label: str, year: str, share: str) -> str:
    alt = "A grid of the share of missing values, a row a series, a column a year."
    known = data[data[share].notna()].sort_values(share)
    if known.empty:
        return alt
    worst = known.iloc[-1]
    number = format_number(float(worst[share]), 0)
    return f"{alt} The highest share is {number} per cent, {worst[label]} in {worst[year]}."
