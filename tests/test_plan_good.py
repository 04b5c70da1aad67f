"""Plans that load: the shipped ones, defaults, overrides, names and paths."""

from __future__ import annotations

import copy
import json
import pickle
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from evallib.errors import PlanError
from evallib.estimate.options import ESTIMATORS, read_options
from evallib.plan import (
    Plan,
    financial_years,
    find_plan,
    format_financial_year,
    json_schema,
    list_parameters,
    list_plans,
    load_plan,
    parse_financial_year,
)
from evallib.plan.estimators import (
    NAMES,
    NOT_FOR_PLANS,
    WITHOUT_COVARIATES,
    WITHOUT_WEIGHTS,
)

ROOT = Path(__file__).parents[1]
SMALL: dict[str, Any] = {
    "title": "A title",
    "question": "A question?",
    "register": "peer_challenges",
    "kinds": ["cpc"],
    "known_from": "2021/22",
    "last_event_year": "2023/24",
    "years": ["2015/16", "2024/25"],
    "outcomes": [{"indicator": "recycling_rate_pct", "meaningful_change": 1}],
    "notebooks": ["01_panel_quality"],
}


def write(folder: Path, values: dict[str, Any], name: str = "small.yml") -> Path:
    path = folder / name
    path.write_text(yaml.safe_dump(values, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return path


def test_the_shipped_plans_load_and_say_what_their_files_say() -> None:
    assert list_plans() == ["childrens_intervention", "peer_challenge", "performance_index"]
    for name in list_plans():
        plan = load_plan(name)
        text = (ROOT / "evaluations" / f"{name}.yml").read_text(encoding="utf-8")
        effective = plan.effective()
        for key, value in yaml.safe_load(text).items():
            if key in ("outcomes", "placebo_outcomes", "derived", "indices"):
                for given, held in zip(value, effective[key], strict=True):
                    assert {k: held[k] for k in given} == given
            elif key == "specifications":
                assert {k: v for k, v in effective[key].items() if v} == value
            elif key == "spillovers":
                assert (value, effective[key]) == ("none", [])
            else:
                assert effective[key] == value, key
        assert plan.name == name
        assert plan.differences() == {}


def test_childrens_intervention_asks_what_was_agreed() -> None:
    plan = load_plan("childrens_intervention")
    primary = {o.indicator: o.meaningful_change for o in plan.outcomes if o.role == "primary"}
    assert primary == {
        "assessments_within_45_days_pct": 2,
        "child_protection_conferences_within_15_days_pct": 2,
        "child_protection_reviews_in_time_pct": 1,
        "rereferrals_within_12_months_pct": 1,
    }
    assert (plan.known_from, plan.last_event_year) == ("2016/17", "2023/24")
    assert (plan.history.years, plan.history.action) == (10, "drop")


def test_defaults_are_filled_in_and_the_plan_is_frozen(tmp_path: Path) -> None:
    plan = load_plan(write(tmp_path, SMALL))
    assert plan.history.years == 5
    assert plan.council_types == "all"
    assert plan.years == ("2015/16", "2024/25")
    assert plan.outcome("recycling_rate_pct").years_or(plan.years) == plan.years
    assert set(plan.effective()) == set(Plan.model_fields)
    with pytest.raises(ValidationError):
        plan.seed = 1  # type: ignore[misc]
    assert pickle.loads(pickle.dumps(plan)) == plan  # noqa: S301


def test_the_effective_plan_written_again_is_the_same_plan(tmp_path: Path) -> None:
    plan = load_plan("peer_challenge", ["history.years=7"])
    again = load_plan(write(tmp_path, plan.effective(), "peer_challenge.yml"))
    assert again.effective() == plan.effective()
    assert again.key() == plan.key()
    assert again.name == plan.name


@pytest.mark.parametrize(
    ("override", "key", "value"),
    [
        ("history.years=10", "history.years", 10),
        ("outcomes.0.role=primary", "outcomes.recycling_rate_pct.role", "primary"),
        ("outcomes[0].role=primary", "outcomes.recycling_rate_pct.role", "primary"),
        (
            "outcomes[recycling_rate_pct].role=primary",
            "outcomes.recycling_rate_pct.role",
            "primary",
        ),
        ("outcomes.recycling_rate_pct.role=primary", "outcomes.recycling_rate_pct.role", "primary"),
        ("years=[2016/17, 2024/25]", "years", ["2016/17", "2024/25"]),
        ("years.0=2016/17", "years.0", "2016/17"),
        ("comparison=never_treated", "comparison", "never_treated"),
        ("title='a = b'", "title", "a = b"),
        (
            "concurrent={register: interventions, kinds: [section_114_notice]}",
            "concurrent",
            {"register": "interventions", "kinds": ["section_114_notice"]},
        ),
    ],
)
def test_overrides_reach_their_key(tmp_path: Path, override: str, key: str, value: object) -> None:
    plan = load_plan(write(tmp_path, SMALL), [override])
    assert plan.differences() == {key: value}
    assert plan.key() != load_plan(write(tmp_path, SMALL)).key()


def test_an_override_that_changes_nothing_is_no_difference(tmp_path: Path) -> None:
    path = write(tmp_path, SMALL)
    plan = load_plan(path, ["known_from=2021/22", "seed=1", "seed=20260101"])
    assert set(plan.differences()) <= {"seed"}
    assert plan.key() == load_plan(path).key()


def test_overrides_may_be_a_mapping(tmp_path: Path) -> None:
    plan = load_plan(write(tmp_path, SMALL), {"history.years": 3})
    assert plan.history.years == 3


def test_names_and_paths_also_work_from_notebooks(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = ROOT / "evaluations" / "peer_challenge.yml"
    monkeypatch.chdir(ROOT / "notebooks")
    assert find_plan("peer_challenge") == wanted
    assert find_plan("evaluations/peer_challenge.yml") == wanted
    assert find_plan("../evaluations/peer_challenge.yml") == wanted


def test_a_plan_is_found_from_outside_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_plan("peer_challenge") == ROOT / "evaluations" / "peer_challenge.yml"


def test_a_plan_beside_the_working_folder_is_named_by_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.yml").write_text("title: Mine", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PlanError, match=r"A plan elsewhere is named by its path: mine\.yml"):
        find_plan("mine")


def test_text_is_put_in_composed_form(tmp_path: Path) -> None:
    plan = load_plan(write(tmp_path, {**SMALL, "title": "Cafe\u0301  society"}))
    assert plan.title == "Caf\u00e9 society"


def test_a_byte_order_mark_is_no_obstacle(tmp_path: Path) -> None:
    path = write(tmp_path, SMALL)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert load_plan(path).title == "A title"


def test_covariates_and_every_estimator_are_taken(tmp_path: Path) -> None:
    values = {
        **SMALL,
        "covariates": [{"name": "imd_average_score"}],
        "estimators": list(NAMES),
        "headline": {"estimator": "group_time"},
    }
    plan = load_plan(write(tmp_path, values))
    assert plan.covariates[0].missing == "stop"
    assert plan.estimators == NAMES
    assert plan.few_treated == "refuse"


@pytest.mark.parametrize(
    ("name", "key", "value", "without"),
    [
        ("lp_did", "covariates", [{"name": "imd_average_score"}], WITHOUT_COVARIATES),
        ("lp_did", "weights", "population", WITHOUT_WEIGHTS),
        ("imputation", "weights", "population", WITHOUT_WEIGHTS),
        ("two_stage", "weights", "population", WITHOUT_WEIGHTS),
    ],
)
def test_a_headline_that_cannot_carry_the_plan_is_refused(
    tmp_path: Path, name: str, key: str, value: Any, without: tuple[str, ...]
) -> None:
    assert name in without
    values = {**SMALL, key: value, "estimators": ["twfe", name]}
    assert load_plan(write(tmp_path, {**values, "headline": {"estimator": "twfe"}}))
    path = write(tmp_path, {**values, "headline": {"estimator": name}})
    with pytest.raises(PlanError, match=f"'{name}' takes no {key}"):
        load_plan(path)


def test_what_estimators_can_take_is_what_their_options_say() -> None:
    """The door's options are the truth; matched_did takes covariates as match_on."""
    for name in NAMES:
        options = {item.name for item in fields(read_options(name, {}))}
        takes = "covariates" in options or "match_on" in options
        assert takes == (name not in WITHOUT_COVARIATES), name
        assert ("weights" in options) == (name not in WITHOUT_WEIGHTS), name
    assert set(NAMES) | set(NOT_FOR_PLANS) <= set(ESTIMATORS)


def test_an_unknown_outcome_is_refused_with_the_nearest(tmp_path: Path) -> None:
    plan = load_plan(write(tmp_path, SMALL))
    with pytest.raises(PlanError, match="Did you mean 'recycling_rate_pct'"):
        plan.outcome("recyling_rate_pct")


def test_the_table_of_a_plan_escapes_every_text(tmp_path: Path) -> None:
    plan = load_plan(write(tmp_path, {**SMALL, "title": "<script>alert(1)</script>"}))
    shown = plan._repr_html_()
    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown
    assert 'scope="row"' in shown


def test_values_given_are_never_changed(tmp_path: Path) -> None:
    given = {"history": {"years": 9, "action": "drop"}}
    before = copy.deepcopy(given)
    load_plan(write(tmp_path, SMALL), {**given, "history.years": 3})
    assert given == before


def test_every_parameter_is_described() -> None:
    rows = list_parameters()
    assert len({row.key for row in rows}) == len(rows)
    for row in rows:
        assert row.kind, row.key
        assert row.help.endswith("."), row.key
        assert row.default, row.key
        assert row.unit, row.key
        assert row.kind != "choice" or row.allowed != "any", row.key
    allowed = {row.key: row.allowed for row in rows}
    assert allowed["boundaries"] == "drop, aggregate_to_successor, keep_predecessors"
    assert set(NAMES) <= set(allowed["headline.estimator"].split(" (")[0].split(", "))
    assert allowed["few_treated"] == "refuse, permutation"
    assert json.dumps(json_schema())


@pytest.mark.parametrize(
    ("text", "first"),
    [("1999/00", 1999), ("2015/16", 2015), ("2009/10", 2009), ("2098/99", 2098)],
)
def test_financial_years_go_there_and_back(text: str, first: int) -> None:
    assert parse_financial_year(text) == first
    assert format_financial_year(first) == text


@pytest.mark.parametrize(
    "text",
    ["2015/17", "2015-16", "15/16", "2015/2016", "2015", "", "1899/00", "２０１５/16", "2015/16\n"],
)
def test_other_texts_are_not_financial_years(text: str) -> None:
    with pytest.raises(ValueError, match="."):
        parse_financial_year(text)


def test_a_span_of_years_has_both_ends() -> None:
    assert financial_years("1998/99", "2000/01") == ("1998/99", "1999/00", "2000/01")
