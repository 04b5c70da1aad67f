"""What a check returns: a verdict, what it means in a sentence, and the table behind it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from typing import Literal

import pandas as pd

from evallib.panel.shown import counted, shown

Verdict = Literal["pass", "concern", "fail", "not applicable"]


@dataclass(frozen=True, slots=True, repr=False)
class CheckResult:
    """The result of one check of one design.

    Parameters
    ----------
    check : str
        The check's name.
    outcome : str
        The indicator.
    no_record : str
        The rule for councils without a record that the design follows.
    verdict : str
        ``pass``, ``concern``, ``fail`` or ``not applicable``.
    sentence : str
        What the verdict means, or why the check does not apply.
    table : pandas.DataFrame
        The figures behind the verdict; empty where the check does not apply.
    figure : str
        The kind of chart that shows the table best; empty for none.
    """

    check: str
    outcome: str
    no_record: str
    verdict: Verdict
    sentence: str
    table: pd.DataFrame
    figure: str = ""

    def __repr__(self) -> str:
        """Return the verdict in a line."""
        return f"{self.check} ({self.outcome}): {self.verdict}. {self.sentence}"

    def _repr_html_(self) -> str:
        return f"<p>{escape(repr(self))}</p>"


@dataclass(frozen=True, slots=True, repr=False)
class Checks:
    """The results of many checks, in order."""

    items: tuple[CheckResult, ...] = ()

    def __iter__(self) -> Iterator[CheckResult]:
        """Iterate over the results."""
        return iter(self.items)

    def __len__(self) -> int:
        """Return the number of results."""
        return len(self.items)

    def select(self, check: str = "", outcome: str = "") -> Checks:
        """Return the results of one check, of one outcome, or of both."""
        return Checks(
            tuple(
                item
                for item in self.items
                if check in ("", item.check) and outcome in ("", item.outcome)
            )
        )

    @property
    def frame(self) -> pd.DataFrame:
        """One row a result: outcome, no_record, check, verdict, sentence."""
        rows = [(i.outcome, i.no_record, i.check, i.verdict, i.sentence) for i in self.items]
        return pd.DataFrame(rows, columns=["outcome", "no_record", "check", "verdict", "sentence"])

    def __repr__(self) -> str:
        """Return the verdicts, counted."""
        counts = self.frame["verdict"].value_counts()
        return f"{counted(len(self.items), 'check')}: " + ", ".join(
            f"{n} {v}" for v, n in counts.items()
        )

    def _repr_html_(self) -> str:
        return shown(repr(self), self.frame)


def not_applicable(check: str, outcome: str, no_record: str, reason: str) -> CheckResult:
    """Return a result that says why a check does not apply."""
    return CheckResult(check, outcome, no_record, "not applicable", reason, pd.DataFrame())
