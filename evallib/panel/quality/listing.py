"""Figures that look unsafe, listed row by row."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd

from evallib.panel.quality.rules import RULES, find_suspicious
from evallib.panel.store import Store

PERCENT = "percent"
COLUMNS = ["indicator", "council_code", "council_name", "fin_year", "period", "value", "rule"]


def suspicious_figures(
    figures: pd.DataFrame, councils: pd.DataFrame, units: Mapping[str, str]
) -> pd.DataFrame:
    """List figures that a careful reader would ask about; nothing is changed or dropped.

    Parameters
    ----------
    figures : pandas.DataFrame
        council_code, fin_year, period, indicator, value: whole series, a row a council and year.
    councils : pandas.DataFrame
        council_code, council_name, council_type.
    units : mapping of str to str
        Unit by indicator; ``percent`` is told on a scale from 0 to 100.

    Returns
    -------
    pandas.DataFrame
        indicator, council_code, council_name, fin_year, period, value, rule (a key of `RULES`),
        one row a figure and rule, in the order of indicator, council, year and rule.
    """
    kinds = councils.set_index("council_code")["council_type"]
    parts = []
    for name, rows in figures.groupby("indicator", sort=True):
        wide = rows.pivot(index="council_code", columns="period", values="value")
        kind = pd.factorize(kinds.reindex(wide.index))[0]
        masks = find_suspicious(
            wide.to_numpy(dtype=float), kind, is_percent=units.get(str(name)) == PERCENT
        )
        for rule in RULES:
            council, year = np.nonzero(masks[rule])
            parts.append(
                pd.DataFrame(
                    {
                        "indicator": str(name),
                        "council_code": wide.index[council],
                        "period": wide.columns[year],
                        "rule": rule,
                    }
                )
            )
    if not parts:
        return pd.DataFrame(columns=COLUMNS)
    keys = ["indicator", "council_code", "period"]
    found = pd.concat(parts, ignore_index=True)
    found = found.merge(figures[[*keys, "fin_year", "value"]], on=keys, how="left")
    found = found.merge(councils[["council_code", "council_name"]], on="council_code", how="left")
    return found.sort_values([*keys, "rule"], ignore_index=True)[COLUMNS]


def units_of(store: Store) -> dict[str, str]:
    """Return the unit of every indicator of the tables."""
    facts = store.catalogue.frame
    return dict(facts[["indicator", "unit"]].to_numpy().tolist())


def suspicious_in(store: Store, names: Collection[str]) -> pd.DataFrame:
    """List the suspicious figures of some indicators of the tables, see `suspicious_figures`."""
    return suspicious_figures(store.figures(names), store.councils, units_of(store))
