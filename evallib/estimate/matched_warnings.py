"""What a matched fit warns of, each with what to change."""

from __future__ import annotations

from collections import Counter

import numpy as np

from evallib.errors import AlreadyTreatedWarning, EvallibWarning, first_five
from evallib.estimate.columns import Notes
from evallib.estimate.intake import Sample
from evallib.estimate.matched import Solution
from evallib.estimate.matched_balance import level_gap
from evallib.estimate.matched_pairs import NO_BEFORE, REASONS
from evallib.estimate.matched_problem import Problem

# Standard deviations of the comparison pool beyond which a difference in level is told.
LEVEL_GAP = 0.5
# The same between matched units, beyond which the difference looks lasting.
STILL_APART = 0.25


class UnmatchedWarning(EvallibWarning):
    """Treated units found no comparator and are left out."""


class LevelMatchingWarning(EvallibWarning):
    """Treated units and the comparison pool differ in level, and are matched on level."""


class NoTrendWarning(EvallibWarning):
    """Cohorts have one period before exposure: they are matched without a trend."""


class SmallPoolWarning(EvallibWarning):
    """A cohort has fewer comparison units than the neighbours that were asked for."""


class LaterTreatedWarning(EvallibWarning):
    """Units treated later could compare if a window ended before their exposure."""


class BiasCorrectionWarning(EvallibWarning):
    """Event times have too few comparators for the regression of the bias correction."""


def warn_matching(problem: Problem, solution: Solution, sample: Sample, notes: Notes) -> None:
    """Warn of what the matching leaves out and of what it cannot be trusted with."""
    options, matched = problem.options, solution.matched
    already = matched.reason == NO_BEFORE
    if already.any():
        shown = first_five(list(sample.units[already]))
        text = (
            f"{int(already.sum())} units are treated from the first period on, "
            f"anticipation included, and are left out: {shown}."
        )
        notes.warn(AlreadyTreatedWarning, text)
    lost = (matched.reason > 0) & ~already
    if lost.any():
        counts = Counter(matched.reason[lost].tolist())
        why = "; ".join(f"{REASONS[code]} ({count})" for code, count in sorted(counts.items()))
        shown = first_five(list(sample.units[lost]))
        text = (
            f"{int(lost.sum())} of {int(lost.sum()) + matched.unit.size} treated units are not "
            f"matched and the effect is not on them: {shown}. Reasons: {why}."
        )
        notes.warn(UnmatchedWarning, text)
    if options.match == "level_trend":
        short = [f"{group.cohort:g}" for group in matched.groups if not group.has_trend]
        if short:
            text = (
                f"Cohorts {first_five(short)} have one period before exposure: they are matched "
                "on level without a trend. Give earlier periods, or leave these cohorts out."
            )
            notes.warn(NoTrendWarning, text)
    small = [
        f"{group.cohort:g} ({group.pool.size})"
        for group in matched.groups
        if group.pool.size < options.neighbours
    ]
    if small:
        text = (
            f"Cohorts {first_five(small)} have fewer comparison units than "
            f"neighbours={options.neighbours}: all are used. Use fewer neighbours."
        )
        notes.warn(SmallPoolWarning, text)
    _warn_window(problem, sample, notes)
    correction = solution.effects.correction
    if correction is not None and correction.uncorrected:
        times = first_five(list(correction.uncorrected))
        text = (
            f"Event times {times} have too few comparators for the regression of the bias "
            "correction and are not corrected. Use more neighbours, fewer columns or a window."
        )
        notes.warn(BiasCorrectionWarning, text)
    _warn_level(problem, solution, notes)


def _warn_window(problem: Problem, sample: Sample, notes: Notes) -> None:
    """Warn where not-yet-treated units are asked for and no window lets them compare."""
    options = problem.options
    if options.comparison != "not_yet_treated" or options.window is not None:
        return
    inside = (sample.cohort > problem.periods[0]) & (
        sample.cohort <= problem.periods[-1] + options.anticipation
    )
    if np.unique(sample.cohort[inside]).size < 2:
        return
    text = (
        "Without a window comparators must stay unexposed to the last period, so that units "
        "treated later do not compare. Give window=(-3, 2), for example, to let those compare "
        "that are not exposed by event time 2."
    )
    notes.warn(LaterTreatedWarning, text)


def _warn_level(problem: Problem, solution: Solution, notes: Notes) -> None:
    """Warn where lasting levels differ and comparators are chosen by level."""
    if problem.options.match not in ("level_trend", "level"):
        return
    gap = level_gap(problem, solution.matched, solution.effects)
    if not abs(gap.pool) > LEVEL_GAP:
        return
    when = "in the periods before the base" if gap.is_earlier else "in the base period"
    text = (
        f"Treated units lie {_apart(gap.pool)} the comparison pool {when}, more than "
        f"{LEVEL_GAP:g}, and are matched on level. Where such a difference lasts, comparators as "
        "extreme in the base period are so by chance and drift back, which looks like an effect "
        "(Daw and Hatfield 2018). "
    )
    if np.isnan(gap.matched):
        text += "No period before the base tells: give earlier periods, or a wider window."
    elif abs(gap.matched) > STILL_APART:
        text += (
            f"It looks so here: once matched, treated units still lie {_apart(gap.matched)} their "
            "comparators in the periods before the base. Use match='trend' or group_time."
        )
    else:
        text += (
            f"It does not look so here: once matched, treated units lie {_apart(gap.matched)} "
            "their comparators in the periods before the base, as after a passing low or high. "
            "Compare with match='trend'."
        )
    notes.warn(LevelMatchingWarning, text)


def _apart(gap: float) -> str:
    """Return a distance in words."""
    return f"{abs(gap):.2f} standard deviations {'below' if gap < 0 else 'above'}"
