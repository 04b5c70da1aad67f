"""Charts of effects: estimates by event time, and estimates beside each other."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import pandas as pd

from evallib.report.chart import Chart
from evallib.report.drawing import GREY, MARKERS, PALETTE, new_axes, plain_style, to_svg
from evallib.report.formats import format_number
from evallib.report.marks import (
    EVENT_LOOKS,
    Look,
    draw_band,
    draw_key,
    draw_points,
    draw_rows,
    value_limits,
    write_row_names,
    write_under,
)
from evallib.report.markup import slugify

_MOST_GROUPS = 4


def event_study_chart(
    frame: pd.DataFrame,
    *,
    headline: str,
    subtitle: str,
    source: str,
    unit: str,
    reference: int,
    slug: str = "",
    event_year: int | None = -1,
    level: float = 0.95,
    meaningful_change: float | None = None,
    alt: str = "",
    notes: Sequence[str] = (),
    decimals: int = 2,
) -> Chart:
    """Draw estimates by years from the event, each with its interval.

    Parameters
    ----------
    frame : pandas.DataFrame
        Columns event_time, estimate, conf_low, conf_high; where they are there, n_treated_units
        and n_cohorts stand under each event time, pointwise_low and pointwise_high (where the
        drawn interval is a simultaneous band) in the data table. Rows without an event time are
        left out; the reference is added at zero where it is not a row.
    headline, subtitle, source : str
        Texts of the chart.
    unit : str
        Unit of the estimates, such as 'percentage points'.
    reference : int
        Event time that every estimate is held against.
    slug : str
        Identifier; by default made from the headline.
    event_year : int or None
        Event time shown as the event year: neither before nor after; None where exposure starts
        in it. Times between the reference and it, or 0, are 'anticipation'.
    level : float
        Confidence level of the intervals.
    meaningful_change : float, optional
        Draws the band of changes too small to matter.
    alt : str
        Alternative text; by default made from the estimates.
    notes : sequence of str
        Notes under the data table.
    decimals : int
        Digits after the point in the data table.

    Returns
    -------
    Chart
        The chart with its data.
    """
    data = _event_rows(frame, reference, event_year)
    name = slug or slugify(headline)
    with plain_style(name):
        figure, axes = new_axes(400 + 18 * len(_count_names(data)))
        draw_band(axes, meaningful_change, is_vertical=False)
        axes.axhline(0, color=GREY, linewidth=1)
        edge = _first_after(data, event_year) - 0.5
        axes.axvline(edge, color=GREY, linewidth=1, linestyle=(0, (4, 3)))
        for kind, rows in data.groupby("kind", sort=False):
            draw_points(axes, rows, EVENT_LOOKS[str(kind)])
        axes.set_xticks([])
        axes.set_xlim(data["event_time"].min() - 0.6, data["event_time"].max() + 0.6)
        write_under(axes, None, ["Years", *_count_names(data).values()])
        for time, lines in zip(data["event_time"], _event_labels(data), strict=True):
            write_under(axes, float(time), lines)
        axes.set_ylim(*value_limits(data, meaningful_change))
        axes.grid(axis="y")
        axes.spines["bottom"].set_visible(False)
        axes.set_title(unit[:1].upper() + unit[1:], loc="left", pad=8)
        draw_key(axes, columns=5 if meaningful_change is None else 3, is_under_title=True)
        svg = to_svg(figure, name)
    return Chart(
        headline=headline,
        subtitle=subtitle,
        alt=alt or _event_alt(data, unit, level),
        source=source,
        data=data,
        svg=svg,
        slug=name,
        notes=tuple(notes),
        units={column: unit for column in ("estimate", "conf_low", "conf_high")},
        decimals=decimals,
        labels={
            "kind": "Part of the window",
            "pointwise_low": "Pointwise interval: lower bound",
            "pointwise_high": "Pointwise interval: upper bound",
            "conf_low": f"{100 * level:g}% interval: lower bound",
            "conf_high": f"{100 * level:g}% interval: upper bound",
        },
    )


def estimate_chart(
    frame: pd.DataFrame,
    *,
    headline: str,
    subtitle: str,
    source: str,
    unit: str,
    label: str = "outcome",
    group: str = "",
    slug: str = "",
    level: float = 0.95,
    meaningful_change: float | None = None,
    alt: str = "",
    notes: Sequence[str] = (),
    decimals: int = 2,
    interval: str = "",
) -> Chart:
    """Draw estimates beside each other, a row an outcome or a variant, each with its interval.

    Parameters
    ----------
    frame : pandas.DataFrame
        Columns estimate, conf_low, conf_high and the one that `label` names, in the order shown.
        A column meaningful_change makes the scale 'times the change that would matter': every
        row is divided by its own, and the band runs from -1 to 1. With a column polarity
        ('higher', 'lower', 'none') beside it the rows where lower is better are turned round, so
        that right is better for all.
    headline, subtitle, source : str
        Texts of the chart.
    unit : str
        Unit of the estimates; unused where the frame has meaningful_change.
    label : str
        Column with the names of the rows.
    group : str
        Column that tells apart up to four estimates of one row; empty for none.
    slug : str
        Identifier; by default made from the headline.
    level : float
        Confidence level of the intervals.
    meaningful_change : float, optional
        Draws the band of changes too small to matter, in `unit`.
    alt : str
        Alternative text; by default made from the estimates.
    notes : sequence of str
        Notes under the data table.
    decimals : int
        Digits after the point in the data table.
    interval : str
        What the intervals are, in the data table; by default that of `level`.

    Returns
    -------
    Chart
        The chart with its data.

    Raises
    ------
    ValueError
        Where there are more than four groups.
    """
    data = frame.reset_index(drop=True)
    names = list(dict.fromkeys(data[label].astype(str)))
    groups = list(dict.fromkeys(data[group].astype(str))) if group else [""]
    if len(groups) > _MOST_GROUPS:
        raise ValueError(f"{len(groups)} groups in one chart; show at most {_MOST_GROUPS}")
    is_relative = "meaningful_change" in data.columns
    drawn = _relative(data) if is_relative else data
    band = 1.0 if is_relative else meaningful_change
    name = slug or slugify(headline)
    with plain_style(name):
        lines = [textwrap.wrap(text, 30) for text in names]
        row = max(28 + 18 * len(groups), 16 + 18 * max(map(len, lines)))
        height = 110 + len(names) * row + (26 if group else 0)
        figure, axes = new_axes(height)
        draw_band(axes, band, is_vertical=True)
        axes.axvline(0, color=GREY, linewidth=1)
        for place, item in enumerate(groups):
            rows = drawn[data[group].astype(str) == item] if group else drawn
            offset = (place - (len(groups) - 1) / 2) * 0.24
            heights = [names.index(text) + offset for text in rows[label].astype(str)]
            look = Look(item, PALETTE[place], MARKERS[place], place % 2 == 0)
            draw_rows(axes, rows, heights, look)
        axes.set_ylim(len(names) - 0.45, -0.55)
        write_row_names(axes, range(len(names)), lines)
        axes.set_xlim(*value_limits(drawn, band))
        axes.grid(axis="x")
        axes.spines["left"].set_visible(False)
        axes.set_xlabel(_relative_title(data) if is_relative else unit[:1].upper() + unit[1:])
        if group or band is not None:
            draw_key(axes, columns=2)
        svg = to_svg(figure, name)
    what = interval or f"{100 * level:g}% interval"
    units = {column: unit for column in ("estimate", "conf_low", "conf_high") if unit}
    return Chart(
        headline=headline,
        subtitle=subtitle,
        alt=alt or _rows_alt(data, label, level),
        source=source,
        data=data,
        svg=svg,
        slug=name,
        notes=tuple(notes),
        units={} if is_relative else units,
        decimals=decimals,
        labels={
            "conf_low": f"{what}: lower bound",
            "conf_high": f"{what}: upper bound",
            "meaningful_change": "Change that would matter",
        },
    )


def _event_rows(frame: pd.DataFrame, reference: int, event_year: int | None) -> pd.DataFrame:
    known = ["event_time", "estimate", "conf_low", "conf_high", "pointwise_low", "pointwise_high"]
    known += ["n_treated_units", "n_cohorts"]
    columns = [name for name in known if name in frame.columns]
    data = frame.loc[frame["event_time"].notna(), columns].copy()
    data["event_time"] = data["event_time"].astype(int)
    if reference not in set(data["event_time"]):
        zero = pd.DataFrame({"event_time": [reference], "estimate": [0.0]})
        data = pd.concat([data, zero], ignore_index=True)
    data = data.sort_values("event_time", ignore_index=True)
    kinds = [_kind(time, reference, event_year) for time in data["event_time"]]
    data.insert(1, "kind", kinds)
    return data


def _kind(time: int, reference: int, event_year: int | None) -> str:
    if time == reference:
        return "reference"
    if time >= 0:
        return "after"
    if event_year is not None and time == event_year:
        return "event year"
    if reference < time < (0 if event_year is None else event_year):
        return "anticipation"
    return "before"


def _first_after(data: pd.DataFrame, event_year: int | None) -> float:
    if event_year is not None and (data["kind"] == "event year").any():
        return float(event_year)
    return 0.0


def _count_names(data: pd.DataFrame) -> dict[str, str]:
    names = {"n_treated_units": "Councils", "n_cohorts": "Cohorts"}
    return {column: text for column, text in names.items() if column in data.columns}


def _event_labels(data: pd.DataFrame) -> list[list[str]]:
    columns = ["event_time", *_count_names(data)]
    return [
        [format_number(float(row[name]), 0, missing="–") for name in columns]
        for _, row in data.iterrows()
    ]


def _event_alt(data: pd.DataFrame, unit: str, level: float) -> str:
    parts = []
    for kind, words in (("before", "Before the event"), ("after", "After it")):
        rows = data[(data["kind"] == kind) & data["estimate"].notna()]
        if rows.empty:
            continue
        low = format_number(float(rows["estimate"].min()), 2)
        high = format_number(float(rows["estimate"].max()), 2)
        held = int(((rows["conf_low"] <= 0) & (rows["conf_high"] >= 0)).sum())
        parts.append(
            f"{words} the estimates lie between {low} and {high} {unit}, and {held} of "
            f"{len(rows)} intervals at {100 * level:g}% hold zero"
        )
    return "Estimates by years from the event. " + "; ".join(parts) + "."


def _relative(data: pd.DataFrame) -> pd.DataFrame:
    sizes = data["meaningful_change"].astype(float)
    drawn = data.copy()
    for name in ("estimate", "conf_low", "conf_high"):
        drawn[name] = data[name].astype(float) / sizes
    if "polarity" in data.columns:
        is_turned = data["polarity"] == "lower"
        low, high = drawn["conf_low"].copy(), drawn["conf_high"].copy()
        drawn.loc[is_turned, "estimate"] = -drawn.loc[is_turned, "estimate"]
        drawn.loc[is_turned, "conf_low"] = -high[is_turned]
        drawn.loc[is_turned, "conf_high"] = -low[is_turned]
    return drawn


def _relative_title(data: pd.DataFrame) -> str:
    title = "Times the change that would matter"
    return f"Worse  ←  {title}  →  better" if "polarity" in data.columns else title


def _rows_alt(data: pd.DataFrame, label: str, level: float) -> str:
    held = int(((data["conf_low"] <= 0) & (data["conf_high"] >= 0)).sum())
    names = ", ".join(dict.fromkeys(data[label].astype(str)))
    return (
        f"Estimates with their {100 * level:g}% intervals for {names}. "
        f"{held} of {len(data)} intervals hold zero."
    )
