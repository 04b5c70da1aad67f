"""Cox's partial likelihood of rows at risk, period by period, with three rules for ties."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from evallib.errors import EstimationError, Fault, first_five
from evallib.estimate.grid import dense_codes
from evallib.estimate.hazard_binary import LikelihoodFit, refuse_separation, require_full_rank
from evallib.estimate.hazard_options import Ties
from evallib.estimate.hazard_rows import AtRisk
from evallib.estimate.result import FloatArray, IntArray

ROUNDS = 50
HALVINGS = 20
GAIN = 1e-18
FAR = 15.0
FLAT = 1e-9

Parts = tuple[float, FloatArray, FloatArray, FloatArray]


def fit_cox(rows: AtRisk, names: Sequence[str], ties: Ties) -> LikelihoodFit:
    """Fit log hazard ratios by the partial likelihood of the risk sets of periods with events.

    Parameters
    ----------
    rows : AtRisk
        Covariates may change over time: a risk set has the values of its own period.
    names : sequence of str, length k
    ties : 'efron', 'breslow' or 'exact'

    Raises
    ------
    EstimationError
        For collinear covariates, and where some combination of them tells the units with the
        event from the others at risk in every period.

    References
    ----------
    Cox (1972), Journal of the Royal Statistical Society B 34(2),
    doi:10.1111/j.2517-6161.1972.tb00899.x; Efron (1977), Journal of the American Statistical
    Association 72, doi:10.1080/01621459.1977.10480613
    """
    place = dense_codes(rows.period)[1]
    events = np.bincount(place, weights=rows.event)
    size = np.bincount(place)
    tells = (events > 0) & ((events < size) | (ties != "exact"))
    used = np.flatnonzero(tells)
    if not used.size:
        what = "in every period with an event all units at risk have it"
        why = "there is nobody to compare them with"
        raise EstimationError([Fault("covariates", what, why, "Use model='discrete'")])
    inside = rows.covariates - _means(rows.covariates, place, size)
    within = tells[place]
    require_full_rank(inside[within], names)
    scale = np.sqrt((inside[within] ** 2).mean(axis=0))
    design = inside / scale
    sets = [np.flatnonzero(place == period) for period in used]
    beta = np.zeros(design.shape[1])
    value, slope, information, scores = _parts(beta, design, rows.event, sets, ties)
    settled = False
    for _ in range(ROUNDS):
        step = np.linalg.lstsq(information, slope, rcond=None)[0]
        gain = float(slope @ step) / 2
        for _ in range(HALVINGS):
            with np.errstate(all="ignore"):  # a step too far gives no number and is halved
                new = _parts(beta + step, design, rows.event, sets, ties)
            if new[0] >= value - 1e-12 * abs(value):
                break
            step = step / 2
        beta = beta + step
        value, slope, information, scores = new
        if gain < GAIN * (1 + abs(value)):
            settled = True
            break
    if not settled or np.abs(design[within] @ beta).max() > FAR:
        free = np.eye(used.size)[np.searchsorted(used, place[within])]
        whole = np.column_stack([design[within], free])
        refuse_separation(whole, rows.event[within] > 0, names)
    weights = np.linalg.eigvalsh(information)
    if not weights[0] > FLAT * weights[-1]:
        what = f"the events do not fix the slopes of {first_five(names)}"
        raise EstimationError([Fault("covariates", what, "", "Leave some of these terms out")])
    covariance = np.linalg.inv(information) / np.outer(scale, scale)
    rowwise = None if ties == "exact" else scores * scale
    return LikelihoodFit(beta / scale, covariance, rowwise, value)


def _means(values: FloatArray, place: IntArray, size: IntArray) -> FloatArray:
    """Return each row's mean over its period, shape (N, k)."""
    total = np.zeros((size.size, values.shape[1]))
    np.add.at(total, place, values)
    return np.asarray((total / size[:, None])[place])


def _parts(
    beta: FloatArray, design: FloatArray, event: FloatArray, sets: list[IntArray], ties: Ties
) -> Parts:
    """Return log-likelihood, slope (k,), information (k, k) and scores of rows (N, k)."""
    k = beta.size
    value, slope, information = 0.0, np.zeros(k), np.zeros((k, k))
    scores = np.zeros(design.shape)
    for rows in sets:
        x, happened = design[rows], event[rows] > 0
        eta = x @ beta
        top = eta.max()
        risk = np.exp(eta - top)
        count = int(happened.sum())
        if ties == "exact":
            term, first, second = _exact(x, risk, count)
            value += float(eta[happened].sum()) - count * top - term
            slope += x[happened].sum(axis=0) - first
            information += second
            continue
        share = np.arange(count) / count if ties == "efron" else np.zeros(count)
        weight = risk - np.outer(share, risk * happened)  # (d, n)
        total = weight.sum(axis=1)
        mean = weight @ x / total[:, None]
        value += float(eta[happened].sum() - count * top - np.log(total).sum())
        slope += x[happened].sum(axis=0) - mean.sum(axis=0)
        scaled = weight / total[:, None]
        information += x.T @ (scaled.sum(axis=0)[:, None] * x) - mean.T @ mean
        part = scaled.T @ mean - scaled.sum(axis=0)[:, None] * x
        part[happened] += x[happened] - mean.mean(axis=0)
        scores[rows] = part
    return value, slope, information, scores


def _exact(x: FloatArray, risk: FloatArray, count: int) -> tuple[float, FloatArray, FloatArray]:
    """Return the log of the sum over all sets of ``count`` rows, its slope and its curvature.

    The sum of products over sets of size r among the first m rows is that without row m plus
    risk_m times that of size r - 1 (Gail, Lubin and Rubinstein 1981, doi:10.1093/biomet/68.3.703).
    """
    n, k = x.shape
    level = float(risk.mean())
    risk = risk / level
    sums = np.ones(n + 1)
    first = np.zeros((n + 1, k))
    second = np.zeros((n + 1, k, k))
    for _ in range(count):
        outer = x[:, :, None] * x[:, None, :]
        cross = x[:, :, None] * first[:-1, None, :]
        grown = second[:-1] + cross + cross.transpose(0, 2, 1) + outer * sums[:-1, None, None]
        second = _accumulate(risk[:, None, None] * grown)
        first = _accumulate(risk[:, None] * (first[:-1] + x * sums[:-1, None]))
        sums = _accumulate(risk * sums[:-1])
    mean = first[-1] / sums[-1]
    value = float(np.log(sums[-1])) + count * float(np.log(level))
    return value, mean, second[-1] / sums[-1] - np.outer(mean, mean)


def _accumulate(values: FloatArray) -> FloatArray:
    """Return running sums with a zero in front."""
    whole = np.zeros((values.shape[0] + 1, *values.shape[1:]))
    np.cumsum(values, axis=0, out=whole[1:])
    return whole
