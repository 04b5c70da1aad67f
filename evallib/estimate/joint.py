"""The joint test that the terms before exposure are zero."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy import stats

from evallib.errors import EstimationError, Fault

if TYPE_CHECKING:
    from evallib.estimate.result import Estimate

TOLERANCE = 1e-10


@dataclass(frozen=True, slots=True)
class JointTest:
    """A Wald test that several terms are zero.

    Parameters
    ----------
    statistic : float
        The quadratic form; divided by ``df`` where it is compared with F.
    df : int
        Rank of the terms' covariance.
    df_residual : float or None
        Second degrees of freedom of F; None is chi-squared.
    p_value : float
    terms : tuple of str
    """

    statistic: float
    df: int
    df_residual: float | None
    p_value: float
    terms: tuple[str, ...]

    def __str__(self) -> str:
        """Return the test as a sentence."""
        kind = f"chi-squared({self.df})"
        if self.df_residual is not None:
            kind = f"F({self.df}, {self.df_residual:.0f})"
        return (
            f"Joint test of {len(self.terms)} terms before exposure: {kind} = "
            f"{self.statistic:.3f}, p = {self.p_value:.4f}."
        )


def joint_test_of(estimate: Estimate, before: float | None = None) -> JointTest:
    """Test the terms of an event time below ``before`` from their covariance.

    Directions whose variance is under 1e-10 of the largest are rounding and count neither in the
    rank nor in the pseudo-inverse.

    Parameters
    ----------
    estimate : Estimate
    before : float, optional
        Without it, what comes before any anticipation.

    Raises
    ------
    EstimationError
        When no such term has a standard error.
    """
    limit = 0.0 - float(estimate.details.get("anticipation", 0)) if before is None else before
    which = np.flatnonzero((estimate.event_time < limit) & np.isfinite(estimate.std_error))
    if not which.size:
        what = f"no term before event time {limit:g} has a standard error"
        remedy = "Use a panel with more periods before exposure"
        raise EstimationError([Fault(f"joint test of {estimate.estimator}", what, "", remedy)])
    return wald_test(estimate, which)


def wald_test(estimate: Estimate, which: npt.NDArray[np.intp]) -> JointTest:
    """Test that the terms at some places are zero together; see `joint_test_of`.

    Parameters
    ----------
    estimate : Estimate
    which : array of int, shape (K,)
        Places of terms that have a standard error, one or more.
    """
    block = estimate.covariance[np.ix_(which, which)]
    values, vectors = np.linalg.eigh(block)
    kept = values > TOLERANCE * values[-1]
    along = vectors[:, kept].T @ estimate.point[which]
    statistic, rank = float((along**2 / values[kept]).sum()), int(kept.sum())
    if estimate.df is None:
        p_value = float(stats.chi2.sf(statistic, rank))
    else:
        statistic /= rank
        p_value = float(stats.f.sf(statistic, rank, estimate.df))
    names = tuple(estimate.terms[k] for k in which)
    return JointTest(statistic, rank, estimate.df, p_value, names)
