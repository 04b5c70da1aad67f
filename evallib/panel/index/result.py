"""An index of performance with all that went into it."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

import numpy as np
import numpy.typing as npt
import pandas as pd

from evallib.plan.indices import Method

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, repr=False)
class IndexResult:
    """One index: every council-year, component by component.

    Parameters
    ----------
    name, title, unit : str
        As in the catalogue.
    method : str
        ``percentage_change``, ``standardised_mean`` or ``inverse_covariance``.
    components : tuple of str, length k
        Indicators or derived names, in the plan's order.
    titles : tuple of str, length k
        What they measure.
    domains : tuple of str, length k
        The domain of each; all different where the plan gives none.
    signs : ndarray of float, shape (k,)
        1 where higher is better, -1 where lower is.
    weights : ndarray of float, shape (k,)
        Of a council-year with every component; they add up to 1.
    base_years : tuple of str
        Financial years.
    standardised_by : str
        ``base_years`` or ``each_year``.
    fewest : int
        Components that a council-year must have.
    rows : pandas.DataFrame
        council_code, period, fin_year, index (NaN with too few components), present (components),
        is_recast, is_counted (whether the council-year may stand in the reference group and the
        series of England: not excluded by the plan, not recast), is_reference (whether z-scores
        are standardised on it, and the covariance taken over it: a base year's row that is counted
        and has enough components); one row a council-year in which any component has a figure,
        sorted.
    values, scores, contributions : ndarray of float, shape (n, k)
        The figure, the component on the index's scale (better counted up) and weight times score,
        which add up to the index; NaN where missing or left out, contributions then 0.
    why : ndarray of str, shape (n, k)
        Why a component is left out of a council-year; empty where it is used.
    breaks : pandas.DataFrame
        Dated breaks of the components across which no series is continued, with the columns of
        `evallib.panel.breaks.read_breaks`.
    """

    name: str
    title: str
    unit: str
    method: Method
    components: tuple[str, ...]
    titles: tuple[str, ...]
    domains: tuple[str, ...]
    signs: Numbers
    weights: Numbers
    base_years: tuple[str, ...]
    standardised_by: str
    fewest: int
    rows: pd.DataFrame
    values: Numbers
    scores: Numbers
    contributions: Numbers
    why: npt.NDArray[np.str_]
    breaks: pd.DataFrame

    def __repr__(self) -> str:
        """Return a line with the index's size."""
        held = self.rows[self.rows["index"].notna()]
        return (
            f"Index {self.name} ({self.method}, {len(self.components)} components): "
            f"{held['council_code'].nunique():,} councils, {len(held):,} council-years"
        )

    def _repr_html_(self) -> str:
        return f"<p>{escape(repr(self))}</p>"

    @property
    def frame(self) -> pd.DataFrame:
        """Long form: council_code, fin_year, component, value, score, contribution, why."""
        count = len(self.components)
        keys = self.rows[["council_code", "fin_year"]]
        table = keys.loc[keys.index.repeat(count)].reset_index(drop=True)
        return table.assign(
            component=np.tile(np.array(self.components, dtype=object), len(self.rows)),
            value=self.values.ravel(),
            score=self.scores.ravel(),
            contribution=self.contributions.ravel(),
            why=self.why.ravel(),
        )

    def left_out(self, first: int, last: int) -> pd.DataFrame:
        """Count components that are left out, by reason.

        Parameters
        ----------
        first, last : int
            First calendar years of the first and last label.

        Returns
        -------
        pandas.DataFrame
            component, fin_year, why, council_years; only reasons that occur.
        """
        periods = np.repeat(self.rows["period"].to_numpy(), len(self.components))
        table = self.frame.assign(period=periods)
        own = table[table["period"].between(first, last) & (table["why"] != "")]
        keys = ["component", "fin_year", "why"]
        return own.groupby(keys, sort=False).size().rename("council_years").reset_index()
