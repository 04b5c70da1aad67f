"""Charts: the same picture at every run, named, described, with data and download."""

from __future__ import annotations

import base64
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from evallib.report import charts
from evallib.report.charts import Chart
from evallib.report.markup import find_trouble

TEXTS = {
    "headline": "Empty homes: we cannot tell",
    "subtitle": "Homes empty for six months or more, England, 2010/11 to 2024/25",
    "source": "Council Taxbase",
}
TIMES = [-4, -3, -1, 0, 1]
EFFECTS = pd.DataFrame(
    {
        "event_time": TIMES,
        "estimate": np.linspace(-0.1, 0.1, 5),
        "conf_low": np.linspace(-0.3, -0.1, 5),
        "conf_high": np.linspace(0.1, 0.3, 5),
        "n_treated_units": [100, 100, 100, 100, 58],
        "n_cohorts": [3, 3, 3, 3, 2],
    }
)
ROWS = pd.DataFrame(
    {
        "outcome": ["Empty homes", "Re-referrals"],
        "estimate": [0.1, -1.0],
        "conf_low": [-0.1, -2.0],
        "conf_high": [0.3, float("nan")],
    }
)
YEARS = pd.DataFrame(
    {
        "fin_year": ["2015/16", "2016/17"] * 2,
        "group": ["=Treated", "=Treated", "Comparison", "Comparison"],
        "value": [1.0, 1.5, 0.5, float("nan")],
        "n_units": [10, 9, 20, 21],
    }
)
COVER = pd.DataFrame({"period": ["2022/23"], "n_register": [39], "n_published": [55]})
GAPS = pd.DataFrame(
    {"indicator": ["A", "A", "B"], "fin_year": ["2015/16", "2016/17", "2016/17"]}
).assign(missing_pct=[0.0, 10.0, 25.0])

BUILDERS: dict[str, Callable[[], Chart]] = {
    "event study": lambda: charts.event_study_chart(
        EFFECTS, unit="percentage points", reference=-2, meaningful_change=0.1, **TEXTS
    ),
    "estimates": lambda: charts.estimate_chart(ROWS, unit="percentage points", **TEXTS),
    "paths": lambda: charts.paths_chart(YEARS, unit="per cent", **TEXTS),
    "counts": lambda: charts.counts_chart(YEARS, **TEXTS),
    "coverage": lambda: charts.coverage_chart(COVER, **TEXTS),
    "missingness": lambda: charts.missingness_chart(GAPS, **TEXTS),
}


@pytest.fixture(scope="module", params=BUILDERS)
def chart(request: pytest.FixtureRequest) -> Chart:
    return BUILDERS[request.param]()


def test_a_chart_may_stand_in_a_page(chart: Chart) -> None:
    assert find_trouble(chart._repr_html_()) == ""


def test_a_chart_is_named_and_described(chart: Chart) -> None:
    html = chart.to_html()
    title, description = re.search(r'aria-labelledby="([^" ]+) ([^" ]+)"', html).groups()
    assert f'<title id="{title}">{TEXTS["headline"]}</title>' in html
    assert f'<desc id="{description}">' in html
    assert "data table under the chart" in html
    assert html.count("Source: Council Taxbase") == 1


def test_a_picture_is_one_well_formed_svg_without_addresses(chart: Chart) -> None:
    picture = chart.to_svg_file()
    ET.fromstring(picture)  # noqa: S314 - our own text
    left = picture.replace("http://www.w3.org/2000/svg", "")
    assert "http" not in left
    assert "<style" not in left
    assert 'width="' not in left.split(">", 1)[0]


def test_words_in_a_picture_are_not_small(chart: Chart) -> None:
    sizes = re.findall(r"font-size: ([\d.]+)px", chart.svg)
    assert sizes
    assert min(map(float, sizes)) >= 12


def test_names_inside_a_picture_begin_with_the_slug(chart: Chart) -> None:
    names = re.findall(r'\bid="([^"]+)"', chart.svg)
    assert all(name.startswith(chart.slug) for name in names)
    assert len(names) == len(set(names))


def test_the_download_holds_the_data_neutralised(chart: Chart) -> None:
    html = chart.to_html()
    content = re.search(r"base64,([^\"]+)", html).group(1)
    text = base64.b64decode(content).decode()
    assert text == chart.to_csv()
    assert not re.search(r"(^|,)=", text, re.MULTILINE)
    assert "Download the data (CSV, 1 KB)" in html


@pytest.mark.parametrize("name", BUILDERS)
def test_a_picture_is_the_same_at_every_run(name: str) -> None:
    assert BUILDERS[name]().svg == BUILDERS[name]().svg


def test_the_parts_of_the_event_window_are_told_apart() -> None:
    data = BUILDERS["event study"]().data
    assert dict(zip(data["event_time"], data["kind"], strict=True)) == {
        -4: "before",
        -3: "before",
        -2: "reference",
        -1: "event year",
        0: "after",
        1: "after",
    }


def test_years_between_reference_and_event_are_anticipation() -> None:
    data = charts.event_study_chart(EFFECTS, unit="x", reference=-4, event_year=-3, **TEXTS).data
    kinds = dict(zip(data["event_time"], data["kind"], strict=True))
    assert (kinds[-4], kinds[-3], kinds[-1]) == ("reference", "event year", "before")
    data = charts.event_study_chart(EFFECTS, unit="x", reference=-4, **TEXTS).data
    assert dict(zip(data["event_time"], data["kind"], strict=True))[-3] == "anticipation"


def test_relative_rows_are_turned_so_that_right_is_better() -> None:
    frame = ROWS.assign(meaningful_change=[0.1, 2.0], polarity=["lower", "higher"])
    chart = charts.estimate_chart(frame, unit="", **TEXTS)
    assert "better" in chart.svg
    assert chart.data["estimate"].tolist() == [0.1, -1.0]


@pytest.mark.parametrize("field", ["headline", "subtitle", "alt", "source"])
def test_a_chart_without_a_text_is_refused(field: str) -> None:
    given = {**TEXTS, "alt": "Two dots.", field: " "}
    with pytest.raises(ValueError, match=field):
        Chart(data=ROWS, svg="<svg></svg>", **given)


def test_a_headline_of_eleven_words_is_refused() -> None:
    with pytest.raises(ValueError, match="11 words"):
        Chart(**{**TEXTS, "headline": "w " * 11}, alt="Dots.", data=ROWS, svg="<svg></svg>")


@pytest.mark.parametrize("build", [charts.paths_chart, charts.counts_chart])
def test_more_than_four_groups_are_refused(build: Callable[..., Chart]) -> None:
    frame = pd.DataFrame({"fin_year": "2015/16", "group": list("abcde"), "value": 1.0})
    with pytest.raises(ValueError, match="at most 4"):
        build(frame.assign(n_units=1), **({"unit": "x"} | TEXTS))
