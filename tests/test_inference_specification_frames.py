"""Every specification of a tidy frame: one at a time through the door, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import evallib as ev
from evallib.errors import EstimationError
from evallib.estimate import fit
from evallib.inference.specification_columns import OF_FRAMES

pytestmark = pytest.mark.filterwarnings("ignore::evallib.errors.EvallibWarning")
COLUMNS = {"outcome": "y", "unit": "unit", "time": "year", "cohort": "first"}
ALTERNATIVES: dict[str, Any] = {
    "outcome": ["other_y"],
    "cohort": ["other_first"],
    "sample": ["kept"],
    "years": [(2011, 2018)],
    "covariates": [["control"]],
    "cluster": ["region"],
    "estimator": ["twfe", "event_study"],
    "winsorise": [0.05],
    "comparison": ["never_treated"],
    "anticipation": [1],
    "event_window": [(-3, 3)],
}


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    """Return 90 units, later-treated and never-treated ones, gaps, and a control with gaps."""
    rng = np.random.default_rng(3)
    units, years = 90, np.arange(2010, 2020)
    first = rng.choice([2014, 2016, 2019, np.nan], size=units, p=[0.2, 0.2, 0.1, 0.5])
    rows = pd.MultiIndex.from_product([range(units), years], names=["unit", "year"])
    table = rows.to_frame(index=False)
    table["first"] = first[table["unit"]]
    noise = rng.normal(size=len(table)) + rng.normal(size=units)[table["unit"]]
    table["y"] = noise + 2.0 * (table["year"] >= table["first"])
    table["other_y"] = np.exp(table["y"] / 5)
    table["control"] = rng.normal(size=len(table))
    table.loc[::17, "control"] = np.nan
    table["region"], table["three"] = table["unit"] % 11, table["unit"] % 3
    table["kept"] = (table["unit"] % 6 > 0).astype(int)
    table["other_first"] = table["first"].where(table["unit"] % 7 > 0)
    return table[rng.random(len(table)) > 0.03].sample(frac=1, random_state=1)


def alone(frame: pd.DataFrame, row: dict[str, Any]) -> Any:
    """Return one specification as the door estimates it, rows chosen here."""
    cohort, lead = row["cohort"].replace(" ", "_"), int(row["anticipation"])
    rows = frame[frame["kept"] == 1] if row["sample"] == "kept" else frame
    if row["years"] != "all":
        rows = rows[rows["year"].between(2011, 2018)]
    value = rows[row["outcome"].replace(" ", "_")]
    if row["winsorise"] != "none":
        value = value.clip(*value.quantile([0.05, 0.95]))
    last = rows.groupby("unit")["year"].transform("max")
    ahead = (rows["year"] < rows[cohort]) & (rows["year"] >= rows[cohort] - lead)
    name = row["estimator"].replace(" ", "_")
    rows = rows.assign(value=value, start=rows[cohort].where(last >= rows[cohort]))
    if row["comparison"] == "never treated":
        rows = rows[rows[cohort].isna() | rows["start"].notna()]
        ahead = ahead.reindex(rows.index)
    rows = rows[~ahead | (rows["start"].notna() & (name == "group_time"))]
    covariates = [] if row["covariates"] == "none" else ["control"]
    columns = {"outcome": "value", "unit": "unit", "time": "year", "cohort": "start"}
    given: dict[str, Any] = {"covariates": covariates} if covariates else {}
    comparison = row["comparison"].replace(" ", "_")
    given |= {
        "group_time": {"anticipation": lead, "base": "universal", "comparison": comparison},
        "twfe": {},
        "event_study": {"reference": -1 - lead, "window": (-5, 5)},
    }[name]
    if row["event_window"] != "-5 to 5" and name == "event_study":
        given["window"] = (-3, 3)
    found = fit(name, rows, **columns, **given, cluster=row["cluster"])
    return found.aggregate("group") if name == "group_time" else found


OWN: dict[str, Any] = {
    **{"outcome": "y", "cohort": "first", "sample": "all", "years": "all", "covariates": "none"},
    **{"cluster": "unit", "winsorise": "none", "comparison": "not yet treated"},
    **{"anticipation": "0", "event_window": "-5 to 5"},
}


@pytest.mark.parametrize("choice", [name for name in OF_FRAMES if name != "estimator"])
def test_specifications_of_a_frame_equal_fits_one_at_a_time(
    frame: pd.DataFrame, choice: str
) -> None:
    given = {choice: ALTERNATIVES[choice], "estimator": ALTERNATIVES["estimator"]}
    (found,) = ev.specification_curve(frame, **COLUMNS, alternatives=given, draws=0)
    assert (found.frame["reason"] == "").all()
    assert len(found.frame) == (4 if choice == "event_window" else 6)
    assert found.frame["planned"].eq("not locked").all()
    for row in found.frame.to_dict("records"):
        one = alone(frame, OWN | row)
        expected = (one.point[0], one.std_error[0])
        assert (row["estimate"], row["std_error"]) == pytest.approx(expected, rel=1e-10), row


def test_all_choices_together_and_the_joint_test(frame: pd.DataFrame) -> None:
    names = ("outcome", "covariates", "cluster", "winsorise")
    given = {name: ALTERNATIVES[name] for name in names} | {"estimator": ["twfe"]}
    curves = ev.specification_curve(frame, **COLUMNS, alternatives=given, draws=39, strata="three")
    (found,) = curves
    assert len(found.frame) == 2**5 and found.frame["is_headline"].sum() == 1
    assert found.joint.draws == 39 and found.joint.specifications == 24
    assert found.joint.p_values["median_effect"] == 1 / 40
    # Another form of the outcome is put into the headline's unit.
    effects = found.frame.groupby("outcome")["effect"].mean()
    assert effects["other y"] == pytest.approx(effects["y"], rel=0.2)
    assert found.explained["choice"].tolist() and len(curves.tests) == 1
    shown = ev.views.specification_curves(curves)._repr_html_()
    assert "column of the outcome" in shown and "The choice that moves the answer most is" in shown


def test_what_cannot_be_estimated_is_a_row_with_its_reason(frame: pd.DataFrame) -> None:
    few = frame.assign(few=frame["first"].where(frame["unit"] < 4))
    given = {"cohort": ["few"], "cluster": ["three"], "years": [(2017, 2018)]}
    (found,) = ev.specification_curve(few, **COLUMNS, alternatives=given, draws=0)
    reasons = found.frame.set_index(["cohort", "years", "cluster"])["reason"]
    assert reasons["first", "all", "unit"] == ""
    assert reasons["first", "all", "three"] == "3 clusters by column three, fewer than 8"
    assert "treated councils, fewer than 5" in reasons["few", "all", "unit"]
    assert "0 treated councils" in reasons["first", "2017 to 2018", "unit"]
    assert found.frame["estimate"].notna().sum() == 1


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"outcom": ["y"]}, ["no such choice. Did you mean 'outcome'"]),
        ({"outcome": "other_y"}, ["alternatives, outcome: it is not a list"]),
        ({"years": [3]}, ["3 is no pair of periods"]),
        ({"outcome": ["yy"], "estimator": ["twf"]}, ["Did you mean 'twfe'", "column 'yy'"]),
        ({"cluster": ["control"], "winsorise": [0.5]}, ["changes within units", "below 0.25"]),
        ({"sample": ["three"]}, ["column 'three': it holds values other than 0 and 1"]),
        ({"outcome": [3], "years": [[1, [2]]]}, ["column '3': there is none, for outcome"]),
        (["twfe"], ["alternatives: they are no lists by choice"]),
        ({"sample": {"all": 1}}, ["not a list. Give a list of names of columns of 0 and 1"]),
        ({"sample": ["y > 1"]}, ["'y > 1': there is none, for sample. sample takes names of"]),
        ({"sample": [pd.Series([1])]}, ["a Series is no value of a choice. Add it to the frame"]),
    ],
)
def test_faults_are_told_together(
    frame: pd.DataFrame, given: dict[str, Any], words: list[str]
) -> None:
    with pytest.raises(EstimationError) as caught:
        ev.specification_curve(frame, **COLUMNS, alternatives=given)
    assert len(caught.value.faults) == len(words)
    assert all(text in str(caught.value) for text in words)


def test_a_frame_is_asked_for_what_a_plan_has(frame: pd.DataFrame) -> None:
    with pytest.raises(EstimationError, match="column 'units'.*Did you mean 'unit'"):
        ev.specification_curve(frame, **{**COLUMNS, "unit": "units"}, alternatives={})
    with pytest.raises(EstimationError, match="repeat a unit and period"):
        twice = pd.concat([frame, frame.head(1)])
        ev.specification_curve(twice, **COLUMNS, alternatives={})
    with pytest.raises(EstimationError, match="strata: for frames alone"):
        ev.specification_curve(ev.load_plan("peer_challenge"), strata="three")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"outcome": None, "unit": 3}, ["column 'None'", "column '3': there is none, for unit"]),
        ({"covariates": "control"}, ["covariates: 'control' is no list"]),
        ({"estimator": "twf", "event_window": 3}, ["option 'estimator'", "option 'event_window'"]),
        ({"draws": -1, "level": 95, "seed": 0.5}, ["'draws'", "'level'", "'seed'"]),
        ({"sample": {"a": 1}}, ["option 'sample': there is none. Write alternatives={'sample'"]),
        ({"outcom": "y"}, ["option 'outcom': there is none. Did you mean 'outcome'"]),
    ],
)
def test_options_of_a_frame_are_held_against_their_types(
    frame: pd.DataFrame, options: dict[str, Any], words: list[str]
) -> None:
    with pytest.raises(EstimationError) as caught:
        ev.specification_curve(frame, **{**COLUMNS, "alternatives": {}, **options})
    assert len(caught.value.faults) == len(words)
    assert all(text in str(caught.value) for text in words)


@pytest.mark.parametrize("given", ["peer_challenge", None, 3, []])
def test_what_is_neither_a_plan_nor_a_frame_is_refused(given: Any) -> None:
    with pytest.raises(EstimationError, match="is neither a plan nor a frame. Give what"):
        ev.specification_curve(given)


def test_a_frame_without_its_columns_is_refused(frame: pd.DataFrame) -> None:
    with pytest.raises(EstimationError) as caught:
        ev.specification_curve(frame, outcome="y", units="unit")
    unknown, lacking = caught.value.faults
    assert "Did you mean 'unit'" in unknown.what
    assert lacking.what == "a frame is given without unit=, time=, cohort=, alternatives="


def test_curves_show_their_first_rows_and_count_one_outcome(frame: pd.DataFrame) -> None:
    curves = ev.specification_curve(frame, **COLUMNS, alternatives={"winsorise": [0.05]}, draws=0)
    assert repr(curves) == "2 specifications of 1 outcome"
    page = curves._repr_html_()
    assert page.startswith("<p>2 specifications of 1 outcome</p><table")
    assert page.count("<tr") == 3
