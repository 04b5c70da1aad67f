"""The headline beside the other estimators of the plan, and whether they point the same way."""

from __future__ import annotations

import numpy as np
import pandas as pd

from evallib.plan import Plan
from evallib.report.notes import NoteBook
from evallib.report.sections import Section
from evallib.report.tables import Table
from evallib.report.views.choosing import interval_text
from evallib.report.views.naming import ESTIMATOR_WORDS, INTERVAL_SHORT
from evallib.report.views.saved import COUNTED, Results, saved_table, unit_of

_FIRST_TERMS = ("overall", "att")
DECIMALS = 3


def other_estimators(plan: Plan, results: Results) -> Section:
    """Show the primary outcomes' headline beside every other estimator, under the plan's rule.

    Parameters
    ----------
    plan : Plan
        The evaluation.
    results : Results
        What the notebooks of the run saved.

    Returns
    -------
    Section
        A sentence that names the outcomes whose estimators differ in sign, and the table.
    """
    verdicts = saved_table(results, "verdicts")
    primary = verdicts[verdicts["role"] == "primary"].set_index("outcome")
    rows = results.estimates
    rows = rows[
        rows["outcome"].isin(primary.index)
        & rows["term"].isin(_FIRST_TERMS)
        & (rows["no_record"] == plan.no_record)
    ].drop_duplicates(["outcome", "estimator"])
    estimands = _estimands(results.facts, plan)
    table = _estimators_table(rows, primary, plan, estimands)
    return Section("", (_agreement(rows, primary, plan),), pieces=(table,))


def _estimands(facts: pd.DataFrame, plan: Plan) -> dict[tuple[str, str], str]:
    """Return what each outcome's estimators estimate under the plan's rule, in a sentence."""
    if facts.empty:
        return {}
    own = facts[facts["no_record"] == plan.no_record]
    # The effect notebook's stands first; others estimate subgroups by the same estimator.
    own = own.drop_duplicates(["outcome", "estimator"])
    keys = zip(own["outcome"], own["estimator"], strict=True)
    return dict(zip(keys, own["estimand"].astype(str), strict=True))


def _agreement(rows: pd.DataFrame, primary: pd.DataFrame, plan: Plan) -> str:
    """Return which outcomes' estimators differ in sign from the headline, in a sentence."""
    is_headline = rows["estimator"] == plan.headline.estimator
    headline = rows[is_headline].set_index("outcome")["estimate"]
    others = rows[~is_headline]
    signs = np.sign(others["estimate"]) != np.sign(others["outcome"].map(headline))
    known = others["outcome"].isin(headline.index)
    split = list(dict.fromkeys(others.loc[signs & known, "outcome"]))
    if others.empty:
        return "The plan asks for no other estimator."
    if not split:
        return "All estimators of an outcome have the sign of its headline."
    titles = "; ".join(primary["title"].reindex(split))
    return (
        f"At least one other estimator has the opposite sign to the headline for: {titles}. "
        "Estimators weigh cohorts and years in their own ways, and some compare with every year "
        "before the event, others with one: the notes under the table say what each estimates."
    )


def _estimators_table(
    rows: pd.DataFrame,
    primary: pd.DataFrame,
    plan: Plan,
    estimands: dict[tuple[str, str], str],
) -> Table:
    described = primary.to_dict("index")
    notes = NoteBook()
    level = f"{100 * plan.confidence_level:g}"
    notes.mark(
        f"Intervals at {level} per cent, not adjusted for the number "
        "of outcomes: the verdict rests on the headline alone, whose adjusted interval stands "
        "with the verdicts. Which inference rule fired, with its counts, stands under the table "
        f"of each outcome. {COUNTED}"
    )
    told = [estimands.get(key, "") for key in zip(rows["outcome"], rows["estimator"], strict=True)]
    frame = pd.DataFrame(
        {
            "outcome": rows["outcome"].map(primary["title"]),
            "estimator": rows["estimator"].map(lambda name: ESTIMATOR_WORDS.get(name, name)),
            "unit": [unit_of(described[name]) for name in rows["outcome"]],
            "estimate": rows["estimate"],
            "bounds": [
                interval_text(low, high, DECIMALS)
                for low, high in zip(rows["conf_low"], rows["conf_high"], strict=True)
            ],
            "p_value": rows["p_value"],
            "councils": rows["n_units"],
            "treated": rows["n_treated_units"],
            "council_years": rows["n_obs"],
            "estimand": [notes.mark(text) if text else "not recorded" for text in told],
            "interval": rows["inference"].map(lambda name: INTERVAL_SHORT.get(name, name)),
        }
    )
    shared = str(frame["unit"].iloc[0]) if frame["unit"].nunique() == 1 else ""
    frame = frame.drop(columns="unit") if shared else frame
    return Table(
        frame.reset_index(drop=True),
        "Primary outcomes: every estimator of the plan "
        f"({f'{shared}, ' if shared else ''}{level}% intervals) [note 1]",
        notes=notes.texts,
        decimals=DECIMALS,
        labels={
            "bounds": f"{level}% interval",
            "treated": "Treated councils",
            "council_years": "Council-years",
            "estimand": "What it estimates",
            "interval": "Interval by",
        },
        slug="estimators",
    )
