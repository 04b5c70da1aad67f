"""The scale on which figures of one indicator are near or far, and their usual movement."""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

RARE = 0.02
OFFSET = 0.02
MAD_TO_SD = 1.4826
MIN_OWN = 5
MOST_OWN = 2.0
MIN_TYPE = 5
MIN_TYPE_CHANGES = 30


def to_scale(value: FloatArray, *, is_percent: bool) -> FloatArray:
    """Put the figures of one indicator on the scale on which distances are told.

    Percentages: the logarithm of the share over what is left to 100, both raised by a fiftieth of
    the indicator's median distance from the nearer end, so that 0 and 100 have a place. Figures
    that are hardly ever negative: the logarithm, raised by a fiftieth of the council's own median.
    Others: the figure over the council's own median size.

    Parameters
    ----------
    value : array, shape (N, T)
        Councils by years in order; missing where there is no figure.
    is_percent : bool
        Whether the unit is per cent.

    Returns
    -------
    array, shape (N, T)
        Missing where a figure has no place on the scale: a negative count, a percentage outside 0
        to 100.

    Examples
    --------
    >>> to_scale(np.array([[50.0, 50.0, 150.0]]), is_percent=True).round(6).tolist()
    [[0.0, 0.0, nan]]
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        if is_percent:
            inside = np.where((value >= 0) & (value <= 100), value, np.nan)
            known = inside[np.isfinite(inside)]
            middle = float(np.median(np.minimum(known, 100 - known))) if known.size else 0.0
            raised = OFFSET * (middle if middle > 0 else 1.0)
            return np.asarray(np.log((inside + raised) / (100 - inside + raised)))
        if is_rarely_negative(value):
            own = median(np.where(value > 0, value, np.nan), axis=1)[:, None]
            return np.asarray(np.log(np.where(value >= 0, value, np.nan) + OFFSET * own))
        own = median(np.abs(value), axis=1)[:, None]
        return np.asarray(np.where(own > 0, value / own, np.nan))


def is_rarely_negative(value: FloatArray) -> bool:
    """Return whether fewer than 2 per cent of the figures are below zero."""
    known = value[np.isfinite(value)]
    return bool((known < 0).sum() < RARE * max(known.size, 1))


def usual_movement(scaled: FloatArray, kind: IntArray) -> tuple[FloatArray, FloatArray]:
    """Return figures net of their type's movement, and how far a year usually takes a council.

    Parameters
    ----------
    scaled : array, shape (N, T)
        Figures on their scale.
    kind : integer array, shape (N,)
        Type of each council.

    Returns
    -------
    net : array, shape (N, T)
        Figures less the sum, up to the year, of the median change of the council's type (of all
        councils in a year with fewer than 5 changes of the type).
    usual : array, shape (N,)
        The robust standard deviation (1.4826 times the median size) of the yearly change net of
        the type's: the council's own with 5 changes or more, but at least its type's and at most
        twice its type's. Missing where nothing ever moves.
    """
    change = np.diff(scaled, axis=1)
    general = np.nan_to_num(median(change, axis=0))
    steps = np.tile(general, (len(scaled), 1))
    typical = np.full(len(scaled), _spread(change - general))
    for code in np.unique(kind):
        rows = kind == code
        enough = np.isfinite(change[rows]).sum(axis=0) >= MIN_TYPE
        steps[rows] = np.where(enough, np.nan_to_num(median(change[rows], axis=0)), general)
    left = change - steps
    for code in np.unique(kind):
        rows = kind == code
        if np.isfinite(left[rows]).sum() >= MIN_TYPE_CHANGES:
            typical[rows] = _spread(left[rows])
    own = MAD_TO_SD * median(np.abs(left), axis=1)
    own = np.where(np.isfinite(left).sum(axis=1) >= MIN_OWN, own, 0.0)
    usual = np.clip(own, typical, MOST_OWN * typical)
    common = np.zeros_like(scaled)
    common[:, 1:] = np.cumsum(steps, axis=1)
    return scaled - common, np.where(usual > 0, usual, np.nan)


def median(values: FloatArray, *, axis: int) -> FloatArray:
    """Return medians of what is there; missing where nothing is."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # 'All-NaN slice': missing is meant
        return np.asarray(np.nanmedian(values, axis=axis))


def _spread(changes: FloatArray) -> float:
    known = np.abs(changes[np.isfinite(changes)])
    return float(MAD_TO_SD * np.median(known)) if known.size else 0.0
