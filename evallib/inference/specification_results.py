"""The curve of every specification: rows, a joint test, and which choice matters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evallib.design import Design
from evallib.estimate.result import FloatArray
from evallib.inference.joint_specifications import JointTest, explain, joint_test
from evallib.inference.specification_jobs import Answer, Job, solve_job
from evallib.panel.shown import counted, shown

NUMBERS = ("estimate", "std_error", "conf_low", "conf_high", "p_value")
COUNTS = ("n_obs", "n_units", "n_treated_units", "n_clusters")
IN_EFFECTS = {"effect": "estimate", "effect_low": "conf_low", "effect_high": "conf_high"}
Choices = dict[str, Any]


@dataclass(frozen=True, slots=True, repr=False)
class Curve:
    """All specifications of one outcome.

    Parameters
    ----------
    outcome, title, unit, role, polarity : str
        The unit is the headline's.
    meaningful_change, level : float
    choices : mapping of str to tuple of str
        The alternatives of each choice in words, the plan's own first.
    frame : DataFrame
        A row a specification: ``specification`` (from 0, the plan's own), ``is_headline``, a
        column a choice, estimate, std_error, conf_low, conf_high and p_value in the
        specification's own unit, ``factor`` to the headline's unit, effect, effect_low and
        effect_high in that unit, counts, ``inference``, ``in_joint_test``, ``planned`` (see
        `evallib.plan.deviations.label_specifications`) and ``reason``: why there is no estimate.
    joint : JointTest
    explained : DataFrame
        See `evallib.inference.joint_specifications.explain`.
    """

    outcome: str
    title: str
    unit: str
    role: str
    polarity: str
    meaningful_change: float
    level: float
    choices: Mapping[str, tuple[str, ...]]
    frame: pd.DataFrame
    joint: JointTest
    explained: pd.DataFrame

    def __repr__(self) -> str:
        """Return a line with the number of specifications."""
        lost = int((self.frame["reason"] != "").sum())
        said = counted(len(self.frame), "specification")
        return f"Curve of {self.outcome}: {said}, {lost:,} refused"

    def _repr_html_(self) -> str:
        return shown(repr(self), self.frame)


@dataclass(frozen=True, slots=True, repr=False)
class Curves:
    """The curves of a plan's outcomes, in the plan's order."""

    items: tuple[Curve, ...]

    def __iter__(self) -> Iterator[Curve]:
        """Iterate over the curves."""
        return iter(self.items)

    def __len__(self) -> int:
        """Return the number of outcomes."""
        return len(self.items)

    @property
    def frame(self) -> pd.DataFrame:
        """Every specification of every outcome, a row each; 'as planned' where nothing varies."""
        names = list(dict.fromkeys(name for one in self.items for name in one.choices))
        parts = []
        for one in self.items:
            part = one.frame.assign(**{n: "as planned" for n in names if n not in one.choices})
            part.insert(0, "outcome", one.outcome)
            first = ["outcome", "specification", "is_headline", *names]
            parts.append(part[[*first, *(name for name in part if name not in first)]])
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()

    @property
    def tests(self) -> pd.DataFrame:
        """A row an outcome: counts, the joint statistics with their p-values, the first choice."""
        rows = []
        for one in self.items:
            done = one.frame["reason"] == ""
            headline = one.frame[one.frame["is_headline"]].iloc[0]
            first = one.explained.iloc[0] if len(one.explained) else None
            rows.append(
                {
                    "outcome": one.outcome,
                    "role": one.role,
                    "specifications": len(one.frame),
                    "estimated": int(done.sum()),
                    "refused": int((~done).sum()),
                    "headline_effect": headline["effect"],
                    "share_same_sign": float(
                        (np.sign(one.frame.loc[done, "effect"]) == one.joint.sign).mean()
                    ),
                    "in_joint_test": one.joint.specifications,
                    "draws": one.joint.draws,
                    "median_effect": one.joint.median_effect,
                    "median_effect_p": one.joint.p_values["median_effect"],
                    "share_significant": one.joint.share_significant,
                    "share_significant_p": one.joint.p_values["share_significant"],
                    "average_z": one.joint.average_z,
                    "average_z_p": one.joint.p_values["average_z"],
                    "moves_most": "" if first is None else first["choice"],
                    "moves_most_share": float("nan") if first is None else first["share"],
                }
            )
        return pd.DataFrame(rows)

    @property
    def explained(self) -> pd.DataFrame:
        """A row an outcome and choice, see `Curve`."""
        parts = [one.explained.assign(outcome=one.outcome) for one in self.items]
        columns = ["outcome", "choice", "share", "shift", "lowest", "highest"]
        kept = [part for part in parts if len(part)]
        return (
            pd.concat(kept, ignore_index=True)[columns] if kept else pd.DataFrame(columns=columns)
        )

    def __repr__(self) -> str:
        """Return the number of specifications."""
        count = sum(len(one.frame) for one in self.items)
        said = counted(count, "specification")
        return f"{said} of {counted(len(self.items), 'outcome')}"

    def _repr_html_(self) -> str:
        return shown(repr(self), self.frame)


@dataclass(frozen=True, slots=True)
class Wanted:
    """The specifications of one outcome, before they are solved.

    Parameters
    ----------
    outcome, role : str
    meaningful_change, level : float
    given : mapping of str to tuple
        The values of each choice, the own one first.
    chosen : list of dict
        Every combination, the own one first.
    forms : tuple of str
        Choices that are forms of the outcome: effects are put into the first form's unit.
    planned : sequence of str
        Of every combination whether it was planned.
    """

    outcome: str
    role: str
    meaningful_change: float
    level: float
    given: Mapping[str, tuple[Any, ...]]
    chosen: list[Choices]
    forms: tuple[str, ...]
    planned: Sequence[str]


def make_curve(
    wanted: Wanted,
    jobs: Iterable[Job | tuple[list[int], str]],
    pool: ProcessPoolExecutor | None = None,
) -> Curve:
    """Solve the specifications of an outcome sample by sample, and return their curve.

    Parameters
    ----------
    wanted : Wanted
    jobs : iterable of Job, or of numbers with the reason why they cannot be solved
    pool : ProcessPoolExecutor, optional
    """
    answers: dict[int, Answer] = {}
    reasons: dict[int, str] = {}
    forms: dict[str, float] = {}
    form_of: dict[int, float] = {}
    running: list[Future[list[Answer]]] = []
    first: Design | None = None
    for job in jobs:
        if isinstance(job, tuple):
            reasons |= dict.fromkeys(*job)
            continue
        if first is None:
            first = job.design
        form = repr([wanted.chosen[job.items[0].number].get(name) for name in wanted.forms])
        spread = float(job.design.full["value"].std())
        forms.setdefault(form, spread)
        form_of |= dict.fromkeys((item.number for item in job.items), forms[form])
        if pool is None:
            answers |= {one.item.number: one for one in solve_job(job)}
        else:
            running.append(pool.submit(solve_job, job))
    for future in running:
        answers |= {one.item.number: one for one in future.result()}
    own = next(iter(forms.values()), 1.0)
    factor = {number: own / spread if spread else 1.0 for number, spread in form_of.items()}
    return _put_together(wanted, answers, reasons, factor, first)


def _put_together(
    wanted: Wanted,
    answers: Mapping[int, Answer],
    reasons: Mapping[int, str],
    factor: Mapping[int, float],
    design: Design | None,
) -> Curve:
    """Return the curve of an outcome from its answers and refusals."""
    rows: list[dict[str, Any]] = []
    for number, choices in enumerate(wanted.chosen):
        answer = answers.get(number)
        found = answer is not None and not answer.reason
        row: dict[str, Any] = {"specification": number, "is_headline": number == 0}
        row |= {name: in_words(value) for name, value in choices.items()}
        row |= dict(zip(NUMBERS, answer.effect if answer else (np.nan,) * 5, strict=True))
        row["factor"] = factor.get(number, np.nan) if found else np.nan
        row |= {name: row[of] * row["factor"] for name, of in IN_EFFECTS.items()}
        row |= dict(zip(COUNTS, answer.counts if answer else (0,) * 4, strict=True))
        row["inference"] = answer.inference if answer else ""
        row["in_joint_test"] = answer is not None and answer.drawn is not None
        row["planned"] = wanted.planned[number]
        row["reason"] = reasons.get(number, answer.reason if answer else "")
        rows.append(row)
    frame = pd.DataFrame(rows)
    joint = [answers[k] for k in frame.index[frame["in_joint_test"]]]
    level = wanted.level
    part = frame[frame["in_joint_test"]]
    drawn: FloatArray = np.zeros((2, 0, len(joint)))
    if joint:
        drawn = np.stack([one.drawn for one in joint if one.drawn is not None], axis=2)
        drawn = drawn * np.array([part["factor"].to_numpy(), np.ones(len(part))])[:, None]
    test = joint_test(
        part["effect"].to_numpy(dtype=float), np.array([one.z for one in joint]), drawn, level
    )
    done = frame[frame["reason"] == ""]
    return Curve(
        outcome=wanted.outcome,
        title=design.title if design else wanted.outcome,
        unit=design.unit if design else "",
        role=wanted.role,
        polarity=design.polarity if design else "none",
        meaningful_change=wanted.meaningful_change,
        level=level,
        choices={name: tuple(map(in_words, values)) for name, values in wanted.given.items()},
        frame=frame,
        joint=test,
        explained=explain(done["effect"].to_numpy(dtype=float), done[list(wanted.given)]),
    )


def in_words(value: object) -> str:
    """Return the value of a choice as tables name it.

    Examples
    --------
    >>> in_words(()), in_words(("2015/16", "2024/25")), in_words(0.01), in_words(("unitary",))
    ('none', '2015/16 to 2024/25', '0.01', 'unitary')
    """
    if value is None or value == () or value == 0.0 and isinstance(value, float):
        return "none"
    if isinstance(value, Iterable) and not isinstance(value, str):
        parts = [str(item) for item in value]
        is_span = len(parts) == 2 and all(p.lstrip("-")[0].isdigit() for p in parts)
        return " to ".join(parts) if is_span else ", ".join(parts)
    return f"{value:g}" if isinstance(value, float) else str(value).replace("_", " ")
