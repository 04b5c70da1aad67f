"""What the notebook on judgements shows: counts, one framework at a time, and no more than that."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

import evallib as ev
from evallib.estimate import Estimates
from evallib.exposure.judged import Judged
from evallib.report.views.judgements import (
    judgement_models,
    judgements_around_events,
    judgements_on_file,
)


@pytest.fixture(scope="module")
def judged() -> Judged:
    plan = ev.load_plan("childrens_intervention")
    panel = ev.build_panel(plan)
    return ev.build_judgements(plan, panel, ev.build_exposure(plan, panel))


def test_grades_stand_in_their_frameworks_row_alone(judged: Judged) -> None:
    section = judgements_on_file(judged)
    table = section.pieces[0].frame.set_index("framework")
    assert [name.split(":")[0] for name in table.index] == ["slac", "cpi", "sif", "ilacs"]
    assert table["Adequate"].isna().tolist() == [False, False, True, True]
    assert table["Requires improvement to be good"].isna().tolist() == [True, True, False, False]
    grades = table.drop(columns=["years", "councils"])
    assert (grades.sum(axis=1) == table["councils"]).all()
    assert list(grades)[0] == "Inadequate"
    assert list(grades)[-1] == "Outstanding"


def test_what_is_left_out_is_said_with_its_count(judged: Judged) -> None:
    text = " ".join(judgements_on_file(judged).sentences)
    assert "Left out: 19 judgements of a council that was abolished" in text
    assert "213 judgements were followed by one under another framework" in text
    assert "None was followed by one under the same framework" in text
    twice = judged.frame[judged.frame["framework"] == "sif"].assign(year=2019)
    more = replace(judged, frame=pd.concat([judged.frame, twice], ignore_index=True))
    again = " ".join(judgements_on_file(more).sentences)
    assert "were followed by one under the same" in again


def test_counts_add_up_on_every_side_of_the_event(judged: Judged) -> None:
    sections = judgements_around_events(judged).items
    assert len(sections) == 4
    total = 0
    for section in sections:
        table = section.pieces[0].frame
        grades = table.drop(columns=["position", "councils", "Good or better"])
        assert (grades.sum(axis=1) == table["councils"]).all()
        total += int(table["councils"].sum())
    assert total == len(judged.frame)


def test_no_council_is_named(judged: Judged) -> None:
    estimates = ev.estimate_judgements(judged)
    pieces = (judgements_on_file(judged), judgements_around_events(judged))
    html = "".join(piece._repr_html_() for piece in (*pieces, judgement_models(estimates)))
    names = judged.frame["council_name"].unique()
    assert [name for name in names if f">{name}<" in html] == []


def test_models_describe_one_framework(judged: Judged) -> None:
    estimates = ev.estimate_judgements(judged)
    assert [item.estimator for item in estimates] == ["good_or_better", "ordered_logit"]
    rows = judged.compared("sif")
    for item in estimates:
        assert (item.n_units, item.n_treated_units) == (len(rows), rows["is_after"].sum())
        assert (item.role, item.outcome) == ("descriptive", "judgement_sif")
    section = judgement_models(estimates)
    assert "This is description" in section.sentences[0]
    assert "less often than others" in section.sentences[0]
    assert "likely too narrow" in section.sentences[0]
    assert len(section.pieces[0].frame) == 3


def test_a_wide_interval_is_no_absence_of_a_difference(judged: Judged) -> None:
    first = next(iter(ev.estimate_judgements(judged)))
    wide = replace(first, conf_low=first.point - 50, conf_high=first.point + 50)
    said = judgement_models(Estimates((wide,))).sentences[0]
    assert said.startswith("We cannot tell")
    assert "no effect" not in said


def test_fewer_than_five_councils_are_refused_in_words(judged: Judged) -> None:
    few = judged.frame[(judged.frame["position"] != "after the event") | (judged.frame.index < 60)]
    estimates = ev.estimate_judgements(replace(judged, frame=few))
    assert len(estimates) == 0
    assert len(estimates.refused) == 2
    section = judgement_models(estimates)
    assert "fewer than 5" in section.sentences[0]
    assert section.pieces == ()


def test_a_plan_without_judged_councils_is_told_so(judged: Judged) -> None:
    empty = replace(judged, frame=judged.frame.iloc[:0])
    assert "No judgement" in judgements_on_file(empty).sentences[0]
    shown = judgement_models(ev.estimate_judgements(empty))
    assert "no judgements on file" in shown.sentences[0]
    assert "No judgement" in judgements_around_events(empty).items[0].sentences[0]
