"""How much drift after exposure each answer bears, and how much a test of pre-trends misses."""

from __future__ import annotations

import numpy as np
import pandas as pd

from evallib.checks import CheckResult, Checks
from evallib.checks.honest import HONEST, POWER
from evallib.design import Design, Designs
from evallib.inference.honest import LARGEST_MBAR
from evallib.panel.units import effect_unit
from evallib.report.chart import Chart
from evallib.report.effect_charts import estimate_chart
from evallib.report.formats import decimals_for, decimals_off_zero
from evallib.report.sections import Section, Sections
from evallib.report.tables import Table
from evallib.report.views.choosing import checks_of, designs_of, no_outcome
from evallib.report.views.naming import ESTIMATOR_WORDS, SOURCE

MOST_BENDS = 5
# What the headline of group-time effects is a mean of.
AGGREGATIONS = {
    "simple": "the mean over councils and years after exposure",
    "group": "the mean over groups of councils by year of exposure",
    "dynamic": "the mean over event times",
    "calendar": "the mean over financial years",
}
RELATIVE, SMOOTH, NONE = "relative magnitudes", "smoothness", "none"


def honest_pretrends(designs: Designs, checks: Checks, role: str = "primary") -> Sections:
    """Return a section an outcome: intervals under bounds on drift, and the power of the pre-test.

    Parameters
    ----------
    designs : Designs
        The designs.
    checks : Checks
        Their checks.
    role : str
        Only outcomes of this role; empty for all.
    """
    chosen = designs_of(designs, role)
    if not chosen:
        return no_outcome(role)
    return Sections(tuple(_section(design, checks) for design in chosen))


def _section(design: Design, checks: Checks) -> Section:
    names = (HONEST, POWER)
    found = {item.check: item for name in names for item in checks_of(checks, name, design)}
    sentences = tuple(f"{item.sentence}." for item in found.values())
    pieces: list[Chart | Table] = []
    if HONEST in found and not found[HONEST].table.empty:
        pieces += [_chart(design, found[HONEST]), _bounds_table(design, found[HONEST])]
    if POWER in found and not found[POWER].table.empty:
        pieces.append(_power_table(design, found[POWER]))
    return Section(design.title, sentences, pieces=tuple(pieces))


def _decimals(design: Design, item: CheckResult) -> int:
    """Return decimals as the headline has them, and as many as keep an end from reading as zero."""
    table = item.table
    width = decimals_for(float((table["conf_high"] - table["conf_low"]).iloc[0]))
    shown = max(width, decimals_for(design.meaningful_change, most=2))
    ends = table.loc[table["restriction"] != SMOOTH, ["conf_low", "conf_high"]].to_numpy(
        dtype=float
    )
    return decimals_off_zero(ends.ravel().tolist(), shown)


def _of_what(design: Design) -> str:
    """Return what the intervals are of, beside the headline."""
    estimator, aggregation = design.headline
    own = f"the estimate by {ESTIMATOR_WORDS.get(estimator, estimator)}"
    if estimator == "group_time":
        own = AGGREGATIONS[aggregation]
    return (
        "The intervals are of the mean effect over the event times of the window from exposure "
        f"on, each with equal weight; the headline is {own}."
    )


def _chart(design: Design, item: CheckResult) -> Chart:
    table = item.table
    plain = table[table["restriction"] == NONE].iloc[0]
    is_bound = (table["restriction"] == RELATIVE) & (table["bound"] > 0)
    rows = table[is_bound | (table["restriction"] == NONE)]
    bounds = [
        "No drift" if kind == NONE else f"Drift up to {bound:g} times"
        for kind, bound in zip(rows["restriction"], rows["bound"], strict=True)
    ]
    frame = rows[["conf_low", "conf_high"]].assign(
        drift=bounds, estimate=(plain["conf_low"] + plain["conf_high"]) / 2
    )
    return estimate_chart(
        frame[["drift", "estimate", "conf_low", "conf_high"]],
        headline=_finding(plain["conf_low"], plain["conf_high"], table),
        subtitle=(
            f"{design.title}: mean effect over the event window, {effect_unit(design.unit)}, with "
            f"{100 * design.level:g}% intervals that allow for drift of up to a multiple of the "
            "largest before exposure"
        ),
        source=SOURCE,
        unit=effect_unit(design.unit),
        label="drift",
        slug=f"honest-{design.outcome}",
        level=design.level,
        decimals=_decimals(design, item),
        notes=("The first row takes trends as parallel after exposure.", _of_what(design)),
    )


def _finding(low: float, high: float, table: pd.DataFrame) -> str:
    """Return up to which drift the interval excludes zero."""
    if low <= 0 <= high:
        return "Even without drift the interval includes zero"
    most = float(table.loc[table["restriction"] == RELATIVE, "breakdown"].iloc[0])
    if most >= LARGEST_MBAR:
        return f"Zero is excluded even with drift {LARGEST_MBAR:g} times that before"
    return f"Zero is excluded up to drift {most:.2f} times that before"


def _bounds_table(design: Design, item: CheckResult) -> Table:
    bends = item.table[item.table["restriction"] == SMOOTH]
    places = np.linspace(0, len(bends) - 1, min(len(bends), MOST_BENDS)).round().astype(int)
    bends = bends.iloc[places]
    level = f"{100 * design.level:g}% interval:"
    return Table(
        bends[["bound", "conf_low", "conf_high"]].reset_index(drop=True),
        f"{design.title}: intervals when drift is a line through the leads that may bend",
        notes=(
            "The bound is how much the drift a year may change from one year to the next. The "
            "largest bound shown is the most that the years before exposure allow at 95 per cent.",
            _of_what(design),
        ),
        slug=f"honest-smooth-{design.outcome}",
        units=dict.fromkeys(("bound", "conf_low", "conf_high"), effect_unit(design.unit)),
        labels={
            "bound": "Largest bend",
            "conf_low": f"{level} lower bound",
            "conf_high": f"{level} upper bound",
        },
        decimals=_decimals(design, item) + 1,
    )


def _power_table(design: Design, item: CheckResult) -> Table:
    shown = item.table.assign(power_pct=100 * item.table["power"])
    tests = shown.drop(columns="test")
    is_one = bool(tests.round(8).duplicated(keep=False).all())
    if is_one:
        shown = shown[~tests.round(8).duplicated()].assign(test="the one lead")
    columns = ["test", "power_pct", "slope", "bias", "bias_if_passed", "share_of_change"]
    unit = effect_unit(design.unit)
    return Table(
        shown[columns],
        f"{design.title}: drift that a test of pre-trends finds, and what it would add",
        notes=(
            "Drift is a straight line through base, leads and effects. Where the test passes all "
            "the same, the mean effect is off by the amount in the last column but one."
            + (" With one lead the joint test and that of each lead are the same." * is_one),
        ),
        slug=f"pretrend-power-{design.outcome}",
        units={
            "power_pct": "per cent",
            "slope": f"{unit} a year",
            "bias": unit,
            "bias_if_passed": unit,
        },
        labels={
            "test": "Test",
            "power_pct": "Found in",
            "slope": "Drift",
            "bias": "Adds to the mean effect",
            "bias_if_passed": "Adds where the test passes",
            "share_of_change": "Times the meaningful change",
        },
        decimals={
            "power_pct": 0,
            "share_of_change": 1,
            **dict.fromkeys(
                ("slope", "bias", "bias_if_passed"),
                decimals_for(float(item.table["slope"].min()) / 4),
            ),
        },
    )
