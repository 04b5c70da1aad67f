"""Slips in a register: misspelt kinds, dates out of order or out of reach, told all at once."""

from __future__ import annotations

import datetime
from pathlib import Path

import pandas as pd
import pytest

from evallib.errors import DataError, DoubtfulKindWarning
from evallib.panel import open_store, schemas
from evallib.panel.reading import read_text_table
from evallib.panel.register_rules import END_STATUSES, kind_notes, rule_faults
from evallib.panel.registers import read_register, register_facts

RAW = Path(__file__).parents[1] / "data" / "raw"
REGISTERS = ("peer_challenges", "interventions", "other_programmes")
TODAY = datetime.date(2026, 6, 30)


def table(name: str) -> pd.DataFrame:
    return read_text_table(RAW / f"{name}.csv", name)


@pytest.mark.parametrize("name", REGISTERS)
def test_shipped_registers_keep_the_rules(name: str) -> None:
    facts = register_facts(RAW / f"{name}.csv")
    assert facts is not None
    rows = table(name)
    assert rule_faults(rows, name, facts, TODAY) == []
    facts_of_none = {"never_by_date", "none_between"}
    assert set(facts.kinds) == set(rows["kind"]) | (set(facts.kinds) & facts_of_none)
    assert set(rows["end_status"]) <= set(END_STATUSES)


@pytest.mark.parametrize(
    ("name", "council", "kind", "cells", "said"),
    [
        ("peer_challenges", "Arun", "cpc", {"kind": "cpcc"}, "Did you mean 'cpc'?"),
        (
            "interventions",
            "Barnet",
            "childrens_statutory_direction",
            {"kind": "childrens_statutory_directions"},
            "Did you mean 'childrens_statutory_direction'?",
        ),
        ("peer_challenges", "Arun", "cpc", {"start_date": "2004"}, "before there was any"),
        (
            "interventions",
            "Hackney",
            "best_value_statutory_intervention",
            {"start_date": "1998-10-12"},
            "Local Government Act 1999, section 15",
        ),
        ("peer_challenges", "Arun", "cpc", {"start_date": "2041"}, "dated after 20 March 2026"),
        (
            "interventions",
            "Liverpool",
            "best_value_statutory_intervention",
            {"end_date": "2019-06-09"},
            "the end is before the start",
        ),
        (
            "interventions",
            "Birmingham",
            "best_value_statutory_intervention",
            {"end_status": "observed"},
            "an observed end is dated after 28 February 2026",
        ),
        (
            "peer_challenges",
            "Arun",
            "cpc",
            {"kind": "none_between", "end_date": ""},
            "of kind none_between has no end_date",
        ),
        (
            "interventions",
            "Barnet",
            "childrens_statutory_direction",
            {"end_status": "not recorded"},
            "Did you mean 'not_recorded'?",
        ),
    ],
)
def test_a_slip_in_a_shipped_register_is_a_fault(
    name: str, council: str, kind: str, cells: dict[str, str], said: str
) -> None:
    rows = table(name)
    at = rows.index[(rows["council_name"] == council) & (rows["kind"] == kind)][0]
    for column, cell in cells.items():
        rows.loc[at, column] = cell
    faults = rule_faults(rows, name, register_facts(RAW / f"{name}.csv"), TODAY)
    assert len(faults) == 1
    assert said in str(faults[0])
    assert f"line {at} council {rows.loc[at, 'council_code']}" in faults[0].where


def test_support_for_the_coming_financial_year_is_no_slip() -> None:
    rows = table("interventions")
    coming = rows[rows["start_date"] == "2026-04-01"]
    assert len(coming) == 22  # councils agreed for 2026/27 in February 2026
    facts = register_facts(RAW / "interventions.csv")
    assert rule_faults(coming, "interventions", facts, TODAY) == []


def test_all_slips_are_told_at_once_from_an_own_register(tmp_path: Path) -> None:
    rows = table("peer_challenges").head(6).copy()
    rows.loc[4, "start_date"] = "2030-06"
    rows.loc[4, "date_precision"] = "month"
    rows.loc[5, ["end_date", "end_status"]] = ["2024-06-01", "observed"]
    rows.loc[6, "end_status"] = "observd"
    path = tmp_path / "own.csv"
    rows.to_csv(path, index=False)
    with pytest.raises(DataError) as caught:
        read_register(path, open_store().book)
    told = str(caught.value)
    assert len(caught.value.faults) == 3
    assert "is dated after today" in told
    assert "the end is before the start" in told
    assert "Did you mean 'observed'?" in told


def test_a_misspelt_kind_in_an_own_register_is_asked_about(tmp_path: Path) -> None:
    rows = table("peer_challenges").head(40).copy()
    at = rows.index[rows["kind"] == "progress_review"][0]
    rows.loc[at, "kind"] = "progres_review"
    path = tmp_path / "own.csv"
    rows.to_csv(path, index=False)
    with pytest.warns(DoubtfulKindWarning, match="is 'progress_review' meant"):
        read_register(path, open_store().book)
    assert len(kind_notes(rows, "own.csv")) == 1


def test_kinds_that_differ_by_a_number_are_not_taken_for_one() -> None:
    rows = table("other_programmes")
    assert rows["kind"].value_counts()["beacon_award_round3"] == 1
    assert kind_notes(rows, "other_programmes.csv") == []
    assert set(schemas.REGISTER.columns) == set(rows.columns)
