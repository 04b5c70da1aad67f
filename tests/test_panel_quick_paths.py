"""The quick ways of reading and checking a table agree with the thorough ones."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evallib.panel import reading, schemas

RAW = Path(__file__).parents[1] / "data" / "raw"
TABLES = sorted(RAW.rglob("*.csv"))
ODD = {
    "quote in a cell": b'a,b\nx"y,2\n',
    "quote that never ends": b'a,b\n"x,2\n',
    "text after a quoted cell": b'a,b\n"x"y,2\n',
    "cell over two lines": b'a,b\n"x\ny",2\n',
    "quoted header": b'"a",b\n1,2\n',
    "empty line": b"a,b\n1,2\n\n3,4\n",
    "repeated column": b"a,a\n1,2\n",
    "too few cells": b"a,b\n1,2\n3\n",
    "too many cells": b"a,b\n1,2,3\n",
    "no line break at the end": b"a,b\n1,2",
    "line breaks of another system": b"a,b\r\n1,2\r\n",
    "NUL": b"a,b\n1,\0\n",
    "nothing": b"",
}


@pytest.mark.parametrize("path", TABLES, ids=[path.name for path in TABLES])
def test_shipped_tables_read_the_same_both_ways(path: Path) -> None:
    raw = path.read_bytes()
    quick = reading._parse_plain(raw)
    assert quick is not None
    thorough = reading._parse(raw.decode("utf-8-sig"), path.name)
    pd.testing.assert_frame_equal(quick, thorough, check_index_type=False)


@pytest.mark.parametrize("name", ODD)
def test_odd_files_are_left_to_the_thorough_reader(name: str) -> None:
    assert reading._parse_plain(ODD[name]) is None


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(["a", '"', '""', ",", '"b,c"', '"d""e"', "\n", " "]), max_size=12))
def test_whatever_is_read_quickly_is_read_the_same_thoroughly(pieces: list[str]) -> None:
    text = "x,y\n" + "".join(pieces) + "\n"
    quick = reading._parse_plain(text.encode())
    if quick is not None:
        thorough = reading._parse(text, "mine")
        pd.testing.assert_frame_equal(quick, thorough, check_index_type=False)


CELLS = {
    "council_code": ["E06000001", "E06000001 ", "", " ", "E0600000", "Hartlepool"],
    "fin_year": ["2015/16", "2015", "2015/16x", ""],
    "indicator": ["recycling_rate_pct", "Recycling", ""],
    "value": ["1", "-1.5e3", "+.5", "1.", "n/a", "inf", "nan", "1,234", "", " "],
}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(*(st.sampled_from(cells) for cells in CELLS.values())), max_size=4))
def test_a_table_keeps_the_rules_exactly_where_pandera_finds_no_failure(
    rows: list[tuple[str, ...]],
) -> None:
    frame = pd.DataFrame(rows, columns=list(CELLS), dtype="str")
    failures = schemas._failures(frame, schemas.OUTCOMES)
    assert schemas.keeps_rules(frame, schemas.OUTCOMES) == failures.empty
