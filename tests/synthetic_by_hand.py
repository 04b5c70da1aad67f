"""Synthetic comparisons written out with loops, from the papers' formulas alone."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from scipy import optimize


def search(design, target, zeta, noise, start, most):
    """Frank-Wolfe with exact line search, one problem, one step at a time."""
    rows, count = design.shape
    weights, values = start.copy(), []
    while len(values) < most:
        fitted = design @ weights
        slope = design.T @ (fitted - target) + rows * zeta**2 * weights
        toward = -weights
        toward[np.argmin(slope)] += 1.0
        bend = ((design @ toward) ** 2).sum() + rows * zeta**2 * (toward**2).sum()
        if bend > 0:
            weights = weights + min(1.0, max(0.0, -(slope @ toward) / bend)) * toward
        error = design @ weights - target
        values.append(zeta**2 * (weights**2).sum() + (error**2).sum() / rows)
        if len(values) > 1 and values[-2] - values[-1] <= (1e-5 * noise) ** 2:
            break
    return weights


def two_rounds(design, target, zeta, noise):
    count = design.shape[1]
    weights = search(design, target, zeta, noise, np.full(count, 1 / count), 100)
    weights = np.where(weights <= weights.max() / 4, 0.0, weights)
    return search(design, target, zeta, noise, weights / weights.sum(), 10_000)


def noise_level(controls, before):
    changes = [b - a for row in controls[:, :before] for a, b in pairwise(row)]
    return float(np.std(changes, ddof=1))


def block_weights(controls, treated, before, is_did, noise):
    """Unit and period weights of one cohort."""
    exposed = len(treated) * (controls.shape[1] - before)
    design, target = controls[:, :before].T, treated[:, :before].mean(axis=0)
    if not is_did:
        return two_rounds(design, target, 1e-6 * noise, noise), np.zeros(before)
    units = two_rounds(
        design - design.mean(axis=0), target - target.mean(), exposed**0.25 * noise, noise
    )
    early, late = controls[:, :before], controls[:, before:].mean(axis=1)
    periods = two_rounds(early - early.mean(axis=0), late - late.mean(), 1e-6 * noise, noise)
    return units, periods


def effects(controls, treated, before, units, periods):
    """The effect in each exposed period."""
    gap = treated.mean(axis=0) - units @ controls
    return gap[before:] - periods @ gap[:before]


def ridge_weights(controls, target, penalty):
    """Exact least squares on the simplex by a general program, then the ridge correction."""
    middle = controls.mean(axis=0)
    rows, goal = controls - middle, target - middle
    count = len(rows)
    found = optimize.minimize(
        lambda w: ((w @ rows - goal) ** 2).sum(),
        np.full(count, 1 / count),
        jac=lambda w: 2 * rows @ (w @ rows - goal),
        bounds=[(0, 1)] * count,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1, "jac": lambda w: np.ones(count)},
        method="SLSQP",
        options={"maxiter": 1000, "ftol": 1e-15},
    ).x
    inverse = np.linalg.inv(rows.T @ rows + penalty * np.eye(rows.shape[1]))
    return found + rows @ inverse @ (goal - found @ rows)


def ridge_penalty(controls, target):
    """The largest penalty within a standard error of the least error, periods left out in turn."""
    rows, goal = controls - controls.mean(axis=0), target - controls.mean(axis=0)
    top = np.linalg.eigvalsh(rows.T @ rows).max()
    grid = [top * 10 ** (-8 * step / 20) for step in range(21)]
    errors = []
    for period in range(controls.shape[1] - 1):
        rest = [other for other in range(controls.shape[1]) if other != period]
        errors.append(
            [
                (goal[period] - ridge_weights(rows[:, rest], goal[rest], penalty) @ rows[:, period])
                ** 2
                for penalty in grid
            ]
        )
    mean = np.mean(errors, axis=0)
    error = np.std(errors, axis=0, ddof=1) / np.sqrt(len(errors))
    best = int(np.argmin(mean))
    return max(p for p, value in zip(grid, mean, strict=True) if value <= mean[best] + error[best])
