"""What options of an estimator refuse together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evallib.errors import Fault
from evallib.estimate.hazard_options import hazard_together
from evallib.estimate.markov_options import markov_together
from evallib.estimate.matched_options import matched_together
from evallib.estimate.ordered_options import GRADES, good_together
from evallib.estimate.switching_options import stabilise_faults
from evallib.estimate.synthetic_options import synthetic_together

ONE_CLUSTER = (
    "group_time",
    "matched_did",
    "lp_did",
    "imputation",
    "two_stage",
    "switching",
    "hazard",
    "markov",
    *GRADES,
)


def is_int(value: object) -> bool:
    """Return whether a value is a whole number.

    Examples
    --------
    >>> is_int(2.0), is_int(2.5), is_int(True)
    (True, False, False)
    """
    try:
        return not isinstance(value, bool) and int(value) == value  # type: ignore[call-overload]
    except (TypeError, ValueError, OverflowError):
        return False


def find_conflicts(name: str, values: Mapping[str, Any]) -> list[Fault]:
    """Return the faults that two options make together."""
    window: Any = values.get("window")
    reference: Any = values.get("reference", -1)
    faults = [*_cluster_faults(name, values), *stabilise_faults(name, values)]
    if name.startswith("synthetic"):
        faults.extend(synthetic_together(name, values))
    if name == "good_or_better":
        faults.extend(good_together(values))
    if name == "hazard":
        faults.extend(hazard_together(values))
    if name == "markov":
        faults.extend(markov_together(values))
    empty = matched_together(values) if name == "matched_did" else None
    if empty:
        faults.append(Fault(f"{name}, option {empty[0]!r}", empty[1], "", empty[2]))
    if name in {"stacked", "lp_did"} and "window" in values and window is None:
        what = "it has no meaning without a window"
        faults.append(Fault(f"{name}, option 'window'", what, "", "Use (-3, 2), for example"))
    ahead, reach = values.get("anticipation", 0), window or (-3, 2)
    known = name == "stacked" and not faults and all(map(is_int, (ahead, *reach)))
    if known and reach[0] > -1 - ahead:
        what = f"effects are measured from {-1 - ahead}, outside the window {reach}"
        remedy = "Begin the window earlier"
        faults.append(Fault(f"{name}, option 'anticipation'", what, "", remedy))
    if name == "lp_did" and values.get("small_sample") == "linearmodels":
        what = "lp_did is not fitted by linearmodels"
        faults.append(Fault(f"{name}, option 'small_sample'", what, "", "Use 'stata'"))
    if faults:
        return faults
    if name not in {"event_study", "sun_abraham"} or not is_int(reference):
        return []
    where = f"{name}, option 'reference'"
    if reference >= 0:
        what = f"{reference} is an event time after exposure"
        return [Fault(where, what, "effects are measured against it", "Use -1 or earlier")]
    checked = isinstance(window, tuple) and len(window) == 2 and all(map(is_int, window))
    if checked and not window[0] <= reference <= window[1]:
        what = f"{reference} lies outside the window {window}"
        return [Fault(where, what, "", "Widen the window or move the reference")]
    return []


def _cluster_faults(name: str, values: Mapping[str, Any]) -> list[Fault]:
    """Return the faults of clusters and the kind of covariance together."""
    vcov, cluster = values.get("vcov", "cluster"), values.get("cluster")
    where = f"{name}, option 'cluster'"
    if isinstance(cluster, tuple):
        if name in ONE_CLUSTER:
            what = f"two-way clustering is not for {name}"
            return [Fault(where, what, "", "Name one column")]
        if vcov == "cr3":
            what = "a jackknife leaves out clusters of one dimension"
            return [Fault(where, what, "", "Name one column, or use vcov='cluster'")]
    idle: list[str] = []
    if vcov in {"iid", "hc1"}:
        idle = [key for key in ("cluster", "small_sample") if values.get(key) is not None]
    elif vcov == "driscoll_kraay":
        if name == "between":
            what = "one row a unit has no periods"
            return [Fault(f"{name}, option 'vcov'", what, "", "Use 'cluster' or 'hc1'")]
        idle = ["cluster"] if cluster is not None else []
    if vcov != "driscoll_kraay" and values.get("lags") is not None:
        idle = [*idle, "lags"]
    what = f"it has no meaning with vcov={vcov!r}"
    return [Fault(f"{name}, option {key!r}", what, "", "Leave it out") for key in idle]
