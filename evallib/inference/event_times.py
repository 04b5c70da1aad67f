"""An estimate's event study as numbers: leads, effects and the covariance of all together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evallib.errors import EstimationError, Fault
from evallib.estimate.result import Estimate, FloatArray, IntArray

CHOSEN_ON_LEADS = {"matched_did", "synthetic_did", "synthetic_control"}


@dataclass(frozen=True, slots=True)
class EventStudy:
    """Leads and effects measured against one base, with their full covariance.

    Parameters
    ----------
    leads : integer array, shape (L,)
        Event times before the base, one period apart, the last of them next to it.
    lags : integer array, shape (P,)
        Event times of effects, rising.
    reference : int
        Event time of the base.
    point, covariance : array, shape (L + P,) and (L + P, L + P)
        Leads, then effects, in the outcome's unit.
    df : float or None
        Degrees of freedom of t tests; None is the normal.
    level : float
    left_out : tuple of int
        Event times that are neither, or lie beyond a gap.
    notes : tuple of str
        What a reader of intervals made from this must know.

    Examples
    --------
    >>> study = EventStudy(np.array([-2]), np.array([0]), -1, np.array([0.1, 1.0]), np.eye(2))
    >>> study.distance.tolist()
    [1]
    """

    leads: IntArray
    lags: IntArray
    reference: int
    point: FloatArray
    covariance: FloatArray
    df: float | None = None
    level: float = 0.95
    left_out: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def distance(self) -> IntArray:
        """Periods from the base to each effect."""
        return np.asarray(self.lags - self.reference)

    @property
    def lead_distance(self) -> IntArray:
        """Periods from each lead to the base, below zero."""
        return np.asarray(self.leads - self.reference)


def read_event_study(estimate: Estimate, window: tuple[int, int] | None = None) -> EventStudy:
    """Return the event study of an estimate.

    Event times between the base and exposure, such as the year of the event, are neither leads
    nor effects. Leads beyond a gap, and the pooled ends of a binned event study, are left out;
    a ``window`` that names them takes them in as if they were single periods.

    Parameters
    ----------
    estimate : Estimate
        Cells of group_time are averaged by event time.
    window : (int, int), optional
        First and last event time to use.

    Raises
    ------
    EstimationError
        When there is no lead or no effect, when each has a base of its own, or when the
        covariance is not finite and positive on the diagonal.
    """
    where = f"event study of {estimate.estimator}"
    if estimate.details.get("base") == "varying":
        why = "leads that are each measured against the period before cannot show a drift"
        remedy = "Fit with base='universal'"
        raise EstimationError([Fault(where, "every lead has a base of its own", why, remedy)])
    if estimate.source is not None:
        ends = window or (float("-inf"), float("inf"))
        estimate = estimate.aggregate("dynamic", *ends)
    reference = estimate.details.get("reference")
    if reference is None:
        reference = -1 - int(estimate.details.get("anticipation") or 0)
    named = np.array([term.startswith("event_time=") for term in estimate.terms])
    known = named & np.isfinite(estimate.std_error) & (estimate.std_error > 0)
    binned = estimate.details.get("window") if "binning" in estimate.details else None
    if window is not None:
        known &= (estimate.event_time >= window[0]) & (estimate.event_time <= window[1])
    elif binned is not None:
        known &= (estimate.event_time > binned[0]) & (estimate.event_time < binned[1])
    place = {int(estimate.event_time[k]): int(k) for k in np.flatnonzero(known)}
    leads: list[int] = []
    while reference - 1 - len(leads) in place:
        leads.insert(0, reference - 1 - len(leads))
    lags = sorted(time for time in place if time >= 0)
    faults = []
    remedy = "Use an estimator that returns both, over a panel with more periods"
    if not leads:
        what = f"there is no lead next to the base ({reference}) with a standard error"
        faults.append(Fault(where, what, "drift before exposure is what bounds it after", remedy))
    if not lags:
        faults.append(Fault(where, "there is no effect with a standard error", "", remedy))
    if faults:
        raise EstimationError(faults)
    which = [place[time] for time in (*leads, *lags)]
    shown = {int(time) for time in estimate.event_time[named]}
    return EventStudy(
        leads=np.array(leads),
        lags=np.array(lags),
        reference=int(reference),
        point=estimate.point[which],
        covariance=estimate.covariance[np.ix_(which, which)],
        df=estimate.df,
        level=estimate.level,
        left_out=tuple(sorted(shown - {*leads, *lags, int(reference)})),
        notes=_notes(estimate),
    )


def _notes(estimate: Estimate) -> tuple[str, ...]:
    found = []
    thinness = estimate.details.get("thinness")
    if getattr(thinness, "is_thin", False):
        found.append(
            "Not reliable: the design is thin, and these intervals rest on the analytic "
            "covariance, which permutation replaces elsewhere."
        )
    if estimate.estimator in CHOSEN_ON_LEADS:
        found.append(
            "Leads are small by construction: comparators were chosen for alike outcomes before "
            "exposure, so that drift before it says little about drift after it."
        )
    return tuple(found)


def target_weights(study: EventStudy, target: str | dict[int, float]) -> tuple[FloatArray, str]:
    """Return the weights of the effects in the effect of interest, and its name.

    Parameters
    ----------
    study : EventStudy
    target : 'first', 'average' or dict of event time to weight

    Raises
    ------
    EstimationError
        For another word, an event time that has no effect, and weights that are all zero.
    """
    if isinstance(target, dict):
        where, weights = "option 'target'", np.zeros(study.lags.size)
        unknown = [time for time in target if time not in study.lags]
        if unknown:
            what = f"there is no effect at event time {', '.join(map(str, unknown))}"
            remedy = f"There are {study.lags[0]} to {study.lags[-1]}"
            raise EstimationError([Fault(where, what, "", remedy)])
        for time, weight in target.items():
            weights[study.lags == time] = weight
        if not weights.any():
            raise EstimationError(
                [Fault(where, "every weight is zero", "", "Give one that is not")]
            )
        parts = ", ".join(f"{weight:g} at {time}" for time, weight in target.items())
        return weights, f"effects by event time, weighted {parts}"
    if target == "first" or (target == "average" and study.lags.size == 1):
        weights = (np.arange(study.lags.size) == 0).astype(float)
        return weights, f"effect at event time {study.lags[0]}"
    if target == "average":
        weights = np.full(study.lags.size, 1.0 / study.lags.size)
        return weights, f"mean effect over event times {study.lags[0]} to {study.lags[-1]}"
    what = f"{target!r} is not a target"
    remedy = "Use 'first', 'average' or a dict of event time to weight"
    raise EstimationError([Fault("option 'target'", what, "", remedy)])
