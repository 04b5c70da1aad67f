"""From designs to estimates: fit through the door, then apply the inference policy."""

from __future__ import annotations

import warnings
import zlib
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from evallib.design import Design, Designs
from evallib.errors import EstimationError, EvallibWarning, ThinDesignWarning
from evallib.estimate import Estimate, Estimates, fit
from evallib.estimate.bands import Band
from evallib.estimate.cells import CellSource
from evallib.estimate.group_time import cluster_sums
from evallib.estimate.result import BoolArray, FloatArray, Refusal
from evallib.estimate.thinness import Thinness
from evallib.estimate.two_way import Fit
from evallib.inference.bands import sup_t_band
from evallib.inference.paths import path_panel, path_problem
from evallib.inference.permutation import permute_paths
from evallib.inference.permuted_cells import permute_cells
from evallib.inference.permuted_regression import (
    PathRegression,
    path_after,
    path_events,
    path_rows,
    permute_regression,
)
from evallib.inference.policy import (
    PERMUTATION_DRAWS,
    apply_permuted_cells,
    apply_permuted_terms,
    apply_wild,
    choose_action,
    jackknife_details,
    lead_facts,
    permutation_sentence,
    require_treated,
    resampled_band,
)
from evallib.inference.wald import wald_leads

Progress = Callable[[str], None]


def estimate(
    designs: Design | Designs | Iterable[Design], progress: Progress | None = None
) -> Estimates:
    """Estimate designs with the plan's estimators under the inference policy.

    Parameters
    ----------
    designs : Design, Designs or iterable of Design
        Each is estimated with its alternative, where it has one.
    progress : callable, optional
        Is given a line before each estimate.

    Returns
    -------
    Estimates
        In the order of the designs; ``refused`` lists what the policy or the data refuse.

    Raises
    ------
    EstimationError
        When everything is refused.

    Warns
    -----
    EvallibWarning
        Once for each kind of warning that estimates raised; each estimate keeps its own. Thin
        designs are dealt with and do not warn.
    """
    many = [designs] if isinstance(designs, Design) else list(designs)
    found: list[Estimate] = []
    refused: list[Refusal] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for design in many:
            for one in (design, design.alternative):
                if one is None:
                    continue
                for name in one.estimators:
                    if progress is not None:
                        progress(f"{one.outcome} ({one.no_record}): {name}")
                    try:
                        found.append(estimate_one(one, name))
                    except EstimationError as error:
                        refused.append(
                            Refusal(one.outcome, one.role, name, one.no_record, error.faults)
                        )
    _pass_on(caught)
    if not found and refused:
        raise EstimationError([fault for refusal in refused for fault in refusal.faults])
    return Estimates(tuple(found), tuple(refused))


def _pass_on(caught: list[warnings.WarningMessage]) -> None:
    """Raise each kind of warning once, thin designs apart; warnings of others as they were."""
    ours: dict[type[Warning], list[str]] = {}
    for item in caught:
        if not issubclass(item.category, EvallibWarning):
            warnings.warn_explicit(item.message, item.category, item.filename, item.lineno)
        elif not issubclass(item.category, ThinDesignWarning):
            ours.setdefault(item.category, []).append(str(item.message))
    for category, texts in ours.items():
        more = f" (the first of {len(texts)} such warnings)" if len(texts) > 1 else ""
        warnings.warn(f"{texts[0]}{more}", category, stacklevel=3)


def fit_design(design: Design, name: str) -> Estimate:
    """Fit one design with one estimator, before the inference policy.

    Parameters
    ----------
    design : Design
        The design.
    name : str
        ``twfe``, ``event_study`` or ``group_time``.

    Raises
    ------
    EstimationError
        Where the estimator cannot answer.
    """
    columns = {"outcome": "value", "unit": "council_code", "time": "period", "cluster": "cluster"}
    extra: dict[str, Any] = {"level": design.level}
    if design.weighted:
        extra["weights"] = "weight"
    if name == "group_time":
        return fit(
            name,
            design.group_time_frame,
            cohort="cohort",
            anticipation=design.anticipation,
            base="universal",
            comparison=design.comparison,
            **columns,
            **extra,
        )
    if name == "event_study":
        extra |= {"cohort": "cohort", "window": design.window, "reference": design.reference}
    elif name == "twfe":
        extra |= {"cohort": "cohort"}
    return fit(name, design.frame, **columns, **extra)


def estimate_one(design: Design, name: str) -> Estimate:
    """Estimate one design with one estimator under the inference policy.

    Raises
    ------
    EstimationError
        For fewer than five treated councils, and where the estimator cannot answer.
    """
    require_treated(design.n_treated, design.outcome, name)
    rng = np.random.default_rng(seed_of(design, name))
    policy = _group_time if name == "group_time" else _regression
    done = policy(design, fit_design(design, name), rng)
    return replace(
        done,
        outcome=design.outcome,
        unit=design.unit,
        role=design.role,
        polarity=design.polarity,
        comparison=design.comparison,
        no_record=design.no_record,
        sample_id=design.sample_id,
    )


def seed_of(design: Design, name: str) -> list[int]:
    """Return the seed of an estimate: the plan's, and what the estimate is of."""
    what = f"{design.outcome}|{name}|{design.no_record}"
    return [design.seed, zlib.crc32(what.encode())]


def _lead_times(design: Design, event_time: FloatArray) -> FloatArray:
    """Return the event times inside the window that lie before the reference."""
    inside = (event_time >= design.window[0]) & (event_time < design.reference)
    return event_time[inside & ~np.isnan(event_time)]


def _group_time(design: Design, fitted: Estimate, rng: np.random.Generator) -> Estimate:
    thinness: Thinness = fitted.details["thinness"]
    source = fitted.source
    if not isinstance(source, CellSource):
        return fitted
    if choose_action("influence", thinness) == "analytic":
        dynamic = fitted.aggregate("dynamic")
        band = _influence_band(dynamic, source, rng)
        leads = wald_leads(dynamic, _lead_times(design, dynamic.event_time))
        method = f"{fitted.interval_method} {thinness.sentence}"
        return _with(fitted, method, {"leads": leads, "band": band, "action": "analytic"})
    panel = path_panel(design)
    problem, codes = path_problem(design, panel)
    drawn = permute_paths(codes, panel.strata, panel.cluster, PERMUTATION_DRAWS, rng)
    found = permute_cells(problem, codes, drawn)
    done = apply_permuted_cells(fitted, found, panel.strata_name)
    terms = found.parts["dynamic"]
    facts = {
        "leads": lead_facts(terms, _lead_times(design, terms.event_time), design.level),
        "band": resampled_band(done.aggregate("dynamic"), terms),
        "action": "permutation",
        "strata": panel.strata_name,
    }
    return _with(done, f"{done.interval_method} {thinness.sentence}", facts)


def _influence_band(dynamic: Estimate, source: CellSource, rng: np.random.Generator) -> Band:
    influence = dynamic.influence if dynamic.influence is not None else np.zeros((1, 1))
    sums = cluster_sums(influence, source.problem.cluster)
    shown = ~np.isnan(dynamic.event_time)
    std_error = np.where(shown, dynamic.std_error, np.nan)
    return sup_t_band(dynamic.point, std_error, sums, dynamic.level, rng)


def _with(estimate: Estimate, method: str, facts: dict[str, Any]) -> Estimate:
    """Return an estimate and its aggregations with a method's sentence and further facts."""
    details = {key: value for key, value in estimate.details.items() if key != "fit"}
    done = replace(estimate, interval_method=method, details={**details, **facts})
    source = done.source
    if isinstance(source, CellSource):
        kinds = ("simple", "dynamic", "group", "calendar")
        parts = {kind: estimate.aggregate(kind) for kind in kinds}
        replaced = {
            kind: replace(
                part,
                interval_method=method,
                details={**details, **facts, "aggregation": kind},
                source=None,
            )
            for kind, part in parts.items()
        }
        done = replace(done, source=replace(source, replaced=replaced))
    return done


def _regression(design: Design, fitted: Estimate, rng: np.random.Generator) -> Estimate:
    thinness: Thinness | None = fitted.details["thinness"]
    kept: Fit = fitted.details["fit"]
    action = "analytic" if thinness is None else choose_action("regression", thinness)
    facts: dict[str, Any] = dict(jackknife_details(kept, action != "analytic"))
    facts["action"] = action
    if action == "permutation":
        done, more = _permute_regression(design, fitted, kept, rng)
        facts |= more
    elif action == "wild_bootstrap":
        done, terms = apply_wild(fitted, kept, rng)
        if fitted.estimator == "event_study":
            how = "wild bootstrap"
            leads = _lead_times(design, fitted.event_time)
            facts["leads"] = lead_facts(terms, leads, design.level, how)
            facts["band"] = resampled_band(fitted, terms, how)
    else:
        done = fitted
    if "leads" not in facts and fitted.estimator == "event_study":
        facts["leads"] = wald_leads(fitted, _lead_times(design, fitted.event_time))
    if "band" not in facts and fitted.scores is not None and fitted.estimator == "event_study":
        shown = np.where(np.isnan(fitted.event_time), np.nan, fitted.std_error)
        facts["band"] = sup_t_band(fitted.point, shown, fitted.scores, fitted.level, rng)
    rule = "" if thinness is None else f" {thinness.sentence}"
    beside = ""
    if facts["cr3_reasons"]:
        beside = (
            f" CR3 standard error of {fitted.terms[0]}: {facts['cr3_std_error'][0]:.4g} "
            f"({'; '.join(facts['cr3_reasons'])})."
        )
    return _with(done, f"{done.interval_method}{rule}{beside}", facts)


def _permute_regression(
    design: Design, fitted: Estimate, kept: Fit, rng: np.random.Generator
) -> tuple[Estimate, dict[str, Any]]:
    panel = path_panel(design)
    is_events = fitted.estimator == "event_study"
    live: BoolArray = np.asarray(kept.rows.any(axis=1))
    shown = None
    if is_events:
        times = fitted.event_time[live & ~np.isnan(fitted.event_time)]
        shown = np.unique(times)
    cohort = panel.paths.cohort[panel.codes]  # later-treated controls among them
    exposed = ((panel.periods[None, :] >= cohort[:, None]) & panel.observed).astype(float)
    problem = PathRegression(
        outcome=panel.outcome,
        weight=panel.weight,
        cluster=panel.cluster,
        regressors=path_events(
            panel.paths, panel.periods, shown, design.window if is_events else None
        ),
        kept=path_rows(panel.paths, panel.periods, design.anticipation),
        exposed=exposed,
        rows=kept.rows[live],
        after=path_after(panel.paths, panel.periods) if is_events else None,
    )
    drawn = permute_paths(panel.codes, panel.strata, panel.cluster, PERMUTATION_DRAWS, rng)
    names = tuple(term for term, is_live in zip(fitted.terms, live, strict=True) if is_live)
    first, terms = permute_regression(problem, panel.codes, drawn, names, fitted.event_time[live])
    sentence = permutation_sentence(
        fitted.level, PERMUTATION_DRAWS, panel.strata_name, fitted.terms[0]
    )
    done = apply_permuted_terms(fitted, terms, first, sentence)
    facts: dict[str, Any] = {"strata": panel.strata_name}
    if is_events:
        leads = _lead_times(design, terms.event_time)
        facts |= {
            "leads": lead_facts(terms, leads, design.level),
            "band": resampled_band(done, terms),
        }
    return done, facts
