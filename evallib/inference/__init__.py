"""Intervals and p-values that hold: permutation, wild bootstrap, jackknife, families."""

from __future__ import annotations

from evallib.inference.designs import estimate
from evallib.inference.multiple import holm, holm_levels

__all__ = ["estimate", "holm", "holm_levels"]
