"""What could be told of an unknown table, and what is proposed for it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import pandas as pd

from evallib.panel.own.grid import Grid
from evallib.panel.own.guess_columns import Roles


@dataclass(frozen=True, slots=True)
class Proposed:
    """One indicator that is proposed.

    Parameters
    ----------
    column, measure, name, title : str
        As in the plan; `measure` is empty where the table has no such column.
    unit : str
        Empty where it is not certain.
    times : float or None
        100 where percentages are kept as shares.
    polarity, period_basis : str
        Of a shipped indicator; empty otherwise.
    replaces : bool
        Whether it is a shipped indicator, published anew.
    """

    column: str
    measure: str
    name: str
    title: str
    unit: str
    times: float | None
    polarity: str = ""
    period_basis: str = ""
    replaces: bool = False


@dataclass(slots=True)
class Guess:
    """What could be told of a table.

    Parameters
    ----------
    source : dict of str to str
        file and sheet, or database and table, as the plan will name them.
    header_row : int
        The row of the headings.
    grid : Grid
        The cells.
    roles : Roles
        What the columns hold.
    indicators : list of Proposed
        The indicators, where the table holds figures.
    single_years : bool
        Whether years stand singly, so that their meaning must be said.
    missing : Counter of str
        Texts that stand among the figures.
    leave_out : list of str
        Countries, regions and totals in the council column.
    is_recast : bool
        Whether councils have figures before they existed, and a name may mean two of them.
    origin : dict of str to str
        publisher, publication and licence, where a sidecar says them.
    doubtful : pandas.DataFrame
        name, code (empty), rows, candidates: names to be settled by hand.
    facts : list of str
        What was found, in sentences.
    """

    source: dict[str, str]
    header_row: int
    grid: Grid
    roles: Roles
    indicators: list[Proposed] = field(default_factory=list)
    single_years: bool = False
    missing: Counter[str] = field(default_factory=Counter)
    leave_out: list[str] = field(default_factory=list)
    is_recast: bool = False
    origin: dict[str, str] = field(default_factory=dict)
    doubtful: pd.DataFrame = field(default_factory=pd.DataFrame)
    facts: list[str] = field(default_factory=list)

    @property
    def is_register(self) -> bool:
        """Whether the table seems to hold dates of events."""
        return self.roles.date is not None and not self.roles.has_years
