"""What was taken from a table of one's own."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

from evallib.errors import Fault


@dataclass(slots=True)
class Taken:
    """What was taken from a table.

    Parameters
    ----------
    figures : pandas.DataFrame
        council_code (as published or of the name's council), fin_year, indicator, value, file; of
        a table of events the register.
    faults : list of Fault
        What is wrong; the figures may not be used then.
    notes : list of str
        What the record of a run says about the table.
    """

    figures: pd.DataFrame
    faults: list[Fault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
