"""Simulated outcomes on the councils, years, gaps and adoption paths of shipped designs.

What is real: who is observed when, who adopts when, council types, joint clusters, the spread of
council levels and of the errors, and their autocorrelation. What is drawn: levels and errors.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

import evallib as ev
from evallib.inference.knowing import working_covariance
from evallib.inference.paths import PathPanel, path_panel

SHAPES = {
    "wide": ("peer_challenge", "long_term_empty_homes_pct"),
    "children": ("peer_challenge", "assessments_within_45_days_pct"),
    "intervention": ("childrens_intervention", "assessments_within_45_days_pct"),
}
PROCESSES = {
    "homogeneous": "independent errors, one effect for all",
    "heterogeneous": "independent errors, an effect that grows and is larger in early cohorts",
    "few": "eight treated councils, independent errors",
    "serial": "errors of the real outcome's autocorrelation",
    "selected": "the same errors, adopters low in the base year",
}
FEW, TILT, AT_ONCE, SEED = 8, 0.5, 100, 20260101


@dataclass(frozen=True)
class Shape:
    """A design whose outcome is to be simulated.

    ``spread`` are the standard deviations of council levels and of errors, ``rho`` the errors'
    first autocorrelation. ``exposed`` is 1 in every council's years from exposure on (N, T).
    """

    name: str
    design: Any
    panel: PathPanel
    spread: tuple[float, float]
    rho: float

    @property
    def exposed(self) -> Any:
        cohort = self.panel.paths.cohort[self.panel.codes]
        return (self.panel.periods[None, :] >= cohort[:, None]).astype(float)

    @property
    def counted(self) -> Any:
        """The exposed years of treated councils that are observed (N, T)."""
        treated = self.panel.paths.is_treated[self.panel.codes]
        return (self.exposed > 0) & treated[:, None] & self.panel.observed

    def few(self) -> Shape:
        """The same shape with eight treated councils, the other treated ones left out."""
        treated = self.panel.units[self.panel.paths.is_treated[self.panel.codes]]
        rng = np.random.default_rng([SEED, zlib.crc32(self.name.encode())])
        gone = np.setdiff1d(treated.astype(str), rng.choice(treated.astype(str), FEW, False))
        parts = {
            part: frame[~frame["council_code"].isin(gone)].reset_index(drop=True)
            for part in ("full", "frame", "group_time_frame", "councils")
            for frame in [getattr(self.design, part)]
        }
        design = replace(self.design, **parts)
        return replace(self, design=design, panel=path_panel(design))


def read_shapes(names: list[str]) -> list[Shape]:
    """Return the shapes with the real outcome's spread and autocorrelation."""
    found = []
    for name in names:
        plan_name, outcome = SHAPES[name]
        plan = ev.load_plan(plan_name)
        panel = ev.build_panel(plan)
        design = ev.build_design(plan, panel, ev.build_exposure(plan, panel), outcome)
        paths = path_panel(design)
        values = np.where(paths.observed, paths.outcome, np.nan)
        levels = float(np.nanstd(np.nanmean(values - np.nanmean(values, axis=0), axis=1)))
        error, rho = calibrate(values)
        found.append(Shape(name, design, paths, (levels, error), rho))
    return found


def calibrate(values: Any) -> tuple[float, float]:
    """Return standard deviation and autocorrelation of errors, given outcomes (N, T).

    Unit means take part of the autocorrelation away: the pair is chosen whose covariances at lags
    0 and 1, after that, are the real ones.
    """
    years = values.shape[1]
    real = working_covariance(values)[0, :2]
    centre = np.eye(years) - 1 / years
    lag = np.abs(np.subtract.outer(np.arange(years), np.arange(years)))
    best = (np.inf, 0.0, 0.0)
    for rho in np.arange(0.0, 0.96, 0.01):
        left = centre @ rho**lag @ centre
        zero, one = np.diag(left).mean(), np.diag(left, 1).mean()
        best = min(best, (abs(one / zero - real[1] / real[0]), rho, real[0] / zero))
    return float(np.sqrt(best[2])), float(best[1])


def draw_outcomes(shape: Shape, process: str, chunk: int) -> Any:
    """Return AT_ONCE outcomes without any effect (R, N, T); the same for every estimator."""
    rng = np.random.default_rng([SEED, zlib.crc32(f"{shape.name}|{process}".encode()), chunk])
    n, t = shape.panel.outcome.shape
    level, error = shape.spread
    noise = rng.normal(size=(AT_ONCE, n, t))
    if process in ("serial", "selected"):
        for k in range(1, t):
            noise[:, :, k] *= np.sqrt(1 - shape.rho**2)
            noise[:, :, k] += shape.rho * noise[:, :, k - 1]
    if process == "selected":
        noise = np.take_along_axis(noise, _low_first(shape, noise, rng)[:, :, None], axis=1)
    return level * rng.normal(size=(AT_ONCE, n, 1)) + error * noise


def _low_first(shape: Shape, noise: Any, rng: Any) -> Any:
    """Return which council's errors each council gets (R, N).

    Cohort after cohort draws from the errors that its council type has left, with odds that fall
    by exp(TILT) for each standard deviation in the cohort's base year. Levels stay.
    """
    panel = shape.panel
    anticipation, score = shape.design.anticipation, rng.gumbel(size=noise.shape[:2])
    order = np.tile(np.arange(noise.shape[1]), (len(noise), 1))
    for stratum in np.unique(panel.strata):
        members = np.flatnonzero(panel.strata == stratum)
        left = np.tile(members, (len(noise), 1))
        for path in np.argsort(panel.paths.cohort):
            own = members[panel.codes[members] == path]
            if own.size == 0:
                continue
            base = np.flatnonzero(panel.periods + anticipation < panel.paths.cohort[path])
            at = base[-1] if base.size and np.isfinite(panel.paths.cohort[path]) else None
            odds = np.take_along_axis(score, left, axis=1)
            if at is not None:
                odds = odds - TILT * np.take_along_axis(noise[:, :, at], left, axis=1)
            ranked = np.take_along_axis(left, np.argsort(-odds, axis=1), axis=1)
            order[:, own], left = ranked[:, : own.size], ranked[:, own.size :]
    return order


def effects_of(shape: Shape, process: str) -> Any:
    """Return the effect on every council and year (N, T); its mean over ``counted`` is the plan's.

    The heterogeneous one grows by the same step in every exposed year, and falls from 1.5 times in
    the first cohort to 0.5 times in the last.
    """
    effect = shape.exposed
    if process == "heterogeneous":
        paths = shape.panel.paths
        cohort = paths.cohort[shape.panel.codes]
        starts = np.sort(paths.cohort[paths.is_treated])
        rank = np.searchsorted(starts, np.minimum(cohort, starts[-1])) / max(starts.size - 1, 1)
        since = np.where(effect > 0, shape.panel.periods[None, :] - cohort[:, None] + 1, 0.0)
        effect = since * (1.5 - rank)[:, None]
    return effect * shape.design.meaningful_change / effect[shape.counted].mean()


def with_outcome(design: Any, panel: PathPanel, values: Any) -> Any:
    """Return a design whose outcome is a grid of councils and years."""
    units = panel.units.astype(str)
    parts = {}
    for part in ("full", "frame", "group_time_frame"):
        frame = getattr(design, part)
        unit = np.searchsorted(units, frame["council_code"].to_numpy().astype(str))
        time = np.searchsorted(panel.periods, frame["period"].to_numpy())
        parts[part] = frame.assign(value=values[unit, time])
    return replace(design, **parts)
