"""How robust each answer is: what the other notebooks saved, a short table a primary outcome."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from evallib.checks.audit import CHECK as AUDIT
from evallib.checks.honest import HONEST
from evallib.checks.register import CHECK as REGISTER
from evallib.checks.register import RANDOM, WORST
from evallib.inference.audit import LARGEST_SHARE
from evallib.plan import Plan
from evallib.report.formats import (
    decimals_off_zero,
    format_change,
    format_number,
    format_p_value,
)
from evallib.report.sections import Section, Sections
from evallib.report.tables import Table
from evallib.report.views.choice_words import CHOICE_WORDS, choice_value
from evallib.report.views.honest import RELATIVE
from evallib.report.views.saved import (
    Results,
    check_figures,
    decimals_of,
    find_table,
    held_by,
    primary_rows,
    rows_of,
    unit_of,
)

Row = Mapping[Any, Any]
# What was found, what it says, and whether the answer stands; None where that is no question.
Part = tuple[str, str, bool | None]
ONE_SIGN = 0.95
NOT_MADE = "not worked out in this run"
QUESTIONS = {
    "sign": "All combinations of choices",
    "choice": "The choice that moves the answer most",
    "register": "Events that the register lacks",
    "drift": "Drift after exposure as large as the largest before",
    "alarms": "Placebos drawn at random",
    "selected": "Placebos selected as the exposed councils were",
    "in time": "The exposed councils themselves, three years early",
    "power": "Smallest change found with 80 per cent power",
}
# What is counted over outcomes: part, how many of them.
_TALLY = {
    "sign": f"at least {100 * ONE_SIGN:g} per cent of combinations have one sign for {{}}",
    "register": "events that the register lacks, assigned at random, leave the reading as it is "
    "for {}",
    "drift": "the interval excludes zero with drift as large as before for {}",
    "alarms": "random placebos do not show the inference to be unfit for {}",
    "selection": "selection is ruled out for {}",
}


def robustness_summary(plan: Plan, results: Results) -> Sections:
    """Return what would change each primary answer, from what the notebooks saved.

    Parameters
    ----------
    plan : Plan
        The evaluation.
    results : Results
        What the notebooks of the run saved.

    Returns
    -------
    Sections
        A sentence that counts over the outcomes, then a table an outcome: all combinations of
        choices, the register's range, drift after exposure, the audit's placebos and its power.
        What no notebook saved reads as not worked out.
    """
    tables, held = [], []
    for row in primary_rows(results):
        parts = _parts(results, row)
        held.append({name: holds for name, (_, _, holds) in parts.items()})
        held[-1]["selection"] = _selection(results, row)
        tables.append(_table(row, parts))
    how = (
        f"Intervals in these tables are at {100 * plan.confidence_level:g} per cent, not adjusted "
        "for the number of outcomes. Joint p-values are of the combinations that move with the "
        "permuted dates. The notebooks on robustness and on design and power explain each line."
    )
    return Sections((Section("", (_tally(held), how), pieces=tuple(tables)),))


def _tally(held: list[dict[str, bool | None]]) -> str:
    said: list[str] = []
    noun = "" if len(held) > 1 else "primary outcome"
    for name, words in _TALLY.items():
        known = [stands for one in held if (stands := one[name]) is not None]
        if known:
            said.append(words.format(held_by(sum(known), len(known), noun)))
    if not said:
        return "Nothing of this was worked out in this run."
    if noun:
        return f"{said[0][:1].upper()}{'; '.join(said)[1:]}."
    return f"Of the primary outcomes: {'; '.join(said)}."


def _parts(results: Results, row: Row) -> dict[str, Part]:
    """Return what was found for each question, what it says, and whether the answer stands."""
    unit, digits = unit_of(row), decimals_of(row)
    found: dict[str, Part] = {name: (NOT_MADE, "", None) for name in QUESTIONS}
    curve = rows_of(find_table(results, "specification_curve"), row, any_rule=True)
    tests = rows_of(find_table(results, "specification_tests"), row, any_rule=True)
    if len(curve) and len(tests):
        found["sign"] = _combinations(curve, tests.to_dict("records")[0], row, unit, digits)
        found["choice"] = _choice(results, tests.to_dict("records")[0], row, unit, digits)
    for name, check in (("register", REGISTER), ("drift", HONEST)):
        found[name] = (_why_not(results, check, row), "", None)
    register = check_figures(results, REGISTER, row)
    if len(register) and register["part"].eq(RANDOM).any():
        found["register"] = _register(results, register, row, unit, digits)
    honest = check_figures(results, HONEST, row)
    if len(honest):
        found["drift"] = _drift(honest, unit, digits)
    audit = check_figures(results, AUDIT, row)
    if len(audit):
        found |= _audit(audit.set_index("kind").to_dict("index"), row, unit, digits)
    return found


def _why_not(results: Results, check: str, row: Row) -> str:
    """Return why a check does not apply, or that it was not made."""
    said = rows_of(results.checks[results.checks["check"] == check], row)
    if len(said) and said["verdict"].iloc[0] == "not applicable":
        return str(said["sentence"].iloc[0]).partition(". ")[0]
    return NOT_MADE


def _combinations(curve: pd.DataFrame, test: Row, row: Row, unit: str, digits: int) -> Part:
    effect = curve.loc[curve["reason"] == "", "effect"].dropna()
    low, middle, high = (float(value) for value in effect.quantile([0.05, 0.5, 0.95]))
    what = (
        f"Median {format_change(middle, digits)} {unit}; nine in ten of "
        f"{len(effect):,} estimates from {format_number(low, digits)} to "
        f"{format_number(high, digits)}. {_joint(test, digits)}"
    )
    same = float(((effect > 0) == (row["estimate"] > 0)).mean())
    is_one = max(same, 1 - same) >= ONE_SIGN
    lead = "Nearly all have one sign" if is_one else "Estimates have both signs"
    return what, f"{lead}: {100 * same:.0f} per cent have the headline's", is_one


def _joint(test: Row, digits: int) -> str:
    """Return the p-value of the joint test beside the median that it is of."""
    p_value = float(test["median_effect_p"])
    if not np.isfinite(p_value):
        return "No joint test was made"
    return (
        f"Median {format_change(float(test['median_effect']), digits)} of the "
        f"{int(test['in_joint_test']):,} in the joint test: p-value {format_p_value(p_value)}"
    )


def _choice(results: Results, test: Row, row: Row, unit: str, digits: int) -> Part:
    choices = rows_of(find_table(results, "specification_choices"), row, any_rule=True)
    first = choices[choices["choice"] == test["moves_most"]]
    if first.empty:
        return "none: all estimates are the same", "", None
    moved = first.to_dict("records")[0]
    choice = str(moved["choice"])
    name = CHOICE_WORDS[choice]
    ends = [choice_value(choice, str(moved[end])) for end in ("lowest", "highest")]
    return (
        f"{name[:1].upper()}{name[1:]}: {100 * float(moved['share']):.0f} per cent of the variance",
        f"From '{ends[0]}' to '{ends[1]}' estimates rise by "
        f"{format_number(float(moved['shift']), digits)} {unit} on average",
        None,
    )


def _register(results: Results, table: pd.DataFrame, row: Row, unit: str, digits: int) -> Part:
    part = table.drop_duplicates("part").set_index("part").to_dict("index")
    ends = [
        format_number(float(part[name][end]), digits)
        for name in (RANDOM, WORST)
        for end in ("conf_low", "conf_high")
    ]
    what = (
        f"Assigned at random: mostly {ends[0]} to {ends[1]} {unit}; worst cases {ends[2]} and "
        f"{ends[3]}"
    )
    said = rows_of(results.checks[results.checks["check"] == REGISTER], row)
    reading = str(said["sentence"].iloc[0]).rpartition(". ")[2]
    return what, reading, bool(said["verdict"].iloc[0] == "pass")


def _drift(table: pd.DataFrame, unit: str, digits: int) -> Part:
    relative = table[table["restriction"] == RELATIVE]
    alike = relative[relative["bound"] == 1.0]
    if alike.empty:
        return NOT_MADE, "", None
    low, high = float(alike["conf_low"].iloc[0]), float(alike["conf_high"].iloc[0])
    value = float(relative["breakdown"].iloc[0])
    reading = f"It excludes zero while drift is up to {value:.2f} times the largest before"
    if value == 0:
        reading = "The interval holds zero even without drift: there is no finding to overturn"
    digits = decimals_off_zero((low, high), digits)
    what = (
        f"Interval of the mean effect over the event times from exposure on: "
        f"{format_number(low, digits)} to {format_number(high, digits)} {unit}"
    )
    return what, reading, low > 0 or high < 0


def _audit(kinds: Mapping[Any, Row], row: Row, unit: str, digits: int) -> dict[str, Part]:
    found: dict[str, Part] = {}
    most = LARGEST_SHARE * min(abs(row["estimate"]), abs(row["meaningful_change"]))
    if "random" in kinds:
        one = kinds["random"]
        share, low, high = (100 * float(one[f"false_{end}"]) for end in ("alarms", "low", "high"))
        is_fit = not bool(one["inference_not_fit"])
        found["alarms"] = (
            f"Rejected in {share:.1f} per cent of draws ({low:.1f} to {high:.1f}; 5 is right)",
            _alarms_words(is_fit, low, high),
            is_fit,
        )
        size = float(one["effect_80"])
        found["power"] = (
            f"{format_number(size, digits)} {unit}",
            f"{size / abs(row['meaningful_change']):.1f} times the change that would matter",
            None,
        )
    for name in ("selected", "in time"):
        if name not in kinds:
            continue
        one = kinds[name]
        value = float(one["estimate"])
        is_small = abs(value) <= most
        what = f"{format_change(value, digits)} {unit}"
        if name == "in time":
            ends = [format_number(float(one[end]), digits) for end in ("conf_low", "conf_high")]
            what += f" ({ends[0]} to {ends[1]})"
        else:
            what += f" on average, beside an estimate of {format_change(row['estimate'], digits)}"
        found[name] = (
            what,
            f"{'Small' if is_small else 'Too large'}: at most {most:.2g} either way is allowed",
            is_small,
        )
    return found


def _alarms_words(is_fit: bool, low: float, high: float) -> str:
    if not is_fit:
        return "The inference is not fit: all of that range lies above 6"
    if low <= 5 <= high:
        return "In keeping with 5 per cent"
    return f"Somewhat too {'often' if low > 5 else 'seldom'}, not beyond what the rule allows"


def _selection(results: Results, row: Row) -> bool | None:
    audit = check_figures(results, AUDIT, row)
    return None if audit.empty else not bool(audit["selection_not_ruled_out"].iloc[0])


def _table(row: Row, parts: Mapping[str, Part]) -> Table:
    frame = pd.DataFrame(
        [
            {"question": QUESTIONS[name], "found": what, "reading": reading}
            for name, (what, reading, _) in parts.items()
        ]
    )
    headline = f"{format_change(row['estimate'], decimals_of(row))} {unit_of(row)}"
    return Table(
        frame,
        f"{row['title']}: how robust the answer is (headline {headline})",
        labels={"question": "What was tried", "found": "What was found", "reading": "Reading"},
        slug=f"robustness-{row['outcome']}",
    )
