"""Where searches of R stop, to meet its figures there and not only near the maximum.

``optim(method = "BFGS")`` stops when the value changes by less than 1e-8 of itself; msm takes the
curvature by central differences of width 1e-3 of the exact slope there. ``glm`` stops when the
deviance changes by less than 1e-8 of itself, and its standard errors come from the weights of the
step before.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import special

from evallib.estimate.hazard_binary import loglik, working
from evallib.estimate.hazard_options import Link

Slope = Callable[[np.ndarray], tuple[float, np.ndarray]]
ENOUGH, SHRINK, LEAST_GAIN = 1e-8, 0.2, 1e-4
WIDTH = 1e-3


def search(slope: Slope, start: np.ndarray, rounds: int = 100) -> np.ndarray:
    """Return where R's ``vmmin`` stops (Nash 1990, algorithm 21)."""
    size, here = start.size, start.copy()
    least, gradient = slope(here)
    inverse, restarted, gradients = np.eye(size), 1, 1
    for _ in range(10 * rounds):
        if restarted == gradients:
            inverse = np.eye(size)
        before, old = here.copy(), gradient.copy()
        step = -inverse @ gradient
        promise = float(step @ gradient)
        moved = 0
        if promise < 0:
            length, accepted = 1.0, False
            while True:
                here = before + length * step
                moved = int((10.0 + before != 10.0 + here).sum())
                if moved:
                    value = slope(here)[0]
                    accepted = value <= least + promise * length * LEAST_GAIN
                    length = length if accepted else length * SHRINK
                if not moved or accepted:
                    break
            if moved and abs(value - least) > ENOUGH * (abs(least) + ENOUGH):
                least, gradient = value, slope(here)[1]
                gradients += 1
                step, change = length * step, gradient - old
                along = float(step @ change)
                if along > 0:
                    turned = inverse @ change
                    wide = 1 + float(turned @ change) / along
                    cross = np.outer(turned, step)
                    inverse += (wide * np.outer(step, step) - cross - cross.T) / along
                else:
                    restarted = gradients
                if gradients - restarted > 2 * size:
                    restarted = gradients
                continue
            if moved:
                least, moved = value, 0
            if restarted == gradients:
                return here
        elif restarted == gradients:
            return here
        restarted = gradients
    return here


def curvature(slope: Slope, here: np.ndarray) -> np.ndarray:
    """Return second derivatives as R's ``optimHess`` takes them."""
    steps = WIDTH * np.eye(here.size)
    rows = [(slope(here + step)[1] - slope(here - step)[1]) / (2 * WIDTH) for step in steps]
    return (np.array(rows) + np.array(rows).T) / 2


def stop_of_glm(event: np.ndarray, design: np.ndarray, link: Link) -> tuple[np.ndarray, np.ndarray]:
    """Return the coefficients and standard errors that R's ``glm`` stops with."""
    chance = (event + 0.5) / 2
    eta = special.logit(chance) if link == "logit" else np.log(-np.log1p(-chance))
    deviance = -2 * loglik(event, eta, link)
    for _ in range(25):
        weight, residual = working(event, eta, link)
        information = design.T @ (weight[:, None] * design)
        beta = np.linalg.solve(information, design.T @ (weight * eta + residual))
        eta, old = design @ beta, deviance
        deviance = -2 * loglik(event, eta, link)
        if abs(deviance - old) / (abs(deviance) + 0.1) < ENOUGH:
            break
    return beta, np.sqrt(np.diag(np.linalg.inv(information)))
