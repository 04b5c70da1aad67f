"""The choices of a specification and their alternatives, in words."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pandas as pd

from evallib.report.views.naming import ESTIMATOR_WORDS

CHOICE_WORDS = {
    "estimator": "estimator",
    "scale": "scale of the outcome",
    "per": "denominator of the outcome",
    "index_method": "rule of the index",
    "base_years": "base years of the index",
    "winsorise": "outliers",
    "unsafe_figures": "suspicious figures",
    "years": "sample of years",
    "council_types": "sample of council types",
    "regions": "sample of regions",
    "boundaries": "reorganised councils",
    "exclude": "excluded councils",
    "covariates": "controls",
    "weights": "weights",
    "comparison": "comparison group",
    "no_record": "councils without a record",
    "history": "councils with earlier events",
    "concurrent": "councils with concurrent events",
    "spillovers": "councils that spillovers may reach",
    "exposure_starts": "start of exposure",
    "anticipation": "years of anticipation",
    "min_confidence": "least confidence in the register",
    "date_precision": "least precision of dates",
    "event_window": "event window",
    "cluster": "clusters of the errors",
    # Of frames alone:
    "outcome": "column of the outcome",
    "cohort": "column of first exposure",
    "sample": "sample of rows",
}
_KEPT = {"keep": "kept", "drop": "left out", "flag": "kept", "none": "kept", "missing": "left out"}
VALUE_WORDS: Mapping[str, Mapping[str, str]] = {
    "comparison": {
        "not yet treated": "not yet or never treated",
        "never treated": "never treated only",
    },
    "no_record": {"assume not exposed": "taken as not exposed", "only known": "left out"},
    "unsafe_figures": _KEPT,
    "history": _KEPT,
    "concurrent": _KEPT,
    "spillovers": _KEPT,
    "boundaries": {
        "drop": "left out",
        "aggregate to successor": "summed to the successor",
        "keep predecessors": "as they were",
    },
    "exposure_starts": {
        "next period": "the period after the event",
        "same period": "the event's own period",
    },
    "anticipation": {"0": "none"},
}
COVARIATE_WORDS = {
    "imd_average_score": "deprivation",
    "share_population_rural": "rural share",
    "population_count": "population",
    "log_population": "population (logarithm)",
    "dwellings_count": "dwellings",
}
# Values of a plan that stand in the reasons for specifications without an estimate.
_CODES = {
    "only_known": "'councils without a record left out'",
    "never_treated": "'never treated only'",
    "not_yet_treated": "'not yet or never treated'",
    **COVARIATE_WORDS,
}
_CODE = re.compile(rf"\b({'|'.join(_CODES)})\b")


def choice_value(choice: str, value: str) -> str:
    """Return an alternative of a choice in words.

    Examples
    --------
    >>> choice_value("winsorise", "0.01"), choice_value("estimator", "group time")
    ('1% set to the quantile in each tail', 'group-time effects')
    >>> choice_value("covariates", "imd_average_score, share_population_rural")
    'deprivation, rural share'
    """
    if choice == "estimator":
        name = value.replace(" ", "_")
        return ESTIMATOR_WORDS.get(name, value).split(" (")[0]
    if choice == "winsorise" and value != "none":
        return f"{100 * float(value):g}% set to the quantile in each tail"
    if choice == "covariates":
        return COVARIATE_WORDS.get(value) or _with_words(value)
    return VALUE_WORDS.get(choice, {}).get(value, value.replace("_", " "))


def _with_words(names: str) -> str:
    parts = names.split(", ")
    return ", ".join(COVARIATE_WORDS.get(name, name.replace("_", " ")) for name in parts)


def reason_words(reason: str) -> str:
    """Return why a specification has no estimate, without a plan's own code words.

    Examples
    --------
    >>> reason_words("only_known is not applicable with never_treated: no council is left")[:58]
    "'councils without a record left out' is not applicable wit"
    """
    return _CODE.sub(lambda match: _CODES[match.group()], reason)


def in_choice_words(frame: pd.DataFrame, choices: Mapping[str, tuple[str, ...]]) -> pd.DataFrame:
    """Return specifications with their choices, columns and alternatives alike, in words."""
    worded = {
        name: frame[name].map(lambda value, name=name: choice_value(name, str(value)))
        for name in choices
    }
    return frame.assign(**worded).rename(columns={name: CHOICE_WORDS[name] for name in choices})
