"""Probabilities from one observation of a state to the next, with intervals of shares."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from evallib.errors import EvallibWarning
from evallib.estimate.columns import Notes
from evallib.estimate.html import html_table
from evallib.estimate.intervals import critical_value
from evallib.estimate.markov_options import MarkovOptions
from evallib.estimate.result import Estimate, FloatArray
from evallib.estimate.transitions import Transitions

REFERENCES = (
    "Wilson (1927), Journal of the American Statistical Association 22, "
    "doi:10.1080/01621459.1927.10502953",
    "Dean and Pagano (2015), Journal of Survey Statistics and Methodology 3(4), "
    "doi:10.1093/jssam/smv024",
)


@dataclass(frozen=True, slots=True)
class TransitionTable:
    """How often each state was followed by each other.

    Parameters
    ----------
    frame : DataFrame
        from, to, count, from_count (observations in the earlier state that have a next one),
        probability, std_error, conf_low, conf_high.
    across : int
        Observations of a unit that follow one another on two scales: not counted.
    """

    frame: pd.DataFrame
    across: int = 0

    @property
    def counts(self) -> pd.DataFrame:
        """Counts as a square table: rows are earlier states, columns later ones."""
        order = list(dict.fromkeys(self.frame["to"]))
        wide = self.frame.pivot(index="from", columns="to", values="count")
        return wide.reindex(index=[name for name in order if name in wide.index], columns=order)

    def _repr_html_(self) -> str:
        note = f"{self.across} observations follow one on another scale and are not counted."
        notes = (note,) if self.across else ()
        return html_table(self.frame, "Changes from one observation to the next", notes)


@dataclass(frozen=True, slots=True)
class WilsonInterval:
    """An interval of a share that can be made again at another level.

    Parameters
    ----------
    share, number : float
        The share and the number of independent observations it is worth.
    df : float or None
        Of the critical value.
    """

    share: float
    number: float
    df: float | None

    def interval(self, level: float) -> tuple[float, float]:
        """Return the shares that the score test does not reject at ``1 - level``.

        Examples
        --------
        >>> low, high = WilsonInterval(0.0, 10.0, None).interval(0.95)
        >>> low, round(high, 4)
        (0.0, 0.2775)
        """
        low, high = wilson(np.array([self.share]), np.array([self.number]), level, self.df)
        return float(low[0]), float(high[0])

    def p_value(self, value: float = 0.0) -> float:
        """Return NaN: no single share is a hypothesis of interest."""
        return float("nan")


def wilson(
    share: FloatArray, number: FloatArray, level: float, df: float | None
) -> tuple[FloatArray, FloatArray]:
    """Return Wilson's intervals of shares of the given effective numbers."""
    z = critical_value(level, df) ** 2 / number
    centre = (share + z / 2) / (1 + z)
    half = np.sqrt(z * share * (1 - share) + z**2 / 4) / (1 + z)
    low = np.where(share > 0, centre - half, 0.0)
    return np.asarray(low), np.where(share < 1, centre + half, 1.0)


def fit_discrete(found: Transitions, options: MarkovOptions, notes: Notes) -> Estimate:
    """Return the share of each earlier state's observations that is followed by each state."""
    counts = found.counts
    size = len(found.states)
    totals = counts.sum(axis=1)
    left = np.flatnonzero(totals)
    origin, target = (
        grid.reshape(-1) for grid in np.meshgrid(left, np.arange(size), indexing="ij")
    )
    share = counts[origin, target] / totals[origin]
    scores = _scores(found, origin, target, share, totals)
    spread = share * (1 - share) / totals[origin]
    number = totals[origin].astype(float)
    groups, df = found.n_clusters, None
    if options.vcov == "cluster":
        df = float(groups - 1)
        covariance = groups / (groups - 1) * (scores.T @ scores)
        spread = np.diag(covariance).copy()
        number = _effective(found, origin, share, totals, spread)
        se_method = f"Standard errors clustered in {groups} clusters (factor G/(G-1))."
        how = f"an effective number of observations by clusters, t({groups - 1})"
    else:
        same = origin[:, None] == origin
        covariance = np.where(same, -np.outer(share, share) / totals[origin], 0.0)
        np.fill_diagonal(covariance, spread)
        se_method = "Binomial standard errors: transitions taken as independent."
        how = "the number of observations in the earlier state, normal"
    varies = (share > 0) & (share < 1) & (spread > 1e-24)  # not between clusters: no figure
    std_error = np.where(varies, np.sqrt(spread), np.nan)
    low, high = wilson(share, number, options.level, df)
    labels = [(found.states[i], found.states[j]) for i, j in zip(origin, target, strict=True)]
    terms = tuple(f"{a}->{b}" for a, b in labels)
    _warn_spans(found, notes)
    units = np.array([np.unique(found.unit[found.origin == i]).size for i in range(size)])
    table = pd.DataFrame(labels, columns=["from", "to"]).assign(
        count=counts[origin, target],
        from_count=totals[origin],
        probability=share,
        std_error=std_error,
        conf_low=low,
        conf_high=high,
    )
    count = len(terms)
    return Estimate(
        estimator="markov",
        estimand=(
            "Share of observations in one state that are followed by each state at the unit's next "
            "observation, whenever that is."
        ),
        terms=terms,
        point=share,
        covariance=covariance,
        std_error=std_error,
        conf_low=low,
        conf_high=high,
        p_value=np.full(count, np.nan),
        df=df,
        level=options.level,
        se_method=se_method,
        interval_method=f"{100 * options.level:g}% intervals by Wilson from {how}.",
        inference="wilson_cluster" if options.vcov == "cluster" else "wilson",
        n_obs=found.origin.size,
        n_units=found.n_units,
        n_treated_units=0,
        n_clusters=groups,
        term_obs=totals[origin],
        term_units=units[origin],
        term_treated_units=np.zeros(count, dtype=np.int64),
        event_time=np.full(count, np.nan),
        scores=scores,
        references=REFERENCES,
        details={
            "model": "discrete",
            "vcov": options.vcov,
            "transitions": TransitionTable(table, found.across),
            "across_frameworks": found.across,
        },
        inversions={
            term: WilsonInterval(float(share[k]), float(number[k]), df)
            for k, term in enumerate(terms)
        },
    )


def _scores(
    found: Transitions,
    origin: np.ndarray,
    target: np.ndarray,
    share: FloatArray,
    totals: np.ndarray,
) -> FloatArray:
    """Return what each cluster adds to each share beyond its expectation, shape (G, K)."""
    groups, size = found.n_clusters, len(found.states)
    flat = (found.cluster * size + found.origin) * size + found.target
    counts = np.bincount(flat, minlength=groups * size * size).reshape(groups, size, size)
    own = counts.sum(axis=2)
    beyond = counts[:, origin, target] - share * own[:, origin]
    return np.asarray(beyond / totals[origin])


def _effective(
    found: Transitions,
    origin: np.ndarray,
    share: FloatArray,
    totals: np.ndarray,
    spread: FloatArray,
) -> FloatArray:
    """Return how many independent observations each share is worth, never more than there are.

    Where a share is 0 or 1 its clusters show no spread: each counts as one observation.
    """
    groups = np.array(
        [np.unique(found.cluster[found.origin == i]).size for i in range(len(found.states))]
    )
    inside = (share > 0) & (share < 1) & (spread > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        worth = share * (1 - share) / spread
    return np.asarray(
        np.where(inside, np.minimum(worth, totals[origin]), groups[origin]), dtype=float
    )


def _warn_spans(found: Transitions, notes: Notes) -> None:
    """Warn where observations are not equally far apart."""
    if np.ptp(found.span) <= 1e-9 * found.span.max():
        return
    text = (
        f"Observations are {found.span.min():g} to {found.span.max():g} apart: these are changes "
        "from one observation to the next, not over a fixed time. model='continuous' takes the "
        "time between them into account."
    )
    notes.warn(EvallibWarning, text)
