"""Honest pre-trends: R's figures, the long way round, coverage, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from estimation_panels import COLUMNS, make_panel, reference_table
from honest_by_hand import (
    random_study,
    relative_accepts,
    searched_interval,
    shortest_half_length,
    worst_bias,
)
from honest_reference import (
    MEDICAID,
    MEDICAID_RELATIVE,
    MEDICAID_SMOOTH,
    PROFITS,
    PROFITS_LARGEST_TURN,
    PROFITS_ORIGINAL,
    PROFITS_RELATIVE_200_POINTS,
    PROFITS_SMOOTH,
)
from scipy import stats

import evallib as ev
from evallib.errors import EstimationError
from evallib.estimate.result import FloatArray
from evallib.inference.event_times import EventStudy, read_event_study
from evallib.inference.honest import LARGEST_MBAR, HonestDid, honest_did
from evallib.inference.honest_relative import (
    accepts,
    find_vertices,
    least_favourable,
    make_steps,
    relative_interval,
    truncated_quantile,
)
from evallib.inference.honest_search import folded_quantile, smooth_interval
from evallib.inference.honest_smooth import smooth_path
from evallib.inference.reference_draws import drawn_folded_quantile, reference_normals


def parts(study: EventStudy, weights: FloatArray) -> tuple:
    return study.point, study.covariance, study.leads.size, study.distance, weights


def ends(found: HonestDid, restriction: str) -> dict[float, tuple[float, float]]:
    rows = found.frame[found.frame["restriction"] == restriction]
    return dict(
        zip(rows["bound"], zip(rows["conf_low"], rows["conf_high"], strict=True), strict=True)
    )


def test_profits_as_r() -> None:
    found = honest_did(PROFITS, mbar=1, smooth=list(PROFITS_SMOOTH), grid_points=200)
    assert ends(found, "none")[0.0] == pytest.approx(PROFITS_ORIGINAL, abs=1e-9)
    relative = ends(found, "relative magnitudes")[1.0]
    assert relative == pytest.approx(PROFITS_RELATIVE_200_POINTS, abs=1e-10)
    for bound, interval in PROFITS_SMOOTH.items():
        # At a bound of 0 R's solver is good to 1e-6; elsewhere ten digits are printed.
        near = 2e-6 if bound == 0 else 1e-9
        assert ends(found, "smoothness")[bound] == pytest.approx(interval, abs=near)


def test_medicaid_as_printed_by_r() -> None:
    found = honest_did(MEDICAID, mbar=list(MEDICAID_RELATIVE), smooth=list(MEDICAID_SMOOTH))
    for bound, printed in MEDICAID_RELATIVE.items():
        for ours, theirs in zip(ends(found, "relative magnitudes")[bound], printed, strict=True):
            digits = len(theirs.split(".")[1])
            assert f"{ours:.{digits}f}" == theirs
    for bound, interval in MEDICAID_SMOOTH.items():
        # Printed to three digits.
        assert ends(found, "smoothness")[bound] == pytest.approx(interval, rel=5e-3, abs=1e-4)
    assert 1.5 < found.breakdown_relative < 2
    assert 0.02 < found.breakdown_smooth < 0.03


@pytest.mark.filterwarnings("ignore::evallib.errors.EvallibWarning")
def test_mpdta_as_r() -> None:
    frame = reference_table("mpdta", "mpdta.csv")
    frame["cohort"] = frame["first.treat"].replace(0, np.nan)
    estimate = ev.fit(
        "group_time",
        frame,
        outcome="lemp",
        unit="countyreal",
        time="year",
        cohort="cohort",
        base="universal",
    )
    found = ev.honest_did(estimate, mbar=[1])
    # Never treated, no covariate, the effect on impact; printed to three digits.
    assert ends(found, "relative magnitudes")[1.0] == pytest.approx((-0.073, 0.038), abs=1e-3)


def test_default_bounds_on_smoothness_end_at_the_largest_turn_before() -> None:
    bounds = list(ends(honest_did(PROFITS, mbar=[0]), "smoothness"))
    assert bounds[0] == 0
    assert bounds[-1] == pytest.approx(PROFITS_LARGEST_TURN, abs=1e-9)


@pytest.mark.parametrize(
    ("n_leads", "distance", "weights"),
    [
        (3, (1, 2, 3), [1, 0, 0]),
        (2, (1, 2), [0.5, 0.5]),
        (3, (2, 3, 4), [0, 0, 1]),
        (2, (1, 3, 4), [0.6, -0.3, 0.7]),
        (3, (1, 2), [0, 1]),
        (3, (1,), [1]),
        (1, (2,), [2]),
    ],
)
@pytest.mark.parametrize("mbar", [0.4, 1.3])
def test_closed_form_is_the_linear_programme(
    n_leads: int, distance: tuple[int, ...], weights: list[float], mbar: float
) -> None:
    study = random_study(n_leads + len(distance), n_leads, distance)
    target = np.array(weights, dtype=float)
    steps = make_steps(*parts(study, target))
    centre = float(target @ study.point[n_leads:])
    theta = centre + steps.std_error * np.linspace(-4, 4, 5)
    seen = set()
    for place in range(n_leads):
        for sign in (1.0, -1.0):
            vertices = find_vertices(steps, place, sign, mbar)
            critical = least_favourable(vertices, steps.covariance, 0.05)
            ours = accepts(steps, vertices, theta, critical, 0.05)
            theirs = [
                relative_accepts(study, target, place, sign, mbar, value, critical)
                for value in theta
            ]
            assert ours.tolist() == theirs
            seen |= set(theirs)
    assert seen == {True, False}


@pytest.mark.parametrize(
    ("n_leads", "distance", "weights"),
    [(3, (1, 2), [1, 0]), (2, (2, 3), [0.5, 0.5]), (3, (1, 3), [0.7, -0.2]), (1, (1,), [1])],
)
def test_path_holds_the_shortest_interval(
    n_leads: int, distance: tuple[int, ...], weights: list[float]
) -> None:
    study = random_study(7, n_leads, distance)
    target = np.array(weights)
    path = smooth_path(*parts(study, target))
    for lead_weights, bias in zip(path.lead_weights, path.bias, strict=True):
        whole = np.concatenate([lead_weights, target])
        assert worst_bias(whole, study) == pytest.approx(bias, rel=1e-9)
    bias = np.linspace(path.bias[0], path.bias[-1], 20_001)
    size = path.at(bias)[1]
    half = folded_quantile(0.1 * bias / size, 0.95) * size
    wanted = shortest_half_length(study, target, 0.1, 0.95)
    assert half.min() == pytest.approx(wanted, rel=1e-6)
    low, high = smooth_interval(path, 0.1, 0.95)
    assert (high - low) / 2 == pytest.approx(wanted, rel=0.005)  # the reference's quantile, drawn


@pytest.mark.parametrize(
    ("study", "share", "level"),
    [
        (MEDICAID, 0.8, 0.9),
        pytest.param(PROFITS, 0.2, 0.95, marks=pytest.mark.long),
        pytest.param(random_study(3, 4, (1, 2)), 0.1, 0.95, marks=pytest.mark.long),
    ],
)
def test_interval_is_the_one_that_the_reference_searches(
    study: EventStudy, share: float, level: float
) -> None:
    """The first halves its way to the end, the others fall back on 100 estimators."""
    target = np.eye(study.lags.size)[0]
    path = smooth_path(*parts(study, target))
    scale = float(np.sqrt(study.covariance[study.leads.size, study.leads.size]))
    found = smooth_interval(path, share * scale, level)
    wanted = searched_interval(path, share * scale, level)
    assert found == pytest.approx(wanted, abs=1e-6 * scale)


def test_quantiles() -> None:
    draws = reference_normals(1, 10**6)[0]
    for at, level in ((0.0, 0.95), (0.4, 0.5), (1.7, 0.99), (300.0, 0.9)):
        exact = float(folded_quantile(np.array([at]), level)[0])
        wanted = float(np.quantile(np.abs(draws + at), level))
        assert drawn_folded_quantile(at, level, exact) == pytest.approx(wanted, rel=1e-12)
    mean = np.array([0.0, 0.3, 1.0, 8.0])
    found = folded_quantile(mean, 0.9)
    draws = np.abs(np.random.default_rng(1).normal(size=400_000)[:, None] + mean)
    assert np.quantile(draws, 0.9, axis=0) == pytest.approx(found, abs=0.01)
    low, high = np.array([-np.inf, 0.0, 5.0, -9.0]), np.array([np.inf, 2.0, np.inf, -6.0])
    cut = truncated_quantile(0.95, low, high)
    assert cut == pytest.approx(stats.truncnorm.ppf(0.95, low, high), abs=1e-9)


def test_intervals_follow_unit_and_sign() -> None:
    found = honest_did(PROFITS, target="average", mbar=[0.5], smooth=[0.05])
    scaled = replace(PROFITS, point=-100 * PROFITS.point, covariance=1e4 * PROFITS.covariance)
    turned = honest_did(scaled, target="average", mbar=[0.5], smooth=[5.0])
    low, high = (turned.frame[name].to_numpy() for name in ("conf_low", "conf_high"))
    assert -high / 100 == pytest.approx(found.frame["conf_low"].to_numpy(), rel=1e-9)
    assert -low / 100 == pytest.approx(found.frame["conf_high"].to_numpy(), rel=1e-9)
    assert turned.breakdown_relative == found.breakdown_relative
    assert turned.breakdown_smooth == pytest.approx(100 * found.breakdown_smooth)


@pytest.mark.parametrize("target", ["first", "average", {1: 2.0, 3: -1.0}])
def test_interval_reaches_zero_at_the_breakdown(target: str | dict[int, float]) -> None:
    found = honest_did(PROFITS, target=target)
    at, near = found.breakdown_relative, found.breakdown_smooth
    again = honest_did(
        PROFITS, target=target, mbar=[at, at + 0.05], smooth=[near, 1.01 * near + 1e-9]
    )
    for restriction in ("relative magnitudes", "smoothness"):
        below, above = ends(again, restriction).values()
        assert below[0] > 0 or below[1] < 0
        assert above[0] <= 0 <= above[1]


def test_words_of_the_breakdown() -> None:
    said = honest_did(PROFITS).sentence
    assert "at most 1.62 times the largest before it" in said
    nothing = honest_did(replace(PROFITS, point=np.zeros(8)))
    assert nothing.breakdown_relative == nothing.breakdown_smooth == 0
    assert not nothing.excludes_zero
    assert "contains zero even if nothing drifts after exposure" in nothing.sentence
    strong = honest_did(replace(PROFITS, point=PROFITS.point + np.repeat([0.0, 9.0], 4)))
    assert strong.breakdown_relative == LARGEST_MBAR
    assert "even if drift" in strong.sentence


def test_interval_beyond_the_references_grid_is_not_cut() -> None:
    far = replace(PROFITS, point=PROFITS.point + np.repeat([0.0, 1.0], 4))
    low, high = ends(honest_did(far, mbar=[1]), "relative magnitudes")[1.0]
    near = ends(honest_did(PROFITS, mbar=[1]), "relative magnitudes")[1.0]
    width = 40 * np.sqrt(PROFITS.covariance[4, 4]) / 999  # of the grid
    assert (low - 1, high - 1) == pytest.approx(near, abs=1.01 * width)
    assert any("where R's default grid ends" in note for note in honest_did(far, mbar=[1]).notes)
    assert not any("grid ends" in note for note in honest_did(PROFITS, mbar=[1]).notes)


def test_more_periods_from_base_to_effect_leave_more_room_for_drift() -> None:
    later = replace(PROFITS, leads=PROFITS.leads - 1, reference=-2)
    found = honest_did(later, mbar=[1])
    near = ends(honest_did(PROFITS, mbar=[1]), "relative magnitudes")[1.0]
    wide = ends(found, "relative magnitudes")[1.0]
    assert wide[0] < near[0] and wide[1] > near[1]
    assert any("drift may run for 2 periods" in note for note in found.notes)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(10))
def test_sets_cover_at_the_edge_of_the_restriction(seed: int) -> None:
    """The drift takes its largest allowed step after the base: the hardest case to cover."""
    rng = np.random.default_rng(seed)
    base = random_study(seed, 3, (1, 2))
    mbar, largest = 1.0, 0.6
    drift = np.concatenate([-np.cumsum([largest, 0.2, -0.3])[::-1], [largest, 2 * largest]])
    weights = np.array([0.5, 0.5])
    covered, draws = 0, 60
    for point in rng.multivariate_normal(drift, base.covariance, size=draws):
        steps = make_steps(*parts(replace(base, point=point), weights))
        low, high = relative_interval(steps, mbar, 0.95)
        covered += low <= steps.std_error * 0.02 and high >= -steps.std_error * 0.02
    assert covered >= draws - 8  # 60 draws of a 5 per cent test: 9 misses have probability .004


def test_size_is_right_where_the_largest_step_is_plain() -> None:
    """With one step before far above the others, the hybrid test is exact at the edge."""
    rng, draws, largest = np.random.default_rng(1), 300, 30.0
    base = random_study(1, 3, (1, 2))
    drift = largest * np.array([-0.9, -1.2, -1.0, 1.0, 2.0])  # the last step before the base
    rejected = 0
    for point in rng.multivariate_normal(drift, base.covariance, size=draws):
        steps = make_steps(*parts(replace(base, point=point), np.array([0.5, 0.5])))
        accepted = False
        for place in range(3):
            for sign in (1.0, -1.0):
                vertices = find_vertices(steps, place, sign, 1.0)
                critical = least_favourable(vertices, steps.covariance, 0.05)
                accepted |= bool(accepts(steps, vertices, np.zeros(1), critical, 0.05)[0])
        rejected += not accepted
    assert 5 <= rejected <= 27  # .002 of 300 draws of a 5 per cent test lie outside


def test_which_event_times_count() -> None:
    frame = make_panel(units=90)
    options = {**COLUMNS, "cohort": "first"}
    varying = ev.fit("group_time", frame, **options)
    with pytest.raises(EstimationError, match="base='universal'"):
        honest_did(varying)
    cells = ev.fit("group_time", frame, base="universal", anticipation=1, **options)
    study = read_event_study(cells)
    assert study.reference == -2
    assert study.leads.tolist() == [-6, -5, -4, -3]
    assert study.lags.tolist() == [0, 1, 2, 3, 4]
    assert study.left_out == (-1,)  # the year of the event
    narrow = read_event_study(cells, (-4, 2))
    assert narrow.leads.tolist() == [-4, -3]
    assert narrow.lags.tolist() == [0, 1, 2]
    binned = ev.fit("event_study", frame, window=(-4, 3), **options)
    assert read_event_study(binned).leads.tolist() == [-3, -2]
    assert read_event_study(binned, (-4, 3)).leads.tolist() == [-4, -3, -2]
    with pytest.raises(EstimationError, match="no lead next to the base"):
        honest_did(ev.fit("imputation", frame, **options))
    no_effect = replace(binned, event_time=binned.event_time - 10)
    with pytest.raises(EstimationError, match="there is no effect"):
        read_event_study(no_effect, (-20, -2))


@pytest.mark.filterwarnings("ignore::evallib.errors.EvallibWarning")
@pytest.mark.parametrize("name", ["event_study", "sun_abraham", "etwfe", "lp_did", "matched_did"])
def test_every_event_study_is_read(name: str) -> None:
    estimate = ev.fit(name, make_panel(units=90, effect=3.0), cohort="first", **COLUMNS)
    found = honest_did(estimate, mbar=[0], smooth=[0])
    first = estimate.index("event_time=0")
    assert found.point == estimate.point[first]
    assert found.std_error == pytest.approx(estimate.std_error[first])
    assert ("small by construction" in " ".join(found.notes)) == (name == "matched_did")


def test_thin_designs_are_told() -> None:
    with pytest.warns(ev.errors.ThinDesignWarning):
        thin = ev.fit(
            "group_time", make_panel(units=24), base="universal", cohort="first", **COLUMNS
        )
    assert any(note.startswith("Not reliable") for note in honest_did(thin).notes)


def test_impossible_options_are_refused_together() -> None:
    with pytest.raises(EstimationError) as caught:
        honest_did(PROFITS, mbar=[-1], smooth=[np.nan], level=95, draws=10)
    assert len(caught.value.faults) == 4
    for target, said in (("last", "'last' is not a target"), ({9: 1.0}, "no effect at event")):
        with pytest.raises(EstimationError, match=said):
            honest_did(PROFITS, target=target)
    for given in ({"mbar": "a"}, {"smooth": [[1, "b"]]}, {"draws": 1000.5}, {"grid_points": 1}):
        with pytest.raises(EstimationError, match="option"):
            honest_did(PROFITS, **given)
    for given in ({"grid": (1.0, -1.0)}, {"window": (3,)}, {"level": "0.95"}):
        with pytest.raises(EstimationError, match="option"):
            honest_did(PROFITS, **given)
    for target in ({0: np.nan}, {0: "a"}, [1.0, 0.0], 3, [0, 0, 0, 0]):
        with pytest.raises(EstimationError, match="option 'target'"):
            honest_did(PROFITS, target=target)
    with pytest.raises(EstimationError, match="neither an estimate nor an event study"):
        honest_did((PROFITS.point, PROFITS.covariance))


def test_what_is_no_event_study_is_refused() -> None:
    gap = PROFITS.point.copy()
    gap[2] = np.nan
    skew, negative = PROFITS.covariance.copy(), PROFITS.covariance.copy()
    skew[0, 1] *= 2
    negative[0, 1] = negative[1, 0] = 2 * np.sqrt(negative[0, 0] * negative[1, 1])
    for said, given in (
        ("one by one", {"leads": [-6, -4, -3, -2]}),
        ("positive variances", {"covariance": np.zeros((8, 8))}),
        ("point is 7 long", {"point": PROFITS.point[:-1]}),
        ("covariance 8 long", {"covariance": np.sqrt(np.diag(PROFITS.covariance))}),
        ("no estimate at event time -3", {"point": gap}),
        ("not symmetric", {"covariance": skew}),
        ("negative eigenvalue", {"covariance": negative}),
        ("not of numbers", {"point": ["a"] * 8}),
        ("whole numbers", {"leads": [-5.5, -4, -3, -2]}),
        ("base is 0.5", {"reference": 0.5}),
        ("between 0 and 1", {"level": 95}),
    ):
        with pytest.raises(EstimationError, match=said):
            replace(PROFITS, **given)
    together = replace(PROFITS, covariance=np.full((8, 8), 0.01))
    with pytest.raises(EstimationError, match="nothing of its own"):
        honest_did(together)


def test_lists_series_and_windows_are_taken() -> None:
    table = pd.DataFrame(PROFITS.covariance)
    given = EventStudy(range(-5, -1), [0, 1, 2, 3], -1, pd.Series(PROFITS.point), table)
    wanted = honest_did(PROFITS, target={1: 1.0}, mbar=[0.5], smooth=[0.1])
    assert honest_did(given, target=[0, 1, 0, 0], mbar=0.5, smooth=0.1).frame.equals(wanted.frame)
    narrow = honest_did(PROFITS, window=(-3, 1), mbar=[0.5], smooth=[0.1])
    kept = [2, 3, 4, 5]
    small = EventStudy(
        [-3, -2], [0, 1], -1, PROFITS.point[kept], PROFITS.covariance[np.ix_(kept, kept)]
    )
    assert narrow.frame.equals(honest_did(small, mbar=[0.5], smooth=[0.1]).frame)
    assert narrow.study.left_out == (-5, -4, 2, 3)


def test_a_grid_that_is_given_is_the_one_that_is_tried() -> None:
    wide = ends(honest_did(PROFITS, mbar=[1], grid=(-1, 1), grid_points=201), "relative magnitudes")
    assert np.allclose(np.array(wide[1.0]) * 100, np.round(np.array(wide[1.0]) * 100))
    cut = honest_did(PROFITS, mbar=[1], grid=(0.1, 0.2), grid_points=11)
    assert ends(cut, "relative magnitudes")[1.0] == pytest.approx((0.1, 0.2))
    assert any("beyond which nothing was tried" in note for note in cut.notes)
    assert any("it may go on" in note for note in cut.notes)


def test_one_effect_is_held_against_its_own_bounds_alone() -> None:
    """Since 0.2.5 the reference leaves leads' own moments out here too: two-sided at Mbar 0."""
    one = replace(
        PROFITS,
        lags=[0],
        point=PROFITS.point[:5],
        covariance=PROFITS.covariance[:5, :5],
    )
    found = honest_did(one, mbar=[0], smooth=[0], grid_points=40_001)
    low, high = ends(found, "relative magnitudes")[0.0]
    half = stats.norm.ppf(1 - (0.05 - 0.005) / (1 - 0.005) / 2) * found.std_error
    step = 40 * found.std_error / 40_000
    assert (low, high) == pytest.approx((found.point - half, found.point + half), abs=1.01 * step)


def test_inputs_stay_and_results_repeat() -> None:
    point, covariance = PROFITS.point.copy(), PROFITS.covariance.copy()
    one, two = (honest_did(PROFITS, target="average") for _ in range(2))
    assert one.frame.equals(two.frame)
    assert np.array_equal(PROFITS.point, point)
    assert np.array_equal(PROFITS.covariance, covariance)
    assert "<table" in one._repr_html_() and "excludes zero" in repr(one)
