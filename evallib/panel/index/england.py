"""The index for England: the mean over a constant set of councils, and its components."""

from __future__ import annotations

import numpy as np
import pandas as pd

from evallib.panel.index.result import IndexResult
from evallib.panel.index.weights import combine


def constant_councils(result: IndexResult, first: int, last: int) -> tuple[str, ...]:
    """Return the councils that have the index in every year, so that the mix does not change.

    Parameters
    ----------
    result : IndexResult
        The index.
    first, last : int
        First calendar years of the first and last label.

    Returns
    -------
    tuple of str
        Codes of councils with a figure in each year in which any council has one; those that the
        plan excludes and recast figures do not count.
    """
    rows = _counted(result, first, last)
    years = rows["period"].nunique()
    held = rows.groupby("council_code")["period"].nunique()
    return tuple(sorted(held.index[held == years]))


def index_by_year(result: IndexResult, first: int, last: int) -> pd.DataFrame:
    """Return the index for England by year.

    Parameters
    ----------
    result : IndexResult
        The index.
    first, last : int
        First calendar years of the first and last label.

    Returns
    -------
    pandas.DataFrame
        fin_year, period, index (mean over the constant set, every council counted once),
        n_councils (of the set), n_components (that any of its councils has that year), index_all
        (mean over every council that has the index that year), n_all, lower_tenth, median,
        upper_tenth (of the constant set), and for a percentage change index_of_means: the weighted
        mean of the changes of the components' own means, which chance in the base of single
        councils does not move.
    """
    rows = _counted(result, first, last)
    fixed = rows[rows["council_code"].isin(constant_councils(result, first, last))]
    every = rows.groupby(["fin_year", "period"])["index"].agg(index_all="mean", n_all="count")
    own = fixed.groupby(["fin_year", "period"])["index"]
    table = every.join(own.agg(index="mean", n_councils="count", median="median"))
    table["lower_tenth"], table["upper_tenth"] = own.quantile(0.1), own.quantile(0.9)
    table["n_councils"] = table["n_councils"].fillna(0).astype(int)
    held = pd.DataFrame(result.why == "", index=result.rows.index).loc[fixed.index]
    counts = held.groupby(fixed["period"]).any().sum(axis=1).rename("n_components")
    table = table.join(counts, on="period")
    columns = ["index", "n_councils", "n_components", "index_all", "n_all"]
    columns += ["lower_tenth", "median", "upper_tenth"]
    if result.method == "percentage_change":
        columns.append("index_of_means")
        table = table.join(_index_of_means(result, first, last), on="period")
    return pd.DataFrame(table[columns].reset_index())


def components_by_year(result: IndexResult, first: int, last: int) -> pd.DataFrame:
    """Return what each component adds to the index for England, by year.

    Parameters
    ----------
    result : IndexResult
        The index.
    first, last : int
        First calendar years of the first and last label.

    Returns
    -------
    pandas.DataFrame
        fin_year, period, component, title, mean (of the figure, in its own unit), score (mean on
        the index's scale), n_councils (that have the component), contribution (mean of weight
        times score; over the components of a year it adds up to the index), and for a percentage
        change score_of_mean: the change of the mean figure on the same councils' mean base. Over
        the constant set.
    """
    is_change = result.method == "percentage_change"
    fixed = set(constant_councils(result, first, last))
    rows = result.rows
    take = rows["council_code"].isin(fixed) & rows["period"].between(first, last)
    own = (take & rows["is_counted"] & rows["index"].notna()).to_numpy()
    parts = []
    for place, (name, title) in enumerate(zip(result.components, result.titles, strict=True)):
        used = result.why[:, place] == ""
        table = pd.DataFrame(
            {
                "fin_year": rows["fin_year"],
                "period": rows["period"],
                "mean": np.where(used, result.values[:, place], np.nan),
                "score": result.scores[:, place],
                "contribution": result.contributions[:, place],
            }
        )[own]
        if is_change:
            sign = result.signs[place]
            table["base"] = table["mean"] / (1 + sign * table["score"] / 100)
        by_year = table.groupby(["fin_year", "period"])
        found = by_year.mean().join(by_year["score"].count().rename("n_councils"))
        if is_change:
            found["score_of_mean"] = sign * 100 * (found["mean"] / found["base"] - 1)
        parts.append(found.reset_index().assign(component=name, title=title))
    columns = ["fin_year", "period", "component", "title", "mean", "score", "n_councils"]
    more = ["contribution", *(["score_of_mean"] if is_change else [])]
    whole = pd.concat(parts, ignore_index=True)[[*columns, *more]]
    return whole.sort_values("period", kind="stable", ignore_index=True)


def _index_of_means(result: IndexResult, first: int, last: int) -> pd.Series:
    """Return the weighted mean of the changes of the components' means, by period."""
    table = components_by_year(result, first, last)
    wide = table.pivot(index="period", columns="component", values="score_of_mean")
    scores = wide.reindex(columns=list(result.components)).to_numpy(float)
    means = combine(scores, result.weights, result.domains, 1).index
    return pd.Series(means, index=wide.index, name="index_of_means")


def _counted(result: IndexResult, first: int, last: int) -> pd.DataFrame:
    rows = result.rows
    years = rows["period"].between(first, last)
    return rows[years & rows["is_counted"] & rows["index"].notna()]
