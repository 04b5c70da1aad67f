"""What every indicator means: title, unit, polarity, measurement period, breaks."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

import pandas as pd

from evallib.panel.breaks import read_breaks
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
    breaks : pandas.DataFrame
        Dated breaks of the series, with the columns of `evallib.panel.breaks.read_breaks`; those of
        the published series unless given.
    """

    frame: pd.DataFrame
    rules: Mapping[str, PeriodRule]
    breaks: pd.DataFrame = field(default_factory=read_breaks)

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

    def breaks_of(self, names: Iterable[str]) -> pd.DataFrame:
        """Return the dated breaks of some indicators, with the columns of `breaks`."""
        return self.breaks[self.breaks["indicator"].isin(set(names))].reset_index(drop=True)

    def with_rows(
        self,
        rows: pd.DataFrame,
        rules: Mapping[str, PeriodRule],
        breaks: pd.DataFrame | None = None,
    ) -> Catalogue:
        """Return a catalogue with more indicators; columns that `rows` lacks are empty text."""
        more = rows.reindex(columns=self.frame.columns).fillna("")
        dated = self.breaks
        if breaks is not None and len(breaks):
            dated = pd.concat([dated, breaks])
        return Catalogue(
            pd.concat([self.frame, more], ignore_index=True),
            {**self.rules, **rules},
            dated.reset_index(drop=True),
        )

    def without(self, names: Collection[str]) -> Catalogue:
        """Return a catalogue without some indicators and their breaks."""
        gone = list(names)
        return Catalogue(
            self.frame[~self.frame["indicator"].isin(gone)].reset_index(drop=True),
            self.rules,
            self.breaks[~self.breaks["indicator"].isin(gone)].reset_index(drop=True),
        )
