"""What is known of councils beside their outcomes: deprivation, population, rurality."""

from __future__ import annotations

import numpy as np
import pandas as pd

from evallib.panel.store import Store

# Fixed characteristics that a plan can adjust for; population and indicators change by year.
COUNCIL_COVARIATES = ("imd_average_score", "share_population_rural")
DEPRIVATION_NOTE = (
    "Deprivation is published for districts and unitary councils; a county's figure is the "
    "population-weighted mean of its districts."
)


def council_covariates(store: Store, release: float | None = None) -> pd.DataFrame:
    """Build one row a council with its fixed characteristics.

    Parameters
    ----------
    store : Store
        The raw tables.
    release : float, optional
        Year of the release of the indices of deprivation; the latest unless given.

    Returns
    -------
    pandas.DataFrame
        council_code, imd_average_score (of that release; higher is more deprived),
        share_population_rural (0 to 1), population_count (persons, latest year on file),
        is_deprivation_of_districts (whether the score is the population-weighted mean of a
        county's districts). Missing where the tables say nothing.
    """
    councils = store.councils[["council_code", "council_type", "county_code"]]
    scores = store.tables["deprivation"].sort_values(["imd_release", "boundary_year"])
    release = scores["imd_release"].max() if release is None else release
    scores = scores[scores["imd_release"] == release].drop_duplicates("council_code", keep="last")
    population = store.tables["population"].sort_values("year")
    latest = population.drop_duplicates("council_code", keep="last")
    then = population[population["year"] == release]
    table = (
        councils.merge(scores[["council_code", "imd_average_score"]], how="left")
        .merge(store.tables["rural_urban"][["council_code", "share_population_rural"]], how="left")
        .merge(latest[["council_code", "population_count"]], how="left")
        .merge(
            then[["council_code", "population_count"]].rename(
                columns={"population_count": "weight"}
            ),
            how="left",
        )
    )
    districts = table[(table["county_code"] != "") & table["imd_average_score"].notna()]
    districts = districts[districts["weight"].notna()]
    by_county = districts.assign(
        weighted=districts["imd_average_score"] * districts["weight"]
    ).groupby("county_code")[["weighted", "weight"]]
    sums = by_county.sum()
    means = (sums["weighted"] / sums["weight"]).reindex(table["council_code"]).to_numpy()
    lacks = table["imd_average_score"].isna() & ~np.isnan(means)
    table["is_deprivation_of_districts"] = lacks
    table.loc[lacks, "imd_average_score"] = means[lacks]
    return table.drop(columns=["weight", "county_code", "council_type"])


def population_by_year(store: Store) -> pd.DataFrame:
    """Return council_code, period (calendar year), population_count (persons, 2023 boundaries)."""
    table = store.tables["population"]
    return table.assign(period=table["year"].astype(int))[
        ["council_code", "period", "population_count"]
    ]
