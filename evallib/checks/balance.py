"""Balance: were treated and comparison councils alike before exposure."""

from __future__ import annotations

import numpy as np
import pandas as pd

from evallib.checks.base import CheckResult
from evallib.design import Design

LARGE = 0.25
YEARS = 3


def check_balance(design: Design) -> CheckResult:
    """Compare treated and comparison councils before exposure.

    The level of the outcome is its mean over the three periods up to the earliest base period,
    its trend the least-squares slope over all periods up to then.

    Parameters
    ----------
    design : Design
        The design.

    Returns
    -------
    CheckResult
        ``concern`` when a standardised difference (difference of means over the pooled standard
        deviation) is above 0.25 in size. The table has characteristic, treated, comparison,
        standardised_difference, treated_councils, comparison_councils.

    References
    ----------
    Imbens and Rubin (2015), Causal Inference, chapter 14. doi:10.1017/CBO9781139025751
    """
    treated = design.councils.set_index("council_code")["is_treated"]
    rows = []
    for name, known in characteristics_before(design).items():
        one, other = known[treated].dropna(), known[~treated].dropna()
        if len(one) < 2 or len(other) < 2:
            continue
        spread = np.sqrt((one.var() + other.var()) / 2)
        gap = (one.mean() - other.mean()) / spread if spread > 0 else 0.0
        rows.append((name, one.mean(), other.mean(), gap, len(one), len(other)))
    table = pd.DataFrame(
        rows,
        columns=[
            "characteristic",
            "treated",
            "comparison",
            "standardised_difference",
            "treated_councils",
            "comparison_councils",
        ],
    )
    if table.empty:
        return CheckResult(
            "balance before exposure",
            design.outcome,
            design.no_record,
            "not applicable",
            "No characteristic is known for two councils of each arm before exposure",
            table,
        )
    apart = table[table["standardised_difference"].abs() > LARGE]
    if len(apart):
        listed = ", ".join(str(name).split(" (")[0] for name in apart["characteristic"])
        sentence = (
            f"Treated and comparison councils differ by more than {LARGE} standard deviations in "
            f"{listed}: councils that differ may also have changed differently without the event"
        )
        return CheckResult(
            "balance before exposure", design.outcome, design.no_record, "concern", sentence, table
        )
    sentence = f"No characteristic differs by more than {LARGE} standard deviations"
    return CheckResult(
        "balance before exposure", design.outcome, design.no_record, "pass", sentence, table
    )


def characteristics_before(design: Design) -> dict[str, pd.Series]:
    """Return what is compared before exposure: a value a council, by what it is in words."""
    councils = design.councils.set_index("council_code")
    base = councils.loc[councils["is_treated"], "cohort"].min() - 1 - design.anticipation
    before = design.full[design.full["period"] <= base]
    measures: dict[str, pd.Series] = {}
    recent = before[before["period"] > base - YEARS]
    measures[f"level of the outcome, {YEARS} years before ({design.unit})"] = recent.groupby(
        "council_code"
    )["value"].mean()
    if before["period"].max() > before["period"].min():
        measures[f"trend of the outcome before ({design.unit} a year)"] = _slopes(before)
    measures["deprivation (IMD average score, higher is more deprived)"] = councils[
        "imd_average_score"
    ]
    measures["share of residents in rural areas (per cent)"] = (
        100 * councils["share_population_rural"]
    )
    measures["residents (thousands)"] = councils["population_count"] / 1000
    return {name: values.reindex(councils.index) for name, values in measures.items()}


def _slopes(rows: pd.DataFrame) -> pd.Series:
    """Return each council's least-squares slope on the period; missing with a single period."""
    means = rows.groupby("council_code")[["period", "value"]].transform("mean")
    time, value = rows["period"] - means["period"], rows["value"] - means["value"]
    sums = (
        pd.DataFrame({"above": time * value, "below": time**2})
        .groupby(rows["council_code"])[["above", "below"]]
        .sum()
    )
    slopes: pd.Series = sums["above"] / sums["below"].where(sums["below"] > 0)
    return slopes
