"""What all specifications of an outcome say together, and which choice moves them most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from evallib.estimate.result import BoolArray, FloatArray

STATISTICS = ("median_effect", "share_significant", "average_z")


@dataclass(frozen=True, slots=True)
class JointTest:
    """Three statistics of a curve with their permutation p-values.

    Parameters
    ----------
    median_effect : float
        In the headline's unit.
    sign : int
        The dominant sign of the effects, 1 or -1.
    share_significant : float
        Share of specifications with the dominant sign whose own p-value is below ``1 - level``.
    average_z : float
        Stouffer's: the sum of normal scores over the root of their number.
    p_values : mapping of str to float
        By statistic, (1 + draws at least as extreme) / (1 + draws); missing without draws.
    specifications, draws : int
        How many specifications move in the draws, and how many draws.
    """

    median_effect: float
    sign: int
    share_significant: float
    average_z: float
    p_values: Mapping[str, float]
    specifications: int
    draws: int


def joint_test(effect: FloatArray, score: FloatArray, drawn: FloatArray, level: float) -> JointTest:
    """Return the joint test of a curve.

    Parameters
    ----------
    effect, score : array, shape (S,)
        Effects in one unit, and normal scores of their own p-values.
    drawn : array, shape (2, R, S)
        The same under each draw, one permutation for all specifications; missing where a draw
        has no estimate.
    level : float
        Of the specifications' own intervals.

    References
    ----------
    Simonsohn, Simmons and Nelson (2020), doi:10.1038/s41562-020-0912-z.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> drawn = rng.normal(size=(2, 99, 1)) + np.zeros((2, 99, 6))
    >>> found = joint_test(np.full(6, 4.0), np.full(6, 4.0), drawn, 0.95)
    >>> found.p_values["median_effect"], found.share_significant
    (0.01, 1.0)
    """
    here = _statistics(effect[None], score[None], level)
    draws = drawn.shape[1]
    p_values = dict.fromkeys(STATISTICS, float("nan"))
    if draws and effect.size:
        there = _statistics(drawn[0], drawn[1], level)
        for name, value, others in zip(STATISTICS, here, there, strict=True):
            extreme = np.abs(others) >= np.abs(value) * (1 - 1e-6)
            p_values[name] = float((1 + extreme.sum()) / (1 + draws))
    median, share, average = (float(one[0]) for one in here)
    sign = 1 if (effect > 0).sum() * 2 >= effect.size else -1
    return JointTest(median, sign, share, average, p_values, effect.size, draws)


def _statistics(effect: FloatArray, score: FloatArray, level: float) -> tuple[FloatArray, ...]:
    """Return median, share significant with the dominant sign and average z, each (R,)."""
    if not effect.shape[1]:
        return tuple(np.full((3, len(effect)), np.nan))
    known: BoolArray = np.asarray(np.isfinite(effect) & np.isfinite(score))
    score = np.where(known, score, 0.0)
    critical = stats.norm.isf((1 - level) / 2)
    up = (np.where(known, effect, 0.0) > 0).sum(axis=1) * 2 >= known.sum(axis=1)
    signed = np.where(up[:, None], score, -score)
    size = np.maximum(known.sum(axis=1), 1)
    some: BoolArray = np.asarray(known.any(axis=1))
    filled = np.where(some[:, None], np.where(known, effect, np.nan), 0.0)
    median = np.nanmedian(filled, axis=1)
    return median, (signed > critical).sum(axis=1) / size, score.sum(axis=1) / np.sqrt(size)


def explain(effect: FloatArray, choices: pd.DataFrame) -> pd.DataFrame:
    """Return how much of the effects' variance each choice explains, and how far it shifts them.

    Parameters
    ----------
    effect : array, shape (S,)
    choices : DataFrame
        A column a choice, S rows of text.

    Returns
    -------
    DataFrame
        A row a choice, the one that explains most first: ``choice``; ``share``, what the R2 of
        main effects loses without it; ``shift``, the largest difference between two of its
        alternatives, the other choices held fixed; ``lowest`` and ``highest``, these alternatives.

    Examples
    --------
    >>> table = pd.DataFrame({"scale": ["level", "log"] * 4, "years": ["all"] * 4 + ["late"] * 4})
    >>> found = explain(np.array([0.0, 3, 0, 3, 1, 4, 1, 4]), table)
    >>> found[["choice", "share", "shift", "highest"]].round(6).values.tolist()
    [['scale', 0.9, 3.0, 'log'], ['years', 0.1, 1.0, 'late']]
    """
    columns = ["choice", "share", "shift", "lowest", "highest"]
    total = float(((effect - effect.mean()) ** 2).sum()) if effect.size else 0.0
    names = [str(name) for name in choices if choices[name].nunique() > 1]
    dummies = {name: _dummies(choices[name].tolist()) for name in names}
    if not names or total <= 0:
        return pd.DataFrame(columns=columns)
    whole, beta = _fit([dummies[name][1] for name in names], effect)
    rows, start = [], 1
    for name in names:
        labels, block = dummies[name]
        level = np.concatenate([[0.0], beta[start : start + block.shape[1]]])
        start += block.shape[1]
        without = _fit([dummies[other][1] for other in names if other != name], effect)[0]
        low, high = int(level.argmin()), int(level.argmax())
        share = max(without - whole, 0.0) / total
        rows.append((name, share, float(np.ptp(level)), labels[low], labels[high]))
    found = pd.DataFrame(rows, columns=columns)
    return found.sort_values("share", ascending=False, kind="stable", ignore_index=True)


def _dummies(values: Sequence[str]) -> tuple[list[str], FloatArray]:
    labels = list(dict.fromkeys(values))
    return labels, np.array([[value == label for label in labels[1:]] for value in values], float)


def _fit(blocks: Sequence[FloatArray], effect: FloatArray) -> tuple[float, FloatArray]:
    """Return the sum of squared residuals and the coefficients, a constant first."""
    table = np.column_stack([np.ones(effect.size), *blocks])
    beta = np.asarray(np.linalg.lstsq(table, effect, rcond=None)[0], dtype=float)
    return float(((effect - table @ beta) ** 2).sum()), beta
