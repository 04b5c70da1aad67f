"""The alternatives to a plan's own choices, all combinations of which are estimated."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator

from evallib.plan.boundaries import BoundaryPolicy
from evallib.plan.broken import Broken, Known
from evallib.plan.estimators import EstimatorName
from evallib.plan.fields import (
    CouncilCode,
    EventWindow,
    FinancialYear,
    NotEmpty,
    Number,
    Selection,
    Slug,
    Unique,
    WholeNumber,
    YearRange,
    parameter,
    problem,
)
from evallib.plan.indices import Method
from evallib.plan.parts import Part
from evallib.plan.selection import Spillovers

if TYPE_CHECKING:
    from evallib.plan.model import Plan

MOST_COMBINATIONS = 20_000
ClusterName = Literal["council", "region", "council_type"]


def _tail(share: float) -> float:
    if not 0 < share < 0.25:
        raise problem(f"is {share:g}, but it must be above 0 and below 0.25", "write like 0.01")
    return share


class Specifications(Part):
    """Other values of the plan's choices, beside the plan's own value of each."""

    estimator: Annotated[tuple[EstimatorName, ...], Unique] = parameter(
        "Other estimators than the headline's; group_time stands for the headline's aggregation.",
        kind="list of choices",
        default=(),
    )
    scale: Annotated[tuple[Literal["level", "log"], ...], Unique] = parameter(
        "Outcome form: log reads zeros as missing.", kind="list of choices", default=()
    )
    per: Annotated[tuple[Slug, ...], Unique] = parameter(
        "Outcome form: indicators to divide by.",
        kind="list of names",
        allowed="indicators in data/raw/indicators.csv, or population_count",
        default=(),
    )
    index_method: Annotated[tuple[Method, ...], Unique] = parameter(
        "Outcome form: rules of outcomes that are indices.", kind="list of choices", default=()
    )
    base_years: Annotated[
        tuple[Annotated[tuple[FinancialYear, ...], NotEmpty, Unique], ...], Unique
    ] = parameter(
        "Base years of outcomes that are indices.",
        kind="list of lists of financial years",
        unit="financial years",
        allowed="like [[2015/16], [2016/17]]",
        default=(),
    )
    winsorise: Annotated[tuple[Annotated[Number, AfterValidator(_tail)], ...], Unique] = parameter(
        "Outliers: values beyond this share of the sample in either tail are set to its quantile.",
        kind="list of numbers",
        unit="share",
        allowed="above 0 and below 0.25; the plan's own value is 0",
        default=(),
    )
    unsafe_figures: Annotated[tuple[Literal["keep", "missing"], ...], Unique] = parameter(
        "Outliers: the decision on figures that look unsafe.", kind="list of choices", default=()
    )
    years: Annotated[tuple[YearRange, ...], Unique] = parameter(
        "Sample: first and last year of every outcome.",
        kind="list of pairs of financial years",
        unit="financial years",
        allowed="like [[2017/18, 2024/25]]",
        default=(),
    )
    council_types: Annotated[
        tuple[Annotated[Literal["all"] | tuple[str, ...], Selection], ...], Unique
    ] = parameter(
        "Sample: types of council.",
        kind="list of selections",
        allowed="like [all, [unitary]]",
        default=(),
    )
    regions: Annotated[
        tuple[Annotated[Literal["all"] | tuple[str, ...], Selection], ...], Unique
    ] = parameter(
        "Sample: regions.", kind="list of selections", allowed="like [all, [London]]", default=()
    )
    boundaries: Annotated[tuple[BoundaryPolicy, ...], Unique] = parameter(
        "Sample: what is done with reorganised councils.", kind="list of choices", default=()
    )
    exclude: Annotated[tuple[Annotated[tuple[CouncilCode, ...], Unique], ...], Unique] = parameter(
        "Sample: councils that are left out.",
        kind="list of lists of council codes",
        allowed="codes in data/raw/councils.csv",
        default=(),
    )
    covariates: Annotated[tuple[Annotated[tuple[Slug, ...], Unique], ...], Unique] = parameter(
        "Controls: sets of covariates; council-years without one are left out.",
        kind="list of lists of names",
        allowed="as the plan's covariates; [] for none",
        default=(),
    )
    weights: Annotated[tuple[Literal["none", "population"], ...], Unique] = parameter(
        "Weights of councils.", kind="list of choices", default=()
    )
    comparison: Annotated[tuple[Literal["not_yet_treated", "never_treated"], ...], Unique] = (
        parameter(
            "Comparison: which councils are compared with.", kind="list of choices", default=()
        )
    )
    no_record: Annotated[tuple[Literal["assume_not_exposed", "only_known"], ...], Unique] = (
        parameter(
            "Comparison: whether councils without a record serve.",
            kind="list of choices",
            default=(),
        )
    )
    history: Annotated[tuple[Literal["keep", "drop"], ...], Unique] = parameter(
        "Sample: councils with earlier events.", kind="list of choices", default=()
    )
    concurrent: Annotated[tuple[Literal["keep", "drop"], ...], Unique] = parameter(
        "Sample: councils with concurrent events.", kind="list of choices", default=()
    )
    spillovers: Annotated[tuple[Spillovers, ...], Unique] = parameter(
        "Sample: comparison councils that an exposed council may have touched, left out.",
        kind="list of selections",
        allowed="like [same_county, [neighbours, joint_partners]], or none",
        default=(),
    )
    exposure_starts: Annotated[tuple[Literal["next_period", "same_period"], ...], Unique] = (
        parameter(
            "Exposure: whether the period that holds the event counts.",
            kind="list of choices",
            default=(),
        )
    )
    anticipation: Annotated[tuple[WholeNumber, ...], Unique] = parameter(
        "Exposure: years before the event year in which councils may have reacted.",
        kind="list of whole numbers",
        unit="years",
        allowed="0 to 10",
        default=(),
    )
    min_confidence: Annotated[tuple[Literal["low", "medium", "high"], ...], Unique] = parameter(
        "Confidence in the register.", kind="list of choices", default=()
    )
    date_precision: Annotated[tuple[Literal["day", "month", "year"], ...], Unique] = parameter(
        "Confidence in the register: how coarse a date may be.", kind="list of choices", default=()
    )
    event_window: Annotated[tuple[EventWindow, ...], Unique] = parameter(
        "Event windows, for the estimators that have one.",
        kind="list of pairs of whole numbers",
        unit="years since first exposure",
        allowed="like [[-4, 2]]",
        default=(),
    )
    cluster: Annotated[tuple[ClusterName, ...], Unique] = parameter(
        "The level at which errors are clustered; refused below eight clusters.",
        kind="list of choices",
        default=(),
    )


CHOICES: tuple[str, ...] = tuple(Specifications.model_fields)
# Choices that say how a sample is estimated; all others change the sample or the outcome.
OF_THE_ESTIMATE = ("estimator", "winsorise", "covariates", "cluster")


def own_value(plan: Plan, choice: str, indicator: str) -> Any:
    """Return the plan's own value of a choice, for one outcome; None where it has none.

    Parameters
    ----------
    plan : Plan
    choice : str
        One of `CHOICES`.
    indicator : str
        An outcome of the plan.
    """
    outcome = plan.outcome(indicator)
    index = next((one for one in plan.indices if one.name == indicator), None)
    values: dict[str, Any] = {
        "estimator": plan.headline.estimator,
        "scale": outcome.scale,
        "per": outcome.per,
        "index_method": index and index.method,
        "base_years": index and tuple(index.base_years),
        "winsorise": 0.0,
        "unsafe_figures": plan.unsafe_figures.action,
        "years": outcome.years_or(plan.years),
        "history": plan.history.action,
        "concurrent": plan.concurrent and plan.concurrent.action,
        "covariates": tuple(one.name for one in plan.covariates),
    }
    return values[choice] if choice in values else getattr(plan, choice)


def is_own(plan: Plan, choice: str, indicator: str, value: Any) -> bool:
    """Return whether a value of a choice makes the plan's own sample, for one outcome.

    Parameters
    ----------
    plan : Plan
    choice : str
        One of `CHOICES`.
    indicator : str
        An outcome of the plan.
    value : object
    """
    own = own_value(plan, choice, indicator)
    # `flag` only marks councils in the tables: the sample is that of `keep`.
    return bool(value == ("keep" if choice == "concurrent" and own == "flag" else own))


def alternatives(plan: Plan, indicator: str) -> dict[str, tuple[Any, ...]]:
    """Return the values of each choice for one outcome, the plan's own first.

    Parameters
    ----------
    plan : Plan
    indicator : str
        An outcome of the plan.

    Returns
    -------
    dict
        Only choices with more than one value; those of indices only where the outcome is one.
    """
    found: dict[str, tuple[Any, ...]] = {}
    for choice in CHOICES:
        own = own_value(plan, choice, indicator)
        if own is None and choice != "per":
            continue
        listed = getattr(plan.specifications, choice)
        others = [value for value in listed if not is_own(plan, choice, indicator, value)]
        if others:
            found[choice] = (own, *others)
    return found


def overrides_of(plan: Plan, choices: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the values of some choices set in the plan, by dotted key.

    Parameters
    ----------
    plan : Plan
    choices : mapping
        Values by choice; None keeps the plan's own.
    """
    keys: dict[str, Any] = {}
    for choice, value in choices.items():
        if value is None or choice in {"estimator", "winsorise", "cluster"}:
            continue
        if choice in {"unsafe_figures", "history", "concurrent"}:
            keys[f"{choice}.action"] = value
        elif choice == "covariates":
            keys[choice] = [{"name": name, "missing": "drop"} for name in value]
        elif choice in {"index_method", "base_years"}:
            key = choice.removeprefix("index_")
            keys |= {f"indices.{index.name}.{key}": value for index in plan.indices}
        elif choice in {"scale", "per", "years"}:
            keys |= {f"outcomes.{one.indicator}.{choice}": value for one in plan.outcomes}
            if value == "log":
                keys |= {f"outcomes.{one.indicator}.zeros": "missing" for one in plan.outcomes}
        else:
            keys[choice] = value
    return keys


def specification_rules(known: Known) -> Iterator[Broken]:
    """Yield whether there are more combinations than anyone would read."""
    given: Specifications = known["specifications"]
    count = math.prod(1 + len(getattr(given, choice)) for choice in CHOICES)
    if count > MOST_COMBINATIONS:
        yield Broken(
            ("specifications",),
            f"make up to {count:,} combinations for each outcome, more than {MOST_COMBINATIONS:,}",
            "every one of them is estimated and disclosed",
            "list fewer alternatives",
        )
