"""Regression to the mean: what matching answers, and the trap that it can be."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from evallib.errors import EvallibWarning
from evallib.estimate import fit
from evallib.estimate.matched import prepare, solve
from evallib.estimate.matched_options import MatchedOptions
from evallib.estimate.matched_warnings import LevelMatchingWarning

pytestmark = pytest.mark.filterwarnings("ignore::evallib.errors.EvallibWarning")
PERIODS, BASE = np.arange(2010, 2020), 5
TRIALS = 200


def draw_low(rng: np.random.Generator, units: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """Return outcomes without any effect and cohorts chosen for a low in the base period."""
    lasting = rng.normal(size=(units, 1))
    passing = rng.normal(size=(units, PERIODS.size))
    for t in range(1, PERIODS.size):
        passing[:, t] = 0.4 * passing[:, t - 1] + np.sqrt(1 - 0.4**2) * passing[:, t]
    outcome = lasting + passing + 0.1 * np.arange(PERIODS.size)
    score = (outcome[:, BASE] - outcome[:, BASE].mean()) / outcome[:, BASE].std()
    chosen = rng.random(units) < 1 / (1 + np.exp(2 * (score + 1.2)))
    return outcome, np.where(chosen, PERIODS[BASE] + 1.0, np.inf)


def draw_apart(rng: np.random.Generator, units: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """Return outcomes without any effect; a fifth, lastingly one unit lower, are treated."""
    chosen = rng.random(units) < 0.2
    lasting = 0.7 * rng.normal(size=units) - chosen
    outcome = lasting[:, None] + rng.normal(size=(units, PERIODS.size)) + 0.1 * (PERIODS - 2010)
    return outcome, np.where(chosen, PERIODS[BASE] + 1.0, np.inf)


def as_frame(outcome: np.ndarray, first: np.ndarray) -> pd.DataFrame:
    units = np.arange(first.size)
    return pd.DataFrame(
        {
            "council": np.repeat([f"E{k:03d}" for k in units], PERIODS.size),
            "year": np.tile(PERIODS, first.size),
            "rate": outcome.ravel(),
            "first": np.repeat(np.where(np.isinf(first), np.nan, first), PERIODS.size),
        }
    )


def trial(draw, **options) -> dict[str, float]:
    """Return mean effects of difference-in-differences and of matching, and the coverage."""
    results = []
    every = np.ones((300, PERIODS.size), dtype=bool)
    for seed in range(TRIALS):
        outcome, first = draw(np.random.default_rng(seed))
        treated = np.isfinite(first)
        change = outcome[:, BASE + 1 :].mean(axis=1) - outcome[:, BASE]
        plain = change[treated].mean() - change[~treated].mean()
        found = solve(prepare(outcome, every, PERIODS, MatchedOptions(**options)), first)
        covers = abs(found.point[0]) < 1.96 * found.std_error[0]
        results.append((plain, found.point[0], covers, found.std_error[0]))
    did, matched, coverage, std_error = np.mean(results, axis=0)
    spread = float(np.std([row[1] for row in results]))
    return {
        "did": did, "matched": matched, "coverage": coverage, "se": std_error, "spread": spread,
    }  # fmt: skip


@pytest.mark.parametrize("options", [{}, {"replace": False, "neighbours": 1}])
def test_a_passing_low_is_answered_with_nominal_coverage(options):
    """No effect: plain differences see a recovery of 0.8, matched ones nothing.

    Two hundred trials: the mean has a standard error of 0.014, the coverage one of 0.015.
    """
    found = trial(draw_low, **options)
    assert found["did"] > 0.7
    assert abs(found["matched"]) < 0.04
    assert 0.91 < found["coverage"] < 0.985
    assert found["se"] == pytest.approx(found["spread"], rel=0.12)


def test_a_lasting_gap_is_made_worse_by_matching_on_level():
    """Daw and Hatfield's trap: comparators as low as the treated are so by chance, and recover."""
    level = trial(draw_apart)
    assert abs(level["did"]) < 0.04
    assert level["matched"] < -0.4 and level["coverage"] < 0.15
    trend = trial(draw_apart, match="trend")
    assert abs(trend["matched"]) < 0.05 and trend["coverage"] > 0.88


def told(draw, seed: int, **options) -> list[str]:
    """Return the warnings about level of a fit."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", EvallibWarning)
        fit(
            "matched_did",
            as_frame(*draw(np.random.default_rng(seed))),
            outcome="rate",
            unit="council",
            time="year",
            cohort="first",
            **options,
        )
    return [str(item.message) for item in caught if item.category is LevelMatchingWarning]


def test_the_trap_is_warned_of_and_told_from_a_passing_low():
    """Once matched, treated and comparators still differ in earlier years, or do not."""
    for seed in range(10):
        (text,) = told(draw_apart, seed)
        assert "by chance and drift back" in text and "It looks so here" in text
        assert "Use match='trend' or group_time" in text
    assert not told(draw_apart, 0, match="trend")
    alike = [text for seed in range(10) for text in told(draw_low, seed)]
    assert sum("It does not look so here" in text for text in alike) >= 9


def test_one_period_before_exposure_cannot_tell():
    outcome, first = draw_apart(np.random.default_rng(0))
    frame = as_frame(outcome, first).query("year >= 2015")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", EvallibWarning)
        found = fit("matched_did", frame, outcome="rate", unit="council", time="year",
                    cohort="first")  # fmt: skip
    assert any("No period before the base tells" in str(item.message) for item in caught)
    assert not found.details["level_gap"].is_earlier


def test_an_effect_is_found():
    outcome, first = draw_low(np.random.default_rng(3))
    outcome = outcome + 2.0 * (PERIODS[None, :] >= first[:, None])
    found = fit("matched_did", as_frame(outcome, first), outcome="rate", unit="council",
                time="year", cohort="first")  # fmt: skip
    assert found.conf_low[0] < 2.0 < found.conf_high[0]
    assert found.conf_low[0] > 1.0


def test_balance_says_what_matching_mended():
    outcome, first = draw_low(np.random.default_rng(4))
    found = fit("matched_did", as_frame(outcome, first), outcome="rate", unit="council",
                time="year", cohort="first")  # fmt: skip
    balance = found.details["matching"].balance.set_index("column")
    treated = np.isfinite(first)
    level = outcome[:, BASE]
    scale = level[~treated].std()
    gap = (level[treated].mean() - level[~treated].mean()) / scale
    assert balance.loc["level", "difference_before"] == pytest.approx(gap)
    assert balance.loc["level", "variance_ratio_before"] == pytest.approx(
        level[treated].var() / level[~treated].var()
    )
    pairs = found.details["matching"].matches
    place = {f"E{k:03d}": level[k] for k in range(300)}
    own = pairs["unit"].map(place) - pairs["comparator"].map(place)
    after = (own * pairs["weight"]).sum() / pairs["unit"].nunique() / scale
    assert balance.loc["level", "difference_after"] == pytest.approx(after)
    assert abs(after) < 0.25 < 0.8 < abs(gap)
    support = found.details["matching"].support.set_index("column")
    outside = (level[treated] < level[~treated].min()) | (level[treated] > level[~treated].max())
    assert support.loc["level", "n_outside"] == outside.sum()
