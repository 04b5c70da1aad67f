"""Many two-way regressions at once, against one fit at a time through the door."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from evallib.errors import EstimationError
from evallib.estimate import fit
from evallib.estimate.many_regressions import (
    COLLINEAR,
    Columns,
    Specification,
    lay_out,
    solve_specifications,
)

pytestmark = pytest.mark.filterwarnings("ignore::evallib.errors.EvallibWarning")
NAMES = ("rate", "log_rate", "exposed", "later", "size", "income", "share")


def make_rows(seed: int, units: int = 70, periods: int = 9, missing: float = 0.15) -> pd.DataFrame:
    """Return an unbalanced panel with gaps in two controls and clusters of several units."""
    rng = np.random.default_rng(seed)
    unit, period = np.divmod(np.arange(units * periods), periods)
    first = rng.choice([3, 5, 6, 99], size=units, p=[0.2, 0.15, 0.1, 0.55])
    frame = pd.DataFrame({"unit": unit, "period": period})
    frame["rate"] = 20 + rng.normal(size=len(frame)) + rng.normal(size=units)[unit]
    frame["exposed"] = (period >= first[unit]).astype(float)
    frame["later"] = (period >= first[unit] + 1).astype(float)
    frame["rate"] += frame["exposed"]
    frame["log_rate"] = np.log(frame["rate"])
    frame["size"] = 1e5 * (1 + rng.random(len(frame)))
    frame["income"] = rng.normal(size=len(frame))
    frame["share"] = rng.random(len(frame)) * 1e-3
    frame["weight"] = 0.5 + rng.random(units)[unit]
    frame["group"] = unit // 3
    frame = frame[rng.random(len(frame)) > missing].reset_index(drop=True)
    frame.loc[rng.random(len(frame)) < 0.1, "income"] = np.nan
    frame.loc[frame["period"] == 0, "share"] = np.nan
    return frame


def to_columns(frame: pd.DataFrame, weight: str | None = None) -> Columns:
    return lay_out(
        frame["unit"].to_numpy(),
        frame["period"].to_numpy(),
        frame[list(NAMES)].to_numpy().T,
        np.ones(len(frame)) if weight is None else frame[weight].to_numpy(),
        frame[["unit", "group"]].to_numpy().T,
    )


def every_specification() -> list[Specification]:
    subsets = [s for size in range(4) for s in itertools.combinations((4, 5, 6), size)]
    return [Specification(*item) for item in itertools.product((0, 1), (2, 3), subsets, (0, 1))]


@pytest.mark.parametrize("weight", [None, "weight"])
def test_every_specification_is_the_fit_of_its_own_columns(weight: str | None) -> None:
    frame, wanted = make_rows(3), every_specification()
    found = solve_specifications(to_columns(frame, weight), wanted)
    assert set(found.problem) == {""}
    for place in np.random.default_rng(0).choice(len(wanted), 20, replace=False):
        item = wanted[place]
        controls = [NAMES[k] for k in item.controls]
        alone = fit(
            "twfe",
            frame.dropna(subset=controls),
            outcome=NAMES[item.outcome],
            unit="unit",
            time="period",
            treatment=NAMES[item.exposure],
            covariates=controls,
            weights=weight,
            cluster=("unit", "group")[item.cluster],
        )
        ours = [found.estimate[place], found.std_error[place], found.p_value[place]]
        theirs = [alone.point[0], alone.std_error[0], alone.p_value[0]]
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-13)
        counts = (found.rows, found.units, found.treated_units, found.clusters)
        assert [int(count[place]) for count in counts] == [
            alone.n_obs,
            alone.n_units,
            alone.n_treated_units,
            alone.n_clusters,
        ]
        assert found.df[place] == alone.df


def test_one_specification_is_least_squares_on_dummies() -> None:
    frame = make_rows(5, units=25)
    found = solve_specifications(to_columns(frame), [Specification(0, 2, (4, 5))])
    rows = frame.dropna(subset=["income"])
    alone = smf.ols("rate ~ exposed + size + income + C(unit) + C(period)", rows).fit()
    assert found.estimate[0] == pytest.approx(alone.params["exposed"], rel=1e-7)
    codes = pd.factorize(rows["unit"])[0]
    matrix = alone.get_robustcov_results("cluster", groups=codes, use_correction=False)
    raw = matrix.bse[alone.params.index.get_loc("exposed")]
    clusters, count = rows["unit"].nunique(), len(rows)
    parameters = 3 + rows["period"].nunique()
    factor = clusters / (clusters - 1) * (count - 1) / (count - parameters)
    assert found.std_error[0] == pytest.approx(raw * np.sqrt(factor), rel=1e-7)


def test_what_cannot_be_estimated_says_why_and_leaves_the_others_alone() -> None:
    frame = make_rows(7)
    columns = to_columns(frame)
    unit, period = np.indices(columns.weight.shape)
    extra = np.array(
        [
            unit % 4,  # constant within units
            period,  # the same for all
            2 * columns.values[2] + columns.values[5],
            np.full(columns.weight.shape, np.nan),
            columns.values[4] + 1e-5 * columns.values[6],  # nearly another control
        ]
    )
    more = Columns(np.concatenate([columns.values, extra]), columns.weight, columns.clusters)
    wanted = [
        Specification(0, 2, (4,)),
        Specification(0, 7, ()),
        Specification(0, 2, (8,)),
        Specification(0, 2, (5, 9)),
        Specification(0, 2, (10,)),
        Specification(0, 2, (4, 6, 11)),
    ]
    found = solve_specifications(more, wanted)
    assert found.problem[0] == ""
    assert found.problem[1] == "units and periods explain exposure or outcome"
    assert found.problem[2] == "units and periods explain a control"
    assert found.problem[3] == COLLINEAR
    assert found.problem[4] == "no rows"
    assert np.isnan(found.estimate[1:5]).all()
    assert np.isnan(found.p_value[1:5]).all()
    alone = solve_specifications(columns, wanted[:1])
    assert found.estimate[0] == alone.estimate[0]


def test_nearly_collinear_controls_leave_the_effect_as_it_is() -> None:
    frame = make_rows(9)
    frame["income"] = frame["size"] * (1 + 1e-6 * np.sin(np.arange(len(frame))))
    found = solve_specifications(to_columns(frame), [Specification(1, 2, (4, 5))])
    frame["income"] = (frame["income"] - frame["size"]) / 0.1  # the same span, well apart
    apart = solve_specifications(to_columns(frame), [Specification(1, 2, (4, 5))])
    assert found.problem == ("",)
    assert found.estimate[0] == pytest.approx(apart.estimate[0], rel=1e-6)
    assert found.std_error[0] == pytest.approx(apart.std_error[0], rel=1e-6)


def test_the_door_refuses_them_in_words() -> None:
    frame = make_rows(9)
    frame["income"] = frame["size"] * (1 + 1e-8 * frame["rate"].rank())
    columns = {"outcome": "rate", "unit": "unit", "time": "period", "treatment": "exposed"}
    with pytest.raises(EstimationError, match="almost nothing of some regressors"):
        fit("twfe", frame, covariates=["size", "income"], **columns)


def test_two_clusters_are_refused() -> None:
    columns = to_columns(make_rows(11))
    two = Columns(columns.values, columns.weight, columns.clusters % 2)
    found = solve_specifications(two, [Specification(0, 2)])
    assert found.problem == ("two clusters or fewer",)
    assert np.isnan(found.std_error[0])


def test_columns_are_not_changed_and_order_does_not_matter() -> None:
    columns, wanted = to_columns(make_rows(13)), every_specification()
    before = columns.values.copy()
    found = solve_specifications(columns, wanted)
    np.testing.assert_array_equal(columns.values, before)
    again = solve_specifications(columns, wanted[::-1])
    np.testing.assert_allclose(found.std_error, again.std_error[::-1], rtol=1e-12)
