"""Tables: markup, numbers, empty cells, notes and escaping."""

from __future__ import annotations

import re

import pandas as pd
import pytest

from evallib.report import Table
from evallib.report.markup import find_trouble, make_ids_unique

NAN = float("nan")


def cells(table: Table) -> list[str]:
    return re.findall(r"<t[dh](?: [^>]*)?>(.*?)</t[dh]>", table.to_html())


def body_cells(table: Table) -> list[str]:
    return cells(table)[table.frame.shape[1] :]


@pytest.mark.parametrize(
    ("values", "name", "decimals", "shown"),
    [
        ([1.0, -2.345], "estimate", 2, ["1.00", "−2.35"]),
        ([0.0001, -0.0001], "estimate", 2, ["0.00", "0.00"]),
        ([1234, 5], "n_obs", 2, ["1,234", "5"]),
        ([2021, 2022], "cohort", 2, ["2021", "2022"]),
        ([2021.0, NAN], "cohort", 2, ["2021", "not applicable"]),
        ([0.00001, 0.5], "p_value", 2, ["under 0.001", "0.500"]),
        ([float("-inf"), float("inf")], "conf_low", 2, ["unbounded", "unbounded"]),
        ([True, False], "is_treated", 2, ["yes", "no"]),
        (["", None], "reason", 2, ["not applicable", "not applicable"]),
        ([NAN, 1.5], "estimate", {"estimate": 1}, ["not applicable", "1.5"]),
    ],
)
def test_cells_are_written_for_readers(
    values: list[object], name: str, decimals: object, shown: list[str]
) -> None:
    table = Table(pd.DataFrame({"row": ["a", "b"], name: values}), "Facts", decimals=decimals)
    assert body_cells(table)[1::2] == shown


def test_a_table_of_very_many_columns_is_set_smaller() -> None:
    frame = pd.DataFrame({f"n_{place}": [1] for place in range(10)})
    assert "ev-dense" in Table(frame, "Counts").to_html()
    assert "ev-dense" not in Table(frame.iloc[:, :9], "Counts").to_html()


@pytest.mark.parametrize("columns", [3, 4])
def test_a_table_of_many_columns_can_be_stacked_and_stays_a_table(columns: int) -> None:
    frame = pd.DataFrame({name: [1.5] for name in ["estimate", "conf_low", "conf_high", "n_obs"]})
    shown = Table(frame.iloc[:, :columns], "Effects", units={"conf_low": "<points>"})
    html = shown.to_html()
    assert ("ev-stack" in html) is (columns == 4)
    assert ('data-head="Lower bound (&lt;points&gt;)">1.50</td>' in html) is (columns == 4)
    for tag in ("table", "thead", "tbody", "tr", "th", "td"):
        opened = re.findall(rf"<{tag}[ >][^>]*>?", html)
        assert all("role=" in one for one in opened) is (columns == 4)


def test_headers_have_scope_units_and_alignment() -> None:
    frame = pd.DataFrame({"term": ["overall"], "estimate": [0.1]})
    html = Table(frame, "Effects", units={"estimate": "percentage points"}).to_html()
    assert '<th scope="col">Term</th>' in html
    assert '<th scope="col" class="ev-n">Estimate (percentage points)</th>' in html
    assert '<th scope="row">overall</th>' in html
    assert 'tabindex="0" role="region" aria-labelledby="table-effects-caption"' in html
    assert "<caption" in html


def test_row_header_comes_first_and_stays_named() -> None:
    frame = pd.DataFrame({"n_units": [3], "council_type": ["unitary"]})
    table = Table(frame, "Councils", row_header="council_type")
    assert cells(table) == ["Council type", "Councils", "unitary", "3"]


def test_data_cannot_write_markup() -> None:
    hostile = "<script>alert(1)</script>\" onload='x'"
    frame = pd.DataFrame({hostile: [hostile]})
    html = Table(frame, hostile, notes=(hostile,), units={hostile: hostile})._repr_html_()
    assert "<script" not in html
    assert html.count("&lt;script&gt;") == 5
    assert find_trouble(html) == ""


@pytest.mark.parametrize(
    ("caption", "expected"),
    [("Effects", "Effects [note 1]"), ("Effects [note 1] of visits", "Effects [note 1] of visits")],
)
def test_notes_are_marked_once(caption: str, expected: str) -> None:
    html = Table(pd.DataFrame({"a": ["x"]}), caption, notes=("Why.",)).to_html()
    assert f"</span>{expected}</span></caption>" in html
    assert "<li>[note 1] Why.</li>" in html


def test_a_table_without_rows_says_so() -> None:
    html = Table(pd.DataFrame({"a": [], "b": []}), "Nothing", empty="no data").to_html()
    assert '<tr><th scope="row">no data</th><td>no data</td></tr>' in html


@pytest.mark.parametrize(
    ("frame", "caption", "row_header"),
    [
        (pd.DataFrame({"a": [1]}), " ", ""),
        (pd.DataFrame(), "Empty", ""),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "Twice", ""),
        (pd.DataFrame({"a": [1]}), "Facts", "b"),
    ],
)
def test_a_table_that_cannot_be_read_is_refused(
    frame: pd.DataFrame, caption: str, row_header: str
) -> None:
    with pytest.raises(ValueError, match="table"):
        Table(frame, caption, row_header=row_header)


def test_the_frame_is_copied() -> None:
    frame = pd.DataFrame({"a": ["x"]})
    table = Table(frame, "Facts")
    frame.loc[0, "a"] = "y"
    assert body_cells(table) == ["x"]


def test_two_tables_of_one_name_get_names_of_their_own() -> None:
    html = Table(pd.DataFrame({"a": ["x"]}), "Facts").to_html()
    page = make_ids_unique(html + html, set())
    names = re.findall(r' id="([^"]+)"', page)
    assert len(names) == len(set(names)) == 4
    assert set(re.findall(r'aria-labelledby="([^"]+)"', page)) <= set(names)
