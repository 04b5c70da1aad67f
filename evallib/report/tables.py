"""Accessible tables: one header row, scope, caption, units, notes, in a scroll region.

On a narrow screen a table of many columns is stacked: a block a row, a line a cell with its header
before it. A browser may then no longer take it for a table, so its roles are written out.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd

from evallib.report.exports import safe_csv_text
from evallib.report.formats import format_number, format_p_value, true_minus
from evallib.report.markup import escape, piece, slugify
from evallib.report.words import change_unit

Empty = Literal["not applicable", "no data"]

COLUMN_WORDS: Mapping[str, str] = {
    "term": "Term",
    "outcome": "Outcome",
    "role": "Role",
    "estimator": "Estimator",
    "comparison": "Comparison group",
    "no_record": "Councils without a record",
    "inference": "Inference",
    "estimate": "Estimate",
    "std_error": "Standard error",
    "conf_low": "Lower bound",
    "conf_high": "Upper bound",
    "p_value": "p-value",
    "n_obs": "Council-years",
    "n_units": "Councils",
    "n_treated_units": "Treated councils",
    "n_clusters": "Clusters",
    "n_cohorts": "Cohorts",
    "event_time": "Years from the event",
    "council_code": "Council code",
    "council_type": "Council type",
    "fin_year": "Financial year",
    "sha256": "SHA-256",
    "url": "Address",
}
_PLAIN_INTEGERS = re.compile(r"(^|_)(year|period|cohort)(_|$)")
_NOTE_MARK = re.compile(r"\[note \d+\]")
MOST_UNSTACKED = 3  # columns that a narrow screen still shows beside each other
MOST_AT_FULL_SIZE = 9  # columns; of more the text is smaller
_ROLES = {
    "table": "table",
    "thead": "rowgroup",
    "tbody": "rowgroup",
    "tr": "row",
    'th scope="col"': "columnheader",
    'th scope="row"': "rowheader",
    "td": "cell",
}


@dataclass(frozen=True, slots=True)
class Table:
    """A table that reads well in JupyterLab and in a page of a report.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a line, columns in the order shown; the index is not shown. It is not changed.
    caption : str
        What the table holds: measure, coverage, period. The page puts 'Table N:' before it.
    notes : tuple of str
        Notes on the table, printed under it as [note 1], [note 2] ...; put the same mark into the
        caption, a label or a cell. Where no mark is used, the caption gets all of them.
    slug : str
        Identifier for links and file names; by default made from the caption.
    units : mapping of str to str
        Unit of a column by its name, printed in its header.
    decimals : int or mapping of str to int
        Digits after the point of columns of floats, for all of them or by column (others 2).
    labels : mapping of str to str
        Header of a column by its name; by default its name in plain words.
    row_header : str
        Column that names each row; by default the first.
    empty : {'not applicable', 'no data'}
        What a missing cell reads as.

    Examples
    --------
    >>> frame = pd.DataFrame({"fin_year": ["2015/16", "2016/17"], "n_units": [283, 281]})
    >>> Table(frame, "Councils by year")
    Table: Councils by year (2 rows, 2 columns)
    """

    frame: pd.DataFrame = field(repr=False)
    caption: str
    notes: tuple[str, ...] = ()
    slug: str = ""
    units: Mapping[str, str] = field(default_factory=dict)
    decimals: int | Mapping[str, int] = 2
    labels: Mapping[str, str] = field(default_factory=dict)
    row_header: str = ""
    empty: Empty = "not applicable"

    def __post_init__(self) -> None:
        """Copy the frame, settle the identifier and refuse columns that are not there."""
        if not self.caption.strip():
            raise ValueError("a table needs a caption")
        if self.frame.shape[1] == 0:
            raise ValueError(f"the table '{self.caption}' has no columns")
        if not self.frame.columns.is_unique:
            raise ValueError(f"the table '{self.caption}' has two columns of one name")
        if self.row_header and self.row_header not in self.frame.columns:
            raise ValueError(f"the table '{self.caption}' has no column '{self.row_header}'")
        object.__setattr__(self, "frame", self.frame.copy())
        object.__setattr__(self, "notes", tuple(self.notes))
        object.__setattr__(self, "slug", self.slug or slugify(self.caption))

    def __repr__(self) -> str:
        """Return one line of plain text."""
        rows, columns = self.frame.shape
        return f"Table: {self.caption} ({rows} rows, {columns} columns)"

    def to_csv(self) -> str:
        """Return the table as CSV text, numbers at full precision and text cells neutralised."""
        return safe_csv_text(self.frame)

    def to_html(self) -> str:
        """Return the scroll region with the table, and the notes, without the outer piece."""
        label = f"table-{self.slug}-caption"
        dense = " ev-dense" if len(self.frame.columns) > MOST_AT_FULL_SIZE else ""
        stacked = f' class="ev-stack{dense}"' if self._is_stacked() else ""
        region = (
            f'<div class="ev-scroll" tabindex="0" role="region" aria-labelledby="{label}">'
            f'<{self._tag("table")}{stacked} id="table-{self.slug}"><caption id="{label}">'
            f'<span class="ev-caption"><span class="ev-table-number"></span>'
            f"{escape(true_minus(self._caption_text()))}</span></caption>"
            f"<{self._tag('thead')}><{self._tag('tr')}>{''.join(self._header_cells())}</tr></thead>"
            f"<{self._tag('tbody')}>{''.join(self._body_rows())}</tbody></table></div>"
        )
        return region + self._notes_html()

    def _repr_html_(self) -> str:
        return piece(self.to_html(), kind="table")

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {"text/plain": repr(self), "text/html": self._repr_html_()}

    def _caption_text(self) -> str:
        marks = " ".join(f"[note {number}]" for number in range(1, len(self.notes) + 1))
        written = [self.caption, *map(str, self.frame.columns), *self.labels.values()]
        written += [cell for column in self.frame for cell in self.frame[column] if _is_text(cell)]
        if not marks or any(_NOTE_MARK.search(text) for text in written):
            return self.caption
        return f"{self.caption} {marks}"

    def _notes_html(self) -> str:
        if not self.notes:
            return ""
        items = (
            f"<li>[note {number}] {escape(true_minus(note))}</li>"
            for number, note in enumerate(self.notes, 1)
        )
        return f'<ul class="ev-notes">{"".join(items)}</ul>'

    def _order(self) -> list[str]:
        names = [str(name) for name in self.frame.columns]
        first = self.row_header or names[0]
        return [first, *(name for name in names if name != first)]

    def _is_stacked(self) -> bool:
        return len(self.frame.columns) > MOST_UNSTACKED

    def _tag(self, tag: str) -> str:
        return f'{tag} role="{_ROLES[tag]}"' if self._is_stacked() else tag

    def _header(self, name: str) -> str:
        unit = self.units.get(name, "")
        text = self.labels.get(name) or COLUMN_WORDS.get(name) or _plain_words(name)
        return escape(text + (f" ({unit})" if unit else ""))

    def _header_cells(self) -> list[str]:
        tag = self._tag('th scope="col"')
        kinds = {name: ' class="ev-n"' if self._is_number(name) else "" for name in self._order()}
        return [f"<{tag}{kind}>{self._header(name)}</th>" for name, kind in kinds.items()]

    def _body_rows(self) -> list[str]:
        order = self._order()
        columns = [self._cells(name) for name in order]
        first, other = self._tag('th scope="row"'), self._tag("td")
        openings = [
            f"<{other if place else first}{self._kind(name, columns[place])}"
            + (f' data-head="{self._header(name)}">' if place and self._is_stacked() else ">")
            for place, name in enumerate(order)
        ]
        ends = ["</th>", *("</td>" for _ in order[1:])]
        rows = [
            f"<{self._tag('tr')}>"
            + "".join(
                opening + escape(text) + end
                for opening, text, end in zip(openings, line, ends, strict=True)
            )
            + "</tr>"
            for line in zip(*columns, strict=True)
        ]
        return rows or [f'<tr><th scope="row">{self.empty}</th>{self._blank_cells()}</tr>']

    def _kind(self, name: str, cells: list[str]) -> str:
        if self._is_number(name):
            return ' class="ev-n"'
        longest = max(map(len, cells), default=0)
        return "" if longest <= 24 else f' class="{"ev-long" if longest > 60 else "ev-text"}"'

    def _blank_cells(self) -> str:
        return "".join(f"<td>{self.empty}</td>" for _ in self._order()[1:])

    def _column(self, name: str) -> pd.Series:
        place = [str(column) for column in self.frame.columns].index(name)
        return self.frame.iloc[:, place]

    def _is_number(self, name: str) -> bool:
        column = self._column(name)
        return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)

    def _cells(self, name: str) -> list[str]:
        column = self._column(name)
        digits = self._digits(name, column)
        is_plain = _PLAIN_INTEGERS.search(name) is not None and digits == 0
        return [self._cell(value, name, digits, is_plain) for value in column]

    def _digits(self, name: str, column: pd.Series) -> int:
        if isinstance(self.decimals, Mapping) and name in self.decimals:
            return self.decimals[name]
        if pd.api.types.is_integer_dtype(column):
            return 0
        if not self._is_number(name):
            return 2 if isinstance(self.decimals, Mapping) else self.decimals
        finite = column.dropna().astype(float)
        finite = finite[np.isfinite(finite)]
        is_count = name.startswith("n_") or _PLAIN_INTEGERS.search(name) or name == "event_time"
        if is_count and (finite == finite.round()).all():
            return 0
        return 2 if isinstance(self.decimals, Mapping) else self.decimals

    def _cell(self, value: object, name: str, digits: int, is_plain: bool) -> str:
        if _is_missing(value):
            return self.empty
        if isinstance(value, (bool, np.bool_)):
            return "yes" if value else "no"
        if isinstance(value, (int, float, np.integer, np.floating)):
            if name == "p_value":
                return format_p_value(float(value))
            if is_plain:
                return format_number(float(value), 0).replace(",", "")
            is_whole = isinstance(value, (int, np.integer))
            return format_number(float(value), 0 if is_whole else digits, missing=self.empty)
        if isinstance(value, dt.datetime) and value.time() == dt.time():
            return value.date().isoformat()
        if isinstance(value, (list, tuple, set, frozenset)):
            return ", ".join(str(item) for item in value) or self.empty
        return true_minus(str(value))


def estimates_table(
    frame: pd.DataFrame,
    caption: str,
    *,
    unit: str = "",
    notes: tuple[str, ...] = (),
    slug: str = "",
) -> Table:
    """Build the table of a `tidy()` frame: a row a term, its unit in the headers.

    Parameters
    ----------
    frame : pandas.DataFrame
        Output of `tidy()`, or a part of it.
    caption : str
        What the table holds.
    unit : str
        Unit of the outcome; empty where the rows have different units.
    notes : tuple of str
        Notes, such as how the intervals were made.
    slug : str
        Identifier for links and file names.

    Returns
    -------
    Table
        The table, with three decimals.
    """
    change = change_unit(unit) if unit else ""
    names = ("estimate", "std_error", "conf_low", "conf_high")
    units = {name: change for name in names if change and name in frame.columns}
    return Table(frame, caption, notes=notes, slug=slug, units=units, decimals=3)


def _plain_words(name: str) -> str:
    words = name.replace("_", " ").strip() if re.fullmatch(r"[a-z0-9_]+", name) else name
    return words[:1].upper() + words[1:] if words else "Column"


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_missing(value: object) -> bool:
    if value is None or value is pd.NA or value is pd.NaT:
        return True
    if isinstance(value, (float, np.floating)):
        return math.isnan(value)
    return isinstance(value, str) and not value.strip()
