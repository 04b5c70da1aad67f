"""The options of the estimators of grades, and what they refuse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from evallib.errors import Fault, did_you_mean

Distribution = Literal["logit", "probit"]
GRADE_NAMES = ("distr", "mundlak", "framework", "good", "random_intercept", "effects")
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "distr": ("logit", "probit"),
    "effects": ("none", "period", "two_way"),
}


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
    """Options of ``ordered_logit``: those of all grades, a distribution, a random intercept.

    Parameters
    ----------
    distr : 'logit' or 'probit'
    vcov : 'cluster' or 'iid'
        Clustered, or the inverse of the observed information, which takes weights as counts.
    small_sample : 'stata' or 'none'
        Clustered covariances times G/(G-1), or without a factor.
    effects : 'none' or 'period'
        Whether each period (of each framework) has an effect of its own.
    random_intercept : bool
        Whether each unit has a normal intercept, integrated out; then ``vcov="iid"``.
    """

    distr: Distribution = "logit"
    effects: Literal["none", "period"] = "none"
    vcov: Literal["cluster", "iid"] = "cluster"
    small_sample: Literal["stata", "none"] = "stata"
    random_intercept: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GoodOptions(GradeOptions):
    """Options of ``good_or_better``: those of all grades and of a regression.

    Parameters
    ----------
    effects : 'period' or 'two_way'
        Period effects with the units' means, which needs no second row of a unit; or effects of
        units and periods.
    vcov : 'cluster', 'iid', 'hc1', 'driscoll_kraay' or 'cr3'
    small_sample : 'stata', 'fixest', 'linearmodels' or 'none'
    """

    effects: Literal["period", "two_way"] = "period"
    vcov: Literal["cluster", "iid", "hc1", "driscoll_kraay", "cr3"] = "cluster"
    small_sample: Literal["stata", "fixest", "linearmodels", "none"] = "stata"


def clean_grade(option: str, value: Any) -> tuple[Any, tuple[str, str] | None]:
    """Return an option's value, and (what is wrong, remedy) if it is wrong."""
    if option in _CHOICES:
        if value in _CHOICES[option]:
            return value, None
        hint = did_you_mean(str(value), _CHOICES[option])
        remedy = f"Use {' or '.join(_CHOICES[option])}.{hint}"
        return value, (f"{value!r} is not allowed", remedy)
    if option in {"mundlak", "random_intercept"}:
        good = isinstance(value, bool)
        return value, None if good else (f"{value!r} is not true or false", "Use True")
    if option == "good":
        good = value is None or (isinstance(value, (str, int, float)) and value is not True)
        return value, None if good else (f"{value!r} is not a grade", "Use 3 or 'Good'")
    good = value is None or isinstance(value, str)
    return value, None if good else (f"{value!r} is not the name of a column", "Name a column")


def grades_together(name: str, values: Mapping[str, Any]) -> list[Fault]:
    """Return the faults of choices that an estimator of grades does not have."""
    faults = []

    def refuse(option: str, why: str, remedy: str) -> None:
        what = f"{values.get(option)!r} is not for {name}"
        faults.append(Fault(f"{name}, option {option!r}", what, why, remedy))

    if isinstance(values.get("cluster"), tuple):
        refuse("cluster", "", "Name one column")
    if name == "good_or_better":
        if values.get("effects") == "none":
            refuse("effects", "shares of good grades change from year to year", "Use 'period'")
        if values.get("effects") == "two_way" and values.get("framework") is not None:
            why = "a unit's change from one framework to another is no change of its grade"
            refuse("effects", why, "Keep the rows of one framework, or use effects='period'")
        if values.get("effects") == "two_way" and values.get("mundlak") is True:
            refuse("mundlak", "unit effects take the place of the units' means", "Leave it out")
        return faults
    if values.get("effects") == "two_way":
        why = "effects of units that are estimated bias the others where rows a unit are few"
        refuse("effects", why, "Use 'period', with the units' means (mundlak=True)")
    vcov = values.get("vcov", "cluster")
    if vcov not in {"cluster", "iid"}:
        refuse("vcov", "", "Use 'cluster' or 'iid'")
    if values.get("small_sample", "stata") not in {"stata", "none"}:
        refuse("small_sample", "there is no residual degree of freedom", "Use 'stata' or 'none'")
    if values.get("random_intercept") is True and vcov == "cluster" and "vcov" in values:
        why = "units are taken as independent given their intercepts"
        refuse("vcov", why, "Leave it out, or leave out random_intercept")
    if values.get("random_intercept") is True and values.get("cluster") is not None:
        refuse("cluster", "the intercepts are those of units", "Leave it out")
    return faults
