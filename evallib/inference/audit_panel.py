"""The panel on which a design is audited: no council in a year in which it was really exposed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from evallib.design import Design
from evallib.errors import EstimationError, Fault
from evallib.estimate.adoption_paths import Paths
from evallib.estimate.matched import trends
from evallib.estimate.result import BoolArray, FloatArray, IntArray
from evallib.estimate.thinness import MIN_TREATED
from evallib.inference.paths import PathPanel, path_panel

TREND_PERIODS = 4


@dataclass(frozen=True, slots=True)
class PlaceboPanel:
    """A design's councils without any year of real exposure, and who can be drawn for what.

    Parameters
    ----------
    panel : PathPanel
        Every row from a council's own event on is missing, its figures zero. Paths: the cohorts of
        the real adopters, and never; ``codes`` is where nobody adopts. Where the comparison is
        with the never-treated, real adopters are on a path of minus infinity that has no rows.
    cohorts : integer array, shape (C,)
        The path of each cohort.
    real, eligible : boolean array, shape (N, C)
        Real adopters that carry weight in the estimate, by cohort; councils that are not exposed
        in the years used, with a figure in the cohort's base and in a year from exposure on.
    wanted, counts : integer array, shape (S, C)
        Real adopters by stratum and cohort, and how many are drawn.
    traits : array, shape (2, N, C)
        Level in the cohort's base and slope of the line through the four periods that end with
        it, as deviations from the mean of the eligible; zero where they are not known.
    scale : array, shape (2,)
        Standard deviation of the traits among the eligible.
    labels : tuple of S str
    horizon : int or None
        Exposed periods of each path that are used; None for all.
    """

    panel: PathPanel
    cohorts: IntArray
    real: BoolArray
    eligible: BoolArray
    wanted: IntArray
    counts: IntArray
    traits: FloatArray
    scale: FloatArray
    labels: tuple[str, ...]
    horizon: int | None

    @property
    def target(self) -> FloatArray:
        """Mean traits of the real adopters, strata and cohorts weighted as they are drawn (2,)."""
        total = np.zeros(2)
        for stratum, cohort in zip(*np.nonzero(self.counts), strict=True):
            who = self.real[:, cohort] & (self.panel.strata == stratum)
            total += self.counts[stratum, cohort] * self.traits[:, who, cohort].mean(axis=1)
        return np.asarray(total / self.counts.sum())

    @property
    def real_codes(self) -> IntArray:
        """The paths when the real adopters adopt, shape (N,)."""
        codes = self.panel.codes.copy()
        who, cohort = np.nonzero(self.real)
        codes[who] = self.cohorts[cohort]
        return codes

    @property
    def scaled(self) -> tuple[str, ...]:
        """A phrase for each stratum in which fewer are drawn than were really exposed."""
        found = []
        for label, wanted, counts in zip(self.labels, self.wanted, self.counts, strict=True):
            if counts.sum() < wanted.sum():
                found.append(f"{label}: {counts.sum()} in place of {wanted.sum()}")
        return tuple(found)


def placebo_panel(design: Design, shift: int = 0) -> PlaceboPanel:
    """Return the panel for placebos in place of the real adopters.

    Parameters
    ----------
    design : Design
    shift : int
        Periods by which the real dates are moved back. Then only the periods from the moved date
        to the real event count as exposed.

    Raises
    ------
    EstimationError
        Where no exposed year is left, or fewer than five adopters can be drawn.
    """
    base = path_panel(design)
    lead = design.anticipation
    horizon = shift - lead if shift else None
    if horizon is not None and horizon < 1:
        what = f"dates moved {shift} years back leave no year before the event year"
        raise _refusal(design, what, "Ask for fewer years of anticipation")
    event = base.paths.cohort[base.codes]
    is_treated = base.paths.is_treated[base.codes]
    observed = base.observed & (base.periods[None, :] < (event - lead)[:, None])
    starts = np.unique(event[is_treated]) - shift
    bases = [np.flatnonzero(base.periods + lead < start) for start in starts]
    starts = starts[[place.size > 0 for place in bases]]
    at = np.array([place[-1] for place in bases if place.size], dtype=np.int64)
    since = base.periods[None, :] - starts[:, None]
    inside = (since >= 0) & (since < (np.inf if horizon is None else horizon))  # (C, T)

    def serves(there: BoolArray) -> BoolArray:
        return np.asarray(there[:, at] & (there.astype(int) @ inside.T.astype(int) > 0))

    own = event[:, None] - shift == starts[None, :]
    real = is_treated[:, None] & own & serves(base.observed if shift == 0 else observed)
    eligible = serves(observed)
    cohort, codes = np.append(starts, np.inf), np.full(event.size, starts.size, dtype=np.int64)
    out = is_treated & (design.comparison == "never_treated")
    if out.any():
        cohort, codes = np.append(-np.inf, cohort), np.where(out, 0, codes + 1)
    paths = Paths(cohort, np.isfinite(cohort))
    panel = replace(
        base,
        outcome=np.where(observed, base.outcome, 0.0),
        weight=np.where(observed, base.weight, 0.0),
        observed=observed,
        covariates=np.where(observed, base.covariates, 0.0),
        paths=paths,
        codes=codes,
    )
    groups = np.arange(int(panel.strata.max()) + 1)[:, None] == panel.strata  # (S, N)
    wanted = groups.astype(int) @ real.astype(int)
    counts = _scale(wanted, groups.astype(int) @ eligible.astype(int))
    if counts.sum() < MIN_TREATED:
        what = (
            f"{int(eligible.any(axis=1).sum())} councils with years without exposure and "
            f"{int(wanted.sum())} exposed ones, by council type, leave {int(counts.sum())} placebo "
            f"adopters, fewer than {MIN_TREATED}"
        )
        raise _refusal(design, what, "Widen the years, the council types or the regions")
    traits, scale = _traits(panel, at, eligible, 1, TREND_PERIODS)
    return PlaceboPanel(
        panel,
        np.flatnonzero(paths.is_treated),
        real,
        eligible,
        wanted,
        counts,
        traits,
        scale,
        _labels(design, panel),
        horizon,
    )


def with_traits(placebo: PlaceboPanel, lead: int, periods: int | None) -> PlaceboPanel:
    """Return a placebo panel whose level and trend are taken over longer.

    Parameters
    ----------
    placebo : PlaceboPanel
    lead : int
        Periods of the event and of anticipation before exposure.
    periods : int or None
        Level is the mean, and trend the slope, over as many periods that end with the base; None
        for all that there are.
    """
    panel = placebo.panel
    starts = panel.paths.cohort[placebo.cohorts]
    at = np.searchsorted(panel.periods, starts - lead) - 1
    length = panel.periods.size if periods is None else periods
    traits, scale = _traits(panel, at, placebo.eligible, length, length)
    return replace(placebo, traits=traits, scale=scale)


def _refusal(design: Design, what: str, remedy: str) -> EstimationError:
    why = "a placebo needs adopters who were not exposed"
    return EstimationError([Fault(f"outcome {design.outcome}, placebos", what, why, remedy)])


def _scale(wanted: IntArray, eligible: IntArray) -> IntArray:
    """Return how many are drawn (S, C): as many as adopted, or half of those who can be drawn.

    Shares of cohorts are kept by largest remainders.
    """
    counts = wanted.copy()
    for own, able in zip(counts, eligible, strict=True):
        total = int(own.sum())
        if total == 0:
            continue
        most = int(able[own > 0].min()) // 2
        if most < total:
            quota = own * most / total
            own[:] = np.floor(quota + 1e-9)
            rest = np.argsort(own - quota, kind="stable")[: most - int(own.sum())]
            own[rest] += 1
    return counts


def _traits(
    panel: PathPanel, at: IntArray, eligible: BoolArray, of_level: int, of_trend: int
) -> tuple[FloatArray, FloatArray]:
    """Return level and trend over as many periods that end with each cohort's base."""
    when = np.arange(panel.periods.size)[:, None]
    inside = ((when <= at) & (when > at - of_level)).astype(float)  # (T, C)
    count = panel.observed @ inside
    total = np.where(panel.observed, panel.outcome, 0.0) @ inside
    there = panel.observed[:, at]
    level = np.where(there, total / np.maximum(count, 1), np.nan)
    slope = trends(panel.outcome, panel.observed, panel.periods, of_trend)[:, at]
    traits, scale = np.zeros((2, *level.shape)), np.ones(2)
    for row, values in enumerate((level, slope)):
        known = eligible & np.isfinite(values)
        count = known.sum(axis=0)
        mean = np.where(known, values, 0.0).sum(axis=0) / np.maximum(count, 1)
        away = np.where(np.isfinite(values) & (count > 0), values - mean, 0.0)
        traits[row] = away
        spread = np.sqrt((away[known] ** 2).mean()) if known.any() else 0.0
        scale[row] = spread if spread > 0 else 1.0
    return traits, scale


def _labels(design: Design, panel: PathPanel) -> tuple[str, ...]:
    councils = design.councils.sort_values("council_code")
    kind, region = councils["council_type"].to_numpy(), councils["region"].to_numpy()
    names = []
    for stratum in range(int(panel.strata.max()) + 1):
        members = np.flatnonzero(panel.strata == stratum)
        alone = np.unique(region[members].astype(str)).size == 1 and panel.strata_name != "type"
        names.append(
            f"{kind[members[0]]}, {region[members[0]]}" if alone else str(kind[members[0]])
        )
    return tuple(names)
