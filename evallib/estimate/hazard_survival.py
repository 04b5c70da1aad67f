"""Survival without a model: the share that has not had the event, by Kaplan and Meier."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from evallib.estimate.grid import dense_codes
from evallib.estimate.hazard_rows import AtRisk
from evallib.estimate.html import html_table
from evallib.estimate.intervals import critical_value


@dataclass(frozen=True, slots=True)
class Survival:
    """Survival by period.

    Parameters
    ----------
    frame : DataFrame
        time, at_risk, events, hazard (events over at risk), survival (share without the event at
        the end of the period), std_error (Greenwood), conf_low, conf_high (by the complementary
        log-log, so that they stay between 0 and 1). No bounds before the first event and where
        nobody is left.
    level : float
    """

    frame: pd.DataFrame
    level: float

    def _repr_html_(self) -> str:
        notes = [
            "Kaplan and Meier's estimate with Greenwood's standard errors, units taken as "
            f"independent; {100 * self.level:g}% intervals on the complementary log-log scale."
        ]
        return html_table(self.frame, "Share without the event at the end of each period", notes)


def estimate_survival(rows: AtRisk, level: float) -> Survival:
    """Return Kaplan and Meier's estimate of the rows at risk in each period.

    Units that enter late count from their first row on.

    References
    ----------
    Kaplan and Meier (1958), Journal of the American Statistical Association 53,
    doi:10.1080/01621459.1958.10501452

    Examples
    --------
    >>> import numpy as np
    >>> one = np.array([0, 0, 1])
    >>> rows = AtRisk(np.array([0.0, 1.0, 0.0]), one, np.array([1, 2, 1]), one, np.ones((3, 0)))
    >>> estimate_survival(rows, 0.95).frame[["time", "at_risk", "survival"]].to_numpy().tolist()
    [[1.0, 2.0, 1.0], [2.0, 1.0, 0.0]]
    """
    periods, place = dense_codes(rows.period)
    at_risk = np.bincount(place)
    events = np.bincount(place, weights=rows.event).astype(np.int64)
    hazard = events / at_risk
    survival = np.cumprod(1 - hazard)
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.sqrt(np.cumsum(events / (at_risk * (at_risk - events))))
        inner = np.log(-np.log(survival))
        half = critical_value(level, None) * spread / -np.log(survival)
        low, high = (np.exp(-np.exp(inner + sign * half)) for sign in (1.0, -1.0))
        error = np.where(survival > 0, survival * spread, np.nan)
    known = (survival > 0) & (survival < 1)
    frame = pd.DataFrame(
        {
            "time": periods,
            "at_risk": at_risk,
            "events": events,
            "hazard": hazard,
            "survival": survival,
            "std_error": error,
            "conf_low": np.where(known, low, np.nan),
            "conf_high": np.where(known, high, np.nan),
        }
    )
    return Survival(frame, level)
