"""The one door: any tidy frame and the name of an estimator in, an ``Estimate`` out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from evallib.errors import EstimationError, Fault, SwappedColumnsWarning, ThinDesignWarning
from evallib.estimate.bacon import fit_bacon
from evallib.estimate.columns import Notes
from evallib.estimate.etwfe import fit_etwfe
from evallib.estimate.event_study import fit_event_study
from evallib.estimate.good_or_better import fit_good_or_better
from evallib.estimate.group_time_fit import fit_group_time
from evallib.estimate.hazard import fit_hazard
from evallib.estimate.imputation import fit_imputation, fit_two_stage
from evallib.estimate.intake import Sample, take
from evallib.estimate.kept import Kept
from evallib.estimate.lp_did import fit_lp_did
from evallib.estimate.markov import fit_markov
from evallib.estimate.matched_columns import find_column_faults, read_match_columns
from evallib.estimate.matched_fit import fit_matched_did
from evallib.estimate.matched_options import MatchedOptions
from evallib.estimate.options import GroupTimeOptions, read_options
from evallib.estimate.ordered_grades import Ladder, read_grades
from evallib.estimate.ordered_logit import fit_ordered_logit
from evallib.estimate.ordered_options import GoodOptions, GradeOptions, OrderedOptions
from evallib.estimate.panel_regressions import fit_between, fit_first_difference, fit_pooled
from evallib.estimate.random_effects import fit_mundlak, fit_random_effects
from evallib.estimate.result import Estimate
from evallib.estimate.stacked import fit_stacked
from evallib.estimate.sun_abraham import fit_sun_abraham
from evallib.estimate.switching import fit_switching
from evallib.estimate.synthetic_fit import fit_synthetic_control, fit_synthetic_did
from evallib.estimate.twfe import fit_fixed_effects, fit_twfe

REGRESSIONS: Mapping[str, Callable[[Sample, Any, Notes], Estimate]] = {
    "pooled": fit_pooled,
    "between": fit_between,
    "first_difference": fit_first_difference,
    "fixed_effects": fit_fixed_effects,
    "twfe": fit_twfe,
    "random_effects": fit_random_effects,
    "mundlak": fit_mundlak,
    "event_study": fit_event_study,
    "sun_abraham": fit_sun_abraham,
    "etwfe": fit_etwfe,
    "stacked": fit_stacked,
    "lp_did": fit_lp_did,
    "bacon": fit_bacon,
    "imputation": fit_imputation,
    "two_stage": fit_two_stage,
    "switching": fit_switching,
    "synthetic_did": fit_synthetic_did,
    "synthetic_control": fit_synthetic_control,
}
Reader = Callable[[pd.DataFrame, tuple[str, str, str], Any, Notes], Estimate]
OF_EVENTS: Mapping[str, Reader] = {"hazard": fit_hazard, "markov": fit_markov}
FROM_LEVELS = ("pooled", "between", "ordered_logit", "good_or_better")
DATED = (
    "group_time",
    "event_study",
    "sun_abraham",
    "etwfe",
    "stacked",
    "lp_did",
    "bacon",
    "imputation",
    "two_stage",
    "matched_did",
    "synthetic_did",
    "synthetic_control",
)


def fit(
    name: str,
    frame: pd.DataFrame,
    *,
    outcome: str,
    unit: str,
    time: str,
    cohort: str | None = None,
    treatment: str | None = None,
    **options: Any,
) -> Estimate:
    """Fit an estimator to a tidy frame with one row a unit and period.

    Parameters
    ----------
    name : str
        'group_time', 'matched_did', 'event_study', 'sun_abraham', 'etwfe', 'imputation',
        'two_stage', 'stacked', 'lp_did', 'bacon', 'synthetic_did', 'synthetic_control', 'twfe',
        'fixed_effects', 'first_difference', 'random_effects', 'mundlak', 'pooled', 'between',
        'switching', 'hazard', 'markov', 'ordered_logit' or 'good_or_better'.
    frame : DataFrame
        Is not changed; the order of its rows does not matter.
    outcome, unit, time : str
        Columns: a number, a name, a period as a whole number (2015 for '2015/16'). Rows without
        an outcome are left out with a warning. For 'hazard' the outcome is 1 in the period of the
        event and 0 at risk of it; for 'markov' it is a state, and time may be any number. For
        'ordered_logit' and 'good_or_better' it is a grade: a whole number, higher being better,
        or an ordered category.
    cohort : str, optional
        Column of first treated periods, constant within units; missing means never treated
        (0 and infinity too, with a warning).
    treatment : str, optional
        Column that is 1 where exposed and 0 elsewhere. Give this or ``cohort``, or covariates
        alone for a panel regression. A unit's cohort is its first period with a 1, whether or not
        that row has an outcome. Only 'switching', and 'lp_did' with ``stabilise``, take exposure
        that ends, and values that are missing because nobody knows whether it has ended.
    **options
        ``comparison``, ``base``, ``anticipation``, ``method``, ``weights``, ``cluster``,
        ``allow_unbalanced``, ``balance``, ``covariates``, ``small_sample``, ``vcov``, ``window``,
        ``reference``, ``trends``, ``lags``, ``match``, ``match_on``, ``exact``, ``neighbours``,
        ``replace``, ``caliper``, ``bias_correction``, ``trend_periods``, ``inference``,
        ``augment``, ``model``, ``link``, ``baseline``, ``ties``, ``framework``, ``allowed``,
        ``exact_states``, ``distr``, ``fixed_effects``, ``good``, ``mundlak``,
        ``random_intercept``, ``effects``, ``placebos``, ``normalised``, ``stabilise``, ``level``,
        ``draws``, ``seed``, as the estimator has them.

    Returns
    -------
    Estimate
        Headed by ``att``, by ``overall`` for group_time, by covariates for hazard, by changes
        such as ``1->2`` for markov.

    Raises
    ------
    EstimationError
        For unknown names, options and columns, for values that cannot be used and for samples
        that identify no effect; all that can be seen together are reported together.

    Warns
    -----
    EvallibWarning
        Its subclasses say what was left out and where the numbers are weak. The policy for thin
        designs never acts here: it only warns.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = [(u, t, 2010 if u % 3 == 0 else None) for u in range(60) for t in (2009, 2010)]
    >>> frame = pd.DataFrame(rows, columns=["council", "year", "first"])
    >>> frame["rate"] = frame["council"] ** 0.5 * (frame["year"] - 2000)
    >>> frame["rate"] += (frame["year"] >= frame["first"]) * 2.0
    >>> found = fit("twfe", frame, outcome="rate", unit="council", time="year", cohort="first")
    >>> found.terms, float(found.point[0].round(2))
    (('att',), 1.79)
    """
    chosen = read_options(name, options)
    reads_paths = name == "switching" or getattr(chosen, "stabilise", None) is not None
    notes = Notes()
    if name in OF_EVENTS:
        _refuse_exposure(name, cohort, treatment)
        estimate = OF_EVENTS[name](frame, (outcome, unit, time), chosen, notes)
        return replace(estimate, outcome=outcome, warnings=tuple(notes.texts))
    more = find_column_faults(frame, chosen) if isinstance(chosen, MatchedOptions) else []
    covariates, ladder = getattr(chosen, "covariates", ()), Ladder(())
    if isinstance(chosen, GradeOptions):
        frame, ladder, more = read_grades(frame, outcome, chosen)
        covariates = (*covariates, *([chosen.framework] if chosen.framework else []))
    try:
        sample = take(
            frame,
            outcome=outcome,
            unit=unit,
            time=time,
            cohort=cohort,
            treatment=treatment,
            weights=getattr(chosen, "weights", None),
            cluster=getattr(chosen, "cluster", None),
            covariates=covariates,
            notes=notes,
            needs_dates=name in DATED and not reads_paths,
            needs_exposure=name in DATED or reads_paths,
            reads_paths=reads_paths,
        )
    except EstimationError as error:
        raise EstimationError([*error.faults, *more]) from None
    if more:
        raise EstimationError(more)
    _require_variation(name, sample, outcome, time)
    if name in DATED and not reads_paths and not sample.is_absorbing:
        what = "exposure ends again for some units"
        why = "event time counts from the first exposure on"
        also = "say with stabilise= how long a change matters, " if name == "lp_did" else ""
        remedy = f"Give cohort=, {also}or use 'switching'"
        raise EstimationError([Fault("treatment", what, why, remedy)])
    if _looks_like_years(sample.units) and not _looks_like_years(sample.periods):
        text = f"The units ({unit!r}) look like years, the periods ({time!r}) do not: swapped?"
        notes.warn(SwappedColumnsWarning, text)
    columns = None
    if isinstance(chosen, GroupTimeOptions):
        estimate = fit_group_time(sample, chosen, notes)
    elif isinstance(chosen, MatchedOptions):
        columns = read_match_columns(frame, unit, time, sample, chosen)
        estimate = fit_matched_did(sample, columns, chosen, notes)
    elif isinstance(chosen, OrderedOptions):
        estimate = fit_ordered_logit(sample, ladder, chosen, notes)
    elif isinstance(chosen, GoodOptions):
        estimate = fit_good_or_better(sample, ladder, chosen, notes)
    else:
        estimate = REGRESSIONS[name](sample, chosen, notes)
    if not np.isfinite(estimate.std_error[0]):
        text = f"{estimate.terms[0]} has no standard error: too few units vary to compute one."
        notes.warn(ThinDesignWarning, text)
    details = {**estimate.details, "kept": Kept(sample, chosen, columns)}
    return replace(estimate, outcome=outcome, warnings=tuple(notes.texts), details=details)


def _refuse_exposure(name: str, cohort: str | None, treatment: str | None) -> None:
    """Refuse exposure for an estimator of events or states, which has none."""
    named = {"cohort": cohort, "treatment": treatment}
    given = [f"{role}={column!r}" for role, column in named.items() if column is not None]
    if given:
        what = f"{name} has no exposure"
        remedy = "Leave it out; name a column in covariates=[...] to see its part"
        raise EstimationError([Fault(" and ".join(given), what, "", remedy)])


def _require_variation(name: str, sample: Sample, outcome: str, time: str) -> None:
    """Refuse a sample that has nothing for the estimator to compare."""
    if sample.periods.size < 2 and name not in FROM_LEVELS:
        what = f"there is one period ({sample.periods[0]})"
        raise EstimationError([Fault(f"column {time!r}", what, "", "Give at least two periods")])
    values = sample.outcome[sample.observed]
    if np.ptp(values) == 0:
        what = "every value is the same"
        raise EstimationError([Fault(f"column {outcome!r}", what, "", "Check the outcome")])
    first = sample.observed.argmax(axis=1)
    start = sample.outcome[np.arange(first.size), first]
    if name not in FROM_LEVELS and (sample.outcome == start[:, None])[sample.observed].all():
        what = "it never changes within a unit"
        why = f"{name} compares changes"
        raise EstimationError([Fault(f"column {outcome!r}", what, why, "Check the outcome")])


def _looks_like_years(labels: np.ndarray[Any, Any]) -> bool:
    """Return whether all labels are whole numbers from 1900 to 2100."""
    return all(
        isinstance(item, (int, float)) and 1900 <= item <= 2100 and item == int(item)
        for item in labels.tolist()
    )
