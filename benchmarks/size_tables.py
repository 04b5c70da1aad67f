"""The tables of docs/methodology.md on size and coverage, from docs/size_and_coverage.csv.

Cells are per cent in wide, children and intervention; a dash is not simulated, or refused.
"""

from __future__ import annotations

from textwrap import fill

import pandas as pd

DESIGNS = ("wide", "children", "intervention")
PROCESSES = {
    "Independent": "homogeneous",
    "Serial": "serial",
    "Eight treated": "few",
    "Selected": "selected",
    "Heterogeneous": "heterogeneous",
}
ORDER = (
    "group_time",
    "imputation",
    "two_stage",
    "matched_did",
    "twfe",
    "event_study",
    "sun_abraham",
    "etwfe",
    "stacked",
    "lp_did",
    "synthetic_did",
)
BIASES = {
    "Selected": ("selected", "bias_pct"),
    "Heterogeneous, council-years": ("heterogeneous", "own_bias_pct"),
    "Heterogeneous, councils alike": ("heterogeneous", "own_bias_alike_pct"),
}
MARKS = {"wild_bootstrap": "w", "permutation": "p"}
ALONE = ("matched_did", "synthetic_did")  # the policy replaces nothing


def false_alarms(row: pd.Series) -> str:
    """Return the rejected per cent, bold where 5 is outside its interval."""
    if row.empty or not row["panels"]:
        return "–" if row.empty or row["policy"] != "analytic" else "="
    share = row["rejected_pct"]
    text = f"{share:.1f}" if share < 20 else f"{share:.0f}"
    bold = text if row["is_right"] else f"**{text}**"
    return bold + (MARKS[row["policy"]] if row["how"] == "policy" else "")


def signed(row: pd.Series, column: str) -> str:
    """Return a bias in whole per cent with its sign."""
    if row.empty or not row["panels"]:
        return "–"
    whole = round(float(row[column]))
    return f"{whole:+d}" if whole else "0"


def counts(results: pd.DataFrame) -> str:
    """Return how many panels and draws are behind a table."""
    there = results[results["panels"] > 0]
    usual = there["panels"].mode().iloc[0]
    others = []
    for name in ORDER:
        own = there[there["estimator"] == name]
        low, high = own["panels"].min(), own["panels"].max()
        if own.empty or low == high == usual:
            continue
        draws = own["draws"] if name == "synthetic_did" else pd.Series([0])
        text = f"{name} {low:,}" + (f" to {high:,}" if high > low else "")
        some = sorted({f"{draw:.0f}" for draw in draws if draw})
        others.append(text + (f" with {' or '.join(some)} placebos" if some else ""))
    return fill(f"Panels: {usual:,}" + "".join(f"; {text}" for text in others) + ".", 100)


def tables(results: pd.DataFrame) -> dict[str, str]:
    """Return each table by the name of its markers."""
    lines = results.set_index(["how", "process", "estimator", "design"], drop=False).sort_index()

    def cell(how: str, process: str, name: str, column: str = "") -> str:
        found = []
        for design in DESIGNS:
            key = (how, process, name, design)
            row = lines.loc[key] if key in lines.index else pd.Series(dtype=object)
            found.append(signed(row, column) if column else false_alarms(row))
        return " / ".join(found)

    def table(head: tuple[str, ...], rows: list[list[str]]) -> str:
        whole = [["", *head], ["---"] * (len(head) + 1), *rows]
        texts = ["| " + " | ".join(row) + " |" for row in whole]
        return "\n".join(
            [texts[0].replace("|  |", "| |"), "|" + "---|" * (len(head) + 1), *texts[2:]]
        )

    found = {}
    for how in ("analytic", "policy"):
        names = [name for name in ORDER if how == "analytic" or name not in ALONE]
        rows = [[name, *(cell(how, p, name) for p in PROCESSES.values())] for name in names]
        found[how] = table(tuple(PROCESSES), rows)
        found[how] += f"\n\n{counts(results[results['how'] == how])}"
    rows = [[name, *(cell("analytic", p, name, c) for p, c in BIASES.values())] for name in ORDER]
    found["bias"] = table(tuple(BIASES), rows)
    return found


def put_into(text: str, results: pd.DataFrame) -> str:
    """Return a page with its tables made again, each between comments with its name."""
    for name, table in tables(results).items():
        start, end = f"<!-- size: {name} -->", "<!-- end -->"
        before, rest = text.split(start)
        after = rest.split(end, 1)[1]
        text = f"{before}{start}\n\n{table}\n\n{end}{after}"
    return text
