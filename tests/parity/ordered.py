"""Ordered grades: R's ordinal (clm, clmm) and MASS (polr)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from evallib.estimate import Estimate, fit
from parity.rows import Row, number

TIGHT = 1e-10
# polr stops when the likelihood gains less than 1e-8 of itself, which leaves its slopes 2e-7 off,
# and takes standard errors from a Hessian by finite differences.
POLR = 1e-6
# clmm stops at a small gradient: its likelihood is 1.5e-10 below ours, its figures up to 1e-5 off.
CLMM_STOPS = 1e-5
LOGLIK = 1e-9
CLM = "R ordinal 2022.11-16, clm"
CLMM = "R ordinal 2022.11-16, clmm, 10 adaptive points: its optimiser stops early"
WINE = {"tempwarm": "is_warm", "contactyes": "has_contact"}
HOUSING = {
    "InflMedium": ("Infl", "Medium"),
    "InflHigh": ("Infl", "High"),
    "TypeApartment": ("Type", "Apartment"),
    "TypeAtrium": ("Type", "Atrium"),
    "TypeTerrace": ("Type", "Terrace"),
    "ContHigh": ("Cont", "High"),
}
IID = {"vcov": "iid", "mundlak": False}


def rows(folder: Path, reference: Mapping[str, Any]) -> Iterator[Row]:
    """Yield every figure of the ordered models of the case 'hazard_markov'."""
    runs = reference["r_out.json"]
    wine = pd.read_csv(folder / "wine.csv")
    wine["is_warm"] = (wine["temp"] == "warm").astype(int)
    wine["has_contact"] = (wine["contact"] == "yes").astype(int)
    for distr in ("logit", "probit"):
        yield from _wine(wine, runs[f"wine_clm_{distr}"], f"wine_clm_{distr}", TIGHT, distr=distr)
    clmm = runs["wine_clmm"]
    yield from _wine(wine, clmm, "wine_clmm", CLMM_STOPS, random_intercept=True)
    yield from _housing(pd.read_csv(folder / "housing_mass.csv"), runs)


def _wine(
    wine: pd.DataFrame, run: Mapping[str, Any], key: str, tolerance: float, **options: Any
) -> Iterator[Row]:
    """Yield estimates, standard errors, p-values and likelihood of the bitterness of wine."""
    covariates, source = list(WINE.values()), CLMM if "var_judge" in run else CLM
    found = fit(
        "ordered_logit",
        wine,
        outcome="rating",
        unit="judge",
        time="bottle",
        covariates=covariates,
        **{**IID, **options},
    )
    for line in run["coef"]:
        term = WINE.get(line["term"], line["term"])
        yield from _term(found, term, f"{key} {line['term']}", line, tolerance, source)
    name = f"{key} log likelihood"
    yield _row(name, found.details["loglik"], run["loglik"], LOGLIK, source)
    if "var_judge" in run:
        variance = found.point[found.index("unit_sd")] ** 2
        yield _row(f"{key} var_judge", variance, run["var_judge"], tolerance, source)


def _housing(housing: pd.DataFrame, runs: Mapping[str, Any]) -> Iterator[Row]:
    """Yield estimates, standard errors and deviance of the satisfaction with housing."""
    ladder = ["Low", "Medium", "High"]
    frame = housing.assign(
        Sat=pd.Categorical(housing["Sat"], categories=ladder, ordered=True),
        cell=range(len(housing)),
        year=1,
        **{name: (housing[column] == word) * 1 for name, (column, word) in HOUSING.items()},
    )
    found = fit(
        "ordered_logit",
        frame,
        outcome="Sat",
        unit="cell",
        time="year",
        covariates=list(HOUSING),
        weights="Freq",
        **IID,
    )
    source = "R MASS, polr: its optimiser stops early and its Hessian is numerical"
    for line in runs["housing_polr"]:
        yield from _term(found, line["term"], f"housing {line['term']}", line, POLR, source)
    deviance = -2 * found.details["loglik"]
    yield _row("housing deviance", deviance, runs["housing_dev"], POLR, source)


def _term(
    found: Estimate,
    term: str,
    name: str,
    line: Mapping[str, Any],
    tolerance: float,
    source: str,
) -> Iterator[Row]:
    """Yield what the reference has of one term."""
    place = found.index(term)
    figures = {"est": found.point, "se": found.std_error, "p": found.p_value}
    for key, values in figures.items():
        if key in line:
            yield _row(f"{name} {key}", values[place], line[key], tolerance, source)


def _row(name: str, ours: float, reference: Any, tolerance: float, source: str) -> Row:
    return Row(
        "hazard_markov",
        "ordered_logit",
        name,
        float(ours),
        number(reference),
        tolerance,
        source,
    )
