"""Suspicious figures: planted faults are found, clean series are left alone, the plan decides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from evallib.errors import PlanError
from evallib.panel import build_panel, open_store
from evallib.panel.build import panel_from_store
from evallib.panel.quality import (
    RULES,
    find_suspicious,
    settle_unsafe,
    suspicious_figures,
    suspicious_in,
    units_of,
)
from evallib.panel.quality.scale import to_scale, usual_movement
from evallib.plan import Plan, load_plan
from evallib.plan.unsafe_figures import SINGLE_FIGURES, RuleName

RAW = Path(__file__).parents[1] / "data" / "raw"
EMPTY = "long_term_empty_homes_pct"
Array = npt.NDArray[np.float64]


@dataclass
class Clean:
    value: Array
    kind: npt.NDArray[np.int64]


def clean(
    rng: np.random.Generator,
    *,
    is_percent: bool,
    tails: float = np.inf,
    persistence: float = 0.5,
    councils: int = 300,
    years: int = 12,
) -> Clean:
    """Return councils whose figures move by about an eighth a year, some more and some less."""
    kind = rng.integers(0, 4, councils)
    level = rng.normal(0, 0.6, councils) if is_percent else rng.normal(7, 1, councils)
    own = 0.12 * np.exp(rng.normal(0, 0.35, councils))
    draw = rng.standard_normal((councils, years))
    if np.isfinite(tails):
        draw = rng.standard_t(tails, (councils, years)) / np.sqrt(tails / (tails - 2))
    moved = np.zeros((councils, years))
    for year in range(years):
        moved[:, year] = draw[:, year] + (persistence * moved[:, year - 1] if year else 0)
    trend = np.cumsum(rng.normal(0, 0.05, (4, years)), axis=1)[kind]
    scaled = level[:, None] + own[:, None] * moved + trend
    value = 100 / (1 + np.exp(-scaled)) if is_percent else np.exp(scaled)
    return Clean(np.round(value, 1 if is_percent else 0), kind.astype(np.int64))


def flat(value: Array, who: int, year: int) -> None:
    value[who, year - 2 : year + 2] = value[who, year]


def level(value: Array, who: int, year: int) -> None:
    value[who, year:] *= 0.25


def near_zero(value: Array, who: int, year: int) -> None:
    value[who, year:] /= 50


def times(factor: float) -> Callable[[Array, int, int], None]:
    def plant(value: Array, who: int, year: int) -> None:
        value[who, year] *= factor

    return plant


Plant = Callable[[Array, int, int], None]
FAULTS: dict[str, tuple[Plant, tuple[str, ...], tuple[bool, ...]]] = {
    "zero": (times(0), ("zero",), (True, False)),
    "negative count": (times(-1), ("negative",), (False,)),
    "percentage as a share": (times(0.01), ("spike", "far_below"), (True,)),
    "percentage of thousands": (times(100), ("out_of_range",), (True,)),
    "decimal point lost": (times(10), ("spike",), (False,)),
    "decimal point gained": (times(0.1), ("spike",), (True, False)),
    "same figure for four years": (flat, ("flat_line",), (True, False)),
    "another way of counting": (level, ("jump",), (True, False)),
    "near zero from then on": (near_zero, ("far_below",), (True,)),
    "a fiftieth from then on": (near_zero, ("jump",), (False,)),
}
CASES = [(name, share) for name, (_, _, kinds) in FAULTS.items() for share in kinds]


@pytest.mark.parametrize(("fault", "is_percent"), CASES)
def test_planted_faults_are_found(fault: str, is_percent: bool) -> None:
    plant, rules, _ = FAULTS[fault]
    rng = np.random.default_rng(20260101)
    hits = planted = 0
    for _ in range(5):
        panel = clean(rng, is_percent=is_percent, tails=8)
        who = rng.choice(len(panel.value), 20, replace=False)
        when = rng.integers(3, 9, 20)
        for council, year in zip(who, when, strict=True):
            plant(panel.value, council, year)
        found = find_suspicious(panel.value, panel.kind, is_percent=is_percent)
        picked = np.any([found[rule] for rule in rules], axis=0)
        hits += int(picked[who, when].sum())
        planted += len(who)
    assert hits >= 0.95 * planted


@pytest.mark.parametrize("is_percent", [True, False])
@pytest.mark.parametrize(
    ("tails", "persistence", "most"),
    [(np.inf, 0.0, 0.5), (np.inf, 0.5, 0.5), (8, 0.5, 1.5), (5, 0.5, 3.0), (5, 0.95, 7.0)],
)
def test_clean_series_raise_few_alarms(
    is_percent: bool, tails: float, persistence: float, most: float
) -> None:
    rng = np.random.default_rng(7)
    alarms = figures = 0
    for _ in range(4):
        panel = clean(rng, is_percent=is_percent, tails=tails, persistence=persistence)
        found = find_suspicious(panel.value, panel.kind, is_percent=is_percent)
        alarms += int(np.any(list(found.values()), axis=0).sum())
        figures += panel.value.size
    assert 1000 * alarms / figures <= most


def test_a_spike_is_in_its_own_year_and_a_jump_where_it_begins() -> None:
    rng = np.random.default_rng(3)
    panel = clean(rng, is_percent=False)
    panel.value[5, 6] *= 10
    panel.value[9, 7:] *= 10
    panel.value[11, -1] *= 10
    found = find_suspicious(panel.value, panel.kind, is_percent=False)
    spikes, jumps = found["spike"], found["jump"]
    assert np.flatnonzero(spikes[5]).tolist() == [6]
    assert not jumps[5].any()
    assert np.flatnonzero(jumps[9]).tolist() == [7]
    assert not spikes[9].any()
    assert np.flatnonzero(jumps[11]).tolist() == [11]  # nothing follows: it cannot be a spike yet


def test_a_movement_that_all_share_is_no_alarm() -> None:
    panel = clean(np.random.default_rng(4), is_percent=False)
    panel.value[:, 6:] *= 2  # a break of the series: every council steps
    found = find_suspicious(panel.value, panel.kind, is_percent=False)
    assert np.mean(found["jump"]) < 0.002


def test_a_council_that_always_moves_more_is_given_more_room() -> None:
    panel = clean(np.random.default_rng(5), is_percent=False, persistence=0.0)
    restless = np.random.default_rng(6).normal(0, 0.24, panel.value.shape[1])
    panel.value[0] = 2000 * np.exp(restless)
    _, usual = usual_movement(to_scale(panel.value, is_percent=False), panel.kind)
    typical = np.median(usual[panel.kind == panel.kind[0]])
    assert usual[0] > 1.5 * typical
    assert usual.max() <= 2.0001 * usual[panel.kind == panel.kind[usual.argmax()]].min()


def test_zeros_are_suspicious_only_far_from_the_figures_beside_them() -> None:
    rng = np.random.default_rng(8)
    panel = clean(rng, is_percent=True)
    years = panel.value.shape[1]
    panel.value[0] = np.round(np.linspace(12, 0, years), 1)  # runs out: no return failed
    panel.value[1, 3:6] = 0  # three years in the midst of fifties
    panel.value[2] = np.where(np.arange(years) % 2, 0, 33.3)  # percentages of a handful
    panel.value[3] = 0
    panel.value[4, -1] = 0
    found = find_suspicious(panel.value, panel.kind, is_percent=True)["zero"]
    assert found[0].sum() == 0
    assert found[3].all()  # nothing but zeros, where hardly anybody has one
    assert np.flatnonzero(found[1]).tolist() == [3, 4, 5]
    assert np.flatnonzero(found[4]).tolist() == [years - 1]


def test_whole_percentages_repeat_by_chance_and_settled_ones_always() -> None:
    rng = np.random.default_rng(9)
    whole = np.round(rng.normal(10, 2, (300, 10)))
    whole[7, :4] = 11  # as likely by chance as not
    whole[8, 2:] = 3
    kind = np.zeros(300, dtype=np.int64)
    found = find_suspicious(whole, kind, is_percent=True)["flat_line"]
    assert not found[7].any()
    assert np.flatnonzero(found[8]).tolist() == list(range(2, 10))
    full = np.where(rng.random((300, 10)) < 0.6, 100.0, 95.5)
    assert not find_suspicious(full, kind, is_percent=True)["flat_line"].any()


def test_gaps_short_series_and_constant_ones_raise_nothing() -> None:
    rng = np.random.default_rng(10)
    panel = clean(rng, is_percent=True, years=6)
    panel.value[rng.random(panel.value.shape) < 0.4] = np.nan
    panel.value[0] = np.nan
    found = find_suspicious(panel.value, panel.kind, is_percent=True)
    assert np.mean(np.any(list(found.values()), axis=0)) < 0.002
    for shape in ((1, 1), (3, 2), (5, 1)):
        still = np.full(shape, 5.0)
        kind = np.zeros(shape[0], dtype=np.int64)
        for is_percent in (True, False):
            masks = find_suspicious(still, kind, is_percent=is_percent)
            assert list(masks) == list(RULES)
            assert not any(mask.any() for mask in masks.values())


def test_nothing_is_changed_and_order_does_not_matter() -> None:
    store = open_store()
    figures = store.figures([EMPTY, "flytipping_incidents_count"])
    before = figures.copy()
    found = suspicious_figures(figures, store.councils, units_of(store))
    pd.testing.assert_frame_equal(figures, before)
    mixed = figures.sample(frac=1, random_state=1)
    councils = store.councils.sample(frac=1, random_state=2)
    pd.testing.assert_frame_equal(suspicious_figures(mixed, councils, units_of(store)), found)
    nobody = suspicious_figures(figures.iloc[:0], store.councils, units_of(store))
    assert nobody.empty
    assert list(nobody.columns) == list(found.columns)


def test_the_named_figures_of_the_tables_are_found() -> None:
    store = open_store()
    found = suspicious_in(store, store.held())
    rows = set(
        found[["indicator", "council_name", "fin_year", "rule"]].itertuples(index=False, name=None)
    )
    for name, years in (
        ("Hounslow", ("2011/12", "2012/13")),
        ("Harrow", ("2022/23",)),
        ("Corby", ("2014/15", "2015/16", "2016/17", "2017/18", "2018/19")),
    ):
        assert {(EMPTY, name, year, "far_below") for year in years} <= rows
    spending = "total_service_expenditure_gbp_000"
    for name in ("Forest Heath", "Spelthorne"):
        assert (spending, name, "2017/18", "negative") in rows
    tipping = found[found["indicator"] == "flytipping_incidents_count"]
    changed = set(zip(tipping["council_name"], tipping["fin_year"], strict=True))
    assert {("Enfield", "2017/18"), ("Kirklees", "2016/17"), ("Plymouth", "2016/17")} <= changed
    singles = found[found["rule"].isin(SINGLE_FIGURES)]
    share = len(singles.drop_duplicates(["indicator", "council_code", "period"])) / len(
        store.outcomes
    )
    assert share < 0.006  # a list to be read, not a filter


def test_zeros_that_corrections_drop_are_found_in_the_tables_as_published() -> None:
    store = open_store()
    fixes = store.corrections
    dropped = fixes[(fixes["published"] == "0") & (fixes["corrected"] == "")]
    dropped = dropped[dropped["indicator"] != "unallocated_reserves_gbp_000"]
    assert {"asc_quality_of_life_score", "ehc_plans_within_20_weeks_pct"} <= set(
        dropped["indicator"]
    )
    parts = []
    for file in sorted(set(dropped["file"])):
        table = pd.read_csv(RAW / file)
        parts.append(table[table["indicator"].isin(dropped["indicator"])])
    published = pd.concat(parts)
    published = published.assign(
        council_code=store.book.follow(published["council_code"]),
        period=published["fin_year"].str[:4].astype(int),
    )
    found = suspicious_figures(published, store.councils, units_of(store))
    zeros = found[found["rule"] == "zero"]
    keys = ["indicator", "council_code", "fin_year"]
    missed = dropped.assign(council_code=store.book.follow(dropped["council_code"]))
    missed = missed.merge(zeros[keys], on=keys, how="left", indicator=True)
    missed = missed[missed["_merge"] == "left_only"]
    assert missed.empty, missed[keys]


def test_percentages_outside_0_to_100_are_listed_and_not_refused() -> None:
    store = open_store()
    figures = store.figures([EMPTY]).copy()
    figures.loc[figures.index[[10, 500]], "value"] = [107.0, -3.0]
    found = suspicious_figures(figures, store.councils, units_of(store))
    assert sorted(found.loc[found["rule"] == "out_of_range", "value"]) == [-3.0, 107.0]
    assert not (found["rule"] == "negative").any()


def test_the_plan_knows_every_rule() -> None:
    assert set(get_args(RuleName)) == set(RULES)
    assert set(SINGLE_FIGURES) < set(RULES)


def plan(*overrides: str) -> Plan:
    return load_plan("peer_challenge", overrides)


def test_keeping_is_the_default_and_changes_nothing() -> None:
    store = open_store()
    figures = store.figures([EMPTY])
    settled = settle_unsafe(plan(), figures, store)
    assert settled.figures is figures
    assert set(settled.unsafe["action"]) == {"keep", "listed"}
    assert set(settled.unsafe.loc[settled.unsafe["action"] == "listed", "rule"]) == {"jump"}
    touched = settled.unsafe[settled.unsafe["action"] == "keep"]
    gone = len(touched.drop_duplicates(["council_code", "period"]))
    assert settled.other is not None
    assert len(settled.other) == len(figures) - gone


def test_making_missing_leaves_out_what_is_listed_and_nothing_else() -> None:
    store = open_store()
    figures = store.figures([EMPTY])
    trusted = f"unsafe_figures.trusted=[E09000018 {EMPTY} 2011/12, E07000150 {EMPTY}]"
    settled = settle_unsafe(plan("unsafe_figures.action=missing", trusted), figures, store)
    unsafe = settled.unsafe
    corby = unsafe[(unsafe["council_code"] == "E07000150") & (unsafe["rule"] != "jump")]
    assert set(corby["action"]) == {"trusted"}
    hounslow = unsafe[(unsafe["council_code"] == "E09000018") & (unsafe["rule"] == "far_below")]
    assert hounslow.set_index("fin_year")["action"].to_dict() == {
        "2011/12": "trusted",
        "2012/13": "missing",
    }
    keys = ["council_code", "period"]
    lost = figures.merge(settled.figures[keys], on=keys, how="left", indicator=True)
    lost = lost[lost["_merge"] == "left_only"]
    wanted = unsafe[unsafe["action"] == "missing"].drop_duplicates(keys)
    assert sorted(map(tuple, lost[keys].to_numpy())) == sorted(map(tuple, wanted[keys].to_numpy()))
    assert settled.other is figures
    one = settle_unsafe(
        plan("unsafe_figures.action=missing", "unsafe_figures.rules=[negative]"), figures, store
    )
    assert one.other is None
    assert one.figures is figures


def test_the_panel_holds_both_decisions_and_the_list() -> None:
    kept = build_panel(plan())
    gone = build_panel(plan("unsafe_figures.action=missing"))
    assert kept.other is not None
    assert gone.other is not None
    pd.testing.assert_frame_equal(kept.other.figures, gone.figures)
    pd.testing.assert_frame_equal(gone.other.figures, kept.figures)
    assert set(kept.unsafe["indicator"]) <= set(kept.indicators)
    assert len(kept.unsafe) == len(gone.unsafe)


def test_a_trusted_figure_that_is_not_there_is_told() -> None:
    texts = (
        f"E09000018 {EMPTY}s",
        f"E09000918 {EMPTY} 2011/12",
        f"E09000018 {EMPTY} 1999/00",
    )
    with pytest.raises(PlanError) as told:
        panel_from_store(plan(f"unsafe_figures.trusted=[{', '.join(texts)}]"), open_store())
    found = str(told.value)
    assert f"Did you mean '{EMPTY}'?" in found
    assert "has no figure of council E09000918" in found
    assert "of council E09000018 has no figure in 1999/00" in found
    assert found.count("unsafe_figures.trusted[") == 3


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("unsafe_figures.action=drop", "Use one of keep, missing"),
        ("unsafe_figures.rules=[spikes]", "Did you mean 'spike'?"),
        ("unsafe_figures.rules=[]", "empty list"),
        ("unsafe_figures.rules=[zero, zero]", "listed twice"),
        ("unsafe_figures.trusted=[Hounslow]", "write like E09000018"),
        ("unsafe_figures.trust=[Hounslow]", "unsafe_figures.trust: is not a key"),
    ],
)
def test_a_wrong_decision_is_told(override: str, words: str) -> None:
    with pytest.raises(PlanError) as told:
        plan(override)
    assert words.lower() in str(told.value).lower()
