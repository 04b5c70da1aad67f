"""The decision rule over its whole space, and the evidence that it is given."""

from __future__ import annotations

import dataclasses
import itertools
import math

import pandas as pd
import pytest
from test_checks_designs import make_design

import evallib as ev
from evallib.checks import CheckResult, Checks, judge
from evallib.checks.evidence import Evidence
from evallib.checks.verdict import decide
from evallib.design import Design, Designs
from evallib.errors import PlanError
from evallib.estimate import Estimates
from evallib.inference.designs import estimate_one
from evallib.inference.permuted_headline import permutation_p
from evallib.plan.verdict import VerdictRule

CHANGE = 2.0
NAN = math.nan
# Estimate with its interval; the meaningful change is 2.
INTERVALS = [
    (-0.5, -1.9, 1.9),
    (0.5, 0.0, 1.9),
    (1.0, 0.1, 1.9),
    (0.5, -1.0, 2.0),
    (-0.5, -2.0, 1.0),
    (1.0, 0.0, 2.0),
    (0.0, -9.0, 9.0),
    (1.1, 0.1, 2.0),
    (4.0, 3.0, 5.0),
    (-4.0, -5.0, -3.0),
    (-1.5, -2.0, -1.0),
    (3.0, NAN, NAN),
    (3.0, NAN, 5.0),
    (3.0, 1.0, math.inf),
    (3.0, -math.inf, math.inf),
]
BREAKDOWNS = [NAN, 0.0, 0.49, 0.5, 0.99, 1.0, 5.0]
# Of an audit: has run, inference not fit, selection not ruled out, selected mean over the estimate.
AUDITS = [
    (False, False, True, NAN),
    (True, True, False, 0.1),
    (True, False, True, 0.1),
    (True, False, False, 0.1),
    (True, False, False, 0.01),
    (True, False, False, -0.6),
    (True, False, False, 0.5),
    (True, False, False, NAN),
]


def expected(one: Evidence, robust: float, share: float, alpha: float) -> str:
    """Word the rule a second time: what is asked for, in positive terms."""
    if one.is_refused or one.inference_not_fit or one.pretrends == "fail":
        return "design not fit"
    if one.groups_differ_in_sign or math.isnan(one.low + one.high):
        return "cannot tell"
    inside = max(abs(one.low), abs(one.high)) < one.meaningful_change
    if inside:
        return "no sizeable change"
    if one.low * one.high <= 0 or (one.low < 0 < one.high):
        return "cannot tell"
    whole = (
        one.pretrends == "pass"
        and one.breakdown >= robust
        and one.audit_has_run
        and not one.selection_not_ruled_out
        and abs(one.selected_mean) < share * abs(one.estimate)
        and one.permutation_p < alpha
    )
    if not whole:
        return "suggestive"
    if one.polarity == "none":
        return "consistent with change"
    better = {("higher", True), ("lower", False)}
    way = "improvement" if (one.polarity, one.low > 0) in better else "decline"
    return f"consistent with {way}"


@pytest.mark.parametrize(
    ("robust", "share", "alpha", "rule"),
    [
        (1.0, 0.5, 0.05, None),
        (
            0.5,
            0.05,
            0.01,
            VerdictRule(
                breakdown_suggestive=0.2,
                breakdown_consistent=0.5,
                selected_share=0.05,
                permutation_p=0.01,
            ),
        ),
    ],
)
def test_the_whole_decision_space(
    robust: float, share: float, alpha: float, rule: VerdictRule | None
) -> None:
    seen: dict[str, int] = {}
    for refused, differ, (
        estimate,
        low,
        high,
    ), trends, drift, audit, p, polarity in itertools.product(
        (False, True),
        (False, True),
        INTERVALS,
        ("pass", "concern", "fail", "not applicable"),
        BREAKDOWNS,
        AUDITS,
        (NAN, 0.001, 0.03, 0.05, 1.0),
        ("higher", "lower", "none"),
    ):
        one = Evidence(
            "x", refused, trends, estimate, low, high, CHANGE, differ,
            polarity=polarity, breakdown=drift, permutation_p=p, audit_has_run=audit[0],
            inference_not_fit=audit[1], selection_not_ruled_out=audit[2],
            selected_mean=audit[3] * estimate,
        )  # fmt: skip
        ruling = decide(one, rule)
        assert ruling.verdict == expected(one, robust, share, alpha), one
        seen[ruling.verdict] = seen.get(ruling.verdict, 0) + 1
    assert len(seen) == 7
    assert sum(seen.values()) == 2 * 2 * 15 * 4 * 7 * 8 * 5 * 3


WHOLE = Evidence(
    "x", False, "pass", 4.0, 3.0, 5.0, CHANGE, False, polarity="higher", breakdown=1.2,
    audit_has_run=True, selection_not_ruled_out=False, selected_mean=0.3, permutation_p=0.004,
)  # fmt: skip


@pytest.mark.parametrize(
    ("fact", "words"),
    [
        ({}, "up to 1.20 times the largest before it"),
        ({"breakdown": 5.0}, "at least 5.00 times"),
        ({"pretrends": "concern"}, "pre-trends are not shown"),
        ({"pretrends": "not applicable"}, "pre-trends could not be tested"),
        ({"breakdown": NAN}, "the drift that it bears was not tested"),
        ({"breakdown": 0.3}, "bears little drift (0.30 times"),
        ({"breakdown": 0.7}, "bears not enough drift (0.70 times"),
        ({"audit_has_run": False}, "the design was not audited"),
        ({"selection_not_ruled_out": True}, "selection is not ruled out"),
        ({"selected_mean": 2.5}, "selected placebos move by +2.5"),
        ({"permutation_p": 0.2}, "permutation p = 0.200, not below 0.05"),
        ({"permutation_p": NAN}, "no permutation test could be made"),
        ({"has_other_group": False}, "no second comparison group"),
        ({"is_thin": True}, "a thin design strains"),
    ],
)
def test_the_sentence_says_what_is_missing(fact: dict[str, object], words: str) -> None:
    assert words in decide(dataclasses.replace(WHOLE, **fact)).sentence


@pytest.mark.parametrize(
    ("fact", "words"),
    [
        (
            {"groups_differ_in_sign": True, "other_estimate": -1.5},
            "differ in sign: +4 points with the declared one, −1.5 with the other",
        ),
        (
            {"low": -1.0, "meaningful_change": 1.0, "change_unit": "percentage points"},
            "a change that would matter (1 percentage point)",
        ),
        ({"low": -1.0}, "contains both zero and a change that would matter (2 points)"),
        ({"low": -1.0, "high": 1.0}, "inside plus or minus the meaningful change (2 points)"),
        (
            {
                "inference_not_fit": True,
                "false_alarms": 0.09,
                "false_low": 0.07,
                "false_high": 0.11,
            },
            "in 9.0 per cent of random placebos (7.0 to 11.0), not in 5",
        ),
        (
            {"pretrends": "fail", "pretrends_found": "They moved apart: joint p = 0.008"},
            "they moved apart: joint p = 0.008",
        ),
        (
            {"pretrends": "concern", "pretrends_found": "A lead of 3 cannot be excluded"},
            "but a lead of 3 cannot be excluded",
        ),
        (
            {"selection_not_ruled_out": True, "selected_mean": -1.2, "in_time": 0.9},
            "selected placebos moved by −1.2 points, where at most 1 either way is allowed",
        ),
        (
            {"selection_not_ruled_out": True, "selected_mean": 0.5, "in_time": 3.0},
            "not ruled out: the exposed councils themselves, three years early, moved by +3 points",
        ),
        (
            {"selection_not_ruled_out": True, "selected_mean": 0.5, "in_time": 0.5},
            "level and trend could not be copied",
        ),
        ({"moved_placebos": "Dwellings: +1 (0 to 2)"}, "placebo outcomes moved too: Dwellings: +1"),
    ],
)
def test_the_sentence_has_the_figures_that_decided(fact: dict[str, object], words: str) -> None:
    one = dataclasses.replace(WHOLE, **{"change_unit": "points", **fact})
    assert words in decide(one).sentence


def test_all_reasons_are_named_at_once() -> None:
    one = dataclasses.replace(WHOLE, pretrends="concern", breakdown=0.1, audit_has_run=False)
    assert decide(one).sentence.count(";") == 2


def judged(design: Design, checks: Checks, rule: VerdictRule | None = None) -> pd.Series:
    estimates = Estimates((estimate_one(design, "group_time"),))
    designs = Designs((design,), rule or VerdictRule())
    return judge(designs, estimates, checks).frame.iloc[0]


def evidence(design: Design, mean: float = 0.1, is_open: bool = False, side: float = 1.0) -> Checks:
    def result(check: str, table: pd.DataFrame) -> CheckResult:
        return CheckResult(check, design.outcome, design.no_record, "pass", "", table)

    audit = pd.DataFrame(
        {
            "kind": ["random", "selected", "in time"],
            "estimate": [0.0, mean, 0.2],
            "false_alarms": [0.05, 0.04, NAN],
            "inference_not_fit": False,
            "selection_not_ruled_out": is_open,
        }
    )
    honest = pd.DataFrame(
        {
            "restriction": "relative magnitudes",
            "bound": [0.0, 1.0],
            "conf_low": [side * 4.0 - 1.0, side * 4.0 - 3.0],
            "conf_high": [side * 4.0 + 1.0, side * 4.0 + 3.0],
            "breakdown": 1.3,
        }
    )
    return Checks(
        (
            result("pre-trends", pd.DataFrame()),
            result("honest pre-trends", honest),
            result("audit", audit),
        )
    )


def test_evidence_is_gathered_from_the_checks() -> None:
    design = dataclasses.replace(make_design(effect=5.0), polarity="lower", role="primary")
    row = judged(design, evidence(design))
    assert row["verdict"] == "consistent with decline"
    assert (row["breakdown"], row["selected_mean"]) == (1.3, 0.1)
    assert (row["in_time"], row["false_alarms"]) == (0.2, 0.05)
    assert math.isnan(row["false_low"])
    assert 0 < row["permutation_p"] < 0.05
    assert judged(design, evidence(design, is_open=True))["verdict"] == "suggestive"
    bare = judged(design, Checks())
    assert bare["verdict"] == "suggestive"
    assert "not tested" in bare["sentence"]
    other_side = judged(design, evidence(design, side=-1.0))
    assert (other_side["breakdown"], other_side["verdict"]) == (0.0, "suggestive")
    strict = VerdictRule(breakdown_consistent=1.5)
    assert "1.5 times is asked for" in judged(design, evidence(design), strict)["sentence"]


def test_a_permutation_is_made_only_where_the_verdict_hangs_on_it() -> None:
    design = dataclasses.replace(make_design(effect=5.0), role="primary")
    estimate = estimate_one(design, "group_time")
    assert estimate.details["action"] == "analytic"
    assert math.isnan(judged(design, evidence(design, is_open=True))["permutation_p"])
    asked = permutation_p(design, estimate)
    assert asked == judged(design, evidence(design))["permutation_p"]
    none = make_design(effect=0.0)
    assert permutation_p(none, estimate_one(none, "group_time")) > 0.05


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("selected_share", 0.6),
        ("selected_share", 0.0),
        ("breakdown_consistent", 0.4),
        ("breakdown_consistent", 6.0),
        ("breakdown_suggestive", -0.1),
        ("permutation_p", 0.5),
    ],
)
def test_thresholds_out_of_range_are_refused(key: str, value: float) -> None:
    with pytest.raises(PlanError, match="verdict"):
        ev.load_plan("peer_challenge", {f"verdict.{key}": value})
