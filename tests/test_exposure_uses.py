"""What becomes of every event of a register, and what the command that checks a plan says of it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from test_exposure_complete import WHOLE, plan_of
from typer.testing import CliRunner

from evallib.cli import app
from evallib.design import build_designs
from evallib.exposure import build_exposure
from evallib.exposure.uses import LATER, LEFT_OUT, NOTHING, STUDIED, event_uses
from evallib.panel import build_panel
from evallib.plan import Plan, load_plan
from evallib.run.sample_words import sample_words

MORE = (
    "Leeds,2014-05-01,peer_visit",  # before the studied years
    "Hull City Council,2019-01-08,peer_visit",  # not its first
    "Derby City,October 2017,peer_visit",  # the same event once more
    "Luton,2018,peer_visit",  # a year
    "Sheffield,2021-02-02,peer_visit",  # after last_event_year
    "Barnsley,2018-05-02,peer_visit",  # has no figures
    "E10000021,2022-05-02,peer_visit",  # Northamptonshire, abolished in 2021
    "Medway,2018-05-02,other",
    "Slough,2018-05-02,other",
)


def plan_with(folder: Path, more: tuple[str, ...], **changes: object) -> Plan:
    plan = plan_of(folder, **changes)
    visits = folder / "my_tables" / "visits.csv"
    rows = visits.read_text(encoding="utf-8").splitlines()
    text = [f"{row},{'peer_visit' if at else 'Kind'}" for at, row in enumerate(rows)]
    visits.write_text("\n".join([*text, *more, ""]), encoding="utf-8")
    values = yaml.safe_load((folder / "my_survey.yml").read_text(encoding="utf-8"))
    del values["own_data"][1]["kind"]
    values["own_data"][1]["kind_column"] = "Kind"
    values["notebooks"] = ["01_panel_quality"]
    (folder / "my_survey.yml").write_text(yaml.safe_dump(values), encoding="utf-8")
    assert plan.path is not None
    return load_plan(plan.path)


def counts_of(plan: Plan) -> dict[tuple[str, str], int]:
    panel = build_panel(plan)
    table = event_uses(plan, panel, build_exposure(plan, panel))
    return {(use, why): count for use, why, count in table.itertuples(index=False)}


def test_every_event_is_counted_under_one_reason(tmp_path: Path) -> None:
    counts = counts_of(plan_with(tmp_path, MORE))
    assert counts == {
        (STUDIED, ""): 12,
        (LATER, ""): 1,
        (LEFT_OUT, "dated more coarsely than to the month"): 1,
        (NOTHING, "of a kind that the plan does not study"): 2,
        (NOTHING, "a second row of an event"): 1,
        (NOTHING, "after the council was abolished"): 1,
        (NOTHING, "after the council's first event"): 1,
        (NOTHING, "before the studied years from 2017/18 on"): 1,
        (NOTHING, "of a council without a figure of the plan's outcomes"): 1,
    }
    assert sum(counts.values()) == 12 + len(MORE)


def test_a_list_that_is_not_declared_complete_is_asked_about(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    panel = build_panel(plan)
    exposure = build_exposure(plan, panel)
    told = list(sample_words(plan, panel, exposure, build_designs(plan, panel, exposure)))
    assert "register peer_visits: 12 events; 12 first of their councils in the studied" in told[0]
    assert "18 councils of the panel without a record; if the table holds every event" in told[1]
    assert len(told) == 3  # every one of them is treated, and no boundary changed


def test_history_that_is_dropped_has_an_effect(tmp_path: Path) -> None:
    plan = plan_with(tmp_path, MORE, history={"years": 5, "action": "drop"})
    counts = counts_of(plan)
    assert counts[LEFT_OUT, "in the 5 years before the studied ones"] == 1
    assert not any("before the studied years" in why for _, why in counts)


def test_validate_says_what_becomes_of_events_and_councils(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    years = {"years": ["2014/15", "2019/20"], "event_window": [-4, 1]}
    plan = plan_with(tmp_path, (*MORE, "Plymouth,2020-03-20,peer_visit"), **years)
    values = yaml.safe_load((tmp_path / "my_survey.yml").read_text(encoding="utf-8"))
    values["own_data"][1]["complete"] = WHOLE | {"last_day": "2019-03-31"}
    (tmp_path / "my_survey.yml").write_text(yaml.safe_dump(values), encoding="utf-8")
    told = CliRunner().invoke(app, ["validate", str(plan.path)])
    assert told.exit_code == 0, told.output
    register = next(line for line in told.stdout.splitlines() if "note: register" in line)
    assert "22 events; 13 first of their councils in the studied years" in register
    assert "7 without effect on the estimates (2 of a kind that the plan does not" in register
    assert "declared complete from 1 April 2017 to 31 March 2019" in told.stdout
    assert "the plan's years run to 31 March 2020" in told.stdout
    treated = "outcome satisfied_pct: 9 of 13 councils with a studied event are treated"
    assert f"{treated}; the others: 4 without a figure after the event." in told.stdout
    assert "note: boundaries: drop leaves out no council and changes no figure." in told.stdout


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ("drop", "long_term_empty_homes_pct: left out 36 councils with 338 council-years"),
        ("aggregate_to_successor", "councils made from several predecessors"),
    ],
)
def test_what_the_boundary_policy_did_is_counted(policy: str, words: str) -> None:
    plan = load_plan("peer_challenge", [f"boundaries={policy}"])
    plan = plan.model_copy(update={"outcomes": plan.outcomes[:1], "placebo_outcomes": ()})
    panel = build_panel(plan)
    exposure = build_exposure(plan, panel)
    designs = build_designs(plan, panel, exposure)
    told = [text for text in sample_words(plan, panel, exposure, designs) if "boundaries:" in text]
    assert len(told) == 1 and words in told[0], told
    account = panel.boundaries.table
    account = account[account["indicator"] == plan.outcomes[0].indicator]
    made = account.loc[account["did"] == "added_up", "council_code"].nunique()
    aggregated = int(account["aggregated"].sum())
    assert (f"{made} councils made from several" in told[0]) == (policy != "drop")
    assert (f"{aggregated} figures aggregated" in told[0]) == (policy != "drop")
