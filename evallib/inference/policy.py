"""The inference policy: what a thin design replaces, by family of estimator.

The measure itself is in ``evallib.estimate.thinness``, so that ``fit`` can warn; what follows from
it is here. ``estimate`` and ``std_error`` always stay the analytic ones.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, cast

import numpy as np

from evallib.errors import EstimationError, Fault
from evallib.estimate.bands import Band
from evallib.estimate.cells import CellSource
from evallib.estimate.result import Estimate, FloatArray, Inversion
from evallib.estimate.thinness import MIN_TREATED, Thinness
from evallib.inference.permutation import NULL
from evallib.inference.permuted_cells import (
    QUANTILE_LEVELS,
    PermutedCells,
    PermutedTerms,
    order_quantile,
)

PERMUTATION_DRAWS = 1_999
SLOPES_UNTESTED = "Slopes of covariates get no interval: paths are no test of them."
MIN_TREATED_CLUSTERS = 10

Family = Literal["regression", "influence"]
Action = Literal["analytic", "wild_bootstrap", "permutation"]
ASKED_WORDS = {
    "analytic": "analytic intervals",
    "wild_bootstrap": "a wild cluster bootstrap",
    "permutation": "permutation of adoption paths",
}


def choose_action(family: Family, thinness: Thinness, asked: str = "policy") -> Action:
    """Return how intervals and p-values are made.

    Parameters
    ----------
    family : 'regression' or 'influence'
    thinness : Thinness
    asked : str
        What the plan asks for; the rule decides for ``policy``, and where that does not suit.
    """
    if asked != "policy" and not _why_unsuited(family, thinness, asked):
        return cast("Action", asked)
    if not thinness.is_thin:
        return "analytic"
    if family == "influence" or thinness.n_treated_clusters < MIN_TREATED_CLUSTERS:
        return "permutation"
    return "wild_bootstrap"


def _why_unsuited(family: Family, thinness: Thinness, asked: str) -> str:
    """Return why what the plan asks for cannot be had; empty where it can."""
    if asked == "wild_bootstrap" and family == "influence":
        return "which is of regressions"
    if asked != "permutation" and thinness.n_treated_units < MIN_TREATED:
        return f"not to be trusted below {MIN_TREATED} treated councils"
    return ""


def rule_sentence(family: Family, thinness: Thinness, asked: str) -> str:
    """Return what the thin-design rule found, and whether the plan departs from it.

    Parameters
    ----------
    family : 'regression' or 'influence'
    thinness : Thinness
    asked : str
        What the plan asks for.
    """
    return f"{asked_sentence(family, thinness, asked)} {thinness.sentence}".lstrip()


def asked_sentence(family: Family, thinness: Thinness, asked: str) -> str:
    """Return whether a plan departs from the rule; empty where it asks for none other.

    Parameters
    ----------
    family : 'regression' or 'influence'
    thinness : Thinness
    asked : str
        What the plan asks for.
    """
    if asked == "policy":
        return ""
    why = _why_unsuited(family, thinness, asked)
    wish = f"The plan asks for {ASKED_WORDS[asked]}"
    if why:
        return f"{wish}, {why}: the thin-design rule decides."
    return f"{wish} in place of the thin-design rule."


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


def permutation_sentence(level: float, draws: int, strata: str, inverted: str = "") -> str:
    """Return the sentence on intervals and p-values by permutation.

    Parameters
    ----------
    level : float
    draws : int
    strata : str
        What the strata are, as in 'council type'.
    inverted : str
        The term whose interval inverts the test; empty where every draw is a fit of its own.
    """
    head = (
        f"P-values and {level:.0%} intervals by {NULL} ({draws:,} draws, strata: {strata}, "
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
