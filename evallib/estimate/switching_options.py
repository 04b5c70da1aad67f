"""The options for exposure that ends: those of ``switching``, and ``stabilise`` of ``lp_did``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evallib.errors import Fault

SWITCHING_NAMES = ("effects", "placebos", "normalised", "stabilise")


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchingOptions:
    """Options of ``switching``.

    Parameters
    ----------
    effects : int
        Effects from the first change of exposure on: 3 gives event times 0, 1 and 2.
    placebos : int
        Placebos before it: 2 gives event times -2 and -3.
    normalised : bool
        Whether effects and placebos are divided by the mean number of periods in which exposure
        has differed from the first period's. ``att`` is per such period in any case.
    weights : str, optional
        Column of sampling weights, constant within units.
    cluster : str, optional
        Column of clusters, constant within units; default the unit.
    level : float
    draws, seed : int
        Of the multiplier bootstrap behind ``band()``.
    """

    effects: int = 3
    placebos: int = 2
    normalised: bool = False
    weights: str | None = None
    cluster: str | None = None
    level: float = 0.95
    draws: int = 999
    seed: int = 0


def clean_switching(option: str, value: Any) -> tuple[Any, tuple[str, str] | None]:
    """Return the value of one of ``SWITCHING_NAMES``, and (what is wrong, remedy) if it is."""
    if option == "normalised":
        good = isinstance(value, bool)
        return value, None if good else (f"{value!r} is not true or false", "Use True")
    whole = isinstance(value, int) and not isinstance(value, bool)
    if option == "stabilise":
        good = value is None or value == "first_entry" or (whole and value >= 1)
        what = f"{value!r} is neither a number of periods from 1 nor 'first_entry'"
        return value, None if good else (what, "Use 3, for example")
    least = 1 if option == "effects" else 0
    good = whole and value >= least
    what = f"{value!r} is not a whole number from {least}"
    return value, None if good else (what, "Use 2, for example")


def stabilise_faults(name: str, values: Mapping[str, Any]) -> list[Fault]:
    """Return what is given beside lp_did's ``stabilise`` without meaning."""
    if values.get("stabilise") is None:
        return []
    what = "it has no meaning with stabilise="
    idle = [key for key in ("comparison", "anticipation") if values.get(key)]
    return [Fault(f"{name}, option {key!r}", what, "", "Leave it out") for key in idle]
