"""The part of a plan that names tables of one's own: where they lie and what their columns mean."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import BeforeValidator

from evallib.plan.complete import Complete
from evallib.plan.fields import (
    FinancialYear,
    Number,
    Slug,
    Text,
    Unique,
    WholeNumber,
    in_words,
    parameter,
    problem,
)
from evallib.plan.parts import Part

CHANGE_ME = "CHANGE ME"
YEAR = "{year}"
CALENDAR, STARTING, ENDING = (
    "calendar year",
    "financial year starting",
    "financial year ending",
)
_URL = re.compile(r"(duckdb|[a-z][a-z0-9_]*(\+[a-z0-9_]+)?)://.*", re.DOTALL)
_ENVIRONMENT = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*")
_SECRET = re.compile(r"[?&;][^=&;]*(pass|pwd|token|secret|key)[^=&;]*=", re.IGNORECASE)


def _filled_in(value: object) -> object:
    if isinstance(value, str) and CHANGE_ME in value.upper():
        raise problem(
            f"still says {CHANGE_ME}",
            "write what holds of your table",
            "it could not be told from the file and is not guessed",
        )
    return value


def has_password(url: str) -> bool:
    """Return whether a database's URL holds a password or another secret.

    Examples
    --------
    >>> has_password("postgresql://ann:secret@host/db"), has_password("duckdb:///my.duckdb")
    (True, False)
    """
    rest = url.partition("://")[2]
    login = rest.rpartition("@")[0]
    return ":" in login or _SECRET.search(rest) is not None


def _database(value: object) -> object:
    wanted = "a database's URL, or env:NAME"
    if not isinstance(value, str):
        raise problem(f"{in_words(value)}, but it must be {wanted}", "write like env:MY_DATABASE")
    if _ENVIRONMENT.fullmatch(value):
        return value
    if has_password(value):
        raise problem(
            "holds a password",
            "put the whole URL into an environment variable and write env:NAME",
            "a plan is kept, shared and printed in the report",
        )
    if not _URL.fullmatch(value) or not value.isprintable():
        raise problem(
            f"{in_words(value)}, but it must be {wanted}",
            "write like duckdb:///tables/mine.duckdb, sqlite:///mine.db or env:MY_DATABASE",
        )
    return value


def _marks(value: object) -> object:
    if not isinstance(value, (list, tuple)):
        return value
    return tuple(
        f"{item:g}" if isinstance(item, (int, float)) and not isinstance(item, bool) else item
        for item in value
    )


Given = Annotated[Text, BeforeValidator(_filled_in)]


class Break(Part):
    """A break in a series of one's own."""

    first_year_after: FinancialYear = parameter(
        "The first financial year on the new basis.", kind="financial year", allowed="like 2018/19"
    )
    what: Text = parameter("What changed.", kind="text")


class OwnIndicator(Part):
    """One indicator of a table of one's own."""

    column: Given = parameter(
        "The column of its figures; {year} stands for the years of a wide table's headings.",
        kind="heading",
        allowed="a heading of the table, like '% satisfied' or '% satisfied {year}'",
    )
    measure: Text | None = parameter(
        "The text in the table's measure column that marks its rows.", kind="text", default=None
    )
    name: Annotated[Slug, BeforeValidator(_filled_in)] = parameter(
        "The name under which outcomes use it.", kind="name", allowed="a name that is not taken"
    )
    title: Given = parameter("Its title.", kind="text")
    unit: Given = parameter(
        "Its unit; percentages say percent.", kind="text", allowed="like percent or GBP thousand"
    )
    polarity: Literal["higher", "lower", "none"] = parameter("Which way is better.", kind="choice")
    period_basis: Given | None = parameter(
        "When it is measured, in the words of indicators.csv; by year_means unless given.",
        kind="text",
        allowed="begins with 'financial year', '31 March at the end', 'calendar year'",
        default=None,
    )
    denominator: Slug | None = parameter(
        "The indicator that it is a share or a rate of.", kind="name", default=None
    )
    reporting_tier: Text = parameter(
        "Who reports it.", kind="text", allowed="like all, upper-tier, lower-tier", default="all"
    )
    breaks: tuple[Break, ...] = parameter(
        "Years from which the series has another basis.",
        kind="list of keys with values",
        allowed="each {first_year_after: ..., what: ...}",
        default=(),
    )
    times: Number | None = parameter(
        "What the figures are multiplied by: 100 for shares; 1 says that they stand as meant.",
        kind="number",
        default=None,
    )
    allow_outside: bool = parameter(
        "Whether percentages below 0 or above 100 are right.", kind="yes or no", default=False
    )
    replaces: bool = parameter(
        "Whether it takes the place of the shipped indicator of the same name.",
        kind="yes or no",
        default=False,
    )


class OwnTable(Part):
    """A table of one's own: figures, or dates of events."""

    file: Text | None = parameter(
        "A CSV, Excel (xlsx, xls, ods) or Parquet file.",
        kind="path",
        allowed="from the plan's folder, then the project's, then the working folder",
        default=None,
    )
    sheet: Text | None = parameter("The sheet of a workbook.", kind="text", default=None)
    header_row: WholeNumber = parameter(
        "The row of the headings.", kind="whole number", allowed="1 or more", default=1
    )
    database: Annotated[str, BeforeValidator(_database)] | None = parameter(
        "A database's URL, opened for reading; env:NAME takes it from the environment.",
        kind="URL",
        allowed="duckdb:///FILE, sqlite:///FILE, any other URL of SQLAlchemy, or env:NAME",
        default=None,
    )
    table: Text | None = parameter("The database's table or view.", kind="text", default=None)
    table_schema: Text | None = parameter(
        "The schema of the table, where it is not the default.", kind="text", default=None
    )
    council: Given = parameter("The column of the council's code or name.", kind="heading")
    names: Text | None = parameter(
        "A CSV file with the columns name and code that settles doubtful names.",
        kind="path",
        default=None,
    )
    names_as_of: Annotated[FinancialYear | None, BeforeValidator(_filled_in)] = parameter(
        "The year whose councils all names mean, where the table was recast on its boundaries.",
        kind="financial year",
        allowed="like 2024/25; the councils of each row's year unless given",
        default=None,
    )
    leave_out: Annotated[tuple[Text, ...], BeforeValidator(_marks), Unique] = parameter(
        "What stands in the council column of rows that are no councils.",
        kind="list of texts",
        allowed="like [England, Total]",
        default=(),
    )
    missing: Annotated[tuple[Text, ...], BeforeValidator(_marks), Unique] = parameter(
        "Cells that stand for a missing figure; empty cells always do.",
        kind="list of texts",
        allowed='like ["..", "c"]',
        default=(),
    )
    year: Given | None = parameter(
        "The column of the year; left out where headings hold {year}.",
        kind="heading",
        default=None,
    )
    year_means: Annotated[
        Literal["calendar year", "financial year starting", "financial year ending"] | None,
        BeforeValidator(_filled_in),
    ] = parameter(
        "What a single year such as 2015 means; 2015/16 needs no word.",
        kind="choice",
        default=None,
    )
    measure: Given | None = parameter(
        "The column that names the indicator, where one column holds several.",
        kind="heading",
        default=None,
    )
    indicators: tuple[OwnIndicator, ...] = parameter(
        "The indicators to take.", kind="list of keys with values", default=()
    )
    register: Slug | None = parameter(
        "The name of the register that the table's events make.", kind="name", default=None
    )
    kind: Slug | None = parameter("The kind of every event.", kind="name", default=None)
    kind_column: Text | None = parameter(
        "The column of the kind of event, where there are several.", kind="heading", default=None
    )
    start_date: Given | None = parameter(
        "The column of the event's date: a day, a month, a year or a financial year.",
        kind="heading",
        default=None,
    )
    end_date: Text | None = parameter("The column of its end.", kind="heading", default=None)
    confidence: Text = parameter(
        "How sure the dates are, or the column that says it.",
        kind="choice or heading",
        allowed="low, medium, high, or a heading",
        default="medium",
    )
    note: Text | None = parameter("The column of a note.", kind="heading", default=None)
    complete: Complete | None = parameter(
        "Between which days the table holds every event, so that other councils had none.",
        kind="keys with values",
        default=None,
    )
    publisher: Text = parameter("Who published it.", kind="text", default="not recorded")
    publication: Text = parameter("What it was taken from.", kind="text", default="not recorded")
    licence: Text = parameter(
        "Its licence; OGL-UK-3.0 carries its attribution.", kind="text", default="not recorded"
    )

    @property
    def is_wide(self) -> bool:
        """Whether the years stand in the headings."""
        return any(YEAR in indicator.column for indicator in self.indicators)


def default_basis(year_means: str | None) -> str:
    """Return the period basis of an indicator that gives none."""
    return (
        "calendar year in which the financial year starts"
        if year_means == CALENDAR
        else ("financial year")
    )
