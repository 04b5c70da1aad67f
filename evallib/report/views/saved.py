"""What the notebooks of a run saved, as the summary reads it."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping
from typing import Any, Protocol

import numpy as np
import pandas as pd

from evallib.errors import DataError, Fault
from evallib.panel.units import effect_unit
from evallib.report.formats import decimals_for


class Results(Protocol):
    """What notebooks of a run saved, as `Run.results` returns it."""

    estimates: pd.DataFrame
    facts: pd.DataFrame
    checks: pd.DataFrame
    tables: Mapping[str, pd.DataFrame]
    source: str
    is_own: bool


# Why councils and council-years differ between estimates of one outcome.
COUNTED = (
    "Councils and council-years are those that carry the estimate. Group-time and matched "
    "estimates use only a council's base year and the years compared with it, regressions and "
    "imputation every year of the sample: one sample gives different counts."
)
COUNT_WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def count_word(count: int) -> str:
    """Write a count in a word, from ten on in digits.

    Examples
    --------
    >>> count_word(2), count_word(12)
    ('two', '12')
    """
    return COUNT_WORDS[count] if count < len(COUNT_WORDS) else f"{count:,}"


def held_by(count: int, total: int, noun: str = "") -> str:
    """Write for how many of so many something holds.

    Examples
    --------
    >>> held_by(0, 6), held_by(2, 6, "outcome"), held_by(1, 1, "outcome"), held_by(0, 1, "outcome")
    ('none of six', 'two of six outcomes', 'the one outcome', 'no outcome')
    """
    if total == 1:
        return f"{'the one' if count else 'no' if noun else 'none'} {noun}".rstrip()
    said = f"{count_word(count) if count else 'none'} of {count_word(total)}"
    return f"{said} {noun}s" if noun else said


def find_table(results: Results, slug: str) -> pd.DataFrame:
    """Return a table that one of the notebooks saved, whichever it was; empty where none did."""
    for name, frame in results.tables.items():
        if name.split("/")[-1] == slug:
            return frame
    return pd.DataFrame()


def saved_table(results: Results, slug: str) -> pd.DataFrame:
    """Return a table that one of the notebooks saved, whichever it was.

    Raises
    ------
    DataError
        When no notebook of the run saved it.
    """
    found = find_table(results, slug)
    if found.shape[1]:
        return found
    raise DataError(
        [
            Fault(
                f"results of {results.source}",
                f"no notebook saved the table {slug}",
                "The summary reads what the effect notebook found",
                "Look in the report for a notebook that failed, mend it and run again",
            )
        ]
    )


def primary_rows(results: Results) -> list[dict[Hashable, Any]]:
    """Return the verdicts of the primary outcomes, a mapping an outcome."""
    verdicts = saved_table(results, "verdicts")
    return verdicts[verdicts["role"] == "primary"].to_dict("records")


def rows_of(table: pd.DataFrame, row: Mapping[Any, Any], *, any_rule: bool = False) -> pd.DataFrame:
    """Return the rows of a saved table on an outcome, under its rule unless `any_rule`."""
    if "outcome" not in table:
        return table.iloc[:0]
    chosen = np.asarray(table["outcome"] == row["outcome"])
    if "no_record" in table and not any_rule:
        chosen = chosen & np.asarray(table["no_record"] == row["no_record"])
    return table[chosen]


def check_figures(results: Results, check: str, row: Mapping[Any, Any]) -> pd.DataFrame:
    """Return the figures behind a check of an outcome; empty where it has none."""
    slug = re.sub(r"[^a-z0-9]+", "_", check.lower()).strip("_")
    return rows_of(find_table(results, f"check_{slug}"), row)


def unit_of(row: Mapping[Any, Any]) -> str:
    """Return the unit of a change in an outcome, given its row of the verdicts."""
    return effect_unit(str(row["unit"]))


def decimals_of(row: Mapping[Any, Any]) -> int:
    """Return how many decimals a change in an outcome is shown with: by its meaningful change."""
    return 1 + decimals_for(float(row["meaningful_change"]), most=2)
