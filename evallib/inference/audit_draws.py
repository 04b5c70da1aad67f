"""Placebo adopters drawn at random, or as the real ones were selected on level and trend."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evallib.estimate.result import FloatArray, IntArray
from evallib.inference.audit_panel import PlaceboPanel

STEPS = 40
CLOSE = 0.002
MATCHED = 0.05
LARGEST_TILT = 25.0


@dataclass(frozen=True, slots=True)
class Selected:
    """Selected placebo paths, and how well they match the real adopters.

    Parameters
    ----------
    codes : integer array, shape (R, N)
    tilt : array, shape (2,)
        Log odds of being drawn for a standard deviation of level and of trend.
    wanted, drawn : array, shape (2,)
        Mean level and trend of the real and of the drawn adopters, as deviations from the
        unexposed councils at the cohorts' bases, in the outcome's unit.
    gap : array, shape (2,)
        What is left between them, in standard deviations.
    """

    codes: IntArray
    tilt: FloatArray
    wanted: FloatArray
    drawn: FloatArray
    gap: FloatArray

    @property
    def is_matched(self) -> bool:
        """Whether both means are met within a twentieth of a standard deviation."""
        return bool((np.abs(self.gap) <= MATCHED).all())


def draw_paths(panel: PlaceboPanel, noise: FloatArray, tilt: FloatArray | None = None) -> IntArray:
    """Return placebo paths with fixed numbers by stratum and cohort.

    Cohorts draw one after another in order of time, without replacement: those of the eligible
    with the largest score plus Gumbel noise. Without a tilt every draw is equally likely.

    Parameters
    ----------
    panel : PlaceboPanel
    noise : array, shape (R, N, C)
        Standard Gumbel.
    tilt : array, shape (2,), optional
        Weights of level and trend, in standard deviations.

    Returns
    -------
    integer array, shape (R, N)
    """
    codes = np.tile(panel.panel.codes, (noise.shape[0], 1))
    score = np.zeros(panel.eligible.shape)
    if tilt is not None:
        score = np.einsum("k,knc->nc", tilt / panel.scale, panel.traits)
    for stratum in range(panel.counts.shape[0]):
        inside = panel.panel.strata == stratum
        for cohort, count in enumerate(panel.counts[stratum]):
            able = np.flatnonzero(inside & panel.eligible[:, cohort])
            if count == 0:
                continue
            key = noise[:, able, cohort] + score[able, cohort]
            key[codes[:, able] != panel.panel.codes[able]] = -np.inf
            top = np.argpartition(-key, count - 1, axis=1)[:, :count]
            codes[np.arange(len(codes))[:, None], able[top]] = panel.cohorts[cohort]
    return codes


def gumbel(panel: PlaceboPanel, draws: int, rng: np.random.Generator) -> FloatArray:
    """Return the noise of as many draws, shape (R, N, C)."""
    return rng.gumbel(size=(draws, *panel.eligible.shape))


def draw_selected(panel: PlaceboPanel, noise: FloatArray) -> Selected:
    """Return placebo paths drawn with the propensity on level and trend that real adopters show.

    Exponential tilting: weights exp(tilt' (level, trend)), the tilt found so that the drawn
    adopters' mean level and trend are the real adopters'. The noise stays the same throughout, so
    that the means are a function of the tilt; each step divides what is missing by the covariance
    of the drawn, the means' slope in an exponential family.

    Parameters
    ----------
    panel : PlaceboPanel
    noise : array, shape (R, N, C)
    """
    target = panel.target / panel.scale
    tilt, best = np.zeros(2), np.zeros(2)
    least = np.inf
    for _ in range(STEPS):
        mean, spread = moments(panel, draw_paths(panel, noise, tilt))
        gap = target - mean
        if np.abs(gap).max() < least:
            least, best = float(np.abs(gap).max()), tilt
        if least < CLOSE:
            break
        step = np.linalg.pinv(spread, rcond=1e-8, hermitian=True) @ gap
        tilt = tilt + np.clip(step, -1.0, 1.0)
        if np.abs(tilt).max() > LARGEST_TILT:
            break
    codes = draw_paths(panel, noise, best)
    mean, _ = moments(panel, codes)
    return Selected(codes, best, panel.target, mean * panel.scale, target - mean)


def moments(panel: PlaceboPanel, codes: IntArray) -> tuple[FloatArray, FloatArray]:
    """Return mean and covariance of the drawn adopters' traits, in standard deviations."""
    weight = np.column_stack([(codes == path).mean(axis=0) for path in panel.cohorts])
    weight /= weight.sum()
    traits = panel.traits / panel.scale[:, None, None]
    mean = np.einsum("knc,nc->k", traits, weight)
    away = traits - mean[:, None, None]
    return mean, np.einsum("knc,lnc,nc->kl", away, away, weight)
