"""A design audits itself: placebos on its own panel, with its own estimator and inference.

References
----------
Bertrand, Duflo and Mullainathan (2004), Quarterly Journal of Economics 119(1).
doi:10.1162/003355304772839588
Daw and Hatfield (2018), Health Services Research 53(6). doi:10.1111/1475-6773.12993
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from html import escape
from typing import Literal

import numpy as np

from evallib.design import Design
from evallib.errors import EstimationError, Fault, type_words
from evallib.estimate.intervals import critical_value
from evallib.estimate.markov_discrete import wilson
from evallib.estimate.result import BoolArray, FloatArray
from evallib.inference.audit_draws import Selected, draw_paths, draw_selected, gumbel
from evallib.inference.audit_panel import PlaceboPanel, placebo_panel
from evallib.inference.audit_readings import Reading, read_selection
from evallib.inference.audit_solve import Draws, find_solver
from evallib.inference.permuted_cells import order_quantile
from evallib.plan.estimators import SYNTHETIC

DRAWS = 1_000
DRAWS_IN_TIME = 499
REFITS = 199
ALPHA = 0.05
POWER = 0.80
MOVED = 3
LARGEST_SIZE = 0.06
LARGEST_SHARE = 0.5

Kind = Literal["random", "selected", "in time"]


@dataclass(frozen=True, slots=True, repr=False)
class Placebo:
    """What a kind of placebo found.

    Parameters
    ----------
    kind : 'random', 'selected' or 'in time'
    draws, adopters, real : int
        Draws solved; adopters in each, and real adopters with weight in the estimate.
    estimate, spread : float
        Mean and standard deviation of the estimates; of placebos in time the one estimate, and its
        standard error.
    conf_low, conf_high : float
        Of the mean (95 per cent, over draws); of placebos in time of the one estimate.
    p_value : float
        Of placebos in time; NaN elsewhere.
    false_alarms, false_low, false_high : float
        Share of draws rejected at 5 per cent, with Wilson's 95 per cent interval.
    covers_constant, covers_growing : float
        Share of 95 per cent intervals that contain an injected effect of the meaningful change,
        and one that grows by it every year.
    effect_80 : float
        The effect found, with its sign, in 80 per cent of the draws.
    """

    kind: Kind
    draws: int
    adopters: int
    real: int
    estimate: float
    spread: float
    conf_low: float
    conf_high: float
    p_value: float = float("nan")
    false_alarms: float = float("nan")
    false_low: float = float("nan")
    false_high: float = float("nan")
    covers_constant: float = float("nan")
    covers_growing: float = float("nan")
    effect_80: float = float("nan")

    def __repr__(self) -> str:
        """Return what was found in a line."""
        said = f"Placebos {self.kind}, {self.draws:,} draws of {self.adopters} councils"
        if self.kind == "in time":
            return f"{said}: {self.estimate:.3g} ({self.conf_low:.3g} to {self.conf_high:.3g})"
        return (
            f"{said}: mean {self.estimate:.3g}, rejected {self.false_alarms:.1%}, an effect of "
            f"{self.effect_80:.3g} is found in 80% of them"
        )

    def _repr_html_(self) -> str:
        return f"<p>{escape(repr(self))}</p>"


@dataclass(frozen=True, slots=True)
class Audit:
    """The placebos of one design, and what they mean for its estimate.

    Parameters
    ----------
    placebos : tuple of Placebo
        Those that could be made.
    inference : str
        The inference that the placebos had, as a phrase.
    estimate : float
        The headline estimate; NaN where there is none yet.
    meaningful_change : float
    selection : Selected, optional
        The selected paths.
    notes : tuple of str
        What was scaled, left out or not matched, and why.
    readings : tuple of Reading
        Selected placebos under the rule and under other readings of prior level and trend; empty
        where every draw is a fit of its own.
    """

    placebos: tuple[Placebo, ...]
    inference: str
    estimate: float
    meaningful_change: float
    selection: Selected | None
    notes: tuple[str, ...]
    readings: tuple[Reading, ...] = ()

    def get(self, kind: Kind) -> Placebo | None:
        """Return the placebos of a kind; None where they could not be made."""
        return next((item for item in self.placebos if item.kind == kind), None)

    @property
    def inference_not_fit(self) -> bool:
        """Whether the whole Monte-Carlo interval of the false alarms lies above 6 per cent."""
        found = self.get("random")
        return found is not None and found.false_low > LARGEST_SIZE

    @property
    def largest_move(self) -> float:
        """Half of the estimate or of the meaningful change, whichever is smaller."""
        sizes = [abs(self.meaningful_change), abs(self.estimate)]
        return LARGEST_SHARE * min(size for size in sizes if np.isfinite(size))

    def moves_without_effect(self, placebo: Placebo) -> bool:
        """Whether placebos move by over half of the estimate or of the meaningful change."""
        return bool(abs(placebo.estimate) > self.largest_move)

    @property
    def selection_not_ruled_out(self) -> bool:
        """Whether selected placebos or those in time move, or selection could not be copied."""
        found = self.get("selected")
        if found is None or self.selection is None or not self.selection.is_matched:
            return True
        later = self.get("in time")
        return self.moves_without_effect(found) or (
            later is not None and self.moves_without_effect(later)
        )


def audit(
    design: Design, action: str = "permutation", estimate: float = np.nan, draws: int = DRAWS
) -> Audit:
    """Audit a design by placebos that read no outcome of a council after its own event.

    Random paths with the real numbers by cohort and stratum: is the inference right? Paths
    selected on prior level and trend as the real adopters were: would regression to the mean alone
    look like an effect? The real councils, dates moved three years back: did they move before?

    Parameters
    ----------
    design : Design
    action : str
        What the inference policy did to the headline estimate: ``analytic``, ``wild_bootstrap``
        (for which CR1 and t stand in) or ``permutation``, for which the random draws are the
        reference.
    estimate : float
        The headline estimate.
    draws : int
        Random paths, and selected ones. Estimators that must be fitted in every draw take
        199.

    Returns
    -------
    Audit

    Raises
    ------
    EstimationError
        Where fewer than five adopters can be drawn, or the estimator has no placebos of this kind.
    """
    _require_estimator(design)
    placebo = placebo_panel(design)
    solve, is_refit = find_solver(design, placebo, design.meaningful_change)
    if is_refit:
        draws = min(draws, REFITS)
    rng = np.random.default_rng([design.seed, zlib.crc32(f"{design.outcome}|audit".encode())])
    notes = []
    if placebo.scaled:
        notes.append(f"too few unexposed councils, adopters drawn: {', '.join(placebo.scaled)}")
    random = solve(draw_paths(placebo, gumbel(placebo, draws, rng)))
    noise = gumbel(placebo, draws, rng)
    selection = draw_selected(placebo, noise)
    selected = solve(selection.codes)
    readings: tuple[Reading, ...] = ()
    if not is_refit:
        ruled = (selection, selected)
        readings = read_selection(placebo, design.anticipation, noise, solve, ruled)
    resampled = action == "permutation"
    placebos = [
        _describe("random", random, _critical(random, random, resampled), placebo),
        _describe("selected", selected, _critical(selected, random, resampled), placebo),
    ]
    if not selection.is_matched:
        notes.append(
            "the real adopters' level and trend cannot be matched: "
            f"{selection.gap[0]:+.2f} and {selection.gap[1]:+.2f} standard deviations are left"
        )
    try:
        placebos.append(_in_time(design, min(draws, DRAWS_IN_TIME), rng))
    except EstimationError as error:
        notes += [f"no placebo in time: {fault.what}" for fault in error.faults]
    words = {
        "permutation": "permutation, the random draws as the reference",
        "wild_bootstrap": "CR1 and t, in place of a wild bootstrap in every draw",
    }
    how = words.get(action, "analytic standard errors")
    change = design.meaningful_change
    return Audit(tuple(placebos), how, estimate, change, selection, tuple(notes), readings)


def placebo_power(design: Design, draws: int = DRAWS) -> Placebo:
    """Return what a design can find, before any outcome after exposure is read.

    Random placebos with the real numbers by cohort and stratum, on the councils and years without
    exposure, their own distribution as the reference: a test of the right size.

    Parameters
    ----------
    design : Design
        Of `evallib.build_designs`; only years before exposure are read.
    draws : int
        Placebos; no more than 199 where each is a fit of its own.

    Returns
    -------
    Placebo
        ``effect_80`` is the effect, in the outcome's unit, found in 80 per cent of the draws.

    Raises
    ------
    EstimationError
        As `audit`, and for what is no design.
    """
    if not isinstance(design, Design):
        what = f"{type_words(design)} is no design"
        remedy = "Give one of evallib.build_designs; an estimate goes to evallib.pretrend_power"
        raise EstimationError([Fault("placebo_power", what, "", remedy)])
    _require_estimator(design)
    placebo = placebo_panel(design)
    solve, is_refit = find_solver(design, placebo, design.meaningful_change)
    rng = np.random.default_rng([design.seed, zlib.crc32(f"{design.outcome}|power".encode())])
    noise = gumbel(placebo, min(draws, REFITS) if is_refit else draws, rng)
    found = solve(draw_paths(placebo, noise))
    return _describe("random", found, _critical(found, found, True), placebo)


def _require_estimator(design: Design) -> None:
    name = design.headline[0]
    if name in SYNTHETIC:
        what = f"{name} takes its inference from placebos of its own"
        why = "auditing them would need placebos of placebos"
        raise EstimationError(
            [Fault(f"outcome {design.outcome}, placebos", what, why, "Read its own placebos")]
        )


def _critical(draws: Draws, reference: Draws, resampled: bool) -> FloatArray:
    """Return the size of t from which each draw is rejected at 5 per cent."""
    if resampled:
        size = np.abs(reference.estimate) / reference.std_error
        size = np.where(np.isfinite(size), size, np.inf)
        return np.full(draws.df.shape, order_quantile(size, 1 - ALPHA) * (1 - 1e-10))
    df, place = np.unique(draws.df, return_inverse=True)
    known = [critical_value(1 - ALPHA, float(one) if np.isfinite(one) else None) for one in df]
    return np.array(known)[place]


def _describe(kind: Kind, draws: Draws, critical: FloatArray, placebo: PlaceboPanel) -> Placebo:
    known: BoolArray = np.isfinite(draws.std_error)
    if not known.any():
        what = "no draw could be solved"
        raise EstimationError([Fault(f"{kind} placebos", what, "", "Widen the plan's years")])
    estimate, half = draws.estimate[known], (critical * draws.std_error)[known]
    count = int(known.sum())
    false = float((np.abs(estimate) >= half).mean())
    low, high = wilson(np.array([false]), np.array([float(count)]), 0.95, None)
    grown = np.isfinite(draws.grown_std_error)
    reach = (critical * draws.grown_std_error)[grown]
    mean, spread = float(estimate.mean()), float(estimate.std())
    error = critical_value(0.95, None) * spread / np.sqrt(count)
    return Placebo(
        kind=kind,
        draws=count,
        adopters=int(placebo.counts.sum()),
        real=int(placebo.wanted.sum()),
        estimate=mean,
        spread=spread,
        conf_low=mean - error,
        conf_high=mean + error,
        false_alarms=false,
        false_low=float(low[0]),
        false_high=float(high[0]),
        covers_constant=1 - false,
        covers_growing=float((np.abs(draws.grown_gap[grown]) < reach).mean()),
        effect_80=float(np.quantile(np.concatenate([half - estimate, half + estimate]), POWER)),
    )


def _in_time(design: Design, draws: int, rng: np.random.Generator) -> Placebo:
    """Return the estimate of the real councils three years early, random paths as reference."""
    placebo = placebo_panel(design, MOVED)
    solve, _ = find_solver(design, placebo, design.meaningful_change)
    codes = draw_paths(placebo, gumbel(placebo, draws, rng))
    found = solve(np.concatenate([placebo.real_codes[None], codes]))
    size = np.abs(found.estimate) / found.std_error
    if not np.isfinite(size[0]):
        what = f"{design.headline[0]} has no estimate with an error for so few years and councils"
        raise EstimationError([Fault("placebos in time", what, "", "Widen the plan's years")])
    others = np.where(np.isfinite(size[1:]), size[1:], np.inf)
    half = order_quantile(others, 1 - ALPHA) * found.std_error[0]
    point = float(found.estimate[0])
    return Placebo(
        kind="in time",
        draws=draws,
        adopters=int(placebo.real.sum()),
        real=int(design.n_treated),
        estimate=point,
        spread=float(found.std_error[0]),
        conf_low=point - half,
        conf_high=point + half,
        p_value=float((1 + (others >= size[0] * (1 - 1e-10)).sum()) / (1 + draws)),
    )
