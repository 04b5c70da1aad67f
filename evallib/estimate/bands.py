"""Simultaneous bands: one critical value for several terms, from kept influence values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from evallib.errors import EstimationError, Fault
from evallib.estimate.html import html_table

if TYPE_CHECKING:
    from evallib.estimate.result import Estimate

FloatArray = npt.NDArray[np.float64]
DRAWS = 999
BLOCK_BYTES = 8_000_000
LANES = 16  # single-precision numbers that processors multiply at once


@dataclass(frozen=True, slots=True)
class Band:
    """A simultaneous band over K terms.

    Parameters
    ----------
    low, high : array, shape (K,)
        NaN where a term is fixed, and for averages over the others.
    critical : float
        The critical value that all terms share.
    level : float
    method : str
    terms : tuple of str
    largest : array, shape (draws,), or None
        The largest |t| of each draw, where they were kept.
    """

    low: FloatArray
    high: FloatArray
    critical: float
    level: float
    method: str
    terms: tuple[str, ...] = ()
    largest: FloatArray | None = None

    @property
    def frame(self) -> pd.DataFrame:
        """One row a term: its name and both ends."""
        names = self.terms or tuple(str(place) for place in range(self.low.size))
        return pd.DataFrame({"term": names, "band_low": self.low, "band_high": self.high})

    def _repr_html_(self) -> str:
        caption = f"Simultaneous {self.level:.0%} band, critical value {self.critical:.3f}"
        return html_table(self.frame, caption, [self.method])


def largest_statistics(
    sums: FloatArray,
    draws: int,
    rng: np.random.Generator,
    shown: npt.NDArray[np.bool_] | None = None,
) -> FloatArray:
    """Return the largest |t| over K terms in each draw of a multiplier bootstrap.

    Signs are drawn a block of draws at a time, a bit each, and multiplied with the cluster sums in
    single precision, which is good to six digits: memory does not grow with the number of draws.

    Parameters
    ----------
    sums : array, shape (G, K)
        Influence values or scores, summed by cluster; their scale does not matter.
    draws : int
    rng : numpy.random.Generator
    shown : boolean array, shape (K,), optional
        The terms to go through; all by default.

    Returns
    -------
    array, shape (draws,)
    """
    groups, terms = sums.shape
    scale = np.sqrt(np.einsum("gk,gk->k", sums, sums))
    scaled = np.zeros((groups, -(-terms // LANES) * LANES), dtype=np.float32)
    factor = np.divide(2.0, scale, out=np.zeros(terms), where=scale > 0)
    np.multiply(sums, factor, out=scaled[:, :terms], casting="same_kind")
    if shown is not None:
        scaled[:, np.flatnonzero(~shown)] = 0.0
    half = scaled.sum(axis=0, dtype=np.float64) / 2
    width = -(-groups // 8)
    step = min(draws, max(1, BLOCK_BYTES // (4 * groups)))
    heads = np.empty((step, groups), dtype=np.float32)
    largest = np.empty(draws)
    for start in range(0, draws, step):
        stop = min(start + step, draws)
        raw = np.frombuffer(rng.bytes((stop - start) * width), dtype=np.uint8)
        heads[: stop - start] = np.unpackbits(raw.reshape(-1, width), axis=1, count=groups)
        drawn = heads[: stop - start] @ scaled - half
        largest[start:stop] = np.abs(drawn, out=drawn).max(axis=1, initial=0.0)
    return largest


def band_of(estimate: Estimate, draws: int | None = None, seed: int | None = None) -> Band:
    """Return the sup-t band of an estimate over its terms, averages over them left out.

    Parameters
    ----------
    estimate : Estimate
        Its influence values or scores are used; nothing is fitted again.
    draws, seed : int, optional
        The estimate's own when left out, or 999 and 0.

    Raises
    ------
    EstimationError
        When the estimate keeps neither.

    References
    ----------
    Callaway and Sant'Anna (2021), Journal of Econometrics 225(2),
    doi:10.1016/j.jeconom.2020.12.001, algorithm 1; Montiel Olea and Plagborg-Moller (2019),
    Journal of Applied Econometrics 34(1), doi:10.1002/jae.2656
    """
    sums = _sums(estimate)
    if sums is None:
        what = "it keeps no influence values by cluster"
        remedy = "Ask the estimate that fit returned, or read details['band']"
        raise EstimationError([Fault(f"band of {estimate.estimator}", what, "", remedy)])
    number = int(estimate.details.get("draws", DRAWS)) if draws is None else draws
    start = int(estimate.details.get("seed", 0)) if seed is None else seed
    shown = np.isfinite(estimate.std_error)
    if len(estimate.terms) > 1 and estimate.terms[0] in ("overall", "att"):
        shown[0] = False
    largest = largest_statistics(sums, number, np.random.default_rng(start), shown)
    critical = float(np.quantile(largest, estimate.level))
    half = np.where(shown, critical * estimate.std_error, np.nan)
    over = "1 term" if shown.sum() == 1 else f"{int(shown.sum())} terms"
    method = (
        f"Band over {over} together: multiplier bootstrap of the largest |t|, "
        f"{number:,} draws, seed {start}."
    )
    low, high = estimate.point - half, estimate.point + half
    return Band(low, high, critical, estimate.level, method, estimate.terms, largest)


def _sums(estimate: Estimate) -> FloatArray | None:
    if estimate.scores is not None:
        return estimate.scores
    if estimate.influence is None or estimate.source is None:
        return None
    return estimate.source.sum_by_cluster(estimate.influence)
