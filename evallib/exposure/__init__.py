"""Registers turned into exposure: who met what, when, and what is not known."""

from evallib.exposure.exposure import Exposure, build_exposure
from evallib.exposure.judged import Judged, build_judgements

__all__ = ["Exposure", "Judged", "build_exposure", "build_judgements"]
