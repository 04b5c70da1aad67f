"""Binary regressions with a logit or complementary log-log link, by Fisher scoring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import optimize, special

from evallib.errors import EstimationError, Fault, first_five
from evallib.estimate.hazard_options import Link
from evallib.estimate.result import BoolArray, FloatArray

ROUNDS = 50
HALVINGS = 20
# Half the squared length of a step in standard errors: the gain that it still promises.
GAIN = 1e-18
FLAT = 1e-9
CERTAIN = 1e-6
SEPARATED = 1e-7
HIGHEST = 500.0  # of a complementary log-log's linear predictor, beyond which exp overflows


@dataclass(frozen=True, slots=True)
class LikelihoodFit:
    """A maximum of a likelihood.

    Parameters
    ----------
    beta : array, shape (k,)
    covariance : array, shape (k, k)
        Inverse of the expected information at ``beta``; of the observed one in Cox's model.
    scores : array, shape (N, k), or None
        Derivative of each row's log-likelihood; None where rows do not enter one by one.
    loglik : float
    """

    beta: FloatArray
    covariance: FloatArray
    scores: FloatArray | None
    loglik: float


def fit_binary(
    event: FloatArray, design: FloatArray, names: Sequence[str], link: Link, covariates: int = 0
) -> LikelihoodFit:
    """Fit the probability of an event by maximum likelihood.

    Parameters
    ----------
    event : array, shape (N,)
        0 or 1, some of both.
    design : array, shape (N, k)
    names : sequence of str, length k
    link : 'logit' or 'cloglog'
    covariates : int
        How many of the last columns are covariates; those before are the baseline.

    Raises
    ------
    EstimationError
        For collinear columns, and where columns tell rows with the event from the others.

    Examples
    --------
    >>> import numpy as np
    >>> fit = fit_binary(np.array([1.0, 0, 0, 0]), np.ones((4, 1)), ("constant",), "logit")
    >>> round(float(np.exp(fit.beta[0])), 6)
    0.333333
    """
    require_full_rank(design, names)
    size = np.sqrt((design**2).mean(axis=0))
    scaled = design / size
    start = (event + 0.5) / 2
    eta = special.logit(start) if link == "logit" else np.log(-np.log1p(-start))
    weight, residual = working(event, eta, link)
    beta = np.linalg.lstsq(
        np.sqrt(weight)[:, None] * scaled, np.sqrt(weight) * (eta + residual / weight), rcond=None
    )[0]
    value = loglik(event, scaled @ beta, link)
    settled = False
    for _ in range(ROUNDS):
        weight, residual = working(event, scaled @ beta, link)
        information = scaled.T @ (weight[:, None] * scaled)
        slope = scaled.T @ residual
        step = np.linalg.lstsq(information, slope, rcond=None)[0]
        gain = float(slope @ step) / 2
        for _ in range(HALVINGS):
            new = loglik(event, scaled @ (beta + step), link)
            if new >= value - 1e-12 * abs(value):
                break
            step = step / 2
        beta, value = beta + step, new
        if gain < GAIN * (1 + abs(value)):
            settled = True
            break
    eta = scaled @ beta
    sure = special.expit(eta) if link == "logit" else -np.expm1(-np.exp(np.minimum(eta, HIGHEST)))
    if not settled or sure.min() < CERTAIN or sure.max() > 1 - CERTAIN:
        turned = np.roll(scaled, covariates, axis=1)
        refuse_separation(turned, event > 0, names[len(names) - covariates :])
    weight, residual = working(event, eta, link)
    covariance = np.linalg.inv(scaled.T @ (weight[:, None] * scaled)) / np.outer(size, size)
    scores = residual[:, None] * design
    return LikelihoodFit(beta / size, covariance, scores, value)


def working(event: FloatArray, eta: FloatArray, link: Link) -> tuple[FloatArray, FloatArray]:
    """Return weights of the expected information and derivatives by the linear predictor."""
    if link == "logit":
        chance = special.expit(eta)
        return np.maximum(chance * special.expit(-eta), 1e-300), event - chance
    rate = np.exp(np.clip(eta, -HIGHEST, 6.5))
    chance = -np.expm1(-rate)
    ratio = rate / chance
    return np.maximum(rate * ratio * np.exp(-rate), 1e-300), (event - chance) * ratio


def loglik(event: FloatArray, eta: FloatArray, link: Link) -> float:
    """Return the log-likelihood."""
    if link == "logit":
        return float(-np.logaddexp(0.0, np.where(event > 0, -eta, eta)).sum())
    rate = np.exp(np.clip(eta, -HIGHEST, HIGHEST))
    with np.errstate(divide="ignore"):
        return float(np.where(event > 0, np.log(-np.expm1(-rate)), -rate).sum())


def require_full_rank(design: FloatArray, names: Sequence[str]) -> None:
    """Refuse columns that never vary beside a constant, or that earlier ones determine."""
    size = np.linalg.norm(design, axis=0)
    triangle = np.linalg.qr(design / np.where(size > 0, size, 1.0))[1]
    rank = min(triangle.shape)
    gone = np.ones(design.shape[1], dtype=bool)
    gone[:rank] = np.abs(np.diag(triangle)) < FLAT
    if not gone.any():
        return
    lost = [name for name, is_gone in zip(names, gone, strict=True) if is_gone]
    what = f"the other terms determine {first_five(lost)}"
    why = "they do not vary once the other terms are given"
    raise EstimationError([Fault("covariates", what, why, "Leave these terms out")])


def refuse_separation(design: FloatArray, happened: BoolArray, names: Sequence[str]) -> None:
    """Refuse a design of which some combination is never lower with the event than without.

    The likelihood then has no maximum (Albert and Anderson 1984, doi:10.1093/biomet/71.1.1); a
    linear programme finds the combination. Returns where there is none.

    Parameters
    ----------
    design : array, shape (N, k)
        Covariates, then the columns of the baseline.
    happened : boolean array, shape (N,)
    names : sequence of str
        Of the covariates, at most k.
    """
    signed = np.where(happened, 1.0, -1.0)[:, None] * design
    found = _separating(signed)
    if not found.any():
        return
    count = len(names)
    base = np.arange(count, design.shape[1])
    alone = [place for place in range(count) if _separating(signed[:, [place, *base]]).any()]
    involved = [names[place] for place in alone or np.flatnonzero(found[:count]).tolist()]
    what = f"{first_five(involved or ['time'])} tell rows with the event from rows without it"
    why = "the estimate runs to infinity"
    remedy = "Leave a term out, join its categories, or use baseline='linear' or 'none'"
    raise EstimationError([Fault("covariates", what, why, remedy)])


def _separating(signed: FloatArray) -> BoolArray:
    """Return which columns are part of a separating combination; none where there is none."""
    found = optimize.linprog(
        -signed.sum(axis=0), A_ub=-signed, b_ub=np.zeros(len(signed)), bounds=(-1.0, 1.0)
    )
    if found.status != 0 or -found.fun <= SEPARATED * len(signed):
        return np.zeros(signed.shape[1], dtype=bool)
    return np.asarray(np.abs(found.x) > SEPARATED)
