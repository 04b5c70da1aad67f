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
from evallib.panel.store import Store

OUTCOMES = (
    "outcomes=[{indicator: children_with_3plus_placements_pct, role: primary, "
    "meaningful_change: 0.5}, {indicator: flytipping_incidents_count, role: descriptive, "
    "years: [2010/11, 2022/23], per: dwellings_count, scale: log, zeros: missing, "
    "meaningful_change: 0.1}]"
)
SMALL = (OUTCOMES, "unsafe_figures={action: missing}")
ADJUSTED = (*SMALL, "covariates=[{name: dwellings_count, missing: drop}]")
Poison = Callable[[pd.DataFrame, pd.Series], pd.DataFrame]


def scrambled(figures: pd.DataFrame, after: pd.Series) -> pd.DataFrame:
    noise = np.random.default_rng(1).uniform(0.5, 3.0, len(figures))
    return figures.assign(value=figures["value"].where(~after, figures["value"] * noise + 1))


def emptied(figures: pd.DataFrame, after: pd.Series) -> pd.DataFrame:
    return figures.assign(value=figures["value"].where(~after))


def lines() -> list[str]:
    return list(design_lines("peer_challenge", SMALL, None))


@pytest.fixture(scope="module", autouse=True)
def _few_draws() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(show_design, "placebo_power", partial(placebo_power, draws=99))
        yield


@pytest.fixture(scope="module")
def clean(_few_draws: None) -> list[str]:
    return lines()


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


@pytest.mark.parametrize("poison", [scrambled, emptied])
def test_nothing_printed_hangs_on_outcomes_after_exposure(
    monkeypatch: pytest.MonkeyPatch, clean: list[str], poison: Poison
) -> None:
    store = open_store()
    after = after_exposure(store, "peer_challenge", SMALL)
    outcome = store.tabled["indicator"].isin(
        ["children_with_3plus_placements_pct", "flytipping_incidents_count"]
    )
    assert 200 < (after & outcome).sum() < outcome.sum() / 2
    poisoned = dataclasses.replace(store, tabled=poison(store.tabled, after & outcome))
    assert not poisoned.tabled["value"].equals(store.tabled["value"])
    monkeypatch.setattr(blind, "open_store", lambda _: poisoned)
    assert lines() == clean


def test_it_hangs_on_outcomes_before(monkeypatch: pytest.MonkeyPatch, clean: list[str]) -> None:
    store = open_store()
    before = ~after_exposure(store, "peer_challenge", SMALL)
    before &= store.tabled["indicator"] == "children_with_3plus_placements_pct"
    changed = dataclasses.replace(store, tabled=scrambled(store.tabled, before))
    monkeypatch.setattr(blind, "open_store", lambda _: changed)
    assert lines() != clean


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
