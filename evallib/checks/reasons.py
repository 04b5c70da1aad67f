"""Why a verdict is what it is, with the figures that decided."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from evallib.checks.evidence import Evidence
from evallib.panel.units import write_figure
from evallib.plan.verdict import LARGEST_BREAKDOWN, VerdictRule


def doubts(evidence: Evidence, rule: VerdictRule) -> Iterator[str]:
    """Yield what keeps a finding from being more than suggestive; what did not run counts."""
    if evidence.pretrends == "concern":
        yield pretrend_words(evidence, "parallel pre-trends are not shown")
    elif evidence.pretrends != "pass":
        yield "pre-trends could not be tested"
    breakdown = evidence.breakdown
    if np.isnan(breakdown):
        yield "the drift that it bears was not tested"
    elif breakdown < rule.breakdown_consistent:
        much = "little" if breakdown < rule.breakdown_suggestive else "not enough"
        yield (
            f"it bears {much} drift ({breakdown_words(breakdown)} the largest before exposure, "
            f"where {rule.breakdown_consistent:g} times is asked for)"
        )
    share = rule.selected_share
    if not evidence.audit_has_run:
        yield "selection was not tested, as the design was not audited"
    elif evidence.selection_not_ruled_out:
        yield f"selection is not ruled out{_placebos(evidence)}"
    elif not abs(evidence.selected_mean) < share * abs(evidence.estimate):
        yield (
            f"selected placebos move by {signed(evidence.selected_mean, evidence)}, "
            f"not less than {share:g} of the estimate of {signed(evidence.estimate)}"
        )
    if evidence.permutation_p >= rule.permutation_p:
        yield (f"permutation p = {evidence.permutation_p:.3f}, not below {rule.permutation_p:g}")


def _placebos(evidence: Evidence) -> str:
    """Return which placebos of the audit moved too far, with the most that is allowed."""
    most = evidence.largest_move
    moved = [
        f"{name} moved by {signed(value, evidence)}"
        for name, value in (
            ("selected placebos", evidence.selected_mean),
            ("the exposed councils themselves, three years early,", evidence.in_time),
        )
        if abs(value) > most
    ]
    if not moved:
        return ": the exposed councils' level and trend could not be copied"
    return f": {' and '.join(moved)}, where at most {write_figure(most)} either way is allowed"


def alarms(evidence: Evidence) -> str:
    """Return how often random placebos are rejected; empty where that was not made."""
    if np.isnan(evidence.false_alarms):
        return ""
    share, low, high = (
        100 * value for value in (evidence.false_alarms, evidence.false_low, evidence.false_high)
    )
    return f": in {share:.1f} per cent of random placebos ({low:.1f} to {high:.1f}), not in 5"


def both_groups(evidence: Evidence) -> str:
    """Return the estimates with both comparison groups; empty where there is one."""
    if np.isnan(evidence.other_estimate):
        return ""
    return (
        f": {signed(evidence.estimate, evidence)} with the declared one, "
        f"{signed(evidence.other_estimate)} with the other"
    )


def pretrend_words(evidence: Evidence, words: str) -> str:
    """Return what the pre-trends check found with its figures; the plain words without them."""
    found = evidence.pretrends_found
    return f"{found[:1].lower()}{found[1:]}" if found else words


def signed(value: float, evidence: Evidence | None = None) -> str:
    """Write a change with its sign, to three figures; given the evidence, with its unit.

    Examples
    --------
    >>> signed(-0.2281), signed(4.25), signed(0.0)
    ('−0.228', '+4.25', '0')
    """
    return write_figure(value, evidence.change_unit if evidence else "", sign=True)


def limits(evidence: Evidence) -> str:
    """Return what else a reader of a judged finding must know, in brackets."""
    notes = []
    if evidence.is_thin and not np.isnan(evidence.breakdown):
        notes.append("the drift that it bears rests on standard errors that a thin design strains")
    if not evidence.has_other_group:
        notes.append("there is no second comparison group to hold it against")
    if evidence.moved_placebos:
        notes.append(f"placebo outcomes moved too: {evidence.moved_placebos}")
    return f" ({'; '.join(notes)})" if notes else ""


def breakdown_words(value: float) -> str:
    """Return a breakdown value as so many times, with 'at least' where it is the largest."""
    least = "at least " if value >= LARGEST_BREAKDOWN else ""
    return f"{least}{value:.2f} times"
