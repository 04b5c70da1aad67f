"""Which rows of a sample an estimator gets, by who was exposed when."""

from __future__ import annotations

import pandas as pd


def with_arms(rows: pd.DataFrame, councils: pd.DataFrame) -> pd.DataFrame:
    """Return rows with their council's cohort, arm and cluster."""
    columns = ["council_code", "cohort", "is_treated", "cluster"]
    return rows.merge(councils[columns], on="council_code")


def after_own_event(rows: pd.DataFrame, lead: int) -> pd.Series:
    """Return whether a later-treated control has met its own event, or may react to it."""
    later = rows["cohort"].notna() & ~rows["is_treated"]
    return later & (rows["period"] >= rows["cohort"] - lead)


def is_event_year(rows: pd.DataFrame, lead: int) -> pd.Series:
    """Return whether a treated council's row is neither before nor after its event."""
    return rows["is_treated"] & rows["period"].between(rows["cohort"] - lead, rows["cohort"] - 1)


def estimation_rows(rows: pd.DataFrame, covariates: tuple[str, ...]) -> pd.DataFrame:
    """Return the columns that estimators read; the cohort is missing unless treated."""
    exposed = rows["is_treated"] & (rows["period"] >= rows["cohort"])
    table = rows.assign(
        is_exposed=exposed.astype(int), cohort=rows["cohort"].where(rows["is_treated"])
    )
    columns = ["council_code", "period", "value", "weight", "is_exposed", "cohort", "cluster"]
    columns += covariates
    return table[columns].reset_index(drop=True)
