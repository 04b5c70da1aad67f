"""The design audits itself: placebos at random, selected as the real adopters were, and in time."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import asdict, dataclass

import pandas as pd

from evallib.checks.base import CheckResult, Checks, Verdict, not_applicable
from evallib.design import Design
from evallib.errors import EstimationError, EvallibWarning
from evallib.estimate import Estimate
from evallib.inference.audit import DRAWS, Audit, audit
from evallib.inference.designs import estimate_one
from evallib.inference.given import given_designs
from evallib.panel.units import effect_unit, write_figure

CHECK = "audit"


@dataclass(frozen=True, slots=True)
class AuditFlags:
    """What the decision rule reads of an audit.

    Parameters
    ----------
    has_run : bool
        Whether the audit was made.
    inference_not_fit : bool
        The whole Monte-Carlo interval of false alarms at random lies above 6 per cent.
    selection_not_ruled_out : bool
        The mean of selected placebos, or the placebo in time, exceeds half of the estimate or of
        the meaningful change. True where this was not tested.
    selected_mean, in_time : float
        The two figures, in the outcome's unit; NaN where they were not made.
    false_alarms, false_low, false_high : float
        Share of random placebos that are rejected, with its Monte-Carlo interval; NaN where they
        were not made.
    """

    has_run: bool
    inference_not_fit: bool
    selection_not_ruled_out: bool
    selected_mean: float = float("nan")
    in_time: float = float("nan")
    false_alarms: float = float("nan")
    false_low: float = float("nan")
    false_high: float = float("nan")


def check_audit(design: Design, headline: Estimate | None, draws: int = DRAWS) -> CheckResult:
    """Ask whether the headline finds effects where there are none.

    Parameters
    ----------
    design : Design
        The design.
    headline : Estimate, optional
        Its headline estimate under the inference policy.
    draws : int
        Random and selected paths.

    Returns
    -------
    CheckResult
        ``fail`` when the inference is not fit, ``concern`` when selection is not ruled out, see
        `AuditFlags`. The table has a row a kind of placebo: the fields of
        `evallib.inference.audit.Placebo`, the headline with its interval, both flags, and for
        selected placebos the level and trend wanted and drawn, and the mean estimate and the
        level in the base under longer looks back (``mean_three_years``, ``level_three_years``,
        ``mean_all_years``, ``level_all_years``).
    """
    if headline is None:
        reason = "There is no headline estimate"
        return not_applicable(CHECK, design.outcome, design.no_record, reason)
    action = str(headline.details.get("action", "analytic"))
    try:
        found = audit(design, action, float(headline.point[0]), draws)
    except EstimationError as error:
        reason = "; ".join(fault.what for fault in error.faults)
        return not_applicable(CHECK, design.outcome, design.no_record, reason)
    verdict: Verdict = "pass"
    if found.inference_not_fit:
        verdict = "fail"
    elif found.selection_not_ruled_out:
        verdict = "concern"
    table = _table(found).assign(
        headline_low=float(headline.conf_low[0]), headline_high=float(headline.conf_high[0])
    )
    sentence = _sentence(found, effect_unit(design.unit))
    return CheckResult(CHECK, design.outcome, design.no_record, verdict, sentence, table)


def audit_designs(designs: Design | Iterable[Design], role: str = "primary") -> Checks:
    """Audit designs one by one, their headline estimated here.

    Parameters
    ----------
    designs : Design, Designs or iterable of Design
        The designs.
    role : str
        Only outcomes of this role; empty for all.

    Returns
    -------
    Checks
        An audit a design, as the default set has it for primary outcomes.

    Raises
    ------
    EstimationError
        For what is no design.
    """
    results = []
    for design in given_designs(designs):
        if role not in ("", design.role):
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", EvallibWarning)
                headline = estimate_one(design, design.headline[0])
        except EstimationError as error:
            reason = "; ".join(fault.what for fault in error.faults)
            results.append(not_applicable(CHECK, design.outcome, design.no_record, reason))
            continue
        results.append(check_audit(design, headline))
    return Checks(tuple(results))


def read_flags(checks: Checks, design: Design) -> AuditFlags:
    """Return what the audit of a design found; selection counts as open where none was made."""
    for item in checks.select(CHECK, design.outcome):
        if item.no_record == design.no_record and not item.table.empty:
            return AuditFlags(
                True,
                bool(item.table["inference_not_fit"].iloc[0]),
                bool(item.table["selection_not_ruled_out"].iloc[0]),
                _figure(item.table, "selected", "estimate"),
                _figure(item.table, "in time", "estimate"),
                *(
                    _figure(item.table, "random", f"false_{end}")
                    for end in ("alarms", "low", "high")
                ),
            )
    return AuditFlags(has_run=False, inference_not_fit=False, selection_not_ruled_out=True)


def _figure(table: pd.DataFrame, kind: str, name: str) -> float:
    """Return a figure of the placebos of a kind; NaN where there is none."""
    found = table[table["kind"] == kind]
    return float(found[name].iloc[0]) if name in found and len(found) else float("nan")


def _sentence(found: Audit, unit: str) -> str:
    parts = []
    random, selected, early = (found.get(kind) for kind in ("random", "selected", "in time"))
    if random is not None:
        start = "The inference is not fit: random" if found.inference_not_fit else "Random"
        parts.append(
            f"{start} placebos are rejected in {100 * random.false_alarms:.1f} per cent of draws "
            f"({100 * random.false_low:.1f} to {100 * random.false_high:.1f}; {found.inference})"
        )
    if selected is not None:
        parts.append(
            "Placebos with the exposed councils' level and trend before the event move by "
            f"{write_figure(selected.estimate, unit, sign=True)} on average beside an estimate of "
            f"{write_figure(found.estimate, sign=True)}"
        )
    if early is not None:
        parts.append(
            "Three years early the exposed councils themselves moved by "
            f"{write_figure(early.estimate, unit, sign=True)} "
            f"({write_figure(early.conf_low)} to {write_figure(early.conf_high)})"
        )
    notes = "".join(f". {note[:1].upper()}{note[1:]}" for note in found.notes)
    return f"{'. '.join(parts)}: {_selection(found, unit)}{notes}"


def _selection(found: Audit, unit: str) -> str:
    """Return whether selection is ruled out, which condition failed, and the rule."""
    if not found.selection_not_ruled_out:
        return "selection is small"
    selected, early = found.get("selected"), found.get("in time")
    failed = []
    if selected is None or found.selection is None or not found.selection.is_matched:
        failed.append("the exposed councils' level and trend could not be copied")
    if selected is not None and found.moves_without_effect(selected):
        failed.append("the mean of selected placebos is too large")
    if early is not None and found.moves_without_effect(early):
        failed.append("the move three years early is too large")
    return (
        f"selection is not ruled out, because {' and '.join(failed)} (the most "
        f"allowed is {write_figure(found.largest_move, unit)}: half of the estimate or of the "
        "change that would matter, whichever is smaller)"
    )


def _table(found: Audit) -> pd.DataFrame:
    table = pd.DataFrame([asdict(item) for item in found.placebos])
    table["headline"] = found.estimate
    table["inference_not_fit"] = found.inference_not_fit
    table["selection_not_ruled_out"] = found.selection_not_ruled_out
    for name in ("level_wanted", "level_drawn", "trend_wanted", "trend_drawn"):
        table[name] = float("nan")
    if found.selection is not None:
        selected = table["kind"] == "selected"
        for place, name in enumerate(("level", "trend")):
            table.loc[selected, f"{name}_wanted"] = float(found.selection.wanted[place])
            table.loc[selected, f"{name}_drawn"] = float(found.selection.drawn[place])
    for reading in found.readings[1:]:
        for name, value in (("mean", reading.estimate), ("level", reading.level)):
            table[f"{name}_{reading.name}"] = float("nan")
            table.loc[table["kind"] == "selected", f"{name}_{reading.name}"] = value
    return table
