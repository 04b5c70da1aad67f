"""Honest intervals when the slope of the drift changes by a bounded amount between periods.

The smoothness restriction of Rambachan and Roth (2023) with their optimal fixed-length interval.
A linear estimator adds leads to the effect of interest so that any straight drift drops out. Its
worst bias is linear in the absolute values of L - 1 free numbers and its variance quadratic in
them: the estimators worth having lie on the path of a lasso, which is found once, exactly, and
serves every bound and every level.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evallib.estimate.result import FloatArray, IntArray

RIDGE = 1e-13
MOST_KNOTS = 20


@dataclass(frozen=True, slots=True)
class SmoothPath:
    """The estimators from least bias to least variance, linear between the knots.

    Parameters
    ----------
    bias : array, shape (K,)
        Worst bias for a bound of one, rising.
    lead_weights : array, shape (K, L)
    point : array, shape (K,)
        Estimates at the knots.
    variance : array, shape (K,)
    curvature : array, shape (K,)
        Variance of the difference of a knot's estimate and the next one's.
    """

    bias: FloatArray
    lead_weights: FloatArray
    point: FloatArray
    variance: FloatArray
    curvature: FloatArray

    @property
    def std_error(self) -> tuple[float, float]:
        """Standard errors of the estimators with least bias and with least variance."""
        ends = np.sqrt(np.maximum(self.variance[[0, -1]], 0.0))
        return float(ends[0]), float(ends[1])

    def bias_at(self, std_error: FloatArray) -> FloatArray:
        """Return the least worst bias of an estimator with a standard error no larger."""
        target = np.clip(std_error**2, self.variance[-1], self.variance[0])
        knot = np.searchsorted(-self.variance, -target, side="right") - 1
        knot = np.clip(knot, 0, max(self.bias.size - 2, 0))
        after = np.minimum(knot + 1, self.bias.size - 1)
        # Variance falls by fall - curve * share * (1 - share), up to the share that is wanted.
        curve = self.curvature[knot]
        fall = self.variance[knot] - self.variance[after] + curve
        need = self.variance[knot] - target
        root = np.sqrt(np.maximum(fall**2 - 4.0 * curve * need, 0.0))
        below = np.maximum(fall + root, 1e-300)
        share = np.clip(2.0 * need / below, 0.0, 1.0)
        return np.asarray(self.bias[knot] + share * (self.bias[after] - self.bias[knot]))

    def at(self, bias: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return estimates and standard errors of the estimators with given worst biases."""
        knot = np.clip(np.searchsorted(self.bias, bias, side="right") - 1, 0, self.bias.size - 1)
        after = np.minimum(knot + 1, self.bias.size - 1)
        width = np.where(after > knot, self.bias[after] - self.bias[knot], 1.0)
        share = np.clip((bias - self.bias[knot]) / width, 0.0, 1.0)
        mixed = (1.0 - share) * self.variance[knot] + share * self.variance[after]
        variance = mixed - share * (1.0 - share) * self.curvature[knot]
        point = (1.0 - share) * self.point[knot] + share * self.point[after]
        return point, np.sqrt(np.maximum(variance, 0.0))


def smooth_path(
    point: FloatArray,
    covariance: FloatArray,
    n_leads: int,
    distance: IntArray,
    weights: FloatArray,
) -> SmoothPath:
    """Return the estimators worth having, whatever the bound.

    Parameters
    ----------
    point, covariance : array, shape (L + P,) and (L + P, L + P)
        Leads at 1 to L periods before the base, the earliest first, then effects after it.
    n_leads : int
    distance : integer array, shape (P,)
        Periods from the base to each effect, rising. Periods between may lack an effect.
    weights : array, shape (P,)
        The effect of interest is their product with the effects.
    """
    total = float(weights @ distance)
    # Weight on the change of slope at each period after the base, and at the base itself.
    turns = np.maximum(distance[:, None] - np.arange(1, distance[-1])[None, :], 0).T @ weights
    fixed_bias = float(np.abs(turns).sum()) + abs(total)
    # Lead weights are second differences of the free numbers, the last of which is fixed.
    second = np.eye(n_leads) - 2.0 * np.eye(n_leads, k=-1) + np.eye(n_leads, k=-2)
    free, last = second[:, :-1], second[:, -1] * total
    before = covariance[:n_leads, :n_leads]
    across = covariance[:n_leads, n_leads:] @ weights
    gradient = free.T @ (before @ last + across)
    knots = lasso_path(free.T @ before @ free, gradient)
    lead_weights = knots @ free.T + last
    whole = np.hstack([lead_weights, np.tile(weights, (knots.shape[0], 1))])
    step = np.diff(whole, axis=0, append=whole[-1:])
    return SmoothPath(
        bias=fixed_bias + np.abs(knots).sum(axis=1),
        lead_weights=lead_weights,
        point=whole @ point,
        variance=((whole @ covariance) * whole).sum(axis=1),
        curvature=((step @ covariance) * step).sum(axis=1),
    )


def lasso_path(quadratic: FloatArray, linear: FloatArray) -> FloatArray:
    """Return the knots of the minimisers of u'Qu / 2 + h'u + t |u| as t falls to zero.

    Parameters
    ----------
    quadratic : array, shape (F, F)
        Q, positive semi-definite; a part in 1e13 of its trace is added to its diagonal.
    linear : array, shape (F,)

    Returns
    -------
    array, shape (K, F), the first row all zeros. Between rows the minimiser is linear.

    References
    ----------
    Osborne, Presnell and Turlach (2000), IMA Journal of Numerical Analysis 20(3),
    doi:10.1093/imanum/20.3.389
    """
    size = linear.size
    q = quadratic + RIDGE * float(np.trace(quadratic)) * np.eye(size)
    solution, sign = np.zeros(size), np.zeros(size)  # a sign of zero is idle
    knots = [solution]
    penalty = float(np.abs(linear).max(initial=0.0))
    if penalty > 0:
        joins = int(np.abs(linear).argmax())
        sign[joins] = -np.sign(linear[joins])
    while penalty > 0 and len(knots) < MOST_KNOTS * size:
        active = sign != 0
        move = np.zeros(size)  # as the penalty falls by one
        move[active] = np.linalg.solve(q[np.ix_(active, active)], sign[active])
        slope, gradient = q @ move, q @ solution + linear
        with np.errstate(divide="ignore", invalid="ignore"):
            # An active number may reach zero, the gradient of an idle one the penalty.
            leaves = np.where(move * sign < 0, -solution / move, np.inf)
            above = np.where(slope > -1.0, (penalty - gradient) / (1.0 + slope), np.inf)
            below = np.where(slope < 1.0, (penalty + gradient) / (1.0 - slope), np.inf)
        meets = np.where(active, np.inf, np.maximum(np.minimum(above, below), 0.0))
        fall = min(penalty, float(leaves.min()), float(meets.min()))
        solution = solution + fall * move
        penalty -= fall
        if leaves.min() <= fall:
            out = int(leaves.argmin())
            sign[out] = solution[out] = 0.0
        elif meets.min() <= fall:
            joins = int(meets.argmin())
            sign[joins] = -np.sign((q @ solution + linear)[joins])
        knots.append(solution)
    return np.array(knots)
