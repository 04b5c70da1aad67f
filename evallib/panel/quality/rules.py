"""The rules that pick figures a careful reader would ask about, on councils by years."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from evallib.panel.quality.scale import (
    MAD_TO_SD,
    MOST_OWN,
    OFFSET,
    RARE,
    FloatArray,
    IntArray,
    is_rarely_negative,
    median,
    to_scale,
    usual_movement,
)

BoolArray = npt.NDArray[np.bool_]

FAR = 4.0
SPREADS = 4.0
MIN_BESIDE = 10
FLAT_YEARS = 4
FLAT_CHANCE = 0.0001

RULES: Mapping[str, str] = {
    "zero": (
        "a zero in a council with at most half zeros, whose nearest figures above zero lie more "
        f"than {FAR:g} times its usual movement above it on one side and {FAR / 2:g} times on the "
        "other; or any zero of a council with nothing else, where fewer than "
        f"{100 * RARE:g} per cent of the indicator's figures are zero"
    ),
    "negative": (
        f"below zero, although fewer than {100 * RARE:g} per cent of the indicator's figures are"
    ),
    "out_of_range": "a percentage below 0 or above 100",
    "spike": (
        f"more than {FAR:g} times the usual movement from the median of the five years around it "
        "(of four figures, from both in the middle), with figures on both sides: what comes and "
        "goes within two years"
    ),
    "jump": (
        f"more than {FAR:g} times the usual movement from the year before, between two levels (up "
        "to three years on each side) that lie as far apart: what comes and stays, or comes last"
    ),
    "flat_line": (
        f"the same figure to the last digit for {FLAT_YEARS} years or more, where the share of "
        "figures that repeat makes such a run less likely than one in ten thousand"
    ),
    "far_below": (
        f"more than {SPREADS:g} robust standard deviations below its council type in the year, "
        "under half of what the council reaches in a quarter of its years, and more than "
        f"{FAR:g} times its usual movement below that"
    ),
}
SCALE_NOTE = (
    "Distances are told on the log scale (percentages: the logarithm of the share over what is "
    f"left to 100), raised by {OFFSET:g} of the usual figure so that zeros have a place, and net "
    "of the median movement of the council's type. The usual movement is 1.4826 times the median "
    "size of what is left of the yearly changes: the council's own, but at least its type's and "
    f"at most {MOST_OWN:g} times its type's."
)


def find_suspicious(value: FloatArray, kind: IntArray, *, is_percent: bool) -> dict[str, BoolArray]:
    """Find the figures of one indicator that each rule picks.

    Parameters
    ----------
    value : array, shape (N, T)
        Councils by the years in which the indicator has figures, in order; missing where a
        council has none.
    kind : integer array, shape (N,)
        Type of each council.
    is_percent : bool
        Whether the unit is per cent.

    Returns
    -------
    dict of str to boolean array, shape (N, T)
        By the keys of `RULES`, in that order.

    References
    ----------
    Rousseeuw and Croux (1993), Journal of the American Statistical Association 88(424).
    doi:10.1080/01621459.1993.10476408

    Examples
    --------
    >>> calm = 50 + np.sin(np.arange(8.0) * np.arange(2, 32)[:, None])
    >>> calm[3, 4] = 2.0
    >>> found = find_suspicious(calm, np.zeros(30, dtype=int), is_percent=True)
    >>> [(rule, *map(int, np.argwhere(rows)[0])) for rule, rows in found.items() if rows.any()]
    [('spike', 3, 4), ('far_below', 3, 4)]
    """
    scaled = to_scale(value, is_percent=is_percent)
    net, usual = usual_movement(scaled, kind)
    limit = FAR * usual[:, None]
    with np.errstate(invalid="ignore"):
        zero = _zeros(value, net, limit)
        rest = np.where(zero, np.nan, net)
        rare = not is_percent and is_rarely_negative(value)
        return {
            "zero": zero,
            "negative": (value < 0) & rare,
            "out_of_range": ((value < 0) | (value > 100)) & is_percent,
            "spike": _spikes(rest, limit),
            "jump": _jumps(rest, limit),
            "flat_line": _flat_lines(value, is_percent=is_percent),
            "far_below": _far_below(value, scaled, kind, net, limit) & ~zero,
        }


def _zeros(value: FloatArray, net: FloatArray, limit: FloatArray) -> BoolArray:
    is_zero, known = value == 0, np.isfinite(value)
    zeros, figures = is_zero.sum(axis=1), known.sum(axis=1)
    above = np.where(known & ~is_zero, net, np.nan)
    gaps = np.stack([_last_seen(above), _last_seen(above[:, ::-1])[:, ::-1]]) - net
    near = ((gaps > limit / 2) | np.isnan(gaps)).all(axis=0)
    far = (gaps > limit).any(axis=0)
    rare = is_zero.sum() < RARE * max(int(known.sum()), 1)
    only = (zeros == figures) & rare
    few = zeros <= figures / 2
    return np.asarray(is_zero & ((few[:, None] & far & near) | only[:, None]))


def _spikes(net: FloatArray, limit: FloatArray) -> BoolArray:
    around = _beside(net, (-2, -1, 0, 1, 2))
    known = np.isfinite(around)
    count = known.sum(axis=0)
    enough = known[:2].any(axis=0) & known[3:].any(axis=0) & (count >= 4) & known[2]
    ordered = np.sort(around, axis=0)  # missing figures last
    low = np.take_along_axis(ordered, np.maximum(count - 1, 0)[None] // 2, axis=0)[0]
    high = np.take_along_axis(ordered, np.minimum(count // 2, 4)[None], axis=0)[0]
    return np.asarray(enough & (np.maximum(low - net, net - high) > limit))


def _jumps(net: FloatArray, limit: FloatArray) -> BoolArray:
    before, after = _beside(net, (-3, -2, -1)), _beside(net, (0, 1, 2))
    n_before, n_after = np.isfinite(before).sum(axis=0), np.isfinite(after).sum(axis=0)
    old, new = median(before, axis=0), median(after, axis=0)
    way = np.sign(new - old)
    changed = way * (net - before[2]) > limit
    came = (way * (after - old) > limit).sum(axis=0) >= np.minimum(2, n_after)
    left = (way * (new - before) > limit).sum(axis=0) >= np.minimum(2, n_before)
    return np.asarray((n_before + n_after >= 4) & changed & came & left)


def _flat_lines(value: FloatArray, *, is_percent: bool) -> BoolArray:
    # Saturated figures repeat by themselves: zeros and hundreds are no sign.
    settled = (value == 0) | ((value == 100) & is_percent)
    same = np.zeros(value.shape, dtype=bool)
    same[:, 1:] = (value[:, 1:] == value[:, :-1]) & ~settled[:, 1:]
    pairs = np.isfinite(value[:, 1:]) & np.isfinite(value[:, :-1]) & ~settled[:, 1:]
    chance = same.sum() / max(int(pairs.sum()), 1)
    repeats = same.astype(int)
    years = range(1, value.shape[1])
    for year in years:
        repeats[:, year] *= repeats[:, year - 1] + 1
    for year in reversed(years):
        repeats[:, year - 1] = np.where(same[:, year], repeats[:, year], repeats[:, year - 1])
    return np.asarray((repeats + 1 >= FLAT_YEARS) & (np.power(chance, repeats) < FLAT_CHANCE))


def _far_below(
    value: FloatArray, scaled: FloatArray, kind: IntArray, net: FloatArray, limit: FloatArray
) -> BoolArray:
    found = np.zeros(value.shape, dtype=bool)
    for code in np.unique(kind):
        rows = kind == code
        middle = median(scaled[rows], axis=0)
        spread = MAD_TO_SD * median(np.abs(scaled[rows] - middle), axis=0)
        enough = (np.isfinite(scaled[rows]).sum(axis=0) >= MIN_BESIDE) & (spread > 0)
        found[rows] = (scaled[rows] < middle - SPREADS * spread) & enough
    drop = _upper_quartile(net) - net > limit
    return np.asarray(found & drop & (value < _upper_quartile(value) / 2))


def _upper_quartile(values: FloatArray) -> FloatArray:
    """Return the figure that a quarter of a council's years reach or pass, as a column."""
    ordered = np.sort(values, axis=1)  # missing figures last
    count = np.isfinite(values).sum(axis=1, keepdims=True)
    place = np.maximum(count - np.maximum(-(-count // 4), 1), 0)
    return np.take_along_axis(ordered, place, axis=1)


def _beside(net: FloatArray, offsets: Sequence[int]) -> FloatArray:
    """Return the figures so many years away, one layer an offset; missing beyond the ends."""
    years = net.shape[1]
    wide = np.pad(net, ((0, 0), (3, 3)), constant_values=np.nan)
    return np.stack([wide[:, 3 + offset : 3 + offset + years] for offset in offsets])


def _last_seen(values: FloatArray) -> FloatArray:
    """Return the last known figure up to each year."""
    place = np.where(np.isfinite(values), np.arange(values.shape[1]), -1)
    last = np.maximum.accumulate(place, axis=1)
    seen = np.take_along_axis(values, np.maximum(last, 0), axis=1)
    return np.where(last >= 0, seen, np.nan)
