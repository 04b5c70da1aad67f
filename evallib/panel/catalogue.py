"""What every indicator means: title, unit, polarity, measurement period, breaks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from evallib.panel.periods import PeriodRule


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Descriptions of indicators, as published or made by a plan.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row an indicator, with the columns of `indicators.csv`, all text.
    rules : mapping of str to PeriodRule
        The measurement period of every indicator.
    """

    frame: pd.DataFrame
    rules: Mapping[str, PeriodRule]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the indicators, in the order of the table."""
        return tuple(self.frame["indicator"])

    def describe(self, name: str) -> pd.Series:
        """Return an indicator's row: title, unit, polarity and the other columns."""
        return self.frame[self.frame["indicator"] == name].iloc[0]

    def rule(self, name: str) -> PeriodRule:
        """Return an indicator's measurement period."""
        return self.rules[name]

    def with_rows(self, rows: pd.DataFrame, rules: Mapping[str, PeriodRule]) -> Catalogue:
        """Return a catalogue with more indicators; columns that `rows` lacks are empty text."""
        more = rows.reindex(columns=self.frame.columns).fillna("")
        return Catalogue(pd.concat([self.frame, more], ignore_index=True), {**self.rules, **rules})
