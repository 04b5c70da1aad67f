"""One estimate, its inference made again in the way that is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from evallib.design import Design
from evallib.estimate import Estimate
from evallib.estimate.cells import CellSource
from evallib.estimate.covariance import estimate_covariance
from evallib.estimate.result import FloatArray, analytic_interval
from evallib.estimate.thinness import MIN_TREATED, Thinness
from evallib.estimate.two_way import Fit
from evallib.inference.designs import estimate_one
from evallib.inference.fitting import fit_quietly
from evallib.inference.frame_paths import Strata, draw_other_paths, frame_case, read_strata
from evallib.inference.infer_requests import (
    INFLUENCE,
    How,
    check_request,
    fitted_base,
    is_regression,
    require_regression,
    unsuited,
)
from evallib.inference.influences import DRAWS_WITH_COVARIATES, IMPUTATION_DRAWS, OWN_PLACEBOS
from evallib.inference.permutation import exchanges_clusters
from evallib.inference.permuted_cells import permute_cells
from evallib.inference.permuted_terms import IMPUTED, IN_BATCHES, permute_terms
from evallib.inference.policy import (
    PERMUTATION_DRAWS,
    SLOPES_UNTESTED,
    apply_permuted_cells,
    apply_permuted_terms,
    choose_action,
    permutation_sentence,
)
from evallib.inference.refits import REFITS
from evallib.inference.tested import WILD_DRAWS, apply_wild, jackknife_details, live_terms
from evallib.plan.estimators import SYNTHETIC

NOTHING_BETTER = "Thin: this interval is not reliable, and no other way suits the estimator."
WHOLE = "Clusters exchange paths as wholes: as many clusters, not units, on each as in truth."
LOST = "Missing where the coefficient is lost without one cluster, such as the only treated one."


@dataclass(frozen=True, slots=True)
class _Asked:
    """The options of one call."""

    weights: str
    draws: int | None
    seed: int
    strata: Strata | None

    @property
    def rng(self) -> np.random.Generator:
        return np.random.default_rng(self.seed)


def infer(
    estimate: Estimate,
    how: How = "policy",
    *,
    design: Design | None = None,
    weights: Literal["auto", "rademacher", "webb"] | None = None,
    draws: int | None = None,
    seed: int | None = None,
    strata: Strata | None = None,
) -> Estimate:
    """Make the intervals and p-values of an estimate again, in the way that is asked for.

    Parameters
    ----------
    estimate : Estimate
        From `evallib.fit`; from `evallib.estimate` with its design. Inference that was made before
        is replaced.
    how : str
        ``policy``: what the thin-design rule says. ``cr1``, ``cr3``: clustered or jackknife
        standard errors with t. ``wild_bootstrap``: restricted, by cluster. ``permutation``: of
        adoption paths. ``band``: simultaneous over all terms but the overall one.
    design : Design, optional
        Of an estimate from `evallib.estimate`, which keeps no rows. Paths are then permuted within
        the design's own strata and with the plan's draws.
    weights : str, optional
        Of the bootstrap: ``auto`` (Webb's below 12 clusters), ``rademacher`` or ``webb``.
    draws : int, optional
        9,999 for the bootstrap, or every sign pattern where there are no more; 1,999 for
        permutation (999 for imputation, two_stage and group_time with covariates, 499 where each
        draw is a fit of its own); 999 for bands.
    seed : int, optional
        0 unless given.
    strata : mapping or Series, optional
        The stratum of each unit, by its label; paths are permuted within strata.

    Returns
    -------
    Estimate
        With other intervals and p-values; ``interval_method`` says how they were made. ``point``
        and ``std_error`` stay, save under ``cr1`` and ``cr3``.

    Raises
    ------
    EstimationError
        For an unknown way or option, and where a way does not suit the estimate: with what to use
        instead.

    Notes
    -----
    A bootstrap p-value is the share of draws at least as extreme as the sample, which can be 0 of
    random draws; a permutation p-value is (1 + count) / (1 + draws). Both invert to intervals.

    References
    ----------
    MacKinnon, Nielsen and Webb (2023), Journal of Econometrics 232(2),
    doi:10.1016/j.jeconom.2022.04.001

    Examples
    --------
    >>> import pandas as pd
    >>> rows = [(u, t, 2010 if u % 3 == 0 else None) for u in range(60) for t in (2009, 2010)]
    >>> frame = pd.DataFrame(rows, columns=["council", "year", "first"])
    >>> frame["rate"] = frame["council"] ** 0.5 * (frame["year"] - 2000)
    >>> from evallib.estimate import fit
    >>> found = fit("twfe", frame, outcome="rate", unit="council", time="year", cohort="first")
    >>> infer(found, "cr3").inference, infer(found, "permutation", draws=99).inference
    ('cr3_t', 'permutation')
    """
    given = {"weights": weights, "draws": draws, "seed": seed, "strata": strata}
    check_request(estimate, how, given, design)
    base = fitted_base(estimate, design)
    asked = _Asked(weights or "auto", draws, 0 if seed is None else seed, strata)
    if design is not None and how in ("policy", "permutation"):
        wish = "policy" if how == "policy" else "permutation"
        if wish == "permutation" and base.estimator in SYNTHETIC:
            raise unsuited(base, how, "its inference is placebos", "Use how='policy'")
        given_seed = design.seed if seed is None else seed
        done = fit_quietly(
            estimate_one, replace(design, inference=wish, seed=given_seed), base.estimator
        )
    else:
        done = WAYS[how](base, asked)
    return replace(done, details={**done.details, "fitted": base})


def _cr(vcov: Literal["cluster", "cr3"]) -> Callable[[Estimate, _Asked], Estimate]:
    how = "cr1" if vcov == "cluster" else "cr3"

    def replaced(base: Estimate, _: _Asked) -> Estimate:
        require_regression(base, how, nested=vcov == "cr3")
        if "fits" in base.details:
            return base if vcov == "cluster" else _projections_left_out(base)
        kept: Fit = base.details["fit"]
        rule = base.details["small_sample"]
        made = estimate_covariance(
            kept.problem,
            kept.solution,
            kept.sizes,
            vcov,
            "stata" if rule == "linearmodels" else rule,
        )
        matrix = kept.rows @ made.matrix @ kept.rows.T
        lost = np.isnan(np.diag(matrix)) & np.isfinite(base.std_error)
        sentence = f"{made.sentence} {LOST}" if lost.any() else made.sentence
        return _with_errors(base, matrix, made.df, sentence, made.slug)

    return replaced


def _projections_left_out(base: Estimate) -> Estimate:
    """Return local projections with jackknife errors; each is a regression of its own."""
    size = np.asarray(jackknife_details(live_terms(base), False)["cr3_std_error"], dtype=float)
    matrix = np.full(base.covariance.shape, np.nan)
    np.fill_diagonal(matrix, size**2)
    df = base.n_clusters - 1
    sentence = f"Cluster jackknife standard errors (CR3, factor (G-1)/G), t({df})."
    return _with_errors(base, matrix, df, sentence, "cr3_t")


def _with_errors(
    base: Estimate, covariance: FloatArray, df: float, sentence: str, slug: str
) -> Estimate:
    """Return an estimate with another covariance, its intervals from t."""
    known = np.isfinite(base.std_error)
    std_error = np.sqrt(np.where(known, np.diag(covariance), np.nan))
    low, high, p_value = analytic_interval(base.point, std_error, base.level, df)
    return replace(
        base,
        covariance=covariance,
        std_error=std_error,
        conf_low=low,
        conf_high=high,
        p_value=p_value,
        df=df,
        se_method=sentence,
        interval_method=f"{100 * base.level:g}% intervals and p-values from t({df:.0f}).",
        inference=slug,
    )


def _wild(base: Estimate, asked: _Asked) -> Estimate:
    require_regression(base, "wild_bootstrap", nested=True)
    terms = live_terms(base)
    kind: Any = None if asked.weights == "auto" else asked.weights
    done, _ = apply_wild(base, terms, asked.rng, asked.draws or WILD_DRAWS, kind)
    cells = any(",time=" in term for term in base.terms)
    more = " Single cells get no interval." if cells else ""
    method = f"{done.interval_method}{more} Seed {asked.seed}."
    return replace(done, interval_method=method, details=_acted(base, "wild_bootstrap"))


def _permute(base: Estimate, asked: _Asked) -> Estimate:
    if base.estimator in SYNTHETIC:
        raise unsuited(base, "permutation", "its inference is placebos", "Use how='policy'")
    if isinstance(base.source, CellSource):
        done, strata, is_whole = _permute_cells(base, base.source, asked)
    else:
        case = frame_case(base, asked.strata)
        panel, strata = case.panel, case.panel.strata_name
        in_batches = base.estimator in IN_BATCHES and not getattr(
            base.details["kept"].options, "trends", False
        )
        usual = PERMUTATION_DRAWS if in_batches else REFITS
        draws = asked.draws or (IMPUTATION_DRAWS if base.estimator in IMPUTED else usual)
        drawn = draw_other_paths(panel.codes, panel.strata, panel.cluster, draws, asked.rng)
        is_whole = exchanges_clusters(panel.codes, panel.strata, panel.cluster)
        first, terms = permute_terms(case, base, drawn, in_batches=in_batches)
        sentence = permutation_sentence(
            base.level, draws, strata, base.terms[0] if in_batches else ""
        )
        if case.slopes:
            sentence += f" {SLOPES_UNTESTED}"
        done = apply_permuted_terms(base, terms, first, sentence)
    whole = f" {WHOLE}" if is_whole else ""
    method = f"{done.interval_method}{whole} Seed {asked.seed}."
    details = {**_acted(base, "permutation"), "strata": strata}
    return replace(done, interval_method=method, details=details)


def _permute_cells(base: Estimate, source: CellSource, asked: _Asked) -> tuple[Estimate, str, bool]:
    """Return group-time effects under permuted paths, with all their averages."""
    if base.details["kept"].options.balance is not None or not any(
        ",time=" in term for term in base.terms[1:]
    ):
        what = "averages are tested together, over all cohorts"
        raise unsuited(
            base,
            "permutation",
            what,
            "Infer from what fit returned without balance=, then .aggregate",
        )
    problem, codes = source.problem, source.solution.codes
    strata, name = read_strata(asked.strata, list(source.units))
    usual = DRAWS_WITH_COVARIATES if problem.comparisons.has_covariates else PERMUTATION_DRAWS
    draws = asked.draws or usual
    drawn = draw_other_paths(codes, strata, problem.cluster, draws, asked.rng)
    done = apply_permuted_cells(base, permute_cells(problem, codes, drawn), name)
    return done, name, exchanges_clusters(codes, strata, problem.cluster)


def _band(base: Estimate, asked: _Asked) -> Estimate:
    if base.scores is None and (base.influence is None or base.source is None):
        what = "it keeps no influence values by cluster"
        raise unsuited(base, "band", what, "Use how='permutation'")
    band = base.band(draws=asked.draws, seed=asked.seed)
    inside = np.isfinite(band.low)
    largest = np.zeros(0) if band.largest is None else band.largest
    size = np.abs(base.point) / base.std_error
    extreme = (largest[:, None] >= size[None, :] * (1 - 1e-10)).sum(axis=0)
    alone = "" if inside[0] else f" {base.terms[0]} keeps its own: {base.interval_method}"
    return replace(
        base,
        conf_low=np.where(inside, band.low, base.conf_low),
        conf_high=np.where(inside, band.high, base.conf_high),
        p_value=np.where(inside, (1 + extreme) / (1 + largest.size), base.p_value),
        inference="band",
        interval_method=(
            f"{band.method} P-values are those of the largest |t|, adjusted for all terms.{alone}"
        ),
        inversions={},
        details={**_acted(base, "band"), "band": band},
    )


def _policy(base: Estimate, asked: _Asked) -> Estimate:
    """Return what the thin-design rule does to an estimate of a frame."""
    if base.estimator in SYNTHETIC:
        return replace(base, interval_method=f"{base.interval_method} {OWN_PLACEBOS}")
    thinness: Thinness | None = base.details.get("thinness")
    if thinness is None:
        what = "the thin-design rule needs exposure, and clusters that hold whole units"
        raise unsuited(base, "policy", what, "Use how='cr1' or how='cr3' for a regression")
    if thinness.n_treated_units < MIN_TREATED:
        what = f"{thinness.n_treated_units} treated units, fewer than {MIN_TREATED}: refused"
        raise unsuited(base, "policy", what, "Use how='permutation', or fit 'synthetic_did'")
    action = choose_action("influence" if base.estimator in INFLUENCE else "regression", thinness)
    done = replace(base, details=_acted(base, "analytic"))
    if action != "analytic" and not (base.estimator in INFLUENCE or is_regression(base)):
        method = f"{base.interval_method} {NOTHING_BETTER}"
        done = replace(done, interval_method=method, inference="analytic_thin")
    elif action != "analytic":
        done = WAYS[action](base, asked)
    return replace(done, interval_method=f"{done.interval_method} {thinness.sentence}")


def _acted(base: Estimate, action: str) -> dict[str, Any]:
    return {**base.details, "action": action}


WAYS: Mapping[str, Callable[[Estimate, _Asked], Estimate]] = {
    "policy": _policy,
    "cr1": _cr("cluster"),
    "cr3": _cr("cr3"),
    "wild_bootstrap": _wild,
    "permutation": _permute,
    "band": _band,
}
