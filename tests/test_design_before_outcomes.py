"""What is shown before outcomes does not hang on what exposed councils showed after exposure."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import pandas as pd
import pytest

import evallib as ev
from evallib.cli import show_design
from evallib.cli.show_design import design_lines
from evallib.design import blind
from evallib.inference.audit import placebo_power
from evallib.panel import open_store
from evallib.panel.derived.names import reach
from evallib.panel.store import Store

OUTCOMES = (
    "outcomes=[{indicator: children_with_3plus_placements_pct, role: primary, "
    "meaningful_change: 0.5}, {indicator: flytipping_incidents_count, role: descriptive, "
    "years: [2010/11, 2022/23], per: dwellings_count, scale: log, zeros: missing, "
    "meaningful_change: 0.1}]"
)
ONE = "outcomes=[{indicator: children_with_3plus_placements_pct, meaningful_change: 0.5}]"
SMALL = (OUTCOMES, "unsafe_figures={action: missing}")
ADJUSTED = (*SMALL, "covariates=[{name: dwellings_count, missing: drop}]")
Poison = Callable[[pd.DataFrame, pd.Series], pd.DataFrame]


def scrambled(figures: pd.DataFrame, after: pd.Series) -> pd.DataFrame:
    noise = np.random.default_rng(1).uniform(0.5, 3.0, len(figures))
    return figures.assign(value=figures["value"].where(~after, figures["value"] * noise + 1))


def emptied(figures: pd.DataFrame, after: pd.Series) -> pd.DataFrame:
    return figures.assign(value=figures["value"].where(~after))


@pytest.fixture(scope="module", autouse=True)
def _few_draws() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(show_design, "placebo_power", partial(placebo_power, draws=99))
        yield


def after_exposure(store: Store, name: str, given: tuple[str, ...]) -> pd.Series:
    """Return which figures are measured over a time that ends after the council's own event."""
    plan = ev.load_plan(name, given)
    panel = ev.build_panel(plan)
    met = ev.build_exposure(plan, panel).councils.set_index("council_code")["event_date"]
    figures = store.tabled
    keys = figures[["indicator", "period"]].drop_duplicates()
    keys["end"] = [
        pd.Timestamp(store.catalogue.rule(one.indicator).end(one.period))
        for one in keys.itertuples()
    ]
    end = figures[["indicator", "period"]].merge(keys, how="left")["end"].to_numpy()
    return pd.Series(figures["council_code"].map(met).to_numpy() <= end, index=figures.index)


def shown_with(
    monkeypatch: pytest.MonkeyPatch, store: Store, name: str, given: tuple[str, ...]
) -> list[str]:
    monkeypatch.setattr(blind, "open_store", lambda _: store)
    return list(design_lines(name, given, None))


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "given", "poison"),
    [
        ("peer_challenge", SMALL, scrambled),
        ("peer_challenge", SMALL, emptied),
        ("childrens_intervention", (), scrambled),
        ("performance_index", (), scrambled),
        ("performance_index", (), emptied),
    ],
)
def test_nothing_printed_hangs_on_outcomes_after_exposure(
    monkeypatch: pytest.MonkeyPatch, name: str, given: tuple[str, ...], poison: Poison
) -> None:
    store, plan = open_store(), ev.load_plan(name, given)
    outcomes = {part for outcome in plan.outcomes for part in reach(plan, outcome)}
    is_outcome = store.tabled["indicator"].isin(outcomes)
    after = is_outcome & after_exposure(store, name, given)
    assert 200 < after.sum() < is_outcome.sum() / 2
    poisoned = dataclasses.replace(store, tabled=poison(store.tabled, after))
    assert not poisoned.tabled["value"].equals(store.tabled["value"])
    clean = shown_with(monkeypatch, store, name, given)
    assert len(clean) > 15 * len(plan.outcomes)
    assert shown_with(monkeypatch, poisoned, name, given) == clean


def test_it_hangs_on_outcomes_before(monkeypatch: pytest.MonkeyPatch) -> None:
    store, name, given = open_store(), "peer_challenge", (ONE,)
    before = ~after_exposure(store, name, given)
    before &= store.tabled["indicator"] == "children_with_3plus_placements_pct"
    clean = shown_with(monkeypatch, store, name, given)
    changed = dataclasses.replace(store, tabled=scrambled(store.tabled, before))
    assert shown_with(monkeypatch, changed, name, given) != clean


def test_lines_say_what_their_figures_are() -> None:
    lines = list(design_lines("peer_challenge", [ONE, "comparison=never_treated"], None))
    page = "\n".join(lines)
    assert "  recorded councils only: no design, because only_known is not applicable with " in page
    assert "treated councils within the middle 90 per cent of comparison ones" in page
    last = lines[-1]
    assert "99 draws of " in last and " councils not exposed in place of the " in last
    assert "standard deviation of their estimates " in last
    assert last.endswith(" percentage points)")


def test_the_design_is_the_real_one_but_for_what_is_not_read() -> None:
    plan = ev.load_plan("peer_challenge", ADJUSTED)
    panel = ev.build_panel(plan)
    real = ev.build_designs(plan, panel, ev.build_exposure(plan, panel))
    for one, seen in zip(real, blind.build_blind_designs(plan), strict=True):
        columns = ["council_code", "cohort", "is_treated", "status", "cluster"]
        pd.testing.assert_frame_equal(one.councils[columns], seen.councils[columns])
        event = one.full["council_code"].map(one.councils.set_index("council_code")["cohort"]) - 1
        before = one.full[~(one.full["period"] >= event)]
        rows = before.merge(seen.full, on=["council_code", "period"], suffixes=("", "_seen"))
        assert len(rows) == len(before)
        assert rows["value"].equals(rows["value_seen"])
        event = seen.full["council_code"].map(seen.councils.set_index("council_code")["cohort"])
        after = seen.full[seen.full["period"] >= event - 1]
        assert after["value"].isin([1.0, 0.0]).all() or one.scale == "log"
        assert after["value"].nunique() < after["council_code"].nunique() + 1
