"""Effects by characteristics of designs: permuted where thin, planned or not, on shipped plans."""

from __future__ import annotations

import warnings
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from test_inference_designs import make_design

import evallib as ev
from evallib.design import Design, Designs
from evallib.design.characteristics import Characteristic
from evallib.errors import EstimationError
from evallib.estimate import fit
from evallib.inference import heterogeneity as by_design
from evallib.inference.permuted_subgroups import wald_statistics

PLANS = ("peer_challenge", "childrens_intervention")


def characteristic(name: str, labels: dict[str, str], **changes: Any) -> Characteristic:
    values: dict[str, Any] = {"note": f"As {name} says."}
    names = tuple(dict.fromkeys(labels.values()))
    return Characteristic(name, name.capitalize(), names, labels, **values | changes)


def with_characteristics(design: Design, gap: float = 0.0) -> Design:
    """Return a design with a side (half the councils) whose effects differ by `gap`, and an era."""
    councils = design.councils
    code = councils["council_code"].to_numpy()
    side = {one: ("left", "right")[k // 2 % 2] for k, one in enumerate(code)}
    treated = councils[councils["is_treated"]]
    era = {one: f"cohort of {at:.0f}" for one, at in zip(treated["council_code"], treated["cohort"],
                                                         strict=True)}  # fmt: skip
    full = design.full.merge(treated[["council_code", "cohort"]], how="left")
    hit = (full["council_code"].map(side) == "right") & (full["period"] >= full["cohort"])
    full["value"] += gap * hit
    none = Characteristic("score", "Score", (), {}, reason="nobody published it")
    return replace(
        design,
        full=full.drop(columns="cohort"),
        characteristics=(
            characteristic("side", side),
            characteristic("era", era, comparators="all", is_of_event=True),
            none,
        ),
        heterogeneity=("side",),
    )


@pytest.fixture(scope="module")
def design() -> Design:
    return make_design(4, {2015: 14, 2016: 14}, never=60, missing=0.0)


def test_thin_subgroups_are_permuted_and_say_so(design):
    found = by_design(with_characteristics(design))
    tests = found.tests.set_index("characteristic")
    assert tests["inference"].tolist() == ["permutation", "permutation", ""]
    assert tests["is_planned"].tolist() == [True, False, False]
    assert "one for all councils and years" in tests.loc["side", "method"]
    assert "The thin-design rule fired in: left (13 treated clusters" in tests.loc["side", "method"]
    assert tests.loc["score", "answer"] == "no joint test"
    assert tests.loc["score", "reason"] == "nobody published it"
    assert tests.loc["era", "comparators"] == "all"
    for name in ("side", "era"):
        rows = found.frame[found.frame["characteristic"] == name]
        # two subgroups: the largest Wald statistic is the largest |t| of their difference
        assert rows["difference_p_value"].tolist() == [tests.loc[name, "p_value"]] * 2
        inside = rows["conf_low"].lt(rows["estimate"]) & rows["conf_high"].gt(rows["estimate"])
        assert inside.all() and np.isfinite(rows["conf_high"]).all()
        assert rows["n_treated_units"].tolist() == [14, 14]
    again = by_design(with_characteristics(design))
    pd.testing.assert_frame_equal(found.frame, again.frame)


@pytest.mark.parametrize(
    ("asked", "inference", "words"),
    [
        ("analytic", "influence_normal", "The plan asks for analytic intervals in place of"),
        ("permutation", "permutation", "The plan asks for permutation of adoption paths in place"),
        ("wild_bootstrap", "permutation", "which is of regressions: the thin-design rule decides"),
    ],
)
def test_subgroups_follow_the_inference_that_the_plan_asks_for(design, asked, inference, words):
    thin = replace(with_characteristics(design), inference=asked)
    found = by_design(thin, ["side"])
    (test,) = found.tests.to_dict("records")
    assert test["inference"] == inference
    assert words in test["method"] and "fired in: left" in test["method"]
    assert words in ev.views.heterogeneity(found)._repr_html_()
    plain = by_design(with_characteristics(design), ["side"])
    same = found.frame[["conf_low", "p_value"]].equals(plain.frame[["conf_low", "p_value"]])
    assert same == (inference == "permutation")
    columns = ["subgroup", "estimate", "std_error", "difference"]
    assert found.frame[columns].equals(plain.frame[columns])


def test_subgroups_that_are_not_thin_are_permuted_where_the_plan_asks():
    wide = with_characteristics(make_design(4, {2015: 60, 2016: 60}, never=160, missing=0.0))
    assert by_design(wide, ["side"]).tests["inference"].tolist() == ["influence_normal"]
    asked = by_design(replace(wide, inference="permutation"), ["side"]).tests
    assert asked["inference"].tolist() == ["permutation"]
    assert "fired in" not in asked["method"][0]


def test_estimates_and_errors_are_those_of_a_fit(design):
    made = with_characteristics(design)
    found = by_design(made, ["side", "era"], comparators="all").frame.set_index("subgroup")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        whole = fit(
            "group_time", made.group_time_frame, outcome="value", unit="council_code",
            time="period", cohort="cohort", anticipation=1, base="universal",
            comparison=made.comparison, cluster="cluster",
        )  # fmt: skip
        side = made.characteristics[0].labels
        frame = made.group_time_frame.assign(side=made.group_time_frame["council_code"].map(side))
        parts = by_design(whole, "side", frame, comparators="all").frame
    by_cohort = whole.aggregate("group").tidy().set_index("term")
    for name, row in parts.set_index("subgroup").iterrows():
        assert found.loc[name, "estimate"] == pytest.approx(row["estimate"], abs=1e-12)
        assert found.loc[name, "std_error"] == pytest.approx(row["std_error"], abs=1e-12)
    for year in (2015, 2016):
        row = by_cohort.loc[f"group={year}"]
        assert found.loc[f"cohort of {year}", "estimate"] == pytest.approx(row["estimate"])
        assert found.loc[f"cohort of {year}", "std_error"] == pytest.approx(row["std_error"])


def test_a_planted_difference_is_found_and_put_into_words(design):
    found = by_design(Designs((with_characteristics(design, gap=8.0),)))
    assert found.tests["p_value"][0] == 1 / 2000
    assert found.tests["answer"].tolist()[0] == "effects differ"
    first = ev.views.heterogeneity(found).items[0]
    assert "1 planned" not in first.sentences[0]
    assert (
        "One planned joint test of primary outcomes could be made. One says that they do"
        in (first.sentences[0])
    )
    assert "Two others are exploratory" in first.sentences[0]


def test_one_effect_for_all_is_rejected_at_its_level(share_of_long_cases, monkeypatch):
    """Few treated councils and a large effect that is the same for all: permuted p-values."""
    monkeypatch.setattr("evallib.inference.subgroups.PERMUTATION_DRAWS", 199)
    draws = len(share_of_long_cases(range(400)))
    p_values = [
        by_design(
            with_characteristics(
                make_design(seed, {2015: 12}, later=4, never=30, effect=6.0, missing=0.0)
            ),
            "side",
        ).tests["p_value"][0]
        for seed in range(draws)
    ]
    rejected = np.mean(np.array(p_values) <= 0.05)
    assert rejected < 0.05 + 3.3 * np.sqrt(0.05 * 0.95 / draws)
    assert np.mean(p_values) == pytest.approx(0.5, abs=3.3 * np.sqrt(1 / 12 / draws))


def test_what_cannot_tell_is_said_to_be_so_and_small_differences_are_not_hidden(design):
    made = with_characteristics(design)
    for change, answer in ((0.1, "cannot tell whether effects differ"),
                           (100.0, "no sizeable difference")):  # fmt: skip
        found = by_design(replace(made, meaningful_change=change), "side")
        assert found.tests["answer"].tolist() == [answer]
    sections = ev.views.heterogeneity(by_design(replace(made, meaningful_change=0.1))).items
    assert "we cannot tell whether effects differ, which is not to say" in sections[0].sentences[0]
    assert "smallest adjusted p-value" in sections[0].sentences[0]
    assert "Before adjustment it is not below 0.05" in sections[0].sentences[0]
    chart = sections[1].pieces[1]
    clear = ((chart.data["conf_low"] > 0) | (chart.data["conf_high"] < 0)).sum()
    total = len(chart.data)
    finding = f"{clear} of {total} intervals" if clear else f"All {total} intervals include zero"
    assert chart.headline.startswith(finding)
    assert sections[1].sentences[0].startswith("We cannot tell whether effects differ by: side")
    assert "No joint test could be made by: score" in sections[1].sentences[1]


def test_the_summary_says_in_a_sentence_what_was_saved(design):
    found = by_design(with_characteristics(design))
    saved = SimpleNamespace(tables={"11_heterogeneity/heterogeneity_tests": found.tests})
    said = ev.views.heterogeneity_summary(saved).sentences
    assert said == ev.views.heterogeneity(found).items[0].sentences
    none = ev.views.heterogeneity_summary(SimpleNamespace(tables={})).sentences
    assert none == ("No notebook of this plan tells effects on subgroups apart.",)


def test_too_few_paths_that_can_move_are_no_test():
    """Every stratum of the left side is treated: its paths cannot move, and the right's hardly."""
    made = with_characteristics(make_design(5, {2015: 10}, later=0, never=12, missing=0.0))
    side = {code: "left" if k < 5 else "right" for k, code in
            enumerate(made.councils["council_code"])}  # fmt: skip
    councils = made.councils.assign(council_type=[f"type {k}" for k in range(len(side))])
    lonely = replace(made, councils=councils, characteristics=(characteristic("side", side),))
    found = by_design(lonely, "side", comparators="all")
    assert found.tests["answer"].tolist() == ["no joint test"]
    assert "too few paths can move" in found.tests["reason"][0]


def test_wald_statistics_of_draws_are_quadratic_forms():
    rng = np.random.default_rng(1)
    base = rng.normal(size=(4, 3, 3))
    covariance = base @ base.transpose(0, 2, 1)
    effects = rng.normal(size=(4, 3))
    weights = np.array([[1, -0.4, -0.6], [-0.25, 1, -0.75], [-0.4, -0.6, 1]])
    contrasts = np.array([[1.0, -1.0, 0.0], [0.0, 1.0, -1.0]])
    found = wald_statistics(effects @ weights.T, weights @ covariance @ weights.T)
    for k in range(4):
        gap = contrasts @ effects[k]
        form = gap @ np.linalg.solve(contrasts @ covariance[k] @ contrasts.T, gap)
        assert found[k] == pytest.approx(form, rel=1e-9)
    assert wald_statistics(np.ones((1, 3)), np.zeros((1, 3, 3)))[0] == np.inf


def test_unknown_characteristics_are_refused_by_name(design):
    with pytest.raises(EstimationError, match="'sid'.*Did you mean 'side'.*Use side, era, score"):
        by_design(with_characteristics(design), ["sid"])


@pytest.fixture(scope="module", params=PLANS)
def shipped(request) -> tuple[Any, Design]:
    plan = ev.load_plan(request.param)
    panel = ev.build_panel(plan)
    made = ev.build_design(plan, panel, ev.build_exposure(plan, panel),
                           "rereferrals_within_12_months_pct")  # fmt: skip
    return plan, made


def test_shipped_designs_tell_apart_what_their_plans_name(shipped):
    plan, made = shipped
    found = by_design(made)
    tests = found.tests.set_index("characteristic")
    assert set(tests.index[tests["is_planned"]]) == set(plan.heterogeneity)
    assert (tests["answer"] != "effects differ").all()
    peer = plan.name == "peer_challenge"
    assert tests["p_value"].notna().sum() == (8 if peer else 2)
    assert set(tests.index[tests["comparators"] == "all"]) == {"first_or_repeat", "era"}
    if not peer:
        assert "no figure before the first base year" in tests.loc["prior_performance", "reason"]
        assert "London: 3 and 28" in tests.loc["region", "reason"]
        assert tests.loc["tier", "not_estimated"].startswith("upper tier (3 treated")
        assert "2015 indices" in tests.loc["deprivation", "note"]
    else:
        assert "2019 indices" in tests.loc["deprivation", "note"]
        assert "East Midlands (0 treated" in tests.loc["region", "not_estimated"]
    html = ev.views.heterogeneity(found)._repr_html_()
    assert not [name for name in made.councils["council_name"] if f">{name}<" in html]
    for one in found:
        if one.effects is not None:
            total = one.effects.term_treated_units.sum() + one.n_without
            total += sum(treated for _, treated, _ in one.refused)
            assert total == made.n_treated


def test_a_shipped_subgroup_is_a_fit_of_its_own_councils(shipped):
    _, made = shipped
    one = next(c for c in made.characteristics if c.name == "council_type")
    found = by_design(made, "council_type").frame.set_index("subgroup")
    rows = made.group_time_frame
    for name in found.index:
        own = rows[rows["council_code"].map(one.labels) == name]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            alone = fit(
                "group_time", own, outcome="value", unit="council_code", time="period",
                cohort="cohort", anticipation=1, base="universal",
                comparison="not_yet_treated", cluster="cluster",
            )  # fmt: skip
        assert found.loc[name, "estimate"] == pytest.approx(alone.point[0], abs=1e-10)
        assert found.loc[name, "std_error"] == pytest.approx(alone.std_error[0], abs=1e-10)
        assert found.loc[name, "n_obs"] == alone.term_obs[0]


def test_characteristics_are_fixed_before_the_first_exposed_year(shipped):
    """Prior performance reads no year from the first base on."""
    plan, made = shipped
    panel = ev.build_panel(plan)
    first = int(made.councils.loc[made.councils["is_treated"], "cohort"].min())
    later = panel.figures["period"] >= first - 2
    figures = panel.figures.assign(value=panel.figures["value"].mask(later, 50.0))
    exposure = ev.build_exposure(plan, panel)
    again = ev.build_design(plan, replace(panel, figures=figures), exposure, made.outcome)
    assert [one.labels for one in again.characteristics] == [
        one.labels for one in made.characteristics
    ]


@pytest.mark.parametrize("given", ["rate", None, 3, pd.DataFrame({"rate": [1]}), [None]])
def test_what_is_neither_an_estimate_nor_a_design_is_refused(given: Any) -> None:
    with pytest.raises(EstimationError, match="is no design. Give what evallib.build_designs"):
        by_design(given, "region")
