"""Every shipped plan runs whole, and its report holds what a reader must be told."""

from __future__ import annotations

import fcntl
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from conftest import IS_FULL

from evallib.plan import load_plan
from evallib.report.gate import check_page

pytestmark = pytest.mark.whole
ROOT = Path(__file__).parents[1]
# By default two plans run with these of their outcomes, and two without notebooks that the first
# runs; in a full run all run as shipped.
FEWER = {
    "peer_challenge": {"long_term_empty_homes_pct", "rereferrals_within_12_months_pct"},
    "childrens_intervention": {
        "child_protection_conferences_within_15_days_pct",
        "child_protection_reviews_in_time_pct",
    },
}
SHORTER = {
    "peer_challenge": {},
    "childrens_intervention": {
        "notebooks": ["05_intervention_effect", "07_judgements", "10_evidence_summary"]
    },
    "performance_index": {
        "notebooks": ["02_performance_index", "04_peer_challenge_effect", "10_evidence_summary"]
    },
}
ATTRIBUTION = "Contains public sector information licensed under the Open Government Licence v3.0."


def shorten(name: str) -> list[str]:
    """Return what a run of a plan is given besides the plan."""
    if IS_FULL:
        return []
    values = dict(SHORTER[name])
    if name in FEWER:
        outcomes = load_plan(name).effective()["outcomes"]
        values["outcomes"] = [one for one in outcomes if one["indicator"] in FEWER[name]]
    given = (f"{key}={json.dumps(value)}" for key, value in values.items())
    return [word for one in given for word in ("--set", one)]


@dataclass(frozen=True)
class Ran:
    plan: str
    folder: Path
    printed: str

    @property
    def effective(self) -> dict[str, Any]:
        manifest = json.loads((self.folder / "manifest.json").read_text(encoding="utf-8"))
        return manifest["plan"]

    @property
    def outcomes(self) -> set[str]:
        return {one["indicator"] for one in self.effective["outcomes"]}

    def text(self, page: str) -> str:
        html = (self.folder / page).read_text(encoding="utf-8")
        return re.sub(
            r"\s+", " ", re.sub(r"<(style|script).*?</\1>|<[^>]+>", " ", html, flags=re.S)
        )


@pytest.fixture(scope="module", params=list(SHORTER))
def ran(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """Run a plan once, also when several workers take these tests."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    out, printed = shared / "shipped", shared / f"{request.param}.txt"
    with (shared / f"{request.param}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not printed.is_file():
            command = [sys.executable, "-m", "evallib", "run", request.param, "--out", str(out)]
            done = subprocess.run(
                [*command, *shorten(request.param)],
                cwd=ROOT,
                capture_output=True,
                text=True,
                timeout=400,
                check=False,
            )
            assert done.returncode == 0, done.stdout + done.stderr
            printed.write_text(done.stdout, encoding="utf-8")
    text = printed.read_text(encoding="utf-8")
    report = Path(text.strip().splitlines()[-1])
    assert report.name == "report.html"
    return Ran(request.param, report.parent, text)


def test_every_page_passes_the_gate(ran: Ran) -> None:
    pages = [ran.folder / "report.html", *(ran.folder / "notebooks").glob("*.html")]
    assert len(pages) == 1 + len(ran.effective["notebooks"])
    for page in pages:
        assert check_page(page) == [], page.name


def test_every_notebook_is_ok_and_the_record_is_whole(ran: Ran) -> None:
    manifest = json.loads((ran.folder / "manifest.json").read_text(encoding="utf-8"))
    notebooks = ran.effective["notebooks"]
    assert notebooks == list(load_plan(ran.plan).notebooks) or "notebooks" in SHORTER[ran.plan]
    assert [one["status"] for one in manifest["notebooks"]] == ["ok"] * len(notebooks)
    assert len(manifest["inputs"]) >= 17
    assert all(len(one["sha256"]) == 64 for one in manifest["inputs"])
    assert manifest["plan"]["seed"] == 20260101
    assert manifest["versions"]["linearmodels"]
    assert str(ROOT) not in (ran.folder / "manifest.json").read_text(encoding="utf-8")


def test_estimates_have_both_rules_and_all_estimators(ran: Ran) -> None:
    table = pd.read_csv(ran.folder / "estimates.csv")
    front = ["outcome", "role", "estimator", "comparison", "no_record", "inference"]
    columns = list(table.columns)
    start = columns.index("outcome")
    assert columns[start : start + 7] == [*front, "term"]
    outcomes = ran.outcomes
    shipped = {one.indicator for one in load_plan(ran.plan).outcomes}
    assert outcomes == (shipped if IS_FULL else FEWER.get(ran.plan, shipped))
    assert set(table["outcome"]) - outcomes <= {"judgement_sif"}
    assert set(table.loc[table["outcome"] == "judgement_sif", "role"]) <= {"descriptive"}
    firsts = table[table["outcome"].isin(outcomes)]
    firsts = firsts.drop_duplicates(["outcome", "estimator", "no_record"])
    planned = load_plan(ran.plan).estimators
    assert set(firsts["estimator"]) == set(planned)
    assert ("matched_did" in planned) == (ran.plan != "performance_index")
    assert set(firsts["no_record"]) == {"assume_not_exposed", "only_known"}
    assert firsts[["estimate", "conf_low", "conf_high", "n_units"]].notna().all().all()
    assert (firsts["conf_low"] <= firsts["estimate"]).all()
    assert (firsts["estimate"] <= firsts["conf_high"]).all()


def test_verdicts_follow_the_rule_from_the_saved_figures(ran: Ran) -> None:
    name = next((ran.folder / "tables").glob("0*_verdicts.csv"))
    table = pd.read_csv(name)
    primary = table[table["role"] == "primary"]
    words = {"design not fit", "cannot tell", "no sizeable change", "suggestive"}
    told = {"suggestive", *(f"consistent with {way}" for way in ("improvement", "decline"))}
    assert set(primary["verdict"]) <= words | told
    for row in primary.itertuples():
        if row.verdict == "no sizeable change":
            assert -row.meaningful_change < row.holm_low < row.holm_high < row.meaningful_change
        if row.verdict in told:
            assert row.holm_low * row.holm_high > 0
            assert not row.estimate * row.other_estimate < 0
    assert (primary["holm_level"] >= 0.95).all()


def test_report_says_what_must_be_said(ran: Ran) -> None:
    text = ran.text("report.html")
    assert ATTRIBUTION in text
    for words in ("not assigned", "Limits of use", "both comparison groups", "council-years"):
        assert words.lower() in text.lower(), words
    assert "no effect" not in text.lower()
    differing = "Before any number" in text
    checks = pd.read_csv(ran.folder / "checks.csv")
    verdicts = pd.read_csv(next((ran.folder / "tables").glob("0*_verdicts.csv")))
    names = verdicts.loc[verdicts["role"] == "primary", "outcome"]
    rows = checks[(checks["check"] == "two comparison groups") & checks["outcome"].isin(names)]
    assert differing == bool((rows["verdict"] == "concern").any())


def test_quality_page_lists_corrections_and_history(ran: Ran) -> None:
    if "01_panel_quality" not in ran.effective["notebooks"]:
        assert ran.plan != "peer_challenge" and not IS_FULL
        return
    text = ran.text("notebooks/01_panel_quality.html")
    assert "retired code" in text
    assert "combined authority" in text
    if ran.plan == "peer_challenge":
        assert "history" in text
        assert "Hounslow" in text


def test_thin_rule_is_printed(ran: Ran) -> None:
    is_intervention = ran.plan == "childrens_intervention"
    page = "05_intervention_effect" if is_intervention else "04_peer_challenge_effect"
    text = ran.text(f"notebooks/{page}.html")
    assert "thin-design rule fired" in text
    if ran.plan == "childrens_intervention":
        table = pd.read_csv(ran.folder / "estimates.csv")
        headline = table[(table["estimator"] == "group_time") & (table["term"] == "overall")]
        assert set(headline["inference"]) == {"permutation"}
