"""CSV: formulas are neutralised, numbers keep every digit."""

from __future__ import annotations

import io
from pathlib import Path

import pandas as pd
import pytest

from evallib.report.exports import safe_csv_text, write_csv


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx"])
def test_text_that_begins_a_formula_is_neutralised(text: str) -> None:
    read = pd.read_csv(io.StringIO(safe_csv_text(pd.DataFrame({"a": [text]}))), dtype=str)
    assert read.loc[0, "a"].startswith("'")


def test_numbers_keep_sign_and_precision() -> None:
    value = -0.1234567890123456
    assert safe_csv_text(pd.DataFrame({"a": [value]})) == f"a\n{value!r}\n"


def test_numbers_among_text_stay_numbers() -> None:
    frame = pd.DataFrame({"a": pd.Series([-1.5, "-1.5", None], dtype=object)})
    assert safe_csv_text(frame) == 'a\n-1.5\n\'-1.5\n""\n'


def test_headers_are_neutralised_and_index_left_out() -> None:
    frame = pd.DataFrame({"=a": ["Kent"]}, index=["=i"])
    assert safe_csv_text(frame) == "'=a\nKent\n"


def test_the_frame_is_not_changed() -> None:
    frame = pd.DataFrame({"a": ["=1"]})
    safe_csv_text(frame)
    assert frame.loc[0, "a"] == "=1"


def test_a_file_is_utf8_in_a_folder_made_for_it(tmp_path: Path) -> None:
    path = write_csv(pd.DataFrame({"a": ["Ynys Môn"]}), tmp_path / "tables" / "a.csv")
    assert path.read_bytes() == "a\nYnys Môn\n".encode()
