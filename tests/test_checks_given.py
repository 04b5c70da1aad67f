"""What the checks are given: one design as well as many, and a line for what is none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from test_checks_designs import group_time, make_design

import evallib as ev
from evallib.checks import Checks, audit, judge
from evallib.checks.audit import audit_designs
from evallib.checks.base import not_applicable
from evallib.design import Designs
from evallib.errors import EstimationError
from evallib.estimate import Estimates
from evallib.inference.audit import placebo_power
from evallib.inference.event_times import EventStudy

DOORS = {
    "check": lambda given: ev.check(given, Estimates(())),
    "check_robustness": ev.check_robustness,
    "audit_designs": ev.audit_designs,
    "judge": lambda given: ev.judge(given, Estimates(()), Checks()),
    "placebo_power": placebo_power,
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("what", ["an Estimate", "a str", "an int"])
def test_what_is_no_design_is_told_in_a_line(door: str, what: str) -> None:
    estimate = group_time(make_design()) if what == "an Estimate" else None
    given: Any = {"an Estimate": estimate, "a str": "x_pct", "an int": 3}[what]
    with pytest.raises(EstimationError, match=f": {what} is no [dD]esigns?\\. Give ") as caught:
        DOORS[door](given)
    assert "\n" not in str(caught.value)


def test_estimates_and_checks_that_are_none_are_told_together() -> None:
    design, wrong = make_design(), "estimates"
    with pytest.raises(EstimationError, match="estimates: a str is no Estimates. Give what"):
        ev.check(design, wrong)  # type: ignore[arg-type]
    with pytest.raises(EstimationError) as caught:
        judge(design, Checks(), 3)  # type: ignore[arg-type]
    told = [fault.where for fault in caught.value.faults]
    assert told == ["designs", "estimates", "checks"]


def test_one_design_is_audited_as_many_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "check_audit", _as_named)
    design = make_design()
    alone, many = audit_designs(design, ""), audit_designs(Designs((design,)), "")
    assert len(alone) == 1 and alone.frame.equals(many.frame)


def _as_named(design: Any, headline: Any) -> Any:
    return not_applicable("audit", design.outcome, design.no_record, headline.estimator)


def test_an_event_study_says_what_it_is_in_a_line() -> None:
    study = EventStudy([-4, -3], [0, 1, 2], -2, np.zeros(5), np.eye(5))  # type: ignore[arg-type]
    assert repr(study) == ("Event study: leads -4 to -3, effects 0 to 2, base -2, intervals at 95%")
