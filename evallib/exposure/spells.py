"""Spells of events that last: when each began and ended, what the end rests on, what is in force.

A recorded end is an observation; a planned one is not; a missing one is not 'still running'.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from evallib.exposure.events import NONE_BETWEEN

CONTINUES_DAYS = 31
OBSERVED, PLANNED, NOT_RECORDED = "observed", "planned", "not recorded"
ENDS = {
    "observed": OBSERVED,
    # Support is agreed for whole financial years: it ends with the last of them.
    "financial_year": OBSERVED,
    "planned": PLANNED,
    "expected": PLANNED,
}
POINT = "point_event"
ON_AND_OFF_SHARE = 70.0
YES, NO, NOT_KNOWN = "yes", "no", "not known"
SPELLS = [
    *("council_code", "council_name", "kind", "start_earliest", "start_latest"),
    *("end_earliest", "end_latest", "known_until", "end", "rows"),
]


def find_spells(events: pd.DataFrame) -> pd.DataFrame:
    """Return the spells of events that last, rows that follow one another joined.

    Rows of one council and kind are one spell where the later begins at most `CONTINUES_DAYS`
    after the earlier ended: directions replaced by directions, commissioners after a board on
    statutory footing, one financial year of support after another. Where the earlier end is not
    on file nothing is joined. A kind of which every row that ends can have ended within
    `CONTINUES_DAYS` of its start is a visit, not a state, and has no spells.

    Parameters
    ----------
    events : pandas.DataFrame
        Events as `read_events` returns them.

    Returns
    -------
    pandas.DataFrame
        council_code, council_name, kind, start_earliest and start_latest, end_earliest and
        end_latest (NaT where no end is on file), known_until (the last day on which it is known to
        have been in force: its observed end, else the last row's start), end (``observed``,
        ``planned`` or ``not recorded``: what the last row's end rests on) and rows, one row a
        spell.
    """
    lasting = _lasting(events)
    ordered = lasting.sort_values(["council_code", "kind", "earliest"], kind="stable")
    spells: list[dict[str, object]] = []
    follow = pd.Timedelta(days=CONTINUES_DAYS)
    for row in ordered.to_dict("records"):
        end = ENDS.get(row["end_status"], NOT_RECORDED)
        known = end != NOT_RECORDED and not pd.isna(row["end_latest"])
        fields = {
            "end_earliest": row["end_earliest"] if known else pd.NaT,
            "end_latest": row["end_latest"] if known else pd.NaT,
            "end": end if known else NOT_RECORDED,
        }
        last = spells[-1] if spells else {}
        same = all(last.get(key) == row[key] for key in ("council_code", "kind"))
        # With no end on file the comparison with NaT is False: nothing is joined.
        if same and row["earliest"] <= last["end_latest"] + follow:  # type: ignore[operator]
            until = row["end_earliest"] if end == OBSERVED else row["earliest"]
            last |= {**fields, "known_until": until, "rows": int(str(last["rows"])) + 1}
            continue
        spells.append(
            {
                **{key: row[key] for key in SPELLS[:3]},
                "start_earliest": row["earliest"],
                "start_latest": row["latest"],
                **fields,
                "known_until": row["end_earliest"] if end == OBSERVED else row["latest"],
                "rows": 1,
            }
        )
    table = pd.DataFrame(spells, columns=SPELLS)
    for column in SPELLS[3:8]:
        table[column] = pd.to_datetime(table[column])
    return table


def _lasting(events: pd.DataFrame) -> pd.DataFrame:
    """Return rows of events that last: neither points in time nor kinds that are visits."""
    lasts = (events["end_status"] != POINT) & (events["kind"] != NONE_BETWEEN)
    rows = events[lasts]
    brief = rows["end_earliest"] - rows["latest"] <= pd.Timedelta(days=CONTINUES_DAYS)
    is_visit = brief & (rows["end_status"] == OBSERVED)
    return rows[~is_visit.groupby(rows["kind"]).transform("all")]


def known_to(events: pd.DataFrame) -> pd.Timestamp:
    """Return the last day of which the register speaks: the last event that was observed."""
    began = events.loc[events["date_precision"] != "financial_year", "latest"]
    ended = events.loc[events["end_status"] == OBSERVED, "end_latest"]
    return pd.Timestamp(pd.concat([began, ended]).max())


def in_force_by_year(spells: pd.DataFrame, years: list[int], until: pd.Timestamp) -> pd.DataFrame:
    """Return whether each kind was in force in each council and financial year.

    ``yes``: on a day of the year it surely was. ``no``: on no day can it have been. A spell whose
    end is not recorded is in force from its start to `known_until`, and not known after it. A
    planned end is no observation: where it lies beyond the day to which the register is known,
    the spell is in force up to that day; otherwise it is not known after `known_until`.

    Parameters
    ----------
    spells : pandas.DataFrame
        See `find_spells`.
    years : list of int
        First calendar years of financial years.
    until : Timestamp
        The last day of which the register speaks, see `known_to`.

    Returns
    -------
    pandas.DataFrame
        council_code, kind, period and in_force (``yes``, ``no``, ``not known``): one row a
        council and kind with a spell, and year.
    """
    grid = spells.merge(pd.DataFrame({"period": years}), how="cross")
    first = pd.to_datetime(grid["period"].astype(str) + "-04-01")
    last = pd.to_datetime((grid["period"] + 1).astype(str) + "-03-31")
    open_plan = (grid["end"] == PLANNED) & (grid["end_latest"] > until)
    surely_until = grid["known_until"].where(~open_plan, until)
    perhaps_until = grid["end_latest"].where(grid["end"] == OBSERVED, pd.Timestamp.max)
    surely = (grid["start_latest"] <= last) & (surely_until >= first)
    perhaps = (grid["start_earliest"] <= last) & (perhaps_until >= first)
    # A state that surely began within the year was in force on a day of it.
    surely |= (grid["start_earliest"] >= first) & (grid["start_latest"] <= last)
    grid["rank"] = surely.astype(int) + perhaps.astype(int)
    best = grid.groupby(["council_code", "kind", "period"], sort=True)["rank"].max()
    words = best.map({0: NO, 1: NOT_KNOWN, 2: YES})
    return words.rename("in_force").reset_index()


def state_by_year(in_force: pd.DataFrame, grid: pd.DataFrame, kinds: Sequence[str]) -> pd.DataFrame:
    """Return whether any of some kinds was in force, as a column that an estimator takes.

    Parameters
    ----------
    in_force : pandas.DataFrame
        See `in_force_by_year`.
    grid : pandas.DataFrame
        council_code, fin_year and period.
    kinds : sequence of str
        Kinds of event that last.

    Returns
    -------
    pandas.DataFrame
        The grid's columns and is_exposed: 1 where one of the kinds was surely in force on a day of
        the year, 0 where no recorded one can have been, NaN where it is not known.

    Examples
    --------
    >>> table = pd.DataFrame({"council_code": "A", "kind": "notice", "period": [2014, 2015, 2016]})
    >>> table["in_force"] = ["no", "yes", "not known"]
    >>> grid = pd.DataFrame({"council_code": list("AAAB"), "period": [2014, 2015, 2016, 2016]})
    >>> state_by_year(table, grid, ["notice"])["is_exposed"].tolist()
    [0.0, 1.0, nan, 0.0]
    """
    own = in_force[in_force["kind"].isin(list(kinds))]
    rank = own["in_force"].map({NO: 0, NOT_KNOWN: 1, YES: 2}).astype(int)
    best = rank.groupby([own["council_code"], own["period"]]).max()
    keys = pd.MultiIndex.from_frame(grid[["council_code", "period"]])
    state = best.reindex(keys, fill_value=0).map({0: 0.0, 1: float("nan"), 2: 1.0})
    return grid.assign(is_exposed=state.to_numpy(dtype=float)).reset_index(drop=True)


def ends_by_kind(events: pd.DataFrame, spells: pd.DataFrame) -> pd.DataFrame:
    """Count rows and spells by kind and by what their end rests on.

    Parameters
    ----------
    events : pandas.DataFrame
        Events as `read_events` returns them.
    spells : pandas.DataFrame
        See `find_spells`.

    Returns
    -------
    pandas.DataFrame
        kind, rows (of the register that last), spells, observed, planned, not_recorded (spells by
        end), observed_pct and on_and_off (whether the share allows designs in which exposure
        ends: at least `ON_AND_OFF_SHARE` per cent), one row a kind with a spell.
    """
    rows = _lasting(events)["kind"].value_counts()
    counts = spells.groupby(["kind", "end"]).size().unstack(fill_value=0)
    counts = counts.reindex(columns=[OBSERVED, PLANNED, NOT_RECORDED], fill_value=0)
    counts.columns = pd.Index(["observed", "planned", "not_recorded"])
    total = counts.sum(axis=1)
    share = 100 * counts["observed"] / total
    table = counts.assign(
        rows=rows.reindex(counts.index).astype(int),
        spells=total,
        observed_pct=share,
        on_and_off=share >= ON_AND_OFF_SHARE,
    )
    table = table.sort_values("spells", ascending=False, kind="stable").reset_index()
    order = ["kind", "rows", "spells", "observed", "planned", "not_recorded"]
    return table[[*order, "observed_pct", "on_and_off"]]
