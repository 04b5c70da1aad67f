"""How thin a design is: who carries the estimate's weight, year by year and cohort by cohort."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evallib.estimate.result import BoolArray, FloatArray, IntArray

MIN_CLUSTERS_A_YEAR = 20
MIN_COHORT = 5
MIN_WEIGHT = 0.10
MIN_EFFECTIVE = 10.0
MIN_TREATED = 5


@dataclass(frozen=True, slots=True)
class Thinness:
    """Counts behind the thin-design rule, and which parts of the rule fired.

    Parameters
    ----------
    n_treated_units, n_treated_clusters, n_control_clusters : int
        Of those that carry weight in the estimate.
    effective_treated_clusters : float
        (sum of squared contributions)^2 / sum of fourth powers, over treated clusters.
    years : tuple of (year, share of the weight, treated clusters, comparison clusters)
    cohorts : tuple of (cohort, share of the weight, treated units)
    fired : tuple of str
        A sentence for each part of the rule that fired; empty when the design is not thin.
    """

    n_treated_units: int
    n_treated_clusters: int
    n_control_clusters: int
    effective_treated_clusters: float
    years: tuple[tuple[int, float, int, int], ...]
    cohorts: tuple[tuple[float, float, int], ...]
    fired: tuple[str, ...]

    @property
    def is_thin(self) -> bool:
        """Whether any part of the rule fired."""
        return bool(self.fired)

    @property
    def sentence(self) -> str:
        """What fired with its counts, or that nothing did, as one sentence."""
        counts = (
            f"{self.n_treated_units} treated councils with weight in the estimate, in "
            f"{self.n_treated_clusters} clusters, "
            f"{self.n_control_clusters} comparison clusters, effective number of treated clusters "
            f"{self.effective_treated_clusters:.1f}"
        )
        if not self.fired:
            return f"The thin-design rule did not fire ({counts})."
        return f"The thin-design rule fired: {'; '.join(self.fired)} ({counts})."


def measure(
    *,
    weight: FloatArray,
    is_control: BoolArray,
    cohort: FloatArray,
    periods: IntArray,
    cluster: IntArray,
    contribution: FloatArray,
) -> Thinness:
    """Return how thin a design is.

    Parameters
    ----------
    weight : array, shape (N, T)
        Weight of each treated row in the estimate, 0 elsewhere. Sums to about 1; negative
        weights count by their size.
    is_control : boolean array, shape (N, T)
        Rows that serve as comparison.
    cohort : array, shape (N,)
        First treated period; infinity is never.
    periods : integer array, shape (T,)
    cluster : integer array, shape (N,)
        Cluster codes from 0.
    contribution : array, shape (N,)
        Score or influence value of each unit.
    """
    size = np.abs(weight)
    total = size.sum()
    size /= total if total > 0 else 1.0
    carries = size > 0
    is_treated = np.asarray(carries.any(axis=1))
    compares = np.asarray(is_control.any(axis=1))
    shares = size.sum(axis=0)
    treated_in, control_in = count_clusters(cluster, carries), count_clusters(cluster, is_control)
    cohorts = []
    for start in np.unique(cohort[is_treated]):
        members = is_treated & (cohort == start)
        cohorts.append((float(start), float(size[members].sum()), int(members.sum())))
    return judge(
        years=[
            (int(period), float(shares[place]), int(treated_in[place]), int(control_in[place]))
            for place, period in enumerate(periods)
        ],
        cohorts=cohorts,
        effective=effective_number(contribution, cluster, is_treated),
        n_treated_clusters=int(count_clusters(cluster, is_treated[:, None])[0]),
        n_control_clusters=int(count_clusters(cluster, compares[:, None])[0]),
    )


def judge(
    *,
    years: list[tuple[int, float, int, int]],
    cohorts: list[tuple[float, float, int]],
    effective: float,
    n_treated_clusters: int,
    n_control_clusters: int,
) -> Thinness:
    """Return which parts of the rule fire.

    Parameters
    ----------
    years : list of (year, share of the weight, treated clusters, comparison clusters)
        Those without weight do not count.
    cohorts : list of (cohort, share of the weight, treated units)
    effective : float
        Effective number of treated clusters.
    n_treated_clusters, n_control_clusters : int
    """
    years = [year for year in years if year[1] > 0]
    fired: list[str] = []
    for period, share, treated, control in years:
        for count, word in ((treated, "treated"), (control, "comparison")):
            if share > MIN_WEIGHT and count < MIN_CLUSTERS_A_YEAR:
                fired.append(
                    f"{period} carries {share:.0%} of the weight with {count} {word} clusters, "
                    f"fewer than {MIN_CLUSTERS_A_YEAR}"
                )
    for start, share, count in cohorts:
        if share > MIN_WEIGHT and count < MIN_COHORT:
            fired.append(
                f"cohort {start:g} carries {share:.0%} of the weight with {count} councils, "
                f"fewer than {MIN_COHORT}"
            )
    if effective < MIN_EFFECTIVE:
        fired.append(
            f"the effective number of treated clusters is {effective:.1f}, under "
            f"{MIN_EFFECTIVE:.0f}"
        )
    return Thinness(
        n_treated_units=sum(count for _, _, count in cohorts),
        n_treated_clusters=n_treated_clusters,
        n_control_clusters=n_control_clusters,
        effective_treated_clusters=effective,
        years=tuple(years),
        cohorts=tuple(cohorts),
        fired=tuple(fired),
    )


def count_clusters(cluster: IntArray, among: BoolArray) -> IntArray:
    """Return how many clusters have a unit among the chosen ones, column by column.

    Parameters
    ----------
    cluster : integer array, shape (N,)
    among : boolean array, shape (N, T)
    """
    if not np.array_equal(cluster, np.arange(cluster.size)):
        order = np.argsort(cluster, kind="stable")
        first = np.flatnonzero(np.diff(cluster[order], prepend=-1))
        among = np.logical_or.reduceat(among[order], first, axis=0)
    return np.asarray(among.sum(axis=0), dtype=np.int64)


def effective_number(contribution: FloatArray, cluster: IntArray, is_treated: BoolArray) -> float:
    """Return (sum s^2)^2 / sum s^4 over the clusters of treated units.

    Examples
    --------
    >>> import numpy as np
    >>> effective_number(np.ones(4), np.arange(4), np.array([True, True, True, False]))
    3.0
    """
    total = np.zeros(int(cluster.max()) + 1)
    np.add.at(total, cluster, contribution)
    squares = total[np.unique(cluster[is_treated])] ** 2
    fourth = float((squares**2).sum())
    return float(squares.sum() ** 2 / fourth) if fourth > 0 else 0.0
