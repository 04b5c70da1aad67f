"""Whether effects differ between subgroups of the treated: the joint test first, then each."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from evallib.design import Design, Designs
from evallib.errors import EstimationError, Fault, ThinDesignWarning, did_you_mean
from evallib.estimate import Estimate
from evallib.estimate.cells import CellSource
from evallib.estimate.counts import sort_units
from evallib.estimate.group_time import Problem, solve
from evallib.estimate.heterogeneity import Comparators, Subgroups, estimate_subgroups
from evallib.estimate.result import IntArray
from evallib.inference.by_characteristic import ByCharacteristic, Heterogeneity
from evallib.inference.characteristic_columns import read_characteristic
from evallib.inference.designs import seed_of
from evallib.inference.given import given_designs
from evallib.inference.influences import DRAWS_WITH_COVARIATES
from evallib.inference.paths import PathPanel, path_panel, path_problem
from evallib.inference.permuted_subgroups import NULL, permute_subgroups
from evallib.inference.policy import (
    PERMUTATION_DRAWS,
    apply_permuted_terms,
    asked_sentence,
    choose_action,
)

LEAST_DISTINCT = 20


def heterogeneity(
    what: Estimate | Design | Designs | Iterable[Design],
    by: str | Sequence[str] | None = None,
    frame: pd.DataFrame | None = None,
    *,
    comparators: Comparators | None = None,
    kind: str | None = None,
    role: str = "",
) -> Heterogeneity:
    """Tell effects apart by characteristics of the treated: joint tests, then each subgroup.

    Parameters
    ----------
    what : Estimate, Design, Designs or iterable of Design
        A group-time estimate, or designs of a plan (under the plan's rule for councils without a
        record).
    by : str or sequence of str, optional
        Columns of ``frame``; for designs names of characteristics, all of them when left out.
    frame : DataFrame, optional
        For an estimate: any rows with the column of its units and the columns of ``by``, which
        must not change within a unit. Numbers of more than eight values are cut into thirds.
    comparators : 'all' or 'same', optional
        Whether a subgroup is compared with all comparison units of the estimate or with those of
        the same subgroup. When left out: 'same', because types, regions and thirds of a score may
        move apart anyhow; 'all' where no comparison unit is in a subgroup, and for a design where
        the characteristic says so (see `Characteristic`).
    kind : str, optional
        The aggregation within each subgroup: 'group' when left out, or the plan's headline's.
    role : str
        Only designs of this role; empty for all.

    Returns
    -------
    Heterogeneity
        ``tests``, a row a joint test, and ``frame``, a row a subgroup.

    Raises
    ------
    EstimationError
        For an estimate without cells, columns that are missing or change within units, unknown
        characteristics, and a frame in which no subgroup has five treated and five comparison
        units. Designs say so in `tests` instead.

    Warns
    -----
    ThinDesignWarning
        For an estimate: where subgroups are too small for analytic errors. Designs are permuted
        then.

    Examples
    --------
    >>> from evallib.estimate import fit
    >>> rows = [(u, t, 2010 if u % 3 == 0 else None, "north" if u % 2 else "south")
    ...         for u in range(300) for t in (2009, 2010)]
    >>> frame = pd.DataFrame(rows, columns=["council", "year", "first", "region"])
    >>> frame["rate"] = (frame["council"] * 7919 % 101) * (frame["year"] - 2000) / 100
    >>> frame["rate"] += (frame["year"] >= frame["first"]) * 2.0
    >>> found = fit("group_time", frame, outcome="rate", unit="council", time="year",
    ...             cohort="first")
    >>> parts = heterogeneity(found, "region", frame)
    >>> parts.frame["subgroup"].tolist(), bool(parts.tests["p_value"][0] > 0.05)
    (['north', 'south'], True)
    """
    if isinstance(what, Estimate):
        names = [by] if isinstance(by, str) else list(by or ())
        if frame is None or not names:
            remedy = "heterogeneity(found, 'region', frame), with a column constant within units"
            fault = Fault("heterogeneity", "by and frame are not both given", "", remedy)
            raise EstimationError([fault])
        return _of_frame(what, names, frame, comparators, kind or "group")
    return Heterogeneity(
        tuple(
            item
            for design in given_designs(what)
            if role in ("", design.role)
            for item in _of_design(design, [by] if isinstance(by, str) else by, comparators, kind)
        )
    )


def _of_frame(
    found: Estimate,
    names: list[str],
    frame: pd.DataFrame,
    comparators: Comparators | None,
    kind: str,
) -> Heterogeneity:
    source = found.source
    if not isinstance(source, CellSource):
        what = "only group_time has cells that can be split"
        raise EstimationError([Fault(found.estimator, what, "", "Fit 'group_time'")])
    faults: list[Fault] = []
    read = [read_characteristic(frame, source, name, faults) for name in names]
    if faults:
        raise EstimationError(faults)
    items = []
    untreated = ~source.problem.paths.is_treated[source.solution.codes]
    for one, labels in read:
        whom = comparators or ("same" if (labels[untreated] >= 0).any() else "all")
        parts = estimate_subgroups(source, labels, one.subgroups, comparators=whom, kind=kind)
        base = ByCharacteristic(
            found.outcome, found.outcome, found.unit, found.role, one, whom, is_planned=False
        )
        thin = _rule_words(parts, "policy")
        item = _filled(base, parts, source, labels, found, thin)
        if thin:
            warnings.warn(f"Effects by {one.name}: {thin}", ThinDesignWarning, stacklevel=3)
        items.append(item)
    return Heterogeneity(tuple(items))


def _of_design(
    design: Design, by: Sequence[str] | None, comparators: Comparators | None, kind: str | None
) -> Iterator[ByCharacteristic]:
    known = {one.name: one for one in design.characteristics}
    wanted = list(known) if by is None else list(by)
    remedy = f"Use {', '.join(known) or 'a design that build_design made'}"
    odd = [name for name in wanted if name not in known]
    if odd:
        raise EstimationError(
            Fault(f"characteristic {name!r}", "there is none", did_you_mean(name, known), remedy)
            for name in odd
        )
    estimator, aggregation = design.headline
    kind = kind or (aggregation if estimator == "group_time" else "group")
    panel = path_panel(design)
    problem, codes = path_problem(design, panel)
    source = CellSource(problem, solve(problem, codes), sort_units(problem, codes), design.level)
    whole = source.describe(source.averages(kind), "", int(problem.observed.sum()), ())
    councils = design.councils.sort_values("council_code")["council_code"]
    for name in wanted:
        one = known[name]
        whom = comparators or one.comparators
        base = ByCharacteristic(
            *(design.outcome, design.title, design.unit, design.role, one, whom),
            is_planned=name in design.heterogeneity,
            meaningful_change=design.meaningful_change,
        )
        place = {subgroup: k for k, subgroup in enumerate(one.subgroups)}
        labels = np.array([place.get(one.labels.get(code, ""), -1) for code in councils])
        if one.reason:
            yield replace(base, reason=one.reason)
            continue
        try:
            parts = estimate_subgroups(source, labels, one.subgroups, comparators=whom, kind=kind)
        except EstimationError as error:
            yield replace(base, reason=error.reasons)
            continue
        asked = design.inference
        words = _rule_words(parts, asked)
        item = _filled(base, parts, source, labels, _labelled(whole, design), words)
        if any(choose_action("influence", thin, asked) != "analytic" for thin in parts.thinness):
            rng = np.random.default_rng(seed_of(design, f"heterogeneity by {name}"))
            effect = float(whole.point[0])
            item = _permuted(item, parts, problem, codes, panel, effect, rng, words)
        yield item


def _filled(
    base: ByCharacteristic,
    parts: Subgroups,
    source: CellSource,
    labels: IntArray,
    like: Estimate,
    words: str,
) -> ByCharacteristic:
    """Return a characteristic with its effects, labelled as another estimate is."""
    treated = source.problem.paths.is_treated[source.solution.codes]
    names = (
        *("outcome", "unit", "role", "polarity", "comparison", "no_record", "sample_id"),
        *("level",),
    )
    facts = {name: getattr(like, name) for name in names}
    how = f"{parts.effects.se_method} {parts.effects.interval_method}"
    method = (
        f"Joint test: Wald, F({parts.df}, {parts.df_residual:.0f}), differences by t, from the "
        f"covariance of the influence values. {how}"
    )
    reason = "" if parts.df else "one subgroup is large enough: nothing to compare it with"
    if parts.df and parts.df_residual <= 0:
        reason = "there are no more clusters with treated units than subgroups"
    return replace(
        base,
        effects=replace(parts.effects, **facts),
        differences=replace(parts.differences, **facts),
        statistic=parts.statistic,
        df=float(parts.df),
        df_residual=parts.df_residual,
        p_value=parts.p_value,
        inference="influence_normal",
        method=f"{method} {words}".strip(),
        n_comparison=tuple(int(count) for count in parts.n_comparison),
        refused=parts.refused,
        n_without=int((treated & (labels < 0)).sum()),
        reason=reason,
    )


def _permuted(
    item: ByCharacteristic,
    parts: Subgroups,
    problem: Problem,
    codes: IntArray,
    panel: PathPanel,
    effect: float,
    rng: np.random.Generator,
    words: str,
) -> ByCharacteristic:
    """Return a characteristic with test, intervals and p-values by permutation."""
    has_covariates = problem.comparisons.has_covariates
    draws = DRAWS_WITH_COVARIATES if has_covariates else PERMUTATION_DRAWS
    drawn = permute_subgroups(
        parts,
        problem,
        codes,
        panel.strata,
        effect,
        is_of_event=item.characteristic.is_of_event,
        draws=draws,
        rng=rng,
    )
    level = parts.effects.level
    sentence = (
        f"Joint test, p-values and {level:.0%} intervals by {NULL} ({draws:,} draws, "
        f"strata: council {panel.strata_name}). {words}"
    )
    reason = item.reason
    if parts.df and drawn.distinct < LEAST_DISTINCT:
        reason = f"permutation has {drawn.distinct} different outcomes: too few paths can move"
    gaps = item.differences
    return replace(
        item,
        effects=item.effects and apply_permuted_terms(item.effects, drawn.effects, None, sentence),
        differences=gaps and apply_permuted_terms(gaps, drawn.differences, None, sentence),
        p_value=float("nan") if reason else drawn.p_value,
        df_residual=float("nan"),
        inference="permutation",
        method=sentence,
        reason=reason,
    )


def _labelled(estimate: Estimate, design: Design) -> Estimate:
    """Return an estimate labelled as a design's are."""
    names = ("outcome", "unit", "role", "polarity", "comparison", "no_record", "sample_id", "level")
    return replace(estimate, **{name: getattr(design, name) for name in names})


def _rule_words(parts: Subgroups, asked: str) -> str:
    """Return whether the plan departs from the rule, and in which subgroups it fired, counted."""
    fired = [
        f"{name} ({thin.n_treated_clusters} treated clusters, effective number "
        f"{thin.effective_treated_clusters:.1f})"
        for name, thin in zip(parts.effects.terms, parts.thinness, strict=True)
        if thin.is_thin
    ]
    thin = f"The thin-design rule fired in: {'; '.join(fired)}." if fired else ""
    # Subgroups with fewer than five treated are not estimated: one stands for all here.
    return f"{asked_sentence('influence', parts.thinness[0], asked)} {thin}".strip()
