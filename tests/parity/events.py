"""Hazards and Markov models: runs of R's glm, survival and msm."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from evallib.estimate import Estimate, fit, person_periods
from evallib.estimate.columns import Notes
from evallib.estimate.markov_continuous import collect_cells
from evallib.estimate.markov_likelihood import evaluate
from evallib.estimate.markov_options import MarkovOptions
from evallib.estimate.markov_process import MarkovProcess
from evallib.estimate.markov_structure import find_allowed, find_exact
from evallib.estimate.transitions import take_transitions
from parity.r_stops import curvature, search, stop_of_glm
from parity.rows import Row, number

CASE = "hazard_markov"
TIGHT = 1e-8
PERSON = ("fin", "age", "race", "wexp", "mar", "paro", "prio")
NAMES = {"(Intercept)": "constant", "I(t^2)": "t2"}
GLM = (
    "glm of R 4.2; it stops when the deviance changes by less than 1e-8 of itself and takes the "
    "information of the step before: ours is that of the maximum"
)
GLM_STOPS = "glm of R 4.2, with its rule to stop and its step of the information"
SURVIVAL = "survival 3.5.3 of R"
MSM = "msm 1.7 of R"
STOPS = f"{MSM}, with its start, R's search and R's curvature: where its search stops"
SHORT = f"{MSM}; its search stops short of the maximum, ours is at it"
ALLOWED = ((1, 2), (1, 4), (2, 1), (2, 3), (2, 4), (3, 2), (3, 4))
START = (0.25, 0.25, 0.166, 0.166, 0.166, 0.25, 0.25)
OF_CAV = {"outcome": "state", "unit": "PTNUM", "time": "years"}
CONTINUOUS: Mapping[str, Any] = {
    "model": "continuous",
    "allowed": ALLOWED,
    "exact_states": (4,),
    "vcov": "iid",
}


def rows(folder: Path, reference: Mapping[str, Any]) -> Iterator[Row]:
    """Yield every figure of hazards and Markov models."""
    found = reference["r_out.json"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield from _hazards(pd.read_csv(folder / "rossi.csv"), found)
        cav = pd.read_csv(folder / "cav.csv")
        yield from _counts(cav, found["cav_statetable"])
        yield from _at_maximum(cav, found)
        yield from _where_msm_stops(cav, found)


def _row(quantity: str, ours: float, reference: object, tolerance: float, source: str) -> Row:
    estimator = "hazard" if quantity.startswith("rossi") else "markov"
    return Row(CASE, estimator, quantity, float(ours), number(reference), tolerance, source)


def _hazards(rossi: pd.DataFrame, found: Mapping[str, Any]) -> Iterator[Row]:
    long = person_periods(rossi, duration="week", event="arrest", time="t").assign(
        t2=lambda frame: frame["t"] ** 2
    )
    yield _row("rossi rows at risk", len(long), found["rossi_pp_n"], 0.0, "R")

    def run(**options: Any) -> Estimate:
        options = {"covariates": PERSON, "vcov": "iid", **options}
        return fit("hazard", long, outcome="arrest", unit="unit", time="t", **options)

    for link in ("logit", "cloglog"):
        expected = found[f"rossi_dth_{link}"]
        ours = run(link=link, baseline="none", covariates=("t", "t2", *PERSON))
        name = f"rossi {link}"
        yield _row(f"{name} rows", ours.n_obs, expected["n"], 0.0, GLM)
        value = ours.details["log_likelihood"]
        yield _row(f"{name} log-likelihood", value, expected["loglik"], TIGHT, GLM)
        names = [NAMES.get(part["term"], part["term"]) for part in expected["coef"]]
        columns = long.assign(constant=1.0)[names].to_numpy(dtype=float)
        beta, error = stop_of_glm(long["arrest"].to_numpy(dtype=float), columns, link)
        p_value = 2 * special.ndtr(-np.abs(beta / error))
        for at, (term, part) in enumerate(zip(names, expected["coef"], strict=True)):
            k = ours.index(term)
            size = {"est": 1e-5 * abs(part["est"]), "se": 3e-4 * part["se"]}
            yield _row(f"{name} {term}", ours.point[k], part["est"], size["est"], GLM)
            yield _row(f"{name} {term} se", ours.std_error[k], part["se"], size["se"], GLM)
            word = f"{name} where R stops {term}"
            yield _row(word, beta[at], part["est"], TIGHT, GLM_STOPS)
            yield _row(f"{word} se", error[at], part["se"], TIGHT, GLM_STOPS)
            yield _row(f"{word} p", p_value[at], part["p"], TIGHT, GLM_STOPS)
    for ties in ("efron", "exact"):
        ours = run(model="cox", ties=ties)
        for part in found[f"rossi_cox_{ties}"]:
            name, k = f"rossi cox {ties} {part['_row']}", ours.index(part["_row"])
            yield _row(name, ours.point[k], part["coef"], TIGHT, SURVIVAL)
            ratio = ours.details["ratios"].frame["ratio"][k]
            yield _row(f"{name} ratio", ratio, part["exp(coef)"], TIGHT, SURVIVAL)
            yield _row(f"{name} se", ours.std_error[k], part["se(coef)"], TIGHT, SURVIVAL)
            yield _row(f"{name} p", ours.p_value[k], part["Pr(>|z|)"], TIGHT, SURVIVAL)
        if ties == "efron":
            value = ours.details["log_likelihood"]
            name = "rossi cox efron log-likelihood"
            yield _row(name, value, found["rossi_cox_efron_loglik"][1], TIGHT, SURVIVAL)
    table = ours.details["survival"].frame.set_index("time")
    columns = {"n": "at_risk", "d": "events", "S": "survival", "se": "std_error"}
    for part in found["rossi_km"]:
        for key, column in columns.items():
            name = f"rossi survival {part['t']} {column}"
            yield _row(name, table.loc[part["t"], column], part[key], 1e-12, SURVIVAL)


def _counts(cav: pd.DataFrame, expected: Any) -> Iterator[Row]:
    counts = fit("markov", cav, **OF_CAV).details["transitions"].counts
    for state, part in enumerate(expected, 1):
        for later, count in part.items():
            yield _row(f"cav {state}->{later} count", counts.loc[state, int(later)], count, 0, MSM)


def _at_maximum(cav: pd.DataFrame, found: Mapping[str, Any]) -> Iterator[Row]:
    """Yield what the estimator gives, but for the change that the data hardly fix (2->4)."""
    expected = found["cav_msm"]
    ours = fit("markov", cav, **OF_CAV, **CONTINUOUS)
    least = -2 * ours.details["log_likelihood"]
    yield _row("cav -2 log-likelihood", least, expected["m2LL"], 1e-4, SHORT)
    figures = {"": ("qmatrix", ours.point), " low": ("qL", ours.conf_low)}
    figures[" high"] = ("qU", ours.conf_high)
    for k, (one, other) in enumerate(ALLOWED):
        for word, (key, values) in figures.items():
            theirs = expected[key][one - 1][other - 1]
            if (one, other) != (2, 4):
                name = f"cav {one}->{other}{word}"
                yield _row(name, values[k], theirs, 1e-3 * theirs, SHORT)
    ours = fit("markov", cav, **OF_CAV, **CONTINUOUS, covariates="sex")
    least, theirs = -2 * ours.details["log_likelihood"], found["cav_msm_sex"]["m2LL"]
    yield _row("cav sex -2 log-likelihood", least, theirs, 1e-3, SHORT)
    ratios = ours.details["ratios"].frame
    for k, (one, other) in enumerate(ALLOWED):
        if (one, other) != (2, 4):  # runs to zero: no figure of ours
            triple = found["cav_msm_sex"]["HR"]["sex"][k]
            for column, value in zip(("ratio", "conf_low", "conf_high"), triple, strict=True):
                name = f"cav sex {one}->{other} {column}"
                yield _row(name, ratios[column][k], value, 1e-3 * value, SHORT)


def _where_msm_stops(cav: pd.DataFrame, found: Mapping[str, Any]) -> Iterator[Row]:
    """Yield every figure at the rates and the curvature that R stops with."""
    expected = found["cav_msm"]
    process, least = _process(cav, ())
    name = "cav where R stops"
    yield _row(f"{name} -2 log-likelihood", least, expected["m2LL"], TIGHT, STOPS)
    for part in process.rates.frame.to_dict("records"):
        at = (part["from"] - 1, part["to"] - 1)
        for column, key in (("rate", "qmatrix"), ("conf_low", "qL"), ("conf_high", "qU")):
            theirs = expected[key][at[0]][at[1]]
            word = f"{name} {part['from']}->{part['to']} {column}"
            yield _row(word, part[column], theirs, TIGHT, STOPS)
    for part in process.probabilities(10).frame.to_dict("records"):
        theirs = expected["pmat_t10"][part["from"] - 1][part["to"] - 1]
        word = f"{name} chance {part['from']}->{part['to']} in 10"
        yield _row(word, part["probability"], theirs, TIGHT, STOPS)
    columns = {"time": "estimates", "std_error": "SE", "conf_low": "L", "conf_high": "U"}
    for part, theirs in zip(
        process.sojourn.frame.to_dict("records"), expected["sojourn"], strict=True
    ):
        for column, key in columns.items():
            word = f"{name} stay in {part['state']} {column}"
            yield _row(word, part[column], theirs[key], TIGHT, STOPS)
    for part, theirs in zip(
        process.time_spent(10).frame.to_dict("records"), expected["totlos10"], strict=True
    ):
        yield _row(f"{name} time in {part['state']} of 10", part["time"], theirs, TIGHT, STOPS)
    process, least = _process(cav, ("sex",))
    name, expected = "cav sex where R stops", found["cav_msm_sex"]
    yield _row(f"{name} -2 log-likelihood", least, expected["m2LL"], TIGHT, STOPS)
    slopes = process.theta[len(ALLOWED) :]
    reach = 1.959963984540054 * np.sqrt(np.diag(process.covariance)[len(ALLOWED) :])
    for k, (one, other) in enumerate(ALLOWED):
        triple = np.exp(slopes[k] + np.array([0.0, -reach[k], reach[k]]))
        words = ("ratio", "low", "high")
        for word, ours, theirs in zip(words, triple, expected["HR"]["sex"][k], strict=True):
            # The interval of the ratio that runs to zero spans 122 powers of ten.
            tolerance = 1e-3 * theirs if (one, other) == (2, 4) else TIGHT
            yield _row(f"{name} {one}->{other} {word}", ours, theirs, tolerance, STOPS)


def _process(cav: pd.DataFrame, covariates: tuple[str, ...]) -> tuple[MarkovProcess, float]:
    """Return the process that R stops with, and its -2 log-likelihood."""
    options = MarkovOptions(**CONTINUOUS, covariates=covariates)
    pairs = take_transitions(cav, tuple(OF_CAV.values()), options, Notes())
    origin_of, target_of = find_allowed(pairs, options)
    means = pairs.covariates.mean(axis=0)
    exact = find_exact(pairs, options)
    cells = collect_cells(pairs, origin_of, target_of, exact, pairs.covariates - means)
    count = np.bincount(cells.cell_of, minlength=cells.span.size)

    def slope(theta: np.ndarray) -> tuple[float, np.ndarray]:
        value, parts = evaluate(theta, cells)
        return -2 * float(count @ value), -2 * (count @ parts)

    start = np.concatenate([np.log(START), np.zeros(len(ALLOWED) * len(covariates))])
    theta = search(slope, start)
    process = MarkovProcess(
        states=pairs.states,
        origin_of=origin_of,
        target_of=target_of,
        theta=theta,
        covariance=np.linalg.inv(curvature(slope, theta) / 2),
        flat=np.zeros((theta.size, 0)),
        names=covariates,
        means=means,
        values=means,
        level=0.95,
        df=None,
    )
    return process, slope(theta)[0]
