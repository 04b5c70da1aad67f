"""Effects of exposure that begins and ends: DID_l of de Chaisemartin and D'Haultfoeuille."""

from __future__ import annotations

import numpy as np

from evallib.errors import (
    EmptyCellWarning,
    EstimationError,
    Fault,
    InexactAdoptionWarning,
    ThinDesignWarning,
    first_five,
)
from evallib.estimate.clusters import unit_clusters
from evallib.estimate.columns import Notes
from evallib.estimate.intake import Sample
from evallib.estimate.paths import fill_between
from evallib.estimate.result import BoolArray, Estimate, FloatArray, IntArray, analytic_interval
from evallib.estimate.switches import Effect, Problem, measure_effect
from evallib.estimate.switching_options import SwitchingOptions
from evallib.estimate.thinness import Thinness, measure

ROUNDING = 1e-10
REFERENCES = (
    "de Chaisemartin and D'Haultfoeuille (2024), Difference-in-Differences Estimators of "
    "Intertemporal Treatment Effects, Review of Economics and Statistics, doi:10.1162/rest_a_01414",
)


def fit_switching(sample: Sample, options: SwitchingOptions, notes: Notes) -> Estimate:
    """Return effects by period since the first change of exposure, placebos, and their total.

    Raises
    ------
    EstimationError
        When no unit changes exposure while another with the same first state has not, for weights
        that change within units, and for two clusters or fewer.

    Warns
    -----
    EmptyCellWarning, InexactAdoptionWarning, FewClustersWarning, ThinDesignWarning
    """
    groups = unit_clusters(sample, notes)
    problem = _prepare(sample, groups, notes)
    effects = {lag: measure_effect(problem, lag) for lag in range(1, options.effects + 1)}
    placebos = {
        -lag: measure_effect(problem, lag, placebo=True) for lag in range(1, options.placebos + 1)
    }
    found = {lag: item for lag, item in (placebos | effects).items() if item.mass > 0}
    _tell_gone(problem, [*placebos, *effects], found, notes)
    return _describe(sample, problem, options, notes, dict(sorted(found.items())))


def _prepare(sample: Sample, groups: IntArray, notes: Notes) -> Problem:
    """Return each unit's first state, its first switch and how long it stayed."""
    state = sample.state
    if state is None:
        state = np.where(sample.periods[None, :] >= sample.cohort[:, None], 1.0, 0.0)
    filled = fill_between(state)
    known = ~np.isnan(filled)
    rows = np.arange(len(filled))
    baseline = filled[rows, known.argmax(axis=1)]
    differs = known & (filled != baseline[:, None])
    ever = differs.any(axis=1)
    at = differs.argmax(axis=1)
    step = int(np.diff(sample.periods).min())
    before = np.maximum(at - 1, 0)
    exact = known[rows, before] & (sample.periods[at] - sample.periods[before] == step)
    _warn_inexact(sample, at, ever & ~exact, notes)
    stays = known & (np.cumsum(differs, axis=1) == 0)
    return Problem(
        outcome=sample.outcome,
        observed=sample.observed,
        periods=sample.periods,
        step=step,
        weight=_unit_weight(sample),
        cluster=groups,
        baseline=baseline,
        stays=stays,
        switch=np.where(ever & exact, sample.periods[at], np.inf),
        differs=np.where(known, differs, True).astype(float),
    )


def _unit_weight(sample: Sample) -> FloatArray:
    """Return each unit's weight; refuse weights that change within a unit."""
    top: FloatArray = sample.weight.max(axis=1)
    changes = (sample.observed & (sample.weight != top[:, None])).any(axis=1)
    if changes.any():
        shown = first_five(list(sample.units[changes]))
        what = f"they change within {int(changes.sum())} units: {shown}"
        raise EstimationError([Fault("weights", what, "", "Give each unit one weight")])
    return top


def _warn_inexact(sample: Sample, at: IntArray, inexact: BoolArray, notes: Notes) -> None:
    """Warn of units whose exposure changed at a time that their rows do not tell."""
    if not inexact.any():
        return
    shown = [f"{sample.units[k]} by {sample.periods[at[k]]}" for k in np.flatnonzero(inexact)]
    text = (
        f"{len(shown)} units have no row in the period before the first one with another exposure: "
        f"when it changed is not known, and they only compare up to their last row before it: "
        f"{first_five(shown)}."
    )
    notes.warn(InexactAdoptionWarning, text)


def _tell_gone(problem: Problem, asked: list[int], found: dict[int, Effect], notes: Notes) -> None:
    """Refuse a sample without any effect; warn of effects and placebos that nobody has."""
    if not any(lag > 0 for lag in found):
        if not np.isfinite(problem.switch).any():
            what, why = "no unit changes exposure between two of its rows that follow", ""
        else:
            what = "no unit that changes exposure can be compared"
            why = (
                "it needs an outcome just before and after, and in both periods a unit with the "
                "same exposure in its first period that has not changed yet"
            )
        remedy = "Add units that change later or never, or use 'twfe'"
        raise EstimationError([Fault("exposure", what, why, remedy)])
    if not any(item.dose > 0 for lag, item in found.items() if lag > 0):
        what = "no unit's exposure differs from its first state in a period with an effect"
        raise EstimationError([Fault("exposure", what, "", "Ask for other effects")])
    gone = [_event_time(lag, problem.step) for lag in asked if lag not in found]
    if gone:
        text = (
            f"{len(gone)} event times have no unit that changed exposure, or none to compare it "
            f"with: {first_five(sorted(gone))}."
        )
        notes.warn(EmptyCellWarning, text)


def _event_time(lag: int, step: int) -> int:
    """Return the event time of effect ``lag``, of placebo ``-lag`` and, for 0, of their base."""
    return (lag - 1) * step


def _describe(
    sample: Sample,
    problem: Problem,
    options: SwitchingOptions,
    notes: Notes,
    found: dict[int, Effect],
) -> Estimate:
    """Return the estimate: ``att``, placebos, the base and effects, in the order of event time."""
    effects = [item for lag, item in found.items() if lag > 0]
    dose = sum(item.dose for item in effects)
    below = {
        lag: item.dose_so_far if options.normalised else item.mass for lag, item in found.items()
    }
    lags = sorted([*found, 0])
    units = len(problem.weight)
    blank = np.zeros(units)
    influence = np.column_stack(
        [
            sum(item.influence for item in effects) / dose,
            *(found[lag].influence / below[lag] if lag else blank for lag in lags),
        ]
    )
    total = sum(item.total for item in effects) / dose
    point = np.array([total, *(found[lag].total / below[lag] if lag else 0.0 for lag in lags)])
    scores = np.zeros((int(problem.cluster.max()) + 1, point.size))
    np.add.at(scores, problem.cluster, influence)
    covariance = scores.T @ scores
    std_error = np.sqrt(np.diag(covariance))
    reach = [
        _reach(effects) / dose,
        *(_reach([found[lag]]) / below[lag] if lag else 0.0 for lag in lags),
    ]
    spread = np.ptp(sample.outcome[sample.observed])
    std_error[std_error <= ROUNDING * spread * np.array(reach)] = np.nan
    low, high, p_value = analytic_interval(point, std_error, options.level, None)
    together = _union(effects)
    counts = np.array(
        [_count(together), *(_count(_union([found[lag]] if lag else effects)) for lag in lags)],
        dtype=np.int64,
    )
    thinness = _thinness(problem, effects, influence[:, 0])
    if thinness.is_thin:
        notes.warn(ThinDesignWarning, thinness.sentence)
    clusters = int(np.unique(problem.cluster[together[0].any(axis=1)]).size)
    times = [_event_time(lag, problem.step) for lag in lags]
    return Estimate(
        estimator="switching",
        estimand="Effect of a period of exposure: changes of the outcome from before units first "
        "change exposure, summed over them and the periods asked for, over the periods in which "
        "their exposure then differs from before; ends of exposure count with their sign reversed.",
        terms=("att", *(f"event_time={time}" for time in times)),
        point=point,
        covariance=covariance,
        std_error=std_error,
        conf_low=low,
        conf_high=high,
        p_value=p_value,
        df=None,
        level=options.level,
        se_method=f"Influence values around the mean of units with the same first exposure and "
        f"period of change, summed within {clusters} clusters, with the root of n/(n-1) of each "
        "such group.",
        interval_method=f"{100 * options.level:g}% intervals and p-values from the normal.",
        inference="influence_normal",
        n_obs=int(counts[0, 0]),
        n_units=units,
        n_treated_units=int(counts[0, 2]),
        n_clusters=clusters,
        term_obs=counts[:, 0],
        term_units=counts[:, 1],
        term_treated_units=counts[:, 2],
        event_time=np.array([np.nan, *map(float, times)]),
        comparison="not_yet_treated",
        influence=influence * units,
        scores=scores,
        references=REFERENCES,
        details={
            "reference": -problem.step,
            "normalised": options.normalised,
            "exposed_periods": dose,
            "switchers_in": _switchers(problem, together[1], 0.0),
            "switchers_out": _switchers(problem, together[1], 1.0),
            "thinness": thinness,
            "draws": options.draws,
            "seed": options.seed,
        },
    )


def _reach(effects: list[Effect]) -> float:
    """Return the size of the weights with which changes enter, as a length."""
    gain, cost = (sum(getattr(item, key) for item in effects) for key in ("gain", "cost"))
    return float(((gain**2).sum() + (cost**2).sum()) ** 0.5)


def _union(effects: list[Effect]) -> tuple[BoolArray, BoolArray]:
    """Return the rows (N, T) that some effects use, and their switchers (N,)."""
    touched = np.any([item.touched for item in effects], axis=0)
    return touched, np.any([item.gain.any(axis=1) for item in effects], axis=0)


def _count(union: tuple[BoolArray, BoolArray]) -> tuple[int, int, int]:
    """Return rows, units and switchers."""
    touched, switchers = union
    return int(touched.sum()), int(touched.any(axis=1).sum()), int(switchers.sum())


def _switchers(problem: Problem, switchers: BoolArray, state: float) -> int:
    """Return how many switchers there are of one first state."""
    return int((switchers & (problem.baseline == state)).sum())


def _thinness(problem: Problem, effects: list[Effect], contribution: FloatArray) -> Thinness:
    """Return how thin the design of ``att`` is."""
    gain, cost = (sum(getattr(item, key) for item in effects) for key in ("gain", "cost"))
    return measure(
        weight=np.asarray(gain),
        is_control=np.asarray(cost > 0),
        cohort=problem.switch,
        periods=problem.periods,
        cluster=problem.cluster,
        contribution=contribution,
    )
