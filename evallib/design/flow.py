"""Sample flow: at every step how many councils and council-years went, and why."""

from __future__ import annotations

import pandas as pd


class SampleFlow:
    """A sample that is narrowed step by step, each step counted.

    Parameters
    ----------
    rows : pandas.DataFrame
        council_code and period, one row a council-year.
    start : str
        What the sample is at the beginning.
    why : str
        What was left out before, in words.
    """

    def __init__(self, rows: pd.DataFrame, start: str, why: str = "") -> None:
        self.rows = rows
        self._steps: list[tuple[str, str, int, int, int, int]] = []
        self._dropped: list[pd.DataFrame] = []
        self._note(start, why, 0, 0)

    def fork(self) -> SampleFlow:
        """Return a copy that goes its own way from here."""
        copy = SampleFlow.__new__(SampleFlow)
        copy.rows, copy._steps, copy._dropped = self.rows, [*self._steps], [*self._dropped]
        return copy

    def drop_councils(self, step: str, reasons: pd.Series) -> None:
        """Drop councils.

        Parameters
        ----------
        step : str
            What the step does.
        reasons : pandas.Series
            Reason by council code; codes that are not in the sample are ignored.
        """
        if reasons.empty:
            self._note(step, _tally(reasons), 0, 0)
            return
        sample = set(self.rows["council_code"].unique())
        present = reasons[[code in sample for code in reasons.index]]
        gone = self.rows["council_code"].isin(list(present.index))
        self._finish(step, gone, len(present), _tally(present))
        if len(present):
            listed = present.rename_axis("council_code").rename("reason").reset_index()
            self._dropped.append(listed.assign(step=step))

    def drop_rows(self, step: str, gone: pd.Series, why: str) -> None:
        """Drop council-years.

        Parameters
        ----------
        step : str
            What the step does.
        gone : pandas.Series of bool
            Which rows of the present sample go, in its index.
        why : str
            The reason, in words.
        """
        left = self.rows.loc[~gone, "council_code"].nunique()
        self._finish(step, gone, self.rows["council_code"].nunique() - left, why)

    @property
    def frame(self) -> pd.DataFrame:
        """step, why, councils_dropped, council_years_dropped, councils, council_years."""
        columns = ["step", "why", "councils_dropped", "council_years_dropped"]
        return pd.DataFrame(self._steps, columns=[*columns, "councils", "council_years"])

    @property
    def dropped(self) -> pd.DataFrame:
        """council_code, reason, step: every council that was dropped."""
        if not self._dropped:
            return pd.DataFrame(columns=["council_code", "reason", "step"])
        return pd.concat(self._dropped, ignore_index=True)

    def _finish(self, step: str, gone: pd.Series, councils: int, why: str) -> None:
        self.rows = self.rows[~gone]
        self._note(step, why, councils, int(gone.sum()))

    def _note(self, step: str, why: str, councils: int, years: int) -> None:
        left = self.rows["council_code"].nunique()
        self._steps.append((step, why, councils, years, left, len(self.rows)))


def _tally(reasons: pd.Series) -> str:
    """Return reasons with their numbers of councils, most frequent first."""
    if reasons.empty:
        return "none"
    general = reasons.str.replace(r"^\S+ of [^:]*: ", "", regex=True)
    general = general.str.replace(r" on \d+ \w+ \d{4}$", "", regex=True)
    counts = general.value_counts()
    return "; ".join(f"{reason} ({count})" for reason, count in counts.items())
