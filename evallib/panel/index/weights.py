"""Weights of an index, and the weighted mean of the components that a council has."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]
WORST_CONDITION = 1e10


@dataclass(frozen=True, slots=True)
class Combined:
    """An index with each component's part in it.

    Parameters
    ----------
    index : ndarray of float, shape (n,)
        NaN where a council-year has fewer components than are needed.
    contributions : ndarray of float, shape (n, k)
        Weight times score of each component; zero where it is missing, so that a row adds up to
        the index. NaN where the index is.
    present : ndarray of int, shape (n,)
        Components that the council-year has.
    """

    index: Numbers
    contributions: Numbers
    present: npt.NDArray[np.int64]


def equal_weights(domains: tuple[str, ...]) -> Numbers:
    """Return weights that are equal over domains, and within a domain over its components.

    Parameters
    ----------
    domains : tuple of str, length k
        The domain of each component; all different for weights that are equal over components.

    Returns
    -------
    ndarray of float, shape (k,)
        They add up to 1.

    Examples
    --------
    >>> equal_weights(("waste", "waste", "children")).tolist()
    [0.25, 0.25, 0.5]
    """
    counts = {domain: domains.count(domain) for domain in domains}
    return np.array([1 / (len(counts) * counts[domain]) for domain in domains])


def inverse_covariance_weights(scores: Numbers) -> Numbers:
    """Return Anderson's weights: row sums of the inverse covariance of the scores.

    Parameters
    ----------
    scores : ndarray of float, shape (n, k)
        z-scores of the reference rows, better counted up; NaN where missing. The covariance of a
        pair of components is taken over the rows that have both.

    Returns
    -------
    ndarray of float, shape (k,)
        They add up to 1, and can be negative. All NaN where the covariance is not positive
        definite (or nearly so), as it is for a component that repeats another.

    References
    ----------
    Anderson, M. L. (2008). Multiple inference and gender differences in the effects of early
    intervention. Journal of the American Statistical Association, 103(484), 1481-1495.
    doi:10.1198/016214508000000841

    Examples
    --------
    >>> rows = np.array([[1.0, 1.0], [-1.0, 1.0], [2.0, -1.0], [-2.0, -1.0]])
    >>> inverse_covariance_weights(rows).round(4).tolist()  # variances 10/3 and 4/3: 0.3 to 0.75
    [0.2857, 0.7143]
    """
    covariance = pairwise_covariance(scores)
    nothing = np.full(scores.shape[1], np.nan)
    if np.isnan(covariance).any():
        return nothing
    eigenvalues = np.linalg.eigvalsh(covariance)
    if eigenvalues[0] <= eigenvalues[-1] / WORST_CONDITION:
        return nothing
    sums = np.linalg.solve(covariance, np.ones(len(covariance)))
    total = sums.sum()
    return np.asarray(sums / total) if total > 0 else nothing


def pairwise_covariance(scores: Numbers) -> Numbers:
    """Return covariances (with n - 1), each over the rows that have both components.

    Parameters
    ----------
    scores : ndarray of float, shape (n, k)
        NaN where missing.

    Returns
    -------
    ndarray of float, shape (k, k)
        NaN for a pair that fewer than two rows have.
    """
    size = scores.shape[1]
    covariance = np.full((size, size), np.nan)
    for one in range(size):
        for other in range(one, size):
            both = ~np.isnan(scores[:, one]) & ~np.isnan(scores[:, other])
            if both.sum() > 1:
                pair = np.cov(scores[both, one], scores[both, other])
                covariance[one, other] = covariance[other, one] = pair[0, 1]
    return covariance


def combine(scores: Numbers, weights: Numbers, domains: tuple[str, ...], fewest: int) -> Combined:
    """Return the weighted mean of the components that each council-year has.

    Parameters
    ----------
    scores : ndarray of float, shape (n, k)
        Components on one scale, better counted up; NaN where missing.
    weights : ndarray of float, shape (k,)
        Weights of a council-year that has every component; they add up to 1.
    domains : tuple of str, length k
        The weight of a missing component goes to the others of its domain, and that of a domain
        of which all are missing to the other domains, in proportion. With a domain for each
        component this is Anderson's rule for missing outcomes: the weights of those that are there
        are divided by their sum.
    fewest : int
        Components that a council-year must have.

    Returns
    -------
    Combined
        The index, contributions that add up to it, and how many components there were.

    Examples
    --------
    >>> scores = np.array([[10.0, 20.0, np.nan]])
    >>> combine(scores, np.array([0.25, 0.25, 0.5]), ("a", "b", "c"), 2).index.tolist()
    [15.0]
    """
    present = ~np.isnan(scores)
    names = np.array(domains)
    own = np.zeros(scores.shape)
    with np.errstate(divide="ignore", invalid="ignore"):
        for domain in dict.fromkeys(domains):
            columns = names == domain
            held = np.where(present[:, columns], weights[columns], 0.0)
            total = held.sum(axis=1, keepdims=True)
            share = np.where(total != 0, held * weights[columns].sum() / total, 0.0)
            own[:, columns] = share
        whole = own.sum(axis=1, keepdims=True)
        own = np.where(whole > 0, own / whole, np.nan)
    enough = (present.sum(axis=1) >= fewest) & (present.sum(axis=1) > 0) & (whole[:, 0] > 0)
    parts = np.where(enough[:, None], own * np.where(present, scores, 0.0), np.nan)
    index = np.where(enough, parts.sum(axis=1), np.nan)
    return Combined(index, parts, present.sum(axis=1))
