"""The codebook as an accessible page, and as Markdown for the data dictionary."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from evallib.panel.codebook import Codebook, TableEntry
from evallib.report.formats import decimals_for, format_number
from evallib.report.markup import slugify
from evallib.report.page import Shown, render_shown
from evallib.report.record import LICENCE_WORDS
from evallib.report.sections import Section
from evallib.report.tables import Table
from evallib.report.words import polarity_words, unit_words

_DISTRIBUTION = ("least", "lower_quartile", "median", "upper_quartile", "most")
_LEAD = (
    "Every table of {label}: where it comes from, its licence, its columns, and what the "
    "indicators measure. Made from the descriptions beside the tables and from the figures; it is "
    "not written by hand."
)
_MENDED = (
    "Figures are as mended on load (corrections.csv) and under current council codes; rows and "
    "SHA-256 are of the files as they stand."
)
_MISSING = (
    "Share of the council-years in which a figure is expected: councils in office on the last day "
    "of the measurement period that report the indicator in any year, in the years in which any "
    "council does."
)


def codebook_page(book: Codebook) -> str:
    """Return the codebook as a page that has passed the gate.

    Parameters
    ----------
    book : Codebook
        Tables and indicators.

    Returns
    -------
    str
        HTML.

    Raises
    ------
    ReportError
        Where the page has a fault, such as more than 2 MB.
    """
    lead = Section("", (_LEAD.format(label=book.label), _MENDED))
    shown = [
        Shown("", (lead,)),
        Shown("Indicators", (*_described(book), *_distributions(book))),
        *(Shown(f"Table {one.file}", (_table_section(one),)) for one in book.tables),
    ]
    return render_shown(
        "codebook.html.j2",
        title=f"Codebook of {book.label}: tables, columns and indicators",
        heading=f"Codebook of {book.label}",
        parts=shown,
        attributions=book.attributions,
    )


def codebook_markdown(book: Codebook) -> str:
    """Return the codebook as Markdown, the same for the same tables.

    Parameters
    ----------
    book : Codebook
        Tables and indicators.

    Returns
    -------
    str
        Text that ends in a line feed.
    """
    lines = [
        "# Data dictionary",
        "",
        _LEAD.format(label=book.label) + " `evallib codebook --markdown` makes it anew.",
        "",
        _MENDED,
        "",
        "## Indicators",
    ]
    for table in (*_described(book), *_distributions(book)):
        lines += ["", f"### {table.caption}", "", *_markdown_table(table)]
    lines += ["", "## Tables"]
    for one in book.tables:
        lines += ["", f"### {one.file}", ""]
        lines += [f"* {word}: {text}" for word, text in one.facts.items()]
        if len(one.columns):
            lines += ["", *_markdown_table(_columns_table(one))]
        lines += ["", *(f"* {note}" for note in one.notes)] if one.notes else []
    lines += ["", "## Attribution", "", *(f"* {text}" for text in book.attributions)]
    return "\n".join(lines) + "\n"


def _described(book: Codebook) -> tuple[Table, ...]:
    return _measured(book), _reported(book), _breaks(book)


def _measured(book: Codebook) -> Table:
    rows = book.indicators
    frame = pd.DataFrame(
        {
            "indicator": rows["indicator"],
            "title": rows["title"],
            "unit": rows["unit"].map(unit_words),
            "polarity": rows["polarity"].map(polarity_words),
            "period_basis": rows["period_basis"],
        }
    )
    return Table(
        frame,
        "What the indicators measure",
        slug="indicators-measured",
        labels={"period_basis": "Measured over"},
        empty="no data",
    )


def _reported(book: Codebook) -> Table:
    rows = book.indicators
    frame = pd.DataFrame(
        {
            "indicator": rows["indicator"],
            "reporting_tier": rows["reporting_tier"].str.replace(",", ", "),
            "publication": rows["publisher"] + ": " + rows["publication"],
            "licence": rows["licence"].map(lambda text: LICENCE_WORDS.get(text, text)),
        }
    )
    return Table(
        frame,
        "Who reports and who publishes the indicators",
        slug="indicators-reported",
        labels={"reporting_tier": "Reported by"},
        empty="no data",
    )


def _breaks(book: Codebook) -> Table:
    return Table(
        book.indicators[["indicator", "known_breaks", "dated_breaks"]],
        "Known breaks of the series",
        notes=("First year after the break, and what changed: used to mark breaks in reports.",),
        slug="indicators-breaks",
        labels={"dated_breaks": "Dated breaks [note 1]"},
        empty="not applicable",
    )


def _distributions(book: Codebook) -> tuple[Table, ...]:
    """Return a table a unit, so that its figures have one unit and as many digits."""
    rows = book.indicators[book.indicators["figures"] > 0]
    return tuple(_distribution(own, str(unit)) for unit, own in rows.groupby("unit", sort=True))


def _distribution(rows: pd.DataFrame, unit: str) -> Table:
    spread = float((rows["upper_quartile"] - rows["lower_quartile"]).min())
    digits = decimals_for(spread) if spread > 0 else 1
    shown = unit_words(unit)
    columns = ["indicator", "years", "figures", "councils", "missing_pct", *_DISTRIBUTION]
    return Table(
        rows[columns],
        f"Years, councils, missing figures and distribution of indicators in {shown}",
        notes=(_MISSING,),
        slug=f"distribution-{slugify(shown)}",
        units={"missing_pct": "per cent", **dict.fromkeys(_DISTRIBUTION, shown)},
        labels={"missing_pct": "Missing"},
        decimals={"missing_pct": 1, **dict.fromkeys(_DISTRIBUTION, digits)},
    )


def _table_section(one: TableEntry) -> Section:
    facts = pd.DataFrame(list(one.facts.items()), columns=["item", "value"])
    slug = slugify(one.file)
    pieces = [
        Table(
            facts,
            f"Facts of {one.file}",
            slug=f"facts-{slug}",
            labels={"value": "What is recorded"},
            empty="no data",
        )
    ]
    if len(one.columns):
        pieces.append(_columns_table(one))
    return Section("", one.notes, pieces=tuple(pieces))


def _columns_table(one: TableEntry) -> Table:
    return Table(
        one.columns,
        f"Columns of {one.file}",
        slug=f"columns-{slugify(one.file)}",
        labels={"missing": "An empty cell, or no row"},
    )


def _markdown_table(table: Table) -> list[str]:
    names = [str(name) for name in table.frame.columns]
    heads = [table.labels.get(name) or name.replace("_", " ") for name in names]
    heads = [
        f"{head} ({table.units[name]})" if name in table.units else head
        for name, head in zip(names, heads, strict=True)
    ]
    columns = [_cells(table, name) for name in names]
    lines = [_row(heads), _row(["---"] * len(heads))]
    lines += [_row(cells) for cells in zip(*columns, strict=True)]
    notes = [f"[note {number}] {note}" for number, note in enumerate(table.notes, 1)]
    return [*lines, *(text for note in notes for text in ("", note))]


def _cells(table: Table, name: str) -> list[str]:
    column, decimals = table.frame[name], table.decimals
    if pd.api.types.is_numeric_dtype(column):
        digits = decimals if isinstance(decimals, int) else decimals.get(name, 0)
        return [format_number(float(value), digits, missing=table.empty) for value in column]
    texts = [" ".join(str(value).split()) for value in column]
    return [text.replace("|", "\\|").replace("<", "&lt;") or table.empty for text in texts]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
