"""The wild bootstrap against refitting every draw, and what it claims of itself."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from estimation_panels import COLUMNS, make_panel

from evallib.estimate import fit
from evallib.estimate.regression import prepare
from evallib.inference.wild import draw_weights, wild_bootstrap

pytestmark = pytest.mark.filterwarnings("ignore::evallib.errors.EvallibWarning")


def fitted(seed, weights=None, missing=0.0, units=20, pairs=4):
    frame = make_panel(seed=seed, units=units, missing=missing, pairs=pairs)
    found = fit("twfe", frame, **COLUMNS, treatment="exposed", covariates=["share"],
                cluster="pair", weights=weights)  # fmt: skip
    return frame, found.details["fit"]


def refit(frame, weights, tested, signs, value):
    """Return t statistics of every draw from full regressions on dummies."""
    names = frame["council"].to_numpy(dtype=object)
    year = frame["year"].to_numpy()
    nuisance = np.column_stack(
        [
            frame["share"],
            names[:, None] == np.unique(names),
            year[:, None] == np.unique(year)[1:],
        ]
    ).astype(float)
    design = np.column_stack([frame[tested].to_numpy(dtype=float), nuisance])
    root = np.sqrt(frame[weights].to_numpy()) if weights else np.ones(len(frame))
    group = np.unique(frame["pair"], return_inverse=True)[1]
    y = frame["rate"].to_numpy() - value * design[:, 0]
    restricted = sm.WLS(y, nuisance, weights=root**2).fit()

    def statistic(outcome):
        model = sm.OLS(outcome * root, design * root[:, None]).fit()
        x = sm.OLS(design[:, 0] * root, nuisance * root[:, None]).fit().resid
        scores = np.bincount(group, x * model.resid)
        return model.params[0] / np.sqrt((scores**2).sum()) * (x @ x)

    drawn = [
        statistic(restricted.fittedvalues + restricted.resid * sign[group]) for sign in signs.T
    ]
    return statistic(y), np.array(drawn)


@pytest.mark.parametrize("weights", [None, "people"])
@pytest.mark.parametrize("missing", [0.0, 0.2])
@pytest.mark.parametrize("value", [0.0, 0.7])
def test_the_algebra_is_refitting(weights, missing, value):
    frame, kept = fitted(1, weights, missing)
    signs, _, _ = draw_weights(kept.problem.n_clusters, 25, np.random.default_rng(2))
    test = wild_bootstrap(kept.problem, kept.solution.regressors, np.array([1.0, 0.0]), signs)
    here, drawn = refit(frame, weights, "exposed", signs, value)
    square = test.square[0] - 2 * value * test.square[1] + value**2 * test.square[2]
    ours = (test.shift[0] - value * test.shift[1]) / np.sqrt(square)
    assert ours == pytest.approx(drawn, abs=1e-10)
    assert (test.estimate - value) / test.std_error == pytest.approx(here, abs=1e-10)
    assert test.p_value(value) == (np.abs(drawn) >= abs(here)).mean()


def test_a_combination_is_the_coefficient_of_a_rotated_regressor():
    _, kept = fitted(3)
    signs, _, _ = draw_weights(kept.problem.n_clusters, 50, np.random.default_rng(0))
    x = kept.solution.regressors
    one = wild_bootstrap(kept.problem, x, np.array([2.0, 1.0]), signs)
    two = wild_bootstrap(
        kept.problem, np.stack([x[0], x[1] - x[0] / 2]), np.array([2.5, 1.0]), signs
    )
    assert one.estimate == pytest.approx(np.array([2.0, 1.0]) @ kept.solution.beta)
    # beta in the second basis: b0' = b0 + b1 / 2, b1' = b1, so 2 b0 + b1 = 2 b0' + 0 b1'.
    three = wild_bootstrap(
        kept.problem, np.stack([x[0], x[1] - x[0] / 2]), np.array([2.0, 0.0]), signs
    )
    assert three.estimate == pytest.approx(one.estimate)
    assert three.square == pytest.approx(one.square, rel=1e-8)
    assert two.estimate != pytest.approx(one.estimate)


def test_the_interval_holds_what_is_not_rejected():
    _, kept = fitted(4, units=40)
    signs, kind, whole = draw_weights(kept.problem.n_clusters, 1999, np.random.default_rng(1))
    test = wild_bootstrap(
        kept.problem, kept.solution.regressors, np.array([1.0, 0.0]), signs, kind, whole
    )
    for level in (0.9, 0.95, 0.99):
        low, high = test.interval(level)
        assert low < test.estimate < high
        alpha, step = 1 - level + 1e-12, 1e-4 * test.std_error
        assert test.p_value(low) > alpha and test.p_value(high) > alpha
        assert test.p_value(low - step) <= alpha and test.p_value(high + step) <= alpha
    assert test.interval(0.99)[0] < test.interval(0.9)[0]


def test_weights_by_the_number_of_clusters():
    rng = np.random.default_rng(0)
    values, kind, whole = draw_weights(12, 9999, rng)
    assert (kind, whole, values.shape) == ("rademacher", True, (12, 4096))
    assert len({tuple(column) for column in values.T}) == 4096
    values, kind, whole = draw_weights(14, 9999, rng)
    assert (kind, whole, values.shape) == ("rademacher", False, (14, 9999))
    values, kind, whole = draw_weights(11, 9999, rng)
    assert (kind, whole, values.shape) == ("webb", False, (11, 9999))
    assert np.unique(values).round(12).tolist() == pytest.approx(
        sorted([-np.sqrt(1.5), -1, -np.sqrt(0.5), np.sqrt(0.5), 1, np.sqrt(1.5)])
    )
    assert (values**2).mean() == pytest.approx(1, abs=0.02)
    values, kind, whole = draw_weights(4, 9999, rng)
    assert (kind, whole, values.shape) == ("webb", True, (4, 6**4))


def test_enumerated_ties_count():
    """The all-plus and all-minus patterns repeat the sample's |t|: p is at least 2 of 2^G."""
    _, kept = fitted(5, units=16, pairs=4)
    groups = kept.problem.n_clusters
    signs, kind, whole = draw_weights(groups, 5000, np.random.default_rng(0), "rademacher")
    assert whole and groups == 12
    far = wild_bootstrap(
        kept.problem, kept.solution.regressors, np.array([1.0, 0.0]), signs, kind, whole
    )
    square = far.square[0]
    drawn = np.abs(far.shift[0]) / np.sqrt(square)
    here = abs(far.estimate / far.std_error)
    equal = np.isclose(drawn, here, rtol=1e-9)
    patterns = {tuple(column) for column in signs.T[equal]}
    assert {(1.0,) * groups, (-1.0,) * groups} <= patterns
    assert far.p_value() == ((drawn > here) | equal).mean()


def test_size_holds_with_few_clusters():
    """A null panel of 14 clusters: 5 per cent within the error of 400 simulations."""
    exposed = np.zeros((14, 9))
    exposed[::2, 4:] = 1
    cluster = np.repeat(np.arange(14)[:, None], 9, axis=1)
    rejected = 0
    for seed in range(400):
        rng = np.random.default_rng(seed)
        outcome = rng.normal(size=(14, 9)).cumsum(axis=1)
        problem = prepare(outcome, np.ones((14, 9)), cluster)
        signs, kind, whole = draw_weights(14, 399, rng)
        test = wild_bootstrap(problem, exposed[None], np.array([1.0]), signs, kind, whole)
        rejected += test.p_value() <= 0.05
    assert 6 <= rejected <= 36  # 20 expected, four standard errors either way
