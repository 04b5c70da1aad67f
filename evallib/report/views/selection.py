"""Selection: look-alikes beside the exposed, outcomes not expected to move, and other samples."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from evallib.checks import CheckResult, Checks
from evallib.checks.other_samples import CHECK as OTHER_SAMPLES
from evallib.checks.placebo_outcomes import CHECK as PLACEBO
from evallib.checks.placebo_outcomes import placebo_tally
from evallib.checks.selection import (
    AFTER,
    ESTIMATES,
    HEADLINE,
    PATHS,
    SHIFT,
    WITH,
    WITHOUT,
)
from evallib.checks.selection import CHECK as MEAN
from evallib.design import Design, Designs
from evallib.inference.look_alikes import ALIKE, EXPOSED
from evallib.report.chart import Chart
from evallib.report.context_charts import paths_chart
from evallib.report.formats import decimals_for, format_change
from evallib.report.sections import Section, Sections
from evallib.report.tables import Table
from evallib.report.views.choosing import (
    checks_of,
    designs_of,
    in_heads,
    interval_text,
    named_with_unit,
    shared_unit,
)
from evallib.report.views.naming import RULE_WORDS, SOURCE
from evallib.report.words import unit_words


def selection_and_the_mean(designs: Designs, checks: Checks, role: str = "primary") -> Sections:
    """Return what look-alikes did, what placebo outcomes show, and the headline on other samples.

    Parameters
    ----------
    designs : Designs
        The designs.
    checks : Checks
        Their checks.
    role : str
        Only outcomes of this role; empty for all. Placebo outcomes are always shown.
    """
    chosen = designs_of(designs, role)
    sections = [_matching(chosen, checks)]
    sections += [found for design in chosen if (found := _paths(design, checks)) is not None]
    sections += [_placebos(designs, checks), _samples(chosen, checks)]
    return Sections(tuple(sections))


def _one(checks: Checks, check: str, design: Design) -> CheckResult | None:
    found = (item for item in checks_of(checks, check, design) if not item.table.empty)
    return next(found, None)


def _matching(chosen: list[Design], checks: Checks) -> Section:
    """Return a row an outcome: the estimate without and with matching on level and trend."""
    rows, missing, shared = [], [], shared_unit(chosen)
    for design in chosen:
        item = _one(checks, MEAN, design)
        if item is None:
            missing += [
                f"{design.title}: {one.sentence}." for one in checks.select(MEAN, design.outcome)
            ]
            continue
        found = item.table[item.table["part"] == ESTIMATES]
        lines = dict(zip(found["group"], found.to_dict("records"), strict=True))
        places = decimals_for(float(found["std_error"].max()))
        figures = {
            name: _interval(lines[group], places)
            for name, group in (
                ("headline", HEADLINE),
                ("without", WITHOUT),
                ("with", WITH),
                ("adds", SHIFT),
            )
        }
        row = {"outcome": named_with_unit(design, shared), **figures}
        rows.append({**row, "verdict": item.verdict})
    title = "With and without matching on level and trend"
    if not rows:
        return Section(title, tuple(missing) or ("No outcome was held beside look-alikes.",))
    table = Table(
        pd.DataFrame(rows),
        "Estimates without and with matching on level and trend before the event"
        + _in_brackets(chosen, shared),
        notes=(
            "Without and with matching are of the same exposed councils, years and base: each "
            "council against all that could compare, or against its nearest in level and trend, "
            "differences that are left taken out by regression. The headline averages cohorts by "
            "its own rule, and its interval follows the inference policy; the other intervals are "
            "analytic, and too narrow where few councils are exposed.",
            "Concern: matching moves the estimate by more than half of the meaningful change, or "
            "of a headline larger than that.",
            *missing,
        ),
        slug="with-and-without-matching",
        labels={
            "headline": "Headline",
            "without": "Without matching",
            "with": "With matching",
            "adds": "What matching adds",
        },
    )
    return Section(title, pieces=(table,))


def _interval(row: Mapping[Hashable, Any], places: int) -> str:
    ends = interval_text(row["conf_low"], row["conf_high"], places)
    return f"{format_change(row['estimate'], places)} ({ends})"


def _in_brackets(chosen: list[Design], shared: str) -> str:
    """Return the level of the intervals, and the unit where all outcomes have the same."""
    level = f"{100 * chosen[0].level:g}% intervals" if chosen else "intervals"
    return f" ({', '.join(part for part in (shared, level) if part)})"


def _paths(design: Design, checks: Checks) -> Section | None:
    item = _one(checks, MEAN, design)
    if item is None:
        return None
    rows = item.table[item.table["part"] == PATHS]
    after = item.table[item.table["part"] == AFTER].set_index("group")["estimate"]
    moved = {group: float(after[group]) for group in (EXPOSED, ALIKE)}
    spread = float(rows["estimate"].max() - rows["estimate"].min())
    places = decimals_for(spread)
    frame = pd.DataFrame(
        {
            "event_time": rows["event_time"].astype(int),
            "group": rows["group"],
            "value": rows["estimate"],
            "councils": rows["councils"].astype(int),
        }
    )
    chart: Chart = paths_chart(
        frame,
        headline=(
            f"Exposed councils moved {format_change(moved[EXPOSED], places)}, look-alikes "
            f"{format_change(moved[ALIKE], places)}: description, not effect"
        ),
        subtitle=(
            f"{design.title}, {unit_words(design.unit)}: mean of exposed councils, of their "
            "nearest in level and trend before the event, and of all that could compare, by years "
            f"from the first exposed year (the base is {design.reference}; moved: from it to the "
            "exposed years)"
        ),
        source=SOURCE,
        unit=unit_words(design.unit),
        year="event_time",
        axis_title="Years from the first exposed year, and exposed councils with figures",
        under={"councils": "Councils"},
        events=["-1"] if design.event_periods else [],
        slug=f"look-alikes-{design.outcome}",
        notes=(
            "The mean in the base year plus the mean change since, over the exposed councils that "
            "have a figure in that year and whose comparators have one; councils are those.",
        ),
        decimals=places,
    )
    return Section(design.title, (f"{item.sentence}.",), pieces=(chart,))


def _placebos(designs: Designs, checks: Checks) -> Section:
    title = "Outcomes that the event is not expected to move"
    found = {one.outcome: one for one in designs.placebos}
    rows, sentences = [], []
    for item in checks.select(PLACEBO):
        design = found.get(item.outcome)
        if design is None or item.table.empty:
            sentences.append(f"{design.title if design else item.outcome}: {item.sentence}.")
            continue
        line = item.table.to_dict("records")[0]
        places = decimals_for(float(line["std_error"]))
        rows.append(
            {
                "outcome": named_with_unit(design, ""),
                "no_record": RULE_WORDS.get(item.no_record, item.no_record),
                "estimate": _interval(line, places),
                "holm_p_value": line["holm_p_value"],
                "councils": int(line["councils"]),
                "treated_councils": int(line["treated_councils"]),
                "council_years": int(line["council_years"]),
                "verdict": item.verdict,
            }
        )
    if not rows:
        return Section(title, tuple(sentences) or ("The plan names none.",))
    lead = (
        "The same estimator and inference on outcomes that the event is not expected to move. One "
        "that moves says that the comparison councils differ in more than the event; one that does "
        "not move shows little where its interval is wide."
    )
    table = Table(
        pd.DataFrame(rows),
        "Placebo outcomes under the headline estimator",
        notes=(
            "Placebo outcomes are not judged and are in no family with the plan's outcomes; Holm's "
            "p-values are over the placebo outcomes of one comparison group.",
        ),
        slug="placebo-outcomes",
        labels={
            "no_record": "Comparison group",
            "estimate": in_heads("Estimate", designs.placebos[0].level, ""),
            "holm_p_value": "Holm p-value",
            "treated_councils": "Treated councils",
            "council_years": "Council-years",
        },
        decimals={"holm_p_value": 3},
    )
    return Section(title, (placebo_tally(checks), lead, *sentences), pieces=(table,))


def _samples(chosen: list[Design], checks: Checks) -> Section:
    title = "Other samples: concurrent events, spillovers and anticipation"
    parts, shared = [], shared_unit(chosen)
    for design in chosen:
        item = _one(checks, OTHER_SAMPLES, design)
        if item is None:
            continue
        places = decimals_for(float(item.table["std_error"].max()))
        for line in item.table.to_dict("records"):
            is_made = pd.notna(line["estimate"]) and not line["note"]
            parts.append(
                {
                    "outcome": named_with_unit(design, shared),
                    "sample": line["sample"],
                    "estimate": _interval(line, places) if is_made else line["note"],
                    "left_out": int(line["left_out"]),
                    "councils": int(line["councils"]),
                    "treated_councils": int(line["treated_councils"]),
                }
            )
    if not parts:
        return Section(title, ("The headline was estimated on no other sample.",))
    table = Table(
        pd.DataFrame(parts),
        "The headline on other samples",
        notes=(
            "Intervals are analytic, and too narrow where few councils are exposed: samples are "
            "compared, not judged. An event elsewhere may have touched a comparison council in the "
            "same county, of the same region and type (borders are not on file), or that shared a "
            "joint event; `spillovers` in the plan leaves such councils out throughout.",
        ),
        slug="other-samples",
        labels={
            "estimate": in_heads("Estimate", chosen[0].level, shared),
            "left_out": "Councils left out",
            "treated_councils": "Treated councils",
        },
    )
    return Section(title, pieces=(table,))
