"""Group-time cells given covariates, written from the papers alone: one cell at a time, in loops.

Sant'Anna and Zhao (2020), equations 3.1 and 4.2 to 4.4, and Callaway and Sant'Anna (2021),
equations 2.8 to 2.10. Nothing here is shared with the package: another solver (scipy's
minimiser with a Newton polish), another way to the standard error (numerical derivatives of the
estimating equations instead of the printed influence function).
"""

from __future__ import annotations

import numpy as np
from scipy import optimize


def logit(design, treated, weight):
    """Return the maximum likelihood coefficients of a logistic regression."""

    def minus(beta):
        linear = design @ beta
        return -(weight * (treated * linear - np.logaddexp(0, linear))).sum() / weight.sum()

    beta = optimize.minimize(minus, np.zeros(design.shape[1]), method="BFGS").x
    for _ in range(25):
        score = 1 / (1 + np.exp(-design @ beta))
        hessian = (design * (weight * score * (1 - score))[:, None]).T @ design
        beta = beta + np.linalg.solve(hessian, design.T @ (weight * (treated - score)))
    return beta


def moments(theta, change, treated, design, weight, method):
    """Return the stacked estimating equations of a cell, one row a unit."""
    k = design.shape[1]
    att, rest = theta[:3], theta[3:]
    gamma, beta = rest[:k], rest[k : 2 * k]
    score = 1 / (1 + np.exp(-design @ gamma))
    odds = score / (1 - score)
    outcome = change - design @ beta if method != "ipw" else change
    control = 1 - treated
    if method == "reg":
        down, odds = weight * treated * 0, odds * 0
    else:
        down = weight * control * odds
    rows = [
        weight * treated * (outcome - att[1]),
        down * (outcome - att[2]) if method != "reg" else np.full(change.size, att[2]),
        np.full(change.size, att[0] - att[1] + att[2]),
    ]
    rows += list((design * (weight * (treated - score))[:, None]).T)
    rows += list((design * (weight * control * (change - design @ beta))[:, None]).T)
    return np.array(rows).T


def cell_by_hand(change, treated, covariates, weight, method):
    """Return the effect and each unit's influence on it: the standard error is their root sum.

    The influence is minus the inverse derivative of the summed equations times the equations, by
    central differences.
    """
    design = np.column_stack([np.ones(change.size), covariates])
    k = design.shape[1]
    gamma = logit(design, treated, weight)
    held = treated == 0
    root = np.sqrt(weight[held])
    beta = np.linalg.lstsq(design[held] * root[:, None], change[held] * root, rcond=None)[0]
    outcome = change - design @ beta if method != "ipw" else change
    odds = np.exp(design @ gamma)
    one = np.average(outcome, weights=weight * treated)
    two = np.average(outcome, weights=weight * (1 - treated) * odds) if method != "reg" else 0.0
    theta = np.concatenate([[one - two, one, two], gamma, beta])

    def total(value):
        return moments(value, change, treated, design, weight, method).sum(axis=0)

    slope = np.empty((3 + 2 * k, 3 + 2 * k))
    for place in range(theta.size):
        step = np.zeros(theta.size)
        step[place] = 1e-5 * max(1.0, abs(theta[place]))
        slope[:, place] = (total(theta + step) - total(theta - step)) / (2 * step[place])
    rows = moments(theta, change, treated, design, weight, method)
    rows[:, 2] = 0.0  # an identity, not an equation in the data
    if method == "reg":
        rows[:, 1] = 0.0
    return theta[0], (-np.linalg.solve(slope, rows.T))[0]
