"""Trials of the order of gaps: what the estimator itself says once councils are looked up.

The order is worked out from the design; here the group-time estimator is run on the real figures,
so that the judge is not the rule that made the order. Run as a script it prints the figures that
docs/registers.md quotes.
"""

from __future__ import annotations

import sys
import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd

import evallib as ev
from evallib.checks.knowing import draw_answers, everyone, outcomes_to_judge, value_of_knowing
from evallib.design import Design
from evallib.exposure import Exposure
from evallib.exposure.gaps import Gaps, find_gaps
from evallib.panel import Panel
from evallib.plan import Plan
from evallib.plan.years import parse_financial_year


@dataclass(frozen=True)
class Case:
    """A plan with its gaps, and the designs in which every council takes part."""

    plan: Plan
    panel: Panel
    exposure: Exposure
    gaps: Gaps
    designs: dict[str, Design]

    @classmethod
    def named(cls, name: str, *overrides: str) -> Case:
        plan = ev.load_plan(name, overrides)
        panel = ev.build_panel(plan)
        exposure = ev.build_exposure(plan, panel)
        gaps = find_gaps(plan, panel, exposure)
        built = {n: everyone(plan, panel, exposure, n) for n in outcomes_to_judge(plan)}
        return cls(plan, panel, exposure, gaps, {n: d for n, d in built.items() if d is not None})

    def order(self, seed: int = 1) -> np.ndarray:
        worth = value_of_knowing(
            self.plan, self.panel, self.exposure, self.gaps, np.random.default_rng(seed)
        )
        return np.argsort(-worth.narrows, kind="stable")

    def standard_error(self, outcome: str, answers: np.ndarray, chosen: np.ndarray) -> float:
        """Return the estimator's own standard error with some gaps filled by drawn answers."""
        design, rule = self.designs[outcome], self.panel.catalogue.rule(outcome)
        codes = self.gaps.frame["council_code"]
        learnt = {}
        for at in chosen:
            if answers[at] == -1:
                learnt[codes[at]] = (np.nan, False)
            elif answers[at] >= 0:
                day = self.gaps.months[answers[at]].start_time
                cohort = day.year - (day.month < rule.month) - rule.offset + 1
                last = parse_financial_year(self.plan.last_event_year) + 1
                learnt[codes[at]] = (float(cohort), day < pd.Timestamp(last, 4, 1))
        councils = design.councils
        councils = councils[
            ~councils["council_code"].isin(codes) | councils["council_code"].isin(list(learnt))
        ]
        as_now = zip(councils["cohort"], councils["is_treated"], strict=True)
        arms = [
            learnt.get(code, now)
            for code, now in zip(councils["council_code"], as_now, strict=True)
        ]
        table = councils[["council_code", "cluster"]].assign(
            cohort=[float(cohort) for cohort, _ in arms], treated=[bool(arm) for _, arm in arms]
        )
        rows = design.full.merge(table, on="council_code")
        last_period = rows["period"].max()
        rows["treated"] &= rows["cohort"] <= last_period
        late = rows["cohort"].notna() & ~rows["treated"]
        rows = rows[~(late & (rows["period"] >= rows["cohort"] - design.anticipation))]
        rows = rows.assign(cohort=rows["cohort"].where(rows["treated"]))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fitted = ev.fit(
                "group_time",
                rows,
                outcome="value",
                unit="council_code",
                time="period",
                cohort="cohort",
                anticipation=design.anticipation,
                base="universal",
                comparison=design.comparison,
                cluster="cluster",
            )
        return float(fitted.aggregate("group").std_error[0])

    def trial(self, outcome: str, chosen: np.ndarray, draws: np.ndarray) -> float:
        """Return the mean standard error over draws of the answers."""
        return float(np.mean([self.standard_error(outcome, one, chosen) for one in draws]))


def compare(
    case: Case, batch: int, trials: int, outcomes: list[str], seed: int = 5
) -> pd.DataFrame:
    """Return by how many per cent the standard error narrows: the top of the list, and at random.

    Random batches are drawn among the councils that take part in one of the outcomes.
    """
    rng = np.random.default_rng(seed)
    order = case.order()
    answers = draw_answers(case.gaps, trials, rng)
    member = set().union(*(set(d.councils["council_code"]) for d in case.designs.values()))
    pool = np.flatnonzero(case.gaps.frame["council_code"].isin(member))
    batches = [rng.choice(pool, batch, replace=False) for _ in range(trials)]
    rows = []
    for outcome in outcomes:
        before = case.standard_error(outcome, answers[0], np.array([], dtype=int))
        top = case.trial(outcome, order[:batch], answers)
        random = np.mean(
            [
                case.standard_error(outcome, one, some)
                for one, some in zip(answers, batches, strict=True)
            ]
        )
        everything = case.trial(outcome, np.arange(len(order)), answers)
        rows.append((outcome, before, *(100 * (1 - x / before) for x in (top, random, everything))))
    columns = ["outcome", "std_error_now", "top_pct", "random_pct", "all_pct"]
    return pd.DataFrame(rows, columns=columns)


if __name__ == "__main__":
    for name in sys.argv[1:] or ["peer_challenge", "childrens_intervention"]:
        case = Case.named(name)
        table = compare(case, 20, 40, list(case.designs))
        print(name, len(case.gaps.frame), case.gaps.share_held)
        print(table.round(3).to_string())
        print(table[["top_pct", "random_pct", "all_pct"]].mean().round(2).to_dict())
