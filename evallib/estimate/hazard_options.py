"""The options of ``hazard``, and what they refuse together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from evallib.errors import Fault

HazardModel = Literal["discrete", "cox"]
Link = Literal["logit", "cloglog"]
Baseline = Literal["periods", "linear", "quadratic", "cubic", "none"]
Ties = Literal["efron", "breslow", "exact"]
LikelihoodVcov = Literal["cluster", "iid"]

HAZARD_CHOICES: Mapping[str, tuple[str, ...]] = {
    "model": ("discrete", "cox"),
    "link": ("logit", "cloglog"),
    "baseline": ("periods", "linear", "quadratic", "cubic", "none"),
    "ties": ("efron", "breslow", "exact"),
    "vcov": ("cluster", "iid"),
}
OF_DISCRETE, OF_COX = ("link", "baseline"), ("ties",)


@dataclass(frozen=True, slots=True, kw_only=True)
class HazardOptions:
    """Options of ``hazard``.

    Parameters
    ----------
    covariates : tuple of str
        Columns of numbers; they may change over time.
    model : 'discrete' or 'cox'
        A regression of the event in each period at risk, or Cox's partial likelihood.
    link : 'logit' or 'cloglog'
        Of the discrete model: ratios of odds, or ratios of an underlying continuous hazard.
    baseline : 'periods', 'linear', 'quadratic', 'cubic' or 'none'
        How the hazard moves with time in the discrete model: freely, by a polynomial in periods
        since the sample's first, or not at all.
    ties : 'efron', 'breslow' or 'exact'
        Of Cox's model: how events of one period are counted.
    vcov : 'cluster' or 'iid'
        Clustered, or from the information of the likelihood.
    cluster : str, optional
        One column; default the unit.
    level : float
    """

    covariates: tuple[str, ...] = ()
    model: HazardModel = "discrete"
    link: Link = "logit"
    baseline: Baseline = "periods"
    ties: Ties = "efron"
    vcov: LikelihoodVcov = "cluster"
    cluster: str | None = None
    level: float = 0.95


def hazard_together(values: Mapping[str, Any]) -> list[Fault]:
    """Return the faults that options of ``hazard`` make together."""
    model = values.get("model", "discrete")
    idle = OF_DISCRETE if model == "cox" else OF_COX
    faults = [
        Fault(
            f"hazard, option {name!r}",
            f"it has no meaning with model={model!r}",
            "",
            "Leave it out",
        )
        for name in idle
        if name in values
    ]
    if model == "cox" and not values.get("covariates"):
        what = "Cox's model has nothing to estimate without covariates"
        remedy = "Name columns; survival alone is in details['survival'] of the discrete model"
        faults.append(Fault("hazard, option 'covariates'", what, "", remedy))
    if values.get("ties") == "exact" and values.get("vcov", "cluster") == "cluster":
        what = "the exact likelihood of ties has no clustered covariance"
        why = "events of one period enter it together, not one by one"
        remedy = "Use vcov='iid', or ties='efron'"
        faults.append(Fault("hazard, option 'ties'", what, why, remedy))
    return faults
