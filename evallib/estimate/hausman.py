"""The result of a Hausman test: whether unit effects go together with the covariates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from evallib.estimate.html import html_table


@dataclass(frozen=True, slots=True)
class HausmanTest:
    """A joint test that random effects and the within estimate agree.

    Parameters
    ----------
    statistic : float
        Chi-squared, or F where ``df_residual`` is given. NaN where it cannot be computed.
    df : int
        Terms that are compared, less those that the covariance does not span.
    df_residual : float or None
        Second degrees of freedom of an F test.
    p_value : float
    terms : tuple of str
    difference : array, shape (len(terms),)
        Within estimate less random effects; for ``mundlak`` the coefficients of the means.
    method : str
        How it was made, as a sentence.
    """

    statistic: float
    df: int
    df_residual: float | None
    p_value: float
    terms: tuple[str, ...]
    difference: npt.NDArray[np.float64]
    method: str

    @property
    def frame(self) -> pd.DataFrame:
        """One row a term: what is compared."""
        return pd.DataFrame({"term": self.terms, "difference": self.difference})

    def _repr_html_(self) -> str:
        kind = "chi-squared" if self.df_residual is None else "F"
        text = f"Hausman test: {kind} {self.statistic:.4f}, df {self.df}, p {self.p_value:.4f}"
        return html_table(self.frame, text, [self.method])


class Hausman(Protocol):
    """What an estimate keeps so that it can be tested against the within estimate."""

    def test(self) -> HausmanTest:
        """Return the test."""


def wald(
    difference: npt.NDArray[np.float64], covariance: npt.NDArray[np.float64]
) -> tuple[float, int]:
    """Return the Wald statistic of a difference and its degrees of freedom; NaN if indefinite.

    Examples
    --------
    >>> import numpy as np
    >>> wald(np.array([2.0, 0.0]), np.eye(2))
    (4.0, 2)
    """
    size = np.sqrt(np.maximum(np.abs(np.diag(covariance)), 1e-300))
    values, vectors = np.linalg.eigh(covariance / np.outer(size, size))
    if values.min() < -1e-9:
        return float("nan"), difference.size
    kept = values > 1e-9
    along = vectors.T @ (difference / size)
    return float((along[kept] ** 2 / values[kept]).sum()), int(kept.sum())


def chi_squared_tail(statistic: float, df: int, df_residual: float | None = None) -> float:
    """Return the p-value of a chi-squared statistic, or of an F statistic."""
    if df_residual is None:
        return float(stats.chi2.sf(statistic, df))
    return float(stats.f.sf(statistic, df, df_residual))
