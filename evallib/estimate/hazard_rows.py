"""The rows at risk of a first event: checked once, in the order of units and periods."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from evallib.errors import EstimationError, EvallibWarning, Fault, first_five
from evallib.estimate.columns import Notes, read_labels, read_numbers, read_periods
from evallib.estimate.grid import dense_codes, find_repeats
from evallib.estimate.hazard_options import HazardOptions
from evallib.estimate.intake import require_columns
from evallib.estimate.result import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class AtRisk:
    """Rows at risk, sorted by unit and period, at most one event a unit and none before its last.

    Parameters
    ----------
    event : array, shape (N,)
        1 in the period of the event.
    unit, period, cluster : integer arrays, shape (N,)
        Codes from 0 without gaps, periods, codes from 0 without gaps.
    covariates : array, shape (N, k)
    """

    event: FloatArray
    unit: IntArray
    period: IntArray
    cluster: IntArray
    covariates: FloatArray

    @property
    def n_units(self) -> int:
        """Units with a row."""
        return int(self.unit.max()) + 1

    @property
    def n_clusters(self) -> int:
        """Clusters with a row."""
        return int(self.cluster.max()) + 1

    def keep(self, rows: BoolArray) -> AtRisk:
        """Return some of the rows, with codes without gaps."""
        return replace(
            self,
            event=self.event[rows],
            unit=dense_codes(self.unit[rows])[1],
            period=self.period[rows],
            cluster=dense_codes(self.cluster[rows])[1],
            covariates=self.covariates[rows],
        )


def take_at_risk(
    frame: pd.DataFrame,
    columns: tuple[str, str, str],
    options: HazardOptions,
    notes: Notes,
) -> AtRisk:
    """Check a frame and return its rows at risk.

    Parameters
    ----------
    columns : (outcome, unit, time)
        The event is 0 or 1; a missing one is left out.

    Raises
    ------
    EstimationError
        With every fault of the columns at once; without an event, or with nothing but events.

    Warns
    -----
    EvallibWarning
        Where rows after the event or without values are left out, and where units miss a period.
    """
    outcome, unit, time = columns
    named: dict[str, str | None] = {"outcome": outcome, "unit": unit, "time": time}
    named |= {f"covariates[{place}]": name for place, name in enumerate(options.covariates)}
    named["cluster"] = options.cluster
    require_columns(frame, named, (None, None), needs_exposure=False)
    faults: list[Fault] = []
    event = read_numbers(frame[outcome], outcome, faults)
    odd = event[~np.isnan(event) & np.isfinite(event) & ~np.isin(event, (0.0, 1.0))]
    if odd.size:
        what = f"it holds values other than 0 and 1: {first_five(list(np.unique(odd)))}"
        remedy = "Give 1 in the period of the event and 0 in the periods at risk before it"
        faults.append(Fault(f"column {outcome!r}", what, "", remedy))
    period = read_periods(frame[time], time, faults)
    codes, labels = read_labels(frame[unit], unit, faults)
    cluster = codes
    if options.cluster not in (None, unit):
        cluster = read_labels(frame[options.cluster], str(options.cluster), faults)[0]
    values = [read_numbers(frame[name], name, faults) for name in options.covariates]
    if faults:
        raise EstimationError(faults)
    twice = find_repeats(codes, period)
    if twice.any():
        pairs = zip(codes[twice], period[twice], strict=True)
        shown = first_five([f"{labels[u]} in {t}" for u, t in pairs])
        what = f"{int(twice.sum())} rows repeat a unit and period: {shown}"
        where = f"columns {unit!r} and {time!r}"
        raise EstimationError([Fault(where, what, "", "Keep one row of each")])
    order = np.lexsort((period, codes))
    held = np.array(values).reshape(len(values), len(frame)).T[order]
    rows = AtRisk(event[order], codes[order], period[order], cluster[order], held)
    rows = _leave_out(rows, outcome, options.covariates, notes)
    _require_events(rows, outcome)
    _warn_gaps(rows, notes)
    return rows


def _leave_out(rows: AtRisk, outcome: str, names: tuple[str, ...], notes: Notes) -> AtRisk:
    """Return the rows with values that are not after an event, and warn of the others."""
    keep = ~np.isnan(rows.event)
    if not keep.all():
        text = f"{int((~keep).sum())} rows without a value of {outcome!r} are left out."
        notes.warn(EvallibWarning, text)
    happened = np.cumsum(np.nan_to_num(rows.event))
    first = np.r_[True, rows.unit[1:] != rows.unit[:-1]]
    start = (happened - np.nan_to_num(rows.event))[first]
    after = happened - np.nan_to_num(rows.event) > start[np.cumsum(first) - 1]
    if (after & keep).any():
        again = int((rows.event[after & keep] == 1).sum())
        text = (
            f"{int((after & keep).sum())} rows after their unit's first event are left out "
            f"({again} of them with an event again): who had the event is no longer at risk."
        )
        notes.warn(EvallibWarning, text)
    keep &= ~after
    for place, name in enumerate(names):
        missing = np.isnan(rows.covariates[:, place]) & keep
        if missing.any():
            lost = int((rows.event[missing] == 1).sum())
            text = (
                f"{int(missing.sum())} rows without a value of {name!r} are left out, {lost} of "
                "them with the event."
            )
            notes.warn(EvallibWarning, text)
            keep &= ~missing
    if not keep.any():
        what = "no row at risk has all its values"
        raise EstimationError([Fault("frame", what, "", "Check how the columns were joined")])
    return rows.keep(keep)


def _require_events(rows: AtRisk, outcome: str) -> None:
    """Refuse rows without an event, and rows that all end with it."""
    if rows.event.all() or not rows.event.any():
        what = "no row has the event" if not rows.event.any() else "every row has the event"
        remedy = "Give the periods at risk before the event, and units to which it happened"
        raise EstimationError([Fault(f"column {outcome!r}", what, "", remedy)])


def _warn_gaps(rows: AtRisk, notes: Notes) -> None:
    """Warn of units that miss a period between two of their rows."""
    periods, place = dense_codes(rows.period)
    same = rows.unit[1:] == rows.unit[:-1]
    jump = same & (np.diff(place) > 1)
    if jump.any():
        text = (
            f"{np.unique(rows.unit[1:][jump]).size} units miss a period between two of their rows: "
            "an event in it would not have been seen."
        )
        notes.warn(EvallibWarning, text)
    first = np.r_[True, ~same]
    late = place[first] > 0
    if late.any() and not late.all():
        text = (
            f"{int(late.sum())} of {late.size} units enter after the first period "
            f"({periods[0]}): they count as at risk from their first row on."
        )
        notes.warn(EvallibWarning, text)
