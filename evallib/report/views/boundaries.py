"""What the quality notebook shows of the councils: reorganisation and fixed characteristics."""

from __future__ import annotations

import re

import pandas as pd

from evallib.design import Designs
from evallib.design.outcomes import outcome_figures
from evallib.panel import Panel
from evallib.panel.covariates import DEPRIVATION_NOTE
from evallib.plan import Plan
from evallib.report.tables import Table

_REORGANISED = "Touched by reorganisation"
_CAME, _WENT = "came_into_being", "abolished"
_MIXED, _ALL_RECAST = "series_mixed", "only_recast"


def reorganisation(plan: Plan, panel: Panel, designs: Designs) -> Table:
    """Count figures recast on later boundaries, and councils touched by reorganisation.

    Parameters
    ----------
    plan : Plan
        The evaluation.
    panel : Panel
        Its panel.
    designs : Designs
        Its designs, which drop the councils that are touched.

    Returns
    -------
    Table
        A row an outcome.
    """
    rows = []
    for outcome, design in zip(plan.outcomes, designs, strict=True):
        figures = outcome_figures(plan, panel, outcome).rows
        recast = figures[figures["is_recast"]]
        gone = design.dropped[design.dropped["step"] == _REORGANISED]
        kinds = gone["reason"].map(_touch).value_counts()
        rows.append(
            {
                "outcome": design.title,
                "figures": len(figures),
                "recast_figures": len(recast),
                "recast_councils": int(recast["council_code"].nunique()),
                **{kind: int(kinds.get(kind, 0)) for kind in (_CAME, _WENT, _MIXED, _ALL_RECAST)},
                "touched": len(gone),
            }
        )
    return Table(
        pd.DataFrame(rows),
        "Figures recast on other boundaries, and councils that reorganisation touched, by outcome",
        notes=(
            "Recast: the measurement period lies outside the council's dates in office. Such "
            "figures are kept as published and flagged.",
            "Touched within the outcome's years, after the councils that the plan excludes: each "
            "counts once, by the first of these reasons that holds. Touched councils are left "
            "out of the design.",
        ),
        slug="reorganisation",
        labels={
            "figures": "Council-years with a figure",
            "recast_figures": "Recast figures [note 1]",
            "recast_councils": "Councils with recast figures",
            _CAME: "Councils that came into being",
            _WENT: "Councils abolished",
            _MIXED: "Councils whose series mixes real and recast figures",
            _ALL_RECAST: "Councils with recast figures only",
            "touched": "Councils touched [note 2]",
        },
    )


def _touch(reason: str) -> str:
    """Return the column that counts a reason of `reorganised_councils`."""
    if re.match("came into being", reason):
        return _CAME
    if re.match("abolished", reason):
        return _WENT
    return _ALL_RECAST if "all figures are recast" in reason else _MIXED


def covariates_known(panel: Panel) -> Table:
    """Count the councils of the panel whose fixed characteristics are known.

    Parameters
    ----------
    panel : Panel
        The panel.

    Returns
    -------
    Table
        A row a characteristic.
    """
    named = (
        ("imd_average_score", "Deprivation", "average score, higher is more deprived"),
        ("share_population_rural", "Rural population", "share from 0 to 1"),
        ("population_count", "Population", "persons"),
    )
    whole = panel.store.councils.set_index("council_code")["valid_to"]
    codes = panel.frame["council_code"].unique()
    table = panel.covariates.set_index("council_code").reindex(codes)
    gone = whole.reindex(codes) != ""
    rows = [
        {
            "characteristic": words,
            "unit": unit,
            "known": int(table[column].notna().sum()),
            "unknown_abolished": int((table[column].isna() & gone).sum()),
            "unknown_in_office": int((table[column].isna() & ~gone).sum()),
        }
        for column, words, unit in named
    ]
    return Table(
        pd.DataFrame(rows),
        "Councils of the panel by whether their fixed characteristics are known",
        notes=(
            DEPRIVATION_NOTE,
            "Population is on the boundaries of 2023: councils abolished by then have none. The "
            "rural share rests on a composite by mySociety, not on the official classification.",
        ),
        slug="characteristics",
        labels={
            "known": "Councils with a figure",
            "unknown_abolished": "Without: abolished since",
            "unknown_in_office": "Without: still in office",
        },
    )
