"""The inference policy: what a thin design replaces, by family of estimator.

The measure itself is in ``evallib.estimate.thinness``, so that ``fit`` can warn; what follows from
it is here. ``estimate`` and ``std_error`` always stay the analytic ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from evallib.errors import EstimationError, Fault
from evallib.estimate.bands import Band
from evallib.estimate.cells import CellSource
from evallib.estimate.covariance import Jackknife, leave_one_out
from evallib.estimate.regression import Problem, Solution
from evallib.estimate.result import Estimate, FloatArray, Inversion
from evallib.estimate.thinness import MIN_TREATED, Thinness
from evallib.estimate.two_way import Fit
from evallib.inference.permutation import NULL
from evallib.inference.permuted_cells import (
    QUANTILE_LEVELS,
    PermutedCells,
    PermutedTerms,
    order_quantile,
)
from evallib.inference.wild import WildTest, draw_weights, wild_bootstrap

Weights = tuple[FloatArray, Literal["rademacher", "webb"], bool]

WILD_DRAWS = 9_999
PERMUTATION_DRAWS = 1_999
MIN_TREATED_CLUSTERS = 10
LEVERAGE_RATIO = 5.0
SIZE_VARIATION = 1.0

Action = Literal["analytic", "wild_bootstrap", "permutation"]


def choose_action(family: Literal["regression", "influence"], thinness: Thinness) -> Action:
    """Return how intervals and p-values are made.

    Parameters
    ----------
    family : 'regression' or 'influence'
    thinness : Thinness
    """
    if not thinness.is_thin:
        return "analytic"
    if family == "influence" or thinness.n_treated_clusters < MIN_TREATED_CLUSTERS:
        return "permutation"
    return "wild_bootstrap"


def require_treated(count: int, outcome: str, estimator: str, few_treated: str = "refuse") -> None:
    """Refuse a design with fewer than five treated councils, unless the plan asks.

    Parameters
    ----------
    count : int
    outcome, estimator : str
    few_treated : str
        The plan's: with ``permutation`` nothing is refused here, and since such a design is always
        thin and has fewer than ten treated clusters, every interval is a permutation's.

    Raises
    ------
    EstimationError
        With outcome, count and remedy.
    """
    if count >= MIN_TREATED or few_treated == "permutation":
        return
    raise EstimationError(
        [
            Fault(
                f"outcome {outcome}, {estimator}",
                f"{count} treated councils, fewer than {MIN_TREATED}",
                "no interval can be trusted with so few",
                "Widen years, kinds or date precision, leave the outcome out, or ask for "
                "few_treated: permutation",
            )
        ]
    )


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


def tested_terms(fitted: Fit) -> list[Tested | None]:
    """Return the terms of a regression; None where a term is fixed at zero."""
    return [
        Tested(fitted.problem, fitted.solution, row) if row.any() else None for row in fitted.rows
    ]


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
            drawn_weights[clusters] = draw_weights(clusters, draws, rng)
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


def permutation_sentence(level: float, draws: int, strata: str, inverted: str = "") -> str:
    """Return the sentence on intervals and p-values by permutation.

    Parameters
    ----------
    level : float
    draws : int
    strata : str
    inverted : str
        The term whose interval inverts the test; empty where every draw is a fit of its own.
    """
    head = (
        f"P-values and {level:.0%} intervals by {NULL} ({draws:,} draws, strata: council {strata}, "
        "estimate over its standard error). "
    )
    if not inverted:
        return (
            f"{head}Every draw is a fit of its own, which is why there are no more; intervals take "
            "the permutation quantile of the statistic."
        )
    return (
        f"{head}The interval of {inverted} inverts the test under "
        "an effect that is the same for all and in every year; other intervals take the "
        "permutation quantile of the statistic."
    )


def apply_permuted_terms(
    estimate: Estimate, terms: PermutedTerms, first: Inversion | None, sentence: str
) -> Estimate:
    """Return an estimate with intervals and p-values by permutation; other terms get none.

    Parameters
    ----------
    estimate : Estimate
    terms : PermutedTerms
    first : Inversion, optional
        The test of the estimate's first term, which is inverted.
    sentence : str
    """
    low = np.full(estimate.point.shape, np.nan)
    high, p_value = low.copy(), low.copy()
    critical, p_terms = terms.quantile(estimate.level), terms.p_values
    for k, term in enumerate(estimate.terms):
        if k == 0 and first is not None:
            low[0], high[0] = first.interval(estimate.level)
            p_value[0] = first.p_value()
        elif term in terms.terms and np.isfinite(estimate.std_error[k]):
            place = terms.terms.index(term)
            half = critical[place] * estimate.std_error[k]
            low[k], high[k] = estimate.point[k] - half, estimate.point[k] + half
            p_value[k] = p_terms[place]
    return replace(
        estimate,
        conf_low=low,
        conf_high=high,
        p_value=p_value,
        inference="permutation",
        interval_method=sentence,
        inversions={} if first is None else {estimate.terms[0]: first},
    )


def apply_permuted_cells(estimate: Estimate, found: PermutedCells, strata: str) -> Estimate:
    """Return a group-time estimate and all its aggregations with permutation inference.

    Single cells keep their analytic standard errors and get no interval: a cohort of a few
    councils says too little in one year.
    """
    source = estimate.source
    if not isinstance(source, CellSource):
        return estimate
    sentence = permutation_sentence(estimate.level, found.draws, strata, "the overall effect")
    none = PermutedTerms((), np.zeros(0), np.zeros(0), np.zeros((found.draws, 0)))
    replaced = {
        kind: apply_permuted_terms(
            estimate.aggregate(kind), found.parts.get(kind, none), test, sentence
        )
        for kind, test in found.overall.items()
    }
    whole = apply_permuted_terms(
        estimate, none, found.overall["group"], f"{sentence} Single cells get no interval."
    )
    return replace(whole, source=replace(source, replaced=replaced))


def lead_facts(
    terms: PermutedTerms, event_times: FloatArray, level: float, how: str = "permutation"
) -> dict[str, object]:
    """Return what a check of pre-trends needs of the leads under resampling.

    Parameters
    ----------
    terms : PermutedTerms
    event_times : array
        The leads, by event time.
    level : float
    how : str
        The resampling in a word or two.

    Returns
    -------
    dict with ``terms``, ``p_joint`` (largest |t|), ``method``, ``quantiles`` (level to array of
    |t|, one a lead), ``max_quantiles`` (level to |t|).
    """
    which = np.flatnonzero(np.isin(terms.event_time, event_times))
    p_joint, largest = terms.joint(which)
    return {
        "terms": tuple(terms.terms[k] for k in which),
        "p_joint": p_joint,
        "method": f"{how}, largest |t| over the leads",
        "quantiles": {at: terms.quantile(at)[which] for at in (*QUANTILE_LEVELS, level)},
        "max_quantiles": largest,
    }


def resampled_band(estimate: Estimate, terms: PermutedTerms, how: str = "permutation") -> Band:
    """Return the simultaneous band over an estimate's event times from the largest |t|."""
    shown = [term for term in estimate.terms if term.startswith("event_time=")]
    which = np.array([k for k, term in enumerate(terms.terms) if term in shown], dtype=int)
    draws = terms.drawn[:, which].max(axis=1)
    critical = order_quantile(draws, estimate.level)
    inside = np.isin(np.array(estimate.terms), np.array(shown))
    half = np.where(inside, critical * estimate.std_error, np.nan)
    method = f"band from the {how} quantile of the largest |t|, {draws.size:,} draws"
    return Band(estimate.point - half, estimate.point + half, critical, estimate.level, method)
