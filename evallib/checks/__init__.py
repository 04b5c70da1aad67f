"""Checks of a design and its estimates, and the decision rule."""

from evallib.checks.base import CheckResult, Checks
from evallib.checks.default import check
from evallib.checks.judge import judge
from evallib.checks.verdict import Verdicts

__all__ = ["CheckResult", "Checks", "Verdicts", "check", "judge"]
