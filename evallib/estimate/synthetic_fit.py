"""Synthetic difference-in-differences and synthetic control of a sample as an ``Estimate``."""

from __future__ import annotations

from typing import Literal

import numpy as np

from evallib.estimate.columns import Notes
from evallib.estimate.intake import Sample
from evallib.estimate.intervals import analytic_interval
from evallib.estimate.result import Estimate, FloatArray
from evallib.estimate.synthetic import COMPARISON, SAME, Problem, prepare, solve
from evallib.estimate.synthetic_details import describe_synthetic
from evallib.estimate.synthetic_inference import (
    Placebos,
    draw_placebos,
    jackknife_covariance,
    placebo_covariance,
)
from evallib.estimate.synthetic_options import SyntheticControlOptions, SyntheticDidOptions
from evallib.estimate.synthetic_warnings import (
    count_rows,
    require_inference,
    require_shared_weight,
    take_balanced,
    warn_synthetic,
)

Name = Literal["synthetic_did", "synthetic_control"]
ROUNDING = 1e-10
ESTIMAND = (
    "Mean effect over all exposed rows of treated units, each cohort against its own synthetic "
    "unit made of never-treated ones (att); by event time; by cohort."
)
REFERENCES = {
    "synthetic_did": (
        "Arkhangelsky, Athey, Hirshberg, Imbens and Wager (2021), American Economic Review "
        "111(12), doi:10.1257/aer.20190159",
        "Clarke, Pailanir, Athey and Imbens (2023), On Synthetic Difference-in-Differences and "
        "Related Estimation Methods in Stata, arXiv:2301.11859",
    ),
    "synthetic_control": (
        "Abadie, Diamond and Hainmueller (2010), JASA 105(490), doi:10.1198/jasa.2009.ap08746",
        "Abadie (2021), Journal of Economic Literature 59(2), doi:10.1257/jel.20191450",
    ),
}
RIDGE = "Ben-Michael, Feller and Rothstein (2021), JASA 116(536), doi:10.1080/01621459.2021.1929245"


def fit_synthetic_did(sample: Sample, options: SyntheticDidOptions, notes: Notes) -> Estimate:
    """Return synthetic difference-in-differences, headed by ``att``.

    Weights, paths and the fit before exposure are in ``details["synthetic"]``.

    Raises
    ------
    EstimationError
        When no unit is treated with two periods before, none is never treated, none of either is
        observed in every period, or the inference asked for cannot be.

    Warns
    -----
    UnbalancedPanelWarning, AlreadyTreatedWarning, ShortHistoryWarning, PoorFitWarning,
    NoNoiseWarning, FewPlacebosWarning
    """
    return _fit("synthetic_did", sample, options, notes)


def fit_synthetic_control(
    sample: Sample, options: SyntheticControlOptions, notes: Notes
) -> Estimate:
    """Return synthetic control, ridge-augmented where asked for.

    Raises
    ------
    EstimationError
        As ``fit_synthetic_did``; three periods before exposure for ``augment="ridge"``.

    Warns
    -----
    As ``fit_synthetic_did``.
    """
    return _fit("synthetic_control", sample, options, notes)


def _fit(name: Name, sample: Sample, options: SyntheticDidOptions, notes: Notes) -> Estimate:
    sample = take_balanced(name, sample, options, notes)
    augment = isinstance(options, SyntheticControlOptions) and options.augment == "ridge"
    problem = prepare(
        sample.outcome,
        sample.periods,
        sample.cohort,
        is_did=name == "synthetic_did",
        anticipation=options.anticipation,
        augment=augment,
    )
    require_inference(name, problem, options)
    codes = problem.codes[None, :]
    placebos = None
    if options.inference == "placebo":
        placebos = draw_placebos(problem, options.draws, options.seed)
        codes = np.concatenate([codes, placebos.codes])
    solution = solve(problem, codes)
    if placebos is not None:
        covariance = placebo_covariance(solution.point[1:])
    else:
        require_shared_weight(name, problem, solution)
        covariance = jackknife_covariance(problem, solution)
    synthetic = describe_synthetic(problem, solution, codes[1:], sample.units)
    warn_synthetic(problem, synthetic, placebos, notes)
    point, std_error = solution.point[0], _std_error(problem, covariance)
    low, high, p_value = analytic_interval(point, std_error, options.level, None)
    rows, units, treated = count_rows(problem)
    return Estimate(
        estimator=name,
        estimand=ESTIMAND,
        terms=problem.terms.names,
        point=point,
        covariance=covariance,
        std_error=std_error,
        conf_low=low,
        conf_high=high,
        p_value=p_value,
        df=None,
        level=options.level,
        se_method=_se_method(problem, placebos, options.seed),
        interval_method=f"{100 * options.level:g}% intervals and p-values from the normal.",
        inference=f"{options.inference}_normal",
        n_obs=int(rows[0]),
        n_units=int(units[0]),
        n_treated_units=int(treated[0]),
        n_clusters=int(units[0]),
        term_obs=rows,
        term_units=units,
        term_treated_units=treated,
        event_time=problem.terms.event_time,
        comparison=options.comparison,
        references=(*REFERENCES[name], RIDGE) if augment else REFERENCES[name],
        details={
            "synthetic": synthetic,
            "anticipation": options.anticipation,
            "options": options,
            "draws": options.draws,
            "seed": options.seed,
        },
    )


def _std_error(problem: Problem, covariance: FloatArray) -> FloatArray:
    """Return standard errors, missing where they are only rounding."""
    std_error = np.sqrt(np.diag(covariance))
    spread, size = float(np.ptp(problem.outcome)), float(np.abs(problem.outcome).max())
    std_error[std_error <= max(ROUNDING * spread, SAME * size)] = np.nan
    return np.asarray(std_error)


def _se_method(problem: Problem, placebos: Placebos | None, seed: int) -> str:
    """Return how the standard error was made, in a sentence."""
    treated = int((problem.codes != COMPARISON).sum())
    if placebos is None:
        return (
            f"Jackknife of all {problem.codes.size} units with the weights kept: unit weights of "
            "the others scaled to sum to one."
        )
    which = (
        f"all {placebos.possible} ways"
        if placebos.is_every
        else f"{len(placebos.codes)} random ways (seed {seed})"
    )
    return (
        f"Standard deviation of placebo effects: {which} of giving the exposure of {treated} "
        "treated units to never-treated ones, weights found anew. It takes treated units to vary "
        "as the others do."
    )
