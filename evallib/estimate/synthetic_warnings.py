"""What synthetic comparisons refuse and warn of, each with what to change."""

from __future__ import annotations

from typing import Any

import numpy as np

from evallib.errors import (
    AlreadyTreatedWarning,
    EstimationError,
    EvallibWarning,
    Fault,
    UnbalancedPanelWarning,
    first_five,
)
from evallib.estimate.columns import Notes
from evallib.estimate.intake import Sample, keep_units
from evallib.estimate.result import IntArray
from evallib.estimate.synthetic import COMPARISON, Problem, Solution
from evallib.estimate.synthetic_details import Synthetic
from evallib.estimate.synthetic_inference import Placebos
from evallib.estimate.synthetic_options import SyntheticDidOptions
from evallib.estimate.synthetic_ridge import FEWEST_PERIODS

FEW_PERIODS = 5
FEW_PLACEBOS = 20


class PoorFitWarning(EvallibWarning):
    """The synthetic unit is not near the treated before exposure: it extrapolates."""


class ShortHistoryWarning(EvallibWarning):
    """A cohort has few periods before exposure: a near fit may be chance."""


class FewPlacebosWarning(EvallibWarning):
    """Placebos tell badly how sure the estimate is: few ways, or few units to compare with."""


class NoNoiseWarning(EvallibWarning):
    """Comparison units change alike before exposure: nothing tells them apart but their levels."""


def take_balanced(name: str, sample: Sample, options: SyntheticDidOptions, notes: Notes) -> Sample:
    """Return the units that every period has, treated ones with enough periods before.

    Raises
    ------
    EstimationError
        When no unit is treated or none is never treated, or none of either is left.

    Warns
    -----
    UnbalancedPanelWarning, AlreadyTreatedWarning
    """
    last = sample.periods[-1]
    treated, never = sample.cohort <= last, sample.cohort > last + options.anticipation
    soon = ~treated & ~never
    if not treated.any():
        what = "no unit is treated within the periods"
        raise EstimationError([Fault("cohort", what, "", "Check cohorts and periods")])
    if not never.any():
        what = "no unit is never treated"
        why = "a synthetic unit is made of units that stay unexposed"
        final = sample.cohort.max()
        remedy = f"Leave out the periods from {final:g} on: the last cohort then serves"
        if (sample.cohort == final).all():
            remedy = "Add units that are treated later or never"
        raise EstimationError([Fault("cohort", what, why, remedy)])
    whole = sample.observed.all(axis=1)
    fewest = FEWEST_PERIODS if getattr(options, "augment", "none") == "ridge" else 2
    before = sample.periods[None, :] < (sample.cohort - options.anticipation)[:, None]
    early = treated & (before.sum(axis=1) < fewest)
    for some, word in ((treated & ~early, "treated"), (never, "never-treated")):
        if some.any() and not (some & whole).any():
            raise EstimationError([_missing_fault(sample, some, word)])
    if early[treated].all():
        what = f"no treated unit has {fewest} periods before exposure"
        why = f"{name} learns its weights from them"
        raise EstimationError([Fault("cohort", what, why, "Give earlier periods")])
    if early.any():
        text = (
            f"{int(early.sum())} units have fewer than {fewest} periods before exposure, "
            f"anticipation included, and are left out: {_names(sample, early)}."
        )
        notes.warn(AlreadyTreatedWarning, text)
    if soon.any():
        text = (
            f"{int(soon.sum())} units are exposed just after the last period and may anticipate it "
            f"already: they are left out ({_names(sample, soon)})."
        )
        notes.warn(EvallibWarning, text)
    if not whole.all():
        lost = ~whole & ~early & ~soon
        told = [
            f"{int((lost & some).sum())} {word} ({_names(sample, lost & some)})"
            for some, word in ((treated, "treated"), (never, "never treated"))
            if (lost & some).any()
        ]
        if told:
            text = (
                f"{int(lost.sum())} units miss some periods and are left out, because {name} needs "
                f"every unit in every period: {'; '.join(told)}. Most are missing in "
                f"{_worst(sample, lost)}."
            )
            notes.warn(UnbalancedPanelWarning, text)
    return keep_units(sample, np.asarray(whole & ~early & ~soon))


def _missing_fault(sample: Sample, some: Any, word: str) -> Fault:
    """Return the fault of a group of which every unit misses a period."""
    what = f"every {word} unit misses a period ({_names(sample, some)})"
    why = f"weights need every unit in every period; most are missing in {_worst(sample, some)}"
    return Fault("frame", what, why, "Leave out these periods, or fill the gaps")


def _names(sample: Sample, some: Any) -> str:
    return first_five(list(sample.units[some]))


def _worst(sample: Sample, some: Any) -> str:
    """Return the periods that most of some units miss, the worst first."""
    gaps = (~sample.observed[some]).sum(axis=0)
    order = np.argsort(-gaps, kind="stable")
    return first_five([int(period) for period in sample.periods[order[gaps[order] > 0]]])


def require_inference(name: str, problem: Problem, options: SyntheticDidOptions) -> None:
    """Refuse an inference that the numbers of units do not allow.

    Raises
    ------
    EstimationError
    """
    controls = int((problem.codes == COMPARISON).sum())
    sizes = np.bincount(problem.codes[problem.codes >= 0])
    where = f"{name}, option 'inference'"
    if options.inference == "placebo" and controls <= sizes.sum():
        what = f"{controls} comparison units are too few for placebos of {int(sizes.sum())} treated"
        why = "placebos give exposure to comparison units and need others to compare with"
        remedy = "Add comparison units"
        if name == "synthetic_did" and sizes.min() > 1:
            remedy += ", or use inference='jackknife'"
        raise EstimationError([Fault(where, what, why, remedy)])
    if options.inference == "jackknife" and sizes.min() < 2:
        alone = [c.start for c, size in zip(problem.cohorts, sizes, strict=True) if size < 2]
        what = f"cohorts of one treated unit: {first_five(alone)}"
        why = "the jackknife leaves out one unit at a time"
        raise EstimationError([Fault(where, what, why, "Use inference='placebo'")])


def require_shared_weight(name: str, problem: Problem, solution: Solution) -> None:
    """Refuse a jackknife where one comparison unit has all the weight of a cohort.

    Raises
    ------
    EstimationError
    """
    alone = [
        cohort.start
        for cohort, weights in zip(problem.cohorts, solution.unit_weights, strict=True)
        if (weights[0] != 0).sum() < 2
    ]
    if alone:
        what = f"one comparison unit has all the weight of cohorts {first_five(alone)}"
        why = "without it the jackknife has no comparison left"
        fault = Fault(f"{name}, option 'inference'", what, why, "Use inference='placebo'")
        raise EstimationError([fault])


def warn_synthetic(
    problem: Problem, synthetic: Synthetic, placebos: Placebos | None, notes: Notes
) -> None:
    """Warn of short histories, synthetic units that do not fit, and placebos that tell little."""
    fit = synthetic.fit
    short = fit["n_before"] < FEW_PERIODS
    if short.any():
        text = (
            f"Cohorts {first_five(fit['cohort'][short].tolist())} have fewer than {FEW_PERIODS} "
            "periods before exposure: a near fit there may be chance. Give earlier periods."
        )
        notes.warn(ShortHistoryWarning, text)
    flat = fit["noise_level"] == 0
    if flat.any():
        text = (
            "All comparison units change by the same amount in every period before cohorts "
            f"{first_five(fit['cohort'][flat].tolist())}: the noise level is zero, and weights "
            "rest on levels alone or stay equal. Check the outcome."
        )
        notes.warn(NoNoiseWarning, text)
    poor = fit["rmse_before"].gt(fit["noise_level"]) & fit["noise_level"].ne(0)
    if poor.any():
        apart = [
            f"{row.cohort} ({row.rmse_before:.3g} against {row.noise_level:.3g})"
            for row in fit[poor].itertuples()
        ]
        text = (
            "Before exposure the synthetic unit is further from the treated than a usual change "
            f"from one period to the next, in cohorts {first_five(apart)}: the effect there rests "
            "on extrapolation. "
        )
        text += (
            "Compare with matched_did or group_time."
            if problem.is_did or problem.augment
            else "Use synthetic_did, which allows a constant difference, or augment='ridge'."
        )
        notes.warn(PoorFitWarning, text)
    if placebos is not None and placebos.possible < FEW_PLACEBOS:
        text = (
            f"There are {placebos.possible} placebo assignments in all: the standard error is "
            f"rough, and no rank can be rarer than 1 in {placebos.possible + 1}. Add comparison "
            "units."
        )
        notes.warn(FewPlacebosWarning, text)
    treated, controls = int((problem.codes >= 0).sum()), int((problem.codes == COMPARISON).sum())
    if placebos is not None and controls - treated < treated:
        text = (
            f"Placebos of {treated} treated units leave {controls - treated} of {controls} "
            "comparison units to compare with, fewer than are treated: placebo effects vary more "
            "than the estimate, and its standard error is too large. "
        )
        text += (
            "Use inference='jackknife', or add comparison units."
            if problem.is_did
            else "Add comparison units."
        )
        notes.warn(FewPlacebosWarning, text)


def count_rows(problem: Problem) -> tuple[IntArray, IntArray, IntArray]:
    """Return rows, units and treated units behind each term."""
    cells = problem.terms.cells
    before = np.zeros(cells.shape[1:], dtype=bool)
    for code, cohort in enumerate(problem.cohorts):
        before[code, : cohort.before] = True
    sizes = np.bincount(problem.codes[problem.codes >= 0])
    controls = int((problem.codes == COMPARISON).sum())
    used = np.asarray(cells.any(axis=2))
    touched = (cells | before) & used[:, :, None]
    rows = touched.sum(axis=2) @ sizes + controls * touched.any(axis=1).sum(axis=1)
    treated = used @ sizes
    return rows.astype(np.int64), (treated + controls).astype(np.int64), treated.astype(np.int64)
