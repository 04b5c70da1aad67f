"""An estimate's event study as numbers: leads, effects and the covariance of all together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from numbers import Real

import numpy as np

from evallib.errors import EstimationError, Fault, type_words
from evallib.estimate.result import Estimate, FloatArray, IntArray

CHOSEN_ON_LEADS = {"matched_did", "synthetic_did", "synthetic_control"}
ROUNDING = 1e-8
Target = str | Mapping[int, float] | Sequence[float] | FloatArray


@dataclass(frozen=True, slots=True, repr=False)
class EventStudy:
    """Leads and effects measured against one base, with their full covariance.

    Lists, ranges, Series and DataFrames are taken as arrays.

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

    Raises
    ------
    EstimationError
        For shapes that do not belong together, missing estimates, a covariance that is none, and
        event times that do not run up to the base and rise after it; all at once.

    Examples
    --------
    >>> study = EventStudy([-2], [0], -1, [0.1, 1.0], np.eye(2))
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

    def __post_init__(self) -> None:
        """Turn what was given into arrays, and refuse what is no event study."""
        faults: list[Fault] = []
        for name in ("leads", "lags", "point", "covariance"):
            whole = name in ("leads", "lags")
            object.__setattr__(self, name, _read_array(name, getattr(self, name), whole, faults))
        faults = faults or _faults_of(self)
        if faults:
            raise EstimationError(faults)
        object.__setattr__(self, "covariance", (self.covariance + self.covariance.T) / 2.0)

    def __repr__(self) -> str:
        """Return the event times and the base in a line."""
        leads, lags = ("{} to {}".format(*times[[0, -1]]) for times in (self.leads, self.lags))
        return (
            f"Event study: leads {leads}, effects {lags}, base {self.reference}, intervals at "
            f"{100 * self.level:g}%"
        )

    @property
    def distance(self) -> IntArray:
        """Periods from the base to each effect."""
        return np.asarray(self.lags - self.reference)

    @property
    def lead_distance(self) -> IntArray:
        """Periods from each lead to the base, below zero."""
        return np.asarray(self.leads - self.reference)


def _read_array(
    name: str, given: object, whole: bool, faults: list[Fault]
) -> FloatArray | IntArray:
    """Return numbers as an array, of whole numbers where they must be; note a fault where not."""
    try:
        found = np.asarray(given, dtype=float)
    except (TypeError, ValueError):
        found = np.full(1, np.nan)
        faults.append(Fault(f"event study, {name}", "it is not of numbers", "", "Give numbers"))
    if not whole:
        return found
    if found.ndim != 1 or not (found == np.round(found)).all():
        what = "they are not a row of whole numbers"
        if not faults:
            remedy = "Give event times, such as [-3, -2]"
            faults.append(Fault(f"event study, {name}", what, "", remedy))
        return np.zeros(1, dtype=np.int64)
    return found.astype(np.int64)


def _shape(found: FloatArray) -> str:
    """Return the shape of an array in words."""
    return " by ".join(map(str, found.shape)) if found.ndim > 1 else f"{found.size} long"


def _faults_of(study: EventStudy) -> list[Fault]:
    """Return what makes arrays no event study."""
    where, faults = "event study", []
    size = study.leads.size + study.lags.size
    covariance = study.covariance
    if isinstance(study.reference, bool) or study.reference != round(study.reference):
        what = f"the base is {study.reference!r}, not a whole number"
        faults.append(Fault(where, what, "", "Give its event time, such as -1"))
    if not (
        study.point.shape == (size,)
        and covariance.shape == (size, size)
        and study.leads.size
        and study.lags.size
    ):
        what = (
            f"there are {study.leads.size} leads and {study.lags.size} effects, but point is "
            f"{_shape(study.point)} and the covariance {_shape(covariance)}"
        )
        remedy = (
            "Give at least one lead and one effect, a point and a row and column of the covariance "
            "for each of them, and none for the base"
        )
        return [*faults, Fault(where, what, "", remedy)]
    if not np.isfinite(study.point).all():
        times = np.concatenate([study.leads, study.lags])[~np.isfinite(study.point)]
        what = f"there is no estimate at event time {', '.join(map(str, times))}"
        faults.append(Fault(where, what, "", "Leave it out, with its row of the covariance"))
    if not np.isfinite(covariance).all() or not (np.diag(covariance) > 0).all():
        what = "the covariance is not finite with positive variances"
        faults.append(Fault(where, what, "", "Leave out terms fixed by normalisation"))
    elif np.abs(covariance - covariance.T).max() > ROUNDING * np.abs(covariance).max():
        what = "the covariance is not symmetric"
        faults.append(Fault(where, what, "", "Give both of its triangles"))
    else:
        values = np.linalg.eigvalsh(covariance)
        if values[0] < -ROUNDING * values[-1]:
            what = f"the covariance has a negative eigenvalue, {values[0]:.2g}"
            why = "a combination of the estimates would have a negative variance"
            remedy = "Give the covariance of all terms from one fit, unrounded"
            faults.append(Fault(where, what, why, remedy))
    if (np.diff(study.leads, append=study.reference) != 1).any() or (
        np.diff(study.lags, prepend=study.reference) < 1
    ).any():
        what = "leads do not run one by one up to the base, or effects do not rise after it"
        faults.append(Fault(where, what, "", "Sort them, and leave out leads beyond a gap"))
    if not isinstance(study.level, Real) or not 0 < study.level < 1:
        what = f"level {study.level!r} is not between 0 and 1"
        faults.append(Fault(where, what, "", "Use 0.95 for 95 per cent"))
    if study.df is not None and not study.df > 0:
        what = f"{study.df!r} degrees of freedom are not above zero"
        faults.append(Fault(where, what, "", "Leave df out for the normal"))
    return faults


def given_study(given: Estimate | EventStudy, window: tuple[int, int] | None = None) -> EventStudy:
    """Return the event study that was given, or that of the estimate that was given.

    Parameters
    ----------
    given : Estimate or EventStudy
    window : (int, int), optional
        First and last event time to use.

    Raises
    ------
    EstimationError
        For anything else, and as `read_event_study`.
    """
    if window is not None and not _is_window(window):
        what = f"{window!r} is not a first and a last event time"
        raise EstimationError([Fault("option 'window'", what, "", "Give two, such as (-4, 3)")])
    if isinstance(given, Estimate):
        return read_event_study(given, window)
    if not isinstance(given, EventStudy):
        what = f"{type_words(given)} is neither an estimate nor an event study"
        made = "evallib.EventStudy(leads, lags, reference, point, covariance)"
        remedy = f"Give what evallib.fit returned, or {made}"
        raise EstimationError([Fault("event study", what, "", remedy)])
    if window is None:
        return given
    times = np.concatenate([given.leads, given.lags])
    inside = (times >= window[0]) & (times <= window[1])
    leads, lags = inside[: given.leads.size], inside[given.leads.size :]
    values = {field.name: getattr(given, field.name) for field in fields(given)}
    values |= {
        "leads": given.leads[leads],
        "lags": given.lags[lags],
        "point": given.point[inside],
        "covariance": given.covariance[np.ix_(inside, inside)],
        "left_out": tuple(sorted({*given.left_out, *times[~inside].tolist()})),
    }
    return EventStudy(**values)


def _is_window(given: object) -> bool:
    if not isinstance(given, tuple | list) or len(given) != 2:
        return False
    return all(isinstance(end, Real) for end in given) and bool(given[0] <= given[1])


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
        why = "Leads that are each measured against the period before cannot show a drift"
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
    lags = sorted(time for time in place if time >= 0 and time > reference)
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


def target_weights(study: EventStudy, target: Target) -> tuple[FloatArray, str]:
    """Return the weights of the effects in the effect of interest, and its name.

    Parameters
    ----------
    study : EventStudy
    target : 'first', 'average', dict of event time to weight, or a weight for every effect

    Raises
    ------
    EstimationError
        For another word, an event time that has no effect, and weights that are no numbers or
        all zero.
    """
    size = study.lags.size
    if isinstance(target, str):
        if target == "first" or (target == "average" and size == 1):
            return np.eye(size)[0], f"effect at event time {study.lags[0]}"
        if target == "average":
            name = f"mean effect over event times {study.lags[0]} to {study.lags[-1]}"
            return np.full(size, 1.0 / size), name
    where = "option 'target'"
    remedy = "Use 'first', 'average', a dict of event time to weight, or a weight for every effect"
    if isinstance(target, str) or not hasattr(target, "__len__"):
        raise EstimationError([Fault(where, f"{target!r} is not a target", "", remedy)])
    if not isinstance(target, Mapping):
        flat = np.asarray(target, dtype=object).ravel()
        if flat.size != size:
            times = ", ".join(map(str, study.lags))
            what = f"it has {flat.size} weights, and there are {size} effects, at {times}"
            raise EstimationError([Fault(where, what, "", remedy)])
        target = {int(time): one for time, one in zip(study.lags, flat, strict=True) if one != 0}
    unknown = [time for time in target if time not in study.lags]
    if unknown:
        what = f"there is no effect at event time {', '.join(map(str, unknown))}"
        ends = f"There are {study.lags[0]} to {study.lags[-1]}"
        raise EstimationError([Fault(where, what, "", ends)])
    numbers = [one for one in target.values() if isinstance(one, Real) and np.isfinite(one)]
    if len(numbers) < len(target):
        raise EstimationError([Fault(where, "a weight is not a number", "", remedy)])
    if not any(numbers):
        raise EstimationError([Fault(where, "every weight is zero", "", "Give one that is not")])
    weights = np.zeros(size)
    for time, weight in target.items():
        weights[study.lags == time] = weight
    live = [(time, weight) for time, weight in target.items() if weight != 0]
    if len(live) == 1 and live[0][1] == 1:
        return weights, f"effect at event time {live[0][0]}"
    parts = ", ".join(f"{weight:g} at {time}" for time, weight in live)
    return weights, f"effects by event time, weighted {parts}"
