"""Regressions: runs of R's fixest, plm, sandwich and clubSandwich."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from evallib.estimate import Estimate, fit
from parity.rows import Case, Row, number

# (key of the reference, estimator, options); later options stand for earlier ones.
Run = tuple[str, str, Mapping[str, Any]]
TIGHT = 1e-10
BACONDECOMP = "R: bacondecomp 0.1.3"
FIXEST = {"small_sample": "fixest"}
BARE = {"small_sample": "none"}
IID = {"vcov": "iid"}
DK = {"vcov": "driscoll_kraay"}
JACKKNIFE = {"vcov": "cr3", **BARE}  # without (G-1)/G, as in R
FIRMS_AND_YEARS = {"cluster": ["firm", "year"]}

BASE: tuple[Run, ...] = (
    ("pooling", "pooled", IID),
    ("within", "fixed_effects", IID),
    ("between", "between", IID),
    ("fd", "first_difference", IID),
    ("re_swar", "random_effects", IID),
    ("within_twoways", "twfe", IID),
    ("within_HC0_group", "fixed_effects", BARE),
    ("within_HC1_group", "fixed_effects", {"small_sample": "linearmodels"}),
    ("within_DK", "fixed_effects", {**DK, **BARE}),
)
GRUNFELD: tuple[Run, ...] = (
    *BASE,
    ("fe_iid", "fixed_effects", IID),
    ("fe_hetero", "fixed_effects", {"vcov": "hc1"}),
    ("fe_cl", "fixed_effects", {}),
    ("fe_cl_nossc", "fixed_effects", BARE),
    ("lsdv_CR0", "fixed_effects", BARE),
    ("twfe_cl", "twfe", {}),
    ("twfe_twoway", "twfe", {**FIXEST, **FIRMS_AND_YEARS}),
)
YEARS = [f"d{year}" for year in range(81, 88)]
WAGES = {"covariates": ["educ", "black", "hisp", "exper", "expersq", "married", "union", *YEARS]}
WITHIN = {"covariates": ["expersq", "married", "union", *YEARS]}
WAGEPAN: tuple[Run, ...] = (
    *BASE,
    ("fe_w14_4_iid", "twfe", IID),
    ("fe_w14_4_cl", "twfe", {}),
    ("w14_4_pooling", "pooled", {**IID, **WAGES}),
    ("w14_4_pooling_cl", "pooled", WAGES),
    ("w14_4_random", "random_effects", {**IID, **WAGES}),
    ("w14_4_within", "fixed_effects", {**IID, **WITHIN}),
    ("w14_4_within_cl", "fixed_effects", WITHIN),
)
BY_YEAR = {"cluster": "year"}
PETERSEN: tuple[Run, ...] = (
    ("ols", "pooled", IID),
    ("HC0", "pooled", {**BARE, "cluster": "row"}),
    ("HC1", "pooled", {"vcov": "hc1"}),
    ("HC3", "pooled", {**JACKKNIFE, "cluster": "row"}),
    ("firm", "pooled", {}),
    ("firm_HC0", "pooled", BARE),
    ("firm_HC3", "pooled", JACKKNIFE),
    ("firm_fixest", "pooled", FIXEST),
    ("year", "pooled", BY_YEAR),
    ("year_fixest", "pooled", {**BY_YEAR, **FIXEST}),
    ("year_HC3", "pooled", {**BY_YEAR, **JACKKNIFE}),
    ("year_CR0", "pooled", {**BY_YEAR, **BARE}),
    ("year_CR1S", "pooled", BY_YEAR),
    ("year_CR3", "pooled", {**BY_YEAR, **JACKKNIFE}),
    ("twoway", "pooled", FIRMS_AND_YEARS),
    ("twoway_multi0", "pooled", FIRMS_AND_YEARS),
    ("twoway_fixest", "pooled", {**FIXEST, **FIRMS_AND_YEARS}),
    ("NW_panel_lag3", "pooled", {**DK, **BARE, "lags": 3}),
    ("DK_fixest_lag3", "pooled", {**DK, **FIXEST, "lags": 3}),
)
CASTLE: tuple[Run, ...] = (
    ("twfe_l_homicide", "twfe", {}),
    ("twfe_l_homicide_iid", "twfe", IID),
    ("twfe_cont", "twfe", {"covariates": ["l_income", "l_pop"]}),
)
TREATED = {"treatment": "tp"}
BASE_DID: tuple[Run, ...] = (
    ("base_did_iid", "twfe", {**TREATED, **IID}),
    ("base_did_hetero", "twfe", {**TREATED, "vcov": "hc1"}),
    ("base_did_clu", "twfe", TREATED),
    ("base_did_twoway", "twfe", {**TREATED, **FIXEST, "cluster": ["id", "period"]}),
    ("base_did_DK", "twfe", {**TREATED, **DK, **FIXEST}),
    ("base_did_es_iid", "event_study", {"cohort": "g", **IID}),
    ("base_did_es_clu", "event_study", {"cohort": "g"}),
)
NO_COVARIATE: Mapping[str, Any] = {"covariates": []}
BASE_STAGG: tuple[Run, ...] = (
    ("twfe_es_iid", "event_study", IID),
    ("sunab_es_iid", "sun_abraham", IID),
    ("sunab_es_clu", "sun_abraham", {}),
    ("sunab_att_iid", "sun_abraham", IID),
    ("sunab_att_clu", "sun_abraham", {}),
    ("sunab_cohort", "sun_abraham", {}),
    ("sunab_disagg_iid", "sun_abraham", IID),
    ("sunab_nox_es_clu", "sun_abraham", NO_COVARIATE),
    ("sunab_nox_att_clu", "sun_abraham", NO_COVARIATE),
)
# plm's runs whose p-values are from t with the residual degrees of freedom, as ours are.
WITH_P = {"pooling", "between", "fd", "within_twoways", "w14_4_pooling", "w14_4_within"}
# Standard errors that follow another convention, with the relative size of the difference.
CONVENTIONS = {
    "twoway_multi0": (1e-4, "sandwich multi0: the last part without a factor"),
    "w14_4_within_cl": (2e-4, "plm: K without the constant"),
}


def ours(term: str) -> str:
    """Return our name of a term of R."""
    if term.startswith("factor(year)19"):
        return f"d{term[-2:]}"
    if term.startswith("period::"):
        return f"event_time={int(term.split('::')[1].split(':')[0]) - 6}"
    if ":cohort::" in term:
        since, group = (int(part) for part in term.removeprefix("year::").split(":cohort::"))
        return f"group={group},time={group + since}"
    for start, name in (
        ("year::", "event_time"),
        ("time_to_treatment::", "event_time"),
        ("cohort::", "group"),
    ):
        if term.startswith(start):
            return f"{name}={term.removeprefix(start)}"
    renamed = {"(Intercept)": "constant", "treat:post": "att", "post": "att", "ATT": "att"}
    return renamed.get(term, term)


def compare(
    case: str, runs: tuple[Run, ...], frame: pd.DataFrame, columns: Mapping[str, Any], figures: Any
) -> Iterator[Row]:
    """Yield coefficients and standard errors of each run, and p-values of fixest's."""
    for key, name, options in runs:
        found = _quietly(name, frame, {**columns, **options})
        yield from _run(case, key, name, found, figures[key])


def _quietly(name: str, frame: pd.DataFrame, columns: Mapping[str, Any]) -> Estimate:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return fit(name, frame, **columns)


def _run(case: str, key: str, name: str, found: Estimate, figures: Any) -> Iterator[Row]:
    table = found.tidy().set_index("term")
    relative, source = CONVENTIONS.get(key, (0.0, "R: fixest 0.14.2, plm 2.6-2, sandwich 3.0-2"))
    for figure in figures:
        mine = table.loc[ours(figure["term"])]
        label = f"{key} {figure['term']}"
        if "est" in figure:
            want = number(figure["est"])
            yield Row(case, name, f"{label} estimate", mine["estimate"], want, TIGHT, source)
        want = number(figure["se"])
        allowed = max(TIGHT, relative * want)
        yield Row(case, name, f"{label} se", mine["std_error"], want, allowed, source)
        by_fixest = "fixest" in key or key.startswith(("fe_", "twfe", "base_did", "sunab"))
        if by_fixest or key in WITH_P:
            want = number(figure["p"])
            yield Row(case, name, f"{label} p", mine["p_value"], want, TIGHT, source)


def _plain(case: str, runs: tuple[Run, ...], file: str, columns: Mapping[str, Any]) -> Case:
    """Return a case whose table needs no preparation, with Hausman's test where R ran it."""

    def rows(folder: Path, reference: Mapping[str, Any]) -> Iterator[Row]:
        frame, figures = pd.read_csv(folder / file), reference["r_out.json"]
        frame["row"] = range(len(frame))
        yield from compare(case, runs, frame, columns, figures)
        if "hausman" in figures:
            yield from _hausman(case, frame, columns, figures)
        if "w14_4_re_theta" in figures:
            found = _quietly("random_effects", frame, {**columns, **WAGES})
            theta = number(figures["w14_4_re_theta"])
            yield Row(case, "random_effects", "w14_4 theta", found.details["theta"][0], theta,
                      TIGHT, "R: plm 2.6-2")  # fmt: skip

    return rows


def _hausman(
    case: str, frame: pd.DataFrame, columns: Mapping[str, Any], figures: Any
) -> Iterator[Row]:
    name, source = "random_effects", "R: plm 2.6-2"
    found = _quietly(name, frame, columns)
    test, want, parts = found.hausman(), figures["hausman"], figures["re_swar_ercomp"]
    pairs: list[tuple[str, float, object, float]] = [
        ("hausman statistic", test.statistic, want["stat"], 1e-9),
        ("hausman df", test.df, want["df"], 0.0),
        ("hausman p", test.p_value, want["p"], TIGHT),
        ("swar variance, idiosyncratic", found.details["variance_idiosyncratic"],
         parts["sigma2"]["idios"], 1e-8),
        ("swar variance, units", found.details["variance_units"], parts["sigma2"]["id"], 1e-8),
        ("swar theta", found.details["theta"][0], parts["theta"], TIGHT),
    ]  # fmt: skip
    for quantity, mine, theirs, allowed in pairs:
        yield Row(case, name, quantity, mine, number(theirs), allowed, source)


def _fixest(folder: Path, reference: Mapping[str, Any]) -> Iterator[Row]:
    """Yield the runs on both tables that fixest ships."""
    figures, case = reference["r_out.json"], "base_stagg_sunab"
    did = pd.read_csv(folder / "base_did.csv")
    did = did.assign(tp=did["treat"] * did["post"], g=did["treat"].map({1: 6.0}))
    columns = {"outcome": "y", "unit": "id", "covariates": ["x1"]}
    yield from compare(case, BASE_DID, did, {**columns, "time": "period"}, figures)
    stagg = pd.read_csv(folder / "base_stagg.csv")
    stagg["g"] = stagg["year_treated"].where(stagg["year_treated"] < 1000)
    columns |= {"time": "year", "cohort": "g"}
    yield from compare(case, BASE_STAGG, stagg, columns, figures)


def _bacon(folder: Path, reference: Mapping[str, Any]) -> Iterator[Row]:
    """Yield the two-way runs on castle, and every comparison of both tables."""
    case, figures = "castle_bacon", reference["r_out.json"]
    frame = pd.read_csv(folder / "castle.csv")
    columns = _read("l_homicide", "state", treatment="post")
    yield from compare(case, CASTLE, frame, columns, figures)
    found = _quietly("bacon", frame, columns)
    yield from _comparisons("castle", found, figures["bacon"])
    yield from _kinds(found, figures["bacon_summary"])
    found = _quietly("bacon", frame, {**columns, "covariates": ["l_income", "l_pop"]})
    controlled, within = figures["bacon_controlled"], found.details["within"]
    yield from _comparisons("castle, covariates,", found, controlled["two_by_twos"])
    for quantity, mine, theirs in (
        ("estimate", within.estimate, controlled["beta_hat_w"]),
        ("weight", within.weight, controlled["Omega"]),
    ):
        name = f"castle, covariates, within groups {quantity}"
        yield Row(case, "bacon", name, mine, number(theirs), TIGHT, BACONDECOMP)
    frame = pd.read_csv(folder / "math_reform.csv")
    columns = _read("incearn_ln", "state", time="class", treatment="reform_math")
    found = _quietly("bacon", frame, columns)
    want = number(figures["math_reform_twfe"][0]["est"])
    source = "R: fixest 0.14.2"
    yield Row(case, "twfe", "math_reform estimate", found.point[0], want, TIGHT, source)
    want = number(figures["math_reform_twfe"][0]["se"])
    yield Row(case, "twfe", "math_reform se", found.std_error[0], want, TIGHT, source)
    yield from _comparisons("math_reform", found, figures["math_reform"])


def _kinds(found: Estimate, figures: Any) -> Iterator[Row]:
    """Yield weights and weighted estimates summed by type of comparison."""
    table = found.details["comparisons"]
    table = table.assign(product=table["weight"] * table["estimate"]).groupby("type")
    sums = table[["weight", "product"]].sum()
    for figure in figures:
        for quantity, theirs in (("weight", figure["w"]), ("product", figure["we"])):
            name = f"castle {figure['type']} sum of {quantity}s"
            mine = sums.loc[figure["type"], quantity]
            yield Row("castle_bacon", "bacon", name, mine, number(theirs), TIGHT, BACONDECOMP)


def _comparisons(label: str, found: Estimate, figures: Any) -> Iterator[Row]:
    table = found.details["comparisons"].set_index(["treated", "untreated"])
    source = BACONDECOMP
    for figure in figures:
        other = figure["untreated"]
        mine = table.loc[(figure["treated"], math.inf if other is None else other)]
        name = f"{label} {figure['treated']} against {other or 'never'}"
        for quantity in ("estimate", "weight"):
            want = number(figure[quantity])
            yield Row("castle_bacon", "bacon", f"{name} {quantity}", mine[quantity], want, TIGHT,
                      source)  # fmt: skip


def _read(outcome: str, unit: str, **more: Any) -> Mapping[str, Any]:
    return {"time": "year", **more, "outcome": outcome, "unit": unit}


CASES: Mapping[str, Callable[..., Iterator[Row]]] = {
    "petersen_cluster": _plain(
        "petersen_cluster", PETERSEN, "petersen.csv.gz", _read("y", "firm", covariates=["x"])
    ),
    "grunfeld": _plain(
        "grunfeld",
        GRUNFELD,
        "grunfeld_plm.csv",
        _read("inv", "firm", covariates=["value", "capital"]),
    ),
    "wagepan": _plain(
        "wagepan",
        WAGEPAN,
        "wagepan.csv",
        _read("lwage", "nr", covariates=["married", "union", "expersq"]),
    ),
    "castle_bacon": _bacon,
    "base_stagg_sunab": _fixest,
}
