"""What the notebook of judgements shows of how grades move between inspections."""

from __future__ import annotations

import pandas as pd

from evallib.checks.regrading import HORIZON, Regrading, find_regrading
from evallib.estimate import Estimate
from evallib.exposure.judged import Judged
from evallib.panel.judgements import FRAMEWORKS, LADDERS
from evallib.report.chart import Chart
from evallib.report.effect_charts import estimate_chart
from evallib.report.formats import format_count, format_number
from evallib.report.sections import Section, Sections
from evallib.report.tables import Table
from evallib.report.views.naming import SOURCE

_IRREGULAR = (
    "Inspections are irregular, and come sooner after a poor grade: a share of the next inspection "
    "mixes changes over one year and over many. Rates in continuous time take the years between "
    "inspections into account and are the fairer description."
)


def judgement_transitions(judged: Judged) -> Sections:
    """Show how grades moved from one inspection to the next, each framework by itself.

    Parameters
    ----------
    judged : Judged
        The judgements of the plan's councils.

    Returns
    -------
    Sections
        First what can be said and what cannot; then, for each framework under which councils were
        judged again, a chart and a table of shares with intervals, and the chances over three
        years that rates in continuous time give.
    """
    frame = judged.frame
    if frame.empty:
        return Sections((Section("", ("No judgement of the plan's councils is on file.",)),))
    found = find_regrading(frame, LADDERS)
    across = len(frame) - frame["council_code"].nunique() - sum(one.pairs for one in found)
    again = [one for one in found if one.shares is not None]
    table = Table(
        pd.DataFrame(
            {
                "framework": [_name(one.framework) for one in found],
                "judgements": [one.councils + one.pairs for one in found],
                "councils": [one.councils for one in found],
                "pairs": [one.pairs for one in found],
            }
        ),
        "Judgements, and judgements followed by another under the same framework",
        slug="judgement-pairs",
        labels={
            "framework": "Framework",
            "judgements": "Judgements",
            "councils": "Councils",
            "pairs": "Followed by another",
        },
        decimals=0,
    )
    lead = (
        f"{format_count(across, 'judgement')} "
        f"{'was' if across == 1 else 'were'} followed by one under another framework. That is no "
        "change of grade, since the grades of two frameworks are not the same, and is not counted."
    )
    if not again:
        said = (
            "No council was judged twice under one framework: how grades move from one inspection "
            "to the next cannot be said from these tables.",
            lead,
        )
        return Sections((Section("", said, pieces=(table,)),))
    first = Section("", (lead, _IRREGULAR), pieces=(table,))
    return Sections((first, *(_of_framework(one) for one in again)))


def _name(framework: str) -> str:
    return FRAMEWORKS.get(framework, framework)


def _of_framework(one: Regrading) -> Section:
    """Return the movement under one framework."""
    shares = one.shares
    if shares is None:
        raise ValueError(f"no judgement under {one.framework} was followed by another")
    name = _name(one.framework)
    text = (
        f"{format_count(one.pairs, 'judgement')} {'was' if one.pairs == 1 else 'were'} followed by "
        "another under this framework. A description: it does not say why grades moved."
    )
    pieces: list[Chart | Table] = [_chart(shares, name, one), _shares_table(shares, name, one)]
    reasons = []
    if one.process is not None:
        pieces.append(_chances_table(one.process, name, one))
    else:
        reasons.append(f"No rates in continuous time: {one.reason}")
    return Section(f"{name[:1].upper()}{name[1:]}", (text, *reasons), pieces=tuple(pieces))


def _chart(shares: Estimate, name: str, one: Regrading) -> Chart:
    rows = shares.details["transitions"].frame
    stay = rows[rows["from"] == rows["to"]]
    kept = 100 * stay["count"].sum() / rows["count"].sum()
    drawn = pd.DataFrame(
        {
            "change": [f"{a} to {b}" for a, b in zip(rows["from"], rows["to"], strict=True)],
            **{
                new: 100 * rows[old]
                for new, old in (
                    ("estimate", "probability"),
                    ("conf_low", "conf_low"),
                    ("conf_high", "conf_high"),
                )
            },
        }
    )
    return estimate_chart(
        drawn,
        headline=f"{format_number(kept, 0)} per cent kept their grade at the next inspection",
        subtitle=(
            "Share of judgements followed by each grade at the next inspection, per cent of those "
            f"with the earlier grade, {name}"
        ),
        source=SOURCE,
        unit="per cent",
        label="change",
        slug=f"judgement-transitions-{one.framework}-chart",
        level=shares.level,
        decimals=0,
    )


def _shares_table(shares: Estimate, name: str, one: Regrading) -> Table:
    rows = shares.details["transitions"].frame
    columns = ["from", "to", "count", "from_count", "probability", "conf_low", "conf_high"]
    frame = rows[columns].assign(
        **{end: 100 * rows[end] for end in ("probability", "conf_low", "conf_high")}
    )
    return Table(
        frame,
        f"Grades at one inspection and at the next, {name}",
        notes=(f"{shares.se_method} {shares.interval_method}",),
        slug=f"judgement-transitions-{one.framework}",
        labels={
            "from": "Grade",
            "to": "Next grade",
            "count": "Judgements",
            "from_count": "Of those with the grade",
            "probability": "Share",
        },
        units=dict.fromkeys(("probability", "conf_low", "conf_high"), "per cent"),
        decimals={"count": 0, "from_count": 0, "probability": 0, "conf_low": 0, "conf_high": 0},
    )


def _chances_table(process: Estimate, name: str, one: Regrading) -> Table:
    rows = process.details["process"].probabilities(HORIZON).frame
    columns = ["from", "to", "probability", "conf_low", "conf_high"]
    frame = rows[columns].assign(
        **{end: 100 * rows[end] for end in ("probability", "conf_low", "conf_high")}
    )
    return Table(
        frame,
        f"Chance of each grade {HORIZON:g} years after another, from rates per year, {name}",
        notes=(
            "Markov process in continuous time, seen at inspections, steps to the next grade up or "
            f"down only. {process.se_method} Intervals on the logit scale by the delta method; "
            "'not applicable': not told by these judgements.",
        ),
        slug=f"judgement-chances-{one.framework}",
        labels={"from": "Grade", "to": f"Grade {HORIZON:g} years later", "probability": "Chance"},
        units=dict.fromkeys(("probability", "conf_low", "conf_high"), "per cent"),
        decimals=0,
    )
