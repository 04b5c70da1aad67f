"""The index again without each of its components, to see whether one of them carries it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from evallib.panel.index.england import constant_councils
from evallib.panel.index.result import IndexResult
from evallib.panel.index.weights import combine, equal_weights, inverse_covariance_weights


def leave_one_out(result: IndexResult, first: int, last: int) -> pd.DataFrame:
    """Return the index for England by year without each of its components in turn.

    Parameters
    ----------
    result : IndexResult
        The index.
    first, last : int
        First calendar years of the first and last label.

    Returns
    -------
    pandas.DataFrame
        component, title, fin_year, period, index (the whole one's mean), without (the mean without
        the component, over the councils of the whole index's constant set that still have it),
        n_councils (of these), correlation (of the two over all council-years). Weights are worked
        out again; one component fewer is needed where the rule would otherwise ask for all.
    """
    rows = result.rows
    fixed = set(constant_councils(result, first, last))
    own = rows["council_code"].isin(fixed) & rows["period"].between(first, last)
    own &= rows["is_counted"] & rows["index"].notna()
    parts = []
    for place, (name, title) in enumerate(zip(result.components, result.titles, strict=True)):
        without = _without(result, place)
        both = rows["index"].notna() & ~np.isnan(without)
        alike = float(rows["index"].where(both).corr(pd.Series(without).where(both)))
        table = rows.assign(without=without)[own]
        by_year = table.groupby(["fin_year", "period"])
        found = by_year.agg(
            index=("index", "mean"), without=("without", "mean"), n_councils=("without", "count")
        )
        parts.append(found.reset_index().assign(component=name, title=title, correlation=alike))
    columns = ["component", "title", "fin_year", "period", "index", "without", "n_councils"]
    return pd.concat(parts, ignore_index=True)[[*columns, "correlation"]]


def _without(result: IndexResult, place: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return the index of every council-year without one component."""
    kept = np.arange(len(result.components)) != place
    scores = result.scores[:, kept]
    domains = tuple(d for at, d in enumerate(result.domains) if at != place)
    if result.method == "inverse_covariance":
        weights = inverse_covariance_weights(scores[result.rows["is_reference"].to_numpy(bool)])
    else:
        weights = equal_weights(domains)
    return combine(scores, weights, domains, min(result.fewest, int(kept.sum()))).index
