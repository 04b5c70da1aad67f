"""Charts that describe: paths over time and councils by year."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from evallib.report.chart import Chart
from evallib.report.drawing import (
    GREY,
    MARKERS,
    PALETTE,
    label_lines,
    new_axes,
    plain_style,
    to_svg,
)
from evallib.report.formats import MINUS, format_count, format_number
from evallib.report.marks import LINE_HEIGHT, draw_key, write_row_names, write_under
from evallib.report.markup import slugify

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_LINES = 4
_HATCHES = ("", "//", "..", "xx")


def paths_chart(
    frame: pd.DataFrame,
    *,
    headline: str,
    subtitle: str,
    source: str,
    unit: str,
    year: str = "fin_year",
    value: str = "value",
    group: str = "group",
    slug: str = "",
    events: Sequence[str] = (),
    alt: str = "",
    notes: Sequence[str] = (),
    decimals: int = 1,
    axis_title: str = "",
    under: Mapping[str, str] | None = None,
) -> Chart:
    """Draw the mean of an outcome by year for up to four groups, each line with its name.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a year and group: the columns that `year`, `value` and `group` name, and others
        (such as n_councils) for the data table. A missing value breaks its line.
    headline, subtitle, source : str
        Texts of the chart. A trend is description: the headline must not call it an effect.
    unit : str
        Unit of the values.
    year, value, group : str
        Names of the columns.
    slug : str
        Identifier; by default made from the headline.
    events : sequence of str
        Years to mark as event years. Years may be numbers, such as event times.
    alt : str
        Alternative text; by default made from the first and last values.
    notes : sequence of str
        Notes under the data table.
    decimals : int
        Digits after the point in the data table.
    axis_title : str
        Title of the axis of years; none where it is empty.
    under : mapping of str to str, optional
        Columns of counts that are the same for all groups of a year, by what to call them: they
        stand under the years, all of which are then written.

    Returns
    -------
    Chart
        The chart with its data.

    Raises
    ------
    ValueError
        Where there are more than four groups.
    """
    import seaborn as sns

    data = frame.reset_index(drop=True)
    groups = list(dict.fromkeys(data[group].astype(str)))
    _refuse_many(groups)
    years = [str(item) for item in sorted(data[year].unique())]
    drawn = pd.DataFrame(
        {
            "place": [years.index(text) for text in data[year].astype(str)],
            "value": data[value].astype(float),
            "group": data[group].astype(str),
        }
    )
    name = slug or slugify(headline)
    with plain_style(name):
        figure, axes = new_axes(400 + LINE_HEIGHT * len(under or {}))
        for item in events:
            if item in years:
                axes.axvline(years.index(item), color=GREY, linewidth=1, linestyle=(0, (4, 3)))
        sns.lineplot(
            drawn,
            x="place",
            y="value",
            hue="group",
            style="group",
            hue_order=groups,
            style_order=groups,
            palette=list(PALETTE[: len(groups)]),
            markers=list(MARKERS[: len(groups)]),
            dashes=[_dashes(place) for place in range(len(groups))],
            markersize=8,
            linewidth=2.5,
            estimator=None,
            legend=False,
            ax=axes,
        )
        axes.set(xlabel=axis_title, ylabel="")
        _write_years(axes, data, year, years, under or {})
        axes.grid(axis="y")
        axes.spines["left"].set_visible(False)
        axes.set_title(unit[:1].upper() + unit[1:], loc="left", pad=12)
        low, high = axes.get_ylim()
        ends = _line_ends(drawn, groups)
        label_lines(axes, ends, gap=0.065 * (high - low))
        svg = to_svg(figure, name)
    return Chart(
        headline=headline,
        subtitle=subtitle,
        alt=alt or _paths_alt(drawn, groups, years, unit, decimals),
        source=source,
        data=data,
        svg=svg,
        slug=name,
        notes=tuple(notes),
        units={value: unit},
        decimals=decimals,
    )


def _write_years(
    axes: Axes, data: pd.DataFrame, year: str, years: Sequence[str], under: Mapping[str, str]
) -> None:
    """Write at most six years under the axis, or all of them with the counts behind each."""
    if not under:
        step = max(1, -(-len(years) // 6))
        ticks = list(range(len(years) - 1, -1, -step))[::-1]
        axes.set_xticks(ticks, [_year_text(years[place]) for place in ticks])
        return
    first = data.assign(**{year: data[year].astype(str)}).drop_duplicates(year).set_index(year)
    axes.set_xticks([])
    axes.xaxis.labelpad = 12 + LINE_HEIGHT * (1 + len(under))
    write_under(axes, None, ["Years", *under.values()])
    for place, text in enumerate(years):
        counts = [format_number(float(first[name][text]), 0) for name in under]
        write_under(axes, place, [_year_text(text), *counts])


def _year_text(year: str) -> str:
    """Return a year as it is, an event time with a true minus sign."""
    return f"{MINUS}{year[1:]}" if year.startswith("-") else year


def counts_chart(
    frame: pd.DataFrame,
    *,
    headline: str,
    subtitle: str,
    source: str,
    year: str = "fin_year",
    group: str = "group",
    count: str = "n_units",
    unit: str = "councils",
    slug: str = "",
    alt: str = "",
    notes: Sequence[str] = (),
) -> Chart:
    """Draw counts by year as bars from zero, up to four groups beside each other.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a year and group: the columns that `year`, `group` and `count` name.
    headline, subtitle, source : str
        Texts of the chart.
    year, group, count : str
        Names of the columns.
    unit : str
        What is counted, in the plural.
    slug : str
        Identifier; by default made from the headline.
    alt : str
        Alternative text; by default made from the least and greatest counts.
    notes : sequence of str
        Notes under the data table.

    Returns
    -------
    Chart
        The chart with its data.

    Raises
    ------
    ValueError
        Where there are more than four groups.
    """
    import seaborn as sns
    from matplotlib.container import BarContainer

    data = frame.reset_index(drop=True)
    groups = list(dict.fromkeys(data[group].astype(str)))
    _refuse_many(groups)
    labels = list(dict.fromkeys(data[year].astype(str)))
    drawn = data.assign(**{year: data[year].astype(str), group: data[group].astype(str)})
    name = slug or slugify(headline)
    is_long = len(labels) > 6 or max(len(text) for text in labels) > 12
    with plain_style(name):
        size = 110 + len(labels) * (16 + 20 * len(groups)) if is_long else 380
        figure, axes = new_axes(size)
        sns.barplot(
            drawn,
            x=count if is_long else year,
            y=year if is_long else count,
            hue=group,
            order=labels,
            hue_order=groups,
            palette=list(PALETTE[: len(groups)]),
            saturation=1,
            errorbar=None,
            orient="h" if is_long else "v",
            width=0.78,
            gap=0.08,
            ax=axes,
        )
        drawn_bars = [item for item in axes.containers if isinstance(item, BarContainer)]
        for bars, hatch in zip(drawn_bars, _HATCHES, strict=False):
            for bar in bars:
                bar.set(hatch=hatch, edgecolor="white", linewidth=0)
            axes.bar_label(bars, fmt=lambda number: format_number(float(number), 0), padding=4)
        most = 1.12 * max(1.0, float(drawn[count].max()))
        if is_long:
            write_row_names(axes, range(len(labels)), [textwrap.wrap(text, 28) for text in labels])
            axes.set(xlim=(0, most), xlabel=f"Number of {unit}", ylabel="")
        else:
            axes.set(ylim=(0, most), xlabel="", ylabel="")
            axes.set_title(f"Number of {unit}", loc="left", pad=8)
        axes.spines["bottom" if is_long else "left"].set_visible(False)
        axes.grid(axis="x" if is_long else "y")
        if len(groups) > 1:
            draw_key(
                axes,
                handles=[bars[0] for bars in drawn_bars],
                labels=groups,
                is_under_title=not is_long,
            )
        elif (drawn_key := axes.get_legend()) is not None:
            drawn_key.remove()
        svg = to_svg(figure, name)
    return Chart(
        headline=headline,
        subtitle=subtitle,
        alt=alt or _counts_alt(drawn, group, count, unit),
        source=source,
        data=data,
        svg=svg,
        slug=name,
        notes=tuple(notes),
        decimals=0,
    )


def _refuse_many(groups: Sequence[str]) -> None:
    if len(groups) > MOST_LINES:
        raise ValueError(f"{len(groups)} groups in one chart; show at most {MOST_LINES}")


def _dashes(place: int) -> tuple[float, ...] | str:
    return ("", (4, 1.5), (6, 1.5, 1.5, 1.5), (1.2, 1.2))[place]


def _line_ends(drawn: pd.DataFrame, groups: Sequence[str]) -> list[tuple[float, float, str]]:
    ends = []
    right = float(drawn["place"].max())
    for item in groups:
        rows = drawn[(drawn["group"] == item) & drawn["value"].notna()].sort_values("place")
        if not rows.empty:
            ends.append((right, float(rows["value"].iloc[-1]), textwrap.fill(item, 18)))
    return ends


def _paths_alt(
    drawn: pd.DataFrame, groups: Sequence[str], years: Sequence[str], unit: str, decimals: int
) -> str:
    parts = []
    for item in groups:
        rows = drawn[(drawn["group"] == item) & drawn["value"].notna()].sort_values("place")
        if not rows.empty:
            pairs = rows[["value", "place"]].iloc[[0, -1]].to_numpy()
            ends = (
                f"{format_number(value, decimals)} in {_year_text(years[int(place)])}"
                for value, place in pairs.tolist()
            )
            parts.append(f"{item}: {', '.join(ends)}")
    return f"Lines by year, in {unit}. {'; '.join(parts)}."


def _counts_alt(drawn: pd.DataFrame, group: str, count: str, unit: str) -> str:
    parts = []
    for item, rows in drawn.groupby(group, sort=False):
        least = format_number(float(rows[count].min()), 0)
        most = format_count(float(rows[count].max()))
        parts.append(f"{item}: between {least} and {most}")
    return f"Bars of the number of {unit}. {'; '.join(parts)}."
