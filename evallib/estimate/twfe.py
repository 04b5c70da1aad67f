"""Fixed effects: one effect of exposure, or slopes of covariates, given unit (and period) effects.

``twfe`` absorbs unit and period effects, ``fixed_effects`` unit effects alone.
"""

from __future__ import annotations

import numpy as np

from evallib.errors import AbsorbedTreatmentWarning, EstimationError, Fault
from evallib.estimate.columns import Notes
from evallib.estimate.intake import Sample
from evallib.estimate.regression import Effects
from evallib.estimate.regression_options import TwfeOptions
from evallib.estimate.result import BoolArray, Estimate, FloatArray
from evallib.estimate.two_way import describe, finish, fit_regression, trim, two_way_engine

REFERENCES = (
    "Goodman-Bacon (2021), Journal of Econometrics 225(2), doi:10.1016/j.jeconom.2021.03.014",
)
WITHIN_REFERENCES = (
    "Wooldridge (2010), Econometric Analysis of Cross Section and Panel Data, 2nd ed., ch. 10",
)


def fit_twfe(
    sample: Sample, options: TwfeOptions, notes: Notes, *, by_engine: bool = True
) -> Estimate:
    """Return the two-way fixed-effects estimate of one effect of exposure, or of slopes.

    Parameters
    ----------
    sample, options, notes
    by_engine : bool
        False for our own least squares, where the estimate is a part of another one.

    Raises
    ------
    EstimationError
        When the fixed effects absorb exposure, or when there are two clusters or fewer.

    Warns
    -----
    SingletonWarning, AbsorbedTreatmentWarning, FewClustersWarning, ThinDesignWarning
    """
    estimand = "Average effect of exposure under one effect for all, given unit and period effects."
    if not sample.has_exposure:
        estimand = "Slopes of the covariates, given unit and period effects."
    return _fit_within(
        sample, options, notes, "twfe", estimand, "two_way", REFERENCES, by_engine=by_engine
    )


def fit_fixed_effects(sample: Sample, options: TwfeOptions, notes: Notes) -> Estimate:
    """Return the within estimate: unit effects alone, so that common change over time stays in.

    Raises
    ------
    EstimationError
        As ``fit_twfe``.

    Warns
    -----
    SingletonWarning, AbsorbedTreatmentWarning, FewClustersWarning, ThinDesignWarning
    """
    estimand = (
        "Mean change within units between rows without and with exposure; change common to all "
        "units is part of it."
    )
    if not sample.has_exposure:
        estimand = "Slopes of the covariates within units."
    return _fit_within(sample, options, notes, "fixed_effects", estimand, "unit", WITHIN_REFERENCES)


def _fit_within(
    sample: Sample,
    options: TwfeOptions,
    notes: Notes,
    name: str,
    estimand: str,
    effects: Effects,
    references: tuple[str, ...],
    *,
    by_engine: bool = True,
) -> Estimate:
    """Return a regression of the outcome on exposure and covariates with absorbed effects."""
    sample, weight, dropped = trim(sample, options, notes, periods=effects == "two_way")
    exposed = sample.treatment * (weight > 0)
    names = options.covariates
    regressors = sample.covariates
    if sample.has_exposure:
        require_contrast(exposed, weight, notes)
        names = ("att", *names)
        regressors = np.concatenate([exposed[None], regressors])
    has_engine = by_engine and not options.trends
    if options.trends:
        estimand = f"{estimand[:-1]}, and given a straight line for each unit."
    fitted = fit_regression(
        sample,
        weight,
        regressors,
        names,
        options,
        dropped,
        notes,
        np.eye(len(names)),
        effects=effects,
        trends=options.trends,
        engine=two_way_engine(sample, options, effects) if has_engine else None,
    )
    count = int((exposed > 0).any(axis=1).sum())
    estimate = describe(
        fitted,
        name,
        estimand,
        names,
        np.full(len(names), np.nan),
        np.full(len(names), count),
        count,
        options,
        references,
    )
    return finish(estimate, fitted, sample, exposed > 0, notes)


def require_contrast(exposed: FloatArray, weight: FloatArray, notes: Notes) -> None:
    """Refuse a sample without exposure or comparison; warn of units that are always exposed."""
    there = weight > 0
    share = (exposed > 0).sum(axis=1) / np.maximum(there.sum(axis=1), 1)
    live = there.any(axis=1)
    require_some(exposed, weight)
    always: BoolArray = live & (share == 1)
    if always.any():
        ever = int((share[live] > 0).sum())
        text = (
            f"{int(always.sum())} of {ever} exposed units are exposed in every row: their effects "
            "absorb exposure, and they serve as comparison only."
        )
        notes.warn(AbsorbedTreatmentWarning, text)


def require_some(exposed: FloatArray, weight: FloatArray) -> None:
    """Refuse a sample without exposed rows, or without others."""
    there = weight > 0
    where = "exposure"
    if not (exposed[there] > 0).any():
        raise EstimationError([Fault(where, "no row is exposed", "", "Check cohorts and periods")])
    if (exposed[there] > 0).all():
        what = "every row is exposed"
        raise EstimationError([Fault(where, what, "", "Add rows before exposure or other units")])
