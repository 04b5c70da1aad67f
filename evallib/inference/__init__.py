"""Intervals and p-values that hold: permutation, wild bootstrap, jackknife, families."""

from __future__ import annotations

from evallib.inference.designs import estimate
from evallib.inference.judged import estimate_judgements
from evallib.inference.multiple import holm, holm_levels
from evallib.inference.subgroups import heterogeneity

__all__ = ["estimate", "estimate_judgements", "heterogeneity", "holm", "holm_levels"]
