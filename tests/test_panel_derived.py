"""Derived outcomes: each operation by hand, what is refused, what goes missing and is counted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from evallib.design import build_designs
from evallib.design.outcomes import outcome_figures
from evallib.errors import DesignError, PlanError
from evallib.exposure import build_exposure
from evallib.panel import Panel, build_panel, open_store
from evallib.panel.breaks import KINDS, read_breaks, segment
from evallib.panel.derived import POPULATION, all_indicators, base_indicators, years_of
from evallib.plan import Plan, load_plan

FLY, DWELLINGS, RECYCLING = "flytipping_incidents_count", "dwellings_count", "recycling_rate_pct"
SPENDING, RESERVES = "total_service_expenditure_gbp_000", "unallocated_reserves_gbp_000"
EMPTY, QUALITY = "long_term_empty_homes_pct", "asc_quality_of_life_score"
ROWS: list[dict[str, Any]] = [
    {"name": "reserves_share_pct", "share": [RESERVES, SPENDING]},
    {"name": "spend_per_dwelling_gbp", "ratio": [SPENDING, DWELLINGS], "times": 1000},
    {"name": "fly_rate", "per_1000": [FLY, DWELLINGS]},
    {"name": "log_fly", "log": FLY, "zeros": "missing"},
    {"name": "recycling_change", "change": RECYCLING},
    {"name": "rate_change", "change": "fly_rate"},
    {"name": "log_rate", "log": "fly_rate", "zeros": "missing"},
]


def make(folder: Path, **keys: Any) -> Plan:
    values = {
        "title": "A title",
        "question": "A question?",
        "register": "peer_challenges",
        "kinds": ["cpc"],
        "known_from": "2019/20",
        "last_event_year": "2021/22",
        "years": ["2012/13", "2022/23"],
        "outcomes": [{"indicator": RECYCLING, "meaningful_change": 1}],
        "notebooks": ["01_panel_quality"],
        **keys,
    }
    path = folder / "evaluation.yml"
    path.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
    return load_plan(path)


def outcome(name: str, **keys: Any) -> dict[str, Any]:
    return {"indicator": name, "meaningful_change": 1, **keys}


@pytest.fixture(scope="module")
def panel(tmp_path_factory: pytest.TempPathFactory) -> Panel:
    return build_panel(make(tmp_path_factory.mktemp("plan"), derived=ROWS))


def series(panel: Panel, name: str) -> pd.Series:
    rows = panel.figures[panel.figures["indicator"] == name]
    return rows.set_index(["council_code", "period"])["value"].sort_index()


def published(name: str) -> pd.Series:
    rows = open_store().figures([name])
    return rows.set_index(["council_code", "period"])["value"].sort_index()


def expected(name: str) -> pd.Series:
    fly, homes, money = published(FLY), published(DWELLINGS), published(SPENDING)
    rate = 1000 * fly / homes
    before = {
        key: (found := {"recycling_change": published(RECYCLING), "rate_change": rate}[key])
        - found.rename(lambda year: year + 1, level=1)
        for key in ("recycling_change", "rate_change")
    }
    changes = before["recycling_change"]
    answers = {
        "reserves_share_pct": 100 * published(RESERVES) / money[money > 0],
        "spend_per_dwelling_gbp": 1000 * money / homes,
        "fly_rate": rate,
        "log_fly": np.log(fly[fly > 0]),
        "recycling_change": changes[changes.index.get_level_values(1) != 2015],
        "rate_change": before["rate_change"],
        "log_rate": np.log(rate[rate > 0]),
    }
    found = answers[name].dropna()
    return found[(found.index.get_level_values(1) >= 2012)].sort_index()


@pytest.mark.parametrize("name", [row["name"] for row in ROWS])
def test_each_operation_gives_what_the_tables_say(panel: Panel, name: str) -> None:
    pd.testing.assert_series_equal(
        series(panel, name), expected(name), check_names=False, rtol=1e-12, check_index_type=False
    )
    assert name in panel.frame.columns


@pytest.mark.parametrize(
    ("name", "unit", "polarity"),
    [
        ("reserves_share_pct", "percent", "higher"),
        ("spend_per_dwelling_gbp", "GBP per dwelling, cash", "none"),
        ("fly_rate", "incidents per 1,000 dwellings", "lower"),
        ("log_fly", "log of incidents", "lower"),
        ("recycling_change", "percentage points", "higher"),
        ("rate_change", "incidents per 1,000 dwellings", "lower"),
    ],
)
def test_unit_polarity_and_period_are_carried_through(
    panel: Panel, name: str, unit: str, polarity: str
) -> None:
    facts = panel.catalogue.describe(name)
    assert (facts["unit"], facts["polarity"]) == (unit, polarity)
    row = next(row for row in ROWS if row["name"] == name)
    first = next(value for key, value in row.items() if key not in ("name", "times", "zeros"))
    ingredient = first if isinstance(first, str) else first[0]
    assert panel.catalogue.rule(name) == panel.catalogue.rule(ingredient)


def test_the_plan_may_say_title_unit_and_polarity(tmp_path: Path) -> None:
    told = {"title": "Spare money", "unit": "per cent of spending", "polarity": "none"}
    plan = make(tmp_path, derived=[{**ROWS[0], **told}])
    facts = build_panel(plan).catalogue.describe("reserves_share_pct")
    assert [facts[key] for key in told] == list(told.values())


def test_rows_may_stand_in_any_order(tmp_path: Path, panel: Panel) -> None:
    turned = build_panel(make(tmp_path, derived=ROWS[::-1]))
    for row in ROWS:
        pd.testing.assert_series_equal(series(turned, row["name"]), series(panel, row["name"]))


def test_what_could_not_be_worked_out_is_counted(panel: Panel) -> None:
    counts = panel.losses.groupby(["indicator", "why"]).size()
    held = published(RECYCLING)
    before = held.rename(lambda year: year + 1, level=1)
    across = held.index.intersection(before.index).get_level_values(1) == 2015
    assert counts["recycling_change", "a break of the series since the year before"] == across.sum()
    assert counts["recycling_change", "no figure in the year before"] == len(
        held.index.difference(before.index)
    )
    zeros = int((published(FLY) == 0).sum())
    assert counts["log_fly", "zero read as a missing return"] == zeros > 0
    negative = int((published(SPENDING) <= 0).sum())
    assert counts["reserves_share_pct", "divided by zero or a negative figure"] == negative > 0


def test_a_gap_gives_no_change(tmp_path: Path) -> None:
    plan = make(tmp_path, derived=[{"name": "better", "change": QUALITY}])
    found = series(build_panel(plan), "better")
    years = set(found.index.get_level_values(1))
    assert years == {2017, 2018, 2019, 2022}


def write_deflator(folder: Path, years: range = range(2004, 2025), scale: float = 1.0) -> Path:
    path = folder / "prices.csv"
    lines = [f"{year}/{(year + 1) % 100:02d},{scale * (80 + 2 * (year - 2004))}" for year in years]
    path.write_text("\n".join(["fin_year,value", *lines]) + "\n", encoding="utf-8")
    return path


def real(**keys: Any) -> dict[str, Any]:
    row = {"name": "real", "real_terms": SPENDING, "deflator": "prices.csv"}
    return {**row, "base_year": "2015/16", "source": "A made-up index", **keys}


@pytest.mark.parametrize("scale", [1.0, 7.5])
def test_real_terms_by_a_file_beside_the_plan(tmp_path: Path, scale: float) -> None:
    write_deflator(tmp_path, scale=scale)
    panel = build_panel(make(tmp_path, derived=[real()]))
    found, cash = series(panel, "real"), series(panel, SPENDING)
    years = cash.index.get_level_values(1)
    np.testing.assert_allclose(found, cash * 102 / (80 + 2 * (years - 2004)), rtol=1e-12)
    assert panel.catalogue.describe("real")["unit"] == "GBP thousand, 2015/16 prices"
    read = [one for one in panel.store.inputs if one["file"] == "prices.csv"]
    assert [(one["publication"], one["rows"]) for one in read] == [("A made-up index", 21)]
    assert len(read[0]["sha256"]) == 64


@pytest.mark.parametrize(
    ("row", "content", "words"),
    [
        (real(source=None), None, ["derived[0].source", "where prices.csv comes from"]),
        (real(deflator="nowhere.csv"), None, ["there is no file nowhere.csv"]),
        (real(base_year="1999/00"), None, ["no figure for 1999/00"]),
        (real(real_terms=DWELLINGS), None, ["dwellings_count is in dwellings, not in money"]),
        (real(), "year,price\n2015,1\n", ["has none of the columns fin_year, value"]),
        (real(), "fin_year,value\n2015/16,0\n", ["zero or negative in the years from 2015"]),
        (real(), "fin_year,value\n2015/16,1\n2015/16,2\n", ["the same year stands more than once"]),
        (real(), "fin_year,value\n2015/17,1\n", ["2015/17"]),
        (real(), "fin_year,value\n2015/16,x\n", ["prices.csv, column value", "'x'"]),
        (real(), "fin_year,value\n2015/16,100\n", ["prices.csv has no figure for 2012/13"]),
        (
            real(),
            "fin_year,value\n"
            + "".join(f"{y}/{(y + 1) % 100:02d},2.1\n" for y in range(2004, 2025)),
            ["prices.csv is 2.1 in every year", "growth rates are no price index"],
        ),
        (real(deflator=RECYCLING), None, ["recycling_rate_pct differs between councils"]),
        (real(deflator="prices"), None, ["'prices' is not a name"]),
    ],
)
def test_a_deflator_that_cannot_be_used(
    tmp_path: Path, row: dict[str, Any], content: str | None, words: list[str]
) -> None:
    path = write_deflator(tmp_path)
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(PlanError) as caught:
        build_panel(make(tmp_path, derived=[{k: v for k, v in row.items() if v is not None}]))
    assert all(word in str(caught.value) for word in words), str(caught.value)
    assert len(caught.value.faults) == 1


def test_real_terms_are_not_deflated_twice(tmp_path: Path) -> None:
    write_deflator(tmp_path)
    again = {**real(), "name": "again", "real_terms": "real"}
    with pytest.raises(PlanError, match="2015/16 prices, not in money at the prices of its year"):
        build_panel(make(tmp_path, derived=[real(), again]))


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([{"name": "a"}], ["derived[0]", "names none"]),
        ([{"name": "a", "log": FLY, "change": FLY}], ["names 2 operations (log, change)"]),
        ([{"name": "a", "share": [FLY]}], ["must be two names"]),
        ([{"name": "a", "share": [FLY, FLY]}], ["divided by itself"]),
        ([{"name": "a", "log": FLY, "times": 2}], ["times", "belongs to ratio"]),
        ([{"name": "a", "ratio": [FLY, DWELLINGS], "times": -1}], ["must be above 0"]),
        ([{"name": "a", "real_terms": SPENDING}], ["has no deflator", "has no base_year"]),
        ([{"name": "a", "log": FLY, "min_denominator": 5}], ["Add denominator: NAME"]),
        ([{"name": "a", "log": FLY, "denominator": DWELLINGS}], ["no use without min_denominator"]),
        ([{"name": "a", "log": FLY, "colour": 1}], ["'colour'", "not a key"]),
        ([{"name": "a", "log": "b"}, {"name": "b", "log": "a"}], ["a circle", "a is made from b"]),
        ([{"name": "a", "change": "a"}], ["a circle"]),
        ([{"name": "a", "log": FLY}, {"name": "a", "change": FLY}], ["'a' is listed twice"]),
    ],
)
def test_rows_that_are_wrong_by_themselves(
    tmp_path: Path, rows: list[dict[str, Any]], words: list[str]
) -> None:
    with pytest.raises(PlanError) as caught:
        make(tmp_path, derived=rows)
    text = str(caught.value)
    assert all(word.strip("'") in text for word in words), text
    assert "evaluation.yml line" in text


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([{"name": "a", "log": "flytipping_incident_count"}], [f"Did you mean '{FLY}'?"]),
        ([{"name": FLY, "log": DWELLINGS}], ["is the name of an indicator"]),
        ([{"name": POPULATION, "log": DWELLINGS}], ["is the name of an indicator"]),
        ([{"name": "a", "log": FLY}], ["derived[0].log", "zero or negative", "E0"]),
        ([{"name": "a", "log": SPENDING, "zeros": "missing"}], ["have no logarithm"]),
        (
            [{"name": "a", "log": DWELLINGS}, {"name": "b", "log": "a"}],
            ["a is a logarithm already"],
        ),
    ],
)
def test_rows_that_the_tables_contradict(
    tmp_path: Path, rows: list[dict[str, Any]], words: list[str]
) -> None:
    with pytest.raises(PlanError) as caught:
        build_panel(make(tmp_path, derived=rows))
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_all_faults_of_the_rows_come_together(tmp_path: Path) -> None:
    rows = [
        {"name": "a", "log": "x1"},
        {"name": FLY, "change": EMPTY},
        {"name": "c", "change": "x2"},
    ]
    with pytest.raises(PlanError) as caught:
        build_panel(make(tmp_path, derived=rows))
    assert len(caught.value.faults) == 3


def test_population_divides(tmp_path: Path) -> None:
    rows = [{"name": "rate", "per_1000": [FLY, POPULATION]}]
    plan = make(tmp_path, derived=rows, outcomes=[outcome(RECYCLING, per=POPULATION)])
    panel = build_panel(plan)
    people = open_store().tables["population"]
    people = people.assign(period=people["year"].astype(int))
    people = people.set_index(["council_code", "period"])["population_count"]
    found = series(panel, "rate")
    np.testing.assert_allclose(
        found, 1000 * published(FLY)[found.index] / people[found.index].astype(float), rtol=1e-12
    )
    assert POPULATION in panel.indicators
    figures = outcome_figures(plan, panel, plan.outcomes[0])
    assert figures.unit == "percent per person"
    assert POPULATION not in open_store().held()


def test_min_denominator_of_a_published_percentage(tmp_path: Path) -> None:
    told = {"min_denominator": 40000, "denominator": DWELLINGS, "years": ["2012/13", "2022/23"]}
    plan = make(tmp_path, outcomes=[outcome(EMPTY, **told)])
    panel = build_panel(plan)
    figures = outcome_figures(plan, panel, plan.outcomes[0])
    homes, empty = published(DWELLINGS), published(EMPTY)
    empty = empty[empty.index.get_level_values(1).isin(range(2012, 2023))]
    beside = homes.reindex(empty.index)
    assert len(figures.rows) == (beside >= 40000).sum()
    assert figures.small_denominator == (beside < 40000).sum() > 0
    assert f"a denominator under 40,000 ({figures.small_denominator:,})" in figures.note
    design = build_designs(plan, panel, build_exposure(plan, panel)).get(EMPTY)
    assert design.flow["why"].iloc[0] == figures.note


@pytest.mark.parametrize("how", ["outcome", "derived"])
def test_min_denominator_of_a_division(tmp_path: Path, how: str) -> None:
    row: dict[str, Any] = {"name": "rate", "per_1000": [FLY, DWELLINGS]}
    told = {"min_denominator": 40000}
    row |= told if how == "derived" else {}
    plan = make(
        tmp_path, derived=[row], outcomes=[outcome("rate", **(told if how != "derived" else {}))]
    )
    panel = build_panel(plan)
    figures = outcome_figures(plan, panel, plan.outcomes[0])
    index = figures.rows.set_index(["council_code", "period"]).index
    assert (published(DWELLINGS)[index] >= 40000).all()
    both = published(FLY).index.intersection(published(DWELLINGS).index)
    small = int((published(DWELLINGS)[both] < 40000).sum())
    assert f"({small:,})" in figures.note or f"({small})" in figures.note


def test_min_denominator_with_per_keeps_the_other_figures(tmp_path: Path) -> None:
    plain = make(tmp_path, outcomes=[outcome(FLY, per=DWELLINGS)])
    panel = build_panel(plain)
    whole = outcome_figures(plain, panel, plain.outcomes[0])
    told = make(tmp_path, outcomes=[outcome(FLY, per=DWELLINGS, min_denominator=40000)])
    part = outcome_figures(told, panel, told.outcomes[0])
    assert len(part.rows) + part.small_denominator == len(whole.rows)
    assert part.without_denominator == whole.without_denominator
    joined = part.rows.merge(whole.rows, on=["council_code", "period"], how="left")
    assert (joined["value_x"] == joined["value_y"]).all()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (outcome(RECYCLING, min_denominator=5), "add denominator: NAME"),
        (outcome(RECYCLING, denominator=DWELLINGS), "no use without min_denominator"),
        (
            outcome(FLY, per=DWELLINGS, denominator=EMPTY, min_denominator=5),
            "the denominator already",
        ),
        (outcome(RECYCLING, denominator=DWELLINGS, min_denominator=0), "must be above 0"),
    ],
)
def test_min_denominators_that_are_refused(
    tmp_path: Path, given: dict[str, Any], words: str
) -> None:
    with pytest.raises(PlanError) as caught:
        make(tmp_path, outcomes=[given])
    assert words.lower() in str(caught.value).lower(), str(caught.value)


def test_an_unknown_denominator_is_told(tmp_path: Path) -> None:
    given = outcome(RECYCLING, denominator="dwelling_count", min_denominator=5)
    with pytest.raises(PlanError, match=f"Did you mean '{DWELLINGS}'"):
        build_panel(make(tmp_path, outcomes=[given]))


def test_a_derived_outcome_goes_the_whole_way(tmp_path: Path) -> None:
    outcomes = [
        outcome("log_fly"),
        outcome("recycling_change"),
        outcome("fly_rate", scale="log", zeros="missing"),
    ]
    plan = make(tmp_path, derived=ROWS, outcomes=outcomes, event_window=[-5, 1])
    panel = build_panel(plan)
    designs = build_designs(plan, panel, build_exposure(plan, panel))
    assert [design.scale for design in designs] == ["log", "level", "log"]
    assert "zero read as a missing return (" in designs.get("log_fly").flow["why"].iloc[0]
    assert "a break of the series" in designs.get("recycling_change").flow["why"].iloc[0]
    assert not designs.get("recycling_change").full["period"].eq(2015).any()
    with pytest.raises(DesignError, match="is a logarithm already"):
        outcome_figures(plan, panel, plan.outcomes[0].model_copy(update={"scale": "log"}))


def test_names_that_a_plan_leads_to(tmp_path: Path) -> None:
    outcomes = [outcome("log_rate", years=["2014/15", "2020/21"]), outcome(RECYCLING)]
    plan = make(tmp_path, derived=ROWS, outcomes=outcomes)
    assert all_indicators(plan)[:4] == ("log_rate", "fly_rate", FLY, DWELLINGS)
    assert set(base_indicators(plan)) == {FLY, DWELLINGS, RECYCLING, RESERVES, SPENDING}
    assert years_of(plan, "fly_rate") == (2014, 2020)
    assert years_of(plan, RECYCLING) == (2012, 2022)


def test_plans_without_derived_rows_are_as_they_were() -> None:
    for name in ("peer_challenge", "childrens_intervention"):
        plan = load_plan(name, ["placebo_outcomes=[]", "derived=[]"])
        pairs = [(outcome.indicator, outcome.per) for outcome in plan.outcomes]
        names = tuple(dict.fromkeys(one for pair in pairs for one in pair if one))
        assert all_indicators(plan) == base_indicators(plan) == names


def test_breaks_say_only_what_the_table_of_indicators_says() -> None:
    breaks, described = read_breaks(), open_store().catalogue.frame.set_index("indicator")
    assert set(breaks["kind"]) <= set(KINDS)
    for row in breaks.itertuples():
        text = str(described.loc[row.indicator, "known_breaks"])
        if text.startswith("as "):
            text = str(described.loc[text.removeprefix("as "), "known_breaks"])
        years = [str(row.first_year_after), f"{row.first_period_after - 1}/"]
        assert any(year in text for year in years), row
    assert len(read_breaks()) == len(breaks) > 5


def test_stretches_of_a_series_are_numbered() -> None:
    breaks = pd.DataFrame(
        {"first_period_after": [2013, 2016, 2018], "kind": ["basis", "basis", "gap"]}
    )
    years = pd.Series([2012, 2013, 2015, 2016, 2018])
    assert segment(years, breaks).tolist() == [0, 1, 1, 2, 2]
