"""Adoption paths: the distinct ones, who is on which, and who then counts as treated."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evallib.estimate.result import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Paths:
    """The adoption paths that occur: when each begins, and whether it counts as treated.

    Parameters
    ----------
    cohort : array, shape (P,)
        First exposed period; infinity is never. Sorted.
    is_treated : array, shape (P,)
        False for paths that serve as comparison only, until they are exposed.
    """

    cohort: FloatArray
    is_treated: BoolArray


def encode_paths(cohort: FloatArray, is_treated: BoolArray) -> tuple[Paths, IntArray]:
    """Return the distinct paths and each unit's path.

    Parameters
    ----------
    cohort : array, shape (N,)
        First exposed period; infinity is never.
    is_treated : boolean array, shape (N,)
        False where a unit serves as comparison only.
    """
    starts, place = np.unique(cohort, return_inverse=True)
    key, codes = np.unique(2 * place + (is_treated & np.isfinite(cohort)), return_inverse=True)
    paths = Paths(starts[key // 2], key % 2 == 1)
    return paths, np.asarray(codes, dtype=np.int64)


def last_is_comparison(cohort: FloatArray, is_treated: BoolArray) -> BoolArray:
    """Return which units count as treated: without others, the last cohort compares only.

    So does R's did, which then drops the periods in which the last cohort is itself exposed.
    """
    if is_treated.all():
        return np.asarray(cohort < cohort.max())
    return is_treated
