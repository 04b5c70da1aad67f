"""The estimators that a plan can ask for, and what each of them can take."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, get_args

from pydantic import BeforeValidator

from evallib.plan.broken import Broken, Known
from evallib.plan.fields import not_in_this_version, problem

_Name = Literal[
    "twfe",
    "event_study",
    "group_time",
    "matched_did",
    "sun_abraham",
    "etwfe",
    "stacked",
    "lp_did",
    "imputation",
    "two_stage",
    "synthetic_did",
    "synthetic_control",
]
NAMES: tuple[str, ...] = get_args(_Name)
# Estimators at the door of `evallib.fit` that answer another question than a plan's.
NOT_FOR_PLANS = {
    "bacon": "it is a check and runs on every plan",
    "pooled": "differences between councils count as effects of exposure",
    "between": "differences between councils count as effects of exposure",
    "fixed_effects": "change that is common to all councils counts as an effect of exposure",
    "first_difference": "it takes the change into the first exposed year, across the event year",
    "random_effects": "it holds only if exposure has nothing to do with what councils are like",
    "mundlak": "with year effects it is twfe, without them common change counts as an effect",
    "switching": "plans study a first event, after which exposure never ends",
    "ordered_logit": "it is for judgements in grades, not for the outcomes of a plan",
    "good_or_better": "it is for judgements in grades, not for the outcomes of a plan",
    "markov": "it is for states that change, not for the outcomes of a plan",
    "hazard": "it asks when events happen, not what follows them",
}
SYNTHETIC = ("synthetic_did", "synthetic_control")
WITHOUT_COVARIATES = ("lp_did", *SYNTHETIC)
WITHOUT_WEIGHTS = ("lp_did", "imputation", "two_stage", *SYNTHETIC)


def _for_plans(value: object) -> object:
    """Refuse, with the reason, an estimator that answers another question."""
    if isinstance(value, str) and value in NOT_FOR_PLANS:
        what = f"'{value}' is not an estimator of plans: {NOT_FOR_PLANS[value]}"
        raise problem(what, f"use one of {', '.join(NAMES)}")
    return value


EstimatorName = Annotated[
    _Name,
    not_in_this_version(
        "dose_response",
        built="an estimator that `evallib params` lists",
    ),
    BeforeValidator(_for_plans),
]


def headline_rules(known: Known) -> Iterator[Broken]:
    """Return why the headline's estimator cannot carry the plan."""
    name = known["headline"].estimator
    if name not in known["estimators"]:
        yield Broken(
            ("headline", "estimator"),
            f"'{name}' is not among the estimators",
            "the headline figure would not be estimated",
            f"add {name} to estimators, or choose one of {', '.join(known['estimators'])}",
        )
    for key, is_asked, without in (
        ("covariates", bool(known["covariates"]), WITHOUT_COVARIATES),
        ("weights", known["weights"] != "none", WITHOUT_WEIGHTS),
    ):
        if is_asked and name in without:
            yield Broken(
                ("headline", "estimator"),
                f"'{name}' takes no {key}, and the plan has {key}",
                "the headline would answer another question than the plan asks",
                f"choose another estimator, or take {key} out of the plan",
            )


def covariate_rules(known: Known) -> Iterator[Broken]:
    """Return covariates that are outcomes."""
    outcomes = {outcome.indicator: at for at, outcome in known["outcomes"]}
    for at, covariate in known["covariates"]:
        if covariate.name in outcomes:
            yield Broken(
                ("covariates", at, "name"),
                f"'{covariate.name}' is an outcome (outcomes[{outcomes[covariate.name]}])",
                "what exposure may change cannot be held fixed",
                "take it out of covariates or of outcomes",
            )
