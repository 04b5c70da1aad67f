"""Selected placebos under other readings of prior level and trend: how much hangs on the rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from evallib.estimate.result import FloatArray, IntArray
from evallib.inference.audit_draws import Selected, draw_selected, moments
from evallib.inference.audit_panel import TREND_PERIODS, PlaceboPanel, with_traits
from evallib.inference.audit_solve import Draws

# Column of the check, what is read as prior level and trend, and over how many periods; none: all.
LONGER: tuple[tuple[str, str, int | None], ...] = (
    ("three_years", "Mean of the last three years, and the line through them", 3),
    ("all_years", "Mean of all years before the event year, and the line through them", None),
)
RULE = f"Last year before the event year, and the line through {TREND_PERIODS} years"


@dataclass(frozen=True, slots=True)
class Reading:
    """What selected placebos find when prior level and trend are read in one way.

    Parameters
    ----------
    name : str
        ``rule``, ``three_years`` or ``all_years``.
    estimate : float
        Mean of the estimates, in the outcome's unit; NaN where no draw could be solved.
    level : float
        Mean level of the drawn adopters in the base, as a deviation from those who can be drawn:
        the real adopters' is what the estimate starts from.
    is_matched : bool
        Whether mean level and trend, as this reading takes them, are the real adopters'.
    """

    name: str
    estimate: float
    level: float
    is_matched: bool


def read_selection(
    placebo: PlaceboPanel,
    lead: int,
    noise: FloatArray,
    solve: Callable[[IntArray], Draws],
    ruled: tuple[Selected, Draws],
) -> tuple[Reading, ...]:
    """Return what selected placebos find under the rule and under longer looks back.

    Parameters
    ----------
    placebo : PlaceboPanel
        With the rule's level and trend.
    lead : int
        Periods of the event and of anticipation before exposure.
    noise : array, shape (R, N, C)
        The rule's own, so that readings differ by what is read alone.
    solve : callable
        Returns the estimates of paths (R, N).
    ruled : tuple of Selected and Draws
        The rule's paths and what they gave.
    """
    found = [_read("rule", placebo, *ruled)]
    for name, _, periods in LONGER:
        selection = draw_selected(with_traits(placebo, lead, periods), noise)
        found.append(_read(name, placebo, selection, solve(selection.codes)))
    return tuple(found)


def _read(name: str, placebo: PlaceboPanel, selection: Selected, draws: Draws) -> Reading:
    known = draws.estimate[np.isfinite(draws.std_error)]
    mean, _ = moments(placebo, selection.codes)
    return Reading(
        name,
        float(known.mean()) if known.size else float("nan"),
        float(mean[0] * placebo.scale[0]),
        selection.is_matched,
    )
