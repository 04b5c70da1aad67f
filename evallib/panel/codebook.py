"""The codebook: every table, column and indicator, from the sidecars and the figures themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from evallib.errors import DataError
from evallib.panel.expected import expected_rows
from evallib.panel.reading import read_text_table
from evallib.panel.sidecars import Sidecar, read_sidecar, sidecar_path
from evallib.panel.store import Store
from evallib.plan.years import format_financial_year

NOT_RECORDED = "not recorded"
# Columns that say which years a table covers, the first one that a table has.
_YEAR_COLUMNS = ("fin_year", "year", "boundary_year", "start_date", "to_date", "effective_from")


@dataclass(frozen=True, slots=True)
class TableEntry:
    """What is known of one table.

    Parameters
    ----------
    file : str
        The table's name in its folder.
    facts : mapping of str to str
        Title, publisher, publication, licence, attribution, access date, sha256, rows and years,
        in words.
    columns : pandas.DataFrame
        column, type, unit, missing, description, one row a column; empty without a sidecar.
    notes : tuple of str
        What else a user must know.
    """

    file: str
    facts: Mapping[str, str]
    columns: pd.DataFrame
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Codebook:
    """Tables and indicators of one folder.

    Parameters
    ----------
    label : str
        How the folder is named.
    tables : tuple of TableEntry
        In the order of their names, tables of figures last.
    indicators : pandas.DataFrame
        One row an indicator, sorted: indicator, title, unit, polarity, reporting_tier,
        period_basis, publisher, publication, licence, known_breaks, dated_breaks, figures,
        councils, years, least, lower_quartile, median, upper_quartile, most (of the figures, over
        councils and years, as mended on load) and missing_pct (see `expected_rows`). Counts are 0
        and figures missing for an indicator without figures.
    attributions : tuple of str
        Sentences that the licences require.
    """

    label: str
    tables: tuple[TableEntry, ...]
    indicators: pd.DataFrame
    attributions: tuple[str, ...]


def build_codebook(store: Store) -> Codebook:
    """Describe every table and indicator of a folder.

    Parameters
    ----------
    store : Store
        Its tables, loaded and checked.

    Returns
    -------
    Codebook
        Figures as mended on load; rows, digests and columns as the files stand.
    """
    held = set(store.held())
    described = store.catalogue.frame.set_index("indicator", drop=False)
    rows = [_indicator(store, described.loc[name], held) for name in described.index]
    indicators = pd.DataFrame(rows).sort_values("indicator", ignore_index=True)
    inputs = sorted(store.inputs, key=lambda one: ("/" in one["file"], one["file"]))
    found = [str(one["attribution"]) for one in inputs if one["attribution"] != NOT_RECORDED]
    return Codebook(
        store.label,
        tuple(_table(store.folder, one) for one in inputs),
        indicators,
        tuple(dict.fromkeys(found)),
    )


def _indicator(store: Store, facts: pd.Series, held: set[str]) -> dict[str, Any]:
    name = str(facts["indicator"])
    breaks = store.catalogue.breaks_of([name])
    dated = [f"{row['first_year_after']} ({row['what']})" for row in breaks.to_dict("records")]
    row: dict[str, Any] = {str(key): facts[key] for key in facts.index if key != "scale_by"}
    row |= {"dated_breaks": "; ".join(dated), "figures": 0, "councils": 0, "years": ""}
    if name not in held:
        return row
    figures = store.figures([name])
    values = figures["value"]
    expected = expected_rows(figures, store.councils, store.catalogue.rule(name))
    first, last = figures["period"].min(), figures["period"].max()
    row |= {
        "figures": len(figures),
        "councils": int(figures["council_code"].nunique()),
        "years": f"{format_financial_year(int(first))} to {format_financial_year(int(last))}",
    }
    shares = (0.0, 0.25, 0.5, 0.75, 1.0)
    names = ("least", "lower_quartile", "median", "upper_quartile", "most")
    row |= {name: float(values.quantile(share)) for name, share in zip(names, shares, strict=True)}
    row["missing_pct"] = 100 * float(expected["is_missing"].mean())
    return row


def _table(folder: Path, one: Mapping[str, Any]) -> TableEntry:
    name = str(one["file"])
    path = folder / name
    sidecar = _sidecar(path)
    facts = {
        "Title": sidecar.title if sidecar else NOT_RECORDED,
        "Publisher": str(one["publisher"]),
        "Publication": str(one["publication"]),
        "Licence": str(one["licence"]),
        "Attribution": str(one["attribution"]),
        "Accessed": str(one["accessed"]),
        "SHA-256": str(one["sha256"]),
        "Rows": f"{int(one['rows']):,}",
        "Years": _years(path),
    }
    columns = pd.DataFrame(
        [
            (column, about.type, about.unit, about.missing, about.description)
            for column, about in (sidecar.columns.items() if sidecar else ())
        ],
        columns=["column", "type", "unit", "missing", "description"],
    )
    return TableEntry(name, facts, columns, tuple(sidecar.notes) if sidecar else ())


def _sidecar(path: Path) -> Sidecar | None:
    beside = sidecar_path(path)
    return read_sidecar(beside) if beside.is_file() else None


def _years(path: Path) -> str:
    """Return the years that a table covers, by the first column that tells them."""
    try:
        table = read_text_table(path, path.name)
    except DataError:  # not a CSV table of this folder, such as a partition
        return "not applicable"
    for column in _YEAR_COLUMNS:
        if column in table.columns:
            cells = table.loc[table[column] != "", column]
            years = cells if column == "fin_year" else cells.str[:4]
            if len(years):
                first, last = years.min(), years.max()
                return str(first) if first == last else f"{first} to {last}"
    return "not applicable"
