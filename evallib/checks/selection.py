"""Regression to the mean: what councils at the same level and trend did without the event."""

from __future__ import annotations

import numpy as np
import pandas as pd

from evallib.checks.base import CheckResult, not_applicable
from evallib.design import Design
from evallib.errors import EstimationError
from evallib.estimate import Estimate
from evallib.estimate.matched_warnings import LEVEL_GAP, STILL_APART
from evallib.inference.look_alikes import ALIKE, EVERYONE, EXPOSED, GROUPS, LookAlikes, look_alikes
from evallib.panel.units import effect_unit, unit_words, write_figure

CHECK = "regression to the mean"
# Parts of the table.
ESTIMATES, PATHS = "estimate", "mean path"
LEVEL, TREND, AFTER = "level before", "trend before", "change after"
# Rows among the estimates.
HEADLINE, WITHOUT = "headline", "without matching, same councils and years"
WITH, SHIFT = "with matching on level and trend", "what matching adds"
HALF = 0.5
LITTLE = 0.1


def check_regression_to_the_mean(design: Design, headline: Estimate | None) -> CheckResult:
    """Hold the headline beside what councils alike in level and trend did without the event.

    Parameters
    ----------
    design : Design
        The design.
    headline : Estimate, optional
        Its headline estimate.

    Returns
    -------
    CheckResult
        ``concern`` when matching on level and trend moves the estimate, on the same councils and
        years, by more than half of the meaningful change, or of a headline that is itself larger
        than that. The table has part (estimate, mean path, level before, trend before, change
        after), group, event_time, estimate, std_error, conf_low, conf_high (of the estimates),
        councils (exposed ones) and note (what matching does, in words).

    References
    ----------
    Daw and Hatfield (2018), Health Services Research 53(6). doi:10.1111/1475-6773.12993
    """
    if headline is None:
        reason = "There is no headline estimate"
        return not_applicable(CHECK, design.outcome, design.no_record, reason)
    try:
        found = look_alikes(design)
    except EstimationError as error:
        reason = "No look-alikes: " + "; ".join(fault.what for fault in error.faults)
        return not_applicable(CHECK, design.outcome, design.no_record, reason)
    size, half = abs(float(headline.point[0])), HALF * design.meaningful_change
    concern = abs(found.shift) > half or (size > half and abs(found.shift) > HALF * size)
    return CheckResult(
        CHECK,
        design.outcome,
        design.no_record,
        "concern" if concern else "pass",
        _sentence(design, headline, found),
        _table(design, headline, found),
        "paths",
    )


def _sentence(design: Design, headline: Estimate, found: LookAlikes) -> str:
    level, trend, moved = (
        found.before[name].to_numpy(float) for name in ("level", "trend", "after")
    )
    unit = effect_unit(design.unit)
    stood = ", ".join(
        f"{group} stood at {write_figure(level[place], '' if place else unit_words(design.unit))} "
        f"and moved by {_change(trend[place], '' if place else unit)} a year"
        for place, group in enumerate(GROUPS)
    )
    after = dict(zip(GROUPS, moved.tolist(), strict=True))
    return (
        f"The headline is {_change(headline.point[0], unit)}; of the same councils and years it is "
        f"{_change(found.unmatched.point[0])} without and {_change(found.matched.point[0])} with "
        f"matching on level and trend before the event: {sense(design, found)}. Before the event "
        f"{stood}. From the base to the exposed years exposed councils moved by "
        f"{_change(after[EXPOSED], unit)}, their look-alikes by {_change(after[ALIKE])}, all "
        f"comparison councils by {_change(after[EVERYONE])}"
        f"{_lasting(found)}"
    )


def _lasting(found: LookAlikes) -> str:
    """Return a warning where levels differ lastingly, so that matching on them misleads."""
    gap = found.matched.details["level_gap"]
    if abs(gap.pool) > LEVEL_GAP and not abs(gap.matched) <= STILL_APART:
        return (
            ". Before the base, exposed councils and look-alikes were apart: look-alikes may have "
            "been as extreme in the base year alone and drift back, which matching takes for effect"
        )
    return ""


def sense(design: Design, found: LookAlikes) -> str:
    """Return in words what matching does to an estimate."""
    plain, shift = float(found.unmatched.point[0]), found.shift
    if abs(plain) <= HALF * design.meaningful_change:
        size = "little" if abs(shift) <= HALF * design.meaningful_change else "much"
        return f"there is little to explain without matching, and matching moves it {size}"
    share = -shift / plain
    if share > LITTLE and found.shift_low <= 0 <= found.shift_high:
        return "we cannot tell whether part of it is what look-alikes did too"
    if share > 1 + HALF:
        return "look-alikes moved further the same way"
    if share >= HALF:
        return "most of it is what look-alikes did too"
    if share > LITTLE:
        return "part of it is what look-alikes did too"
    if share >= -LITTLE:
        return "look-alikes did as all comparison councils did"
    return "look-alikes moved less that way than all comparison councils, or the other way"


def _change(value: float, unit: str = "") -> str:
    return write_figure(value, unit, sign=True)


def _table(design: Design, headline: Estimate, found: LookAlikes) -> pd.DataFrame:
    rows: list[dict[str, object]] = []
    for group, one in ((HEADLINE, headline), (WITHOUT, found.unmatched), (WITH, found.matched)):
        rows.append(
            {
                "part": ESTIMATES,
                "group": group,
                "estimate": one.point[0],
                "std_error": one.std_error[0],
                "conf_low": one.conf_low[0],
                "conf_high": one.conf_high[0],
                "councils": int(one.term_treated_units[0]),
            }
        )
    rows.append(
        {
            "part": ESTIMATES,
            "group": SHIFT,
            "estimate": found.shift,
            "std_error": found.shift_error,
            "conf_low": found.shift_low,
            "conf_high": found.shift_high,
            "councils": int(found.matched.term_treated_units[0]),
            "note": sense(design, found),
        }
    )
    for part, column in ((LEVEL, "level"), (TREND, "trend"), (AFTER, "after")):
        for group, value in zip(found.before["group"], found.before[column], strict=True):
            rows.append({"part": part, "group": group, "estimate": value})
    table = pd.DataFrame(rows).assign(event_time=np.nan)
    paths = found.paths.rename(columns={"mean": "estimate"}).assign(part=PATHS)
    table = pd.concat([table, paths], ignore_index=True)
    columns = ["part", "group", "event_time", "estimate", "std_error", "conf_low", "conf_high"]
    return table[[*columns, "councils", "note"]].fillna({"note": ""})
