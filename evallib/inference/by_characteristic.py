"""Effects by characteristics as results: joint tests, and a row a subgroup."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from evallib.design.characteristics import Characteristic
from evallib.estimate import Estimate, Estimates
from evallib.estimate.heterogeneity import Comparators
from evallib.estimate.html import html_table
from evallib.estimate.result import FloatArray
from evallib.inference.multiple import holm

TESTS = (
    *("outcome", "role", "characteristic", "is_planned", "comparators", "n_subgroups"),
    *("n_treated_units", "n_without_subgroup", "statistic", "df", "df_residual", "p_value"),
    *("holm_p_value", "answer", "inference", "method", "not_estimated", "reason", "note"),
)
EFFECTS = (
    *("outcome", "role", "characteristic", "is_planned", "subgroup", "estimate", "std_error"),
    *("conf_low", "conf_high", "p_value", "difference", "difference_p_value"),
    *("difference_holm_p_value", "n_treated_units", "n_comparison_units", "n_obs", "inference"),
)


DIFFER, CANNOT_TELL = "effects differ", "cannot tell whether effects differ"
NO_SIZEABLE, CANNOT_TEST = "no sizeable difference", "no joint test"


@dataclass(frozen=True, slots=True)
class ByCharacteristic:
    """Effects of one outcome by one characteristic.

    Parameters
    ----------
    outcome, title, unit, role : str
        The outcome.
    meaningful_change : float
        The smallest change that would matter; NaN where nobody said.
    characteristic : Characteristic
    comparators : 'all' or 'same'
    is_planned : bool
    effects, differences : Estimate or None
        A term a subgroup; None where no subgroup can be estimated.
    statistic, df, df_residual, p_value : float
        The joint test that all effects are equal; NaN where it cannot be made.
    inference, method : str
        How the joint test and the intervals were made: 'influence_normal' or 'permutation', and
        a sentence.
    n_comparison : tuple of int
    refused : tuple of (subgroup, treated, comparison)
        Subgroups with fewer than five of either.
    n_without : int
        Treated units without a subgroup.
    reason : str
        Why there is no joint test, where there is none.
    """

    outcome: str
    title: str
    unit: str
    role: str
    characteristic: Characteristic
    comparators: Comparators
    is_planned: bool
    effects: Estimate | None = None
    differences: Estimate | None = None
    statistic: float = float("nan")
    df: float = float("nan")
    df_residual: float = float("nan")
    p_value: float = float("nan")
    inference: str = ""
    method: str = ""
    n_comparison: tuple[int, ...] = ()
    refused: tuple[tuple[str, int, int], ...] = ()
    meaningful_change: float = float("nan")
    n_without: int = 0
    reason: str = ""

    @property
    def holm(self) -> FloatArray:
        """Holm's p-values of the differences; two subgroups have one difference between them."""
        if self.differences is None:
            return np.zeros(0)
        p_values = self.differences.p_value
        return p_values.copy() if p_values.size == 2 else holm(p_values)

    @property
    def not_estimated(self) -> str:
        """Which subgroups are too small, with their counts."""
        parts = [f"{name} ({n} treated, {m} comparison)" for name, n, m in self.refused]
        return "; ".join(parts)

    def answer(self, p_value: float) -> str:
        """Return what the joint test says, given its p-value adjusted for the others.

        Where it does not reject, effects are only said not to differ by a sizeable amount where
        the interval of every difference lies within the meaningful change.
        """
        gaps = self.differences
        if gaps is None or np.isnan(p_value):
            return CANNOT_TEST
        if p_value <= 1 - gaps.level:
            return DIFFER
        reach = np.maximum(-gaps.conf_low, gaps.conf_high)
        return NO_SIZEABLE if bool((reach < self.meaningful_change).all()) else CANNOT_TELL

    def rows(self) -> list[dict[str, object]]:
        """Return a row a subgroup."""
        effects, gaps = self.effects, self.differences
        if effects is None or gaps is None:
            return []
        columns = dict(
            zip(
                EFFECTS[4:],
                (
                    *(effects.terms, effects.point, effects.std_error, effects.conf_low),
                    *(effects.conf_high, effects.p_value, gaps.point, gaps.p_value, self.holm),
                    *(effects.term_treated_units, self.n_comparison, effects.term_obs),
                    [self.inference] * len(effects.terms),
                ),
                strict=True,
            )
        )
        front = (self.outcome, self.role, self.characteristic.name, self.is_planned)
        named = dict(zip(EFFECTS[:4], front, strict=True))
        rows = pd.DataFrame(columns).to_dict("records")
        return [{**named, **{str(key): value for key, value in row.items()}} for row in rows]


@dataclass(frozen=True, slots=True, repr=False)
class Heterogeneity:
    """Effects by characteristics, of one outcome or of many.

    Parameters
    ----------
    items : tuple of ByCharacteristic
        By outcome, then by characteristic.
    """

    items: tuple[ByCharacteristic, ...]

    def __iter__(self) -> Iterator[ByCharacteristic]:
        """Iterate over outcomes and characteristics."""
        return iter(self.items)

    def __len__(self) -> int:
        """Return the number of outcomes times characteristics."""
        return len(self.items)

    @property
    def tests(self) -> pd.DataFrame:
        """One row a joint test.

        Holm's p-value is over the planned tests of primary outcomes, or over all others.
        """
        planned = np.array([one.is_planned and one.role == "primary" for one in self.items], bool)
        p_values = np.array([one.p_value for one in self.items], dtype=float)
        adjusted = p_values.copy()
        for family in (planned, ~planned):
            adjusted[family & ~np.isnan(p_values)] = holm(p_values[family & ~np.isnan(p_values)])
        rows = []
        for item, p_holm in zip(self.items, adjusted, strict=True):
            treated = 0 if item.effects is None else int(item.effects.term_treated_units.sum())
            count = 0 if item.effects is None else len(item.effects.terms)
            front = (item.outcome, item.role, item.characteristic.name, item.is_planned)
            test = (item.statistic, item.df, item.df_residual, item.p_value, p_holm)
            last = (item.answer(p_holm), item.inference, item.method, item.not_estimated)
            counts = (item.comparators, count, treated, item.n_without)
            rows.append((*front, *counts, *test, *last, item.reason, item.characteristic.note))
        return pd.DataFrame(rows, columns=list(TESTS))

    @property
    def frame(self) -> pd.DataFrame:
        """One row a subgroup: effect, interval, difference from the others, counts."""
        rows = [row for item in self.items for row in item.rows()]
        return pd.DataFrame(rows, columns=list(EFFECTS))

    @property
    def estimates(self) -> Estimates:
        """The effects as estimates, a term a subgroup: ``region=North East``."""
        return Estimates(
            tuple(
                replace(
                    item.effects,
                    terms=tuple(
                        f"{item.characteristic.name}={term}" for term in item.effects.terms
                    ),
                )
                for item in self.items
                if item.effects is not None
            )
        )

    def __repr__(self) -> str:
        """Return how many joint tests there are."""
        made = sum(not np.isnan(item.p_value) for item in self.items)
        return f"Heterogeneity: {made} joint tests of {len(self.items)}"

    def _repr_html_(self) -> str:
        notes = [text for one in self.items for text in (one.method, one.characteristic.note)]
        shown = self.tests[["outcome", "characteristic", "n_subgroups", "statistic", "df",
                            "df_residual", "p_value", "not_estimated", "reason"]]  # fmt: skip
        first = html_table(shown, "Joint tests: are the effects on all subgroups equal?", [])
        frame = self.frame.drop(columns=["role", "is_planned"])
        return first + html_table(frame, "Effects by subgroup", list(dict.fromkeys(notes)))
