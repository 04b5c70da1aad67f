"""A chart of estimates against a share that is assumed, with ranges beside it."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from evallib.report.chart import Chart
from evallib.report.drawing import GREY, PALETTE, new_axes, plain_style, to_svg
from evallib.report.formats import format_number
from evallib.report.marks import Look, draw_band, draw_key, draw_points, value_limits, write_under

ASSUMED, IMPLIED = "Share assumed", "Share implied by totals"
RANDOM, WORST = "Random assignments, 5 to 95 per cent", "Worst cases found"
_LOOKS = {
    ASSUMED: Look(ASSUMED, PALETTE[0], "o", False),
    IMPLIED: Look(IMPLIED, PALETTE[2], "D", True),
    RANDOM: Look(RANDOM, PALETTE[4], "s", True),
    WORST: Look(WORST, PALETTE[3], "^", False),
}
_BESIDE = {RANDOM: "Random", WORST: "Worst"}
_STEP = 10.0  # per cent between places beside the shares


def share_chart(
    frame: pd.DataFrame,
    *,
    headline: str,
    subtitle: str,
    source: str,
    unit: str,
    slug: str,
    meaningful_change: float,
    notes: Sequence[str] = (),
    decimals: int = 2,
) -> Chart:
    """Draw estimates by the share of controls exposed unnoticed, and ranges beside them.

    Parameters
    ----------
    frame : pandas.DataFrame
        Columns kind (one of the four of this module), share_pct (missing for ranges), estimate
        (missing for worst cases), conf_low and conf_high, a row a mark.
    headline, subtitle, source : str
        Texts of the chart.
    unit : str
        Unit of the estimates.
    slug : str
        Identifier.
    meaningful_change : float
        Draws the band of changes too small to matter, in `unit`.
    notes : sequence of str
        Notes under the data table.
    decimals : int
        Digits after the point in the data table.

    Returns
    -------
    Chart
        The chart with its data.
    """
    data = frame.reset_index(drop=True)
    kinds = [kind for kind in _LOOKS if (data["kind"] == kind).any()]
    shares = data.loc[data["kind"] == ASSUMED, "share_pct"].astype(float)
    beside = [kind for kind in kinds if kind in _BESIDE]
    places = {kind: shares.max() + _STEP * (2 + 1.5 * place) for place, kind in enumerate(beside)}
    drawn = data.assign(event_time=data["share_pct"].fillna(data["kind"].map(places)))
    with plain_style(slug):
        figure, axes = new_axes(440)
        draw_band(axes, meaningful_change, is_vertical=False)
        axes.axhline(0, color=GREY, linewidth=1)
        for kind in kinds:
            rows = drawn[drawn["kind"] == kind]
            draw_points(axes, rows, _LOOKS[kind])
            if kind == WORST:
                for end in ("conf_low", "conf_high"):
                    draw_points(axes, _as_point(rows, end), _unnamed(_LOOKS[kind]))
            if kind == IMPLIED:
                at = float(rows["event_time"].iloc[0])
                axes.axvline(at, color=GREY, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
        axes.set_xticks([])
        axes.set_xlim(-_STEP, max([shares.max(), *places.values()]) + _STEP)
        for share in shares:
            write_under(axes, share, [f"{share:g}%"])
        for kind, place in places.items():
            write_under(axes, place, [_BESIDE[kind]])
        axes.set_xlabel("Controls exposed unnoticed, share", labelpad=26)
        axes.set_ylim(*value_limits(drawn, meaningful_change))
        axes.grid(axis="y")
        axes.spines["bottom"].set_visible(False)
        axes.set_title(unit[:1].upper() + unit[1:], loc="left", pad=8)
        draw_key(axes, columns=2, is_under_title=True)
        svg = to_svg(figure, slug)
    return Chart(
        headline=headline,
        subtitle=subtitle,
        alt=_alt(data, unit, decimals),
        source=source,
        data=data,
        svg=svg,
        slug=slug,
        notes=tuple(notes),
        units={
            "share_pct": "per cent",
            **dict.fromkeys(("estimate", "conf_low", "conf_high"), unit),
        },
        decimals={
            "share_pct": 0,
            **dict.fromkeys(("estimate", "conf_low", "conf_high"), decimals),
        },
        labels={
            "kind": "What is assumed",
            "share_pct": "Share of controls exposed unnoticed",
            "conf_low": "Interval or range: lower bound",
            "conf_high": "Interval or range: upper bound",
        },
    )


def _as_point(rows: pd.DataFrame, end: str) -> pd.DataFrame:
    return rows.assign(estimate=rows[end], conf_low=float("nan"), conf_high=float("nan"))


def _unnamed(look: Look) -> Look:
    """Return a look that the key does not list again."""
    return Look(f"_{look.name}", look.colour, look.marker, look.is_filled)


def _alt(data: pd.DataFrame, unit: str, decimals: int) -> str:
    def said(value: object) -> str:
        return format_number(float(str(value)), decimals)

    shares = data[data["kind"] == ASSUMED]
    first, last = shares.iloc[0], shares.iloc[-1]
    parts = [
        f"Estimates by the share of controls exposed unnoticed, from {said(first['estimate'])} "
        f"{unit} at {first['share_pct']:g} per cent to {said(last['estimate'])} at "
        f"{last['share_pct']:g} per cent, with intervals that widen"
    ]
    for kind in (RANDOM, WORST):
        for _, row in data[data["kind"] == kind].iterrows():
            parts.append(
                f"{kind.lower()}: from {said(row['conf_low'])} to {said(row['conf_high'])}"
            )
    return "; ".join(parts) + "."
