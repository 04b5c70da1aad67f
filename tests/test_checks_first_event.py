"""Who met the first event and when, and how judgements move: counts, rules, words."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pandas as pd
import pytest

import evallib as ev
from evallib.checks.first_event import LEVEL, TREND, find_first_event, rows_at_risk
from evallib.checks.regrading import find_regrading
from evallib.exposure.judged import Judged
from evallib.panel.judgements import LADDERS
from evallib.report.views import hazard_of_first_event, judgement_transitions


@pytest.fixture(scope="module")
def pieces():
    plan = ev.load_plan("childrens_intervention")
    panel = ev.build_panel(plan)
    exposure = ev.build_exposure(plan, panel)
    return plan, panel, exposure, ev.build_designs(plan, panel, exposure)


def test_rows_run_from_the_first_studied_year_to_the_event(pieces) -> None:
    plan, panel, exposure, _ = pieces
    rows, date_unknown = rows_at_risk(plan, panel, exposure)
    assert rows.groupby("council_code")["event"].sum().max() == 1
    last = rows.sort_values("period").drop_duplicates("council_code", keep="last")
    assert (last.loc[last["event"] == 0, "period"] == 2024).all()
    assert rows["period"].min() == 2016
    events = rows[rows["event"] == 1].set_index("council_code")["period"]
    years = exposure.councils.set_index("council_code")["event_year"].reindex(events.index)
    assert (years.str[:4].astype(int) == events).all()
    left = exposure.councils[exposure.councils["status"] == "exposed_date_unknown"]
    assert not rows["council_code"].isin(left["council_code"]).any()
    assert 0 < date_unknown <= len(left)
    abolished = panel.store.councils.query("valid_to != ''")["council_code"]
    assert not rows["council_code"].isin(abolished).any()


def test_both_rules_stand_side_by_side_and_differ_by_the_unrecorded(pieces) -> None:
    found = find_first_event(*pieces)
    whole = found.shares[found.shares["council_type"] == "all"].set_index("no_record")
    assumed, known = whole.loc["assume_not_exposed"], whole.loc["only_known"]
    unrecorded = (pieces[2].councils["status"] == "no_record").sum()
    assert 0 < assumed["councils"] - known["councils"] <= unrecorded
    assert assumed["events"] == known["events"]
    assert assumed["share_pct"] < known["share_pct"]
    assert set(found.ratios["no_record"]) == {"assume_not_exposed", "only_known"}
    by_year = found.years.groupby("no_record")["events"].sum()
    assert (by_year == assumed["events"]).all()
    known_ends = found.ratios.dropna(subset=["conf_low"])
    assert (known_ends["conf_low"] < known_ends["ratio"]).all()


def test_intervention_follows_poor_figures_of_the_year_before(pieces) -> None:
    ratios = find_first_event(*pieces).ratios.query("no_record == 'assume_not_exposed'")
    level = ratios[ratios["characteristic"] == LEVEL].set_index("outcome")
    reviews = level.loc["child_protection_reviews_in_time_pct"]
    assert reviews["conf_high"] < 1  # the lower the share in time, the likelier intervention
    assert TREND in set(ratios["characteristic"])


def test_the_level_is_the_year_befores_and_the_slope_that_of_a_line(pieces) -> None:
    from evallib.checks.first_event import _before

    design = pieces[3].items[0]
    rows, _ = rows_at_risk(*pieces[:3])
    found = rows.join(_before(design, rows))
    code = found.dropna(subset=[TREND])["council_code"].iloc[0]
    row = found[(found["council_code"] == code) & found[TREND].notna()].iloc[-1]
    own = design.full[design.full["council_code"] == code].set_index("period")["value"]
    window = own[own.index.isin(range(row["period"] - 4, row["period"]))]
    assert row[LEVEL] == own[row["period"] - 1]
    assert row[TREND] == pytest.approx(np.polyfit(window.index - 2000, window, 1)[0])


def test_the_view_says_what_the_register_does_to_it(pieces) -> None:
    section = hazard_of_first_event(*pieces)
    text = " ".join(section.sentences)
    for words in ("not an effect", "without a record is not known", "left out of both"):
        assert words in text
    kinds = [type(piece).__name__ for piece in section.pieces]
    assert kinds == ["Chart", "Chart", "Table", "Table", "Table"]
    for chart in section.pieces[:2]:
        low, high = chart.data["conf_low"], chart.data["conf_high"]  # of logarithms
        said = f"{int(((low > 0) | (high < 0)).sum())} of {len(chart.data)} intervals exclude"
        assert said in chart.headline
        for words in ("(unrecorded at risk)", "(recorded only)", "Under both rules: "):
            assert words in chart.notes[0]
            assert words in text
    counts = [int(count) for count in re.findall(r"of (\d+) \(", section.pieces[1].notes[0])]
    assert sum(counts) == len(section.pieces[1].data)
    assert "<table" in section._repr_html_()


def test_without_an_event_the_view_says_so(pieces) -> None:
    plan, panel, exposure, designs = pieces
    none = exposure.councils.assign(event_year="", status="no_record")
    section = hazard_of_first_event(
        plan, panel, dataclasses.replace(exposure, councils=none), designs
    )
    assert section.pieces == ()
    assert "no council has a dated first event from 2016/17 to 2024/25" in section.sentences[0]


def test_with_events_alone_or_few_of_them_what_cannot_be_said_is_said(pieces) -> None:
    plan, panel, exposure, designs = pieces
    dated = exposure.councils["event_year"] != ""
    few = exposure.councils[dated].index[3:]
    councils = exposure.councils.copy()
    councils.loc[few, ["event_year", "status"]] = ["", "no_record"]
    few_events = dataclasses.replace(exposure, councils=councils)
    found = find_first_event(plan, panel, few_events, designs)
    assert len(found.refused) > 0
    section = hazard_of_first_event(plan, panel, few_events, designs)
    assert any(text.startswith("No model for") for text in section.sentences)


def judged(seed: int, framework: str = "ilacs", councils: int = 60) -> Judged:
    rng = np.random.default_rng(seed)
    words = LADDERS[framework]
    rows = []
    for council in range(councils):
        grade, year = int(rng.integers(4)), 2011
        for _ in range(3):
            rows.append((f"E{council:03d}", framework, year, words[grade]))
            year += int(rng.integers(1, 4))
            grade = int(np.clip(grade + rng.integers(-1, 2), 0, 3))
        rows.append((f"E{council:03d}", "cpi", 2010, LADDERS["cpi"][council % 2]))
    names = ["council_code", "framework", "year", "judgement"]
    return Judged(pd.DataFrame(rows, columns=names), pd.DataFrame())


def test_grades_move_inside_a_framework_only() -> None:
    frame = judged(1).frame
    found = {one.framework: one for one in find_regrading(frame, LADDERS)}
    assert list(found) == ["cpi", "ilacs"]
    assert (found["cpi"].pairs, found["ilacs"].pairs) == (0, 120)
    assert found["cpi"].shares is None
    assert "no unit has two observations" in found["cpi"].reason
    shares = found["ilacs"].shares
    assert shares is not None
    assert shares.n_obs == 120
    assert shares.terms[0] == "Inadequate->Inadequate"
    process = found["ilacs"].process
    assert process is not None
    assert process.terms[0] == "Inadequate->Requires improvement to be good"
    assert len(process.terms) == 6


def test_the_view_of_transitions_shows_shares_chances_and_what_it_leaves_out() -> None:
    sections = judgement_transitions(judged(2))
    lead, shown = sections.items
    assert lead.sentences[0].startswith("60 judgements were followed by one under another")
    assert "irregular" in lead.sentences[1]
    assert [type(piece).__name__ for piece in shown.pieces] == ["Chart", "Table", "Table"]
    assert "per cent kept their grade" in shown.pieces[0].headline
    chances = shown.pieces[2].frame
    assert chances.groupby("from")["probability"].sum().to_numpy() == pytest.approx(
        np.full(4, 100.0)
    )


def test_the_shipped_judgements_hold_no_second_one_and_no_matrix_is_shown(pieces) -> None:
    sections = judgement_transitions(ev.build_judgements(*pieces[:3]))
    assert len(sections.items) == 1
    assert sections.items[0].sentences[0].startswith("No council was judged twice")
    none = Judged(judged(3).frame.iloc[:0], pd.DataFrame())
    assert "No judgement" in judgement_transitions(none).items[0].sentences[0]
