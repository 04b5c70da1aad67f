"""A plan locked before outcomes: what it keeps, and what is counted as a deviation later."""

from __future__ import annotations

import datetime
import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pandas as pd
import pytest
import yaml
from typer.testing import CliRunner

from evallib.cli import app
from evallib.errors import EvallibError, PlanError
from evallib.inference.specification_curve import specification_curve
from evallib.panel.build import open_store
from evallib.plan import Plan, list_plans, load_plan
from evallib.plan.deviations import (
    ABSENT,
    find_deviations,
    find_unplanned,
    label_specifications,
)
from evallib.plan.lock import lock_path, read_lock, write_lock
from evallib.report.planned import (
    analyses_tables,
    deviations_table,
    deviations_words,
    lock_words,
)
from evallib.report.views import answer, specification_curves
from evallib.run.check import Checked, check_plan
from evallib.run.manifest import lock_as_dict
from evallib.run.results import RunResults

ROOT = Path(__file__).parents[1]
DAY = datetime.date(2025, 1, 31)
INPUTS = ({"file": "outcomes/b.csv", "sha256": "b" * 64}, {"file": "a.csv", "sha256": "a" * 64})
NAME = "rereferrals_within_12_months_pct"


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    file = tmp_path / "my_plan.yml"
    shutil.copy(ROOT / "evaluations" / "peer_challenge.yml", file)
    return load_plan(file)


def changed(plan: Plan, *overrides: str, **values: Any) -> Plan:
    """Edit the plan's file, then load it with overrides."""
    assert plan.path is not None
    held = yaml.safe_load(plan.path.read_text(encoding="utf-8"))
    plan.path.write_text(yaml.safe_dump({**held, **values}), encoding="utf-8")
    return load_plan(plan.path, overrides)


def since(plan: Plan, inputs: Any = INPUTS) -> list[tuple[str, Any, Any, str]]:
    lock = read_lock(plan)
    assert lock is not None
    found = find_deviations(lock, plan, inputs)
    return [(one.key, one.locked, one.now, one.how) for one in found]


def test_the_same_plan_data_and_day_give_the_same_text(plan: Plan) -> None:
    path = write_lock(plan, INPUTS, DAY)
    assert path == lock_path(plan)
    assert path.name == "my_plan.lock.yml"
    text = path.read_bytes()
    path.unlink()
    write_lock(plan, INPUTS[::-1], DAY)
    assert path.read_bytes() == text
    lock = read_lock(plan)
    assert lock is not None
    assert (lock.plan, lock.locked) == ("my_plan", "2025-01-31")
    assert lock.values == plan.effective()
    assert lock.data == {one["file"]: one["sha256"] for one in INPUTS}
    assert since(plan) == []
    assert sorted(one.name for one in path.parent.iterdir()) == ["my_plan.lock.yml", "my_plan.yml"]


def test_a_lock_is_never_overwritten_and_the_old_ones_are_kept(plan: Plan) -> None:
    path = write_lock(plan, INPUTS, DAY)
    first = path.read_bytes()
    with pytest.raises(PlanError, match="locked already.*--again"):
        write_lock(plan, INPUTS, DAY)
    assert path.read_bytes() == first
    for day in (1, 2):
        write_lock(changed(plan, seed=day), INPUTS, DAY.replace(day=day), again=True)
    names = {one.name for one in path.parent.iterdir()}
    kept = {"my_plan.lock.yml", "my_plan.lock-1.yml", "my_plan.lock-2.yml"}
    assert names == kept | {"my_plan.yml"}
    assert path.with_name("my_plan.lock-1.yml").read_bytes() == first
    assert "locked: '2025-01-02'" in path.read_text(encoding="utf-8")


def test_a_folder_that_cannot_be_written_leaves_nothing(
    plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("evallib.plan.lock.os.link", refuse)
    with pytest.raises(PlanError, match="cannot be written"):
        write_lock(plan, INPUTS, DAY)
    assert plan.path is not None
    assert [one.name for one in plan.path.parent.iterdir()] == ["my_plan.yml"]


def test_every_difference_is_listed_with_both_values_and_how(plan: Plan) -> None:
    write_lock(plan, INPUTS, DAY)
    outcomes = [
        {**one, "meaningful_change": 3} if one["indicator"] == NAME else one
        for one in plan.model_dump(mode="json")["outcomes"]
        if one["indicator"] != "care_leavers_in_eet_pct"
    ]
    outcomes.append({"indicator": "cars_pct", "role": "primary", "meaningful_change": 1.0})
    later = changed(plan, "seed=7", outcomes=outcomes, anticipation=1)
    found = since(later, ({"file": "a.csv", "sha256": "c" * 64}, {"file": "n", "sha256": "d"}))
    by_key = {key: rest for key, *rest in found}
    edited, data = "the plan's file was changed", "the data were changed"
    assert by_key["seed"] == [20260101, 7, "set for this run"]
    assert by_key["anticipation"] == [0, 1, edited]
    assert by_key[f"outcomes.{NAME}.meaningful_change"] == [1.0, 3.0, edited]
    assert by_key["outcomes.cars_pct"][0] == ABSENT
    assert by_key["outcomes.care_leavers_in_eet_pct"][1] == ABSENT
    assert by_key["data a.csv"] == ["a" * 64, "c" * 64, data]
    assert by_key["data n"] == [ABSENT, "d", data]
    assert by_key["data outcomes/b.csv"] == ["b" * 64, ABSENT, data]
    assert len(found) == 8


def test_a_register_declared_complete_later_is_a_deviation(plan: Plan) -> None:
    """Its bytes are the same, and who compares is not."""
    path = write_lock(plan, INPUTS, DAY)
    declared = {"first_day": "2017-04-01", "last_day": "2024-03-31", "kinds": ("a",)}
    later = [INPUTS[0] | {"complete": declared}, *INPUTS[1:]]
    ((key, old, new, _),) = since(plan, later)
    assert key == f"data {INPUTS[0]['file']}, declared complete"
    assert (old, "2017-04-01" in new) == ("not there", True)
    path.unlink()
    write_lock(plan, later, DAY)
    assert since(plan, later) == []
    assert len(since(plan)) == 1


def test_another_order_is_a_deviation_and_a_newer_parameter_is_none(plan: Plan) -> None:
    path = write_lock(plan, INPUTS, DAY)
    turned = plan.model_dump(mode="json")["outcomes"][::-1]
    assert [one[0] for one in since(changed(plan, outcomes=turned))] == ["outcomes (order)"]
    path.unlink()
    values = plan.effective()
    del values["verdict"]
    lacking = SimpleNamespace(
        path=plan.path, name="my_plan", overrides=(), effective=lambda: values
    )
    write_lock(cast("Plan", lacking), INPUTS, DAY)
    assert "verdict" not in yaml.safe_load(path.read_text(encoding="utf-8"))["values"]
    assert since(changed(plan, outcomes=turned[::-1])) == []


def test_what_the_lock_does_not_name_is_unplanned(plan: Plan) -> None:
    write_lock(plan, INPUTS, DAY)
    placebos = plan.model_dump(mode="json")["placebo_outcomes"]
    later = load_plan(
        plan.path,
        {
            "estimators": ["group_time", "stacked"],
            "heterogeneity": ["region"],
            "covariates": [{"name": "imd_average_score"}],
            "outcomes": [{"indicator": "cars_pct", "meaningful_change": 1.0}],
            "specifications.winsorise": [0.077],
            "placebo_outcomes": [*placebos, {"indicator": "cars_per_1000"}],
        },
    )
    lock = read_lock(plan)
    assert lock is not None
    assert find_unplanned(lock, plan) == ()
    assert find_unplanned(lock, later) == (
        ("outcome", "cars_pct"),
        ("placebo outcome", "cars_per_1000"),
        ("covariate", "imd_average_score"),
        ("estimator", "stacked"),
        ("specification", "winsorise: 0.077"),
    )


def test_combinations_are_labelled_by_the_lock(plan: Plan) -> None:
    write_lock(plan, INPUTS, DAY)
    lock = read_lock(plan)
    assert lock is not None
    given = {"specifications.winsorise": [0.01, 0.077], "specifications.cluster": ["council"]}
    later = load_plan(plan.path, given)
    chosen = [{"winsorise": share, "cluster": "council"} for share in (0.0, 0.01, 0.077)]
    keys = [one.key for one in find_deviations(lock, later, INPUTS)]

    def labels(keys: list[str], outcome: str = NAME) -> list[str]:
        return label_specifications(lock, later, keys, outcome, chosen)

    # The plan's own value, listed or not, is no new alternative.
    assert labels(keys) == ["planned", "planned", "unplanned"]
    assert labels([*keys, "anticipation"]) == [*["changed since the lock"] * 2, "unplanned"]
    assert labels([f"outcomes.{NAME}.scale"])[0] == "changed since the lock"
    assert labels(["outcomes.other_pct.scale", "placebo_outcomes.x", "title"])[0] == "planned"
    assert labels(keys, "cars_pct") == ["unplanned"] * 3
    assert label_specifications(None, later, (), NAME, chosen) == ["not locked"] * 3


def test_what_was_the_own_value_when_locked_is_no_new_alternative(plan: Plan) -> None:
    write_lock(plan, INPUTS, DAY)
    lock = read_lock(plan)
    assert lock is not None
    assert plan.min_confidence == "medium" and plan.concurrent is not None
    assert plan.concurrent.action == "flag"  # the sample of `keep`
    given = {
        "min_confidence": "high",
        "specifications.min_confidence": ["medium", "low"],
        "concurrent.action": "drop",
        "specifications.concurrent": ["keep"],
        f"outcomes.{NAME}.scale": "log",
        f"outcomes.{NAME}.zeros": "missing",
        "specifications.scale": ["level", "log"],
    }
    later = load_plan(plan.path, given)
    # One outcome was logged when locked, the others were not: either form is new to some.
    assert [name for _, name in find_unplanned(lock, later)] == [
        "scale: level",
        "scale: log",
        "min_confidence: low",
    ]
    keys = [one.key for one in find_deviations(lock, later, INPUTS)]
    chosen = [
        {"min_confidence": "medium", "concurrent": "keep", "scale": "level"},
        {"min_confidence": "high", "concurrent": "drop", "scale": "log"},
        {"min_confidence": "low", "concurrent": "keep", "scale": "level"},
    ]
    moved, new = "changed since the lock", "unplanned"
    assert label_specifications(lock, later, keys, NAME, chosen) == [moved, moved, new]
    another = next(one.indicator for one in later.outcomes if one.indicator != NAME)
    labels = label_specifications(lock, later, keys, another, chosen)
    assert labels == [moved, new, new]


def test_the_curve_says_of_every_row_whether_it_was_planned(plan: Plan) -> None:
    outcomes = plan.model_dump(mode="json")["outcomes"][1:2]
    small = changed(plan, outcomes=outcomes, specifications={"winsorise": [0.01]}, derived=[])
    small = changed(small, placebo_outcomes=[])
    path = write_lock(small, open_store(None).inputs, DAY)
    found = specification_curve(
        load_plan(plan.path, {"specifications.estimator": ["twfe"]}), draws=0
    )
    rows = found.frame.set_index(["estimator", "winsorise"])["planned"]
    assert set(rows.xs("twfe")) == {"unplanned"}
    assert set(rows.xs("group time")) == {"planned"}
    shown = specification_curves(found)._repr_html_()
    assert "2 of them are unplanned: the plan" in shown
    moved = specification_curve(load_plan(plan.path, {"seed": 7}), draws=0)
    assert set(moved.frame["planned"]) == {"changed since the lock"}
    path.unlink()
    bare = specification_curve(load_plan(plan.path), draws=0)
    assert set(bare.frame["planned"]) == {"not locked"}
    inputs = [{**one, "complete": {"basis": "a list"}} for one in open_store(None).inputs]
    write_lock(load_plan(plan.path), inputs, DAY)  # the registers are no longer declared so
    undeclared = specification_curve(load_plan(plan.path), draws=0)
    assert set(undeclared.frame["planned"]) == {"changed since the lock"}


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text.replace("seed: 20260101", "seed: 7"),
        lambda text: text.replace("seed: 20260101", "seed: 2026-01-01"),
        lambda text: text.replace("seed: 20260101", "1: 20260101"),
        lambda text: text.replace("2025-01-31", "2024-01-31"),
        lambda text: text.replace("plan: my_plan", "plan: another"),
        lambda text: text.replace("a" * 64, "f" * 64),
        lambda text: text[: len(text) // 2],
        lambda text: "- 1",
        lambda text: "{",
    ],
)
def test_a_lock_that_was_changed_is_refused(plan: Plan, spoil: Any) -> None:
    path = write_lock(plan, INPUTS, DAY)
    text = path.read_text(encoding="utf-8")
    path.write_text(spoil(text), encoding="utf-8")
    assert spoil(text) != text
    with pytest.raises(PlanError, match="my_plan.lock.yml"):
        read_lock(plan)


def test_a_plan_with_overrides_is_not_locked(plan: Plan) -> None:
    with pytest.raises(PlanError, match="as its file has it"):
        write_lock(load_plan(plan.path, ["seed=7"]), INPUTS, DAY)


def estimates(*rows: tuple[str, str]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["outcome", "estimator"])
    return frame.assign(comparison="not_yet_treated", no_record="only_known")


def test_the_record_lists_deviations_and_labels_what_is_unplanned(plan: Plan) -> None:
    write_lock(plan, INPUTS, DAY)
    later = load_plan(
        plan.path,
        {f"outcomes.{NAME}.role": "secondary", "estimators": ["group_time", "stacked"]},
    )
    checked = Checked(later, (), INPUTS, lock=read_lock(later))
    manifest = {"lock": lock_as_dict(checked.lock, later, checked.deviations)}
    assert json.loads(json.dumps(manifest)) == manifest
    assert "31 January 2025" in deviations_words(manifest)
    table = deviations_table(later, manifest).frame
    assert table["Deviation"].tolist() == [f"outcomes.{NAME}.role", "estimators"]
    assert table.loc[0, ["In the lock", "In this run"]].tolist() == ["primary", "secondary"]
    ran = estimates(
        (NAME, "twfe"), ("care_leavers_in_eet_pct", "twfe"), (NAME, "stacked"), ("x", "twfe")
    )
    labels, unplanned = analyses_tables(later, manifest, ran)
    planned = ["changed since the lock", "planned", "unplanned", "unplanned"]
    assert labels.frame["Planned"].tolist() == planned
    assert unplanned.frame.to_numpy().tolist() == [["stacked", "estimator"]]
    moved = {"lock": {**manifest["lock"], "deviations": [{"key": "years"}]}}
    again = analyses_tables(later, moved, ran)[0].frame["Planned"].tolist()
    assert again == ["changed since the lock"] * 2 + ["unplanned"] * 2
    head, lines = lock_words(manifest)
    assert head == "The plan was locked on 31 January 2025. This run has 2 deviations from it."
    assert lines == (
        f"outcomes.{NAME}.role: primary in the lock, secondary in this run (set for this run)",
        "estimators: twfe, event_study, group_time, matched_did, imputation in the lock, "
        "group_time, stacked in this run (set for this run)",
        "unplanned estimator: stacked",
    )
    same = {"lock": {**manifest["lock"], "deviations": [], "unplanned": []}}
    nothing = "The plan was locked on 31 January 2025, and nothing has changed since."
    assert lock_words(same) == (nothing, ()) and lock_words({}) == ("", ())
    bare = deviations_table(SimpleNamespace(name="x", differences=dict), {})
    assert bare.frame["Deviation"].tolist() == ["None: the run follows the plan's file"]


def test_deviations_are_told_without_defaults_by_title_and_in_plain_words(plan: Plan) -> None:
    write_lock(plan, INPUTS, DAY)
    outcomes = plan.model_dump(mode="json")["outcomes"]
    added = {"indicator": "cars_pct", "role": "primary", "meaningful_change": 1.5}
    given = {"outcomes": [*outcomes, added], "event_window": [-3, 2]}
    given |= {"specifications.event_window": [[-4, 3]]}
    later = load_plan(plan.path, {**given, "comparison": "never_treated"})
    checked = Checked(later, (), INPUTS, lock=read_lock(later))
    catalogue = pd.DataFrame({"indicator": ["cars_pct", "x"], "title": ["Cars & vans", "X"]})
    panel: Any = SimpleNamespace(catalogue=SimpleNamespace(frame=catalogue))
    lock = lock_as_dict(checked.lock, later, checked.deviations, panel)
    assert lock is not None and lock["titles"] == {"cars_pct": "Cars & vans"}
    table = deviations_table(later, {"lock": lock}).frame.set_index("Deviation")["In this run"]
    assert table["Cars & vans (outcomes.cars_pct)"] == "role primary, meaningful change 1.5"
    assert table["event_window"] == "-3 to 2" and table["comparison"] == "never_treated"
    lines = lock_words({"lock": lock})[1]
    assert "unplanned outcome: Cars & vans" in lines
    assert "unplanned specification: event_window: -4 to 3" in lines


def test_the_summary_labels_unplanned_outcomes(plan: Plan) -> None:
    from test_report_views_summary import results

    found: RunResults = results(0.2)
    planned = answer(plan, found)
    assert not any("nplanned" in text for text in (*planned.sentences, planned.points[0][0]))
    write_lock(changed(plan, outcomes=plan.model_dump(mode="json")["outcomes"][:1]), INPUTS, DAY)
    later = load_plan(plan.path, {"outcomes": plan.model_dump(mode="json")["outcomes"]})
    shown = answer(later, found)
    assert shown.points[0][0].startswith("Household waste recycled (unplanned): ")
    assert "outcome recycling_rate_pct" in shown.sentences[-1]


def test_the_command_locks_once(plan: Plan) -> None:
    changed(plan, outcomes=plan.model_dump(mode="json")["outcomes"][1:2], specifications={})
    assert plan.path is not None
    run = CliRunner()
    done = run.invoke(app, ["lock", str(plan.path)])
    assert done.exit_code == 0, done.stderr
    lock = read_lock(plan)
    assert lock is not None
    assert len(lock.data) >= 17
    assert lock.locked == datetime.datetime.now(datetime.UTC).date().isoformat()
    refused = run.invoke(app, ["lock", str(plan.path)])
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert len(refused.stderr.strip().splitlines()) == 1
    told = run.invoke(app, ["validate", str(plan.path), "--set", "seed=7"])
    assert "1 deviations since" in told.stdout
    assert "deviation: seed: 20260101 in the lock, 7 now (set for this run)" in told.stdout
    lock.path.write_text("spoilt", encoding="utf-8")
    with pytest.raises(EvallibError, match="my_plan.lock.yml"):
        check_plan(load_plan(plan.path))


@pytest.mark.parametrize("command", ["design", "lock"])
def test_bad_input_ends_with_2_and_writes_nothing(plan: Plan, command: str) -> None:
    assert plan.path is not None
    changed(plan, seed=1)
    plan.path.write_text(plan.path.read_text(encoding="utf-8") + "sed: 1\nweight: none\n", "utf-8")
    done = CliRunner().invoke(app, [command, str(plan.path)])
    assert (done.exit_code, done.stdout) == (2, "")
    assert len(done.stderr.strip().splitlines()) == 2
    assert [one.name for one in plan.path.parent.iterdir()] == ["my_plan.yml"]


def test_locks_are_no_plans(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    assert plan.path is not None
    folder = plan.path.parent / "evaluations"
    folder.mkdir()
    (plan.path.parent / "notebooks").mkdir()
    shutil.move(plan.path, folder)
    monkeypatch.chdir(plan.path.parent)
    write_lock(load_plan("my_plan"), INPUTS, DAY)
    assert list_plans() == ["my_plan"]
