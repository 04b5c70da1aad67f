"""The hazard of a first event: who has it when, among those who have not had it yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evallib.errors import (
    EstimationError,
    EvallibWarning,
    Fault,
    FewEventsWarning,
    ThinDesignWarning,
    first_five,
)
from evallib.estimate.clusters import WITHOUT, require_clusters
from evallib.estimate.columns import Notes
from evallib.estimate.grid import dense_codes
from evallib.estimate.hazard_binary import LikelihoodFit, fit_binary
from evallib.estimate.hazard_cox import fit_cox
from evallib.estimate.hazard_options import HazardOptions
from evallib.estimate.hazard_rows import AtRisk, take_at_risk
from evallib.estimate.hazard_survival import estimate_survival
from evallib.estimate.html import html_table
from evallib.estimate.intervals import analytic_interval
from evallib.estimate.result import Estimate, FloatArray

ROUNDING = 1e-20  # a variance up to here is none
EVENTS_A_COVARIATE = 10
POWERS = {"none": 0, "linear": 1, "quadratic": 2, "cubic": 3}
REFERENCES = (
    "Allison (1982), Sociological Methodology 13, doi:10.2307/270718",
    "Singer and Willett (1993), Journal of Educational Statistics 18(2), "
    "doi:10.3102/10769986018002155",
)
COX = (
    "Cox (1972), Journal of the Royal Statistical Society B 34(2), "
    "doi:10.1111/j.2517-6161.1972.tb00899.x",
    "Lin and Wei (1989), Journal of the American Statistical Association 84, "
    "doi:10.1080/01621459.1989.10478874",
)


@dataclass(frozen=True, slots=True)
class Ratios:
    """Ratios of odds or hazards: the exponential of covariates' terms.

    Parameters
    ----------
    frame : DataFrame
        term, ratio, conf_low, conf_high: for one unit more of the covariate.
    kind : str
        'odds ratio' or 'hazard ratio'.
    """

    frame: pd.DataFrame
    kind: str

    def _repr_html_(self) -> str:
        return html_table(self.frame, f"{self.kind.capitalize()} for one unit more", ())


def fit_hazard(
    frame: pd.DataFrame,
    columns: tuple[str, str, str],
    options: HazardOptions,
    notes: Notes,
) -> Estimate:
    """Return the hazard of an event among the rows at risk.

    Parameters
    ----------
    frame : DataFrame
        One row a unit and period at risk, in any order.
    columns : (outcome, unit, time)
    options : HazardOptions
    notes : Notes

    Raises
    ------
    EstimationError
        For columns that cannot be used, no event, collinear or separating covariates, and two
        clusters or fewer.

    Warns
    -----
    EvallibWarning
        Where rows or periods are left out, and where units miss periods.
    FewEventsWarning, FewClustersWarning
    ThinDesignWarning
        Where a term has no standard error.
    """
    rows = take_at_risk(frame, columns, options, notes)
    survival = estimate_survival(rows, options.level)
    if options.model == "discrete" and options.baseline == "periods":
        rows = _with_events(rows, notes)
    if options.vcov == "cluster":
        require_clusters(rows.n_clusters, notes, remedy=WITHOUT)
    _warn_few_events(rows, options, notes)
    if options.model == "cox":
        terms = options.covariates
        fitted = fit_cox(rows, terms, options.ties)
    else:
        base, base_names = _baseline(rows, options)
        _require_new_names(options.covariates, base_names)
        order = [*base_names, *options.covariates]
        found = fit_binary(
            rows.event,
            np.column_stack([base, rows.covariates]),
            order,
            options.link,
            len(options.covariates),
        )
        terms = (*options.covariates, *base_names)
        fitted = _reorder(found, [order.index(name) for name in terms])
    covariance, df, sentence, slug, scores = _inference(rows, fitted, options)
    point = fitted.beta
    spread = np.diag(covariance)
    std_error = np.sqrt(np.where(spread > ROUNDING, spread, np.nan))
    if np.isnan(std_error).any():
        lost = [name for name, one in zip(terms, std_error, strict=True) if np.isnan(one)]
        text = f"{first_five(lost)}: no standard error, too few units vary to compute one."
        notes.warn(ThinDesignWarning, text)
    low, high, p_value = analytic_interval(point, std_error, options.level, df)
    count, slopes = len(terms), slice(0, len(options.covariates))
    is_odds = options.model == "discrete" and options.link == "logit"
    ratios = pd.DataFrame(
        {
            "term": terms[slopes],
            "ratio": np.exp(point[slopes]),
            "conf_low": np.exp(low[slopes]),
            "conf_high": np.exp(high[slopes]),
        }
    )
    distribution = "the normal distribution" if df is None else f"t({df:.0f})"
    details: dict[str, Any] = {
        "model": options.model,
        "vcov": options.vcov,
        "events": int(rows.event.sum()),
        "log_likelihood": fitted.loglik,
        "survival": survival,
        "ratios": Ratios(ratios, "odds ratio" if is_odds else "hazard ratio"),
    }
    if options.model == "cox":
        details["ties"] = options.ties
    else:
        details |= {"link": options.link, "baseline": options.baseline}
    return Estimate(
        estimator="hazard",
        estimand=_estimand(options),
        terms=terms,
        point=point,
        covariance=covariance,
        std_error=std_error,
        conf_low=low,
        conf_high=high,
        p_value=p_value,
        df=df,
        level=options.level,
        se_method=sentence,
        interval_method=f"{100 * options.level:g}% intervals and p-values from {distribution}.",
        inference=slug,
        n_obs=rows.event.size,
        n_units=rows.n_units,
        n_treated_units=0,
        n_clusters=rows.n_clusters,
        term_obs=np.full(count, rows.event.size),
        term_units=np.full(count, rows.n_units),
        term_treated_units=np.zeros(count, dtype=np.int64),
        event_time=np.full(count, np.nan),
        scores=scores,
        references=REFERENCES if options.model == "discrete" else COX,
        details=details,
    )


def _with_events(rows: AtRisk, notes: Notes) -> AtRisk:
    """Return the rows of periods in which some, and not all, units at risk have the event."""
    periods, place = dense_codes(rows.period)
    share = np.bincount(place, weights=rows.event) / np.bincount(place)
    idle = (share == 0) | (share == 1)
    if not idle.any():
        return rows
    shown = first_five([int(period) for period in periods[idle]])
    text = (
        f"{int(idle.sum())} periods in which no unit at risk, or every one, has the event are left "
        f"out ({int(idle[place].sum())} rows): their own effect fits them whatever the covariates "
        f"are ({shown})."
    )
    notes.warn(EvallibWarning, text)
    if idle.all():
        what = "in every period either no unit at risk or every one has the event"
        remedy = "Use baseline='linear' or 'none'"
        raise EstimationError([Fault("baseline='periods'", what, "", remedy)])
    return rows.keep(~idle[place])


def _baseline(rows: AtRisk, options: HazardOptions) -> tuple[FloatArray, tuple[str, ...]]:
    """Return the columns of the baseline hazard and their names."""
    periods, place = dense_codes(rows.period)
    if options.baseline == "periods":
        return np.eye(periods.size)[place], tuple(f"time={period}" for period in periods)
    since = (rows.period - periods[0]).astype(float)
    power = POWERS[options.baseline]
    names = ("constant", "time", "time^2", "time^3")[: power + 1]
    return since[:, None] ** np.arange(power + 1), names


def _require_new_names(covariates: tuple[str, ...], base_names: tuple[str, ...]) -> None:
    """Refuse covariates with the name of a term of the baseline, or named twice."""
    taken = [name for name in covariates if name in base_names]
    taken += [name for name in dict.fromkeys(covariates) if covariates.count(name) > 1]
    if taken:
        what = f"two terms would be called {first_five(taken)}"
        raise EstimationError([Fault("covariates", what, "", "Rename or leave out the column")])


def _warn_few_events(rows: AtRisk, options: HazardOptions, notes: Notes) -> None:
    """Warn of fewer than ten events, or rows without one, for each covariate."""
    events = int(min(rows.event.sum(), (rows.event == 0).sum()))
    count = len(options.covariates)
    if events < EVENTS_A_COVARIATE * count:
        text = (
            f"{events} events for {count} covariates: below {EVENTS_A_COVARIATE} for each, slopes "
            "are biased away from zero and intervals are too short."
        )
        notes.warn(FewEventsWarning, text)


def _reorder(found: LikelihoodFit, order: list[int]) -> LikelihoodFit:
    """Return a fit with its terms in another order."""
    scores = None if found.scores is None else found.scores[:, order]
    return LikelihoodFit(
        found.beta[order], found.covariance[np.ix_(order, order)], scores, found.loglik
    )


def _inference(
    rows: AtRisk, fitted: LikelihoodFit, options: HazardOptions
) -> tuple[FloatArray, float | None, str, str, FloatArray | None]:
    """Return covariance, degrees of freedom, how it was made, its slug and cluster scores."""
    groups, summed = rows.n_clusters, None
    if fitted.scores is not None:
        summed = np.zeros((groups, fitted.beta.size))
        np.add.at(summed, rows.cluster, fitted.scores)
        summed = summed @ fitted.covariance
    if options.vcov == "iid" or summed is None:
        sentence = "Standard errors from the information of the likelihood; normal."
        return fitted.covariance, None, sentence, "information_normal", summed
    sentence = f"Standard errors clustered in {groups} clusters (factor G/(G-1)), t({groups - 1})."
    covariance = groups / (groups - 1) * (summed.T @ summed)
    return covariance, float(groups - 1), sentence, "cr_t", summed


def _estimand(options: HazardOptions) -> str:
    """Return what the terms are, in a sentence."""
    if options.model == "cox":
        return (
            "Log ratios of hazards for one unit more of a covariate, among units at risk in the "
            "same period."
        )
    if options.link == "logit":
        return (
            "Log ratios of the odds of the event in a period at risk, for one unit more of a "
            "covariate; then the baseline."
        )
    return (
        "Log ratios of the hazard of the event for one unit more of a covariate, as of a hazard in "
        "continuous time that is seen period by period; then the baseline."
    )
