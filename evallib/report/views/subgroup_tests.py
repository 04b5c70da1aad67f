"""The joint tests of subgroups: in a sentence, by outcome, by characteristic, one by one."""

from __future__ import annotations

import pandas as pd

from evallib.inference.by_characteristic import (
    CANNOT_TEST,
    DIFFER,
    NO_SIZEABLE,
    ByCharacteristic,
    Heterogeneity,
)
from evallib.report.formats import format_count, format_p_value
from evallib.report.tables import Table
from evallib.report.views.naming import type_words
from evallib.report.views.saved import count_word, held_by

WHOM = {"same": "councils of the same subgroup", "all": "all comparison councils"}
ALPHA = 0.05


def finding(tests: pd.DataFrame) -> str:
    """Return what the planned joint tests of primary outcomes say, or that there are none."""
    planned = tests[tests["is_planned"] & (tests["role"] == "primary")]
    others = len(tests) - len(planned)
    rest = "other is" if others == 1 else "others are"
    more = f" {count_word(others).capitalize()} {rest} exploratory." if others else ""
    made = planned[planned["answer"] != CANNOT_TEST]
    lost = len(planned) - len(made)
    if made.empty:
        return f"No planned joint test of a primary outcome could be made.{more}"
    head = (
        f"Do effects differ between councils? {count_word(len(made)).capitalize()} planned joint "
        f"{'test' if len(made) == 1 else 'tests'} of primary outcomes could be made"
        + (f", {count_word(lost)} could not" if lost else "")
        + "."
    )
    smallest = float(made["holm_p_value"].min())
    p_value = format_p_value(smallest)
    below = int((made["p_value"] < ALPHA).sum())
    unadjusted = (
        f" Before adjustment {_below(below, len(made))} below {ALPHA:g}; chance alone would "
        f"give about {ALPHA * len(made):.1f} if effects were alike."
    )
    differ = int((made["answer"] == DIFFER).sum())
    if differ:
        return (
            f"{head} {count_word(differ).capitalize()} "
            f"{'says' if differ == 1 else 'say'} that they do, after Holm's adjustment for all of "
            f"them (smallest adjusted p-value {p_value}).{unadjusted}{more}"
        )
    tell = int((made["answer"] == NO_SIZEABLE).sum())
    where = (
        "" if not tell else f" In {count_word(tell)} every difference is smaller than would matter."
    )
    return (
        f"{head} None rejects equal effects after Holm's adjustment for all of them (smallest "
        f"adjusted p-value {p_value}): we cannot tell whether effects differ, which is not to "
        f"say that they are the same.{unadjusted}{where}{more}"
    )


def _below(count: int, total: int) -> str:
    if total == 1:
        return "it is" if count else "it is not"
    return f"{held_by(count, total)} {'is' if count == 1 else 'are'}"


def outcomes_table(found: Heterogeneity, tests: pd.DataFrame) -> Table:
    """Return a row an outcome: how many joint tests there are and what the strongest says."""
    titles = {item.outcome: item.title for item in found}
    names = {item.characteristic.name: item.characteristic.title for item in found}
    rows = []
    for outcome, mine in tests.groupby("outcome", sort=False):
        made = mine.dropna(subset=["p_value"])
        least = made.iloc[int(made["p_value"].to_numpy().argmin())] if len(made) else None
        rows.append(
            {
                "outcome": titles[str(outcome)],
                "made": len(made),
                "lost": len(mine) - len(made),
                "below": int((made["p_value"] < ALPHA).sum()),
                "least": "none made" if least is None else names[str(least["characteristic"])],
                "p_value": None if least is None else least["p_value"],
                "holm_p_value": None if least is None else least["holm_p_value"],
            }
        )
    return Table(
        pd.DataFrame(rows),
        "Joint tests by outcome: are the effects on all subgroups equal?",
        notes=(
            "Adjusted p-values (Holm) are over the planned tests of primary outcomes, or over all "
            "other tests.",
        ),
        decimals=3,
        labels={
            "made": "Tests made",
            "lost": "Not made",
            "below": f"Below {ALPHA:g}, unadjusted",
            "least": "Smallest for",
            "p_value": "Its p-value",
            "holm_p_value": "Adjusted",
        },
        slug="heterogeneity-outcomes",
    )


def characteristics_table(found: Heterogeneity) -> Table:
    """Return a row a characteristic: planned or not, compared with whom, and how it is told."""
    items = {item.characteristic.name: item for item in found}
    texts: dict[str, dict[str, None]] = {name: {} for name in items}
    for item in found:
        texts[item.characteristic.name][item.characteristic.note] = None
    rows = [
        {
            "characteristic": item.characteristic.title,
            "planned": "planned" if item.is_planned else "exploratory",
            "compared": WHOM[item.comparators],
            "how": " For other outcomes: ".join(texts[name]),
        }
        for name, item in items.items()
    ]
    return Table(
        pd.DataFrame(rows),
        "Characteristics that tell councils apart",
        labels={
            "planned": "Planned or exploratory",
            "compared": "Compared with",
            "how": "How subgroups are formed",
        },
        slug="heterogeneity-characteristics",
    )


def tests_table(items: list[ByCharacteristic], tests: pd.DataFrame) -> Table:
    """Return the joint tests of one outcome, a row a characteristic."""
    rows = []
    for item, test in zip(items, tests.to_dict("records"), strict=True):
        lost = int(test["n_without_subgroup"])
        left = [str(test["not_estimated"])] if test["not_estimated"] else []
        left += [f"{format_count(lost, 'treated council')} in no subgroup"] if lost else []
        rows.append(
            {
                "characteristic": item.characteristic.title,
                "n_subgroups": int(test["n_subgroups"]),
                "n_treated_units": int(test["n_treated_units"]),
                "p_value": test["p_value"],
                "holm_p_value": test["holm_p_value"],
                "answer": type_words(str(test["reason"] or test["answer"])),
                "left_out": type_words("; ".join(left) or "none"),
            }
        )
    return Table(
        pd.DataFrame(rows),
        f"{items[0].title}: joint tests that the effects on all subgroups are equal",
        notes=(
            "'Cannot tell' where the test does not reject and the interval of some difference "
            "reaches the change that would matter. Not estimated: subgroups with fewer than five "
            "treated or five comparison councils.",
        ),
        decimals=3,
        labels={
            "n_subgroups": "Subgroups",
            "holm_p_value": "Adjusted p-value",
            "left_out": "Not estimated",
        },
        slug=f"heterogeneity-tests-{items[0].outcome}",
    )
