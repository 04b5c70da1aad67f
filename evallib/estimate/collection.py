"""Estimates of one or many outcomes together, and what was refused among them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import pandas as pd

from evallib.errors import EstimationError, Fault, did_you_mean
from evallib.estimate.html import html_table
from evallib.estimate.result import TIDY_COLUMNS, Estimate


@dataclass(frozen=True, slots=True)
class Refusal:
    """An estimate that was asked for and refused.

    Parameters
    ----------
    outcome, role, estimator, no_record : str
    faults : tuple of Fault
        Why, and what to do.
    """

    outcome: str
    role: str
    estimator: str
    no_record: str
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True, repr=False)
class Estimates:
    """An ordered collection of estimates, of one or of many outcomes.

    Parameters
    ----------
    items : tuple of Estimate
    refused : tuple of Refusal
        What was asked for and cannot be answered, with the reasons.
    """

    items: tuple[Estimate, ...] = ()
    refused: tuple[Refusal, ...] = ()

    def __iter__(self) -> Iterator[Estimate]:
        """Iterate over the estimates in their order."""
        return iter(self.items)

    def __len__(self) -> int:
        """Return the number of estimates."""
        return len(self.items)

    def __add__(self, other: Estimates | Iterable[Estimate]) -> Estimates:
        """Return both collections as one."""
        more = other.refused if isinstance(other, Estimates) else ()
        return Estimates(self.items + tuple(other), self.refused + more)

    @property
    def frame(self) -> pd.DataFrame:
        """One row a term of every estimate, with what it is an estimate of in front."""
        front = ("outcome", "role", "estimator", "comparison", "no_record", "inference")
        parts = []
        for item in self.items:
            part = item.tidy()
            for place, name in enumerate(front):
                part.insert(place, name, getattr(item, name))
            parts.append(part)
        if not parts:
            return pd.DataFrame(columns=[*front, *TIDY_COLUMNS])
        return pd.concat(parts, ignore_index=True)

    def get(
        self,
        outcome: str,
        estimator: str,
        no_record: str | None = None,
        comparison: str | None = None,
    ) -> Estimate:
        """Return the first estimate of an outcome by an estimator.

        Raises
        ------
        EstimationError
            When there is none.
        """
        for item in self.items:
            if (
                item.outcome == outcome
                and item.estimator == estimator
                and no_record in (None, item.no_record)
                and comparison in (None, item.comparison)
            ):
                return item
        have = sorted({f"{item.outcome} by {item.estimator}" for item in self.items})
        asked = f"{outcome} by {estimator}"
        hint = did_you_mean(asked, have) or f" There are: {'; '.join(have[:5]) or 'none'}"
        raise EstimationError(
            [Fault("estimates", f"there is no estimate of {asked}", "", f"Ask for another.{hint}")]
        )

    def select(self, keep: Callable[[Estimate], bool]) -> Estimates:
        """Return the estimates for which ``keep`` is true."""
        return Estimates(tuple(item for item in self.items if keep(item)), self.refused)

    def __repr__(self) -> str:
        return f"Estimates: {len(self.items)}, {len(self.refused)} refused"

    def _repr_html_(self) -> str:
        notes = [
            f"Refused: {item.estimator} ({item.no_record}). {fault}"
            for item in self.refused
            for fault in item.faults
        ]
        return html_table(self.frame, f"{len(self.items)} estimates", notes)
