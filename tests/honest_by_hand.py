"""Honest intervals the long way: linear programmes and general optimisers in place of algebra."""

from __future__ import annotations

import numpy as np
from scipy import optimize, stats

from evallib.estimate.result import FloatArray
from evallib.inference.event_times import EventStudy
from evallib.inference.honest_smooth import SmoothPath
from evallib.inference.reference_draws import reference_normals


def random_study(seed: int, n_leads: int, distance: tuple[int, ...]) -> EventStudy:
    """Return an event study with correlated estimates."""
    rng = np.random.default_rng(seed)
    size = n_leads + len(distance)
    root = rng.normal(size=(size + 3, size))
    covariance = root.T @ root / (size + 3)
    point = 0.7 * rng.multivariate_normal(np.zeros(size), covariance)
    point[n_leads:] += 2.0
    lags = np.array(distance) - 1
    return EventStudy(np.arange(-n_leads - 1, -1), lags, -1, point, covariance)


def relative_moments(
    study: EventStudy, place: int, sign: float, mbar: float
) -> tuple[FloatArray, FloatArray]:
    """Return A and which rows involve effects: A times the drift is at most zero."""
    n_leads, size = study.leads.size, study.point.size
    with_base = np.insert(np.eye(size), n_leads, 0.0, axis=0)
    step = np.diff(with_base, axis=0)
    gap = np.concatenate([np.ones(n_leads), np.diff(study.distance, prepend=0)])
    bound = gap * np.where(np.arange(size) < n_leads, 1.0, mbar)
    largest = sign * step[place]
    rows = np.vstack([step - bound[:, None] * largest, -step - bound[:, None] * largest])
    kept = (rows**2).sum(axis=1) > 1e-12
    after = np.tile(np.arange(size) >= n_leads, 2)
    return rows[kept], after[kept]


def relative_accepts(
    study: EventStudy,
    weights: FloatArray,
    place: int,
    sign: float,
    mbar: float,
    theta: float,
    critical: float,
    alpha: float = 0.05,
) -> bool:
    """Test one effect by linear programmes, as Andrews, Roth and Pakes write them."""
    moments, after = relative_moments(study, place, sign, mbar)
    n_leads, n_after = study.leads.size, study.lags.size
    alone = n_after == 1
    moments = moments[after]
    null = np.linalg.svd(weights[None])[2][1:].T  # effects that leave the target as it is
    base = weights * theta / (weights @ weights)
    loading = moments[:, n_leads:]
    y, x = moments @ study.point - loading @ base, loading @ null
    spread = moments @ study.covariance @ moments.T
    sd = np.sqrt(np.diag(spread))
    eta, gamma = _stretch(y, x, sd)
    kappa = alpha / 10
    if eta > critical:
        return False
    variance = gamma @ spread @ gamma
    along = spread @ gamma / variance
    rest = y - along * (gamma @ y)
    low, high = (_end(rest, along, x, sd, gamma @ y, way) for way in (-1.0, 1.0))
    high = high if alone else min(high, critical)
    scale = np.sqrt(variance)
    tails = stats.norm.sf([low / scale, high / scale])
    share = 1.0 - (alpha - kappa) / (1.0 - kappa)
    cut = stats.norm.isf(tails[0] - share * (tails[0] - tails[1]))
    return bool(eta / scale <= max(cut, 0.0))


def _stretch(y: FloatArray, x: FloatArray, sd: FloatArray) -> tuple[float, FloatArray]:
    columns = np.column_stack([sd, x])
    found = optimize.linprog(
        np.eye(columns.shape[1])[0],
        A_ub=-columns,
        b_ub=-y,
        bounds=[(None, None)] * columns.shape[1],
        method="highs-ds",
    )
    return float(found.fun), -found.ineqlin.marginals


def _end(
    rest: FloatArray,
    along: FloatArray,
    x: FloatArray,
    sd: FloatArray,
    value: float,
    way: float,
) -> float:
    """Return how far the statistic can move before another vertex of the dual takes over."""
    far = value + way * 1e4
    for _ in range(60):
        eta, gamma = _stretch(rest + along * far, x, sd)
        if abs(eta - far) < 1e-7 * max(1.0, abs(far)):
            return far if abs(far) < 9e3 else way * np.inf
        far = (gamma @ rest) / (1.0 - gamma @ along)
    raise AssertionError("the end was not found")


def worst_bias(weights: FloatArray, study: EventStudy) -> float:
    """Return the largest bias of a linear estimator when the slope turns by at most one."""
    last = int(study.distance[-1])
    n_leads = study.leads.size
    size = n_leads + 1 + last
    turn = np.diff(np.eye(size), n=2, axis=0)
    loading = np.zeros(size)
    loading[:n_leads] = weights[:n_leads]
    loading[n_leads + study.distance] = weights[n_leads:]
    found = optimize.linprog(
        -loading,
        A_ub=np.vstack([turn, -turn]),
        b_ub=np.ones(2 * turn.shape[0]),
        A_eq=np.eye(size)[[n_leads]],
        b_eq=[0.0],
        bounds=[(None, None)] * size,
    )
    return float(-found.fun) if found.status == 0 else np.inf


def searched_interval(path: SmoothPath, bound: float, level: float) -> tuple[float, float]:
    """Return R's interval with its search written out, one estimator at a time.

    `path` serves only to say which estimator has the least bias at a standard error.
    """
    draws = reference_normals(1, 10**6)[0]

    def at(size: float) -> tuple[float, float]:
        low, high = float(path.bias[0]), float(path.bias[-1])
        for _ in range(60):
            middle = (low + high) / 2.0
            small = path.at(np.array([middle]))[1][0] <= size
            low, high = (low, middle) if small else (middle, high)
        return float(path.at(np.array([high]))[0][0]), high

    def half(size: float) -> float:
        return float(np.quantile(np.abs(draws + bound * at(size)[1] / size), level) * size)

    a, b = (float(np.sqrt(path.variance[place])) for place in (-1, 0))
    grid, eps = np.linspace(a, b, 100), np.finfo(float).eps
    step, slack = min((b - a) / 100, b * eps ** (1 / 3)), eps**0.5
    slope_a = (half(a + step) - half(a)) / step
    slope_b = (half(b) - half(b - step)) / step
    failed = slope_a > slope_b
    if not failed and slope_b < 0:
        a = b
    elif not failed and slope_a > 0:
        b = a
    while not failed and b - a > step:
        x = (a + b) / 2
        slope = (half(x + step) - half(x - step)) / (2 * step)
        failed = slope > slope_b + slack or slope + slack < slope_a
        a, b = (a, x) if slope > 0 else (x, b)
    size = grid[int(np.argmin([half(one) for one in grid]))] if failed else (a + b) / 2
    return at(size)[0] - half(size), at(size)[0] + half(size)


def shortest_half_length(
    study: EventStudy, weights: FloatArray, bound: float, level: float
) -> float:
    """Return half of the optimal interval's length by a general optimiser over lead weights."""
    n_leads = study.leads.size
    total = float(weights @ study.distance)
    time = study.lead_distance.astype(float)
    null = np.linalg.svd(time[None])[2][1:].T
    start = -total * time / (time @ time)

    def half(free: FloatArray) -> float:
        whole = np.concatenate([start + null @ free, weights])
        sd = float(np.sqrt(whole @ study.covariance @ whole))
        mean = bound * worst_bias(whole, study) / sd
        quantile = optimize.brentq(
            lambda q: stats.norm.cdf(q - mean) - stats.norm.cdf(-q - mean) - level, 0, mean + 9
        )
        return float(sd * quantile)

    if n_leads == 1:
        return half(np.zeros(0))
    options = {"xatol": 1e-6, "fatol": 1e-9, "maxiter": 300}
    first = optimize.minimize(half, np.zeros(n_leads - 1), method="Nelder-Mead", options=options)
    return float(first.fun)
