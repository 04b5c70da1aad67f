"""Figures that look unsafe: found by stated rules, listed, and settled by the plan."""

from evallib.panel.quality.listing import suspicious_figures, suspicious_in, units_of
from evallib.panel.quality.rules import RULES, SCALE_NOTE, find_suspicious
from evallib.panel.quality.settle import Settled, settle_unsafe, unsafe_faults

__all__ = [
    "RULES",
    "SCALE_NOTE",
    "Settled",
    "find_suspicious",
    "settle_unsafe",
    "suspicious_figures",
    "suspicious_in",
    "units_of",
    "unsafe_faults",
]
