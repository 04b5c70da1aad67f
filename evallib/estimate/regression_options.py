"""The options of the regressions at the door, one class for each set of names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SmallSample = Literal["stata", "fixest", "linearmodels", "none"]
Vcov = Literal["cluster", "iid", "hc1", "driscoll_kraay", "cr3"]
Cluster = str | tuple[str, str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RegressionOptions:
    """Options that every regression has.

    Parameters
    ----------
    covariates : tuple of str
        Columns of numbers.
    weights : str, optional
        Column of positive weights of the rows.
    cluster : str or (str, str), optional
        One column, or two for two-way clusters; default the unit.
    small_sample : 'stata', 'fixest', 'linearmodels' or 'none'
    vcov : 'cluster', 'iid', 'hc1', 'driscoll_kraay' or 'cr3'
    lags : int, optional
        Of Driscoll-Kraay; default the whole part of the fourth root of the number of periods.
    allow_unbalanced : bool
        False leaves out units that miss a period.
    level : float
    """

    covariates: tuple[str, ...] = ()
    weights: str | None = None
    cluster: Cluster = None
    small_sample: SmallSample = "stata"
    vcov: Vcov = "cluster"
    lags: int | None = None
    allow_unbalanced: bool = True
    level: float = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class TwfeOptions(RegressionOptions):
    """Options of ``twfe`` and ``fixed_effects``: those of a regression, and trends.

    Parameters
    ----------
    trends : bool
        Whether each unit has a straight line of its own.
    """

    trends: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EventStudyOptions(TwfeOptions):
    """Options of ``event_study``: those of ``twfe``, a window and a reference.

    Parameters
    ----------
    window : (int, int), optional
        First and last event time; earlier and later ones are pooled with these ends.
        Without it every event time has its own term.
    reference : int
        The event time that is fixed at zero.
    """

    window: tuple[int, int] | None = None
    reference: int = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class SunAbrahamOptions(RegressionOptions):
    """Options of ``sun_abraham``: those of a regression, and a reference.

    Parameters
    ----------
    reference : int
        The event time that every cohort is measured against.
    """

    reference: int = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class EtwfeOptions(RegressionOptions):
    """Options of ``etwfe``: those of a regression, comparison and anticipation.

    Parameters
    ----------
    comparison : 'never_treated' or 'not_yet_treated'
        With 'never_treated' every event time has its cells; with 'not_yet_treated' those from
        exposure on, and all earlier rows are comparison.
    anticipation : int
        Periods before exposure in which behaviour may already have changed.
    """

    comparison: Literal["never_treated", "not_yet_treated"] = "never_treated"
    anticipation: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class StackedOptions(RegressionOptions):
    """Options of ``stacked``: those of a regression, comparison, window and anticipation.

    Parameters
    ----------
    comparison : 'never_treated' or 'not_yet_treated'
        With 'not_yet_treated' units serve that are not exposed before the window ends.
    window : (int, int)
        First and last event time of every cohort's stack.
    anticipation : int
        Periods before exposure in which behaviour may already have changed: they are left out,
        effects are measured from the period before them, and comparison units must stay
        unexposed that much longer.
    """

    comparison: Literal["never_treated", "not_yet_treated"] = "never_treated"
    window: tuple[int, int] = (-3, 2)
    anticipation: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LpDidOptions:
    """Options of ``lp_did``.

    Parameters
    ----------
    comparison : 'never_treated' or 'not_yet_treated'
        With 'not_yet_treated' units serve that are not exposed by the end of the horizon.
    window : (int, int)
        First and last event time.
    anticipation : int
        As for ``stacked``.
    stabilise : int or 'first_entry', optional
        For exposure that ends again: periods after which a change of exposure has done its work.
        Units count as beginning exposure after that many periods without, and compare where
        theirs has not changed for that many. 'first_entry': only first entries count, and units
        that were never exposed before compare. ``comparison`` and ``anticipation`` do not apply.
    cluster : str, optional
        Column of clusters that hold whole units; default the unit.
    small_sample : 'stata', 'fixest' or 'none'
        The first two are the same here.
    level : float
    """

    comparison: Literal["never_treated", "not_yet_treated"] = "never_treated"
    window: tuple[int, int] = (-3, 2)
    anticipation: int = 0
    stabilise: int | Literal["first_entry"] | None = None
    cluster: str | None = None
    small_sample: SmallSample = "stata"
    level: float = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class BaconOptions:
    """Options of ``bacon``.

    Parameters
    ----------
    covariates : tuple of str
        Columns of numbers. With them groups are compared by what the covariates leave of
        exposure, and part of the estimate comes from inside the groups.
    cluster : str or (str, str), optional
        Of the two-way estimate that is decomposed; default the unit.
    small_sample : 'stata', 'fixest', 'linearmodels' or 'none'
    allow_unbalanced : bool
        False leaves out units that miss a period; True refuses them.
    level : float
    """

    covariates: tuple[str, ...] = ()
    cluster: Cluster = None
    small_sample: SmallSample = "stata"
    allow_unbalanced: bool = True
    level: float = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class ImputationOptions:
    """Options of ``imputation`` and ``two_stage``.

    Parameters
    ----------
    covariates : tuple of str
        Columns that change over time; their slopes come from rows before exposure.
    cluster : str, optional
        Column of clusters that hold whole units; default the unit.
    allow_unbalanced : bool
        False leaves out units that miss a period.
    level : float
    """

    covariates: tuple[str, ...] = ()
    cluster: str | None = None
    allow_unbalanced: bool = True
    level: float = 0.95
