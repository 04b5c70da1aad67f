"""Covariates of a plan beside an outcome's rows: a value a council and year, or a stop."""

from __future__ import annotations

import pandas as pd

from evallib.design.flow import SampleFlow
from evallib.errors import DesignError, Fault, first_five
from evallib.panel.build import Panel
from evallib.panel.covariates import COUNCIL_COVARIATES
from evallib.panel.plan_labels import plan_label
from evallib.plan import Plan
from evallib.plan.years import format_financial_year


def add_covariates(plan: Plan, panel: Panel, flow: SampleFlow, outcome: str) -> None:
    """Put the plan's covariates beside a sample's rows; rows without one go where the plan says so.

    A fixed characteristic has the same value in every year of a council, an indicator that of the
    row's financial year. Rows that go are counted in the sample flow.

    Parameters
    ----------
    plan : Plan
        The evaluation.
    panel : Panel
        Its panel.
    flow : SampleFlow
        The sample; its rows get a column a covariate.
    outcome : str
        The outcome's name, for messages.

    Raises
    ------
    DesignError
        For each covariate with ``missing: stop`` that some council-years lack.
    """
    faults: list[Fault] = []
    for number, covariate in enumerate(plan.covariates):
        name = covariate.name
        values = covariate_values(panel, name, flow.rows)
        flow.rows = flow.rows.assign(**{name: values})
        lacks = flow.rows[name].isna()
        if covariate.missing == "drop":
            why = f"{name} is not known" if lacks.any() else "none"
            flow.drop_rows(f"Council-years without the covariate {name}", lacks, why)
        elif lacks.any():
            where = f"{plan_label(plan)}, covariates[{number}]"
            faults.append(_fault(where, outcome, name, flow.rows[lacks], panel))
    if faults:
        raise DesignError(faults)


def covariate_values(panel: Panel, name: str, rows: pd.DataFrame) -> pd.Series:
    """Return a covariate's value for each row, missing where the tables say nothing."""
    if name in COUNCIL_COVARIATES:
        fixed = panel.covariates.set_index("council_code")[name].astype(float)
        return rows["council_code"].map(fixed)
    figures = panel.figures[panel.figures["indicator"] == name]
    keyed = figures.set_index(["council_code", "period"])["value"].astype(float)
    wanted = pd.MultiIndex.from_frame(rows[["council_code", "period"]])
    return pd.Series(keyed.reindex(wanted).to_numpy(), index=rows.index)


def _fault(where: str, outcome: str, name: str, rows: pd.DataFrame, panel: Panel) -> Fault:
    """Return which councils lack a covariate in which years."""
    names = panel.store.councils.set_index("council_code")["council_name"].to_dict()
    shown = []
    for code, years in rows.groupby("council_code")["period"]:
        labels = [format_financial_year(int(year)) for year in sorted(years)]
        span = labels[0] if len(labels) == 1 else f"{labels[0]} to {labels[-1]}"
        shown.append(f"{names.get(code, code)} ({span})")
    return Fault(
        where,
        f"{name} is missing in {len(rows):,} council-years of {len(shown)} councils of outcome "
        f"{outcome}: {first_five(shown)}",
        "Nothing can be adjusted for a value that is not known",
        f"Write missing: drop to leave these council-years out, give years that {name} covers, or "
        "take the covariate out",
    )
