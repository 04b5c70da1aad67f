"""Which rows and options of a design each estimator gets, and the fit itself."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pandas as pd

from evallib.design import Design
from evallib.errors import EstimationError, EvallibWarning, Fault
from evallib.estimate import Estimate, fit
from evallib.plan.estimators import SYNTHETIC, WITHOUT_COVARIATES, WITHOUT_WEIGHTS

COLUMNS = {
    "outcome": "value",
    "unit": "council_code",
    "time": "period",
    "cohort": "cohort",
    "cluster": "cluster",
}
# These read the event year's rows, whose place they know; the others never see them.
WITH_EVENT_YEAR = ("group_time", "matched_did", *SYNTHETIC)


def fit_design(design: Design, name: str) -> Estimate:
    """Fit one design with one estimator, before the inference policy.

    Parameters
    ----------
    design : Design
        The design.
    name : str
        An estimator that plans take.

    Raises
    ------
    EstimationError
        Where the estimator cannot answer.

    Warns
    -----
    EvallibWarning
        For covariates that council effects absorb, besides what the estimator warns of.
    """
    covariates = usable_covariates(design, name)
    columns = {role: column for role, column in COLUMNS.items() if role not in left_out(name)}
    found = fit(name, rows_of(design, name), **columns, **options_of(design, name, covariates))
    idle = [column for column in design.covariates if column not in covariates]
    if idle:
        text = (
            f"{', '.join(idle)}: no change within councils, so that council effects absorb it and "
            f"{name} leaves it out."
        )
        warnings.warn(text, EvallibWarning, stacklevel=2)
        found = replace(found, warnings=(*found.warnings, text))
    if name in {"stacked", "lp_did", "matched_did"}:
        first, last = found.details["window"] if name != "matched_did" else design.window
        found = replace(found, estimand=f"{found.estimand} Window: {first} to {last}.")
    return found


def fit_quietly(fitted: Callable[[Design, str], Estimate], design: Design, name: str) -> Estimate:
    """Fit a design again: what it warned of the first time stays with the estimate alone."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EvallibWarning)
        return fitted(design, name)


def left_out(name: str) -> tuple[str, ...]:
    """Return the roles of columns that an estimator does not take."""
    return ("cluster",) if name in SYNTHETIC else ()


def rows_of(design: Design, name: str) -> pd.DataFrame:
    """Return the rows of a design that an estimator takes."""
    return design.group_time_frame if name in WITH_EVENT_YEAR else design.frame


def usable_covariates(design: Design, name: str) -> tuple[str, ...]:
    """Return the covariates of a design that an estimator's own effects do not absorb."""
    if name in WITH_EVENT_YEAR:
        return design.covariates
    by_council = design.frame.groupby("council_code")
    return tuple(c for c in design.covariates if (by_council[c].nunique() > 1).any())


def options_of(design: Design, name: str, covariates: tuple[str, ...]) -> dict[str, Any]:
    """Return the options at the door that carry a design's rules, its columns apart.

    Parameters
    ----------
    design : Design
    name : str
    covariates : tuple of str
        See `usable_covariates`.

    Raises
    ------
    EstimationError
        When the estimator cannot take the plan's covariates or weights.
    """
    faults = []
    for what, is_asked, without in (
        (f"covariates ({', '.join(covariates)})", bool(covariates), WITHOUT_COVARIATES),
        ("weights", design.weighted, WITHOUT_WEIGHTS),
    ):
        if is_asked and name in without:
            why = "without them it would answer another question than the plan's other estimators"
            remedy = f"Take {name} out of estimators, or {what.split()[0]} out of the plan"
            where = f"outcome {design.outcome}, {name}"
            faults.append(Fault(where, f"it takes no {what}, and the plan has them", why, remedy))
    if faults:
        raise EstimationError(faults)
    given: dict[str, Any] = {"level": design.level}
    if design.weighted:
        given["weights"] = "weight"
    if covariates:
        given["match_on" if name == "matched_did" else "covariates"] = list(covariates)
    before = {"anticipation": design.anticipation, "comparison": design.comparison}
    window = common_window(design) if name in {"stacked", "lp_did"} else design.window
    more: dict[str, dict[str, Any]] = {
        "group_time": {**before, "base": "universal"},
        "event_study": {"window": window, "reference": design.reference},
        "sun_abraham": {"reference": design.reference},
        "etwfe": before,
        "stacked": {**before, "window": window},
        "lp_did": {**before, "window": window},
        "matched_did": {**before, "window": window},
        **{one: {"anticipation": design.anticipation, "seed": design.seed} for one in SYNTHETIC},
    }
    return given | more.get(name, {})


def common_window(design: Design) -> tuple[int, int]:
    """Return the plan's window, shortened until half of the treated councils have all of it.

    ``stacked`` and ``lp_did`` follow the same councils through a whole window: councils exposed
    too late (or too early) for it are left out. The last event time is settled first.
    """
    starts = design.councils.loc[design.councils["is_treated"], "cohort"].astype(float)
    early, late = int(design.full["period"].min()), int(design.full["period"].max())
    first, last = design.window
    while last > 0 and (starts + last <= late).mean() < 0.5:
        last -= 1
    while first < design.reference:
        if ((starts + first >= early) & (starts + last <= late)).mean() >= 0.5:
            break
        first += 1
    return first, last
