"""A register that is declared complete: who is known to have had none, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
import yaml
from typer.testing import CliRunner

from evallib.checks.comparison import check_comparison_groups
from evallib.checks.register import check_either
from evallib.cli import app
from evallib.design import Design, build_design, build_designs
from evallib.errors import DataError, EvallibError
from evallib.estimate import Estimate
from evallib.exposure import Exposure, build_exposure
from evallib.exposure.gaps import find_gaps
from evallib.inference.designs import estimate_one
from evallib.panel import build_panel, open_store, schemas
from evallib.panel.build import Panel
from evallib.panel.registers import read_register
from evallib.panel.sidecars import sha256_of
from evallib.panel.tablefiles import read_table_file, record_of
from evallib.plan import Plan, list_parameters, load_plan
from evallib.report.views.coverage import coverage_summary
from evallib.report.views.flow import quality_tables
from evallib.report.views.register import MISSING_ROW, register_coverage
from evallib.run.key import run_key

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "your_own_data.md").read_text(encoding="utf-8")
SAVED = dict(re.findall(r"Save as `([^`]+)`:\n\n```\w+\n(.*?)```", PAGE, re.DOTALL))
WHOLE = {"first_day": "2017-04-01", "last_day": "2024-03-31", "basis": "the programme's own list"}


def plan_of(folder: Path, complete: Any = None, **changes: Any) -> Plan:
    """Return the plan of the page on one's own data, its register declared complete."""
    for name, text in SAVED.items():
        path = folder / Path(name).name if name.startswith("evaluations") else folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    plan = folder / "my_survey.yml"
    values = yaml.safe_load(plan.read_text(encoding="utf-8")) | changes
    if complete is not None:
        values["own_data"][1]["complete"] = complete
    plan.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
    return load_plan(plan)


def exposed(plan: Plan) -> tuple[Panel, Exposure]:
    panel = build_panel(plan)
    return panel, build_exposure(plan, panel)


def design_of(plan: Plan) -> Design:
    return build_design(plan, *exposed(plan), "satisfied_pct")


def test_councils_without_a_record_are_known_controls(tmp_path: Path) -> None:
    panel, open_ended = exposed(plan_of(tmp_path))
    assert open_ended.completeness is None
    assert (open_ended.councils["status"] == "no_record").sum() == 18
    plan = plan_of(tmp_path, WHOLE, no_record="only_known")
    panel, exposure = exposed(plan)
    assert exposure.completeness is not None and exposure.completeness.is_whole
    none = exposure.councils[exposure.councils["status"] == "none_by_date"]["council_code"]
    assert len(none) == 18 and "no_record" not in set(exposure.councils["status"])
    mine = exposure.frame[exposure.frame["council_code"].isin(none)]
    assert set(mine["exposure"]) == {"not_exposed"}
    treated = exposure.councils[exposure.councils["status"] == "in_window"]
    assert treated["never_before"].isna().all()
    assert find_gaps(plan, panel, exposure).frame.empty
    design = build_design(plan, panel, exposure, "satisfied_pct")
    assert len(design.councils) == 30 and design.n_treated == 12
    assert design.alternative is not None and design.alternative.sample_id == design.sample_id


def test_checks_of_the_register_say_why_they_do_not_apply(tmp_path: Path) -> None:
    design = design_of(plan_of(tmp_path, WHOLE))
    assert design.alternative is not None
    both = [design, design.alternative]
    found: list[Estimate] = [estimate_one(one, "group_time") for one in both]
    said = "declared complete from 1 April 2017 to 31 March 2024 (the programme's own list)"
    register = check_either(both, found)
    assert register.verdict == "not applicable" and said in register.sentence
    assert "lacks no event" in register.sentence
    groups = check_comparison_groups(design, found[0], found[1], "")
    assert groups.verdict == "not applicable" and said in groups.sentence
    assert groups.sentence.startswith("Both rules on councils without a record leave the same")


def test_the_quality_page_says_what_is_declared(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, WHOLE)
    said = register_coverage(plan, exposed(plan)[1]).sentences
    assert len(said) == 1 and "are known not to have been exposed" in said[0]
    plan = plan_of(tmp_path, WHOLE | {"last_day": "2020-03-31"})
    said = register_coverage(plan, exposed(plan)[1]).sentences
    assert said[0] == MISSING_ROW and "stay unknown; shorten the years" in said[1]


def test_the_summary_reads_what_the_quality_notebook_keeps(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, WHOLE)
    panel, exposure = exposed(plan)
    tables = quality_tables(plan, panel, exposure, build_designs(plan, panel, exposure))
    kept = {f"01_panel_quality/{name}": table for name, table in tables.items()}
    results: Any = SimpleNamespace(tables=kept, source="a run")
    said = coverage_summary(plan, results).sentences
    assert len(said) == 1 and "declared complete from 1 April 2017" in said[0]
    del kept["01_panel_quality/register_complete"]
    assert "may have been exposed" in coverage_summary(plan, results).sentences[0]


def test_there_is_no_gap_to_fill_and_a_new_event_breaks_the_declaration(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, WHOLE)
    told = CliRunner().invoke(app, ["register-gaps", str(plan.path)])
    assert told.exit_code == 0 and "no gap to fill" in told.output
    rows = tmp_path / "rows.csv"
    late = "E09000007,Camden,peer_visit,2024-05-01,day,,point_event,high,A page,,"
    more = [ROWS[0].replace("Leeds", "Camden").replace("E08000035", "E09000007"), late]
    rows.write_text("\n".join([REGISTER, *more]) + "\n", encoding="utf-8")
    told = CliRunner().invoke(app, ["register-check", str(rows), "--plan", str(plan.path)])
    assert told.exit_code == 0, told.output
    notes = [line for line in told.output.splitlines() if line.startswith("note:")]
    assert len(notes) == 1 and "line 2, Camden: peer_visits is declared complete" in notes[0]


@pytest.mark.parametrize(
    ("change", "words", "known_years"),
    [
        ({"last_day": "2020-03-31"}, "the plan's years run to 31 March 2024", 6),
        ({"first_day": "2017-04-02"}, "studies events from 1 April 2017 on", 0),
        ({"kinds": ["other"]}, "of other only, and the plan also studies peer_visit", 0),
    ],
)
def test_a_declaration_that_falls_short_leaves_councils_unknown(
    tmp_path: Path, change: dict[str, Any], words: str, known_years: int
) -> None:
    plan = plan_of(tmp_path, WHOLE | change)
    if "kinds" in change:
        visits = tmp_path / "my_tables" / "visits.csv"
        rows = visits.read_text(encoding="utf-8").splitlines()
        text = [f"{row},{'Kind' if at == 0 else 'peer_visit'}" for at, row in enumerate(rows)]
        visits.write_text("\n".join([*text, "Leeds,2019-05-01,other", ""]), encoding="utf-8")
        table = plan.own_data[1].model_copy(update={"kind": None, "kind_column": "Kind"})
        plan = plan.model_copy(update={"own_data": (plan.own_data[0], table)})
    _, exposure = exposed(plan)
    assert exposure.completeness is not None and words in exposure.completeness.gap
    assert (exposure.councils["status"] == "no_record").sum() == 18
    camden = exposure.frame[exposure.frame["council_code"] == "E09000007"]
    assert (camden["exposure"] == "not_exposed").sum() == known_years


BAD: dict[str, tuple[Any, tuple[str, ...]]] = {
    "yes": (True, ("own_data[1].complete", "keys with values")),
    "no basis": (
        {key: WHOLE[key] for key in ("first_day", "last_day")},
        ("own_data[1].complete.basis", "is missing", "Who says so"),
    ),
    "no day": (WHOLE | {"last_day": "2024"}, ("complete.last_day", "2024", "like 2017-04-01")),
    "reversed": (
        WHOLE | {"last_day": "2016-03-31"},
        ("own_data[1].complete", "ends on 2016-03-31, before it begins on 2017-04-01"),
    ),
    "a misspelt key": (WHOLE | {"frist_day": "2017-04-01"}, ("frist_day", "first_day")),
    "days to come": (
        WHOLE | {"last_day": "2098-03-31"},
        ("my_tables/visits.csv, complete.last_day", "2098-03-31", "no event is missing"),
    ),
    "a misspelt kind": (
        WHOLE | {"kinds": ["peer_vist"]},
        ("complete.kinds", "'peer_vist' is not a kind", "Did you mean 'peer_visit'?"),
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_a_declaration_that_cannot_be_is_refused(tmp_path: Path, what: str) -> None:
    complete, words = BAD[what]
    with pytest.raises(EvallibError) as error:
        build_panel(plan_of(tmp_path, complete))
    assert len(error.value.faults) == 1, str(error.value)
    assert all(word in str(error.value) for word in words), str(error.value)


def test_a_table_of_figures_cannot_be_declared_complete(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    values = yaml.safe_load((tmp_path / "my_survey.yml").read_text(encoding="utf-8"))
    values["own_data"][0]["complete"] = WHOLE
    (tmp_path / "my_survey.yml").write_text(yaml.safe_dump(values), encoding="utf-8")
    assert plan.path is not None
    with pytest.raises(
        EvallibError, match=r"own_data\[0\].complete: is a key of tables with a reg"
    ):
        load_plan(plan.path)


def test_the_declaration_is_a_parameter() -> None:
    keys = {one.key for one in list_parameters()}
    assert {f"own_data[].complete.{key}" for key in (*WHOLE, "kinds")} <= keys


REGISTER = ",".join(schemas.REGISTER.columns)
ROWS = [
    "E08000035,Leeds,peer_visit,2018-09-12,day,,point_event,high,A page,,",
    "E08000016,Barnsley,peer_visit,2019-05-01,day,,point_event,high,A page,,",
]


def write_register(folder: Path, rows: list[str], complete: Any) -> Path:
    path = folder / "visits.csv"
    path.write_text("\n".join([REGISTER, *rows]) + "\n", encoding="utf-8")
    content = yaml.safe_load(
        (ROOT / "data" / "raw" / "peer_challenges.meta.yml").read_text("utf-8")
    )
    content["sha256"], content["rows"] = sha256_of(path), len(rows)
    content["register"] = {"covers_to": "2025-03-31", "kinds": {"peer_visit": {"title": "visit"}}}
    if complete is not None:
        content["register"]["complete"] = complete
    (folder / "visits.meta.yml").write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def test_a_sidecar_may_declare_its_register_complete(tmp_path: Path) -> None:
    path = write_register(tmp_path, ROWS, WHOLE)
    plan = plan_of(tmp_path, register=str(path))
    _, exposure = exposed(plan)
    assert exposure.completeness is not None and exposure.completeness.is_whole
    statuses = exposure.councils["status"].value_counts().to_dict()
    assert statuses == {"none_by_date": 29, "in_window": 1}
    one = read_table_file(tmp_path, "visits.csv", schemas.REGISTER, "mine", strict=False).record
    bare = record_of("visits.csv", sha256_of(path), 2, None)
    keys = [run_key(plan, [record], (), tmp_path).data for record in (one, bare) if record]
    assert keys[0] != keys[1]


SIDECARS: dict[str, tuple[list[str], Any, tuple[str, ...]]] = {
    "yes": (ROWS, True, ("visits.meta.yml", "'register.complete' is True, not keys with values")),
    "beyond its last day": (
        ROWS,
        WHOLE | {"last_day": "2026-03-31"},
        ("sidecar key register.complete.last_day", "after 31 March 2025"),
    ),
    "a row without a council": (
        [*ROWS, ",Somewhere,peer_visit,2019-05,month,,point_event,high,A page,,"],
        WHOLE,
        ("visits.csv, column council_code", "Somewhere", "although the register is declared"),
    ),
}


@pytest.mark.parametrize("what", SIDECARS)
def test_a_sidecar_that_declares_too_much_is_refused(tmp_path: Path, what: str) -> None:
    rows, complete, words = SIDECARS[what]
    path = write_register(tmp_path, rows, complete)
    with pytest.raises(DataError) as error:
        read_register(path, open_store().book)
    assert len(error.value.faults) == 1, str(error.value)
    assert all(word in str(error.value) for word in words), str(error.value)


def test_a_row_without_a_council_outside_the_days_does_no_harm(tmp_path: Path) -> None:
    early = ",Somewhere,peer_visit,2016-05,month,,point_event,high,A page,,"
    events = read_register(write_register(tmp_path, [*ROWS, early], WHOLE), open_store().book)
    assert isinstance(events, pd.DataFrame) and len(events) == 3
