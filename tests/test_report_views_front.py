"""The summary's robustness, concerns and councils left out, on results that are made up."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from evallib.plan import load_plan
from evallib.report.sections import Section
from evallib.report.tables import Table
from evallib.report.views import checks_summary, councils_left_out, robustness_summary
from evallib.report.views.departures import holm_words
from evallib.run.results import RunResults

NAME, RULE, OTHER = "recycling_rate_pct", "assume_not_exposed", "only_known"
KEYS = {"outcome": NAME, "no_record": RULE}
VERDICT = {
    **KEYS,
    "title": "Household waste recycled",
    "role": "primary",
    "unit": "percent",
    "scale": "level",
    "estimate": 0.5,
    "other_estimate": -0.25,
    "meaningful_change": 1.0,
}


def frame(*rows: dict[str, Any], **keys: Any) -> pd.DataFrame:
    return pd.DataFrame([{**KEYS, **keys, **row} for row in rows])


AUDIT = frame(
    {"kind": "random", "estimate": 0.0, "false_alarms": 0.05, "effect_80": 2.0},
    {"kind": "selected", "estimate": 0.4},
    {"kind": "in time", "estimate": -0.1, "conf_low": -0.5, "conf_high": 0.3},
    inference_not_fit=False,
    selection_not_ruled_out=True,
    false_low=0.04,
    false_high=0.06,
)
TABLES = {
    "04_x/verdicts": pd.DataFrame([VERDICT]),
    "04_x/check_audit": AUDIT,
    "04_x/check_honest_pre_trends": frame(
        {"bound": 0.0, "conf_low": 0.1, "conf_high": 0.9},
        {"bound": 1.0, "conf_low": -0.3, "conf_high": 1.2},
        restriction="relative magnitudes",
        breakdown=0.4,
    ),
    "04_x/check_errors_of_the_register": frame(
        *({"part": "share assumed", "conf_low": 0.0, "conf_high": 1.0} for _ in range(2)),
        {"part": "random assignments", "conf_low": 0.3, "conf_high": 0.7},
        {"part": "worst cases", "conf_low": -2.0, "conf_high": 3.0},
    ),
    "08_x/specification_curve": pd.DataFrame(
        {"outcome": NAME, "no_record": "varied", "reason": "", "effect": [0.2, 0.4, 0.6, -0.1]}
    ),
    "08_x/specification_tests": pd.DataFrame(
        [
            {
                **{"outcome": NAME, "median_effect": 0.4, "median_effect_p": 0.25},
                **{"in_joint_test": 3, "moves_most": "anticipation"},
            }
        ]
    ),
    "08_x/specification_choices": pd.DataFrame(
        [
            {
                **{"outcome": NAME, "choice": "anticipation", "share": 0.4, "shift": 0.3},
                **{"lowest": "1", "highest": "0"},
            }
        ]
    ),
}
REGISTER = "Were 9 events assigned, 0.3 to 0.7. Neither changes how the interval reads"


def check(name: str, verdict: str, sentence: str, **keys: str) -> dict[str, str]:
    return {**KEYS, "check": name, "verdict": verdict, "sentence": sentence, **keys}


def results(*checks: dict[str, str], **tables: pd.DataFrame) -> RunResults:
    rows = [check("errors of the register", "pass", REGISTER), *checks]
    return RunResults(
        estimates=pd.DataFrame(),
        facts=pd.DataFrame(),
        checks=pd.DataFrame(rows),
        tables={**TABLES, **{f"04_x/{name}": table for name, table in tables.items()}},
        source="the run default-12345678",
        is_own=True,
    )


def robust(found: RunResults) -> tuple[Section, dict[str, tuple[str, str]]]:
    section = robustness_summary(load_plan("peer_challenge"), found).items[0]
    table = section.pieces[0]
    assert isinstance(table, Table)
    rows = table.frame.set_index("question")
    return section, {name: (row["found"], row["reading"]) for name, row in rows.iterrows()}


def test_what_would_change_an_answer_is_read_from_saved_results() -> None:
    section, rows = robust(results())
    assert rows["All combinations of choices"] == (
        "Median +0.30 percentage points; nine in ten of 4 estimates from \u22120.05 to 0.57. "
        "Median +0.40 of the 3 in the joint test: p-value 0.250",
        "Estimates have both signs: 75 per cent have the headline's",
    )
    assert rows["The choice that moves the answer most"] == (
        "Years of anticipation: 40 per cent of the variance",
        "From '1' to 'none' estimates rise by 0.30 percentage points on average",
    )
    assert "worst cases \u22122.00 and 3.00" in rows["Events that the register lacks"][0]
    assert rows["Events that the register lacks"][1] == "Neither changes how the interval reads"
    drift = rows["Drift after exposure as large as the largest before"]
    assert drift == (
        "Interval of the mean effect over the event times from exposure on: \u22120.30 to 1.20 "
        "percentage points",
        "It excludes zero while drift is up to 0.40 times the largest before",
    )
    assert rows["Placebos drawn at random"][1] == "In keeping with 5 per cent"
    assert rows["Placebos selected as the exposed councils were"][1].startswith(
        "Too large: at most 0.25"
    )
    assert rows["The exposed councils themselves, three years early"][1].startswith("Small")
    assert rows["Smallest change found with 80 per cent power"] == (
        "2.00 percentage points",
        "2.0 times the change that would matter",
    )
    assert "selection is ruled out for no primary outcome" in section.sentences[0]
    assert "leave the reading as it is for the one primary outcome" in section.sentences[0]


@pytest.mark.parametrize(
    ("low", "high", "is_unfit", "words"),
    [
        (0.061, 0.09, True, "not fit: all of that range lies above 6"),
        (0.055, 0.08, False, "Somewhat too often"),
        (0.01, 0.04, False, "Somewhat too seldom"),
    ],
)
def test_false_alarms_are_read_by_their_interval(
    low: float, high: float, is_unfit: bool, words: str
) -> None:
    audit = AUDIT.assign(false_low=low, false_high=high, inference_not_fit=is_unfit)
    section, rows = robust(results(check_audit=audit))
    assert words in rows["Placebos drawn at random"][1]
    tally = f"unfit for {'no' if is_unfit else 'the one'} primary outcome"
    assert tally in section.sentences[0]


def test_what_no_notebook_saved_is_said_not_to_be_worked_out() -> None:
    found = results()
    found = RunResults(
        estimates=found.estimates,
        facts=found.facts,
        checks=found.checks,
        tables={"04_x/verdicts": pd.DataFrame([VERDICT])},
    )
    section, rows = robust(found)
    assert {what for what, _ in rows.values()} == {"not worked out in this run"}
    assert section.sentences[0] == "Nothing of this was worked out in this run."
    found.checks.loc[0, ["verdict", "sentence"]] = ["not applicable", "No total says how many"]
    assert robust(found)[1]["Events that the register lacks"][0] == "No total says how many"


CONCERNS: list[tuple[dict[str, str], dict[str, pd.DataFrame], str]] = [
    (
        check("pre-trends", "concern", "A lead as large as 2.7 cannot be excluded (joint p = 0.3)"),
        {"check_pre_trends": frame({"bound": 2.7})},
        "a lead of 2.70 percentage points cannot be excluded, and 1 would matter",
    ),
    (
        check("pre-trends", "fail", "Treated and others moved apart: joint p = 0.008 (Wald)"),
        {"check_pre_trends": frame({"bound": 2.7})},
        "moved apart: joint p = 0.008",
    ),
    (
        check("power of the pre-trend test", "concern", "x"),
        {
            "check_power_of_the_pre_trend_test": frame(
                {"test": "any lead significant", "slope": 0.5, "bias": 1.5},
                {"test": "joint Wald test", "slope": 0.7, "bias": 2.1},
                power=0.5,
            )
        },
        "misses a drift of 0.50 percentage points a year half of the time, which adds 1.50",
    ),
    (
        check("balance before exposure", "concern", "x"),
        {
            "check_balance_before_exposure": frame(
                {"characteristic": "residents (thousands)", "standardised_difference": -0.36},
                {"characteristic": "trend", "standardised_difference": 0.1},
            )
        },
        "in standard deviations: residents (\u22120.36)",
    ),
    (
        check("counts by year", "concern", "x"),
        {
            "check_counts_by_year": frame(
                {"exposed": 0, "comparison": 9}, {"exposed": 8, "comparison": 30}
            )
        },
        "In the thinnest year only 8 exposed councils, where 20 are asked for",
    ),
    (
        check("leave one council out", "concern", "x"),
        {
            "check_leave_one_council_out": frame(
                {"smallest_without": 0.1, "largest_without": 0.6, "turned": 0},
                {"smallest_without": -0.2, "largest_without": 0.5, "turned": 1},
            )
        },
        "Between \u22120.20 and +0.60 percentage points; 1 council would turn the sign",
    ),
    (
        check("base moved back one year", "concern", "x"),
        {"check_base_moved_back_one_year": frame({"estimate": 0.5}, {"estimate": -1.0})},
        "\u22121.00 percentage points in place of +0.50, counted from one year earlier",
    ),
    (
        check("other samples", "concern", "x"),
        {
            "check_other_samples": frame(
                {"sample": "as planned", "estimate": 0.5},
                {"sample": "without neighbours", "estimate": -1.5},
            )
        },
        "Between \u22121.50 and +0.50 percentage points; furthest without neighbours",
    ),
    (
        check("two comparison groups", "concern", "x"),
        {"check_two_comparison_groups": frame({"estimate": 0.5})},
        "+0.50 percentage points with the declared group, \u22120.25 with the other",
    ),
    (
        check("audit", "concern", "x"),
        {},
        "selected placebos +0.40 percentage points, where at most 0.25 either way is allowed",
    ),
    (
        check("honest pre-trends", "concern", "x"),
        {},
        "excludes zero only while drift after exposure is at most 0.40 times the largest before it",
    ),
    (check("breaks in the series", "concern", "The step is odd"), {}, "The step is odd"),
]


@pytest.mark.parametrize(
    ("one", "tables", "words"), CONCERNS, ids=[c[0]["check"] for c in CONCERNS]
)
def test_a_concern_is_a_line_with_its_unit(
    one: dict[str, str], tables: dict[str, pd.DataFrame], words: str
) -> None:
    row = checks_summary(results(one, **tables)).frame.iloc[0]
    assert (row["outcome"], row["verdict"]) == (VERDICT["title"], one["verdict"])
    assert words in row["meaning"]


def test_placebo_outcomes_are_among_the_concerns() -> None:
    sentence = "Dwellings, which the event is not expected to move: +3 (1 to 5). It moved"
    keys = {"outcome": "dwellings_count"}
    figures = frame(
        {"estimate": 3.0, "conf_low": 1.0, "conf_high": 5.0, "holm_p_value": 0.01}, **keys
    )
    indicators = pd.DataFrame([{"indicator": "dwellings_count", "unit": "dwellings"}])
    found = results(
        check("placebo outcome", "concern", sentence, **keys),
        check("placebo outcome", "concern", sentence, **keys, no_record=OTHER),
        check_placebo_outcome=figures,
        indicators=indicators,
    )
    table = checks_summary(found)
    assert table.frame["outcome"].tolist() == ["Placebo: Dwellings"]
    assert "+3.0 dwellings (1.0 to 5.0); beyond chance after" in table.frame["meaning"].iloc[0]


def test_concerns_of_the_other_group_alone_are_counted_in_a_note() -> None:
    found = results(
        check("leave one council out", "concern", "x", no_record=OTHER),
        check("breaks in the series", "pass", "x"),
    )
    table = checks_summary(found)
    assert table.frame["meaning"].tolist() == ["No check raised a concern"]
    assert table.notes[0].startswith("2 checks of the primary and placebo outcomes passed")
    assert (
        table.notes[1]
        == "With the other comparison group alone: leave one council out (1 outcome)."
    )


def test_councils_left_out_are_named_with_the_reason() -> None:
    dropped = pd.DataFrame(
        [
            (NAME, RULE, "E1", "excluded by the plan", "Councils that the plan excludes"),
            (NAME, RULE, "E2", "cpc of 2021: dated too coarsely", "Exposed at an unknown date"),
            (NAME, RULE, "E3", "cpc of 2022: dated too coarsely", "Exposed at an unknown date"),
            ("other", RULE, "E3", "cpc of 2022: dated too coarsely", "Exposed at an unknown date"),
            (NAME, OTHER, "E4", "no record", "Councils without a record"),
        ],
        columns=["outcome", "no_record", "council_code", "reason", "step"],
    )
    councils = pd.DataFrame(
        {"council_code": ["E1", "E2", "E3"], "council_name": ["Tiny", "Bath", "Avon"]}
    )
    plan = load_plan("peer_challenge", ["exclude_because=too small"])
    found = results(councils_dropped=dropped, exposure=councils)
    section = councils_left_out(plan, found)
    assert section.sentences == ("3 councils are left out of the sample of at least one outcome.",)
    table = section.pieces[0]
    assert isinstance(table, Table)
    rows = table.frame[["why", "n_councils", "outcomes", "names"]].to_numpy().tolist()
    assert rows == [
        ["excluded by the plan: too small", 1, "one of two", "Tiny"],
        ["dated too coarsely", 2, "two of two", "Avon; Bath"],
    ]
    assert "No council was left out" in councils_left_out(plan, results()).sentences[0]


def test_how_intervals_are_widened_is_said_by_the_levels() -> None:
    first = holm_words(pd.Series([1 - 0.05 / 6] * 6), 0.95)
    assert "99.17 per cent (100 less 5/6), which Bonferroni's rule gives as well" in first
    second = holm_words(pd.Series([0.975, 0.95]), 0.95)
    assert "Bonferroni" not in second and "against 5/2 per cent, the next against 5/1" in second
