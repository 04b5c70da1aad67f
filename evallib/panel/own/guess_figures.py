"""Propose the indicators of an unknown table: names, and units where they are certain."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from evallib.panel.catalogue import Catalogue
from evallib.panel.own.guess_columns import FigureColumn, cells_of
from evallib.panel.own.percentages import find_mixture
from evallib.panel.own.proposal import Guess, Proposed
from evallib.panel.own.values import read_figure
from evallib.plan.own_data import YEAR


def propose_figures(guess: Guess, catalogue: Catalogue) -> None:
    """Propose an indicator a column, or a text of the measure column.

    Parameters
    ----------
    guess : Guess
        What is known of the table so far; indicators and marks are added to it.
    catalogue : Catalogue
        The shipped indicators: a measure of the name of one of them is that one, published anew.
    """
    taken = set(catalogue.names)
    grid, roles = guess.grid, guess.roles
    columns = roles.figures
    if roles.measure is not None:
        columns = [_value_column(columns)]
        roles.unused += [one.column for one in roles.figures if one is not columns[0]]
        roles.figures = columns
    for one in columns:
        guess.missing.update(one.marks)
        if roles.measure is None:
            guess.indicators.append(_propose(guess, one, "", grid.frame.index, taken))
            continue
        texts = grid.frame[roles.measure].map(lambda cell: " ".join(str(cell).split()))
        for text in dict.fromkeys(texts):
            rows = texts.index[texts == text]
            if text in catalogue.names:
                guess.indicators.append(_shipped(one.column, catalogue.describe(text)))
            else:
                guess.indicators.append(_propose(guess, one, text, rows, taken))


def _shipped(column: str, row: pd.Series) -> Proposed:
    """Return the proposal of a shipped indicator that was published anew."""
    return Proposed(
        column=column,
        measure=row["indicator"],
        name=row["indicator"],
        title=row["title"],
        unit=row["unit"],
        times=None,
        polarity=row["polarity"],
        period_basis=row["period_basis"],
        replaces=True,
    )


def _value_column(columns: list[FigureColumn]) -> FigureColumn:
    said = [one for one in columns if re.search(r"value|observation|figure", one.column, re.I)]
    return (said or columns)[0]


def _propose(
    guess: Guess, one: FigureColumn, measure: str, rows: pd.Index, taken: set[str]
) -> Proposed:
    said = f"{measure} {one.column}"
    title = " ".join((measure or one.column.replace(YEAR, " ")).split())
    percent = one.has_sign or re.search(r"%|per ?cent|\bpct\b", said, re.I) is not None
    unit = "percent" if percent else _money(said)
    times = 100.0 if percent and _are_shares(guess, one, rows) else None
    return Proposed(
        one.column, measure, _name(title or _stem(guess), percent, taken), title, unit, times
    )


def _are_shares(guess: Guess, one: FigureColumn, rows: pd.Index) -> bool:
    values = []
    for position in one.positions:
        for cell in cells_of(guess.grid, position).reindex(rows).dropna():
            try:
                number = read_figure(cell, (), is_percent=True)
            except ValueError:
                continue
            values.append(number if number is not None else 0.0)
    table = pd.DataFrame({"value": values, "period": 0, "council_code": ""})
    found = find_mixture(table) if values else None
    return found is not None and found.kind == "shares"


def _money(text: str) -> str:
    """Return the unit of money that a heading names, empty where it names none."""
    if "\u00a3" not in text:
        return ""
    if re.search(r"\u00a3 ?(000s?|k\b|thousand)", text, re.I):
        return "GBP thousand"
    return "GBP million" if re.search(r"\u00a3 ?(m\b|million)", text, re.I) else "GBP"


def _stem(guess: Guess) -> str:
    return Path(guess.source.get("file", "")).stem or guess.source.get("table", "")


def _name(title: str, percent: bool, taken: set[str]) -> str:
    words = re.findall(r"[a-z0-9]+", title.lower())
    words = [
        word for word in words if word not in {"the", "of", "a", "percent", "percentage", "pct"}
    ]
    name = "_".join(words)[:60].strip("_") or "my_indicator"
    name = name if name[0].isalpha() else f"i_{name}"
    name = f"{name}_pct" if percent else name
    unique, number = name, 2
    while unique in taken:
        unique, number = f"{name}_{number}", number + 1
    taken.add(unique)
    return unique
