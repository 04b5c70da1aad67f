"""The result type: tidy tables, intervals at any level, collections, safe HTML."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from estimation_panels import COLUMNS, make_panel
from scipy import stats

from evallib.errors import EstimationError, Fault
from evallib.estimate import Estimates, fit
from evallib.estimate.collection import Refusal
from evallib.estimate.html import html_table
from evallib.estimate.result import TIDY_COLUMNS

pytestmark = pytest.mark.filterwarnings("ignore::evallib.errors.EvallibWarning")


@pytest.fixture(scope="module")
def found():
    return fit("group_time", make_panel(), **COLUMNS, cohort="first")


def test_tidy_has_a_row_a_term(found):
    table = found.tidy()
    assert tuple(table.columns) == TIDY_COLUMNS
    assert list(table["term"]) == list(found.terms)
    assert found.frame.equals(table)


def test_intervals_at_any_level(found):
    assert found.interval() == (found.conf_low[0], found.conf_high[0])
    low, high = found.interval(0.99, found.terms[1])
    half = stats.norm.ppf(0.995) * found.std_error[1]
    assert (low, high) == pytest.approx((found.point[1] - half, found.point[1] + half))
    regression = fit("twfe", make_panel(), **COLUMNS, cohort="first")
    low, high = regression.interval(0.9)
    assert (high - low) / 2 == pytest.approx(
        stats.t.ppf(0.95, regression.df) * regression.std_error[0]
    )
    with pytest.raises(EstimationError, match="not between 0 and 1"):
        found.interval(95)
    with pytest.raises(EstimationError, match="Did you mean 'overall'"):
        found.interval(0.9, "overal")


def test_what_cannot_be_aggregated_says_so(found):
    with pytest.raises(EstimationError, match="Did you mean 'dynamic'"):
        found.aggregate("dynamc")
    with pytest.raises(EstimationError, match="no cell lies between"):
        found.aggregate("dynamic", min_e=40)
    with pytest.raises(EstimationError, match="only group_time has cells"):
        fit("twfe", make_panel(), **COLUMNS, cohort="first").aggregate("group")


def test_results_survive_pickling(found):
    again = pickle.loads(pickle.dumps(found))  # noqa: S301 - our own bytes
    assert again.tidy().equals(found.tidy())
    assert (again.aggregate("dynamic").point == found.aggregate("dynamic").point).all()


def test_collections_join_and_find(found):
    one = replace(found, outcome="waste", role="primary", no_record="only_known")
    two = replace(found, outcome="homes", role="primary", no_record="assume_not_exposed")
    refused = Refusal("litter", "primary", "twfe", "only_known", (Fault("a", "b", "c", "d"),))
    both = Estimates((one,)) + Estimates((two,), (refused,))
    assert len(both) == 2 and both.refused == (refused,)
    front = ["outcome", "role", "estimator", "comparison", "no_record", "inference"]
    assert list(both.frame.columns) == [*front, *TIDY_COLUMNS]
    assert len(both.frame) == 2 * len(found.terms)
    assert both.get("homes", "group_time") is two
    with pytest.raises(EstimationError, match="Did you mean 'homes by group_time'"):
        both.get("hmes", "group_time")
    assert "Refused: twfe (only_known). a: b. c. d." in both._repr_html_()
    assert list(Estimates().frame.columns) == [*front, *TIDY_COLUMNS]


def test_html_is_escaped_and_scoped(found):
    page = replace(found, outcome="<script>", warnings=("a < b",))._repr_html_()
    assert "<script>" not in page and "&lt;script&gt;" in page and "a &lt; b" in page
    assert page.count('scope="col"') == len(TIDY_COLUMNS)
    assert page.count('scope="row"') == len(found.terms)
    base = fit("group_time", make_panel(), **COLUMNS, cohort="first", base="universal")
    assert "not applicable" in base._repr_html_() and "nan" not in base._repr_html_()
    assert np.isnan(base.p_value[base.index("group=2014,time=2013")])


def test_no_figure_of_a_table_or_line_reads_as_zero_or_as_an_array(found):
    rows = {"term": ["att"], "estimate": [-0.00012345], "p_value": [1e-9], "df": [119.0]}
    page = html_table(pd.DataFrame(rows), "", ())
    assert "<td>-0.000123</td><td>below 0.0001</td><td>119</td>" in page
    said = repr(replace(found, outcome="waste"))
    assert said.startswith("group_time of waste: overall ") and "95% interval" in said
    assert "array" not in said and repr(Estimates((found,))) == "Estimates: 1, 0 refused"
