"""linearmodels as the engine: coefficients of the base panel regressions.

Its traps are kept out here: the index is built from codes in the order (unit, period), which it
accepts swapped; singletons and absorbed terms were dealt with before; and its own covariance, whose
default ignores the number of clusters, is taken only where the rule 'linearmodels' is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from linearmodels.panel import (
    BetweenOLS,
    FirstDifferenceOLS,
    PanelOLS,
    PooledOLS,
    RandomEffects,
)
from linearmodels.panel.utility import AbsorbingEffectError

from evallib.errors import EstimationError, Fault
from evallib.estimate.regression_options import RegressionOptions
from evallib.estimate.result import FloatArray, IntArray

Model = Literal["pooled", "between", "first_difference", "unit", "two_way", "random"]
MODELS: Mapping[Model, Any] = {
    "pooled": PooledOLS,
    "between": BetweenOLS,
    "first_difference": FirstDifferenceOLS,
    "unit": PanelOLS,
    "two_way": PanelOLS,
    "random": RandomEffects,
}
EFFECTS: Mapping[Model, dict[str, bool]] = {
    "unit": {"entity_effects": True},
    "two_way": {"entity_effects": True, "time_effects": True},
}


@dataclass(frozen=True, slots=True)
class Given:
    """What the engine gives.

    Parameters
    ----------
    beta : array, shape (k,)
    covariance : array, shape (k, k), or None
        Its own, where the rule 'linearmodels' was asked for.
    theta : array, shape (n_units,), or None
        Of random effects: the share of each unit's mean that is subtracted.
    variances : (float, float)
        Of random effects: of the idiosyncratic error and of the unit effects.
    """

    beta: FloatArray
    covariance: FloatArray | None
    theta: FloatArray | None = None
    variances: tuple[float, float] = (float("nan"), float("nan"))


def run_engine(
    model: Model,
    outcome: FloatArray,
    weight: FloatArray,
    regressors: FloatArray,
    clusters: list[IntArray],
    options: RegressionOptions,
) -> Given:
    """Return linearmodels' coefficients and, where asked for, its covariance.

    Parameters
    ----------
    model : str
    outcome, weight : arrays, shape (N, T)
        Rows with a weight of 0 are not used.
    regressors : array, shape (k, N, T)
        With the constant, where the model has one.
    clusters : list of one or two integer arrays, shape (N, T)
    options : RegressionOptions

    Raises
    ------
    EstimationError
        Where linearmodels refuses.
    """
    unit, time = np.nonzero(weight > 0)
    index = pd.MultiIndex.from_arrays([unit, time], names=["unit", "time"])
    columns = [f"x{k}" for k in range(len(regressors))]
    exog = pd.DataFrame(regressors[:, unit, time].T, index=index, columns=columns)
    dependent = pd.Series(outcome[unit, time], index=index, name="y")
    given: dict[str, Any] = dict(EFFECTS.get(model, {}))
    if options.weights is not None:
        given["weights"] = pd.Series(weight[unit, time], index=index, name="w")
    if model in {"unit", "two_way"}:
        given["check_rank"] = False
    config: dict[str, Any] = {"cov_type": "unadjusted"}
    takes_own = options.small_sample == "linearmodels"
    if takes_own and options.vcov == "cluster":
        held = {f"g{place}": codes[unit, time] for place, codes in enumerate(clusters)}
        config = {"cov_type": "clustered", "clusters": pd.DataFrame(held, index=index)}
    elif takes_own and options.vcov == "driscoll_kraay":
        config = {"cov_type": "kernel", "kernel": "bartlett"}
        if options.lags is not None:
            config["bandwidth"] = options.lags
    try:
        result = MODELS[model](dependent, exog, **given).fit(**config)
        own = result.cov.to_numpy(dtype=float) if config["cov_type"] != "unadjusted" else None
    except AbsorbingEffectError as error:
        what = "effects and other terms leave almost nothing of some regressors"
        why = "linearmodels refuses columns of which less than 1e-5 is left"
        remedy = (
            "Leave covariates out that nearly follow from others, or centre those that hardly vary"
        )
        raise EstimationError([Fault("regressors", what, why, remedy)]) from error
    except ValueError as error:
        what = f"linearmodels refuses: {' '.join(str(error).split())}"
        remedy = "Give more rows or fewer terms, or another small_sample"
        raise EstimationError([Fault("frame", what, "", remedy)]) from error
    beta = result.params.to_numpy(dtype=float)
    if model != "random":
        return Given(beta, own)
    parts = result.variance_decomposition
    theta = result.theta["theta"].to_numpy(dtype=float)
    return Given(beta, own, theta, (float(parts["Residual"]), float(parts["Effects"])))
