"""Columns to match on, read from the frame onto the sample's grid of units and periods."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evallib.errors import Fault, did_you_mean, first_five
from evallib.estimate.columns import read_numbers
from evallib.estimate.intake import Sample
from evallib.estimate.matched_options import MatchedOptions
from evallib.estimate.result import FloatArray, IntArray

ROLES = ("match_on", "exact")


@dataclass(frozen=True, slots=True)
class MatchColumns:
    """What units are matched on besides the outcome, known up to each period.

    Parameters
    ----------
    values : array, shape (k, N, T)
        Numbers, the latest up to each period; NaN where there is none yet.
    codes : integer array, shape (c, N, T)
        Categories likewise, -1 where there is none yet.
    names, exact : tuples of str, lengths k and c
    labels : tuple of c tuples of str
        What the codes stand for.
    """

    values: FloatArray
    codes: IntArray
    names: tuple[str, ...] = ()
    exact: tuple[str, ...] = ()
    labels: tuple[tuple[str, ...], ...] = ()


def no_columns(n: int, t: int) -> MatchColumns:
    """Return the columns of a sample that is matched on the outcome alone."""
    return MatchColumns(np.zeros((0, n, t)), np.zeros((0, n, t), dtype=np.int64))


def find_column_faults(frame: pd.DataFrame, options: MatchedOptions) -> list[Fault]:
    """Return the faults of the columns that options name to match on."""
    faults: list[Fault] = []
    if not isinstance(frame, pd.DataFrame):
        return faults
    for role in ROLES:
        for name in getattr(options, role):
            where = f"{role}=[{name!r}]"
            if name not in frame.columns:
                hint = did_you_mean(name, [str(column) for column in frame.columns])
                have = first_five(list(frame.columns))
                faults.append(Fault(where, "no such column", "", f"The frame has {have}.{hint}"))
            elif list(frame.columns).count(name) > 1:
                faults.append(Fault(where, "the frame has this column twice", "", "Keep one"))
            elif frame[name].isna().all():
                faults.append(Fault(where, "it has no value", "", "Fill it or leave it out"))
            elif role == "match_on":
                before = len(faults)
                values = read_numbers(frame[name], name, faults)
                if len(faults) > before:
                    remedy = "Name a column of categories in exact=[...] instead"
                    faults[before] = Fault(where, faults[before].what, "", remedy)
                elif np.nanmin(values) == np.nanmax(values):
                    what = "it has one value in all rows"
                    faults.append(Fault(where, what, "", "Leave it out"))
    return faults


def read_match_columns(
    frame: pd.DataFrame, unit: str, time: str, sample: Sample, options: MatchedOptions
) -> MatchColumns:
    """Return the columns to match on; rows without an outcome count too.

    Parameters
    ----------
    frame : DataFrame
        Has been checked: units and periods are without fault.
    unit, time : str
    sample : Sample
    options : MatchedOptions
    """
    shape = sample.outcome.shape
    if not options.match_on and not options.exact:
        return no_columns(*shape)
    row = pd.Index(sample.units).get_indexer(pd.Index(frame[unit].to_numpy(), dtype=object))
    if (row < 0).all():  # names of mixed types are sorted as text
        row = pd.Index(sample.units).get_indexer(pd.Index(frame[unit].astype(str), dtype=object))
    times = frame[time].to_numpy(dtype=float)
    column = np.searchsorted(sample.periods, times)
    order = np.argsort(times, kind="stable")
    order = order[(row[order] >= 0) & (column[order] < shape[1])]
    place = (row[order], column[order])

    def spread(held: FloatArray) -> FloatArray:
        grid = np.full(shape, np.nan)
        there = ~np.isnan(held[order])
        grid[place[0][there], place[1][there]] = held[order][there]
        for period in range(1, shape[1]):
            gap = np.isnan(grid[:, period])
            grid[gap, period] = grid[gap, period - 1]
        return grid

    values = [spread(read_numbers(frame[name], name, [])) for name in options.match_on]
    codes, labels = [], []
    for name in options.exact:
        code, label = _categories(frame[name])
        grid = spread(np.where(code < 0, np.nan, code))
        codes.append(np.where(np.isnan(grid), -1, grid).astype(np.int64))
        labels.append(label)
    return MatchColumns(
        values=np.array(values).reshape(-1, *shape),
        codes=np.array(codes, dtype=np.int64).reshape(-1, *shape),
        names=options.match_on,
        exact=options.exact,
        labels=tuple(labels),
    )


def _categories(column: pd.Series[Any]) -> tuple[IntArray, tuple[str, ...]]:
    """Return codes, -1 where missing, and the categories as text, sorted."""
    codes, found = pd.factorize(column.to_numpy(dtype=object))
    names = np.array([str(item) for item in found], dtype=object)
    order = np.argsort(names, kind="stable")
    rank = np.empty(order.size, dtype=np.int64)
    rank[order] = np.arange(order.size)
    placed = np.where(codes < 0, -1, rank[np.maximum(codes, 0)])
    return placed.astype(np.int64), tuple(str(item) for item in names[order])
