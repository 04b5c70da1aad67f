"""What an estimator returns: one estimate with everything needed to read and redo it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from evallib.errors import EstimationError, Fault, did_you_mean
from evallib.estimate.bands import Band, band_of
from evallib.estimate.hausman import HausmanTest
from evallib.estimate.html import html_table
from evallib.estimate.intervals import analytic_interval as analytic_interval
from evallib.estimate.intervals import critical_value as critical_value
from evallib.estimate.joint import JointTest, joint_test_of

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

TIDY_COLUMNS = (
    "term",
    "estimate",
    "std_error",
    "conf_low",
    "conf_high",
    "p_value",
    "n_obs",
    "n_units",
    "n_treated_units",
)


class Source(Protocol):
    """What a group-time estimate keeps so that it can be aggregated without refitting."""

    def aggregate(
        self,
        kind: str,
        min_e: float,
        max_e: float,
        parent: Estimate,
        balance: int | None = None,
    ) -> Estimate:
        """Return the aggregation ``kind`` of the cells over event times from min_e to max_e."""

    def sum_by_cluster(self, influence: FloatArray) -> FloatArray:
        """Return influence values (N, K) summed within clusters (G, K)."""


class Inversion(Protocol):
    """A test kept in a form that can be inverted again at another level."""

    def interval(self, level: float) -> tuple[float, float]:
        """Return the values that the test does not reject at ``1 - level``."""

    def p_value(self, value: float = 0.0) -> float:
        """Return the p-value of the hypothesis that the effect is ``value``."""


@dataclass(frozen=True, slots=True, repr=False)
class Estimate:
    """Effects of one estimator on one outcome, with how each number was made.

    Parameters
    ----------
    estimator, estimand : str
        The name at the door, and what is estimated in a sentence.
    terms : tuple of str, length K
        ``att``, ``overall``, ``event_time=-3``, ``group=2004``, ``time=2006``,
        ``group=2004,time=2006`` or a covariate's name.
    point, std_error, conf_low, conf_high, p_value : array, shape (K,)
        In the outcome's unit. NaN in all but ``point`` marks a value fixed by normalisation.
    covariance : array, shape (K, K)
        Of ``point``; zero rows where the value is fixed.
    df : float or None
        Degrees of freedom of the t distribution; None is the normal.
    level : float
        Confidence level, between 0 and 1.
    se_method, interval_method : str
        Sentences that a report can print as they are.
    inference : str
        Short name: 'cr1_t', 'influence_normal', 'wild_bootstrap', 'permutation'.
    term_obs, term_units, term_treated_units : array, shape (K,)
        Rows, units and treated units behind each term.
    event_time : array, shape (K,)
        Periods since first exposure; NaN where a term has none.
    influence : array, shape (n_units, K), or None
        Influence values; ``std_error`` is the root of the summed squares (by cluster) over n_units.
    scores : array, shape (n_clusters, K), or None
        Cluster scores of a regression times the inverse cross-product.
    """

    estimator: str
    estimand: str
    terms: tuple[str, ...]
    point: FloatArray
    covariance: FloatArray
    std_error: FloatArray
    conf_low: FloatArray
    conf_high: FloatArray
    p_value: FloatArray
    df: float | None
    level: float
    se_method: str
    interval_method: str
    inference: str
    n_obs: int
    n_units: int
    n_treated_units: int
    n_clusters: int
    term_obs: IntArray
    term_units: IntArray
    term_treated_units: IntArray
    event_time: FloatArray
    outcome: str = ""
    unit: str = ""
    role: str = ""
    polarity: str = "none"
    comparison: str = ""
    no_record: str = ""
    sample_id: str = ""
    influence: FloatArray | None = None
    scores: FloatArray | None = None
    warnings: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)
    source: Source | None = None
    inversions: Mapping[str, Inversion] = field(default_factory=dict)

    def tidy(self) -> pd.DataFrame:
        """Return one row a term: estimate, standard error, interval, p-value and counts."""
        columns = (
            list(self.terms),
            self.point,
            self.std_error,
            self.conf_low,
            self.conf_high,
            self.p_value,
            self.term_obs,
            self.term_units,
            self.term_treated_units,
        )
        return pd.DataFrame(dict(zip(TIDY_COLUMNS, columns, strict=True)))

    @property
    def frame(self) -> pd.DataFrame:
        """The same as ``tidy()``."""
        return self.tidy()

    def index(self, term: str) -> int:
        """Return the position of a term.

        Raises
        ------
        EstimationError
            When the estimate has no such term.
        """
        if term not in self.terms:
            hint = did_you_mean(term, self.terms) or f" The first terms are {self.terms[:5]}"
            raise EstimationError(
                [Fault(self.estimator, f"there is no term {term!r}", "", f"Name another.{hint}")]
            )
        return self.terms.index(term)

    def interval(self, level: float | None = None, term: str | None = None) -> tuple[float, float]:
        """Return the interval of a term at any level, made as the printed one was made.

        Parameters
        ----------
        level : float, optional
            Confidence level between 0 and 1; the estimate's own when left out.
        term : str, optional
            The first term when left out.

        Returns
        -------
        (low, high), both NaN where the term has no interval.

        Raises
        ------
        EstimationError
            When the interval came from a resampling test that was kept for other terms only.
        """
        name = self.terms[0] if term is None else term
        k = self.index(name)
        wanted = self.level if level is None else level
        if not 0 < wanted < 1:
            what = f"level {wanted!r} is not between 0 and 1"
            raise EstimationError([Fault(self.estimator, what, "", "Use 0.95 for 95 per cent")])
        if wanted == self.level:
            return float(self.conf_low[k]), float(self.conf_high[k])
        if name in self.inversions:
            return self.inversions[name].interval(wanted)
        if np.isnan(self.conf_low[k]):
            return float("nan"), float("nan")
        if self.inference in {"wild_bootstrap", "permutation"}:
            what = f"the test behind {name!r} was not kept, only its interval at {self.level}"
            raise EstimationError([Fault(self.estimator, what, "", "Ask for the first term")])
        half = critical_value(wanted, self.df) * self.std_error[k]
        return float(self.point[k] - half), float(self.point[k] + half)

    def aggregate(
        self,
        kind: str,
        min_e: float = float("-inf"),
        max_e: float = float("inf"),
        balance: int | None = None,
    ) -> Estimate:
        """Average group-time cells: 'simple', 'dynamic', 'group' or 'calendar'.

        Parameters
        ----------
        kind : str
            The average to take; the first row of the result is ``overall``.
        min_e, max_e : float
            First and last event time that is kept, in periods.
        balance : int, optional
            With 'dynamic': only cohorts that are observed up to this event time, and event times
            up to it; as the estimate's own option says when left out.

        Raises
        ------
        EstimationError
            For an unknown kind, and for an estimator without cells.
        """
        if self.source is None:
            what = "only group_time has cells that can be aggregated"
            raise EstimationError(
                [Fault(self.estimator, what, "", "Fit 'group_time', or read the terms in tidy()")]
            )
        return self.source.aggregate(kind, min_e, max_e, self, balance)

    def band(self, draws: int | None = None, seed: int | None = None) -> Band:
        """Return a simultaneous band over all terms but the overall one.

        Parameters
        ----------
        draws, seed : int, optional
            Of the multiplier bootstrap; the estimate's own, or 999 and 0.

        Raises
        ------
        EstimationError
            For an estimate that keeps neither influence values nor scores.
        """
        return band_of(self, draws, seed)

    def joint_test(self, before: float | None = None) -> JointTest:
        """Test that the terms before exposure are zero together.

        Parameters
        ----------
        before : float, optional
            Terms of an event time below this one; what comes before any anticipation when left
            out. With 0 the anticipation periods count, as in R's did.

        Raises
        ------
        EstimationError
            When no such term has a standard error.
        """
        return joint_test_of(self, before)

    def hausman(self) -> HausmanTest:
        """Test random effects against the within estimate.

        Raises
        ------
        EstimationError
            For other estimators than 'random_effects' and 'mundlak'.
        """
        source = self.details.get("hausman")
        if source is None:
            what = "only random_effects and mundlak can be tested against the within estimate"
            raise EstimationError([Fault(self.estimator, what, "", "Fit 'random_effects'")])
        found: HausmanTest = source.test()
        return found

    def __repr__(self) -> str:
        ends = f"{self.level:.0%} interval {self.conf_low[0]:.4g} to {self.conf_high[0]:.4g}"
        said = f"{self.terms[0]} {self.point[0]:.4g} ({ends}, {self.inference})"
        return f"{self.estimator} of {self.outcome or 'the outcome'}: {said}"

    def _repr_html_(self) -> str:
        caption = f"{self.outcome or 'Estimate'}: {self.estimand}"
        if self.unit:
            caption += f" Unit: {self.unit}."
        notes = [self.se_method, self.interval_method, *self.warnings]
        return html_table(self.tidy(), caption, notes)
