"""Honest pre-trends: intervals that allow for drift after exposure, and where they break down."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtri

from evallib.errors import EstimationError, Fault
from evallib.estimate.html import html_table
from evallib.estimate.result import Estimate, FloatArray
from evallib.inference.event_times import EventStudy, Target, given_study, target_weights
from evallib.inference.honest_relative import (
    DRAWS,
    GRID_POINTS,
    GRID_STD_ERRORS,
    Steps,
    make_grid,
    make_steps,
    relative_interval,
)
from evallib.inference.honest_search import smooth_interval
from evallib.inference.honest_smooth import SmoothPath, smooth_path
from evallib.inference.option_faults import level_faults, number_faults, read_numbers

MBAR = tuple(0.25 * k for k in range(9))
SMOOTH_BOUNDS = 10
LARGEST_MBAR = 5.0
HALVINGS = 8
PRECISION = 1e-3
ALONG = 1e-9


@dataclass(frozen=True, slots=True, repr=False)
class HonestDid:
    """Intervals for one effect under bounds on drift, and the bounds at which they reach zero.

    Parameters
    ----------
    study : EventStudy
    target : str
        What the effect is.
    point, std_error : float
    level : float
    frame : pandas.DataFrame
        restriction ('none', 'relative magnitudes', 'smoothness'), bound, conf_low, conf_high,
        method. Bounds on relative magnitudes are multiples of the largest drift between
        neighbouring periods before exposure; those on smoothness are in the outcome's unit.
    breakdown_relative, breakdown_smooth : float
        The largest bound at which the interval still excludes zero; 0 where it does not even
        without drift (relative) or with straight drift (smooth). 5 stands for 5 or more.
    excludes_zero : bool
        Whether the interval excludes zero with no drift after exposure at all.
    notes : tuple of str
        How the intervals were made, and what to beware of.
    """

    study: EventStudy
    target: str
    point: float
    std_error: float
    level: float
    frame: pd.DataFrame
    breakdown_relative: float
    breakdown_smooth: float
    excludes_zero: bool
    notes: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """The breakdown values in words."""
        return f"{relative_words(self)} {_smooth_words(self)}"

    def __repr__(self) -> str:
        """Return the breakdown values in words."""
        return f"Honest pre-trends, {self.target}. {self.sentence}"

    def _repr_html_(self) -> str:
        caption = f"Honest pre-trends: {self.target}, {self.level:.0%} intervals"
        return html_table(self.frame, caption, [self.sentence, *self.notes])


def honest_did(
    estimate: Estimate | EventStudy,
    *,
    target: Target = "first",
    mbar: float | Sequence[float] = MBAR,
    smooth: float | Sequence[float] | None = None,
    level: float | None = None,
    window: tuple[int, int] | None = None,
    draws: int = DRAWS,
    grid_points: int = GRID_POINTS,
    grid: tuple[float, float] | None = None,
) -> HonestDid:
    """Return intervals that hold when treated and comparison units drift apart within bounds.

    Relative magnitudes: between neighbouring periods after the base the drift is at most ``mbar``
    times the largest one before it; conditional, least-favourable hybrid sets. Smoothness: the
    drift's slope changes by at most a bound from period to period; optimal fixed-length intervals.
    Where effects begin several periods after the base, drift may run through all of them.

    Parameters
    ----------
    estimate : Estimate or EventStudy
        With leads and effects against one base.
    target : 'first', 'average', dict of event time to weight, or a weight for every effect
        The effect of interest, a linear combination of the effects.
    mbar : float or sequence of float
        Bounds on relative magnitudes, zero or above.
    smooth : float or sequence of float, optional
        Bounds on the change of slope, in the outcome's unit; ten from 0 to the upper 95 per cent
        bound on the largest one before exposure when left out.
    level : float, optional
        The estimate's own when left out.
    window : (int, int), optional
        First and last event time to use.
    draws : int
        Of the first stage's critical value, from the stream of the reference implementation.
    grid_points : int
        Effects at which relative magnitudes are tested.
    grid : (float, float), optional
        First and last of them, in the outcome's unit; 20 standard errors either side of zero,
        and further where the interval is open there, when left out.

    Returns
    -------
    HonestDid
        ``frame`` has an interval a bound, of both kinds; ``breakdown_relative`` and
        ``breakdown_smooth`` are the bounds up to which it excludes zero, ``sentence`` says so.

    Raises
    ------
    EstimationError
        When the estimate has no event study against one base, and for impossible options.

    References
    ----------
    Rambachan and Roth (2023), Review of Economic Studies 90(5), doi:10.1093/restud/rdad018

    Examples
    --------
    >>> point = np.array([0.1, 0.0, 1.0, 1.2])
    >>> study = EventStudy(np.array([-3, -2]), np.array([0, 1]), -1, point, 0.01 * np.eye(4))
    >>> honest_did(study, mbar=[1]).frame.loc[1, ["conf_low", "conf_high"]].round(2).tolist()
    [0.61, 1.39]
    >>> honest_did(study, target={1: 1}, mbar=[1], smooth=[0.1]).target
    'effect at event time 1'
    """
    study = given_study(estimate, window)
    sure = study.level if level is None else level
    most, bends = read_numbers(mbar), None if smooth is None else read_numbers(smooth)
    _require(study, most, bends, sure, draws, grid_points, grid)
    weights, name = target_weights(study, target)
    parts = (study.point, study.covariance, study.leads.size, study.distance, weights)
    steps, path = make_steps(*parts), smooth_path(*parts)
    _require_free_steps(study, steps)
    bends = _smooth_bounds(study) if bends is None else bends
    point = float(weights @ study.point[study.leads.size :])
    half = float(ndtri(0.5 + sure / 2.0)) * steps.std_error
    tried = make_grid(steps.std_error, grid_points, grid)

    def relative(bound: float) -> tuple[float, float]:
        return relative_interval(steps, bound, sure, draws, tried)

    rows: list[tuple[str, float, float, float, str]] = [
        ("none", 0.0, point - half, point + half, "normal")
    ]
    found = {at: relative(at) for at in (0.0, *most.tolist())}
    rows += [("relative magnitudes", at, *found[at], "C-LF") for at in most.tolist()]
    rows += [("smoothness", at, *smooth_interval(path, at, sure), "FLCI") for at in bends.tolist()]
    columns = ["restriction", "bound", "conf_low", "conf_high", "method"]
    return HonestDid(
        study=study,
        target=name,
        point=point,
        std_error=steps.std_error,
        level=sure,
        frame=pd.DataFrame(rows, columns=columns),
        breakdown_relative=_breakdown_relative(relative, found),
        breakdown_smooth=_breakdown_smooth(path, steps.std_error, sure),
        excludes_zero=_excludes(found[0.0]),
        notes=(
            *study.notes,
            *_method_notes(study, draws, grid_points, grid),
            *_beyond_notes(found, steps.std_error, grid),
        ),
    )


def _breakdown_relative(
    interval: Callable[[float], tuple[float, float]], found: dict[float, tuple[float, float]]
) -> float:
    """Return the largest bound up to which every interval looked at excludes zero.

    Intervals need not be nested: the search goes outwards through the bounds asked for and then
    by ones, and halves the first step that fails.
    """
    low = 0.0
    beyond = np.arange(np.ceil(max(found)), LARGEST_MBAR) + 1.0
    for bound in (*sorted(found), *beyond.tolist()):
        ends = found[bound] if bound in found else interval(bound)
        if not _excludes(ends):
            break
        low = bound
    else:
        return LARGEST_MBAR
    high = bound
    for _ in range(HALVINGS if high > 0 else 0):
        middle = (low + high) / 2.0
        low, high = (middle, high) if _excludes(interval(middle)) else (low, middle)
    return low


def _breakdown_smooth(path: SmoothPath, std_error: float, level: float) -> float:
    """Return the largest bound up to which intervals looked at exclude zero, to a thousandth."""
    low, high = 0.0, std_error / 64.0
    if not _excludes(smooth_interval(path, low, level)):
        return low
    while _excludes(smooth_interval(path, high, level)):
        low, high = high, 2.0 * high
    while high - low > PRECISION * high:
        middle = (low + high) / 2.0
        excludes = _excludes(smooth_interval(path, middle, level))
        low, high = (middle, high) if excludes else (low, middle)
    return low


def _excludes(ends: tuple[float, float]) -> bool:
    return ends[0] > 0 or ends[1] < 0


def _smooth_bounds(study: EventStudy) -> FloatArray:
    """Return ten bounds from zero to the largest change of slope that the leads allow.

    With one lead there is no change to see: the bounds then run to its standard error.
    """
    size = study.leads.size
    block = study.covariance[:size, :size]
    top = float(np.sqrt(block[0, 0]))
    if size > 1:
        turns = np.eye(size - 1, size) - 2.0 * np.eye(size - 1, size, k=1)
        turns += np.eye(size - 1, size, k=2)  # the last one ends at the base, which is zero
        change = np.abs(turns @ study.point[:size])
        spread = np.sqrt(np.maximum(np.diag(turns @ block @ turns.T), 0.0))
        top = float((change + ndtri(0.95) * spread).max())
    return np.linspace(0.0, top, SMOOTH_BOUNDS)


def relative_words(found: HonestDid) -> str:
    """Return the breakdown value of relative magnitudes in words."""
    what = f"The {found.level:.0%} interval of the {found.target}"
    if not found.excludes_zero:
        return f"{what} contains zero even if nothing drifts after exposure."
    value = found.breakdown_relative
    if value >= LARGEST_MBAR:
        return (
            f"{what} excludes zero even if drift between neighbouring periods after exposure is "
            f"{LARGEST_MBAR:g} times the largest before it."
        )
    return (
        f"{what} excludes zero as long as drift between neighbouring periods after exposure is at "
        f"most {value:.2f} times the largest before it."
    )


def _smooth_words(found: HonestDid) -> str:
    if found.breakdown_smooth == 0.0:
        return "Allowing for a straight line through the leads alone, the interval contains zero."
    return (
        "Allowing for a straight line through the leads, it excludes zero as long as the line "
        f"bends by at most {found.breakdown_smooth:.3g} from one period to the next."
    )


def _method_notes(
    study: EventStudy, draws: int, points: int, grid: tuple[float, float] | None
) -> tuple[str, ...]:
    over = (
        f"over {GRID_STD_ERRORS:g} standard errors either side of zero, continued where it is open"
    )
    if grid is not None:
        over = f"from {grid[0]:g} to {grid[1]:g}, beyond which nothing was tried"
    notes = [
        "Bounds: on relative magnitudes times the largest drift between neighbouring periods "
        "before exposure; on smoothness in the outcome's unit. Intervals are in that unit.",
        "Relative magnitudes: conditional test with a least-favourable first stage of a tenth of "
        f"the size ({draws:,} draws), inverted on a grid of {points:,} points {over}. "
        "Smoothness: optimal fixed-length intervals.",
    ]
    first = int(study.distance[0])
    if first > 1:
        notes.append(
            f"The base is event time {study.reference}: drift may run for {first} periods up to "
            f"event time {study.lags[0]}."
        )
    if study.left_out:
        times = ", ".join(str(time) for time in study.left_out)
        notes.append(f"Neither lead nor effect, or beyond a gap, and left out: {times}.")
    return tuple(notes)


def _beyond_notes(
    found: dict[float, tuple[float, float]], std_error: float, grid: tuple[float, float] | None
) -> tuple[str, ...]:
    """Return a note on intervals that reach beyond the reference's grid, or to the end of one."""
    low, high = grid or (-GRID_STD_ERRORS * std_error, GRID_STD_ERRORS * std_error)
    near = 1e-9 * (high - low)
    past = [
        f"{at:g}" for at, ends in found.items() if ends[0] <= low + near or ends[1] >= high - near
    ]
    if not past:
        return ()
    where = f"At Mbar {', '.join(past)} the interval reaches {low:.4g} or {high:.4g}, "
    if grid is not None:
        return (f"{where}an end of the grid: it may go on.",)
    return (f"{where}where R's default grid ends and its interval is cut; this one is not.",)


def _require(
    study: EventStudy,
    mbar: FloatArray,
    smooth: FloatArray | None,
    level: float,
    draws: int,
    points: int,
    grid: tuple[float, float] | None,
) -> None:
    """Refuse impossible options, all at once."""
    faults = [*level_faults(level)]
    for name, values in (("mbar", mbar), ("smooth", smooth)):
        if values is not None and not (np.isfinite(values).all() and (values >= 0).all()):
            what = "a bound is below zero or not a number"
            faults.append(Fault(f"option {name!r}", what, "", "Give bounds of zero or above"))
    few, usual = "fewer are too few for the 0.995 quantile", "Use 1,000 or more"
    faults += number_faults("draws", draws, 100, few, usual)
    faults += number_faults("grid_points", points, 2, "", usual)
    if grid is not None:
        pair = read_numbers(grid)
        if pair.size != 2 or not np.isfinite(pair).all() or pair[0] >= pair[1]:
            what = f"{grid!r} is not a first and a last effect"
            faults.append(Fault("option 'grid'", what, "", "Give two, such as (-1.0, 1.0)"))
    if faults:
        raise EstimationError(faults)


def _require_free_steps(study: EventStudy, steps: Steps) -> None:
    """Refuse a covariance by which a step after the base is known once another is."""
    spread = np.sqrt(np.maximum(np.diag(steps.covariance), 0.0))
    still = spread <= ALONG * spread.max()
    with np.errstate(divide="ignore", invalid="ignore"):
        together = np.abs(steps.covariance / np.outer(spread, spread))
    together[still], together[:, still] = 0.0, 0.0
    after = np.arange(spread.size) >= steps.n_leads
    known = still | (together[:, ~after] > 1.0 - ALONG).any(axis=1)
    if (known & after).any():
        times = ", ".join(map(str, study.lags[known[after]]))
        what = f"the covariance leaves the change up to event time {times} nothing of its own"
        why = "without any uncertainty of its own it cannot be held against drift before"
        remedy = "Leave out an event time, or use more clusters than event times"
        raise EstimationError([Fault("event study", what, why, remedy)])
