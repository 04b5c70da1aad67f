"""Judgements of children's services: what is on file, and where they stand beside events."""

from __future__ import annotations

import pandas as pd

from evallib.estimate import Estimate, Estimates
from evallib.exposure.judged import POSITIONS, UNKNOWN, Judged
from evallib.panel.judgements import FRAMEWORKS, LADDERS
from evallib.report.formats import format_count, format_number
from evallib.report.sections import Section, Sections
from evallib.report.tables import Table
from evallib.report.views.naming import INTERVAL_WORDS

_MODEL_WORDS = {
    "good_or_better": "share good or better, linear",
    "ordered_logit": "better grade, ordered logit",
}
_GOOD = "Good or better"


def judgements_on_file(judged: Judged) -> Section:
    """Count the judgements by framework and grade, and those that no change can be read from.

    Parameters
    ----------
    judged : Judged
        The judgements of the plan's councils.

    Returns
    -------
    Section
        What is on file and what was left out, and a table with a row a framework.
    """
    frame = judged.frame
    sentences = [
        f"{format_count(len(frame), 'judgement')} of "
        f"{format_count(frame['council_code'].nunique(), 'council')} are on file. Each framework "
        "has its own grades: a grade of one is not a grade of another.",
        *(
            f"Left out: {format_count(int(row['rows']), 'judgement')} {row['reason']}."
            for row in judged.left_out.to_dict("records")
        ),
        _pair_sentence(judged),
    ]
    rows = [_on_file(str(name), part) for name, part in frame.groupby("framework", sort=False)]
    if not rows:
        return Section("", ("No judgement of the plan's councils is on file.", *sentences[1:-1]))
    steps = [(at, word) for ladder in LADDERS.values() for at, word in enumerate(ladder)]
    words = list(dict.fromkeys(word for _, word in sorted(steps, key=lambda step: step[0])))
    table = pd.DataFrame(rows)
    held = [word for word in words if word in table]
    first = ["framework", "years", "councils"]
    table = table.sort_values("first").reset_index(drop=True)[[*first, *held]]
    return Section(
        "",
        tuple(sentences),
        pieces=(
            Table(
                table,
                "Judgements by framework and grade: number of councils",
                slug="judgements-on-file",
                decimals=0,
                labels={"framework": "Framework", "years": "Years", "councils": "Councils"},
            ),
        ),
    )


def _on_file(name: str, part: pd.DataFrame) -> dict[str, object]:
    """Return one framework's line: its years, councils and grades."""
    first, last = int(part["year"].min()), int(part["year"].max())
    counts = part["judgement"].value_counts()
    return {
        "framework": _framework(name),
        "years": str(first) if first == last else f"{first} to {last}",
        "councils": int(part["council_code"].nunique()),
        "first": first,
        **{word: float(counts.get(word, 0)) for word in LADDERS.get(name, ())},
    }


def _framework(name: str) -> str:
    words = FRAMEWORKS.get(name, "")
    return f"{name}: {words}" if words else name


def _pair_sentence(judged: Judged) -> str:
    """Say how many judgements are followed by one of the same framework, and of another."""
    pairs = judged.pairs()
    across = int(pairs.across["pairs"].sum()) if len(pairs.across) else 0
    inside = len(pairs.frame)
    said = (
        f"{format_count(across, 'judgement')} were followed by one under another framework: "
        "that is no change of grade, and none is shown. "
    )
    if not inside:
        return said + (
            "None was followed by one under the same framework, so that nothing can be said of "
            "how grades change."
        )
    return said + f"{format_count(inside, 'judgement')} were followed by one under the same."


def judgements_around_events(judged: Judged) -> Sections:
    """Count each framework's grades before and after the councils' first event.

    Parameters
    ----------
    judged : Judged
        The judgements of the plan's councils.

    Returns
    -------
    Sections
        One a framework, in the order of their years.
    """
    starts = judged.frame.groupby("framework")["year"].min().sort_values(kind="stable")
    found = [_around(str(name), judged.of(str(name))) for name in starts.index]
    if not found:
        found = [Section("", ("No judgement of the plan's councils is on file.",))]
    return Sections(tuple(found))


def _around(name: str, part: pd.DataFrame) -> Section:
    counts = part.groupby(["position", "judgement"]).size().unstack(fill_value=0)
    ladder = [word for word in LADDERS.get(name, ()) if word in set(part["judgement"])]
    counts = counts.reindex([word for word in POSITIONS if word in counts.index])
    table = counts.reindex(columns=ladder, fill_value=0).reset_index()
    table.insert(1, "councils", counts.sum(axis=1).to_numpy())
    share = part.groupby("position")["is_good_or_better"].mean()
    table[_GOOD] = 100 * table["position"].map(share)
    note = "A share of few councils says little: look at their number."
    unknown = int((part["position"] == UNKNOWN).sum())
    notes = [note] if not unknown else [note, "Undated events stand on neither side."]
    first, last = int(part["year"].min()), int(part["year"].max())
    span = str(first) if first == last else f"{first} to {last}"
    return Section(
        f"Under {FRAMEWORKS.get(name, name)}",
        pieces=(
            Table(
                table,
                f"Judgements under {name} beside the council's first event on record, {span}",
                notes=tuple(notes),
                slug=f"judgements-around-{name}",
                units={_GOOD: "%"},
                decimals={_GOOD: 0},
                labels={"position": "Judged", "councils": "Councils"},
            ),
        ),
    )


def judgement_models(estimates: Estimates) -> Section:
    """Show judgements after an event beside those without one, as description.

    Parameters
    ----------
    estimates : Estimates
        As `estimate_judgements` returns them.

    Returns
    -------
    Section
        A sentence in words, and a table with a row a figure.
    """
    sentences = [_said(item) for item in estimates if item.estimator == "good_or_better"]
    sentences += [
        f"Not shown: {_MODEL_WORDS.get(item.estimator, item.estimator)}. {fault}"
        for item in estimates.refused
        for fault in item.faults
    ]
    rows = [line for item in estimates for line in _lines(item)]
    if not rows:
        return Section("", tuple(sentences))
    notes = dict.fromkeys(
        text
        for item in estimates
        for text in (item.se_method, item.interval_method, *item.warnings)
    )
    table = Table(
        pd.DataFrame(rows),
        "Judged after the first event less judged before one or without one on record",
        notes=(*notes, "Description: councils are compared with each other, not before and after."),
        slug="judgement-models",
        decimals={"p_value": 3},
        labels={"model": "Model", "unit": "Unit", "treated": "Councils judged after"},
    )
    return Section("", tuple(sentences), pieces=(table,))


def _lines(item: Estimate) -> list[dict[str, object]]:
    """Return the line of a model, and of what it means in percentage points."""
    counts = {
        "n_units": item.n_units,
        "treated": item.n_treated_units,
        "interval": INTERVAL_WORDS.get(item.inference, item.inference),
    }
    fields = ("estimate", "conf_low", "conf_high", "p_value")
    words = _MODEL_WORDS.get(item.estimator, item.estimator)
    first = item.tidy().iloc[0]
    lines = [{"model": words, "unit": item.unit, **{f: first[f] for f in fields}, **counts}]
    shares = item.details.get("good_or_better")
    if shares is not None:
        first = shares.frame.iloc[0]
        named = f"{words}: share good or better"
        unit = "percentage points"
        lines.append({"model": named, "unit": unit, **{f: first[f] for f in fields}, **counts})
    return lines


def _said(item: Estimate) -> str:
    """Say the difference in shares in words; a wide interval is no absence of a difference."""
    point, low, high = float(item.point[0]), float(item.conf_low[0]), float(item.conf_high[0])
    span = f"{format_number(low, 1)} to {format_number(high, 1)}"
    if low <= 0 <= high:
        said = (
            "We cannot tell whether councils judged after an event were judged good or better more "
            f"or less often than others: the difference is {format_number(point, 1)} percentage "
            f"points, interval {span}"
        )
    else:
        word = "less" if point < 0 else "more"
        said = (
            f"Councils judged after an event were judged good or better {word} often than "
            f"others: by {format_number(abs(point), 1)} percentage points, interval of the "
            f"difference {span}"
        )
    thinness = item.details.get("thinness")
    if thinness is not None and thinness.is_thin:
        said += ", which is likely too narrow for so few councils"
    return (
        f"{said}; {item.n_units} councils, {item.n_treated_units} judged after an event. This is "
        "description: councils meet these events because of how they do, and a council has one "
        "judgement under a framework, so that nothing is compared with what it was before."
    )
