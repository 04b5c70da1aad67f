"""All specifications of a plan: one at a time through the door, together by permutation."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import evallib as ev
from evallib.design import Design, build_design
from evallib.errors import PlanError
from evallib.estimate import fit
from evallib.estimate.many_regressions import Specification, solve_specifications
from evallib.inference.fitting import fit_design
from evallib.inference.joint_specifications import explain, joint_test
from evallib.inference.permuted_specifications import PathColumns, permute_specifications
from evallib.inference.specification_curve import specification_curve
from evallib.inference.specification_jobs import Item, Job, solve_job, winsorised
from evallib.inference.specification_results import Curve, Curves
from evallib.inference.specification_samples import Samples, combinations
from evallib.panel.build import open_store, panel_from_store
from evallib.plan import Plan, load_plan
from evallib.plan.specifications import CHOICES
from evallib.plan.vary import vary
from evallib.report.views.specifications import CHOICE_WORDS, specification_curves

pytestmark = pytest.mark.filterwarnings("ignore::evallib.errors.EvallibWarning")
OUTCOME = "rereferrals_within_12_months_pct"
LISTED = (
    "specifications={estimator: [twfe, event_study], winsorise: [0.05], scale: [log], "
    "no_record: [only_known], comparison: [never_treated], "
    "covariates: [[dwellings_count], [imd_average_score]], cluster: [region, council_type]}"
)
SECOND = (
    *("long_term_empty_homes_pct", "assessments_within_45_days_pct", "care_leavers_in_eet_pct"),
    *("children_with_3plus_placements_pct", "ehc_plans_within_20_weeks_pct"),
)
ALONE = [f"outcomes.{name}.role=secondary" for name in SECOND]
DOOR = {"outcome": "value", "unit": "council_code", "time": "period"}


@pytest.fixture(scope="module")
def plan() -> Plan:
    return load_plan("peer_challenge", [LISTED, *ALONE])


@pytest.fixture(scope="module")
def curve(plan: Plan) -> Curve:
    (found,) = specification_curve(plan, draws=19)
    return found


@pytest.fixture(scope="module")
def panel(plan: Plan) -> Any:
    named = [{"name": name, "missing": "drop"} for name in ("dwellings_count", "imd_average_score")]
    wide = load_plan("peer_challenge", {"covariates": named})
    return ev.build_panel(wide)


def test_every_combination_is_a_row(plan: Plan, curve: Curve) -> None:
    chosen = combinations(plan, OUTCOME)
    assert len(curve.frame) == len(chosen) == 3 * 2 * 2 * 2 * 2 * 3 * 3
    assert curve.frame["specification"].tolist() == list(range(len(chosen)))
    assert len(curve.frame.drop_duplicates(list(curve.choices))) == len(chosen)
    assert curve.frame["is_headline"].sum() == 1
    refused = curve.frame["reason"] != ""
    assert (curve.frame["estimate"].isna() == refused).all()
    assert refused.any() and not refused.all()


def test_refused_rows_say_why(curve: Curve) -> None:
    by = curve.frame.set_index("specification")
    without = by[(by["no_record"] == "only known") & (by["comparison"] == "never treated")]
    assert without["reason"].str.startswith("only_known is not applicable").all()
    few = by[(by["cluster"] == "council type") & (by["comparison"] == "not yet treated")]
    few = few[~few["reason"].str.startswith("council effects")]
    assert few["reason"].str.fullmatch(r"\d clusters by council type, fewer than 8").all()
    same = by[by["reason"].str.startswith("council effects absorb imd_average_score")]
    assert len(same)
    assert set(same["estimator"]) <= {"twfe", "event study"}


def one_at_a_time(
    plan: Plan, panel: Any, exposure: Any, row: dict[str, Any], built: dict[str, Design]
) -> tuple[float, float]:
    """Estimate one specification through the door, from a plan of its own."""
    design, covariates = design_of(plan, panel, exposure, row, built)
    column = {"council": "cluster", "region": "region"}[row["cluster"]]
    councils = design.councils.set_index("council_code")
    codes = councils[column].astype(str)
    frames = {
        name: (old := getattr(design, name)).assign(cluster=old["council_code"].map(codes))
        for name in ("frame", "group_time_frame")
    }
    design = replace(design, **frames)
    name = row["estimator"].replace(" ", "_")
    if name != "twfe":
        found = fit_design(design, name)
        found = found.aggregate("group") if name == "group_time" else found
        return float(found.point[0]), float(found.std_error[0])
    frame = design.frame.copy()
    for covariate in covariates:
        values = panel.figures[panel.figures["indicator"] == covariate]
        values = values.set_index(["council_code", "period"])["value"]
        keys = pd.MultiIndex.from_frame(frame[["council_code", "period"]])
        frame[covariate] = values.reindex(keys).to_numpy()
    frame = frame.dropna(subset=covariates)
    more = {"covariates": covariates} if covariates else {}
    found = fit("twfe", frame, **DOOR, treatment="is_exposed", cluster="cluster", **more)
    return float(found.point[0]), float(found.std_error[0])


def design_of(
    plan: Plan, panel: Any, exposure: Any, row: dict[str, Any], built: dict[str, Design]
) -> tuple[Design, list[str]]:
    covariates = [] if row["covariates"] == "none" else [row["covariates"]]
    choices: dict[str, Any] = {
        "scale": row["scale"],
        "comparison": row["comparison"].replace(" ", "_"),
    }
    if row["estimator"] != "twfe":
        choices["covariates"] = tuple(covariates)
    key = str(choices)
    if key not in built:
        # None of these choices touches who was exposed when.
        built[key] = build_design(vary(plan, choices), panel, exposure, OUTCOME)
    design = built[key]
    if row["no_record"] == "only known":
        assert design.alternative is not None
        design = design.alternative
    share = 0.0 if row["winsorise"] == "none" else float(row["winsorise"])
    return winsorised(design, share), covariates


def test_specifications_equal_fits_one_at_a_time(plan: Plan, curve: Curve, panel: Any) -> None:
    done = curve.frame[curve.frame["reason"] == ""]
    parts = [done[done["estimator"] == name].sample(n, random_state=4) for name, n in
             (("twfe", 20), ("group time", 6), ("event study", 4))]  # fmt: skip
    drawn = pd.concat(parts)
    assert drawn["covariates"].nunique() > 1 and drawn["scale"].nunique() == 2
    built: dict[str, Design] = {}
    exposure = ev.build_exposure(plan, panel)
    for row in drawn.to_dict("records"):
        point, error = one_at_a_time(plan, panel, exposure, row, built)
        label = str(row)
        assert row["estimate"] == pytest.approx(point, abs=1e-10, rel=1e-10), label
        assert row["std_error"] == pytest.approx(error, abs=1e-10, rel=1e-10), label


def test_the_headline_is_that_of_estimate(plan: Plan, curve: Curve, panel: Any) -> None:
    design = build_design(plan, panel, ev.build_exposure(plan, panel), OUTCOME)
    found = ev.estimate(replace(design, alternative=None, estimators=("group_time",)))
    (one,) = list(found)
    own = curve.frame[curve.frame["is_headline"]].iloc[0]
    assert own["effect"] == own["estimate"] == pytest.approx(one.point[0], rel=1e-12)
    assert own["std_error"] == pytest.approx(one.std_error[0], rel=1e-12)
    assert own["factor"] == 1


# One alternative of every choice that changes the sample, as the plan key that it stands for.
SAMPLES: dict[str, tuple[Any, dict[str, Any]]] = {
    "scale": ("log", {f"outcomes.{OUTCOME}.scale": "log", f"outcomes.{OUTCOME}.zeros": "missing"}),
    "per": ("population_count", {f"outcomes.{OUTCOME}.per": "population_count"}),
    "unsafe_figures": ("missing", {"unsafe_figures.action": "missing"}),
    "years": (["2017/18", "2024/25"], {f"outcomes.{OUTCOME}.years": ["2017/18", "2024/25"]}),
    "council_types": (["unitary"], {"council_types": ["unitary"]}),
    "regions": (["London", "South East"], {"regions": ["London", "South East"]}),
    "boundaries": ("keep_predecessors", {"boundaries": "keep_predecessors"}),
    "exclude": ([], {"exclude": []}),
    "weights": ("population", {"weights": "population"}),
    "comparison": ("never_treated", {"comparison": "never_treated"}),
    "no_record": ("only_known", {"no_record": "only_known"}),
    "history": ("drop", {"history.action": "drop"}),
    "concurrent": ("drop", {"concurrent.action": "drop"}),
    "spillovers": (["same_county", "joint_partners"], {"spillovers": ["same_county"]}),
    "exposure_starts": ("same_period", {"exposure_starts": "same_period"}),
    "anticipation": (1, {"anticipation": 1}),
    "min_confidence": ("high", {"min_confidence": "high"}),
    "date_precision": ("year", {"date_precision": "year"}),
}
OF_NO_SAMPLE = {"estimator", "winsorise", "covariates", "cluster", "event_window"}
OF_INDICES = {"index_method", "base_years"}


def test_every_choice_of_a_sample_is_tried() -> None:
    assert set(SAMPLES) == set(CHOICES) - OF_NO_SAMPLE - OF_INDICES
    assert set(CHOICE_WORDS) >= set(CHOICES)


@pytest.fixture(scope="module")
def store() -> Any:
    return open_store()


@pytest.mark.long
@pytest.mark.parametrize("choice", SAMPLES)
def test_an_alternative_is_the_plan_with_that_value(choice: str, store: Any) -> None:
    value, keys = SAMPLES[choice]
    listed = {"specifications": {choice: [value], "estimator": ["twfe"]}}
    given = load_plan("peer_challenge", listed)
    (other,) = getattr(given.specifications, choice)
    chosen = [{choice: other, "estimator": name} for name in ("group_time", "twfe")]
    (job,) = Samples(given, store, 0).jobs(OUTCOME, chosen)
    assert isinstance(job, Job)
    answers = {answer.item.estimator: answer for answer in solve_job(job)}
    plan = load_plan("peer_challenge", keys)
    panel = panel_from_store(plan, store)
    design = build_design(plan, panel, ev.build_exposure(plan, panel), OUTCOME, is_described=False)
    assert job.design.sample_id == design.sample_id
    for name, answer in answers.items():
        fitted = fit_design(design, name)
        fitted = fitted.aggregate("group") if name == "group_time" else fitted
        expected = (fitted.point[0], fitted.std_error[0])
        assert answer.effect[:2] == pytest.approx(expected, rel=1e-10)
        assert answer.counts[2] == fitted.n_treated_units


def test_gaps_in_a_control_go_listwise(curve: Curve) -> None:
    done = curve.frame[(curve.frame["reason"] == "") & (curve.frame["estimator"] == "twfe")]
    rest = [name for name in curve.choices if name != "covariates"]
    wide = done.pivot_table(index=rest, columns="covariates", values="n_obs")
    assert (wide["dwellings_count"] < wide["none"]).all()  # counties have no dwellings


def make_columns(seed: int, units: int = 60, periods: int = 8) -> tuple[PathColumns, Any]:
    """Return a null panel with serial correlation, gaps, two outcomes and two controls."""
    rng = np.random.default_rng(seed)
    cohort = np.array([4.0, 6.0, np.inf])
    codes = np.repeat([0, 1, 2], [units // 5, units // 5, units - 2 * (units // 5)])
    y = rng.normal(size=(units, periods)).cumsum(axis=1) + rng.normal(size=(units, 1))
    controls = rng.normal(size=(2, units, periods))
    controls[1, :7, 0] = np.nan
    values = np.array([y * np.nan, y, np.clip(y, -2, 2), *controls])
    exposed = (np.arange(periods)[None] >= cohort[:, None]).astype(float)
    kept = (cohort[:, None] - np.arange(periods)[None]) != 1
    weight = (rng.random((units, periods)) > 0.05).astype(float)
    clusters = np.array([np.arange(units), np.arange(units) // 2])
    return PathColumns(values, weight, clusters, exposed, kept), (codes, rng)


EVERY = [
    Specification(o, 0, c, k) for o in (1, 2) for c in ((), (3,), (4,), (3, 4)) for k in (0, 1)
]


def test_draws_are_what_the_engine_finds_on_permuted_paths() -> None:
    columns, (codes, rng) = make_columns(5)
    drawn = np.array([rng.permutation(codes) for _ in range(6)])
    together = permute_specifications(columns, EVERY, drawn)
    ratios = []
    for draw, one in zip(drawn, together.swapaxes(0, 1), strict=True):
        found = solve_specifications(columns.on_paths(draw), EVERY)
        assert one[0] == pytest.approx(found.estimate, abs=1e-12)
        ratios.append(found.std_error / one[1])
    # Only the small-sample factor is left; it changes with the rows that a draw leaves out.
    assert np.ptp(ratios, axis=0).max() < 0.01


@pytest.mark.long
@pytest.mark.parametrize("effect", [0.0, 1.5])
def test_joint_size_and_power(effect: float) -> None:
    rejected = []
    for seed in range(200):
        columns, (codes, rng) = make_columns(seed)
        codes = rng.permutation(codes)
        values = columns.values.copy()
        values[1:3] += effect * columns.exposed[codes]
        columns = replace(columns, values=values)
        drawn = np.array([codes, *(rng.permutation(codes) for _ in range(99))])
        point, error = permute_specifications(columns, EVERY, drawn)
        score = point / error
        test = joint_test(point[0], score[0], np.array([point[1:], score[1:]]), 0.95)
        rejected.append([p <= 0.05 for p in test.p_values.values()])
    share = np.mean(rejected, axis=0)
    if effect:
        assert share.min() > 0.8, share
    else:  # 200 panels: 5 per cent with its 99.9 per cent range
        assert share.max() <= 0.11 and share[[0, 2]].min() >= 0.005, share


def test_samples_of_one_outcome_move_together(plan: Plan, panel: Any) -> None:
    rule = ev.build_exposure(plan, panel)
    design = replace(build_design(plan, panel, rule, OUTCOME), alternative=None)
    universe = tuple(sorted(panel.store.councils["council_code"]))
    none = pd.DataFrame(index=design.full.index)
    job = Job(design, none, (Item(0, "twfe", 0.0, (), "council"),), universe, 60, (1, 2))
    outside = design.councils.loc[~design.councils["is_treated"], "council_code"].iloc[:3]
    frames = {
        name: (old := getattr(design, name))[~old["council_code"].isin(outside)]
        for name in ("full", "councils", "frame", "group_time_frame")
    }
    frames["full"] = frames["full"].reset_index(drop=True)
    fewer = replace(
        job, design=replace(design, **frames), controls=none.iloc[: len(frames["full"])]
    )
    (first,), (again,), (second,) = solve_job(job), solve_job(job), solve_job(fewer)
    assert first.drawn is not None and second.drawn is not None and again.drawn is not None
    assert (first.drawn == again.drawn).all()
    assert np.corrcoef(first.drawn[1], second.drawn[1])[0, 1] > 0.8


def test_main_effects_add_up_in_a_full_factorial() -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        [(a, b, c) for a in "xy" for b in "uvw" for c in "pq"], columns=list("abc")
    )
    effect = table["a"].eq("y") * 2.0 + table["b"].map({"u": 0, "v": 5, "w": 1})
    found = explain(effect.to_numpy() + 0 * rng.random(12), table).set_index("choice")
    assert found.index[0] == "b" and found.loc["b", "shift"] == pytest.approx(5)
    assert found["share"].sum() == pytest.approx(1) and found.loc["c", "share"] < 1e-12
    assert (found.loc["b", "lowest"], found.loc["b", "highest"]) == ("u", "v")


def test_alternatives_are_checked_before_anything_runs(tmp_path: Path) -> None:
    text = (Path(__file__).parents[1] / "evaluations" / "peer_challenge.yml").read_text("utf-8")
    head, rest = text.split("specifications:\n")
    tail = rest[rest.index("people:") :]
    listed = "  anticipation: [11]\n  event_window: [[-3, 1], [3, 1]]\n  concurrent: [drop]\n"
    path = tmp_path / "bad.yml"
    path.write_text(f"{head}specifications:\n{listed}\n{tail}", encoding="utf-8")
    with pytest.raises(PlanError) as caught:
        load_plan(path)
    first = head.count("\n") + 2
    places = [fault.where.split("bad.yml ")[1] for fault in caught.value.faults]
    assert places == [
        f"line {first}, specifications.anticipation[0]",
        f"line {first + 1}, specifications.event_window[1]",
    ]
    for values, what in (
        ("{scal: [log]}", "Did you mean 'scale'"),
        ("{scale: [lag]}", "Did you mean 'log'"),
        ("{winsorise: [0.5]}", "above 0 and below 0.25"),
        ("{spillovers: [[same_countie]]}", "Did you mean 'same_county'"),
        ("{exposure_starts: [sam_period]}", "Did you mean 'same_period'"),
        ("{anticipation: [0, 1, 2, 3], cluster: [region, council_type], scale: [log], "
         "winsorise: [0.01, 0.02, 0.03, 0.04, 0.05], no_record: [only_known], "
         "comparison: [never_treated], covariates: [[a], [b], [c], [d], [e], [f], [g], [h]], "
         "estimator: [twfe, imputation, stacked], weights: [population]}", "combinations"),
    ):  # fmt: skip
        with pytest.raises(PlanError, match=what):
            load_plan("peer_challenge", [f"specifications={values}"])


def test_names_that_the_tables_do_not_hold_are_told_with_the_plan() -> None:
    given = "specifications={covariates: [[dwelings_count]], council_types: [[parish]]}"
    with pytest.raises(PlanError) as caught:
        ev.build_panel(load_plan("peer_challenge", [given]))
    where = [fault.where.split(", ")[-1] for fault in caught.value.faults]
    assert where == ["specifications.council_types[0]", "specifications.covariates[0]"]


def test_views_show_thousands_in_little_space(curve: Curve) -> None:
    html = specification_curves(Curves((curve,)))._repr_html_()
    assert len(html) < 250_000
    assert "<image" not in html  # pages take drawings only
    assert "The choice that moves the answer most is" in html
    assert "fewer than 8" in html
    done = curve.frame[curve.frame["reason"] == ""]
    own = float(done.loc[done["is_headline"], "effect"].iloc[0])
    rank = int((done["effect"] < own).sum()) + 1
    assert f"The headline is number {rank} of {len(done)} from the lowest" in html
    assert "A share above or below zero is no test" in html
    assert f"{len(done)} were estimated, with {done['effect'].round(9).nunique()} differ" in html
    assert "Median effect (percentage points)" in html
    many = pd.concat([curve.frame] * 8, ignore_index=True)
    many["is_headline"] = many.index == 0
    large = specification_curves(Curves((replace(curve, frame=many),)))._repr_html_()
    assert len(large) < 400_000


def test_an_index_keeps_its_own_base_years_beside_those_of_others() -> None:
    listed = "specifications={base_years: [[2016/17]]}"
    plan = load_plan("performance_index", [listed])
    (found,) = specification_curve(plan, draws=0)
    assert (found.frame["reason"] == "").all() and len(found.frame) == 2
    assert (found.frame["factor"] != 1).sum() == 1  # one standard deviation is another's


def test_states_are_read_where_no_event_of_a_kind_is_sure() -> None:
    plan = load_plan("childrens_intervention", ["min_confidence=high"])
    states = ev.build_exposure(plan, ev.build_panel(plan)).states
    assert set(states["met"]) < set(states["met_at_most"])


def test_a_plan_without_alternatives_has_one_specification() -> None:
    plan = load_plan("peer_challenge", ["specifications={}", *ALONE])
    found = specification_curve(plan, draws=9)
    assert len(found.frame) == 1 and found.frame["is_headline"].all()
    assert found.frame["reason"].tolist() == [""]
    assert "there is one specification" in specification_curves(found)._repr_html_()
