"""Why a design cannot be estimated, told before anything is fitted."""

from __future__ import annotations

from evallib.design.build import Sample
from evallib.errors import Fault
from evallib.panel.plan_faults import plan_label
from evallib.plan import Plan


def impossible(plan: Plan, sample: Sample, name: str, periods: int) -> list[Fault]:
    """Return why no estimate is possible, if so."""
    where = f"{plan_label(plan)}, outcome {name}"
    faults = []
    before, after = plan.event_window
    if after - before + 1 > periods:
        faults.append(
            Fault(
                f"{plan_label(plan)}, event_window, outcome {name}",
                f"the window {before} to {after} spans {after - before + 1} periods and the panel "
                f"has {periods}",
                "No council can be seen through the whole window",
                "Shorten event_window or give the outcome more years",
            )
        )
    treated = int(sample.councils["is_treated"].sum())
    span = f"{plan.known_from} to {plan.last_event_year}"
    if treated == 0:
        faults.append(
            Fault(
                where,
                f"no treated council is left: none of the {len(sample.councils)} councils has a "
                f"dated first event in {span} with a figure before and after it",
                "There is nobody whose change could be estimated",
                "Look at the sample flow (`evallib council CODE` shows what the tables hold), or "
                "widen known_from, last_event_year, kinds, date_precision or the years",
            )
        )
    elif treated == len(sample.councils) and not _compares_within(plan, sample):
        faults.append(
            Fault(
                where,
                "no comparison council is left",
                "A change over time alone is a trend, not an effect",
                "Use no_record: assume_not_exposed or comparison: not_yet_treated",
            )
        )
    return faults


def _compares_within(plan: Plan, sample: Sample) -> bool:
    """Return whether treated councils can serve as controls before their own event."""
    cohorts = sample.councils.loc[sample.councils["is_treated"], "cohort"]
    return plan.comparison == "not_yet_treated" and len(cohorts.unique()) > 1
