"""The permutation p-value of an estimate, whatever inference the policy gave it."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np

from evallib.design import Design
from evallib.errors import EstimationError, EvallibWarning
from evallib.estimate import Estimate
from evallib.inference.designs import POLICIES, seed_of
from evallib.inference.fitting import fit_design
from evallib.inference.regressions import infer_regression

# What the inference policy may have done that compares with reassigned exposure already.
REASSIGNED = ("permutation", "placebo")


def permutation_p(design: Design, estimate: Estimate) -> float:
    """Return the permutation p-value of an estimate's first term.

    Where the inference policy did not permute, the estimator is fitted again and its adoption
    paths are permuted as those of a thin design are. Synthetic comparisons have their placebos.

    Parameters
    ----------
    design : Design
        The design.
    estimate : Estimate
        Its estimate under the inference policy.

    Returns
    -------
    float
        NaN where paths cannot be permuted.
    """
    if estimate.details.get("action") in REASSIGNED:
        return float(estimate.p_value[0])
    policy = POLICIES.get(estimate.estimator, infer_regression)
    rng = np.random.default_rng(seed_of(design, f"{estimate.estimator}|permutation"))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", EvallibWarning)
            fitted = fit_design(design, estimate.estimator)
            if fitted.details.get("thinness") is None:
                return float("nan")
            done, _, facts = policy(replace(design, inference="permutation"), fitted, rng)
    except EstimationError:
        return float("nan")
    return float(done.p_value[0]) if facts["action"] == "permutation" else float("nan")
