"""Gaps of the register: who is listed, in which order, and whether the order is worth anything."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from register_trials import Case, compare

from evallib import fit
from evallib.checks.knowing import arms_of, draw_answers, everyone, paths_of, standard_error
from evallib.exposure.gaps import find_gaps
from evallib.inference.knowing import (
    average_narrowing,
    lay_out,
    model_variance,
    relative_variance,
    working_covariance,
)

MOST_OUTCOMES = ["assessments_within_45_days_pct", "children_with_3plus_placements_pct"]


@pytest.fixture(scope="module")
def peer() -> Case:
    return Case.named("peer_challenge")


def test_every_council_that_is_not_known_is_listed(peer: Case) -> None:
    frame = peer.gaps.frame
    councils = peer.exposure.councils
    unknown = councils[councils["status"].isin(["no_record", "exposed_date_unknown"])]
    left_out = unknown[~unknown["council_code"].isin(frame["council_code"])]
    gone = peer.panel.store.councils.set_index("council_code")["valid_to"]
    assert (left_out["council_code"].map(gone) < "2021-04-01").all()
    assert (left_out["council_code"].map(gone) != "").all()
    assert set(frame["status"]) == {"no_record", "exposed_date_unknown"}


def test_chances_add_up_to_what_the_register_lacks(peer: Case) -> None:
    gaps = peer.gaps
    assert gaps.share_held == pytest.approx((38 + 46 + 53 + 65) / 2 / (55 + 71))
    total = gaps.chances.sum(axis=1) + gaps.never
    blank = (gaps.frame["status"] == "no_record").to_numpy()
    np.testing.assert_allclose(total[blank], 1.0)
    assert (total <= 1 + 1e-12).all()
    # about a third of the councils without a row were challenged by 2024/25
    by_2025 = gaps.chances[blank][:, :48].sum() / blank.sum()
    assert 0.25 < by_2025 < 0.4
    # Swale's challenge was in some month of 2023
    swale = gaps.chances[gaps.frame["council_name"] == "Swale"][0]
    assert swale.sum() == pytest.approx(1.0)
    assert swale[gaps.months.year == 2023].sum() == pytest.approx(1.0)
    # West Lindsey has a dated challenge, which is the first unless the missing one is
    lindsey = gaps.chances[gaps.frame["council_name"] == "West Lindsey"][0]
    assert lindsey.sum() == pytest.approx(1.0)
    assert lindsey[list(gaps.months).index(pd.Period("2025-01", "M"))] > 0.3
    # Derbyshire's missing challenge may lie before the studied years: then nothing is learnt
    assert gaps.chances[gaps.frame["council_name"] == "Derbyshire"].sum() < 0.5


def test_no_total_is_published_of_childrens_interventions() -> None:
    children = Case.named("childrens_intervention")
    assert children.gaps.share_held == 0.75
    assert "assumed" in children.gaps.share_from
    given = find_gaps(children.plan, children.panel, children.exposure, 0.5)
    assert given.chances.sum() > children.gaps.chances.sum()


@pytest.mark.filterwarnings("ignore")
def test_the_working_model_is_that_of_the_estimator() -> None:
    """With independent noise the variance is the sum of the estimator's squared weights.

    The weight of a figure is what the estimator answers when that figure is 1 and all others 0.
    """
    rng = np.random.default_rng(3)
    periods = np.arange(2017, 2023)
    cohort = np.array([2019.0] * 3 + [2021.0] * 4 + [2022.0] * 3 + [np.inf] * 5)
    treated = cohort < 2022
    observed = rng.random((cohort.size, periods.size)) > 0.25
    observed[:, [0, 2]] = True  # the bases: period 2017 of cohort 2019, 2019 of cohort 2021
    pairs = sorted(set(zip(cohort.tolist(), treated.tolist(), strict=True)))
    patterns, pattern = np.unique(observed, axis=0, return_inverse=True)
    assert len(patterns) > 5
    layout = lay_out(
        periods,
        patterns,
        np.array([pair[0] for pair in pairs]),
        np.array([pair[1] for pair in pairs]),
        np.eye(periods.size),
        anticipation=1,
        never_only=False,
    )
    mass = np.zeros((1, len(pairs), len(patterns)))
    codes = [pairs.index(pair) for pair in zip(cohort.tolist(), treated.tolist(), strict=True)]
    np.add.at(mass[0], (codes, pattern.reshape(-1)), 1.0)
    unit, place = np.nonzero(observed)
    rows = pd.DataFrame({"unit": unit, "period": periods[place], "cohort": cohort[unit]})
    rows["treated"] = treated[unit]
    late = ~rows["treated"] & (rows["period"] >= rows["cohort"] - 1)
    rows = rows[~late].reset_index(drop=True)
    rows["cohort"] = rows["cohort"].where(rows["treated"])
    weights = []
    for at in range(len(rows)):
        result = fit(
            "group_time",
            rows.assign(value=(rows.index == at).astype(float)),
            outcome="value",
            unit="unit",
            time="period",
            cohort="cohort",
            anticipation=1,
            base="universal",
            comparison="not_yet_treated",
        )
        weights.append(float(result.aggregate("group").point[0]))
    assert float(model_variance(layout, mass, mass)[0]) == pytest.approx(
        float(np.square(weights).sum()), rel=1e-9
    )


def test_noise_is_measured_before_anybody_was_exposed() -> None:
    rng = np.random.default_rng(4)
    calm = rng.normal(size=(40, 12))
    wild = calm.copy()
    wild[0] *= 4
    relative = relative_variance(wild)
    assert relative[0] > 3
    assert relative[1:].mean() < 1.2
    assert relative_variance(np.full((3, 4), np.nan)).tolist() == [1.0, 1.0, 1.0]
    covariance = working_covariance(rng.normal(size=(400, 6)))
    assert np.linalg.eigvalsh(covariance).min() >= -1e-12
    np.testing.assert_allclose(covariance, covariance.T)


def test_a_control_narrows_more_the_fewer_there_are() -> None:
    periods = np.arange(2015, 2021)
    layout = lay_out(
        periods,
        np.ones((1, periods.size), dtype=bool),
        np.array([2018.0, np.inf]),
        np.array([True, False]),
        np.eye(periods.size),
        anticipation=1,
        never_only=False,
    )

    def gain(controls: int) -> float:
        known = np.array([[10.0], [float(controls)]])
        one = average_narrowing(
            layout,
            (known, known.copy()),
            [np.array([0.0, 1.0])],
            np.array([0]),
            np.array([1.0]),
            np.array([1.0]),
            np.array([[1]]),
            np.array([[False]]),
        )
        return float(one[0])

    assert gain(2) > gain(5) > gain(50) > 0
    # 10 treated and 2 controls: 1/10 + 1/2 becomes 1/10 + 1/3
    assert gain(2) == pytest.approx(1 - np.sqrt((1 / 10 + 1 / 3) / (1 / 10 + 1 / 2)))


def test_the_order_does_not_look_at_figures_of_the_studied_years(peer: Case) -> None:
    outcome = MOST_OUTCOMES[0]
    arms = arms_of(peer.plan, peer.panel, peer.exposure, peer.gaps, outcome)
    assert arms is not None
    design = everyone(peer.plan, peer.panel, peer.exposure, outcome)
    assert design is not None
    answers = draw_answers(peer.gaps, 4, np.random.default_rng(1))
    paths = paths_of(arms, answers)
    none = np.zeros(arms.place.size, dtype=bool)
    before, after = standard_error(arms, paths, none), standard_error(arms, paths, ~none)
    assert (after < before).all()


def test_the_top_of_the_list_narrows_more_than_a_random_batch(peer: Case) -> None:
    """By the estimator itself, on the real figures, answers drawn by their likelihood."""
    table = compare(peer, batch=20, trials=6, outcomes=MOST_OUTCOMES).set_index("outcome")
    assert (table["top_pct"] > table["random_pct"] + 4).all()
    assert (table["all_pct"] > table["top_pct"]).all()
