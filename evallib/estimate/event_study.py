"""Event study by two-way fixed effects: an effect for each period since first exposure."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from evallib.errors import AlreadyTreatedWarning, EstimationError, Fault, first_five
from evallib.estimate.columns import Notes
from evallib.estimate.intake import Sample, keep_units
from evallib.estimate.regression import absorbed, drop_singletons, prepare
from evallib.estimate.regression_options import EventStudyOptions
from evallib.estimate.result import BoolArray, Estimate, FloatArray
from evallib.estimate.two_way import (
    describe,
    finish,
    fit_regression,
    trim,
    two_way_engine,
)

REFERENCES = (
    "Schmidheiny and Siegloch (2023), Journal of Applied Econometrics 38(5), doi:10.1002/jae.2989",
    "Sun and Abraham (2021), Journal of Econometrics 225(2), doi:10.1016/j.jeconom.2020.09.006",
)


def fit_event_study(sample: Sample, options: EventStudyOptions, notes: Notes) -> Estimate:
    """Return coefficients by event time, headed by ``att``, the mean of those from 0 on.

    With a window both of its ends are binned: the first term pools it and all earlier event
    times, the last it and all later ones. Units that are never exposed are zero throughout, and
    so are units whose cohort lies beyond the panel's last period. Units that are exposed in every
    row have no row before exposure to be measured against and are left out.

    Raises
    ------
    EstimationError
        When no unit is exposed, when the reference has no row, or when the terms are not
        identified (no never-exposed unit and no binned end).

    Warns
    -----
    AlreadyTreatedWarning, SingletonWarning, FewClustersWarning, ThinDesignWarning
    """
    sample = leave_out_always_exposed(sample, notes)
    sample, weight, dropped = trim(sample, options, notes)
    kept = weight > 0
    event = np.where(kept, sample.periods[None, :] - sample.cohort[:, None], np.nan)
    event[~np.isfinite(event)] = np.nan
    if options.window is not None:
        event = np.clip(event, *options.window)
    times = np.unique(event[~np.isnan(event)])
    _require_event_times(times, options)
    shown = times[times != options.reference]
    dummies = (event[None] == shown[:, None, None]).astype(float)
    regressors = np.concatenate([dummies, sample.covariates])
    _require_identified(sample, weight, shown, dummies, options)

    names = (*(f"event_time={value:g}" for value in shown), *options.covariates)
    rows, terms, event_time = _terms(times, shown, options)
    fitted = fit_regression(
        sample,
        weight,
        regressors,
        names,
        options,
        dropped,
        notes,
        rows,
        trends=options.trends,
        engine=None if options.trends else two_way_engine(sample, options, "two_way"),
    )
    treated = [int((event == value).any(axis=1).sum()) for value in times]
    after = int((event >= 0).any(axis=1).sum())
    estimate = describe(
        fitted,
        "event_study",
        "Mean effect over event times from exposure on, each weighted equally, given unit and "
        "period effects.",
        terms,
        event_time,
        np.array([after, *treated, *[after] * len(options.covariates)]),
        int((~np.isnan(event)).any(axis=1).sum()),
        options,
        REFERENCES,
    )
    ends = options.window
    binned = (
        f"event times of {ends[0]} and below, and of {ends[1]} and above, are pooled"
        if ends
        else "every event time has its own term"
    )
    estimate = replace(
        estimate,
        details={
            **estimate.details,
            "reference": options.reference,
            "window": ends,
            "binning": f"{binned}; event time {options.reference} is fixed at zero",
        },
    )
    return finish(estimate, fitted, sample, event >= 0, notes)


def leave_out_always_exposed(sample: Sample, notes: Notes) -> Sample:
    """Return the sample without units exposed in every row, later cohorts as never exposed."""
    weight, _, _ = drop_singletons(sample.weight)
    last = sample.periods[sample.observed.any(axis=0)].max()
    sample = replace(sample, cohort=np.where(sample.cohort > last, np.inf, sample.cohort))
    before = sample.periods[None, :] < sample.cohort[:, None]
    live = (weight > 0).any(axis=1)
    already: BoolArray = np.asarray(live & ~((weight > 0) & before).any(axis=1))
    if not already.any():
        return sample
    if not (live & ~already).any():
        what = "every unit is exposed in every row"
        remedy = "Add rows before exposure and units that are exposed later or never"
        raise EstimationError([Fault("exposure", what, "", remedy)])
    shown = first_five(list(sample.units[already]))
    text = (
        f"{int(already.sum())} units are exposed in every row, with none before exposure, and are "
        f"left out: {shown}."
    )
    notes.warn(AlreadyTreatedWarning, text)
    return keep_units(sample, ~already)


def _terms(
    times: FloatArray, shown: FloatArray, options: EventStudyOptions
) -> tuple[FloatArray, tuple[str, ...], FloatArray]:
    """Return the terms as combinations of coefficients, their names and event times."""
    k, extra = shown.size, len(options.covariates)
    after = (shown >= 0).astype(float)
    rows = [np.concatenate([after / after.sum(), np.zeros(extra)])]
    for value in times:
        rows.append(np.concatenate([(shown == value).astype(float), np.zeros(extra)]))
    rows.extend(np.eye(k + extra)[k:])
    terms = ("att", *(f"event_time={value:g}" for value in times), *options.covariates)
    event_time = np.concatenate([[np.nan], times, np.full(extra, np.nan)])
    return np.array(rows), terms, event_time


def _require_event_times(times: FloatArray, options: EventStudyOptions) -> None:
    """Refuse a sample without exposed units, effects or reference rows."""
    faults = []
    if times.size == 0:
        faults.append(Fault("exposure", "no unit is exposed", "", "Check cohorts and periods"))
    elif not (times >= 0).any():
        what = "no row lies at or after first exposure"
        faults.append(Fault("exposure", what, "", "Check cohorts and periods"))
    elif options.reference not in times:
        have = first_five([f"{value:g}" for value in times])
        what = f"no row lies at the reference {options.reference} (event times: {have})"
        faults.append(Fault("option 'reference'", what, "", "Choose an event time with rows"))
    if faults:
        raise EstimationError(faults)


def _require_identified(
    sample: Sample,
    weight: FloatArray,
    shown: FloatArray,
    dummies: FloatArray,
    options: EventStudyOptions,
) -> None:
    """Refuse event times that unit and period effects and each other explain."""
    problem = prepare(sample.outcome, weight, sample.cluster, trends=options.trends)
    gone = absorbed(problem, dummies)
    if not gone.any():
        return
    lost = first_five([f"event_time={value:g}" for value in shown[gone]])
    never = bool((np.isinf(sample.cohort) & (weight > 0).any(axis=1)).any())
    if not never:
        why = "no unit is never exposed, so that a trend in event time cannot be told from years"
        remedy = "Add never-exposed units, or pool distant event times with window=(a, b)"
    else:
        why = "they do not vary once units, periods and the other event times are given"
        remedy = "Pool distant event times with window=(a, b)"
    what = f"{lost} cannot be estimated"
    raise EstimationError([Fault("event_study", what, why, remedy)])
