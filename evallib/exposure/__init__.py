"""Registers turned into exposure: who met what, when, and what is not known."""

from evallib.exposure.exposure import Exposure, build_exposure

__all__ = ["Exposure", "build_exposure"]
