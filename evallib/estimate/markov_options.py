"""The options of ``markov``, and what they refuse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from evallib.errors import Fault
from evallib.estimate.hazard_options import LikelihoodVcov
from evallib.estimate.result import BoolArray

MarkovModel = Literal["discrete", "continuous"]
Allowed = tuple[tuple[Any, Any], ...] | BoolArray | None

MARKOV_CHOICES: Mapping[str, tuple[str, ...]] = {
    "model": ("discrete", "continuous"),
    "vcov": ("cluster", "iid"),
}
MARKOV_NAMES = ("framework", "allowed", "exact_states")
OF_CONTINUOUS = ("covariates", "allowed", "exact_states")


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkovOptions:
    """Options of ``markov``.

    Parameters
    ----------
    model : 'discrete' or 'continuous'
        Probabilities from one observation to the next, or rates of a process that is only looked
        at now and then.
    framework : str, optional
        Column of the scale that a state was given on: a change counts inside one scale only.
    covariates : tuple of str
        Of the continuous model: columns of numbers; the value at the earlier observation counts.
    allowed : pairs of states, square boolean array or data frame, optional
        Of the continuous model: the changes that can happen in an instant. An array's rows and
        columns are the states in their order. By default every change seen between two
        observations.
    exact_states : tuple
        Of the continuous model: states whose time of entry is known to the moment, such as death.
    vcov : 'cluster' or 'iid'
    cluster : str, optional
        One column; default the unit.
    level : float
    """

    model: MarkovModel = "discrete"
    framework: str | None = None
    covariates: tuple[str, ...] = ()
    allowed: Allowed = None
    exact_states: tuple[Any, ...] = ()
    vcov: LikelihoodVcov = "cluster"
    cluster: str | None = None
    level: float = 0.95


def clean_markov(option: str, value: Any) -> tuple[Any, tuple[str, str] | None]:
    """Return the value of one of ``MARKOV_NAMES``, and (what is wrong, remedy) if it is wrong."""
    if option == "allowed":
        return _clean_allowed(value)
    if option == "exact_states":
        if isinstance(value, (list, tuple, set, frozenset)):
            return tuple(value), None
        return (value,), None
    good = value is None or isinstance(value, str)
    return value, None if good else (f"{value!r} is not the name of a column", "Name a column")


def _clean_allowed(value: Any) -> tuple[Any, tuple[str, str] | None]:
    """Return allowed changes as pairs or a boolean array, or what is wrong with them."""
    remedy = "Give pairs such as [(1, 2), (2, 1)], or a square array of 0 and 1"
    if value is None:
        return None, None
    if isinstance(value, pd.DataFrame):
        if list(value.index) != list(value.columns):
            return value, ("its rows and columns do not name the same states", remedy)
        names = list(value.columns)
        held = value.to_numpy() != 0
        return tuple((names[i], names[j]) for i, j in np.argwhere(held) if i != j), None
    if isinstance(value, np.ndarray):
        if value.ndim != 2 or value.shape[0] != value.shape[1]:
            return value, (f"an array of shape {value.shape} is not square", remedy)
        return (value != 0) & ~np.eye(value.shape[0], dtype=bool), None
    try:
        pairs = tuple(tuple(pair) for pair in value)
    except TypeError:
        return value, (f"{value!r} is not a list of pairs", remedy)
    if not pairs or any(len(pair) != 2 or pair[0] == pair[1] for pair in pairs):
        return value, (f"{value!r} is not a list of pairs of two states", remedy)
    return tuple(dict.fromkeys(pairs)), None


def markov_together(values: Mapping[str, Any]) -> list[Fault]:
    """Return the faults that options of ``markov`` make together."""
    if values.get("model", "discrete") == "continuous":
        return []
    what = "it has no meaning with model='discrete'"
    return [
        Fault(f"markov, option {name!r}", what, "", "Leave it out, or use model='continuous'")
        for name in OF_CONTINUOUS
        if name in values
    ]
