"""The parameters of a model of ordered grades, with or without random intercepts of units."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evallib.errors import EstimationError, EvallibWarning, Fault
from evallib.estimate.columns import Notes
from evallib.estimate.ordered_grades import GradedRows
from evallib.estimate.ordered_likelihood import OrderedProblem, solve_ordered
from evallib.estimate.ordered_options import OrderedOptions
from evallib.estimate.ordered_random import solve_random
from evallib.estimate.ordered_separation import require_finite
from evallib.estimate.ordered_terms import Terms, cluster_codes
from evallib.estimate.result import FloatArray, IntArray

SPREAD = "unit_sd"


@dataclass(frozen=True, slots=True)
class Fitted:
    """Parameters: thresholds, slopes, and with random intercepts their standard deviation.

    Parameters
    ----------
    parameters : array, shape (p,)
    bread : array, shape (p, p)
        Inverse of the observed information; zeros for a standard deviation of zero.
    influence : array, shape (n, p)
        Scores times ``bread``: of rows, or of units, then on the first row of each.
    loglik : float
    """

    parameters: FloatArray
    bread: FloatArray
    influence: FloatArray
    loglik: float


@dataclass(frozen=True, slots=True)
class Spread:
    """A covariance (p, p), its scores by cluster (G, p), and how both were made."""

    matrix: FloatArray
    scores: FloatArray
    df: float | None
    sentence: str
    interval: str
    slug: str


def fit_parameters(
    rows: GradedRows,
    terms: Terms,
    problem: OrderedProblem,
    options: OrderedOptions,
    notes: Notes,
) -> Fitted:
    """Return the parameters of the largest likelihood.

    Raises
    ------
    EstimationError
        Where terms separate the grades, or random intercepts do not settle or have no second row.

    Warns
    -----
    EvallibWarning
        Where the spread of the random intercepts is zero: the figures are those without.
    """
    regressors = terms.regressors
    solution = solve_ordered(problem, regressors)
    hidden = tuple(f"period effect {place + 1}" for place in range(len(terms.periods)))
    require_finite(problem, solution, regressors, (*terms.names, *hidden))
    parameters = np.concatenate([solution.thresholds, solution.beta])
    plain = Fitted(parameters, solution.bread, solution.influence, solution.loglik)
    if not options.random_intercept:
        return plain
    first, unit = np.unique(rows.unit, return_index=True, return_inverse=True)[1:]
    if first.size == unit.size:
        what = "every unit has one row"
        why = "what a unit brings cannot be told from chance"
        raise EstimationError([Fault("random_intercept", what, why, "Leave it out")])
    found = solve_random(problem, regressors, unit)
    if not found.is_found:
        text = "The random intercepts have no spread: the figures are those without them."
        notes.warn(EvallibWarning, text)
        return Fitted(
            np.append(parameters, 0.0),
            np.pad(plain.bread, (0, 1)),
            np.pad(plain.influence, ((0, 0), (0, 1))),
            plain.loglik,
        )
    influence = np.zeros((unit.size, found.parameters.size))
    influence[first] = found.influence
    return Fitted(found.parameters, found.bread, influence, found.loglik)


def fit_spread(rows: GradedRows, fitted: Fitted, options: OrderedOptions, notes: Notes) -> Spread:
    """Return the covariance of the parameters, observed or clustered.

    Raises
    ------
    EstimationError
        For two clusters or fewer, weights that are no counts where the information is inverted,
        and clusters that cut through units with random intercepts.

    Warns
    -----
    FewClustersWarning
    """
    if options.vcov == "iid":
        if (rows.weight != np.round(rows.weight)).any():
            what = "they are not whole numbers"
            why = "the information takes a weight for a number of rows"
            remedy = "Give counts, or use vcov='cluster'"
            raise EstimationError([Fault(f"weights={options.weights!r}", what, why, remedy)])
        units = np.unique(rows.unit, return_inverse=True)[1]
        sentence = "Standard errors from the inverse of the observed information."
        normal, slug = "the normal distribution", "information_normal"
        scores = _sum_rows(fitted.influence, units)
        return Spread(fitted.bread, scores, None, sentence, normal, slug)
    codes = cluster_codes(rows, notes)
    if options.random_intercept and np.unique([rows.unit, codes], axis=1).shape[1] > len(
        np.unique(rows.unit)
    ):
        what = "clusters cut through units"
        why = "a unit's rows share its random intercept"
        raise EstimationError([Fault("cluster", what, why, "Use clusters that hold whole units")])
    scores = _sum_rows(fitted.influence, codes)
    groups = len(scores)
    is_stata = options.small_sample == "stata"
    factor, rule = (groups / (groups - 1), "factor G/(G-1)") if is_stata else (1.0, "no factor")
    sentence = f"Standard errors clustered in {groups} clusters ({rule}), t({groups - 1})."
    matrix = factor * scores.T @ scores
    return Spread(matrix, scores, float(groups - 1), sentence, f"t({groups - 1})", "cr1_t")


def _sum_rows(values: FloatArray, codes: IntArray) -> FloatArray:
    """Return rows (n, p) summed by cluster, shape (G, p)."""
    return np.column_stack([np.bincount(codes, line) for line in values.T])
