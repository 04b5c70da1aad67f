"""Whether figures are missing more often in one arm of the comparison: a description."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from evallib.design import Design

TREATED, LATER, UNRECORDED = "treated", "later-treated", "no recorded event"
BEFORE, AFTER, CHANGE = "before", "after", "change"
GAP_COLUMNS = [
    *("timing", "difference", "std_error", "conf_low", "conf_high", "treated_councils"),
    "comparison_councils",
]


def expected_rows(design: Design) -> pd.DataFrame:
    """Return every council-year that a sample could have, and whether its figure is missing.

    Parameters
    ----------
    design : Design
        The design. Its councils were in office throughout, so each is expected to report in every
        year in which any of them has a figure.

    Returns
    -------
    pandas.DataFrame
        council_code, cluster, period, arm, timing and is_missing (0 or 1). Arms: treated,
        later-treated (until their own event) and no recorded event. Timing of treated councils:
        before the event year or after it began exposure; of others before or from the first
        exposed year of any treated council. Event years are no rows.
    """
    councils = design.councils
    periods = np.sort(design.full["period"].unique())
    grid = councils[["council_code", "cluster", "cohort", "is_treated"]].merge(
        pd.DataFrame({"period": periods}), how="cross"
    )
    keys = ["council_code", "period"]
    here = pd.MultiIndex.from_frame(design.full[keys])
    grid["is_missing"] = (~pd.MultiIndex.from_frame(grid[keys]).isin(here)).astype(int)
    treated = grid["is_treated"]
    grid["arm"] = np.select([treated, grid["cohort"].notna()], [TREATED, LATER], UNRECORDED)
    begin = grid["cohort"].where(treated, councils.loc[councils["is_treated"], "cohort"].min())
    met = grid["cohort"].notna() & (grid["period"] >= grid["cohort"] - design.anticipation)
    grid["timing"] = np.where(grid["period"] >= begin, AFTER, BEFORE)
    own_event = met & ~(treated & (grid["period"] >= grid["cohort"]))
    columns = ["council_code", "cluster", "period", "arm", "timing", "is_missing"]
    return grid.loc[~own_event, columns].reset_index(drop=True)


def missing_shares(rows: pd.DataFrame) -> pd.DataFrame:
    """Count missing figures by arm and timing.

    Parameters
    ----------
    rows : pandas.DataFrame
        See `expected_rows`.

    Returns
    -------
    pandas.DataFrame
        arm, timing, councils, council_years, missing, missing_pct.
    """
    counts = (
        rows.groupby(["arm", "timing"])
        .agg(
            councils=("council_code", "nunique"),
            council_years=("is_missing", "size"),
            missing=("is_missing", "sum"),
        )
        .reset_index()
    )
    order = pd.Categorical(counts["arm"], [TREATED, LATER, UNRECORDED], ordered=True)
    later = counts["timing"].eq(AFTER)
    counts = counts.assign(place=order, later=later).sort_values(["place", "later"])
    counts["missing_pct"] = 100 * counts["missing"] / counts["council_years"]
    return counts.drop(columns=["place", "later"]).reset_index(drop=True)


def missing_gaps(rows: pd.DataFrame, level: float = 0.95) -> pd.DataFrame:
    """Compare how often figures are missing in treated and comparison councils.

    Each missing figure of a treated council is held against the share that is missing among
    comparison councils in the same year. Standard errors are clustered by council (councils of a
    joint event together), intervals use the t distribution with one less than the clusters.

    Parameters
    ----------
    rows : pandas.DataFrame
        See `expected_rows`.
    level : float
        Confidence level.

    Returns
    -------
    pandas.DataFrame
        A row each for before, after and the change between them: timing, difference, std_error,
        conf_low and conf_high in percentage points, treated_councils, comparison_councils. Bounds
        are missing where no figure is.

    Examples
    --------
    >>> rows = pd.DataFrame({"council_code": list("abcd"), "is_missing": [1, 0, 0, 0]})
    >>> rows = rows.assign(cluster=rows["council_code"], timing="after", period=2020)
    >>> rows["arm"] = ["treated", "treated", "no recorded event", "no recorded event"]
    >>> float(missing_gaps(rows)["difference"].iloc[0])
    50.0
    """
    clusters, codes = np.unique(rows["cluster"].astype(str), return_inverse=True)
    parts: dict[str, tuple[float, np.ndarray]] = {}
    found = []
    for timing in (BEFORE, AFTER):
        gap = _gap(rows, timing, codes, len(clusters))
        if gap is not None:
            parts[timing] = gap
            found.append(_row(timing, *gap, rows[rows["timing"] == timing], level))
    if len(parts) == 2:
        change = parts[AFTER][0] - parts[BEFORE][0]
        found.append(_row(CHANGE, change, parts[AFTER][1] - parts[BEFORE][1], rows, level))
    return pd.DataFrame(found, columns=GAP_COLUMNS)


def _gap(
    rows: pd.DataFrame, timing: str, codes: np.ndarray, n_clusters: int
) -> tuple[float, np.ndarray] | None:
    """Return the mean gap within years, in percentage points, and its scores by cluster.

    The years of the treated rows weigh; comparison rows of any timing in the same year serve.
    """
    treated = (rows["arm"].eq(TREATED) & rows["timing"].eq(timing)).to_numpy()
    others = rows["arm"].ne(TREATED).to_numpy()
    period, value = rows["period"].to_numpy(), 100.0 * rows["is_missing"].to_numpy()
    score, total, n_treated = np.zeros(len(rows)), 0.0, 0
    compared = [p for p in np.unique(period[treated]) if (others & (period == p)).any()]
    for year in compared:
        ours, theirs = treated & (period == year), others & (period == year)
        mean = value[theirs].mean()
        total += float((value[ours] - mean).sum())
        n_treated += int(ours.sum())
        score[ours] = value[ours] - mean
        score[theirs] = -ours.sum() / theirs.sum() * (value[theirs] - mean)
    if n_treated == 0:
        return None
    gap = total / n_treated
    used = treated & np.isin(period, compared)
    score[used] -= gap
    return gap, np.bincount(codes, weights=score, minlength=n_clusters) / n_treated


def _row(
    timing: str, gap: float, scores: np.ndarray, rows: pd.DataFrame, level: float
) -> tuple[object, ...]:
    n_clusters = len(scores)
    error = float(np.sqrt(n_clusters / max(n_clusters - 1, 1) * (scores**2).sum()))
    reach = float(stats.t.ppf((1 + level) / 2, max(n_clusters - 1, 1))) * error
    low, high = (gap - reach, gap + reach) if error > 0 else (float("nan"), float("nan"))
    arms = rows.groupby(rows["arm"].eq(TREATED))["council_code"].nunique()
    return timing, gap, error, low, high, int(arms.get(True, 0)), int(arms.get(False, 0))
