"""Rates of change of a process in continuous time, seen now and then, by maximum likelihood."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from evallib.errors import EstimationError, EvallibWarning, Fault, first_five
from evallib.estimate.clusters import WITHOUT, require_clusters
from evallib.estimate.columns import Notes
from evallib.estimate.html import html_table
from evallib.estimate.intervals import analytic_interval, critical_value
from evallib.estimate.markov_likelihood import Cells
from evallib.estimate.markov_options import MarkovOptions
from evallib.estimate.markov_process import LOOSE, MarkovProcess
from evallib.estimate.markov_search import Maximum, find_maximum
from evallib.estimate.markov_structure import (
    find_allowed,
    find_exact,
    leave_out_absorbed,
    require_possible,
)
from evallib.estimate.result import BoolArray, Estimate, FloatArray, IntArray
from evallib.estimate.transitions import Transitions

REFERENCES = (
    "Kalbfleisch and Lawless (1985), Journal of the American Statistical Association 80, "
    "doi:10.1080/01621459.1985.10478195",
    "Jackson (2011), Journal of Statistical Software 38(8), doi:10.18637/jss.v038.i08",
)


@dataclass(frozen=True, slots=True)
class RateRatios:
    """Ratios of rates for one unit more of a covariate.

    Parameters
    ----------
    frame : DataFrame
        from, to, covariate, ratio, conf_low, conf_high; missing where the data do not fix it.
    """

    frame: pd.DataFrame

    def _repr_html_(self) -> str:
        return html_table(self.frame, "Ratio of rates for one unit more of a covariate", ())


@dataclass(frozen=True, slots=True)
class RateInterval:
    """An interval of a rate on the log scale that can be made again at another level."""

    rate: float
    spread: float
    df: float | None

    def interval(self, level: float) -> tuple[float, float]:
        """Return the bounds at a level.

        Examples
        --------
        >>> low, high = RateInterval(1.0, 0.5, None).interval(0.95)
        >>> round(low, 4), round(high, 4)
        (0.3753, 2.6644)
        """
        half = critical_value(level, self.df) * self.spread
        return float(self.rate * np.exp(-half)), float(self.rate * np.exp(half))

    def p_value(self, value: float = 0.0) -> float:
        """Return NaN: a rate of zero lies at the end of its range."""
        return float("nan")


def fit_continuous(found: Transitions, options: MarkovOptions, notes: Notes) -> Estimate:
    """Return rates of change, and slopes of log rates."""
    origin_of, target_of = find_allowed(found, options)
    is_exact = find_exact(found, options)
    found = leave_out_absorbed(found, origin_of, notes)
    if options.vcov == "cluster":
        require_clusters(found.n_clusters, notes, remedy=WITHOUT)
    require_possible(found, origin_of, target_of, is_exact)
    size = _scale(found, options)
    means = found.covariates.mean(axis=0)
    unit = float(np.median(found.span))
    paced = replace(found, span=found.span / unit)
    cells = collect_cells(paced, origin_of, target_of, is_exact, (found.covariates - means) / size)
    entries = int(is_exact[found.target].sum())
    best = find_maximum(cells, _crude(paced, origin_of, target_of))
    best = _unscale(best, size, unit, entries)
    covariance, df, se_method, slug, scores = _inference(found, best, options)
    process = MarkovProcess(
        states=found.states,
        origin_of=origin_of,
        target_of=target_of,
        theta=best.theta,
        covariance=covariance,
        flat=best.flat,
        names=options.covariates,
        means=means,
        values=means,
        level=options.level,
        df=df,
    )
    count = origin_of.size
    changes = [
        f"{found.states[i]}->{found.states[j]}" for i, j in zip(origin_of, target_of, strict=True)
    ]
    terms = (*changes, *(f"{c},{name}" for name in options.covariates for c in changes))
    loose = np.abs(best.flat).max(axis=1, initial=0.0) > LOOSE
    _warn_loose(terms, loose, notes)
    spread = np.where(loose, np.nan, np.sqrt(np.diag(covariance)))
    rate = np.exp(best.theta[:count])
    scale = np.r_[rate, np.ones(len(terms) - count)]
    low, high, p_value = analytic_interval(best.theta, spread, options.level, df)
    is_rate = np.arange(len(terms)) < count
    point = np.where(loose, np.nan, np.where(is_rate, np.exp(best.theta), best.theta))
    low, high = (np.where(is_rate, np.exp(end), end) for end in (low, high))
    ratios = pd.DataFrame(
        {
            "from": [found.states[i] for i in np.tile(origin_of, len(options.covariates))],
            "to": [found.states[j] for j in np.tile(target_of, len(options.covariates))],
            "covariate": np.repeat(options.covariates, count),
            "ratio": np.exp(point[count:]),
            "conf_low": np.exp(low[count:]),
            "conf_high": np.exp(high[count:]),
        }
    )
    at_means = " at the means of the covariates" if options.covariates else ""
    distribution = "the normal distribution" if df is None else f"t({df:.0f})"
    number = len(terms)
    from_state = np.tile(origin_of, 1 + len(options.covariates))
    from_count = np.bincount(found.origin, minlength=len(found.states))
    units = np.array(
        [np.unique(found.unit[found.origin == i]).size for i in range(len(found.states))]
    )
    return Estimate(
        estimator="markov",
        estimand=(
            f"Rates of change from state to state per unit of time{at_means}"
            + ("; then log ratios of rates for one unit more." if options.covariates else ".")
        ),
        terms=terms,
        point=point,
        covariance=covariance * np.outer(scale, scale),
        std_error=spread * scale,
        conf_low=low,
        conf_high=high,
        p_value=np.where(is_rate, np.nan, p_value),
        df=df,
        level=options.level,
        se_method=se_method,
        interval_method=(
            f"{100 * options.level:g}% intervals from {distribution}, of rates on the log scale."
        ),
        inference=slug,
        n_obs=found.span.size,
        n_units=found.n_units,
        n_treated_units=0,
        n_clusters=found.n_clusters,
        term_obs=from_count[from_state],
        term_units=units[from_state],
        term_treated_units=np.zeros(number, dtype=np.int64),
        event_time=np.full(number, np.nan),
        scores=scores * scale,
        references=REFERENCES,
        details={
            "model": "continuous",
            "vcov": options.vcov,
            "log_likelihood": best.loglik,
            "process": process,
            "ratios": RateRatios(ratios),
            "across_frameworks": found.across,
        },
        inversions={
            term: RateInterval(float(rate[k]), float(spread[k]), df)
            for k, term in enumerate(changes)
        },
    )


def _scale(found: Transitions, options: MarkovOptions) -> FloatArray:
    """Return the covariates' standard deviations; refuse ones that never vary."""
    size = found.covariates.std(axis=0)
    flat = size <= 1e-9 * np.maximum(np.abs(found.covariates).max(axis=0, initial=0.0), 1e-300)
    if flat.any():
        names = [name for name, is_one in zip(options.covariates, flat, strict=True) if is_one]
        what = f"{first_five(names)} have one value in all pairs"
        raise EstimationError([Fault("covariates", what, "", "Leave them out")])
    if size.size > 1:
        correlation = np.corrcoef(found.covariates.T)
        if np.linalg.eigvalsh(correlation)[0] < 1e-10:
            what = "some covariates determine the others"
            raise EstimationError([Fault("covariates", what, "", "Leave one of them out")])
    return np.asarray(size)


def collect_cells(
    found: Transitions,
    origin_of: IntArray,
    target_of: IntArray,
    is_exact: BoolArray,
    design: FloatArray,
) -> Cells:
    """Return the pairs of observations without repetitions."""
    if design.shape[1]:
        patterns, pattern = np.unique(design, axis=0, return_inverse=True)
    else:
        patterns, pattern = np.zeros((1, 0)), np.zeros(found.span.size, dtype=np.int64)
    keys = np.column_stack([pattern.reshape(-1), found.origin, found.target, found.span])
    distinct, cell_of = np.unique(keys, axis=0, return_inverse=True)
    whole = distinct[:, :3].astype(np.int64)
    return Cells(
        states=len(found.states),
        origin_of=origin_of,
        target_of=target_of,
        is_exact=is_exact,
        design=patterns,
        pattern=whole[:, 0],
        origin=whole[:, 1],
        target=whole[:, 2],
        span=distinct[:, 3],
        cell_of=np.asarray(cell_of, dtype=np.int64).reshape(-1),
    )


def _crude(found: Transitions, origin_of: IntArray, target_of: IntArray) -> FloatArray:
    """Return log rates as if changes happened when they were seen: where the search starts."""
    time = np.bincount(found.origin, weights=found.span, minlength=len(found.states))
    time = np.where(time > 0, time, found.span.sum())
    seen = np.maximum(found.counts[origin_of, target_of], 0.5)
    return np.asarray(np.log(seen / time[origin_of]))


def _unscale(best: Maximum, size: FloatArray, unit: float, entries: int) -> Maximum:
    """Return a maximum in the units of covariates and of time.

    Parameters
    ----------
    unit : float
        The time that counted as one.
    entries : int
        Pairs that end with an entry at an exact time, each with a density in units of time.
    """
    rates = best.theta.size // (1 + size.size)
    whole = np.concatenate([np.ones(rates), np.repeat(size, rates)])
    shift = np.concatenate([np.full(rates, np.log(unit)), np.zeros(rates * size.size)])
    flat = best.flat / whole[:, None]
    length = np.linalg.norm(flat, axis=0)
    return Maximum(
        theta=best.theta / whole - shift,
        loglik=best.loglik - entries * float(np.log(unit)),
        information=best.information * np.outer(whole, whole),
        inverse=best.inverse / np.outer(whole, whole),
        flat=flat / np.where(length > 0, length, 1.0),
        scores=best.scores * whole,
    )


def _inference(
    found: Transitions, best: Maximum, options: MarkovOptions
) -> tuple[FloatArray, float | None, str, str, FloatArray]:
    """Return covariance, degrees of freedom, how it was made, its slug and cluster scores."""
    groups = found.n_clusters
    summed = np.zeros((groups, best.theta.size))
    np.add.at(summed, found.cluster, best.scores)
    summed = summed @ best.inverse
    if options.vcov == "iid":
        sentence = "Standard errors from the observed information of the likelihood; normal."
        return best.inverse, None, sentence, "information_normal", summed
    sentence = f"Standard errors clustered in {groups} clusters (factor G/(G-1)), t({groups - 1})."
    return groups / (groups - 1) * (summed.T @ summed), float(groups - 1), sentence, "cr_t", summed


def _warn_loose(terms: tuple[str, ...], loose: BoolArray, notes: Notes) -> None:
    """Warn of terms that the data do not fix."""
    if not loose.any():
        return
    names = [term for term, is_one in zip(terms, loose, strict=True) if is_one]
    text = (
        f"The data do not fix {len(names)} terms, which have no standard error: "
        f"{first_five(names)}. A rate runs to zero where no change needs it, and to infinity where "
        "no observation shows the state before."
    )
    notes.warn(EvallibWarning, text)
