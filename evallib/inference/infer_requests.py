"""What may be asked of an estimate's inference: ways, their options, and what suits which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal, get_args

from evallib.design import Design
from evallib.errors import EstimationError, Fault, did_you_mean, type_words
from evallib.estimate import Estimate
from evallib.estimate.two_way import Fit
from evallib.inference.fitting import fit_design, fit_quietly
from evallib.inference.option_faults import number_faults
from evallib.inference.permuted_terms import IMPUTED

How = Literal["policy", "cr1", "cr3", "wild_bootstrap", "permutation", "band"]
HOWS: tuple[str, ...] = get_args(How)
WEIGHTS = ("auto", "rademacher", "webb")
# Which options each way takes.
TAKES: Mapping[str, tuple[str, ...]] = {
    "policy": ("draws", "seed", "strata", "weights"),
    "cr1": (),
    "cr3": (),
    "wild_bootstrap": ("draws", "seed", "weights"),
    "permutation": ("draws", "seed", "strata"),
    "band": ("draws", "seed"),
}
INFLUENCE = ("group_time", "matched_did", *IMPUTED)
QUASI_DEMEANED = ("random_effects", "mundlak")


def check_request(
    estimate: Estimate, how: str, given: Mapping[str, Any], design: Design | None
) -> None:
    """Refuse unknown ways, options that a way does not take, and values out of range.

    Parameters
    ----------
    estimate : Estimate
    how : str
    given : mapping
        Every option by name; None where it is not given.
    design : Design or None
    """
    for where, found, is_right, maker in (
        ("estimate", estimate, isinstance(estimate, Estimate), "fit"),
        ("design", design, design is None or isinstance(design, Design), "build_design"),
    ):
        if not is_right:
            what = f"{type_words(found)} is none"
            raise EstimationError([Fault(where, what, "", f"Give what evallib.{maker} returned")])
    if how not in HOWS:
        hint = did_you_mean(how, HOWS)
        raise EstimationError(
            [Fault(f"how={how!r}", "it does not exist", "", f"Use {', '.join(HOWS)}.{hint}")]
        )
    faults = []
    takes = TAKES[how]
    if design is not None and how in ("policy", "permutation"):
        takes = ("seed",)
    for name, value in given.items():
        if value is None:
            continue
        if name not in takes:
            also = " of a design" if design is not None else ""
            what = f"how={how!r}{also} does not take it"
            faults.append(Fault(f"option {name!r}", what, "", "Leave it out"))
        elif name == "weights" and value not in WEIGHTS:
            faults.append(Fault("option 'weights'", f"{value!r}", "", f"Use {', '.join(WEIGHTS)}"))
        elif name in ("draws", "seed"):
            faults += number_faults(name, value, 1 if name == "draws" else 0)
    if faults:
        raise EstimationError(faults)


def fitted_base(estimate: Estimate, design: Design | None) -> Estimate:
    """Return the estimate as it was fitted, with what its fit kept.

    Parameters
    ----------
    estimate : Estimate
    design : Design or None
        The estimate's own, which is then fitted again.
    """
    base: Estimate = estimate.details.get("fitted", estimate)
    if design is None:
        if "kept" in base.details:
            return base
        what = "it keeps no rows"
        remedy = "Give design=, for example designs.get(outcome), or an estimate from evallib.fit"
        raise EstimationError([Fault(f"estimate of {base.estimator}", what, "", remedy)])
    if (base.outcome, base.no_record) != (design.outcome, design.no_record):
        what = f"it is of {base.outcome} ({base.no_record})"
        why = f"the design is of {design.outcome} ({design.no_record})"
        raise EstimationError([Fault("design", what, why, "Give the estimate's own design")])
    named = ("outcome", "unit", "role", "polarity", "comparison", "no_record", "sample_id")
    labels: dict[str, Any] = {name: getattr(base, name) for name in named}
    return replace(fit_quietly(fit_design, design, base.estimator), **labels)


def unsuited(base: Estimate, how: str, what: str, remedy: str) -> EstimationError:
    """Return the refusal of a way that does not suit an estimate: why, and what to use."""
    return EstimationError([Fault(f"how={how!r} for {base.estimator}", what, "", remedy)])


def is_regression(base: Estimate) -> bool:
    """Return whether an estimate is of one regression, or of one for each horizon."""
    return "fits" in base.details or isinstance(base.details.get("fit"), Fit)


def require_regression(base: Estimate, how: str, *, nested: bool) -> None:
    """Refuse what is no regression, or has clusters that the way cannot take.

    Parameters
    ----------
    base : Estimate
        As `fitted_base` returns it.
    how : str
    nested : bool
        Whether the way needs clusters that hold whole units.
    """
    if not is_regression(base):
        what = "its errors come of influence values or placebos, and this way is of regressions"
        own = "Use how='policy'" if base.details.get("thinness") else "Keep the errors that it has"
        remedy = "Use how='permutation'" if base.estimator in INFLUENCE else own
        raise unsuited(base, how, what, remedy)
    if base.estimator in QUASI_DEMEANED and nested:
        what = "how much of each mean is subtracted is itself estimated"
        raise unsuited(base, how, what, "Use how='cr1', or fit 'fixed_effects'")
    kept: Fit | None = base.details.get("fit")
    if kept is None or not nested:
        return
    cuts = not kept.sizes.units_nested and (kept.sizes.effects != "none" or how != "cr3")
    if kept.problem.second is not None or cuts:
        what = "clusters have two dimensions or cut through units"
        raise unsuited(base, how, what, "Use how='cr1', or fit with clusters of whole units")
