"""The options of the estimators of grades, and what they refuse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from evallib.errors import Fault

Distribution = Literal["logit", "probit"]
GRADES = ("ordered_logit", "good_or_better")
GRADE_NAMES = ("good", "mundlak", "random_intercept")
ORDERED_CHOICES: Mapping[str, tuple[str, ...]] = {
    "distr": ("logit", "probit"),
    "fixed_effects": ("none", "period"),
    "vcov": ("cluster", "iid"),
    "small_sample": ("stata", "none"),
}
GOOD_CHOICES: Mapping[str, tuple[str, ...]] = {"fixed_effects": ("period", "two_way")}


@dataclass(frozen=True, slots=True, kw_only=True)
class GradeOptions:
    """Options that the estimators of grades share.

    Parameters
    ----------
    covariates : tuple of str
        Columns of numbers.
    framework : str, optional
        Column of the scale that a grade was given on. Grades of different scales are never
        compared: each has thresholds, or period effects, of its own.
    good : str or int, optional
        The lowest grade that counts as good; default 'Good', or 3 where grades are numbers.
    mundlak : bool
        Whether the units' means of what varies within them are among the terms.
    weights : str, optional
        Column of positive weights of the rows.
    cluster : str, optional
        Column of clusters; default the unit.
    level : float
    """

    covariates: tuple[str, ...] = ()
    framework: str | None = None
    good: str | int | float | None = None
    mundlak: bool = True
    weights: str | None = None
    cluster: str | None = None
    level: float = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderedOptions(GradeOptions):
    """Options of ``ordered_logit``: those of all grades, and a distribution.

    Parameters
    ----------
    distr : 'logit' or 'probit'
    vcov : 'cluster' or 'iid'
        Clustered, or the inverse of the observed information, which takes weights as counts.
    small_sample : 'stata' or 'none'
        Clustered covariances times G/(G-1), or without a factor.
    fixed_effects : 'none' or 'period'
        Whether each period (of each framework) has an effect of its own.
    random_intercept : bool
        Whether each unit has a normal intercept, integrated out at ten adaptive points.
    """

    distr: Distribution = "logit"
    fixed_effects: Literal["none", "period"] = "none"
    vcov: Literal["cluster", "iid"] = "cluster"
    small_sample: Literal["stata", "none"] = "stata"
    random_intercept: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GoodOptions(GradeOptions):
    """Options of ``good_or_better``: those of all grades and of a regression.

    Parameters
    ----------
    fixed_effects : 'period' or 'two_way'
        Period effects with the units' means, which needs no second row of a unit; or effects of
        units and periods.
    vcov : 'cluster', 'iid', 'hc1', 'driscoll_kraay' or 'cr3'
    small_sample : 'stata', 'fixest', 'linearmodels' or 'none'
    """

    fixed_effects: Literal["period", "two_way"] = "period"
    vcov: Literal["cluster", "iid", "hc1", "driscoll_kraay", "cr3"] = "cluster"
    small_sample: Literal["stata", "fixest", "linearmodels", "none"] = "stata"


def clean_grade(option: str, value: Any) -> tuple[Any, tuple[str, str] | None]:
    """Return an option's value, and (what is wrong, remedy) if it is wrong."""
    if option in {"mundlak", "random_intercept"}:
        good = isinstance(value, bool)
        return value, None if good else (f"{value!r} is not true or false", "Use True")
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    good = value is None or isinstance(value, str) or is_number
    return value, None if good else (f"{value!r} is not a grade", "Use 3 or 'Good'")


def good_together(values: Mapping[str, Any]) -> list[Fault]:
    """Return the faults of options of ``good_or_better`` that do not go with unit effects."""
    if values.get("fixed_effects") != "two_way":
        return []
    faults = []
    where = "good_or_better, option"
    if values.get("framework") is not None:
        what = "it does not go with fixed_effects='two_way'"
        why = "a council's change from one framework to another is no change of its grade"
        remedy = "Keep the rows of one framework, or use fixed_effects='period'"
        faults.append(Fault(f"{where} 'framework'", what, why, remedy))
    if values.get("mundlak") is True:
        what = "it does not go with fixed_effects='two_way'"
        why = "unit effects take the place of the units' means"
        faults.append(Fault(f"{where} 'mundlak'", what, why, "Leave it out"))
    return faults
