"""What derived rows and indices name that the tables lack: told before anything is built."""

from __future__ import annotations

from evallib.errors import Fault, did_you_mean, first_five
from evallib.panel.catalogue import Catalogue
from evallib.panel.derived.deflator import read_deflators
from evallib.panel.derived.names import POPULATION, is_file
from evallib.panel.plan_labels import plan_label
from evallib.panel.store import Store
from evallib.plan import Index, Plan, parse_financial_year


def made_names(plan: Plan) -> tuple[str, ...]:
    """Return the names that a plan makes: derived rows, then indices."""
    return (*(row.name for row in plan.derived), *(index.name for index in plan.indices))


def derived_faults(plan: Plan, store: Store) -> list[Fault]:
    """Return what is wrong with the names and deflators of derived rows and indices.

    Parameters
    ----------
    plan : Plan
        The evaluation.
    store : Store
        The tables, with own data and the population where the plan needs it.

    Returns
    -------
    list of Fault
        One a name: taken by an indicator, unknown, without a polarity in an index, measured over
        other months than the rest of its index; and the faults of `read_deflators`.
    """
    held = set(store.held())
    known = held | {row.name for row in plan.derived}
    faults: list[Fault] = []
    taken = held | set(store.catalogue.names) | {POPULATION}
    named = [(f"derived[{at}]", row.name) for at, row in enumerate(plan.derived)]
    named += [(f"indices[{at}]", index.name) for at, index in enumerate(plan.indices)]
    faults += [
        _taken(f"{plan_label(plan)}, {key}.name", name) for key, name in named if name in taken
    ]
    for at, row in enumerate(plan.derived):
        place = f"{plan_label(plan)}, derived[{at}]"
        used = [(str(row.operation), name) for name in row.ingredients]
        used += [("denominator", row.denominator)] if row.denominator else []
        used += [("deflator", str(row.deflator))] if row.deflator and not is_file(row) else []
        faults += [
            _unknown(f"{place}.{key}", name, known) for key, name in used if name not in known
        ]
    for at, index in enumerate(plan.indices):
        place = f"{plan_label(plan)}, indices[{at}]"
        key = "components" if index.components else "domains"
        lacking = [name for name in index.parts if name not in known]
        faults += [_unknown(f"{place}.{key}", name, known) for name in lacking]
    for key, outcome in plan.placed_outcomes:
        if outcome.denominator and outcome.denominator not in known:
            place = f"{plan_label(plan)}, {key}.denominator"
            faults.append(_unknown(place, outcome.denominator, known))
    if any("is not a name" in fault.what for fault in faults):
        return faults
    return [*faults, *read_deflators(plan, store).faults]


def component_faults(plan: Plan, index: Index, catalogue: Catalogue) -> list[Fault]:
    """Return why an index cannot be made of its components: polarity, measurement period.

    Parameters
    ----------
    plan : Plan
        The evaluation.
    index : Index
        One of its indices.
    catalogue : Catalogue
        What every component means, derived ones included.
    """
    place = f"{plan_label(plan)}, indices[{plan.indices.index(index)}]"
    key = "components" if index.components else "domains"
    faults = [
        Fault(
            f"{place}.{key}",
            f"{name} has no polarity: {catalogue.describe(name)['title']}",
            "Neither more nor less of it is better, so it cannot be averaged with what is",
            "Take it out, or derive a row from it that states a polarity",
        )
        for name in index.parts
        if catalogue.describe(name)["polarity"] == "none"
    ]
    rules: dict[str, list[str]] = {}
    for name in index.parts:
        rules.setdefault(catalogue.rule(name).name, []).append(name)
    if len(rules) > 1:
        usual = max(rules, key=lambda rule: len(rules[rule]))
        others = [name for rule, names in rules.items() if rule != usual for name in names]
        faults.append(
            Fault(
                f"{place}.{key}",
                f"{first_five(others)} {'is' if len(others) == 1 else 'are'} measured over other "
                f"twelve months than the rest ({usual})",
                "An event could lie after one component's year and within another's",
                "Make the index of components with one measurement period",
            )
        )
    return faults


def base_year_faults(plan: Plan, index: Index, years: dict[str, set[int]]) -> list[Fault]:
    """Return the base years in which a component has no figure at all.

    Parameters
    ----------
    plan : Plan
        The evaluation.
    index : Index
        One of its indices.
    years : mapping of str to set of int
        First calendar years in which each component has figures.
    """
    place = f"{plan_label(plan)}, indices[{plan.indices.index(index)}].base_years"
    faults = []
    for name in index.parts:
        lacking = [y for y in index.base_years if parse_financial_year(y) not in years[name]]
        if lacking:
            faults.append(
                Fault(
                    place,
                    f"{name} has no figure in {first_five(lacking)}",
                    "Its change, or its distance from the mean, would be counted from nothing",
                    "Choose base years that every component has, or take it out",
                )
            )
    return faults


def _taken(where: str, name: str) -> Fault:
    return Fault(
        where,
        f"{name!r} is the name of an indicator of the tables",
        "Two series would have one name",
        "Choose another name",
    )


def _unknown(where: str, name: str, known: set[str]) -> Fault:
    return Fault(
        where,
        f"{name!r} is not a name of an indicator or of a derived row.{did_you_mean(name, known)}",
        "It cannot be worked out",
        f"Known names: {', '.join(sorted(known))}",
    )
