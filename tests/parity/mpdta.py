"""Callaway and Sant'Anna's minimum wages: 32 runs of R's did."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from evallib.estimate import Estimate, fit
from parity.rows import Row, number

COMPARISON = {"nevertreated": "never_treated", "notyettreated": "not_yet_treated"}
PLAIN, CONDITIONAL = 1e-8, 1e-5
# did 2.1.2 built the term for estimated cohort shares from the wrong cohorts; 2.5.1 does not.
OLD_GROUP = 6e-5
SOURCE = "R did 2.1.2, analytic standard errors"
GROUP_SOURCE = f"{SOURCE}; its cohort-share term has a slip that 2.5.1 mends (5.6e-5)"


def rows(folder: Path, reference: Mapping[str, Any]) -> Iterator[Row]:
    """Yield every cell and aggregation of every run."""
    frame = pd.read_csv(folder / "mpdta.csv")
    for key, expected in reference["r_did_2.1.2.json"]["results"].items():
        yield from _run(key, fit_run(frame, key), expected)


def fit_run(frame: pd.DataFrame, key: str) -> Estimate:
    """Fit the run that a key such as ``lpop|dr|nevertreated|varying|ant0`` names."""
    covariate, method, comparison, base, anticipation = key.split("|")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return fit(
            "group_time",
            frame,
            outcome="lemp",
            unit="countyreal",
            time="year",
            cohort="first.treat",
            covariates=[] if covariate == "none" else [covariate],
            method=method,
            comparison=COMPARISON[comparison],
            base=base,
            anticipation=int(anticipation.removeprefix("ant")),
        )


def _run(key: str, found: Estimate, expected: Mapping[str, Any]) -> Iterator[Row]:
    exact = key.startswith("none") or "|reg|" in key
    tolerance = PLAIN if exact else CONDITIONAL

    def row(quantity: str, ours: float, theirs: object, wide: bool = False) -> Row:
        allowed, source = (OLD_GROUP, GROUP_SOURCE) if wide else (tolerance, SOURCE)
        name = f"{key} {quantity}"
        return Row("mpdta", "group_time", name, ours, number(theirs), allowed, source, wide)

    cells = found.tidy().set_index("term")
    for cell in expected["attgt"]:
        name = f"group={cell['group']},time={cell['time']}"
        yield row(f"{name} att", cells.loc[name, "estimate"], cell["att"])
        yield row(f"{name} se", cells.loc[name, "std_error"], cell["se"])
    for kind in ("simple", "dynamic", "group", "calendar"):
        yield from _aggregation(row, kind, found.aggregate(kind), expected[kind])
    joint = found.joint_test(before=0)
    yield row("pre-trends statistic", joint.statistic, expected["wald"]["W"][0][0])
    printed = number(expected["wald"]["Wpval"][0][0])
    source = f"{SOURCE}; printed to five digits"
    name = f"{key} pre-trends p"
    yield Row("mpdta", "group_time", name, joint.p_value, printed, 5e-6, source)
    balanced = found.aggregate("dynamic", balance=1)
    yield from _aggregation(row, "dynamic balance=1", balanced, expected["dynamic_balance_e1"])


def _aggregation(
    row: Any, kind: str, found: Estimate, expected: Mapping[str, Any]
) -> Iterator[Row]:
    table = found.tidy()
    yield row(f"{kind} overall att", table["estimate"][0], expected["overall_att"])
    yield row(f"{kind} overall se", table["std_error"][0], expected["overall_se"], kind == "group")
    for ours, part in zip(table.iloc[1:].itertuples(), expected.get("egt", []), strict=True):
        yield row(f"{kind} {ours.term} att", ours.estimate, part["att"])
        yield row(f"{kind} {ours.term} se", ours.std_error, part["se"])
