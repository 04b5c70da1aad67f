"""Group-time effects given covariates: against another implementation, and in bad designs."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from conditional_by_hand import cell_by_hand
from estimation_panels import COLUMNS, make_panel

from evallib.errors import (
    CollinearCellWarning,
    EmptyCellWarning,
    EstimationError,
    EvallibWarning,
    OverlapWarning,
)
from evallib.estimate import aggregate as ag
from evallib.estimate import fit
from evallib.estimate import group_time as gt
from evallib.estimate.batch import solve_batch
from evallib.estimate.jackknife import leave_one_out

pytestmark = pytest.mark.filterwarnings("ignore::evallib.errors.EvallibWarning")


def make_conditional(seed=0, units=90, **options):
    """Return a panel whose trends and cohorts depend on a lasting and on a changing covariate."""
    frame = make_panel(seed=seed, units=units, **options)
    rng = np.random.default_rng(seed + 100)
    councils = sorted(frame["council"].unique())
    lasting = pd.Series(rng.normal(size=len(councils)), index=councils)
    lasting[frame.groupby("council")["first"].first().notna()] += 0.4
    frame["rural"] = frame["council"].map(lasting)
    frame["need"] = 50 + 7 * (0.5 * frame["rural"] + rng.normal(size=len(frame)))
    frame["rate"] += 0.2 * frame["rural"] * (frame["year"] - 2010)
    return frame


def by_hand(frame, group, time, base, latest, names, method, weights=None):
    """Return a cell from rows of its two periods; covariates are of the earlier one."""
    wide = frame.pivot(index="council", columns="year", values="rate")
    first = frame.groupby("council")["first"].first().reindex(wide.index)
    treated = (first == group).to_numpy()
    allowed = treated | ((first > latest) | first.isna()).to_numpy()
    used = wide[[base, time]].notna().all(axis=1).to_numpy() & allowed
    early = frame[frame["year"] == min(base, time)].set_index("council").reindex(wide.index)
    weight = np.ones(len(wide)) if weights is None else early[weights].to_numpy()
    change = (wide[time] - wide[base]).to_numpy()[used]
    covariates = early[names].to_numpy()[used]
    covariates = (covariates - covariates.mean(axis=0)) / covariates.std(axis=0)
    att, influence = cell_by_hand(
        change, treated[used].astype(float), covariates, weight[used], method
    )
    return att, np.sqrt((influence**2).sum())


@pytest.mark.parametrize("method", ["dr", "ipw", "reg"])
@pytest.mark.parametrize(
    ("base", "comparison", "options"),
    [
        ("varying", "never_treated", {}),
        ("universal", "not_yet_treated", {"missing": 0.06}),
        ("universal", "never_treated", {"weights": "people"}),
        ("varying", "not_yet_treated", {"anticipation": 1, "weights": "people"}),
    ],
)
def test_every_cell_is_the_papers_formula(method, base, comparison, options):
    frame = make_conditional(seed=1, years=(2010, 2017), missing=options.pop("missing", 0.0))
    names = ["rural", "need"]
    found = fit("group_time", frame, **COLUMNS, cohort="first", covariates=names, method=method,
                base=base, comparison=comparison, **options)  # fmt: skip
    shift = options.get("anticipation", 0)
    seen = 0
    for row in found.tidy().iloc[1:].itertuples():
        group, time = (int(part.split("=")[1]) for part in row.term.split(","))
        start = group - 1 - shift
        before = start if base == "universal" or time >= group else time - 1
        if time == before:
            assert row.estimate == 0 and np.isnan(row.std_error)
            continue
        latest = np.inf if comparison == "never_treated" else max(time, before) + shift
        att, std_error = by_hand(
            frame, group, time, before, latest, names, method, options.get("weights")
        )
        assert row.estimate == pytest.approx(att, abs=1e-8)
        assert row.std_error == pytest.approx(std_error, rel=1e-5)
        seen += 1
    assert seen >= 12


@pytest.mark.parametrize("method", ["ipw", "reg"])
def test_cells_are_those_of_diff_diff(method):
    """It agrees with R in 'ipw' and 'reg'; in 'dr' it normalises in another way."""
    import diff_diff  # slow to import: only here

    frame = make_conditional(seed=2, years=(2010, 2016))
    numbered = frame.assign(unit=frame["council"].str[1:].astype(int), g=frame["first"].fillna(0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        other = diff_diff.CallawaySantAnna(estimation_method=method).fit(
            numbered, "rate", "unit", "year", "g", covariates=["rural", "need"]
        )
    found = fit("group_time", frame, **COLUMNS, cohort="first", method=method,
                covariates=["rural", "need"]).tidy().set_index("term")  # fmt: skip
    cells = other.group_time_effects
    assert len(cells) == len(found) - 1
    for (group, time), cell in cells.items():
        row = found.loc[f"group={group:g},time={time:g}"]
        assert row["estimate"] == pytest.approx(cell["effect"], abs=1e-7)
        assert row["std_error"] == pytest.approx(cell["se"], abs=1e-7)


def test_many_units_are_solved_as_few():
    """Large panels are solved one comparison at a time over its own units."""
    frame = make_conditional(seed=3, years=(2010, 2015))
    options = {"covariates": ["rural", "need"], "comparison": "not_yet_treated"}
    found = fit("group_time", frame, **COLUMNS, cohort="first", **options)
    source = found.source
    kept = gt.CHUNK
    try:
        gt.CHUNK = 10
        alone = gt.solve(source.problem, source.solution.codes)
    finally:
        gt.CHUNK = kept
    assert alone.att == pytest.approx(source.solution.att, abs=1e-11)
    assert alone.influence == pytest.approx(source.solution.influence, abs=1e-7)


@pytest.mark.parametrize("covariates", [["rural"], ["rural", "need"]])
def test_many_assignments_at_once_are_each_solved_as_alone(covariates):
    frame = make_conditional(seed=4, units=60, missing=0.05, pairs=6)
    found = fit("group_time", frame, **COLUMNS, cohort="first", cluster="pair",
                comparison="not_yet_treated", base="universal", anticipation=1,
                weights="people", covariates=covariates)  # fmt: skip
    problem, codes = found.source.problem, found.source.solution.codes
    rng = np.random.default_rng(1)
    draws = np.array([codes, *(rng.permutation(codes) for _ in range(5))])
    other = rng.normal(size=problem.difference.shape)
    cells = problem.cells
    wanted = ag.averages("dynamic", cells.group, cells.period, cells.path)
    for part, estimate, sums in solve_batch(problem, draws, wanted, [problem.difference, other]):
        for row, draw in enumerate(draws[part]):
            alone = gt.solve(problem, draw)
            weight, by_path = ag.weigh(wanted, alone.att[None], alone.valid[None],
                                       alone.share[None], cells.path,
                                       problem.paths.cohort.size)  # fmt: skip
            influence = alone.influence @ weight[0].T
            influence += problem.weight[:, None] * by_path[0].T[draw]
            assert estimate[0][row] == pytest.approx(weight[0] @ alone.att, abs=1e-10)
            expected = gt.cluster_sums(influence, problem.cluster).T
            assert sums[0][row] == pytest.approx(expected, rel=1e-6, abs=1e-6)
            assert not np.allclose(estimate[1][row], estimate[0][row])


def test_leaving_a_unit_out_is_a_refit():
    frame = make_conditional(seed=5, units=45, years=(2010, 2016))
    options = {"covariates": ["rural", "need"], "comparison": "not_yet_treated"}
    found = fit("group_time", frame, **COLUMNS, cohort="first", **options)
    source = found.source
    quick = leave_one_out(source.problem, source.solution, source.averages("group"))[:, 0]
    for place, council in enumerate(sorted(frame["council"].unique())[:9]):
        rest = frame[frame["council"] != council]
        again = fit("group_time", rest, **COLUMNS, cohort="first", **options)
        assert quick[place] == pytest.approx(again.point[0], abs=1e-9)


def test_multiplied_weights_are_weights():
    frame = make_conditional(seed=6, units=50)
    options = {"covariates": ["need"], "cohort": "first"}
    plain = fit("group_time", frame, **COLUMNS, **options)
    weighed = fit("group_time", frame, **COLUMNS, **options, weights="people")
    people = frame.groupby("council")["people"].first().to_numpy()
    again = gt.solve(plain.source.problem, plain.source.solution.codes, people)
    assert again.att == pytest.approx(weighed.source.solution.att, abs=1e-10)
    assert again.influence == pytest.approx(weighed.source.solution.influence, abs=1e-8)


def test_the_units_of_covariates_do_not_matter():
    frame = make_conditional(seed=7)
    plain = fit("group_time", frame, **COLUMNS, cohort="first", covariates=["rural", "need"])
    other = frame.assign(rural=1e9 + 1e4 * frame["rural"], need=-frame["need"] / 1e6)
    moved = fit("group_time", other, **COLUMNS, cohort="first", covariates=["need", "rural"])
    assert moved.point == pytest.approx(plain.point, abs=1e-8)
    assert moved.std_error == pytest.approx(plain.std_error, abs=1e-8)


def test_order_names_and_other_columns_do_not_matter_and_nothing_is_changed():
    frame = make_conditional(seed=17, missing=0.05)
    before = frame.copy(deep=True)
    options = {"cohort": "first", "covariates": ["rural", "need"], "cluster": "pair"}
    plain = fit("group_time", frame, **COLUMNS, **options)
    pd.testing.assert_frame_equal(frame, before)
    again = fit("group_time", frame, **COLUMNS, **options)
    assert np.array_equal(plain.covariance, again.covariance)
    other = frame.sample(frac=1, random_state=3).assign(unused="text")
    other["council"] = "x" + other["council"].str[::-1]
    mixed = fit("group_time", other, **COLUMNS, **options)
    assert mixed.point == pytest.approx(plain.point, abs=1e-9)
    assert mixed.std_error == pytest.approx(plain.std_error, abs=1e-9)
    years = {"year": frame["year"] + 300, "first": frame["first"] + 300}
    later = fit("group_time", frame.assign(**years), **COLUMNS, **options)
    assert later.point == pytest.approx(plain.point, abs=1e-9)


def test_a_covariate_that_is_noise_hardly_moves_the_estimate_and_is_named():
    frame = make_conditional(seed=8, units=300)
    plain = fit("group_time", frame, **COLUMNS, cohort="first")
    given = fit("group_time", frame, **COLUMNS, cohort="first", covariates="share")
    assert abs(given.point[0] - plain.point[0]) < plain.std_error[0]
    assert given.details["method"] == "dr, given share"
    assert any("jeconom.2020.06.003" in text for text in given.references)


# Bad designs: an answer, or a typed error or warning that says what to change.


def test_separated_cells_are_left_out_with_their_names():
    frame = make_conditional(seed=9)
    apart = frame.assign(rural=np.where(frame["first"] == 2014, 10.0, 0.0) + frame["rural"] * 0.1)
    for method in ("dr", "ipw"):
        with pytest.warns(
            OverlapWarning, match=r"cells .* left out: .*\(2014, 2011\).*method='reg'"
        ):
            found = fit("group_time", apart, **COLUMNS, cohort="first", covariates=["rural"],
                        method=method)  # fmt: skip
        assert not any(term.startswith("group=2014") for term in found.terms)
        assert np.isfinite(found.point).all()
    with pytest.warns(EmptyCellWarning, match="Cohorts without any cell: 2014"):
        fit("group_time", apart, **COLUMNS, cohort="first", covariates=["rural"])
    kept = fit("group_time", apart, **COLUMNS, cohort="first", covariates=["rural"], method="reg")
    assert "group=2014,time=2014" in kept.terms


def test_separation_everywhere_is_refused():
    frame = make_conditional(seed=10)
    apart = frame.assign(rural=frame["first"].notna() * 5.0 + 0.01 * frame["rural"])
    with pytest.raises(EstimationError, match="almost perfectly in every cell.*method='reg'"):
        fit("group_time", apart, **COLUMNS, cohort="first", covariates=["rural"])


def test_comparison_units_nobody_resembles_get_no_weight():
    """A kind of council that is never treated has scores of zero: 'ipw' is as without them."""
    frame = make_conditional(seed=11)
    never = sorted(frame.loc[frame["first"].isna(), "council"].unique())
    odd = frame.assign(city=frame["council"].isin(never[:8]) * 1.0)
    found = fit("group_time", odd, **COLUMNS, cohort="first", covariates=["rural", "city"],
                method="ipw")  # fmt: skip
    rest = odd[odd["city"] == 0]
    without = fit("group_time", rest, **COLUMNS, cohort="first", covariates=["rural"], method="ipw")
    assert found.point[1:] == pytest.approx(without.point[1:], abs=1e-6)
    assert found.std_error[1:] == pytest.approx(without.std_error[1:], rel=1e-5)


def test_comparison_units_with_a_score_near_one_are_trimmed_and_counted():
    """Of one kind 700 are treated and 2 are not: 0.9972, from 0.995 on and under 0.999."""
    rng = np.random.default_rng(0)
    city = np.repeat([1.0, 1.0, 0.0, 0.0], [700, 2, 5, 100])
    first = np.repeat([2011.0, np.nan, 2011.0, np.nan], [700, 2, 5, 100])
    frame = pd.DataFrame(
        {
            "council": np.repeat(np.arange(807), 2),
            "year": np.tile([2010, 2011], 807),
            "first": np.repeat(first, 2),
            "city": np.repeat(city, 2),
            "rate": rng.normal(size=2 * 807),
        }
    )
    with pytest.warns(OverlapWarning, match=r"no weight .* 0.995 on .*: \(2011, 2011\): 2"):
        found = fit("group_time", frame, **COLUMNS, cohort="first", covariates=["city"],
                    method="ipw")  # fmt: skip
    change = frame["rate"].to_numpy()[1::2] - frame["rate"].to_numpy()[::2]
    by_means = change[first == 2011].mean() - change[np.isnan(first) & (city == 0)].mean()
    assert found.point[0] == pytest.approx(by_means, abs=1e-9)


def test_collinear_covariates_are_refused_by_name():
    frame = make_conditional(seed=12)
    frame["twice"] = 2 * frame["rural"] + 1
    frame["flat"] = 3.0
    with pytest.raises(EstimationError) as caught:
        fit("group_time", frame, **COLUMNS, cohort="first", covariates=["rural", "twice", "flat"])
    assert "covariate 'twice': it is a combination" in str(caught.value)
    assert "covariate 'flat': it has one value" in str(caught.value)
    common = frame.assign(price=frame["year"] ** 0.5)
    for method in ("dr", "ipw", "reg"):
        with pytest.raises(EstimationError, match="collinear or constant among the units of every"):
            fit("group_time", common, **COLUMNS, cohort="first", covariates=["price"],
                method=method)  # fmt: skip


def test_a_cell_whose_covariates_are_collinear_is_left_out_with_its_name():
    frame = make_conditional(seed=13)
    early = frame["year"] == 2011
    frame.loc[early, "need"] = 3.0
    with pytest.warns(CollinearCellWarning, match=r"2 cells .*\(2014, 2012\), \(2016, 2012\)"):
        found = fit("group_time", frame, **COLUMNS, cohort="first", covariates=["need"])
    assert "group=2014,time=2012" not in found.terms
    assert "group=2014,time=2013" in found.terms


def test_bad_values_of_covariates_are_faults():
    frame = make_conditional(seed=14)
    for value, words in ((np.inf, "infinite"), ("high", "holds text")):
        bad = frame.assign(need=frame["need"].astype(object))
        bad.loc[5, "need"] = value
        with pytest.raises(EstimationError, match=words):
            fit("group_time", bad, **COLUMNS, cohort="first", covariates=["need"])
    with pytest.raises(EstimationError, match="Did you mean 'need'"):
        fit("group_time", frame, **COLUMNS, cohort="first", covariates=["neds"])
    holes = frame.assign(need=frame["need"].mask(frame.index % 50 == 3))
    with pytest.warns(EvallibWarning, match="rows without a value of 'need' are left out"):
        found = fit("group_time", holes, **COLUMNS, cohort="first", covariates=["need"])
    assert found.n_obs == len(frame) - int((frame.index % 50 == 3).sum())


def test_a_cohort_of_one_gets_a_warning_and_a_number():
    frame = make_conditional(seed=15, units=61, cohorts=(np.nan,))
    frame.loc[frame["council"] == "E007", "first"] = 2014.0
    found = fit("group_time", frame, **COLUMNS, cohort="first", covariates=["rural"])
    assert any("thin-design rule fired" in text for text in found.warnings)
    assert np.isfinite(found.point).all()


def test_gaps_in_years_count_periods_as_they_are():
    """A base is the last observed period before exposure, however long ago."""
    frame = make_conditional(seed=16)
    gappy = frame[~frame["year"].isin([2013, 2014])]
    found = fit("group_time", gappy, **COLUMNS, cohort="first", covariates=["rural"])
    k = found.index("group=2014,time=2015")
    att, std_error = by_hand(gappy, 2014, 2015, 2012, np.inf, ["rural"], "dr")
    assert (found.point[k], found.event_time[k]) == (pytest.approx(att, abs=1e-8), 1.0)
    assert found.std_error[k] == pytest.approx(std_error, rel=1e-5)


@pytest.mark.long
@pytest.mark.parametrize("block", range(20))
def test_odd_panels_with_covariates_give_an_answer_or_a_typed_refusal(block):
    """Twenty-five panels a block: whatever comes back is finite, or says why not."""
    for seed in range(25 * block, 25 * block + 25):
        rng = np.random.default_rng(seed)
        frame = make_conditional(
            seed=seed,
            units=int(rng.integers(4, 40)),
            years=(2012, 2012 + int(rng.integers(1, 6))),
            cohorts=[(2014, np.nan), (2013, 2014, 2015), (2012, 2014, np.nan)][seed % 3],
            missing=float(rng.choice([0.0, 0.1, 0.4])),
        )
        frame["grade"] = rng.integers(0, 2, len(frame)).astype(float)
        names = list(rng.choice(["rural", "need", "grade", "share"], rng.integers(1, 4), False))
        options = {
            "method": str(rng.choice(["dr", "ipw", "reg"])),
            "base": str(rng.choice(["varying", "universal"])),
            "comparison": str(rng.choice(["never_treated", "not_yet_treated"])),
            "anticipation": int(rng.integers(0, 2)),
        }
        options |= {"weights": "people"} if rng.random() < 0.4 else {}
        try:
            found = fit("group_time", frame, **COLUMNS, cohort="first", covariates=names, **options)
        except EstimationError as error:
            assert all(fault.where and fault.what and fault.remedy for fault in error.faults)
            continue
        assert np.isfinite(found.point).all()
        assert not np.isinf(found.std_error).any()
        for kind in ag.KINDS:
            assert np.isfinite(found.aggregate(kind).point).all()
