"""From designs to estimates: what the policy replaces, what it keeps, what it says."""

from __future__ import annotations

import pickle
import warnings
from dataclasses import MISSING, fields, replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evallib.design import Design
from evallib.errors import EstimationError, UnbalancedPanelWarning
from evallib.estimate import fit
from evallib.estimate.adoption_paths import encode_paths
from evallib.estimate.group_time import prepare, solve
from evallib.inference import estimate
from evallib.inference.paths import path_panel

YEARS = np.arange(2010, 2020)


def make_design(
    seed: int = 0,
    treated: dict[int, int] | None = None,
    later: int = 8,
    never: int = 40,
    effect: float = 1.0,
    missing: float = 0.03,
    **changes: Any,
) -> Design:
    """Return a design as a plan's would be: an event period, later-treated controls, pairs."""
    rng = np.random.default_rng(seed)
    cohorts = {2015: 6, 2016: 8} if treated is None else treated
    cohort = np.concatenate(
        [np.repeat(list(cohorts), list(cohorts.values())), np.full(later, 2019.0),
         np.full(never, np.nan)]
    ).astype(float)  # fmt: skip
    n = cohort.size
    code = np.array([f"E{k:03d}" for k in range(n)])
    is_treated = np.isin(cohort, list(cohorts))
    cluster = code.copy()
    cluster[1] = cluster[0]
    councils = pd.DataFrame(
        {
            "council_code": code,
            "cohort": cohort,
            "is_treated": is_treated,
            "cluster": cluster,
            "council_type": np.where(np.arange(n) % 3 == 0, "county", "district"),
            "region": np.where(np.arange(n) % 2 == 0, "north", "south"),
        }
    )
    grid = rng.normal(size=(n, 1)) + rng.normal(size=(n, YEARS.size)).cumsum(axis=1) / 2
    grid += effect * (is_treated[:, None] & (YEARS[None, :] >= cohort[:, None]))
    full = pd.DataFrame(
        {
            "council_code": np.repeat(code, YEARS.size),
            "period": np.tile(YEARS, n),
            "value": grid.ravel(),
            "weight": np.repeat(rng.uniform(1, 3, n), YEARS.size),
        }
    )
    full = full[rng.random(len(full)) >= missing].reset_index(drop=True)
    rows = full.merge(councils[["council_code", "cohort", "is_treated", "cluster"]])
    gone = rows["cohort"].notna() & ~rows["is_treated"] & (rows["period"] >= rows["cohort"] - 1)
    event = rows["is_treated"] & (rows["period"] == rows["cohort"] - 1)
    exposed = rows["is_treated"] & (rows["period"] >= rows["cohort"])
    rows["is_exposed"] = exposed.astype(int)
    rows["cohort"] = rows["cohort"].where(rows["is_treated"])
    rows = rows.drop(columns="is_treated")
    values: dict[str, Any] = {
        "outcome": "waste",
        "title": "Waste",
        "unit": "per cent",
        "polarity": "lower",
        "role": "primary",
        "meaningful_change": 1.0,
        "comparison": "not_yet_treated",
        "no_record": "assume_not_exposed",
        "full": full,
        "councils": councils,
        "frame": rows[~gone & ~event].reset_index(drop=True),
        "group_time_frame": rows[~gone].reset_index(drop=True),
        "anticipation": 1,
        "reference": -2,
        "window": (-4, 2),
        "level": 0.95,
        "seed": 20260101,
        "estimators": ("twfe", "event_study", "group_time"),
        "headline": ("group_time", "group"),
        "weighted": False,
        "sample_id": "abc",
        "alternative": None,
        "alternative_reason": "",
    } | changes
    for field in fields(Design):
        if field.default is MISSING:
            values.setdefault(field.name, pd.DataFrame())
    return Design(**values)


@pytest.fixture(scope="module")
def thin() -> Design:
    return make_design()


@pytest.fixture(scope="module")
def found(thin):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return estimate(thin)


def analytic(design, name):
    columns = {"outcome": "value", "unit": "council_code", "time": "period", "cluster": "cluster"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if name == "group_time":
            return fit(name, design.group_time_frame, **columns, cohort="cohort", anticipation=1,
                       base="universal", comparison=design.comparison)  # fmt: skip
        if name == "twfe":
            return fit(name, design.frame, **columns, treatment="is_exposed")
        return fit(name, design.frame, **columns, cohort="cohort", reference=-2, window=(-4, 2))


@pytest.mark.parametrize("name", ["twfe", "event_study", "group_time"])
def test_estimate_and_error_stay_analytic_and_the_rest_is_replaced(thin, found, name):
    one, plain = found.get("waste", name), analytic(thin, name)
    assert one.terms == plain.terms
    assert np.array_equal(one.point, plain.point)
    assert np.array_equal(one.std_error, plain.std_error, equal_nan=True)
    assert one.inference == ("permutation" if name == "group_time" else "wild_bootstrap")
    assert one.conf_low[0] < one.point[0] < one.conf_high[0]
    assert one.conf_low[0] != plain.conf_low[0]
    assert "The thin-design rule fired: " in one.interval_method
    assert "treated clusters, fewer than 20" in one.interval_method
    assert (one.role, one.polarity, one.sample_id) == ("primary", "lower", "abc")


def test_wild_results_carry_cr3_beside_them(found):
    one = found.get("waste", "twfe")
    assert one.details["cr3_std_error"][0] > 0
    assert "CR3 standard error of att" in one.interval_method
    assert "the design is thin" in one.interval_method
    low, high = one.interval(0.99)
    assert low < one.conf_low[0] and high > one.conf_high[0]
    assert one.p_value[0] == one.inversions["att"].p_value(0.0)


def test_permutation_reaches_the_aggregations_and_the_leads(found):
    one = found.get("waste", "group_time")
    dynamic = one.aggregate("dynamic")
    assert dynamic.inference == "permutation" and dynamic.outcome == "waste"
    table = dynamic.tidy().set_index("term")
    leads = one.details["leads"]
    assert leads["terms"] == ("event_time=-4", "event_time=-3")
    for place, term in enumerate(leads["terms"]):
        half = leads["quantiles"][0.95][place] * table.loc[term, "std_error"]
        assert table.loc[term, "conf_high"] - table.loc[term, "estimate"] == pytest.approx(half)
        excludes = table.loc[term, "conf_low"] > 0 or table.loc[term, "conf_high"] < 0
        assert excludes == (table.loc[term, "p_value"] <= 0.05)
    assert 0 < leads["p_joint"] <= 1
    band = one.details["band"]
    known = np.isfinite(band.low)
    assert (band.high - band.low)[known].min() > 0
    fewer = one.aggregate("dynamic", min_e=-4, max_e=0).tidy().set_index("term")
    assert (fewer.loc["event_time=-4"] == table.loc["event_time=-4"]).all()
    assert np.isnan(fewer.loc["overall", "conf_low"])
    assert fewer.loc["overall", "estimate"] == table.loc["event_time=0", "estimate"]
    for kind in ("simple", "group", "calendar"):
        part = one.aggregate(kind)
        assert part.inference == "permutation"
        assert part.conf_low[0] < part.point[0] < part.conf_high[0]
        low, high = part.interval(0.9)
        assert part.conf_low[0] < low < high < part.conf_high[0]
    assert np.isnan(one.conf_low[1:]).all() and np.isfinite(one.std_error[1])


def test_the_permuted_statistic_is_the_fitted_one(thin, found):
    """Paths over every row give the cells of the frame whose control rows were cut."""
    one = found.get("waste", "group_time")
    test = one.inversions["overall"]
    assert test.observed[0] == pytest.approx(one.point[0], abs=1e-12)
    assert np.sqrt(test.observed[2]) == pytest.approx(one.std_error[0], abs=1e-12)
    panel = path_panel(thin)
    paths, codes = encode_paths(
        panel.paths.cohort[panel.codes], panel.paths.is_treated[panel.codes]
    )
    problem = prepare(panel.outcome, panel.observed, panel.periods, paths,
                      comparison="not_yet_treated", base="universal", anticipation=1)  # fmt: skip
    cells = solve(problem, codes)
    assert cells.att[cells.valid] == pytest.approx(one.point[1:], abs=1e-12)


def test_few_treated_clusters_make_regressions_permute():
    design = make_design(seed=1, treated={2015: 4, 2016: 4})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = estimate(design)
    for name in ("twfe", "event_study"):
        one, plain = found.get("waste", name), analytic(design, name)
        assert one.inference == "permutation"
        test = one.inversions["att"]
        assert test.observed[0] == pytest.approx(plain.point[0], abs=1e-10)
        factor = plain.std_error[0] ** 2 / test.observed[2]
        assert 1 < factor < 1.2  # the small-sample factor is the same for all draws and left out
        assert one.p_value[0] == test.p_value(0.0)
        assert one.conf_low[0] < one.point[0] < one.conf_high[0]
        assert "council type" in one.interval_method
    leads = found.get("waste", "event_study").details["leads"]
    assert leads["terms"] == ("event_time=-4", "event_time=-3")


def spread(design: Design, effect: float) -> Design:
    """Return the design with an effect in every exposed row of every council with a cohort."""
    cohort = design.full["council_code"].map(design.councils.set_index("council_code")["cohort"])
    full = design.full.copy()
    full["value"] += effect * (full["period"] >= cohort)
    keys, tables = ["council_code", "period"], {}
    for name in ("frame", "group_time_frame"):
        rows = getattr(design, name).drop(columns="value")
        tables[name] = rows.merge(full[[*keys, "value"]], on=keys, validate="one_to_one")
    return replace(design, full=full, **tables)


def test_intervals_by_permutation_move_with_an_effect_on_all():
    """Later-treated controls respond as well, in rows that only other assignments read."""
    design = make_design(seed=6, treated={2014: 4, 2015: 4}, later=14, never=24)
    councils = design.councils.copy()
    councils.loc[councils["cohort"] == 2019, "cohort"] = 2017.0
    frames = {}
    for name in ("frame", "group_time_frame"):
        rows = getattr(design, name)
        later = councils.loc[councils["cohort"] == 2017, "council_code"]
        gone = rows["council_code"].isin(later) & (rows["period"] >= 2016)
        frames[name] = rows[~gone].reset_index(drop=True)
    design = replace(design, councils=councils, estimators=("twfe", "group_time"), **frames)
    found = []
    for effect in (0.0, 3.0):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found.append(estimate(spread(design, effect)))
    for one, two in zip(*found, strict=True):
        assert one.inference == two.inference == "permutation"
        assert two.point[0] - one.point[0] == pytest.approx(3, abs=1e-9)
        assert two.conf_low[0] - one.conf_low[0] == pytest.approx(3, abs=1e-4)
        assert two.conf_high[0] - one.conf_high[0] == pytest.approx(3, abs=1e-4)


def test_a_permuted_event_study_leaves_out_councils_without_rows_before():
    design = make_design(seed=1, treated={2015: 4, 2016: 5}, estimators=("event_study",))
    cut = {
        name: rows[~((rows["council_code"] == "E003") & (rows["period"] < 2015))]
        for name in ("full", "frame", "group_time_frame")
        for rows in (getattr(design, name),)
    }
    design = replace(design, **cut)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        one = estimate(design).items[0]
    assert one.inference == "permutation"
    assert any("exposed in every row" in text for text in one.warnings)
    assert one.inversions["att"].observed[0] == pytest.approx(one.point[0], abs=1e-10)


def test_a_thick_design_stays_analytic_and_says_why():
    design = make_design(seed=2, treated={2014: 40, 2016: 40}, never=60, estimators=("group_time",))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        one = estimate(design).items[0]
    assert one.inference == "influence_normal"
    assert "did not fire (77 treated councils with weight" in one.interval_method
    assert one.aggregate("dynamic").interval_method == one.interval_method
    assert one.details["leads"]["method"] == "Wald, chi-squared(2)"
    band, dynamic = one.details["band"], one.aggregate("dynamic")
    inside = np.isfinite(band.low)
    assert (band.low[inside] < dynamic.conf_low[inside]).all()


def test_the_alternative_stands_beside_and_refusals_are_kept():
    few = make_design(seed=3, treated={2015: 4}, no_record="only_known")
    both = make_design(seed=3, estimators=("twfe",), alternative=few)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = estimate([both])
    assert [one.no_record for one in found] == ["assume_not_exposed"]
    assert {refusal.no_record for refusal in found.refused} == {"only_known"}
    assert "4 treated councils, fewer than 5" in str(found.refused[0].faults[0])
    with pytest.raises(EstimationError, match="4 treated councils"):
        estimate(few)


def test_the_same_seed_gives_the_same_bits_and_another_does_not(thin, found):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        again = estimate(thin)
        other = estimate(replace(thin, seed=7))
    assert again.frame.equals(found.frame)
    assert not other.frame.equals(found.frame)
    assert pickle.loads(pickle.dumps(found)).frame.equals(found.frame)  # noqa: S301


def test_each_kind_of_warning_is_raised_once_and_thinness_never(thin):
    said: list[str] = []
    with pytest.warns(UnbalancedPanelWarning) as caught:
        estimate([thin, make_design(seed=4)], progress=said.append)
    assert len([item for item in caught if "miss some periods" in str(item.message)]) == 1
    assert not [item for item in caught if "thin-design" in str(item.message)]
    assert said[0] == "waste (assume_not_exposed): twfe" and len(said) == 6


def test_weights_of_a_plan_reach_every_estimator():
    design = make_design(seed=5, weighted=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        weighted = estimate(design)
        plain = estimate(replace(design, weighted=False))
    for one, two in zip(weighted, plain, strict=True):
        assert one.point[0] != two.point[0]
    test = weighted.get("waste", "group_time").inversions["overall"]
    assert test.observed[0] == pytest.approx(weighted.get("waste", "group_time").point[0])
