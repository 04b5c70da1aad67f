"""The summary's words on results that are made up, so that each case can be told apart."""

from __future__ import annotations

import dataclasses

import pandas as pd
import pytest

from evallib.plan import load_plan
from evallib.report.tables import Table
from evallib.report.views import answer, disclosure, other_estimators
from evallib.run.results import RunResults

NAME = "recycling_rate_pct"
VERDICT = {
    "outcome": NAME,
    "title": "Household waste recycled",
    "role": "primary",
    "unit": "percent",
    "scale": "level",
    "verdict": "cannot tell",
    "sentence": "the interval holds both zero and the change that would matter",
    "estimate": 0.5,
    "holm_low": -1.0,
    "holm_high": 2.0,
    "holm_level": 0.95,
    "polarity": "higher",
    "councils": 100,
    "treated_councils": 30,
    "council_years": 400,
    "inference": "influence_normal",
    "thin_fired": "",
    "meaningful_change": 1.0,
}


def results(twfe: float, is_own: bool = True) -> RunResults:
    estimates = pd.DataFrame(
        [
            ("group_time", "overall", 0.5),
            ("twfe", "att", twfe),
            ("group_time", "group=2022", 9.0),
        ],
        columns=["estimator", "term", "estimate"],
    ).assign(
        outcome=NAME,
        no_record="assume_not_exposed",
        inference="cr1_t",
        conf_low=-1.0,
        conf_high=2.0,
        p_value=0.4,
        n_units=100,
        n_treated_units=30,
        n_obs=400,
    )
    checks = pd.DataFrame(columns=["outcome", "no_record", "check", "verdict", "sentence"])
    return RunResults(
        estimates=estimates,
        facts=pd.DataFrame(),
        checks=checks,
        tables={"04_x/verdicts": pd.DataFrame([VERDICT])},
        source="the run default-12345678",
        is_own=is_own,
    )


@pytest.mark.parametrize(("twfe", "is_opposite"), [(-0.2, True), (0.2, False)])
def test_an_estimator_of_the_opposite_sign_is_named(twfe: float, is_opposite: bool) -> None:
    section = other_estimators(load_plan("peer_challenge"), results(twfe))
    assert ("opposite sign" in section.sentences[0]) is is_opposite
    assert (VERDICT["title"] in section.sentences[0]) is is_opposite
    table = section.pieces[0]
    assert isinstance(table, Table)
    assert table.frame["estimate"].tolist() == [0.5, twfe]


def test_a_summary_of_another_run_says_first_which() -> None:
    plan = load_plan("peer_challenge")
    assert answer(plan, results(0.2)).sentences[0] == (
        "For the one primary outcome we cannot tell whether performance changed."
    )
    read = answer(plan, results(0.2, is_own=False)).sentences[0]
    assert read == "Read from the run default-12345678."


def test_changed_thresholds_are_the_first_words() -> None:
    plan = load_plan("peer_challenge", ["verdict.permutation_p=0.01"])
    for is_own in (True, False):
        first = answer(plan, results(0.2, is_own)).sentences[0]
        assert first.startswith(
            "Thresholds of the verdicts were changed: permutation p 0.01 in place of 0.05. "
        )


@pytest.mark.parametrize(("polarity", "word"), [("higher", "better"), ("lower", "worse")])
def test_verdicts_are_whole_sentences_and_estimates_have_a_side(polarity: str, word: str) -> None:
    verdicts = [VERDICT | {"outcome": f"o{n}", "polarity": polarity} for n in range(3)]
    verdicts[2]["verdict"] = "design not fit"
    found = dataclasses.replace(results(0.2), tables={"04_x/verdicts": pd.DataFrame(verdicts)})
    section = answer(load_plan("peer_challenge"), found)
    assert section.sentences[0] == (
        "For two of three primary outcomes we cannot tell whether performance changed; for one "
        "the design is not fit to answer."
    )
    assert all(f"0.5 percentage points higher ({word}; " in text for _, text in section.points)


def test_combinations_of_choices_are_counted_beside_estimates() -> None:
    facts = pd.DataFrame(
        [("primary", "twfe", "never_treated", "only_known", "cr1_t")] * 2,
        columns=["role", "estimator", "comparison", "no_record", "inference"],
    )
    curve = pd.DataFrame(
        {"estimate": [0.1, float("nan"), 0.3], "planned": ["planned", "unplanned", "unplanned"]}
    )
    bare = dataclasses.replace(results(0.2), facts=facts)
    assert disclosure(bare).caption == "Every specification that ran: 2 estimates"
    both = disclosure(
        dataclasses.replace(bare, tables={"08_robustness/specification_curve": curve})
    )
    assert both.caption.endswith("2 estimates, and 3 combinations of choices in notebook 08")
    assert "2 could be estimated and 1 could not" in both.notes[1]
    assert "tables/08_specification_curve.csv" in both.notes[1]
    assert both.notes[1].endswith("2 are unplanned: the plan's lock does not name them.")
