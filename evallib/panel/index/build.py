"""Build the indices of a plan from whole series of their components."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from evallib.errors import Fault, PlanError
from evallib.panel.breaks import segment
from evallib.panel.catalogue import Catalogue
from evallib.panel.derived.build import FIGURE_COLUMNS, LOSS_COLUMNS, Made
from evallib.panel.derived.faults import base_year_faults, component_faults
from evallib.panel.derived.names import years_of
from evallib.panel.index.result import IndexResult
from evallib.panel.index.scales import percentage_change, standardise
from evallib.panel.index.weights import combine, equal_weights, inverse_covariance_weights
from evallib.panel.plan_labels import plan_label
from evallib.plan import Index, Plan, format_financial_year, parse_financial_year

Numbers = npt.NDArray[np.float64]
NO_FIGURE = "no figure"
NO_BASE = "no figure in the base year"
BASE_NOT_POSITIVE = "zero or negative in the base year"
ACROSS_BREAK = "a break of the series since the base year"
_METHOD_WORDS = {
    "percentage_change": "mean percentage change",
    "standardised_mean": "mean of standardised indicators",
    "inverse_covariance": "inverse-covariance weighted mean of standardised indicators",
}


def add_indices(plan: Plan, made: Made) -> tuple[Made, dict[str, IndexResult]]:
    """Add the indices of a plan to figures and catalogue.

    Parameters
    ----------
    plan : Plan
        The evaluation.
    made : Made
        Whole series of the components, derived ones included; not changed.

    Returns
    -------
    made : Made
        With the figures of each index, like those of any indicator.
    indices : dict of str to IndexResult
        By name: components, weights, contributions.

    Raises
    ------
    PlanError
        When a component has no polarity, no figure in a base year, no spread, or another
        measurement period than the rest; when the covariance cannot be inverted; when no council
        keeps enough components in the years that the plan uses. All indices at once.
    """
    if not plan.indices:
        return made, {}
    built: dict[str, IndexResult] = {}
    faults: list[Fault] = []
    for index in plan.indices:
        wrong = component_faults(plan, index, made.catalogue)
        if not wrong:
            try:
                built[index.name] = build_index(plan, index, made)
            except PlanError as error:
                wrong = list(error.faults)
        faults += wrong
    if faults:
        raise PlanError(faults)
    for index in plan.indices:
        made = _with_index(made, index, built[index.name])
    return made, built


def build_index(plan: Plan, index: Index, made: Made) -> IndexResult:
    """Build one index.

    Parameters
    ----------
    plan : Plan
        The evaluation; its excluded councils stay out of the reference group.
    index : Index
        The index.
    made : Made
        Whole series of the components.

    Raises
    ------
    PlanError
        As `add_indices`.
    """
    names = index.parts
    wide, recast = _wide(made.figures, names)
    years = {name: set(wide.index.get_level_values(1)[wide[name].notna()]) for name in names}
    faults = base_year_faults(plan, index, years)
    if faults:
        raise PlanError(faults)
    facts = [made.catalogue.describe(name) for name in names]
    signs = np.array([1.0 if one["polarity"] == "higher" else -1.0 for one in facts])
    rows = wide.index.to_frame(index=False)
    rows["is_recast"] = recast.to_numpy()
    rows["is_counted"] = ~rows["council_code"].isin(plan.exclude) & ~rows["is_recast"]
    values = wide.to_numpy(float)
    scores, why, weights, reference = _scored(plan, index, made, rows, values, signs)
    combined = combine(scores, weights, index.domain_of, index.fewest)
    rows["index"], rows["present"] = combined.index, combined.present
    rows["is_reference"] = reference
    rows["fin_year"] = rows["period"].map(format_financial_year)
    _refuse_empty(plan, index, rows, why)
    described = _describe(index, made.catalogue)
    return IndexResult(
        name=index.name,
        title=described["title"],
        unit=described["unit"],
        method=index.method,
        components=names,
        titles=tuple(str(one["title"]) for one in facts),
        domains=index.domain_of,
        signs=signs,
        weights=weights,
        base_years=index.base_years,
        standardised_by=index.standardised_by,
        fewest=index.fewest,
        rows=rows,
        values=values,
        scores=scores,
        contributions=combined.contributions,
        why=why,
        breaks=made.breaks[made.breaks["indicator"].isin(names) & made.breaks["kind"].eq("basis")],
    )


def _wide(figures: pd.DataFrame, names: tuple[str, ...]) -> tuple[pd.DataFrame, pd.Series]:
    """Return components by council and period, and whether any figure there is recast."""
    own = figures[figures["indicator"].isin(names) & figures["value"].notna()]
    keys = ["council_code", "period"]
    wide = own.pivot_table(index=keys, columns="indicator", values="value", aggfunc="first")
    recast = own.groupby(keys)["is_recast"].any()
    return wide.reindex(columns=list(names)), recast.reindex(wide.index)


def _scored(
    plan: Plan,
    index: Index,
    made: Made,
    rows: pd.DataFrame,
    values: Numbers,
    signs: Numbers,
) -> tuple[Numbers, npt.NDArray[np.str_], Numbers, npt.NDArray[np.bool_]]:
    """Return scores, why a component is left out, weights, and the rows of the reference group.

    The reference group is every council that has enough components for the index in the base
    years (or in the year): districts do not shift the mean of a county's waste.
    """
    bases = sorted(parse_financial_year(year) for year in index.base_years)
    crossed = _crossed(made.breaks, index, rows["period"], bases)
    in_base = rows["period"].isin(bases).to_numpy()
    usable = ~np.isnan(values)
    if index.standardised_by == "base_years":
        usable &= ~crossed
    enough = usable.sum(axis=1) >= index.fewest
    counted = rows["is_counted"].to_numpy() & enough
    reference = in_base & counted
    why = np.where(np.isnan(values), NO_FIGURE, "")
    if index.method == "percentage_change":
        base = _base_of(rows, values, bases)
        why = np.where((why == "") & np.isnan(base), NO_BASE, why)
        why = np.where((why == "") & (base <= 0), BASE_NOT_POSITIVE, why)
        why = np.where((why == "") & crossed, ACROSS_BREAK, why)
        scores = percentage_change(values, base, signs)
    elif index.standardised_by == "each_year":
        groups = rows["period"].to_numpy(np.int64)
        scores = standardise(values, signs, counted, groups)
    else:
        why = np.where((why == "") & crossed, ACROSS_BREAK, why)
        scores = standardise(values, signs, reference)
    _refuse_no_spread(plan, index, scores, why)
    scores = np.where(why == "", scores, np.nan)
    weights = equal_weights(index.domain_of)
    if index.method == "inverse_covariance":
        weights = inverse_covariance_weights(scores[reference])
    if np.isnan(weights).any():
        raise PlanError([_not_invertible(plan, index)])
    return scores, why, weights, reference


def _crossed(
    breaks: pd.DataFrame, index: Index, periods: pd.Series, bases: list[int]
) -> npt.NDArray[np.bool_]:
    """Return whether a component's series breaks between the base years and each row's year."""
    crossed = np.zeros((len(periods), len(index.parts)), dtype=bool)
    for place, name in enumerate(index.parts):
        own = breaks[breaks["indicator"] == name]
        stretches = segment(pd.Series(bases), own)
        apart = (segment(periods, own) != stretches.iloc[-1]).to_numpy()
        crossed[:, place] = apart | (stretches.nunique() > 1)
    return crossed


def _base_of(rows: pd.DataFrame, values: Numbers, bases: list[int]) -> Numbers:
    """Return each council's mean over the base years; NaN unless every one has a figure."""
    table = pd.DataFrame(values).assign(council=rows["council_code"], period=rows["period"])
    own = table[table["period"].isin(bases)].drop(columns="period").groupby("council")
    means = own.mean().where(own.count() == len(bases))
    return means.reindex(rows["council_code"]).to_numpy(float)


def _with_index(made: Made, index: Index, result: IndexResult) -> Made:
    rows = result.rows.assign(
        indicator=index.name, value=result.rows["index"], file=f"index: {index.method}"
    )
    held = rows[rows["value"].notna()]
    short = rows[rows["value"].isna()].assign(
        why=f"fewer than {index.fewest} of {len(index.parts)} components"
    )
    rule = made.catalogue.rule(index.parts[0])
    return Made(
        pd.concat([made.figures, held[list(FIGURE_COLUMNS)]], ignore_index=True),
        made.catalogue.with_rows(
            pd.DataFrame([_describe(index, made.catalogue)]), {index.name: rule}
        ),
        made.breaks,
        pd.concat([made.losses, short[list(LOSS_COLUMNS)]], ignore_index=True),
    )


def _describe(index: Index, catalogue: Catalogue) -> Mapping[str, str]:
    facts = [catalogue.describe(name) for name in index.parts]
    base = f"{index.base_years[0]}" if len(index.base_years) == 1 else _mean_of(index.base_years)
    words = _METHOD_WORDS[index.method]
    is_change = index.method == "percentage_change"
    joined = {
        key: "; ".join(dict.fromkeys(str(one[key]) for one in facts))
        for key in ("publisher", "publication", "licence")
    }
    tiers = [set(str(one["reporting_tier"]).split(",")) for one in facts]
    shared = set.intersection(*tiers) or set.union(*tiers)
    return {
        "indicator": index.name,
        "title": index.title or f"Index of {len(facts)} indicators, {words}",
        "unit": f"per cent change on {base}" if is_change else "standard deviations",
        "polarity": "higher",
        "scale_by": "",
        "reporting_tier": ",".join(sorted(shared)),
        "period_basis": str(facts[0]["period_basis"]),
        **joined,
        "known_breaks": "a component is left out of the years beyond a dated break of its series",
    }


def _mean_of(years: tuple[str, ...]) -> str:
    return f"the mean of {', '.join(years[:-1])} and {years[-1]}"


def _place(plan: Plan, index: Index) -> str:
    return f"{plan_label(plan)}, indices[{plan.indices.index(index)}]"


def _refuse_no_spread(plan: Plan, index: Index, scores: Numbers, why: npt.NDArray[np.str_]) -> None:
    flat = np.isnan(scores).all(axis=0) & (why == "").any(axis=0)
    if flat.any():
        names = [name for name, is_flat in zip(index.parts, flat, strict=True) if is_flat]
        what = f"{', '.join(names)} is the same for every council of the base years"
        why_not = "Without a spread there is no standard deviation to measure by"
        raise PlanError([Fault(_place(plan, index), what, why_not, "Take it out")])


def _refuse_empty(plan: Plan, index: Index, rows: pd.DataFrame, why: npt.NDArray[np.str_]) -> None:
    first, last = years_of(plan, index.name)
    base = max(parse_financial_year(year) for year in index.base_years)
    used = (rows["period"].between(first, last) & (rows["period"] != base)).to_numpy()
    if rows.loc[used, "index"].notna().any():
        return
    counts = pd.Series(why[used].ravel()).replace("", np.nan).value_counts()
    reasons = "; ".join(f"{reason} ({count})" for reason, count in counts.items()) or "no figures"
    raise PlanError(
        [
            Fault(
                _place(plan, index),
                f"no council keeps {index.fewest} of {len(index.parts)} components in any year "
                f"but the base: {reasons}",
                "A series is never spliced across a break, and nothing is filled in",
                "Choose base_years on this side of the break, fewer components, or at_least",
            )
        ]
    )


def _not_invertible(plan: Plan, index: Index) -> Fault:
    return Fault(
        _place(plan, index),
        "the covariance of the components in the base years cannot be inverted",
        "One component repeats others, or too few councils have them together",
        "Take out a component that others contain, or use standardised_mean",
    )
