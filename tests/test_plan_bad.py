"""Plans that are refused: one clear line a fault, all of them at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from evallib.errors import PlanError
from evallib.plan import Plan, load_plan

BASE = """\
title: A title
question: A question?
register: peer_challenges
kinds: [cpc]
known_from: 2021/22
last_event_year: 2023/24
years: [2015/16, 2024/25]
outcomes:
  - {indicator: recycling_rate_pct, role: primary, meaningful_change: 1}
  - indicator: residual_waste_kg_per_household
    role: secondary
    meaningful_change: 10
notebooks: [01_panel_quality]
"""


def lines_of(path: Path, overrides: Any = ()) -> list[str]:
    with pytest.raises(PlanError) as caught:
        load_plan(path, overrides)
    lines = str(caught.value).splitlines()
    assert len(lines) == len(caught.value.faults)
    for line in lines:
        for jargon in (
            "pydantic",
            "Input should",
            "type=",
            "Traceback",
            "ctx",
            "NoneType",
            "union",
        ):
            assert jargon not in line, line
    return lines


def refuse(folder: Path, text: str | bytes) -> list[str]:
    path = folder / "bad.yml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
    return lines_of(path)


@pytest.mark.parametrize(
    ("override", "parts"),
    [
        ("histroy.years=10", ["histroy", "is not a key", "Did you mean 'history'?"]),
        ("history.yaers=10", ["history.yaers", "Did you mean 'years'?"]),
        ("outcomes.0.rolle=primary", ["outcomes[0].rolle", "Did you mean 'role'?"]),
        ("known_from=2021", ["is the whole number 2021", "financial year", "2015/16"]),
        ("known_from=2015/17", ["not one financial year", "2015 is followed by 16", "2015/16"]),
        ("known_from=2021-22", ["form 2015/16", "Write like 2021/22"]),
        ("known_from=2021-04-01", ["date", "financial year"]),
        ("known_from=", ["known_from", "is empty"]),
        ("years=[2024/25, 2015/16]", ["years are reversed"]),
        ("years=[2024/25, 2024/25]", ["single year"]),
        ("years=2015/16", ["two financial years", "[2015/16, 2024/25]"]),
        ("years=[2015/16]", ["has 1 items", "two financial years"]),
        ("years=[2015/16, 2024/26]", ["years[1]", "2024/25"]),
        ("last_event_year=2020/21", ["last_event_year", "before known_from, 2021/22"]),
        ("known_from=2030/31", ["last_event_year", "before known_from"]),
        ("event_window=[2, -5]", ["window is reversed"]),
        ("heterogeneity=[era]", ["heterogeneity", "'era' is listed, but eras is empty"]),
        ("eras=[2023]", ["eras[0]", "is the whole number 2023", "2015/16"]),
        ("heterogeneity=[tier, teir]", ["heterogeneity[1]", "Did you mean 'tier'?"]),
        ("heterogeneity=[tier, tier]", ["'tier' is listed twice"]),
        ("event_window=[-1, 2]", ["starts at -1", "measured from is -2"]),
        ("event_window=[-5, -3]", ["ends at -3", "before exposure starts"]),
        ("event_window=[-5.5, 2]", ["event_window[0]", "a whole number"]),
        ("event_window=[-9, 9]", ["is 19 years long", "the panel has 10"]),
        ("anticipation=-1", ["from 0 to 10"]),
        ("anticipation=true", ["is yes/no (True)", "a whole number"]),
        ("anticipation=5", ["event_window", "measured from is -7"]),
        ("seed=-1", ["seed", "from 0 to 4294967295"]),
        ("seed='1'", ["is the text '1'", "a whole number"]),
        ("confidence_level=95", ["above 0.5 and below 1"]),
        ("confidence_level=0.5", ["above 0.5 and below 1"]),
        ("confidence_level=.nan", ["finite number"]),
        ("history.years=99", ["history.years", "from 0 to 50"]),
        ("history.action=dorp", ["one of keep, drop", "Did you mean 'drop'?"]),
        ("history=5", ["history", "keys with values"]),
        ("history=[]", ["is a list", "keys with values"]),
        ("min_confidence=no", ["is yes/no (False)", "low, medium, high"]),
        ("kinds=cpc", ["is the text 'cpc'", "a list", "[cpc]"]),
        ("kinds=[]", ["empty list"]),
        ("kinds=[cpc, cpc]", ["'cpc' is listed twice"]),
        ("kinds=[CPC]", ["kinds[0]", "lower-case"]),
        ("estimators=[twfe, twfe, group_time]", ["'twfe' is listed twice"]),
        ("estimators=[group_time, dose_response]", ["'dose_response' is not in this version"]),
        ("estimators=[group_time, switching]", ["'switching' is not an estimator of plans"]),
        ("estimators=[group_time, bacon]", ["'bacon' is not an estimator of plans", "a check"]),
        ("estimators=[group_time, fixed_effects]", ["common to all councils", "Use one of twfe"]),
        ("estimators=[group_time, event_stduy]", ["Did you mean 'event_study'?"]),
        ("estimators=[twfe]", ["headline.estimator", "'group_time' is not among the estimators"]),
        ("headline.estimator=imputation", ["'imputation' is not among the estimators"]),
        ("headline.estimator=random_effects", ["'random_effects' is not an estimator of plans"]),
        ("few_treated=keep", ["one of refuse, permutation"]),
        ("headline.aggregation=groups", ["Did you mean 'group'?"]),
        ("exposure_starts=same_day", ["not a choice", "next_period, same_period"]),
        ("boundaries=merge", ["one of drop, aggregate_to_successor, keep_predecessors"]),
        ("boundary_year=2024/25", ["boundary_year", "boundaries is drop", "ignored"]),
        ("predecessor_events.rule=share", ["predecessor_events", "boundaries is drop"]),
        ("predecessor_events.rule=last", ["any, first, share"]),
        ("predecessor_events.share=0", ["predecessor_events.share", "above 0 and at most 1"]),
        ("cluster=region", ["'region' is not in this version"]),
        ("weights=households", ["none, population"]),
        ("comparison=never", ["not_yet_treated, never_treated"]),
        ("covariates=[{name: recycling_rate_pct}]", ["is an outcome (outcomes[0])", "held fixed"]),
        ("covariates=[{name: a, missing: fill}]", ["one of stop, drop"]),
        ("covariates=[deprivation_score]", ["covariates[0]", "keys with values"]),
        ("outcomes=[]", ["outcomes", "empty list"]),
        ("outcomes.0.meaningful_change=0", ["must be above 0"]),
        ("outcomes.0.meaningful_change=-1", ["must be above 0"]),
        ("outcomes.0.meaningful_change=one", ["is the text 'one'", "a number"]),
        ("outcomes.0.meaningful_change=.inf", ["finite number"]),
        ("outcomes.0.scale=log", ["outcomes[0].zeros", "Zero has no logarithm"]),
        ("outcomes.0.scale=logs", ["Did you mean 'log'?"]),
        ("outcomes.0.per=recycling_rate_pct", ["divided by itself"]),
        ("outcomes.0.years=[2024/25, 2015/16]", ["outcomes[0].years", "reversed"]),
        ("outcomes.0.indicator=residual_waste_kg_per_household", ["listed twice", "outcomes[0]"]),
        ("outcomes.0.indicator=../secrets", ["outcomes[0].indicator", "lower-case"]),
        ("outcomes.2.role=primary", ["no item 2", "counted from 0"]),
        ("outcomes.recyling_rate_pct.role=primary", ["Did you mean 'recycling_rate_pct'?"]),
        ("title.x=1", ["leads nowhere"]),
        ("title=''", ["is empty text"]),
        ("title=[a]", ["is a list", "must be text"]),
        ("exclude=[E0600053]", ["exclude[0]", "E and eight digits"]),
        ("exclude=E06000053", ["a list"]),
        ("council_types=unitary", ["all or a list of names"]),
        ("council_types=[]", ["empty list"]),
        ("regions=[London, London]", ["'London' is listed twice"]),
        ("regions=[3]", ["is the whole number 3"]),
        ("notebooks=[panel_quality]", ["notebooks[0]", "01_panel_quality"]),
        ("notebooks=[01_../x]", ["notebooks[0]", "two digits"]),
        ("notebooks=[1_x]", ["two digits"]),
        ("notebooks=[01_x, 01_x]", ["listed twice"]),
        ("register=../x", ["register's name or the path"]),
        ("people.boss=me", ["people.boss", "is not a key"]),
        ("concurrent.action=flag", ["concurrent.register", "is missing"]),
        ("novalue", ["is not of the form key=value"]),
        ("=3", ["is not of the form key=value"]),
        ("seed=[1", ["the value cannot be read"]),
        ("seed=!!python/object:os.system x", ["the value cannot be read"]),
    ],
)
def test_each_fault_is_named_with_its_place_and_remedy(
    tmp_path: Path, override: str, parts: list[str]
) -> None:
    path = tmp_path / "base.yml"
    path.write_text(BASE, encoding="utf-8")
    lines = lines_of(path, [override])
    assert all(any(part in line for line in lines) for part in parts), lines
    assert any(line.startswith(("--set", f"{path} line", f"{path}, ")) for line in lines), lines


def test_the_base_of_these_tests_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "base.yml"
    path.write_text(BASE, encoding="utf-8")
    assert load_plan(path).seed == 20260101


def test_two_faults_give_two_lines_with_their_line_numbers(tmp_path: Path) -> None:
    text = BASE.replace("role: primary", "role: primry")
    text = text.replace("[2015/16, 2024/25]", "[2024/25, 2015/16]")
    first, second = refuse(tmp_path, text)
    assert "bad.yml line 7, years" in first
    assert "reversed" in first
    assert "bad.yml line 9, outcomes[0].role" in second
    assert "Did you mean 'primary'?" in second


def test_faults_of_form_and_between_values_come_together(tmp_path: Path) -> None:
    text = BASE.replace("title: A title", "titel: A title") + "seed: no\nevent_window: [3, 1]\n"
    text = text.replace("last_event_year: 2023/24", "last_event_year: 2019/20")
    text = text.replace("meaningful_change: 10", "meaningful_change: -10")
    lines = refuse(tmp_path, text)
    for part in ("titel", "title: is missing", "seed", "reversed", "before known_from", "above 0"):
        assert sum(part in line for line in lines) >= 1, (part, lines)
    assert len(lines) == 6


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (b"", ["is empty"]),
        (b"# only a comment\n", ["is empty"]),
        (b"- a\n- b\n", ["top level"]),
        (b"just words\n", ["top level"]),
        (BASE.replace("A title", "Caf\xe9").encode("latin-1"), ["line 1", "is not UTF-8"]),
        (BASE.encode("utf-16"), ["is not UTF-8"]),
        (BASE.encode()[:60] + b"\x00\x00" + BASE.encode()[60:], ["character", "not allow"]),
        (BASE.encode()[: BASE.index("role: primary")], ["cut off"]),
        (BASE.encode()[: BASE.index("outcomes")], ["outcomes: is missing", "cut off"]),
        (BASE.encode() + b"title: Again\n", ["line 14, title", "given twice", "line 1)"]),
        (BASE.replace("[cpc]", "&k [cpc]").encode() + b"exclude: *k\n", ["alias"]),
        (b"a: &a [*a]\n", ["alias"]),
        (b"title: !!python/object/apply:os.system ['true']\n", ["tag"]),
        (b"title: [\n" * 3000, ["nested too deeply"]),
        (b"title: a: b\n", ["not valid YAML", "line 1"]),
        (b"title:\n\tx: 1\n", ["not valid YAML", "line 2"]),
        (b"title: a\n---\ntitle: b\n", ["not valid YAML"]),
        (b"[a, b]: c\n", ["as a key"]),
        (b"title: 2021-13-45\n", ["cannot be read as a timestamp"]),
        (b"seed: " + b"9" * 5000 + b"\n", ["cannot be read as a int"]),
        (b"x: " + b"a" * 1_100_000, ["larger than a plan"]),
    ],
)
def test_a_damaged_file_gives_one_clear_line(tmp_path: Path, text: bytes, parts: list[str]) -> None:
    lines = refuse(tmp_path, text)
    assert all(any(part in line for line in lines) for part in parts), lines


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("peer_chalenge", ["no such plan", "Did you mean 'peer_challenge'?"]),
        ("nowhere/x.yml", ["no such plan", "peer_challenge"]),
        ("", ["no such plan"]),
        ("a\0b", ["no such plan"]),
        ("evaluations", ["no such plan"]),
    ],
)
def test_a_plan_that_is_not_there(name: str, parts: list[str]) -> None:
    with pytest.raises(PlanError) as caught:
        load_plan(name)
    assert all(part in str(caught.value) for part in parts), caught.value


@pytest.mark.parametrize("name", ["My Plan.yml", "plan.txt", ".yml", "-x.yml", "a..b.yml"])
def test_a_name_that_cannot_name_a_folder_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(BASE, encoding="utf-8")
    with pytest.raises(PlanError, match="Rename it"):
        load_plan(tmp_path / name)


def test_a_plan_built_in_python_keeps_the_rules_too() -> None:
    values = yaml.safe_load(BASE)
    with pytest.raises(ValueError, match="before known_from"):
        Plan.model_validate({**values, "last_event_year": "2019/20"})
