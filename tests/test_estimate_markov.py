"""Markov models: closed forms, derivatives, bad input, what may not change them."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import linalg
from statsmodels.stats.proportion import proportion_confint

from evallib.errors import EstimationError, EvallibWarning
from evallib.estimate import Estimate, fit
from evallib.estimate import markov_likelihood as likelihood
from evallib.estimate.markov_likelihood import Cells, evaluate

NAMES = {"outcome": "grade", "unit": "council", "time": "year"}
FEWER = settings(max_examples=settings.default.max_examples // 5)
RATES = np.array([[-0.3, 0.3, 0.0], [0.2, -0.5, 0.3], [0.0, 0.25, -0.25]])
STEPS = ((1, 2), (2, 1), (2, 3), (3, 2))
CONTINUOUS = {"model": "continuous", "allowed": STEPS}


def make_histories(
    seed: int, units: int = 120, spread: float = 2.0, rates: np.ndarray = RATES
) -> pd.DataFrame:
    """Return grades from 1 on at irregular times, a covariate and pairs of councils."""
    rng = np.random.default_rng(seed)
    rows = []
    for unit in range(units):
        state, time = int(rng.integers(len(rates))), float(rng.uniform(0, 2))
        for _ in range(5):
            rows.append((f"c{unit:03d}", time, state + 1, unit % 2, unit // 2))
            span = 0.5 + spread * rng.uniform()
            state = int(rng.choice(len(rates), p=linalg.expm(rates * span)[state]))
            time += span
    return pd.DataFrame(rows, columns=["council", "year", "grade", "urban", "pair"])


def markov(frame: pd.DataFrame, **options: object) -> Estimate:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EvallibWarning)
        return fit("markov", frame, **NAMES, **options)


def test_shares_are_counts_over_counts_with_wilsons_interval() -> None:
    frame = make_histories(1)
    found = markov(frame, vcov="iid")
    pairs = frame.assign(later=frame.groupby("council")["grade"].shift(-1)).dropna()
    counts = pairs.groupby(["grade", "later"]).size().unstack(fill_value=0).to_numpy()
    assert found.details["transitions"].counts.to_numpy().tolist() == counts.tolist()
    assert found.terms[:4] == ("1->1", "1->2", "1->3", "2->1")
    totals = np.repeat(counts.sum(axis=1), 3)
    assert found.point == pytest.approx(counts.ravel() / totals)
    low, high = proportion_confint(counts.ravel(), totals, method="wilson")
    assert found.conf_low == pytest.approx(low)
    assert found.conf_high == pytest.approx(high)
    assert found.std_error == pytest.approx(np.sqrt(found.point * (1 - found.point) / totals))
    again = proportion_confint(counts[0, 1], totals[0], alpha=0.2, method="wilson")
    assert found.interval(0.8, "1->2") == pytest.approx(again)


def test_clusters_widen_shares_that_pairs_of_councils_have_in_common() -> None:
    frame = make_histories(2, 60)
    twins = pd.concat([frame, frame.assign(council=frame["council"] + "b")])
    alone = markov(frame, cluster="council")
    both = markov(twins, cluster="pair")
    assert both.point == pytest.approx(alone.point)
    assert both.n_clusters == 30
    blind = markov(twins, vcov="iid")
    assert (both.conf_high - both.conf_low > 1.05 * (blind.conf_high - blind.conf_low)).all()
    pairs = frame.assign(later=frame.groupby("council")["grade"].shift(-1)).dropna()
    own = pairs[pairs["grade"] == 1]
    beyond = (own["later"] == 2) - alone.point[alone.index("1->2")]
    spread = (beyond.groupby(own["council"]).sum() ** 2).sum() * 60 / 59 / len(own) ** 2
    assert alone.std_error[alone.index("1->2")] == pytest.approx(np.sqrt(spread))


def test_a_change_of_framework_is_no_change_of_grade() -> None:
    frame = make_histories(3, 40).assign(framework="new")
    frame.loc[frame.groupby("council").cumcount() < 2, "framework"] = "old"
    found = markov(frame, framework="framework")
    assert found.details["across_frameworks"] == 40
    assert found.n_obs == 40 * 3
    inside = frame.assign(council=frame["council"] + frame["framework"])
    assert found.point == pytest.approx(markov(inside).point)
    assert "40 observations" in found.details["transitions"]._repr_html_()
    single = frame.groupby(["council", "framework"], as_index=False).head(1)
    with pytest.raises(EstimationError, match="40 observations follow one on another scale"):
        markov(single, framework="framework")


def test_labels_keep_their_order_and_shares_of_nothing_have_an_upper_end() -> None:
    words = ["Poor", "Fair", "Good"]
    frame = make_histories(4, 40)
    frame["grade"] = pd.Categorical.from_codes(frame["grade"] - 1, words, ordered=True)
    found = markov(frame)
    assert found.terms[1] == "Poor->Fair"
    never = make_histories(4, 40, rates=RATES * [[1], [1], [0]])
    found = markov(never)
    k = found.index("3->1")
    assert (found.point[k], found.conf_low[k]) == (0.0, 0.0)
    assert np.isnan(found.std_error[k])
    assert 0 < found.conf_high[k] < 0.4


def test_two_states_seen_every_year_have_the_logarithm_of_the_shares_as_rates() -> None:
    rates = np.array([[-0.4, 0.4], [0.7, -0.7]])
    frame = make_histories(5, rates=rates, spread=0.0)
    share = markov(frame).point.reshape(2, 2)
    found = markov(frame, model="continuous", vcov="iid")
    expected = np.real(linalg.logm(share)) / 0.5
    assert found.terms == ("1->2", "2->1")
    assert found.point == pytest.approx([expected[0, 1], expected[1, 0]], rel=1e-7)
    chances = found.details["process"].probabilities(0.5).frame
    assert chances["probability"].to_numpy() == pytest.approx(share.ravel(), abs=1e-8)
    # The information is that of two binomial shares: the delta method gives their errors back.
    errors = markov(frame, vcov="iid").std_error
    assert chances["std_error"].to_numpy() == pytest.approx(errors, rel=1e-4)


def test_exact_times_of_entry_give_events_over_time() -> None:
    rng = np.random.default_rng(6)
    death = rng.exponential(4.0, 80)
    rows = [(unit, 0.0, "alive") for unit in range(80)]
    rows += [(u, min(t, 5.0), "dead" if t < 5 else "alive") for u, t in enumerate(death)]
    frame = pd.DataFrame(rows, columns=["council", "year", "grade"])
    found = markov(
        frame, model="continuous", allowed=[("alive", "dead")], exact_states="dead", vcov="iid"
    )
    events, time = (death < 5).sum(), np.minimum(death, 5).sum()
    assert found.point == pytest.approx([events / time], rel=1e-8)
    assert found.std_error == pytest.approx([events / time / np.sqrt(events)], rel=1e-6)


def small_cells(seed: int, exact: bool) -> Cells:
    rng = np.random.default_rng(seed)
    return Cells(
        states=4,
        origin_of=np.array([0, 0, 1, 2, 2]),
        target_of=np.array([1, 3, 2, 1, 3]),
        is_exact=np.array([False, False, False, exact]),
        design=rng.normal(size=(3, 2)),
        pattern=rng.integers(0, 3, 12),
        origin=rng.integers(0, 3, 12),
        target=np.array([3, 1, 2] * 4),
        span=rng.uniform(0.1, 3, 12),
        cell_of=np.arange(12),
    )


@pytest.mark.parametrize("exact", [False, True])
def test_derivatives_are_those_of_the_likelihood_by_either_road(exact, monkeypatch) -> None:
    cells = small_cells(7, exact)
    theta = np.random.default_rng(8).normal(size=cells.parameters)
    value, slope = evaluate(theta, cells)
    step = 1e-6
    for k in range(theta.size):
        shift = step * np.eye(theta.size)[k]
        numeric = (evaluate(theta + shift, cells)[0] - evaluate(theta - shift, cells)[0]) / 2e-6
        assert slope[:, k] == pytest.approx(numeric, abs=1e-6)
    monkeypatch.setattr(likelihood, "DOUBTFUL", 0.0)
    other_value, other_slope = evaluate(theta, cells)
    assert other_value == pytest.approx(value, abs=1e-12)
    assert other_slope == pytest.approx(slope, abs=1e-11)


def test_equal_rates_that_share_eigenvectors_are_no_trouble() -> None:
    cells = Cells(
        states=4,
        origin_of=np.array([0, 1, 2]),
        target_of=np.array([1, 2, 3]),
        is_exact=np.zeros(4, dtype=bool),
        design=np.zeros((1, 0)),
        pattern=np.zeros(4, dtype=np.int64),
        origin=np.zeros(4, dtype=np.int64),
        target=np.arange(4),
        span=np.full(4, 2.0),
        cell_of=np.arange(4),
    )
    value, _ = evaluate(np.zeros(3), cells)
    poisson = [2.0**k * np.exp(-2) / (1, 1, 2)[k] for k in range(3)]
    assert np.exp(value) == pytest.approx([*poisson, 1 - sum(poisson)], abs=1e-12)


def test_what_follows_from_rates_adds_up() -> None:
    found = markov(make_histories(9), **CONTINUOUS, covariates="urban")
    process = found.details["process"].at({"urban": 1})
    chances = process.probabilities(3).frame
    assert chances.groupby("from")["probability"].sum().to_numpy() == pytest.approx(np.ones(3))
    assert (chances["conf_low"] < chances["probability"]).all()
    assert process.time_spent(3, start=2).frame["time"].sum() == pytest.approx(3)
    stays = process.sojourn.frame["time"].to_numpy()
    assert stays == pytest.approx(-1 / np.diag(process.matrix))
    rates = process.rates.frame.set_index(["from", "to"])["rate"]
    ratios = found.details["ratios"].frame.set_index(["from", "to"])["ratio"]
    base = found.details["process"].at({"urban": 0}).rates.frame.set_index(["from", "to"])["rate"]
    for pair in STEPS:
        assert rates[pair] / base[pair] == pytest.approx(ratios[pair])
    assert found.terms[4] == "1->2,urban"
    for shown in (process, process.sojourn, process.time_spent(1), found.details["ratios"]):
        assert "<table>" in shown._repr_html_()
    with pytest.raises(EstimationError, match="Did you mean 'urban'"):
        process.at({"urbn": 1})
    with pytest.raises(EstimationError, match="no state 9"):
        process.time_spent(1, start=9)
    with pytest.raises(EstimationError, match="not a time above 0"):
        process.probabilities(0)


def test_errors_of_derived_figures_are_slopes_times_the_covariance() -> None:
    process = markov(make_histories(10), **CONTINUOUS).details["process"]
    cases = {
        "probability": lambda one: one.probabilities(2).frame,
        "time": lambda one: one.time_spent(2).frame,
        "rate": lambda one: one.rates.frame,
    }
    for column, figures in cases.items():
        slopes = []
        for k in range(process.theta.size):
            moved = []
            for sign in (1, -1):
                theta = process.theta + sign * 1e-5 * np.eye(process.theta.size)[k]
                fields = {name: getattr(process, name) for name in process.__slots__}
                moved.append(figures(type(process)(**{**fields, "theta": theta}))[column])
            slopes.append((moved[0] - moved[1]).to_numpy() / 2e-5)
        matrix = np.array(slopes)
        expected = np.sqrt(np.einsum("kn,kl,ln->n", matrix, process.covariance, matrix))
        assert figures(process)["std_error"].to_numpy() == pytest.approx(expected, rel=1e-5)


def test_a_rate_that_runs_to_zero_is_missing_and_named_and_the_others_stay() -> None:
    frame = make_histories(20)
    with pytest.warns(EvallibWarning, match=r"do not fix 1 terms.*: 3->1"):
        found = fit("markov", frame, **NAMES, model="continuous", allowed=[*STEPS, (3, 1)])
    k = found.index("3->1")
    assert np.isnan([found.point[k], found.std_error[k], found.conf_high[k]]).all()
    plain = markov(frame, **CONTINUOUS)
    others = [found.index(term) for term in plain.terms]
    assert found.point[others] == pytest.approx(plain.point, rel=1e-4)
    assert found.std_error[others] == pytest.approx(plain.std_error, rel=1e-2)
    chances = found.details["process"].probabilities(2).frame
    assert chances["std_error"].notna().all()


def test_allowed_changes_can_be_an_array_or_a_frame() -> None:
    frame = make_histories(12, 60)
    plain = markov(frame, **CONTINUOUS)
    square = (RATES > 0).astype(int)
    table = pd.DataFrame(square, index=[1, 2, 3], columns=[1, 2, 3])
    for allowed in (square, table, [list(pair) for pair in STEPS]):
        found = markov(frame, model="continuous", allowed=allowed)
        assert found.terms == plain.terms
        assert found.point == pytest.approx(plain.point, rel=1e-9)
    assert len(markov(frame[:40], model="continuous").terms) >= 4


def test_what_tells_nothing_is_left_out_and_counted() -> None:
    frame = make_histories(13, 40)
    plain = markov(frame)
    gone = pd.concat([frame, frame.assign(year=frame["year"] + 0.01, grade=None)[:7]])
    with pytest.warns(EvallibWarning, match="7 observations without a value of 'grade'"):
        assert fit("markov", gone, **NAMES).point == pytest.approx(plain.point)
    with pytest.warns(EvallibWarning, match=r"0\.5\d* to 2\.\d* apart"):
        fit("markov", frame, **NAMES)
    dead = make_histories(13, 40, rates=RATES * [[1], [1], [0]])
    with pytest.warns(EvallibWarning, match="pairs begin and end in a state that is never left"):
        fit("markov", dead, **NAMES, model="continuous", allowed=STEPS[:3])
    holes = frame.assign(urban=frame["urban"].where(frame["council"] != "c000"))
    with pytest.warns(EvallibWarning, match="4 pairs without an earlier value of 'urban'"):
        fit("markov", holes, **NAMES, **CONTINUOUS, covariates="urban")


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        ({"grade": 1}, {}, "every observation is in the same state"),
        ({"grade": np.nan}, {}, "no observation has a state"),
        ({"grade": lambda rows: rows["year"]}, {}, "different values, not a few states"),
        ({"year": "2010/11"}, {}, "it holds text"),
        ({"year": np.nan}, {}, "times are missing"),
        ({"year": 2010}, {}, "repeat a unit and time"),
        ({"council": lambda rows: np.arange(len(rows))}, {}, "no unit has two observations"),
        ({"council": lambda rows: rows["pair"] % 2}, {}, "there are 2 clusters"),
        ({}, {"allowed": STEPS}, "no meaning with model='discrete'"),
        ({}, {"covariates": "urban"}, "no meaning with model='discrete'"),
        ({}, {"framework": "framewrk"}, "no such column"),
        ({}, {"model": "continuous", "allowed": [(1, 2)]}, "2->1 ("),
        ({}, {"model": "continuous", "allowed": [(1, 4)]}, "there is no state 4"),
        ({}, {"model": "continuous", "allowed": [(1, 1)]}, "not a list of pairs of two states"),
        ({}, {"model": "continuous", "allowed": 3}, "not a list of pairs"),
        ({}, {"model": "continuous", "allowed": np.ones((2, 3))}, "is not square"),
        ({}, {"model": "continuous", "allowed": np.ones((2, 2))}, "the data have 3 (1, 2, 3)"),
        ({}, {"model": "continuous", "allowed": np.zeros((3, 3))}, "it allows no change"),
        ({}, {"model": "continuous", "exact_states": "dead"}, "there is no state 'dead'"),
        ({"urban": 1}, {**CONTINUOUS, "covariates": "urban"}, "one value in all pairs"),
        (
            {"again": lambda rows: 2 * rows["urban"]},
            {**CONTINUOUS, "covariates": ["urban", "again"]},
            "determine the others",
        ),
        ({}, {"model": "continous"}, "Did you mean 'continuous'"),
        ({}, {"cohort": "urban"}, "markov has no exposure"),
        ({}, {"vcov": "cr3"}, "'cr3' is not allowed"),
    ],
)
def test_what_cannot_be_answered_is_refused(change: dict, options: dict, message: str) -> None:
    frame = make_histories(14, 40).assign(**change)
    with pytest.raises(EstimationError, match=re.escape(message)):
        markov(frame, **options)


HISTORIES = st.builds(make_histories, st.integers(0, 10_000), st.integers(50, 90))


@pytest.mark.parametrize("options", [{}, {**CONTINUOUS, "covariates": "urban"}])
@FEWER
@given(frame=HISTORIES, seed=st.integers(0, 99), years=st.sampled_from([-2000.5, 13.0]))
def test_presentation_and_units_of_measurement_change_nothing(options, frame, seed, years):
    before = frame.copy(deep=True)
    plain = markov(frame, **options)
    pd.testing.assert_frame_equal(frame, before)
    assert np.array_equal(plain.covariance, markov(frame, **options).covariance)
    names = {name: f"{seed}-{99 - place}" for place, name in enumerate(frame["council"].unique())}
    other = frame.replace({"council": names}).assign(unused=np.nan, year=frame["year"] + years)
    found = markov(other.sample(frac=1, random_state=seed), **options)
    assert found.point == pytest.approx(plain.point, abs=1e-6, nan_ok=True)
    assert found.std_error == pytest.approx(plain.std_error, abs=1e-6, nan_ok=True)
    words = frame.assign(grade=frame["grade"].map({1: "a", 2: "b", 3: "c"}))
    if not options:
        assert markov(words).point == pytest.approx(plain.point)
        return
    months = markov(frame.assign(year=12 * frame["year"]), **options)
    assert 12 * months.point[:4] == pytest.approx(plain.point[:4], abs=1e-6, nan_ok=True)
    far = markov(frame.assign(urban=1e3 * frame["urban"] + 5), **options)
    assert 1e3 * far.point[4:] == pytest.approx(plain.point[4:], abs=1e-5, nan_ok=True)


@pytest.mark.long
@pytest.mark.parametrize("start", range(0, 50, 10))
@pytest.mark.parametrize("vcov", ["cluster", "iid"])
def test_intervals_cover_the_rates_that_made_the_histories(start: int, vcov: str) -> None:
    truth = np.array([RATES[i - 1, j - 1] for i, j in STEPS])
    covered = 0
    for seed in range(10):
        found = markov(make_histories(9_000 + start + seed), **CONTINUOUS, vcov=vcov)
        covered += int(((found.conf_low < truth) & (truth < found.conf_high)).sum())
    assert covered >= 33  # of 40 at 95 per cent: fewer happens once in 300
