"""Clusters of whole units: refused where too few, warned of where few."""

from __future__ import annotations

import numpy as np

from evallib.errors import EstimationError, Fault, FewClustersWarning
from evallib.estimate.columns import Notes
from evallib.estimate.intake import Sample
from evallib.estimate.result import IntArray

FEW_CLUSTERS = 10
WITHOUT = "Use smaller clusters, or vcov='iid'"


def require_clusters(
    count: int, notes: Notes, *, word: str = "clusters", remedy: str = "Use smaller clusters"
) -> None:
    """Refuse two clusters or fewer; warn of fewer than ten.

    Parameters
    ----------
    count : int
    notes : Notes
    word : str
        What is counted.
    remedy : str

    Raises
    ------
    EstimationError

    Warns
    -----
    FewClustersWarning
    """
    if count <= 2:
        what = f"there are {count} {word}"
        why = "clustered standard errors are then near zero whatever the data say"
        raise EstimationError([Fault("cluster", what, why, remedy)])
    if count < FEW_CLUSTERS:
        text = f"{count} {word}: clustered standard errors are too small below {FEW_CLUSTERS}."
        notes.warn(FewClustersWarning, text)


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
    require_clusters(labels.size, notes)
    return np.asarray(places, dtype=np.int64)
