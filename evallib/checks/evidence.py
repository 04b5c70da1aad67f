"""What the decision rule looks at."""

from __future__ import annotations

from dataclasses import dataclass

from evallib.inference.audit import LARGEST_SHARE


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the rule looks at for one primary outcome.

    Parameters
    ----------
    outcome : str
        The indicator.
    is_refused : bool
        Whether the estimator refused the design.
    pretrends : str
        Verdict of the pre-trends check.
    estimate, low, high : float
        The headline estimate and its interval after Holm's adjustment, in the outcome's unit.
    meaningful_change : float
        The smallest change that matters, in the outcome's unit.
    groups_differ_in_sign : bool
        Whether the two comparison groups differ in sign.
    polarity : str
        ``higher``, ``lower`` or ``none``: which way is better.
    has_other_group : bool
        Whether there is an estimate with the other comparison group.
    breakdown : float
        Largest drift after exposure, over the largest before it, with an interval that excludes
        zero; NaN where that was not tested.
    audit_has_run, inference_not_fit, selection_not_ruled_out : bool
        What the design's audit found; without an audit selection is not ruled out.
    selected_mean : float
        Mean estimate of placebos selected as the exposed councils were; NaN where not made.
    permutation_p : float
        Permutation p-value of the headline after Holm's adjustment; NaN where there is none, or
        where nothing hangs on it.
    refusal : str
        Why the estimator refused, where it did.
    is_thin : bool
        Whether the design is thin, so that a breakdown value rests on standard errors that are
        not trusted.
    change_unit : str
        Unit of a change in the outcome, in words; empty for none.
    other_estimate : float
        The estimate with the other comparison group; NaN where there is none.
    in_time : float
        What the exposed councils themselves did with their dates moved back; NaN where not made.
    false_alarms, false_low, false_high : float
        Share of random placebos that are rejected, with its Monte-Carlo interval; NaN where not
        made.
    pretrends_found : str
        The sentence of the pre-trends check, with its figures.
    moved_placebos : str
        Placebo outcomes that moved, with their figures; empty for none.
    """

    outcome: str
    is_refused: bool
    pretrends: str
    estimate: float
    low: float
    high: float
    meaningful_change: float
    groups_differ_in_sign: bool
    polarity: str = "none"
    has_other_group: bool = True
    breakdown: float = float("nan")
    audit_has_run: bool = False
    inference_not_fit: bool = False
    selection_not_ruled_out: bool = True
    selected_mean: float = float("nan")
    permutation_p: float = float("nan")
    refusal: str = ""
    is_thin: bool = False
    change_unit: str = ""
    other_estimate: float = float("nan")
    in_time: float = float("nan")
    false_alarms: float = float("nan")
    false_low: float = float("nan")
    false_high: float = float("nan")
    pretrends_found: str = ""
    moved_placebos: str = ""

    @property
    def largest_move(self) -> float:
        """What placebos may move by: half of the estimate or of the change that would matter."""
        return LARGEST_SHARE * min(abs(self.estimate), abs(self.meaningful_change))
