"""Reading a characteristic of units from any tidy frame."""

from __future__ import annotations

import numpy as np
import pandas as pd

from evallib.design.characteristics import Characteristic, cut_thirds
from evallib.errors import Fault, did_you_mean, first_five
from evallib.estimate.cells import CellSource
from evallib.estimate.result import IntArray

MOST_VALUES = 8
THIRDS: tuple[str, ...] = ("lowest third", "middle third", "highest third")


def read_characteristic(
    frame: pd.DataFrame, source: CellSource, name: str, faults: list[Fault]
) -> tuple[Characteristic, IntArray]:
    """Return a column as a characteristic, and the subgroup of each unit of an estimate.

    Parameters
    ----------
    frame : DataFrame
        Any rows with the estimate's column of units; is not changed.
    source : CellSource
        The cells of the estimate.
    name : str
        A column that does not change within units. Categories keep their order, other values are
        sorted; numbers of more than eight values are cut into thirds over the frame's units.
    faults : list of Fault
        What is wrong is added.

    Returns
    -------
    Characteristic, and integer array, shape (N,); -1 where a unit has no value.
    """
    empty = Characteristic(name, name, (), {}), np.full(len(source.units), -1)
    unit, columns = source.unit_column, [str(column) for column in frame.columns]
    for column in (unit, name):
        if columns.count(column) != 1:
            what = "no such column" if column not in columns else "the frame has it twice"
            hint = did_you_mean(column, columns)
            remedy = f"The frame has {first_five(columns)}.{hint}"
            faults.append(Fault(f"column {column!r}", what, "", remedy))
            return empty
    rows = frame[[unit, name]].dropna(subset=[unit]).drop_duplicates()
    changing = rows.loc[rows[unit].duplicated(), unit].unique()
    if len(changing):
        what = f"it changes within {len(changing)} units: {first_five(list(changing))}"
        why = "a subgroup is fixed before exposure"
        remedy = "Give each unit one value in all its rows, its last before exposure"
        faults.append(Fault(f"column {name!r}", what, why, remedy))
        return empty
    values = rows.set_index(unit)[name]
    note = ""
    if pd.api.types.is_float_dtype(values) and np.isinf(values.to_numpy(dtype=float)).any():
        faults.append(Fault(f"column {name!r}", "values are infinite", "", "Mend these rows"))
        return empty
    is_number = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
    if is_number and values.nunique() > MOST_VALUES:
        thirds, (low, high) = cut_thirds(values)
        names, places = THIRDS, thirds
        note = f"{name} is cut into thirds of the frame's units, at {low:.4g} and {high:.4g}."
    else:
        if isinstance(values.dtype, pd.CategoricalDtype):
            held = list(values.cat.categories)
        else:
            held = sorted(values.dropna().unique(), key=lambda item: (str(type(item)), item))
        names = tuple(str(item) for item in held)
        places = values.map({item: k for k, item in enumerate(held)}).astype(float)
    aligned = places.reindex(list(source.units)).to_numpy(dtype=float)
    codes = np.where(np.isnan(aligned), -1, aligned).astype(np.int64)
    lacking = [str(label) for label, code in zip(source.units, codes, strict=True) if code < 0]
    if len(lacking) == len(codes):
        what = "no unit of the estimate has a value"
        faults.append(Fault(f"column {name!r}", what, "", "Check how it was joined"))
        return empty
    if lacking:
        note += f" {len(lacking)} units have no value: {first_five(lacking)}."
    return Characteristic(name, name, names, {}, note=note.strip()), codes
