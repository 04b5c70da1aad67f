"""What if the register is wrong: exposed controls, and the range that published totals allow."""

from __future__ import annotations

import pandas as pd

from evallib.checks import CheckResult, Checks
from evallib.checks.register import CHECK, CURVE, IMPLIED, KNOWN_ONLY, RANDOM, WORST
from evallib.design import Design, Designs
from evallib.panel.units import effect_unit
from evallib.report import share_charts
from evallib.report.chart import Chart
from evallib.report.formats import decimals_for, format_number
from evallib.report.sections import Section, Sections
from evallib.report.share_charts import share_chart
from evallib.report.tables import Table
from evallib.report.views.choosing import designs_of, no_outcome
from evallib.report.views.naming import SOURCE

KINDS = {
    CURVE: share_charts.ASSUMED,
    IMPLIED: share_charts.IMPLIED,
    RANDOM: share_charts.RANDOM,
    WORST: share_charts.WORST,
}

# What the sentences on each outcome rest on, said once.
SHRINKING = (
    "Where controls were exposed unnoticed and the effect on them is alike, an estimate shows the "
    "effect less their share of it: below it is divided by what is left. It helps to read an "
    "estimate; it is no corrected answer."
)
OWN_SHARE = (
    "At the share that totals imply each cohort and year is divided by its own share, so that this "
    "need not lie on the curve, which divides all by one."
)
ASSIGNED = (
    "Assignments assume nothing of it: councils change sides. Councils drawn at random were mostly "
    "not exposed, so that their range shows how much hangs on who is who, not where the effect "
    "lies. Worst cases are the furthest that a search found, not proven bounds."
)


def register_errors(designs: Designs, checks: Checks, role: str = "primary") -> Sections:
    """Return the missing events, then a section an outcome: exposed controls and the range.

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
    found = [(one, item) for one in chosen for item in checks.select(CHECK, one.outcome)]
    return Sections((_missing(chosen[0]), *(_outcome(design, item) for design, item in found)))


def _missing(design: Design) -> Section:
    """Return how many events are missing, and from when; the same for every outcome."""
    missing = design.missing
    title = "Events that the register lacks"
    reason = _reason(design)
    if missing is None or reason:
        return Section(title, (f"{reason}.", SHRINKING))
    spans = missing.spans
    columns = ["days", "published", "recorded", "missing", "rests_on"]
    total = int(missing.counts.sum())
    sentence = (
        f"The register lacks about {total} events from {missing.months[0]:%B %Y} on, and "
        f"{len(missing.codes)} councils have no record. Years without a published total are taken "
        f"to lack as large a share as the others, {100 * (1 - missing.share_held):.0f} per cent."
    )
    table = Table(
        spans[columns].astype({"published": float}),
        "Missing events by the days of each published total",
        notes=(
            "Of events dated to the year only that may lie within a total's days, half count as "
            "recorded. Every missing event is taken as the first of a council without a record: "
            "the most that the totals allow.",
        ),
        slug="missing-events",
        units=dict.fromkeys(("published", "recorded"), "councils"),
        labels={"days": "Days", "missing": "Missing events", "rests_on": "Rests on"},
        decimals={"published": 0, "recorded": 1, "missing": 0},
    )
    return Section(title, (sentence, SHRINKING, OWN_SHARE), pieces=(table,))


def _reason(design: Design) -> str:
    """Return why it is not known how many events are missing; empty where it is."""
    return design.missing.reason if design.missing else "Nothing is known of the register's gaps"


def _outcome(design: Design, item: CheckResult) -> Section:
    if item.table.empty:
        return Section(design.title, (f"{item.sentence}.",))
    rows = item.table.set_index("part")
    plain = rows.loc[[CURVE]].iloc[0]
    decimals = 1 + decimals_for(float(plain["conf_high"] - plain["conf_low"]))
    known = WORST in rows.index  # else the first section says why the range is not known
    sentences = [f"{item.sentence}."] if known or not _reason(design) else []
    sentences += [*_shrinks(rows, decimals), _case(rows, decimals)]
    sentences += _hidden(design, rows, decimals)
    chart = _chart(design, item.table, decimals)
    return Section(design.title, tuple(sentences), pieces=(chart,))


def _three(rows: pd.DataFrame, part: str, decimals: int, place: int = 0) -> tuple[str, str, str]:
    row = rows.loc[[part]].iloc[place]
    first, low, high = (
        format_number(float(row[name]), decimals) for name in ("estimate", "conf_low", "conf_high")
    )
    return first, low, high


def _shrinks(rows: pd.DataFrame, decimals: int) -> list[str]:
    """Say what the estimate would stand for at the share that totals imply."""
    if IMPLIED not in rows.index:
        return []
    point, low, high = _three(rows, IMPLIED, decimals)
    share = 100 * float(rows.loc[[IMPLIED], "share"].iloc[0])
    here = _three(rows, CURVE, decimals)[0]
    return [
        f"At the share that published totals imply, {share:.0f} per cent of the controls on "
        f"average, an estimate of {here} would stand for an effect of {point} ({low} to {high})."
    ]


def _case(rows: pd.DataFrame, decimals: int) -> str:
    """Say whether shrinking is the case at all: exposed controls alone turn no sign."""
    if KNOWN_ONLY not in rows.index:
        return (
            "There is no estimate without unrecorded councils to hold this one against: whether "
            "they differ in more than their missing record is not known."
        )
    here = float(rows.loc[[CURVE], "estimate"].iloc[0])
    there = float(rows.loc[[KNOWN_ONLY], "estimate"].iloc[0])
    point, low, high = _three(rows, KNOWN_ONLY, decimals)
    without = f"Without unrecorded councils the estimate is {point} ({low} to {high})"
    if here * there < 0:
        return (
            f"{without}, on the other side of zero. Exposed controls alone shrink an effect and "
            "turn no sign: unless chance did, unrecorded councils moved or responded differently, "
            "and no share explains the difference."
        )
    if abs(there) >= abs(here):
        return (
            f"{without}, on the same side of zero and at least as large: as it would be if exposed "
            "controls shrank the estimate, though other differences can do that too."
        )
    return (
        f"{without}, on the same side of zero and smaller: exposed controls alone would have "
        "made it larger."
    )


def _hidden(design: Design, rows: pd.DataFrame, decimals: int) -> list[str]:
    """Say of an interval that is wide or of small changes what effect controls could hide."""
    plain = rows.loc[[CURVE]].iloc[0]
    is_small = max(-plain["conf_low"], plain["conf_high"]) < design.meaningful_change
    is_wide = plain["conf_low"] <= 0 <= plain["conf_high"]
    if not (is_wide or is_small):
        return []
    what = "holds zero" if is_wide else "lies inside plus or minus the change that would matter"
    unit = effect_unit(design.unit)
    agree = f"{unit} would agree with the figures, where {design.meaningful_change:g}"
    if IMPLIED in rows.index:
        _, first, last = _three(rows, IMPLIED, decimals)
        return [
            f"The interval {what}. At the share that totals imply, effects from {first} to "
            f"{last} {agree} would matter."
        ]
    _, first, last = _three(rows, CURVE, decimals, -1)
    share = 100 * float(rows.loc[[CURVE], "share"].iloc[-1])
    return [
        f"The interval {what}. Were {share:.0f} per cent of the controls exposed, effects from "
        f"{first} to {last} {agree} would matter."
    ]


def _finding(rows: pd.DataFrame, decimals: int) -> str:
    """Return how far the missing events could move the estimate, or what a share would make of it.

    Worst cases are the furthest that were found, so that the title says 'could'.
    """
    if WORST in rows.index:
        _, low, high = _three(rows, WORST, decimals)
        return f"Missing events could move the estimate from {low} to {high}"
    here, there = (_three(rows, CURVE, decimals, place)[0] for place in (0, -1))
    share = 100 * float(rows.loc[[CURVE], "share"].iloc[-1])
    return f"With {share:.0f}% of controls exposed, {here} would be {there}"


def _chart(design: Design, table: pd.DataFrame, decimals: int) -> Chart:
    rows = table[table["part"].isin(KINDS)]
    has_range = bool((table["part"] == WORST).any())
    frame = pd.DataFrame(
        {
            "kind": rows["part"].map(KINDS),
            "share_pct": 100 * rows["share"],
            **{name: rows[name] for name in ("estimate", "conf_low", "conf_high")},
        }
    )
    order = frame["kind"].map({kind: place for place, kind in enumerate(KINDS.values())})
    return share_chart(
        frame.iloc[order.argsort(kind="stable")],
        headline=_finding(rows.set_index("part"), decimals),
        subtitle=(
            f"{design.title}: group-time effect, {effect_unit(design.unit)}, by the share of "
            f"controls exposed unnoticed, {100 * design.level:g}% intervals"
            + ("; and its range over assignments of the missing events" * has_range)
        ),
        source=SOURCE,
        unit=effect_unit(design.unit),
        slug=f"register-errors-{design.outcome}",
        meaningful_change=design.meaningful_change,
        notes=(
            "Each share assumes that the effect on exposed controls is alike."
            + (f" {ASSIGNED}" * has_range),
        ),
        decimals=decimals,
    )
