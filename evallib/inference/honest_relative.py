"""Honest intervals when drift after exposure is bounded by the largest drift before it.

The relative-magnitudes restriction of Rambachan and Roth (2023), tested by the conditional,
least-favourable hybrid test of Andrews, Roth and Pakes (2023). For a fixed largest step before
exposure the test's linear programme has a closed form: once effects are written in steps from one
event time to the next, each free step has a lower and an upper end, and the programme asks how far
all ends must be stretched until they are consistent. The few ways in which they can fail to be are
the vertices of its dual, so that no solver is needed and a whole grid is tested at once.

References
----------
Rambachan and Roth (2023), Review of Economic Studies 90(5), doi:10.1093/restud/rdad018
Andrews, Roth and Pakes (2023), Review of Economic Studies 90(6), doi:10.1093/restud/rdad012
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from evallib.estimate.result import BoolArray, FloatArray, IntArray
from evallib.inference.reference_draws import reference_normals

GRID_POINTS = 1_000
GRID_STD_ERRORS = 20.0
FIRST_STAGE_SHARE = 0.1
DRAWS = 1_000
TIE = 1e-10
NO_VARIANCE = 1e-14


@dataclass(frozen=True, slots=True)
class Steps:
    """An event study as steps from each event time to the next, the base among them.

    Parameters
    ----------
    step : array, shape (L + P,)
        L steps up to the base, then P steps from it, in the outcome's unit.
    covariance : array, shape (L + P, L + P)
        Of the steps.
    gap : array, shape (P,)
        Periods that each step after the base spans.
    reach : array, shape (P,)
        What a step after the base contributes to the effect of interest.
    std_error : float
        Of the effect of interest.
    """

    step: FloatArray
    covariance: FloatArray
    gap: FloatArray
    reach: FloatArray
    std_error: float

    @property
    def n_leads(self) -> int:
        """Number of steps up to the base."""
        return self.step.size - self.gap.size


@dataclass(frozen=True, slots=True)
class Grid:
    """Effects at which the test is tried.

    Parameters
    ----------
    start : float
        The first of them, in the outcome's unit.
    width : float
        From one to the next.
    last : float
        Place of the last; infinite where the grid goes on as far as the test can accept, on
        both sides.
    """

    start: float
    width: float
    last: float


@dataclass(frozen=True, slots=True)
class Vertices:
    """Linear forms whose maximum is the test statistic at an effect ``theta``.

    Parameters
    ----------
    moments : array, shape (R, L + P)
        What must not exceed zero on average, as linear forms of the steps: first each step less
        its bound, then its negative less its bound.
    dual : array, shape (J, R)
        Non-negative weights on the moments, each row a form.
    slope : array, shape (J,)
        Change of each form with ``theta``.
    """

    moments: FloatArray
    dual: FloatArray
    slope: FloatArray

    @property
    def form(self) -> FloatArray:
        """The forms as weights on the steps, shape (J, L + P)."""
        return self.dual @ self.moments


def make_steps(
    point: FloatArray,
    covariance: FloatArray,
    n_leads: int,
    distance: IntArray,
    weights: FloatArray,
) -> Steps:
    """Return an event study as steps.

    Parameters
    ----------
    point, covariance : array, shape (L + P,) and (L + P, L + P)
        Leads at 1 to L periods before the base, the earliest first, then effects after it.
    n_leads : int
    distance : integer array, shape (P,)
        Periods from the base to each effect, rising.
    weights : array, shape (P,)
        The effect of interest is their product with the effects.
    """
    size = point.size
    difference = np.zeros((size, size))
    difference[:n_leads, :n_leads] = np.eye(n_leads, k=1) - np.eye(n_leads)
    difference[n_leads:, n_leads:] = np.eye(size - n_leads) - np.eye(size - n_leads, k=-1)
    after_base = covariance[n_leads:, n_leads:]
    return Steps(
        step=difference @ point,
        covariance=difference @ covariance @ difference.T,
        gap=np.diff(distance, prepend=0).astype(float),
        reach=np.cumsum(weights[::-1])[::-1],
        std_error=float(np.sqrt(weights @ after_base @ weights)),
    )


def make_grid(
    std_error: float, points: int = GRID_POINTS, ends: tuple[float, float] | None = None
) -> Grid:
    """Return a grid of evenly spaced effects.

    Parameters
    ----------
    std_error : float
        Of the effect of interest.
    points : int
        Between the ends, both included.
    ends : (float, float), optional
        The first and the last effect; without them 20 standard errors either side of zero, and
        further at the same distance as far as the test can accept.
    """
    low, high = ends or (-GRID_STD_ERRORS * std_error, GRID_STD_ERRORS * std_error)
    return Grid(low, (high - low) / (points - 1), np.inf if ends is None else points - 1)


def relative_interval(
    steps: Steps, mbar: float, level: float, draws: int = DRAWS, grid: Grid | None = None
) -> tuple[float, float]:
    """Return the interval when no step after the base exceeds ``mbar`` times the largest before.

    Parameters
    ----------
    steps : Steps
    mbar : float
        Zero or above; a step that spans several periods may be that many times as large.
    level : float
    draws : int
        Behind each critical value of the first stage.
    grid : Grid, optional
        1,000 points over 20 standard errors either side of zero, and further, when left out.

    Returns
    -------
    (low, high): the first and last point of the grid that some choice of the largest step does
    not reject. NaN where nothing is accepted.
    """
    alpha = 1.0 - level
    tried = make_grid(steps.std_error) if grid is None else grid
    low, high = np.inf, -np.inf
    for place in range(steps.n_leads):
        for sign in (1.0, -1.0):
            vertices = find_vertices(steps, place, sign, mbar)
            critical = least_favourable(vertices, steps.covariance, alpha, draws)
            theta = _open_to_test(steps, vertices, critical, tried)
            theta = theta[(theta < low) | (theta > high)]
            kept = theta[accepts(steps, vertices, theta, critical, alpha)]
            if kept.size:
                low, high = min(low, float(kept[0])), max(high, float(kept[-1]))
    return (low, high) if low <= high else (float("nan"), float("nan"))


def find_vertices(steps: Steps, place: int, sign: float, mbar: float) -> Vertices:
    """Return the forms whose maximum tests an effect, given which step before is the largest.

    Parameters
    ----------
    steps : Steps
    place : int
        The step before the base that is the largest.
    sign : float
        1 where it points upwards, -1 downwards.
    mbar : float
    """
    n_leads, n_after, size = steps.n_leads, steps.gap.size, steps.step.size
    largest = np.zeros(size)
    largest[place] = sign
    bound = np.concatenate([np.ones(n_leads), mbar * steps.gap])[:, None] * largest
    reach = steps.reach
    moments = np.vstack([np.eye(size) - bound, -np.eye(size) - bound])
    moments = moments.reshape(2, size, size)[:, n_leads:].reshape(-1, size)
    scale = _std_errors(moments, steps.covariance)
    if n_after == 1:  # nothing is free: both moments stand for themselves
        slope = np.array([-1.0, 1.0]) / (reach[0] * scale)
        return Vertices(moments, np.diag(1.0 / scale), slope)
    towards = np.concatenate([np.maximum(reach, 0.0), np.maximum(-reach, 0.0)])
    away = np.concatenate([np.maximum(-reach, 0.0), np.maximum(reach, 0.0)])
    rows, slopes = [towards, away], [-1.0, 1.0]
    # A step whose two ends cross. Their forms are multiples of one: the outer two say it all.
    crossing = 2.0 * mbar * steps.gap / (scale[:n_after] + scale[n_after:])
    able = np.flatnonzero((reach == 0) | (np.count_nonzero(reach) > 1))
    for place_after in {able[crossing[able].argmin()], able[crossing[able].argmax()]}:
        both = np.zeros(2 * n_after)
        both[[place_after, n_after + place_after]] = 1.0
        rows.append(both)
        slopes.append(0.0)
    dual = np.array(rows)
    width = dual @ scale
    return Vertices(moments, dual / width[:, None], np.array(slopes) / width)


def least_favourable(
    vertices: Vertices, covariance: FloatArray, alpha: float, draws: int = DRAWS
) -> float:
    """Return the critical value of the first stage, of size ``alpha / 10``.

    Parameters
    ----------
    vertices : Vertices
    covariance : array, shape (L + P, L + P)
        Of the steps.
    alpha : float
    draws : int
        Draws of the moments at a mean of zero, from the reference's own stream.
    """
    values, vectors = np.linalg.eigh(vertices.moments @ covariance @ vertices.moments.T)
    root = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    normal = reference_normals(draws, values.size)
    statistic = (normal @ (root @ vertices.dual.T)).max(axis=1)
    return float(np.quantile(statistic, 1.0 - FIRST_STAGE_SHARE * alpha))


def accepts(
    steps: Steps, vertices: Vertices, theta: FloatArray, critical: float, alpha: float
) -> BoolArray:
    """Return which effects the hybrid test does not reject.

    Given which form is the largest, and what it is independent of, it is a normal cut off at both
    ends; the first stage moves the upper one in to ``critical``.

    Parameters
    ----------
    steps : Steps
    vertices : Vertices
    theta : array, shape (G,)
    critical : float
        Of the first stage.
    alpha : float
        Size of both stages together.
    """
    covariance = vertices.form @ steps.covariance @ vertices.form.T
    value = (vertices.form @ steps.step)[None, :] + theta[:, None] * vertices.slope
    winner = value.argmax(axis=1)
    kappa = FIRST_STAGE_SHARE * alpha
    second = (alpha - kappa) / (1.0 - kappa)
    accepted: BoolArray = np.asarray(value.max(axis=1, initial=-np.inf) <= critical)
    for j in np.unique(winner):
        rows = np.flatnonzero((winner == j) & accepted)
        top = value[rows, j]
        if covariance[j, j] < NO_VARIANCE:
            accepted[rows] = top <= 0
            continue
        share = covariance[:, j] / covariance[j, j]
        rest = 1.0 - share
        with np.errstate(divide="ignore", invalid="ignore"):
            end = (value[rows] - share * top[:, None]) / rest
        low = np.where(rest > TIE, end, -np.inf).max(axis=1)
        high = np.where(rest < -TIE, end, np.inf).min(axis=1)
        if steps.gap.size > 1:  # the reference leaves the end open where there is one effect
            high = np.minimum(high, critical)
        sd = np.sqrt(covariance[j, j])
        cut = truncated_quantile(1.0 - second, low / sd, high / sd)
        accepted[rows] = top / sd <= np.maximum(cut, 0.0)
    return accepted


def truncated_quantile(share: float, low: FloatArray, high: FloatArray) -> FloatArray:
    """Return a quantile of the standard normal between ``low`` and ``high``."""
    flip = low > 0  # the tail that is computed without loss
    a, b = np.where(flip, -high, low), np.where(flip, -low, high)
    part = np.where(flip, 1.0 - share, share)
    found = ndtri(ndtr(a) + part * (ndtr(b) - ndtr(a)))
    return np.asarray(np.clip(np.where(flip, -found, found), low, high), dtype=float)


def _std_errors(rows: FloatArray, covariance: FloatArray) -> FloatArray:
    return np.asarray(np.sqrt(np.maximum(((rows @ covariance) * rows).sum(axis=1), 0.0)))


def _open_to_test(steps: Steps, vertices: Vertices, critical: float, grid: Grid) -> FloatArray:
    """Return the points of the grid at which no form exceeds the first stage's critical value."""
    value = vertices.form @ steps.step
    room = critical - value
    falls, rises = vertices.slope < 0, vertices.slope > 0
    if (room[~falls & ~rises] < 0).any():
        return np.zeros(0)
    first = (room[falls] / vertices.slope[falls]).max()
    last = (room[rises] / vertices.slope[rises]).min()
    from_ = np.ceil((first - grid.start) / grid.width)
    to = np.floor((last - grid.start) / grid.width)
    if np.isfinite(grid.last):
        from_, to = max(from_, 0.0), min(to, grid.last)
    return np.asarray(grid.start + grid.width * np.arange(from_, to + 1.0))
