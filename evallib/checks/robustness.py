"""What would have to be wrong for the answer to change: drift after exposure, and the register."""

from __future__ import annotations

import warnings

from evallib.checks.base import CheckResult, Checks, not_applicable
from evallib.checks.honest import HONEST, POWER, check_honest
from evallib.checks.other_samples import check_other_samples
from evallib.checks.placebo_outcomes import check_placebo_outcomes
from evallib.checks.register import check_either
from evallib.checks.selection import check_regression_to_the_mean
from evallib.design import Design, Designs
from evallib.errors import EstimationError, EvallibWarning
from evallib.estimate import Estimate
from evallib.inference.designs import estimate_one
from evallib.inference.given import given_designs


def check_robustness(designs: Designs | Design, role: str = "primary") -> Checks:
    """Run the checks of drift, of the register and of selection, without all other estimates.

    Parameters
    ----------
    designs : Designs or Design
        The designs.
    role : str
        Only outcomes of this role; empty for all.

    Returns
    -------
    Checks
        As in `evallib.check`, of the group-time effects and of the headline estimator; placebo
        outcomes whatever the role.

    Raises
    ------
    EstimationError
        For what is no design.
    """
    results: list[CheckResult] = []
    for design in given_designs(designs):
        if role not in ("", design.role):
            continue
        both = [one for one in (design, design.alternative) if one is not None]
        found = [_estimated(one, "group_time") for one in both]
        headline = design.headline[0]
        declared = found[0] if headline == "group_time" else _estimated(design, headline)
        if found[0] is None:
            reason = "There is no group-time estimate"
            results += [
                not_applicable(name, design.outcome, design.no_record, reason)
                for name in (HONEST, POWER)
            ]
        else:
            results += check_honest(design, declared, found[0])
        results.append(check_either(both, found))
        results += _selection(design, declared)
    if isinstance(designs, Designs):
        results += check_placebo_outcomes(designs)
    return Checks(tuple(results))


def _selection(design: Design, declared: Estimate | None) -> list[CheckResult]:
    return [check_regression_to_the_mean(design, declared), check_other_samples(design, declared)]


def _estimated(design: Design, name: str) -> Estimate | None:
    """Return an estimate without its warnings, which `evallib.estimate` raises; None if refused."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", EvallibWarning)
            return estimate_one(design, name)
    except EstimationError:
        return None
