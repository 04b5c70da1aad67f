"""The terms of a model of grades: exposure, covariates, units' means and period effects."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evallib.errors import EstimationError, Fault, first_five
from evallib.estimate.clusters import require_clusters
from evallib.estimate.columns import Notes
from evallib.estimate.ordered_grades import GradedRows
from evallib.estimate.regression import absorbed, prepare
from evallib.estimate.result import BoolArray, FloatArray, IntArray
from evallib.estimate.twfe import require_some


@dataclass(frozen=True, slots=True)
class Terms:
    """Regressors by name.

    Parameters
    ----------
    names : tuple of str, length k
        Exposure (``att``), covariates, units' means (``x_mean``).
    values : array, shape (k, n)
    periods : array, shape (p, n)
        Period effects, which are not shown; the first period of each framework is the base.
    n_slopes : int
        How many of the first are exposure and covariates.
    """

    names: tuple[str, ...]
    values: FloatArray
    periods: FloatArray
    n_slopes: int

    @property
    def regressors(self) -> FloatArray:
        """All of them, shape (n, k + p)."""
        return np.concatenate([self.values, self.periods]).T


def build_terms(
    rows: GradedRows,
    covariates: tuple[str, ...],
    *,
    has_exposure: bool,
    mundlak: bool,
    periods: bool,
) -> Terms:
    """Return the terms of a model.

    Units' means are taken within frameworks, of what varies within them; those that the other
    terms determine are left out.

    Raises
    ------
    EstimationError
        Without an exposed row or without another, and for terms that the others determine.
    """
    names = (("att",) if has_exposure else ()) + covariates
    values = rows.covariates
    if has_exposure:
        require_some(rows.treatment, rows.weight)
        values = np.concatenate([rows.treatment[None], values])
    base = _indicators(rows.framework)
    held = _period_effects(rows) if periods else np.zeros((0, rows.grade.size))
    gone = _dependent(rows, np.concatenate([base, held, values]))[len(base) :]
    if gone.any():
        lost = [name for name, is_gone in zip(names, gone[len(held) :], strict=True) if is_gone]
        what = f"the other terms determine {first_five(lost)}"
        why = "they do not vary once the other terms are given"
        raise EstimationError([Fault("regressors", what, why, "Leave these terms out")])
    if not mundlak:
        return Terms(names, values, held, len(names))
    group = rows.unit * (int(rows.framework.max()) + 1) + rows.framework
    mean = _group_means(values, np.unique(group, return_inverse=True)[1], rows.weight)
    size = np.maximum(np.abs(values).max(axis=1, initial=0.0), 1e-300)
    varies = (np.abs(values - mean) > 1e-12 * size[:, None]).any(axis=1)
    before = np.concatenate([base, held, values])
    added = ~_dependent(rows, np.concatenate([before, mean[varies]]))[len(before) :]
    means = [f"{name}_mean" for name, is_one in zip(names, varies, strict=True) if is_one]
    kept = [name for name, is_one in zip(means, added, strict=True) if is_one]
    return Terms((*names, *kept), np.concatenate([values, mean[varies][added]]), held, len(names))


def cluster_codes(rows: GradedRows, notes: Notes) -> IntArray:
    """Return each row's cluster.

    Raises
    ------
    EstimationError
        For two clusters or fewer.

    Warns
    -----
    FewClustersWarning
    """
    require_clusters(int(rows.cluster.max()) + 1, notes)
    return rows.cluster


def _indicators(codes: IntArray) -> FloatArray:
    """Return one row of zeros and ones a code, shape (number of codes, n)."""
    return np.asarray(np.arange(int(codes.max()) + 1)[:, None] == codes, dtype=float)


def _period_effects(rows: GradedRows) -> FloatArray:
    """Return indicators of each framework's periods but its first."""
    cells = rows.framework * (int(rows.period.max()) + 1) + rows.period
    labels, place = np.unique(cells, return_inverse=True)
    framework = labels // (int(rows.period.max()) + 1)
    is_later: BoolArray = np.diff(framework, prepend=-1) == 0
    return _indicators(place)[is_later]


def _dependent(rows: GradedRows, columns: FloatArray) -> BoolArray:
    """Return which of (k, n) columns those before them determine."""
    weight = rows.weight[:, None]
    problem = prepare(weight, weight, np.zeros(weight.shape, dtype=np.int64), effects="none")
    return absorbed(problem, columns[:, :, None])


def _group_means(values: FloatArray, group: IntArray, weight: FloatArray) -> FloatArray:
    """Return each row's weighted mean over its group, shape (k, n)."""
    total = np.bincount(group, weight)
    sums = [np.bincount(group, weight * line) / total for line in values]
    return np.array([line[group] for line in sums]).reshape(values.shape)
