"""The options of each estimator at the door: names, types, defaults, allowed values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

from evallib.errors import EstimationError, Fault, did_you_mean
from evallib.estimate.hazard_options import HAZARD_CHOICES, HazardOptions
from evallib.estimate.markov_options import (
    MARKOV_CHOICES,
    MARKOV_NAMES,
    MarkovOptions,
    clean_markov,
)
from evallib.estimate.matched_options import (
    MATCHED_NAMES,
    MatchedOptions,
    clean_matched,
)
from evallib.estimate.options_together import find_conflicts, is_int
from evallib.estimate.ordered_options import (
    GOOD_CHOICES,
    GRADE_NAMES,
    ORDERED_CHOICES,
    GoodOptions,
    OrderedOptions,
    clean_grade,
)
from evallib.estimate.regression_options import (
    BaconOptions,
    EtwfeOptions,
    EventStudyOptions,
    ImputationOptions,
    LpDidOptions,
    RegressionOptions,
    StackedOptions,
    SunAbrahamOptions,
    TwfeOptions,
)
from evallib.estimate.switching_options import (
    SWITCHING_NAMES,
    SwitchingOptions,
    clean_switching,
)
from evallib.estimate.synthetic_options import (
    SYNTHETIC_CHOICES,
    SyntheticControlOptions,
    SyntheticDidOptions,
)

ESTIMATORS = (
    "group_time",
    "pooled",
    "between",
    "first_difference",
    "fixed_effects",
    "twfe",
    "random_effects",
    "mundlak",
    "event_study",
    "sun_abraham",
    "etwfe",
    "stacked",
    "lp_did",
    "bacon",
    "imputation",
    "two_stage",
    "matched_did",
    "switching",
    "synthetic_did",
    "synthetic_control",
    "hazard",
    "markov",
    "ordered_logit",
    "good_or_better",
)
OPTION_NAMES = (
    "covariates",
    "comparison",
    "method",
    "base",
    "anticipation",
    "weights",
    "cluster",
    "small_sample",
    "vcov",
    "window",
    "reference",
    "allow_unbalanced",
    "balance",
    "level",
    "seed",
    "draws",
    "trends",
    "lags",
    *MATCHED_NAMES,
    *SWITCHING_NAMES,
    *SYNTHETIC_CHOICES,
    *HAZARD_CHOICES,
    *MARKOV_NAMES,
    *GRADE_NAMES,
    *ORDERED_CHOICES,
)
CHOICES: Mapping[str, tuple[str, ...]] = {
    "comparison": ("never_treated", "not_yet_treated"),
    "method": ("dr", "ipw", "reg"),
    "base": ("varying", "universal"),
    "small_sample": ("stata", "fixest", "linearmodels", "none"),
    "vcov": ("cluster", "iid", "hc1", "driscoll_kraay", "cr3"),
    **SYNTHETIC_CHOICES,
}
OWN_CHOICES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "hazard": HAZARD_CHOICES,
    "markov": MARKOV_CHOICES,
    "ordered_logit": ORDERED_CHOICES,
    "good_or_better": GOOD_CHOICES,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupTimeOptions:
    """Options of ``group_time``.

    Parameters
    ----------
    covariates : tuple of str
        Columns on which trends are alike; a cell uses their values in its earlier period.
    comparison : 'never_treated' or 'not_yet_treated'
    method : 'dr', 'ipw' or 'reg'
        Doubly robust, inverse probability weighting or outcome regression. Without covariates
        the three are the same number.
    base : 'varying' or 'universal'
    anticipation : int
        Periods before exposure in which behaviour may already have changed.
    weights : str, optional
        Column of sampling weights, constant within units.
    cluster : str, optional
        Column of clusters, constant within units; default the unit.
    allow_unbalanced : bool
        False leaves out units that miss a period.
    balance : int, optional
        Event time up to which every cohort in the event-time averages is observed; cohorts with
        fewer exposed periods are left out of these averages.
    level : float
    draws, seed : int
        Of the multiplier bootstrap behind ``band()``.
    """

    covariates: tuple[str, ...] = ()
    comparison: Literal["never_treated", "not_yet_treated"] = "never_treated"
    method: Literal["dr", "ipw", "reg"] = "dr"
    base: Literal["varying", "universal"] = "varying"
    anticipation: int = 0
    weights: str | None = None
    cluster: str | None = None
    allow_unbalanced: bool = True
    balance: int | None = None
    level: float = 0.95
    draws: int = 999
    seed: int = 0


Options = (
    GroupTimeOptions
    | RegressionOptions
    | LpDidOptions
    | BaconOptions
    | ImputationOptions
    | MatchedOptions
    | SwitchingOptions
    | SyntheticDidOptions
    | HazardOptions
    | MarkovOptions
    | OrderedOptions
    | GoodOptions
)
_TYPES: Mapping[str, type[Options]] = {
    "group_time": GroupTimeOptions,
    "pooled": RegressionOptions,
    "between": RegressionOptions,
    "first_difference": RegressionOptions,
    "fixed_effects": TwfeOptions,
    "twfe": TwfeOptions,
    "random_effects": RegressionOptions,
    "mundlak": RegressionOptions,
    "event_study": EventStudyOptions,
    "sun_abraham": SunAbrahamOptions,
    "etwfe": EtwfeOptions,
    "stacked": StackedOptions,
    "lp_did": LpDidOptions,
    "bacon": BaconOptions,
    "imputation": ImputationOptions,
    "two_stage": ImputationOptions,
    "matched_did": MatchedOptions,
    "switching": SwitchingOptions,
    "synthetic_did": SyntheticDidOptions,
    "synthetic_control": SyntheticControlOptions,
    "hazard": HazardOptions,
    "markov": MarkovOptions,
    "ordered_logit": OrderedOptions,
    "good_or_better": GoodOptions,
}


def read_options(name: str, given: Mapping[str, Any]) -> Options:
    """Return the checked options of an estimator.

    Parameters
    ----------
    name : str
        One of ``ESTIMATORS``.
    given : mapping
        Options as the user named them.

    Raises
    ------
    EstimationError
        For an unknown estimator or option, and for a value that is not allowed; all at once.

    Examples
    --------
    >>> read_options("group_time", {"anticipation": 1}).anticipation
    1
    """
    if name not in _TYPES:
        hint = did_you_mean(name, ESTIMATORS)
        raise EstimationError(
            [
                Fault(
                    f"estimator {name!r}",
                    "there is no such estimator",
                    "",
                    f"Use one of {', '.join(ESTIMATORS)}.{hint}",
                )
            ]
        )
    kind = _TYPES[name]
    known = [item.name for item in fields(kind)]
    faults: list[Fault] = []
    values: dict[str, Any] = {}
    for option, value in given.items():
        if option not in known:
            faults.append(_unknown(name, option, known))
            continue
        cleaned, problem = _clean(name, option, value)
        if problem:
            faults.append(Fault(f"{name}, option {option!r}", problem[0], "", problem[1]))
        values[option] = cleaned
    faults.extend(find_conflicts(name, values))
    if faults:
        raise EstimationError(faults)
    return kind(**values)


def _unknown(name: str, option: str, known: Sequence[str]) -> Fault:
    """Return the fault for an option that the estimator does not have."""
    if option in OPTION_NAMES:
        what = f"{name} has no such option in this version"
        return Fault(f"{name}, option {option!r}", what, "", f"It has {', '.join(known)}")
    hint = did_you_mean(option, (*known, *OPTION_NAMES))
    return Fault(
        f"{name}, option {option!r}",
        "there is no such option",
        "",
        f"It has {', '.join(known)}.{hint}",
    )


def _clean(name: str, option: str, value: Any) -> tuple[Any, tuple[str, str] | None]:
    """Return an option's value in its type, and (what is wrong, remedy) if it is wrong."""
    if option in MATCHED_NAMES:
        return clean_matched(option, value)
    if option in SWITCHING_NAMES:
        return clean_switching(option, value)
    if option in GRADE_NAMES:
        return clean_grade(option, value)
    if option in MARKOV_NAMES:
        return clean_markov(option, value)
    allowed = OWN_CHOICES.get(name, {}).get(option) or CHOICES.get(option)
    if allowed:
        if isinstance(value, str) and value in allowed:
            return value, None
        hint = did_you_mean(str(value), allowed)
        return value, (f"{value!r} is not allowed", f"Use {' or '.join(allowed)}.{hint}")
    if option == "level":
        good = isinstance(value, (int, float)) and 0 < value < 1
        return value, None if good else (f"{value!r} is not between 0 and 1", "Use 0.95")
    if option == "anticipation":
        good = is_int(value) and value >= 0
        return (int(value) if good else value), (
            None if good else (f"{value!r} is not a whole number of periods from 0", "Use 0")
        )
    if option == "balance":
        good = value is None or (is_int(value) and value >= 0)
        return (int(value) if good and value is not None else value), (
            None if good else (f"{value!r} is not an event time from 0", "Use 2, for example")
        )
    if option in ("draws", "seed"):
        least, usual = (99, 999) if option == "draws" else (0, 1)
        good = is_int(value) and value >= least
        return (int(value) if good else value), (
            None if good else (f"{value!r} is not a whole number from {least}", f"Use {usual}")
        )
    if option == "reference":
        good = is_int(value)
        return (int(value) if good else value), (
            None if good else (f"{value!r} is not an event time", "Use -1")
        )
    if option == "window":
        return _clean_window(value)
    if option == "lags":
        good = value is None or (is_int(value) and value >= 0)
        return (int(value) if good and value is not None else value), (
            None if good else (f"{value!r} is not a number of periods", "Use 1, for example")
        )
    if option in {"allow_unbalanced", "trends"}:
        good = isinstance(value, bool)
        return value, None if good else (f"{value!r} is not true or false", "Use True")
    if option == "covariates":
        names = (value,) if isinstance(value, str) else tuple(value or ())
        good = all(isinstance(item, str) for item in names)
        return names, None if good else (f"{value!r} is not a list of columns", "Name columns")
    if option == "cluster" and isinstance(value, (list, tuple)):
        if len(value) == 1 and isinstance(value[0], str):
            return value[0], None
        if len(value) == 2 and all(isinstance(item, str) for item in value):
            one = value[0] if value[0] == value[1] else tuple(value)
            return one, None
        return value, (f"{value!r} is not one or two columns", "Name one or two columns")
    good = value is None or isinstance(value, str)
    return value, None if good else (f"{value!r} is not the name of a column", "Name a column")


def _clean_window(value: Any) -> tuple[Any, tuple[str, str] | None]:
    """Return a window as two whole numbers, or what is wrong with it."""
    if value is None:
        return None, None
    try:
        ends = tuple(value)
    except TypeError:
        ends = ()
    if len(ends) != 2 or not all(is_int(end) for end in ends):
        return value, (f"{value!r} is not two event times", "Use (-5, 2), for example")
    first, last = int(ends[0]), int(ends[1])
    if first >= 0 or last < 0 or math.isinf(first):
        return value, (
            f"{value!r} does not reach from before exposure to after it",
            "Begin below 0 and end at 0 or above",
        )
    return (first, last), None
