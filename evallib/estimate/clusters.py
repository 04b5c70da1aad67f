"""Clusters of whole units: refused where too few, warned of where few."""

from __future__ import annotations

import numpy as np

from evallib.errors import EstimationError, Fault, FewClustersWarning
from evallib.estimate.columns import Notes
from evallib.estimate.intake import Sample
from evallib.estimate.result import IntArray
from evallib.estimate.two_way import FEW_CLUSTERS


def unit_clusters(sample: Sample, notes: Notes) -> IntArray:
    """Return each unit's cluster as codes from 0 without gaps.

    Raises
    ------
    EstimationError
        Where clusters cut through units, and for two clusters or fewer.

    Warns
    -----
    FewClustersWarning
    """
    codes = sample.unit_cluster
    if codes is None:
        what = "clusters cut through units"
        raise EstimationError([Fault("cluster", what, "", "Use clusters that hold whole units")])
    labels, places = np.unique(codes, return_inverse=True)
    if labels.size <= 2:
        what = f"there are {labels.size} clusters"
        why = "clustered standard errors are then near zero whatever the data say"
        raise EstimationError([Fault("cluster", what, why, "Use smaller clusters")])
    if labels.size < FEW_CLUSTERS:
        text = f"{labels.size} clusters: clustered standard errors are too small below "
        notes.warn(FewClustersWarning, f"{text}{FEW_CLUSTERS}.")
    return np.asarray(places, dtype=np.int64)
