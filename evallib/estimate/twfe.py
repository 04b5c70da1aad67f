"""Two-way fixed effects: one effect of exposure, given unit and period effects."""

from __future__ import annotations

import numpy as np

from evallib.errors import AbsorbedTreatmentWarning, EstimationError, Fault
from evallib.estimate.columns import Notes
from evallib.estimate.intake import Sample
from evallib.estimate.options import TwfeOptions
from evallib.estimate.result import BoolArray, Estimate, FloatArray
from evallib.estimate.two_way import describe, finish, fit_regression, trim

REFERENCES = (
    "Goodman-Bacon (2021), Journal of Econometrics 225(2), doi:10.1016/j.jeconom.2021.03.014",
)


def fit_twfe(sample: Sample, options: TwfeOptions, notes: Notes) -> Estimate:
    """Return the two-way fixed-effects estimate of one effect of exposure.

    Raises
    ------
    EstimationError
        When the fixed effects absorb exposure, or when there are two clusters or fewer.

    Warns
    -----
    SingletonWarning, AbsorbedTreatmentWarning, FewClustersWarning, ThinDesignWarning
    """
    sample, weight, dropped = trim(sample, options, notes)
    exposed = sample.treatment * (weight > 0)
    _require_contrast(exposed, weight, notes)
    names = ("att", *options.covariates)
    regressors = np.concatenate([exposed[None], sample.covariates])
    fitted = fit_regression(
        sample, weight, regressors, names, options, dropped, notes, np.eye(len(names))
    )
    treated = (exposed > 0).any(axis=1)
    estimate = describe(
        fitted,
        "twfe",
        "Average effect of exposure under one effect for all, given unit and period effects.",
        names,
        np.full(len(names), np.nan),
        np.full(len(names), int(treated.sum())),
        int(treated.sum()),
        options,
        REFERENCES,
    )
    return finish(estimate, fitted, sample, exposed > 0, notes)


def _require_contrast(exposed: FloatArray, weight: FloatArray, notes: Notes) -> None:
    """Refuse a sample without exposure or comparison; warn of units that are always exposed."""
    there = weight > 0
    share = (exposed > 0).sum(axis=1) / np.maximum(there.sum(axis=1), 1)
    live = there.any(axis=1)
    where = "exposure"
    if not (share[live] > 0).any():
        raise EstimationError([Fault(where, "no row is exposed", "", "Check cohorts and periods")])
    always: BoolArray = live & (share == 1)
    if (share[live] == 1).all():
        what = "every row is exposed"
        raise EstimationError([Fault(where, what, "", "Add rows before exposure or other units")])
    if always.any():
        ever = int((share[live] > 0).sum())
        text = (
            f"{int(always.sum())} of {ever} exposed units are exposed in every row: their effects "
            "absorb exposure, and they serve as comparison only."
        )
        notes.warn(AbsorbedTreatmentWarning, text)
