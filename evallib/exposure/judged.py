"""Judgements of children's services beside the events that councils met: before, after, unknown.

A judgement is dated to its calendar year alone, so that one of the event's own year stands on
neither side. Intervention follows poor judgements: what stands after an event is description.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

import pandas as pd

from evallib.exposure.events import CONFIDENCE_ORDER
from evallib.exposure.exposure import DATE_UNKNOWN, Exposure
from evallib.panel.build import Panel
from evallib.panel.judgements import Pairs, pair_within_frameworks, read_judgements, require_rows
from evallib.panel.ladders import studied_kinds
from evallib.plan import Plan

BEFORE, SAME_YEAR, AFTER = "before the event", "in the event's year", "after the event"
NO_EVENT, UNKNOWN = "no event on record", "the event's date is not known"
POSITIONS = (BEFORE, SAME_YEAR, AFTER, NO_EVENT, UNKNOWN)
_COMPARED = {BEFORE: 0, NO_EVENT: 0, AFTER: 1}


@dataclass(frozen=True, slots=True, repr=False)
class Judged:
    """Judgements of a plan's councils, and on which side of their first event each stands.

    Parameters
    ----------
    frame : pandas.DataFrame
        The columns of `Judgements.frame` and position: one of `POSITIONS`.
    left_out : pandas.DataFrame
        reason, rows: judgements that are not in ``frame``.
    """

    frame: pd.DataFrame
    left_out: pd.DataFrame

    def __repr__(self) -> str:
        """Return a line with the number of judgements by framework."""
        counts = self.frame["framework"].value_counts()
        words = ", ".join(f"{name} {count}" for name, count in counts.items())
        councils = self.frame["council_code"].nunique()
        return f"{len(self.frame)} judgements of {councils} councils: {words or 'none'}"

    def _repr_html_(self) -> str:
        return f"<p>{escape(repr(self))}</p>"

    def of(self, framework: str) -> pd.DataFrame:
        """Return the rows of one framework.

        Raises
        ------
        DataError
            When no judgement was made under it.
        """
        return require_rows(self.frame, framework)

    def pairs(self) -> Pairs:
        """Return each judgement beside the council's next one, within frameworks only."""
        return pair_within_frameworks(self.frame)

    def compared(self, framework: str) -> pd.DataFrame:
        """Return one framework's judgements that stand on a known side of the event.

        Parameters
        ----------
        framework : str

        Returns
        -------
        pandas.DataFrame
            The columns of ``frame`` and is_after: 1 after the council's first event, 0 before it
            or where none is on record. Judgements of the event's own year, and of councils whose
            event is not dated, are left out.

        Raises
        ------
        DataError
            When no judgement was made under the framework.
        """
        rows = self.of(framework)
        rows = rows[rows["position"].isin(list(_COMPARED))]
        return rows.assign(is_after=rows["position"].map(_COMPARED)).reset_index(drop=True)


def build_judgements(plan: Plan, panel: Panel, exposure: Exposure) -> Judged:
    """Read the judgements of a plan's councils and set them beside the plan's events.

    The event is a council's first of the studied kinds on record, of whatever year: judgements
    reach back further than the years in which a plan studies events.

    Parameters
    ----------
    plan : Plan
        The evaluation: its boundaries, councils, kinds and confidence.
    panel : Panel
        The panel, whose store holds the judgements.
    exposure : Exposure
        The events.

    Returns
    -------
    Judged

    Raises
    ------
    DataError
        As `read_judgements`.
    """
    found = read_judgements(panel.store, boundaries=plan.boundaries)
    frame, left_out = found.frame, found.left_out
    outside = frame["council_code"].isin(plan.exclude)
    for wanted, column in ((plan.council_types, "council_type"), (plan.regions, "region")):
        if wanted != "all":
            outside |= ~frame[column].isin(wanted)
    if outside.any():
        one = pd.DataFrame({"reason": ["of councils that the plan leaves out"], "rows": 0})
        left_out = pd.concat([left_out, one.assign(rows=int(outside.sum()))], ignore_index=True)
    frame = frame[~outside].reset_index(drop=True)
    return Judged(frame.assign(position=_positions(plan, exposure, frame)), left_out)


def _positions(plan: Plan, exposure: Exposure, frame: pd.DataFrame) -> pd.Series:
    """Return on which side of its council's first event each judgement stands."""
    met = pd.concat([exposure.events, exposure.passed_on], ignore_index=True)
    met = met[met["kind"].isin(studied_kinds(plan))]
    sure = met["confidence"].map(CONFIDENCE_ORDER) >= CONFIDENCE_ORDER[plan.min_confidence]
    by_council = met.groupby("council_code")
    begun = frame["council_code"].map(by_council["earliest"].min()).dt.year
    happened = frame["council_code"].map(met[sure].groupby("council_code")["latest"].min()).dt.year
    status = exposure.councils.set_index("council_code")["status"]
    doubtful = frame["council_code"].map(status).eq(DATE_UNKNOWN)
    position = pd.Series(NO_EVENT, index=frame.index)
    position = position.mask(begun.notna(), UNKNOWN).mask(doubtful, UNKNOWN)
    position = position.mask(happened.notna() & (frame["year"] >= begun), SAME_YEAR)
    position = position.mask(begun.notna() & (frame["year"] < begun) & ~doubtful, BEFORE)
    return position.mask(frame["year"] > happened, AFTER)
