"""Goodman-Bacon's decomposition of the two-way estimate into comparisons of two groups."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from evallib.errors import EstimationError, Fault, first_five
from evallib.estimate.bacon_controlled import decompose_controlled
from evallib.estimate.columns import Notes
from evallib.estimate.intake import Sample, keep_units
from evallib.estimate.regression_options import BaconOptions, TwfeOptions
from evallib.estimate.result import BoolArray, Estimate, FloatArray, IntArray
from evallib.estimate.twfe import fit_twfe
from evallib.estimate.two_way import balance

REFERENCES = (
    "Goodman-Bacon (2021), Journal of Econometrics 225(2), doi:10.1016/j.jeconom.2021.03.014",
)
KINDS = {
    "never": "Treated vs Untreated",
    "always": "Later vs Always Treated",
    "earlier": "Earlier vs Later Treated",
    "later": "Later vs Earlier Treated",
}


def fit_bacon(sample: Sample, options: BaconOptions, notes: Notes) -> Estimate:
    """Return the two-way estimate and the comparisons that it is a weighted mean of.

    The table of comparisons, with weights, is ``details['comparisons']``; with covariates
    ``details['within']`` has the part of the estimate from inside the groups.

    Raises
    ------
    EstimationError
        On unbalanced panels, and where no comparison can be made.

    Warns
    -----
    UnbalancedPanelWarning, AbsorbedTreatmentWarning, FewClustersWarning, ThinDesignWarning
    """
    if not options.allow_unbalanced:
        weight = balance(sample, TwfeOptions(allow_unbalanced=False), notes)
        sample = keep_units(sample, np.asarray(weight[:, 0] > 0))
    gaps: BoolArray = np.asarray(~sample.observed.all(axis=1))
    if gaps.any():
        what = f"{int(gaps.sum())} units miss a period: {first_five(list(sample.units[gaps]))}"
        why = "the decomposition holds for balanced panels"
        remedy = "Use allow_unbalanced=False to leave them out"
        raise EstimationError([Fault("frame", what, why, remedy)])
    two_way = fit_twfe(
        sample,
        TwfeOptions(
            covariates=options.covariates,
            cluster=options.cluster,
            small_sample=options.small_sample,
            level=options.level,
        ),
        notes,
        by_engine=options.small_sample == "linearmodels",
    )
    within = {}
    if options.covariates:
        exposed = (sample.periods >= sample.cohort[:, None]).astype(float)
        table, inside = decompose_controlled(
            sample.outcome, exposed, sample.covariates, _groups(sample)
        )
        within = {"within": inside}
    else:
        table = decompose(sample)
    terms = tuple(
        f"treated={one:g},untreated={_name(two)}"
        for one, two in zip(table["treated"], table["untreated"], strict=True)
    )
    count = len(terms)
    blank = np.full(count, np.nan)
    covariance = np.zeros((1 + count, 1 + count))
    covariance[0, 0] = two_way.covariance[0, 0]
    return replace(
        two_way,
        estimator="bacon",
        estimand="The two-way coefficient as a weighted mean of comparisons of two groups over "
        "time; the weights are in details['comparisons']"
        + (", and details['within'] has the part from inside groups." if within else "."),
        terms=("att", *terms),
        point=np.concatenate([two_way.point[:1], table["estimate"]]),
        std_error=np.concatenate([two_way.std_error[:1], blank]),
        conf_low=np.concatenate([two_way.conf_low[:1], blank]),
        conf_high=np.concatenate([two_way.conf_high[:1], blank]),
        p_value=np.concatenate([two_way.p_value[:1], blank]),
        covariance=covariance,
        term_obs=np.concatenate([two_way.term_obs[:1], table["rows"]]).astype(np.int64),
        term_units=np.concatenate([two_way.term_units[:1], table["units"]]).astype(np.int64),
        term_treated_units=np.concatenate(
            [two_way.term_treated_units[:1], table["treated_units"]]
        ).astype(np.int64),
        event_time=np.full(1 + count, np.nan),
        scores=None,
        references=REFERENCES,
        details={
            **{key: two_way.details[key] for key in ("small_sample", "vcov", "thinness")},
            "comparisons": table[["treated", "untreated", "type", "estimate", "weight"]],
            **within,
        },
    )


def _groups(sample: Sample) -> FloatArray:
    """Return each unit's first exposed period; minus infinity is always, infinity never."""
    periods = sample.periods
    cohort = np.where(sample.cohort > periods.max(), np.inf, sample.cohort)
    place = np.minimum(np.searchsorted(periods, cohort), periods.size - 1)
    cohort = np.where(np.isinf(cohort), cohort, periods[place])
    return np.asarray(np.where(cohort <= periods.min(), -np.inf, cohort))


def _name(cohort: float) -> str:
    return {np.inf: "never", -np.inf: "always"}.get(cohort, f"{cohort:g}")


def decompose(sample: Sample) -> pd.DataFrame:
    """Return one row a comparison: groups, type, estimate, weight and counts; weights sum to one.

    Parameters
    ----------
    sample : Sample
        Balanced. Units exposed from the first period on are one group, 'always'; cohorts after
        the last period are never exposed in it. Cohorts without a period between them are one.
    """
    periods, outcome, cohort = sample.periods, sample.outcome, _groups(sample)
    starts, size = np.unique(cohort, return_counts=True)
    mean = np.array([outcome[cohort == start].mean(axis=0) for start in starts])
    share = {s: float((periods >= s).mean()) for s in starts}
    number = dict(zip(starts, size, strict=True))
    at = {start: k for k, start in enumerate(starts)}
    rows = []
    for one in starts[np.isfinite(starts)]:
        for two in starts[starts != one]:
            kind, window, part = _window(one, two, periods, share)
            total = number[one] + number[two]
            split = number[one] / total
            exposed = (periods[window] >= one).mean()
            variance = split * (1 - split) * exposed * (1 - exposed)
            after = window & (periods >= one)
            before = window & (periods < one)
            change = mean[:, after].mean(axis=1) - mean[:, before].mean(axis=1)
            rows.append(
                {
                    "treated": one,
                    "untreated": two,
                    "type": KINDS[kind],
                    "estimate": change[at[one]] - change[at[two]],
                    "weight": (total * part) ** 2 * variance,
                    "rows": int(total * window.sum()),
                    "units": int(total),
                    "treated_units": int(number[one]),
                }
            )
    if not rows:
        what = "no two groups differ in when they are exposed"
        remedy = "Add units that are exposed later or never"
        raise EstimationError([Fault("exposure", what, "", remedy)])
    table = pd.DataFrame(rows)
    table["weight"] /= table["weight"].sum()
    return table


def _window(
    one: float, two: float, periods: IntArray, share: dict[float, float]
) -> tuple[str, BoolArray, float]:
    """Return the kind of comparison, its periods, and their part of all periods."""
    everything = np.ones(periods.size, dtype=bool)
    if np.isposinf(two):
        return "never", everything, 1.0
    if np.isneginf(two):
        return "always", everything, 1.0
    if one < two:
        return "earlier", np.asarray(periods < two), 1 - share[two]
    return "later", np.asarray(periods >= two), share[two]
