"""Movement between states: shares from one observation to the next, or rates in continuous time."""

from __future__ import annotations

import pandas as pd

from evallib.estimate.clusters import WITHOUT, require_clusters
from evallib.estimate.columns import Notes
from evallib.estimate.markov_continuous import fit_continuous
from evallib.estimate.markov_discrete import fit_discrete
from evallib.estimate.markov_options import MarkovOptions
from evallib.estimate.result import Estimate
from evallib.estimate.transitions import take_transitions


def fit_markov(
    frame: pd.DataFrame,
    columns: tuple[str, str, str],
    options: MarkovOptions,
    notes: Notes,
) -> Estimate:
    """Return how units move between states.

    Parameters
    ----------
    frame : DataFrame
        One row an observation of a unit, in any order.
    columns : (outcome, unit, time)
    options : MarkovOptions
    notes : Notes

    Raises
    ------
    EstimationError
        For columns that cannot be used, no unit observed twice, changes that the allowed ones
        cannot make, a likelihood without a maximum, and two clusters or fewer.

    Warns
    -----
    EvallibWarning
        Where observations are left out, are not equally far apart (discrete), or do not fix a
        rate (continuous).
    FewClustersWarning
    """
    found = take_transitions(frame, columns, options, notes)
    if options.model == "discrete":
        if options.vcov == "cluster":
            require_clusters(found.n_clusters, notes, remedy=WITHOUT)
        return fit_discrete(found, options, notes)
    return fit_continuous(found, options, notes)
