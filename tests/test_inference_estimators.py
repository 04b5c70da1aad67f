"""Every estimator of a plan on shipped designs, against dummies in statsmodels and plain loops."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from evallib.design import Design, build_design
from evallib.estimate import Estimate, fit
from evallib.exposure import build_exposure
from evallib.inference.fitting import (
    COLUMNS,
    common_window,
    fit_design,
    options_of,
    usable_covariates,
)
from evallib.panel import build_panel
from evallib.plan import load_plan
from evallib.plan.estimators import NAMES, SYNTHETIC

OUTCOMES = ("long_term_empty_homes_pct", "rereferrals_within_12_months_pct")
pytestmark = pytest.mark.filterwarnings("ignore::evallib.errors.EvallibWarning")


@pytest.fixture(scope="module")
def designs() -> dict[str, Design]:
    plan = load_plan("peer_challenge")
    panel = build_panel(plan)
    exposure = build_exposure(plan, panel)
    return {name: build_design(plan, panel, exposure, name) for name in OUTCOMES}


@pytest.fixture(scope="module", params=OUTCOMES)
def design(request: pytest.FixtureRequest, designs: dict[str, Design]) -> Design:
    return designs[request.param]


def dummies(column: pd.Series, *, drop_first: bool = False) -> np.ndarray:
    codes, found = pd.factorize(column, sort=True)
    table = np.zeros((len(codes), len(found)))
    table[np.arange(len(codes)), codes] = 1
    return table[:, 1:] if drop_first else table


def clustered(y, x, groups, weights=None):
    """Return statsmodels' coefficients and clustered covariance without small-sample factor."""
    weight = np.ones(len(y)) if weights is None else np.asarray(weights)
    codes = np.unique(np.asarray(groups), return_inverse=True)[1]
    model = sm.WLS(np.asarray(y, dtype=float), x, weights=weight)
    options = {"groups": codes, "use_correction": False}
    fitted = model.fit(cov_type="cluster", cov_kwds=options)
    return fitted.params, fitted.cov_params()


def factor(groups, rows: int, parameters: int) -> float:
    """Return CR1's factor with council effects nested in the clusters."""
    g = len(set(groups))
    return g / (g - 1) * (rows - 1) / (rows - parameters)


def cells_by_dummies(design: Design, first: int | None) -> tuple[float, float, pd.DataFrame]:
    """Return the mean effect over exposed rows from a dummy a cohort and event time.

    Event times from ``first`` on have their dummy, the reference apart; all of them with None.
    """
    rows = design.frame.copy()
    rows["event"] = rows["period"] - rows["cohort"]
    keys = rows.loc[rows["event"].notna() & (rows["event"] != design.reference)]
    if first is not None:
        keys = keys[keys["event"] >= first]
    cells = keys.groupby(["cohort", "event"]).size()
    columns = [
        ((rows["cohort"] == g) & (rows["event"] == e)).to_numpy(dtype=float) for g, e in cells.index
    ]
    effects = [dummies(rows["council_code"]), dummies(rows["period"], drop_first=True)]
    x = np.column_stack([*columns, *effects])
    beta, covariance = clustered(rows["value"], x, rows["cluster"])
    after = np.array([e >= 0 for _, e in cells.index])
    weight = np.where(after, cells.to_numpy(dtype=float), 0.0)
    weight /= weight.sum()
    k = len(columns)
    scale = factor(rows["cluster"], len(rows), k + rows["period"].nunique())
    variance = weight @ covariance[:k, :k] @ weight * scale
    return float(weight @ beta[:k]), float(np.sqrt(variance)), cells.reset_index()


def test_sun_abraham_is_a_dummy_a_cohort_and_event_time(design: Design) -> None:
    att, error, cells = cells_by_dummies(design, None)
    found = fit_design(design, "sun_abraham")
    assert found.point[0] == pytest.approx(att, abs=1e-9)
    assert found.std_error[0] == pytest.approx(error, rel=1e-7)
    assert -1 not in set(cells["event"])  # no row of the event year is there
    assert found.details["reference"] == -2


def test_etwfe_is_a_dummy_a_cohort_and_year_from_exposure_on(design: Design) -> None:
    att, error, _ = cells_by_dummies(design, 0)
    found = fit_design(design, "etwfe")
    assert found.point[0] == pytest.approx(att, abs=1e-9)
    assert found.std_error[0] == pytest.approx(error, rel=1e-7)


def test_imputation_is_a_prediction_from_rows_before(design: Design) -> None:
    rows = design.frame
    before = rows["is_exposed"] == 0
    seen = set(rows.loc[before, "council_code"])
    known = rows[rows["council_code"].isin(seen)]
    x = np.column_stack([dummies(known["council_code"]), dummies(known["period"], drop_first=True)])
    first = (known["is_exposed"] == 0).to_numpy()
    beta = np.linalg.lstsq(x[first], known["value"].to_numpy()[first], rcond=None)[0]
    effect = known["value"].to_numpy()[~first] - x[~first] @ beta
    for name in ("imputation", "two_stage"):
        found = fit_design(design, name)
        assert found.point[0] == pytest.approx(effect.mean(), abs=1e-8)
        event = (known["period"] - known["cohort"]).to_numpy()[~first]
        for term, value in zip(found.terms, found.point, strict=True):
            if term.startswith("event_time="):
                assert value == pytest.approx(effect[event == float(term[11:])].mean(), abs=1e-8)


def wide(design: Design) -> pd.DataFrame:
    return design.frame.pivot(index="council_code", columns="period", values="value")


def test_lp_did_is_changes_from_two_years_before(design: Design) -> None:
    table, last = wide(design), common_window(design)[1]
    councils = design.councils.set_index("council_code")
    y, start, year, group = [], [], [], []
    for code in table.index:
        own = councils.loc[code]
        for t in table.columns:
            needed = [t - 2, *range(t, t + last + 1)]
            if any(p not in table.columns or np.isnan(table.loc[code, p]) for p in needed):
                continue
            begins = bool(own["is_treated"]) and own["cohort"] == t
            clean = not own["is_treated"] or own["cohort"] > t + last + 1
            if begins or clean:
                y.append(table.loc[code, needed[1:]].mean() - table.loc[code, t - 2])
                start.append(float(begins))
                year.append(t)
                group.append(own["cluster"])
    x = np.column_stack([start, dummies(pd.Series(year))])
    beta, covariance = clustered(y, x, group)
    found = fit_design(design, "lp_did")
    assert found.point[0] == pytest.approx(beta[0], abs=1e-9)
    scale = factor(group, len(y), x.shape[1])
    assert found.std_error[0] == pytest.approx(np.sqrt(covariance[0, 0] * scale), rel=1e-7)


def test_stacked_is_least_squares_on_stacks_without_the_event_year(design: Design) -> None:
    table = wide(design)
    first, last = common_window(design)
    events = [e for e in range(first, last + 1) if e != -1]
    councils = design.councils.set_index("council_code")
    treated = councils[councils["is_treated"]]
    parts = []
    for g in sorted(treated["cohort"].unique()):
        years = [int(g) + e for e in events]
        if any(year not in table.columns for year in years):
            continue
        for code, own in councils.iterrows():
            is_own = bool(own["is_treated"]) and own["cohort"] == g
            clean = not own["is_treated"] or own["cohort"] > g + last + 1
            if (is_own or clean) and code in table.index and table.loc[code, years].notna().all():
                for e, year in zip(events, years, strict=True):
                    parts.append((code, g, e, table.loc[code, year], is_own, own["cluster"]))
    stack = pd.DataFrame(parts, columns=["code", "g", "e", "y", "own", "cluster"])
    units = stack.drop_duplicates(["code", "g"])
    size = units.groupby(["g", "own"]).size().unstack()
    share = (size[True] / size[True].sum()) / (size[False] / size[False].sum())
    weight = np.where(stack["own"], 1.0, stack["g"].map(share))
    shown = [e for e in events if e != -2]
    columns = [((stack["e"] == e) & stack["own"]).to_numpy(dtype=float) for e in shown]
    unit = stack["code"] + stack["g"].astype(str)
    x = np.column_stack([*columns, dummies(unit), dummies(stack["e"], drop_first=True)])
    beta, covariance = clustered(stack["y"], x, stack["cluster"], weight)
    mean = np.array([e >= 0 for e in shown]) / sum(e >= 0 for e in shown)
    found = fit_design(design, "stacked")
    k = len(shown)
    assert found.point[0] == pytest.approx(mean @ beta[:k], abs=1e-9)
    scale = factor(stack["cluster"], len(stack), k + len(events))
    error = np.sqrt(mean @ covariance[:k, :k] @ mean * scale)
    assert found.std_error[0] == pytest.approx(error, rel=1e-7)
    assert found.details["reference"] == -2


def test_matched_did_is_the_nearest_in_level_and_trend_before_the_event_year(
    designs: dict[str, Design],
) -> None:
    """Without bias correction: three nearest, by sorting; base two years before exposure."""
    design = designs["rereferrals_within_12_months_pct"]
    options = options_of(design, "matched_did", ()) | {"bias_correction": False}
    found = fit("matched_did", design.group_time_frame, **COLUMNS, **options)
    table = design.group_time_frame.pivot(index="council_code", columns="period", values="value")
    starts = design.councils.set_index("council_code")["cohort"]
    is_treated = design.councils.set_index("council_code")["is_treated"]
    means = []
    for g in sorted(starts[is_treated].unique()):
        base, end = int(g) - 2, min(int(g) + 2, table.columns.max())
        level = table[base]
        years = [year for year in range(base - 3, base + 1) if year in table.columns]
        slope = pd.Series(
            {
                code: np.polyfit(row.dropna().index.astype(float), row.dropna(), 1)[0]
                for code, row in table[years].iterrows()
                if row.notna().sum() >= 2 and not np.isnan(row[base])
            }
        )
        both = pd.DataFrame({"level": level, "slope": slope}).dropna()
        after = table[list(range(int(g), end + 1))]
        both = both[after.loc[both.index].notna().any(axis=1)]
        is_pool = ~is_treated | (starts > end + 1)
        pool = both[is_pool.reindex(both.index)]
        for code in both.index[(starts == g).reindex(both.index) & is_treated.reindex(both.index)]:
            gap = (pool - both.loc[code]) / pool.std(ddof=0)
            near = (gap**2).sum(axis=1).sort_values(kind="stable").index[:3]
            theirs = after.loc[near].sub(level[near], axis=0)
            own = after.loc[code] - level[code]
            means.append((own - theirs.mean()).dropna().mean())
    assert found.n_treated_units == len(means)
    assert found.point[0] == pytest.approx(np.mean(means), abs=1e-9)


def some_councils(design: Design, treated: int, others: int) -> Design:
    """Return a design of every so many of its treated councils and of the others."""
    parts = design.councils.groupby("is_treated")
    councils = pd.concat([rows.iloc[:: treated if is_it else others] for is_it, rows in parts])
    councils = councils.sort_values("council_code")
    parts = {
        part: rows[rows["council_code"].isin(councils["council_code"])]
        for part in ("frame", "group_time_frame", "full")
        for rows in (getattr(design, part),)
    }
    return replace(design, councils=councils, **parts)


def fit_quickly(design: Design, name: str) -> Estimate:
    """Return ``fit_design``, of later years and with fewer placebos where there are any."""
    if name not in SYNTHETIC:
        return fit_design(design, name)
    rows = design.group_time_frame[design.group_time_frame["period"] >= 2017]
    columns = {role: column for role, column in COLUMNS.items() if role != "cluster"}
    return fit(name, rows, **columns, **options_of(design, name, ()), draws=99)


def spoil(rows: pd.DataFrame, councils: pd.DataFrame) -> pd.DataFrame:
    """Return rows with wild figures in the event year of every council that is treated."""
    starts = rows["council_code"].map(councils.set_index("council_code")["cohort"])
    wild = rows["period"] == starts - 1
    return rows.assign(value=rows["value"] + 1e4 * wild)


@pytest.mark.parametrize("name", NAMES)
def test_the_event_year_enters_no_estimate(designs: dict[str, Design], name: str) -> None:
    """Neither before nor after: whatever a treated council reports in it, the answer stays."""
    every = (24, 10) if name in SYNTHETIC else (8, 3)
    design = some_councils(designs["long_term_empty_homes_pct"], *every)
    frames = {
        part: spoil(getattr(design, part), design.councils)
        for part in ("frame", "group_time_frame", "full")
    }
    here, there = fit_quickly(design, name), fit_quickly(replace(design, **frames), name)
    kept = [k for k, e in enumerate(here.event_time) if e != -1]
    if name == "group_time":
        kept = [0]
    assert there.point[kept] == pytest.approx(here.point[kept], abs=1e-7)
    assert there.std_error[0] == pytest.approx(here.std_error[0], rel=1e-6)


def test_windows_are_shortened_until_half_of_the_treated_have_all_of_it(
    designs: dict[str, Design],
) -> None:
    design = designs["long_term_empty_homes_pct"]
    starts = design.councils.loc[design.councils["is_treated"], "cohort"]
    last = design.full["period"].max()
    assert (starts + 2 <= last).mean() < 0.5 <= (starts + 1 <= last).mean()
    assert common_window(design) == (-5, 1)
    short = design.full[design.full["period"] >= 2020]
    assert common_window(replace(design, full=short)) == (-2, 1)
    assert "Window: -5 to 1." in fit_design(design, "stacked").estimand


def with_columns(design: Design, columns: dict[str, np.ndarray]) -> Design:
    """Return the design with covariates, given on the rows of ``full``."""
    keys = ["council_code", "period"]
    full = design.full.assign(**columns)
    frames = {
        part: getattr(design, part).merge(full[[*keys, *columns]], on=keys)
        for part in ("frame", "group_time_frame")
    }
    return replace(design, full=full, covariates=tuple(columns), **frames)


def test_fixed_covariates_reach_those_that_do_not_difference_them_out(
    designs: dict[str, Design],
) -> None:
    design = designs["rereferrals_within_12_months_pct"]
    rng = np.random.default_rng(0)
    by_council = design.full["council_code"].map(
        dict(zip(design.councils["council_code"], rng.normal(size=124), strict=True))
    )
    given = with_columns(
        design,
        {"fixed": by_council.to_numpy(), "changing": rng.normal(size=len(design.full))},
    )
    plain: dict[str, Estimate] = {}
    for name in ("twfe", "group_time", "matched_did"):
        plain[name] = fit_design(design, name)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            found = fit_design(given, name)
        assert found.point[0] != plain[name].point[0]
        told = [str(item.message) for item in caught if "absorb it" in str(item.message)]
        assert bool(told) == (name == "twfe")
        assert usable_covariates(given, name) == (
            ("changing",) if name == "twfe" else ("fixed", "changing")
        )
        if told:
            assert told[0].startswith("fixed: ") and told[0] in found.warnings
