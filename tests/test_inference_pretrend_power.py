"""Power of tests of pre-trends: R's figures, simulation, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from honest_reference import (
    POLICE,
    POLICE_AT_SLOPE,
    POLICE_AT_SQUARE,
    POLICE_MEAN_IF_PASSED,
    POLICE_SLOPE_50,
    PROFITS,
)
from scipy import stats

import evallib as ev
from evallib.errors import EstimationError
from evallib.inference.event_times import EventStudy
from evallib.inference.normal_box import NormalBox
from evallib.inference.pretrend_power import EACH, JOINT, pretrend_power


def test_police_as_r() -> None:
    found = pretrend_power(POLICE)
    assert found.slope(0.5) == pytest.approx(POLICE_SLOPE_50, abs=5e-5)
    seen = found.at(POLICE_SLOPE_50)
    for name, value in POLICE_AT_SLOPE.items():
        assert getattr(seen, name) == pytest.approx(value, abs=2e-4)
    assert seen.mean_if_passed == pytest.approx(POLICE_MEAN_IF_PASSED, abs=2e-5)
    square = found.at(0.024 * np.append(POLICE.lead_distance, POLICE.distance) ** 2.0)
    for name, value in POLICE_AT_SQUARE.items():
        assert getattr(square, name) == pytest.approx(value, abs=2e-4)


@pytest.mark.parametrize("test", [EACH, JOINT])
@pytest.mark.parametrize("power", [0.5, 0.8])
def test_frame_agrees_with_simulation(test: str, power: float) -> None:
    found = pretrend_power(PROFITS, target="average")
    row = found.frame[(found.frame["test"] == test) & (found.frame["power"] == power)].iloc[0]
    drift = row["slope"] * np.append(PROFITS.lead_distance, PROFITS.distance)
    rng = np.random.default_rng(3)
    drawn = rng.multivariate_normal(drift, PROFITS.covariance, size=200_000)
    leads, block = drawn[:, :4], PROFITS.covariance[:4, :4]
    if test == EACH:
        rejects = (np.abs(leads) > 1.959964 * np.sqrt(np.diag(block))).any(axis=1)
    else:
        form = (leads @ np.linalg.inv(block) * leads).sum(axis=1)
        rejects = form > stats.chi2.ppf(0.95, 4)
    assert rejects.mean() == pytest.approx(power, abs=0.005)
    effect = drawn[:, 4:].mean(axis=1)
    assert row["bias"] == pytest.approx(row["slope"] * 2.5)
    error = 4 * effect.std() / np.sqrt((~rejects).sum())
    assert row["bias_if_passed"] == pytest.approx(effect[~rejects].mean(), abs=error)


def test_degrees_of_freedom_make_the_tests_stricter() -> None:
    normal, few = (pretrend_power(replace(PROFITS, df=df)) for df in (None, 9.0))
    assert (few.frame["slope"] > normal.frame["slope"]).all()
    assert few.p_joint > normal.p_joint
    assert few.equivalence_bound > normal.equivalence_bound


def test_one_lead_is_the_textbook_case() -> None:
    study = replace(
        PROFITS,
        leads=np.array([-2]),
        point=PROFITS.point[3:],
        covariance=PROFITS.covariance[3:, 3:],
    )
    found = pretrend_power(study)
    sd = float(np.sqrt(study.covariance[0, 0]))
    wanted = sd * (stats.norm.ppf(0.975) + stats.norm.ppf(0.8))
    assert found.frame["slope"].to_numpy()[[1, 3]] == pytest.approx([wanted, wanted], rel=1e-4)
    assert found.equivalence_bound == pytest.approx(abs(study.point[0]) + 1.6448536 * sd)
    assert found.p_joint == pytest.approx(2 * stats.norm.sf(abs(study.point[0]) / sd))


def test_longer_gap_to_the_base_gives_drift_more_room() -> None:
    later = replace(PROFITS, reference=-3, leads=PROFITS.leads - 2)
    near, far = (pretrend_power(study).frame for study in (PROFITS, later))
    assert far["slope"].to_numpy() == pytest.approx(near["slope"].to_numpy())
    assert far["bias"].to_numpy() == pytest.approx(3 * near["bias"].to_numpy())


def test_box_against_scipy() -> None:
    block, mean = PROFITS.covariance[:4, :4], np.array([0.02, -0.01, 0.0, 0.03])
    half = 1.5 * np.sqrt(np.diag(block))
    wanted = stats.multivariate_normal(mean, block).cdf(half, lower_limit=-half)
    assert NormalBox(block, half).inside(mean)[0] == pytest.approx(wanted, abs=3e-4)


def test_results_repeat_and_show() -> None:
    one, two = (ev.pretrend_power(POLICE, seed=5) for _ in range(2))
    assert one.frame.equals(two.frame)
    assert "0.0521 with 50%" in repr(one)
    assert "found with 50% power" in repr(one.at(one.slope(0.5)))
    assert "<table" in one._repr_html_()


def test_impossible_options_are_refused() -> None:
    for given in ({"powers": 1.0}, {"powers": ["a"]}, {"level": 95}, {"seed": -1}, {"window": 3}):
        with pytest.raises(EstimationError, match="option"):
            pretrend_power(POLICE, **given)
    found = pretrend_power(POLICE)
    with pytest.raises(EstimationError, match="not between"):
        found.slope(0.01)
    with pytest.raises(EstimationError, match="neither a number"):
        found.at("a")
    with pytest.raises(EstimationError, match="'Wald' is not a test"):
        found.at(0.1, "Wald")
    with pytest.raises(EstimationError, match="neither a number nor 7"):
        found.at(np.zeros(3))


def test_many_leads_reject_half_of_the_time_without_drift() -> None:
    leads = np.arange(-21, -1)
    point = np.concatenate([np.zeros(20), [1.0]])
    found = pretrend_power(EventStudy(leads, [0], -1, point, np.eye(21)))
    rows = found.frame.set_index(["test", "power"])["slope"]
    assert np.isnan(rows[EACH, 0.5]) and rows[EACH, 0.8] > 0 and rows[JOINT, 0.5] > 0
    assert any("rejects 64% of the time without drift" in note for note in found.notes)
    assert "80% power" in repr(found) and "nan" not in repr(found)


def test_a_covariance_that_rounding_made_singular_is_taken() -> None:
    flat = np.outer([1.0, 2.0, 1.0, 1.0], [1.0, 2.0, 1.0, 1.0]) + np.diag([0, 0, 0, 1e-16])
    found = pretrend_power(EventStudy([-3, -2], [0, 1], -1, np.zeros(4), flat))
    assert found.frame["slope"].notna().all()
