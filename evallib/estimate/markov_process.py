"""A fitted process in continuous time: rates, chances over a time, time spent in states."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy import linalg

from evallib.errors import EstimationError, Fault, did_you_mean
from evallib.estimate.html import html_table
from evallib.estimate.intervals import critical_value
from evallib.estimate.result import FloatArray, IntArray

LOOSE = 1e-4  # share of a flat direction from which on the data do not fix a figure


@dataclass(frozen=True, slots=True)
class ProcessTable:
    """Figures of a process with standard errors by the delta method and intervals.

    Parameters
    ----------
    frame : DataFrame
        What each figure is of, then the figure, std_error, conf_low, conf_high.
    caption, note : str
    """

    frame: pd.DataFrame
    caption: str
    note: str

    def _repr_html_(self) -> str:
        return html_table(self.frame, self.caption, (self.note,))


@dataclass(frozen=True, slots=True)
class MarkovProcess:
    """Rates of change between states at given values of the covariates.

    Parameters
    ----------
    states : tuple
    origin_of, target_of : integer arrays, shape (R,)
        The changes that can happen in an instant.
    theta : array, shape (p,)
        Log rates at the covariates' means, then their slopes, covariate by covariate.
    covariance : array, shape (p, p)
    flat : array, shape (p, m)
        Directions that the data do not fix: figures that depend on them are missing.
    names : tuple of str, length k
    means : array, shape (k,)
    values : array, shape (k,)
        The values that the figures are for; the means at first.
    level : float
    df : float or None
    """

    states: tuple[Any, ...]
    origin_of: IntArray
    target_of: IntArray
    theta: FloatArray
    covariance: FloatArray
    flat: FloatArray
    names: tuple[str, ...]
    means: FloatArray
    values: FloatArray
    level: float
    df: float | None

    def at(self, values: Mapping[str, float]) -> MarkovProcess:
        """Return the process at other values of some covariates.

        Raises
        ------
        EstimationError
            For a name that is not a covariate.
        """
        unknown = [name for name in values if name not in self.names]
        if unknown:
            hint = did_you_mean(unknown[0], self.names)
            what = f"{unknown[0]!r} is no covariate of the process"
            have = ", ".join(self.names) or "no covariate"
            raise EstimationError([Fault("markov", what, "", f"It has {have}.{hint}")])
        held = [values.get(name, old) for name, old in zip(self.names, self.values, strict=True)]
        return replace(self, values=np.array(held, dtype=float))

    @property
    def log_rates(self) -> FloatArray:
        """Log rates (R,) at the values."""
        return np.asarray(self._lift() @ self.theta)

    @property
    def matrix(self) -> FloatArray:
        """Intensities (S, S): rows add up to zero."""
        size = len(self.states)
        found = np.zeros((size, size))
        found[self.origin_of, self.target_of] = np.exp(self.log_rates)
        return found - np.diag(found.sum(axis=1))

    @property
    def rates(self) -> ProcessTable:
        """Rates per unit of time; a state with itself is minus the rate of leaving it."""
        places, figures, slopes = [], [], []
        log_rates = self.log_rates
        for state in range(len(self.states)):
            own = np.where(self.origin_of == state, np.exp(log_rates), 0.0)
            if not own.any():
                continue
            places.append((state, state))
            figures.append(-own.sum())
            slopes.append(own / own.sum())
            for r in np.flatnonzero(self.origin_of == state):
                places.append((state, int(self.target_of[r])))
                figures.append(own[r])
                slopes.append(np.eye(log_rates.size)[r])
        frame = self._frame(places)
        spread = self._spread(np.array(slopes))
        point = np.where(np.isnan(spread), np.nan, figures)
        ends = np.exp(np.outer(self._reach(), spread)) * point
        return ProcessTable(
            _with_bounds(frame, "rate", point, np.abs(point) * spread, ends),
            "Rates of change per unit of time",
            f"{self._percent} intervals on the log scale.",
        )

    @property
    def sojourn(self) -> ProcessTable:
        """Mean time from entering a state to leaving it, in units of time."""
        rates = self.rates.frame
        own = rates[rates["from"].astype(str) == rates["to"].astype(str)]
        point = -1 / own["rate"].to_numpy(dtype=float)
        spread = own["std_error"].to_numpy(dtype=float) * point
        ends = np.exp(np.outer(self._reach(), spread)) * point
        frame = pd.DataFrame({"state": own["from"].to_numpy()})
        return ProcessTable(
            _with_bounds(frame, "time", point, spread * point, ends),
            "Mean time in a state until it is left",
            f"Delta method; {self._percent} intervals on the log scale.",
        )

    def probabilities(self, horizon: float) -> ProcessTable:
        """Return chances to be in each state a time after being in another.

        Parameters
        ----------
        horizon : float
            In units of time, above 0.
        """
        size = len(self.states)
        power, slopes = self._exponential(self.matrix, self._slopes(), _above_zero(horizon))
        spread = self._spread(slopes.reshape(len(slopes), -1).T)
        point = np.where(np.isnan(spread), np.nan, power.reshape(-1))
        spread = np.where((point > 1e-12) & (point < 1 - 1e-12), spread, np.nan)
        with np.errstate(divide="ignore", invalid="ignore"):
            middle = np.log(point / (1 - point))
            ends = middle + np.outer(self._reach(), spread / (point * (1 - point)))
        places = [(i, j) for i in range(size) for j in range(size)]
        frame = self._frame(places)
        return ProcessTable(
            _with_bounds(frame, "probability", point, spread, 1 / (1 + np.exp(-ends))),
            f"Chance to be in a state after {horizon:g}",
            f"Delta method; {self._percent} intervals on the logit scale.",
        )

    def time_spent(self, horizon: float, start: Any = None) -> ProcessTable:
        """Return the mean time spent in each state up to a time.

        Parameters
        ----------
        horizon : float
            In units of time, above 0.
        start : state, optional
            Where units begin; the first state when left out.
        """
        size = len(self.states)
        first = self._place(start)
        augmented = np.zeros((2 * size, 2 * size))
        augmented[:size, :size] = self.matrix
        augmented[:size, size:] = np.eye(size)
        wide = np.zeros((self.origin_of.size, 2 * size, 2 * size))
        wide[:, :size, :size] = self._slopes()
        whole, slopes = self._exponential(augmented, wide, _above_zero(horizon))
        spread = self._spread(slopes[:, first, size:].T)
        point = np.where(np.isnan(spread), np.nan, whole[first, size:])
        with np.errstate(divide="ignore", invalid="ignore"):
            ends = np.exp(np.outer(self._reach(), spread / point)) * point
        frame = pd.DataFrame({"state": list(self.states)})
        spread = np.where(point > 0, spread, np.nan)
        return ProcessTable(
            _with_bounds(frame, "time", point, spread, ends),
            f"Mean time in each state up to {horizon:g}, from {self.states[first]}",
            f"Delta method; {self._percent} intervals on the log scale.",
        )

    def _repr_html_(self) -> str:
        return self.rates._repr_html_()

    @property
    def _percent(self) -> str:
        return f"{100 * self.level:g}%"

    def _reach(self) -> FloatArray:
        critical = critical_value(self.level, self.df)
        return np.array([-critical, critical])

    def _lift(self) -> FloatArray:
        """Return what makes log rates at the values out of the parameters, shape (R, p)."""
        return np.asarray(
            np.kron(np.r_[1.0, self.values - self.means], np.eye(self.origin_of.size)), dtype=float
        )

    def _spread(self, slopes: FloatArray) -> FloatArray:
        """Return standard errors of figures from their slopes by log rates (n, R)."""
        whole = slopes @ self._lift()
        spread = np.sqrt(np.maximum(np.einsum("np,pq,nq->n", whole, self.covariance, whole), 0.0))
        loose = np.abs(whole @ self.flat).max(axis=1, initial=0.0) > LOOSE
        return np.asarray(np.where(loose, np.nan, spread), dtype=float)

    def _slopes(self) -> FloatArray:
        """Return derivatives of the intensities by log rates, shape (R, S, S)."""
        size, places = len(self.states), np.arange(self.origin_of.size)
        found = np.zeros((places.size, size, size))
        found[places, self.origin_of, self.target_of] = np.exp(self.log_rates)
        found[places, self.origin_of, self.origin_of] = -np.exp(self.log_rates)
        return found

    @staticmethod
    def _exponential(
        matrix: FloatArray, slopes: FloatArray, time: float
    ) -> tuple[FloatArray, FloatArray]:
        """Return e^(At) and its derivatives, from block matrices."""
        size = matrix.shape[0]
        block = np.zeros((len(slopes), 2 * size, 2 * size))
        block[:, :size, :size] = block[:, size:, size:] = matrix
        block[:, :size, size:] = slopes
        whole = linalg.expm(block * time)
        return np.asarray(whole[0, :size, :size]), np.asarray(whole[:, :size, size:])

    def _place(self, state: Any) -> int:
        if state is None:
            return 0
        if state not in self.states:
            have = ", ".join(str(item) for item in self.states)
            what = f"there is no state {state!r}"
            raise EstimationError([Fault("markov", what, "", f"Use one of {have}")])
        return self.states.index(state)

    def _frame(self, places: list[tuple[int, int]]) -> pd.DataFrame:
        labels = [(self.states[i], self.states[j]) for i, j in places]
        return pd.DataFrame(labels, columns=["from", "to"])


def _above_zero(horizon: float) -> float:
    if not (np.isfinite(horizon) and horizon > 0):
        what = f"{horizon!r} is not a time above 0"
        raise EstimationError([Fault("horizon", what, "", "Use 1 for one unit of time")])
    return float(horizon)


def _with_bounds(
    frame: pd.DataFrame, name: str, point: FloatArray, spread: FloatArray, ends: FloatArray
) -> pd.DataFrame:
    """Return labels with figure, standard error and ordered bounds, missing where unknown."""
    known = np.isfinite(spread)
    return frame.assign(
        **{
            name: point,
            "std_error": spread,
            "conf_low": np.where(known, ends.min(axis=0), np.nan),
            "conf_high": np.where(known, ends.max(axis=0), np.nan),
        }
    )
