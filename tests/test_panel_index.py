"""Indices of performance: by hand, against independent figures, and by what may not matter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from evallib.design import build_designs
from evallib.errors import PlanError
from evallib.exposure import build_exposure
from evallib.panel import Panel, build_panel, open_store
from evallib.panel.catalogue import Catalogue
from evallib.panel.derived.build import Made
from evallib.panel.index import (
    IndexResult,
    components_by_year,
    constant_councils,
    index_by_year,
    leave_one_out,
)
from evallib.panel.index.build import build_index
from evallib.panel.index.missing import left_out_by_reason, missing_components
from evallib.panel.index.scales import percentage_change, standardise
from evallib.panel.index.weights import (
    combine,
    equal_weights,
    inverse_covariance_weights,
    pairwise_covariance,
)
from evallib.panel.periods import FINANCIAL_YEAR
from evallib.plan import Index, Plan, load_plan
from evallib.report.views import index_england, index_rules, index_spread, index_tables

CHILDREN = (
    "assessments_within_45_days_pct",
    "child_protection_conferences_within_15_days_pct",
    "child_protection_reviews_in_time_pct",
    "rereferrals_within_12_months_pct",
    "repeat_child_protection_plans_pct",
)
RECYCLING, RESIDUAL = "recycling_rate_pct", "residual_waste_kg_per_household"
METHODS = ("percentage_change", "standardised_mean", "inverse_covariance")
SIMPLE = (1.0, 2.0, 3.0)


def make(folder: Path, *indices: dict[str, Any], **keys: Any) -> Plan:
    values = {
        "title": "A title",
        "question": "A question?",
        "register": "peer_challenges",
        "kinds": ["cpc"],
        "known_from": "2021/22",
        "last_event_year": "2023/24",
        "years": ["2015/16", "2024/25"],
        "exclude": ["E06000053", "E09000001"],
        "outcomes": [{"indicator": CHILDREN[0], "meaningful_change": 1}],
        "indices": list(indices),
        "notebooks": ["01_panel_quality"],
        **keys,
    }
    path = folder / "evaluation.yml"
    path.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
    return load_plan(path)


def index(**keys: Any) -> dict[str, Any]:
    base = {"name": "whole", "method": "standardised_mean", "base_years": ["2015/16"]}
    return {**base, "components": list(CHILDREN), **keys}


@pytest.fixture(scope="module")
def shipped() -> tuple[Plan, Panel]:
    plan = load_plan("performance_index")
    return plan, build_panel(plan)


def small(
    values: dict[str, list[list[float]]],
    spec: dict[str, Any],
    polarity: dict[str, str] | None = None,
    breaks: pd.DataFrame | None = None,
) -> IndexResult:
    """Build an index of a few councils by years from 2015 on; a row a council, NaN is missing."""
    rows = [
        (f"E0{council:07d}", 2015 + year, name, value)
        for name, table in values.items()
        for council, line in enumerate(table)
        for year, value in enumerate(line)
        if not np.isnan(value)
    ]
    figures = pd.DataFrame(rows, columns=["council_code", "period", "indicator", "value"])
    figures = figures.assign(is_recast=False, file="", fin_year="")
    known = pd.DataFrame(
        {
            "indicator": list(values),
            "title": list(values),
            "unit": "percent",
            "polarity": [(polarity or {}).get(name, "higher") for name in values],
            "reporting_tier": "all",
            "period_basis": "financial year",
            **dict.fromkeys(("publisher", "publication", "licence"), "x"),
        }
    )
    if breaks is None:
        breaks = pd.DataFrame(columns=["indicator", "first_period_after", "kind", "what"])
    made = Made(figures, Catalogue(known, dict.fromkeys(values, FINANCIAL_YEAR)), breaks)
    plan = load_plan("peer_challenge")
    one = Index.model_validate({"base_years": "2015/16", "components": list(values), **spec})
    plan = plan.model_copy(update={"indices": (one,)})
    return build_index(plan, one, made)


CHANGE = {"name": "i", "method": "percentage_change"}


def test_percentage_change_by_hand() -> None:
    # a: 50 to 60 is 20 up; b (lower is better): 10 to 9 is 10 up, 10 to 12 is 20 down
    found = small({"a": [[50, 60], [80, 40]], "b": [[10, 9], [10, 12]]}, CHANGE, {"b": "lower"})
    assert found.rows["index"].tolist() == pytest.approx([0, 15, 0, -35])
    assert found.unit == "per cent change on 2015/16"
    by_year = index_by_year(found, 2015, 2016)
    assert by_year["index"].tolist() == pytest.approx([0, -10])
    # means: a 65 to 50 (-23.08), b 10 to 10.5 (-5): their mean
    assert by_year["index_of_means"].iloc[1] == pytest.approx((100 * (50 / 65 - 1) - 5) / 2)


def test_several_base_years_are_averaged_council_by_council() -> None:
    found = small(
        {"a": [[40, 60, 100], [40, np.nan, 100]], "b": [[10, 10, 10], [10, 10, 10]]},
        {**CHANGE, "base_years": ["2015/16", "2016/17"], "at_least": 1},
    )
    rows = found.rows.set_index(["council_code", "period"])
    assert rows.loc[("E00000000", 2017), "index"] == pytest.approx(50)  # 50 to 100, and no change
    second = found.rows["council_code"].eq("E00000001").to_numpy()
    lacks = ["no figure in the base year", "no figure", "no figure in the base year"]
    assert found.why[second, 0].tolist() == lacks


def test_a_base_of_zero_or_below_is_left_out_and_counted() -> None:
    found = small(
        {"a": [[0, 60], [-5, 40], [10, 20]], "b": [[10, 11], [10, 11], [10, 11]]},
        {**CHANGE, "at_least": 1},
    )
    counts = found.left_out(2016, 2016)
    assert counts["why"].tolist() == ["zero or negative in the base year"]
    assert counts["council_years"].tolist() == [2]
    assert found.rows.loc[found.rows["period"] == 2016, "index"].tolist() == pytest.approx(
        [10, 10, 55]
    )


def test_z_scores_by_hand() -> None:
    spec = {"name": "i", "method": "standardised_mean"}
    found = small({"a": [[1, 3], [3, 3]], "b": [[30, 10], [10, 10]]}, spec, {"b": "lower"})
    root = 1 / np.sqrt(2)  # a: mean 2, sd sqrt 2; b: mean 20, sd sqrt 200
    assert found.rows["index"].tolist() == pytest.approx([-root, root, root, root])
    yearly = small(
        {"a": [[1, 3], [3, 9]], "b": [[30, 10], [10, 20]]},
        {**spec, "standardised_by": "each_year"},
    )
    assert yearly.rows["index"].tolist() == pytest.approx([0, -root, 0, root])


@pytest.mark.parametrize("correlation", [-0.4, 0.0, 1 / 3, 0.8])
def test_inverse_covariance_weights_by_hand(correlation: float) -> None:
    # two components correlate, the third stands alone: 1/(1+r), 1/(1+r), 1, over their sum
    target = np.eye(3)
    target[0, 1] = target[1, 0] = correlation
    raw = np.random.default_rng(1).normal(size=(200, 3))
    raw -= raw.mean(axis=0)
    white = raw @ np.linalg.inv(np.linalg.cholesky(np.cov(raw.T))).T
    scores = white @ np.linalg.cholesky(target).T
    pair = 1 / (1 + correlation)
    expected = np.array([pair, pair, 1]) / (2 * pair + 1)
    np.testing.assert_allclose(inverse_covariance_weights(scores), expected, rtol=1e-10)


def test_inverse_covariance_weights_make_the_steadiest_mean() -> None:
    rng = np.random.default_rng(2)
    scores = rng.normal(size=(300, 4)) @ rng.normal(size=(4, 4))
    scores /= scores.std(axis=0, ddof=1)
    weights = inverse_covariance_weights(scores)
    least = np.var(scores @ weights)
    for _ in range(200):
        other = weights + rng.normal(size=4)
        assert np.var(scores @ (other / other.sum())) > least


def test_inverse_covariance_on_the_real_tables_against_pandas(shipped: tuple[Plan, Panel]) -> None:
    found = shipped[1].indices["childrens_index_weighted"]
    base = open_store().figures(found.components)
    base = base[(base["period"] == 2015) & ~base["is_recast"]]
    wide = base.pivot(index="council_code", columns="indicator", values="value")
    wide = wide[list(found.components)].drop(index=["E06000053", "E09000001"], errors="ignore")
    wide = wide[wide.notna().sum(axis=1) >= 6]
    signs = [-1 if name.startswith(("rere", "repeat", "children_w")) else 1 for name in wide]
    scores = (wide - wide.mean()) / wide.std() * signs
    sums = np.linalg.inv(scores.cov().to_numpy()).sum(axis=1)
    np.testing.assert_allclose(found.weights, sums / sums.sum(), rtol=1e-9)
    # Anderson's rule for missing outcomes: the weights that are there, divided by their sum
    weighted = scores.mul(sums).sum(axis=1) / (scores.notna() * sums).sum(axis=1)
    own = found.rows[found.rows["period"] == 2015].set_index("council_code")["index"]
    np.testing.assert_allclose(own[weighted.index], weighted, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("method", METHODS)
def test_contributions_add_up(shipped: tuple[Plan, Panel], method: str) -> None:
    plan, panel = shipped
    found = next(one for one in panel.indices.values() if one.method == method)
    held = found.rows["index"].notna().to_numpy()
    sums = found.contributions[held].sum(axis=1)
    np.testing.assert_allclose(sums, found.rows.loc[held, "index"], atol=1e-9)
    assert found.weights.sum() == pytest.approx(1)
    parts = components_by_year(found, 2015, 2024).groupby("period")["contribution"].sum()
    whole = index_by_year(found, 2015, 2024).set_index("period")["index"]
    pd.testing.assert_series_equal(parts, whole, check_names=False, atol=1e-9)
    assert plan.outcome(found.name).indicator == found.name


@pytest.mark.parametrize(
    ("domains", "present", "weights"),
    [
        (("a", "b", "c"), (1, 1, 1), (1 / 3, 1 / 3, 1 / 3)),
        (("a", "b", "c"), (1, 0, 1), (1 / 2, 0, 1 / 2)),
        (("a", "a", "b"), (1, 1, 1), (1 / 4, 1 / 4, 1 / 2)),
        (("a", "a", "b"), (1, 0, 1), (1 / 2, 0, 1 / 2)),
        (("a", "a", "b"), (1, 1, 0), (1 / 2, 1 / 2, 0)),
    ],
)
def test_weights_of_missing_components_go_to_their_domain(
    domains: tuple[str, ...], present: tuple[int, ...], weights: tuple[float, ...]
) -> None:
    scores = np.where(np.array(present) == 1, np.array(SIMPLE), np.nan)[None, :]
    found = combine(scores, equal_weights(domains), domains, 1)
    assert found.index[0] == pytest.approx(np.dot(weights, SIMPLE))
    assert found.contributions[0].tolist() == pytest.approx(
        [weight * value for weight, value in zip(weights, SIMPLE, strict=True)]
    )


@pytest.mark.parametrize(("at_least", "fewest"), [("all", 5), (3, 3), (0.6, 3), (0.61, 4)])
def test_components_that_a_council_must_have(tmp_path: Path, at_least: object, fewest: int) -> None:
    plan = make(tmp_path, index(at_least=at_least))
    found = build_panel(plan).indices["whole"]
    held = found.rows["index"].notna()
    present = (found.why == "").sum(axis=1)
    assert found.fewest == fewest
    assert (held == (present >= fewest)).all()
    assert 0 < held.sum() < len(held)


Tables = st.lists(
    st.lists(st.floats(1, 100), min_size=3, max_size=3), min_size=5, max_size=5
).filter(lambda rows: all(np.ptp(column) > 1 for column in zip(*rows, strict=True)))


def scored(method: str, values: np.ndarray, signs: np.ndarray) -> np.ndarray:
    """Return an index of rows, the first four its reference."""
    reference = np.array([True] * 4 + [False])
    if method == "percentage_change":
        scores, weights = percentage_change(values, values[:1], signs), np.full(3, 1 / 3)
    else:
        scores, weights = standardise(values, signs, reference), np.full(3, 1 / 3)
        if method == "inverse_covariance":
            weights = inverse_covariance_weights(scores[reference])
    return combine(scores, weights, ("a", "b", "c"), 3).index


@pytest.mark.parametrize("method", METHODS)
@given(
    rows=Tables,
    scale=st.floats(0.01, 100),
    shift=st.floats(-50, 50),
    order=st.permutations(range(3)),
)
def test_what_may_not_matter(
    method: str, rows: list[list[float]], scale: float, shift: float, order: list[int]
) -> None:
    values, signs = np.array(rows), np.array([1.0, -1.0, 1.0])
    plain = scored(method, values, signs)
    same = {"rtol": 1e-6, "atol": 1e-7}
    moved = values.copy()
    moved[:, 0] = scale * moved[:, 0] + (0 if method == "percentage_change" else shift)
    flat = np.ptp(values[:4], axis=0).min() < 0.5
    correlation = np.corrcoef(values[:4].T) if not flat else np.ones((3, 3))
    if method != "percentage_change" and np.linalg.cond(correlation) > 1e4:
        return  # too near singular for a comparison of digits
    np.testing.assert_allclose(scored(method, moved, signs), plain, **same)
    np.testing.assert_allclose(scored(method, values[:, order], signs[order]), plain, **same)
    if method != "percentage_change":  # a sign turned with its polarity is the same component
        turned = values * np.array([1.0, 1.0, -1.0])
        flipped = signs * np.array([1.0, 1.0, -1.0])
        np.testing.assert_allclose(scored(method, turned, flipped), plain, **same)


def test_a_series_is_never_spliced_across_a_break() -> None:
    breaks = pd.DataFrame(
        {"indicator": ["a"], "first_period_after": [2017], "kind": ["basis"], "what": ["new"]}
    )
    values = {"a": [[50, 55, 999], [50, 55, 999]], "b": [[10, 11, 12], [10, 11, 12]]}
    found = small(values, {**CHANGE, "at_least": 1}, breaks=breaks)
    assert found.rows["index"].tolist() == pytest.approx([0, 10, 20] * 2)
    counts = found.left_out(2015, 2017)
    assert counts["why"].tolist() == ["a break of the series since the base year"]
    assert counts["council_years"].tolist() == [2]
    with pytest.raises(PlanError, match="keeps 2 of 2 components"):
        small(
            {name: [[row[0], row[2]] for row in table] for name, table in values.items()},
            CHANGE,
            breaks=breaks.assign(first_period_after=2016),
        )


def test_the_recycling_break_refuses_a_base_before_it(tmp_path: Path) -> None:
    waste = index(components=[RECYCLING, RESIDUAL], base_years=["2014/15"])
    with pytest.raises(PlanError) as caught:
        build_panel(make(tmp_path, waste, years=["2015/16", "2022/23"]))
    assert "a break of the series since the base year (" in str(caught.value)
    assert "indices[0]" in str(caught.value)


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (index(components=[CHILDREN[0], "dwellings_count"]), ["dwellings_count has no polarity"]),
        (
            index(components=[*CHILDREN, "ehc_plans_within_20_weeks_pct"], base_years=["2016/17"]),
            ["ehc_plans_within_20_weeks_pct is measured over other twelve months"],
        ),
        (index(base_years=["2014/15"]), ["has no figure in 2014/15", "base_years"]),
        (index(components=[CHILDREN[0], "x"]), ["'x' is not a name"]),
        (index(name=CHILDREN[0], components=list(CHILDREN[1:])), ["is the name of an indicator"]),
    ],
)
def test_indices_that_the_tables_contradict(
    tmp_path: Path, one: dict[str, Any], words: list[str]
) -> None:
    with pytest.raises(PlanError) as caught:
        build_panel(make(tmp_path, one))
    assert all(word in str(caught.value) for word in words), str(caught.value)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"components": [CHILDREN[0]]}, "holds 1 component"),
        ({"components": []}, "no components"),
        ({"domains": {"a": [CHILDREN[0]]}}, "both components and domains"),
        ({"components": [CHILDREN[0], CHILDREN[0]]}, "listed twice"),
        (
            {"components": [], "domains": {"a": [CHILDREN[0]], "b": [CHILDREN[0], CHILDREN[1]]}},
            "stands in two domains",
        ),
        ({"at_least": 6}, "the index has 5 components"),
        ({"at_least": 1.5}, "a share lies between 0 and 1"),
        ({"at_least": "most"}, "all, a number of components or a share"),
        ({"at_least": True}, "all, a number of components or a share"),
        ({"base_years": []}, "is an empty list"),
        ({"base_years": ["2015"]}, "not a financial year"),
        ({"method": "percentage_change", "standardised_by": "each_year"}, "is not standardised"),
        (
            {"method": "inverse_covariance", "components": [], "domains": {"a": list(CHILDREN)}},
            "works out its own weights",
        ),
        ({"method": "mean"}, "not a choice"),
        ({"components": [CHILDREN[0], "whole"]}, "is made of itself"),
    ],
)
def test_indices_that_are_wrong_by_themselves(
    tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(PlanError) as caught:
        make(tmp_path, index(**changes))
    assert words in str(caught.value), str(caught.value)
    assert "indices[0]" in str(caught.value)


def test_nothing_is_made_from_an_index_or_divided_by_one(tmp_path: Path) -> None:
    second = index(name="second", components=["whole", CHILDREN[0]])
    derived = [{"name": "d", "change": "whole"}]
    divided = [{"indicator": "whole", "per": "dwellings_count", "meaningful_change": 1}]
    with pytest.raises(PlanError) as caught:
        make(tmp_path, index(), second, derived=derived, outcomes=divided)
    assert str(caught.value).count("nothing is made from an index") == 2
    assert "an index is not divided" in str(caught.value)
    fewer = [{"indicator": "whole", "min_denominator": 5, "meaningful_change": 1}]
    with pytest.raises(PlanError, match="an index has no denominator"):
        make(tmp_path, index(), outcomes=fewer)


def test_components_that_repeat_each_other_are_refused() -> None:
    spec = {"name": "i", "method": "inverse_covariance"}
    values = {"a": [[1, 2], [3, 4], [5, 1]], "b": [[2, 4], [6, 8], [10, 2]]}
    with pytest.raises(PlanError, match="covariance of the components"):
        small(values, spec)
    assert np.isnan(inverse_covariance_weights(np.ones((1, 2)))).all()
    assert np.isnan(pairwise_covariance(np.array([[1.0, np.nan], [np.nan, 1.0]]))[0, 1])
    flat = {"a": [[1, 2], [1, 4]], "b": [[2, 4], [6, 8]]}
    with pytest.raises(PlanError, match="a is the same for every council"):
        small(flat, {**spec, "method": "standardised_mean"})


def test_england_rests_on_the_same_councils_every_year(shipped: tuple[Plan, Panel]) -> None:
    plan, panel = shipped
    found = panel.indices["childrens_index"]
    fixed = constant_councils(found, 2015, 2024)
    rows = found.rows[found.rows["index"].notna()]
    years = rows[rows["council_code"].isin(fixed)].groupby("council_code")["period"].nunique()
    assert (years == 10).all()
    table = index_by_year(found, 2015, 2024)
    assert set(table["n_councils"]) == {len(fixed)} == {139}
    assert not set(plan.exclude) & set(fixed)
    assert (table["lower_tenth"] < table["median"]).all()
    own = rows[rows["council_code"].isin(fixed) & (rows["period"] == 2020)]
    assert table.set_index("period").loc[2020, "index"] == pytest.approx(own["index"].mean())


@pytest.mark.parametrize("method", METHODS)
def test_leaving_one_out_is_the_index_of_the_others(tmp_path: Path, method: str) -> None:
    whole = build_panel(make(tmp_path, index(method=method, at_least="all"))).indices["whole"]
    table = leave_one_out(whole, 2015, 2024)
    others = index(method=method, at_least="all", components=list(CHILDREN[1:]))
    rest = build_panel(make(tmp_path, others)).indices["whole"]
    fixed = constant_councils(whole, 2015, 2024)
    rows = rest.rows[
        rest.rows["council_code"].isin(fixed) & rest.rows["period"].between(2015, 2024)
    ]
    expected = rows.groupby("period")["index"].mean()
    found = table[table["component"] == CHILDREN[0]].set_index("period")["without"]
    # the reference group of z-scores is that of the whole index: a council or two fewer
    tolerance = 1e-9 if method == "percentage_change" else 0.02
    np.testing.assert_allclose(found, expected, atol=tolerance)
    assert table["correlation"].between(0.3, 1).all()


def test_missing_components_are_counted(shipped: tuple[Plan, Panel]) -> None:
    found = shipped[1].indices["services_index"]
    shares = missing_components(found, 2015, 2022).set_index(["component", "fin_year"])
    assert shares.loc[("asc_quality_of_life_score", "2020/21"), "missing_pct"] == 100
    assert shares.loc[("recycling_rate_pct", "2016/17"), "missing_pct"] < 10
    reasons = left_out_by_reason(found, 2015, 2022)
    assert reasons["council_years"].sum() == shares["missing"].sum()
    short = shipped[1].losses
    assert (short["indicator"] == "childrens_index").sum() == 25


def test_an_index_is_an_outcome_like_any_other(shipped: tuple[Plan, Panel]) -> None:
    plan, panel = shipped
    designs = build_designs(plan, panel, build_exposure(plan, panel))
    design = designs.get("childrens_index_change")
    assert (design.unit, design.polarity) == ("per cent change on 2015/16", "higher")
    assert designs.get("childrens_index").unit == "standard deviations"
    assert design.n_treated > 50
    result = panel.indices["childrens_index_change"].rows.set_index(["council_code", "period"])
    beside = result.loc[list(zip(design.full["council_code"], design.full["period"], strict=True))]
    np.testing.assert_array_equal(beside["index"], design.full["value"])
    assert "fewer than 6 of 8 components (" in design.flow["why"].iloc[0]


def test_no_council_is_named_by_the_index_views(shipped: tuple[Plan, Panel]) -> None:
    plan, panel = shipped
    names = set(panel.store.councils["council_name"]) - {"Bury", "Reading"}
    for view in (index_rules, index_england, index_spread):
        text = view(plan, panel)._repr_html_()
        assert not [name for name in names if f">{name}<" in text]
    for table in index_tables(plan, panel).values():
        assert "council_code" not in table.columns
        assert len(table) > 4
    without = load_plan("peer_challenge")
    assert "The plan has no index." in index_rules(without, build_panel(without))._repr_html_()
