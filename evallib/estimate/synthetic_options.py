"""The options of ``synthetic_did`` and ``synthetic_control`` at the door, and what each may be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from evallib.errors import Fault

SYNTHETIC_CHOICES: Mapping[str, tuple[str, ...]] = {
    "inference": ("placebo", "jackknife"),
    "augment": ("none", "ridge"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticDidOptions:
    """Options of ``synthetic_did``.

    Parameters
    ----------
    comparison : 'never_treated'
        Only units without exposure in the sample can be weighted into a synthetic one.
    anticipation : int
        Periods before exposure that count neither as before nor as after.
    inference : 'placebo' or 'jackknife'
        Refits with exposure given to comparison units, or leaving out one unit at a time with the
        weights kept.
    level : float
    draws, seed : int
        Of the placebos; all of them are taken instead where there are no more than ``draws``.
    """

    comparison: Literal["never_treated"] = "never_treated"
    anticipation: int = 0
    inference: Literal["placebo", "jackknife"] = "placebo"
    level: float = 0.95
    draws: int = 200
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticControlOptions(SyntheticDidOptions):
    """Options of ``synthetic_control``: those of ``synthetic_did`` and one more.

    Parameters
    ----------
    augment : 'none' or 'ridge'
        'ridge' takes out what the weights leave of differences before exposure, by ridge
        regression.
    """

    augment: Literal["none", "ridge"] = "none"


def synthetic_together(name: str, values: Mapping[str, Any]) -> list[Fault]:
    """Return the faults of values that these estimators cannot serve."""
    faults = []
    if values.get("comparison") == "not_yet_treated":
        what = "'not_yet_treated' is not for synthetic comparisons"
        why = "a unit that is exposed later leaves the synthetic one with no outcome from then on"
        remedy = "Use 'never_treated'; where there are none, end the sample before the last cohort"
        faults.append(Fault(f"{name}, option 'comparison'", what, why, remedy))
    if name == "synthetic_control" and values.get("inference") == "jackknife":
        what = "'jackknife' is not for synthetic_control"
        why = (
            "with the weights kept it leaves out the error of their fit (Arkhangelsky et al. 2021)"
        )
        faults.append(Fault(f"{name}, option 'inference'", what, why, "Use 'placebo'"))
    return faults
