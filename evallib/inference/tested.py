"""The terms of a regression as tests: restricted wild cluster bootstrap and cluster jackknife."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from evallib.estimate.covariance import Jackknife, leave_one_out
from evallib.estimate.lp_did import term_fits
from evallib.estimate.regression import Problem, Solution
from evallib.estimate.result import Estimate, FloatArray
from evallib.estimate.two_way import Fit
from evallib.inference.permuted_cells import PermutedTerms
from evallib.inference.wild import WildTest, draw_weights, wild_bootstrap

WildKind = Literal["rademacher", "webb"]
Weights = tuple[FloatArray, WildKind, bool]

WILD_DRAWS = 9_999
LEVERAGE_RATIO = 5.0
SIZE_VARIATION = 1.0
WITH_CELLS = ("sun_abraham", "etwfe")


@dataclass(frozen=True, slots=True)
class Tested:
    """A term as a combination of the coefficients of one regression.

    Parameters
    ----------
    problem : Problem
    solution : Solution
    row : array, shape (k,)
    """

    problem: Problem
    solution: Solution
    row: FloatArray


def live_terms(
    fitted: Estimate, window: tuple[float, float] = (float("-inf"), float("inf"))
) -> list[Tested | None]:
    """Return the terms that are tested; None for fixed ones, single cells and distant event times.

    Parameters
    ----------
    fitted : Estimate
        Of a regression, with what its fit kept.
    window : tuple of float
        First and last event time that interaction-weighted regressions are tested at.
    """
    if fitted.estimator == "lp_did":
        return [
            None if fit is None else Tested(*fit, np.eye(len(fit[1].beta))[0])
            for fit in term_fits(fitted)
        ]
    kept: Fit = fitted.details["fit"]
    terms = [Tested(kept.problem, kept.solution, row) if row.any() else None for row in kept.rows]
    if fitted.estimator not in WITH_CELLS:
        return terms
    inside = (fitted.event_time >= window[0]) & (fitted.event_time <= window[1])
    is_cell = np.array([",time=" in term for term in fitted.terms])
    shown = ~is_cell & (inside | np.isnan(fitted.event_time))
    return [term if chosen else None for term, chosen in zip(terms, shown, strict=True)]


def jackknife_details(terms: Sequence[Tested | None], is_thin: bool) -> dict[str, object]:
    """Return CR3 standard errors of the terms and why they stand beside the others.

    Leverage and sizes of clusters are those of the first term's regression.
    """
    found: dict[int, Jackknife] = {}
    std_error = np.zeros(len(terms))
    for k, term in enumerate(terms):
        if term is None:
            continue
        key = id(term.problem)
        if key not in found:
            found[key] = leave_one_out(term.problem, term.solution)
        covariance = found[key].covariance
        lost = np.isnan(np.diag(covariance)) & (term.row != 0)
        square = float(term.row @ np.nan_to_num(covariance) @ term.row)
        std_error[k] = np.nan if lost.any() else np.sqrt(max(square, 0.0))
    first = next(iter(found.values()))
    reasons = [
        text
        for text, fires in (
            ("the design is thin", is_thin),
            (
                f"the largest cluster leverage is {first.leverage_ratio:.1f} times its mean",
                first.leverage_ratio > LEVERAGE_RATIO,
            ),
            (
                f"cluster sizes vary by {first.size_variation:.2f} of their mean",
                first.size_variation > SIZE_VARIATION,
            ),
        )
        if fires
    ]
    return {
        "cr3_std_error": std_error,
        "cr3_reasons": tuple(reasons),
        "cluster_leverage_ratio": first.leverage_ratio,
        "cluster_size_variation": first.size_variation,
    }


def apply_wild(
    estimate: Estimate,
    terms: Sequence[Tested | None],
    rng: np.random.Generator,
    draws: int = WILD_DRAWS,
    asked: WildKind | None = None,
) -> tuple[Estimate, PermutedTerms]:
    """Return a regression's estimate with intervals and p-values by the wild bootstrap.

    Every term is tested with the same draws where its regression has the same clusters, its own
    hypothesis imposed. Their |t| is returned beside the estimate, for tests of several terms
    together. Terms that are None get no interval and no p-value.

    Parameters
    ----------
    estimate : Estimate
    terms : sequence of Tested or None
        One a term of the estimate.
    rng : numpy.random.Generator
    draws : int
    asked : 'rademacher' or 'webb', optional
        The weights; by the number of clusters when left out.
    """
    low = np.full(estimate.point.shape, np.nan)
    high, p_value = low.copy(), low.copy()
    drawn_weights: dict[int, Weights] = {}
    kept: dict[str, WildTest] = {}
    live: list[int] = []
    observed: list[float] = []
    drawn: list[FloatArray] = []
    for k, term in enumerate(terms):
        if term is None or not np.isfinite(estimate.std_error[k]):
            continue
        clusters = term.problem.n_clusters
        if clusters not in drawn_weights:
            drawn_weights[clusters] = draw_weights(clusters, draws, rng, asked)
        weights, kind, whole = drawn_weights[clusters]
        regressors = term.solution.regressors
        test = wild_bootstrap(term.problem, regressors, term.row, weights, kind, whole)
        p_value[k] = test.p_value()
        low[k], high[k] = test.interval(estimate.level)
        live.append(k)
        # On the scale of the printed standard error: its small-sample factor cancels in p.
        observed.append(abs(test.estimate) / float(estimate.std_error[k]))
        drawn.append(test.drawn() * test.std_error / float(estimate.std_error[k]))
        if k == 0:
            kept[estimate.terms[0]] = test
    clusters, (weights, kind, whole) = next(iter(drawn_weights.items()))
    how = "all sign patterns" if whole else f"{weights.shape[1]:,} draws"
    sentence = (
        f"P-values and {estimate.level:.0%} intervals by a restricted wild cluster bootstrap "
        f"({kind.title()} weights, {how}, {clusters} clusters), intervals by "
        "inversion of the test."
    )
    if whole:
        sentence += (
            f" The sample's own pattern and its mirror image count: programs that leave ties out "
            f"report {2 / weights.shape[1]:.2g} less."
        )
    if (p_value == 0).any():
        sentence += f" A p-value of 0 is one below 1/{weights.shape[1]:,}: no draw was as extreme."
    done = replace(
        estimate,
        conf_low=low,
        conf_high=high,
        p_value=p_value,
        inference="wild_bootstrap",
        interval_method=sentence,
        inversions=kept,
    )
    resampled = PermutedTerms(
        tuple(estimate.terms[k] for k in live),
        estimate.event_time[live],
        np.array(observed),
        np.column_stack(drawn) if drawn else np.zeros((draws, 0)),
    )
    return done, resampled
