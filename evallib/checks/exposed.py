"""How many councils were exposed, when, and what came before: counts by sample and by year."""

from __future__ import annotations

import pandas as pd

from evallib.design import Design, Designs
from evallib.exposure import Exposure
from evallib.exposure.events import is_dated
from evallib.panel import Panel
from evallib.panel.ladders import studied_kinds
from evallib.plan import Plan
from evallib.plan.years import format_financial_year, parse_financial_year

STATUSES = ("in_window", "later", "none_by_date", "no_record", "exposed_date_unknown")
EXPOSURES = ("exposed", "not_exposed", "no_record", "exposed_date_unknown")
WHOLE, IN_OFFICE = "All councils of the panel", "of them still in office"
_EARLY_STEPS = (
    "Council types of the plan",
    "Regions of the plan",
    "Councils that the plan excludes",
    "Touched by reorganisation",
)


def exposure_samples(panel: Panel, exposure: Exposure, designs: Designs) -> dict[str, pd.DataFrame]:
    """Return the councils of exposure for the panel, for those in office, and by outcome.

    Parameters
    ----------
    panel : Panel
        The panel.
    exposure : Exposure
        Its exposure.
    designs : Designs
        Its designs: the councils of an outcome are those left once the plan's types, regions and
        exclusions and reorganisation have been dealt with, before any step that looks at exposure.

    Returns
    -------
    dict of str to pandas.DataFrame
        Rows of `Exposure.councils` by the name of the sample.
    """
    councils = exposure.councils
    gone = panel.store.councils.set_index("council_code")["valid_to"]
    parts = {WHOLE: councils, IN_OFFICE: councils[councils["council_code"].map(gone) == ""]}
    for design in designs:
        parts[design.title] = councils[councils["council_code"].isin(_before_exposure(design))]
    return parts


def _before_exposure(design: Design) -> set[str]:
    """Return the councils of a design before the steps that look at exposure."""
    late = design.dropped[~design.dropped["step"].isin(_EARLY_STEPS)]
    return set(design.councils["council_code"]) | set(late["council_code"])


def count_statuses(samples: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Count councils by what is known of their exposure: sample, councils, a column a status."""
    return pd.DataFrame(
        [
            {
                "sample": name,
                "councils": len(rows),
                **{key: int((rows["status"] == key).sum()) for key in STATUSES},
            }
            for name, rows in samples.items()
        ]
    )


def count_first_events(plan: Plan, samples: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Count studied first events: sample, a column a financial year, all_years."""
    first = parse_financial_year(plan.known_from)
    last = parse_financial_year(plan.last_event_year)
    years = [format_financial_year(year) for year in range(first, last + 1)]
    table = []
    for name, rows in samples.items():
        studied = rows.loc[rows["status"] == "in_window", "event_year"]
        counts = studied.value_counts()
        by_year = {year: int(counts.get(year, 0)) for year in years}
        table.append({"sample": name, **by_year, "all_years": len(studied)})
    return pd.DataFrame(table)


def count_exposure_by_year(panel: Panel, exposure: Exposure) -> pd.DataFrame:
    """Count the councils in office on 31 March of each financial year by their exposure.

    Parameters
    ----------
    panel : Panel
        The panel.
    exposure : Exposure
        Its exposure.

    Returns
    -------
    pandas.DataFrame
        fin_year, councils and a column for each of `EXPOSURES`.
    """
    councils = panel.store.councils.set_index("council_code")
    rows = exposure.frame
    days = pd.to_datetime((rows["fin_year"].map(parse_financial_year) + 1).astype(str) + "-03-31")
    opened = pd.to_datetime(rows["council_code"].map(councils["valid_from"]), errors="coerce")
    closed = pd.to_datetime(rows["council_code"].map(councils["valid_to"]), errors="coerce")
    rows = rows[~(opened > days) & ~(closed < days)]
    counts = rows.groupby(["fin_year", "exposure"]).size().unstack(fill_value=0)
    counts = counts.reindex(columns=list(EXPOSURES), fill_value=0)
    counts.insert(0, "councils", counts.sum(axis=1))
    return counts.reset_index().rename_axis(columns=None)


def count_earlier_events(
    plan: Plan, exposure: Exposure, samples: dict[str, pd.DataFrame]
) -> pd.DataFrame:
    """Count the studied first events before which the register holds an earlier one.

    Parameters
    ----------
    plan : Plan
        The evaluation.
    exposure : Exposure
        Its exposure.
    samples : dict of str to pandas.DataFrame
        Of `exposure_samples`.

    Returns
    -------
    pandas.DataFrame
        sample, first_events, dated and undated (an earlier event is on record, dated as the plan
        asks or not), without_earlier, share_without (per cent).
    """
    events = pd.concat([exposure.events, exposure.passed_on], ignore_index=True)
    events = events[events["kind"].isin(studied_kinds(plan))]
    before = events["event_date"] < pd.Timestamp(parse_financial_year(plan.known_from), 4, 1)
    dated = events[before & is_dated(events, plan.date_precision, plan.min_confidence)]
    table = []
    for name, sample in samples.items():
        studied = sample[sample["status"] == "in_window"]
        earlier = int(studied["earlier_event"].notna().sum())
        sure = int(studied["council_code"].isin(dated["council_code"]).sum())
        none = len(studied) - earlier
        table.append(
            {
                "sample": name,
                "first_events": len(studied),
                "dated": sure,
                "undated": earlier - sure,
                "without_earlier": none,
                "share_without": 100 * none / len(studied) if len(studied) else float("nan"),
            }
        )
    return pd.DataFrame(table)
