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


class UnmatchedWarning(EvallibWarning):
    """Treated units found no comparator and are left out."""


class LevelMatchingWarning(EvallibWarning):
    """Treated and comparison units differ in lasting level, and are matched on level."""


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
    gap, is_earlier = level_gap(problem, solution.matched)
    if not abs(gap) > LEVEL_GAP:
        return
    word = "below" if gap < 0 else "above"
    when = "in the periods before the base" if is_earlier else "in the base period"
    text = (
        f"Treated units lie {abs(gap):.1f} standard deviations {word} the comparison pool {when}, "
        f"more than {LEVEL_GAP:g}, and are matched on level. If that difference lasts, comparators "
        "as extreme are so by chance and drift back, which looks like an effect (Daw and Hatfield "
        "2018). Compare with match='trend' and with group_time; match on level only where units "
        "were chosen for a passing low or high."
    )
    notes.warn(LevelMatchingWarning, text)
