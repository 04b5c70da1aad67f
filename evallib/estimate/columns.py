"""Reading one column of a user's frame: what is wrong with it, and its values as an array."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from evallib.errors import CohortCodingWarning, EvallibWarning, Fault, first_five
from evallib.estimate.result import FloatArray, IntArray


def read_numbers(column: pd.Series[Any], name: str, faults: list[Fault]) -> FloatArray:
    """Return a column as floats; text and infinite values are faults, missing ones are NaN."""
    values, bad = _as_float(column)
    if bad:
        faults.append(
            Fault(
                f"column {name!r}",
                f"it holds text: {first_five(bad)}",
                "",
                "Make it numeric, with missing values empty",
            )
        )
    infinite = np.isinf(values)
    if infinite.any():
        rows = first_five(list(column.index[infinite]))
        faults.append(
            Fault(
                f"column {name!r}",
                f"{int(infinite.sum())} values are infinite (rows {rows})",
                "a mean of them is not a number",
                "Mend or remove these rows",
            )
        )
    return values


def _as_float(column: pd.Series[Any]) -> tuple[FloatArray, list[object]]:
    """Return a column as floats and the values that are not numbers."""
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return np.full(len(column), np.nan), [str(column.iloc[0])]
    if pd.api.types.is_numeric_dtype(column.dtype):
        return column.to_numpy(dtype=float, na_value=np.nan), []
    raw = column.astype(object).where(column.notna(), None).tolist()
    bad = [item for item in raw if item is not None and not _is_number(item)]
    clean = [float(item) if _is_number(item) else np.nan for item in raw]
    return np.array(clean, dtype=float), bad


def _is_number(item: object) -> bool:
    return isinstance(item, (int, float, np.integer, np.floating, np.bool_))


def read_periods(column: pd.Series[Any], name: str, faults: list[Fault]) -> IntArray:
    """Return periods as whole numbers."""
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "iu":
        return column.to_numpy(dtype=np.int64)
    values, bad = _as_float(column)
    where = f"column {name!r}"
    if bad:
        faults.append(
            Fault(
                where,
                f"periods are not whole numbers: {first_five(bad)}",
                "text and dates have no distance in periods",
                "Use the first calendar year: 2015 for '2015/16'",
            )
        )
        return np.zeros(len(column), dtype=np.int64)
    if np.isnan(values).any():
        rows = first_five(list(column.index[np.isnan(values)]))
        faults.append(Fault(where, f"periods are missing (rows {rows})", "", "Fill or drop them"))
    elif not np.isfinite(values).all() or (values != np.round(values)).any():
        odd = values[~np.isfinite(values) | (values != np.round(values))]
        faults.append(
            Fault(where, f"periods are not whole numbers: {first_five(list(odd))}", "", "Use years")
        )
    return np.nan_to_num(values, posinf=0, neginf=0).astype(np.int64)


def read_labels(
    column: pd.Series[Any], name: str, faults: list[Fault]
) -> tuple[IntArray, np.ndarray[tuple[int], np.dtype[np.object_]]]:
    """Return codes and sorted labels of a column of names."""
    missing = column.isna().to_numpy()
    if missing.any():
        rows = first_five(list(column.index[missing]))
        faults.append(
            Fault(f"column {name!r}", f"names are missing (rows {rows})", "", "Fill or drop them")
        )
    is_text = isinstance(column.dtype, pd.StringDtype)  # coded without making objects of them
    try:
        codes, labels = pd.factorize(column if is_text else column.to_numpy(), sort=True)
    except TypeError:
        codes, labels = pd.factorize(column.astype(str).to_numpy(), sort=True)
    return np.asarray(codes, dtype=np.int64), np.asarray(labels, dtype=object)


def read_weights(frame: pd.DataFrame, name: str | None, faults: list[Fault]) -> FloatArray:
    """Return weights; missing ones and those of zero or below are faults."""
    if name is None:
        return np.ones(len(frame))
    values = read_numbers(frame[name], name, faults)
    bad = ~(values > 0)
    if bad.any():
        rows = first_five(list(frame.index[bad]))
        what = f"{int(bad.sum())} weights are missing, zero or below (rows {rows})"
        faults.append(Fault(f"column {name!r}", what, "", "Give positive weights, or drop rows"))
    return values


def read_cohorts(frame: pd.DataFrame, name: str, faults: list[Fault], notes: Notes) -> FloatArray:
    """Return first treated periods, infinity for never."""
    values, bad = _as_float(frame[name])
    if bad:
        what = f"first treated periods are not whole numbers: {first_five(bad)}"
        remedy = "Use the first calendar year: 2015 for '2015/16'; leave never-treated empty"
        faults.append(Fault(f"column {name!r}", what, "", remedy))
        return values
    coded = (values == 0) | np.isposinf(values)
    if coded.any():
        kinds = " and ".join(
            text
            for text, there in (
                ("0", bool((values == 0).any())),
                ("infinity", bool(np.isposinf(values).any())),
            )
            if there
        )
        notes.warn(CohortCodingWarning, f"A cohort of {kinds} was read as never-treated.")
    start = np.where(np.isnan(values) | coded, np.inf, values)
    odd = np.isfinite(start) & (start != np.round(start)) | np.isneginf(start)
    if odd.any():
        what = f"first treated periods are not whole numbers: {first_five(list(start[odd]))}"
        faults.append(Fault(f"column {name!r}", what, "", "Use the first calendar year"))
    return start


def read_exposure(
    frame: pd.DataFrame, name: str, faults: list[Fault], *, may_miss: bool = False
) -> FloatArray:
    """Return a 0/1 column; NaN where it is not known, if that ``may_miss``."""
    values, bad = _as_float(frame[name])
    missing = np.isnan(values)
    odd = bad or list(np.unique(values[(values != 0) & (values != 1) & ~missing]))
    if odd:
        what = f"it holds values other than 0 and 1: {first_five(odd)}"
        faults.append(Fault(f"column {name!r}", what, "", "Give 1 where exposed and 0 elsewhere"))
    elif missing.any() and not may_miss:
        rows = first_five(list(frame.index[missing]))
        what = f"it is missing in {int(missing.sum())} rows ({rows})"
        remedy = (
            "Give 1 where exposed and 0 elsewhere; where ends of exposure are not known, use "
            "'switching', or 'lp_did' with stabilise="
        )
        faults.append(Fault(f"column {name!r}", what, "", remedy))
    return values


def require_constant(
    values: FloatArray,
    codes: IntArray,
    units: np.ndarray[tuple[int], np.dtype[np.object_]],
    name: str,
) -> list[Fault]:
    """Return a fault where a column changes within units."""
    last = np.empty(units.size)
    last[codes] = values
    if (last[codes] == values).all():
        return []
    frame = pd.DataFrame({"unit": codes, "value": values})
    changing = frame.groupby("unit")["value"].nunique()
    bad = changing.index[changing.to_numpy() > 1].to_list()
    if len(bad) == 0:
        return []
    shown = first_five([units[code] for code in bad])
    what = f"it changes within {len(bad)} units: {shown}"
    return [Fault(f"column {name!r}", what, "", "Give each unit one value in all its rows")]


@dataclass(slots=True)
class Notes:
    """Warnings of one fit: raised for the caller and kept for the result."""

    texts: list[str] = field(default_factory=list)

    def warn(self, category: type[EvallibWarning], text: str) -> None:
        """Raise a warning and keep its text."""
        self.texts.append(text)
        warnings.warn(text, category, stacklevel=2)
