"""The warnings that estimators raised, those alike but for their figures told once."""

from __future__ import annotations

import re

import pandas as pd

from evallib.estimate import Estimates
from evallib.report.formats import format_count
from evallib.report.tables import Table
from evallib.report.views.naming import ESTIMATOR_WORDS

LONGEST = 200  # characters of a warning that stands elsewhere too
_FIGURE = re.compile(r"(?<![\w.])(-?\d+(?:\.\d+)?)(?![\w.]*\d)")


def warnings_table(estimates: Estimates) -> Table:
    """Return every warning that an estimator raised, with how often.

    Warnings that differ in their figures alone are one row with the range of each figure. What
    stands in full under the estimates of an outcome, as the thin-design rule does, is named only.
    """
    found: dict[tuple[str, str], list[str]] = {}
    for item in estimates:
        told = f"{item.se_method} {item.interval_method}"
        for text in item.warnings:
            short = f"{text.partition(':')[0]}: see the notes on the outcome's estimates"
            said = short if len(text) > LONGEST and ":" in text and text in told else text
            found.setdefault((item.estimator, _FIGURE.sub("#", said)), []).append(said)
    rows = [
        {
            "estimator": ESTIMATOR_WORDS.get(estimator, estimator),
            "warning": _together(texts),
            "times": len(texts),
        }
        for (estimator, _), texts in sorted(found.items(), key=lambda one: -len(one[1]))
    ]
    frame = pd.DataFrame(rows or [{"estimator": "all", "warning": "none was raised", "times": 0}])
    total = format_count(sum(map(len, found.values())), "warning")
    return Table(
        frame,
        f"Warnings that the estimators raised ({total})",
        notes=("Warnings that differ in their figures alone are one row, with ranges.",),
        labels={"times": "Times"},
        slug="warnings",
    )


def _together(texts: list[str]) -> str:
    """Return one text for those that differ in their figures alone, with the range of each.

    Examples
    --------
    >>> _together(["8 units miss 2 periods", "1 units miss 2 periods", "4 units miss 2 periods"])
    '1 to 8 units miss 2 periods'
    """
    parts = [_FIGURE.split(text) for text in texts]  # words and figures take turns
    whole = []
    for place, column in enumerate(zip(*parts, strict=True)):
        ends = sorted(set(column), key=float) if place % 2 else [column[0]]
        whole.append(ends[0] if len(ends) == 1 else f"{ends[0]} to {ends[-1]}")
    return "".join(whole)
