"""Views of samples and of checks on simulated designs: a row an outcome, a row a check."""

from __future__ import annotations

import dataclasses

import pandas as pd
import pytest
from test_checks_designs import make_design

from evallib.checks import Checks
from evallib.checks.base import CheckResult
from evallib.design import Designs
from evallib.report.chart import Chart
from evallib.report.views import checks_overview, cohorts_table, outcome_paths
from evallib.report.views.samples import LATER, TREATED
from evallib.report.views.summary import _fired_words


def both() -> Designs:
    one = make_design()
    other = dataclasses.replace(one, outcome="other", title="Other", role="secondary")
    return Designs((one, other))


def test_cohorts_are_a_row_an_outcome_that_adds_up() -> None:
    designs = both()
    frame = cohorts_table(designs).frame
    assert frame["outcome"].tolist() == [one.title for one in designs]
    counts = frame.drop(columns=["outcome", "last_year"]).sum(axis=1)
    assert counts.tolist() == [one.n_treated for one in designs]


def test_paths_say_where_the_treated_stood_at_both_ends() -> None:
    design = make_design()
    councils = design.councils.assign(event_period=design.councils["cohort"] - 1)
    design = dataclasses.replace(design, councils=councils)
    (piece,) = outcome_paths(Designs((design,))).items[0].pieces
    assert isinstance(piece, Chart)
    assert "description, not an effect" in piece.subtitle
    assert len(piece.headline.split()) <= 10
    wide = piece.data.pivot(index="fin_year", columns="group", values="value")
    gaps = wide[TREATED] - wide[next(name for name in wide if name not in (TREATED, LATER))]
    for year in (wide.index[0], wide.index[-1]):
        word = "higher" if gaps[year] > 0 else "lower"
        assert f"{word} in {year}" in piece.headline


def test_verdicts_are_counted_by_check_and_comparison_group() -> None:
    designs = both()
    rule = designs.items[0].no_record
    table = designs.items[0].full

    def item(outcome: str, verdict: str, check: str = "pre-trends") -> CheckResult:
        return CheckResult(check, outcome, rule, verdict, "x", table)  # type: ignore[arg-type]

    checks = Checks(
        (
            item(designs.items[0].outcome, "fail"),
            item("other", "concern"),
            item("placebo", "pass", "placebo outcome"),
        )
    )
    frame = checks_overview(designs, checks).frame.set_index("check")
    verdicts = ["fail", "concern", "pass", "not applicable"]
    assert frame.loc["pre-trends", verdicts].tolist() == [1, 1, 0, 0]
    assert frame.loc["pre-trends", "primary"] == "1 of 1"
    assert frame.loc["placebo outcome", verdicts].tolist() == [0, 0, 1, 0]
    assert pd.isna(frame.loc["placebo outcome", "primary"])


@pytest.mark.parametrize(
    ("fired", "words"),
    [
        ("", "nothing"),
        (
            "2020 carries 16% of the weight with 12 treated clusters, fewer than 20; 2020 carries "
            "16% of the weight with 10 comparison clusters, fewer than 20; 2021 carries 16% of the "
            "weight with 12 treated clusters, fewer than 20; cohort 2017 carries 24% of the weight "
            "with 4 councils, fewer than 5; the effective number of treated clusters is 3.3, under "
            "10",
            "few treated in 2 years; few comparison in 1 year; few councils in 1 cohort; few "
            "effective clusters",
        ),
    ],
)
def test_parts_of_the_thin_rule_are_counted(fired: str, words: str) -> None:
    assert _fired_words(fired) == words
