"""The estimation sample of an outcome."""

from evallib.design.design import Design, Designs, build_design, build_designs

__all__ = ["Design", "Designs", "build_design", "build_designs"]
