"""Averages of group-time cells: simple, dynamic, group, calendar, with estimated weights.

Every average is built in two steps. Inner averages weigh cells by their cohort's share of the
units; outer averages weigh inner ones equally or by cohort share. The shares are estimated, and
their part of the influence function is kept (as in R's ``aggte``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evallib.estimate.result import BoolArray, FloatArray, IntArray

KINDS = ("simple", "dynamic", "group", "calendar")


@dataclass(frozen=True, slots=True)
class Averages:
    """K averages over C cells through J inner averages.

    Parameters
    ----------
    terms : tuple of str, length K
    inner : boolean array, shape (J, C)
        The cells of each inner average.
    outer : boolean array, shape (K, J)
        The inner averages of each outer one.
    by_share : boolean array, shape (K,)
        True where inner averages are weighed by cohort share, False where equally.
    path : integer array, shape (J,)
        The path whose share weighs an inner average; -1 where it has none.
    event_time : array, shape (K,)
    """

    terms: tuple[str, ...]
    inner: BoolArray
    outer: BoolArray
    by_share: BoolArray
    path: IntArray
    event_time: FloatArray


def averages(
    kind: str,
    group: FloatArray,
    period: IntArray,
    path: IntArray,
    min_e: float = -np.inf,
    max_e: float = np.inf,
) -> Averages:
    """Return the averages of an aggregation, ``overall`` first.

    Parameters
    ----------
    kind : str
        'simple': all cells from exposure on. 'dynamic': by event time; overall is the plain mean
        of event times from 0 on. 'group': by cohort; overall weighs cohorts by size. 'calendar':
        by period; overall is the plain mean of periods.
    group, period, path : arrays, shape (C,)
    min_e, max_e : float
        First and last event time that is kept.
    """
    event = period - group
    kept = (event >= min_e) & (event <= max_e)
    post = kept & (event >= 0)
    if kind == "dynamic":
        values: FloatArray = np.unique(event[kept])
        inner = (event[None, :] == values[:, None]) & kept
        names = tuple(f"event_time={value:g}" for value in values)
        head = values >= 0
    elif kind == "group":
        values = np.unique(group[post])
        inner = (group[None, :] == values[:, None]) & post
        names = tuple(f"group={value:g}" for value in values)
        head = np.ones(values.size, dtype=bool)
    elif kind == "calendar":
        values = np.unique(period[post]).astype(float)
        inner = (period[None, :] == values[:, None]) & post
        names = tuple(f"time={value:g}" for value in values)
        head = np.ones(values.size, dtype=bool)
    else:
        names, inner, head = (), post[None, :], np.ones(1, dtype=bool)
        values = np.zeros(0)
    each = np.eye(inner.shape[0], dtype=bool) if names else np.zeros((0, 1), dtype=bool)
    by_share = np.zeros(1 + len(names), dtype=bool)
    by_share[0] = kind == "group"
    owner = np.full(inner.shape[0], -1, dtype=np.int64)
    if kind == "group":
        owner = np.array([path[cells][0] for cells in inner], dtype=np.int64)
    event_time = np.full(1 + len(names), np.nan)
    if kind == "dynamic":
        event_time[1:] = values
    return Averages(
        ("overall", *names), inner, np.vstack([head[None], each]), by_share, owner, event_time
    )


def join(first: Averages, second: Averages) -> Averages:
    """Return both sets of averages as one."""
    j1, j2 = first.inner.shape[0], second.inner.shape[0]
    k1, k2 = len(first.terms), len(second.terms)
    outer = np.zeros((k1 + k2, j1 + j2), dtype=bool)
    outer[:k1, :j1], outer[k1:, j1:] = first.outer, second.outer
    return Averages(
        first.terms + second.terms,
        np.vstack([first.inner, second.inner]),
        outer,
        np.concatenate([first.by_share, second.by_share]),
        np.concatenate([first.path, second.path]),
        np.concatenate([first.event_time, second.event_time]),
    )


def pick(wanted: Averages, rows: IntArray) -> Averages:
    """Return the chosen rows of a set of averages."""
    outer = wanted.outer[rows]
    used = outer.any(axis=0)
    return Averages(
        tuple(wanted.terms[row] for row in rows),
        wanted.inner[used],
        outer[:, used],
        wanted.by_share[rows],
        wanted.path[used],
        wanted.event_time[rows],
    )


def weigh(
    wanted: Averages,
    att: FloatArray,
    valid: BoolArray,
    share: FloatArray,
    path: IntArray,
    n_paths: int,
) -> tuple[FloatArray, FloatArray]:
    """Return the weights of the cells, and what the estimated shares add to the influence.

    Parameters
    ----------
    wanted : Averages
    att, valid : arrays, shape (R, C)
        Cells that are not valid get no weight; the others share it.
    share : array, shape (R, P)
    path : integer array, shape (C,)
    n_paths : int

    Returns
    -------
    weights, shape (R, K, C); and influence per unit of weight by path, shape (R, K, P).
    """
    j, c = np.nonzero(wanted.inner)  # the E entries of the inner averages
    mass = np.where(valid, share[:, path], 0.0)[:, c]  # (R, E)
    to_inner = (j[:, None] == np.arange(wanted.inner.shape[0])[None, :]).astype(float)  # (E, J)
    total = mass @ to_inner
    alive = total > 0
    inner = mass / np.where(alive, total, 1.0)[:, j]
    value = (inner * att[:, c]) @ to_inner  # (R, J)
    gap = (att[:, c] - value[:, j]) * valid[:, c] / np.where(alive, total, 1.0)[:, j]
    own = (path[c][:, None] == np.arange(n_paths)[None, :]).astype(float)  # (E, P)
    to_inner_path = (to_inner[:, :, None] * own[:, None, :]).reshape(c.size, -1)
    inner_path = (gap @ to_inner_path).reshape(att.shape[0], -1, n_paths)  # (R, J, P)
    dense = np.zeros((att.shape[0], *wanted.inner.shape))
    dense[:, j, c] = inner

    owner_share = np.where(wanted.path >= 0, share[:, wanted.path], 0.0)  # (R, J)
    plain = wanted.outer[None] * alive[:, None, :]
    scaled = np.where(wanted.by_share[None, :, None], plain * owner_share[:, None, :], plain)
    outer_total = scaled.sum(axis=2, keepdims=True)
    outer_total = np.where(outer_total > 0, outer_total, 1.0)
    outer = scaled / outer_total  # (R, K, J)
    by_path = outer @ inner_path  # (R, K, P)
    rows = np.flatnonzero(wanted.by_share)
    if rows.size:
        overall = np.einsum("rkj,rj->rk", outer[:, rows], value)
        owner = (wanted.path[:, None] == np.arange(n_paths)[None, :]).astype(float)  # (J, P)
        shift = plain[:, rows] * (value[:, None, :] - overall[:, :, None]) / outer_total[:, rows]
        by_path[:, rows] += shift @ owner
    return outer @ dense, by_path
