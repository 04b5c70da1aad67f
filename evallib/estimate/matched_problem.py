"""What matching starts from, whoever is exposed."""

from __future__ import annotations

from dataclasses import dataclass

from evallib.estimate.matched_options import MatchedOptions
from evallib.estimate.result import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Problem:
    """A panel with what units can be matched on in every base period.

    Parameters
    ----------
    outcome : array, shape (N, T)
        0 where ``observed`` is False.
    observed : boolean array, shape (N, T)
    periods : integer array, shape (T,)
    weight : array, shape (N,)
    cluster : integer array, shape (N,)
    features : array, shape (d, N, T)
        Numbers to match on as they stand when period t is the base; NaN where unknown.
    names : tuple of str, length d
    exact : integer array, shape (N, T)
        Codes of joint categories, -1 where unknown; all 0 without any.
    earlier : array, shape (N, T)
        Mean outcome before each period.
    options : MatchedOptions
    """

    outcome: FloatArray
    observed: BoolArray
    periods: IntArray
    weight: FloatArray
    cluster: IntArray
    features: FloatArray
    names: tuple[str, ...]
    exact: IntArray
    earlier: FloatArray
    options: MatchedOptions
