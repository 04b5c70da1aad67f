"""A register held against published totals."""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd

COVERAGE = [
    *("label", "from_date", "to_date", "councils_published", "basis", "councils_in_register"),
    *("councils_at_most", "share_pct", "is_studied"),
]


def coverage_of(
    events: pd.DataFrame, totals: pd.DataFrame | None, register: str, kinds: Collection[str]
) -> pd.DataFrame:
    """Return published totals beside the register's own count over the same days.

    Parameters
    ----------
    events : pandas.DataFrame
        Events as `read_events` returns them.
    totals : pandas.DataFrame, optional
        ``published_totals.csv``.
    register : str
        The register's name; totals of other registers are left out.
    kinds : collection of str
        The kinds that are studied.

    Returns
    -------
    pandas.DataFrame
        label, from_date (empty: from the beginning), to_date, councils_published, basis,
        councils_in_register (councils with an event that surely lies within the days),
        councils_at_most (adds those whose event may: dated to the year only), share_pct (of
        councils_in_register) and is_studied (whether the total counts a studied kind), one row a
        total.
    """
    rows: list[tuple[object, ...]] = []
    held = [] if totals is None else totals[totals["register"] == register].to_dict("records")
    for total in held:
        counted = total["kinds"].split(";")
        began = pd.Timestamp(total["from_date"] or "1900-01-01")
        ended = pd.Timestamp(total["to_date"])
        own = events[events["kind"].isin(counted)]
        surely = own[(own["earliest"] >= began) & (own["latest"] <= ended)]
        perhaps = own[(own["latest"] >= began) & (own["earliest"] <= ended)]
        certain, published = surely["council_code"].nunique(), int(total["councils_published"])
        rows.append(
            (
                *(total[name] for name in ("label", "from_date", "to_date")),
                published,
                total["basis"],
                certain,
                perhaps["council_code"].nunique(),
                100 * certain / published,
                bool(set(counted) & set(kinds)),
            )
        )
    return pd.DataFrame(rows, columns=COVERAGE)
