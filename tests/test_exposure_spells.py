"""Spells, their ends, what is in force, and escalation: on the real rows."""

from __future__ import annotations

import pandas as pd
import pytest

from evallib import build_design, build_exposure, build_panel, load_plan
from evallib.exposure import Exposure
from evallib.exposure.events import read_events
from evallib.exposure.spells import ends_by_kind, find_spells, in_force_by_year, known_to
from evallib.panel import open_store
from evallib.panel.ladders import LADDERS, ladder_of, studied_kinds


@pytest.fixture(scope="module")
def events() -> pd.DataFrame:
    return read_events(open_store().registers["interventions"])


@pytest.fixture(scope="module")
def spells(events: pd.DataFrame) -> pd.DataFrame:
    return find_spells(events)


@pytest.fixture(scope="module")
def force(events: pd.DataFrame, spells: pd.DataFrame) -> pd.Series:
    table = in_force_by_year(spells, list(range(2010, 2028)), known_to(events))
    name = events.drop_duplicates("council_code").set_index("council_code")["council_name"]
    table["council"] = table["council_code"].map(name)
    result: pd.Series = table.set_index(["council", "kind", "period"])["in_force"]
    return result


@pytest.fixture(scope="module")
def children() -> Exposure:
    plan = load_plan("childrens_intervention")
    return build_exposure(plan, build_panel(plan))


def test_rows_that_follow_one_another_are_one_spell(spells: pd.DataFrame) -> None:
    rows = spells.set_index(["council_name", "kind"])
    nottingham = rows.loc[("Nottingham", "best_value_statutory_intervention")]
    assert nottingham["rows"] == 2  # a board on statutory footing, then commissioners
    assert str(nottingham["end_latest"].date()) == "2026-02-22"
    assert rows.loc[("Sandwell", "childrens_statutory_direction"), "rows"] == 3
    assert rows.loc[("Croydon", "exceptional_financial_support"), "rows"] == 7
    # the first Norfolk direction has no end on file: nothing is joined to it
    assert len(rows.loc[[("Norfolk", "childrens_statutory_direction")]]) == 2
    # Eastbourne's support paused for two years: two spells
    assert len(rows.loc[[("Eastbourne", "exceptional_financial_support")]]) == 2


def test_visits_are_no_spells() -> None:
    assert find_spells(read_events(open_store().registers["peer_challenges"])).empty


def test_ends_are_counted_as_recorded(events: pd.DataFrame, spells: pd.DataFrame) -> None:
    ends = ends_by_kind(events, spells).set_index("kind")
    childrens = [
        "childrens_improvement_notice",
        "childrens_statutory_direction",
        "childrens_trust",
    ]
    rows = events[events["kind"].isin(childrens)]
    assert len(rows) == 81
    assert (rows["end_status"] == "not_recorded").sum() == 48
    assert ends.loc[childrens, "rows"].sum() == 81
    assert ends.loc[childrens, "not_recorded"].sum() == 48
    assert not ends.loc[childrens, "on_and_off"].any()
    assert not ends.loc["best_value_statutory_intervention", "on_and_off"]  # 7 planned of 17
    assert ends.loc["exceptional_financial_support", "on_and_off"]


@pytest.mark.parametrize(
    ("council", "kind", "years"),
    [
        # observed end
        ("Liverpool", "best_value_statutory_intervention", {2020: "no", 2021: "yes", 2024: "yes"}),
        ("Liverpool", "best_value_statutory_intervention", {2025: "no"}),
        # an expected end that has passed is no observation
        ("Liverpool", "non_statutory_improvement_board", {2024: "yes", 2025: "not known"}),
        # a planned end beyond the last day of which the register speaks
        ("Birmingham", "best_value_statutory_intervention", {2025: "yes", 2026: "not known"}),
        # no end on file: in force when it began, not known after, never 'still running'
        ("Barnet", "childrens_statutory_direction", {2016: "no", 2017: "yes", 2018: "not known"}),
        # rows replaced one another up to October 2016
        (
            "Sandwell",
            "childrens_statutory_direction",
            {2014: "yes", 2016: "yes", 2017: "not known"},
        ),
        # dated to the calendar year 2016: two financial years, neither of them sure
        ("Bromley", "childrens_statutory_direction", {2015: "not known", 2016: "yes", 2019: "no"}),
    ],
)
def test_in_force_by_year(force: pd.Series, council: str, kind: str, years: dict[int, str]) -> None:
    assert {year: force[council, kind, year] for year in years} == years


def test_states_follow_the_order(children: Exposure) -> None:
    entries = children.entries.set_index(["council_name", "state"])
    halton = entries.loc[("Halton", "childrens_statutory_direction")]
    assert halton["state_before"] == "childrens_improvement_notice"
    assert 31 <= halton["months_since"] <= 32
    # Hull stepped down from a direction to a notice: the notice has no lower state before it
    hull = entries.loc[("Kingston upon Hull", "childrens_improvement_notice")]
    assert hull["state_before"] == ""
    names = children.councils.set_index("council_code")["council_name"]
    states = children.states.assign(council=children.states["council_code"].map(names))
    state = states.set_index(["council", "period"])
    assert state.loc[("Kingston upon Hull", 2023), "met"] == "childrens_statutory_direction"
    assert state.loc[("Kingston upon Hull", 2022), "in_force"] == "childrens_statutory_direction"
    assert state.loc[("Kingston upon Hull", 2023), "in_force"] == "childrens_improvement_notice"
    assert state.loc[("Kingston upon Hull", 2024), "in_force"] == "none"
    # the trust is of low confidence: it may have been met, it was not surely
    assert state.loc[("Birmingham", 2018), "met"] == "childrens_improvement_notice"
    assert state.loc[("Birmingham", 2018), "met_at_most"] == "childrens_trust"
    assert (states["met"] != "none").groupby(states["period"]).sum().is_monotonic_increasing


def test_the_plan_can_study_the_first_entry_to_a_higher_state() -> None:
    plan = load_plan(
        "childrens_intervention", ["escalation.at_least=childrens_statutory_direction"]
    )
    assert studied_kinds(plan) == ("childrens_statutory_direction", "childrens_trust")
    panel = build_panel(plan)
    exposure = build_exposure(plan, panel)
    councils = exposure.councils.set_index("council_name")
    assert councils.loc["Halton", "status"] == "later"  # its direction is of August 2024
    assert councils.loc["Herefordshire", "state_before"] == "childrens_improvement_notice"
    assert councils.loc["Bury", "status"] == "no_record"  # a notice alone
    design = build_design(plan, panel, exposure, "assessments_within_45_days_pct")
    assert 10 <= design.n_treated < 22


def test_orders_are_those_of_the_registers_kinds() -> None:
    kinds = set(open_store().registers["interventions"]["kind"])
    listed = [kind for ladder in LADDERS.values() for step in ladder for kind in step]
    assert set(listed) <= kinds
    assert len(listed) == len(set(listed))
    # either came first: they are not steps of one order
    register = read_events(open_store().registers["interventions"])
    first = register.groupby(["kind", "council_code"])["event_date"].min()
    notice, support = first["section_114_notice"], first["exceptional_financial_support"]
    both = pd.concat([notice, support], axis=1, keys=["notice", "support"]).dropna()
    assert (both["notice"] < both["support"]).any()
    assert (both["notice"] > both["support"]).any()
    assert ladder_of(load_plan("peer_challenge")) == ()


def test_an_order_of_the_plan_may_put_kinds_on_one_step() -> None:
    order = (
        "escalation={at_least: childrens_statutory_direction, order: "
        "[childrens_improvement_notice, [childrens_statutory_direction, childrens_trust]]}"
    )
    plan = load_plan("childrens_intervention", [order])
    exposure = build_exposure(plan, build_panel(plan))
    assert set(exposure.entries["step"]) == {1, 2}
    sunderland = exposure.entries[exposure.entries["council_name"] == "Sunderland"]
    assert sunderland["state"].tolist() == ["childrens_statutory_direction"]  # of 2015
