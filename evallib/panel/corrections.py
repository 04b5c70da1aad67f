"""Mend the slips of the publications that `corrections.csv` lists."""

from __future__ import annotations

import pandas as pd

from evallib.errors import Fault, first_five

_ROW = ["council_code", "fin_year", "indicator"]


def apply_corrections(
    table: pd.DataFrame, corrections: pd.DataFrame, file: str, label: str
) -> tuple[pd.DataFrame, list[Fault]]:
    """Return an outcomes table with its corrections applied, and what is wrong with them.

    Parameters
    ----------
    table : pandas.DataFrame
        council_code, fin_year, indicator, value (float), one row a figure.
    corrections : pandas.DataFrame
        The rows of `corrections.csv`, as text. `column` says whether `value` or `council_code` is
        mended; an empty `corrected` drops the row.
    file : str
        The table as the column `file` names it, for example ``outcomes/waste.csv``.
    label : str
        How messages name the corrections file.

    Returns
    -------
    mended : pandas.DataFrame
        The table with rows dropped, values mended and codes replaced.
    faults : list of Fault
        Corrections that match no row, or whose `published` differs from the file in its first six
        digits: both mean that the file has been republished and the correction must be looked at
        again.
    """
    mine = corrections[corrections["file"] == file]
    if mine.empty:
        return table, []
    found = mine.merge(table[[*_ROW, "value"]].assign(position=table.index), on=_ROW, how="left")
    faults = _unmatched(found, file, label) + _changed(found, file, label)
    if faults:
        return table, faults
    mended = table.copy()  # its index, the lines of the file, stays for messages
    place = found["position"].astype(int)
    dropped = found["corrected"] == ""
    codes = (found["column"] == "council_code") & ~dropped
    values = (found["column"] == "value") & ~dropped
    mended.loc[place[codes], "council_code"] = found.loc[codes, "corrected"].to_numpy()
    mended.loc[place[values], "value"] = found.loc[values, "corrected"].astype(float).to_numpy()
    return mended.drop(index=place[dropped].tolist()), []


def _places(rows: pd.DataFrame) -> str:
    return first_five([" ".join(row) for row in rows[_ROW].to_numpy().tolist()])


def _unmatched(found: pd.DataFrame, file: str, label: str) -> list[Fault]:
    lost = found[found["position"].isna()]
    if lost.empty:
        return []
    return [
        Fault(
            f"{label}, file {file}, {_places(lost)}",
            f"{len(lost)} correction(s) match no row of {file}",
            "The file has been republished or the correction is misspelt",
            "Look at the row again and mend or remove the correction; a plan can also take the "
            "table as own_data with replaces: true, to which no correction is applied",
        )
    ]


def _changed(found: pd.DataFrame, file: str, label: str) -> list[Fault]:
    known = found[found["position"].notna()]
    by_value = known["column"] == "value"
    published = pd.to_numeric(known["published"].where(by_value), errors="coerce")
    same = published.map("{:.6g}".format) == known["value"].map("{:.6g}".format)
    differs = (by_value & ~same) | (~by_value & (known["published"] != known["council_code"]))
    rows = known[differs]
    if rows.empty:
        return []
    shown = first_five(
        [
            f"{row.council_code} {row.fin_year} {row.indicator} (published {row.published}, "
            f"file {row.value:g})"
            for row in rows.itertuples()
        ]
    )
    return [
        Fault(
            f"{label}, file {file}, {shown}",
            f"`published` of {len(rows)} correction(s) differs from the file",
            "The figure has been revised: the old correction would overwrite it",
            "Compare with the publication and mend or remove the correction",
        )
    ]
