"""What the quality notebook shows is held against the tables that it counts."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
import pytest

from evallib.design import Designs, build_designs
from evallib.exposure import Exposure, build_exposure
from evallib.panel import Panel, build_panel
from evallib.plan import Plan, load_plan
from evallib.report.chart import Chart
from evallib.report.sections import Section, Sections
from evallib.report.tables import Table
from evallib.report.views import (
    charts_of,
    codes_and_set_aside,
    corrections_applied,
    covariates_known,
    data_log,
    dates_not_known,
    earlier_events,
    exposure_by_year,
    exposure_status,
    joint_events,
    missing_figures,
    outcomes_by_type,
    plan_indicators,
    predecessor_events,
    quality_tables,
    register_coverage,
    reorganisation,
    sample_flow,
    unsafe_figures,
    what_is_studied,
)
from evallib.report.views.exposed import EXPOSURES, MOST_YEARS
from evallib.report.views.figures import missing_by_year
from evallib.report.views.naming import STATUSES
from evallib.report.views.unsafe import MOST_LISTED, unsafe_list

RAW = Path(__file__).parents[1] / "data" / "raw"
EMPTY = "long_term_empty_homes_pct"
RECYCLING = "recycling_rate_pct"
FLYTIPPING = "flytipping_incidents_count"
SPENDING = "total_service_expenditure_gbp_000"
View = Table | Chart | Section | Sections


@dataclass
class Evaluation:
    plan: Plan
    panel: Panel
    exposure: Exposure
    designs: Designs

    @classmethod
    def named(cls, name: str, *overrides: str) -> Evaluation:
        plan = load_plan(name, overrides)
        panel = build_panel(plan)
        exposure = build_exposure(plan, panel)
        return cls(plan, panel, exposure, build_designs(plan, panel, exposure))

    def views(self) -> dict[str, View]:
        plan, panel, exposure, designs = self.plan, self.panel, self.exposure, self.designs
        return {
            "what_is_studied": what_is_studied(plan, panel, exposure),
            "data_log": data_log(panel),
            "plan_indicators": plan_indicators(plan, panel),
            "corrections_applied": corrections_applied(panel),
            "codes_and_set_aside": codes_and_set_aside(panel),
            "reorganisation": reorganisation(plan, panel, designs),
            "predecessor_events": predecessor_events(plan, panel, exposure),
            "covariates_known": covariates_known(panel),
            "missing_figures": missing_figures(plan, panel),
            "outcomes_by_type": outcomes_by_type(plan, panel),
            "unsafe_figures": unsafe_figures(plan, panel),
            "register_coverage": register_coverage(plan, exposure),
            "exposure_status": exposure_status(plan, panel, exposure, designs),
            "exposure_by_year": exposure_by_year(panel, exposure),
            "dates_not_known": dates_not_known(exposure),
            "joint_events": joint_events(exposure),
            "earlier_events": earlier_events(plan, panel, exposure, designs),
            "sample_flow": sample_flow(designs),
        }


@pytest.fixture(scope="module")
def peer() -> Evaluation:
    return Evaluation.named("peer_challenge")


@pytest.fixture(scope="module")
def children() -> Evaluation:
    return Evaluation.named("childrens_intervention")


@pytest.fixture(scope="module", params=["peer", "children"])
def one(request: pytest.FixtureRequest) -> Evaluation:
    evaluation: Evaluation = request.getfixturevalue(request.param)
    return evaluation


def tables_of(view: View) -> list[Table]:
    sections = view.items if isinstance(view, Sections) else (view,)
    pieces = [p for s in sections for p in (s.pieces if isinstance(s, Section) else (s,))]
    return [piece for piece in pieces if isinstance(piece, Table)]


def test_views_are_pieces_that_read_alone(one: Evaluation) -> None:
    slugs: list[str] = []
    for name, view in one.views().items():
        html = view._repr_html_()
        assert html.startswith('<div class="ev-piece'), name
        assert not re.search(r"\bnan\b|\bNaT\b|<NA>|None<", html), name
        assert not re.search(r"\(s\)|&lt;NA", html), name
        slugs += [piece.slug for piece in [*tables_of(view), *charts_of(view)]]
    assert len(slugs) == len(set(slugs))


def test_views_change_nothing(peer: Evaluation) -> None:
    before = [
        pd.util.hash_pandas_object(frame.reset_index(drop=True).astype(str)).sum()
        for frame in (peer.panel.frame, peer.panel.store.outcomes, peer.exposure.councils)
    ]
    peer.views()
    after = [
        pd.util.hash_pandas_object(frame.reset_index(drop=True).astype(str)).sum()
        for frame in (peer.panel.frame, peer.panel.store.outcomes, peer.exposure.councils)
    ]
    assert before == after


def test_data_log_names_every_table_of_the_folder(peer: Evaluation) -> None:
    log = tables_of(data_log(peer.panel))[0].frame.set_index("file")
    files = {path.relative_to(RAW).as_posix() for path in RAW.rglob("*.csv")}
    assert set(log.index) == files
    assert log["sha256"].str.fullmatch("[0-9a-f]{12}").all()
    lines = (RAW / "outcomes" / "waste.csv").read_text(encoding="utf-8").splitlines()
    assert log.loc["outcomes/waste.csv", "rows"] == len(lines) - 1


def test_every_correction_is_counted_once(one: Evaluation) -> None:
    table = corrections_applied(one.panel)
    lines = (RAW / "corrections.csv").read_text(encoding="utf-8").splitlines()
    assert table.frame["rows"].sum() == len(lines) - 1 == 250
    assert "250 corrections" in table.caption
    by_kind = table.frame.groupby("what")["rows"].sum().to_dict()
    raw = pd.read_csv(RAW / "corrections.csv", dtype=str, keep_default_na=False)
    assert by_kind["row dropped"] == raw["corrected"].eq("").sum()
    assert by_kind["code replaced"] == (raw["column"].eq("council_code")).sum()


def test_rows_set_aside_name_file_and_reason(peer: Evaluation) -> None:
    codes, aside = tables_of(codes_and_set_aside(peer.panel))
    rows = aside.frame.set_index(["file", "reason"])["rows"]
    assert rows["other_programmes.csv", "no council code"] == 15
    moved = codes.frame.set_index("old_code")["current_code"]
    assert moved["E08000019"] == "E08000039"


def test_indicators_say_when_they_are_measured_and_which_way_is_better(peer: Evaluation) -> None:
    when, who = (
        table.frame.set_index("title")
        for table in tables_of(plan_indicators(peer.plan, peer.panel))
    )
    empty = "Homes empty for six months or more, share of dwellings"
    assert when.loc[empty, "holds"] == "1 January 2021 to 31 December 2021"
    assert when.loc[empty, "polarity"] == "lower is better"
    assert when.loc["Dwelling stock", "role"] == "denominator"
    assert who.loc["Residual household waste per household", "known_breaks"].startswith("as for: ")


def test_reorganised_councils_are_those_that_the_flow_drops(one: Evaluation) -> None:
    indicators, outcomes, councils = tables_of(reorganisation(one.plan, one.panel, one.designs))
    by_number = indicators.frame.set_index("number")
    listed = councils.frame["indicators"].str.split(", ").explode().value_counts()
    assert (by_number["left_out"] == listed.reindex(by_number.index)).all()
    frame = outcomes.frame.set_index("outcome")
    titles = one.panel.catalogue.frame.set_index("indicator")["title"]
    for design in one.designs:
        flow = design.flow.set_index("step")
        dropped = flow.loc["Touched by reorganisation", "councils_dropped"]
        assert frame.loc[design.title, "councils_dropped"] == dropped
        if one.plan.outcome(design.outcome).per is None:
            row = indicators.frame.set_index("indicator").loc[titles[design.outcome]]
            assert row["left_out"] == dropped
            assert row["figures_out"] == 0


def test_missing_figures_are_counted_among_councils_in_office_that_report(
    peer: Evaluation,
) -> None:
    counts = missing_by_year(peer.plan, peer.panel).set_index(["indicator", "fin_year"])
    assert (counts["missing"] <= counts["councils"]).all()
    years = counts.loc["ehc_plans_within_20_weeks_pct"].index
    assert min(years) == "2016/17"  # not collected before: no row, not 100 per cent
    assert max(counts.loc[FLYTIPPING].index) == "2022/23"
    # By hand: councils in office on 31 December 2020 that have a figure in some year.
    figures = peer.panel.figures[peer.panel.figures["indicator"] == EMPTY]
    councils = peer.panel.store.councils
    inside = councils[
        ((councils["valid_from"] == "") | (councils["valid_from"] <= "2020-12-31"))
        & ((councils["valid_to"] == "") | (councils["valid_to"] >= "2020-12-31"))
    ]
    expected = set(inside["council_code"]) & set(figures["council_code"])
    held = set(figures.loc[figures["fin_year"] == "2020/21", "council_code"])
    assert counts.loc[(EMPTY, "2020/21"), "councils"] == len(expected)
    assert counts.loc[(EMPTY, "2020/21"), "missing"] == len(expected - held) > 0
    assert (
        "last day of the measurement period" in missing_figures(peer.plan, peer.panel).sentences[0]
    )


def test_a_lost_figure_is_seen_as_missing(children: Evaluation) -> None:
    panel = children.panel
    name = "rereferrals_within_12_months_pct"
    years = ["2019/20"]
    gone = (
        panel.figures["indicator"].eq(name)
        & panel.figures["fin_year"].isin(years)
        & panel.figures["council_code"].isin(["E08000001", "E08000002", "E08000003"])
    )
    thinner = replace(panel, figures=panel.figures[~gone])
    before = missing_by_year(children.plan, panel).set_index(["indicator", "fin_year"])
    after = missing_by_year(children.plan, thinner).set_index(["indicator", "fin_year"])
    change = after["missing"] - before["missing"]
    assert gone.sum() == 3
    assert change[change != 0].to_dict() == {(name, "2019/20"): 3}


def test_outcomes_are_summarised_in_their_own_unit(peer: Evaluation) -> None:
    tables = {table.slug: table for table in tables_of(outcomes_by_type(peer.plan, peer.panel))}
    assert len(tables) == len(peer.plan.outcomes)
    tipping = tables[f"spread-{FLYTIPPING}"]
    assert tipping.units["median"] == "incidents per dwelling"
    assert any("logarithm" in note for note in tipping.notes)
    assert tipping.frame["least"].min() > 0  # zeros are left out, and logarithms undone
    whole = tipping.frame.set_index("council_type")
    assert whole.loc["all types", "figures"] == whole["figures"].drop("all types").sum()
    for table in tables.values():
        order = ["least", "lower_quartile", "median", "upper_quartile", "most"]
        assert (table.frame[order].diff(axis=1).iloc[:, 1:] >= 0).all(axis=None)


@pytest.mark.parametrize(
    ("name", "indicator", "years"),
    [
        ("Hounslow", EMPTY, "2011/12 to 2012/13"),
        ("Harrow", EMPTY, "2022/23"),
        ("Corby", EMPTY, "2014/15 to 2018/19"),
    ],
)
def test_near_zero_empty_homes_are_listed(
    peer: Evaluation, name: str, indicator: str, years: str
) -> None:
    shown = {table.slug: table.frame for table in tables_of(unsafe_figures(peer.plan, peer.panel))}
    rows = shown[f"unsafe-{indicator}"]
    mine = rows[(rows["council_name"] == name) & (rows["rule"] == "far below")].iloc[0]
    assert mine["years"] == years
    assert mine["most"] < 0.1


def test_unsafe_figures_of_the_whole_store_are_found(one: Evaluation) -> None:
    found = unsafe_list(one.plan, one.panel)
    negative = found[(found["indicator"] == SPENDING) & (found["rule"] == "negative")]
    assert set(negative["council_name"]) == {"Forest Heath", "Spelthorne"}
    tipping = found[(found["indicator"] == FLYTIPPING) & found["rule"].isin(["spike", "jump"])]
    changed = set(zip(tipping["council_name"], tipping["fin_year"], strict=True))
    assert {("Plymouth", "2016/17"), ("Hackney", "2013/14"), ("Enfield", "2017/18")} <= changed
    assert {("Reigate and Banstead", "2020/21"), ("Lewisham", "2021/22")} <= changed
    counts = tables_of(unsafe_figures(one.plan, one.panel))[0].frame
    assert counts["figures"].sum() == len(found)
    assert counts["in_plan"].sum() == found["in_plan"].sum()


def test_a_long_listing_is_cut_and_says_so(peer: Evaluation) -> None:
    found = unsafe_list(peer.plan, peer.panel)
    ours = found[found["in_plan"] & found["indicator"].eq(RECYCLING)]
    jumps = ours.loc[ours["rule"].eq("jump"), "council_code"].nunique()
    sections = unsafe_figures(peer.plan, peer.panel).items
    mine = next(s for s in sections if s.pieces and s.pieces[0].slug == f"unsafe-{RECYCLING}")
    shown = tables_of(mine)[0].frame
    assert jumps > MOST_LISTED == shown["rule"].eq("jump").sum()
    assert any(f"of {jumps - MOST_LISTED} more councils" in text for text in mine.sentences)
    saved = quality_tables(peer.plan, peer.panel, peer.exposure, peer.designs)["unsafe_figures"]
    assert len(saved) == len(found)


def test_coverage_stands_beside_published_totals(peer: Evaluation) -> None:
    section = register_coverage(peer.plan, peer.exposure)
    frame = tables_of(section)[0].frame
    assert frame["councils_published"].tolist() == [128, 180, 55, 71]
    assert frame["basis"].tolist()[1] == "more than"
    share = frame["councils_in_register"] / frame["councils_published"]
    least, most = (round(100 * float(f(share))) for f in (min, max))
    chart = charts_of(section)[0]
    assert chart.headline == f"The register holds {least} to {most}% of published totals"
    assert chart.data["label"].tolist() == frame["label"].tolist()
    assert "A row that is missing does not say that nothing happened" in section.sentences[0]


def test_coverage_without_published_totals_is_said(children: Evaluation) -> None:
    section = register_coverage(children.plan, children.exposure)
    assert "children's trust is on file" in section.sentences[1]
    assert "cannot be said" in section.sentences[1]
    # totals of another kind in the same register stand there, and are said to be of another kind
    assert "other kinds of event" in section.sentences[2]
    assert tables_of(section)[0].frame["councils_in_register"].tolist() == [24, 25, 22]


def test_statuses_and_event_years_add_up(one: Evaluation) -> None:
    section = exposure_status(one.plan, one.panel, one.exposure, one.designs)
    status, years = (table.frame.set_index("sample") for table in tables_of(section))
    assert (status[list(STATUSES)].sum(axis=1) == status["councils"]).all()
    assert (years.drop(columns="all_years").sum(axis=1) == years["all_years"]).all()
    assert (years["all_years"] == status["in_window"]).all()
    for design in one.designs:
        left = design.flow.set_index("step").loc["Touched by reorganisation", "councils"]
        assert status.loc[design.title, "councils"] == left


def test_councils_by_year_are_those_in_office(one: Evaluation) -> None:
    section = exposure_by_year(one.panel, one.exposure)
    frame = tables_of(section)[0].frame.set_index("fin_year")
    assert (frame[list(EXPOSURES)].sum(axis=1) == frame["councils"]).all()
    assert frame["exposed"].is_monotonic_increasing
    chart = charts_of(section)[0]
    assert chart.data["exposure"].nunique() == 4
    assert chart.data["fin_year"].nunique() <= MOST_YEARS
    assert frame.index[-1] in set(chart.data["fin_year"])
    assert f"{frame['exposed'].iloc[-1]} of {frame['councils'].iloc[-1]}" in chart.headline


def test_england_had_317_councils_in_office_in_2024(peer: Evaluation) -> None:
    frame = tables_of(exposure_by_year(peer.panel, peer.exposure))[0].frame.set_index("fin_year")
    assert frame.loc["2024/25", "councils"] == 317
    assert frame.loc["2018/19", "councils"] == 353


def test_councils_without_a_date_are_listed_with_the_reason(one: Evaluation) -> None:
    frame = tables_of(dates_not_known(one.exposure))[0].frame
    unknown = one.exposure.councils["status"].eq("exposed_date_unknown")
    assert set(frame["council_code"]) == set(one.exposure.councils.loc[unknown, "council_code"])
    assert not frame[["row", "earliest", "latest", "why"]].eq("").any(axis=None)
    assert frame.set_index("council").index.is_unique


def test_a_review_gives_the_months_of_its_missing_challenge(peer: Evaluation) -> None:
    frame = tables_of(dates_not_known(peer.exposure))[0].frame.set_index("council")
    assert frame.loc["Stafford", ["earliest", "latest"]].tolist() == ["May 2020", "November 2021"]
    assert frame.loc["Stafford", "row"] == "follow-up visit"


def test_joint_events_name_both_councils(peer: Evaluation, children: Evaluation) -> None:
    frame = tables_of(joint_events(peer.exposure))[0].frame
    assert "Broadland and South Norfolk" in set(frame["councils"])
    assert joint_events(children.exposure).sentences == ("No two councils met an event together.",)


def test_earlier_events_split_the_first_events(one: Evaluation) -> None:
    section = earlier_events(one.plan, one.panel, one.exposure, one.designs)
    frame = tables_of(section)[0].frame.set_index("sample")
    parts = frame[["dated", "undated", "without_earlier"]]
    assert (parts.sum(axis=1) == frame["first_events"]).all()
    assert (parts >= 0).all(axis=None)
    assert "history" in section.sentences[0]
    word = {"keep": "keeps", "drop": "leaves out"}[one.plan.history.action]
    assert word in section.sentences[0]


def test_about_two_thirds_of_first_events_have_no_dated_earlier_one(peer: Evaluation) -> None:
    section = earlier_events(peer.plan, peer.panel, peer.exposure, peer.designs)
    row = tables_of(section)[0].frame.set_index("sample").loc[peer.designs.get(EMPTY).title]
    assert 1 - row["dated"] / row["first_events"] == pytest.approx(2 / 3, abs=0.05)
    assert row["share_without"] == pytest.approx(100 * row["without_earlier"] / row["first_events"])


def test_sample_flow_has_both_rules_for_every_outcome(one: Evaluation) -> None:
    sections = sample_flow(one.designs).items
    assert [section.title for section in sections] == [design.title for design in one.designs]
    for section, design in zip(sections, one.designs, strict=True):
        own, other = (table.frame for table in tables_of(section))
        assert own["councils"].tolist() == design.flow["councils"].tolist()
        assert design.alternative is not None
        assert other["step"].iloc[0] == "Councils without a record"
        assert other["councils"].iloc[-1] == design.alternative.flow["councils"].iloc[-1]
        first = other.iloc[0]
        before = first["councils"] + first["councils_dropped"]
        assert before in own["councils"].tolist()


def test_sample_flow_without_an_alternative_says_why() -> None:
    one = Evaluation.named("peer_challenge", "comparison=never_treated")
    section = sample_flow(one.designs).items[0]
    assert len(section.pieces) == 1
    assert "only_known is not applicable with never_treated" in section.sentences[1]


def test_saved_tables_hold_every_step_and_correction(one: Evaluation) -> None:
    tables = quality_tables(one.plan, one.panel, one.exposure, one.designs)
    assert len(tables["corrections"]) == 250
    flow = tables["sample_flow"]
    assert set(flow["no_record"]) == {"assume_not_exposed", "only_known"}
    assert set(flow["outcome"]) == {outcome.indicator for outcome in one.plan.outcomes}
    assert tables["data_log"]["sha256"].str.len().eq(64).all()
    assert len(tables["exposure"]) == len(one.exposure.councils)
