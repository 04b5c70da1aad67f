"""From designs to estimates: fit through the door, then apply the inference policy."""

from __future__ import annotations

import warnings
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from evallib.design import Design, Designs
from evallib.errors import EstimationError, EvallibWarning, ThinDesignWarning
from evallib.estimate import Estimate, Estimates
from evallib.estimate.cells import CellSource
from evallib.estimate.collection import Refusal
from evallib.inference.fitting import fit_design
from evallib.inference.given import given_designs
from evallib.inference.influences import (
    infer_group_time,
    infer_imputation,
    infer_matched,
    infer_synthetic,
)
from evallib.inference.policy import require_treated
from evallib.inference.regressions import infer_regression
from evallib.plan.estimators import SYNTHETIC

# What a fit keeps for the policy alone.
KEPT = ("fit", "fits", "kept")
Progress = Callable[[str], None]
Policy = Callable[[Design, Estimate, np.random.Generator], tuple[Estimate, str, dict[str, Any]]]
# Estimators that are not named here are regressions.
POLICIES: Mapping[str, Policy] = {
    "group_time": infer_group_time,
    "imputation": infer_imputation,
    "two_stage": infer_imputation,
    "matched_did": infer_matched,
    **dict.fromkeys(SYNTHETIC, infer_synthetic),
}


def estimate(
    designs: Design | Designs | Iterable[Design], progress: Progress | None = None
) -> Estimates:
    """Estimate designs with the plan's estimators under the inference policy.

    Parameters
    ----------
    designs : Design, Designs or iterable of Design
        Each is estimated with its alternative, where it has one.
    progress : callable, optional
        Is given a line before each estimate.

    Returns
    -------
    Estimates
        In the order of the designs; ``refused`` lists what the policy or the data refuse.

    Raises
    ------
    EstimationError
        When everything is refused; for what is no design.

    Warns
    -----
    EvallibWarning
        Once for each kind of warning that estimates raised; each estimate keeps its own. Thin
        designs are dealt with and do not warn.
    """
    many = given_designs(designs)
    found: list[Estimate] = []
    refused: list[Refusal] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for design in many:
            for one in (design, design.alternative):
                if one is None:
                    continue
                for name in one.estimators:
                    if progress is not None:
                        progress(f"{one.outcome} ({one.no_record}): {name}")
                    try:
                        found.append(estimate_one(one, name))
                    except EstimationError as error:
                        refused.append(
                            Refusal(one.outcome, one.role, name, one.no_record, error.faults)
                        )
    _pass_on(caught)
    if not found and refused:
        raise EstimationError([fault for refusal in refused for fault in refusal.faults])
    return Estimates(tuple(found), tuple(refused))


def _pass_on(caught: list[warnings.WarningMessage]) -> None:
    """Raise each kind of warning once, thin designs apart; warnings of others as they were."""
    ours: dict[type[Warning], list[str]] = {}
    for item in caught:
        if not issubclass(item.category, EvallibWarning):
            warnings.warn_explicit(item.message, item.category, item.filename, item.lineno)
        elif not issubclass(item.category, ThinDesignWarning):
            ours.setdefault(item.category, []).append(str(item.message))
    for category, texts in ours.items():
        more = f" (the first of {len(texts)} such warnings)" if len(texts) > 1 else ""
        warnings.warn(f"{texts[0]}{more}", category, stacklevel=3)


def estimate_one(design: Design, name: str) -> Estimate:
    """Estimate one design with one estimator under the inference policy.

    Parameters
    ----------
    design : Design
    name : str
        An estimator that plans take.

    Raises
    ------
    EstimationError
        For fewer than five treated councils, unless the plan asks for them, and where the
        estimator cannot answer.
    """
    require_treated(design.n_treated, design.outcome, name, design.few_treated)
    rng = np.random.default_rng(seed_of(design, name))
    policy = POLICIES.get(name, infer_regression)
    done, method, facts = policy(design, fit_design(design, name), rng)
    return replace(
        _with(done, method, facts),
        outcome=design.outcome,
        unit=design.unit,
        role=design.role,
        polarity=design.polarity,
        comparison=design.comparison,
        no_record=design.no_record,
        sample_id=design.sample_id,
    )


def seed_of(design: Design, name: str) -> list[int]:
    """Return the seed of an estimate: the plan's, and what the estimate is of."""
    what = f"{design.outcome}|{name}|{design.no_record}"
    return [design.seed, zlib.crc32(what.encode())]


def _with(estimate: Estimate, method: str, facts: dict[str, Any]) -> Estimate:
    """Return an estimate and its aggregations with a method's sentence and further facts."""
    details = {key: value for key, value in estimate.details.items() if key not in KEPT}
    done = replace(estimate, interval_method=method, details={**details, **facts})
    source = done.source
    if isinstance(source, CellSource):
        kinds = ("simple", "dynamic", "group", "calendar")
        parts = {kind: estimate.aggregate(kind) for kind in kinds}
        replaced = {
            kind: replace(
                part,
                interval_method=method,
                details={**details, **facts, "aggregation": kind},
                source=None,
            )
            for kind, part in parts.items()
        }
        done = replace(done, source=replace(source, replaced=replaced))
    return done
