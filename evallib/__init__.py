"""Evaluate what changed in English councils after a peer challenge or an intervention.

An evaluation is a plan that travels one way through the package: panel, exposure, design,
estimates, checks, verdict, report.

    import evallib as ev

    plan = ev.load_plan("peer_challenge")
    panel = ev.build_panel(plan)
    exposure = ev.build_exposure(plan, panel)
    designs = ev.build_designs(plan, panel, exposure)
    estimates = ev.estimate(designs)
    checks = ev.check(designs, estimates)
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

# Names are looked up when they are first used: a command that needs no estimator, and a notebook
# that only reads results, do not wait for the libraries behind the others.
_HOME = {
    "load_plan": "evallib.plan",
    "build_panel": "evallib.panel",
    "build_exposure": "evallib.exposure",
    "build_judgements": "evallib.exposure",
    "build_design": "evallib.design",
    "build_designs": "evallib.design",
    "fit": "evallib.estimate",
    "infer": "evallib.inference.infer",
    "EventStudy": "evallib.inference.event_times",
    "honest_did": "evallib.inference.honest",
    "pretrend_power": "evallib.inference.pretrend_power",
    "person_periods": "evallib.estimate",
    "heterogeneity": "evallib.inference",
    "estimate_judgements": "evallib.inference",
    "specification_curve": "evallib.inference.specification_curve",
    "check": "evallib.checks",
    "check_robustness": "evallib.checks.robustness",
    "judge": "evallib.checks",
    "audit_designs": "evallib.checks.audit",
    "placebo_power": "evallib.inference.audit",
    "open_run": "evallib.run",
}
__all__ = [*_HOME, "estimate", "views"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name == "views":
        return importlib.import_module("evallib.report.views")
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module 'evallib' has no attribute {name!r}")


def __dir__() -> list[str]:
    """Return the public names."""
    return sorted([*globals(), *__all__])


class _Package(ModuleType):
    """The package, on which `estimate` is the function although a room has the same name.

    Importing a room sets it as an attribute of its package. A property comes before that
    attribute, so that `evallib.estimate(designs)` works whatever was imported before it.
    """

    @property
    def estimate(self) -> Any:
        """Estimate designs: see `evallib.inference.estimate`."""
        return importlib.import_module("evallib.inference").estimate

    @estimate.setter
    def estimate(self, room: ModuleType) -> None:
        """Take note of the room's import; `from evallib.estimate import fit` does not need it."""


sys.modules[__name__].__class__ = _Package
