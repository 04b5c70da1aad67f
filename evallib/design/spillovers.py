"""Which councils an event elsewhere may have touched: same county, neighbours, joint partners."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from evallib.design.flow import SampleFlow
from evallib.exposure.exposure import Exposure
from evallib.panel.build import Panel
from evallib.plan import Plan

# In the words of the sample flow.
REASONS: Mapping[str, str] = {
    "same_county": "same county as an exposed council",
    "neighbours": "same region and type as an exposed council",
    "joint_partners": "partner in a joint event with an exposed council",
}


def touched_councils(panel: Panel, exposure: Exposure) -> pd.Series:
    """Return how an event in another council may have touched each council.

    An event is a dated first one in the plan's studied years, whether or not its council has
    figures of any outcome. The county is that of the county council above a district: its
    districts and itself. Borders are not on file, so neighbours are the councils of the same type
    in the same region. Partners shared a joint event of the register at any date.

    Parameters
    ----------
    panel : Panel
    exposure : Exposure

    Returns
    -------
    pandas.Series
        Keys of `REASONS` in words, joined by semicolons, by council code; councils that nothing
        touches are left out.
    """
    councils = panel.store.councils.set_index("council_code")
    met = exposure.councils.set_index("council_code")
    exposed = set(met.index[met["status"] == "in_window"])
    own = councils["county_code"].replace("", pd.NA)
    is_county = pd.Series(councils.index.isin(own.dropna()), index=councils.index)
    county = own.where(~is_county, pd.Series(councils.index, index=councils.index))
    kind = councils["region"].astype(str) + "|" + councils["council_type"].astype(str)
    found: dict[str, list[str]] = {}
    for name, group in (("same_county", county), ("neighbours", kind)):
        group = group.dropna()
        here = group[group.index.isin(list(exposed))]
        others = {label: set(cells.index) for label, cells in here.groupby(here)}
        for code, label in group.items():
            near = others.get(label, set())
            if len(near) > (code in near):
                found.setdefault(str(code), []).append(name)
    for codes in exposure.joint.get("codes", pd.Series(dtype=object)):
        sides = _codes(codes)
        for code in sides:
            names = found.setdefault(code, [])
            if exposed & (sides - {code}) and "joint_partners" not in names:
                names.append("joint_partners")
    words = {code: "; ".join(names) for code, names in found.items() if names}
    return pd.Series(words, dtype=object)


def _codes(cell: object) -> set[str]:
    return {code.strip() for code in str(cell).replace(";", ",").split(",")}


def drop_touched(plan: Plan, flow: SampleFlow, table: pd.DataFrame, touched: pd.Series) -> None:
    """Drop the comparison councils that the plan's `spillovers` leave out, a step a reason.

    Parameters
    ----------
    plan : Plan
    flow : SampleFlow
        The sample.
    table : pandas.DataFrame
        Its councils by code, with is_treated: treated ones stay.
    touched : pandas.Series
        See `touched_councils`.
    """
    compares = set(table.index[~table["is_treated"]])
    for name in plan.spillovers:
        reached = touched[touched.str.split("; ").map(lambda names, name=name: name in names)]
        reached = reached[reached.index.isin(list(compares))]
        step = f"Spillovers: {REASONS[name]}"
        flow.drop_councils(step, reached.map(lambda _, name=name: REASONS[name]))
