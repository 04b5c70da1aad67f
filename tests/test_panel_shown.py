"""Results in a notebook: a line, and the first rows of their frame, escaped."""

from __future__ import annotations

import pandas as pd

from evallib.checks.base import CheckResult, Checks
from evallib.checks.verdict import Verdicts
from evallib.panel.shown import ROWS, shown


def test_checks_show_their_first_rows_escaped_and_whole() -> None:
    said = "the interval <holds> zero, " + "said at length " * 10
    one = CheckResult("drift", "cars_pct", "only_known", "concern", said, pd.DataFrame())
    page = Checks((one,) * (ROWS + 2))._repr_html_()
    assert page.startswith("<p>12 checks: 12 concern</p>")
    assert page.count("<tr") == 1 + ROWS and f"The first {ROWS} of {ROWS + 2} rows" in page
    assert "<holds>" not in page and said.replace("<", "&lt;").replace(">", "&gt;").strip() in page
    assert repr(Checks((one,))) == "1 check: 1 concern"


def test_verdicts_show_their_rows_and_no_note_where_all_are_there() -> None:
    page = Verdicts(pd.DataFrame({"outcome": ["cars_pct"], "verdict": ["suggestive"]}))
    assert "<td>suggestive</td>" in page._repr_html_() and "first" not in page._repr_html_()


def test_shown_leaves_the_options_of_pandas_as_they_were() -> None:
    before = pd.get_option("display.max_colwidth")
    shown("a line", pd.DataFrame({"a": ["b" * 200]}))
    assert pd.get_option("display.max_colwidth") == before
