"""Figures of the shipped designs against means by hand and dummies in statsmodels."""

from __future__ import annotations

import csv
import warnings
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
import statsmodels.api as sm

from evallib.design import Design, build_design
from evallib.estimate import fit
from evallib.exposure import build_exposure
from evallib.panel import build_panel
from evallib.plan import load_plan

OUTCOME = "rereferrals_within_12_months_pct"
CHILDREN = Path(__file__).parents[1] / "data" / "raw" / "outcomes" / "childrens_services.csv"


@pytest.fixture(scope="module")
def design() -> Design:
    plan = load_plan("peer_challenge")
    panel = build_panel(plan)
    return build_design(plan, panel, build_exposure(plan, panel), OUTCOME)


def test_a_cell_is_four_means_of_the_published_file(design: Design) -> None:
    """ATT of cohort 2022/23 in 2023/24, from the CSV by plain arithmetic."""
    figures: dict[str, dict[str, float]] = defaultdict(dict)
    with CHILDREN.open(encoding="utf-8", newline="") as handle:
        for row in csv.DictReader(handle):
            if row["indicator"] == OUTCOME:
                # Barnsley and Sheffield have changed their codes since
                code = {"E08000016": "E08000038", "E08000019": "E08000039"}.get(
                    row["council_code"], row["council_code"]
                )
                figures[code][row["fin_year"]] = float(row["value"])
    councils = design.councils.set_index("council_code")
    base, year = "2020/21", "2023/24"
    changes: dict[bool, list[float]] = {True: [], False: []}
    for code, council in councils.iterrows():
        seen = figures[str(code)]
        if base not in seen or year not in seen:
            continue
        in_cohort = bool(council["is_treated"]) and council["cohort"] == 2022
        # a control's own event must come after 2023/24: its cohort after 2024/25
        compares = not council["cohort"] <= 2024
        if in_cohort or compares:
            changes[in_cohort].append(seen[year] - seen[base])
    by_hand = np.mean(changes[True]) - np.mean(changes[False])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimate = fit(
            "group_time",
            design.group_time_frame,
            outcome="value",
            unit="council_code",
            time="period",
            cohort="cohort",
            anticipation=1,
            base="universal",
            comparison="not_yet_treated",
            cluster="cluster",
        )
    cell = estimate.tidy().set_index("term").loc["group=2022,time=2023"]
    assert cell["estimate"] == pytest.approx(by_hand, abs=1e-10)
    assert len(changes[True]) == 15
    assert len(changes[False]) > 40


def test_two_way_is_dummies_in_statsmodels(design: Design) -> None:
    rows = design.frame
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimate = fit(
            "twfe",
            rows,
            outcome="value",
            unit="council_code",
            time="period",
            treatment="is_exposed",
            cluster="cluster",
            small_sample="none",
        )
    codes, unit = np.unique(rows["council_code"], return_inverse=True)
    years, year = np.unique(rows["period"], return_inverse=True)
    dummies = np.zeros((len(rows), codes.size + years.size - 1))
    dummies[np.arange(len(rows)), unit] = 1
    later = year > 0
    dummies[np.flatnonzero(later), codes.size + year[later] - 1] = 1
    model = sm.OLS(rows["value"].to_numpy(), np.column_stack([rows["is_exposed"], dummies]))
    groups = np.unique(rows["cluster"], return_inverse=True)[1]
    fitted = model.fit(
        cov_type="cluster", cov_kwds={"groups": groups, "use_correction": False}, use_t=True
    )
    assert estimate.point[0] == pytest.approx(fitted.params[0], abs=1e-10)
    assert estimate.std_error[0] == pytest.approx(fitted.bse[0], rel=1e-8)
