"""The summary's words on results that are made up, so that each case can be told apart."""

from __future__ import annotations

import pandas as pd
import pytest

from evallib.plan import load_plan
from evallib.report.tables import Table
from evallib.report.views import answer, other_estimators
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
    assert answer(plan, results(0.2)).sentences[0].startswith("Of one primary outcome")
    read = answer(plan, results(0.2, is_own=False)).sentences[0]
    assert read == "Read from the run default-12345678."


def test_changed_thresholds_are_the_first_words() -> None:
    plan = load_plan("peer_challenge", ["verdict.permutation_p=0.01"])
    for is_own in (True, False):
        first = answer(plan, results(0.2, is_own)).sentences[0]
        assert first.startswith(
            "Thresholds of the verdicts were changed: permutation p 0.01 in place of 0.05. "
        )
