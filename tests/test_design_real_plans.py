"""Councils of the shipped plans, counted against figures worked out from the registers."""

from __future__ import annotations

import pandas as pd
import pytest

from evallib.design import Designs, build_design, build_designs
from evallib.errors import DesignError, PlanError
from evallib.exposure import Exposure, build_exposure
from evallib.panel import Panel, build_panel
from evallib.plan import Plan, load_plan

CHILDREN = "rereferrals_within_12_months_pct"
EMPTY = "long_term_empty_homes_pct"


class Evaluation:
    def __init__(self, name: str, *overrides: str) -> None:
        self.plan: Plan = load_plan(name, overrides)
        self.panel: Panel = build_panel(self.plan)
        self.exposure: Exposure = build_exposure(self.plan, self.panel)

    def designs(self) -> Designs:
        return build_designs(self.plan, self.panel, self.exposure)


@pytest.fixture(scope="module")
def peer() -> Evaluation:
    return Evaluation("peer_challenge")


@pytest.fixture(scope="module")
def designs(peer: Evaluation) -> Designs:
    return peer.designs()


@pytest.mark.parametrize(
    ("outcome", "councils", "first", "later", "no_date", "unknown"),
    [
        (EMPTY, 283, [33, 36, 45], 61, 108, (22, 26)),
        (CHILDREN, 142, [15, 21, 22], 27, 57, (13, 17)),
    ],
)
def test_events_before_the_designs_own_rules(
    peer: Evaluation,
    designs: Designs,
    outcome: str,
    councils: int,
    first: list[int],
    later: int,
    no_date: int,
    unknown: tuple[int, int],
) -> None:
    flow = designs.get(outcome).flow.set_index("step")
    assert flow.loc["Touched by reorganisation", "councils"] == councils
    design = designs.get(outcome)
    kept = set(design.councils["council_code"]) | set(
        design.dropped.loc[
            design.dropped["step"].str.startswith("Exposed at a date"), "council_code"
        ]
    )
    assert len(kept) == councils
    met = peer.exposure.councils[peer.exposure.councils["council_code"].isin(kept)]
    dated = met[met["event_date"].notna()]
    by_year = dated["event_year"].value_counts()
    assert [by_year["2021/22"], by_year["2022/23"], by_year["2023/24"]] == first
    assert by_year["2024/25"] + by_year["2025/26"] == later
    assert met["event_date"].isna().sum() == no_date
    dropped = met["status"].eq("exposed_date_unknown")
    assert unknown[0] <= (dropped & met["event_date"].isna()).sum() <= unknown[1]
    assert (dropped & met["event_date"].notna()).sum() <= 6


def test_designs_are_shown_with_a_row_an_outcome_and_rule(designs: Designs) -> None:
    page = designs._repr_html_()
    assert page.count("<tr") == 1 + len(designs.frame) and EMPTY in page


def test_cohorts_follow_the_outcomes_own_period(peer: Evaluation, designs: Designs) -> None:
    empty = designs.get(EMPTY).councils
    counts = empty.loc[empty["is_treated"], "cohort"].value_counts()
    # calendar 2021, 2022, 2023: 16, 42, 42 before one council is dropped for a doubtful date
    assert counts[2022] == 16
    assert counts[2023] == 42
    assert counts[2024] == 41
    in_window = empty["status"].eq("in_window")
    assert (in_window & ~empty["has_after_period"]).sum() == 14
    ehc = designs.get("ehc_plans_within_20_weeks_pct").councils
    assert ehc.loc[ehc["is_treated"], "cohort"].value_counts()[2022] == 8
    assert (ehc["status"].eq("in_window") & ~ehc["has_after_period"]).sum() == 6
    waste = designs.get("recycling_rate_pct").councils
    assert list(waste.loc[waste["is_treated"], "cohort"].unique()) == [2022]
    assert 33 <= waste["is_treated"].sum() <= 35


def test_rows_that_are_left_out(designs: Designs) -> None:
    design = designs.get(EMPTY)
    councils = design.councils.set_index("council_code")
    rows = design.frame.assign(event=design.frame["council_code"].map(councils["event_period"]))
    treated = rows["council_code"].map(councils["is_treated"])
    assert not (treated & rows["period"].eq(rows["event"])).any()
    assert not (~treated & (rows["period"] >= rows["event"])).any()
    assert (rows["is_exposed"].eq(1) == (treated & (rows["period"] > rows["event"]))).all()
    kept = design.group_time_frame
    events = kept["council_code"].map(councils["event_period"])
    arm = kept["council_code"].map(councils["is_treated"])
    assert (arm & kept["period"].eq(events)).any()
    assert not (~arm & (kept["period"] >= events)).any()
    assert len(design.full) == design.flow["council_years"].iloc[-2]
    assert len(kept) == design.flow["council_years"].iloc[-1]


def test_only_known_holds_no_council_without_a_record(designs: Designs) -> None:
    for design in designs:
        alternative = design.alternative
        assert alternative is not None
        assert alternative.no_record == "only_known"
        assert not alternative.councils["status"].eq("no_record").any()
        assert alternative.n_treated == design.n_treated


def test_unknown_dates_never_compare(peer: Evaluation, designs: Designs) -> None:
    unknown = peer.exposure.councils
    codes = set(unknown.loc[unknown["status"].eq("exposed_date_unknown"), "council_code"])
    assert codes
    for design in designs:
        assert not codes & set(design.full["council_code"])
        assert design.dropped["reason"].ne("").all()


def test_joint_challenges_share_a_cluster(designs: Designs) -> None:
    councils = designs.get(EMPTY).councils
    pairs = councils.groupby("cluster")["council_name"].apply(sorted)
    joint = [tuple(names) for names in pairs if len(names) > 1]
    assert ("Babergh", "Mid Suffolk") in joint
    assert ("Bromsgrove", "Redditch") in joint
    assert all(len(names) == 2 for names in joint)


def test_exposure_has_four_values(peer: Evaluation) -> None:
    frame = peer.exposure.frame
    assert set(frame["exposure"]) == {"exposed", "not_exposed", "no_record", "exposed_date_unknown"}
    # Leicestershire had none by May 2024, as a dated source says
    county = frame[frame["council_code"].eq("E10000018")].set_index("fin_year")["exposure"]
    assert county["2023/24"] == "not_exposed"
    assert county["2024/25"] == "no_record"
    about_two_thirds = peer.exposure.councils.query("status == 'in_window'")["earlier_event"]
    assert 0.55 < about_two_thirds.isna().mean() < 0.75


def test_a_review_without_its_challenge_makes_the_date_unknown(peer: Evaluation) -> None:
    councils = peer.exposure.councils.set_index("council_name")
    assert councils.loc["Derbyshire", "status"] == "exposed_date_unknown"
    assert "review whose challenge" in councils.loc["Derbyshire", "reason"]
    # its review is of a finance challenge, which is in the register
    assert councils.loc["Leicester", "status"] == "no_record"


def test_coverage_stands_against_published_totals(peer: Evaluation) -> None:
    table = peer.exposure.coverage.set_index("councils_published")
    assert table.loc[128, "councils_at_most"] == 32
    assert table.loc[71, "councils_in_register"] == 53


def test_interventions_are_thin() -> None:
    designs = Evaluation("childrens_intervention").designs()
    design = designs.get("assessments_within_45_days_pct")
    counts = design.councils.loc[design.councils["is_treated"], "cohort"].value_counts()
    assert 21 <= design.n_treated <= 25
    assert len(counts) == 7
    assert counts.between(2, 5).all()
    assert "recorded event in the 10 years before" in "; ".join(design.flow["why"])


def test_never_treated_has_no_controls_among_only_known() -> None:
    case = Evaluation("peer_challenge", "comparison=never_treated")
    design = build_design(case.plan, case.panel, case.exposure, EMPTY)
    assert design.alternative is None
    assert "not applicable" in design.alternative_reason
    assert not (design.councils["cohort"].notna() & ~design.councils["is_treated"]).any()


def test_history_and_concurrent_events_drop_councils() -> None:
    base = Evaluation("peer_challenge").designs().get(CHILDREN)
    dropped = (
        Evaluation("peer_challenge", "history.action=drop", "concurrent.action=drop")
        .designs()
        .get(CHILDREN)
    )
    steps = dropped.flow.set_index("step")["councils_dropped"]
    assert steps["History before the studied years"] > 0
    assert steps["Concurrent events"] > 0
    assert len(dropped.councils) < len(base.councils)
    assert base.councils["concurrent"].ne("").any()


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["known_from=2024/25", "last_event_year=2024/25"], ["no treated council is left"]),
        (
            ["event_window=[-6,6]", "specifications={}"],
            ["event_window", "ehc_plans", "spans 13 periods"],
        ),
        (["regions=[Atlantis]"], ["'Atlantis' is not a region"]),
        (["kinds=[cpd]"], ["'cpd' is not a kind of event", "Did you mean 'cpc'?"]),
        (["register=peer_challenge"], ["not a register", "Did you mean 'peer_challenges'?"]),
        (["exclude=[E99999999]"], ["E99999999"]),
        (
            ["outcomes.0.indicator=long_term_empty_homes"],
            ["Did you mean 'long_term_empty_homes_pct'?"],
        ),
        (["outcomes.0.years=[2030/31, 2031/32]"], ["has no figure in 2030/31 to 2031/32"]),
    ],
)
def test_plans_that_leave_nothing_to_estimate(overrides: list[str], words: list[str]) -> None:
    with pytest.raises((PlanError, DesignError)) as caught:
        Evaluation("peer_challenge", *overrides).designs()
    text = str(caught.value)
    assert all(word in text for word in words), text


def test_all_plan_faults_come_together() -> None:
    with pytest.raises(PlanError) as caught:
        Evaluation("peer_challenge", "regions=[Atlantis]", "kinds=[cpd]")
    assert len(str(caught.value).splitlines()) == 2


def test_log_of_zero_is_refused() -> None:
    case = Evaluation("peer_challenge", "outcomes.flytipping_incidents_count.per=null")
    design = build_design(case.plan, case.panel, case.exposure, "flytipping_incidents_count")
    assert design.unit == "log of incidents"
    assert pd.notna(design.full["value"]).all()


def test_panel_and_exposure_show_their_first_rows(peer: Evaluation) -> None:
    for one in (peer.panel, peer.exposure):
        page = one._repr_html_()
        assert page.count("<tr") == 11 and one.frame["council_code"].iloc[0] in page
