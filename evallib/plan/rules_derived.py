"""The rules between values of derived rows and indices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from evallib.errors import first_five
from evallib.plan.broken import Broken, Known
from evallib.plan.derived import DIVISIONS, OPERATIONS, Derived
from evallib.plan.indices import Index


def derived_rules(known: Known) -> Iterator[Broken]:
    """Yield what is wrong with derived rows: operations, keys without a use, cycles."""
    rows: list[tuple[int, Derived]] = list(known["derived"])
    for at, row in rows:
        yield from _operation(at, row)
        yield from _unused_keys(at, row)
        if row.times <= 0:
            yield Broken(
                ("derived", at, "times"),
                f"is {row.times:g}, but it must be above 0",
                "",
                "mend the number",
            )
    yield from _min_denominators("derived", rows)
    yield from _cycles(rows)


def index_rules(known: Known) -> Iterator[Broken]:
    """Yield what is wrong with indices: components, domains, the missing rule, names."""
    derived = known.get("derived", ())
    taken = {row.name: f"derived[{at}]" for at, row in derived}
    names = {index.name for _, index in known["indices"]}
    used = [("derived", at, name) for at, row in derived for name in row.ingredients]
    for at, index in known["indices"]:
        used += [("indices", at, name) for name in index.parts if name != index.name]
    for key, at, name in used:
        if name in names:
            yield Broken(
                (key, at),
                f"'{name}' is an index, and nothing is made from an index",
                "its figures would be averaged or divided once more",
                "name indicators or derived rows",
            )
    for at, index in known["indices"]:
        place = ("indices", at)
        if index.name in taken:
            yield Broken(
                (*place, "name"),
                f"'{index.name}' is also the name of {taken[index.name]}",
                "figures are found by this name",
                "choose another name",
            )
        yield from _components((*place,), index)
        if index.standardised_by == "each_year" and index.method == "percentage_change":
            yield Broken(
                (*place, "standardised_by"),
                "a percentage change is not standardised",
                "the key would be ignored",
                "leave standardised_by out, or choose standardised_mean",
            )
        if index.domains is not None and index.method == "inverse_covariance":
            yield Broken(
                (*place, "domains"),
                "inverse_covariance works out its own weights",
                "the weights of domains would be ignored",
                "list the components under components",
            )


def outcome_denominator_rules(known: Known) -> Iterator[Broken]:
    """Yield what is wrong with the min_denominator and denominator of outcomes."""
    for key in ("outcomes", "placebo_outcomes"):
        yield from _denominators(key, known)


def _denominators(key: str, known: Known) -> Iterator[Broken]:
    yield from _min_denominators(key, known[key])
    derived = {row.name: row for _, row in known["derived"]}
    indices = {index.name for _, index in known["indices"]}
    for at, outcome in known[key]:
        if outcome.per and indices & {outcome.indicator, outcome.per}:
            yield Broken(
                (key, at, "per"),
                "an index is not divided, and nothing is divided by one",
                "",
                "leave per out",
            )
        if outcome.min_denominator is None:
            continue
        if outcome.indicator in indices:
            yield Broken(
                (key, at, "min_denominator"),
                "an index has no denominator",
                "",
                "write min_denominator in the derived rows that the index is made of",
            )
            continue
        row = derived.get(outcome.indicator)
        told = outcome.per or (row.counted_by if row is not None else None)
        if told is None and outcome.denominator is None:
            yield Broken(
                (key, at, "min_denominator"),
                f"what '{outcome.indicator}' is a percentage of is not known",
                "a published percentage does not carry its denominator",
                "add denominator: NAME, an indicator that counts what it is a percentage of",
            )
        elif outcome.per and outcome.denominator:
            yield Broken(
                (key, at, "denominator"),
                f"per: {outcome.per} is the denominator already",
                "",
                "leave denominator out",
            )


def _operation(at: int, row: Derived) -> Iterator[Broken]:
    named = row.operations
    if len(named) != 1:
        what = f"names {len(named)} operations ({', '.join(named)})" if named else "names none"
        yield Broken(
            ("derived", at),
            f"'{row.name}' {what}, but a row has exactly one",
            "",
            f"give one of {', '.join(OPERATIONS)}; build a second row on the first for more",
        )
    elif len(set(row.ingredients)) < len(row.ingredients):
        yield Broken(
            ("derived", at, named[0]),
            f"'{row.ingredients[0]}' is divided by itself",
            "",
            "name another indicator",
        )


def _unused_keys(at: int, row: Derived) -> Iterator[Broken]:
    """Yield keys that belong to another operation, and those that the row's own needs."""
    operations = row.operations
    if len(operations) != 1:
        return
    operation = operations[0]
    homes = {
        "times": (row.times != 1.0, ("ratio",)),
        "deflator": (row.deflator is not None, ("real_terms",)),
        "base_year": (row.base_year is not None, ("real_terms",)),
        "source": (row.source is not None, ("real_terms",)),
        "zeros": (row.zeros != "keep", ("log",)),
    }
    for key, (given, home) in homes.items():
        if given and operation not in home:
            yield Broken(
                ("derived", at, key),
                f"belongs to {home[0]}, but the row has {operation}",
                "it would be ignored",
                f"leave {key} out",
            )
    if operation == "real_terms":
        for key in ("deflator", "base_year"):
            if getattr(row, key) is None:
                yield Broken(
                    ("derived", at),
                    f"real_terms of '{row.name}' has no {key}",
                    "the tables hold no price index, and none is assumed",
                    "give deflator: an indicator of own data or a CSV file, and base_year: a year",
                )
    if operation in DIVISIONS and row.denominator is not None:
        yield Broken(
            ("derived", at, "denominator"),
            f"{operation} says what it divides by: {row.ingredients[1]}",
            "",
            "leave denominator out",
        )


def _min_denominators(key: str, rows: object) -> Iterator[Broken]:
    for at, row in rows:  # type: ignore[attr-defined]
        if row.min_denominator is not None and row.min_denominator <= 0:
            yield Broken(
                (key, at, "min_denominator"),
                f"is {row.min_denominator:g}, but it must be above 0",
                "",
                "give the smallest denominator that is kept, or leave it out",
            )
        if row.min_denominator is None and row.denominator is not None:
            yield Broken(
                (key, at, "denominator"),
                "has no use without min_denominator",
                "it would be ignored",
                "add min_denominator, or leave denominator out",
            )
        if (
            isinstance(row, Derived)
            and row.min_denominator is not None
            and len(row.operations) == 1
            and row.counted_by is None
        ):
            yield Broken(
                (key, at, "min_denominator"),
                f"what '{row.ingredients[0]}' is a percentage of is not known",
                f"{row.operation} does not divide",
                "add denominator: NAME, an indicator that counts what it is a percentage of",
            )


def _components(place: tuple[str | int, ...], index: Index) -> Iterator[Broken]:
    names = index.parts
    if bool(index.components) == (index.domains is not None):
        yield Broken(
            place,
            f"'{index.name}' has {'both components and domains' if names else 'no components'}",
            "",
            "give either components: [...] or domains: {NAME: [...]}",
        )
        return
    key = (*place, "components" if index.components else "domains")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        yield Broken(
            key,
            f"{first_five(twice)} stands in two domains",
            "it would count twice",
            "keep one of the two",
        )
    if index.name in names:
        yield Broken(key, f"'{index.name}' is made of itself", "", "take it out")
    if len(set(names)) < 2:
        yield Broken(
            key,
            f"holds {len(set(names))} component",
            "an index of one indicator is that indicator",
            "list at least two, or use the indicator as an outcome",
        )
    elif index.at_least != "all" and index.fewest > len(names):
        yield Broken(
            (*place, "at_least"),
            f"is {index.at_least}, but the index has {len(names)} components",
            "no council could have enough",
            f"give at most {len(names)}, or all",
        )


def _cycles(rows: list[tuple[int, Derived]]) -> Iterator[Broken]:
    made = {row.name: row for _, row in rows}
    for at, row in rows:
        chain = _chain_back(row.name, made)
        if chain and row.name == min(chain):
            yield Broken(
                ("derived", at, "name"),
                f"goes round in a circle: {' is made from '.join([*chain, chain[0]])}",
                "none of them could be worked out",
                "build each row on earlier ones or on indicators",
            )


def _chain_back(name: str, made: Mapping[str, Derived]) -> list[str]:
    """Return a chain of ingredients that leads from a name back to it; empty without one."""
    stack = [[name]]
    seen: set[str] = set()
    while stack:
        path = stack.pop()
        row = made.get(path[-1])
        for part in row.ingredients if row is not None else ():
            if part == name:
                return path
            if part in made and part not in seen:
                seen.add(part)
                stack.append([*path, part])
    return []
