"""Stacked difference-in-differences with the weights of Wing, Freedman and Hollingsworth."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from evallib.errors import EmptyCellWarning, EstimationError, Fault, first_five
from evallib.estimate.columns import Notes
from evallib.estimate.event_study import leave_out_always_exposed
from evallib.estimate.intake import Sample
from evallib.estimate.regression_options import StackedOptions
from evallib.estimate.result import Estimate, FloatArray, IntArray
from evallib.estimate.two_way import describe, finish, fit_regression

REFERENCES = (
    "Wing, Freedman and Hollingsworth (2024), Stacked Difference-in-Differences, NBER Working "
    "Paper 32054, doi:10.3386/w32054",
    "Cengiz, Dube, Lindner and Zipperer (2019), Quarterly Journal of Economics 134(3), "
    "doi:10.1093/qje/qjz014",
)


@dataclass(frozen=True, slots=True)
class Stack:
    """One cohort's sub-experiment.

    Parameters
    ----------
    cohort : float
    units : integer array, shape (n,)
        Places of its exposed and clean comparison units in the sample.
    is_treated : boolean array, shape (n,)
    columns : integer array, shape (E,)
        Places of the window's periods.
    """

    cohort: float
    units: IntArray
    is_treated: np.ndarray[tuple[int], np.dtype[np.bool_]]
    columns: IntArray


def fit_stacked(sample: Sample, options: StackedOptions, notes: Notes) -> Estimate:
    """Return effects by event time from stacked sub-experiments, headed by their mean.

    Raises
    ------
    EstimationError
        When no cohort has a whole window with comparison units, and for two clusters or fewer.

    Warns
    -----
    AlreadyTreatedWarning, EmptyCellWarning, FewClustersWarning, ThinDesignWarning
    """
    sample = leave_out_always_exposed(sample, notes)
    if not np.isfinite(sample.cohort).any():
        raise EstimationError([Fault("exposure", "no unit is exposed", "", "Check cohorts")])
    stacks = _list_stacks(sample, options, notes)
    stacked, weight = _stack(sample, stacks, options)
    event, reference = stacked.periods, -1 - options.anticipation
    treated = np.isfinite(stacked.cohort)
    shown = event[event != reference]
    dummies = (event[None, :] == shown[:, None])[:, None, :] & treated[None, :, None]
    regressors = np.concatenate([dummies.astype(float), stacked.covariates])
    k, extra = shown.size, len(options.covariates)
    after = (shown >= 0).astype(float)
    rows = np.zeros((1 + event.size + extra, k + extra))
    rows[0, :k] = after / after.sum()
    for place, value in enumerate(event):
        rows[1 + place, :k] = shown == value
    rows[1 + event.size :, k:] = np.eye(extra)
    names = (*(f"event_time={value}" for value in shown), *options.covariates)
    fitted = fit_regression(
        stacked, weight, regressors, names, options, (0, 0), notes, rows, effects="two_way"
    )
    units = np.unique(np.concatenate([stack.units for stack in stacks]))
    exposed = np.unique(np.concatenate([s.units[s.is_treated] for s in stacks])).size
    terms = ("att", *(f"event_time={value}" for value in event), *options.covariates)
    estimate = describe(
        fitted,
        "stacked",
        "Mean effect over the window's event times from exposure on, of the cohorts whose whole "
        "window is observed, cohorts weighted by their units.",
        terms,
        np.array([np.nan, *map(float, event), *[np.nan] * extra]),
        np.full(len(terms), exposed),
        exposed,
        options,
        REFERENCES,
    )
    estimate = replace(
        estimate,
        n_units=units.size,
        term_units=np.full(len(terms), units.size),
        comparison=options.comparison,
        details={
            **estimate.details,
            "window": options.window,
            "reference": reference,
            "anticipation": options.anticipation,
            "cohorts": tuple(stack.cohort for stack in stacks),
            "stacked_units": int(weight.any(axis=1).sum()),
        },
    )
    effect = np.broadcast_to(event >= 0, weight.shape) & treated[:, None]
    return finish(estimate, fitted, stacked, effect, notes)


def _list_stacks(sample: Sample, options: StackedOptions, notes: Notes) -> list[Stack]:
    """Return the cohorts whose whole window is in the panel, with whole units only."""
    event, last = _event_times(options), options.window[1]
    place = {int(period): k for k, period in enumerate(sample.periods)}
    stacks, gone, cut = [], [], 0
    starts = np.unique(sample.cohort[np.isfinite(sample.cohort)])
    for start in starts:
        wanted = [int(start) + int(e) for e in event]
        if any(period not in place for period in wanted):
            gone.append(f"{start:g}")
            continue
        columns = np.array([place[period] for period in wanted])
        clean = np.isinf(sample.cohort)
        if options.comparison == "not_yet_treated":
            clean = sample.cohort > start + last + options.anticipation
        member = (sample.cohort == start) | clean
        whole = sample.observed[:, columns].all(axis=1)
        cut += int((member & ~whole).sum())
        units = np.flatnonzero(member & whole)
        treated = sample.cohort[units] == start
        if not treated.any() or treated.all():
            gone.append(f"{start:g}")
            continue
        stacks.append(Stack(float(start), units, treated, columns))
    where = f"window {options.window}"
    if not stacks:
        what = f"no cohort has its whole {where} in the panel with comparison units"
        raise EstimationError([Fault("option 'window'", what, "", "Narrow the window")])
    if gone:
        text = f"{len(gone)} cohorts lack their whole {where} or comparison units: "
        notes.warn(EmptyCellWarning, f"{text}{first_five(gone)}.")
    if cut:
        text = f"{cut} units are left out of a cohort's stack: they miss a period of its window."
        notes.warn(EmptyCellWarning, text)
    return stacks


def _event_times(options: StackedOptions) -> IntArray:
    """Return the window's event times without those of anticipation."""
    first, last = options.window
    event = np.arange(first, last + 1)
    return event[(event < -options.anticipation) | (event >= 0)]


def _stack(
    sample: Sample, stacks: list[Stack], options: StackedOptions
) -> tuple[Sample, FloatArray]:
    """Return all stacks as one panel by event time, and its weights.

    Comparison units of a stack together weigh what its share of the exposed units says.
    """
    own = (
        sample.weight / sample.weight[sample.observed].mean()
        if options.weights
        else (sample.weight)
    )

    def pick(values: FloatArray) -> FloatArray:
        parts = [values[..., s.units[:, None], s.columns[None, :]] for s in stacks]
        return np.concatenate(parts, axis=-2)

    def pick_codes(codes: IntArray) -> IntArray:
        return np.concatenate([codes[np.ix_(s.units, s.columns)] for s in stacks])

    size = [(own[s.units][:, s.columns].mean(axis=1) * s.is_treated).sum() for s in stacks]
    other = [(own[s.units][:, s.columns].mean(axis=1) * ~s.is_treated).sum() for s in stacks]
    scale = []
    for place, stack in enumerate(stacks):
        share = (size[place] / sum(size)) / (other[place] / sum(other))
        scale.append(np.where(stack.is_treated, 1.0, share))
    weight = pick(own) * np.concatenate(scale)[:, None]
    treated = np.concatenate([s.is_treated for s in stacks])
    start = np.concatenate([np.full(s.units.size, s.cohort) for s in stacks])
    event = _event_times(options)
    return (
        replace(
            sample,
            outcome=pick(sample.outcome),
            observed=np.ones(weight.shape, dtype=bool),
            units=np.concatenate([sample.units[s.units] for s in stacks]),
            periods=event,
            cohort=np.where(treated, start, np.inf),
            treatment=((event >= 0)[None, :] & treated[:, None]).astype(float),
            weight=weight,
            cluster=pick_codes(sample.cluster),
            second=None if sample.second is None else pick_codes(sample.second),
            covariates=pick(sample.covariates),
        ),
        weight,
    )
