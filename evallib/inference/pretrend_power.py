"""What a test of pre-trends can see, and what it does to the estimates that pass it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import optimize, stats

from evallib.errors import EstimationError, Fault
from evallib.estimate.html import html_table
from evallib.estimate.intervals import critical_value
from evallib.estimate.joint import TOLERANCE
from evallib.estimate.result import Estimate, FloatArray
from evallib.inference.event_times import EventStudy, Target, given_study, target_weights
from evallib.inference.normal_box import NormalBox
from evallib.inference.option_faults import level_faults, number_faults, read_numbers

EACH, JOINT = "any lead significant", "joint Wald test"
POWERS = (0.5, 0.8)
EQUIVALENCE_SIZE = 0.05
METHOD = (
    "Power and biases take leads and effects as normal with the estimated covariance; tests of "
    "size {size:.2g}; the bias where a test passes is the mean over samples that it passes."
)


@dataclass(frozen=True, slots=True, repr=False)
class Violation:
    """What a test of pre-trends makes of one drift.

    Parameters
    ----------
    power : float
        Probability that the test rejects.
    bayes_factor : float
        Probability of passing under the drift over that without any.
    likelihood_ratio : float
        Likelihood of the observed leads under the drift over that without any.
    drift : array, shape (L + P,)
        The drift at leads and effects.
    mean_if_passed : array, shape (L + P,)
        What leads and effects average, given that the test passes, when there is no effect.
    bias, bias_if_passed : float
        Of the effect of interest: before any test, and given that it passes.
    """

    power: float
    bayes_factor: float
    likelihood_ratio: float
    drift: FloatArray
    mean_if_passed: FloatArray
    bias: float
    bias_if_passed: float

    def __repr__(self) -> str:
        """Return what the test makes of the drift in a line."""
        return (
            f"Drift found with {self.power:.0%} power; bias {self.bias:.3g}, where the test passes "
            f"{self.bias_if_passed:.3g}; Bayes factor {self.bayes_factor:.3g}, likelihood ratio "
            f"{self.likelihood_ratio:.3g}"
        )


@dataclass(frozen=True, slots=True, repr=False)
class PretrendPower:
    """The straight drifts that tests of pre-trends find, and the bias of what they let pass.

    Parameters
    ----------
    study : EventStudy
    target : str
        The effect that the biases are of.
    weights : array, shape (P,)
    box : NormalBox
        In which no lead is significant on its own.
    frame : pandas.DataFrame
        A row a test and power: test, power, slope (drift a period that is found with that
        probability, in the outcome's unit), bias (what that drift adds to the effect), and
        bias_if_passed (what it adds on average where the test passes).
    p_joint : float
        Of the joint test of the leads.
    equivalence_bound : float
        The smallest size that two one-sided tests at 5 per cent exclude for every lead.
    notes : tuple of str
    """

    study: EventStudy
    target: str
    weights: FloatArray
    box: NormalBox
    frame: pd.DataFrame
    p_joint: float
    equivalence_bound: float
    notes: tuple[str, ...]

    def at(self, drift: FloatArray | float, test: str = EACH) -> Violation:
        """Return what a test makes of a drift.

        Parameters
        ----------
        drift : float or array, shape (L + P,)
            Per period, straight, or at every lead and effect; in the outcome's unit.
        test : str
            'any lead significant' or 'joint Wald test'.

        Raises
        ------
        EstimationError
            For another test, and a drift that is neither a number nor one for each term.
        """
        return _violation(self.study, self.box, self.weights, drift, test)

    def slope(self, power: float, test: str = EACH) -> float:
        """Return the straight drift a period that a test finds with a given probability.

        Parameters
        ----------
        power : float
            Above the test's size and below 1.
        test : str
            'any lead significant' or 'joint Wald test'.

        Raises
        ------
        EstimationError
            For another test, and a power that the test has without any drift, or never.
        """
        return _slope(self.study, self.box, power, test)

    def __repr__(self) -> str:
        """Return the slopes in a line."""
        rows = self.frame[self.frame["test"] == EACH].dropna()
        if rows.empty:
            return "Pre-trends test rejects too often without any drift to find one"
        said = ", ".join(f"{row.slope:.3g} with {row.power:.0%}" for row in rows.itertuples())
        return f"Pre-trends test finds a drift a period of {said} power"

    def _repr_html_(self) -> str:
        caption = f"Power of tests of pre-trends; biases of the {self.target}"
        said = (
            "Slope: the drift a period that the test finds with that probability. Slopes and "
            f"biases are in the outcome's unit. Joint Wald test of the leads: p = "
            f"{self.p_joint:.3f}. Two one-sided tests at 5 per cent exclude leads of more than "
            f"{self.equivalence_bound:.3g}, and no less."
        )
        return html_table(self.frame, caption, [said, *self.notes])


def pretrend_power(
    estimate: Estimate | EventStudy,
    *,
    powers: float | Sequence[float] = POWERS,
    target: Target = "first",
    level: float | None = None,
    window: tuple[int, int] | None = None,
    seed: int = 0,
) -> PretrendPower:
    """Return the straight drifts that tests of pre-trends find, and the bias of what they pass.

    Leads and effects are normal with the estimated covariance. One test rejects when any lead is
    significant on its own, the other is the joint Wald test.

    Parameters
    ----------
    estimate : Estimate or EventStudy
        With leads and effects against one base.
    powers : float or sequence of float
        Probabilities of finding the drift. A test of many leads may reject so often without any
        drift: its slope and biases are then missing, and a note says so.
    target : 'first', 'average', dict of event time to weight, or a weight for every effect
        The effect that biases are reported of.
    level : float, optional
        One minus the size of the tests; the estimate's own level when left out.
    window : (int, int), optional
        First and last event time to use.
    seed : int
        Of the points at which the probability of a box is worked out.

    Returns
    -------
    PretrendPower
        ``frame`` has a row a test and power, with slopes and biases in the outcome's unit;
        ``at(drift)`` says what a test makes of any other drift.

    Raises
    ------
    EstimationError
        When the estimate has no event study against one base, and for impossible options.

    References
    ----------
    Roth (2022), American Economic Review: Insights 4(3). doi:10.1257/aeri.20210236

    Examples
    --------
    >>> point = np.array([0.1, 0.0, 1.0, 1.2])
    >>> study = EventStudy(np.array([-3, -2]), np.array([0, 1]), -1, point, 0.01 * np.eye(4))
    >>> pretrend_power(study).frame["slope"].round(2).tolist()
    [0.09, 0.13, 0.1, 0.14]
    """
    study = given_study(estimate, window)
    sure = study.level if level is None else level
    asked = _require(powers, sure, seed)
    study = replace(study, level=sure)
    weights, name = target_weights(study, target)
    size = study.leads.size
    block, leads = study.covariance[:size, :size], study.point[:size]
    std_error = np.sqrt(np.diag(block))
    box = NormalBox(block, critical_value(sure, study.df) * std_error, seed)
    rows, notes = [], [*study.notes, METHOD.format(size=1.0 - sure)]
    for test in (EACH, JOINT):
        alone = 1.0 - _passing(study, box, test, np.zeros(size))[0]
        for power in asked:
            if power <= alone:
                notes.append(f"{test.capitalize()}: rejects {alone:.0%} of the time without drift.")
                rows.append((test, power, np.nan, np.nan, np.nan))
                continue
            slope = _slope(study, box, power, test)
            seen = _violation(study, box, weights, slope, test)
            rows.append((test, power, slope, seen.bias, seen.bias_if_passed))
    form, rank = _form(block, leads)
    one_sided = critical_value(1.0 - 2.0 * EQUIVALENCE_SIZE, study.df)
    return PretrendPower(
        study=study,
        target=name,
        weights=weights,
        box=box,
        frame=pd.DataFrame(rows, columns=["test", "power", "slope", "bias", "bias_if_passed"]),
        p_joint=float(
            stats.chi2.sf(form, rank)
            if study.df is None
            else stats.f.sf(form / rank, rank, study.df)
        ),
        equivalence_bound=float((np.abs(leads) + one_sided * std_error).max()),
        notes=tuple(dict.fromkeys(notes)),
    )


def _require(powers: float | Sequence[float], level: float, seed: int) -> list[float]:
    """Return the powers as a list; refuse impossible options, all at once."""
    faults = []
    asked = read_numbers(powers)
    if not ((asked > 0) & (asked < 1)).all():
        what = f"{powers!r} are not numbers between 0 and 1"
        faults.append(Fault("option 'powers'", what, "", "Use 0.5 or 0.8"))
    faults += [*level_faults(level), *number_faults("seed", seed, 0)]
    if faults:
        raise EstimationError(faults)
    return [float(power) for power in asked]


def _violation(
    study: EventStudy, box: NormalBox, weights: FloatArray, drift: FloatArray | float, test: str
) -> Violation:
    size = study.leads.size
    time = np.concatenate([study.lead_distance, study.distance]).astype(float)
    try:
        given = np.asarray(drift, dtype=float)
    except (TypeError, ValueError):
        given = np.array([np.nan])
    path = given * time if given.ndim == 0 else given
    if path.shape != time.shape or not np.isfinite(path).all():
        what = f"it is neither a number nor {time.size} of them"
        remedy = "Give the drift a period, or the drift at every lead and effect"
        raise EstimationError([Fault("drift", what, "", remedy)])
    block = study.covariance[:size, :size]
    inside, mean = _passing(study, box, test, path[:size])
    shift = np.linalg.lstsq(block, mean - path[:size], rcond=None)[0]
    after = path + study.covariance[:, :size] @ shift
    with_drift, without = (
        _form(block, study.point[:size] - centre)[0] for centre in (path[:size], 0)
    )
    return Violation(
        power=1.0 - inside,
        bayes_factor=inside / _passing(study, box, test, np.zeros(size))[0],
        likelihood_ratio=float(np.exp((without - with_drift) / 2.0)),
        drift=path,
        mean_if_passed=after,
        bias=float(weights @ path[size:]),
        bias_if_passed=float(weights @ after[size:]),
    )


def _passing(
    study: EventStudy, box: NormalBox, test: str, mean: FloatArray
) -> tuple[float, FloatArray]:
    """Return the probability that a test passes, and the leads' mean given that it does."""
    if test == EACH:
        return box.inside(mean)
    if test != JOINT:
        remedy = f"Use {EACH!r} or {JOINT!r}"
        raise EstimationError([Fault("option 'test'", f"{test!r} is not a test", "", remedy)])
    size = mean.size
    ncp, rank = _form(study.covariance[:size, :size], mean)
    critical = stats.chi2.ppf(study.level, rank)
    if study.df is not None:
        critical = rank * stats.f.ppf(study.level, rank, study.df)
    inside = float(stats.ncx2.cdf(critical, rank, ncp))
    # A normal vector cut off at an ellipse around zero keeps the direction of its mean.
    share = float(stats.ncx2.cdf(critical, rank + 2, ncp)) / inside if inside > 0 else np.nan
    return inside, mean * share


def _slope(study: EventStudy, box: NormalBox, power: float, test: str) -> float:
    time = study.lead_distance.astype(float)

    def missed(slope: float) -> float:
        return 1.0 - _passing(study, box, test, slope * time)[0] - power

    if not missed(0.0) < 0 < 1.0 - power:
        what = f"power {power!r} is not between what the test has without any drift and 1"
        raise EstimationError([Fault("power", what, "", "Use 0.5 or 0.8, or fewer leads")])
    top = float(np.sqrt(np.diag(study.covariance)[: time.size]).min())
    while missed(top) < 0:
        top *= 2.0
    return float(optimize.brentq(missed, 0.0, top, xtol=1e-10 * top))


def _form(covariance: FloatArray, vector: FloatArray) -> tuple[float, int]:
    """Return the quadratic form of a vector in the inverse of a covariance, and its rank."""
    values, vectors = np.linalg.eigh(covariance)
    kept = values > TOLERANCE * values[-1]
    along = vectors[:, kept].T @ vector
    return float((along**2 / values[kept]).sum()), int(kept.sum())
