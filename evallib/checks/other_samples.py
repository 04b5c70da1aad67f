"""The headline on other samples: without concurrent events, without spillovers, a year earlier."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd

from evallib.checks.base import CheckResult, Verdict, not_applicable
from evallib.design import Design
from evallib.design.other import with_anticipation, without_councils
from evallib.design.spillovers import REASONS
from evallib.errors import EstimationError, EvallibWarning
from evallib.estimate import Estimate
from evallib.inference.fitting import fit_design
from evallib.panel.units import effect_unit, write_figure

CHECK = "other samples"
PLANNED, EARLIER = "as planned", "one more year of anticipation"
HALF = 0.5
FEWEST = 5


def check_other_samples(design: Design, headline: Estimate | None) -> CheckResult:
    """Estimate the headline without councils that other things may have reached.

    Without every council that met a concurrent event; without comparison councils that an event in
    another council may have touched, by each relation; and with one more year of anticipation.

    Parameters
    ----------
    design : Design
        The design.
    headline : Estimate, optional
        Its headline estimate.

    Returns
    -------
    CheckResult
        ``concern`` when leaving councils out moves the estimate by more than half of the meaningful
        change; the earlier base is judged by the check of the base year.
        The table has sample, estimate, std_error, conf_low, conf_high (analytic), councils,
        treated_councils, left_out and note (why there is no estimate).
    """
    if headline is None:
        reason = "There is no headline estimate"
        return not_applicable(CHECK, design.outcome, design.no_record, reason)
    rows = [_row(PLANNED, design, headline.estimator, 0)]
    councils = design.councils
    met = councils.loc[councils["concurrent"] != "", "council_code"]
    samples = [("without councils that met a concurrent event", met)]
    related = councils["touched"].str.split("; ")
    for name, words in REASONS.items():
        reached = related.map(lambda names, name=name: name in names) & ~councils["is_treated"]
        samples.append((f"without comparison councils: {words}", councils["council_code"][reached]))
    for label, gone in samples:
        rows.append(
            _row(label, without_councils(design, set(gone)), headline.estimator, len(gone))
            if len(gone)
            else {**rows[0], "sample": label, "note": "no council to leave out"}
        )
    earlier = with_anticipation(design, design.anticipation + 1)
    rows.append(_row(EARLIER, earlier, headline.estimator, 0))
    table = pd.DataFrame(rows)
    return _judge(design, table)


def _row(label: str, design: Design, name: str, gone: int) -> dict[str, object]:
    row: dict[str, object] = {"sample": label, "estimate": np.nan, "std_error": np.nan}
    row |= {"conf_low": np.nan, "conf_high": np.nan, "councils": len(design.councils)}
    row |= {"treated_councils": design.n_treated, "left_out": gone, "note": ""}
    if design.n_treated < FEWEST:
        return {**row, "note": f"{design.n_treated} treated councils are left, too few"}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", EvallibWarning)
            found = fit_design(design, name)
            if found.source is not None:
                found = found.aggregate(design.headline[1])
    except EstimationError as error:
        return {**row, "note": "; ".join(fault.what for fault in error.faults)}
    return {
        **row,
        "estimate": found.point[0],
        "std_error": found.std_error[0],
        "conf_low": found.conf_low[0],
        "conf_high": found.conf_high[0],
        "councils": int(found.term_units[0]),
        "treated_councils": int(found.term_treated_units[0]),
    }


def _judge(design: Design, table: pd.DataFrame) -> CheckResult:
    planned = float(table["estimate"].iloc[0])
    others = table[~table["sample"].isin([PLANNED, EARLIER]) & table["estimate"].notna()]
    moved = (others["estimate"] - planned).abs()
    if moved.empty:
        reason = "The headline could be estimated on no other sample"
        return not_applicable(CHECK, design.outcome, design.no_record, reason)
    furthest = others.iloc[int(moved.to_numpy().argmax())]
    large = others[moved > HALF * design.meaningful_change]
    without = table[table["estimate"].isna()]
    none = "".join(
        f"; {row['sample']}: no estimate ({row['note']})" for _, row in without.iterrows()
    )
    least, most = others["estimate"].min(), others["estimate"].max()
    sentence = (
        "Without councils that other things may have reached the estimate of "
        f"{write_figure(planned)} is {write_figure(least)} to "
        f"{write_figure(most, effect_unit(design.unit))}{none}"
    )
    if not large.empty:
        reached = write_figure(furthest["estimate"])
        sentence += f". It is moved most {furthest['sample']}, to {reached}"
    verdict: Verdict = "pass" if large.empty else "concern"
    return CheckResult(CHECK, design.outcome, design.no_record, verdict, sentence, table)
