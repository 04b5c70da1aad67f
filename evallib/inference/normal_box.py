"""Probabilities and means of a normal vector inside a box, by sequential conditioning."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr, ndtri
from scipy.stats import qmc

from evallib.estimate.result import FloatArray

POINTS = 2**12
JITTER = 1e-12


class NormalBox:
    """A box around zero, and the points at which normal vectors are looked at inside it.

    The same low-discrepancy points serve every mean, so that results change smoothly with it and
    are the same whenever they are asked for. With 4,096 points probabilities are good to 1e-4.

    Parameters
    ----------
    covariance : array, shape (L, L)
    half : array, shape (L,)
        Half of the box's width in each direction.
    seed : int

    References
    ----------
    Genz (1992), Journal of Computational and Graphical Statistics 1(2),
    doi:10.1080/10618600.1992.10477010

    Examples
    --------
    >>> box = NormalBox(np.eye(1), np.array([1.959964]))
    >>> round(float(box.inside(np.zeros(1))[0]), 4)
    0.95
    """

    def __init__(self, covariance: FloatArray, half: FloatArray, seed: int = 0) -> None:
        size = half.size
        values, vectors = np.linalg.eigh(covariance)
        jitter = JITTER * float(np.diag(covariance).max())
        away = covariance - (vectors * np.minimum(values, 0.0)) @ vectors.T  # rounding's own
        self.root = np.linalg.cholesky(away + jitter * np.eye(size))
        self.half = half
        self.uniform = qmc.Sobol(size, scramble=True, rng=seed).random(POINTS)

    def inside(self, mean: FloatArray) -> tuple[float, FloatArray]:
        """Return the probability of the box and the mean given that the vector is inside it.

        Parameters
        ----------
        mean : array, shape (L,)
            Of the vector; where the box has no probability, its mean inside is NaN.
        """
        weight = np.ones(POINTS)
        normal = np.zeros_like(self.uniform)
        for k, row in enumerate(self.root):
            centre = mean[k] + normal[:, :k] @ row[:k]
            low, high = (
                ndtr((-self.half[k] - centre) / row[k]),
                ndtr((self.half[k] - centre) / row[k]),
            )
            weight = weight * (high - low)
            share = np.clip(low + self.uniform[:, k] * (high - low), 1e-300, 1.0 - 1e-16)
            normal[:, k] = ndtri(share)
        total = float(weight.sum())
        kept = (
            weight @ (mean + normal @ self.root.T) / total
            if total > 0
            else np.full(mean.shape, np.nan)
        )
        return total / POINTS, np.asarray(kept)
